"""Span ids shared by the two sides of a call: halves that are split, and those that cannot be told apart."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from repairable import (
    ATTRIBUTES,
    CLIENT,
    SERVER,
    batch_of,
    defective_stores,
    everything,
    finished,
    shape,
    span,
    span_id,
)

from fluo_lab.traces import PlainEvent, PlainSpan, SpanKind, Traces, traces_from_spans
from fluo_lab.traces.findings import Repair, RepairRecord
from fluo_lab.traces.repair import fresh_span_id


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
