"""Reading traces the straightforward way: a loop over parsed objects into lists, and the lists into frames.

It checks nothing, reports nothing, and keeps arrays and key-value lists as they are printed.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson
import polars as pl
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

__all__ = ["loop_json", "loop_protobuf"]

_SPAN = ("trace_id", "span_id", "parent_span_id", "name", "service", "kind", "status", "start_ns", "end_ns")
_ATTRIBUTE = ("row", "key", "text", "number", "flag")


def _frames(spans: list[tuple[Any, ...]], attributes: list[tuple[Any, ...]]) -> int:
    """Make a frame of spans, sorted, and one of their attributes; return how many spans."""
    columns = dict(zip(_SPAN, zip(*spans, strict=True), strict=True))
    frame = pl.DataFrame(columns).with_row_index("row").sort("trace_id", "start_ns")
    values = dict(zip(_ATTRIBUTE, zip(*attributes, strict=True), strict=True))
    pl.DataFrame(values, schema_overrides={"number": pl.Float64, "flag": pl.Boolean}, strict=False)
    return frame.height


def loop_json(path: Path) -> int:
    """Read OTLP/JSON lines; return how many spans."""
    spans: list[tuple[Any, ...]] = []
    attributes: list[tuple[Any, ...]] = []
    with path.open("rb") as file:
        for line in file:
            for entry in orjson.loads(line)["resourceSpans"]:
                service = None
                for pair in entry["resource"]["attributes"]:
                    if pair["key"] == "service.name":
                        service = pair["value"]["stringValue"]
                for group in entry["scopeSpans"]:
                    for span in group["spans"]:
                        _take_json(span, service, spans, attributes)
    return _frames(spans, attributes)


def _take_json(span: dict[str, Any], service: str | None, spans: list[Any], attributes: list[Any]) -> None:
    row = len(spans)
    for pair in span.get("attributes", ()):
        value = pair["value"]
        if "stringValue" in value:
            attributes.append((row, pair["key"], value["stringValue"], None, None))
        elif "intValue" in value:
            attributes.append((row, pair["key"], None, int(value["intValue"]), None))
        elif "doubleValue" in value:
            attributes.append((row, pair["key"], None, value["doubleValue"], None))
        elif "boolValue" in value:
            attributes.append((row, pair["key"], None, None, value["boolValue"]))
        else:
            attributes.append((row, pair["key"], str(value), None, None))
    spans.append(
        (
            span["traceId"],
            span["spanId"],
            span.get("parentSpanId") or None,
            span["name"],
            service,
            span.get("kind", 0),
            span.get("status", {}).get("code", 0),
            int(span["startTimeUnixNano"]),
            int(span["endTimeUnixNano"]),
        )
    )


def loop_protobuf(path: Path) -> int:
    """Read length-prefixed OTLP protobuf with the official messages; return how many spans."""
    spans: list[tuple[Any, ...]] = []
    attributes: list[tuple[Any, ...]] = []
    with path.open("rb") as file:
        while prefix := file.read(4):
            for entry in TracesData.FromString(file.read(int.from_bytes(prefix, "big"))).resource_spans:
                services = [pair.value.string_value for pair in entry.resource.attributes if pair.key == "service.name"]
                for group in entry.scope_spans:
                    for span in group.spans:
                        _take_pairs(span.attributes, len(spans), attributes)
                        spans.append(
                            (
                                span.trace_id.hex(),
                                span.span_id.hex(),
                                span.parent_span_id.hex() or None,
                                span.name,
                                services[0] if services else None,
                                span.kind,
                                span.status.code,
                                span.start_time_unix_nano,
                                span.end_time_unix_nano,
                            )
                        )
    return _frames(spans, attributes)


def _take_pairs(pairs: Iterable[Any], row: int, attributes: list[Any]) -> None:
    for pair in pairs:
        value = pair.value
        kind = value.WhichOneof("value")
        if kind == "string_value":
            attributes.append((row, pair.key, value.string_value, None, None))
        elif kind == "int_value":
            attributes.append((row, pair.key, None, value.int_value, None))
        elif kind == "double_value":
            attributes.append((row, pair.key, None, value.double_value, None))
        elif kind == "bool_value":
            attributes.append((row, pair.key, None, None, value.bool_value))
        else:
            attributes.append((row, pair.key, str(value), None, None))
