"""What need not be said twice: implied rules, chains, guards inside guards, and a short list that covers the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fluo_lab.language import print_rule
from fluo_lab.mining.draft import Draft, Dropped
from fluo_lab.mining.shape import Family, Shape, implied

__all__ = ["cover", "prune"]

_ORDER = (Family.PRECEDENCE, Family.RESPONSE)
_CHAINED = (Family.PRESENCE, *_ORDER)

_CLOSE = 0.6
"""A wider guard may score this much lower, as a share, and still be preferred."""

_NO_ACCIDENT = 3
"""Violations that two rules on one left must have in common to count as one failure."""

_SAID = 0.05
"""A rule worth less than this, given what is listed already, is left out."""

_AGAIN_LEFT, _AGAIN_RIGHT, _AGAIN_PAIR, _AGAIN_FAMILY = 0.85, 0.9, 0.5, 0.7
"""What is left of a score for each rule already listed on the same left, right, pair, or left and family."""


def prune(drafts: Sequence[Draft], links: NDArray[np.float64]) -> tuple[list[Draft], list[Dropped]]:
    """Return the drafts that say something of their own, in the order given (best first), and the others."""
    kept, dropped = _presence_under_order(drafts)
    for step in (lambda d: _chains(d, links), _guards_inside, _shadows):
        kept, more = step(kept)
        dropped += more
    return kept, dropped


def _presence_under_order(drafts: Sequence[Draft]) -> tuple[list[Draft], list[Dropped]]:
    """Drop the presence rules that an order rule on the same two names implies."""
    stronger: dict[Shape, Draft] = {}
    kept = [d for d in drafts if d.shape.family is not Family.PRESENCE or d.shape.left_where]
    for draft in kept:
        for shape in implied(draft.shape):
            stronger.setdefault(shape, draft)
    dropped: list[Dropped] = []
    plain: list[Draft] = []
    for draft in drafts:
        if draft.shape.family is not Family.PRESENCE or draft.shape.left_where:
            continue
        found = stronger.get(draft.shape)
        if found is None:
            plain.append(draft)
            continue
        dropped.append(Dropped(draft.shape, f"implied by: {print_rule(found.shape.tree)}"))
    return sorted([*kept, *plain], key=lambda d: -d.score), dropped


def _chains(drafts: Sequence[Draft], links: NDArray[np.float64]) -> tuple[list[Draft], list[Dropped]]:
    """Drop a to c where a to b and b to c are there and break wherever it does.

    A rule on two names that share a value is kept when neither step of the detour is on names that share as much.
    """
    kept = {id(d): d for d in drafts}
    dropped = []
    for family in _CHAINED:
        edges = {(d.left, d.right): d for d in drafts if d.shape.family is family and not d.shape.left_where}
        strong = edges if family in _ORDER else _with_order(edges, drafts)
        for (a, c), draft in sorted(edges.items(), key=lambda item: item[1].score):
            for b in sorted({right for left, right in strong if left == a}):
                first, second = strong.get((a, b)), strong.get((b, c))
                if b == c or first is None or second is None or first is draft or second is draft:
                    continue
                if links[a, c] > max(links[a, b], links[b, c]) or not _covers(first, second, draft):
                    continue
                chain = f"{print_rule(first.shape.tree)} and {print_rule(second.shape.tree)}"
                dropped.append(Dropped(draft.shape, f"follows from: {chain}"))
                strong = {key: edge for key, edge in strong.items() if edge is not draft}
                del kept[id(draft)]
                break
    return list(kept.values()), dropped


def _with_order(edges: dict[tuple[int, int], Draft], drafts: Sequence[Draft]) -> dict[tuple[int, int], Draft]:
    """Return presence edges together with the order rules, which imply presence too."""
    return {(d.left, d.right): d for d in drafts if d.shape.family in _ORDER} | edges


def _covers(first: Draft, second: Draft, direct: Draft) -> bool:
    """Whether one of two steps is broken wherever the direct rule is."""
    broken = np.union1d(first.violating(), second.violating())
    return bool(np.isin(direct.violating(), broken).all())


def _guards_inside(drafts: Sequence[Draft]) -> tuple[list[Draft], list[Dropped]]:
    """Drop a guarded rule when another of the same right side applies wherever it does, or nearly so.

    The other must be better, or wider and nearly as good: a rule on more traces says more.

    Names stand in for each other (an order and its receipt carry one amount); the best pair speaks for all. A
    chain counts too: what brings B, which brings C, need not be said of C.
    """
    leads_to = {(d.left, d.right) for d in drafts if d.shape.family in _CHAINED and not d.shape.left_where}
    guarded = [d for d in drafts if d.shape.left_where]
    gone: dict[int, Draft] = {}
    for at, draft in enumerate(guarded):
        for other_at, other in enumerate(guarded):
            if other_at in gone or other_at == at:
                continue
            wider = len(other.rows) > len(draft.rows) and other.score >= _CLOSE * draft.score
            if (wider or other_at < at) and _stands_for(other, draft, leads_to):
                gone[at] = other
                break
    kept = [d for d in drafts if not any(d is guarded[at] for at in gone)]
    reasons = [
        Dropped(guarded[at].shape, f"its traces are those of: {print_rule(other.shape.tree)}")
        for at, other in gone.items()
    ]
    return kept, reasons


def _stands_for(better: Draft, draft: Draft, leads_to: set[tuple[int, int]]) -> bool:
    """Whether one guarded rule makes another needless: the same right side, on nearly all its traces."""
    same_right = better.right == draft.right or (better.right, draft.right) in leads_to
    return same_right and bool(np.isin(draft.rows, better.rows).mean() > 0.9)


def _shadows(drafts: Sequence[Draft]) -> tuple[list[Draft], list[Dropped]]:
    """Drop a rule that only breaks where a better one on the same right does: one failure, one rule.

    One on the same left will do when the two break together often enough for it to be no accident.
    """
    kept: list[Draft] = []
    dropped = []
    for draft in drafts:
        broken = draft.violating()
        better = next((k for k in kept if _shares_a_side(k, draft) and np.isin(broken, k.violating()).all()), None)
        if len(broken) and better is not None:
            dropped.append(Dropped(draft.shape, f"breaks only where this one does: {print_rule(better.shape.tree)}"))
        else:
            kept.append(draft)
    return kept, dropped


def _shares_a_side(one: Draft, other: Draft) -> bool:
    """Whether two rules on two names each speak of the same right, or of the same left and break often."""
    on_two = one.left != one.right and other.left != other.right
    is_often = int(other.broken.sum()) >= _NO_ACCIDENT
    return on_two and (one.right == other.right or (one.left == other.left and is_often))


def cover(drafts: Sequence[Draft], limit: int) -> tuple[list[Draft], list[Dropped]]:
    """Return at most so many drafts, each the best of what is left after what was taken, and the others.

    A rule is worth less when the list already speaks of its names.
    """
    rest = list(drafts)
    lefts: dict[int, int] = {}
    rights: dict[int, int] = {}
    pairs: dict[frozenset[int], int] = {}
    families: dict[tuple[int, Family], int] = {}
    taken: list[Draft] = []

    def worth(draft: Draft) -> float:
        return (
            draft.score
            * _AGAIN_LEFT ** lefts.get(draft.left, 0)
            * _AGAIN_RIGHT ** (rights.get(draft.right, 0) if draft.left != draft.right else 0)
            * _AGAIN_PAIR ** (pairs.get(frozenset((draft.left, draft.right)), 0) if draft.left != draft.right else 0)
            * _AGAIN_FAMILY ** families.get((draft.left, draft.shape.family), 0)
        )

    while rest and len(taken) < limit:
        best = max(rest, key=worth)
        if worth(best) < _SAID:
            break
        taken.append(replace(best, score=worth(best)))
        rest.remove(best)
        pair, kind = frozenset((best.left, best.right)), (best.left, best.shape.family)
        lefts[best.left] = lefts.get(best.left, 0) + 1
        rights[best.right] = rights.get(best.right, 0) + 1
        pairs[pair] = pairs.get(pair, 0) + 1
        families[kind] = families.get(kind, 0) + 1
    return taken, [Dropped(d.shape, _left_out(worth(d), limit)) for d in rest]


def _left_out(worth: float, limit: int) -> str:
    if worth < _SAID:
        return f"adds little to what is listed on the same names: {worth:.2f} < {_SAID}"
    return f"beyond the {limit} candidates asked for: score {worth:.2f}"
