"""Why a rule gave a trace its verdict: which spans fired the guard, which broke it, and what was missing."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fluo_lab.engine.atoms import Evaluator
from fluo_lab.engine.columns import fields_of
from fluo_lab.engine.logic import Verdict
from fluo_lab.language import (
    Aggregate,
    And,
    Comparison,
    Condition,
    Count,
    Distinct,
    Every,
    Has,
    Kind,
    Node,
    Not,
    Numeric,
    Or,
    Rising,
    RuleTree,
    Selection,
    TraceDuration,
    TraceSpans,
    kind_of,
    print_field,
    read_condition,
    read_number,
    read_selection,
    walk,
)

__all__ = ["Explanation", "Missing"]


@dataclass(frozen=True, slots=True)
class Missing:
    """Spans a rule asked for that the trace does not have."""

    selection: Selection
    text: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a trace got its verdict.

    Attributes
    ----------
    guard_rows, broken_rows
        Rows of the spans that fired the guard, and of those that broke the obligation, ascending.
    missing
        Spans that were asked for and are not there.
    why
        One sentence or two.
    """

    trace_row: int
    trace_id: str
    verdict: Verdict
    guard_rows: tuple[int, ...]
    broken_rows: tuple[int, ...]
    missing: tuple[Missing, ...]
    why: str


@dataclass(slots=True)
class _Witness:
    """What shows that a condition has its value on a trace."""

    rows: set[int] = field(default_factory=set)
    missing: list[Missing] = field(default_factory=list)
    phrases: list[str] = field(default_factory=list)

    def take(self, other: _Witness) -> None:
        """Add what another one shows."""
        self.rows |= other.rows
        self.missing += other.missing
        self.phrases += other.phrases


class _Finder:
    """Looks for witnesses on one trace."""

    def __init__(self, evaluator: Evaluator, trace_row: int) -> None:
        self._evaluator = evaluator
        self._trace = trace_row
        span_rows = evaluator.traces.rows_of_trace(trace_row)
        self._bounds = (span_rows.start, span_rows.stop)

    def _here(self, rows: NDArray[np.uint32]) -> list[int]:
        low, high = np.searchsorted(rows, self._bounds)
        found: list[int] = rows[low:high].tolist()
        return found

    def is_seen(self, condition: Condition) -> bool:
        """Return whether a condition holds on the spans seen."""
        return bool(self._evaluator.truth(condition).seen[self._trace])

    def witness(self, condition: Condition) -> _Witness:
        """Return what shows why a condition holds, or fails, on the spans seen."""
        value = self.is_seen(condition)
        found = _Witness()
        match condition:
            case And(operands=operands) | Or(operands=operands):
                for operand in operands:
                    if self.is_seen(operand) == value:
                        found.take(self.witness(operand))
            case Not(operand=operand):
                return self.witness(operand)
            case Has(selection=selection):
                rows = self._here(self._evaluator.select.matched(selection).seen)
                found.rows.update(rows)
                if value:
                    found.phrases.append(_counted_spans(len(rows), selection) + self._read_from(rows, *selection.where))
                else:
                    text = f"no {_without_article(read_selection(selection))}"
                    found.missing.append(Missing(selection, text))
                    found.phrases.append(text + self._alike(selection))
            case Every(selection=selection, must=must):
                rows = self._here(self._evaluator.select.refuted(selection, must).seen)
                total = len(self._here(self._evaluator.select.matched(selection).seen))
                found.rows.update(rows)
                spans = read_selection(selection, is_plural=True)
                verb = "breaks" if len(rows) == 1 else "break"
                if value:
                    found.phrases.append(f"{total} {spans} of which none breaks what every one must")
                else:
                    found.phrases.append(
                        f"{len(rows)} of {total} {spans} {verb} the requirement that {read_condition(condition)}"
                        + self._read_from(rows, *selection.where, must)
                    )
            case Rising(selection=selection, field=rising):
                rows = self._here(self._evaluator.select.matched(selection).seen)
                found.rows.update(rows)
                found.phrases.append(
                    f"it is {'true' if value else 'not true'} that {read_condition(condition)}"
                    + self._read_from(rows, *selection.where, rising)
                )
            case Comparison(left=left, right=right):
                for numeric in (left, right):
                    found.rows.update(self._counted(numeric))
                    if _is_measured(numeric):
                        found.phrases.append(self._measured(numeric))
                if not found.phrases:  # two constants
                    found.phrases.append(f"it is {'true' if value else 'not true'} that {read_condition(condition)}")
        return found

    def _alike(self, selection: Selection) -> str:
        """Return what there is of the operation when only the filters fail."""
        if not selection.where:
            return ""
        n = len(self._here(self._evaluator.select.matched(Selection(selection.operation)).seen))
        return f" (of {n} with that name)" if n else ""

    def _counted(self, numeric: Numeric) -> set[int]:
        rows: set[int] = set()
        for node in walk(numeric):
            if isinstance(node, Count | Aggregate | Distinct):
                rows.update(self._here(self._evaluator.select.matched(node.selection).seen))
        return rows

    def _read_from(self, rows: Collection[int], *asked: Node) -> str:
        """Return where values of the fields asked for stand under another name at rows, for a phrase."""
        at = np.array(sorted(rows), dtype=np.uint32)
        parts = [
            f"{print_field(named)} read from {' and '.join(keys)}"
            for named in dict.fromkeys(named for node in asked for named in fields_of(node))
            if (keys := self._evaluator.values.other_keys(at, named))
        ]
        return f" ({', '.join(parts)})" if parts else ""

    def _measured(self, numeric: Numeric) -> str:
        numbers = self._evaluator.numbers(numeric)
        if not numbers.present()[self._trace]:
            return f"{read_number(numeric)} has no value"
        shown = f"{read_number(numeric)} is {_shown(numbers.values[self._trace], numeric)}"
        return shown + self._read_from(self._counted(numeric), *_measured_by(numeric))


def _is_measured(numeric: Numeric) -> bool:
    """Return whether a number depends on the trace."""
    return any(isinstance(node, Count | Aggregate | Distinct | TraceDuration | TraceSpans) for node in walk(numeric))


def _measured_by(numeric: Numeric) -> Iterator[Node]:
    """Yield the filters and fields a number hangs on."""
    for node in walk(numeric):
        if isinstance(node, Count | Aggregate | Distinct):
            yield from node.selection.where
        if isinstance(node, Aggregate | Distinct):
            yield node.field


def _shown(value: Any, numeric: Numeric) -> str:
    """Return a number as people write it, a duration with its unit."""
    plain = value.item() if hasattr(value, "item") else value
    if kind_of(numeric) is Kind.DURATION:
        return f"{plain / 1e6:g}ms"
    return str(plain) if isinstance(plain, int) else f"{plain:g}"


def _counted_spans(n: int, selection: Selection) -> str:
    """Return how many spans there are, in words."""
    return read_selection(selection) if n == 1 else f"{n} {read_selection(selection, is_plural=True)}"


def _without_article(text: str) -> str:
    return text.partition(" ")[2] if text.startswith(("a ", "an ")) else text


def explain(evaluator: Evaluator, rule: RuleTree, trace_row: int, verdict: Verdict) -> Explanation:
    """Return why a rule gave a trace its verdict."""
    finder = _Finder(evaluator, trace_row)
    guard = finder.witness(rule.when) if rule.when is not None else _Witness()
    broken = _Witness()
    if rule.always is not None and not finder.is_seen(rule.always):
        broken.take(finder.witness(rule.always))
    if rule.never is not None and finder.is_seen(rule.never):
        broken.take(finder.witness(rule.never))
    return Explanation(
        trace_row=trace_row,
        trace_id=evaluator.traces.traces["trace_id"][trace_row],
        verdict=verdict,
        guard_rows=() if verdict is Verdict.NOT_APPLICABLE else tuple(sorted(guard.rows)),
        broken_rows=tuple(sorted(broken.rows)),
        missing=tuple(broken.missing),
        why=_sentence(verdict, guard, broken),
    )


def _sentence(verdict: Verdict, guard: _Witness, broken: _Witness) -> str:
    fired = f"The trace has {_listed(guard.phrases)}" if guard.phrases else "The rule applies to every trace"
    if verdict is Verdict.NOT_APPLICABLE:
        return f"The rule does not apply: the trace has {_listed(guard.phrases)}."
    if verdict is Verdict.PASS:
        return f"{fired}, and all that is required holds."
    if verdict is Verdict.VIOLATION:
        return f"{fired}, but {_listed(broken.phrases)}."
    if broken.phrases:
        return f"{fired}; {_listed(broken.phrases)}, but the trace is incomplete, so spans may be missing."
    return f"{fired}; all that is required holds so far, but the trace is incomplete, so more spans may come."


def _listed(phrases: list[str]) -> str:
    """Return phrases as one list."""
    distinct = list(dict.fromkeys(phrases))
    return distinct[0] if len(distinct) == 1 else ", ".join(distinct[:-1]) + " and " + distinct[-1]
