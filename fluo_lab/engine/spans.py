"""Spans that a rule speaks of: some rows of a store, and what of them is asked, looked up once."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fluo_lab.engine.logic import Mask
from fluo_lab.engine.units import Rows, Units

__all__ = ["SpanSet", "spans_of_group"]

_Positions = NDArray[np.int64]


class SpanSet:
    """Some spans of a store; two are equal only when they are one object.

    Attributes
    ----------
    units
        What a rule judges.
    """

    def __init__(self, units: Units, rows: Rows) -> None:
        self.units = units
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def part(self, at: NDArray[np.integer]) -> SpanSet:
        """Return the spans at some positions, in that order."""
        return _Part(self, at)

    def within(self, whole: SpanSet) -> NDArray[np.integer]:
        """Return the positions of these among others that they were taken from, directly or by way of such."""
        raise ValueError("these spans were not taken from those")

    @cached_property
    def members(self) -> SpanSet:
        """Those that belong to a unit."""
        if self.units.is_whole or (self.unit >= 0).all():
            return self
        return self.part(np.flatnonzero(self.unit >= 0))

    @property
    def rows(self) -> Rows:
        """The row of each span."""
        return self._rows

    @cached_property
    def at(self) -> NDArray[np.intp]:
        """The rows as NumPy indexes without turning them into others first."""
        return self.rows.astype(np.intp)

    @cached_property
    def start(self) -> NDArray[np.int64]:
        """When each span starts."""
        return self.units.traces.start_ns.take(self.at)

    @cached_property
    def end(self) -> NDArray[np.int64]:
        """When each span ends."""
        return self.units.traces.end_ns.take(self.at)

    @cached_property
    def unit(self) -> _Positions:
        """The unit of each span, -1 for none."""
        return self.units.unit_of.take(self.at).astype(np.int64)

    @cached_property
    def runs_backwards(self) -> bool:
        """Whether some span ends before it starts, as broken clocks write."""
        return bool((self.end < self.start).any())

    @cached_property
    def open_at(self) -> _Positions:
        """Positions of the spans whose unit may lack some."""
        if not self.units.has_open:
            return np.zeros(0, dtype=np.int64)
        return np.flatnonzero(self.units.open_spans.take(self.at))

    def _unit_once(self) -> _Positions:
        """Return the unit of each span without keeping it, where it is not kept anyway."""
        return self.unit

    def in_units(self) -> Mask:
        """Return which units have some of the spans, which are members; shape ``(n_units,)``."""
        mask = np.zeros(self.units.n, dtype=np.bool_)
        mask[self._unit_once()] = True
        return mask

    def count(self) -> _Positions:
        """Return how many of the spans, which are members, each unit has; shape ``(n_units,)``."""
        return np.bincount(self._unit_once(), minlength=self.units.n)


def spans_of_group(units: Units, number: int) -> SpanSet:
    """Return all spans of an attribute group, by its number: what the store keeps of them is not looked up again."""
    return _Group(units, number)


class _Group(SpanSet):
    def __init__(self, units: Units, number: int) -> None:
        self._group = units.traces.span_groups[number]
        super().__init__(units, self._group.rows)

    @cached_property
    def start(self) -> NDArray[np.int64]:
        return self._group.start

    @cached_property
    def end(self) -> NDArray[np.int64]:
        return self._group.end

    @cached_property
    def unit(self) -> _Positions:
        units = self.units
        return self._group.trace if units.unit_of is units.traces.trace_of else super().unit


class _Part(SpanSet):
    """Spans at some positions of others: what those know of themselves is taken from there."""

    def __init__(self, whole: SpanSet, at: NDArray[np.integer]) -> None:
        self.units = whole.units
        self._whole = whole
        self._position = at.astype(np.uint32)  # many are kept, few are asked more than once

    def __len__(self) -> int:
        return len(self._position)

    def within(self, whole: SpanSet) -> NDArray[np.integer]:
        return self._position if self._whole is whole else self._whole.within(whole).take(self._position)

    @cached_property
    def rows(self) -> Rows:
        return self._whole.rows.take(self._position)

    @cached_property
    def start(self) -> NDArray[np.int64]:
        return self._whole.start.take(self._position)

    @cached_property
    def end(self) -> NDArray[np.int64]:
        return self._whole.end.take(self._position)

    @cached_property
    def unit(self) -> _Positions:
        return self._whole.unit.take(self._position)

    def _unit_once(self) -> _Positions:
        return self._whole.unit.take(self._position)
