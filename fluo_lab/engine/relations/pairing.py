"""Who may be partner to whom: spans on both sides of a relation, put into cells.

Two spans can only pair within a cell: of one unit and, where the relation says ``same``, with equal values.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fluo_lab.engine.logic import Mask
from fluo_lab.engine.runs import Positions, bisect, run_bounds, sorted_in_runs
from fluo_lab.engine.spans import SpanSet
from fluo_lab.engine.units import Units

__all__ = ["Key", "Pairer", "Pairing", "Places"]

Times = NDArray[np.int64]

Key = tuple[NDArray[Any], NDArray[Any]]
"""Codes a subject and a partner must share, as two arrays: of the subjects, of the partners; below 0 joins nothing."""


@dataclass(frozen=True, slots=True)
class Pairing:
    """Subjects and partners in cells.

    Attributes
    ----------
    subjects, subject_cell
        The spans a relation is asked of, and the cell of each, -1 where it can have no partner.
    partners, cell
        The possible partners and the cell of each, sorted by cell, then row.
    bounds
        Where each cell's partners begin, shape ``(n_cells + 1,)``.
    low, high
        The positions of the partners in each subject's cell: from, and up to.
    own
        The position of each subject among the partners where it is one in its own cell, else -1; None when no
        subject is.
    """

    subjects: SpanSet
    subject_cell: Positions
    partners: SpanSet
    cell: Positions
    bounds: Positions
    low: Positions
    high: Positions
    own: Positions | None = None

    @property
    def has_partner(self) -> Mask:
        """Which subjects share a cell with some partner other than themselves."""
        n = self.high - self.low
        if self.own is not None:
            n = n - (self.own >= 0)
        return np.asarray(n > 0, dtype=np.bool_)

    def ordered_by(self, order: Positions | None) -> Pairing:
        """Return the pairing with its partners in another order within their cells."""
        if order is None:
            return self
        own = self.own
        if own is not None:
            position = np.empty(len(order), dtype=np.int64)
            position[order] = np.arange(len(order), dtype=np.int64)
            own = np.where(own >= 0, position[own], -1)
        return replace(self, partners=self.partners.part(order), own=own)


class Places:
    """Tells where among some spans others stand, without sorting."""

    def __init__(self, n_spans: int) -> None:
        # One more than the position of a span, by its row; 0 elsewhere. Every call clears it behind itself.
        self._place = np.zeros(n_spans, dtype=np.uint32)

    def of(self, spans: SpanSet, rows: NDArray[np.intp]) -> Positions:
        """Return the position of each of some rows among spans, -1 where it is none of them."""
        self._place[spans.at] = np.arange(1, len(spans) + 1, dtype=np.uint32)
        found = self._place.take(rows).astype(np.int64) - 1
        self._place[spans.at] = 0
        return found

    def are_among(self, rows: NDArray[np.int64], others: NDArray[np.int64]) -> Mask:
        """Return which of some rows are among others; numbers below 0 are no rows."""
        others = others.take(np.flatnonzero(others >= 0))
        self._place[others] = 1
        found = (self._place.take(rows) > 0) & (rows >= 0)
        self._place[others] = 0
        return np.asarray(found, dtype=np.bool_)


class Pairer:
    """Puts spans of both sides of relations into cells."""

    def __init__(self, units: Units) -> None:
        self._n_units = max(units.n, 1)
        self._bounds: dict[SpanSet, tuple[Positions | None, SpanSet, Positions]] = {}
        self.places = Places(units.traces.n_spans)

    def _by_unit(self, partners: SpanSet) -> tuple[Positions | None, SpanSet, Positions]:
        """Return spans sorted by unit, with what sorts them (None: they are), and where each unit begins."""
        if partners not in self._bounds:
            order = _order(partners.unit)
            in_order = partners if order is None else partners.part(order)
            self._bounds[partners] = order, in_order, run_bounds(in_order.unit, self._n_units)
        return self._bounds[partners]

    def pair(self, subjects: SpanSet, partners: SpanSet, keys: Iterable[Key], *, may_meet: bool) -> Pairing:
        """Return subjects and partners in cells.

        Parameters
        ----------
        partners
            Members of units, by row.
        keys
            What a subject and a partner must share besides the unit.
        may_meet
            Whether to look for subjects that are partners too.
        """
        taken, partners, bounds = self._by_unit(partners)
        low, high = _runs(bounds, subjects.unit)
        pairing = Pairing(subjects, subjects.unit, partners, partners.unit, bounds, low, high)
        for of_subjects, of_partners in keys:
            pairing, order = _refined(pairing, of_subjects, of_partners if taken is None else of_partners[taken])
            if order is not None:
                taken = order if taken is None else taken[order]
        return replace(pairing, own=self._own(pairing)) if may_meet else pairing

    def _own(self, pairing: Pairing) -> Positions | None:
        own = self.places.of(pairing.partners, pairing.subjects.at)
        both = np.flatnonzero(own >= 0)
        if not len(both):
            return None
        own[both] = np.where(pairing.cell[own[both]] == pairing.subject_cell[both], own[both], -1)
        return own


def _order(values: Positions) -> Positions | None:
    """Return the permutation that sorts values, equal ones as they stand; None when they are sorted."""
    if len(values) < 2 or not (values[1:] < values[:-1]).any():
        return None
    return np.argsort(values, kind="stable")


def _runs(bounds: Positions, cell: Positions) -> tuple[Positions, Positions]:
    """Return where the partners in some cells are: from, and up to; nowhere for the cell -1."""
    is_in = cell >= 0
    if is_in.all():
        return bounds.take(cell), bounds[1:].take(cell)
    cell = np.where(is_in, cell, 0)
    low = bounds.take(cell)
    return low, np.where(is_in, bounds[1:].take(cell), low)


def _refined(
    pairing: Pairing, of_subjects: NDArray[Any], of_partners: NDArray[Any]
) -> tuple[Pairing, Positions | None]:
    """Return a pairing with its cells split by a key, and which partners it has, in order; None: all, as they were."""
    order = _joining(pairing.cell, of_partners)
    old, codes = pairing, of_partners
    if order is not None:
        partners, cell, codes = pairing.partners.part(order), pairing.cell[order], of_partners[order]
        bounds = run_bounds(cell, len(pairing.bounds) - 1)
        low, high = _runs(bounds, pairing.subject_cell)
        old = replace(pairing, partners=partners, cell=cell, bounds=bounds, low=low, high=high)
    cell, low, high = old.cell, old.low, old.high
    is_first = np.ones(len(codes), dtype=np.bool_)
    is_first[1:] = (cell[1:] != cell[:-1]) | (codes[1:] != codes[:-1])
    first = np.flatnonzero(is_first)
    # where the partners of each cell have one value, as those of a trace often do, cells stay as they are
    has_one_each = len(first) == np.count_nonzero(np.diff(old.bounds))
    at = low if has_one_each else bisect(codes, low, high, of_subjects)
    found = np.flatnonzero(at < high)
    found = found[codes.take(at[found]) == of_subjects[found]]
    subject_cell = np.full(len(of_subjects), -1, dtype=np.int64)
    new_high = low.copy()
    if has_one_each:
        subject_cell[found] = old.subject_cell[found]
        new_high[found] = high[found]
        return replace(old, subject_cell=subject_cell, high=new_high), order
    number = np.cumsum(is_first) - 1
    bounds = np.append(first, len(codes))
    new_low = low.copy()
    subject_cell[found] = number[at[found]]
    new_low[found], new_high[found] = at[found], bounds[subject_cell[found] + 1]
    refined = replace(old, subject_cell=subject_cell, cell=number, bounds=bounds, low=new_low, high=new_high)
    return refined, order


def _joining(cell: Positions, codes: NDArray[Any]) -> Positions | None:
    """Return which partners carry a key, by cell and key; None: all of them, as they stand."""
    order: Positions | None = None
    if (codes < 0).any():
        order = np.flatnonzero(codes >= 0)
        cell, codes = cell[order], codes[order]
    by_key = sorted_in_runs(cell, codes)
    if by_key is not None:
        order = by_key if order is None else order[by_key]
    return order
