"""How near a span comes to satisfying a predicate: which parts of it fail, by how much, and in what words.

Negations are carried down to the leaves, which Kleene's logic allows. Over many spans only costs are found, all at
once; words are made for the few that come nearest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fluo_lab.engine.explanation.near_fields import MISSING, NO_MEASURE, Clause, field_clause, spread
from fluo_lab.engine.explanation.near_relations import broken_relation, unwanted_relation
from fluo_lab.engine.explanation.unit_view import UnitView, is_among
from fluo_lab.engine.selection import has_relation
from fluo_lab.engine.units import Rows
from fluo_lab.language import (
    And,
    AttributeRef,
    Contains,
    Duration,
    Exists,
    Field,
    FieldComparison,
    In,
    Matches,
    Not,
    Number,
    Operation,
    Or,
    Predicate,
    Relation,
    Selection,
)

__all__ = ["Candidate", "Cost", "SpanMisses"]

SHORTLIST = 12
"""How many spans are looked at closely where relations decide which comes nearest: the first and the last of them."""


@dataclass(frozen=True, slots=True)
class Cost:
    """How far each of some spans is from satisfying a predicate.

    Attributes
    ----------
    n_failing
        How many of its parts fail; of an ``or`` those of its nearest side.
    distance
        By how much, all parts together, relative to what was asked; 0 where none fails.
    """

    n_failing: NDArray[np.int64]
    distance: NDArray[np.float64]

    def plus(self, other: Cost) -> Cost:
        """Return the cost of satisfying both."""
        return Cost(self.n_failing + other.n_failing, self.distance + other.distance)

    def nearer(self, other: Cost) -> Cost:
        """Return the cost of satisfying either."""
        is_other = (other.n_failing < self.n_failing) | (
            (other.n_failing == self.n_failing) & (other.distance < self.distance)
        )
        return Cost(
            np.where(is_other, other.n_failing, self.n_failing), np.where(is_other, other.distance, self.distance)
        )


@dataclass(frozen=True, slots=True)
class Candidate:
    """A span that nearly satisfies a predicate, with what keeps it from it."""

    row: int
    clauses: tuple[Clause, ...]

    @property
    def key(self) -> tuple[int, float, int]:
        """What candidates are ordered by, the nearest first."""
        return sum(c.n_failing for c in self.clauses), sum(c.rank for c in self.clauses), self.row


class SpanMisses:
    """Finds the spans of one unit that nearly satisfy a predicate."""

    def __init__(self, view: UnitView) -> None:
        self._view = view
        self._where_costs: dict[Selection, Cost] = {}

    def nearest(
        self, operation: Operation, predicates: tuple[Predicate, ...], rows: Rows, *, wanted: bool = True, limit: int
    ) -> list[Candidate]:
        """Return the spans that come nearest to satisfying all predicates, the nearest first.

        Parameters
        ----------
        rows
            Spans of the operation, in the unit.
        wanted
            False: to breaking one of the predicates.
        """
        if not predicates or not len(rows):
            return []
        predicate = predicates[0] if len(predicates) == 1 else And(operands=predicates)
        cost = self.cost(operation, predicate, rows, wanted=wanted)
        order = np.lexsort((rows, cost.distance, cost.n_failing))
        order = order[cost.n_failing[order] > 0]
        if has_relation([predicate]) and len(order) > SHORTLIST:
            alike = order[cost.n_failing[order] == cost.n_failing[order[0]]]
            order = np.append(alike[: SHORTLIST // 2], alike[SHORTLIST // 2 :][-SHORTLIST // 2 :])
        elif not has_relation([predicate]):
            order = order[:limit]
        found = [
            Candidate(row, tuple(self.clauses(operation, predicate, row, wanted=wanted)))
            for row in rows[order].tolist()
        ]
        return sorted((c for c in found if c.clauses), key=lambda c: c.key)[:limit]

    # --- costs of many spans --------------------------------------------------------------------------------

    def cost(self, operation: Operation, predicate: Predicate, rows: Rows, *, wanted: bool = True) -> Cost:
        """Return how far some spans of an operation are from satisfying a predicate, or its negation."""
        match predicate:
            case Not(operand=operand):
                return self.cost(operation, operand, rows, wanted=not wanted)
            case And(operands=operands) | Or(operands=operands):
                costs = [self.cost(operation, operand, rows, wanted=wanted) for operand in operands]
                total = costs[0]
                for other in costs[1:]:
                    total = total.plus(other) if isinstance(predicate, And) == wanted else total.nearer(other)
                return total
        failing = ~is_among(rows, self._view.satisfying(operation, predicate, wanted=wanted))
        distance = np.where(failing, self._distance(operation, predicate, rows), 0.0)
        return Cost(failing.astype(np.int64), distance)

    def _distance(self, operation: Operation, predicate: Predicate, rows: Rows) -> NDArray[np.float64]:
        """Return how far the value that a leaf asks for lies from what it asks, relative to that."""
        if not isinstance(predicate, FieldComparison | In | Contains | Matches):
            return np.full(len(rows), NO_MEASURE)
        there = Exists(field=predicate.field)
        is_there = is_among(rows, self._view.satisfying(operation, there, wanted=True))
        distance = np.where(is_there, NO_MEASURE, MISSING)
        if not isinstance(predicate, FieldComparison):
            return distance
        limit: NDArray[np.float64] | float
        match predicate.value:
            case Number(value=value) | Duration(ns=value):
                limit = float(value)
            case AttributeRef(field=other):
                limit = self._numbers(rows, other)
            case _:
                return distance
        found = self._numbers(rows, predicate.field)
        with np.errstate(invalid="ignore", over="ignore"):
            measured = spread(np.abs(found - limit), np.maximum(np.abs(limit), 1.0))
        return np.where(np.isnan(measured), distance, measured)

    def _numbers(self, rows: Rows, field: Field) -> NDArray[np.float64]:
        """Return the numbers of a field at ascending rows, NaN where there is none."""
        numbers = np.full(len(rows), np.nan)
        at, values = self._view.evaluator.values.numbers(rows, field).merged()
        numbers[np.searchsorted(rows, at)] = values.astype(np.float64)
        return numbers

    # --- words for one span ---------------------------------------------------------------------------------

    def clauses(self, operation: Operation, predicate: Predicate, row: int, *, wanted: bool = True) -> list[Clause]:
        """Return what keeps one span of an operation from satisfying a predicate, or its negation."""
        match predicate:
            case Not(operand=operand):
                return self.clauses(operation, operand, row, wanted=not wanted)
            case And(operands=operands) | Or(operands=operands):
                parts = [self.clauses(operation, operand, row, wanted=wanted) for operand in operands]
                if isinstance(predicate, And) == wanted:
                    return [clause for part in parts for clause in part]
                return min(parts, key=lambda part: (sum(c.n_failing for c in part), sum(c.rank for c in part)))
        if self._view.satisfies(operation, predicate, row, wanted=wanted):
            return []
        if isinstance(predicate, Relation):
            if wanted:
                return [broken_relation(self._view, predicate, row, self.where_cost, self.where_clauses)]
            return [unwanted_relation(self._view, predicate, row, self.where_cost)]
        return [field_clause(self._view, predicate, row, wanted=wanted)]

    def where_cost(self, selection: Selection) -> Cost:
        """Return how far each span of a selection's operation, by row, is from satisfying its filters."""
        if selection not in self._where_costs:
            rows = self._view.matched(Selection(selection.operation))
            cost = Cost(np.zeros(len(rows), dtype=np.int64), np.zeros(len(rows)))
            for predicate in selection.where:
                cost = cost.plus(self.cost(selection.operation, predicate, rows))
            self._where_costs[selection] = cost
        return self._where_costs[selection]

    def where_clauses(self, selection: Selection, row: int) -> list[Clause]:
        """Return what keeps a span of a selection's operation from satisfying its filters."""
        return [c for predicate in selection.where for c in self.clauses(selection.operation, predicate, row)]
