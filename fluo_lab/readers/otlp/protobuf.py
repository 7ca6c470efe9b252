"""The format OTLP protobuf, in every framing files have, and JSON where it is framed the same way."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import zstandard
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # ships no types
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, TracesData

from fluo_lab.errors import InputError
from fluo_lab.readers.blocks import BLOCK_BYTES, Line
from fluo_lab.readers.collection import paused_collection
from fluo_lab.readers.columns import BatchColumns
from fluo_lab.readers.ids import SPAN_ID_BYTES, TRACE_ID_BYTES
from fluo_lab.readers.otlp.arrow import read_messages_fast
from fluo_lab.readers.otlp.arrow_pairs import read_protobuf_pairs
from fluo_lab.readers.otlp.fast import is_worth_trying
from fluo_lab.readers.otlp.framing import MAX_FRAME_BYTES, Frame, Framing, find_framing, first_message, read_frames
from fluo_lab.readers.otlp.lines import LineReader
from fluo_lab.readers.otlp.mending import mend_request
from fluo_lab.readers.otlp.messages import MessageWalk
from fluo_lab.readers.otlp.pairs import PairTable
from fluo_lab.readers.report import Report
from fluo_lab.readers.source import ZSTD_MAGIC, Source
from fluo_lab.traces import SpanBatch

__all__ = ["MessageReader", "OtlpProtobuf"]

_NOT_PLAIN = (ZSTD_MAGIC, b"{", b"[")
# Tags and lengths of any message hold control characters that text does not.
_IS_BINARY = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")


class OtlpProtobuf:
    """OTLP protobuf, read message by message with the official definitions."""

    name = "OTLP protobuf"

    def recognise(self, head: bytes) -> bool:
        """Return whether the head is binary and a row of messages in a known framing."""
        return bool(_IS_BINARY.search(head)) and _framing_of(head) is not None

    def read(self, source: Source, report: Report) -> Iterator[SpanBatch]:
        """Yield the spans in batches.

        Raises
        ------
        InputError
            Not one message could be read.
        """
        framing = _framing_of(source.head)
        if framing is None:
            raise InputError(f"{source.name}: no messages of OTLP protobuf in it")
        messages = MessageReader(framing, report)
        for frames in read_frames(framing, source.chunks(report), report):
            yield from messages.add(frames)
        yield from messages.flush()
        if messages.n_read == 0:
            faults = "; ".join(problem.what for problem in report.problems())
            raise InputError(f"{source.name}: looks like OTLP protobuf, but no message could be read: {faults}")


def _framing_of(head: bytes) -> Framing | None:
    """Return the framing of all messages in the head, or where one is damaged that in which the first has a span."""
    return find_framing(head) or next((framing for framing in Framing if _begins_with_span(framing, head)), None)


def _begins_with_span(framing: Framing, head: bytes) -> bool:
    """Return whether the head begins with a whole message, and that has a span with ids of the right length."""
    first = first_message(framing, head)
    if first is None:
        return False
    try:
        entries = _entries(framing, first)
    except DecodeError:
        return False
    spans = (span for entry in entries for group in entry.scope_spans for span in group.spans)
    return any(len(span.trace_id) == TRACE_ID_BYTES and len(span.span_id) == SPAN_ID_BYTES for span in spans)


def _entries(framing: Framing, data: bytes) -> list[ResourceSpans]:
    """Return the resource spans of a message."""
    return (
        [ResourceSpans.FromString(data)]
        if framing is Framing.PLAIN
        else list(TracesData.FromString(data).resource_spans)
    )


def _unpack(data: bytes) -> bytes:
    """Return what a zstd message unpacks to, or a little more than may be."""
    with zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True) as reader:
        return reader.read(MAX_FRAME_BYTES + 1)


class MessageReader:
    """Takes messages and makes batches of them.

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
        self._pairs = PairTable(read_protobuf_pairs)
        self._lines = LineReader(report, is_exact=is_exact)
        self._waiting_lines: list[Line] = []
        self._waiting: list[Frame] = []
        self._waiting_bytes = 0
        self._n_messages = 0

    @property
    def n_read(self) -> int:
        """How many messages were parsed."""
        return self._n_messages + self._lines.n_documents

    def add(self, frames: Sequence[Frame]) -> Iterator[SpanBatch]:
        """Take messages; yield batches when enough have come together."""
        if self._framing is Framing.BIG_ENDIAN and any(data.startswith(_NOT_PLAIN) for _, data in frames):
            self._sort_out(frames)
        else:
            self._waiting += frames
            self._waiting_bytes += sum([len(data) for _, data in frames])
        if self._waiting_bytes >= BLOCK_BYTES:
            yield from self.flush()

    def _sort_out(self, frames: Sequence[Frame]) -> None:
        """Take messages of which some are compressed, or JSON, or both."""
        for offset, data in frames:
            if data.startswith(ZSTD_MAGIC):
                try:
                    data = _unpack(data)
                except zstandard.ZstdError as error:
                    self._report.locate(offset_bytes=offset)
                    self._report.add("a damaged zstd message, not read", sample=str(error))
                    continue
            if len(data) > MAX_FRAME_BYTES:
                self._report.locate(offset_bytes=offset)
                self._report.add(f"a message that unpacks to more than {MAX_FRAME_BYTES} bytes, not read")
                continue
            if data.startswith((b"{", b"[")):
                self._waiting_lines.append(Line(data.replace(b"\n", b" "), offset))
            else:
                self._waiting.append((offset, data))
            self._waiting_bytes += len(data)

    def flush(self) -> Iterator[SpanBatch]:
        """Yield what has come together."""
        lines, messages = self._waiting_lines, self._waiting
        self._waiting_lines, self._waiting, self._waiting_bytes = [], [], 0
        if lines:
            yield from self._lines.read(lines)
        if messages and not self._is_exact:
            is_entries = self._framing is Framing.PLAIN
            batches, odd = read_messages_fast([data for _, data in messages], self._pairs, is_entries=is_entries)
            yield from batches
            n_fitting = len(messages) - len(odd)
            self._n_messages += n_fitting
            messages = [messages[i] for i in odd]
            self._is_exact = not is_worth_trying(n_fitting, len(odd))
        yield from self._read_exactly(messages)

    def _read_exactly(self, messages: Sequence[Frame]) -> Iterator[SpanBatch]:
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
            entries = _entries(self._framing, data)
        except DecodeError as error:
            entries = mend_request(data, is_entry=self._framing is Framing.PLAIN, report=self._report)
            if not entries:
                self._report.add("a message that is no OTLP protobuf, not read", sample=str(error))
                return []
        self._n_messages += 1
        return entries
