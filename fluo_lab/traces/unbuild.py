"""From the store back to a batch: what selection and the Parquet file are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fluo_lab.traces.attributes import AttributeTable
from fluo_lab.traces.batch import AttributeRows, SpanBatch, numbers_of_kept
from fluo_lab.traces.build import TracesBuilder
from fluo_lab.traces.dictionary import Dictionary
from fluo_lab.traces.schema import ATTRIBUTE_ROWS, RAW_SPANS, ValueType

if TYPE_CHECKING:
    from fluo_lab.traces.store import Traces

__all__ = ["rebuild", "to_batch"]

Mask = NDArray[np.bool_]


def to_batch(traces: Traces, kept: Mask) -> SpanBatch:
    """Return the spans of a mask, shape ``(n_spans,)``, with all that hangs on them."""
    number = numbers_of_kept(kept)
    table = traces.table.filter(pl.Series(kept))
    spans = (
        table.with_columns(
            traces.traces["trace_id"].gather(table["trace"]).alias("trace_id"),
            traces.name_dictionary.decode(table["name"]).alias("name"),
        )
        .select(list(RAW_SPANS))
        .cast(RAW_SPANS)
    )
    events, links = traces.event_table, traces.link_table
    event_kept = kept[events.frame["span"].to_numpy()]
    link_kept = kept[links.frame["span"].to_numpy()]
    event_frame = events.frame.filter(pl.Series(event_kept))
    link_frame = links.frame.filter(pl.Series(link_kept))
    n_resources, n_scopes = len(traces.resource_table.services), traces.scope_table.frame.height
    return SpanBatch(
        spans=spans,
        attributes=_rows(traces.attribute_table, kept, traces.text_dictionary),
        n_resources=n_resources,
        resource_attributes=_rows(
            traces.resource_table.attributes, np.ones(n_resources, dtype=np.bool_), traces.text_dictionary
        ),
        scopes=traces.scope_table.frame,
        scope_attributes=_rows(
            traces.scope_table.attributes, np.ones(n_scopes, dtype=np.bool_), traces.text_dictionary
        ),
        events=event_frame.with_columns(
            pl.Series("span", number[event_frame["span"].to_numpy()]),
            events.names.decode(event_frame["name"]).alias("name"),
        ),
        event_attributes=_rows(events.attributes, event_kept, traces.text_dictionary),
        links=link_frame.with_columns(pl.Series("span", number[link_frame["span"].to_numpy()])),
        link_attributes=_rows(links.attributes, link_kept, traces.text_dictionary),
    )


def rebuild(traces: Traces, batch: SpanBatch) -> Traces:
    """Return the store of a batch made from another store, with all that is known about the traces from elsewhere."""
    builder = TracesBuilder()
    builder.add(batch)
    return builder.finish(problems=traces.problem_list, inputs=traces.inputs, findings=traces.findings)


def _rows(table: AttributeTable, kept: Mask, texts: Dictionary) -> AttributeRows:
    """Return the attributes of the kept owners, renumbered, by owner and key."""
    number = numbers_of_kept(kept)
    keys: dict[str, int] = {}
    parts = []
    for cells in table.cells():
        at = np.flatnonzero(kept[cells.owner])
        if not len(at):
            continue
        column = "text" if cells.type.is_textual else cells.type.name.lower()
        parts.append(
            pl.DataFrame({"owner": number[cells.owner[at]], column: cells.value[at]}).with_columns(
                pl.lit(keys.setdefault(cells.key, len(keys)), dtype=pl.UInt32).alias("key"),
                pl.lit(int(cells.type), dtype=pl.UInt8).alias("type"),
            )
        )
    if not parts:
        return AttributeRows()
    frame = pl.concat([pl.DataFrame(schema=ATTRIBUTE_ROWS), *parts], how="diagonal_relaxed")
    frame = frame.select(list(ATTRIBUTE_ROWS)).cast(ATTRIBUTE_ROWS).sort("owner", "key")
    used = frame["text"].drop_nulls().unique().sort()
    code_of = np.zeros(max(len(texts), 1), dtype=np.uint32)
    code_of[used.to_numpy()] = np.arange(len(used), dtype=np.uint32)
    textual = [int(t) for t in ValueType if t.is_textual]
    recoded = pl.Series("text", code_of[frame["text"].fill_null(0).to_numpy()])
    frame = frame.with_columns(pl.when(pl.col("type").is_in(textual)).then(recoded).otherwise(None).alias("text"))
    return AttributeRows(frame, keys=pl.Series("key", list(keys), dtype=pl.String), texts=texts.values.gather(used))
