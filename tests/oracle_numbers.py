"""Numbers of a trace: what they are on the spans seen, and between what they lie; part of ``oracle``."""

from __future__ import annotations

import math
from dataclasses import dataclass

from oracle_values import ordered

INF = math.inf


@dataclass(frozen=True)
class Interval:
    """A number of a trace.

    seen: its value on the spans seen, None for none. low, high: what it lies between. may_lack: whether it may turn out
    to have no value. certain: whether it is what is seen (a value or none), whatever may be missing or out of time.
    """

    seen: int | float | None
    low: float
    high: float
    may_lack: bool
    certain: bool = False


def exactly(value) -> Interval:
    is_point = value is not None and value == value
    return Interval(value, value if is_point else -INF, value if is_point else INF, value is None, certain=True)


def between(seen, low, high, *, may_lack=False) -> Interval:
    return Interval(seen, low, high, may_lack)


def in_64_bits(value):
    return float(value) if isinstance(value, int) and not -(2**63) <= value < 2**63 else value


def aggregate(function, numbers):
    if function in ("sum", "avg"):
        ints = in_64_bits(sum(n for n in numbers if isinstance(n, int)))
        doubles = [n for n in numbers if isinstance(n, float)]
        total = ints
        if doubles:
            running = 0.0
            for n in doubles:
                running += n
            total = float(ints) + running
        if function == "sum":
            return total
        return float(total) / len(numbers) if numbers else None
    numbers = [n for n in numbers if n == n]
    if not numbers:
        return None
    return min(numbers) if function == "min" else max(numbers)


def arithmetic(a: Interval, operator, b: Interval) -> Interval:
    seen = None
    if a.seen is not None and b.seen is not None:
        seen = operate(a.seen, operator, b.seen)
    if a.certain and b.certain:
        return exactly(seen)
    may_lack = a.may_lack or b.may_lack
    if operator == "+":
        low, high = a.low + b.low, a.high + b.high
    elif operator == "-":
        low, high = a.low - b.high, a.high - b.low
    elif operator == "/" and b.low <= 0 <= b.high:
        return between(seen, -INF, INF, may_lack=True)
    else:
        corners = [corner(x, operator, y) for x in (a.low, a.high) for y in (b.low, b.high)]
        if any(c != c for c in corners):
            return between(seen, -INF, INF, may_lack=may_lack)
        low, high = min(corners), max(corners)
    return between(seen, -INF if low != low else low, INF if high != high else high, may_lack=may_lack)


def corner(x, operator, y):
    if operator == "*":
        return 0 if x == 0 or y == 0 else x * y
    if abs(x) == INF and abs(y) == INF:
        return math.nan
    return x / y


def operate(a, operator, b):
    if operator == "/":
        return None if b == 0 else a / b
    return in_64_bits({"+": a + b, "-": a - b, "*": a * b}[operator])


def comparison(a: Interval, operator, b: Interval) -> tuple[bool, bool | None]:
    """(on the spans seen, certainly: None where it is open). A comparison without a value is false."""
    seen = a.seen is not None and b.seen is not None and ordered(a.seen, operator, b.seen)
    if a.certain and b.certain:
        return seen, seen
    if operator in ("<", "<="):
        always, never = ordered(a.high, operator, b.low), not ordered(a.low, operator, b.high)
    elif operator in (">", ">="):
        always, never = ordered(a.low, operator, b.high), not ordered(a.high, operator, b.low)
    else:
        is_apart = a.high < b.low or a.low > b.high
        is_same_point = a.low == a.high == b.low == b.high
        always, never = (is_same_point, is_apart) if operator == "==" else (is_apart, is_same_point)
    if never:
        return seen, False
    return seen, True if always and not a.may_lack and not b.may_lack else None
