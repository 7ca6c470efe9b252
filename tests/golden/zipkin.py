"""Golden Zipkin JSON."""

from __future__ import annotations

from typing import Any

from golden.base import NAMES, PARENTS, SERVICES, span_id_of, start_of, trace_of


def zipkin_span(i: int) -> dict[str, Any]:
    span: dict[str, Any] = {
        "traceId": trace_of(i),
        "id": span_id_of(i),
        "name": NAMES[i],
        "timestamp": start_of(i) // 1000,
        "duration": 4199,
        "localEndpoint": {"serviceName": SERVICES[i], "ipv4": "10.0.0.1", "port": 80},
        "tags": {"http.method": "GET", "n": "7"},
    }
    if i != 2:
        span["kind"] = ("SERVER", "CLIENT", "", "SERVER", "CLIENT")[i]
    if i == 1:
        span["remoteEndpoint"] = {"serviceName": "bank"}
        span["annotations"] = [{"timestamp": start_of(1) // 1000 + 5, "value": "retry"}]
        span["tags"]["error"] = ""
    if PARENTS[i] is not None:
        span["parentId"] = span_id_of(PARENTS[i])
    return span


def zipkin_shared() -> list[Any]:
    spans = [zipkin_span(i) for i in range(5)]
    half = {**zipkin_span(1), "kind": "SERVER", "shared": True, "name": "charge card served"}
    return [[*spans[:2], {**half, "localEndpoint": {"serviceName": "bank"}}, *spans[2:]]]


def zipkin_v1() -> list[Any]:
    spans = []
    for i in range(5):
        here = {"serviceName": SERVICES[i], "ipv4": "10.0.0.1", "port": 80}
        words = ("sr", "ss") if i in (0, 3) else ("cs", "cr")
        times = (start_of(i) // 1000, start_of(i) // 1000 + 4199)
        span: dict[str, Any] = {
            "traceId": trace_of(i),
            "id": span_id_of(i),
            "name": NAMES[i],
            "timestamp": times[0],
            "duration": 4199,
            "annotations": [
                {"timestamp": at, "value": word, "endpoint": here} for at, word in zip(times, words, strict=True)
            ],
            "binaryAnnotations": [{"key": "http.path", "value": "/x", "endpoint": here}],
        }
        if PARENTS[i] is not None:
            span["parentId"] = span_id_of(PARENTS[i])
        spans.append(span)
    return [spans]


# Span records
