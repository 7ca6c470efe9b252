"""Spans of Jaeger JSON: ids, times, references and processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jaeger_records import CHILD, EMBEDDED, FULL_TRACE, ROOT, Walk, make_span, make_trace, make_walk, reference

from fluo_lab.readers.jaeger.times import parse_duration, parse_time
from fluo_lab.readers.jaeger.values import decode_jaeger_id
from fluo_lab.readers.otlp.values import ValueFault


@pytest.fixture(scope="module")
def walk(plain_of: Callable[..., Any]) -> Walk:
    """Walk documents; return plain spans and the problems with their counts."""
    return make_walk(plain_of)


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
