"""What is asked of spans, piece by piece, and what was found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from fluo_lab.engine.logic import Mask
from fluo_lab.engine.predicates import Reading
from fluo_lab.engine.spans import SpanSet
from fluo_lab.engine.units import Rows, Units
from fluo_lab.language import And, Not, Predicate, Relation, Selection
from fluo_lab.language.tree import Node

__all__ = ["Job", "Matched", "Part", "conjuncts", "joined"]

_NO_ROWS: Rows = np.zeros(0, dtype=np.uint32)


@dataclass(frozen=True, slots=True)
class Matched:
    """Spans that were asked for: those of a selection, or those of one that do not satisfy a ``must``; rows ascend.

    Attributes
    ----------
    seen
        When the spans seen are taken for all there are.
    certain
        Whatever may be missing, and wherever in their margins the clocks stand.
    possible
        Given some spans that may be missing, or some place of the clocks.
    """

    seen: SpanSet
    certain: SpanSet
    possible: SpanSet

    @property
    def is_certain(self) -> bool:
        """Whether nothing is left open."""
        return self.certain is self.seen and self.possible is self.seen


def _relations_in(predicates: Iterable[Node]) -> Iterator[Relation]:
    """Yield the relations asked of a span itself, not those asked of its partners."""
    for predicate in predicates:
        if isinstance(predicate, Relation):
            yield predicate
        else:
            yield from _relations_in(predicate.children())


def conjuncts(predicates: Iterable[Predicate]) -> Iterator[Predicate]:
    """Yield the predicates that must all be true, with no ``and`` around them."""
    for predicate in predicates:
        if isinstance(predicate, And):
            yield from conjuncts(predicate.operands)
        else:
            yield predicate


@dataclass(frozen=True, slots=True)
class Part:
    """Predicates that must all be true, in the making: a column to come, and masks that are there."""

    column: str | None
    masks: list[Mask]

    @property
    def signature(self) -> tuple[object, ...]:
        """What tells whether two, in one job, are true of the same spans."""
        return (self.column, *map(id, self.masks))

    def truth(self, answers: Mapping[str, Mask]) -> Mask | None:
        """Return where all are true; None: nothing is asked."""
        truths = [*([] if self.column is None else [answers[self.column]]), *self.masks]
        if not truths:
            return None
        truth = truths[0]
        for other in truths[1:]:
            truth = truth & other
        return truth


class Job:
    """A selection, or the spans of one that break a ``must``, in the making.

    Attributes
    ----------
    relations
        Those asked of the spans themselves.
    is_where_related
        Whether some are asked by the filters.
    last
        A relation that is all a filtered span must satisfy: it is asked last, of those that pass the filters.
    is_negated
        Whether the spans must not stand in it.
    spans
        What was found, a set a group.
    """

    def __init__(self, selection: Selection, where: tuple[Predicate, ...], must: Predicate | None) -> None:
        self.selection = selection
        self.where = where
        self.must = must
        self.relations = list(_relations_in(where if must is None else (*where, must)))
        self.is_where_related = next(_relations_in(where), None) is not None
        asked = must.operand if isinstance(must, Not) else must
        self.last = asked if where and isinstance(asked, Relation) else None
        self.is_negated = isinstance(must, Not)
        self.spans: dict[Reading, list[SpanSet]] = {}

    def matched(self, units: Units) -> Matched:
        """Return what was found in all groups."""
        parts = self.spans.get(Reading.SEEN, [])
        seen = joined(units, parts)
        certain, possible = (
            seen if _are_one(self.spans.get(reading, parts), parts) else joined(units, self.spans[reading])
            for reading in (Reading.LEAST, Reading.MOST)
        )
        return Matched(seen, certain, possible)


def _are_one(some: list[SpanSet], others: list[SpanSet]) -> bool:
    return all(one is other for one, other in zip(some, others, strict=True))


def joined(units: Units, parts: list[SpanSet]) -> SpanSet:
    """Return the spans of several groups as one, rows ascending."""
    if len(parts) == 1:
        return parts[0]
    return SpanSet(units, np.sort(np.concatenate([_NO_ROWS, *(part.rows for part in parts)])))
