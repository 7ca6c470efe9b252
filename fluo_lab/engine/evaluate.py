"""Rules over a store of traces: the verdict of each on every trace, with the reasons on request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fluo_lab.engine.atoms import Evaluator
from fluo_lab.engine.explain import Explanation, explain
from fluo_lab.engine.logic import Truth, Verdict, judge
from fluo_lab.engine.relations import ORDER_RELATIONS
from fluo_lab.errors import Diagnostic, RuleError
from fluo_lab.language import Position, Relation, RuleTree, walk
from fluo_lab.traces import Traces

__all__ = ["Evaluation", "VerdictCounts", "evaluate", "unevaluable"]


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
        ``Verdict`` codes, uint8, shape ``(n_rules, n_traces)``, traces in order of ``traces.traces``.
    """

    def __init__(self, rules: tuple[RuleTree, ...], traces: Traces, evaluator: Evaluator) -> None:
        self.rules = rules
        self.traces = traces
        self._evaluator = evaluator
        self.verdicts: NDArray[np.uint8] = np.empty((len(rules), traces.n_traces), dtype=np.uint8)
        for number, rule in enumerate(rules):
            guard = None if rule.when is None else evaluator.truth(rule.when)
            self.verdicts[number] = judge(guard, self._obligation(rule))

    def _obligation(self, rule: RuleTree) -> Truth:
        parts = []
        if rule.always is not None:
            parts.append(self._evaluator.truth(rule.always))
        if rule.never is not None:
            parts.append(~self._evaluator.truth(rule.never))
        return parts[0] if len(parts) == 1 else parts[0] & parts[1]

    def counts(self, number: int) -> VerdictCounts:
        """Return the counts of one rule, by its position."""
        row = self.verdicts[number]
        n = [int(np.count_nonzero(row == np.uint8(verdict))) for verdict in Verdict]
        return VerdictCounts(
            passed=n[Verdict.PASS],
            violation=n[Verdict.VIOLATION],
            inconclusive=n[Verdict.INCONCLUSIVE],
            not_applicable=n[Verdict.NOT_APPLICABLE],
        )

    def rows(self, number: int, verdict: Verdict) -> NDArray[np.int64]:
        """Return the rows in ``traces.traces`` that got a verdict from one rule."""
        return np.flatnonzero(self.verdicts[number] == verdict)

    def trace_ids(self, number: int, verdict: Verdict) -> list[str]:
        """Return the ids of the traces that got a verdict from one rule."""
        return self.traces.traces["trace_id"].gather(self.rows(number, verdict)).to_list()

    def explain(self, number: int, trace_row: int) -> Explanation:
        """Return why one rule gave one trace its verdict."""
        verdict = Verdict(int(self.verdicts[number, trace_row]))
        return explain(self._evaluator, self.rules[number], trace_row, verdict)

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


def unevaluable(rule: RuleTree, *, text: str = "") -> list[Diagnostic]:
    """Return what in a rule this engine cannot evaluate; empty when it can all of it.

    Parameters
    ----------
    text
        The rule's text, for the positions.
    """

    def refuse(at: Position, what: str, hint: str) -> Diagnostic:
        return Diagnostic.at("FL401", f"{what} cannot be evaluated yet", text, at.start, at.end, hint=hint)

    found = []
    if rule.correlation is not None:
        found.append(
            refuse(rule.correlation.at, "a rule across traces ('per … within …')", "write a rule about one trace")
        )
    usable = ", ".join(sorted(ORDER_RELATIONS))
    for node in walk(rule):
        if not isinstance(node, Relation):
            continue
        if node.kind not in ORDER_RELATIONS:
            found.append(refuse(node.at, f"the relation '{node.kind}'", f"these can: {usable}"))
        for option, value in (("within", node.within), ("same", node.same), ("without", node.without)):
            if value:
                found.append(refuse(node.at, f"'{option}' in a relation", "leave it out, or use '.where'"))
    return found


def evaluate(rules: Sequence[RuleTree], traces: Traces, *, judge_incomplete: bool = False) -> Evaluation:
    """Return the verdicts of rules on traces.

    Cost grows with the distinct atoms of the rules, not with the rules.

    Parameters
    ----------
    judge_incomplete
        Whether to take every trace for complete, so that nothing is inconclusive.

    Raises
    ------
    RuleError
        When a rule uses what the engine cannot evaluate.
    """
    refused = [diagnostic for rule in rules for diagnostic in unevaluable(rule)]
    if refused:
        raise RuleError(refused)
    return Evaluation(tuple(rules), traces, Evaluator(traces, rules, judge_incomplete=judge_incomplete))
