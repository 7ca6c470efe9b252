"""A candidate with its evidence, and the list an analyst reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

import polars as pl

from fluo_lab.engine import Verdict, evaluate
from fluo_lab.language import RuleTree, parse_rule, print_rule, read_aloud
from fluo_lab.mining.draft import Dropped
from fluo_lab.mining.labels import Looks
from fluo_lab.mining.shape import Shape
from fluo_lab.traces import Traces

__all__ = ["Candidate", "Candidates", "Evidence", "Survey"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a candidate is worth having. Trace ids are in order of the traces.

    Attributes
    ----------
    support
        Traces where it applies.
    violating_good, violating_bad
        Ids of the violating traces without and with an incident label.
    burst
        Those without a label that lie so close in time that they look like an incident.
    confirm_rate, confirm_low, confirm_high
        Share of the applicable good traces of the later half that hold, with its 95 % interval.
    base_rate, lift
        How often an unrelated candidate would hold, and the hold rate over that; None where it never would.
    q_value
        By Benjamini and Hochberg over everything that was tested.
    guard_low, guard_high
        The interval a learned guard may lie in.
    satisfying, nearest
        Three traces that satisfy the rule, and three that violate it or, where none does, come nearest to it.
    subsumes
        Rules this one implies, as texts.
    left_members, right_members
        Other names that would have done as well.
    incidents
        Ids of the incidents it would have caught.
    false_alarms_per_10k
        Violations among 10,000 good traces.
    """

    support: int
    violating_good: tuple[str, ...]
    violating_bad: tuple[str, ...]
    burst: tuple[str, ...]
    confirm_rate: float
    confirm_low: float
    confirm_high: float
    base_rate: float
    lift: float | None
    q_value: float
    guard_low: float | None
    guard_high: float | None
    satisfying: tuple[str, ...]
    nearest: tuple[str, ...]
    subsumes: tuple[str, ...]
    left_members: tuple[str, ...]
    right_members: tuple[str, ...]
    incidents: tuple[str, ...]
    false_alarms_per_10k: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """One mined rule.

    Attributes
    ----------
    rank
        From 1, over both lists.
    shape
        What it says, in the words of its family.
    score
        What the ranking went by; comparable within one run only.
    """

    rank: int
    shape: Shape
    score: float
    evidence: Evidence

    @property
    def tree(self) -> RuleTree:
        """The rule as a tree."""
        return self.shape.tree

    @property
    def text(self) -> str:
        """The rule in the language."""
        return print_rule(self.tree)

    @property
    def reading(self) -> str:
        """The rule as a sentence."""
        return read_aloud(self.tree)

    @property
    def is_broken(self) -> bool:
        """Whether some trace violates it."""
        return bool(self.evidence.violating_good or self.evidence.violating_bad)

    def to_dict(self) -> dict[str, Any]:
        """Return the record of plain JSON values; every key is there, null where it does not apply."""
        shape, evidence = self.shape, self.evidence
        return {
            "rank": self.rank,
            "list": "broken" if self.is_broken else "never_broken",
            "text": self.text,
            "reading": self.reading,
            "family": str(shape.family),
            "left": shape.left,
            "right": shape.right,
            "left_where": [[c.field, str(c.operator), c.value] for c in shape.left_where],
            "right_where": [],
            "field": shape.field,
            "right_field": None,
            "value": None,
            "values": None,
            "limit_low": None,
            "limit": shape.limit,
            "unit": None,
            "order": None if shape.order is None else str(shape.order),
            "context": [],
            "members": {"left": list(evidence.left_members), "right": list(evidence.right_members)},
            "guard_low": evidence.guard_low,
            "guard_high": evidence.guard_high,
            "support": evidence.support,
            "violations_good": len(evidence.violating_good),
            "violations_bad": len(evidence.violating_bad),
            "confirm_rate": evidence.confirm_rate,
            "confirm_low": evidence.confirm_low,
            "confirm_high": evidence.confirm_high,
            "lift": evidence.lift,
            "q_value": evidence.q_value,
            "incidents": list(evidence.incidents),
        }


_SCHEMA = pl.Schema(
    {
        "rank": pl.Int64(),
        "list": pl.String(),
        "text": pl.String(),
        "family": pl.String(),
        "support": pl.Int64(),
        "violations_good": pl.Int64(),
        "violations_bad": pl.Int64(),
        "confirm_rate": pl.Float64(),
        "confirm_low": pl.Float64(),
        "confirm_high": pl.Float64(),
        "lift": pl.Float64(),
        "q_value": pl.Float64(),
        "incidents": pl.List(pl.String()),
        "reading": pl.String(),
    }
)


@dataclass(frozen=True)
class Survey:
    """What was looked at.

    Attributes
    ----------
    n_proposed, n_tested
        Rules the families proposed, and those of them that could have been significant.
    n_names, n_rare_names
        Span names mined, and those left out as too rare (or beyond the 600 most frequent).
    n_good, n_bad, n_incomplete
        Traces without a label, with one, and left out because spans are missing.
    """

    n_proposed: int
    n_tested: int
    n_names: int
    n_rare_names: int
    n_good: int
    n_bad: int
    n_incomplete: int


class Candidates(Sequence[Candidate]):
    """Candidates, best first: those that are broken somewhere, then those that never are.

    Attributes
    ----------
    survey
        How much was looked at to find them.
    dropped
        What was considered and left out, with reasons; ``why_not`` finds one by its text.
    """

    def __init__(
        self,
        candidates: Sequence[Candidate],
        dropped: Sequence[Dropped],
        survey: Survey,
        traces: Traces,
        looks: Looks,
    ) -> None:
        self._candidates = tuple(candidates)
        self.dropped = tuple(dropped)
        self.survey = survey
        self._traces = traces
        self._looks = looks

    @overload
    def __getitem__(self, at: int) -> Candidate: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Candidate]: ...
    def __getitem__(self, at: int | slice) -> Candidate | Sequence[Candidate]:
        return self._candidates[at]

    def __len__(self) -> int:
        return len(self._candidates)

    def __repr__(self) -> str:
        return (
            f"Candidates({len(self.broken)} broken somewhere, {len(self.never_broken)} never broken; "
            f"{len(self.dropped):,} more were considered)"
        )

    @property
    def broken(self) -> list[Candidate]:
        """Those that some trace violates."""
        return [c for c in self if c.is_broken]

    @property
    def never_broken(self) -> list[Candidate]:
        """Those that no trace violates."""
        return [c for c in self if not c.is_broken]

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return one record a candidate, best first, all with the same keys."""
        return [c.to_dict() for c in self]

    def frame(self) -> pl.DataFrame:
        """Return one row a candidate, best first: rank, list, text and the main numbers."""
        rows: list[Mapping[str, Any]] = [{key: d[key] for key in _SCHEMA} for d in self.to_dicts()]
        return pl.DataFrame(rows, schema=_SCHEMA)

    def find(self, text: str) -> Candidate | None:
        """Return the candidate that says this, or implies it; None when none does.

        Raises
        ------
        RuleError
            When the text is no rule.
        """
        tree = parse_rule(text)
        exact = (c for c in self if c.tree == tree)
        return next(exact, None) or next((c for c in self if print_rule(tree) in c.evidence.subsumes), None)

    def why_not(self, text: str) -> str:
        """Return why a rule is not among the candidates, with its numbers; or where it is.

        Raises
        ------
        RuleError
            When the text is no rule, or one the engine cannot evaluate.
        """
        tree = parse_rule(text)
        found = self.find(text)
        if found is not None and found.tree == tree:
            return f"it is candidate {found.rank}"
        if found is not None:
            return f"implied by candidate {found.rank}: {found.text}"
        for dropped in self.dropped:
            if dropped.shape.tree == tree:
                return dropped.reason
        return f"no family proposed it: {self._numbers(tree)}"

    def _numbers(self, tree: RuleTree) -> str:
        """Return what the rule does on the traces."""
        verdicts = evaluate([tree], self._traces).verdicts[0]
        parts = []
        for what, mask in (("good", self._looks.good), ("bad", self._looks.bad)):
            broken = int((verdicts[mask] == Verdict.VIOLATION).sum())
            applicable = broken + int((verdicts[mask] == Verdict.PASS).sum())
            if applicable or what == "good":
                parts.append(f"broken on {broken:,} of {applicable:,} {what} traces it applies to")
        return "; ".join(parts)
