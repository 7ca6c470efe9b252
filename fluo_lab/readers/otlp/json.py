"""The format OTLP/JSON: lines as collectors write them, one document, an array of requests, documents in a row."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain

import orjson

from fluo_lab.errors import InputError
from fluo_lab.readers.blocks import BLOCK_BYTES, Line, cut_lines
from fluo_lab.readers.json.documents import split_documents
from fluo_lab.readers.otlp.lines import LineReader
from fluo_lab.readers.otlp.walk import REQUEST_FIELDS
from fluo_lab.readers.report import Report
from fluo_lab.readers.source import Source
from fluo_lab.traces import SpanBatch

__all__ = ["OtlpJson"]

_IS_OTLP = re.compile(
    rb'"(?:resourceSpans|resource_spans|batches|resourceMetrics|resource_metrics|resourceLogs|resource_logs'
    rb'|resourceProfiles|scopeSpans|scope_spans|instrumentationLibrarySpans)"'
)
# A file whose beginning was cut off within a line.
_HAS_REQUEST_LINE = re.compile(rb'^\{"resource(?:Spans|Metrics|Logs)"', re.MULTILINE)
_IS_EMPTY = re.compile(rb"\s*(?:\{\s*\}\s*|\[\s*\]\s*)+")
_N_LINES_TRIED = 100


class OtlpJson:
    """OTLP/JSON, block by block; a document larger than a block is cut between its resources."""

    name = "OTLP/JSON"

    def recognise(self, head: bytes) -> bool:
        """Return whether the content starts as JSON and names an OTLP field, or has a line that is a request."""
        start = head.lstrip()[:1]
        if start in (b"{", b"["):
            return bool(_IS_OTLP.search(head) or _IS_EMPTY.fullmatch(head))
        return bool(_HAS_REQUEST_LINE.search(head))

    def read(self, source: Source, report: Report) -> Iterator[SpanBatch]:
        """Yield the spans in batches.

        Raises
        ------
        InputError
            Not one JSON document could be read.
        """
        reader = LineReader(report)
        chunks = source.chunks(report)
        peeked: list[bytes] = []
        while sum(map(len, peeked)) < BLOCK_BYTES and (chunk := next(chunks, None)) is not None:
            peeked.append(chunk)
        stream = chain(peeked, chunks)
        if _has_document_lines(b"".join(peeked)):
            for block in cut_lines(stream, counts_lines=False):
                yield from reader.read_block(block)
        else:
            yield from _read_documents(stream, report, reader)
        if reader.n_documents == 0:
            faults = "; ".join(problem.what for problem in report.problems())
            raise InputError(f"{source.name}: looks like OTLP/JSON, but no document in it could be read: {faults}")


def _has_document_lines(data: bytes) -> bool:
    """Return whether lines are documents of their own, rather than parts of larger ones."""
    lines = [line for line in data.split(b"\n", _N_LINES_TRIED)[:_N_LINES_TRIED] if not line.isspace() and line]
    if not lines or lines[0].lstrip().startswith(b"["):
        return False
    if _is_document(lines[0]):
        return True
    # A first line that was cut off must not make a document of the whole file.
    is_open = lines[0].rstrip().endswith((b"{", b"[", b",", b":"))
    return not is_open and any(_is_document(line) for line in lines[1:])


def _is_document(line: bytes) -> bool:
    if not line.rstrip().endswith(b"}"):
        return False
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return type(document) is dict and (not document or not REQUEST_FIELDS.isdisjoint(document))


def _read_documents(chunks: Iterable[bytes], report: Report, reader: LineReader) -> Iterator[SpanBatch]:
    """Yield the spans of documents that are no lines, each part of one read as a line is."""
    waiting: list[Line] = []
    n_bytes = 0
    for document in split_documents(chunks, report):
        # Line feeds in JSON stand between tokens, where a blank does as well.
        waiting.append(Line(document.data.replace(b"\n", b" "), document.offset_bytes, document.line))
        n_bytes += len(document.data)
        if n_bytes >= BLOCK_BYTES:
            yield from reader.read(waiting)
            waiting, n_bytes = [], 0
    yield from reader.read(waiting)
