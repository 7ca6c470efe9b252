"""What each trace is known to lack, and what else makes its answers less sure.

Two kinds of facts stand side by side. A trace without a root, with orphans, with a cycle of parents, declared
incomplete or at the edge of the window that was read is *incomplete*: spans may be missing, and verdicts take that into
account. Dropped attributes, events and links, values cut by a limit, repeated span ids and uneven sampling change no
verdict; they are reported beside it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

if TYPE_CHECKING:
    pass

__all__ = [
    "COMPLETENESS",
    "Window",
    "caveats_of",
    "completeness_frame",
    "describe_traces",
]

Counts = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Window:
    """The start times an input was cut to.

    Attributes
    ----------
    start_ns, end_ns
        Spans that start in ``[start_ns, end_ns)`` were kept.
    edge_ns
        How near to either end a trace may have lost spans; 0: only where it touches the end.

    Raises
    ------
    ValueError
        When the window is empty or the edge negative.
    """

    start_ns: int
    end_ns: int
    edge_ns: int = 0

    def __post_init__(self) -> None:
        if self.start_ns >= self.end_ns:
            raise ValueError(f"the window ends at {self.end_ns}, not after its start {self.start_ns}")
        if self.edge_ns < 0:
            raise ValueError(f"edge_ns is {self.edge_ns}: give a time of 0 ns or more")

    def touches(self) -> pl.Expr:
        """Return whether a trace, by its ``start_ns`` and ``end_ns``, may be cut by the window."""
        # Python's integers have no end, those of a column do.
        first, last = self.start_ns + self.edge_ns, self.end_ns - self.edge_ns
        return (pl.col("start_ns") <= min(first, 2**63 - 1)) | (pl.col("end_ns") >= max(last, -(2**63)))


def describe_traces(
    spans: pl.DataFrame,
    trace_ids: pl.Series,
    *,
    is_repeat: Mask,
    is_cyclic: Mask,
    n_truncated: Counts,
    probability: pl.Series | None,
    declared: Collection[str] = (),
    at_window_edge: Collection[str] = (),
    window: Window | None = None,
) -> pl.DataFrame:
    """Return one row a trace: its extent, and what it is known to lack.

    Parameters
    ----------
    spans
        The span table, sorted by ``trace``, with ``parent_row``.
    trace_ids
        Id of every trace, by its number in ``spans``.
    is_repeat, is_cyclic
        For every span, whether an earlier one of its trace has its id, and whether a cycle of parents is above it.
    n_truncated
        Values cut by a limit, a trace.
    probability
        Sampling probability of every span, null where unknown; None where no span has one.
    declared, at_window_edge
        Ids of traces known to lack spans, and known to lie at the edge of the window that was read.
    window
        The window itself, from which further traces at its edge are found; without one nothing is guessed.
    """
    facts = [pl.Series("is_repeat", is_repeat), pl.Series("is_cyclic", is_cyclic)]
    sampling = pl.lit(None, dtype=pl.Float64).alias("sampling_probability"), pl.lit(False).alias("is_unevenly_sampled")
    if probability is not None:
        facts.append(probability.alias("probability"))
        least, most = pl.col("probability").min(), pl.col("probability").max()
        sampling = least.alias("sampling_probability"), (least < most).fill_null(False).alias("is_unevenly_sampled")
    traces = (
        spans.with_columns(*facts)
        .group_by("trace", maintain_order=True)
        .agg(
            pl.len().alias("n_spans"),
            pl.col("start_ns").min(),
            pl.col("end_ns").max(),
            (pl.col("parent_row") == -1).sum().alias("n_roots"),
            (pl.col("parent_row") == -2).sum().alias("n_orphans"),
            pl.col("is_repeat").sum().alias("n_duplicate_spans"),
            pl.col("dropped_attributes", "dropped_events", "dropped_links").cast(pl.Int64).sum(),
            pl.col("is_cyclic").any().alias("has_cycle"),
            *sampling,
        )
    )
    at_edge = pl.col("trace_id").is_in(list(at_window_edge))
    return (
        traces.with_columns(trace_ids.alias("trace_id"), pl.Series("n_truncated_values", n_truncated, dtype=pl.UInt32))
        .with_columns(
            first_row=pl.col("n_spans").cum_sum() - pl.col("n_spans"),
            is_declared_incomplete=pl.col("trace_id").is_in(list(declared)),
            is_at_window_edge=at_edge if window is None else at_edge | window.touches(),
        )
        .with_columns(is_incomplete=pl.any_horizontal(r.holds() for r in _REASONS if r.is_incomplete))
        .select(_TRACES)
    )


_TRACES = (
    "trace_id",
    "n_spans",
    "start_ns",
    "end_ns",
    "n_roots",
    "n_orphans",
    "n_duplicate_spans",
    "dropped_attributes",
    "dropped_events",
    "dropped_links",
    "n_truncated_values",
    "first_row",
    "has_cycle",
    "is_declared_incomplete",
    "is_at_window_edge",
    "is_incomplete",
    "sampling_probability",
    "is_unevenly_sampled",
)


@dataclass(frozen=True, slots=True)
class _Reason:
    """A fact that makes a trace incomplete, or is reported beside."""

    text: str
    column: str
    is_incomplete: bool
    when_zero: bool = False

    def holds(self) -> pl.Expr:
        """Return whether it is so, by the columns of the traces."""
        column = pl.col(self.column)
        return column == 0 if self.when_zero else column.cast(pl.Boolean)


_REASONS = (
    _Reason("no root", "n_roots", is_incomplete=True, when_zero=True),
    _Reason("orphans", "n_orphans", is_incomplete=True),
    _Reason("cycle", "has_cycle", is_incomplete=True),
    _Reason("declared", "is_declared_incomplete", is_incomplete=True),
    _Reason("window edge", "is_at_window_edge", is_incomplete=True),
    _Reason("dropped attributes", "dropped_attributes", is_incomplete=False),
    _Reason("dropped events", "dropped_events", is_incomplete=False),
    _Reason("dropped links", "dropped_links", is_incomplete=False),
    _Reason("truncated values", "n_truncated_values", is_incomplete=False),
    _Reason("duplicate span ids", "n_duplicate_spans", is_incomplete=False),
    _Reason("uneven sampling", "is_unevenly_sampled", is_incomplete=False),
)

COMPLETENESS = pl.Schema(
    {
        "reason": pl.String(),
        "is_incomplete": pl.Boolean(),  # whether the reason makes a trace incomplete, or is only reported beside
        "traces": pl.Int64(),
        "traces_pct": pl.Float64(),
        "trace_id": pl.String(),  # the first such trace, as an example
    }
)
"""One row a reason that some trace has; a trace may have several."""


def caveats_of(traces: pl.DataFrame) -> dict[str, int]:
    """Return how many traces lack something besides spans, or may, by reason; reasons without any are left out.

    Parameters
    ----------
    traces
        Rows as ``describe_traces`` returns them.
    """
    counts = traces.select(
        reason.holds().sum().alias(reason.text) for reason in _REASONS if not reason.is_incomplete
    ).row(0, named=True)
    return {reason: n for reason, n in counts.items() if n}


def completeness_frame(traces: pl.DataFrame) -> pl.DataFrame:
    """Return how many traces lack what, schema ``COMPLETENESS``: what makes them incomplete first, then by number.

    Parameters
    ----------
    traces
        As ``describe_traces`` returns it.
    """
    rows = []
    for reason in _REASONS:
        concerned = traces["trace_id"].filter(traces.select(reason.holds()).to_series())
        if n := len(concerned):
            rows.append((reason.text, reason.is_incomplete, n, 100 * n / traces.height, concerned[0]))
    frame = pl.DataFrame(rows, schema=COMPLETENESS, orient="row")
    return frame.sort("is_incomplete", "traces", "reason", descending=[True, True, False])
