"""The format Zipkin JSON, versions 1 and 2: spans, traces, or lists of traces, in one document or in lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from fluo_lab.errors import InputError
from fluo_lab.readers.json.documents import read_documents
from fluo_lab.readers.report import Report
from fluo_lab.readers.source import Source
from fluo_lab.readers.zipkin.columns import ZipkinColumns
from fluo_lab.readers.zipkin.shared import assemble_trace
from fluo_lab.readers.zipkin.spans import GatheredSpans
from fluo_lab.readers.zipkin.times import place_untimed
from fluo_lab.readers.zipkin.walk import RECORD_FIELDS, walk_document
from fluo_lab.traces import SpanBatch

__all__ = ["ZipkinJson"]

_FLUSH_SPANS: Final = 100_000
# A string, also one that the end of the head cuts off, or a sign of structure.
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[{}\[\]:]', re.DOTALL)
# A file whose beginning was cut off within a record.
_RECORD_LINE = re.compile(rb'^[\[\s]*\{\s*"traceId"', re.MULTILINE)
_IDS: Final = frozenset({"traceId", "id"})
_ONLY_ZIPKIN: Final = frozenset({"localEndpoint", "remoteEndpoint", "binaryAnnotations"})
_ALSO_ZIPKIN: Final = frozenset({"timestamp", "duration", "annotations", "parentId", "kind", "shared"})
_ONLY_OTHERS: Final = frozenset(
    {"spanId", "spanID", "span_id", "traceID", "resourceSpans", "resource_spans", "batches"}
)


class ZipkinJson:
    """Zipkin JSON. All records are held until the file ends, packed, since a span may be told in several places."""

    name = "Zipkin JSON"

    def recognise(self, head: bytes) -> bool:
        """Return whether the content starts as JSON whose outermost objects have a Zipkin span's fields.

        The fields ``traceId`` and ``id`` and an endpoint or binary annotations will do; with a timestamp or another
        field that more formats have, there must be no field that Zipkin has not.
        """
        if b'"traceId"' not in head:
            return False
        if head.lstrip()[:1] not in (b"{", b"["):
            line = _RECORD_LINE.search(head)
            if line is None:
                return False
            head = head[line.start() :]
        for fields in _outermost_fields(head):
            if not _ONLY_OTHERS.isdisjoint(fields):
                return False
            if fields >= _IDS and not (
                _ONLY_ZIPKIN.isdisjoint(fields) and (_ALSO_ZIPKIN.isdisjoint(fields) or not fields <= RECORD_FIELDS)
            ):
                return True
        return False

    def read(self, source: Source, report: Report) -> Iterator[SpanBatch]:
        """Yield the spans in batches, whole traces in each.

        Raises
        ------
        InputError
            Not one JSON document could be read.
        """
        gathered = GatheredSpans()
        n_documents = 0
        for document in read_documents(source, report):
            n_documents += 1
            for span in walk_document(document.value, report):
                span.offset_bytes, span.line = document.offset_bytes, document.line
                gathered.add(span)
        if n_documents == 0:
            faults = "; ".join(problem.what for problem in report.problems())
            raise InputError(f"{source.name}: looks like Zipkin JSON, but no document in it could be read: {faults}")
        columns = ZipkinColumns(report)
        for records in gathered.take_traces(report):
            spans = assemble_trace(records, report)
            place_untimed(spans, report)
            for span in spans:
                columns.add(span)
            if columns.n_spans >= _FLUSH_SPANS:
                yield columns.finish()
                columns = ZipkinColumns(report)
        if columns.n_spans:
            yield columns.finish()


def _outermost_fields(head: bytes) -> Iterator[set[str]]:
    """Yield the names of the fields of every object that no other object holds, as far as the head goes."""
    fields: set[str] = set()
    depth = 0
    text = b""
    for token in _TOKEN.finditer(head):
        found = token[0]
        if found == b"{" or (found == b"[" and depth):
            if depth == 0:
                fields = set()
            depth += 1
        elif found in (b"}", b"]"):
            depth = max(depth - 1, 0)
            if depth == 0 and fields:
                yield fields
                fields = set()
        elif found == b":":
            if depth == 1:
                fields.add(text.strip(b'"').decode("utf-8", errors="replace"))
        elif found != b"[":
            text = found
    if fields:
        yield fields
