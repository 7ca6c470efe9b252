"""The truth of conditions: each distinct atom once, rules as algebra over them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fluo_lab.engine.exact import Array, as_python, is_small
from fluo_lab.engine.jobs import Matched
from fluo_lab.engine.logic import Mask, Truth
from fluo_lab.engine.numbers import Bounds, Numbers, combine, compare_numbers, constant
from fluo_lab.engine.relations import shifted
from fluo_lab.engine.runs import bisect, run_bounds, running_max
from fluo_lab.engine.selection import Selector
from fluo_lab.engine.spans import SpanSet
from fluo_lab.engine.units import Rows, Units
from fluo_lab.language import (
    Aggregate,
    And,
    Arithmetic,
    Comparison,
    Condition,
    Count,
    Distinct,
    Duration,
    Every,
    Field,
    Has,
    Not,
    Number,
    Numeric,
    Or,
    Rising,
    RuleTree,
    Selection,
    Text,
    TraceDuration,
    TraceSpans,
    walk,
)

__all__ = ["Evaluator"]


class Evaluator:
    """Answers conditions about the units of one store; equal subtrees are answered once.

    Parameters
    ----------
    rules
        Whose conditions will be asked about.
    span_skew_ns
        How far clocks may be apart: an order within it is unknown.
    """

    def __init__(self, units: Units, rules: Iterable[RuleTree], *, span_skew_ns: int = 0) -> None:
        nodes = [node for rule in rules for node in walk(rule)]
        self.units = units
        self.traces = units.traces
        self.n = units.n
        self.open = units.is_open
        literals = (node.value for node in nodes if isinstance(node, Text))
        self.select = Selector(units, literals, span_skew_ns=span_skew_ns)
        self.values = self.select.values
        self._is_certain = self.select.is_certain
        self._truths: dict[Condition, Truth] = {}
        self._numbers: dict[Numeric, Numbers] = {}
        self.select.prepare(
            (n.selection, n.must if isinstance(n, Every) else None)
            for n in nodes
            if isinstance(n, Has | Every | Count | Aggregate | Distinct | Rising)
        )

    def truth(self, condition: Condition) -> Truth:
        """Return the truth of a condition on every unit."""
        truth = self._truths.get(condition)
        if truth is None:
            truth = self._truths[condition] = self._find(condition)
        return truth

    def _find(self, condition: Condition) -> Truth:
        match condition:
            case And(operands=operands):
                truth = self.truth(operands[0])
                for operand in operands[1:]:
                    truth = truth & self.truth(operand)
                return truth
            case Or(operands=operands):
                truth = self.truth(operands[0])
                for operand in operands[1:]:
                    truth = truth | self.truth(operand)
                return truth
            case Not(operand=operand):
                return ~self.truth(operand)
            case Has(selection=selection):
                matched = self.select.matched(selection)
                return self._found(matched)
            case Every(selection=selection, must=must):
                refuted = self.select.refuted(selection, must)
                return ~self._found(refuted)
            case Rising(selection=selection, field=field):
                matched = self.select.matched(selection)
                return ~self._falling(matched, field)
            case Comparison(left=left, operator=operator, right=right):
                return compare_numbers(self.numbers(left), operator, self.numbers(right))
        raise AssertionError(f"no condition: {condition!r}")

    def _found(self, matched: Matched) -> Truth:
        """Return that a unit has some of the spans: what is seen is certain, what is not may be missing."""
        has = matched.seen.in_units()
        if self._is_certain:
            return Truth(has)
        holds = has if matched.certain is matched.seen else matched.certain.in_units()
        may_hold = has if matched.possible is matched.seen else matched.possible.in_units()
        return Truth(has, holds, ~may_hold & ~self.open)

    def _falling(self, matched: Matched, field: Field) -> Truth:
        """Return that two spans carry the field and the later one's value is not larger."""
        seen = self._fallers(matched.seen.rows, field)
        if self._is_certain:
            return Truth(seen)
        skew = self.select.span_skew_ns
        certain = (
            seen if matched.is_certain and not skew else self._fallers(matched.certain.rows, field, margin_ns=skew)
        )
        may_fall = (
            seen if matched.is_certain and not skew else self._fallers(matched.possible.rows, field, margin_ns=-skew)
        )
        return Truth(seen, certain, ~may_fall & ~self.open)

    def _fallers(self, rows: Rows, field: Field, *, margin_ns: int = 0) -> Mask:
        """Return which units have two spans whose starts differ by more than the margin, and values fall.

        With a negative margin, starts that are less than it apart stand in either order.
        """
        mask = np.zeros(self.n, dtype=np.bool_)
        rows, values = self.values.numbers(rows, field).merged()
        if len(rows) < 2:
            return mask
        order = self.units.order(rows)
        if order is not None:
            rows, values = rows[order], values[order]
        unit = self.units.unit_of[rows]
        start = self.traces.start_ns[rows]
        if margin_ns < 0:
            is_near = (unit[1:] == unit[:-1]) & (start[1:] < shifted(start[:-1], -margin_ns))
            mask[unit[1:][is_near]] = True
            margin_ns = 0
        begins = run_bounds(unit, self.n)[unit]
        behind = bisect(start, begins, np.arange(len(rows), dtype=np.int64), shifted(start, -margin_ns))
        at = np.flatnonzero(behind > begins)
        with np.errstate(invalid="ignore"):  # a NaN is above nothing, so it falls
            greatest = running_max(values, begins)
            falls = ~np.asarray(greatest[behind[at] - 1] < values[at], dtype=np.bool_)
            if values.dtype.kind == "O":  # of Python numbers the greatest may not be a NaN that stands among them
                is_nan = np.array([value != value for value in values.tolist()], dtype=np.int8)
                falls |= running_max(is_nan, begins)[behind[at] - 1] > 0
        mask[unit[at[falls]]] = True
        return mask

    # --- numbers --------------------------------------------------------------------------------------------

    def numbers(self, numeric: Numeric) -> Numbers:
        """Return a number on every unit."""
        if numeric not in self._numbers:
            self._numbers[numeric] = self._measure(numeric)
        return self._numbers[numeric]

    def _measure(self, numeric: Numeric) -> Numbers:
        match numeric:
            case Number(value=value):
                return constant(value, self.n)
            case Duration(ns=ns):
                return constant(ns, self.n)
            case Arithmetic(left=left, operator=operator, right=right):
                return combine(self.numbers(left), operator, self.numbers(right))
            case TraceDuration():
                return self._at_least(self.units.duration_ns)
            case TraceSpans():
                return self._at_least(self.units.n_spans)
            case Count(selection=selection):
                matched = self.select.matched(selection)
                return self._counted(matched, SpanSet.count)
            case Distinct(selection=selection, field=field):
                matched = self.select.matched(selection)
                return self._counted(matched, lambda spans: self._distinct(spans.rows, field))
            case Aggregate(function=function, selection=selection, field=field):
                return self._aggregate(function, selection, field)
        raise AssertionError(f"no number: {numeric!r}")

    def _at_least(self, seen: NDArray[np.int64]) -> Numbers:
        """Return numbers that missing spans can only raise, and that no order changes."""
        return self._from_to(seen, seen, seen)

    def _counted(self, matched: Matched, measure: Callable[[SpanSet], NDArray[np.int64]]) -> Numbers:
        """Return numbers that more spans can only raise: from those that are certain to those that are possible."""
        seen = measure(matched.seen)
        low = seen if matched.certain is matched.seen else measure(matched.certain)
        high = seen if matched.possible is matched.seen else measure(matched.possible)
        return self._from_to(low, seen, high)

    def _from_to(self, low: NDArray[np.int64], seen: NDArray[np.int64], high: NDArray[np.int64]) -> Numbers:
        if self._is_certain:
            return Numbers(seen)
        is_exact = ~self.open & (low == high)
        may_lack = np.zeros(self.n, dtype=np.bool_)
        return Numbers(
            seen, None, Bounds(low.astype(np.float64), np.where(self.open, np.inf, high), may_lack, is_exact)
        )

    def _distinct(self, rows: Rows, field: Field) -> NDArray[np.int64]:
        at, codes = self.values.text_codes(rows, field)
        width = int(codes.max(initial=0)) + 1
        pairs = np.unique(self.units.unit_of[at].astype(np.int64) * width + codes)
        return np.bincount(pairs // width, minlength=self.n)

    def _aggregate(self, function: str, selection: Selection, field: Field) -> Numbers:
        matched = self.select.matched(selection)
        seen = self._reduced(function, matched.seen.rows, field)
        if self._is_certain:
            return seen
        certain = seen if matched.certain is matched.seen else self._reduced(function, matched.certain.rows, field)
        possible = seen if matched.possible is matched.seen else self._reduced(function, matched.possible.rows, field)
        least, most = certain.bounded(), possible.bounded()
        is_known = certain.present()
        is_exact = ~self.open & (matched.certain.count() == matched.possible.count())
        # the greatest can only rise and the least only fall; sum and mean may do either
        low = np.where(is_exact | ((function == "max") & is_known), least.low, -np.inf)
        high = np.where(is_exact | ((function == "min") & is_known), least.high, np.inf)
        if function == "max":
            high = np.where(self.open, np.inf, most.high)
        elif function == "min":
            low = np.where(self.open, -np.inf, most.low)
        return Numbers(seen.values, seen.has_value, Bounds(low, high, ~is_known, is_exact))

    def _reduced(self, function: str, rows: Rows, field: Field) -> Numbers:
        """Return an aggregate over the numeric values of a field at rows."""
        numeric = self.values.numbers(rows, field)
        if function in ("min", "max"):
            return self._extreme(function, *numeric.merged())
        unit_of = self.units.unit_of
        ints = _int_sums(unit_of[numeric.int_rows], numeric.ints, self.n)
        doubles = np.bincount(unit_of[numeric.double_rows], weights=numeric.doubles, minlength=self.n)
        n_doubles = np.bincount(unit_of[numeric.double_rows], minlength=self.n)
        total: Array = ints
        if len(numeric.doubles):
            if is_small(ints):
                total = np.where(n_doubles > 0, ints.astype(np.float64) + doubles, ints)
            else:
                total = np.where(n_doubles > 0, as_python(ints.astype(np.float64) + doubles), as_python(ints))
        if function == "sum":
            return Numbers(total)
        count = np.bincount(unit_of[numeric.int_rows], minlength=self.n) + n_doubles
        mean = np.asarray(total, dtype=np.float64) / np.maximum(count, 1)
        return Numbers(mean, count > 0)

    def _extreme(self, function: str, rows: Rows, values: Array) -> Numbers:
        """Return the least or greatest value a unit; NaN has no place in an order."""
        if values.dtype.kind == "f":
            keep = ~np.isnan(values)
            rows, values = rows[keep], values[keep]
        elif values.dtype.kind == "O":
            keep = np.array([v == v for v in values.tolist()], dtype=np.bool_)
            rows, values = rows[keep], values[keep]
        has_value = np.zeros(self.n, dtype=np.bool_)
        found = np.zeros(self.n, dtype=values.dtype)
        if len(rows):
            order = self.units.order(rows)
            if order is not None:
                rows, values = rows[order], values[order]
            unit = self.units.unit_of[rows]
            first = np.flatnonzero(np.append(True, unit[1:] != unit[:-1]))
            reduce = np.minimum if function == "min" else np.maximum
            found[unit[first]] = reduce.reduceat(values, first)
            has_value[unit[first]] = True
        return Numbers(found, has_value)


def _int_sums(unit: NDArray[Any], values: NDArray[np.int64], n: int) -> Array:
    """Return exact integer sums a unit; those beyond 64 bits as doubles."""
    sums: Array = np.zeros(n, dtype=np.int64)
    if not len(values):
        return sums
    if np.bincount(unit, weights=np.abs(values.astype(np.float64)), minlength=n).max() < float(1 << 62):
        np.add.at(sums, unit, values)
        return sums
    exact: dict[int, int] = {}
    for at, value in zip(unit.tolist(), values.tolist(), strict=True):
        exact[at] = exact.get(at, 0) + value
    sums = as_python(sums)
    for at, total in exact.items():
        sums[at] = total if -(1 << 63) <= total < 1 << 63 else float(total)
    return sums
