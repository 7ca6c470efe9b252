"""JSON span records: one span an object, in many dialects."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fluo_lab.errors import InputError
from fluo_lab.readers.records.records import SpanRecords
from fluo_lab.readers.report import Report
from fluo_lab.readers.source import Source
from fluo_lab.traces import Problem

START = 1_769_680_800_000_000_000
FORMATS = ("other-span-json", "dataprepper-json", "signoz-jsonl", "otlp-span-list")


@pytest.fixture
def read_json(plain_of: Callable[..., Any], tmp_path: Path) -> Callable[..., tuple[list[Any], list[Problem]]]:
    """Read documents, one a line; return spans by their ids, and the problems."""

    def read(*documents: object) -> tuple[list[Any], list[Problem]]:
        path = tmp_path / "spans.json"
        path.write_bytes(b"\n".join(d if type(d) is bytes else orjson.dumps(d) for d in documents))
        report = Report("spans.json")
        return plain_of(SpanRecords().read(Source(path, "spans.json"), report)), report.problems()

    return read


def _record(**fields: Any) -> dict[str, Any]:
    """Return a record of a span, with some fields changed or, by an ellipsis, left out."""
    record = {"trace_id": "t", "span_id": "s", "name": "n", "start_ns": START, "end_ns": START + 5, **fields}
    return {name: value for name, value in record.items() if value is not ...}


def test_the_console_exporter_of_python_is_read(read_json: Any) -> None:
    (span,), problems = read_json(
        {
            "name": "charge",
            "context": {"trace_id": "0xAB" + "0" * 30, "span_id": "0x00000000000000cd", "trace_state": "[]"},
            "kind": "SpanKind.SERVER",
            "parent_id": "0x00000000000000ce",
            "start_time": "2026-01-29T10:00:00.000001Z",
            "end_time": "2026-01-29T10:00:01.5Z",
            "status": {"status_code": "ERROR", "description": "declined"},
            "attributes": {"amount": 59.99, "n": 3, "paid": False, "tags": ["a"]},
            "events": [{"name": "exception", "timestamp": "2026-01-29T10:00:01Z", "attributes": {"type": "E"}}],
            "links": [
                {"context": {"trace_id": "0x01", "span_id": "0x02", "trace_state": "[]"}, "attributes": {"k": 1}}
            ],
            "resource": {"attributes": {"service.name": "payment"}, "schema_url": ""},
        }
    )
    assert problems == []
    assert (span["trace_id"], span["span_id"], span["parent_span_id"]) == (
        "ab" + "0" * 30,
        "0" * 14 + "cd",
        "0" * 14 + "ce",
    )
    assert (span["kind"], span["status"], span["status_message"], span["trace_state"]) == (2, 2, "declined", None)
    assert (span["start_ns"], span["end_ns"]) == (START + 1000, START + 1_500_000_000)
    assert span["attributes"] == {
        "amount": ("DOUBLE", "59.99"),
        "n": ("INT", "3"),
        "paid": ("BOOL", "False"),
        "tags": ("ARRAY", "'[\"a\"]'"),
    }
    ((event, of_event),) = span["events"]
    assert (event["name"], event["time_ns"], of_event) == ("exception", START + 10**9, {"type": ("TEXT", "'E'")})
    ((link, of_link),) = span["links"]
    assert (link["trace_id"], link["span_id"], link["trace_state"], of_link) == ("01", "02", None, {"k": ("INT", "1")})
    assert span["resource"] == {"service.name": ("TEXT", "'payment'")}


def test_javascript_numbers_its_kinds_from_zero(read_json: Any) -> None:
    (span,), problems = read_json(
        {
            "name": "GET",
            "spanContext": {"traceId": "ab" * 16, "spanId": "cd" * 8, "traceFlags": 1},
            "parentSpanContext": {"traceId": "ab" * 16, "spanId": "ce" * 8},
            "kind": 1,
            "startTime": [1769680800, 7],
            "endTime": [1769680801, 0],
            "duration": [0, 999999993],
            "status": {"code": 1},
            "events": [{"name": "e", "time": [1769680800, 9], "attributes": {}}],
            "instrumentationScope": {"name": "http", "version": "1"},
            "resource": {"_rawAttributes": [["service.name", "web"]]},
        }
    )
    assert problems == []
    assert (span["kind"], span["status"], span["flags"], span["parent_span_id"]) == (2, 1, 1, "ce" * 8)
    assert (span["start_ns"], span["end_ns"]) == (START + 7, START + 10**9)
    assert (span["events"][0][0]["time_ns"], span["scope"][0]) == (START + 9, ("http", "1"))
    assert (span["attributes"], span["resource"]) == ({}, {"service.name": ("TEXT", "'web'")})


def test_the_console_exporter_of_javascript_calls_the_span_id_id(read_json: Any) -> None:
    record = {
        "resource": {"attributes": {"service.name": "web"}},
        "instrumentationScope": {"name": "http"},
        "traceId": "ab" * 16,
        "name": "GET",
        "id": "cd" * 8,
        "kind": 0,
        "timestamp": START // 1000,
        "duration": 250,
        "attributes": {},
        "status": {"code": 0},
    }
    (span,), problems = read_json(record)
    assert (span["span_id"], span["kind"], span["end_ns"], problems) == ("cd" * 8, 1, START + 250_000, [])


def test_otlp_spans_without_their_wrapper_are_read(read_json: Any) -> None:
    (span,), problems = read_json(
        [
            {
                "traceId": "AB" * 16,
                "spanId": "cd" * 8,
                "kind": "SPAN_KIND_CLIENT",
                "name": "n",
                "startTimeUnixNano": str(START),
                "endTimeUnixNano": str(START + 1),
                "attributes": [{"key": "port", "value": {"intValue": "7070"}}],
                "events": [{"timeUnixNano": str(START), "name": "e"}],
                "status": {},
                "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "cart"}}]},
                "scope": {"name": "lib", "attributes": [{"key": "a", "value": {"boolValue": True}}]},
            }
        ]
    )
    assert problems == []
    assert (span["trace_id"], span["kind"], span["attributes"]) == ("ab" * 16, 3, {"port": ("INT", "7070")})
    assert span["scope"] == (("lib", None), {"a": ("BOOL", "True")})
    assert span["resource"] == {"service.name": ("TEXT", "'cart'")}
    assert span["events"][0][0]["time_ns"] == START


def test_time_and_duration_may_be_texts(read_json: Any) -> None:
    record = _record(start_ns=..., end_ns=..., timestamp="2026-01-29T10:00:00.000000Z", duration="PT0.8S")
    (span,), problems = read_json(record)
    assert (span["start_ns"], span["end_ns"], problems) == (START, START + 800_000_000, [])


def test_a_duration_that_start_and_end_do_not_say_is_kept(read_json: Any) -> None:
    spans, problems = read_json(_record(durationInNanos=5), _record(span_id="s2", durationInNanos=10_000))
    assert [span["attributes"] for span in spans] == [{}, {"durationInNanos": ("INT", "10000")}]
    assert [(p.line, p.n) for p in problems] == [(2, 1)]


def test_fields_of_no_known_name_are_attributes_and_nulls_are_missing(read_json: Any) -> None:
    record = _record(
        agent="planner", cost=None, parent_span_id=None, attributes={"a": None, "b": {"c": 1}}, status="ok"
    )
    (span,), problems = read_json(record)
    assert span["attributes"] == {"agent": ("TEXT", "'planner'"), "b": ("KVLIST", "'{\"c\":1}'")}
    assert (span["status"], span["parent_span_id"], problems) == (1, None, [])


def test_unknown_kinds_and_status_stay_as_attributes(read_json: Any) -> None:
    (span,), problems = read_json(_record(kind="agent", statusCode=404))
    assert span["attributes"] == {"kind": ("TEXT", "'agent'"), "statusCode": ("INT", "404")}
    assert [p.n for p in problems] == [1, 1]


def test_a_service_may_be_a_name_an_object_or_of_the_resource(read_json: Any) -> None:
    records = [
        _record(span_id="1", serviceName="a"),
        _record(span_id="2", service={"name": "b"}),
        _record(span_id="3", resource={"service.name": "c"}),
        _record(span_id="4", **{"resource.service.name": "d"}),
        _record(span_id="5", **{"resource.attributes.service@name": "e", "span.attributes.http@method": "GET"}),
    ]
    spans, problems = read_json(*records)
    assert [span["resource"]["service.name"][1] for span in spans] == ["'a'", "'b'", "'c'", "'d'", "'e'"]
    assert (spans[4]["attributes"], problems) == ({"http.method": ("TEXT", "'GET'")}, [])


def test_equal_resources_are_one(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_bytes(orjson.dumps([_record(span_id=str(i), service="ab"[i % 2]) for i in range(6)]))
    (batch,) = SpanRecords().read(Source(path, "s"), Report("s"))
    assert (batch.n_resources, batch.scopes.height) == (2, 1)


@pytest.mark.parametrize(
    "shape",
    [
        lambda spans: spans,
        lambda spans: [spans],
        lambda spans: {"first": spans[:1], "rest": spans[1:]},
        lambda spans: {"took": 3, "hits": {"hits": [{"_id": "x", "_source": span} for span in spans]}},
        lambda spans: {"trace_id": "t", "spans": [{k: v for k, v in s.items() if k != "trace_id"} for s in spans]},
    ],
)
def test_spans_stand_in_lists_and_objects(read_json: Any, shape: Callable[[list[Any]], Any]) -> None:
    spans, problems = read_json(shape([_record(span_id="1"), _record(span_id="2")]))
    assert ([(s["trace_id"], s["span_id"]) for s in spans], problems) == ([("t", "1"), ("t", "2")], [])


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"span_id": ...}, "no span id; span not read"),
        ({"trace_id": 1.5}, "trace id that is a number, expected a string; span not read"),
        ({"trace_id": "0" * 32}, "trace id of zeros; span not read"),
        ({"start_ns": "soon"}, "span start with text that is no time; span not read"),
        ({"start_ns": float(START)}, "span start with a floating-point number that has lost digits; span not read"),
        ({"end_ns": 2**63}, "span end with nanoseconds out of range; span not read"),
        ({"start_ns": ..., "start": 12}, "span start with a number whose unit its size does not tell; span not read"),
    ],
)
def test_a_bad_span_is_named_and_the_others_kept(read_json: Any, fields: dict[str, Any], what: str) -> None:
    spans, problems = read_json(_record(), _record(**fields))
    assert ([span["span_id"] for span in spans], [(p.what, p.line) for p in problems]) == (["s"], [(what, 2)])


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"start_ns": ...}, "span without a start, read as 0"),
        ({"end_ns": ...}, "span without an end or a duration; read as ending when it starts"),
        ({"end_ns": START - 1}, "span that ends before it starts; kept as it is"),
        ({"attributes": {"a": 2**64 - 1}}, "attribute with a whole number beyond 64 bits; kept as text"),
        ({"attributes": {"": 1}}, "attribute without a key, not read"),
        ({"attributes": [7]}, "an attribute that is no pair of key and value, not read"),
        ({"events": [7]}, "an event that is a number, expected an object; skipped"),
        ({"events": [{"time": "x"}]}, "event time with text that is no time; event not read"),
        ({"links": [{"trace_id": "t"}]}, "no linked span id; link not read"),
        ({"name": 7}, "span name that is a number, expected a string; read as its text"),
        ({"flags": -1}, "flags with a whole number out of range; read as 0"),
        ({"spanId": "other"}, "two fields for 'span_id'; the first one counts, the other is kept as an attribute"),
    ],
)
def test_parts_that_cannot_be_taken_are_reported(read_json: Any, fields: dict[str, Any], what: str) -> None:
    spans, problems = read_json(_record(**fields))
    assert (len(spans), [p.what for p in problems]) == (1, [what])


def test_other_lines_are_named(read_json: Any) -> None:
    spans, problems = read_json(_record(), b"not json", {"level": "info"}, 7)
    assert len(spans) == 1
    assert "a JSON object without a trace id, skipped" in [p.what for p in problems]


def test_a_file_without_one_span_is_an_error(read_json: Any) -> None:
    with pytest.raises(InputError, match=r"^spans.json: looks like JSON span records, but no span.*no span id"):
        read_json(_record(span_id=...))


@pytest.mark.parametrize(
    ("head", "is_known"),
    [
        (b'{"trace_id":"a","span_id":"b"}', True),
        (b'\n[{"name":"n","spanContext":{"traceId":"a"}}', True),
        (b'{"traceId":"a","level":"info"}', False),
        (b'{"a":1}', False),
        (b"trace_id,span_id\n", False),
        (b"", False),
    ],
)
def test_json_with_a_trace_id_and_a_span_is_recognised(head: bytes, is_known: bool) -> None:
    assert SpanRecords().recognise(head) is is_known


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
_fields = (
    *("trace_id", "spanId", "id", "parentId", "name", "kind", "status", "status_code", "start", "startTime", "end"),
    *("duration", "duration_us", "attributes", "tags", "resource", "scope", "service", "events", "links", "context"),
    *("spanContext", "parentSpanContext", "flags", "traceState"),
)


@given(st.lists(st.dictionaries(st.sampled_from(_fields), _json, max_size=8), max_size=3))
@settings(deadline=None, max_examples=300)
def test_any_fields_give_spans_problems_or_one_error(
    tmp_path_factory: pytest.TempPathFactory, records: list[Any]
) -> None:
    path = tmp_path_factory.mktemp("json") / "s.json"
    path.write_bytes(orjson.dumps([_record(), *({**_record(span_id=str(i)), **r} for i, r in enumerate(records))]))
    (batch,) = SpanRecords().read(Source(path, "s.json"), Report("s.json"))
    assert "s" in batch.spans["span_id"].to_list()


def test_every_file_has_the_spans_and_traces_of_the_manifest(shared: Path) -> None:
    with (shared / "data" / "MANIFEST.tsv").open() as manifest:
        rows = [row for row in csv.DictReader(manifest, delimiter="\t") if row["format"] in FORMATS]
    assert rows
    for row in rows:
        source, report = Source(shared / "data" / row["file"], row["file"]), Report(row["file"])
        assert SpanRecords().recognise(source.head), row["file"]
        batches = list(SpanRecords().read(source, report))
        n_spans = sum(batch.spans.height for batch in batches)
        n_traces = len({trace for batch in batches for trace in batch.spans["trace_id"]})
        assert (row["file"], n_spans, n_traces) == (row["file"], int(row["spans"]), int(row["traces"]))
