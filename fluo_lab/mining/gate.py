"""The gate: which drafts hold on both looks and are no accident. What fails is kept with its reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from fluo_lab.mining.draft import Draft, Dropped, Tally
from fluo_lab.mining.labels import Looks
from fluo_lab.mining.settings import Settings
from fluo_lab.mining.statistics import adjust, binomial_tail, contrast, interval, least_attainable

__all__ = ["Gated", "pass_gate"]

_CLEAR = 1e-6
"""A contrast between bad and good traces at least this unlikely lets more good traces break a rule."""

_WEAK, _WEAK_AND_BROKEN = 0.12, 0.25
"""Below this score two names have too little to do with each other to be worth a look; more is asked of a rule that
good traces break and no incident speaks for."""


@dataclass(frozen=True, slots=True)
class Gated:
    """What passed, best first, and what did not."""

    kept: list[Draft]
    dropped: list[Dropped]
    tested: int


def pass_gate(drafts: Iterable[Draft], looks: Looks, settings: Settings) -> Gated:
    """Return the drafts that hold on good traces of both halves and that chance does not explain.

    Two tests each: against the family's null on the later good traces, and Fisher's between bad and good traces.
    Drafts that could pass neither whatever the outcome (Tarone) are left out of the correction by Benjamini and
    Hochberg over all others.
    """
    tested: list[tuple[Draft, Tally]] = []
    dropped: list[Dropped] = []
    for draft in drafts:
        tally = draft.tally(looks)
        p_contrast = contrast(tally.bad_broken, tally.bad, tally.good_broken, tally.good)
        reason = _unfit(tally, settings, is_labelled=p_contrast <= _CLEAR)
        if reason is not None:
            draft = draft.with_burst(looks)
            if draft.burst is not None:
                tally = draft.tally(looks)
                reason = _unfit(tally, settings, is_labelled=False)
        if reason is None:
            p_null, attainable = _against_null(draft, looks)
            if min(attainable, p_contrast) > settings.max_q:
                reason = f"could not be told from chance: {_chance(draft, attainable)} ({tally.describe()})"
            else:
                p_value = min(1.0, 2 * min(p_null, p_contrast))
                tested.append((replace(draft, p_value=p_value, contrast_p=p_contrast), tally))
                continue
        dropped.append(Dropped(draft.shape, reason))
    kept = []
    for (draft, tally), q_value in zip(tested, adjust([d.p_value for d, _ in tested]).tolist(), strict=True):
        scored = replace(draft, q_value=q_value, score=_score(draft, tally, looks, settings))
        if q_value > settings.max_q:
            dropped.append(
                Dropped(draft.shape, f"not significant: q = {q_value:.2g} > {settings.max_q:g} ({tally.describe()})")
            )
        elif scored.score < (least := _least_score(scored, tally, settings)):
            reason = f"weakly related: score {scored.score:.2f} < {least} ({tally.describe()})"
            dropped.append(Dropped(draft.shape, reason))
        else:
            kept.append(scored)
    kept.sort(key=lambda d: (-d.score, d.shape.family, d.shape.left, d.shape.right or "", str(d.shape)))
    return Gated(kept, dropped, len(tested))


def _least_score(draft: Draft, tally: Tally, settings: Settings) -> float:
    return _WEAK_AND_BROKEN if tally.good_broken and draft.contrast_p > settings.max_q else _WEAK


def _chance(draft: Draft, attainable: float) -> str:
    """Return what chance would give."""
    if draft.p_null is not None:
        return f"p = {attainable:.2g}"
    return (
        f"without it the rule would hold on {draft.null_rate:.1%} of these traces, and p is at least {attainable:.2g}"
    )


def _unfit(tally: Tally, settings: Settings, *, is_labelled: bool) -> str | None:
    """Return why a draft does not hold on good traces, or None."""
    if tally.good < settings.min_support or not tally.discover or not tally.confirm:
        return f"too rare: {tally.describe()}, at least {settings.min_support} are needed, in both halves"
    for part, broken, n in (
        ("earlier", tally.discover_broken, tally.discover),
        ("later", tally.confirm_broken, tally.confirm),
    ):
        if not settings.tolerates(broken, n, is_labelled=is_labelled):
            return f"does not hold on good traces: broken on {broken:,} of {n:,} in the {part} half"
    return None


def _against_null(draft: Draft, looks: Looks) -> tuple[float, float]:
    """Return the p-value on the later good traces and the smallest one they could have given."""
    if draft.p_null is not None:
        return draft.p_null, draft.p_null
    mine = draft.within(looks.confirm)
    if draft.trials is not None:
        mine &= draft.trials
    n = int(mine.sum())
    held = n - int((mine & draft.broken).sum())
    return binomial_tail(held, n, draft.null_rate), least_attainable(n, draft.null_rate)


def _score(draft: Draft, tally: Tally, looks: Looks, settings: Settings) -> float:
    """Return how much a rule is worth showing: relevance, certainty, support, and what incidents say."""
    low, _ = interval(tally.good - tally.good_broken, tally.good)
    certainty = low**2 if not tally.good_broken else low**2 * (1 - tally.good_broken / tally.good) ** 10
    support = tally.good / (tally.good + settings.min_support)
    score = draft.relevance * certainty * support
    n_bad = int(looks.bad.sum())
    if not n_bad or not tally.bad_broken:
        return score
    if draft.contrast_p > settings.max_q:
        return score * 0.7
    caught = max([tally.bad_broken / n_bad] + [_share(draft, mask) for mask in looks.incidents.values()])
    false_alarms = tally.good_broken / max(tally.good, 1)
    return score * (1 + 2 * max(0.0, caught - 10 * false_alarms))


def _share(draft: Draft, mask: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> float:
    """Return the share of an incident's traces that break the rule."""
    return float(mask[draft.violating()].sum()) / max(int(mask.sum()), 1)
