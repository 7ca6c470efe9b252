"""Stores to be repaired: spans made by hand, stores of any shape, and all that is known about one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl
from hypothesis import strategies as st

from fluo_lab.traces import PlainEvent, PlainSpan, SpanKind, Traces, TracesBuilder, traces_from_spans
from fluo_lab.traces.batch import AttributeRows, SpanBatch
from fluo_lab.traces.schema import ATTRIBUTE_ROWS, LINKS, ValueType
from fluo_lab.traces.unbuild import to_batch

__all__ = [
    "ATTRIBUTES",
    "CLIENT",
    "CONSUMER",
    "PRODUCER",
    "SERVER",
    "batch_of",
    "defective_stores",
    "everything",
    "finished",
    "rearranged",
    "shape",
    "span",
    "span_id",
    "stores",
    "times",
    "with_links",
]

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
