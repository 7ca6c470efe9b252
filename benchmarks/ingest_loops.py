"""Reading traces the straightforward way: a loop over parsed objects into column lists, and these into frames.

It checks nothing, reports nothing, and keeps arrays and key-value lists as they are printed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import polars as pl
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

__all__ = ["loop_json", "loop_protobuf"]

_SPAN = ("trace_id", "span_id", "parent_span_id", "name", "service", "kind", "status", "start_ns", "end_ns")


class _Columns:
    """Lists of the columns of spans, and of their attributes by type."""

    def __init__(self) -> None:
        self.spans: tuple[list[Any], ...] = tuple([] for _ in _SPAN)
        self.attributes: dict[str, tuple[list[int], list[str], list[Any]]] = {
            kind: ([], [], []) for kind in ("text", "int", "double", "bool")
        }

    def add_span(self, *values: Any) -> None:
        """Append the values of a span."""
        for column, value in zip(self.spans, values, strict=True):
            column.append(value)

    def add(self, kind: str, key: str, value: Any) -> None:
        """Append an attribute of the span that comes next."""
        rows, keys, values = self.attributes[kind]
        rows.append(len(self.spans[0]))
        keys.append(key)
        values.append(value)

    def frames(self) -> int:
        """Make the frames, spans sorted; return how many spans."""
        spans = pl.DataFrame(dict(zip(_SPAN, self.spans, strict=True))).with_row_index("row")
        for rows, keys, values in self.attributes.values():
            pl.DataFrame({"row": rows, "key": keys, "value": values})
        return spans.sort("trace_id", "start_ns").height


def loop_json(path: Path) -> int:
    """Read OTLP/JSON lines; return how many spans."""
    columns = _Columns()
    with path.open("rb") as file:
        for line in file:
            for entry in orjson.loads(line)["resourceSpans"]:
                resource = {pair["key"]: pair["value"] for pair in entry["resource"]["attributes"]}
                service = resource.get("service.name", {}).get("stringValue")
                for group in entry["scopeSpans"]:
                    for span in group["spans"]:
                        _take_json(span, service, columns)
    return columns.frames()


def _take_json(span: dict[str, Any], service: str | None, columns: _Columns) -> None:
    for pair in span.get("attributes", ()):
        key, value = pair["key"], pair["value"]
        if "stringValue" in value:
            columns.add("text", key, value["stringValue"])
        elif "intValue" in value:
            columns.add("int", key, int(value["intValue"]))
        elif "doubleValue" in value:
            columns.add("double", key, value["doubleValue"])
        elif "boolValue" in value:
            columns.add("bool", key, value["boolValue"])
        else:
            columns.add("text", key, str(value))
    columns.add_span(
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


def loop_protobuf(path: Path) -> int:
    """Read length-prefixed OTLP protobuf with the official messages; return how many spans."""
    columns = _Columns()
    with path.open("rb") as file:
        while prefix := file.read(4):
            for entry in TracesData.FromString(file.read(int.from_bytes(prefix, "big"))).resource_spans:
                resource = {pair.key: pair.value for pair in entry.resource.attributes}
                service = resource["service.name"].string_value if "service.name" in resource else None
                for group in entry.scope_spans:
                    for span in group.spans:
                        _take_protobuf(span, service, columns)
    return columns.frames()


def _take_protobuf(span: Any, service: str | None, columns: _Columns) -> None:
    for pair in span.attributes:
        key, value = pair.key, pair.value
        kind = value.WhichOneof("value")
        if kind == "string_value":
            columns.add("text", key, value.string_value)
        elif kind == "int_value":
            columns.add("int", key, value.int_value)
        elif kind == "double_value":
            columns.add("double", key, value.double_value)
        elif kind == "bool_value":
            columns.add("bool", key, value.bool_value)
        else:
            columns.add("text", key, str(value))
    columns.add_span(
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex() or None,
        span.name,
        service,
        span.kind,
        span.status.code,
        span.start_time_unix_nano,
        span.end_time_unix_nano,
    )
