"""Duplicates: copies are removed; spans that differ in anything are conflicts and stay."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from repairable import SERVER, batch_of, everything, finished, rearranged, span, span_id, stores, with_links

from fluo_lab.traces import PlainEvent, traces_from_spans
from fluo_lab.traces.findings import Repair, RepairRecord


@settings(deadline=None, max_examples=25)
@given(stores(), st.data())
def test_copies_are_removed_and_nothing_else_changes(traces, data):
    copies = data.draw(st.lists(st.integers(0, traces.n_spans - 1), max_size=6))
    rows = data.draw(st.permutations([*range(traces.n_spans), *copies]))
    doubled = rearranged(traces, rows)
    mended = doubled.repaired("duplicates")
    assert doubled.n_spans == traces.n_spans + len(copies)
    assert doubled.traces["n_duplicate_spans"].sum() == len(copies)
    assert_frame_equal(mended.spans, traces.spans)
    assert_frame_equal(mended.traces, traces.traces)
    assert everything(mended) == everything(traces)
    (record,) = mended.repairs
    touched = {traces.spans["trace_id"][row] for row in copies}
    assert record == RepairRecord(Repair.DUPLICATES, len(copies), len(touched), {"conflicts": 0})


FULL = span(
    "a",
    1,
    parent=7,
    start=5,
    service="shop",
    status_message="m",
    attributes={"n": 1, "zero": 0.0, "list": [1, 2]},
    resource={"r": 1},
    scope_name="lib",
    scope_version="1",
    scope={"s": 1},
    events=[PlainEvent("e", 6, {"k": "v"}), PlainEvent("f", 7)],
)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "b"},
        {"parent_span_id": span_id(8)},
        {"parent_span_id": None},
        {"service": "cart"},
        {"kind": SERVER},
        {"status_message": None},
        {"start_ns": 4},
        {"end_ns": 16},
        {"attributes": {"n": 2, "zero": 0.0, "list": [1, 2]}},
        {"attributes": {"n": "1", "zero": 0.0, "list": [1, 2]}},
        {"attributes": {"n": 1.0, "zero": 0.0, "list": [1, 2]}},
        {"attributes": {"n": 1, "zero": -0.0, "list": [1, 2]}},
        {"attributes": {"n": 1, "zero": 0.0, "list": [2, 1]}},
        {"attributes": {"n": 1, "zero": 0.0}},
        {"attributes": {"m": 1, "zero": 0.0, "list": [1, 2]}},
        {"resource": {"r": 2}},
        {"scope_name": "other"},
        {"scope_version": None},
        {"scope": {}},
        {"events": [PlainEvent("e", 6, {"k": "v"})]},
        {"events": [PlainEvent("e", 6, {"k": "w"}), PlainEvent("f", 7)]},
        {"events": [PlainEvent("e", 6), PlainEvent("f", 7, {"k": "v"})]},
        {"events": [PlainEvent("e", 6, {"k": "v"}), PlainEvent("f", 8)]},
        {"events": [PlainEvent("e", 6, {"k": "v"}), PlainEvent("g", 7)]},
    ],
)
def test_spans_that_differ_in_anything_are_a_conflict_and_stay(change):
    traces = traces_from_spans([FULL, FULL, replace(FULL, **change)])
    mended = traces.repaired("duplicates")
    assert mended.n_spans == 2
    assert mended.repairs == (RepairRecord(Repair.DUPLICATES, 1, 1, {"conflicts": 1}),)
    assert everything(mended) == everything(traces_from_spans([FULL, replace(FULL, **change)]))


@pytest.mark.parametrize(
    ("column", "value"), [("trace_state", "x=1"), ("flags", 1), ("dropped_attributes", 1), ("status", 2)]
)
def test_spans_that_differ_in_a_column_are_a_conflict_and_stay(column, value):
    traces = traces_from_spans([FULL, FULL])
    batch = batch_of(traces)
    spans = batch.spans.with_columns(batch.spans[column].scatter(0, value))
    mended = finished(replace(batch, spans=spans)).repaired("duplicates")
    assert mended.n_spans == 2
    assert mended.repairs[0].details == {"conflicts": 1}


@pytest.mark.parametrize(
    ("first", "second", "left"),
    [
        (("1", "2", None), ("1", "2", None), 1),
        (("1", "2", None), ("1", "3", None), 2),
        (("1", "2", None), ("3", "2", None), 2),
        (("1", "2", "child_of"), ("1", "2", "follows_from"), 2),
        (("1", "2", "child_of"), ("1", "2", None), 2),
    ],
)
def test_links_tell_spans_apart(first, second, left):
    traces = with_links(traces_from_spans([FULL, FULL]), [(0, *first), (1, *second)])
    assert traces.repaired("duplicates").n_spans == left


def test_the_same_id_in_another_trace_is_another_span():
    traces = traces_from_spans([span("a", 1), span("a", 1, trace=2)])
    assert traces.repaired("duplicates").n_spans == 2


def test_equal_nans_are_equal():
    odd = span("a", 1, attributes={"x": float("nan")})
    assert traces_from_spans([odd, odd]).repaired("duplicates").n_spans == 1
