"""Order: every A comes after a B (precedence), or before one (response)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fluo_lab.mining.draft import Draft
from fluo_lab.mining.landscape import Landscape
from fluo_lab.mining.shape import Family, Order, Shape

__all__ = ["order"]

_EITHER = 0.5
"""Two unrelated spans of one trace come in either order equally often."""

_WEIGHT = {Family.PRECEDENCE: 1.0, Family.RESPONSE: 0.75}
_FAR = np.iinfo(np.int64).max // 2


def order(land: Landscape) -> Iterator[Draft]:
    """Yield precedence and response rules for names of which neither stands under the other.

    First and last times decide: every A starts after the first B ended, or ends before the last B starts.
    Where that fails because the spans overlap, their starts are compared.
    """
    together, own = land.together, np.diag(land.together)
    n_traces = land.traces.n_traces
    for b in land.speakers:
        other = land.occurrences[b]
        first_start, first_end = np.full(n_traces, _FAR), np.full(n_traces, _FAR)
        last_start = np.full(n_traces, -_FAR)
        first_start[other.trace], first_end[other.trace] = other.first_start, other.first_end
        last_start[other.trace] = other.last_start
        for a in land.speakers:
            likely = own[a] and together[a, b] >= land.settings.min_hold_labelled * own[a] - 1
            if a == b or not likely or land.nesting.are_nested(a, b):
                continue
            mine = land.occurrences[a]
            at = mine.trace
            slacks = {
                (Family.PRECEDENCE, Order.FINISHED): mine.first_start - first_end[at],
                (Family.PRECEDENCE, Order.STARTED): mine.first_start - first_start[at],
                (Family.RESPONSE, Order.FINISHED): last_start[at] - mine.last_end,
                (Family.RESPONSE, Order.STARTED): last_start[at] - mine.last_start,
            }
            good = land.looks.good[at]
            for family in _WEIGHT:
                for how in Order:
                    slack = slacks[family, how]
                    broken = slack < 0
                    if not land.settings.tolerates(int(broken[good].sum()), int(good.sum()), is_labelled=True):
                        continue
                    names = land.occurrences.names
                    weight = _WEIGHT[family] * (1.0 if how is Order.FINISHED else 0.6)
                    yield Draft(
                        shape=Shape(family, names[a], names[b], order=how),
                        left=a,
                        right=b,
                        rows=at,
                        broken=broken,
                        null_rate=_EITHER,
                        slack=slack,
                        relevance=land.kinship(a, b) * weight,
                    )
                    break
