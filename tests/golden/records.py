"""Golden JSON span records."""

from __future__ import annotations

from typing import Any

from golden.base import NAMES, PARENTS, SERVICES, end_of, span_id_of, start_of, trace_of
from golden.otlp import values_of


def _plain_values(i: int) -> dict[str, Any]:
    return {key: value for key, value in values_of(i).items() if type(value) is not bytes}


def python_records() -> list[Any]:
    """Return what the console exporter of OpenTelemetry for Python prints."""
    kinds = ("SERVER", "CLIENT", "INTERNAL", "SERVER", "CLIENT")
    return [
        {
            "name": NAMES[i],
            "context": {"trace_id": f"0x{trace_of(i)}", "span_id": f"0x{span_id_of(i)}", "trace_state": "[]"},
            "kind": f"SpanKind.{kinds[i]}",
            "parent_id": None if PARENTS[i] is None else f"0x{span_id_of(PARENTS[i])}",
            "start_time": f"2024-10-30T12:24:00.68043{i}Z",
            "end_time": f"2024-10-30T12:24:01.{i}Z",
            "status": {"status_code": "ERROR", "description": "declined"} if i == 1 else {"status_code": "UNSET"},
            "attributes": _plain_values(i),
            "events": [{"name": "e", "timestamp": "2024-10-30T12:24:01Z", "attributes": {"n": 1}}] if i == 1 else [],
            "links": [],
            "resource": {"attributes": {"service.name": SERVICES[i]}, "schema_url": ""},
        }
        for i in range(5)
    ]


def javascript_records() -> list[Any]:
    """Return what OpenTelemetry for JavaScript makes of its spans."""
    records = [
        {
            "name": NAMES[i],
            "spanContext": {"traceId": trace_of(i), "spanId": span_id_of(i), "traceFlags": 1},
            "parentSpanContext": {"traceId": trace_of(i), "spanId": span_id_of(PARENTS[i] or 0)},
            "kind": (1, 2, 0, 1, 2)[i],
            "startTime": [start_of(i) // 10**9, start_of(i) % 10**9],
            "endTime": [end_of(i) // 10**9, end_of(i) % 10**9],
            "status": {"code": 1},
            "attributes": _plain_values(i),
            "events": [],
            "instrumentationScope": {"name": "http", "version": "1"},
            "resource": {"_rawAttributes": [["service.name", SERVICES[i]]]},
        }
        for i in range(5)
    ]
    for i in (0, 3):
        del records[i]["parentSpanContext"]
    return [records]


def flat_records() -> list[Any]:
    """Return spans as rows of a table dumped to JSON."""
    return [
        {
            "trace_id": trace_of(i),
            "span_id": span_id_of(i),
            "parent_span_id": None if PARENTS[i] is None else span_id_of(PARENTS[i]),
            "name": NAMES[i],
            "serviceName": SERVICES[i],
            "startTimeUnixNano": str(start_of(i)),
            "durationInNanos": 4199,
            "kind": "client",
            "statusCode": 2 if i == 1 else 0,
            "attributes": _plain_values(i),
            "region": "eu",
        }
        for i in range(5)
    ]


# Tables
