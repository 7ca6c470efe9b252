"""What single fields of OTLP/JSON mean, and what is said about those that cannot be taken."""

from __future__ import annotations

import base64

import orjson
import pytest

TRACE_ID = "5b8efff798038103d269b633813fc60c"


def _only(found):
    spans, problems = found
    return spans[0], [(problem.what, problem.n) for problem in problems]


def _attributes(*pairs):
    return [{"key": key, "value": value} for key, value in pairs]


def test_upper_case_ids_become_lower_case(read_lines, request_line) -> None:
    span, problems = _only(read_lines(request_line(traceId=TRACE_ID.upper(), spanId="EEE19B7EC3C1B174")))
    assert (span["trace_id"], span["span_id"], problems) == (TRACE_ID, "eee19b7ec3c1b174", [])


def test_base64_ids_become_hexadecimal(read_lines, request_line) -> None:
    span, problems = _only(read_lines(request_line(traceId="W47/95gDgQPSabYzgT/GDA==", spanId="7uGbfsPBsXQ=")))
    assert (span["trace_id"], span["span_id"], problems) == (TRACE_ID, "eee19b7ec3c1b174", [])


def test_an_id_of_hexadecimal_looks_is_never_taken_for_base64(read_lines, request_line) -> None:
    span, _ = _only(read_lines(request_line(traceId="abcdabcdabcdabcdabcdabcdabcdabcd")))
    assert span["trace_id"] == "abcdabcdabcdabcdabcdabcdabcdabcd"


def test_hexadecimal_ids_once_decoded_as_base64_are_restored(read_lines, request_line) -> None:
    wrong = base64.b64decode(TRACE_ID).hex()
    assert len(wrong) == 48
    span, _ = _only(read_lines(request_line(traceId=wrong)))
    assert span["trace_id"] == TRACE_ID


@pytest.mark.parametrize("parent", ["", "0" * 16, "AAAAAAAAAAA=", None, ...])
def test_an_absent_or_zero_parent_makes_a_root(read_lines, request_line, parent) -> None:
    span, problems = _only(read_lines(request_line(parentSpanId=parent)))
    assert (span["parent_span_id"], problems) == (None, [])


def test_a_malformed_parent_does_not_make_a_root(read_lines, request_line) -> None:
    span, problems = _only(read_lines(request_line(parentSpanId="ABC")))
    assert span["parent_span_id"] == "abc"
    assert problems == [("parent span id of 3 characters, expected 16 hexadecimal digits; kept as it is", 1)]


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"traceId": "abc"}, "trace id of 3 characters, expected 32 hexadecimal digits; span not read"),
        ({"traceId": ""}, "no trace id; span not read"),
        ({"traceId": "0" * 32}, "trace id of zeros; span not read"),
        ({"spanId": ...}, "no span id; span not read"),
        ({"spanId": 7}, "span id that is a number, expected a string; span not read"),
        (
            {"endTimeUnixNano": str(2**63)},
            "span end with a whole number out of range, expected nanoseconds; span not read",
        ),
    ],
)
def test_a_span_that_cannot_be_placed_is_not_read_and_named(read_lines, request_line, fields, what) -> None:
    data = request_line() + request_line(**fields) + request_line(**fields)
    spans, problems = read_lines(data)
    assert len(spans) == 1
    assert [(p.what, p.n, p.line, p.offset_bytes) for p in problems] == [(what, 2, 2, len(request_line()))]


def test_missing_times_are_zero_and_an_early_end_is_kept(read_lines, request_line) -> None:
    span, _ = _only(read_lines(request_line(startTimeUnixNano=..., endTimeUnixNano=...)))
    assert (span["start_ns"], span["end_ns"]) == (0, 0)
    span, problems = _only(read_lines(request_line(endTimeUnixNano="1")))
    assert (span["end_ns"], problems) == (1, [])


def test_nanoseconds_never_pass_through_a_float(read_lines, request_line) -> None:
    for value in (1730291040680439519, "1730291040680439519"):
        span, _ = _only(read_lines(request_line(startTimeUnixNano=value)))
        assert span["start_ns"] == 1730291040680439519


@pytest.mark.parametrize(("kind", "expected"), [(3, 3), ("3", 3), ("SPAN_KIND_CLIENT", 3), ("client", 3), (None, 0)])
def test_kinds_come_as_numbers_and_names(read_lines, request_line, kind, expected) -> None:
    span, problems = _only(read_lines(request_line(kind=kind)))
    assert (span["kind"], problems) == (expected, [])


def test_unknown_kinds_and_codes_are_unspecified_and_counted(read_lines, request_line) -> None:
    span, problems = _only(read_lines(request_line(kind=9, status={"code": "BROKEN"})))
    assert (span["kind"], span["status"]) == (0, 0)
    assert sorted(problems) == [
        ("unknown span kind, read as unspecified", 1),
        ("unknown status code, read as unset", 1),
    ]


def test_nested_values_become_compact_json(read_lines, request_line) -> None:
    inner = {"values": [{"stringValue": "x"}, {"intValue": "1"}, {"doubleValue": "NaN"}, {"bytesValue": "AQI="}, {}]}
    pairs = {"values": [{"key": "k", "value": {"arrayValue": inner}}]}
    span, problems = _only(
        read_lines(request_line(attributes=_attributes(("a", {"arrayValue": inner}), ("l", {"kvlistValue": pairs}))))
    )
    assert problems == []
    assert span["attributes"] == {
        "a": ("ARRAY", repr('["x",1,"NaN","AQI=",null]')),
        "l": ("KVLIST", repr('{"k":["x",1,"NaN","AQI=",null]}')),
    }


def test_a_missing_value_is_missing_and_counted(read_lines, request_line) -> None:
    span, problems = _only(read_lines(request_line(attributes=_attributes(("a", {}), ("b", {"stringValue": ""})))))
    assert span["attributes"] == {"b": ("TEXT", "''")}
    assert problems == [("attribute without a value, read as missing", 1)]


def test_values_nested_too_deep_are_missing_and_counted(read_lines, request_line) -> None:
    value: dict = {"intValue": "1"}
    for _ in range(61):
        value = {"arrayValue": {"values": [value]}}
    span, problems = _only(read_lines(request_line(attributes=_attributes(("a", value)))))
    assert span["attributes"] == {}
    assert problems == [("attribute with values nested deeper than 60 levels; read as missing", 1)]


def test_a_resource_may_be_missing(read_lines) -> None:
    line = b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"%s","spanId":"%s"}]}]}]}'
    spans, problems = read_lines(line % (b"a" * 32, b"b" * 16))
    assert (len(spans), spans[0]["resource"], spans[0]["scope"], problems) == (1, {}, ((None, None), {}), [])


@pytest.mark.parametrize(
    ("field", "value", "what"),
    [
        ("attributes", "x", "span attributes that is a string, expected an array; skipped"),
        ("events", {}, "events that is an object, expected an array; skipped"),
        ("links", 1, "links that is a number, expected an array; skipped"),
        ("status", [], "status that is an array, expected an object; skipped"),
        ("name", {}, "span name that is an object, expected a string; read as empty"),
        ("droppedLinksCount", -1, "droppedLinksCount with a whole number out of range; read as 0"),
        ("colour", 1, "unknown field 'colour' in a span, ignored"),
    ],
)
def test_a_faulty_field_costs_no_more_than_itself(read_lines, request_line, field, value, what) -> None:
    span, problems = _only(read_lines(request_line(**{field: value})))
    assert span["start_ns"] == 1544712660000000000
    assert problems == [(what, 1)]


def test_a_malformed_line_is_named_and_the_rest_is_read(read_lines, request_line) -> None:
    data = request_line() + b'{"resourceSpans":[oops\n' + request_line() + b'{"resourceSpans":[{"sco'
    spans, problems = read_lines(data)
    assert len(spans) == 2
    first, last = problems
    assert (first.line, first.offset_bytes, first.sample) == (2, len(request_line()), '{"resourceSpans":[oops')
    assert first.what.startswith("line that is not JSON, not read")
    assert (last.line, last.what) == (4, "the last line is cut off, not read")


def test_lines_are_numbered_over_blocks(read_lines, request_line) -> None:
    good = request_line()
    spans, problems = read_lines(good * 50 + b"{\n" + good * 50, block_bytes=3 * len(good))
    assert len(spans) == 100
    assert [(p.line, p.offset_bytes) for p in problems] == [(51, 50 * len(good))]


def test_a_file_with_more_kinds_of_problems_than_can_be_shown_still_counts_them_all(read_lines, request_line) -> None:
    spans, problems = read_lines(b"".join(request_line(**{f"field{i}": 1}) for i in range(150)))
    assert len(spans) == 150
    assert sum(problem.n for problem in problems) == 150
    assert len(problems) == 101


def test_snake_case_and_old_names_are_read(read_lines) -> None:
    span = {
        "trace_id": TRACE_ID,
        "span_id": "e" * 16,
        "start_time_unix_nano": "5",
        "attributes": [{"key": "a", "value": {"int_value": "1"}}],
        "dropped_events_count": 3,
    }
    for outer, middle, scope in (
        ("resource_spans", "scope_spans", "scope"),
        ("resourceSpans", "instrumentationLibrarySpans", "instrumentationLibrary"),
        ("batches", "instrumentation_library_spans", "instrumentation_library"),
        ("resourceSpans", "deprecatedScopeSpans", "scope"),
    ):
        request = {outer: [{middle: [{scope: {"name": "lib"}, "spans": [span]}]}]}
        found, problems = read_lines(orjson.dumps(request))
        assert problems == []
        assert (found[0]["start_ns"], found[0]["dropped_events"]) == (5, 3)
        assert (found[0]["attributes"], found[0]["scope"][0]) == ({"a": ("INT", "1")}, ("lib", None))
