"""The format OTLP protobuf, in every framing files have, and JSON where it is framed the same way."""

from __future__ import annotations

import re
from collections.abc import Iterator

import zstandard
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # ships no types
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, TracesData

from fluo_lab.errors import InputError
from fluo_lab.readers.blocks import BLOCK_BYTES, Line
from fluo_lab.readers.columns import BatchColumns
from fluo_lab.readers.framing import Framing, find_framing, read_frames
from fluo_lab.readers.otlp_lines import LineReader
from fluo_lab.readers.otlp_messages import MessageWalk
from fluo_lab.readers.report import Report
from fluo_lab.readers.source import ZSTD_MAGIC, ByteStream, Source
from fluo_lab.traces import SpanBatch

__all__ = ["OtlpProtobuf"]

_FLUSH_SPANS = 100_000
# Tags and lengths of any message hold control characters that text does not.
_IS_BINARY = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")


class OtlpProtobuf:
    """OTLP protobuf, read message by message with the official definitions."""

    name = "OTLP protobuf"

    def recognise(self, head: bytes) -> bool:
        """Return whether the head is binary and a row of messages in a known framing."""
        return bool(_IS_BINARY.search(head)) and find_framing(head) is not None

    def read(self, source: Source, report: Report) -> Iterator[SpanBatch]:
        """Yield the spans in batches.

        Raises
        ------
        InputError
            Not one message could be read.
        """
        framing = find_framing(source.head)
        if framing is None:
            raise InputError(f"{source.name}: no messages of OTLP protobuf in it")
        messages = _Messages(framing, report)
        for offset, data in read_frames(framing, ByteStream(source.chunks(report)), report):
            yield from messages.add(offset, data)
        yield from messages.flush()
        if messages.n_read == 0:
            faults = "; ".join(problem.what for problem in report.problems())
            raise InputError(f"{source.name}: looks like OTLP protobuf, but no message could be read: {faults}")


class _Messages:
    """Takes messages one by one and makes batches of them."""

    def __init__(self, framing: Framing, report: Report) -> None:
        self._framing = framing
        self._report = report
        self._columns = BatchColumns()
        self._walk = MessageWalk(self._columns, report)
        self._lines = LineReader(report)
        self._waiting: list[Line] = []
        self._waiting_bytes = 0
        self._n_messages = 0

    @property
    def n_read(self) -> int:
        """How many messages were parsed."""
        return self._n_messages + self._lines.n_documents

    def add(self, offset: int, data: bytes) -> Iterator[SpanBatch]:
        """Take a message; yield a batch when enough has come together."""
        self._report.locate(offset_bytes=offset)
        if self._framing is Framing.BIG_ENDIAN and data.startswith(ZSTD_MAGIC):
            try:
                data = zstandard.ZstdDecompressor().decompressobj().decompress(data)
            except zstandard.ZstdError as error:
                self._report.add("a damaged zstd message, not read", sample=str(error))
                return
        if self._framing is Framing.BIG_ENDIAN and data.startswith((b"{", b"[")):
            self._waiting.append(Line(data.replace(b"\n", b" "), offset))
            self._waiting_bytes += len(data)
        else:
            self._add_message(data)
        if self._waiting_bytes >= BLOCK_BYTES or len(self._columns.spans) >= _FLUSH_SPANS:
            yield from self.flush()

    def flush(self) -> Iterator[SpanBatch]:
        """Yield what has come together."""
        if self._waiting:
            yield from self._lines.read(self._waiting)
            self._waiting, self._waiting_bytes = [], 0
        if self._columns.spans or self._columns.n_resources:
            yield self._columns.finish()
            self._columns = BatchColumns()
            self._walk = MessageWalk(self._columns, self._report)

    def _add_message(self, data: bytes) -> None:
        try:
            if self._framing is Framing.PLAIN:
                entries = [ResourceSpans.FromString(data)]
            else:
                entries = list(TracesData.FromString(data).resource_spans)
        except DecodeError as error:
            self._report.add("a message that is no OTLP protobuf, not read", sample=str(error))
            return
        self._n_messages += 1
        for entry in entries:
            self._walk.add(entry)
