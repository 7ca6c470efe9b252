"""The nearest miss: which spans come nearest to making a condition true that is not, and what they lack."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fluo_lab.engine.explanation.near_fields import Clause
from fluo_lab.engine.explanation.near_numbers import fall_of, missed_comparison
from fluo_lab.engine.explanation.near_relations import pair_of
from fluo_lab.engine.explanation.near_spans import Candidate, SpanMisses
from fluo_lab.engine.explanation.unit_view import UnitView
from fluo_lab.engine.explanation.wording import as_clauses
from fluo_lab.engine.units import Rows
from fluo_lab.language import (
    And,
    Comparison,
    Condition,
    Every,
    Has,
    Not,
    Or,
    Predicate,
    Relation,
    Rising,
    Selection,
)

__all__ = ["MISSES_SHOWN", "NearMiss", "NearMisses", "asked_relations"]

MISSES_SHOWN = 3
"""How many near misses are told of one condition."""


@dataclass(frozen=True, slots=True)
class NearMiss:
    """Something in a trace that nearly makes a condition true.

    Attributes
    ----------
    row
        The span that comes near; of a relation the one it is asked of, of a number the one that decides it. None
        where no single span does.
    text
        What keeps it from it.
    distance, unit
        The measure the text tells: in nanoseconds (``ns``) or a plain number (``""``); both None where there is none,
        as between texts.
    partner_row
        Of a relation, the other span.
    """

    row: int | None
    text: str
    distance: int | float | None = None
    unit: str | None = None
    partner_row: int | None = None


@dataclass(frozen=True, slots=True)
class _Ranked:
    """A near miss and what it is ordered by."""

    miss: NearMiss
    key: tuple[int, float, int]


class NearMisses:
    """Finds what nearly makes conditions true in one unit."""

    def __init__(self, view: UnitView) -> None:
        self._view = view
        self._spans = SpanMisses(view)

    def of(self, condition: Condition) -> tuple[NearMiss, ...]:
        """Return what comes nearest to making a condition true that is not, the nearest first; none where nothing does.

        Parameters
        ----------
        condition
            Not true on the spans seen.
        """
        ranked = sorted(self._find(condition, wanted=True), key=lambda found: found.key)
        return tuple(found.miss for found in ranked[:MISSES_SHOWN])

    def _find(self, condition: Condition, *, wanted: bool) -> Iterator[_Ranked]:
        if self._view.is_seen(condition) == wanted:
            return
        match condition:
            case Not(operand=operand):
                yield from self._find(operand, wanted=not wanted)
            case And(operands=operands) | Or(operands=operands):
                for operand in operands:
                    yield from self._find(operand, wanted=wanted)
            case Has(selection=selection) if wanted:
                rows = self._view.matched(Selection(selection.operation))
                for found in self._spans.nearest(selection.operation, selection.where, rows, limit=MISSES_SHOWN):
                    name = self._view.name_of(found.row)
                    text = f"{name} exists, but {as_clauses(clause.inner for clause in found.clauses)}"
                    yield _ranked(found, text)
            case Has(selection=selection):
                # one that fired and would not with other values; the others have nothing to come nearer by
                rows = self._view.matched(selection)
                where = selection.where
                near = self._spans.nearest(selection.operation, where, rows, wanted=False, limit=MISSES_SHOWN)
                yield from (_about(found) for found in near if _is_measured(found))
            case Every(selection=selection, must=must):
                rows = self._view.refuted(selection, must) if wanted else self._view.matched(selection)
                near = self._spans.nearest(selection.operation, (must,), rows, wanted=wanted, limit=MISSES_SHOWN)
                yield from (_about(found) for found in near if (_is_told(found) if wanted else _is_measured(found)))
            case Rising() if wanted:
                fall = fall_of(self._view, condition)
                if fall is not None:
                    yield _Ranked(_miss(fall[0], fall[1], fall[1].whole), (1, fall[1].rank, fall[0]))
            case Comparison():
                missed = missed_comparison(self._view, condition, wanted=wanted)
                if missed is not None:
                    row, clause = missed
                    yield _Ranked(_miss(row, clause, clause.whole), (1, clause.rank, -1 if row is None else row))

    def satisfied(self, condition: Condition) -> str | None:
        """Return how a span of a condition that holds stands to its partner; None where it asks for no relation.

        Where the condition is not certain, the span is one that leaves it open.
        """
        match condition:
            case And(operands=operands) | Or(operands=operands):
                held = (self.satisfied(operand) for operand in operands if self._view.is_seen(operand))
                return next((text for text in held if text is not None), None)
            case Every(selection=selection, must=must):
                is_sure = self._view.is_sure(condition)
                rows = self._view.matched(selection) if is_sure else self._view.doubtful(selection, must)
                return self._partner(rows, (must,))
            case Has(selection=selection):
                return self._partner(self._view.matched(selection), selection.where)
        return None

    def _partner(self, rows: Rows, predicates: tuple[Predicate, ...]) -> str | None:
        for relation in (found for predicate in predicates for found in asked_relations(predicate)):
            if not len(rows):
                break
            pair = pair_of(self._view, relation, int(rows[0]), self._spans.where_cost)
            if pair is not None:
                return pair[1]
        return None


def asked_relations(predicate: Predicate) -> Iterator[Relation]:
    """Yield the relations a predicate asks for, not those it forbids."""
    if isinstance(predicate, Relation):
        yield predicate
    elif isinstance(predicate, And | Or):
        for operand in predicate.operands:
            yield from asked_relations(operand)


def _is_told(found: Candidate) -> bool:
    return any(clause.whole for clause in found.clauses)


def _is_measured(found: Candidate) -> bool:
    return any(clause.distance is not None and clause.whole for clause in found.clauses)


def _about(found: Candidate) -> _Ranked:
    """Return a near miss whose text names the span first, then says the rest of it."""
    first = next(clause for clause in found.clauses if clause.whole)
    rest = [clause for clause in found.clauses if clause is not first]
    return _ranked(found, as_clauses([first.whole, *(clause.inner for clause in rest)]))


def _ranked(found: Candidate, text: str) -> _Ranked:
    clause = next((clause for clause in found.clauses if clause.distance is not None), found.clauses[0])
    partner = next((c.partner_row for c in found.clauses if c.partner_row is not None), None)
    miss = NearMiss(found.row, text, clause.distance, clause.unit, partner)
    return _Ranked(miss, found.key)


def _miss(row: int | None, clause: Clause, text: str) -> NearMiss:
    return NearMiss(row, text, clause.distance, clause.unit, clause.partner_row)
