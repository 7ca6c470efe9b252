"""Numbers of a unit: as counted on the spans seen, and the interval they lie in whatever may be missing.

In an incomplete trace a count is a lower bound, and so are ``max``, ``distinct``, ``trace.duration`` and
``trace.spans``; ``min`` is an upper bound; ``sum`` and ``avg`` say nothing. Arithmetic carries the intervals.
Bounds are doubles; rounding is monotone, and integers beyond 2**53 are widened outward, so they stay bounds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fluo_lab.engine.exact import Array, arithmetic, ordered_pairs
from fluo_lab.engine.logic import Mask, Truth
from fluo_lab.language import Operator

__all__ = ["Bounds", "Numbers", "compare_numbers", "constant"]

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is certain of a number where spans may be missing or an order is unknown.

    Attributes
    ----------
    low, high
        The number, where it has a value, lies between them, both included.
    may_lack
        Where it may turn out to have no value.
    is_exact
        Where nothing is open, so that the number is what was seen, exact beyond what doubles hold.
    """

    low: Doubles
    high: Doubles
    may_lack: Mask
    is_exact: Mask


@dataclass(frozen=True, slots=True)
class Numbers:
    """One number a unit.

    Attributes
    ----------
    values
        int64, float64 or Python numbers; meaningless where there is no value.
    has_value
        None where all have one.
    bounds
        None when nothing is open.
    """

    values: Array
    has_value: Mask | None = None
    bounds: Bounds | None = None

    def present(self) -> Mask:
        """Return where there is a value."""
        return np.ones(len(self.values), dtype=np.bool_) if self.has_value is None else self.has_value

    def bounded(self) -> Bounds:
        """Return the bounds; the value itself where it is certain, nothing where there is none."""
        if self.bounds is not None:
            return self.bounds
        low, high = widened(self.values)
        is_exact = np.ones(len(low), dtype=np.bool_)
        if self.has_value is None:
            return Bounds(low, high, ~is_exact, is_exact)
        low, high = np.where(self.has_value, low, -np.inf), np.where(self.has_value, high, np.inf)
        return Bounds(low, high, ~self.has_value, is_exact)


def widened(values: Array) -> tuple[Doubles, Doubles]:
    """Return doubles at or below, and at or above, each value."""
    near = np.asarray(values, dtype=np.float64)
    if values.dtype.kind == "f":
        return near, near
    with np.errstate(invalid="ignore"):
        is_large = np.abs(near) > float(1 << 53)
    if not is_large.any():
        return near, near
    return np.where(is_large, np.nextafter(near, -np.inf), near), np.where(is_large, np.nextafter(near, np.inf), near)


def constant(value: int | float, n: int) -> Numbers:
    """Return a literal on every unit."""
    return Numbers(np.full(n, value, dtype=np.int64 if isinstance(value, int) else np.float64))


def combine(left: Numbers, operator: str, right: Numbers) -> Numbers:
    """Return ``left operator right`` on every unit."""
    values, is_defined = arithmetic(left.values, operator, right.values)
    has_value: Mask | None = None
    if left.has_value is not None or right.has_value is not None or not is_defined.all():
        has_value = left.present() & right.present() & is_defined
    if left.bounds is None and right.bounds is None:
        return Numbers(values, has_value)
    a, b = left.bounded(), right.bounded()
    may_lack = a.may_lack | b.may_lack
    with np.errstate(all="ignore"):
        if operator == "+":
            low, high = a.low + b.low, a.high + b.high
        elif operator == "-":
            low, high = a.low - b.high, a.high - b.low
        else:
            zero_inside = np.zeros(len(values), dtype=np.bool_)
            if operator == "/":
                zero_inside = (b.low <= 0) & (b.high >= 0)
                may_lack = may_lack | zero_inside
            low, high = _corners(a, operator, b)
            low = np.where(zero_inside, -np.inf, low)
            high = np.where(zero_inside, np.inf, high)
    low = np.where(np.isnan(low), -np.inf, low)
    high = np.where(np.isnan(high), np.inf, high)
    return Numbers(values, has_value, Bounds(low, high, may_lack, a.is_exact & b.is_exact))


def _corners(a: Bounds, operator: str, b: Bounds) -> tuple[Doubles, Doubles]:
    """Return the least and greatest product, or quotient, of the ends of two intervals."""
    corners = []
    for x in (a.low, a.high):
        for y in (b.low, b.high):
            if operator == "*":  # an end at zero makes zero, however far the other reaches
                corners.append(np.where((x == 0) | (y == 0), 0.0, x * y))
            else:
                corners.append(x / y)
    stacked = np.array(corners)
    is_undefined = np.isnan(stacked).any(axis=0)
    return (
        np.where(is_undefined, -np.inf, stacked.min(axis=0)),
        np.where(is_undefined, np.inf, stacked.max(axis=0)),
    )


def compare_numbers(left: Numbers, operator: Operator, right: Numbers) -> Truth:
    """Return the comparison on every unit; one without a value is false."""
    seen = ordered_pairs(left.values, operator, right.values) & left.present() & right.present()
    if left.bounds is None and right.bounds is None:
        return Truth(seen)
    a, b = left.bounded(), right.bounded()
    with np.errstate(invalid="ignore"):
        always, never = _certainties(a, operator, b)
    is_exact = a.is_exact & b.is_exact
    holds = np.where(is_exact, seen, always & ~a.may_lack & ~b.may_lack)
    fails = np.where(is_exact, ~seen, never)
    return Truth(seen, holds, fails)


def _certainties(a: Bounds, operator: Operator, b: Bounds) -> tuple[Any, Any]:
    """Return where a comparison of two intervals holds, and where it fails, for every pair of their numbers."""
    match operator:
        case Operator.LT:
            return a.high < b.low, a.low >= b.high
        case Operator.LE:
            return a.high <= b.low, a.low > b.high
        case Operator.GT:
            return a.low > b.high, a.high <= b.low
        case Operator.GE:
            return a.low >= b.high, a.high < b.low
        case _:
            is_apart = (a.high < b.low) | (a.low > b.high)
            is_point = (a.low == a.high) & (b.low == b.high) & (a.low == b.low)
            return (is_point, is_apart) if operator is Operator.EQ else (is_apart, is_point)
