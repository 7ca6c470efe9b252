"""Golden tables: CSV, Parquet, and Grafana Tempo's blocks."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from fluo_lab.readers import read_traces
from golden.base import NAMES, PARENTS, SERVICES, TRACES, span_id_of, start_of, trace_of, write_lines
from golden.otlp import requests, values_of


class Table(list[Any]):
    """A table: the header, then rows; each a list of cells."""


def write_csv(delimiter: str = ",", *, quoting: int = csv.QUOTE_MINIMAL) -> Callable[[Any], bytes]:
    def write(rows: Any) -> bytes:
        out = io.StringIO()
        writer = csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator="\n")  # type: ignore[arg-type]
        for row in rows:
            writer.writerow(row)
        return out.getvalue().encode(errors="surrogatepass")

    return write


def csv_spans() -> Table:
    header = ["trace_id", "span_id", "parent_span_id", "name", "service", "kind", "status", "start_ns", "duration_ns"]
    rows = Table([[*header, "amount", "n", "note"]])
    for i in range(5):
        parent = "" if PARENTS[i] is None else span_id_of(PARENTS[i])
        ids = [trace_of(i), span_id_of(i), parent, NAMES[i], SERVICES[i]]
        words = ["client", "error" if i == 1 else "unset", str(start_of(i)), "4199"]
        rows.append([*ids, *words, f"{i}.5", str(i), 'a;b,"c"\nd' if i == 2 else "x"])
    return rows


def nezha() -> Table:
    header = "TraceID,SpanID,ParentID,PodName,OperationName,StartTimeUnixNano,EndTimeUnixNano,Duration"
    rows = Table([header.split(",")])
    for i in range(5):
        parent = "root" if PARENTS[i] is None else span_id_of(PARENTS[i])
        pod = f"{SERVICES[i]}-579b9bff58-t2dbm"
        times = [str(start_of(i)), str(start_of(i) + 4199_000), "4199"]
        rows.append([trace_of(i), span_id_of(i), parent, pod, NAMES[i], *times])
    return rows


def deeptralog() -> Table:
    header = "StartTime,EndTime,URL,SpanType,Service,SpanId,TraceId,Peer,ParentSpan,Component,IsError"
    rows = Table([header.split(",")])
    for i in range(5):
        parent = "-1" if PARENTS[i] is None else f"2aab.38.16.{PARENTS[i]}"
        start = start_of(i) // 10**6
        ids = [f"2aab.38.16.{i}", f"2aab.38.{i > 2:d}", "peer", parent]
        rows.append([str(start), str(start + 8), NAMES[i], "Entry", SERVICES[i], *ids, "SpringMVC", "False"])
    return rows


def tracevae() -> Table:
    header = "traceIdHigh,traceIdLow,parentSpanId,spanId,startTime,duration,nanosecond,DBhash,status,operationName"
    rows = Table([[*header.split(","), "serviceName"]])
    for i in range(5):
        parent = "0" if PARENTS[i] is None else str(-100 - PARENTS[i])
        ids = ["1596357529536981502", str(-2 - (i > 2)), parent, str(-100 - i)]
        rows.append([*ids, "2022-05-02 18:10:09", "39", "4000000", "0", "503" if i == 1 else "0", f"14{i}", "310"])
    return rows


# Parquet


@dataclass(frozen=True)
class ParquetWriter:
    """Writes rows under a schema, with nulls where a value does not fit its column."""

    schema: pa.Schema

    def __call__(self, rows: Any) -> bytes:
        columns = []
        for field in self.schema:
            values = [row.get(field.name) if isinstance(row, dict) else None for row in rows]
            columns.append(pa.array([_fitting(value, field.type) for value in values], field.type))
        out = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_arrays(columns, schema=self.schema), out)
        return out.getvalue().to_pybytes()


def _fitting(value: Any, kind: Any) -> Any:
    """Return a value, or those parts of it that the type can hold."""
    if value is None:
        return None
    if pa.types.is_struct(kind):
        if not isinstance(value, dict):
            return None
        fields = [kind.field(i) for i in range(kind.num_fields)]
        return {field.name: _fitting(value.get(field.name), field.type) for field in fields}
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return [_fitting(item, kind.value_type) for item in value] if isinstance(value, list) else None
    try:
        pa.array([value], kind)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return None
    return value


def table_rows() -> list[Any]:
    header, *rows = csv_spans()
    found = [dict(zip(header, row, strict=True)) for row in rows]
    for row in found:
        row |= {"start_ns": int(row["start_ns"]), "duration_ns": int(row["duration_ns"])}
        row |= {"amount": float(row["amount"]), "n": int(row["n"]), "parent_span_id": row["parent_span_id"] or None}
    return found


def table_schema() -> pa.Schema:
    kinds = {"start_ns": pa.int64(), "duration_ns": pa.int64(), "amount": pa.float64(), "n": pa.int64()}
    return pa.schema([(name, kinds.get(name, pa.string())) for name in csv_spans()[0]])


@cache
def own_table() -> pa.Table:
    """Return what ``Traces.save`` writes of the lines."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "lines").write_bytes(write_lines(requests()))
        return pq.read_table(read_traces(Path(folder) / "lines").save(Path(folder) / "own.parquet"))


def _struct(**fields: pa.DataType) -> pa.StructType:
    return pa.struct(list(fields.items()))


def tempo_schema() -> pa.Schema:
    """Return the columns of a block of vParquet4 that are read (grafana/tempo, ``vparquet4/schema.go``)."""
    texts = {"Value": pa.list_(pa.string()), "ValueInt": pa.list_(pa.int64())}
    values = {**texts, "ValueDouble": pa.list_(pa.float64()), "ValueBool": pa.list_(pa.bool_())}
    pairs = pa.list_(_struct(Key=pa.string(), IsArray=pa.bool_(), **values, ValueUnsupported=pa.string()))
    count = {"DroppedAttributesCount": pa.int32()}
    event = _struct(TimeSinceStartNano=pa.uint64(), Name=pa.string(), Attrs=pairs, **count)
    link = _struct(TraceID=pa.binary(), SpanID=pa.binary(), TraceState=pa.string(), Attrs=pairs, **count)
    span = _struct(
        SpanID=pa.binary(),
        ParentSpanID=pa.binary(),
        Name=pa.string(),
        Kind=pa.int64(),
        TraceState=pa.string(),
        StartTimeUnixNano=pa.uint64(),
        DurationNano=pa.uint64(),
        StatusCode=pa.int64(),
        StatusMessage=pa.string(),
        Attrs=pairs,
        **count,
        Events=pa.list_(event),
        DroppedEventsCount=pa.int32(),
        Links=pa.list_(link),
        DroppedLinksCount=pa.int32(),
        HttpMethod=pa.string(),
        HttpUrl=pa.string(),
        HttpStatusCode=pa.int64(),
        DedicatedAttributes=_struct(**{f"String{n:02d}": pa.string() for n in range(1, 11)}),
    )
    scope = _struct(Name=pa.string(), Version=pa.string(), Attrs=pairs, **count)
    resource = _struct(Attrs=pairs, ServiceName=pa.string(), Cluster=pa.string())
    groups = pa.list_(_struct(Scope=scope, Spans=pa.list_(span)))
    return pa.schema([("TraceID", pa.binary()), ("rs", pa.list_(_struct(Resource=resource, ss=groups)))])


def _tempo_pairs(values: dict[str, Any]) -> list[Any]:
    columns = {str: "Value", int: "ValueInt", float: "ValueDouble", bool: "ValueBool"}
    empty: dict[str, Any] = {name: [] for name in columns.values()}
    return [
        {"Key": key, "IsArray": False, **empty, columns[type(value)]: [value], "ValueUnsupported": None}
        for key, value in values.items()
        if type(value) in columns
    ]


def _tempo_span(i: int) -> dict[str, Any]:
    event = {"TimeSinceStartNano": 5, "Name": "exception", "Attrs": _tempo_pairs({"type": "E"})}
    link = {"TraceID": bytes.fromhex(TRACES[1]), "SpanID": bytes.fromhex(span_id_of(3)), "TraceState": "", "Attrs": []}
    return {
        "SpanID": bytes.fromhex(span_id_of(i)),
        "ParentSpanID": b"" if PARENTS[i] is None else bytes.fromhex(span_id_of(PARENTS[i])),
        "Name": NAMES[i],
        "Kind": (2, 3, 1, 2, 3)[i],
        "TraceState": "",
        "StartTimeUnixNano": start_of(i),
        "DurationNano": 4199,
        "StatusCode": 2 if i == 1 else 0,
        "StatusMessage": "declined" if i == 1 else "",
        "Attrs": _tempo_pairs(values_of(i)),
        "DroppedAttributesCount": 0,
        "Events": [{**event, "DroppedAttributesCount": 0}] if i == 1 else [],
        "DroppedEventsCount": 0,
        "Links": [{**link, "DroppedAttributesCount": 0}] if i == 1 else [],
        "DroppedLinksCount": 0,
        "HttpMethod": None,
        "HttpUrl": "/x",
        "HttpStatusCode": None,
        "DedicatedAttributes": {},
    }


def tempo_rows() -> list[Any]:
    rows = []
    for trace in TRACES:
        entries = []
        for service in dict.fromkeys(SERVICES):
            spans = [_tempo_span(i) for i in range(5) if trace_of(i) == trace and SERVICES[i] == service]
            if spans:
                resource = {"Attrs": _tempo_pairs({"replicas": 3}), "ServiceName": service, "Cluster": None}
                scope = {"Name": "lib", "Version": "1.2", "Attrs": [], "DroppedAttributesCount": 0}
                entries.append({"Resource": resource, "ss": [{"Scope": scope, "Spans": spans}]})
        rows.append({"TraceID": bytes.fromhex(trace), "rs": entries})
    return rows
