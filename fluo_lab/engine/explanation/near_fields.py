"""What keeps one span from satisfying a condition on its own fields, in words and as a distance."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from fluo_lab.engine.explanation.unit_view import UnitView
from fluo_lab.engine.explanation.wording import say_duration, say_value
from fluo_lab.engine.literals import number_of_text
from fluo_lab.language import (
    AttributeRef,
    Contains,
    Duration,
    Event,
    Exists,
    Field,
    FieldComparison,
    FieldKind,
    In,
    Matches,
    Not,
    Number,
    Operator,
    Parameter,
    Predicate,
    Value,
    read_predicate,
)
from fluo_lab.language.reading_spans import operator_words, read_field
from fluo_lab.traces import text_of

__all__ = ["FLIPPED", "MISSING", "NO_MEASURE", "Clause", "field_clause", "spread"]

FLIPPED = {
    Operator.EQ: Operator.NE,
    Operator.NE: Operator.EQ,
    Operator.GT: Operator.LE,
    Operator.LE: Operator.GT,
    Operator.GE: Operator.LT,
    Operator.LT: Operator.GE,
}
"""The comparison that holds of two numbers when another does not."""

NO_MEASURE, MISSING = 1.0, 1.5
"""How far a value without a measure, and a missing one, count as being away; what is measured counts below 1."""

_VALUES_SHOWN = 5

Distances = TypeVar("Distances", float, NDArray[np.float64])


@dataclass(frozen=True, slots=True)
class Clause:
    """One thing that keeps a span from satisfying a predicate.

    Attributes
    ----------
    inner
        The words for it where the span has been named: "amount is 999, the limit is 1000".
    whole
        The words that name the span too; empty where there is nothing to tell that is near.
    distance, unit
        The measure the words tell, in ``ns``, or plain (``""``); None where there is none.
    rank
        The distance relative to what was asked, below 1; 1 and above where there is no measure.
    n_failing
        How many conditions it stands for.
    partner_row
        Of a relation, the other span.
    """

    inner: str
    whole: str
    distance: int | float | None = None
    unit: str | None = None
    rank: float = NO_MEASURE
    n_failing: int = 1
    partner_row: int | None = None


def spread(distance: Distances, scale: Distances) -> Distances:
    """Return distances, which have no end, as parts of 1.

    Parameters
    ----------
    scale
        The distance that counts one half; above 0.
    """
    return distance / (distance + scale)


def field_clause(view: UnitView, predicate: Predicate, row: int, *, wanted: bool) -> Clause:
    """Return what keeps a span from satisfying a predicate that is no relation, or its negation."""
    match predicate:
        case Event():
            said = read_predicate(Not(operand=predicate) if wanted else predicate)
            return Clause(f"it {said}", f"{view.name_of(row)} {said}")
        case Exists(field=field):
            if wanted:
                return _said(view, row, field, "is missing", rank=MISSING)
            return _said(view, row, field, f"is {_shown(view.value(row, field), field)}, and it should be missing")
    assert isinstance(predicate, FieldComparison | In | Contains | Matches)  # noqa: S101 - there are no other leaves
    field, value = predicate.field, view.value(row, predicate.field)
    if value is None:
        return _said(view, row, field, "is missing", rank=MISSING)
    shown = _shown(value, field)
    match predicate:
        case FieldComparison():
            asked = predicate if wanted else replace(predicate, operator=FLIPPED[predicate.operator])
            return _compared(view, row, asked, value)
        case In(values=values, negated=negated):
            if negated == wanted:
                return _said(view, row, field, f"is {shown}, which it must not be")
            listed = [_literal(view, row, v, field) for v in values[:_VALUES_SHOWN]]
            more = ", …" if len(values) > _VALUES_SHOWN else ""
            return _said(view, row, field, f"is {shown}, not {'one of ' * (len(values) > 1)}{', '.join(listed)}{more}")
        case Contains(value=part, negated=negated):
            verb = "contains" if negated == wanted else "does not contain"
            return _said(view, row, field, f"is {shown}, which {verb} {_literal(view, row, part, field)}")
        case Matches(pattern=pattern, negated=negated):
            verb = "matches" if negated == wanted else "does not match"
            return _said(view, row, field, f"is {shown}, which {verb} {_literal(view, row, pattern, field)}")


def _compared(view: UnitView, row: int, asked: FieldComparison, value: Any) -> Clause:
    """Return why a value that is there does not compare as asked."""
    field, shown = asked.field, _shown(value, asked.field)
    right = asked.value
    limit: Any
    if isinstance(right, AttributeRef):
        limit = view.value(row, right.field)
        if limit is None:
            return _said(view, row, right.field, "is missing", rank=MISSING)
        bound = f"{read_field(right.field)} is {_shown(limit, right.field)}"
    else:
        limit = right.ns if isinstance(right, Duration) else None if isinstance(right, Parameter) else right.value
        bound = f"the limit is {_literal(view, row, right, field)}"
    number, number_asked = _number(value), _number(limit)
    has_measure = (
        number is not None and number_asked is not None and isinstance(right, Number | Duration | AttributeRef)
    )
    distance: int | float | None = None
    rank = NO_MEASURE
    if number is not None and number_asked is not None and has_measure:
        distance, rank = _apart(number, number_asked)
    unit = None if distance is None else "ns" if _is_duration(field) else ""
    if asked.operator.is_ordering:
        if not has_measure:
            return _said(view, row, field, f"is {shown}, not a number")
        if number == number_asked and not isinstance(right, AttributeRef):
            words = operator_words(asked.operator)
            said = f"is {shown}, not {words}{_literal(view, row, right, field)}"
        else:
            said = f"is {shown}, {bound}"
        return _said(view, row, field, said, distance=distance, unit=unit, rank=rank)
    if asked.operator is Operator.NE:
        same = (
            f", which {read_field(right.field)} is too" if isinstance(right, AttributeRef) else ", which it must not be"
        )
        return _said(view, row, field, f"is {shown}{same}")
    if isinstance(right, AttributeRef):
        return _said(view, row, field, f"is {shown}, {bound}", distance=distance, unit=unit, rank=rank)
    wished = _literal(view, row, right, field)
    return _said(view, row, field, f"is {shown}, not {wished}", distance=distance, unit=unit, rank=rank)


def _said(
    view: UnitView,
    row: int,
    field: Field,
    said: str,
    *,
    distance: int | float | None = None,
    unit: str | None = None,
    rank: float = NO_MEASURE,
) -> Clause:
    name = read_field(field)
    return Clause(f"{name} {said}", f"{name} of {view.name_of(row)} {said}", distance, unit, rank)


def _apart(a: int | float, b: int | float) -> tuple[int | float | None, float]:
    """Return how far apart two numbers are, and that relative to the second; None where it is no number."""
    try:
        distance = abs(a - b)
        relative = float(distance) / max(abs(float(b)), 1.0)
    except OverflowError:
        return None, NO_MEASURE
    if not math.isfinite(distance) or not math.isfinite(relative):
        return None, NO_MEASURE
    return distance, spread(relative, 1.0)


def _number(value: Any) -> int | float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        return number_of_text(value)
    return value if isinstance(value, int | float) else None


def _is_duration(field: Field) -> bool:
    return field.kind is FieldKind.SPAN and field.name == "duration"


def _shown(value: Any, field: Field) -> str:
    if _is_duration(field):
        return say_duration(value)
    return text_of(value) if field.kind is FieldKind.SPAN and field.name in ("status", "kind") else say_value(value)


def _literal(view: UnitView, row: int, value: Value, field: Field) -> str:
    """Return a value a rule asks for, as values of the field are shown."""
    match value:
        case Duration(ns=ns):
            return say_duration(ns)
        case AttributeRef(field=other):
            found = view.value(row, other)
            return f"its {read_field(other)}" + ("" if found is None else f" ({_shown(found, other)})")
        case Parameter(name=name):
            return f"${name}"
    return _shown(value.value, field)
