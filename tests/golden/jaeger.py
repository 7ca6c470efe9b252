"""Golden Jaeger JSON."""

from __future__ import annotations

import base64
import copy
from typing import Any

from golden.base import NAMES, PARENTS, SERVICES, TRACES, span_id_of, start_of, to_base64, trace_of
from golden.otlp import values_of


def _jaeger_tags(i: int) -> list[Any]:
    tags = [{"key": "span.kind", "type": "string", "value": ("server", "client", "internal", "server", "client")[i]}]
    for key, value in values_of(i).items():
        kinds = {bool: "bool", int: "int64", float: "float64", str: "string"}
        if type(value) in kinds:
            tags.append({"key": key, "type": kinds[type(value)], "value": value})
        elif type(value) is bytes:
            tags.append({"key": key, "type": "binary", "value": base64.b64encode(value).decode()})
    return tags


def _jaeger_span(i: int) -> dict[str, Any]:
    parent = PARENTS[i]
    reference = {
        "refType": "CHILD_OF",
        "traceID": trace_of(i),
        "spanID": None if parent is None else span_id_of(parent),
    }
    logs = [
        {"timestamp": start_of(i) // 1000 + 5, "fields": [{"key": "event", "type": "string", "value": "exception"}]}
    ]
    return {
        "traceID": trace_of(i),
        "spanID": span_id_of(i),
        "operationName": NAMES[i],
        "references": [] if parent is None else [reference],
        "flags": 1,
        "startTime": start_of(i) // 1000,
        "duration": 4199,
        "tags": _jaeger_tags(i),
        "logs": logs if i == 1 else [],
        "processID": f"p{SERVICES[i]}",
        "warnings": None,
    }


def _jaeger_process(service: str) -> dict[str, Any]:
    return {"serviceName": service, "tags": [{"key": "hostname", "type": "string", "value": f"{service}-1"}]}


def jaeger_answer() -> list[Any]:
    processes = {f"p{service}": _jaeger_process(service) for service in dict.fromkeys(SERVICES)}
    traces = [
        {
            "traceID": trace,
            "spans": [_jaeger_span(i) for i in range(5) if trace_of(i) == trace],
            "processes": processes,
            "warnings": None,
        }
        for trace in TRACES
    ]
    return [{"data": copy.deepcopy(traces), "total": 0, "limit": 0, "offset": 0, "errors": None}]


def jaeger_documents() -> list[Any]:
    """Return the documents of Elasticsearch, one a span."""
    documents = []
    for i in range(5):
        span = _jaeger_span(i)
        tags = {tag["key"].replace(".", "@"): tag["value"] for tag in span["tags"] if tag["type"] != "binary"}
        del span["processID"], span["warnings"]
        span |= {"process": _jaeger_process(SERVICES[i]), "tags": [], "tag": tags}
        span["startTimeMillis"] = span["startTime"] // 1000
        documents.append({"_index": "jaeger-span-2024-10-30", "_source": span})
    return documents


def jaeger_protobuf() -> list[Any]:
    """Return the answer of Jaeger's gRPC API in the JSON of protobuf."""
    spans = []
    for i in range(5):
        kinds = {"bool": "vBool", "int64": "vInt64", "float64": "vFloat64", "string": "vStr", "binary": "vBinary"}
        types = {"bool": "BOOL", "int64": "INT64", "float64": "FLOAT64", "string": "STRING", "binary": "BINARY"}
        tags = [{"key": t["key"], "vType": types[t["type"]], kinds[t["type"]]: t["value"]} for t in _jaeger_tags(i)]
        parent = PARENTS[i]
        references = (
            [] if parent is None else [{"traceId": to_base64(trace_of(i)), "spanId": to_base64(span_id_of(parent))}]
        )
        spans.append(
            {
                "traceId": to_base64(trace_of(i)),
                "spanId": to_base64(span_id_of(i)),
                "operationName": NAMES[i],
                "references": references,
                "startTime": f"2024-10-30T12:24:0{i}.680439518Z",
                "duration": "0.004199s",
                "tags": tags,
                "process": {"serviceName": SERVICES[i], "tags": [{"key": "hostname", "vStr": "pod-1"}]},
            }
        )
    return [{"spans": spans, "processMap": []}]


# Zipkin
