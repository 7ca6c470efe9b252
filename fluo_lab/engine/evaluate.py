"""Rules over a store of traces: the verdict of each on every trace, with the reasons on request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fluo_lab.engine.atoms import Evaluator
from fluo_lab.engine.correlation import Groups, groups_of
from fluo_lab.engine.explanation import Explanation, explain
from fluo_lab.engine.logic import Truth, Verdict, judge
from fluo_lab.engine.units import Units, units_of_traces
from fluo_lab.errors import UsageError
from fluo_lab.language import Correlation, RuleTree
from fluo_lab.traces import Traces

__all__ = ["Evaluation", "VerdictCounts", "evaluate"]


@dataclass(frozen=True, slots=True)
class VerdictCounts:
    """How many traces got each verdict; they sum to the number of traces."""

    passed: int
    violation: int
    inconclusive: int
    not_applicable: int

    @property
    def applicable(self) -> int:
        """Traces on which the rule said something certain."""
        return self.passed + self.violation

    @property
    def pass_rate(self) -> float | None:
        """Share of applicable traces that pass; None when there are none, for that proves nothing."""
        return self.passed / self.applicable if self.applicable else None

    def to_dict(self) -> dict[str, int]:
        """Return the counts under the verdicts' names."""
        return {
            "pass": self.passed,
            "violation": self.violation,
            "inconclusive": self.inconclusive,
            "not_applicable": self.not_applicable,
        }


class Evaluation:
    """Verdicts of some rules on all traces of a store.

    Attributes
    ----------
    verdicts
        ``Verdict`` codes, uint8, shape ``(n_rules, n_traces)``, traces in order of ``traces.traces``. Of a rule
        across traces, the worst over the groups each trace takes part in.
    """

    def __init__(
        self, rules: tuple[RuleTree, ...], traces: Traces, evaluators: dict[Correlation | None, Evaluator]
    ) -> None:
        self.rules = rules
        self.traces = traces
        self._evaluators = evaluators
        self._of_groups: dict[int, NDArray[np.uint8]] = {}
        self.verdicts: NDArray[np.uint8] = np.empty((len(rules), traces.n_traces), dtype=np.uint8)
        for number, rule in enumerate(rules):
            evaluator = evaluators[rule.correlation]
            guard = None if rule.when is None else evaluator.truth(rule.when)
            verdicts = judge(guard, _obligation(evaluator, rule))
            if isinstance(evaluator.units, Groups):
                self._of_groups[number] = verdicts
                verdicts = evaluator.units.to_traces(verdicts)
            self.verdicts[number] = verdicts

    def counts(self, number: int) -> VerdictCounts:
        """Return the counts of one rule, by its position."""
        row = self.verdicts[number]
        told = (Verdict.PASS, Verdict.VIOLATION, Verdict.INCONCLUSIVE)
        passed, violation, inconclusive = (int(np.count_nonzero(row == np.uint8(verdict))) for verdict in told)
        return VerdictCounts(
            passed=passed,
            violation=violation,
            inconclusive=inconclusive,
            not_applicable=len(row) - passed - violation - inconclusive,
        )

    def rows(self, number: int, verdict: Verdict) -> NDArray[np.int64]:
        """Return the rows in ``traces.traces`` that got a verdict from one rule."""
        return np.flatnonzero(self.verdicts[number] == verdict)

    def trace_ids(self, number: int, verdict: Verdict) -> list[str]:
        """Return the ids of the traces that got a verdict from one rule."""
        return self.traces.traces["trace_id"].gather(self.rows(number, verdict)).to_list()

    def groups(self, number: int) -> pl.DataFrame | None:
        """Return the groups a rule across traces judged, one row each; None for a rule about single traces.

        Columns: ``key`` (the texts of the fields, in the order the rule names them), ``verdict``, ``trace_ids`` (in
        order of their first start), ``n_spans``, ``start_ns``, ``end_ns``, ``is_open``.
        """
        units = self._evaluators[self.rules[number].correlation].units
        if not isinstance(units, Groups):
            return None
        return units.frame().with_columns(
            verdict=pl.Series([Verdict(v).label for v in self._of_groups[number].tolist()], dtype=pl.String)
        )

    def explain(self, number: int, trace_row: int) -> Explanation:
        """Return why one rule gave one trace its verdict."""
        rule = self.rules[number]
        evaluator = self._evaluators[rule.correlation]
        verdict = Verdict(int(self.verdicts[number, trace_row]))
        unit: int | None = trace_row
        if isinstance(evaluator.units, Groups):
            unit = evaluator.units.worst_of_trace(trace_row, self._of_groups[number])
        return explain(evaluator, rule, trace_row, verdict, unit=unit)

    def frame(self, rule_ids: Sequence[str]) -> pl.DataFrame:
        """Return one row a rule and trace: ``rule_id, trace_id, verdict``."""
        labels = pl.Series([v.label for v in Verdict], dtype=pl.String)
        n = self.traces.n_traces
        return pl.DataFrame(
            {
                "rule_id": pl.Series(rule_ids, dtype=pl.String).gather(np.repeat(np.arange(len(rule_ids)), n)),
                "trace_id": self.traces.traces["trace_id"].gather(np.tile(np.arange(n), len(rule_ids))),
                "verdict": labels.gather(self.verdicts.ravel()),
            }
        )


def _obligation(evaluator: Evaluator, rule: RuleTree) -> Truth:
    parts = []
    if rule.always is not None:
        parts.append(evaluator.truth(rule.always))
    if rule.never is not None:
        parts.append(~evaluator.truth(rule.never))
    return parts[0] if len(parts) == 1 else parts[0] & parts[1]


def evaluate(
    rules: Sequence[RuleTree],
    traces: Traces,
    *,
    judge_incomplete: bool = False,
    span_skew_ns: int = 0,
    seen_until_ns: int | None = None,
) -> Evaluation:
    """Return the verdicts of rules on traces.

    Cost grows with the distinct atoms of the rules, not with the rules.

    Parameters
    ----------
    judge_incomplete
        Whether to take every trace, and every group of spans across traces, for complete, so that only an order
        within the clocks' skew is inconclusive.
    span_skew_ns
        How far the clocks of two spans may be apart: an order within it is unknown.
    seen_until_ns
        Up to when spans have been seen, in nanoseconds since the epoch: a group across traces whose window reaches
        there or beyond may yet get others, and is incomplete. None: no more will come.

    Raises
    ------
    UsageError
        When the skew is negative.
    """
    if span_skew_ns < 0:
        raise UsageError(f"the span skew is {span_skew_ns:,} ns; it is 0 or more")
    by_scope: dict[Correlation | None, list[RuleTree]] = {}
    for rule in rules:
        by_scope.setdefault(rule.correlation, []).append(rule)
    evaluators = {}
    for correlation, of_scope in by_scope.items():
        units: Units
        if correlation is None:
            units = units_of_traces(traces, judge_incomplete=judge_incomplete)
        else:
            units = groups_of(correlation, traces, judge_incomplete=judge_incomplete, seen_until_ns=seen_until_ns)
        evaluators[correlation] = Evaluator(units, of_scope, span_skew_ns=span_skew_ns)
    return Evaluation(tuple(rules), traces, evaluators)
