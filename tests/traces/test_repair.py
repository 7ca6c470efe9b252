"""Repairs of any kind: what they leave alone, what they record; and that batches keep everything."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from repairable import SERVER, batch_of, defective_stores, everything, rearranged, span, stores

from fluo_lab.errors import UsageError
from fluo_lab.traces import Input, SpanKind, TracesBuilder, traces_from_spans
from fluo_lab.traces.findings import Repair
from fluo_lab.traces.repair import repair
from fluo_lab.traces.unbuild import rebuild


@settings(deadline=None, max_examples=25)
@given(stores())
def test_a_store_made_of_its_own_batch_is_the_same_store(traces):
    again = rebuild(traces, batch_of(traces))
    assert_frame_equal(again.spans, traces.spans)
    assert_frame_equal(again.traces, traces.traces)
    assert everything(again) == everything(traces)


@settings(deadline=None, max_examples=25)
@given(defective_stores(), st.sets(st.sampled_from(Repair), min_size=1))
def test_a_repair_done_again_changes_nothing(traces, repairs):
    once = repair(traces, *repairs)
    twice = repair(once, *repairs)
    assert_frame_equal(twice.spans, once.spans)
    assert_frame_equal(twice.traces, once.traces)
    assert everything(twice) == everything(once)
    assert [record.n_spans for record in twice.repairs[len(repairs) :]] == [0] * len(repairs)


@settings(deadline=None, max_examples=25)
@given(defective_stores(), st.sets(st.sampled_from(Repair), min_size=1), st.randoms())
def test_the_order_of_the_input_does_not_matter(traces, repairs, random):
    rows = list(range(traces.n_spans))
    random.shuffle(rows)
    one, other = repair(traces, *repairs), repair(rearranged(traces, rows), *repairs)
    assert everything(other) == everything(one)
    assert other.repairs == one.repairs


@settings(deadline=None, max_examples=25)
@given(stores(kinds=(SpanKind.INTERNAL, SERVER)))
def test_a_store_without_defects_stays_as_it_is(traces):
    again = repair(traces, *Repair)
    assert_frame_equal(again.spans, traces.spans)
    assert everything(again) == everything(traces)
    assert [(record.repair, record.n_spans, record.n_traces) for record in again.repairs] == [
        (Repair.DUPLICATES, 0, 0),
        (Repair.SHARED_SPANS, 0, 0),
        (Repair.CLOCK_SKEW, 0, 0),
    ]


def test_the_store_that_is_repaired_stays_as_it_was():
    traces = traces_from_spans([span("a", 1), span("a", 1)])
    mended = traces.repaired("duplicates")
    assert (traces.n_spans, traces.repairs) == (2, ())
    assert mended.n_spans == 1


def test_repairs_are_applied_once_and_in_a_fixed_order():
    traces = traces_from_spans([span("a", 1)])
    mended = traces.repaired("clock_skew", Repair.DUPLICATES, "shared_spans", "clock_skew")
    assert [record.repair for record in mended.repairs] == ["duplicates", "shared_spans", "clock_skew"]
    assert traces.repaired() is traces


def test_records_survive_selection_and_further_repairs():
    spans = [span("a", 1), span("a", 1), span("b", 1, trace=2)]
    mended = traces_from_spans(spans).repaired("duplicates")
    kept = mended.select([f"{2:032x}"]).filter(pl.col("n_spans") == 1).repaired("clock_skew")
    assert [(record.repair, record.n_spans) for record in kept.repairs] == [("duplicates", 1), ("clock_skew", 0)]
    assert kept.repairs[0].to_dict() == {
        "repair": "duplicates",
        "n_spans": 1,
        "n_traces": 1,
        "details": {"conflicts": 0},
    }


def test_what_is_known_about_traces_survives_repairs():
    plain = traces_from_spans([span("a", 1), span("a", 1), span("b", 2, trace=2, start=500)])
    builder = TracesBuilder()
    builder.add(batch_of(plain))
    traces = builder.finish(incomplete=[f"{1:032x}"], window=(0, 510), inputs=[Input("file")])
    mended = traces.repaired("duplicates")
    assert mended.traces["is_declared_incomplete"].to_list() == [True, False]
    assert mended.traces["is_at_window_edge"].to_list() == [False, True]
    assert (mended.sources, mended.n_spans) == (("file",), 2)


def test_an_unknown_repair_is_a_clear_error():
    with pytest.raises(UsageError, match="no repair is called 'dupes'; there are duplicates, shared_spans, clock_skew"):
        traces_from_spans([span("a", 1)]).repaired("dupes")
