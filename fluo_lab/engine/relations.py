"""Order between spans of a trace: whether some other span ended before, starts after, and so on.

Existence is all a relation asks, so per trace the extreme partner decides, and the runner-up where the extreme one
is the span itself. Ties count as finished.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fluo_lab.engine.logic import Mask
from fluo_lab.language import RelationKind
from fluo_lab.traces import Traces

__all__ = ["ORDER_RELATIONS", "Partners", "order_relation"]

ORDER_RELATIONS = frozenset(
    {RelationKind.AFTER, RelationKind.BEFORE, RelationKind.STARTS_AFTER, RelationKind.STARTS_BEFORE}
)

Times = NDArray[np.int64]
_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Partners:
    """The spans on the other side of a relation: their rows, ascending, and their traces."""

    rows: NDArray[np.uint32]
    trace: NDArray[np.uint32]

    @classmethod
    def of(cls, traces: Traces, rows: NDArray[np.uint32]) -> Partners:
        """Return the partners with these rows."""
        return cls(rows, traces.trace_of[rows])


def _two_least(traces: Traces, partners: Partners, times: Times) -> tuple[Times, NDArray[np.int64], Times]:
    """Return per trace the least time of a partner, its row (-1: none), and the least time of any other."""
    n = traces.n_traces
    least = np.full(n, _NEVER, dtype=np.int64)
    row = np.full(n, -1, dtype=np.int64)
    second = np.full(n, _NEVER, dtype=np.int64)
    order = np.lexsort((times, partners.trace))
    trace, times, rows = partners.trace[order], times[order], partners.rows[order]
    is_first = np.ones(len(trace), dtype=np.bool_)
    is_first[1:] = trace[1:] != trace[:-1]
    first = np.flatnonzero(is_first)
    least[trace[first]] = times[first]
    row[trace[first]] = rows[first]
    next_one = first + 1
    next_one = next_one[next_one < len(trace)]
    next_one = next_one[~is_first[next_one]]
    second[trace[next_one]] = times[next_one]
    return least, row, second


def order_relation(kind: RelationKind, traces: Traces, partners: Partners) -> Mask:
    """Return for every span whether some other partner of its trace stands in the relation to it.

    Times are compared so that the extreme is always the least: later-than relations compare negated times.
    """
    start, end = traces.table["start_ns"].to_numpy(), traces.table["end_ns"].to_numpy()
    if kind is RelationKind.AFTER:
        theirs, own = end, start
    elif kind is RelationKind.BEFORE:
        theirs, own = -start, -end
    elif kind is RelationKind.STARTS_AFTER:
        theirs, own = start, start
    else:
        theirs, own = -start, -start
    least, row, second = _two_least(traces, partners, theirs[partners.rows])
    trace = traces.trace_of
    is_self = row[trace] == np.arange(traces.n_spans)
    found = np.where(is_self, second[trace], least[trace])
    exists = (row[trace] >= 0) & ~(is_self & (second[trace] == _NEVER))
    return np.asarray(exists & (found <= own), dtype=np.bool_)
