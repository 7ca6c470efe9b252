"""A proposed rule with the traces it applies to, before it has earned its place."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fluo_lab.mining.bursts import find_burst
from fluo_lab.mining.labels import Looks
from fluo_lab.mining.shape import Shape

__all__ = ["Draft", "Dropped", "Tally"]


@dataclass(frozen=True, slots=True)
class Tally:
    """Numbers of applicable and of violating traces, by look."""

    discover: int
    discover_broken: int
    confirm: int
    confirm_broken: int
    bad: int
    bad_broken: int

    @property
    def good(self) -> int:
        """Applicable good traces."""
        return self.discover + self.confirm

    @property
    def good_broken(self) -> int:
        """Violating good traces."""
        return self.discover_broken + self.confirm_broken

    def describe(self) -> str:
        """Return the numbers as a clause."""
        bad = f"; broken on {self.bad_broken:,} of {self.bad:,} bad ones" if self.bad else ""
        return f"holds on {self.good - self.good_broken:,} of {self.good:,} good traces{bad}"


@dataclass(frozen=True, eq=False)
class Draft:
    """One shape over the traces.

    Attributes
    ----------
    rows
        Trace rows where it applies, ascending.
    broken
        Parallel to ``rows``: whether it is violated there.
    null_rate
        How often an unrelated candidate of this kind would hold on a trace that puts it to the test.
    trials
        Parallel to ``rows``: whether the trace puts it to the test at all.
    p_null
        A p-value that the family found by its own means, in place of ``null_rate`` and ``trials``.
    slack
        Parallel to ``rows``: how far from breaking, in the family's own unit.
    relevance
        The family's share of the score, 0 to 1.
    guard_low, guard_high
        The interval a learned number may lie in.
    burst
        Parallel to ``rows``: violations on good traces that lie so close in time that they count as an incident.
    """

    shape: Shape
    left: int
    right: int
    rows: NDArray[np.int64]
    broken: NDArray[np.bool_]
    null_rate: float
    trials: NDArray[np.bool_] | None = None
    p_null: float | None = None
    slack: NDArray[np.int64] | None = None
    relevance: float = 1.0
    guard_low: float | None = None
    guard_high: float | None = None
    score: float = 0.0
    p_value: float = 1.0
    q_value: float = 1.0
    contrast_p: float = 1.0
    burst: NDArray[np.bool_] | None = None

    def within(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which of its traces are in a mask over all traces, those of a burst apart."""
        mine = mask[self.rows]
        return mine if self.burst is None else mine & ~self.burst

    def tally(self, looks: Looks) -> Tally:
        """Return the numbers of traces by look."""
        counts = []
        for mask in (looks.discover, looks.confirm, looks.bad):
            mine = self.within(mask)
            counts += [int(mine.sum()), int((mine & self.broken).sum())]
        return Tally(*counts)

    def with_burst(self, looks: Looks) -> Draft:
        """Return the same draft with its burst of violations on good traces set apart, where it has one."""
        good = np.flatnonzero(looks.good[self.rows])
        found = find_burst(self.broken[good])
        if found is None:
            return self
        burst = np.zeros(len(self.rows), dtype=np.bool_)
        burst[good[found.positions]] = True
        return replace(self, burst=burst)

    def violating(self) -> NDArray[np.int64]:
        """Return the trace rows where it is violated."""
        return self.rows[self.broken]


@dataclass(frozen=True, slots=True)
class Dropped:
    """A shape that was considered and left out.

    Attributes
    ----------
    reason
        One sentence with its numbers.
    """

    shape: Shape
    reason: str
