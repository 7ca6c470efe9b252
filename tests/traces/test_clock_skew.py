"""Clock skew: which spans are shifted into their callers, how far, and what moves with them."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from repairable import (
    CLIENT,
    CONSUMER,
    PRODUCER,
    SERVER,
    batch_of,
    everything,
    finished,
    span,
    span_id,
    stores,
    times,
    with_links,
)

from fluo_lab.traces import PlainEvent, PlainSpan, SpanKind, Traces, traces_from_spans
from fluo_lab.traces.clock_skew import shift_skewed
from fluo_lab.traces.findings import Repair, RepairRecord


def call(*, start: int, end: int, server: SpanKind = SERVER, **kwargs) -> list[PlainSpan]:
    """A client span from 1000 to 1100 and the span that answers it."""
    return [
        span("call", 1, start=1000, end=1100, service="shop", kind=CLIENT),
        span("serve", 2, parent=1, start=start, end=end, service="cart", kind=server, **kwargs),
    ]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (1010, 1090, (1010, 1090)),  # fits
        (1000, 1100, (1000, 1100)),
        (900, 960, (1020, 1080)),  # too early: into the middle
        (1080, 1140, (1020, 1080)),  # too late
        (900, 961, (1019, 1080)),  # an odd remainder is rounded down
        (900, 1001, (1000, 1101)),  # longer: on the caller's start
        (900, 1200, (1000, 1300)),
        (1050, 1200, (1050, 1200)),  # longer, but nothing says that its clock is off
        (5000, 5300, (5000, 5300)),
    ],
)
def test_a_span_of_another_clock_is_shifted_into_its_parent(start, end, expected):
    mended = traces_from_spans(call(start=start, end=end)).repaired("clock_skew")
    assert times(mended) == {1: (1000, 1100), 2: expected}
    shift = expected[0] - start
    details = {"largest_shift_ns": abs(shift), "events": 0}
    assert mended.repairs == (RepairRecord(Repair.CLOCK_SKEW, int(shift != 0), int(shift != 0), details),)


@pytest.mark.parametrize("kind", [PRODUCER, CONSUMER])
def test_asynchronous_children_stay(kind):
    traces = traces_from_spans(call(start=900, end=960, server=kind))
    assert times(traces.repaired("clock_skew")) == times(traces)


def test_a_span_that_only_follows_from_its_parent_stays():
    plain = traces_from_spans(call(start=900, end=960))
    follows = with_links(plain, [(0, f"{1:032x}", span_id(1), "follows_from")])
    assert plain.spans["name"].to_list() == ["serve", "call"]  # rows are by start
    assert times(follows.repaired("clock_skew")) == {1: (1000, 1100), 2: (900, 960)}


@pytest.mark.parametrize(
    "link", [(f"{1:032x}", span_id(1), "child_of"), (f"{2:032x}", span_id(1), "follows_from"),
             (f"{1:032x}", span_id(7), "follows_from"), (f"{1:032x}", span_id(1), None)]
)  # fmt: skip
def test_other_links_are_no_reason_to_stay(link):
    linked = with_links(traces_from_spans(call(start=900, end=960)), [(0, *link)])
    assert times(linked.repaired("clock_skew"))[2] == (1020, 1080)


@pytest.mark.parametrize("kind", [SpanKind.INTERNAL, SERVER, PRODUCER, CONSUMER])
def test_only_callers_bound_their_children(kind):
    caller, serve = call(start=900, end=960)
    traces = traces_from_spans([replace(caller, kind=kind), serve])
    assert times(traces.repaired("clock_skew"))[2] == (900, 960)


def test_a_parent_of_unspecified_kind_may_be_a_caller():
    caller, serve = call(start=900, end=960)
    traces = traces_from_spans([replace(caller, kind=SpanKind.UNSPECIFIED), serve])
    assert times(traces.repaired("clock_skew"))[2] == (1020, 1080)


@pytest.mark.parametrize(
    "change",
    [
        {"service": "shop"},  # one service, one clock
        {"service": None},  # whose clock?
        {"start_ns": 0, "end_ns": 0},  # no time
        {"start_ns": 900, "end_ns": 890},  # no duration
        {"parent_span_id": span_id(9)},
        {"parent_span_id": None},
    ],
)
def test_what_cannot_be_compared_stays(change):
    caller, serve = call(start=900, end=960)
    traces = traces_from_spans([caller, replace(serve, **change)])
    assert times(traces.repaired("clock_skew")) == times(traces)


def test_a_shift_goes_down_as_far_as_the_service_and_adds_to_those_below():
    spans = [
        *call(start=900, end=960),
        span("work", 3, parent=2, start=910, end=940, service="cart"),
        span("send", 4, parent=3, start=915, end=920, service="cart", kind=PRODUCER),
        span("query", 5, parent=3, start=920, end=940, service="cart", kind=CLIENT),
        span("answer", 6, parent=5, start=925, end=935, service="db", kind=SERVER),  # fits as long as nothing moves
        span("page", 7, parent=6, start=926, end=930, service="db"),
        span("right", 8, parent=3, start=1030, end=1050, service="mail", kind=SERVER),  # not below a caller
        span("untimed", 9, parent=2, start=0, end=0, service="cart"),
        span("below", 10, parent=9, start=950, end=955, service="cart"),
    ]
    mended = traces_from_spans(spans).repaired("clock_skew")
    assert times(mended) == {
        1: (1000, 1100),
        2: (1020, 1080),
        3: (1030, 1060),
        4: (1035, 1040),
        5: (1040, 1060),
        6: (1045, 1055),
        7: (1046, 1050),
        8: (1030, 1050),
        9: (0, 0),
        10: (1070, 1075),
    }
    assert mended.repairs[0].n_spans == 7


def test_events_move_with_their_spans_unless_they_have_no_time():
    events = [PlainEvent("late", 930), PlainEvent("early", 910), PlainEvent("untimed", 0)]
    mended = traces_from_spans(call(start=900, end=960, events=events)).repaired("clock_skew")
    assert mended.events["time_ns"].to_list() == [0, 1030, 1050]
    assert mended.repairs[0].details == {"largest_shift_ns": 120, "events": 2}


def test_children_of_an_id_that_several_spans_have_stay():
    caller, serve = call(start=900, end=960)
    traces = traces_from_spans([caller, replace(caller, name="other"), serve])
    assert times(traces.repaired("clock_skew"))[2] == (900, 960)


def test_times_at_the_end_of_64_bits_neither_wrap_nor_fail():
    top = 2**63 - 1
    spans = [
        span("call", 1, start=top - 10, end=top, service="shop", kind=CLIENT),
        span("long", 2, parent=1, start=5, end=top, service="cart", kind=SERVER),  # has no room to move
        span("carried", 3, parent=2, start=7, end=9, service="cart"),
        span("short", 4, parent=1, start=5, end=9, service="mail", kind=SERVER, events=[PlainEvent("e", top)]),
        span("beyond", 5, parent=4, start=top - 2, end=top - 1, service="mail"),
    ]
    traces = traces_from_spans(spans)
    mended = traces.repaired("clock_skew")
    assert times(mended) == {**times(traces), 4: (top - 7, top - 3)}
    assert mended.events["time_ns"].to_list() == [top]


def naive_shifts(traces: Traces) -> list[int]:
    """Clocks span by span, by recursion; for traces whose span ids are their own."""
    rows = traces.spans.with_columns(traces.table["parent_row"]).to_dicts()
    follows = set()
    for at, (row, trace_id, linked, *_) in enumerate(traces.link_table.frame.rows()):
        values = traces.decode(traces.link_table.attributes.values_of(at, 0))
        own = rows[row]
        if values == {"opentracing.ref_type": "follows_from"} and (own["trace_id"], own["parent_span_id"]) == (
            trace_id,
            linked,
        ):
            follows.add(row)
    kinds = traces.table["kind"].to_list()
    shifts = [0] * len(rows)
    children: dict[int, list[int]] = {}
    for at, row in enumerate(rows):
        children.setdefault(row["parent_row"], []).append(at)

    def walk(at: int, clock: int) -> None:
        row = rows[at]
        if row["start_ns"] != 0:
            shifts[at] = clock
        for below in children.get(at, ()):
            child = rows[below]
            if child["service"] == row["service"]:
                walk(below, clock)
                continue
            start, end = row["start_ns"] + shifts[at], row["end_ns"] + shifts[at]
            length, own_length = end - start, child["end_ns"] - child["start_ns"]
            known = "unknown_service" not in (row["service"], child["service"])
            timed = row["start_ns"] > 0 and child["start_ns"] > 0 and length >= 0 and own_length >= 0
            waits = kinds[at] in (0, 3) and kinds[below] not in (4, 5) and below not in follows
            shift = 0
            if known and timed and waits:
                if own_length > length:
                    shift = max(0, start - child["start_ns"])
                elif child["start_ns"] < start or child["end_ns"] > end:
                    shift = start + (length - own_length) // 2 - child["start_ns"]
            walk(below, shift)

    for top in [*children.get(-1, ()), *children.get(-2, ())]:
        walk(top, 0)
    return shifts


@settings(deadline=None, max_examples=25)
@given(stores(attributes=st.just({}), kinds=(CLIENT, CLIENT, SERVER, SpanKind.UNSPECIFIED, CONSUMER)))
def test_shifts_agree_with_walking_the_tree(traces):
    assert shift_skewed(traces).tolist() == naive_shifts(traces)


@settings(deadline=None, max_examples=25)
@given(stores(kinds=(CLIENT, CLIENT, SERVER)))
def test_shifting_changes_times_alone(traces):
    mended = traces.repaired("clock_skew")
    keys = ["trace_id", "span_id"]
    moving = ["start_ns", "end_ns"]
    before, after = traces.spans.sort(keys), mended.spans.sort(keys)
    assert_frame_equal(after.drop(moving), before.drop(moving))  # durations are among what stays
    moved = (after["start_ns"] != before["start_ns"]).sum()
    assert mended.repairs[0].n_spans == moved

    def without_times(store: Traces) -> list[str]:
        batch = batch_of(store)
        no_time = [pl.lit(1, dtype=pl.Int64).alias(column) for column in moving]
        events = batch.events.with_columns(pl.lit(1, dtype=pl.Int64).alias("time_ns"))
        return everything(finished(replace(batch, spans=batch.spans.with_columns(no_time), events=events)))

    assert without_times(mended) == without_times(traces)


def test_a_deep_trace_needs_no_recursion():
    n = 3000
    spans = [
        span("s", number, parent=number - 1 or None, start=10**6 - 10 * number, end=2 * 10**6 - 10 * number,
             service=f"service {number % 2}", kind=CLIENT)
        for number in range(1, n)
    ]  # fmt: skip
    mended = traces_from_spans(spans).repaired("clock_skew")
    assert mended.spans["start_ns"].n_unique() == 1
    assert mended.repairs[0].n_spans == n - 2
