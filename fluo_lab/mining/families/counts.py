"""Counts: exactly one A, at most n, as many A as B."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from fluo_lab.mining.draft import Draft
from fluo_lab.mining.landscape import Landscape
from fluo_lab.mining.shape import Family, Shape

__all__ = ["counts"]

_TIED = 0.5
"""A link this strong makes the repetition of one name an occasion for the other."""


def counts(land: Landscape) -> Iterator[Draft]:
    """Yield rules on the number of spans of a name."""
    for a in land.speakers:
        if land.nesting.is_plumbing(a) or land.nesting.root_share[a] > 0.5:
            continue  # a root occurs once whatever happens
        if land.looks.good[land.occurrences[a].trace].any():
            yield from _exactly_one(land, a)
            yield from _at_most(land, a)
            yield from _count_equal(land, a)


def _exactly_one(land: Landscape, a: int) -> Iterator[Draft]:
    """Yield the rule where it says something: a name tied to A repeats, and A does not."""
    column = land.occurrences[a]
    repeats = np.zeros(land.traces.n_traces, dtype=np.bool_)
    for b in np.flatnonzero(land.links[a] > _TIED):
        other = land.occurrences[int(b)]
        repeats[other.trace[other.count > 1]] = True
    broken = column.count > 1
    good = land.looks.good[column.trace]
    if not land.settings.tolerates(int(broken[good].sum()), int(good.sum()), is_labelled=True):
        return
    yield Draft(
        shape=Shape(Family.EXACTLY_ONE, land.occurrences.names[a]),
        left=a,
        right=a,
        rows=column.trace,
        broken=broken,
        null_rate=0.5,
        trials=repeats[column.trace],
        relevance=0.4 * float(land.links[a].max(initial=0)),
    )


def _at_most(land: Landscape, a: int) -> Iterator[Draft]:
    """Yield the limit that good traces keep, if they reach it too often for chance to end there.

    Were the counts to fall off evenly, the next one would be expected ``n_k * n_k / n_(k-1)`` times.
    """
    column = land.occurrences[a]
    good = land.looks.good[column.trace]
    sizes = np.bincount(column.count[good])
    limit = len(sizes) - 1
    while limit > 1 and sizes[limit] <= (1 - land.settings.min_hold) * sizes[limit - 1] / 10:
        limit -= 1
    if limit < 2 or not sizes[limit - 1]:
        return
    expected = float(sizes[limit]) ** 2 / float(sizes[limit - 1])
    yield Draft(
        shape=Shape(Family.AT_MOST, land.occurrences.names[a], limit=limit),
        left=a,
        right=a,
        rows=column.trace,
        broken=column.count > limit,
        null_rate=0.0,
        p_null=math.exp(-expected),
        slack=limit - column.count,
        relevance=0.45,
    )


def _count_equal(land: Landscape, a: int) -> Iterator[Draft]:
    """Yield the names that occur as often as A, where A's number varies and neither stands under the other."""
    column = land.occurrences[a]
    good = land.looks.good[column.trace]
    varying = column.count > 1
    if (varying & good).sum() < land.settings.min_support:
        return
    for b in land.speakers:
        if (
            b <= a
            or land.together[a, b] < land.settings.min_hold_labelled * good.sum()
            or land.nesting.are_nested(a, b)
        ):
            continue
        other = np.zeros(land.traces.n_traces, dtype=np.int64)
        other[land.occurrences[b].trace] = land.occurrences[b].count
        broken = other[column.trace] != column.count
        if not land.settings.tolerates(int(broken[good].sum()), int(good.sum()), is_labelled=True):
            continue
        yield Draft(
            shape=Shape(Family.COUNT_EQUAL, land.occurrences.names[a], land.occurrences.names[b]),
            left=a,
            right=b,
            rows=column.trace,
            broken=broken,
            null_rate=0.5,
            trials=varying,
            relevance=land.kinship(a, b) * 0.8,
        )
