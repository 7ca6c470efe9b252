"""The format Jaeger JSON: what Jaeger's UI and API export, and what its storages hold."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fluo_lab.errors import InputError
from fluo_lab.readers.jaeger.walk import JaegerWalk
from fluo_lab.readers.json.documents import read_documents
from fluo_lab.readers.report import Report
from fluo_lab.readers.source import Source
from fluo_lab.traces import SpanBatch

__all__ = ["JaegerJson"]

_FLUSH_SPANS = 100_000
_TRACE_ID = re.compile(rb'"[tT]race_?I[dD]"\s*:|"trace_id"\s*:')
_SPAN_ID = re.compile(rb'"[sS]pan_?I[dD]"\s*:|"span_id"\s*:')
# Of span, process and clock one is in the first 64 KiB even where tags are long.
_NAME = re.compile(rb'"(?:operationName|OperationName|operation_name)"\s*:')
_CLOCK = re.compile(rb'"(?:startTime|StartTime|start_time|duration|Duration)"\s*:')
_PROCESS = re.compile(rb'"(?:processes|processID|processId|process_id|processMap)"\s*:')
_IS_ZIPKIN = re.compile(rb'"(?:localEndpoint|remoteEndpoint|binaryAnnotations)"\s*:')
_IS_EMPTY_ANSWER = re.compile(rb'\s*\{\s*"data"\s*:\s*(?:\[\s*\]|null)\s*,\s*"(?:total|limit|offset|errors)"\s*:')


class JaegerJson:
    """Jaeger JSON of every dialect, document by document."""

    name = "Jaeger JSON"

    def recognise(self, head: bytes) -> bool:
        """Return whether the content starts as JSON and has the names of Jaeger's span and trace fields."""
        if head.lstrip()[:1] not in (b"{", b"["):
            return False
        if _IS_EMPTY_ANSWER.match(head):
            return True
        if _IS_ZIPKIN.search(head) or not _TRACE_ID.search(head):
            return False
        is_span = _SPAN_ID.search(head) and _NAME.search(head) and _CLOCK.search(head)
        return bool(is_span or _PROCESS.search(head))

    def read(self, source: Source, report: Report) -> Iterator[SpanBatch]:
        """Yield the spans in batches.

        Raises
        ------
        InputError
            Not one JSON document could be read.
        """
        walk = JaegerWalk(report)
        n_documents = 0
        for document in read_documents(source, report):
            n_documents += 1
            walk.add(document.value)
            if walk.n_spans >= _FLUSH_SPANS:
                yield walk.finish()
        if n_documents == 0:
            faults = "; ".join(problem.what for problem in report.problems())
            raise InputError(f"{source.name}: looks like Jaeger JSON, but no document in it could be read: {faults}")
        if walk.n_spans:
            yield walk.finish()
