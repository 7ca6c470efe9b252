"""Tempo's blocks in every version that is found, made by hand here, and real ones where a folder of them is given."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from fluo_lab.errors import InputError
from fluo_lab.readers import tempo_parquet
from fluo_lab.readers.report import Report
from fluo_lab.readers.source import Source
from fluo_lab.readers.tempo_parquet import TempoParquet
from fluo_lab.traces import PlainSpan, TracesBuilder, traces_from_spans

PlainOf = Callable[..., list[dict[str, Any]]]
Row = dict[str, Any]
VERSIONS = ["2", "3", "4-preview", "4", "5"]

# --- schemas, as the Go structs of grafana/tempo's tempodb/encoding/vparquet*/schema.go say --------------------------


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


# --- rows -------------------------------------------------------------------------------------------------------------

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


@pytest.fixture
def read_block(plain_of: PlainOf) -> Callable[[Path], tuple[list[Row], list[tuple[str, int]]]]:
    """Read a block; return its spans as plain values in order of their ids, and kinds and counts of problems."""

    def read(path: Path) -> tuple[list[Row], list[tuple[str, int]]]:
        report = Report(str(path))
        spans = plain_of(TempoParquet().read(Source(path, str(path)), report))
        return spans, [(problem.what, problem.n) for problem in report.problems()]

    return read


Read = Callable[[Path], tuple[list[Row], list[tuple[str, int]]]]

# --- tests ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_a_span_of_every_version_is_read(version: str, tmp_path: Path, read_block: Read) -> None:
    parent = span_row(version, ParentSpanID=bytes(8))
    child = span_row(
        version,
        SpanID=bytes.fromhex("00000000000000a2"),
        ParentSpanID=bytes.fromhex("00000000000000a1"),
        Name="größe",
        Kind=3,
        TraceState="a=b",
        StartTimeUnixNano=1656933070020000001,
        DurationNano=2,
        StatusCode=2,
        StatusMessage="no",
        DroppedAttributesCount=1,
        DroppedEventsCount=2,
        DroppedLinksCount=-1,
        Attrs=attributes(version, {"text": "x", "empty": "", "int": -5, "double": 5.0, "bool": False}),
    )
    row = trace_row(
        version,
        parent,
        child,
        trace_id="841a87072e7aee8a",
        scope={"Name": "lib", "Version": "1"},
        ServiceName="shop",
        Attrs=attributes(version, {"host.name": "h"}),
    )
    path = write_block(tmp_path / "block", version, row)
    assert TempoParquet().recognise_file(path)
    (first, second), problems = read_block(path)
    assert problems == []
    assert (first["parent_span_id"], first["start_ns"], first["end_ns"]) == (None, 1000, 1050)
    assert (first["status_message"], first["trace_state"]) == (None, None)
    assert second == {
        "trace_id": "0000000000000000841a87072e7aee8a",
        "span_id": "00000000000000a2",
        "parent_span_id": "00000000000000a1",
        "name": "größe",
        "kind": 3,
        "status": 2,
        "status_message": "no",
        "start_ns": 1656933070020000001,
        "end_ns": 1656933070020000003,
        "trace_state": "a=b",
        "flags": 0,
        "dropped_attributes": 1,
        "dropped_events": 2,
        "dropped_links": 2**32 - 1,
        "resource": {"host.name": ("TEXT", "'h'"), "service.name": ("TEXT", "'shop'")},
        "scope": (("lib", "1"), {}),
        "attributes": {
            "text": ("TEXT", "'x'"),
            "empty": ("TEXT", "''"),
            "int": ("INT", "-5"),
            "double": ("DOUBLE", "5.0"),
            "bool": ("BOOL", "False"),
        },
        "events": [],
        "links": [],
    }


ARRAY = {"arrayValue": {"values": [{"intValue": "5"}, {"doubleValue": 5.0}, {}]}}
KVLIST = {"kvlistValue": {"values": [{"key": "k", "value": {"boolValue": True}}]}}


@pytest.mark.parametrize("version", VERSIONS)
def test_values_without_a_column_are_read_from_json(version: str, tmp_path: Path, read_block: Read) -> None:
    values: dict[str, Any] = {"array": ARRAY, "map": KVLIST, "nothing": None, "": "x"}
    if version not in "23":
        values["raw"] = {"bytesValue": "AAE="}
        values["wrong"] = {"intValue": "five"}
    path = write_block(
        tmp_path / "block", version, trace_row(version, span_row(version, Attrs=attributes(version, values)))
    )
    (span,), problems = read_block(path)
    expected = {"array": ("ARRAY", "'[5,5.0,null]'"), "map": ("KVLIST", "'{\"k\":true}'")}
    if version not in "23":
        expected["raw"] = ("BYTES", "'AAE='")
    assert span["attributes"] == expected
    assert ("attribute without a value, read as missing", 1) in problems
    assert ("attribute without a key, not read", 1) in problems
    assert any("no exact whole number; read as missing" in what for what, _ in problems) == (version not in "23")


@pytest.mark.parametrize("version", ["4-preview", "4", "5"])
def test_arrays_have_columns_from_version_4(version: str, tmp_path: Path, read_block: Read) -> None:
    values = {
        "texts": ["a", "b"],
        "ints": [2**63 - 1],
        "doubles": [5.0, float("nan"), float("inf")],
        "bools": [True],
        "none": [],
    }
    span = span_row(version, Attrs=attributes(version, values))
    scope = {"Attrs": attributes(version, {"s": [1]})}
    (found,), problems = read_block(write_block(tmp_path / "block", version, trace_row(version, span, scope=scope)))
    assert problems == []
    assert found["attributes"] == {
        "texts": ("ARRAY", '\'["a","b"]\''),
        "ints": ("ARRAY", "'[9223372036854775807]'"),
        "doubles": ("ARRAY", '\'[5.0,"NaN","Infinity"]\''),
        "bools": ("ARRAY", "'[true]'"),
        "none": ("ARRAY", "'[]'"),
    }
    assert found["scope"] == ((None, None), {"s": ("ARRAY", "'[1]'")})


@pytest.mark.parametrize("version", ["2", "3", "4-preview", "4"])
def test_well_known_columns_get_their_names_back(version: str, tmp_path: Path, read_block: Read) -> None:
    columns = ["Cluster", "Namespace", "Pod", "Container"]
    resource = {name: name.lower() for name in columns} | {f"K8s{name}Name": f"k8s {name.lower()}" for name in columns}
    span = span_row(version, HttpMethod="GET", HttpUrl="", HttpStatusCode=200)
    (found,), problems = read_block(write_block(tmp_path / "block", version, trace_row(version, span, **resource)))
    assert problems == []
    assert found["attributes"] == {
        "http.method": ("TEXT", "'GET'"),
        "http.url": ("TEXT", "''"),
        "http.status_code": ("INT", "200"),
    }
    plain = {key: value for key, (_, value) in found["resource"].items()}
    assert plain == {
        **{name.lower(): f"'{name.lower()}'" for name in columns},
        **{f"k8s.{name.lower()}.name": f"'k8s {name.lower()}'" for name in columns},
    }


@pytest.mark.parametrize("version", ["3", "4"])
def test_dedicated_columns_get_their_names_from_meta_json(version: str, tmp_path: Path, read_block: Read) -> None:
    names = [
        {"s": "resource", "n": "ip"},
        {"n": "region"},
        {"n": "size", "t": "int"},
        {"n": "blob", "o": ["blob"]},
        {"s": "span", "n": "version", "t": "string"},
        {"s": "event", "n": "ignored"},
    ]
    span = span_row(version, DedicatedAttributes={"String01": "eu", "String02": ""})
    row = trace_row(version, span, DedicatedAttributes={"String01": "::1"})
    (found,), problems = read_block(write_block(tmp_path / "block", version, row, names=names))
    assert problems == []
    assert found["attributes"] == {"region": ("TEXT", "'eu'"), "version": ("TEXT", "''")}
    assert found["resource"] == {"ip": ("TEXT", "'::1'")}


def test_dedicated_columns_of_version_5_are_lists_and_numbers_too(tmp_path: Path, read_block: Read) -> None:
    names = [
        {"n": "tags", "o": ["array"]},
        {"n": "body", "o": ["blob"]},
        {"n": "http.status_code", "t": "int"},
        {"n": "sizes", "t": "int", "o": ["array"]},
        {"s": "event", "n": "why"},
    ]
    event = {"TimeSinceStartNano": 5, "Name": "e", "Attrs": [], "DroppedAttributesCount": 3}
    span = span_row(
        "5",
        DedicatedAttributes=dedicated("5", String01=["a", "b"], String02=["text"], Int01=[200], Int02=[1, 2]),
        Events=[{**event, "DedicatedAttributes": dedicated("5", String01=["because"])}],
    )
    (found,), problems = read_block(write_block(tmp_path / "block", "5", trace_row("5", span), names=names))
    assert problems == []
    assert found["attributes"] == {
        "tags": ("ARRAY", '\'["a","b"]\''),
        "body": ("TEXT", "'text'"),
        "http.status_code": ("INT", "200"),
        "sizes": ("ARRAY", "'[1,2]'"),
    }
    assert found["events"] == [
        ({"name": "e", "time_ns": 1005, "dropped_attributes": 3}, {"why": ("TEXT", "'because'")})
    ]


def test_dedicated_columns_without_a_name_are_kept_and_reported(tmp_path: Path, read_block: Read) -> None:
    span = span_row("4", DedicatedAttributes={"String03": "x"})
    path = write_block(tmp_path / "block", "4", trace_row("4", span))
    (found,), ((what, n),) = read_block(path)
    assert found["attributes"] == {"DedicatedAttributes.String03": ("TEXT", "'x'")}
    assert (what[:70], n) == ("a dedicated column of spans that no meta.json beside the block names; ", 1)
    path.with_name("meta.json").write_text("{")
    assert any("meta.json beside the block cannot be read" in what for what, _ in read_block(path)[1])
    path.with_name("meta.json").write_text('{"dedicatedColumns":[5,{"n":""},{"n":"a"},{"n":"b"},{"n":"c"}]}')
    (found,), problems = read_block(path)
    assert found["attributes"] == {"c": ("TEXT", "'x'")}
    assert problems == [("an entry of dedicatedColumns in meta.json that names no attribute, ignored", 2)]


@pytest.mark.parametrize("version", ["2", "3"])
def test_events_and_links_of_old_versions_are_protobuf_inside(version: str, tmp_path: Path, read_block: Read) -> None:
    def event(time_ns: int, values: Mapping[str, bytes]) -> Row:
        pairs = [{"Key": key, "Value": value} for key, value in values.items()]
        return {"TimeUnixNano": time_ns, "Name": "e", "Attrs": pairs, "DroppedAttributesCount": 1}

    array = AnyValue(array_value=ArrayValue(values=[AnyValue(int_value=5)])).SerializeToString()
    values = {"n": AnyValue(int_value=7).SerializeToString(), "json": b'{"stringValue":"old"}', "a": array}
    link = Span.Link(trace_id=b"t" * 16, span_id=b"s" * 8, trace_state="x=y", dropped_attributes_count=2, flags=1)
    link.attributes.append(KeyValue(key="k", value=AnyValue(bool_value=True)))
    short = Span.Link(trace_id=b"t", span_id=b"s")
    encoded = b"".join(b"\x0a" + bytes([one.ByteSize()]) + one.SerializeToString() for one in (link, short))
    good = span_row(
        version, Events=[event(1007, values), event(2**63, {}), event(5, {"empty": b"", "bad": b"}"})], Links=encoded
    )
    bad = span_row(version, SpanID=bytes.fromhex("00000000000000a2"), Links=b"\x0a\xff\x01")
    (first, second), problems = read_block(write_block(tmp_path / "block", version, trace_row(version, good, bad)))
    assert first["events"] == [
        (
            {"name": "e", "time_ns": 1007, "dropped_attributes": 1},
            {"n": ("INT", "7"), "json": ("TEXT", "'old'"), "a": ("ARRAY", "'[5]'")},
        ),
        ({"name": "e", "time_ns": 5, "dropped_attributes": 1}, {}),
    ]
    ids = {"trace_id": (b"t" * 16).hex(), "span_id": (b"s" * 8).hex()}
    assert first["links"] == [
        ({**ids, "trace_state": "x=y", "flags": 1, "dropped_attributes": 2}, {"k": ("BOOL", "True")})
    ]
    assert second["links"] == []
    assert sorted(problems) == [
        ("attribute with a value that is neither protobuf nor JSON; read as missing", 1),
        ("attribute without a value, read as missing", 1),
        ("event time with a whole number out of range, expected nanoseconds; event not read", 1),
        ("linked id of another length than OTLP's; link not read", 1),
        ("links that are no OTLP protobuf, not read", 1),
    ]


@pytest.mark.parametrize("version", ["4-preview", "4", "5"])
def test_events_and_links_of_new_versions_are_columns(version: str, tmp_path: Path, read_block: Read) -> None:
    event = {"Name": "e", "DroppedAttributesCount": 0, "DedicatedAttributes": dedicated(version)}
    before = 2**64 - 10  # ten nanoseconds before the span began
    events = [
        {**event, "TimeSinceStartNano": before, "Attrs": attributes(version, {"why": "x"})},
        {**event, "TimeSinceStartNano": 3, "Attrs": []},
    ]
    link = {"TraceID": b"t" * 16, "SpanID": b"s" * 8, "TraceState": "", "DroppedAttributesCount": 4}
    links = [{**link, "Attrs": attributes(version, {"n": 1})}, {**link, "SpanID": bytes(8), "Attrs": []}]
    span = span_row(version, Events=events, Links=links)
    (found,), problems = read_block(write_block(tmp_path / "block", version, trace_row(version, span)))
    assert found["events"] == [
        ({"name": "e", "time_ns": 990, "dropped_attributes": 0}, {"why": ("TEXT", "'x'")}),
        ({"name": "e", "time_ns": 1003, "dropped_attributes": 0}, {}),
    ]
    ids = {"trace_id": (b"t" * 16).hex(), "span_id": (b"s" * 8).hex()}
    assert found["links"] == [({**ids, "trace_state": None, "flags": 0, "dropped_attributes": 4}, {"n": ("INT", "1")})]
    assert problems == [("linked span id of zeros; link not read", 1)]


def test_an_end_before_the_start_comes_back(tmp_path: Path, read_block: Read) -> None:
    span = span_row("4", StartTimeUnixNano=1000, DurationNano=2**64 - 400)
    (found,), problems = read_block(write_block(tmp_path / "block", "4", trace_row("4", span)))
    assert (found["start_ns"], found["end_ns"], problems) == (1000, 600, [])


def test_spans_that_cannot_be_read_are_counted_and_the_others_kept(tmp_path: Path, read_block: Read) -> None:
    good = span_row("4", Attrs=attributes("4", {"n": 1}))
    wrong = [
        span_row("4", SpanID=b""),
        span_row("4", SpanID=bytes(8), Attrs=attributes("4", {"lost": 1})),
        span_row("4", SpanID=b"abc"),
        span_row("4", StartTimeUnixNano=2**63),
        span_row("4", DurationNano=2**63),
    ]
    odd = span_row("4", SpanID=b"z" * 8, ParentSpanID=b"p", Kind=9, StatusCode=-1)
    rows = [trace_row("4", *wrong[:3], good, *wrong[3:], odd), trace_row("4", good, trace_id="0")]
    spans, problems = read_block(write_block(tmp_path / "block", "4", *rows))
    assert [(span["span_id"], span["parent_span_id"]) for span in spans] == [
        ("00000000000000a1", None),
        ((b"z" * 8).hex(), "70"),
    ]
    assert [span["attributes"] for span in spans] == [{"n": ("INT", "1")}, {}]
    assert (spans[1]["kind"], spans[1]["status"]) == (0, 0)
    assert sorted(problems) == [
        ("no span id; span not read", 1),
        ("parent span id of other than 8 bytes; kept as it is", 1),
        ("span end with a whole number out of range, expected nanoseconds; span not read", 1),
        ("span id of other than 8 bytes; span not read", 1),
        ("span id of zeros; span not read", 1),
        ("span start with a whole number out of range, expected nanoseconds; span not read", 1),
        ("trace id of zeros; span not read", 1),
        ("unknown span kind, read as unspecified", 1),
        ("unknown status code, read as unset", 1),
    ]


def test_columns_of_a_later_version_are_reported_where_they_hold_something(tmp_path: Path, read_block: Read) -> None:
    schema = trace_schema("5", Flags=pa.int64(), Later=pa.string())
    row = trace_row("5", span_row("5", Flags=257), span_row("5", SpanID=b"b" * 8))
    path = write_block(tmp_path / "block", "5", row, schema=schema)
    assert len(read_block(path)[0]) == 2
    assert read_block(path)[1] == [("unknown column 'Flags' of spans, not read", 1)]


@pytest.mark.parametrize("version", ["3", "5"])
def test_text_that_is_not_utf_8_is_mended_and_reported(version: str, tmp_path: Path, read_block: Read) -> None:
    names = ["NAME_ONE", "NAME_TWO"]
    spans = [span_row(version, Name=name, SpanID=name.encode()) for name in names]
    values = attributes(version, {"key": "VALUE_ONE"})
    path = write_block(tmp_path / "block", version, trace_row(version, *spans, Attrs=values))
    table = pq.read_table(path)
    # Neither compressed nor in dictionaries, so that the texts can be found and changed.
    pq.write_table(table, path, compression="none", use_dictionary=False, write_statistics=False)
    data = path.read_bytes()
    changed = data.replace(b"NAME_TWO", b"NAM\xff_TWO").replace(b"VALUE_ONE", b"VALUE\xffONE")
    assert len(changed) == len(data)
    path.write_bytes(changed)
    found, problems = read_block(path)
    assert sorted(span["name"] for span in found) == ["NAME_ONE", "NAM\N{REPLACEMENT CHARACTER}_TWO"]
    assert found[0]["resource"] == {"key": ("TEXT", "'VALUE\N{REPLACEMENT CHARACTER}ONE'")}
    assert problems[0][0] == "text that is not UTF-8, read with replacement characters"


@pytest.mark.parametrize("version", VERSIONS)
def test_how_a_block_is_cut_makes_no_difference(
    version: str, tmp_path: Path, read_block: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        trace_row(
            version,
            *[
                span_row(version, SpanID=bytes([number] * 8), Attrs=attributes(version, {"n": number, "t": str(trace)}))
                for number in range(1, trace % 4 + 1)
            ],
            trace_id=f"{trace:x}",
            ServiceName=f"s{trace % 3}",
        )
        for trace in range(1, 40)
    ]
    path = write_block(tmp_path / "block", version, *rows, row_group_size=7)
    whole = read_block(path)
    monkeypatch.setattr(tempo_parquet, "_PIECE_TRACES", 2)
    assert read_block(path) == whole
    assert len(whole[0]) == sum(trace % 4 for trace in range(1, 40))


def test_a_block_of_no_traces_is_read(tmp_path: Path, read_block: Read) -> None:
    assert read_block(write_block(tmp_path / "block", "4")) == ([], [])
    assert read_block(write_block(tmp_path / "block", "4", trace_row("4"))) == ([], [])


def test_other_files_are_not_recognised(tmp_path: Path) -> None:
    own = traces_from_spans([PlainSpan("a")]).save(tmp_path / "own.parquet")
    text = tmp_path / "text"
    text.write_bytes(b"PAR1 is how Parquet begins")
    other = tmp_path / "other.parquet"
    pq.write_table(pa.table({"TraceID": pa.array([b"a"]), "rs": pa.array([[1]])}), other)
    for path in (own, text, other, tmp_path / "none"):
        assert not TempoParquet().recognise_file(path)
    for path in (own, other):
        with pytest.raises(InputError, match="without the columns of a Tempo block"):
            list(TempoParquet().read(Source(path, "f"), Report("f")))


def test_a_damaged_block_is_one_clear_error(tmp_path: Path) -> None:
    path = write_block(tmp_path / "block", "4", trace_row("4", span_row("4")))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match="f: a damaged Tempo block"):
        list(TempoParquet().read(Source(path, "f"), Report("f")))


def test_a_missing_value_is_one_clear_error(tmp_path: Path) -> None:
    for column in ("SpanID", "Kind", "StartTimeUnixNano", "DroppedLinksCount"):
        path = write_block(tmp_path / "block", "4", trace_row("4", span_row("4", **{column: None})))
        with pytest.raises(InputError, match=f"the column {column} lacks 1 values"):
            list(TempoParquet().read(Source(path, "f"), Report("f")))


def test_real_blocks_have_the_traces_and_spans_their_writers_counted() -> None:
    """Extracts of grafana/tempo's test data: ``vparquet2`` to ``vparquet5``, each a folder with its meta.json."""
    folder = os.environ.get("FLUO_TEMPO_BLOCKS")
    if folder is None:
        pytest.skip("no real blocks: set FLUO_TEMPO_BLOCKS to a folder of folders with data.parquet and meta.json")
    counts = {}
    for path in sorted(Path(folder).rglob("data.parquet")):
        assert TempoParquet().recognise_file(path)
        report, builder = Report(str(path)), TracesBuilder()
        for batch in TempoParquet().read(Source(path, str(path)), report):
            builder.add(batch)
        traces = builder.finish()
        assert report.problems() == []
        assert traces.n_traces == json.loads(path.with_name("meta.json").read_text())["totalObjects"]
        assert {"http.method", "instance", "region"} <= {
            key for group in traces.attribute_table.groups for key, _ in group.keys
        }
        counts[path.parent.name] = (traces.n_traces, traces.n_spans)
    assert counts
    known = {f"vparquet{version}": (134, 570) for version in (2, 3, 4)} | {"vparquet5": (133, 566)}
    assert counts == {name: known.get(name, found) for name, found in counts.items()}
