"""Attributes, events and links in Tempo's blocks: generic, well-known and dedicated columns, and protobuf."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tempo_blocks import (
    VERSIONS,
    PlainOf,
    Read,
    Row,
    attributes,
    dedicated,
    make_reader,
    span_row,
    trace_row,
    write_block,
)


@pytest.fixture
def read_block(plain_of: PlainOf) -> Read:
    """Read a block to plain spans and problems."""
    return make_reader(plain_of)


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
