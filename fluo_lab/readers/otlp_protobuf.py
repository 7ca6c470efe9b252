"""The format OTLP protobuf, in every framing files have, and JSON where it is framed the same way."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import zstandard
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # ships no types
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, TracesData

from fluo_lab.errors import InputError
from fluo_lab.readers.blocks import BLOCK_BYTES, Line
from fluo_lab.readers.columns import BatchColumns
from fluo_lab.readers.framing import Framing, find_framing, read_frames
from fluo_lab.readers.otlp_fast import is_worth_trying, paused_collection, read_fast
from fluo_lab.readers.otlp_lines import LineReader
from fluo_lab.readers.otlp_messages import MessageWalk
from fluo_lab.readers.otlp_mirror import PROTOBUF, PROTOBUF_ENTRIES
from fluo_lab.readers.report import Report
from fluo_lab.readers.source import ZSTD_MAGIC, ByteStream, Source
from fluo_lab.traces import SpanBatch

__all__ = ["MessageReader", "OtlpProtobuf"]

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
        messages = MessageReader(framing, report)
        for offset, data in read_frames(framing, ByteStream(source.chunks(report)), report):
            yield from messages.add(offset, data)
        yield from messages.flush()
        if messages.n_read == 0:
            faults = "; ".join(problem.what for problem in report.problems())
            raise InputError(f"{source.name}: looks like OTLP protobuf, but no message could be read: {faults}")


class MessageReader:
    """Takes messages one by one and makes batches of them.

    Parameters
    ----------
    framing
        How messages follow one another.
    report
        Where problems go.
    is_exact
        Whether to use the exact reading alone; the results are the same.
    """

    def __init__(self, framing: Framing, report: Report, *, is_exact: bool = False) -> None:
        self._framing = framing
        self._report = report
        self._is_exact = is_exact
        self._lines = LineReader(report, is_exact=is_exact)
        self._waiting_lines: list[Line] = []
        self._waiting: list[tuple[int, bytes]] = []
        self._waiting_bytes = 0
        self._n_messages = 0

    @property
    def n_read(self) -> int:
        """How many messages were parsed."""
        return self._n_messages + self._lines.n_documents

    def add(self, offset: int, data: bytes) -> Iterator[SpanBatch]:
        """Take a message; yield a batch when enough has come together."""
        if self._framing is Framing.BIG_ENDIAN and data.startswith(ZSTD_MAGIC):
            try:
                data = zstandard.ZstdDecompressor().decompressobj().decompress(data)
            except zstandard.ZstdError as error:
                self._report.locate(offset_bytes=offset)
                self._report.add("a damaged zstd message, not read", sample=str(error))
                return
        if self._framing is Framing.BIG_ENDIAN and data.startswith((b"{", b"[")):
            self._waiting_lines.append(Line(data.replace(b"\n", b" "), offset))
        else:
            self._waiting.append((offset, data))
        self._waiting_bytes += len(data)
        if self._waiting_bytes >= BLOCK_BYTES:
            yield from self.flush()

    def flush(self) -> Iterator[SpanBatch]:
        """Yield what has come together."""
        lines, messages = self._waiting_lines, self._waiting
        self._waiting_lines, self._waiting, self._waiting_bytes = [], [], 0
        if lines:
            yield from self._lines.read(lines)
        if messages and not self._is_exact:
            wire = PROTOBUF_ENTRIES if self._framing is Framing.PLAIN else PROTOBUF
            batch, n_fitting, odd = read_fast([data for _, data in messages], wire)
            if n_fitting:
                yield batch
            self._n_messages += n_fitting
            messages = [messages[i] for i in odd]
            self._is_exact = not is_worth_trying(n_fitting, len(odd))
        yield from self._read_exactly(messages)

    def _read_exactly(self, messages: Sequence[tuple[int, bytes]]) -> Iterator[SpanBatch]:
        """Yield one batch with the spans of all messages."""
        columns = BatchColumns()
        walk = MessageWalk(columns, self._report)
        with paused_collection():
            for offset, data in messages:
                self._report.locate(offset_bytes=offset)
                for entry in self._parse(data):
                    walk.add(entry)
        if columns.spans or columns.n_resources:
            yield columns.finish()

    def _parse(self, data: bytes) -> list[ResourceSpans]:
        try:
            if self._framing is Framing.PLAIN:
                entries = [ResourceSpans.FromString(data)]
            else:
                entries = list(TracesData.FromString(data).resource_spans)
        except DecodeError as error:
            self._report.add("a message that is no OTLP protobuf, not read", sample=str(error))
            return []
        self._n_messages += 1
        return entries
