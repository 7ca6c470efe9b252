"""The fast and the exact reading of OTLP/JSON lines give the same spans and the same problems."""

from __future__ import annotations

import gc
import math
from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fluo_lab.readers.otlp.columns import RequestColumns
from fluo_lab.readers.otlp.json_pairs import read_json_pairs
from fluo_lab.readers.otlp.pairs import PairTable
from fluo_lab.readers.otlp.structs import decode_request
from fluo_lab.traces import SpanBatch


def _assert_same(read_lines, data: bytes) -> None:
    fast_spans, fast_problems = read_lines(data)
    exact_spans, exact_problems = read_lines(data, is_exact=True)
    assert fast_spans == exact_spans
    assert fast_problems == exact_problems


GOOD_ATTRIBUTES = [{"key": "a", "value": {"stringValue": "x"}}]
# Fields of a span that a typed parser refuses, coerces, or reads otherwise, and some it reads well.
CASES = {
    "plain": {},
    "upper case ids": {"traceId": "5B8EFFF798038103D269B633813FC60C", "parentSpanId": "EEE19B7EC3C1B173"},
    "base64 ids": {"traceId": "W47/95gDgQPSabYzgT/GDA==", "spanId": "7uGbfsPBsXQ="},
    "zero trace id": {"traceId": "0" * 32},
    "zero span id": {"spanId": "0" * 16},
    "zero parent": {"parentSpanId": "0" * 16},
    "empty parent": {"parentSpanId": ""},
    "parent of odd length": {"parentSpanId": "AB"},
    "short trace id": {"traceId": "abc"},
    "32 characters that are no digits": {"traceId": "g" * 32},
    "non-ASCII id of 32 bytes": {"traceId": "é" * 16},
    "no trace id": {"traceId": ...},
    "null trace id": {"traceId": None},
    "numeric id": {"spanId": 5},
    "no times": {"startTimeUnixNano": ..., "endTimeUnixNano": ...},
    "null time": {"startTimeUnixNano": None},
    "empty time": {"startTimeUnixNano": ""},
    "numeric time": {"startTimeUnixNano": 1544712660000000000},
    "fractional time": {"startTimeUnixNano": 1.5},
    "hexadecimal time": {"startTimeUnixNano": "0x10"},
    "negative time": {"startTimeUnixNano": "-1"},
    "time with space": {"startTimeUnixNano": " 1"},
    "time with plus": {"startTimeUnixNano": "+1"},
    "greatest time": {"endTimeUnixNano": "9223372036854775807"},
    "time beyond int64": {"endTimeUnixNano": "9223372036854775808"},
    "time of many digits": {"endTimeUnixNano": "9" * 30},
    "end before start": {"endTimeUnixNano": "1"},
    "leading zeros": {"startTimeUnixNano": "007"},
    "kind name": {"kind": "SPAN_KIND_CLIENT"},
    "short kind name": {"kind": "CLIENT"},
    "kind as text": {"kind": "3"},
    "kind unknown": {"kind": 99},
    "kind negative": {"kind": -1},
    "kind beyond int64": {"kind": 2**63},
    "kind null": {"kind": None},
    "kind fraction": {"kind": 1.5},
    "kind bool": {"kind": True},
    "status empty": {"status": {}},
    "status null": {"status": None},
    "status name": {"status": {"code": "STATUS_CODE_ERROR", "message": "m"}},
    "status unknown": {"status": {"code": 7}},
    "status text": {"status": "ERROR"},
    "empty message": {"status": {"code": 2, "message": ""}},
    "no name": {"name": ...},
    "name number": {"name": 5},
    "name null": {"name": None},
    "name with zero byte": {"name": "a\x00b"},
    "name beyond the plane": {"name": "😀é"},
    "counts": {"droppedAttributesCount": 4294967295, "droppedEventsCount": 1, "droppedLinksCount": 2},
    "count too large": {"droppedAttributesCount": 4294967296},
    "flags": {"flags": 257, "traceState": "a=b"},
    "unknown field": {"colour": "red"},
    "unknown list": {"attributes": GOOD_ATTRIBUTES, "entityRefs": []},
    "attributes text": {"attributes": "none"},
    "attributes object": {"attributes": {"a": 1}},
    "attributes null": {"attributes": None},
    "attribute null": {"attributes": [None, *GOOD_ATTRIBUTES]},
    "attribute twice": {"attributes": [*GOOD_ATTRIBUTES, {"key": "a", "value": {"intValue": "2"}}]},
    "key empty": {"attributes": [{"key": "", "value": {"stringValue": "x"}}]},
    "key missing": {"attributes": [{"value": {"stringValue": "x"}}]},
    "value empty": {"attributes": [{"key": "a", "value": {}}, *GOOD_ATTRIBUTES]},
    "value null": {"attributes": [{"key": "a", "value": None}]},
    "value missing": {"attributes": [{"key": "a"}]},
    "value null inside": {"attributes": [{"key": "a", "value": {"stringValue": None}}]},
    "value text": {"attributes": [{"key": "a", "value": "x"}]},
    "two values": {"attributes": [{"key": "a", "value": {"stringValue": "x", "boolValue": True}}]},
    "empty text": {"attributes": [{"key": "a", "value": {"stringValue": ""}}]},
    "strindex": {"attributes": [{"key": "a", "value": {"stringValueStrindex": 3}}]},
    "int number": {"attributes": [{"key": "a", "value": {"intValue": 5}}]},
    "int text": {"attributes": [{"key": "a", "value": {"intValue": "-5"}}]},
    "int least": {"attributes": [{"key": "a", "value": {"intValue": str(-(2**63))}}]},
    "int too large": {"attributes": [{"key": "a", "value": {"intValue": str(2**63)}}]},
    "int hexadecimal": {"attributes": [{"key": "a", "value": {"intValue": "0xff"}}]},
    "int words": {"attributes": [{"key": "a", "value": {"intValue": "five"}}]},
    "int empty": {"attributes": [{"key": "a", "value": {"intValue": ""}}]},
    "int in double": {"attributes": [{"key": "a", "value": {"doubleValue": 5}}]},
    "text in double": {"attributes": [{"key": "a", "value": {"doubleValue": "NaN"}}]},
    "bool text": {"attributes": [{"key": "a", "value": {"boolValue": "true"}}]},
    "bytes": {"attributes": [{"key": "a", "value": {"bytesValue": "AQI"}}]},
    "kvlist": {
        "attributes": [{"key": "a", "value": {"kvlistValue": {"values": [{"key": "k", "value": {"intValue": 1}}]}}}]
    },
    "array": {
        "attributes": [
            {"key": "a", "value": {"arrayValue": {"values": [{"stringValue": "x"}, {"intValue": "1"}]}}},
            {"key": "b", "value": {"arrayValue": {"values": [{"boolValue": False}, {"doubleValue": 2}]}}},
            {"key": "c", "value": {"arrayValue": {}}},
            {"key": "d", "value": {"arrayValue": {"values": []}}},
            {"key": "e", "value": {"stringValue": '["x",1]'}},
        ]
    },
    "array of empty": {"attributes": [{"key": "a", "value": {"arrayValue": {"values": [{}]}}}]},
    "array of null": {"attributes": [{"key": "a", "value": {"arrayValue": {"values": [None]}}}]},
    "array of hexadecimal": {"attributes": [{"key": "a", "value": {"arrayValue": {"values": [{"intValue": "0x1"}]}}}]},
    "array of arrays": {
        "attributes": [{"key": "a", "value": {"arrayValue": {"values": [{"arrayValue": {"values": []}}]}}}]
    },
    "events": {
        "events": [{"name": "e", "timeUnixNano": "5", "attributes": GOOD_ATTRIBUTES}, {"droppedAttributesCount": 1}]
    },
    "array of numbers": {
        "attributes": [{"key": "a", "value": {"arrayValue": {"values": [{"intValue": 1}, {"doubleValue": "NaN"}]}}}]
    },
    "array and text": {"attributes": [{"key": "a", "value": {"arrayValue": {}, "stringValue": "x"}}]},
    "array null and text": {"attributes": [{"key": "a", "value": {"arrayValue": None, "stringValue": "x"}}]},
    "array text": {"attributes": [{"key": "a", "value": {"arrayValue": "x"}}]},
    "bytes not base64": {"attributes": [{"key": "a", "value": {"bytesValue": "?"}}]},
    "key number": {"attributes": [{"key": 5, "value": {"stringValue": "x"}}]},
    "attribute with more fields": {"attributes": [{"key": "a", "value": {"stringValue": "x"}, "keyStrindex": 0}]},
    "int number too large": {"attributes": [{"key": "a", "value": {"intValue": 2**63}}]},
    "int bool": {"attributes": [{"key": "a", "value": {"intValue": True}}]},
    "int fraction": {"attributes": [{"key": "a", "value": {"intValue": 1.5}}]},
    "time of many zeros": {"startTimeUnixNano": "0" * 45},
    "time in other digits": {"startTimeUnixNano": "\u0661"},
    "id with line feed": {"spanId": "a" * 15 + "\n"},
    "event null": {"events": [None, {"name": "e"}]},
    "event time beyond": {"events": [{"name": "e", "timeUnixNano": str(2**64 - 1)}, {"name": "f"}]},
    "links": {"links": [{"traceId": "a" * 32, "spanId": "B" * 16, "attributes": GOOD_ATTRIBUTES, "flags": 1}]},
    "link without id": {"links": [{"traceId": "a" * 32}]},
}


@pytest.mark.parametrize("name", CASES)
def test_one_odd_line_among_good_ones_reads_the_same_both_ways(read_lines, request_line, name: str) -> None:
    good = [request_line(spanId=f"{i + 1:016x}") for i in range(9)]
    data = b"".join([*good[:5], request_line(**CASES[name]), *good[5:]])
    _assert_same(read_lines, data)
    assert len(read_lines(data)[0]) >= len(good)


@pytest.mark.parametrize(
    "fields",
    [
        b'"kind":2,"kind":3',
        b'"kind":3,"kind":"SPAN_KIND_SERVER"',
        b'"kind":2.0',
        b'"kind":2e0',
        b'"kind":02',
        b'"flags":5.0',
        b'"flags":-0',
        b'"flags":1e30',
        b'"flags":123456789012345678901234567890',
        b'"spanId":"bad","spanId":"eee19b7ec3c1b175"',
        b'"name":"\\ud800"',
        b'"name":"\\udc00\\ud800"',
        b'"name":"\\ud83d\\ude00\\u00e9\\/"',
        b'"name":"\xff"',
        b'"name":"\xed\xa0\x80"',
        b'"name":"a\tb"',
        b'"n\\u0061me":"x"',
        b'"attributes":[{"key":"a","value":{"stringValue":"x"}}],"attributes":[]',
        b'"attributes":[{"key":"a","key":"b","value":{"stringValue":"x","stringValue":"y"}}]',
        b'"attributes":[{"key":"a","value":{"stringValue":"x","stringValue":null}}]',
        b'"attributes":[{"key":"a","value":{"stringValue":"x"},"value":{"boolValue":true}}]',
        b'"attributes":[{"k\\u0065y":"\\u0061","value":{"stringValue":"\\n"}}]',
        b'"attributes":[{"key":"a","value":{"stringValue":"\\ud800"}}]',
        b'"attributes":[{"key":"a","value":{"stringValue":"\xff"}}]',
        b'"attributes":[{"key":"a","value":{"stringValue":"x"}},]',
        b'"attributes":[{"key":"a","value":{"kvlistValue":{"values":[{"key":"k"},{"key":"k","value":{"intValue":1}}]}}}]',
        b'"attributes":[{"key":"a","value":{"arrayValue":' + b"[" * 2000 + b"]" * 2000 + b"}}]",
        b'"attributes":' + b"[" * 2000 + b"]" * 2000,
        *(
            b'"attributes":[{"key":"a","value":{"doubleValue":%b}}]' % number
            for number in (b"-0", b"-0.0", b"0.1", b"1e400", b"NaN", b"1.", b"9007199254740993", b"1" * 30)
        ),
        *(
            b'"attributes":[{"key":"a","value":{"intValue":%b}}]' % number
            for number in (b"5.0", b"1e3", b"-0", b'"-0"', b'"007"', b"9007199254740993.0", b"1" * 30)
        ),
    ],
)
def test_odd_text_in_a_span_reads_the_same_both_ways(read_lines, request_line, fields: bytes) -> None:
    good = [request_line(spanId=f"{i + 1:016x}") for i in range(6)]
    odd = request_line().replace(b'"kind":2', fields)
    assert odd != request_line()
    _assert_same(read_lines, b"".join([*good[:3], odd, *good[3:]]))


@pytest.mark.parametrize("part", ["resource", "scope"])
@pytest.mark.parametrize(
    "text",
    [
        b"null",
        b"5",
        b"{}",
        b'{"attributes":[{"key":"","value":{"stringValue":"x"}}]}',
        b'{"attributes":[{"key":"a","value":{"intValue":7}}]}',
        b'{"attributes":null}',
        b'{"colour":1}',
        b'{"attributes":[{"key":"a","value":{"stringValue":"\xff"}}]}',
    ],
)
def test_an_odd_resource_or_scope_reads_the_same_both_ways(read_lines, request_line, part: str, text: bytes) -> None:
    plain = request_line().replace(b'"scopeSpans":[{', b'"scopeSpans":[{"scope":{"name":"s"},')
    attributes = b'{"attributes":[{"key":"service.name","value":{"stringValue":"payment"}}]}'
    odd = plain.replace(attributes if part == "resource" else b'{"name":"s"}', text)
    assert odd != plain
    _assert_same(read_lines, plain * 3 + odd * 2 + plain)


@pytest.mark.parametrize(
    "line",
    [
        b'{"resourceSpans":null}',
        b'{"resourceSpans":[]}',
        b'{"resourceSpans":[null]}',
        b'{"resourceSpans":{}}',
        b'{"resourceSpans":[{"scopeSpans":[null,{"spans":[null]}]}]}',
        b'{"resourceSpans":[{"resource":null,"scopeSpans":null}]}',
        b'{"resourceSpans":[]} {"resourceSpans":[]}',
        b'{"resourceSpans":[],"resourceSpans":[]}',
        b'{"resourceSpans":[{"resource":{"attributes":[{"key":"a","value":{"doubleValue":NaN}}]}}]}',
        b'{"resourceSpans":[{"resource":{"attributes":[{"key":"a","value":{"doubleValue":1e400}}]}}]}',
        b'{"resourceSpans":[{"resource":{"attributes":[{"key":"a\\u0062","value":{"stringValue":"\\ud800"}}]}}]}',
        b'{"resourceSpans":[{"r\\u0065source":{"attributes":[{"key":"\\u0061","value":{"stringValue":"\\n"}}]}}]}',
        b'{"resourceSpans":[{"schemaUrl":"\xff"}]}',
        b'{"resourceSpans":[]}\x00',
        b'{"resourceSpans":[',
        b'{"resourceSpans":[],"trace":{"resourceSpans":[]}}',
        b'{"resourceSpansX":[]}',
        b"\r",
        b"[]",
        b"5",
        b'"text"',
        b"{}",
        b'{"resourceMetrics":[]}',
    ],
)
def test_odd_text_among_good_lines_reads_the_same_both_ways(read_lines, request_line, line: bytes) -> None:
    good = [request_line(spanId=f"{i + 1:016x}") for i in range(6)]
    data = b"".join([*good[:3], line + b"\n", *good[3:]])
    _assert_same(read_lines, data)
    assert len(read_lines(data)[0]) == 6


def _read_fast(*lines: bytes) -> tuple[SpanBatch, list[int]]:
    columns = RequestColumns(PairTable(read_json_pairs))
    columns.add([decode_request(line) for line in lines])
    return columns.finish()


def test_the_fast_reading_takes_ordinary_lines_itself(request_line) -> None:
    names = ("plain", "array", "events", "links", "kvlist", "bytes", "int number", "int text", "upper case ids")
    batch, odd = _read_fast(*[request_line(**CASES[name]) for name in names])
    assert odd == []
    assert batch.spans.height == len(names)
    assert batch.attributes.frame.height == 9


def test_the_fast_reading_names_the_lines_that_it_cannot_take(request_line) -> None:
    names = ("plain", "value empty", "plain", "zero trace id", "time beyond int64", "event time beyond", "key empty")
    _, odd = _read_fast(*[request_line(**CASES[name]) for name in names])
    assert odd == [1, 3, 4, 5, 6]


def test_equal_resources_and_scopes_of_many_lines_are_one(request_line) -> None:
    batch, _ = _read_fast(*[request_line()] * 5, request_line().replace(b"payment", b"cart"))
    assert (batch.n_resources, batch.scopes.height) == (2, 1)
    assert batch.spans["resource"].to_list() == [0, 0, 0, 0, 0, 1]


@pytest.mark.parametrize("is_enabled", [True, False])
def test_reading_leaves_the_garbage_collector_as_it_was(read_lines, request_line, is_enabled: bool) -> None:
    try:
        gc.enable() if is_enabled else gc.disable()
        read_lines(request_line() + b"{\n" + request_line(colour=1))
        assert gc.isenabled() is is_enabled
    finally:
        gc.enable()


def test_every_shared_file_of_lines_reads_the_same_both_ways(shared: Path, read_lines) -> None:
    data = (shared / "data/otel-demo/otel-tui_test_data.jsonl").read_bytes()
    _assert_same(read_lines, data)
    fast, _ = read_lines(data, block_bytes=20_000)
    assert fast == read_lines(data, is_exact=True)[0]


KEYS = st.text(max_size=3) | st.sampled_from(["service.name", "a", "b"])
INTS = st.integers(-(2**65), 2**65)
SCALARS = st.one_of(
    st.builds(lambda v: {"stringValue": v}, st.text(max_size=6)),
    st.builds(lambda v: {"intValue": v}, st.one_of(INTS.map(str), st.integers(-(2**63), 2**63 - 1))),
    st.builds(lambda v: {"boolValue": v}, st.booleans()),
    st.builds(lambda v: {"doubleValue": v}, st.floats(allow_nan=False, allow_infinity=False)),
    st.sampled_from([{}, {"bytesValue": "AQI="}, {"stringValue": 5}, {"intValue": "0x1"}, {"stringValueStrindex": 1}]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.builds(lambda v: {"arrayValue": {"values": v}}, st.lists(inner, max_size=3)),
        st.builds(
            lambda v: {"kvlistValue": {"values": [{"key": k, "value": x} for k, x in v]}},
            st.lists(st.tuples(KEYS, inner), max_size=2),
        ),
    ),
    max_leaves=4,
)
ATTRIBUTES = st.lists(st.fixed_dictionaries({}, optional={"key": KEYS, "value": VALUES}), max_size=3)
PLAIN_ATTRIBUTES = st.lists(st.fixed_dictionaries({"key": st.sampled_from("abc"), "value": SCALARS}), max_size=3)
SHORT = st.text(max_size=2)
HEX = st.sampled_from("0123456789abcdefABCDEF")
TRACE_IDS = st.text(HEX, min_size=32, max_size=32)
SPAN_IDS = st.text(HEX, min_size=16, max_size=16)
TIMES = st.one_of(st.integers(0, 2**64 - 1).map(str), st.integers(0, 2**63 - 1).map(str))
SPANS = st.fixed_dictionaries(
    {
        "traceId": TRACE_IDS | st.sampled_from(["", "0" * 32, "x", "W47/95gDgQPSabYzgT/GDA=="]),
        "spanId": SPAN_IDS,
        "name": st.text(max_size=4),
    },
    optional={
        "parentSpanId": SPAN_IDS | st.sampled_from(["", "0" * 16, "x"]),
        "kind": st.integers(-1, 7) | st.sampled_from(["SPAN_KIND_SERVER", None]),
        "startTimeUnixNano": TIMES,
        "endTimeUnixNano": TIMES,
        "attributes": ATTRIBUTES | PLAIN_ATTRIBUTES | st.none(),
        "flags": st.integers(0, 2**33),
        "status": st.fixed_dictionaries({}, optional={"code": st.integers(0, 3), "message": SHORT}),
        "events": st.lists(
            st.fixed_dictionaries({}, optional={"name": SHORT, "timeUnixNano": TIMES, "attributes": PLAIN_ATTRIBUTES}),
            max_size=2,
        ),
        "links": st.lists(
            st.fixed_dictionaries({"traceId": TRACE_IDS, "spanId": SPAN_IDS}),
            max_size=1,
        ),
        "extra": st.just(1),
    },
)
REQUESTS = st.builds(
    lambda resource, scope, spans: {
        "resourceSpans": [{"resource": {"attributes": resource}, "scopeSpans": [{"scope": scope, "spans": spans}]}]
    },
    PLAIN_ATTRIBUTES,
    st.fixed_dictionaries({}, optional={"name": SHORT, "version": SHORT, "attributes": PLAIN_ATTRIBUTES}),
    st.lists(SPANS, max_size=3),
)


@given(st.lists(REQUESTS, min_size=1, max_size=8))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_generated_requests_read_the_same_both_ways(read_lines, requests) -> None:
    _assert_same(read_lines, b"\n".join(orjson.dumps(request) for request in requests))


def test_negative_zero_and_extremes_of_doubles_survive_the_fast_reading(read_lines, request_line) -> None:
    numbers = [1.5, -1e308, 5e-324, math.pi, 1e22]
    line = request_line(attributes=[{"key": str(i), "value": {"doubleValue": v}} for i, v in enumerate(numbers)])
    spans, _ = read_lines(line)
    assert [value for _, value in spans[0]["attributes"].values()] == [repr(v) for v in numbers]


@pytest.mark.parametrize("fields", [{"colour": 1}, {"kind": "SPAN_KIND_SERVER"}, {"parentSpanId": "x"}])
def test_a_file_of_odd_lines_alone_reads_the_same_in_many_blocks(read_lines, request_line, fields) -> None:
    line = request_line(**fields)
    spans, problems = read_lines(line * 200, block_bytes=30 * len(line))
    assert (spans, problems) == read_lines(line * 200, is_exact=True)
    assert len(spans) == 200
