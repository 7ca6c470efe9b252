"""What keeps one span from standing in a relation to another: the partner that comes nearest, and what it lacks.

All spans of the partner's operation in the unit are weighed at once, in arrays; words are made for one of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fluo_lab.engine.explanation.near_fields import Clause, spread
from fluo_lab.engine.explanation.near_kin import WANTED_KIN, Kin, kin_masks
from fluo_lab.engine.explanation.near_order import IT, gap_ns, kind_held, kind_missed
from fluo_lab.engine.explanation.unit_view import UnitView
from fluo_lab.engine.explanation.wording import as_clauses, say_duration, say_name, say_value
from fluo_lab.engine.relations import shifted
from fluo_lab.engine.units import Rows
from fluo_lab.language import Duration, Field, Relation, RelationKind, Selection
from fluo_lab.language.reading_spans import read_field, with_article

__all__ = ["broken_relation", "pair_of", "unwanted_relation"]

Mask = NDArray[np.bool_]
Times = NDArray[np.int64]


class WhereCost(Protocol):
    """How far spans are from satisfying the filters of a selection: parts that fail, and by how much."""

    @property
    def n_failing(self) -> NDArray[np.int64]: ...
    @property
    def distance(self) -> NDArray[np.float64]: ...


CostOf = Callable[[Selection], WhereCost]
"""Gives the cost of all spans of a selection's operation, by row."""
ClausesOf = Callable[[Selection, int], list[Clause]]


@dataclass(frozen=True, slots=True)
class _Weighed:
    """Possible partners of one span: which conditions each satisfies, and how near it comes.

    Attributes
    ----------
    same
        For each ``same`` of the relation, which partners carry the value.
    shift_ns
        How far the partner would have to move for the kind to hold.
    """

    rows: Rows
    is_kind: Mask
    is_near: Mask
    same: tuple[Mask, ...]
    is_free: Mask
    n_failing: NDArray[np.int64]
    rank: NDArray[np.float64]


def broken_relation(view: UnitView, relation: Relation, row: int, cost_of: CostOf, clauses_of: ClausesOf) -> Clause:
    """Return what keeps a span from standing in a relation to some other span of the unit."""
    weighed = _weigh(view, relation, row, cost_of)
    failing = np.flatnonzero(weighed.n_failing)
    if not len(failing):
        there_is = "there is no" if not len(weighed.rows) else "it stands so to no"
        return Clause(f"{there_is} {_noun(relation)}", "", n_failing=2, rank=2.0)
    at = int(failing[np.lexsort((weighed.rank[failing], weighed.n_failing[failing]))[0]])
    partner = int(weighed.rows[at])
    name, own = view.name_of(partner), view.name_of(row)
    is_alike = name == own
    told = _Told()
    if not weighed.is_kind[at]:
        told.add(*kind_missed(view, relation.kind, row, partner))
    if not weighed.is_near[at]:
        gap, allowed = gap_ns(view, relation.kind, row, partner), _within(relation)
        said = (
            f"is {say_duration(gap)} away, {say_duration(gap - allowed)} more than the {say_duration(allowed)} allowed"
        )
        told.add(said, gap - allowed)
    for (here, there), is_same in zip(relation.same, weighed.same, strict=True):
        if not is_same[at]:
            told.add(_unlike(view, here, there, row, partner))
    between = "" if weighed.is_free[at] else _between(view, relation, row, partner)
    wheres = clauses_of(relation.selection, partner)
    measured = [(told.distance, "ns")] if told.distance is not None else [(c.distance, c.unit) for c in wheres]
    distance, unit = next(((d, u) for d, u in measured if d is not None), (None, None))
    verbs = [verb.replace(IT, "this one" if is_alike else own) for verb in told.verbs]
    tail = [*([between] if between else []), *(clause.inner for clause in wheres)]
    whole = as_clauses([*verbs, *tail])
    inner = (
        as_clauses([verb.replace(IT, "it") for verb in told.verbs])
        if told.verbs
        else f"does not fit: {as_clauses(tail)}"
    )
    if told.verbs and tail:
        inner += f", and {as_clauses(tail)}"
    return Clause(
        f"the nearest {'other ' * is_alike}{name} {inner}",
        f"{'another ' * is_alike}{name} exists, but {whole}",
        distance=distance,
        unit=unit,
        rank=float(weighed.rank[at]),
        n_failing=int(weighed.n_failing[at]),
        partner_row=partner,
    )


def unwanted_relation(view: UnitView, relation: Relation, row: int, cost_of: CostOf) -> Clause:
    """Return what makes a span stand in a relation that it must not stand in."""
    found = pair_of(view, relation, row, cost_of)
    if found is None:
        return Clause("it stands in a relation it must not stand in", "")
    partner, said, distance = found
    return Clause(
        f"{said}, which must not be",
        f"{said}, which must not be",
        distance=distance,
        unit=None if distance is None else "ns",
        rank=1.0 if distance is None else spread(float(distance), float(view.duration_ns)),
        partner_row=partner,
    )


def pair_of(view: UnitView, relation: Relation, row: int, cost_of: CostOf) -> tuple[int, str, int | None] | None:
    """Return the nearest partner a span has in a relation, how they stand, and by how much; None where it has none."""
    weighed = _weigh(view, relation, row, cost_of)
    holding = np.flatnonzero(weighed.n_failing == 0)
    if not len(holding):
        return None
    rows = weighed.rows[holding]
    is_by_start = relation.kind in (RelationKind.STARTS_AFTER, RelationKind.STARTS_BEFORE, RelationKind.BEFORE)
    slack = np.abs(_difference((view.start if is_by_start else view.end)[rows], view.start[row : row + 1]))
    partner = int(rows[np.lexsort((rows, slack))[0]])
    said, distance = kind_held(view, relation.kind, row, partner)
    return partner, said, distance


# --- weighing -----------------------------------------------------------------------------------------------


def _weigh(view: UnitView, relation: Relation, row: int, cost_of: CostOf) -> _Weighed:
    """Return all other spans of the partner's operation with what each satisfies."""
    rows = view.matched(Selection(relation.selection.operation))
    where, others = cost_of(relation.selection), rows != row
    rows = rows[others]
    is_kind, shift = _kind_mask(view, relation.kind, row, rows)
    is_near, excess = _near_mask(view, relation, row, rows)
    same = tuple(_same_mask(view, here, there, row, rows) for here, there in relation.same)
    # what lies between two spans says nothing while they stand the wrong way round
    is_free = ~is_kind | _free_mask(view, relation, row, rows)
    n_failing = where.n_failing[others] + ~is_kind + ~is_near + ~is_free
    rank = where.distance[others] + shift + excess + np.where(is_free, 0.0, 1.0)
    for is_same in same:
        n_failing = n_failing + ~is_same
        rank = rank + ~is_same
    return _Weighed(rows, is_kind, is_near, same, is_free, n_failing, rank)


def _kind_mask(view: UnitView, kind: RelationKind, row: int, rows: Rows) -> tuple[Mask, NDArray[np.float64]]:
    """Return which partners stand as asked, and how far off the others are, as part of 1."""
    if kind is RelationKind.BESIDE:
        return np.ones(len(rows), dtype=np.bool_), np.zeros(len(rows))
    if kind in WANTED_KIN:
        kin = kin_masks(view, row, rows)
        is_kind = kin[WANTED_KIN[kind]]
        is_line = kin[Kin.ANCESTOR] | kin[Kin.DESCENDANT]
        away = np.where(is_line, 0.4, np.where(kin[Kin.SIBLING], 0.6, 0.9))
        return is_kind, np.where(is_kind, 0.0, away)
    start, end = view.start[rows], view.end[rows]
    own_start, own_end = view.start[row : row + 1], view.end[row : row + 1]
    match kind:
        case RelationKind.AFTER:
            is_kind, off = end <= own_start, _difference(end, own_start)
        case RelationKind.BEFORE:
            is_kind, off = start >= own_end, _difference(own_end, start)
        case RelationKind.STARTS_AFTER:
            is_kind, off = start <= own_start, _difference(start, own_start)
        case RelationKind.STARTS_BEFORE:
            is_kind, off = start >= own_start, _difference(own_start, start)
        case _:
            is_kind = (start < own_end) & (end > own_start)
            off = np.maximum(_difference(start, own_end), _difference(own_start, end))
    off = np.maximum(off, 0.0)
    return is_kind, np.where(is_kind, 0.0, spread(off, np.full(len(rows), float(view.duration_ns))))


def _difference(a: Times, b: Times) -> NDArray[np.float64]:
    """Return the differences of times, exact to the nanosecond wherever they are near each other."""
    difference = a - b
    is_beyond = (a < b) != (difference < 0)  # 64 bits do not hold it
    return np.where(is_beyond, a.astype(np.float64) - b.astype(np.float64), difference)


def _within(relation: Relation) -> int:
    return relation.within.ns if isinstance(relation.within, Duration) else 0


def _near_mask(view: UnitView, relation: Relation, row: int, rows: Rows) -> tuple[Mask, NDArray[np.float64]]:
    """Return which partners are within the time allowed, and how far beyond it the others are, as part of 1."""
    if not isinstance(relation.within, Duration):
        return np.ones(len(rows), dtype=np.bool_), np.zeros(len(rows))
    allowed = relation.within.ns
    start, end = view.start[rows], view.end[rows]
    own_start, own_end = view.start[row : row + 1], view.end[row : row + 1]
    match relation.kind:
        case RelationKind.AFTER:
            is_near, gap = shifted(end, allowed) >= own_start, _difference(own_start, end)
        case RelationKind.BEFORE:
            is_near, gap = shifted(own_end, allowed) >= start, _difference(start, own_end)
        case RelationKind.STARTS_AFTER:
            is_near, gap = shifted(start, allowed) >= own_start, _difference(own_start, start)
        case RelationKind.STARTS_BEFORE:
            is_near, gap = shifted(own_start, allowed) >= start, _difference(start, own_start)
        case _:
            is_near = (shifted(end, allowed) >= own_start) & (shifted(own_end, allowed) >= start)
            gap = np.maximum(_difference(own_start, end), _difference(start, own_end))
    excess = np.maximum(gap - allowed, 0.0)
    return is_near, np.where(is_near, 0.0, spread(excess, np.full(len(rows), max(float(allowed), 1.0))))


def _same_mask(view: UnitView, here: Field, there: Field, row: int, rows: Rows) -> Mask:
    values = view.evaluator.values
    own = int(values.join_codes(np.array([row], dtype=np.uint32), here)[0])
    return np.asarray((values.join_codes(rows, there) == own) & (own >= 0), dtype=np.bool_)


def _free_mask(view: UnitView, relation: Relation, row: int, rows: Rows) -> Mask:
    """Return between which partners and the span none of the spans of ``without`` starts."""
    if relation.without is None:
        return np.ones(len(rows), dtype=np.bool_)
    starts = view.by_start(relation.without)[1]
    own = view.start[row]
    after, before = np.minimum(view.start[rows], own), np.maximum(view.start[rows], own)
    n = np.searchsorted(starts, before, side="left") - np.searchsorted(starts, after, side="right")
    return np.asarray(n <= 0, dtype=np.bool_)


# --- words --------------------------------------------------------------------------------------------------


class _Told:
    """What there is to say of a partner, with the first measure among it."""

    def __init__(self) -> None:
        self.verbs: list[str] = []
        self.distance: int | None = None

    def add(self, verb: str, distance: int | None = None) -> None:
        """Add what a partner does, and by how much."""
        self.verbs.append(verb)
        self.distance = distance if self.distance is None else self.distance


def _noun(relation: Relation) -> str:
    parts = relation.selection.operation.name.parts
    name = say_name("*".join(parts)) if len(parts) == 1 else say_name("*".join(parts)).replace("\\*", "*")
    return f"other {name}" if relation.kind is RelationKind.BESIDE else name


def _unlike(view: UnitView, here: Field, there: Field, row: int, partner: int) -> str:
    """Return how two spans differ in what should be the same."""
    own, other = view.value(row, here), view.value(partner, there)
    if other is None:
        return f"has no {read_field(there)}"
    if own is None:
        return f"cannot be joined, since {IT} has no {read_field(here)}"
    if own != own or other != other:
        return f"cannot be joined by {read_field(there)}, which is NaN"
    if here == there:
        return f"has another {read_field(there)} ({say_value(other)}, not {say_value(own)})"
    return f"has {read_field(there)} {say_value(other)}, while {read_field(here)} of {IT} is {say_value(own)}"


def _between(view: UnitView, relation: Relation, row: int, partner: int) -> str:
    """Return which span of ``without`` starts between a span and its partner."""
    assert relation.without is not None  # noqa: S101 - asked only of relations that have one
    rows, starts = view.by_start(relation.without)
    at = int(np.searchsorted(starts, min(view.start[row], view.start[partner]), side="right"))
    name = view.name_of(int(rows[at]))
    is_alike = name in (view.name_of(row), view.name_of(partner))
    return f"{f'another {name}' if is_alike else with_article(name)} starts between the two"
