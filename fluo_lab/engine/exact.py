"""Exact arithmetic on arrays of 64-bit integers and doubles together.

NumPy turns both into doubles before it compares them, and wraps integers that overflow. Here an array is int64,
float64, or, where neither is exact, of Python numbers (dtype object), on which Python's own comparisons between
int and float are exact.
"""

from __future__ import annotations

import operator as op
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fluo_lab.engine.logic import Mask
from fluo_lab.language import Operator

__all__ = ["Array", "arithmetic", "as_python", "is_small", "ordered_pairs"]

Array: TypeAlias = NDArray[Any]

_EXACT_IN_DOUBLE = 1 << 53
_OPERATORS: dict[Operator, Callable[[Any, Any], Any]] = {
    Operator.EQ: op.eq,
    Operator.NE: op.ne,
    Operator.GT: op.gt,
    Operator.GE: op.ge,
    Operator.LT: op.lt,
    Operator.LE: op.le,
}
_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {"+": op.add, "-": op.sub, "*": op.mul, "/": op.truediv}


def as_python(values: Array) -> Array:
    """Return an array of Python numbers."""
    return np.array(values.tolist(), dtype=object)


def is_small(values: Array) -> bool:
    """Return whether every integer of an array is exact as a double."""
    if not len(values) or values.dtype.kind == "f":
        return True
    return bool(values.max() <= _EXACT_IN_DOUBLE and values.min() >= -_EXACT_IN_DOUBLE)


def ordered_pairs(left: Array, operator: Operator, right: Array) -> Mask:
    """Return the comparison of two arrays of numbers, position by position; NaN is equal to nothing."""
    kinds = left.dtype.kind + right.dtype.kind
    if kinds in ("if", "fi") and not (is_small(left) and is_small(right)):
        left, right = as_python(left), as_python(right)
    with np.errstate(invalid="ignore"):  # NaN is a value here, not a mistake
        return np.asarray(_OPERATORS[operator](left, right), dtype=np.bool_)


def _in_64_bits(values: Array) -> Array:
    """Return Python numbers with integers beyond 64 bits as doubles, packed when they fit."""
    items = [float(v) if isinstance(v, int) and not -(1 << 63) <= v < 1 << 63 else v for v in values.tolist()]
    if all(isinstance(v, int) for v in items):
        return np.array(items, dtype=np.int64)
    return np.array(items, dtype=object)


def arithmetic(left: Array, operator: str, right: Array) -> tuple[Array, Mask]:
    """Return ``left operator right`` and which positions have a value.

    A division by zero has none. Integers stay integers within 64 bits, but for division, which gives doubles.
    """
    has_value = np.ones(len(left), dtype=np.bool_)
    if operator == "/":
        has_value = np.asarray(right != 0, dtype=np.bool_)
        right = np.where(has_value, right, 1)
    with np.errstate(all="ignore"):
        if left.dtype.kind == right.dtype.kind == "i" and operator != "/":
            rough = _ARITHMETIC[operator](left.astype(np.float64), right.astype(np.float64))
            if not len(rough) or np.abs(rough).max() < float(1 << 62):
                return _ARITHMETIC[operator](left, right), has_value
            return _in_64_bits(_ARITHMETIC[operator](as_python(left), as_python(right))), has_value
        if "O" in (left.dtype.kind, right.dtype.kind):
            values = [_python_arithmetic(a, operator, b) for a, b in zip(left.tolist(), right.tolist(), strict=True)]
            return _in_64_bits(np.array(values, dtype=object)), has_value
        return np.asarray(_ARITHMETIC[operator](left, right), dtype=np.float64), has_value


def _python_arithmetic(left: float, operator: str, right: float) -> float:
    """Return an operation on Python numbers that overflows to infinity, as doubles do."""
    try:
        result: float = _ARITHMETIC[operator](left, right)
    except OverflowError:
        return float(np.float64(float(left)) * np.inf) if operator in "*/" else float("inf")
    return result
