"""Small good files of every format, each as a tree of records that tests may change and write again."""

from __future__ import annotations

import base64
import copy
import csv
import gzip
import io
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from fluo_lab.readers import read_traces

__all__ = ["GOLDEN", "Bytes", "Golden", "Raw", "Table"]

START: Final = 1_730_291_040_680_439_518
TRACES: Final = ("5b8efff798038103d269b633813fc60c", "0af7651916cd43dd8448eb211c80319c")
# Parents by position: two trees of two and three spans; services alternate, names are all different.
PARENTS: Final = (None, 0, 1, None, 3)
NAMES: Final = ("checkout", "charge card", "insert é", "GET /cart/{id}", "cache.get")
SERVICES: Final = ("front", "payment", "payment", "front", "cart")


@dataclass(frozen=True)
class Raw:
    """JSON text that is written as it stands, valid or not."""

    text: str


@dataclass(frozen=True)
class Bytes:
    """The bytes of a protobuf field, with the wire type they go under."""

    data: bytes
    wire: int = 2


class Message(list[Any]):
    """A protobuf message: ``[number, value]`` for each field, values whole numbers, ``Bytes`` or messages."""


@dataclass(frozen=True)
class Golden:
    """A good file.

    Attributes
    ----------
    name
        What tests call it.
    tree
        Documents, messages, or a ``Table``'s rows; every span has a name of its own.
    write
        Makes the bytes of a tree.
    element_depth
        How many steps of a path lead to the part that is lost where text in it is no JSON.
    is_joint
        Whether a record may change how others of its trace are read.
    """

    name: str
    tree: Any
    write: Callable[[Any], bytes]
    element_depth: int = 1
    is_joint: bool = False

    @property
    def data(self) -> bytes:
        """The file."""
        return self.write(copy.deepcopy(self.tree))


def _span_id(i: int) -> str:
    return f"eee19b7ec3c1b17{i}"


def _trace_of(i: int) -> str:
    return TRACES[i > 2]


def _start(i: int) -> int:
    return START + 1_000_000 * i


def _end(i: int) -> int:
    return START + 9_000_000 - 1_000_000 * i


# JSON


def write_json(value: Any, *, indent: int | None = None) -> bytes:
    """Return a value as JSON in ASCII; ``Raw`` texts stand in it as they are."""
    raws: list[str] = []

    def show(one: object) -> str:
        assert isinstance(one, Raw)
        raws.append(one.text)
        return f"<raw {len(raws) - 1}>"

    text = json.dumps(value, default=show, indent=indent, separators=None if indent else (",", ":"))
    for number, raw in enumerate(raws):
        text = text.replace(f'"<raw {number}>"', raw)
    # A member whose name ends so stands there under its bare name, for the second time.
    return text.replace("\\u0000again", "").encode()


def _lines(documents: Any) -> bytes:
    return b"".join(write_json(document) + b"\n" for document in documents)


def _pretty(documents: Any) -> bytes:
    return b"\n".join(write_json(document, indent=2) for document in documents)


def _one(documents: Any) -> bytes:
    return b"".join(write_json(document) for document in documents)


def _base64(digits: str) -> str:
    return base64.b64encode(bytes.fromhex(digits)).decode()


def _otlp_value(value: Any) -> Any:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case bytes():
            return {"bytesValue": base64.b64encode(value).decode()}
        case list():
            return {"arrayValue": {"values": [_otlp_value(item) for item in value]}}
        case dict():
            return {"kvlistValue": {"values": _otlp_pairs(value)}}
    return {"stringValue": value}


def _otlp_pairs(values: dict[str, Any]) -> list[Any]:
    return [{"key": key, "value": _otlp_value(value)} for key, value in values.items()]


def _values(i: int) -> dict[str, Any]:
    """Return the attributes of a span, of every type."""
    of_span = (
        {"http.method": "GET", "http.status_code": 200, "ok": True},
        {"amount": 59.99, "card": b"\x00\xff", "tags": ["a", 1, 2.5], "order": {"id": 7, "paid": False}},
        {"db.statement": "INSERT ' \" \\ é"},
        {"http.status_code": "404", "amount": 60.0},
        {},
    )
    return of_span[i]


def _otlp_span(i: int) -> dict[str, Any]:
    span: dict[str, Any] = {
        "traceId": _trace_of(i),
        "spanId": _span_id(i),
        "name": NAMES[i],
        "kind": (2, 3, 1, 2, 3)[i],
        "startTimeUnixNano": str(_start(i)),
        "endTimeUnixNano": str(_end(i)),
        "attributes": _otlp_pairs(_values(i)),
        "status": {"code": 2, "message": "declined"} if i == 1 else {},
    }
    if PARENTS[i] is not None:
        span["parentSpanId"] = _span_id(PARENTS[i])
    if i == 1:
        event = {"timeUnixNano": str(_start(1) + 5), "name": "exception", "attributes": _otlp_pairs({"type": "E"})}
        link = {"traceId": TRACES[1], "spanId": _span_id(3), "attributes": _otlp_pairs({"why": "retry"})}
        span |= {"events": [event], "links": [link], "flags": 257, "traceState": "a=b", "droppedAttributesCount": 1}
    return span


def _otlp_entries() -> list[Any]:
    """Return the resource spans: one for each run of spans of a service."""
    entries = []
    for service, numbers in (("front", (0,)), ("payment", (1, 2)), ("front", (3,)), ("cart", (4,))):
        resource = {"attributes": _otlp_pairs({"service.name": service, "replicas": 3})}
        scope = {"name": "lib", "version": "1.2", "attributes": _otlp_pairs({"short": True})}
        entries.append(
            {"resource": resource, "scopeSpans": [{"scope": scope, "spans": list(map(_otlp_span, numbers))}]}
        )
    return entries


def _requests() -> list[Any]:
    return [{"resourceSpans": [entry]} for entry in _otlp_entries()]


_LEGACY: Final = {
    "scopeSpans": "instrumentation_library_spans",
    "scope": "instrumentation_library",
    "resourceSpans": "resource_spans",
}
_LEGACY_KINDS: Final = ("SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL", "SPAN_KIND_SERVER", "SPAN_KIND_CLIENT")


def _legacy(value: Any, key: str = "") -> Any:
    """Return OTLP/JSON as old protobuf writers put it: snake case, ids in base64, names of enums."""
    if isinstance(value, dict):
        found = {
            _LEGACY.get(k) or "".join("_" + c.lower() if c.isupper() else c for c in k): v for k, v in value.items()
        }
        return {k: _legacy(v, k) for k, v in found.items()}
    if isinstance(value, list):
        return [_legacy(item) for item in value]
    if key in ("trace_id", "span_id", "parent_span_id"):
        return _base64(value)
    if key == "kind":
        return _LEGACY_KINDS[value]
    return "STATUS_CODE_ERROR" if key == "code" else value


# Protobuf, field by field


def _varint(number: int) -> bytes:
    out = b""
    number &= (1 << 64) - 1
    while number >= 0x80:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def _encode(message: Message) -> bytes:
    out = b""
    for number, value in message:
        data = _encode(value) if isinstance(value, Message) else value
        if isinstance(data, int):
            out += _varint(number << 3) + _varint(data)
        elif isinstance(data, Bytes):
            length = _varint(len(data.data)) if data.wire == 2 else b""
            out += _varint(number << 3 | data.wire) + length + data.data
        else:
            out += _varint(number << 3 | 2) + _varint(len(data)) + data
    return out


def _fixed(number: int, n_bytes: int = 8) -> Bytes:
    return Bytes(number.to_bytes(n_bytes, "little"), wire=1 if n_bytes == 8 else 5)


def _wire_value(value: dict[str, Any]) -> Message:
    ((kind, member),) = value.items()
    match kind:
        case "stringValue":
            return Message([[1, Bytes(member.encode())]])
        case "boolValue":
            return Message([[2, int(member)]])
        case "intValue":
            return Message([[3, int(member)]])
        case "doubleValue":
            import struct

            return Message([[4, Bytes(struct.pack("<d", member), wire=1)]])
        case "arrayValue":
            return Message([[5, Message([[1, _wire_value(item)] for item in member["values"]])]])
        case "kvlistValue":
            return Message([[6, Message([[1, _wire_pair(pair)] for pair in member["values"]])]])
    return Message([[7, Bytes(base64.b64decode(member))]])


def _wire_pair(pair: dict[str, Any]) -> Message:
    return Message([[1, Bytes(pair["key"].encode())], [2, _wire_value(pair["value"])]])


def _wire_pairs(number: int, owner: dict[str, Any]) -> list[Any]:
    return [[number, _wire_pair(pair)] for pair in owner["attributes"]]


def _wire_id(digits: str) -> Bytes:
    return Bytes(bytes.fromhex(digits))


def _wire_span(span: dict[str, Any]) -> Message:
    """Return a span of OTLP/JSON with the field numbers of opentelemetry-proto, ``trace.proto``."""
    fields = Message([[1, _wire_id(span["traceId"])], [2, _wire_id(span["spanId"])]])
    if "traceState" in span:
        fields.append([3, Bytes(span["traceState"].encode())])
    if "parentSpanId" in span:
        fields.append([4, _wire_id(span["parentSpanId"])])
    fields += [[5, Bytes(span["name"].encode())], [6, span["kind"]]]
    fields += [[7, _fixed(int(span["startTimeUnixNano"]))], [8, _fixed(int(span["endTimeUnixNano"]))]]
    fields += _wire_pairs(9, span)
    if "droppedAttributesCount" in span:
        fields.append([10, span["droppedAttributesCount"]])
    for event in span.get("events", []):
        times = [[1, _fixed(int(event["timeUnixNano"]))], [2, Bytes(event["name"].encode())]]
        fields.append([11, Message([*times, *_wire_pairs(3, event)])])
    for link in span.get("links", []):
        ids = [[1, _wire_id(link["traceId"])], [2, _wire_id(link["spanId"])]]
        fields.append([13, Message([*ids, *_wire_pairs(4, link)])])
    if span["status"]:
        fields.append([15, Message([[2, Bytes(span["status"]["message"].encode())], [3, span["status"]["code"]]])])
    if "flags" in span:
        fields.append([16, _fixed(span["flags"], 4)])
    return fields


def _wire_entry(entry: dict[str, Any]) -> Message:
    (group,) = entry["scopeSpans"]
    scope = group["scope"]
    named = [[1, Bytes(scope["name"].encode())], [2, Bytes(scope["version"].encode())]]
    return Message(
        [
            [1, Message(_wire_pairs(1, entry["resource"]))],
            [
                2,
                Message(
                    [[1, Message([*named, *_wire_pairs(3, scope)])], *([2, _wire_span(s)] for s in group["spans"])]
                ),
            ],
        ]
    )


def _messages() -> list[Any]:
    """Return export requests, of one resource each."""
    return [Message([[1, _wire_entry(entry)]]) for entry in _otlp_entries()]


def _plain(messages: Any) -> bytes:
    return b"".join(map(_encode, messages))


def _big_endian(messages: Any) -> bytes:
    return b"".join(len(data).to_bytes(4, "big") + data for data in map(_encode, messages))


def _delimited(messages: Any) -> bytes:
    return b"".join(_varint(len(data)) + data for data in map(_encode, messages))


def _zstd_frames(messages: Any) -> bytes:
    packed = [zstandard.ZstdCompressor().compress(_encode(message)) for message in messages]
    return b"".join(len(data).to_bytes(4, "big") + data for data in packed)


# Jaeger


def _jaeger_tags(i: int) -> list[Any]:
    tags = [{"key": "span.kind", "type": "string", "value": ("server", "client", "internal", "server", "client")[i]}]
    for key, value in _values(i).items():
        kinds = {bool: "bool", int: "int64", float: "float64", str: "string"}
        if type(value) in kinds:
            tags.append({"key": key, "type": kinds[type(value)], "value": value})
        elif type(value) is bytes:
            tags.append({"key": key, "type": "binary", "value": base64.b64encode(value).decode()})
    return tags


def _jaeger_span(i: int) -> dict[str, Any]:
    parent = PARENTS[i]
    reference = {"refType": "CHILD_OF", "traceID": _trace_of(i), "spanID": None if parent is None else _span_id(parent)}
    logs = [{"timestamp": _start(i) // 1000 + 5, "fields": [{"key": "event", "type": "string", "value": "exception"}]}]
    return {
        "traceID": _trace_of(i),
        "spanID": _span_id(i),
        "operationName": NAMES[i],
        "references": [] if parent is None else [reference],
        "flags": 1,
        "startTime": _start(i) // 1000,
        "duration": 4199,
        "tags": _jaeger_tags(i),
        "logs": logs if i == 1 else [],
        "processID": f"p{SERVICES[i]}",
        "warnings": None,
    }


def _jaeger_process(service: str) -> dict[str, Any]:
    return {"serviceName": service, "tags": [{"key": "hostname", "type": "string", "value": f"{service}-1"}]}


def _jaeger_answer() -> list[Any]:
    processes = {f"p{service}": _jaeger_process(service) for service in dict.fromkeys(SERVICES)}
    traces = [
        {
            "traceID": trace,
            "spans": [_jaeger_span(i) for i in range(5) if _trace_of(i) == trace],
            "processes": processes,
            "warnings": None,
        }
        for trace in TRACES
    ]
    return [{"data": copy.deepcopy(traces), "total": 0, "limit": 0, "offset": 0, "errors": None}]


def _jaeger_documents() -> list[Any]:
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


def _jaeger_protobuf() -> list[Any]:
    """Return the answer of Jaeger's gRPC API in the JSON of protobuf."""
    spans = []
    for i in range(5):
        kinds = {"bool": "vBool", "int64": "vInt64", "float64": "vFloat64", "string": "vStr", "binary": "vBinary"}
        types = {"bool": "BOOL", "int64": "INT64", "float64": "FLOAT64", "string": "STRING", "binary": "BINARY"}
        tags = [{"key": t["key"], "vType": types[t["type"]], kinds[t["type"]]: t["value"]} for t in _jaeger_tags(i)]
        parent = PARENTS[i]
        references = [] if parent is None else [{"traceId": _base64(_trace_of(i)), "spanId": _base64(_span_id(parent))}]
        spans.append(
            {
                "traceId": _base64(_trace_of(i)),
                "spanId": _base64(_span_id(i)),
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


def _zipkin_span(i: int) -> dict[str, Any]:
    span: dict[str, Any] = {
        "traceId": _trace_of(i),
        "id": _span_id(i),
        "name": NAMES[i],
        "timestamp": _start(i) // 1000,
        "duration": 4199,
        "localEndpoint": {"serviceName": SERVICES[i], "ipv4": "10.0.0.1", "port": 80},
        "tags": {"http.method": "GET", "n": "7"},
    }
    if i != 2:
        span["kind"] = ("SERVER", "CLIENT", "", "SERVER", "CLIENT")[i]
    if i == 1:
        span["remoteEndpoint"] = {"serviceName": "bank"}
        span["annotations"] = [{"timestamp": _start(1) // 1000 + 5, "value": "retry"}]
        span["tags"]["error"] = ""
    if PARENTS[i] is not None:
        span["parentId"] = _span_id(PARENTS[i])
    return span


def _zipkin_shared() -> list[Any]:
    spans = [_zipkin_span(i) for i in range(5)]
    half = {**_zipkin_span(1), "kind": "SERVER", "shared": True, "name": "charge card served"}
    return [[*spans[:2], {**half, "localEndpoint": {"serviceName": "bank"}}, *spans[2:]]]


def _zipkin_v1() -> list[Any]:
    spans = []
    for i in range(5):
        here = {"serviceName": SERVICES[i], "ipv4": "10.0.0.1", "port": 80}
        words = ("sr", "ss") if i in (0, 3) else ("cs", "cr")
        times = (_start(i) // 1000, _start(i) // 1000 + 4199)
        span: dict[str, Any] = {
            "traceId": _trace_of(i),
            "id": _span_id(i),
            "name": NAMES[i],
            "timestamp": times[0],
            "duration": 4199,
            "annotations": [
                {"timestamp": at, "value": word, "endpoint": here} for at, word in zip(times, words, strict=True)
            ],
            "binaryAnnotations": [{"key": "http.path", "value": "/x", "endpoint": here}],
        }
        if PARENTS[i] is not None:
            span["parentId"] = _span_id(PARENTS[i])
        spans.append(span)
    return [spans]


# Span records


def _plain_values(i: int) -> dict[str, Any]:
    return {key: value for key, value in _values(i).items() if type(value) is not bytes}


def _python_records() -> list[Any]:
    """Return what the console exporter of OpenTelemetry for Python prints."""
    kinds = ("SERVER", "CLIENT", "INTERNAL", "SERVER", "CLIENT")
    return [
        {
            "name": NAMES[i],
            "context": {"trace_id": f"0x{_trace_of(i)}", "span_id": f"0x{_span_id(i)}", "trace_state": "[]"},
            "kind": f"SpanKind.{kinds[i]}",
            "parent_id": None if PARENTS[i] is None else f"0x{_span_id(PARENTS[i])}",
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


def _javascript_records() -> list[Any]:
    """Return what OpenTelemetry for JavaScript makes of its spans."""
    records = [
        {
            "name": NAMES[i],
            "spanContext": {"traceId": _trace_of(i), "spanId": _span_id(i), "traceFlags": 1},
            "parentSpanContext": {"traceId": _trace_of(i), "spanId": _span_id(PARENTS[i] or 0)},
            "kind": (1, 2, 0, 1, 2)[i],
            "startTime": [_start(i) // 10**9, _start(i) % 10**9],
            "endTime": [_end(i) // 10**9, _end(i) % 10**9],
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


def _flat_records() -> list[Any]:
    """Return spans as rows of a table dumped to JSON."""
    return [
        {
            "trace_id": _trace_of(i),
            "span_id": _span_id(i),
            "parent_span_id": None if PARENTS[i] is None else _span_id(PARENTS[i]),
            "name": NAMES[i],
            "serviceName": SERVICES[i],
            "startTimeUnixNano": str(_start(i)),
            "durationInNanos": 4199,
            "kind": "client",
            "statusCode": 2 if i == 1 else 0,
            "attributes": _plain_values(i),
            "region": "eu",
        }
        for i in range(5)
    ]


# Tables


class Table(list[Any]):
    """A table: the header, then rows; each a list of cells."""


def _csv(delimiter: str = ",", *, quoting: int = csv.QUOTE_MINIMAL) -> Callable[[Any], bytes]:
    def write(rows: Any) -> bytes:
        out = io.StringIO()
        writer = csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator="\n")  # type: ignore[arg-type]
        for row in rows:
            writer.writerow(row)
        return out.getvalue().encode(errors="surrogatepass")

    return write


def _csv_spans() -> Table:
    header = ["trace_id", "span_id", "parent_span_id", "name", "service", "kind", "status", "start_ns", "duration_ns"]
    rows = Table([[*header, "amount", "n", "note"]])
    for i in range(5):
        parent = "" if PARENTS[i] is None else _span_id(PARENTS[i])
        ids = [_trace_of(i), _span_id(i), parent, NAMES[i], SERVICES[i]]
        words = ["client", "error" if i == 1 else "unset", str(_start(i)), "4199"]
        rows.append([*ids, *words, f"{i}.5", str(i), 'a;b,"c"\nd' if i == 2 else "x"])
    return rows


def _nezha() -> Table:
    header = "TraceID,SpanID,ParentID,PodName,OperationName,StartTimeUnixNano,EndTimeUnixNano,Duration"
    rows = Table([header.split(",")])
    for i in range(5):
        parent = "root" if PARENTS[i] is None else _span_id(PARENTS[i])
        pod = f"{SERVICES[i]}-579b9bff58-t2dbm"
        times = [str(_start(i)), str(_start(i) + 4199_000), "4199"]
        rows.append([_trace_of(i), _span_id(i), parent, pod, NAMES[i], *times])
    return rows


def _deeptralog() -> Table:
    header = "StartTime,EndTime,URL,SpanType,Service,SpanId,TraceId,Peer,ParentSpan,Component,IsError"
    rows = Table([header.split(",")])
    for i in range(5):
        parent = "-1" if PARENTS[i] is None else f"2aab.38.16.{PARENTS[i]}"
        start = _start(i) // 10**6
        ids = [f"2aab.38.16.{i}", f"2aab.38.{i > 2:d}", "peer", parent]
        rows.append([str(start), str(start + 8), NAMES[i], "Entry", SERVICES[i], *ids, "SpringMVC", "False"])
    return rows


def _tracevae() -> Table:
    header = "traceIdHigh,traceIdLow,parentSpanId,spanId,startTime,duration,nanosecond,DBhash,status,operationName"
    rows = Table([[*header.split(","), "serviceName"]])
    for i in range(5):
        parent = "0" if PARENTS[i] is None else str(-100 - PARENTS[i])
        ids = ["1596357529536981502", str(-2 - (i > 2)), parent, str(-100 - i)]
        rows.append([*ids, "2022-05-02 18:10:09", "39", "4000000", "0", "503" if i == 1 else "0", f"14{i}", "310"])
    return rows


# Parquet


@dataclass(frozen=True)
class _ParquetWriter:
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


def _table_rows() -> list[Any]:
    header, *rows = _csv_spans()
    found = [dict(zip(header, row, strict=True)) for row in rows]
    for row in found:
        row |= {"start_ns": int(row["start_ns"]), "duration_ns": int(row["duration_ns"])}
        row |= {"amount": float(row["amount"]), "n": int(row["n"]), "parent_span_id": row["parent_span_id"] or None}
    return found


def _table_schema() -> pa.Schema:
    kinds = {"start_ns": pa.int64(), "duration_ns": pa.int64(), "amount": pa.float64(), "n": pa.int64()}
    return pa.schema([(name, kinds.get(name, pa.string())) for name in _csv_spans()[0]])


@cache
def _own() -> pa.Table:
    """Return what ``Traces.save`` writes of the lines."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "lines").write_bytes(_lines(_requests()))
        return pq.read_table(read_traces(Path(folder) / "lines").save(Path(folder) / "own.parquet"))


def _struct(**fields: pa.DataType) -> pa.StructType:
    return pa.struct(list(fields.items()))


def _tempo_schema() -> pa.Schema:
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
    link = {"TraceID": bytes.fromhex(TRACES[1]), "SpanID": bytes.fromhex(_span_id(3)), "TraceState": "", "Attrs": []}
    return {
        "SpanID": bytes.fromhex(_span_id(i)),
        "ParentSpanID": b"" if PARENTS[i] is None else bytes.fromhex(_span_id(PARENTS[i])),
        "Name": NAMES[i],
        "Kind": (2, 3, 1, 2, 3)[i],
        "TraceState": "",
        "StartTimeUnixNano": _start(i),
        "DurationNano": 4199,
        "StatusCode": 2 if i == 1 else 0,
        "StatusMessage": "declined" if i == 1 else "",
        "Attrs": _tempo_pairs(_values(i)),
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


def _tempo_rows() -> list[Any]:
    rows = []
    for trace in TRACES:
        entries = []
        for service in dict.fromkeys(SERVICES):
            spans = [_tempo_span(i) for i in range(5) if _trace_of(i) == trace and SERVICES[i] == service]
            if spans:
                resource = {"Attrs": _tempo_pairs({"replicas": 3}), "ServiceName": service, "Cluster": None}
                scope = {"Name": "lib", "Version": "1.2", "Attrs": [], "DroppedAttributesCount": 0}
                entries.append({"Resource": resource, "ss": [{"Scope": scope, "Spans": spans}]})
        rows.append({"TraceID": bytes.fromhex(trace), "rs": entries})
    return rows


def _packed(pack: Callable[[bytes], bytes], write: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    return lambda tree: pack(write(tree))


def _gzip(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def _zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


def _separate(value: Any) -> Any:
    """Return a tree in which no part stands twice, so that a change of one is a change of one."""
    if isinstance(value, list):
        return type(value)(_separate(item) for item in value)
    return {key: _separate(item) for key, item in value.items()} if isinstance(value, dict) else value


def _all() -> list[Golden]:
    own = _own()
    goldens = [
        Golden("otlp-lines", _requests(), _lines),
        Golden("otlp-pretty", [{"resourceSpans": _otlp_entries()}], _pretty, 3),
        Golden("otlp-array", [_requests()], _one, 2),
        Golden("otlp-legacy", [_legacy({"resourceSpans": _otlp_entries()})], _one, 3),
        Golden("otlp-batches", [{"batches": _otlp_entries()}], _one, 3),
        Golden("otlp-lines-gz", _requests(), _packed(_gzip, _lines)),
        Golden("otlp-lines-zst", _requests(), _packed(_zstd, _lines)),
        Golden("protobuf-plain", _messages(), _plain),
        Golden("protobuf-big-endian", _messages(), _big_endian),
        Golden("protobuf-varint", _messages(), _delimited),
        Golden("protobuf-zstd", _messages(), _zstd_frames),
        Golden("protobuf-plain-gz", _messages(), _packed(_gzip, _plain)),
        Golden("jaeger-ui", _jaeger_answer(), _one, 3),
        Golden("jaeger-documents", _jaeger_documents(), _lines),
        Golden("jaeger-protobuf-json", _jaeger_protobuf(), _one),
        Golden("zipkin-v2", [[_zipkin_span(i) for i in range(5)]], _one, 2),
        Golden("zipkin-lists", [[[_zipkin_span(i) for i in r] for r in ((0, 1, 2), (3, 4))]], _pretty, 3),
        Golden("zipkin-shared", _zipkin_shared(), _one, 2, is_joint=True),
        Golden("zipkin-v1", _zipkin_v1(), _one, 2),
        Golden("records-python", _python_records(), _pretty),
        Golden("records-javascript", _javascript_records(), _one, 2),
        Golden("records-flat", _flat_records(), _lines),
        Golden("csv", _csv_spans(), _csv()),
        Golden("csv-semicolon", _csv_spans(), _csv(";", quoting=csv.QUOTE_ALL)),
        Golden("csv-zst", _csv_spans(), _packed(_zstd, _csv())),
        Golden("nezha", _nezha(), _csv()),
        Golden("deeptralog", _deeptralog(), _csv()),
        Golden("tracevae", _tracevae(), _csv()),
        Golden("parquet-own", own.to_pylist(), _ParquetWriter(own.schema)),
        Golden("parquet-table", _table_rows(), _ParquetWriter(_table_schema())),
        Golden("parquet-tempo", _tempo_rows(), _ParquetWriter(_tempo_schema())),
    ]
    return [replace(golden, tree=_separate(golden.tree)) for golden in goldens]


GOLDEN: Final = {golden.name: golden for golden in _all()}
"""The files by their names."""
