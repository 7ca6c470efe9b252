"""Reading from Jaeger: a search answers with whole traces.

The routes are the UI's (``/api/services``, ``/api/traces``), whose answers ``readers.jaeger.walk`` reads. Jaeger
removed them after version 2.20 (jaegertracing/jaeger, ``cmd/jaeger/internal/extension/jaegerquery/internal``); where a
store does not have them, those of ``/api/v3`` are asked, which answer in OTLP.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from fluo_lab.errors import InputError
from fluo_lab.readers.columns import BatchColumns
from fluo_lab.readers.ids import TRACE_ID_BYTES, IdFault
from fluo_lab.readers.jaeger.values import decode_jaeger_id
from fluo_lab.readers.jaeger.walk import JaegerWalk
from fluo_lab.readers.live.calls import OrderedCalls
from fluo_lab.readers.live.http import N_CONNECTIONS, Answer, HttpClient, HttpFault
from fluo_lab.readers.live.search import Page, Window, check_answer, parse_object, search_windows
from fluo_lab.readers.live.target import LiveTarget
from fluo_lab.readers.otlp.walk import walk_document
from fluo_lab.readers.report import Report
from fluo_lab.traces import SpanBatch

__all__ = ["read_jaeger"]

_SHORTEST_US: Final = 1000
_FLUSH_SPANS = 100_000
_NOTHING_FOUND: Final = Answer(200, "application/json", b"{}")

Object = dict[str, Any]


def read_jaeger(
    target: LiveTarget, client: HttpClient, report: Report, *, now_ns: int, on_bytes: Callable[[int], None]
) -> Iterator[SpanBatch]:
    """Yield the spans of the traces asked for in batches.

    Without ``service=`` every service is searched, since Jaeger wants one. A trace that several searches find is taken
    from the first. Jaeger corrects clocks and repeated ids before it answers; what it warns of is a problem.

    Parameters
    ----------
    target, client, report
        The question, whom to ask, where problems go.
    now_ns
        The time that ``last=`` ends at.
    on_bytes
        Called with the size of each answer.

    Raises
    ------
    InputError
        The search was refused, or nothing could be read at all.
    """
    sink = _Sink(target, report)
    if target.trace_ids:
        steps = _fetch_all(target, client, report, sink, on_bytes)
    else:
        steps = _search(target, client, report, sink, now_ns, on_bytes)
    for _ in steps:
        if sink.n_spans >= _FLUSH_SPANS:
            yield from sink.finish()
    yield from sink.finish()


def _search(
    target: LiveTarget,
    client: HttpClient,
    report: Report,
    sink: _Sink,
    now_ns: int,
    on_bytes: Callable[[int], None],
) -> Iterator[None]:
    """Search every service; yield after each answer."""
    start_ns, end_ns = target.window(now_ns)
    api = _Api(target, client)
    services = target.services or api.services()
    windows = [Window(service, start_ns // 1000, -(-end_ns // 1000)) for service in services]
    for page in search_windows(
        target, client, report, windows, api.search, sink.add_page, shortest=_SHORTEST_US, tick="1 ms"
    ):
        on_bytes(len(page.answer.body))
        yield
    if not services:
        report.add("Jaeger knows no services; nothing to search")
    elif not sink.n_traces:
        report.add("the search found no traces")


def _fetch_all(
    target: LiveTarget, client: HttpClient, report: Report, sink: _Sink, on_bytes: Callable[[int], None]
) -> Iterator[None]:
    """Fetch traces by their ids; yield after each."""

    def fetch(trace_id: str) -> tuple[Answer | None, str]:
        try:
            answer = client.get(f"/api/traces/{trace_id}")
        except HttpFault as fault:
            return None, str(fault)
        if answer.status == 404:
            return None, "there is no such trace (any more)"
        if answer.status != 200 or answer.is_page:
            return None, f"status {answer.status}, {client.conceal(answer.first_line())}"
        return answer, ""

    fault = ""
    for trace_id, (answer, fault) in OrderedCalls(fetch, target.trace_ids, n_threads=N_CONNECTIONS):
        if answer is not None:
            on_bytes(len(answer.body))
            document = parse_object(answer.body)
            if document is not None:
                sink.add(document)
                yield
                continue
            fault = "its body is no JSON object"
        report.add(f"a trace was not read: {fault}", sample=trace_id)
        report.incomplete.add(trace_id)
    if not sink.n_traces:
        raise InputError(f"{target.name}: none of {len(target.trace_ids)} traces could be read: {fault}")


class _Api:
    """The routes of a Jaeger, older or newer."""

    def __init__(self, target: LiveTarget, client: HttpClient) -> None:
        self._target = target
        self._client = client
        filters = target.filters
        names = {"operation": "operation", "minDuration": "minDuration", "maxDuration": "maxDuration"}
        self._old = [(name, filters[key]) for key, name in names.items() if key in filters]
        names = {"operation": "operation_name", "minDuration": "duration_min", "maxDuration": "duration_max"}
        self._new = [(f"query.{name}", filters[key]) for key, name in names.items() if key in filters]
        if "tags" in filters:
            tags = _tags(filters["tags"], target)
            self._old.append(("tags", tags))
            self._new.append(("query.attributes", tags))
        # Set by whichever thread learns it first; the worst that can happen is a question too many.
        self._is_v3 = False

    def services(self) -> tuple[str, ...]:
        """Return the services there are, in order of their names."""
        try:
            answer = self._client.get("/api/services")
            if _has_no_route(answer):
                newer = self._client.get("/api/v3/services")
                self._is_v3 = not _has_no_route(newer)
                answer = newer if self._is_v3 else answer
        except HttpFault as fault:
            raise InputError(f"{self._target.name}: {fault}") from fault
        check_answer(self._target, self._client, answer)
        document = parse_object(answer.body) or {}
        services = document.get("services" if self._is_v3 else "data") or []
        if type(services) is not list:
            raise InputError(f"{self._target.name}: the answer to /api/services is no list; is that Jaeger's HTTP API?")
        return tuple(sorted({service for service in services if type(service) is str and service}))

    def search(self, window: Window) -> Answer:
        """Return the answer to the search of a window."""
        if not self._is_v3:
            times = [("start", str(window.start)), ("end", str(window.end)), ("limit", str(self._target.limit))]
            answer = self._client.get("/api/traces", [("service", window.service or ""), *self._old, *times])
            if not _has_no_route(answer):
                return answer
        newer = self._search_v3(window)
        if not self._is_v3 and _has_no_route(newer):
            return answer
        self._is_v3 = True
        return newer

    def _search_v3(self, window: Window) -> Answer:
        question = [
            ("query.service_name", window.service or ""),
            *self._new,
            ("query.start_time_min", _rfc3339(window.start)),
            ("query.start_time_max", _rfc3339(window.end)),
            ("query.search_depth", str(self._target.limit)),
        ]
        answer = self._client.get("/api/v3/traces", question)
        if answer.status == 404 and (parse_object(answer.body) or {}).get("error"):
            return _NOTHING_FOUND
        return answer


class _Sink:
    """Takes answers of either form; each trace once."""

    def __init__(self, target: LiveTarget, report: Report) -> None:
        self._target = target
        self._report = report
        self._walk = JaegerWalk(report)
        self._columns = BatchColumns()
        self._seen: set[str] = set()

    @property
    def n_traces(self) -> int:
        """How many traces were taken."""
        return len(self._seen)

    @property
    def n_spans(self) -> int:
        """How many spans wait for ``finish``."""
        return self._walk.n_spans + len(self._columns.spans)

    def add_page(self, page: Page) -> int:
        """Take the answer to a search; return how many traces it holds."""
        document = parse_object(page.answer.body)
        if document is None:
            raise InputError(
                f"{self._target.name}: the answer to a search is no JSON object; is that Jaeger's HTTP API?"
            )
        return self.add(document)

    def add(self, document: Object) -> int:
        """Take an answer; return how many traces it holds."""
        if "data" in document or "errors" in document:
            return self._add_jaeger(document)
        return self._add_otlp(document)

    def finish(self) -> Iterator[SpanBatch]:
        """Yield what was taken."""
        if self._walk.n_spans:
            yield self._walk.finish()
        if self._columns.spans:
            yield self._columns.finish()
            self._columns = BatchColumns()

    def _add_jaeger(self, document: Object) -> int:
        traces = document.get("data") or []
        if type(traces) is not list:
            traces = [traces]
        ids = [_trace_id(trace.get("traceID")) if type(trace) is dict else "" for trace in traces]
        new = [trace for trace, trace_id in zip(traces, ids, strict=True) if not trace_id or trace_id not in self._seen]
        self._walk.add({"data": new, "errors": document.get("errors")})
        self._seen.update(trace_id for trace_id in ids if trace_id)
        return len(set(ids))

    def _add_otlp(self, document: Object) -> int:
        """Take an answer of the newer routes, in which the spans of all traces stand side by side."""
        found: set[str] = set()

        def is_new(span: object) -> bool:
            trace_id = _trace_id(span.get("traceId")) if type(span) is dict else ""
            found.add(trace_id)
            return trace_id not in self._seen

        result = document.get("result")
        for resource in _objects(result.get("resourceSpans") if type(result) is dict else None):
            for scope in _objects(resource.get("scopeSpans")):
                if type(scope.get("spans")) is list:
                    scope["spans"] = [span for span in scope["spans"] if is_new(span)]
        if document:
            walk_document(document, self._columns, self._report)
        found.discard("")
        self._seen |= found
        return len(found)


def _objects(value: object) -> list[Object]:
    """Return the objects of an array; what else is in it, the walk reports."""
    return [entry for entry in value if type(entry) is dict] if type(value) is list else []


def _has_no_route(answer: Answer) -> bool:
    """Return whether a store seems not to know a route; some answer with the UI's page to any path."""
    return answer.is_page or answer.status == 404


def _trace_id(value: object) -> str:
    """Return an id in full, or nothing where the walk will find a fault in it."""
    try:
        return decode_jaeger_id(value, TRACE_ID_BYTES)
    except IdFault:
        return value if type(value) is str else ""


def _rfc3339(micros: int) -> str:
    seconds, rest = divmod(micros, 10**6)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:06d}Z"


def _tags(text: str, target: LiveTarget) -> str:
    """Return tags as Jaeger wants them, a JSON object of texts, from that or from ``key=value key="a value"``."""
    document = parse_object(text.encode())
    if document is not None:
        return text
    try:
        pairs = [part.partition("=") for part in shlex.split(text)]
    except ValueError:
        pairs = []
    if not pairs or not all(key and separator for key, separator, _ in pairs):
        raise InputError(f'{target.name}: tags={text[:40]!r}, expected key=value key="a value" or a JSON object')
    return orjson.dumps({key: value for key, _, value in pairs}).decode()
