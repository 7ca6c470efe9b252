"""Repairs: what each one mends, what it leaves alone, what it records; and that batches keep everything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from fluo_lab.errors import UsageError
from fluo_lab.traces import Input, PlainEvent, PlainSpan, SpanKind, Traces, TracesBuilder, traces_from_spans
from fluo_lab.traces.batch import AttributeRows, SpanBatch
from fluo_lab.traces.clock_skew import shift_skewed
from fluo_lab.traces.findings import Repair, RepairRecord
from fluo_lab.traces.repair import fresh_span_id, repair
from fluo_lab.traces.schema import ATTRIBUTE_ROWS, LINKS, ValueType
from fluo_lab.traces.unbuild import rebuild, to_batch

CLIENT, SERVER, PRODUCER, CONSUMER = SpanKind.CLIENT, SpanKind.SERVER, SpanKind.PRODUCER, SpanKind.CONSUMER


def span_id(number: int) -> str:
    return f"{number:016x}"


def span(name: str, number: int, *, trace: int = 1, parent: int | None = None, start: int = 1, **kwargs) -> PlainSpan:
    return PlainSpan(
        name,
        trace_id=f"{trace:032x}",
        span_id=span_id(number),
        parent_span_id=None if parent is None else span_id(parent),
        start_ns=start,
        end_ns=kwargs.pop("end", start + 10),
        **kwargs,
    )


def batch_of(traces: Traces) -> SpanBatch:
    return to_batch(traces, np.ones(traces.n_spans, dtype=np.bool_))


def finished(*batches: SpanBatch) -> Traces:
    builder = TracesBuilder()
    for batch in batches:
        builder.add(batch)
    return builder.finish()


def with_links(traces: Traces, links: Sequence[tuple[int, str, str, str | None]]) -> Traces:
    """Add links (row of the span, trace id, span id, reference type)."""
    typed = [(n, ref_type) for n, (*_, ref_type) in enumerate(links) if ref_type is not None]
    rows = [(n, 0, int(ValueType.TEXT), at, None, None, None) for at, (n, _) in enumerate(typed)]
    return finished(
        replace(
            batch_of(traces),
            links=pl.DataFrame([(row, t, s, None, 1, 2) for row, t, s, _ in links], schema=LINKS, orient="row"),
            link_attributes=AttributeRows(
                pl.DataFrame(rows, schema=ATTRIBUTE_ROWS, orient="row"),
                keys=pl.Series(["opentracing.ref_type"]),
                texts=pl.Series([ref_type for _, ref_type in typed], dtype=pl.String),
            ),
        )
    )


def everything(traces: Traces, *, but: str | None = None) -> list[str]:
    """All that is known about every span but one attribute, whatever the codes and the order of rows."""
    events = traces.event_table
    links = traces.link_table
    hung: list[list[object]] = [[] for _ in range(traces.n_spans)]
    for at, event in enumerate(events.frame.iter_rows(named=True)):
        values = traces.decode(events.attributes.values_of(at, event["name"]))
        name = events.names.values[event["name"]]
        hung[event["span"]].append((name, event["time_ns"], event["dropped_attributes"], sorted(values.items())))
    for at, link in enumerate(links.frame.rows()):
        hung[link[0]].append((link[1:], sorted(traces.decode(links.attributes.values_of(at, 0)).items())))
    versions = traces.scope_table.frame["version"].gather(traces.table["scope"]).to_list()
    return sorted(
        repr(
            (
                row,
                sorted((key, value) for key, value in traces.span_attributes(at).items() if key != but),
                sorted(traces.resource_attributes(at).items()),
                sorted(traces.scope_attributes(at).items()),
                versions[at],
                sorted(map(repr, hung[at])),
            )
        )
        for at, row in enumerate(traces.spans.rows())
    )


def times(traces: Traces) -> dict[int, tuple[int, int]]:
    """Start and end of each span, by its number."""
    rows = traces.spans.select("span_id", "start_ns", "end_ns").rows()
    return {int(number, 16): (start, end) for number, start, end in rows}


def shape(traces: Traces) -> dict[str, tuple[str, str | None]]:
    """Name of each span: its id and its parent's."""
    return {
        name: (own, parent) for name, own, parent in traces.spans.select("name", "span_id", "parent_span_id").rows()
    }


# --- stores of any shape ---------------------------------------------------------------------------------------

VALUES = st.one_of(
    st.sampled_from(["", "x", "1", "probabilistic"]),
    st.booleans(),
    st.sampled_from([0, 1, -(2**63)]),
    st.sampled_from([0.0, -0.0, 1.0, 0.1]),
    st.sampled_from([b"", b"\0"]),
    st.sampled_from([[1, "a"], {"k": 1}]),
)
ATTRIBUTES = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)
SERVICES = st.sampled_from([None, "cart", "shop", "pay"])


@st.composite
def plain_spans(draw, *, attributes=ATTRIBUTES, kinds=tuple(SpanKind)):
    """Spans of one to three traces, ids their own, parents any span of the trace or one that is not there."""
    spans = []
    for trace in range(1, draw(st.integers(1, 3)) + 1):
        for number in range(1, draw(st.integers(1, 8)) + 1):
            start = draw(st.integers(0, 60))
            spans.append(
                span(
                    draw(st.sampled_from(["a", "b"])),
                    number,
                    trace=trace,
                    parent=draw(st.one_of(st.none(), st.integers(1, 9))),
                    start=start,
                    end=start + draw(st.integers(-1, 40)),
                    service=draw(SERVICES),
                    kind=draw(st.sampled_from(kinds)),
                    attributes=draw(attributes),
                    resource=draw(st.sampled_from([{}, {"host.name": "h"}])),
                    scope_version=draw(st.sampled_from([None, "1"])),
                    scope=draw(st.sampled_from([{}, {"s": 1}])),
                    events=[
                        PlainEvent(draw(st.sampled_from("ef")), draw(st.integers(0, 50)), draw(attributes))
                        for _ in range(draw(st.integers(0, 2)))
                    ],
                )
            )
    return spans


@st.composite
def stores(draw, **kwargs):
    """Stores with links and all the columns that plain spans lack."""
    traces = traces_from_spans(draw(plain_spans(**kwargs)))
    rows = st.tuples(
        st.integers(0, traces.n_spans - 1),
        st.sampled_from(traces.traces["trace_id"].to_list()),
        st.sampled_from([span_id(1), span_id(2)]),
        st.sampled_from([None, "follows_from", "child_of"]),
    )
    traces = with_links(traces, draw(st.lists(rows, max_size=4)))
    batch = batch_of(traces)
    numbers = draw(st.lists(st.integers(0, 2), min_size=traces.n_spans, max_size=traces.n_spans))
    columns = [pl.Series(name, numbers, dtype=pl.UInt32) for name in ("flags", "dropped_attributes", "dropped_links")]
    states = pl.Series("trace_state", [(None, "ot=th:8", "x=1")[n] for n in numbers], dtype=pl.String)
    return finished(replace(batch, spans=batch.spans.with_columns(*columns, states)))


def rearranged(traces: Traces, rows: Sequence[int]) -> Traces:
    """The spans of some rows, each delivered by itself, in this order and as often as it is named."""
    batches = []
    for row in rows:
        mask = np.zeros(traces.n_spans, dtype=np.bool_)
        mask[row] = True
        batches.append(to_batch(traces, mask))
    return finished(*batches)


@st.composite
def defective_stores(draw):
    """Stores where spans share ids, as halves, as conflicts or as copies."""
    batch = batch_of(draw(stores()))
    n = batch.spans.height
    numbers = draw(st.lists(st.integers(1, 4), min_size=n, max_size=n))
    ids = pl.Series("span_id", [span_id(number) for number in numbers])
    traces = finished(replace(batch, spans=batch.spans.with_columns(ids)))
    return rearranged(traces, [*range(n), *draw(st.lists(st.integers(0, n - 1), max_size=4))])


# --- batches keep everything -----------------------------------------------------------------------------------


@settings(deadline=None, max_examples=25)
@given(stores())
def test_a_store_made_of_its_own_batch_is_the_same_store(traces):
    again = rebuild(traces, batch_of(traces))
    assert_frame_equal(again.spans, traces.spans)
    assert_frame_equal(again.traces, traces.traces)
    assert everything(again) == everything(traces)


# --- all repairs -----------------------------------------------------------------------------------------------


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


# --- duplicates ------------------------------------------------------------------------------------------------


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


# --- shared spans ----------------------------------------------------------------------------------------------


def shared_call() -> list[PlainSpan]:
    return [
        span("root", 1, service="shop", end=100),
        span("call", 2, parent=1, start=10, service="shop", kind=CLIENT),
        span("serve", 2, parent=1, start=12, service="cart", kind=SERVER),
        span("query", 3, parent=2, start=13, service="cart", kind=CLIENT),
        span("log", 4, parent=2, start=11, service="shop"),
        span("far", 5, parent=2, start=14, service="mail", kind=SERVER),
    ]


def test_a_server_half_gets_an_id_of_its_own_below_its_client_half():
    mended = traces_from_spans(shared_call()).repaired("shared_spans")
    fresh = fresh_span_id(f"{1:032x}", span_id(2), "cart")
    assert shape(mended) == {
        "root": (span_id(1), None),
        "call": (span_id(2), span_id(1)),
        "serve": (fresh, span_id(2)),
        "query": (span_id(3), fresh),
        "log": (span_id(4), span_id(2)),
        "far": (span_id(5), span_id(2)),
    }
    row = mended.spans["name"].to_list().index("serve")
    assert mended.span_attributes(row) == {"zipkin.shared_id": span_id(2)}
    assert mended.traces["n_duplicate_spans"].to_list() == [0]
    expected = {"split": 1, "reparented": 1, "ambiguous": 0}
    assert mended.repairs == (RepairRecord(Repair.SHARED_SPANS, 2, 1, expected),)


def test_a_service_that_calls_itself_keeps_its_children_at_the_server_half():
    calls = [replace(s, service="shop") for s in shared_call()]
    mended = traces_from_spans(calls).repaired("shared_spans")
    fresh = fresh_span_id(f"{1:032x}", span_id(2), "shop")
    assert {name: parent for name, (_, parent) in shape(mended).items()} == {
        "root": None,
        "call": span_id(1),
        "serve": span_id(2),
        "query": fresh,
        "log": fresh,
        "far": fresh,
    }


def test_a_chain_of_shared_calls_hangs_together():
    spans = [
        span("call", 1, service="a", kind=CLIENT),
        span("serve", 1, start=2, service="b", kind=SERVER),
        span("call again", 2, parent=1, start=3, service="b", kind=CLIENT),
        span("serve again", 2, parent=1, start=4, service="c", kind=SERVER),
    ]
    mended = traces_from_spans(spans).repaired("shared_spans")
    assert mended.spans["name"].to_list() == ["call", "serve", "call again", "serve again"]
    assert mended.table["parent_row"].to_list() == [-1, 0, 1, 2]


def test_servers_of_different_services_may_share_one_id():
    spans = [
        span("call", 1, service="a", kind=CLIENT),
        span("one", 1, start=2, service="b", kind=SERVER),
        span("two", 1, start=3, service="c", kind=SERVER),
        span("child", 4, parent=1, start=4, service="c"),
    ]
    mended = traces_from_spans(spans).repaired("shared_spans")
    assert mended.table["parent_row"].to_list() == [-1, 0, 0, 2]


@pytest.mark.parametrize(
    "more",
    [
        span("call", 2, parent=1, start=20, service="shop", kind=CLIENT),  # two callers
        span("serve", 2, parent=1, start=20, service="cart", kind=SERVER),  # two answers of one service
        span("other", 2, parent=1, start=20, service="cart"),  # something else
    ],
)
def test_halves_that_cannot_be_told_apart_are_left_alone_and_counted(more):
    traces = traces_from_spans([*shared_call(), more])
    mended = traces.repaired("shared_spans")
    assert everything(mended) == everything(traces)
    expected = {"split": 0, "reparented": 0, "ambiguous": 1}
    assert mended.repairs == (RepairRecord(Repair.SHARED_SPANS, 0, 0, expected),)


def test_exact_copies_of_a_half_are_removed_before_it_is_split():
    calls = shared_call()
    mended = traces_from_spans([*calls, calls[2], calls[1]]).repaired("shared_spans", "duplicates")
    assert everything(mended) == everything(traces_from_spans(calls).repaired("shared_spans"))


@pytest.mark.parametrize("parent", [None, 9])
def test_an_id_that_is_taken_or_pointed_to_is_not_given_again(parent):
    first = int(fresh_span_id(f"{1:032x}", span_id(2), "cart"), 16)
    taken = span("taken", first) if parent is None else span("orphan", 8, parent=first)
    mended = traces_from_spans([*shared_call(), taken]).repaired("shared_spans")
    assert shape(mended)["serve"][0] == fresh_span_id(f"{1:032x}", span_id(2), "cart", attempt=1)
    assert mended.traces["n_duplicate_spans"].to_list() == [0]


def test_a_half_that_already_keeps_a_former_id_keeps_that_one():
    calls = shared_call()
    calls[2] = replace(calls[2], attributes={"zipkin.shared_id": "older"})
    mended = traces_from_spans(calls).repaired("shared_spans")
    row = mended.spans["name"].to_list().index("serve")
    assert mended.span_attributes(row) == {"zipkin.shared_id": "older"}
    assert mended.problems.is_empty()


@st.composite
def split_calls(draw):
    """Traces of calls whose server halves already have the ids and parents the repair gives."""
    trace_id = f"{1:032x}"
    spans = [span("root", 1, service="s0", kind=SpanKind.INTERNAL)]
    number = 1
    for _ in range(draw(st.integers(1, 6))):
        above = draw(st.sampled_from(spans))
        number += 1
        service = f"s{number}"
        start = above.start_ns + 1
        client = span("call", number, start=start, service=above.service, kind=CLIENT, attributes=draw(ATTRIBUTES))
        client = replace(client, parent_span_id=above.span_id)
        server = span("serve", number, start=start + 1, service=service, kind=SERVER, events=[PlainEvent("e", 5)])
        server = replace(
            server,
            span_id=fresh_span_id(trace_id, client.span_id, service),
            parent_span_id=client.span_id,
            attributes={**draw(ATTRIBUTES), "zipkin.shared_id": client.span_id},
        )
        spans += [client, server]
    return spans


@settings(deadline=None, max_examples=25)
@given(split_calls(), st.randoms())
def test_halves_put_together_come_apart_again(spans, random):
    near = {s.attributes["zipkin.shared_id"]: s for s in spans if "zipkin.shared_id" in s.attributes}
    far = {s.span_id: shared_id for shared_id, s in near.items()}
    clients = {s.span_id: s for s in spans if s.kind is CLIENT}
    joined = []
    for s in spans:
        if s.span_id in far:  # B3: the server goes on under the client's id and parent
            client = clients[far[s.span_id]]
            attributes = {key: value for key, value in s.attributes.items() if key != "zipkin.shared_id"}
            s = replace(s, span_id=client.span_id, parent_span_id=client.parent_span_id, attributes=attributes)
        joined.append(replace(s, parent_span_id=far.get(s.parent_span_id, s.parent_span_id)))
    random.shuffle(joined)
    mended = traces_from_spans(joined).repaired("shared_spans")
    assert everything(mended) == everything(traces_from_spans(spans))
    assert mended.repairs[0].details["split"] == len(far)


@settings(deadline=None, max_examples=25)
@given(defective_stores())
def test_splitting_changes_ids_parents_and_one_attribute_alone(traces):
    mended = traces.repaired("shared_spans")

    def rest(store: Traces) -> list[str]:
        batch = batch_of(store)
        no_ids = pl.lit(span_id(1)).alias("span_id"), pl.lit(None, dtype=pl.String).alias("parent_span_id")
        plain = finished(replace(batch, spans=batch.spans.with_columns(no_ids)))
        return everything(plain, but="zipkin.shared_id")

    assert rest(mended) == rest(traces)


# --- clock skew ------------------------------------------------------------------------------------------------


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
