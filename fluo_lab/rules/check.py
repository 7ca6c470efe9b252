"""Rules on traces: verdict counts, violations with their reasons, one row a rule and trace."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, overload

import numpy as np
import polars as pl

from fluo_lab.engine import Evaluation, Explanation, Verdict, VerdictCounts, evaluate
from fluo_lab.errors import UsageError
from fluo_lab.rules.rule import Rule, RuleSeverity
from fluo_lab.traces import Traces
from fluo_lab.traces.completeness import caveats_of

__all__ = ["CheckResult", "RuleResult", "check"]


@dataclass(frozen=True)
class RuleResult(Sequence[Explanation]):
    """Verdicts of one rule on all traces; as a sequence, its violations explained.

    Attributes
    ----------
    counts
        How many traces got each verdict.
    """

    rule: Rule
    counts: VerdictCounts
    _evaluation: Evaluation
    _number: int

    @property
    def traces(self) -> Traces:
        """The traces that were judged."""
        return self._evaluation.traces

    @cached_property
    def caveats(self) -> dict[str, int]:
        """Of the traces the rule applies to, how many have dropped attributes, truncated values and the like.

        None of these changes a verdict, yet what was dropped or cut cannot be looked at.
        """
        applies = [v for v in Verdict if v is not Verdict.NOT_APPLICABLE]
        rows = np.concatenate([self._evaluation.rows(self._number, verdict) for verdict in applies])
        return caveats_of(self.traces.traces[rows])

    @cached_property
    def _violating(self) -> list[int]:
        rows: list[int] = self._evaluation.rows(self._number, Verdict.VIOLATION).tolist()
        return rows

    def __len__(self) -> int:
        return len(self._violating)

    @overload
    def __getitem__(self, index: int) -> Explanation: ...
    @overload
    def __getitem__(self, index: slice) -> list[Explanation]: ...
    def __getitem__(self, index: int | slice) -> Explanation | list[Explanation]:
        if isinstance(index, slice):
            return [self._evaluation.explain(self._number, row) for row in self._violating[index]]
        return self._evaluation.explain(self._number, self._violating[index])

    def __repr__(self) -> str:
        counts = ", ".join(f"{n:,} {verdict.replace('_', ' ')}" for verdict, n in self.counts.to_dict().items())
        return f"RuleResult({self.rule.id}: {counts})"

    def verdict(self, trace_id: str) -> Verdict:
        """Return the verdict on one trace."""
        return Verdict(int(self._evaluation.verdicts[self._number, self.traces.trace_row(trace_id)]))

    def trace_ids(self, verdict: Verdict) -> list[str]:
        """Return the ids of the traces that got a verdict, in order of their first start."""
        return self._evaluation.trace_ids(self._number, verdict)

    def explain(self, trace_id: str) -> Explanation:
        """Return why one trace got its verdict, whatever it is."""
        return self._evaluation.explain(self._number, self.traces.trace_row(trace_id))

    def to_dict(self, *, limit: int | None = None) -> dict[str, Any]:
        """Return counts and violations as plain data.

        Parameters
        ----------
        limit
            How many violations to explain; the rest are counted in ``violations_not_shown``. None: all.
        """
        shown = self[:] if limit is None else self[:limit]
        return {
            "id": self.rule.id,
            "name": self.rule.name,
            "severity": self.rule.severity.value,
            "text": self.rule.text,
            "reading": self.rule.reading,
            **self.counts.to_dict(),
            "caveats": self.caveats,
            "violations": [self._violation(explanation) for explanation in shown],
            "violations_not_shown": len(self) - len(shown),
        }

    def _violation(self, explanation: Explanation) -> dict[str, Any]:
        return {
            "trace_id": explanation.trace_id,
            "guard_spans": self._spans(explanation.guard_rows),
            "broken_spans": self._spans(explanation.broken_rows),
            "missing": [missing.text for missing in explanation.missing],
            "why": explanation.why,
        }

    def _spans(self, rows: Sequence[int]) -> list[dict[str, str]]:
        return self.traces.spans[list(rows)].select("span_id", "name", "service").to_dicts()


class CheckResult(Sequence[RuleResult]):
    """Verdicts of several rules on the same traces, in the rules' order."""

    def __init__(self, rules: Sequence[Rule], evaluation: Evaluation) -> None:
        self.traces = evaluation.traces
        self._evaluation = evaluation
        self._results = [RuleResult(rule, evaluation.counts(n), evaluation, n) for n, rule in enumerate(rules)]

    def __len__(self) -> int:
        return len(self._results)

    @overload
    def __getitem__(self, index: int) -> RuleResult: ...
    @overload
    def __getitem__(self, index: slice) -> list[RuleResult]: ...
    def __getitem__(self, index: int | slice) -> RuleResult | list[RuleResult]:
        return self._results[index]

    def __iter__(self) -> Iterator[RuleResult]:
        return iter(self._results)

    def __repr__(self) -> str:
        violated = sum(1 for result in self if result.counts.violation)
        return f"CheckResult({len(self)} rules on {self.traces.n_traces:,} traces, {violated} violated)"

    def violated(self, *, at_least: RuleSeverity = RuleSeverity.INFO) -> list[RuleResult]:
        """Return the results with violations whose rule has at least a severity."""
        return [r for r in self if r.counts.violation and r.rule.severity.rank >= at_least.rank]

    def verdicts(self) -> pl.DataFrame:
        """Return one row a rule and trace: ``rule_id, trace_id, verdict``."""
        return self._evaluation.frame([result.rule.id for result in self])

    def write_verdicts(self, path: str | Path) -> Path:
        """Write ``verdicts()`` to a ``.jsonl``, ``.csv`` or ``.parquet`` file.

        Raises
        ------
        UsageError
            When the name ends otherwise.
        """
        path = Path(path)
        frame = self.verdicts()
        match path.suffix:
            case ".jsonl":
                frame.write_ndjson(path)
            case ".csv":
                frame.write_csv(path)
            case ".parquet":
                frame.write_parquet(path)
            case suffix:
                given = suffix or "a name without an ending"
                raise UsageError(f"verdicts are written to .jsonl, .csv or .parquet, not {given}")
        return path

    def to_dict(self, *, limit: int | None = None) -> dict[str, Any]:
        """Return everything as plain data; ``limit`` bounds the violations explained a rule."""
        return {
            "traces": self.traces.n_traces,
            "spans": self.traces.n_spans,
            "repairs": [record.to_dict() for record in self.traces.repairs],
            "rules": [result.to_dict(limit=limit) for result in self],
        }


def check(rules: Iterable[Rule], traces: Traces, *, judge_incomplete: bool = False) -> CheckResult:
    """Return the verdicts of rules on traces.

    Parameters
    ----------
    rules
        Rules, or a rule book.
    judge_incomplete
        Whether to take every trace for complete, so that nothing is inconclusive.

    Raises
    ------
    RuleError
        When a rule uses what the engine cannot evaluate.
    """
    rules = list(rules)
    trees = [rule.tree for rule in rules]
    return CheckResult(rules, evaluate(trees, traces, judge_incomplete=judge_incomplete))
