"""Reading from Grafana Tempo: search, then fetch every trace (Tempo's HTTP API, ``docs/sources/tempo/api_docs``)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import Final

import orjson
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # ships no types
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from fluo_lab.errors import InputError
from fluo_lab.readers.columns import BatchColumns
from fluo_lab.readers.live.calls import OrderedCalls
from fluo_lab.readers.live.http import N_CONNECTIONS, Answer, HttpClient, HttpFault
from fluo_lab.readers.live.search import Page, Window, parse_object, search_windows, split_evenly
from fluo_lab.readers.live.target import LiveTarget
from fluo_lab.readers.otlp.messages import MessageWalk
from fluo_lab.readers.otlp.walk import walk_document
from fluo_lab.readers.report import Report
from fluo_lab.traces import SpanBatch

__all__ = ["read_tempo"]

_NS_PER_S: Final = 10**9
_LONGEST_SEARCH_S: Final = 168 * 3600  # Tempo's default for query_frontend.search.max_duration
_FLUSH_SPANS = 100_000
_N_FETCHED_AT_ONCE = 256
_PROTOBUF = "application/protobuf"
# Fields of TraceByIDResponse and its enum PartialStatus (Tempo's pkg/tempopb/tempo.proto).
_TRACE, _STATUS, _MESSAGE = 1, 3, 4
_PARTIAL: Final = (1, "PARTIAL")


@dataclass(frozen=True, slots=True)
class _Fetched:
    """The answer to the question for one trace; ``is_response`` tells a ``TraceByIDResponse`` from the trace alone."""

    answer: Answer | None
    is_response: bool = True
    fault: str | None = None


def read_tempo(
    target: LiveTarget, client: HttpClient, report: Report, *, now_ns: int, on_bytes: Callable[[int], None]
) -> Iterator[SpanBatch]:
    """Yield the spans of the traces asked for in batches.

    Traces come in the order in which searches name them, and each once. A trace that Tempo calls partial is noted in
    ``report.incomplete``. One that cannot be fetched is a problem.

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
    ids = iter(target.trace_ids)
    if not target.trace_ids:
        ids = _search(target, client, report, now_ns=now_ns, on_bytes=on_bytes)
    columns = BatchColumns()
    faults: list[str] = []
    n_read = 0
    # Searches go on only as far as fetching has come, so that no long list of ids is needed.
    while part := list(islice(ids, _N_FETCHED_AT_ONCE)):
        calls = OrderedCalls(lambda trace_id: _fetch(client, trace_id), part, n_threads=N_CONNECTIONS)
        for trace_id, fetched in calls:
            if fetched.answer is not None:
                on_bytes(len(fetched.answer.body))
            fault = _add_trace(trace_id, fetched, columns, report, client)
            n_read += fault is None
            if fault is not None:
                faults.append(fault)
                report.add(f"a trace was not read: {fault}", sample=trace_id)
                report.incomplete.add(trace_id)
            if len(columns.spans) >= _FLUSH_SPANS:
                yield columns.finish()
                columns = BatchColumns()
    if faults and not n_read:
        raise InputError(f"{target.name}: none of {len(faults)} traces could be read: {faults[0]}")
    if columns.n_resources:
        yield columns.finish()


def _search(
    target: LiveTarget, client: HttpClient, report: Report, *, now_ns: int, on_bytes: Callable[[int], None]
) -> Iterator[str]:
    """Yield the ids of the traces found, each once."""
    start_ns, end_ns = target.window(now_ns)
    windows = split_evenly(None, start_ns // _NS_PER_S, -(-end_ns // _NS_PER_S), _LONGEST_SEARCH_S)
    parameters = [
        (key, target.filters[key]) for key in ("q", "tags", "minDuration", "maxDuration") if key in target.filters
    ]
    if target.services:
        names = " || ".join(f"resource.service.name = {orjson.dumps(name).decode()}" for name in target.services)
        parameters.append(("q", f"{{ {names} }}"))
    found: dict[Window, list[str]] = {}

    def ask(window: Window) -> Answer:
        times = [("start", str(window.start)), ("end", str(window.end)), ("limit", str(target.limit))]
        return client.get("/api/search", [*parameters, *times])

    def count(page: Page) -> int:
        found[page.window] = _ids(target, page, report)
        return len(found[page.window])

    seen: set[str] = set()
    for page in search_windows(target, client, report, windows, ask, count, shortest=1, tick="1 s"):
        on_bytes(len(page.answer.body))
        for trace_id in found.pop(page.window):
            if trace_id not in seen:
                seen.add(trace_id)
                yield trace_id
    if not seen:
        report.add("the search found no traces")


def _ids(target: LiveTarget, page: Page, report: Report) -> list[str]:
    """Return the ids in the answer to a search, with the leading zeros that Tempo leaves out."""
    document = parse_object(page.answer.body)
    if document is None:
        raise InputError(f"{target.name}: the answer to a search is no JSON object; is that Tempo's HTTP API?")
    ids = []
    traces = document.get("traces")
    for entry in traces if type(traces) is list else ():
        trace_id = entry.get("traceID") if type(entry) is dict else None
        if type(trace_id) is str and trace_id:
            ids.append(trace_id.lower().zfill(32))
        else:
            report.add("a trace without an id in the answer to a search, not fetched")
    return ids


def _fetch(client: HttpClient, trace_id: str) -> _Fetched:
    """Return the answer about one trace; stores before version 2.5 know the older route alone."""
    try:
        answer = client.get(f"/api/v2/traces/{trace_id}", accept=_PROTOBUF)
        if answer.status != 404:
            return _Fetched(answer)
        return _Fetched(client.get(f"/api/traces/{trace_id}", accept=_PROTOBUF), is_response=False)
    except HttpFault as fault:
        return _Fetched(None, fault=str(fault))


def _add_trace(
    trace_id: str, fetched: _Fetched, columns: BatchColumns, report: Report, client: HttpClient
) -> str | None:
    """Append a trace to the columns; return why it cannot be read, if so."""
    answer = fetched.answer
    if answer is None:
        return fetched.fault
    if answer.status == 404:
        return "there is no such trace (any more)"
    if answer.status != 200:
        return f"status {answer.status}, {client.conceal(answer.first_line())}"
    before = len(columns.spans)
    try:
        if answer.content_type == "application/json" or answer.body[:1] == b"{":
            document = parse_object(answer.body)
            if document is None:
                return "its body is no JSON object"
            walk_document(document, columns, report)
            status, message = document.get("status"), document.get("message")
        elif answer.is_page:
            return "a page in HTML came instead"
        else:
            status, message = _add_message(answer.body, columns, report, is_response=fetched.is_response)
    except DecodeError:
        return "its body is no OTLP protobuf"
    if status in _PARTIAL:
        report.add(
            "Tempo gave a part of a trace only; the trace counts as incomplete", sample=f"{trace_id} {message or ''}"
        )
        report.incomplete.add(trace_id)
    if len(columns.spans) == before:
        report.add("a trace without spans that can be read", sample=trace_id)
    return None


def _add_message(body: bytes, columns: BatchColumns, report: Report, *, is_response: bool) -> tuple[object, object]:
    """Append a trace in protobuf to the columns; return status and message of the response."""
    traces, status, message = [body], 0, ""
    if is_response:
        traces = []
        for number, value in _message_fields(body):
            if number == _TRACE and isinstance(value, bytes):
                traces.append(value)
            elif number == _STATUS and isinstance(value, int):
                status = value
            elif number == _MESSAGE and isinstance(value, bytes):
                message = value.decode("utf-8", errors="replace")
    parsed = [TracesData.FromString(trace) for trace in traces]
    walk = MessageWalk(columns, report)
    for entry in chain.from_iterable(data.resource_spans for data in parsed):
        walk.add(entry)
    return status, message


def _message_fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield number and value of a message's fields, numbers and those with a length.

    Raises
    ------
    DecodeError
        The bytes are no message.
    """
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire_type = key >> 3, key & 7
        if wire_type == 0:
            value, at = _varint(data, at)
            yield number, value
            continue
        if wire_type == 2:
            size, at = _varint(data, at)
        elif wire_type in (1, 5):
            size = 8 if wire_type == 1 else 4
        else:
            raise DecodeError(f"wire type {wire_type}")
        if number == 0 or at + size > len(data):
            raise DecodeError("cut off")
        if wire_type == 2:
            yield number, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return a number of variable length and where it ends."""
    found = 0
    for shift, byte in enumerate(data[at : at + 10]):
        found |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            return found, at + shift + 1
    raise DecodeError("cut off")
