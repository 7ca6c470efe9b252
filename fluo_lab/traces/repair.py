"""Repairs: explicit, recorded, off unless asked for.

Jaeger's query service repairs traces before anybody sees them, a file of raw OTLP comes unrepaired, so the same trace
differs by the route it took. These are the same repairs, by choice: exact duplicates are removed, the two halves of a
span that client and server share become two spans, and clocks that are off are shifted. What was done stands in
``Traces.repairs``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fluo_lab.traces.attributes import AttributeTable
from fluo_lab.traces.batch import AttributeRows, SpanBatch
from fluo_lab.traces.clock_skew import move_times, shift_skewed
from fluo_lab.traces.dictionary import Dictionary
from fluo_lab.traces.findings import Repair, RepairRecord
from fluo_lab.traces.schema import ATTRIBUTE_ROWS, SpanKind, ValueType
from fluo_lab.traces.unbuild import rebuild, to_batch

if TYPE_CHECKING:
    from fluo_lab.traces.store import Traces

__all__ = ["SHARED_ID_KEY", "fresh_span_id", "repair"]

Mask = NDArray[np.bool_]

SHARED_ID_KEY = "zipkin.shared_id"
"""Attribute that keeps the span id a server half had in common with its client half."""


_NO_ID = "0" * 16
"""No span may have this id (W3C Trace Context)."""


def repair(traces: Traces, *repairs: Repair | str) -> Traces:
    """Return a store with some defects mended.

    Parameters
    ----------
    traces
        Is left as it is.
    repairs
        Which; each is applied once, always in the order of ``Repair``. What was done, also when that is nothing, is
        added to ``Traces.repairs``, which selections and further repairs keep.

    Raises
    ------
    UsageError
        When there is no such repair.

    Notes
    -----
    ``duplicates``: of spans that are equal in every respect (ids, times, attributes, events, links, resource, scope)
    one is kept. Spans that have an id in common and differ are no duplicates, and stay.

    ``shared_spans``: where one ``CLIENT`` span and ``SERVER`` spans of different services have one id in a trace, as
    Zipkin's clients send them, each server half gets an id of its own (see ``fresh_span_id``) and the client half as
    its parent; children of the id whose service is the server half's become its children. The former id stays in the
    attribute ``zipkin.shared_id``. Links to the id then mean the client half.

    ``clock_skew``: see ``fluo_lab.traces.clock_skew``. Events move with their spans.
    """
    wanted = {Repair.named(name) for name in repairs}
    for step in Repair:
        if step in wanted:
            batch, record = _STEPS[step](traces)
            mended = traces if batch is None else rebuild(traces, batch)
            traces = replace(mended, repairs=(*traces.repairs, record))
    return traces


Outcome = tuple[SpanBatch | None, RepairRecord]


def _all(traces: Traces) -> SpanBatch:
    return to_batch(traces, np.ones(traces.n_spans, dtype=np.bool_))


def _touched(traces: Traces, rows: Mask) -> int:
    """Return how many traces some spans are in."""
    return len(np.unique(traces.trace_of[rows]))


# --- exact duplicates ------------------------------------------------------------------------------------------


def _remove_duplicates(traces: Traces) -> Outcome:
    """Keep one of equal spans; a batch only when some were removed."""
    if not traces.traces["n_duplicate_spans"].sum():
        return None, RepairRecord(Repair.DUPLICATES, details={"conflicts": 0})
    shares_id = traces.table.select(pl.struct("trace", "span_id").is_duplicated()).to_series()
    contents = _contents(traces, shares_id.to_numpy())
    is_first = contents.select(pl.struct(pl.all()).is_first_distinct()).to_series()
    kept = np.ones(traces.n_spans, dtype=np.bool_)
    kept[shares_id.arg_true().to_numpy()] = is_first.to_numpy()
    left = contents.filter(is_first).group_by("trace", "span_id").len()
    n_removed = int(len(kept) - kept.sum())
    record = RepairRecord(
        Repair.DUPLICATES,
        n_spans=n_removed,
        n_traces=_touched(traces, ~kept),
        details={"conflicts": left.filter(pl.col("len") > 1).height},
    )
    return (to_batch(traces, kept) if n_removed else None), record


def _contents(traces: Traces, rows: Mask) -> pl.DataFrame:
    """Return everything about some spans, such that equal rows are equal spans."""
    events, links = traces.event_table, traces.link_table
    has_event, has_link = rows[events.frame["span"].to_numpy()], rows[links.frame["span"].to_numpy()]
    link_texts = [_numbered(links.frame[column]) for column in ("trace_id", "span_id", "trace_state")]
    event_items = [events.frame["name"], events.frame["time_ns"], events.frame["dropped_attributes"]]
    link_items = [*link_texts, links.frame["flags"], links.frame["dropped_attributes"]]
    return (
        traces.table.drop("parent_row")
        .filter(pl.Series(rows))
        .with_columns(
            _written(traces.attribute_table, rows).alias("_attributes"),
            _listed(events.frame["span"], event_items, _written(events.attributes, has_event), rows).alias("_events"),
            _listed(links.frame["span"], link_items, _written(links.attributes, has_link), rows).alias("_links"),
        )
    )


def _numbered(column: pl.Series) -> pl.Series:
    """Return texts as numbers, equal where the texts are, null where null."""
    _, codes = Dictionary.encode(column.fill_null(""))
    return pl.Series(column.name, codes).set(column.is_null(), None)


def _written(table: AttributeTable, owners: Mask) -> pl.Series:
    """Return the attributes of each owner of a mask as a text, equal where all of them are, bit for bit."""
    parts = [pl.DataFrame(schema={"owner": pl.UInt32, "column": pl.UInt32, "bits": pl.Int64})]
    numbers: dict[tuple[str, ValueType], int] = {}
    for cells in table.cells():
        at = np.flatnonzero(owners[cells.owner])
        value = cells.value[at]
        bits = value.view(np.int64) if cells.type is ValueType.DOUBLE else value.astype(np.int64)
        number = numbers.setdefault((cells.key, cells.type), len(numbers))
        column = np.full(len(at), number, dtype=np.uint32)
        parts.append(pl.DataFrame({"owner": cells.owner[at], "column": column, "bits": bits}))
    cell = pl.concat_str("column", "bits", separator="=").alias("text")
    rows = pl.concat(parts).sort("owner", "column").select("owner", cell)
    return _joined(rows, "owner", ",", owners)


def _listed(span: pl.Series, items: list[pl.Series], attributes: pl.Series, rows: Mask) -> pl.Series:
    """Return the events or links of each span of a mask as a text; ``attributes`` are those of the same spans."""
    is_here = pl.Series(rows[span.to_numpy()])
    columns = [item.filter(is_here).alias(str(number)) for number, item in enumerate(items)]
    frame = pl.DataFrame([span.filter(is_here).alias("span"), *columns, attributes.alias("attributes")])
    text = pl.concat_str(pl.exclude("span").cast(pl.String).fill_null("-"), separator=";").alias("text")
    return _joined(frame.select("span", text), "span", "/", rows)


def _joined(frame: pl.DataFrame, owner: str, separator: str, owners: Mask) -> pl.Series:
    """Return the texts of each owner of a mask, joined in order; empty where it has none."""
    texts = frame.group_by(owner, maintain_order=True).agg(pl.col("text").str.join(separator))
    numbers = pl.DataFrame({owner: np.flatnonzero(owners).astype(np.uint32)})
    return numbers.join(texts, on=owner, how="left", maintain_order="left")["text"].fill_null("")


# --- shared spans ----------------------------------------------------------------------------------------------


def fresh_span_id(trace_id: str, shared_id: str, service: str, *, attempt: int = 0) -> str:
    """Return the id of a server half: 16 hexadecimal digits that depend on nothing else.

    Parameters
    ----------
    service
        The server half's.
    attempt
        How many ids before this one were taken in the trace.

    Examples
    --------
    >>> fresh_span_id("0000000000000000000000000000000a", "000000000000000b", "cart")
    '128af8e3fb83565a'
    """
    seed = f"{trace_id}/{shared_id}/server/{service}/{attempt}"  # as the reader of Zipkin's JSON makes it
    return hashlib.blake2b(seed.encode(), digest_size=8).hexdigest()


def _split_shared(traces: Traces) -> Outcome:
    """Give server halves ids of their own; a batch only when there are some."""
    halves, n_ambiguous = _server_halves(traces)
    if halves.is_empty():
        return None, RepairRecord(Repair.SHARED_SPANS, details={"split": 0, "reparented": 0, "ambiguous": n_ambiguous})
    halves = halves.with_columns(_fresh_ids(traces, halves))
    table = traces.table.select("trace", "span_id", "parent_span_id", "service").with_row_index("row")
    children = (
        table.join(
            halves.select("trace", "service", "fresh", pl.col("span_id").alias("parent_span_id")),
            on=["trace", "service", "parent_span_id"],
            maintain_order="left",
        )
        .filter(pl.col("span_id") != pl.col("parent_span_id"))
        .join(halves.select("row"), on="row", how="anti", maintain_order="left")
    )
    batch = _all(traces)
    span_id, parent_id = batch.spans["span_id"], batch.spans["parent_span_id"]
    spans = batch.spans.with_columns(
        span_id.scatter(halves["row"], halves["fresh"]),
        parent_id.scatter(halves["row"], halves["span_id"]).scatter(children["row"], children["fresh"]),
    )
    changed = np.zeros(traces.n_spans, dtype=np.bool_)
    changed[halves["row"].to_numpy()] = True
    changed[children["row"].to_numpy()] = True
    record = RepairRecord(
        Repair.SHARED_SPANS,
        n_spans=int(changed.sum()),
        n_traces=_touched(traces, changed),
        details={"split": halves.height, "reparented": children.height, "ambiguous": n_ambiguous},
    )
    return replace(batch, spans=spans, attributes=_with_shared_ids(traces, batch, halves)), record


def _server_halves(traces: Traces) -> tuple[pl.DataFrame, int]:
    """Return ``row, trace, span_id, service`` of the server halves to split, and how many shared ids stay."""
    repeats = traces.traces["n_duplicate_spans"].gather(traces.table["trace"]) > 0
    spans = traces.table.select("trace", "span_id", "kind", "service").with_row_index("row").filter(repeats)
    is_client, is_server = pl.col("kind") == int(SpanKind.CLIENT), pl.col("kind") == int(SpanKind.SERVER)
    shared = (
        spans.group_by("trace", "span_id")
        .agg(
            pl.len().alias("spans"),
            is_client.sum().alias("clients"),
            is_server.sum().alias("servers"),
            pl.col("service").filter(is_server).n_unique().alias("services"),
        )
        .filter((pl.col("clients") > 0) & (pl.col("servers") > 0))
    )
    is_clear = (
        (pl.col("clients") == 1)
        & (pl.col("services") == pl.col("servers"))
        & (pl.col("spans") == pl.col("clients") + pl.col("servers"))
    )
    clear = shared.filter(is_clear)
    halves = spans.filter(is_server).join(clear, on=["trace", "span_id"], how="semi", maintain_order="left")
    return halves.drop("kind"), shared.height - clear.height


def _fresh_ids(traces: Traces, halves: pl.DataFrame) -> pl.Series:
    """Return an id for each half that nothing in its trace has or points to."""
    names = halves.select(
        pl.col("trace"),
        traces.traces["trace_id"].gather(halves["trace"]).alias("trace_id"),
        pl.col("span_id"),
        traces.service_dictionary.decode(halves["service"]).alias("service"),
    )
    touched = traces.table.select("trace", "span_id", "parent_span_id").join(halves, on="trace", how="semi")
    taken = set(touched.select("trace", "span_id").rows()) | set(touched.select("trace", "parent_span_id").rows())
    fresh = [""] * halves.height
    order = names.with_row_index("at").sort("trace_id", "span_id", "service")["at"].to_list()
    rows = names.rows()
    for at in order:  # in an order of their own, so that the outcome does not hang on that of the spans
        trace, trace_id, span_id, service = rows[at]
        attempt = 0
        while (trace, fresh[at]) in taken or fresh[at] in ("", _NO_ID):
            fresh[at] = fresh_span_id(trace_id, span_id, service, attempt=attempt)
            attempt += 1
        taken.add((trace, fresh[at]))
    return pl.Series("fresh", fresh, dtype=pl.String)


def _with_shared_ids(traces: Traces, batch: SpanBatch, halves: pl.DataFrame) -> AttributeRows:
    """Return the attributes with the former id of each server half; one that has such an attribute keeps it."""
    rows = batch.attributes
    has_one = np.zeros(traces.n_spans, dtype=np.bool_)
    for cells in traces.attribute_table.cells():
        if cells.key == SHARED_ID_KEY:
            has_one[cells.owner] = True
    new = halves.filter(pl.Series(~has_one[halves["row"].to_numpy()]))
    added = new.select(
        pl.col("row").alias("owner"),
        pl.lit(len(rows.keys)).alias("key"),
        pl.lit(int(ValueType.TEXT)).alias("type"),
        pl.int_range(len(rows.texts), len(rows.texts) + new.height).alias("text"),
        *(pl.lit(None).alias(column) for column in ("int", "double", "bool")),
    ).cast(ATTRIBUTE_ROWS)
    return AttributeRows(
        pl.concat([rows.frame, added]),
        keys=pl.concat([rows.keys, pl.Series(rows.keys.name, [SHARED_ID_KEY], dtype=pl.String)]),
        texts=pl.concat([rows.texts, new["span_id"].rename(rows.texts.name)]),
    )


# --- clocks ----------------------------------------------------------------------------------------------------


def _shift_clocks(traces: Traces) -> Outcome:
    """Shift the spans of clocks that are off; a batch only when there are some."""
    shift = shift_skewed(traces)
    moved = shift != 0
    if not moved.any():
        return None, RepairRecord(Repair.CLOCK_SKEW, details={"largest_shift_ns": 0, "events": 0})
    batch = _all(traces)
    spans = batch.spans.with_columns(pl.col("start_ns", "end_ns") + pl.Series(shift))
    time_ns = batch.events["time_ns"].to_numpy()
    event_shift = np.where(time_ns == 0, 0, shift[batch.events["span"].to_numpy()])  # 0 stands for no time
    event_time = move_times(time_ns, event_shift)
    record = RepairRecord(
        Repair.CLOCK_SKEW,
        n_spans=int(moved.sum()),
        n_traces=_touched(traces, moved),
        details={"largest_shift_ns": int(np.abs(shift).max()), "events": int((event_time != time_ns).sum())},
    )
    return replace(batch, spans=spans, events=batch.events.with_columns(pl.Series("time_ns", event_time))), record


_STEPS: dict[Repair, Callable[[Traces], Outcome]] = {
    Repair.DUPLICATES: _remove_duplicates,
    Repair.SHARED_SPANS: _split_shared,
    Repair.CLOCK_SKEW: _shift_clocks,
}
