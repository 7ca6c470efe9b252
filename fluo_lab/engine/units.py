"""What a rule judges: each trace by itself, or groups of spans across traces."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fluo_lab.engine.logic import Mask
from fluo_lab.traces import Traces

__all__ = ["Rows", "Units", "units_of_traces"]

Rows = NDArray[np.uint32]


class Units:
    """A partition of spans, or of some of them, into what a rule judges.

    Attributes
    ----------
    n
        How many units there are.
    unit_of
        The unit of every span, shape ``(n_spans,)``; -1 for a span that belongs to none.
    is_open
        Which units may lack spans, shape ``(n,)``.
    is_whole
        Whether every span belongs to a unit.
    """

    def __init__(self, traces: Traces, unit_of: NDArray[Any], is_open: Mask) -> None:
        self.traces = traces
        self.n = len(is_open)
        self.unit_of = unit_of
        self.is_open = is_open
        self.has_open = bool(is_open.any())
        self.is_whole = False

    @cached_property
    def open_spans(self) -> Mask:
        """Which spans belong to a unit that may lack others, shape ``(n_spans,)``."""
        if not self.has_open:
            return np.zeros(self.traces.n_spans, dtype=np.bool_)
        return np.asarray(self.is_open[self.unit_of] & (self.unit_of >= 0), dtype=np.bool_)

    def members(self, rows: Rows) -> Rows:
        """Return those of some rows that belong to a unit."""
        return rows if self.is_whole else rows[self.unit_of[rows] >= 0]

    def order(self, rows: Rows) -> NDArray[np.intp] | None:
        """Return the permutation that sorts ascending rows of members by unit and start; None: they are."""
        return np.lexsort((self.traces.start_ns[rows], self.unit_of[rows]))

    @cached_property
    def _by_unit(self) -> tuple[Rows, NDArray[np.int64]]:
        """The members by unit, and where each unit begins among them."""
        rows = self.members(np.arange(self.traces.n_spans, dtype=np.uint32))
        order = np.argsort(self.unit_of[rows], kind="stable")
        bounds = np.zeros(self.n + 1, dtype=np.int64)
        np.cumsum(self.n_spans, out=bounds[1:])
        return rows[order], bounds

    def rows_of(self, unit: int) -> Rows:
        """Return the rows of the spans of one unit, ascending."""
        rows, bounds = self._by_unit
        return rows[bounds[unit] : bounds[unit + 1]]

    @cached_property
    def n_spans(self) -> NDArray[np.int64]:
        """How many spans each unit has."""
        return np.bincount(self.unit_of[self.unit_of >= 0], minlength=self.n)

    @cached_property
    def bounds_ns(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The first start and the last end of each unit."""
        rows, bounds = self._by_unit
        if not len(rows):
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        first = bounds[:-1]
        traces = self.traces
        return np.minimum.reduceat(traces.start_ns[rows], first), np.maximum.reduceat(traces.end_ns[rows], first)

    @property
    def duration_ns(self) -> NDArray[np.int64]:
        """From the first start to the last end of each unit."""
        start, end = self.bounds_ns
        return end - start


class _TraceUnits(Units):
    """Each trace by itself: rows are in order already."""

    def __init__(self, traces: Traces, is_open: Mask) -> None:
        super().__init__(traces, traces.trace_of, is_open)
        self.is_whole = True

    def order(self, rows: Rows) -> NDArray[np.intp] | None:
        """Return None: rows are sorted by trace and start."""
        return None

    def rows_of(self, unit: int) -> Rows:
        """Return the rows of the spans of one trace, ascending."""
        rows = self.traces.rows_of_trace(unit)
        return np.arange(rows.start, rows.stop, dtype=np.uint32)

    @cached_property
    def n_spans(self) -> NDArray[np.int64]:
        """How many spans each trace has."""
        return self.traces.traces["n_spans"].to_numpy().astype(np.int64)

    @cached_property
    def bounds_ns(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The first start and the last end of each trace."""
        frame = self.traces.traces
        return frame["start_ns"].to_numpy(), frame["end_ns"].to_numpy()


def units_of_traces(traces: Traces, *, judge_incomplete: bool = False) -> Units:
    """Return each trace as a unit.

    Parameters
    ----------
    judge_incomplete
        Whether to take every trace for complete.
    """
    if judge_incomplete:
        return _TraceUnits(traces, np.zeros(traces.n_traces, dtype=np.bool_))
    return _TraceUnits(traces, traces.traces["is_incomplete"].to_numpy())
