"""The truth of conditions: each distinct atom once, rules as algebra over them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from fluo_lab.engine.columns import FieldValues
from fluo_lab.engine.exact import Array, as_python, is_small
from fluo_lab.engine.logic import Mask, Truth
from fluo_lab.engine.numbers import Bounds, Numbers, combine, compare_numbers, constant
from fluo_lab.engine.selection import Matched, Selector
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
    TraceDuration,
    TraceSpans,
    walk,
)
from fluo_lab.traces import Traces

__all__ = ["Evaluator"]

Rows = NDArray[np.uint32]


class Evaluator:
    """Answers conditions about one store; equal subtrees are answered once.

    Parameters
    ----------
    judge_incomplete
        Whether to take every trace for complete.
    """

    def __init__(self, traces: Traces, rules: Iterable[RuleTree], *, judge_incomplete: bool = False) -> None:
        rules = tuple(rules)
        self.traces = traces
        self.n = traces.n_traces
        self.open = np.zeros(self.n, dtype=np.bool_) if judge_incomplete else traces.traces["is_incomplete"].to_numpy()
        self.is_open = bool(self.open.any())
        self.select = Selector(traces, rules, self.open)
        self.values = FieldValues(traces, self.select.context)
        self._truths: dict[Condition, Truth] = {}
        self._numbers: dict[Numeric, Numbers] = {}
        nodes = [node for rule in rules for node in walk(rule)]
        self.select.prepare(
            (n.selection, n.must if isinstance(n, Every) else None)
            for n in nodes
            if isinstance(n, Has | Every | Count | Aggregate | Distinct | Rising)
        )

    def truth(self, condition: Condition) -> Truth:
        """Return the truth of a condition on every trace."""
        if condition not in self._truths:
            self._truths[condition] = self._find(condition)
        return self._truths[condition]

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
                return self._found(matched.seen, matched.certain)
            case Every(selection=selection, must=must):
                refuted = self.select.refuted(selection, must)
                return ~self._found(refuted.seen, refuted.certain)
            case Rising(selection=selection, field=field):
                matched = self.select.matched(selection)
                return ~self._falling(matched, field)
            case Comparison(left=left, operator=operator, right=right):
                return compare_numbers(self.numbers(left), operator, self.numbers(right), self.open)
        raise AssertionError(f"no condition: {condition!r}")

    def _traces_of(self, rows: Rows) -> Mask:
        """Return which traces have some of the rows."""
        mask = np.zeros(self.n, dtype=np.bool_)
        mask[self.traces.trace_of[rows]] = True
        return mask

    def _found(self, seen: Rows, certain: Rows) -> Truth:
        """Return that a trace has some of the rows: what is seen is certain, what is not may be missing."""
        has = self._traces_of(seen)
        if not self.is_open:
            return Truth(has)
        holds = has if certain is seen else self._traces_of(certain)
        return Truth(has, np.where(self.open, holds, has), ~has & ~self.open)

    def _falling(self, matched: Matched, field: Field) -> Truth:
        """Return that two spans carry the field and the later one's value is not larger."""
        seen = self._fallers(matched.seen, field)
        if not self.is_open:
            return Truth(seen)
        certain = seen if matched.certain is matched.seen else self._fallers(matched.certain, field)
        return Truth(seen, np.where(self.open, certain, seen), ~seen & ~self.open)

    def _fallers(self, rows: Rows, field: Field) -> Mask:
        mask = np.zeros(self.n, dtype=np.bool_)
        rows, values = self.values.numbers(rows, field).merged()
        if len(rows) < 2:
            return mask
        trace = self.traces.trace_of[rows]
        start = self.traces.table["start_ns"].to_numpy()[rows]
        # rows ascend by (trace, start): runs of equal starts must each lie wholly above the run before
        new_run = np.ones(len(rows), dtype=np.bool_)
        new_run[1:] = (trace[1:] != trace[:-1]) | (start[1:] != start[:-1])
        first = np.flatnonzero(new_run)
        of_run = trace[first]
        with np.errstate(invalid="ignore"):  # a NaN is above nothing, so it falls
            greatest, least = np.maximum.reduceat(values, first), np.minimum.reduceat(values, first)
            falls = (of_run[1:] == of_run[:-1]) & ~np.asarray(greatest[:-1] < least[1:], dtype=np.bool_)
        mask[of_run[1:][falls]] = True
        return mask

    # --- numbers --------------------------------------------------------------------------------------------

    def numbers(self, numeric: Numeric) -> Numbers:
        """Return a number on every trace."""
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
                frame = self.traces.traces
                return self._at_least((frame["end_ns"] - frame["start_ns"]).to_numpy())
            case TraceSpans():
                return self._at_least(self.traces.traces["n_spans"].to_numpy().astype(np.int64))
            case Count(selection=selection):
                matched = self.select.matched(selection)
                return self._at_least(self._count(matched.seen), self._count(matched.certain))
            case Distinct(selection=selection, field=field):
                matched = self.select.matched(selection)
                return self._at_least(self._distinct(matched.seen, field), self._distinct(matched.certain, field))
            case Aggregate(function=function, selection=selection, field=field):
                return self._aggregate(function, selection, field)
        raise AssertionError(f"no number: {numeric!r}")

    def _at_least(self, seen: NDArray[np.int64], certain: NDArray[np.int64] | None = None) -> Numbers:
        """Return numbers that missing spans can only raise."""
        if not self.is_open:
            return Numbers(seen)
        low = np.where(self.open, seen if certain is None else certain, seen).astype(np.float64)
        high = np.where(self.open, np.inf, seen)
        return Numbers(seen, None, Bounds(low, high, np.zeros(self.n, dtype=np.bool_)))

    def _count(self, rows: Rows) -> NDArray[np.int64]:
        return np.bincount(self.traces.trace_of[rows], minlength=self.n)

    def _distinct(self, rows: Rows, field: Field) -> NDArray[np.int64]:
        at, codes = self.values.text_codes(rows, field)
        width = int(codes.max(initial=0)) + 1
        pairs = np.unique(self.traces.trace_of[at].astype(np.int64) * width + codes)
        return np.bincount(pairs // width, minlength=self.n)

    def _aggregate(self, function: str, selection: Selection, field: Field) -> Numbers:
        matched = self.select.matched(selection)
        seen = self._reduced(function, matched.seen, field)
        if not self.is_open:
            return seen
        certain = seen if matched.certain is matched.seen else self._reduced(function, matched.certain, field)
        bounds = certain.bounded()
        is_known = certain.present()
        low = np.where(self.open, -np.inf, bounds.low)
        high = np.where(self.open, np.inf, bounds.high)
        if function == "max":
            low = np.where(self.open & is_known, bounds.low, low)
        if function == "min":
            high = np.where(self.open & is_known, bounds.high, high)
        return Numbers(seen.values, seen.has_value, Bounds(low, high, ~is_known))

    def _reduced(self, function: str, rows: Rows, field: Field) -> Numbers:
        """Return an aggregate over the numeric values of a field at rows."""
        numeric = self.values.numbers(rows, field)
        if function in ("min", "max"):
            return self._extreme(function, *numeric.merged())
        trace_of = self.traces.trace_of
        ints = _int_sums(trace_of[numeric.int_rows], numeric.ints, self.n)
        doubles = np.bincount(trace_of[numeric.double_rows], weights=numeric.doubles, minlength=self.n)
        n_doubles = np.bincount(trace_of[numeric.double_rows], minlength=self.n)
        total: Array = ints
        if len(numeric.doubles):
            if is_small(ints):
                total = np.where(n_doubles > 0, ints.astype(np.float64) + doubles, ints)
            else:
                total = np.where(n_doubles > 0, as_python(ints.astype(np.float64) + doubles), as_python(ints))
        if function == "sum":
            return Numbers(total)
        count = np.bincount(trace_of[numeric.int_rows], minlength=self.n) + n_doubles
        mean = np.asarray(total, dtype=np.float64) / np.maximum(count, 1)
        return Numbers(mean, count > 0)

    def _extreme(self, function: str, rows: Rows, values: Array) -> Numbers:
        """Return the least or greatest value a trace; NaN has no place in an order."""
        if values.dtype.kind == "f":
            keep = ~np.isnan(values)
            rows, values = rows[keep], values[keep]
        elif values.dtype.kind == "O":
            keep = np.array([v == v for v in values.tolist()], dtype=np.bool_)
            rows, values = rows[keep], values[keep]
        has_value = np.zeros(self.n, dtype=np.bool_)
        found = np.zeros(self.n, dtype=values.dtype)
        if len(rows):
            trace = self.traces.trace_of[rows]
            first = np.flatnonzero(np.append(True, trace[1:] != trace[:-1]))
            reduce = np.minimum if function == "min" else np.maximum
            found[trace[first]] = reduce.reduceat(values, first)
            has_value[trace[first]] = True
        return Numbers(found, has_value)


def _int_sums(trace: Rows, values: NDArray[np.int64], n: int) -> Array:
    """Return exact integer sums a trace; those beyond 64 bits as doubles."""
    sums: Array = np.zeros(n, dtype=np.int64)
    if not len(values):
        return sums
    if np.bincount(trace, weights=np.abs(values.astype(np.float64)), minlength=n).max() < float(1 << 62):
        np.add.at(sums, trace, values)
        return sums
    exact: dict[int, int] = {}
    for at, value in zip(trace.tolist(), values.tolist(), strict=True):
        exact[at] = exact.get(at, 0) + value
    sums = as_python(sums)
    for at, total in exact.items():
        sums[at] = total if -(1 << 63) <= total < 1 << 63 else float(total)
    return sums
