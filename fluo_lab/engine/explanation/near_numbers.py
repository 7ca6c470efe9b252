"""How near numbers of a trace come to a comparison, and where a field that should rise falls."""

from __future__ import annotations

import math

import numpy as np

from fluo_lab.engine.explanation.near_fields import FLIPPED, Clause, spread
from fluo_lab.engine.explanation.unit_view import UnitView
from fluo_lab.engine.explanation.wording import say_duration, say_number, say_value
from fluo_lab.language import (
    Aggregate,
    Comparison,
    Count,
    Distinct,
    Duration,
    Kind,
    Number,
    Numeric,
    Operator,
    Rising,
    TraceDuration,
    TraceSpans,
    kind_of,
    read_number,
    walk,
)
from fluo_lab.language.reading_spans import read_field, read_noun

__all__ = ["fall_of", "is_measured", "missed_comparison", "value_of_number"]

_MIRRORED = {
    Operator.EQ: Operator.EQ,
    Operator.NE: Operator.NE,
    Operator.GT: Operator.LT,
    Operator.LT: Operator.GT,
    Operator.GE: Operator.LE,
    Operator.LE: Operator.GE,
}


def is_measured(numeric: Numeric) -> bool:
    """Return whether a number depends on the trace."""
    return any(isinstance(node, Count | Aggregate | Distinct | TraceDuration | TraceSpans) for node in walk(numeric))


def value_of_number(view: UnitView, numeric: Numeric) -> int | float | None:
    """Return a number of the unit as seen; None where it has no value."""
    numbers = view.evaluator.numbers(numeric)
    if not numbers.present()[view.unit]:
        return None
    value = numbers.values[view.unit]
    plain: int | float = value.item() if hasattr(value, "item") else value
    return plain


def missed_comparison(view: UnitView, comparison: Comparison, *, wanted: bool) -> tuple[int | None, Clause] | None:
    """Return how far two numbers are from a comparison, or its negation; with the span that decides, if one does.

    None where a number has no value, or neither is measured.
    """
    left, operator, right = comparison.left, comparison.operator, comparison.right
    if is_measured(right) and not is_measured(left):
        left, operator, right = right, _MIRRORED[operator], left
    if not is_measured(left):
        return None
    a, b = value_of_number(view, left), value_of_number(view, right)
    if a is None or b is None or not (_is_finite(a) and _is_finite(b)):
        return None
    operator = operator if wanted else FLIPPED[operator]
    distance = abs(a - b)
    is_time = kind_of(left) is Kind.DURATION
    limit = (
        say_number(b, left) if isinstance(right, Number | Duration) else f"{read_number(right)} ({say_number(b, left)})"
    )
    is_count = isinstance(left, Count | TraceSpans | Distinct)
    if a > b:
        tail = f"{say_number(distance, left)} more than {limit}"
    elif a < b:
        tail = f"{say_number(distance, left)} {'fewer' if is_count else 'less'} than {limit}"
    elif operator is Operator.NE:
        tail = "which it must not be"
    else:
        tail = f"not {'more' if operator is Operator.GT else 'fewer' if is_count else 'less'} than {limit}"
    said = f"{_said_number(left, a)}, {tail}"
    clause = Clause(
        said,
        said,
        distance=distance,
        unit="ns" if is_time else "",
        rank=spread(float(distance), max(abs(float(b)), 1.0)) if _is_finite(distance) else 1.0,
    )
    return _decisive(view, left, a), clause


def _said_number(numeric: Numeric, value: int | float) -> str:
    if isinstance(numeric, Count):
        return f"{value} {read_noun(numeric.selection, is_plural=value != 1)}"
    return f"{read_number(numeric)} is {say_number(value, numeric)}"


def _is_finite(value: int | float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _decisive(view: UnitView, numeric: Numeric, value: int | float) -> int | None:
    """Return the span whose value a smallest or largest one is."""
    if not isinstance(numeric, Aggregate) or numeric.function not in ("min", "max"):
        return None
    rows, values = view.evaluator.values.numbers(view.matched(numeric.selection), numeric.field).merged()
    found = rows[np.flatnonzero(values == value)]
    return int(found[0]) if len(found) else None


def fall_of(view: UnitView, rising: Rising) -> tuple[int, Clause] | None:
    """Return where a field falls by least between two spans in order of start, as the later span and what happens.

    None where it rises everywhere.
    """
    rows, values = view.evaluator.values.numbers(view.matched(rising.selection), rising.field).merged()
    if len(rows) < 2:
        return None
    order = np.lexsort((rows, view.start[rows]))
    rows, values = rows[order], values[order]
    start = view.start[rows]
    before = np.searchsorted(start, start, side="left")  # how many start earlier
    later = np.flatnonzero(before > 0)
    with np.errstate(invalid="ignore"):
        greatest = np.maximum.accumulate(values)[before[later] - 1]
        falls = ~np.asarray(greatest < values[later], dtype=np.bool_)
        later, greatest = later[falls], greatest[falls]
        if not len(later):
            return None
        by = (greatest - values[later]).astype(np.float64)
    at = int(later[np.lexsort((rows[later], np.where(np.isnan(by), np.inf, by)))[0]])
    top = greatest[np.flatnonzero(later == at)[0]]
    same = np.flatnonzero(
        (values[: before[at]] == top) | ((top != top) & (values[: before[at]] != values[: before[at]]))
    )
    earlier = int(rows[same[-1]]) if len(same) else int(rows[before[at] - 1])
    row = int(rows[at])
    a, b = (_plain(value) for value in (top, values[at]))
    name, field = view.name_of(row), read_field(rising.field)
    apart = say_duration(int(view.start[row]) - int(view.start[earlier]))
    is_time = rising.field.kind == "span" and rising.field.name == "duration"
    shown = [say_duration(n) if is_time else say_value(n) for n in (a, b)]
    said = f"{field} is {shown[0]}, then {shown[1]} on the {name} that starts {apart} later"
    fall = a - b
    has_measure = _is_finite(fall)
    return row, Clause(
        said,
        said,
        distance=fall if has_measure else None,
        unit=None if not has_measure else "ns" if is_time else "",
        rank=spread(float(fall), max(abs(float(a)), 1.0)) if has_measure else 1.0,
        partner_row=earlier,
    )


def _plain(value: object) -> int | float:
    plain: int | float = value.item() if hasattr(value, "item") else value  # type: ignore[assignment]
    return plain
