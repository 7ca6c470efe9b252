"""Guarded presence: where A occurs with an attribute beyond a cut, or of a value, B occurs too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fluo_lab.language import Operator
from fluo_lab.mining.cuts import best_cut
from fluo_lab.mining.draft import Draft
from fluo_lab.mining.fields import FieldColumn, field_columns
from fluo_lab.mining.landscape import Landscape
from fluo_lab.mining.shape import Clause, Family, Shape
from fluo_lab.mining.statistics import contrast
from fluo_lab.traces import ValueType

__all__ = ["guarded_presence"]

_FEW_VALUES = 8
"""An attribute with more values than this is no category."""

_WORTH_OF_CUT, _WORTH_OF_VALUE = 1.5, 0.85
"""A category is often the outcome itself (a status code); a number beyond a cut is a policy."""


@dataclass(frozen=True, slots=True)
class _Guard:
    """A learned clause and the traces where some A satisfies it."""

    clause: Clause
    rows: NDArray[np.int64]
    low: float | None = None
    high: float | None = None


def guarded_presence(land: Landscape) -> Iterator[Draft]:
    """Yield ``when { has(A).where(f > c) } always { has(B) }`` where A alone does not bring B.

    The guard is learned on the earlier good traces alone.
    """
    together, nesting, settings = land.together, land.nesting, land.settings
    speakers = [n for n in land.speakers if not nesting.is_plumbing(n)]
    has = {b: land.has(b) for b in speakers}
    for a in speakers:
        own = int(together[a, a])
        open_to = [
            b
            for b in speakers
            if b != a
            and together[a, b] >= settings.min_support
            and together[a, b] < settings.min_hold * own
            and nesting.under[a, b] < 0.05
        ]
        if not open_to:
            continue
        for field in field_columns(land.occurrences, a):
            if field.share < 0.5:
                continue
            for b in open_to:
                for guard in _guards(land, field, has[b]):
                    draft = _draft(land, a, b, guard, has[b])
                    if draft is not None:
                        yield draft


def _guards(land: Landscape, field: FieldColumn, hit: NDArray[np.bool_]) -> Iterator[_Guard]:
    """Yield the clauses on one attribute that bring the outcome on the traces to discover from."""
    early = land.looks.discover[field.trace]
    if early.sum() < 2 * land.settings.min_support:
        return
    distinct = np.unique(field.value[early])
    if field.type is not ValueType.DOUBLE and len(distinct) <= _FEW_VALUES:
        yield from _values(land, field, hit, early, distinct)
    if field.type in (ValueType.INT, ValueType.DOUBLE) and len(distinct) > 2:
        yield from _cuts(land, field, hit, early)


def _values(
    land: Landscape,
    field: FieldColumn,
    hit: NDArray[np.bool_],
    early: NDArray[np.bool_],
    distinct: NDArray[np.generic],
) -> Iterator[_Guard]:
    if len(distinct) < 2:
        return
    for value in distinct:
        mine = field.value == value
        rows = np.unique(field.trace[mine])
        seen = rows[land.looks.discover[rows]]
        if len(seen) >= land.settings.min_support and land.settings.tolerates(int((~hit[seen]).sum()), len(seen)):
            plain = value.item()
            if field.type is ValueType.TEXT:
                plain = land.traces.text_dictionary.values[plain]
            yield _Guard(Clause(field.key, Operator.EQ, plain), rows)


def _cuts(land: Landscape, field: FieldColumn, hit: NDArray[np.bool_], early: NDArray[np.bool_]) -> Iterator[_Guard]:
    finite = np.isfinite(field.value.astype(np.float64))
    for sign, operator in ((1, Operator.GT), (-1, Operator.LT)):
        x = np.full(land.traces.n_traces, -np.inf)
        np.maximum.at(x, field.trace[finite], sign * field.value[finite].astype(np.float64))
        rows = np.flatnonzero(x > -np.inf)
        seen = rows[land.looks.discover[rows]]
        if len(seen) < 2 * land.settings.min_support:
            continue
        cut = best_cut(x[seen], hit[seen], min_rate=land.settings.min_hold, min_above=land.settings.min_support)
        if cut is None:
            continue
        value = sign * cut.value
        number = int(value) if float(value).is_integer() and abs(value) < 1 << 53 else float(value)
        low, high = sorted((sign * cut.low, sign * cut.high))
        yield _Guard(Clause(field.key, operator, number), rows[x[rows] > cut.value], low, high)


def _draft(land: Landscape, a: int, b: int, guard: _Guard, hit: NDArray[np.bool_]) -> Draft | None:
    """Return the guarded rule if the guard adds something among traces of the same kinds."""
    good = guard.rows[land.looks.good[guard.rows]]
    kind = land.nesting.kind_of_trace
    column = land.occurrences[a].trace
    outside = np.setdiff1d(column[land.looks.good[column]], guard.rows, assume_unique=True)
    outside = outside[np.isin(kind[outside], np.unique(kind[good]))]
    if len(outside) < land.settings.min_support // 2 or len(good) < land.settings.min_support:
        return None
    rate_outside = float(hit[outside].mean())
    if rate_outside > land.settings.min_below:
        return None
    inside_late, outside_late = good[land.looks.confirm[good]], outside[land.looks.confirm[outside]]
    p_value = contrast(int(hit[inside_late].sum()), len(inside_late), int(hit[outside_late].sum()), len(outside_late))
    names = land.occurrences.names
    worth = _WORTH_OF_CUT if guard.low is not None else _WORTH_OF_VALUE
    return Draft(
        shape=Shape(Family.PRESENCE, names[a], names[b], left_where=(guard.clause,)),
        left=a,
        right=b,
        rows=guard.rows,
        broken=~hit[guard.rows],
        null_rate=rate_outside,
        p_null=p_value,
        relevance=land.kinship(a, b) * (1 - rate_outside) ** 0.5 * worth,
        guard_low=guard.low,
        guard_high=guard.high,
    )
