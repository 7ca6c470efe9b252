"""Documents of every dialect of Jaeger JSON, any other document, and fields that nobody knows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jaeger_records import (
    EMBEDDED,
    FULL_TRACE,
    PROCESS,
    TRACE,
    Read,
    Walk,
    make_reader,
    make_span,
    make_trace,
    make_walk,
    reference,
    tag,
)

from fluo_lab.readers.jaeger.walk import JaegerWalk
from fluo_lab.readers.report import Report


@pytest.fixture(scope="module")
def walk(plain_of: Callable[..., Any]) -> Walk:
    """Walk documents; return plain spans and the problems with their counts."""
    return make_walk(plain_of)


@pytest.fixture(scope="module")
def read(plain_of: Callable[..., Any]) -> Read:
    """Read a file as Jaeger JSON, or as OTLP/JSON where it is that."""
    return make_reader(plain_of)


SHAPES = {
    "answer": {"data": [make_trace(make_span())], "total": 0, "limit": 0, "offset": 0, "errors": None},
    "trace": make_trace(make_span()),
    "state of the UI": {"data": make_trace(make_span(), services=[], traceName="x"), "id": TRACE, "state": "DONE"},
    "list of traces": [make_trace(make_span())],
    "list of spans": [EMBEDDED],
    "span": EMBEDDED,
    "hits": {"took": 3, "hits": {"total": 1, "hits": [{"_index": "jaeger-span", "_source": EMBEDDED}]}},
    "searches": {"responses": [{"hits": {"hits": [{"_source": EMBEDDED}]}}]},
    "dumped hit": {"_index": "jaeger-span-2019-10-17", "_id": "x", "_source": EMBEDDED},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_gives_the_same_span(shape: str, walk: Any, tmp_path: Path, read: Any) -> None:
    expected, _ = walk(make_trace(make_span()))
    assert walk(SHAPES[shape]) == (expected, {})
    path = tmp_path / "file"
    path.write_bytes(orjson.dumps(SHAPES[shape]) + b"\n" + orjson.dumps(SHAPES[shape]) + b"\n")
    spans, report = read(path)
    assert spans == 2 * expected
    assert report.problems() == []


def test_the_protobuf_as_json_gives_the_same_span(walk: Any) -> None:
    domain = {
        "traceId": "AAAAAAAAAAAtsXKGs+axSA==",
        "spanId": "AAAAAAAAAAo=",
        "operationName": "charge",
        "startTime": "2019-10-17T17:39:34.777373+02:00",
        "duration": "0.004199s",
        "tags": [{"key": "ok", "vType": "BOOL"}, {"key": "n", "vType": 2}, {"key": "t", "vStr": "x"}],
        "process": {"serviceName": "payment", "tags": [{"key": "hostname", "vStr": "pod-1"}]},
    }
    tags = [tag("ok", "bool", False), tag("n", "int64", 0), tag("t", "string", "x")]
    assert walk({"spans": [domain], "processMap": []}) == walk(make_trace(make_span(tags=tags)))


def test_processes_of_the_protobuf_stand_in_a_list(walk: Any) -> None:
    document = {"spans": [make_span(processID="p7")], "process_map": [{"process_id": "p7", "process": PROCESS}]}
    assert walk(document) == walk(make_trace(make_span()))


def test_a_row_of_cassandra_gives_the_same_span(walk: Any) -> None:
    row = {
        "TraceID": "AAAAAAAAAAAtsXKGs+axSA==",
        "SpanID": -2,
        "ParentID": 0,
        "OperationName": "charge",
        "StartTime": 1571326774777373,
        "Duration": 4199,
        "Tags": [{"Key": "n", "ValueType": "int64", "value_long": 5}, {"Key": "ok", "ValueType": "bool"}],
        "Logs": None,
        "Refs": [{"RefType": "follows-from", "TraceID": "AAAAAAAAAAAtsXKGs+axSA==", "SpanID": 11}],
        "Process": {
            "ServiceName": "payment",
            "Tags": [{"Key": "hostname", "ValueType": "string", "value_string": "pod-1"}],
        },
        "ServiceName": "payment",
        "SpanHash": 1,
    }
    tags = [tag("n", "int64", "5"), tag("ok", "bool", "false")]
    ui = make_span(spanID="fffffffffffffffe", tags=tags, references=[reference("FOLLOWS_FROM", "b")])
    assert walk(row) == walk(make_trace(ui))


def test_tags_that_elasticsearch_keeps_as_fields_have_their_dots_again(walk: Any) -> None:
    process = {"serviceName": "payment", "tags": [], "tag": {"k8s@pod@name": "pod-1"}}
    span = make_span(
        processID=..., process=process, tag={"http@status_code": 200, "span@kind": "server", "ok": True, "ms": 1.5}
    )
    (found,), problems = walk({**span, "startTimeMillis": 1571326774777})
    assert problems == {}
    assert found["attributes"] == {"http.status_code": ("INT", "200"), "ok": ("BOOL", "True"), "ms": ("DOUBLE", "1.5")}
    assert found["kind"] == 2
    assert found["resource"]["k8s.pod.name"] == ("TEXT", "'pod-1'")


def test_warnings_and_errors_of_jaeger_are_counted_by_kind() -> None:
    report = Report("test")
    jaeger = JaegerWalk(report)
    first = make_span(warnings=["clock skew adjustment disabled; not applying calculated delta of 1.5ms"])
    second = make_span(spanID="b", warnings=["clock skew adjustment disabled; not applying calculated delta of 250µs"])
    jaeger.add({"data": [make_trace(first, second)], "errors": [{"code": 500, "msg": "storage", "traceID": TRACE}]})
    assert {(problem.what, problem.n) for problem in report.problems()} == {
        ("Jaeger warned: clock skew adjustment disabled; not applying calculated delta of …", 2),
        ("Jaeger answered with an error beside the traces", 1),
    }
    assert report.incomplete == {FULL_TRACE}


def test_fields_of_the_ui_are_left_out_and_unknown_ones_named(walk: Any) -> None:
    computed = {
        "relativeStartTime": 0,
        "depth": 0,
        "hasChildren": True,
        "childSpanIds": [],
        "subsidiarilyReferencedBy": [],
    }
    nested = {**reference("CHILD_OF", "b"), "span": make_span(spanID="b")}
    expected, _ = walk(make_trace(make_span(references=[reference("CHILD_OF", "b")])))
    assert walk(make_trace(make_span(**computed, references=[nested]))) == (expected, {})
    _, problems = walk(make_trace(make_span(mood="good"), colour="red"))
    assert problems == {"unknown field 'mood' in a span, ignored": 1, "unknown field 'colour' in a trace, ignored": 1}


SPAN_FIELDS = ["traceID", "spanID", "SpanID", "parentSpanID", "references", "startTime", "duration", "flags", "logs"]
OTHER_FIELDS = [
    "data",
    "hits",
    "_source",
    "errors",
    "spans",
    "processes",
    "refType",
    "timestamp",
    "fields",
    "tag",
    "key",
]
TAG_FIELDS = ["tags", "type", "value", "vType", "vStr", "process", "processID", "serviceName", "warnings"]
NAMES = st.sampled_from([*SPAN_FIELDS, *OTHER_FIELDS, *TAG_FIELDS])
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        ["", "0", "a1", "string", "int64", "binary", "CHILD_OF", "error", "event", "1s", "AAo=", "2017-01-26T"]
    ),
    st.text(max_size=8),
)
DOCUMENTS = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=8), max_leaves=40
)


@settings(max_examples=300)
@given(document=DOCUMENTS, member=DOCUMENTS, name=NAMES)
def test_any_document_gives_spans_and_problems_and_never_fails(document: Any, member: Any, name: str) -> None:
    report = Report("test")
    jaeger = JaegerWalk(report)
    jaeger.add(document)
    jaeger.add(make_trace(make_span(**{name: member}), make_span(spanID="b")))
    batch = jaeger.finish()
    assert batch.spans.height >= 1


def test_documents_nested_too_deep_are_named() -> None:
    value = orjson.loads(b"[" * 900 + b"]" * 900)
    nested: Any = make_span()
    for _ in range(12):
        nested = {"hits": nested}
    tags = [tag("k", "string", value), {"key": value, "value": 1}, {"key": "t", "type": value, "value": "x"}]
    deep = make_span(tags=tags, process={"serviceName": "payment", "tags": tags}, operationName=value)
    report = Report("test")
    jaeger = JaegerWalk(report)
    jaeger.add(nested)
    jaeger.add(make_trace(deep, make_span(**{"spanID": "b", "references": [{"refType": value, "spanID": value}]})))
    assert jaeger.finish().spans.height == 2
    assert {
        "documents in one another deeper than 8 levels, not read",
        "attribute with an array that cannot be kept (Recursion limit reached); read as missing",
        "attribute without a key, not read",
        "attribute of unknown type 'an array'; read as it stands",
        "span operationName that is an array, expected a string; read as empty",
    } <= {problem.what for problem in report.problems()}
