"""What OTLP cannot say of a store, found before anything is written."""

from __future__ import annotations

import warnings

import polars as pl

from fluo_lab.errors import UsageError
from fluo_lab.traces import Traces
from fluo_lab.writers.otlp_ids import SPAN_ID_BYTES, TRACE_ID_BYTES, foreign_ids

__all__ = ["LossWarning", "check_times", "warn_of_losses"]


class LossWarning(UserWarning):
    """Something in the store has no place in the format; the message says what, how often, and what was written."""


def warn_of_losses(traces: Traces) -> None:
    """Warn of what is not written as it is: foreign ids, and traces declared to lack spans."""
    table, links = traces.table, traces.link_table.frame
    counts = {
        "trace ids": _count(traces.traces["trace_id"], TRACE_ID_BYTES),
        "span ids": _count(table["span_id"], SPAN_ID_BYTES),
        "parent span ids": _count(table["parent_span_id"], SPAN_ID_BYTES),
        "linked ids": _count(links["trace_id"], TRACE_ID_BYTES) + _count(links["span_id"], SPAN_ID_BYTES),
    }
    found = [f"{n:,} {what}" for what, n in counts.items() if n]
    if found:
        _warn(
            f"{', '.join(found)} are not the hexadecimal digits OTLP has; a hash of each was written, and the id "
            "itself as the attribute fluo_lab.trace_id, fluo_lab.span_id or fluo_lab.parent_span_id"
        )
    declared = int(traces.traces["is_declared_incomplete"].sum())
    if declared:
        _warn(f"{declared:,} traces are known to lack spans, which OTLP cannot say; save them as Parquet to keep that")


def check_times(traces: Traces) -> None:
    """Raise where a time cannot be written.

    Raises
    ------
    UsageError
        A span or event is before 1970.
    """
    early = traces.table.filter((pl.col("start_ns") < 0) | (pl.col("end_ns") < 0))
    spans = early.height
    events = int((traces.event_table.frame["time_ns"] < 0).sum())
    if spans or events:
        where = f"; the first span has the id {early['span_id'][0]!r}" if spans else ""
        raise UsageError(
            f"{spans:,} spans and {events:,} events have times before 1970, which OTLP cannot write{where}; "
            "leave their traces out with Traces.filter"
        )


def _count(ids: pl.Series, n_bytes: int) -> int:
    return int(foreign_ids(ids, n_bytes).sum())


def _warn(message: str) -> None:
    # Past warn_of_losses, encode_requests, encode_... and to_..., to whoever asked for the file.
    warnings.warn(message, LossWarning, stacklevel=6)
