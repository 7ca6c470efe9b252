"""Rules on traces: verdict counts, violations with their reasons, one row a rule and trace."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, overload

import numpy as np
import polars as pl

from fluo_lab.engine import Evaluation, Explanation, NearMiss, Verdict, VerdictCounts, evaluate
from fluo_lab.errors import UsageError
from fluo_lab.language import print_condition
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
    def groups(self) -> pl.DataFrame | None:
        """The groups a rule across traces judged, one row each; None for a rule about single traces.

        Columns: ``key`` (the texts of the fields, in the order the rule names them), ``verdict``, ``trace_ids`` (in
        order of their first start), ``n_spans``, ``start_ns``, ``end_ns``, ``is_open`` (others may yet come).
        """
        return self._evaluation.groups(self._number)

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
            **self._counted_groups(),
            "caveats": self.caveats,
            "violations": [self._violation(explanation) for explanation in shown],
            "violations_not_shown": len(self) - len(shown),
        }

    def _counted_groups(self) -> dict[str, dict[str, int]]:
        """Return how many groups got each verdict; nothing for a rule about single traces."""
        if self.groups is None:
            return {}
        counts = dict(self.groups["verdict"].value_counts().iter_rows())
        return {"groups": {verdict: counts.get(verdict, 0) for verdict in self.counts.to_dict()}}

    def _violation(self, explanation: Explanation) -> dict[str, Any]:
        return {
            "trace_id": explanation.trace_id,
            "guard_spans": self._spans(explanation.guard_rows, across_traces=explanation.group is not None),
            "broken_spans": self._spans(explanation.broken_rows, across_traces=explanation.group is not None),
            "missing": [missing.text for missing in explanation.missing],
            "broken": None if explanation.broken is None else print_condition(explanation.broken),
            "nearest_misses": [self._miss(miss) for miss in explanation.near],
            "why": explanation.why,
            **_group_of(explanation),
        }

    def _miss(self, miss: NearMiss) -> dict[str, Any]:
        ids = self.traces.table["span_id"]
        return {
            "text": miss.text,
            "distance": miss.distance,
            "unit": miss.unit,
            "span_id": None if miss.row is None else ids[miss.row],
            "partner_span_id": None if miss.partner_row is None else ids[miss.partner_row],
        }

    def _spans(self, rows: Sequence[int], *, across_traces: bool) -> list[dict[str, str]]:
        columns = ["trace_id"] if across_traces else []
        return self.traces.spans[list(rows)].select(*columns, "span_id", "name", "service").to_dicts()


def _group_of(explanation: Explanation) -> dict[str, Any]:
    """Return the group across traces that a verdict is about, under ``group``."""
    group = explanation.group
    return {} if group is None else {"group": {"key": dict(group.key), "trace_ids": list(group.trace_ids)}}


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


def check(
    rules: Iterable[Rule],
    traces: Traces,
    *,
    judge_incomplete: bool = False,
    span_skew_ns: int = 0,
    seen_until_ns: int | None = None,
) -> CheckResult:
    """Return the verdicts of rules on traces.

    Parameters
    ----------
    rules
        Rules, or a rule book.
    judge_incomplete
        Whether to take every trace for complete, so that only an order within the clocks' skew is inconclusive.
    span_skew_ns
        How far the clocks of two spans may be apart: an order within it is unknown.
    seen_until_ns
        Up to when spans have been seen; groups across traces whose window reaches there are incomplete. None: no more
        will come.

    Raises
    ------
    UsageError
        When the skew is negative.
    """
    rules = list(rules)
    evaluation = evaluate(
        [rule.tree for rule in rules],
        traces,
        judge_incomplete=judge_incomplete,
        span_skew_ns=span_skew_ns,
        seen_until_ns=seen_until_ns,
    )
    return CheckResult(rules, evaluation)
