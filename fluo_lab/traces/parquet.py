"""Our own Parquet file: one row a span, attributes as a list of typed cells.

Self-contained and readable by anything that reads Parquet; the file's metadata name the layout, so that a reader
knows it from other people's Parquet files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import orjson
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from fluo_lab.traces.batch import AttributeRows, CodedRows, SpanBatch
from fluo_lab.traces.dictionary import Dictionary
from fluo_lab.traces.findings import Findings
from fluo_lab.traces.schema import EVENTS, LINKS, RAW_SPANS
from fluo_lab.traces.unbuild import to_batch

if TYPE_CHECKING:
    from fluo_lab.traces.store import Traces

__all__ = [
    "OWN_FORMAT",
    "ROWS",
    "is_own_parquet",
    "open_writer",
    "read_batches",
    "read_findings",
    "span_frames",
    "write",
    "write_rows",
]

OWN_FORMAT = "fluo_lab's own Parquet"
"""What people call it."""

LAYOUT = "fluo_lab.traces/v1"
_LAYOUT_KEY = b"fluo_lab.layout"
_FINDINGS_KEY = b"fluo_lab.findings"
_CELL = {
    "key": pl.String(),
    "type": pl.UInt8(),  # ValueType
    "text": pl.String(),
    "int": pl.Int64(),
    "double": pl.Float64(),
    "bool": pl.Boolean(),
}
_CELLS = pl.List(pl.Struct(_CELL))


def _items_of(schema: pl.Schema) -> pl.List:
    """Return the type of the column of a span's events or links."""
    fields = {name: dtype for name, dtype in schema.items() if name != "span"}
    return pl.List(pl.Struct({**fields, "attributes": _CELLS}))


BLOCK_ROWS = 200_000
"""Spans in a row group at most."""

ROWS = pl.Schema(
    {
        **RAW_SPANS,
        "attributes": _CELLS,
        "events": _items_of(EVENTS),
        "links": _items_of(LINKS),
        "resource_attributes": _CELLS,
        "scope_name": pl.String(),
        "scope_version": pl.String(),
        "scope_attributes": _CELLS,
    }
)
"""One row a span; ``resource`` and ``scope`` are numbers good within the file. Lists are null where empty."""


def write(traces: Traces, path: Path) -> Path:
    """Write a store to a file by way of a temporary one beside it, and return the path.

    Row group by row group, so that memory does not grow with the store. Problems and inputs are not kept.
    """
    with open_writer(path, traces.findings) as writer:
        for frame in span_frames(traces, np.arange(traces.n_spans)):
            write_rows(writer, frame)
    return path


@contextmanager
def open_writer(path: Path, findings: Findings) -> Iterator[pq.ParquetWriter]:
    """Give a writer of a file that is there, complete, when the block has ended, and not when it was left by an error.

    Parameters
    ----------
    findings
        What is known of the traces besides.
    """
    metadata = {_LAYOUT_KEY: LAYOUT.encode(), _FINDINGS_KEY: orjson.dumps(findings.to_dict())}
    schema = _to_arrow(pl.DataFrame(schema=ROWS)).schema.with_metadata(metadata)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with pq.ParquetWriter(partial, schema, compression="zstd") as writer:
            yield writer
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_rows(writer: pq.ParquetWriter, frame: pl.DataFrame) -> None:
    """Write rows of the schema ``ROWS`` as one row group."""
    writer.write_table(_to_arrow(frame), row_group_size=max(frame.height, 1))


def _to_arrow(frame: pl.DataFrame) -> pa.Table:
    return frame.to_arrow(compat_level=pl.CompatLevel.oldest())


def span_frames(traces: Traces, rows: NDArray[np.int64]) -> Iterator[pl.DataFrame]:
    """Yield spans with all that hangs on them, schema ``ROWS``, ``BLOCK_ROWS`` at a time.

    Parameters
    ----------
    rows
        Span rows of the store, ascending.
    """
    for first in range(0, len(rows), BLOCK_ROWS):
        kept = np.zeros(traces.n_spans, dtype=np.bool_)
        kept[rows[first : first + BLOCK_ROWS]] = True
        yield _frame(to_batch(traces, kept))


def _frame(batch: SpanBatch) -> pl.DataFrame:
    """Return the spans of a batch with all that hangs on them, one row a span."""
    spans = batch.spans.with_row_index("_row")
    frame = _with_cells(spans, batch.attributes, "attributes", "_row")
    for kind, table, rows in (
        ("events", batch.events, batch.event_attributes),
        ("links", batch.links, batch.link_attributes),
    ):
        nested = _with_cells(table.with_row_index("_item"), rows, "attributes", "_item").drop("_item")
        grouped = nested.group_by("span", maintain_order=True).agg(pl.struct(pl.exclude("span")).alias(kind))
        frame = frame.join(grouped, left_on="_row", right_on="span", how="left", maintain_order="left")
    resources = _with_cells(
        pl.DataFrame({"resource": np.arange(batch.n_resources, dtype=np.uint32)}),
        batch.resource_attributes,
        "resource_attributes",
        "resource",
    )
    scopes = _with_cells(
        batch.scopes.with_row_index("scope").rename({"name": "scope_name", "version": "scope_version"}),
        batch.scope_attributes,
        "scope_attributes",
        "scope",
    )
    return (
        frame.join(resources, on="resource", how="left", maintain_order="left")
        .join(scopes, on="scope", how="left", maintain_order="left")
        .select(list(ROWS))
        .cast(ROWS)
    )


def _with_cells(frame: pl.DataFrame, rows: AttributeRows | CodedRows, column: str, owner: str) -> pl.DataFrame:
    """Return a frame with the attributes of each row as a list of cells."""
    cells = rows.frame.with_columns(
        rows.keys.gather(rows.frame["key"]).alias("key"), rows.texts.gather(rows.frame["text"]).alias("text")
    )
    lists = cells.group_by("owner", maintain_order=True).agg(pl.struct(list(_CELL)).alias(column))
    return frame.join(lists, left_on=owner, right_on="owner", how="left", maintain_order="left")


def is_own_parquet(path: str | Path) -> bool:
    """Return whether a Parquet file has our layout."""
    metadata = pq.read_schema(path).metadata or {}
    return bool(metadata.get(_LAYOUT_KEY) == LAYOUT.encode())


def read_findings(path: str | Path) -> Findings:
    """Return what the writer knew of the traces."""
    metadata = pq.read_schema(path).metadata or {}
    return Findings.from_dict(orjson.loads(metadata[_FINDINGS_KEY]))


def read_batches(path: str | Path) -> Iterator[SpanBatch]:
    """Yield the spans of a file of our layout, some hundred thousand a batch."""
    file = pq.ParquetFile(path)
    for group in range(file.num_row_groups):
        frame = pl.DataFrame(file.read_row_group(group)).with_row_index("_row")
        scopes = frame.select("scope", "scope_name", "scope_version", "scope_attributes").unique(
            "scope", maintain_order=True
        )
        resources = frame.select("resource", "resource_attributes").unique("resource", maintain_order=True)
        events, event_rows = _items(frame, "events", pl.DataFrame(schema=EVENTS))
        links, link_rows = _items(frame, "links", pl.DataFrame(schema=LINKS))
        renumbered = frame.with_columns(_renumber(frame, resources, "resource"), _renumber(frame, scopes, "scope"))
        yield SpanBatch(
            spans=renumbered.select(list(RAW_SPANS)).cast(RAW_SPANS),
            attributes=_attribute_rows(frame["attributes"]),
            n_resources=resources.height,
            resource_attributes=_attribute_rows(resources["resource_attributes"]),
            scopes=scopes.select(pl.col("scope_name").alias("name"), pl.col("scope_version").alias("version")),
            scope_attributes=_attribute_rows(scopes["scope_attributes"]),
            events=events,
            event_attributes=event_rows,
            links=links,
            link_attributes=link_rows,
        )


def _renumber(frame: pl.DataFrame, distinct: pl.DataFrame, column: str) -> pl.Series:
    """Return a column of numbers as positions among its distinct values."""
    positions = distinct.select(column).with_row_index("_position")
    return frame.select(column).join(positions, on=column, how="left", maintain_order="left")["_position"].alias(column)


def _items(frame: pl.DataFrame, column: str, empty: pl.DataFrame) -> tuple[pl.DataFrame, AttributeRows]:
    """Return the events or links of the spans, and their attributes."""
    lists = frame.select(pl.col("_row").alias("span"), column).drop_nulls(column)
    if lists.is_empty() or lists.schema[column] == pl.Null:
        return empty, AttributeRows()
    items = lists.explode(column).unnest(column)
    schema = empty.schema
    return items.select(list(schema)).cast(schema), _attribute_rows(items["attributes"])


def _attribute_rows(lists: pl.Series) -> AttributeRows:
    """Return lists of cells as attribute rows owned by their positions."""
    if lists.dtype == pl.Null or lists.null_count() == len(lists):
        return AttributeRows()
    frame = lists.alias("cell").to_frame().with_row_index("owner").drop_nulls("cell").explode("cell").unnest("cell")
    keys, key_codes = Dictionary.encode(frame["key"])
    texts, text_codes = Dictionary.encode(frame["text"].fill_null(""))
    return AttributeRows(
        frame.with_columns(
            pl.Series("key", key_codes),
            pl.when(pl.col("text").is_null()).then(None).otherwise(pl.Series("t", text_codes)).alias("text"),
        ).select("owner", "key", "type", "text", "int", "double", "bool"),
        keys=keys.values,
        texts=texts.values,
    )
