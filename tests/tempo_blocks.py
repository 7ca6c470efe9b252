"""Tempo's blocks in every version that is found, made by hand: schemas, rows, files, and reading them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from fluo_lab.readers.report import Report
from fluo_lab.readers.source import Source
from fluo_lab.readers.tempo.parquet import TempoParquet

__all__ = [
    "VERSIONS",
    "PlainOf",
    "Read",
    "Row",
    "attributes",
    "dedicated",
    "make_reader",
    "span_row",
    "trace_row",
    "trace_schema",
    "write_block",
]

PlainOf = Callable[..., list[dict[str, Any]]]
Row = dict[str, Any]
Read = Callable[[Path], tuple[list[Row], list[tuple[str, int]]]]

VERSIONS = ["2", "3", "4-preview", "4", "5"]

# Schemas, as the Go structs of grafana/tempo's tempodb/encoding/vparquet*/schema.go say


def struct(**fields: pa.DataType) -> pa.StructType:
    return pa.struct(list(fields.items()))


def attribute_type(version: str) -> pa.StructType:
    if version in "23":
        values = {"Value": pa.string(), "ValueInt": pa.int64(), "ValueDouble": pa.float64(), "ValueBool": pa.bool_()}
        return struct(Key=pa.string(), **values, ValueKVList=pa.string(), ValueArray=pa.string())
    lists = {
        "Value": pa.list_(pa.string()),
        "ValueInt": pa.list_(pa.int64()),
        "ValueDouble": pa.list_(pa.float64()),
        "ValueBool": pa.list_(pa.bool_()),
    }
    if version == "4-preview":
        return struct(Key=pa.string(), ValueType=pa.int32(), **lists, ValueDropped=pa.string())
    return struct(Key=pa.string(), IsArray=pa.bool_(), **lists, ValueUnsupported=pa.string())


def dedicated_type(version: str) -> dict[str, pa.DataType]:
    if version == "2":
        return {}
    if version == "5":
        texts = {f"String{i:02d}": pa.list_(pa.string()) for i in range(1, 21)}
        numbers = {f"Int{i:02d}": pa.list_(pa.int64()) for i in range(1, 6)}
        return {"DedicatedAttributes": struct(**texts, **numbers)}
    return {"DedicatedAttributes": struct(**{f"String{i:02d}": pa.string() for i in range(1, 11)})}


def trace_schema(version: str, **more_span_columns: pa.DataType) -> pa.Schema:
    attributes = pa.list_(attribute_type(version))
    is_old = version in "23"
    count = {"DroppedAttributesCount": pa.int32()}
    event_attributes = pa.list_(struct(Key=pa.string(), Value=pa.binary())) if is_old else attributes
    event = struct(
        **{"TimeUnixNano" if is_old else "TimeSinceStartNano": pa.uint64()},
        Name=pa.string(),
        Attrs=event_attributes,
        **count,
        **(dedicated_type(version) if version == "5" else {}),
    )
    link = struct(TraceID=pa.binary(), SpanID=pa.binary(), TraceState=pa.string(), Attrs=attributes, **count)
    http = {"HttpMethod": pa.string(), "HttpUrl": pa.string(), "HttpStatusCode": pa.int64()}
    span = struct(
        SpanID=pa.binary(),
        ParentSpanID=pa.binary(),
        ParentID=pa.int32(),
        NestedSetLeft=pa.int32(),
        NestedSetRight=pa.int32(),
        Name=pa.string(),
        Kind=pa.int64(),
        TraceState=pa.string(),
        StartTimeUnixNano=pa.uint64(),
        DurationNano=pa.uint64(),
        StatusCode=pa.int64(),
        StatusMessage=pa.string(),
        Attrs=attributes,
        **count,
        Events=pa.list_(event),
        DroppedEventsCount=pa.int32(),
        Links=pa.binary() if is_old else pa.list_(link),
        DroppedLinksCount=pa.int32(),
        **({} if version == "5" else http),
        **dedicated_type(version),
        **more_span_columns,
    )
    scope = struct(Name=pa.string(), Version=pa.string(), **({} if is_old else {"Attrs": attributes, **count}))
    k8s = ("Cluster", "Namespace", "Pod", "Container")
    known = {name: pa.string() for name in (*k8s, *(f"K8s{n}Name" for n in k8s))} if version != "5" else {}
    resource = struct(Attrs=attributes, ServiceName=pa.string(), **known, **dedicated_type(version))
    groups = pa.list_(struct(Scope=scope, Spans=pa.list_(span)))
    columns = {"TraceID": pa.binary(), "TraceIDText": pa.string(), "rs": pa.list_(struct(Resource=resource, ss=groups))}
    return pa.schema(list(columns.items()))


# Rows

ARRAY_TYPES = {str: 5, int: 6, float: 7, bool: 8}


def attribute(version: str, key: str, value: Any) -> Row:
    """An attribute as the version writes it; a dict is an AnyValue in JSON, for values without a column."""
    columns = {str: "Value", int: "ValueInt", float: "ValueDouble", bool: "ValueBool"}
    if version in "23":
        if isinstance(value, dict):
            name = "ValueArray" if "arrayValue" in value else "ValueKVList"
            return {"Key": key, name: json.dumps(value)}
        return {"Key": key} if value is None else {"Key": key, columns[type(value)]: value}
    lists: Row = {"Key": key, **{name: [] for name in columns.values()}}
    kind = 0
    if isinstance(value, list):
        kind = ARRAY_TYPES[type(value[0])] if value else 5
        lists[columns[type(value[0])] if value else "Value"] = value
    elif isinstance(value, dict):
        lists["ValueDropped" if version == "4-preview" else "ValueUnsupported"] = json.dumps(value)
    elif value is not None:
        kind = ARRAY_TYPES[type(value)] - 4
        lists[columns[type(value)]] = [value]
    return {**lists, **({"ValueType": kind} if version == "4-preview" else {"IsArray": isinstance(value, list)})}


def attributes(version: str, values: Mapping[str, Any]) -> list[Row]:
    return [attribute(version, key, value) for key, value in values.items()]


def span_row(version: str, **fields: Any) -> Row:
    is_old = version in "23"
    return {
        "SpanID": bytes.fromhex("00000000000000a1"),
        "ParentSpanID": b"",
        "ParentID": 7,
        "NestedSetLeft": 1,
        "NestedSetRight": 2,
        "Name": "charge",
        "Kind": 2,
        "TraceState": "",
        "StartTimeUnixNano": 1000,
        "DurationNano": 50,
        "StatusCode": 0,
        "StatusMessage": "",
        "Attrs": [],
        "DroppedAttributesCount": 0,
        "Events": [],
        "DroppedEventsCount": 0,
        "Links": b"" if is_old else [],
        "DroppedLinksCount": 0,
        "DedicatedAttributes": dedicated(version),
        **fields,
    }


def dedicated(version: str, **columns: Any) -> Row:
    empty = {f"String{i:02d}": [] for i in range(1, 21)} | {f"Int{i:02d}": [] for i in range(1, 6)}
    return {**empty, **columns} if version == "5" else columns


def trace_row(version: str, *spans: Row, trace_id: str = "1", scope: Row | None = None, **resource: Any) -> Row:
    described = {"Attrs": [], "ServiceName": "", "DedicatedAttributes": dedicated(version), **resource}
    named = {"Name": "", "Version": "", "Attrs": [], "DroppedAttributesCount": 0, **(scope or {})}
    entry = {"Resource": described, "ss": [{"Scope": named, "Spans": list(spans)}]}
    return {"TraceID": bytes.fromhex(trace_id.rjust(32, "0")), "TraceIDText": trace_id, "rs": [entry]}


def fitting(value: Any, kind: pa.DataType) -> Any:
    """A value with only those fields that the type has."""
    if pa.types.is_struct(kind):
        fields = [kind.field(i) for i in range(kind.num_fields)]
        return {field.name: fitting(value.get(field.name), field.type) for field in fields}
    if pa.types.is_list(kind) and value is not None:
        return [fitting(item, kind.value_type) for item in value]
    return value


def write_block(
    folder: Path,
    version: str,
    *rows: Row,
    names: list[Row] | None = None,
    schema: pa.Schema | None = None,
    row_group_size: int = 100,
) -> Path:
    folder.mkdir(exist_ok=True)
    schema = schema or trace_schema(version)
    shaped = [{field.name: fitting(row[field.name], field.type) for field in schema} for row in rows]
    pq.write_table(pa.Table.from_pylist(shaped, schema), folder / "data.parquet", row_group_size=row_group_size)
    if names is not None:
        (folder / "meta.json").write_text(json.dumps({"format": "vParquet", "dedicatedColumns": names}))
    return folder / "data.parquet"


def make_reader(plain_of: PlainOf) -> Read:
    """Return what reads a block to plain spans in order of their ids, and kinds and counts of problems."""

    def read(path: Path) -> tuple[list[Row], list[tuple[str, int]]]:
        report = Report(str(path))
        spans = plain_of(TempoParquet().read(Source(path, str(path)), report))
        return spans, [(problem.what, problem.n) for problem in report.problems()]

    return read
