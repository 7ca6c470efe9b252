"""Jaeger JSON of every dialect: shapes, ids, times, references, tags, and what it shares with OTLP."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fluo_lab.errors import InputError
from fluo_lab.readers.jaeger_json import JaegerJson
from fluo_lab.readers.jaeger_times import parse_duration, parse_time
from fluo_lab.readers.jaeger_values import decode_jaeger_id
from fluo_lab.readers.jaeger_walk import JaegerWalk
from fluo_lab.readers.otlp_json import OtlpJson
from fluo_lab.readers.otlp_values import ValueFault
from fluo_lab.readers.report import Report
from fluo_lab.readers.source import Source

TRACE = "2db17286b3e6b148"
FULL_TRACE = "0" * 16 + TRACE
ROOT, CHILD = "000000000000000a", "000000000000000b"
PROCESS = {"serviceName": "payment", "tags": [{"key": "hostname", "type": "string", "value": "pod-1"}]}


def make_span(**fields: Any) -> dict[str, Any]:
    span = {
        "traceID": TRACE,
        "spanID": "a",
        "operationName": "charge",
        "references": [],
        "startTime": 1571326774777373,
        "duration": 4199,
        "tags": [],
        "logs": [],
        "processID": "p1",
        "warnings": None,
    }
    span.update(fields)
    return {name: value for name, value in span.items() if value is not ...}


def make_trace(*spans: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"traceID": TRACE, "spans": list(spans), "processes": {"p1": PROCESS}, "warnings": None, **fields}


def reference(kind: str, span: str, trace: str = TRACE) -> dict[str, str]:
    return {"refType": kind, "traceID": trace, "spanID": span}


def tag(key: str, value_type: str, value: object) -> dict[str, object]:
    return {"key": key, "type": value_type, "value": value}


@pytest.fixture(scope="module")
def walk(plain_of: Callable[..., Any]) -> Callable[..., tuple[list[Any], dict[str, int]]]:
    """Walk documents; return plain spans and the problems with their counts."""

    def run(*documents: object) -> tuple[list[Any], dict[str, int]]:
        report = Report("test")
        jaeger = JaegerWalk(report)
        for document in documents:
            jaeger.add(orjson.loads(orjson.dumps(document)))
        return plain_of([jaeger.finish()]), {problem.what: problem.n for problem in report.problems()}

    return run


@pytest.fixture(scope="module")
def read(plain_of: Callable[..., Any]) -> Callable[[Path], tuple[Any, Report]]:
    """Read a file as Jaeger JSON, or as OTLP/JSON where it is that."""

    def run(path: Path) -> tuple[Any, Report]:
        source, report = Source(path, path.name), Report(path.name)
        chosen = next(f for f in (OtlpJson(), JaegerJson()) if f.recognise(source.head))
        return plain_of(chosen.read(source, report)), report

    return run


def manifest(shared: Path) -> Iterable[dict[str, str]]:
    with (shared / "data" / "MANIFEST.tsv").open() as file:
        yield from csv.DictReader(file, delimiter="\t")


def test_every_real_file_is_recognised_and_has_the_counts_of_the_manifest(shared: Path, read: Any) -> None:
    rows = [row for row in manifest(shared) if row["format"].startswith("jaeger")]
    assert rows
    for row in rows:
        spans, _ = read(shared / "data" / row["file"])
        assert (len(spans), len({span["trace_id"] for span in spans})) == (int(row["spans"]), int(row["traces"])), row


def test_no_other_real_file_is_taken_for_jaeger(shared: Path) -> None:
    others = [row for row in manifest(shared) if not row["format"].startswith("jaeger")]
    paths = [shared / "data" / row["file"] for row in others]
    taken = [path for path in paths if path.is_file() and JaegerJson().recognise(Source(path, path.name).head)]
    assert others
    assert taken == []


def in_micros(spans: Any) -> Any:
    """Cut times to what Jaeger keeps, and durations with them."""
    for span in spans:
        duration = (span["end_ns"] - span["start_ns"]) // 1000
        span["start_ns"] = span["start_ns"] // 1000
        span["end_ns"] = span["start_ns"] + duration
        for event, _ in span["events"]:
            event["time_ns"] //= 1000
    return spans


PAIRS = [
    (
        "jaeger/jaeger_extension_jaegerquery_fixture_otlp2jaeger-in.json",
        "jaeger/jaeger_extension_jaegerquery_fixture_otlp2jaeger-out.json",
    ),
    ("jaeger-ui/utils_fixtures_otlp2jaeger-in.json", "jaeger-ui/utils_fixtures_otlp2jaeger-out.json"),
    (
        "jaeger-ui/utils_fixtures_otlp2jaeger-multi-in-combined.json",
        "jaeger-ui/utils_fixtures_oltp2jaeger-multi-out.json",
    ),
    (
        "jaeger/storage_v2_elasticsearch_tracestore_fixtures_otel_traces_01.json",
        "jaeger/storage_v2_elasticsearch_tracestore_fixtures_es_01.json",
    ),
    (
        "jaeger/storage_v2_elasticsearch_tracestore_fixtures_otel_traces_01.json",
        "jaeger/storage_v2_elasticsearch_tracestore_fixtures_es_01_string_tags.json",
    ),
    (
        "jaeger/storage_v2_cassandra_tracestore_fixtures_otel_traces_01.json",
        "jaeger/storage_v2_cassandra_tracestore_fixtures_cas_01.json",
    ),
    (
        "jaeger/uimodel_converter_v1_json_fixtures_domain_01.json",
        "jaeger/uimodel_converter_v1_json_fixtures_ui_01.json",
    ),
    (
        "jaeger/uimodel_converter_v1_json_fixtures_domain_es_01.json",
        "jaeger/uimodel_converter_v1_json_fixtures_es_01.json",
    ),
]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_the_same_spans_are_the_same_by_two_routes(shared: Path, read: Any, one: str, other: str) -> None:
    assert in_micros(read(shared / "data" / one)[0]) == in_micros(read(shared / "data" / other)[0])


EMBEDDED = make_span(processID=..., process=PROCESS)
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


@given(number=st.integers(1, 2**128 - 1))
def test_an_id_is_the_same_however_many_zeros_lead_it(number: int) -> None:
    assert decode_jaeger_id(f"{number:X}", 16) == decode_jaeger_id(f"{number:032x}", 16) == f"{number:032x}"


def test_ids_without_their_zeros_join(walk: Any) -> None:
    spans, problems = walk(
        make_trace(make_span(), make_span(spanID="0B", references=[reference("CHILD_OF", "A", trace=FULL_TRACE)]))
    )
    assert problems == {}
    assert [(s["trace_id"], s["span_id"], s["parent_span_id"]) for s in spans] == [
        (FULL_TRACE, ROOT, None),
        (FULL_TRACE, CHILD, ROOT),
    ]


def test_an_id_that_is_no_number_is_kept_and_named(walk: Any) -> None:
    spans, problems = walk(
        make_trace(
            make_span(spanID="span-one", tags=None),
            make_span(spanID="b", references=[reference("CHILD_OF", "span-one")]),
        )
    )
    assert {span["span_id"]: span["parent_span_id"] for span in spans} == {"span-one": None, CHILD: "span-one"}
    assert problems == {
        "span id of other characters, expected up to 16 hexadecimal digits; kept as it is": 1,
        "linked span id of other characters, expected up to 16 hexadecimal digits; kept as it is": 1,
    }


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"spanID": None}, "no span id"),
        ({"spanID": "0000"}, "span id of zeros"),
        ({"spanID": [1]}, "span id of an array, expected up to 16 hexadecimal digits"),
        ({"startTime": "soon"}, "span start with a string that is no exact whole number, expected microseconds or an "),
        ({"startTime": 2**63 // 1000 + 1}, "span start with a whole number out of range, expected microseconds or an "),
        ({"duration": {}}, "span duration with a value that is an object, expected microseconds"),
        ({"duration": 2**63 // 1000}, "span end out of range"),
    ],
)
def test_a_span_that_cannot_be_read_is_named_and_its_neighbours_are_kept(
    fields: dict[str, Any], fault: str, walk: Any
) -> None:
    spans, problems = walk(make_trace(make_span(**fields), make_span(spanID="b")))
    assert [span["span_id"] for span in spans] == [CHILD]
    (what,) = problems
    assert what.startswith(fault)
    assert what.endswith("; span not read")


@given(micros=st.integers(0, (2**63 - 1) // 1000))
def test_microseconds_become_nanoseconds_exactly(micros: int) -> None:
    assert parse_time(micros) == parse_time(str(micros)) == (micros * 1000, False)
    assert parse_duration(micros) == parse_duration(f"{micros}us") == parse_duration(f"{micros}µs")


@given(seconds=st.integers(0, 9 * 10**9), nanos=st.integers(0, 10**9 - 1))
def test_texts_of_durations_are_exact(seconds: int, nanos: int) -> None:
    expected = (seconds * 10**9 + nanos, False)
    assert parse_duration(f"{seconds}.{nanos:09d}s") == parse_duration(f"{seconds}s{nanos}ns") == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1970-01-01T00:00:00Z", (0, False)),
        ("2017-01-26T16:46:31.639875139-05:00", (1485467191639875139, False)),
        ("2017-01-26t21:46:31.6398751391z", (1485467191639875139, True)),
        (1485467191639.5, (1485467191639500, False)),
        (1485467191639875.2, (1485467191639875250, False)),
        (0.0001, (0, True)),
    ],
)
def test_a_time_is_exact_or_said_to_be_rounded(value: object, expected: tuple[int, bool]) -> None:
    assert parse_time(value) == expected


@pytest.mark.parametrize(
    "value",
    ["1969-12-31T23:59:59Z", "2017-02-30T00:00:00Z", "2017-01-26T24:00:00Z", "2017-01-26T16:46:31", "-1", 1e300, True],
)
def test_what_is_no_time_is_a_fault(value: object) -> None:
    with pytest.raises(ValueFault):
        parse_time(value)


def links(span: dict[str, Any]) -> list[tuple[str, str]]:
    return [(link["span_id"], attributes["opentracing.ref_type"][1].strip("'")) for link, attributes in span["links"]]


def test_the_first_reference_whose_span_is_there_is_the_parent(walk: Any) -> None:
    given = [reference("CHILD_OF", "1"), reference("FOLLOWS_FROM", "a"), reference("CHILD_OF", "c")]
    spans, _ = walk(make_trace(make_span(spanID="b", references=given), make_span(), make_span(spanID="c")))
    child = next(span for span in spans if span["span_id"] == CHILD)
    assert child["parent_span_id"] == ROOT
    assert links(child) == [("0" * 15 + "1", "child_of"), (ROOT, "follows_from"), ("0" * 15 + "c", "child_of")]


def test_where_no_referred_span_is_there_the_first_child_of_is_the_parent(walk: Any) -> None:
    given = [reference("FOLLOWS_FROM", "1"), reference("CHILD_OF", "2"), reference("CHILD_OF", "3")]
    (span,), _ = walk(make_trace(make_span(references=given)))
    assert span["parent_span_id"] == "0" * 15 + "2"
    assert links(span) == [("0" * 15 + "1", "follows_from"), ("0" * 15 + "3", "child_of")]


def test_references_are_settled_over_documents_of_one_file(walk: Any) -> None:
    given = [reference("CHILD_OF", "1"), reference("FOLLOWS_FROM", "b")]
    spans, _ = walk({**EMBEDDED, "references": given}, {**EMBEDDED, "spanID": "b"})
    assert spans[0]["parent_span_id"] == CHILD


def test_a_reference_to_another_trace_is_a_link_and_the_span_a_root(walk: Any) -> None:
    (span,), problems = walk(make_trace(make_span(references=[reference("CHILD_OF", "b", trace="ff")])))
    assert span["parent_span_id"] is None
    assert [(link["trace_id"], link["span_id"]) for link, _ in span["links"]] == [("0" * 30 + "ff", CHILD)]
    assert problems == {}


def test_a_span_that_follows_from_its_parent_keeps_a_link_to_it(walk: Any) -> None:
    (span,), _ = walk(make_trace(make_span(references=[reference("FOLLOWS_FROM", "b")])))
    assert (span["parent_span_id"], links(span)) == (CHILD, [(CHILD, "follows_from")])


def test_a_parent_given_besides_references_counts_as_in_jaegers_storages(walk: Any) -> None:
    given = make_span(parentSpanID="b", references=[reference("FOLLOWS_FROM", "c"), reference("CHILD_OF", "b")])
    (span,), _ = walk(make_trace(given))
    assert (span["parent_span_id"], links(span)) == (CHILD, [("0" * 15 + "c", "follows_from")])
    (alone,), _ = walk(make_trace(make_span(parentSpanID="b", references=...)))
    assert (alone["parent_span_id"], alone["links"]) == (CHILD, [])
    (root,), _ = walk(make_trace(make_span(parentSpanID="0000000000000000")))
    assert root["parent_span_id"] is None


def test_a_span_is_not_its_own_parent_where_another_is_named(walk: Any) -> None:
    given = [reference("CHILD_OF", "a"), reference("CHILD_OF", "b")]
    (span,), _ = walk(make_trace(make_span(references=given)))
    assert span["parent_span_id"] == CHILD


@pytest.mark.parametrize(
    ("tags", "status", "message", "kept"),
    [
        ([tag("error", "bool", True)], 2, None, set()),
        ([tag("error", "bool", "true")], 2, None, set()),
        ([tag("error", "string", "true")], 2, None, {"error"}),
        ([tag("error", "bool", False)], 0, None, {"error"}),
        ([tag("error", "string", "timeout")], 0, None, {"error"}),
        ([tag("otel.status_code", "string", "OK"), tag("otel.status_description", "string", "fine")], 1, "fine", set()),
        ([tag("otel.status_code", "string", "ERROR"), tag("error", "bool", False)], 2, None, {"error"}),
    ],
)
def test_the_status_comes_from_tags(
    tags: list[Any], status: int, message: str | None, kept: set[str], walk: Any
) -> None:
    (span,), problems = walk(make_trace(make_span(tags=tags)))
    assert (span["status"], span["status_message"], set(span["attributes"])) == (status, message, kept)
    assert problems == {}


def test_an_error_beside_another_status_is_an_error_and_named(walk: Any) -> None:
    tags = [tag("otel.status_code", "string", "OK"), tag("error", "bool", True)]
    (span,), problems = walk(make_trace(make_span(tags=tags)))
    assert span["status"] == 2
    assert problems == {"error=true beside otel.status_code=OK; read as an error": 1}


def test_tags_that_stand_for_fields_become_fields(walk: Any) -> None:
    tags = [
        tag("span.kind", "string", "consumer"),
        tag("otel.scope.name", "string", "io.kafka"),
        tag("otel.library.name", "string", "io.kafka"),
        tag("otel.library.version", "string", "1.2"),
        tag("w3c.tracestate", "string", "a=b"),
        tag("otel.dropped_attributes_count", "int64", 3),
        tag("otel.dropped_links_count", "int64", "4"),
        tag("http.method", "string", "GET"),
    ]
    (span,), problems = walk(make_trace(make_span(tags=tags, flags=1)))
    assert problems == {}
    assert set(span["attributes"]) == {"http.method"}
    assert (span["kind"], span["scope"][0], span["trace_state"], span["flags"]) == (5, ("io.kafka", "1.2"), "a=b", 1)
    assert (span["dropped_attributes"], span["dropped_events"], span["dropped_links"]) == (3, 0, 4)


def test_tags_that_only_look_like_fields_stay_attributes(walk: Any) -> None:
    tags = [
        tag("span.kind", "string", "entry"),
        tag("otel.status_code", "int64", 2),
        tag("otel.scope.name", "string", "new"),
        tag("otel.library.name", "string", "old"),
        tag("otel.dropped_events_count", "int64", -1),
    ]
    (span,), problems = walk(make_trace(make_span(tags=tags)))
    assert set(span["attributes"]) == {
        "span.kind",
        "otel.status_code",
        "otel.library.name",
        "otel.dropped_events_count",
    }
    assert problems == {
        "unknown span kind, read as unspecified and kept as an attribute": 1,
        "unknown status code, read as unset and kept as an attribute": 1,
    }


@pytest.mark.parametrize(
    ("value_type", "value", "expected"),
    [
        ("int64", "9223372036854775222", ("INT", "9223372036854775222")),
        ("int64", 200.0, ("INT", "200")),
        ("float64", "72.5", ("DOUBLE", "72.5")),
        ("float64", 1, ("DOUBLE", "1.0")),
        ("float64", "NaN", ("DOUBLE", "nan")),
        ("bool", "false", ("BOOL", "False")),
        ("binary", "AAAwOQ", ("BYTES", "'AAAwOQ=='")),
        ("binary", "00003039", ("BYTES", "'00003039'")),
        ("string", "", ("TEXT", "''")),
        (None, 5, ("INT", "5")),
    ],
)
def test_tags_have_their_types(value_type: str | None, value: object, expected: Any, walk: Any) -> None:
    (span,), problems = walk(
        make_trace(
            make_span(tags=[tag("k", value_type or ..., value)] if value_type else [{"key": "k", "value": value}])
        )
    )
    assert span["attributes"] == {"k": expected}
    assert problems == {}


@pytest.mark.parametrize(
    ("value_type", "value", "expected", "fault"),
    [
        ("int64", "many", ("TEXT", "'many'"), "a string that is no exact whole number"),
        ("int64", 1.5, ("DOUBLE", "1.5"), "a number that is no exact whole number"),
        ("int64", 2**64 - 1, ("TEXT", "'18446744073709551615'"), "a whole number out of range"),
        ("float64", "fast", ("TEXT", "'fast'"), "a double that is a string, not a number"),
        ("bool", "maybe", ("TEXT", "'maybe'"), "a value that is a string"),
        ("string", 5, ("INT", "5"), "a value that is a number"),
        ("string", [1, "a"], ("ARRAY", "'[1,\"a\"]'"), "a value that is an array"),
        ("binary", "no base64!", ("TEXT", "'no base64!'"), "no base64"),
    ],
)
def test_a_value_that_does_not_fit_its_type_is_read_as_it_stands_and_named(
    value_type: str, value: object, expected: Any, fault: str, walk: Any
) -> None:
    (span,), problems = walk(make_trace(make_span(tags=[tag("k", value_type, value)])))
    assert span["attributes"] == {"k": expected}
    assert problems == {f"attribute of type {value_type} with {fault}; read as it stands": 1}


def test_a_value_of_an_unknown_type_is_read_as_it_stands_and_named(walk: Any) -> None:
    (span,), problems = walk(make_trace(make_span(tags=[tag("k", "decimal", "1.0")])))
    assert span["attributes"] == {"k": ("TEXT", "'1.0'")}
    assert problems == {"attribute of unknown type 'decimal'; read as it stands": 1}


def test_a_tag_without_key_or_value_is_named(walk: Any) -> None:
    tags = [
        {"type": "string", "value": "x"},
        tag("k", "string", None),
        "k=v",
        {"key": "two", "vStr": "a", "vBool": True},
    ]
    (span,), problems = walk(make_trace(make_span(tags=tags)))
    assert span["attributes"] == {}
    assert problems == {
        "attribute without a key, not read": 1,
        "attribute without a value, read as missing": 1,
        "tag that is a string, expected an object; skipped": 1,
        "attribute with more than one value at once; read as missing": 1,
    }


def test_binary_values_are_hexadecimal_in_spans_of_the_storages_only(walk: Any) -> None:
    tags = [tag("blob", "binary", "00003039")]
    (stored,), _ = walk({**EMBEDDED, "tags": tags})
    assert stored["attributes"]["blob"] == ("BYTES", "'AAAwOQ=='")
    (of_ui,), _ = walk(make_trace(make_span(tags=tags, process=PROCESS)))
    assert of_ui["attributes"]["blob"] == ("BYTES", "'00003039'")


def test_logs_become_events(walk: Any) -> None:
    fields = [tag("event", "string", "retry"), tag("message", "string", "again"), tag("n", "int64", 2)]
    logs = [
        {"timestamp": 7, "fields": fields},
        {"timestamp": 9, "fields": [tag("event", "int64", "123"), tag("otel.dropped_attributes_count", "int64", 5)]},
        {"timestamp": -1, "fields": []},
    ]
    (span,), problems = walk(make_trace(make_span(logs=logs)))
    named, nameless = span["events"]
    assert named[0] == {"name": "retry", "time_ns": 7000, "dropped_attributes": 0}
    assert named[1] == {"message": ("TEXT", "'again'"), "n": ("INT", "2")}
    assert nameless == ({"name": "", "time_ns": 9000, "dropped_attributes": 5}, {"event": ("INT", "123")})
    (what,) = problems
    assert what.startswith("log time with a whole number out of range")


def test_a_process_makes_the_resource_and_a_missing_one_is_named(walk: Any) -> None:
    spans, problems = walk(
        make_trace(make_span(), make_span(spanID="b", processID="p9"), make_span(spanID="c", processID=...))
    )
    assert [span["resource"].get("service.name") for span in spans] == [("TEXT", "'payment'"), None, None]
    assert spans[0]["resource"]["hostname"] == ("TEXT", "'pod-1'")
    assert problems == {
        "a span whose process its trace does not have; its service is unknown": 1,
        "a span without a process; its service is unknown": 1,
    }


@pytest.mark.parametrize("service", ["", "OTLPResourceNoServiceName"])
def test_a_process_without_a_service_has_none(service: str, walk: Any) -> None:
    (span,), problems = walk(make_trace(make_span(), processes={"p1": {"serviceName": service, "tags": []}}))
    assert span["resource"] == {}
    assert problems == {}


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


@pytest.mark.parametrize(
    "head",
    [
        b'[[{"traceId":"5a","id":"5b","name":"get","timestamp":1,"duration":2,"localEndpoint":{"serviceName":"a"}}]]',
        b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"5a","spanId":"5b","name":"x"}]}]}]}',
        b'{"level":"info","traceId":"5a","spanId":"5b","msg":"charged"}',
        b'{"data":[1,2],"total":2}',
        b"traceID,spanID,operationName,startTime\n1,2,3,4\n",
        b"",
    ],
)
def test_what_is_not_jaeger_is_not_recognised(head: bytes) -> None:
    assert not JaegerJson().recognise(head)


def test_an_empty_answer_is_jaegers(tmp_path: Path, read: Any) -> None:
    path = tmp_path / "empty"
    path.write_bytes(b'{"data":[],"total":0,"limit":0,"offset":0,"errors":[{"code":404,"msg":"trace not found"}]}')
    spans, report = read(path)
    assert spans == []
    assert [problem.sample for problem in report.problems()] == ["trace not found"]


def test_a_file_without_a_readable_document_is_an_error_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "cut.json"
    path.write_bytes(b'{"data":[{"traceID":"1","spans":[{"traceID":"1","spanID":"2","operationName":"a","startTime":1,')
    with pytest.raises(InputError, match=r"^cut\.json: "):
        list(JaegerJson().read(Source(path, "cut.json"), Report("cut.json")))


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
