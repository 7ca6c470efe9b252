"""Tables with a span in each row: which column is which."""

from __future__ import annotations

from typing import Any

import pytest
from span_frames import START
from span_frames import make_frame as _frame

from fluo_lab.errors import InputError
from fluo_lab.readers.report import Report
from fluo_lab.readers.tables.columns import map_columns
from fluo_lab.readers.tables.table import read_table
from fluo_lab.traces import TracesBuilder


@pytest.mark.parametrize(
    ("column", "ours"),
    [
        ("traceId", "trace_id"),
        ("TraceID", "trace_id"),
        ("Trace ID", "trace_id"),
        ("context.trace_id", "trace_id"),
        ("parentId", "parent_span_id"),
        ("operationName", "name"),
        ("service.name", "service"),
        ("startTimeUnixNano", "start_ns"),
        ("start_time", "start"),
        ("timestamp", "start"),
        ("endTimeUnixNano", "end_ns"),
        ("duration_ms", "duration_ms"),
        ("durationInNanos", "duration_ns"),
        ("StatusCode", "status"),
        ("SpanAttributes", "attributes"),
    ],
)
def test_usual_names_need_no_mapping(column: str, ours: str) -> None:
    necessary = {"trace_id": "trace_id", "span_id": "span_id", "name": "name", "start": "start_ns"}
    others = [theirs for name, theirs in necessary.items() if name != ours.partition("_ns")[0]]
    others = [theirs for theirs in others if theirs != ours]
    assert map_columns([*others, column], None, source="t").fields[ours] == column


def test_a_status_of_http_is_an_attribute_and_no_status() -> None:
    mapped = map_columns(["trace_id", "span_id", "name", "start_ns", "http.status_code"], None, source="t")
    assert "status" not in mapped.fields
    assert mapped.attributes == {"http.status_code": "http.status_code"}


def test_a_mapping_goes_before_the_usual_names(read_frame: Any) -> None:
    frame = _frame(label=["refund"], amount=[59.99], region=["eu"])
    spans, problems = read_frame(
        frame, {"name": "label", "attr.payment.amount": "amount", "resource.cloud.region": "region"}
    )
    assert (spans[0]["name"], problems) == ("refund", [])
    assert spans[0]["attributes"] == {"payment.amount": ("DOUBLE", "59.99"), "name": ("TEXT", "'charge'")}
    assert spans[0]["resource"] == {"cloud.region": ("TEXT", "'eu'")}


def test_two_columns_for_one_name_are_named_with_the_mapping_to_write() -> None:
    with pytest.raises(
        InputError, match=r"'traceId', 'trace_id' could each be 'trace_id'.*columns=\{\"trace_id\": \"tr"
    ):
        map_columns(["traceId", "trace_id", "span_id", "name", "start_ns"], None, source="t")


def test_two_columns_for_one_attribute_are_ambiguous_too() -> None:
    with pytest.raises(InputError, match=r"'x', 'attr.x' could each be 'attr.x'"):
        map_columns(["trace_id", "span_id", "name", "start_ns", "x", "attr.x"], None, source="t")


def test_a_missing_column_is_named_with_columns_guesses_and_an_example() -> None:
    with pytest.raises(InputError) as caught:
        map_columns(["trace_id", "spanid_", "label", "span_identity", "begin"], None, source="t.csv")
    message = str(caught.value)
    assert message.startswith("t.csv: ")
    assert "no column known as a name and a start" in message
    assert "'trace_id', 'spanid_', 'label', 'span_identity', 'begin'" in message
    assert 'columns={"name": ' in message


def test_a_missing_span_id_is_guessed() -> None:
    with pytest.raises(InputError, match=r"'spanident' may be a span id.*\"span_id\": \"spanident\""):
        map_columns(["trace_id", "spanident", "name", "start_ns"], None, source="t")


@pytest.mark.parametrize(
    ("given_columns", "said"),
    [
        ({"trace": "trace_id"}, "'trace' in the mapping of columns is no part of a span; did you mean 'trace_id'"),
        ({"name": "nam"}, "the column 'nam' for 'name', which the table lacks; did you mean 'name'"),
    ],
)
def test_a_mapping_that_names_nothing_is_told_so(given_columns: dict[str, str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        map_columns(["trace_id", "span_id", "name", "start_ns"], given_columns, source="t")


def test_the_finest_of_several_starts_counts_and_the_others_stay(read_frame: Any) -> None:
    spans, problems = read_frame(_frame(start_ms=[START // 10**6]))
    assert (spans[0]["start_ns"], problems) == (START, [])
    assert spans[0]["attributes"] == {"start_ms": ("INT", str(START // 10**6))}


def test_a_frame_of_the_store_is_a_table(plain_of: Any) -> None:
    builder = TracesBuilder()
    frame = _frame(service=["a", "b"], kind=["server", "internal"], parent_span_id=[None, "s0"])
    for batch in read_table(frame, report=Report("t")):
        builder.add(batch)
    traces = builder.finish()
    report = Report("t")
    again = plain_of(read_table(traces.spans, report=report))
    assert report.problems() == []
    assert [(s["span_id"], s["parent_span_id"], s["kind"]) for s in again] == [("s0", None, 2), ("s1", "s0", 1)]
