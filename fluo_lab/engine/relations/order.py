"""Relations in time: which subjects have a partner that ends before, starts after, overlaps, lies near.

Existence is all that is asked, so no pair is written out: per cell the extreme partner decides, or how many of the
sorted ones lie in a window. A span is never its own partner. Only ``without`` in combinations where no single
partner is the best goes through the pairs, in portions.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fluo_lab.engine.logic import Mask
from fluo_lab.engine.relations.pairing import Pairing
from fluo_lab.engine.relations.times import GREATEST, LEAST, Times, ordered_times, shifted
from fluo_lab.engine.runs import Positions, bisect, run_bounds, running_max, sorted_in_runs
from fluo_lab.engine.spans import SpanSet
from fluo_lab.engine.units import Rows
from fluo_lab.language import RelationKind

__all__ = ["Between", "beside", "in_order", "overlapping"]

_PAIRS_AT_ONCE = 2_000_000


def in_order(
    kind: RelationKind, pairing: Pairing, margin_ns: int, within_ns: int | None, between: Between | None
) -> Mask:
    """Return which subjects have a partner that stands in an order to them.

    Parameters
    ----------
    within_ns
        How far apart the two compared times may lie.
    between
        Spans of which none may start between subject and partner.
    """
    if between is not None:
        return _nearest(kind, pairing, margin_ns, within_ns, between)
    theirs, own, is_forward = ordered_times(kind, pairing.partners, pairing.subjects)
    if within_ns is None:
        if not is_forward:  # the partner's time is the later: compare backwards, so that the least decides
            theirs, own = -theirs, -own
        return _any_at_most(pairing, theirs, shifted(own, -margin_ns))
    order = sorted_in_runs(pairing.cell, theirs)
    pairing, times = pairing.ordered_by(order), theirs if order is None else theirs[order]
    first, last = _window(own, is_forward, within_ns, margin_ns)
    low, high = pairing.low, pairing.high
    at = bisect(times, low, high, first)
    if pairing.own is not None:  # the next one, where the first in the window is the subject itself
        at = at + (at == pairing.own)
    return _is_at_most(times, at, high, last)


def _is_at_most(times: Times, at: Positions, high: Positions, limit: Times) -> Mask:
    """Return where a position is still in its run and its time at most a limit."""
    if not len(times):
        return np.zeros(len(at), dtype=np.bool_)
    return np.asarray((at < high) & (times.take(at, mode="clip") <= limit), dtype=np.bool_)


def _window(own: Times, is_forward: bool, within_ns: int | None, margin_ns: int) -> tuple[Times, Times]:
    """Return the first and the last time a partner may have."""
    unbounded = np.full(len(own), LEAST if is_forward else GREATEST)
    if is_forward:
        first = unbounded if within_ns is None else shifted(own, margin_ns - within_ns)
        return first, shifted(own, -margin_ns)
    return shifted(own, margin_ns), unbounded if within_ns is None else shifted(own, within_ns - margin_ns)


def _any_at_most(pairing: Pairing, times: Times, limit: Times) -> Mask:
    """Return which subjects have another partner whose time is at most their limit."""
    n = np.diff(pairing.bounds)
    filled = np.flatnonzero(n)
    if not len(filled):
        return np.zeros(len(limit), dtype=np.bool_)
    first = pairing.bounds[filled]
    least = np.full(len(n), GREATEST)
    least[filled] = np.minimum.reduceat(times, first)
    cell = np.maximum(pairing.subject_cell, 0)
    hits = (least[cell] <= limit) & (pairing.subject_cell >= 0) & (n[cell] > 0)
    if pairing.own is None:
        return np.asarray(hits, dtype=np.bool_)
    # where the extreme partner is the subject itself, the runner-up decides
    at = np.flatnonzero(times == least[pairing.cell])
    at = at[np.append(True, pairing.cell[at][1:] != pairing.cell[at][:-1])]
    extreme = np.full(len(n), -1, dtype=np.int64)
    extreme[pairing.cell[at]] = at
    rest = times.copy()
    rest[at] = GREATEST
    second = np.full(len(n), GREATEST)
    second[filled] = np.minimum.reduceat(rest, first)
    is_self = (pairing.own >= 0) & (extreme[cell] == pairing.own)
    return np.asarray(np.where(is_self, (second[cell] <= limit) & (n[cell] > 1), hits), dtype=np.bool_)


def overlapping(pairing: Pairing, margin_ns: int) -> Mask:
    """Return which subjects share some time with a partner; touching is not enough."""
    start, end = pairing.subjects.start, pairing.subjects.end
    return _meeting(pairing, shifted(end, -margin_ns - 1), shifted(start, margin_ns + 1))


def beside(pairing: Pairing, margin_ns: int, within_ns: int | None) -> Mask:
    """Return which subjects have another partner, and one with no greater gap between the two."""
    if within_ns is None:
        return pairing.has_partner
    start, end = pairing.subjects.start, pairing.subjects.end
    reach = within_ns - margin_ns
    return _meeting(pairing, shifted(end, reach), shifted(start, -reach))


def _meeting(pairing: Pairing, latest_start: Times, earliest_end: Times) -> Mask:
    """Return which subjects have another partner that starts at most at one time and ends at least at another."""
    order = sorted_in_runs(pairing.cell, pairing.partners.start)
    pairing = pairing.ordered_by(order)
    if not len(pairing.partners):
        return np.zeros(len(pairing.subjects), dtype=np.bool_)
    ends = pairing.partners.end
    begins = pairing.bounds[pairing.cell]
    greatest = running_max(ends, begins)
    low, high = pairing.low, pairing.high
    behind = bisect(pairing.partners.start, low, high, latest_start, right=True)
    last = np.maximum(behind - 1, 0)
    hits = (behind > low) & (greatest[last] >= earliest_end)
    if pairing.own is None:
        return np.asarray(hits, dtype=np.bool_)
    # where the one that ends last is the subject itself, the runner-up decides
    position = np.arange(len(ends), dtype=np.int64)
    is_new = np.append(True, (ends[1:] > greatest[:-1])) | (position == begins)
    leader = running_max(np.where(is_new, position, begins), begins)
    before = np.append(LEAST, greatest[:-1])
    before[position == begins] = LEAST
    second = running_max(np.minimum(ends, before), begins)
    is_self = (pairing.own >= 0) & (leader[last] == pairing.own)
    others = np.where(is_self, (behind > low + 1) & (second[last] >= earliest_end), hits)
    return np.asarray((behind > low) & others, dtype=np.bool_)


class Between:
    """Spans of which none may start between a subject and its partner.

    Parameters
    ----------
    spans
        These spans, rows ascending.
    """

    def __init__(self, spans: SpanSet) -> None:
        units = spans.units
        order = units.order(spans.rows)
        self.spans = spans if order is None else spans.part(order)
        self._units = units
        self._starts = self.spans.start
        self._bounds = run_bounds(self.spans.unit, units.n)

    def count(self, unit: Positions, after: Times, before: Times) -> Positions:
        """Return how many start strictly between two times, in each given unit."""
        low, high = self._bounds.take(unit), self._bounds[1:].take(unit)
        n = bisect(self._starts, low, high, before) - bisect(self._starts, low, high, after, right=True)
        return np.asarray(np.maximum(n, 0), dtype=np.int64)

    def has_any(self, unit: Positions, after: Times, before: Times) -> Mask:
        """Return whether some start strictly between two times, in each given unit."""
        low, high = self._bounds.take(unit), self._bounds[1:].take(unit)
        at = bisect(self._starts, low, high, after, right=True)
        return _is_at_most(self._starts, at, high, before - 1)

    def is_one(self, rows: Rows) -> Mask:
        """Return which of some spans are among these."""
        is_one = np.zeros(self._units.traces.n_spans, dtype=np.bool_)
        is_one[self.spans.at] = True
        return is_one[rows]


def _nearest(kind: RelationKind, pairing: Pairing, margin_ns: int, within_ns: int | None, between: Between) -> Mask:
    """Return which subjects have a partner in order with none of some other spans between the two.

    Of all partners the one whose start is nearest leaves the least room, so it alone decides; except where the
    window is about another time than the start, or times are compared with a margin.
    """
    if (
        margin_ns
        or (kind is RelationKind.AFTER and within_ns is not None)
        or pairing.subjects.runs_backwards
        or pairing.partners.runs_backwards
    ):
        return _by_pairs(kind, pairing, margin_ns, within_ns, between)
    theirs, own, is_forward = ordered_times(kind, pairing.partners, pairing.subjects)
    order = sorted_in_runs(pairing.cell, theirs)
    pairing = pairing.ordered_by(order)
    times = theirs if order is None else theirs[order]
    starts = pairing.partners.start
    low, high = pairing.low, pairing.high
    first, last = _window(own, is_forward, within_ns, 0)
    if kind is RelationKind.AFTER:
        return _latest_started(pairing, times, between)
    if is_forward:
        at = bisect(times, low, high, last, right=True) - 1
        at = np.where((pairing.own == at) & (at >= low), at - 1, at) if pairing.own is not None else at
        found = at >= low
    else:
        at = bisect(times, low, high, first)
        at = np.where(pairing.own == at, at + 1, at) if pairing.own is not None else at
        found = at < high
    rows = np.flatnonzero(found)
    at = at[rows]
    rows, at = _kept(rows, at, (times[at] >= first[rows]) & (times[at] <= last[rows]))
    return _with_none_between(pairing, between, rows, starts[at])


def _kept(rows: Positions, at: Positions, keep: Mask) -> tuple[Positions, Positions]:
    return rows[keep], at[keep]


def _latest_started(pairing: Pairing, ends: Times, between: Between) -> Mask:
    """Return the answer for ``after``: of the partners that ended in time, the one that started last decides."""
    starts = pairing.partners.start
    begins = pairing.bounds[pairing.cell]
    latest = running_max(starts, begins)
    low, high = pairing.low, pairing.high
    own_start = pairing.subjects.start
    behind = bisect(ends, low, high, own_start, right=True)
    last = np.maximum(behind - 1, 0)
    found = behind > low
    if not len(starts):
        return np.zeros(len(pairing.subjects), dtype=np.bool_)
    candidate = latest[last]
    if pairing.own is not None:
        # A subject is among those only when it takes no time; then it started last, and the others are asked.
        is_self = (pairing.own >= 0) & (pairing.own >= low) & (pairing.own < behind)
        before = np.append(LEAST, latest[:-1])
        position = np.arange(len(starts), dtype=np.int64)
        before[position == begins] = LEAST
        second = running_max(np.minimum(starts, before), begins)
        candidate = np.where(is_self, second[last], candidate)
        found = found & (~is_self | (behind > low + 1))
    rows = np.flatnonzero(found)
    return _with_none_between(pairing, between, rows, candidate[rows])


def _with_none_between(pairing: Pairing, between: Between, rows: Positions, partner_start: Times) -> Mask:
    """Return which subjects, of some that found a partner, have none of the other spans between."""
    hits = np.zeros(len(pairing.subjects), dtype=np.bool_)
    subjects = pairing.subjects.part(rows)
    own_start = subjects.start
    first, last = np.minimum(own_start, partner_start), np.maximum(own_start, partner_start)
    hits[rows[~between.has_any(subjects.unit, first, last)]] = True
    return hits


def _by_pairs(kind: RelationKind, pairing: Pairing, margin_ns: int, within_ns: int | None, between: Between) -> Mask:
    """Return the answer from every pair in the window, a portion at a time."""
    theirs, own, is_forward = ordered_times(kind, pairing.partners, pairing.subjects)
    order = sorted_in_runs(pairing.cell, theirs)
    pairing = pairing.ordered_by(order)
    times = theirs if order is None else theirs[order]
    first, last = _window(own, is_forward, within_ns, margin_ns)
    low, high = pairing.low, pairing.high
    low, high = bisect(times, low, high, first), bisect(times, low, high, last, right=True)
    hits = np.zeros(len(pairing.subjects), dtype=np.bool_)
    for subject, partner in _pairs(low, np.maximum(high, low)):
        ours, others = pairing.subjects.part(subject), pairing.partners.part(partner)
        after = shifted(np.minimum(ours.start, others.start), -margin_ns)
        before = shifted(np.maximum(ours.start, others.start), margin_ns)
        n = between.count(ours.unit, after, before)
        for side in (ours, others):  # neither the subject nor the partner counts
            n = n - (between.is_one(side.rows) & (side.start > after) & (side.start < before))
        hits[subject[(n <= 0) & (ours.rows != others.rows)]] = True
    return hits


def _pairs(low: Positions, high: Positions) -> Iterator[tuple[Positions, Positions]]:
    """Yield subjects with each position in their range, some millions at once."""
    n = high - low
    portion = np.cumsum(n) // _PAIRS_AT_ONCE
    for number in np.unique(portion[n > 0]).tolist():
        subjects = np.flatnonzero((portion == number) & (n > 0))
        count = n[subjects]
        offset = np.arange(int(count.sum()), dtype=np.int64) - np.repeat(np.cumsum(count) - count, count)
        yield np.repeat(subjects, count), np.repeat(low[subjects], count) + offset
