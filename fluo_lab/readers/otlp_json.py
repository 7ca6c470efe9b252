"""The format OTLP/JSON: lines as collectors write them, one document, an array of requests, documents in a row."""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator
from itertools import chain

import orjson

from fluo_lab.errors import InputError
from fluo_lab.readers.blocks import LineBlock, cut_lines
from fluo_lab.readers.columns import BatchColumns
from fluo_lab.readers.otlp_lines import LineReader
from fluo_lab.readers.otlp_walk import REQUEST_FIELDS, walk_document
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
_DOCUMENT_START = re.compile(rb"^[\[{]", re.MULTILINE)
_N_LINES_TRIED = 100
_FLUSH_SPANS = 100_000


class OtlpJson:
    """OTLP/JSON. A file of lines is read block by block; any other is held in memory whole."""

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
        blocks = cut_lines(source.chunks(report))
        first = next(blocks, LineBlock(b""))
        if _has_document_lines(first.data):
            reader = LineReader(report)
            for block in chain([first], blocks):
                yield from reader.read_block(block)
            n_documents = reader.n_documents
        else:
            data = b"".join(block.data for block in chain([first], blocks))
            n_documents = yield from _read_documents(data, report)
        if n_documents == 0:
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


def _read_documents(data: bytes, report: Report) -> Generator[SpanBatch, None, int]:
    """Yield the spans of documents that span lines; return how many documents there were."""
    columns = BatchColumns()
    n_documents = 0
    for document in _split_documents(data, report):
        n_documents += 1
        walk_document(document, columns, report)
        if len(columns.spans) >= _FLUSH_SPANS:
            yield columns.finish()
            columns = BatchColumns()
    if columns.spans or columns.n_resources:
        yield columns.finish()
    return n_documents


def _split_documents(data: bytes, report: Report) -> Iterator[object]:
    """Yield parsed documents that stand in a row; after a damaged one, go on at the next line that starts one."""
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError:
        pass
    else:
        report.locate(offset_bytes=0, line=1)
        yield document
        return
    # One character a byte, so that positions are offsets; the structure of JSON is ASCII. The standard library's
    # decoder finds where documents end, orjson reads them.
    text = data.decode("latin-1")
    scan = json.JSONDecoder().raw_decode
    at, line, counted = 0, 1, 0
    while at < len(data):
        if data[at : at + 1].isspace():
            at += 1
            continue
        line, counted = line + data.count(b"\n", counted, at), at
        report.locate(offset_bytes=at, line=line)
        end = at
        try:
            end = scan(text, at)[1]
            document = orjson.loads(data[at:end])
        except (ValueError, RecursionError) as error:
            is_cut = end == at and isinstance(error, json.JSONDecodeError) and not text[error.pos :].strip()
            what = "the last document is cut off, not read" if is_cut else "text that is no JSON document, not read"
            report.add(what, sample=data[at : at + 320])
            resume = max(end, at + 1, error.pos if isinstance(error, json.JSONDecodeError) and end == at else 0)
            following = _DOCUMENT_START.search(data, resume)
            at = following.start() if following else len(data)
        else:
            yield document
            at = end
