"""From traces to candidates: families propose, the gate tests, redundancy prunes, the engine checks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from fluo_lab.engine import Verdict, evaluate
from fluo_lab.errors import UsageError
from fluo_lab.language import print_rule
from fluo_lab.mining.candidate import Candidate, Candidates, Evidence, Survey
from fluo_lab.mining.draft import Draft
from fluo_lab.mining.families import FAMILIES
from fluo_lab.mining.gate import pass_gate
from fluo_lab.mining.labels import Looks
from fluo_lab.mining.landscape import Landscape
from fluo_lab.mining.occurrences import Occurrences
from fluo_lab.mining.redundancy import cover, prune
from fluo_lab.mining.settings import Settings
from fluo_lab.mining.shape import implied
from fluo_lab.mining.statistics import interval
from fluo_lab.traces import Traces

__all__ = ["mine"]

_SHOWN = 3
"""Traces of each kind in the evidence."""


def mine(
    traces: Traces,
    *,
    bad: Iterable[str] = (),
    incidents: Mapping[str, Collection[str]] | None = None,
    limit: int = 60,
    settings: Settings | None = None,
) -> Candidates:
    """Return what seems to hold of the traces, as rules of the language, best first.

    A rule that was broken many times within a short while, and held otherwise, counts as holding: that is what an
    incident without labels looks like. Equal traces give equal candidates. Work grows with the spans and with the
    pairs of names that nearly always occur together.

    Parameters
    ----------
    traces
        Where to look. The earlier half of the good traces proposes, the later half confirms.
    bad
        Ids of traces that went wrong; all others are good. Some labels may be wrong.
    incidents
        Ids of the traces of each incident, by the incident's id; they are bad too.
    limit
        At most so many candidates.
    settings
        Thresholds; ``Settings()`` when None.

    Raises
    ------
    UsageError
        When the limit is not positive, or a label names a trace that is not here.
    """
    if limit < 1:
        raise UsageError(f"limit is {limit}: ask for at least one candidate")
    settings = settings or Settings()
    looks = Looks.of(traces, bad, incidents or {}, judge_incomplete=settings.judge_incomplete)
    occurrences = Occurrences(traces, min_traces=settings.min_support)
    land = Landscape(traces, looks, settings, occurrences)
    gated = pass_gate((draft for family in FAMILIES for draft in family(land)), looks, settings)
    pruned, redundant = prune(gated.kept, land.links)
    taken, surplus = cover(pruned, limit)
    usable = looks.good | looks.bad
    survey = Survey(
        n_proposed=len(gated.kept) + len(gated.dropped),
        n_tested=gated.tested,
        n_names=len(occurrences),
        n_rare_names=occurrences.rare,
        n_good=int(looks.good.sum()),
        n_bad=int(looks.bad.sum()),
        n_incomplete=int((~usable).sum()),
    )
    candidates = _checked(taken, land)
    return Candidates(candidates, [*gated.dropped, *redundant, *surplus], survey, traces, looks)


def _checked(drafts: Sequence[Draft], land: Landscape) -> list[Candidate]:
    """Return the candidates, broken ones first, each with the engine's own verdicts as its evidence."""
    if not drafts:
        return []
    trees = [draft.shape.tree for draft in drafts]
    verdicts = evaluate(trees, land.traces, judge_incomplete=land.settings.judge_incomplete).verdicts
    found = [(draft, _evidence(draft, verdict, land)) for draft, verdict in zip(drafts, verdicts, strict=True)]
    found.sort(key=lambda pair: not (pair[1].violating_good or pair[1].violating_bad))
    return [
        Candidate(rank, draft.shape, draft.score, evidence) for rank, (draft, evidence) in enumerate(found, start=1)
    ]


def _evidence(draft: Draft, verdict: NDArray[np.uint8], land: Landscape) -> Evidence:
    """Return what is known about one rule, from its verdicts on all traces."""
    looks, ids = land.looks, land.traces.traces["trace_id"]
    broken, passed = verdict == Verdict.VIOLATION, verdict == Verdict.PASS

    def named(rows: NDArray[np.int64]) -> tuple[str, ...]:
        return tuple(ids.gather(rows).to_list())

    n_confirm = int(((broken | passed) & looks.confirm).sum())
    held = int((passed & looks.confirm).sum())
    low, high = interval(held, n_confirm)
    n_good, bad = int(((broken | passed) & ~looks.bad).sum()), looks.bad
    n_broken_good = int((broken & ~bad).sum())
    rate = 1 - n_broken_good / n_good if n_good else 0.0
    return Evidence(
        support=int((broken | passed).sum()),
        violating_good=named(np.flatnonzero(broken & ~bad)),
        violating_bad=named(np.flatnonzero(broken & bad)),
        burst=() if draft.burst is None else named(draft.rows[draft.burst]),
        confirm_rate=held / n_confirm if n_confirm else 0.0,
        confirm_low=low,
        confirm_high=high,
        base_rate=draft.null_rate,
        lift=rate / draft.null_rate if draft.null_rate > 0 else None,
        q_value=draft.q_value,
        guard_low=draft.guard_low,
        guard_high=draft.guard_high,
        satisfying=named(np.flatnonzero(passed)[:_SHOWN]),
        nearest=named(_nearest(draft, broken)),
        subsumes=tuple(print_rule(shape.tree) for shape in implied(draft.shape)),
        left_members=land.members(draft.left),
        right_members=land.members(draft.right) if draft.shape.right is not None else (),
        incidents=tuple(key for key, mask in looks.incidents.items() if (broken & mask).any()),
        false_alarms_per_10k=10_000 * n_broken_good / n_good if n_good else 0.0,
    )


def _nearest(draft: Draft, broken: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the first violating traces, else those with the least slack where the family measures any."""
    violating = np.flatnonzero(broken)
    if len(violating) or draft.slack is None:
        return violating[:_SHOWN]
    return np.sort(draft.rows[np.argsort(draft.slack, kind="stable")[:_SHOWN]])
