"""Relations to partners that need no search: each subject has one that comes into question, or each partner has.

So it is where no unit has two of the partners, with parents, and with ancestors of which none is above another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fluo_lab.engine.logic import Mask
from fluo_lab.engine.relations.kinship import Family
from fluo_lab.engine.relations.order import Between
from fluo_lab.engine.relations.pairing import Key
from fluo_lab.engine.relations.times import GREATEST, LEAST, Times, ordered_times, shifted
from fluo_lab.engine.runs import Positions, sorted_in_runs
from fluo_lab.engine.spans import SpanSet
from fluo_lab.language import RelationKind

__all__ = [
    "Couples",
    "alone",
    "decisive",
    "fitting",
    "in_order_alone",
    "positions_by_unit",
    "related_alone",
    "times_by_unit",
]


@dataclass(frozen=True)
class Couples:
    """Subjects with partners, every pair that comes into question.

    Attributes
    ----------
    of_subjects, of_partners
        Positions among all subjects and all partners, parallel; None: all, as they stand.
    """

    subjects: SpanSet
    partners: SpanSet
    of_subjects: Positions | None
    of_partners: Positions | None

    def own(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return for each pair what the subject has of something all subjects have."""
        return values if self.of_subjects is None else values.take(self.of_subjects)

    def their(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return for each pair what the partner has of something all partners have."""
        return values if self.of_partners is None else values.take(self.of_partners)

    def kept(self, fits: Mask) -> Couples:
        """Return the pairs that fit."""
        keep = np.flatnonzero(fits)
        return Couples(self.subjects, self.partners, *(_taken(at, keep) for at in (self.of_subjects, self.of_partners)))

    def hits(self, fits: Mask | None) -> Mask:
        """Return which of all subjects are in a pair that fits; None: every pair does."""
        if self.of_subjects is None and fits is not None:
            return fits
        hits = np.zeros(len(self.subjects), dtype=np.bool_)
        if self.of_subjects is None:
            hits[:] = True
        else:
            hits[self.of_subjects if fits is None else self.of_subjects.take(np.flatnonzero(fits))] = True
        return hits


def _taken(at: Positions | None, keep: Positions) -> Positions:
    return keep if at is None else at.take(keep)


def positions_by_unit(partners: SpanSet) -> NDArray[np.int32] | None:
    """Return the position of the one partner of each unit, -1 for none and at the end; None: some unit has two."""
    unit = partners.unit
    if not (unit[1:] > unit[:-1]).all():  # rows of a unit need not stand together; then the search is for all
        return None
    position = np.full(partners.units.n + 1, -1, dtype=np.int32)
    position[unit] = np.arange(len(unit), dtype=np.int32)
    return position


def times_by_unit(kind: RelationKind, partners: SpanSet) -> Times:
    """Return the time an order compares of the one partner of each unit; at the end, and for none, one that fails."""
    times, _, is_forward = ordered_times(kind, partners, partners)
    by_unit = np.full(partners.units.n + 1, GREATEST if is_forward else LEAST)
    by_unit[partners.unit] = times
    return by_unit


def in_order_alone(
    kind: RelationKind, subjects: SpanSet, times: Times, margin_ns: int, within_ns: int | None
) -> Mask | None:
    """Return which subjects stand in an order to the partner of their unit, given the times of these.

    None, where a subject's time is at the end of 64 bits, so that no time is sure to fail.
    """
    _, own, is_forward = ordered_times(kind, subjects, subjects)
    theirs = times.take(subjects.unit)  # of no unit, -1: the end
    limit = shifted(own, -margin_ns if is_forward else margin_ns)
    if (limit == (GREATEST if is_forward else LEAST)).any():
        return None
    hits = theirs <= limit if is_forward else theirs >= limit
    if within_ns is not None:
        hits &= _is_near(theirs, own, margin_ns, within_ns, is_forward=is_forward)
    return np.asarray(hits, dtype=np.bool_)


def _is_near(theirs: Times, own: Times, margin_ns: int, within_ns: int, *, is_forward: bool) -> Mask:
    """Return which times are no further apart than they may, the partner's being the earlier where forward."""
    if is_forward:
        return np.asarray(theirs >= shifted(own, margin_ns - within_ns), dtype=np.bool_)
    return np.asarray(theirs <= shifted(own, within_ns - margin_ns), dtype=np.bool_)


def decisive(kind: RelationKind, partners: SpanSet) -> SpanSet:
    """Return of each trace the partner that decides: any does, where what is asked is an order, or presence, alone.

    Parameters
    ----------
    partners
        By trace and start.
    """
    unit = partners.unit
    is_first = np.append(True, unit[1:] != unit[:-1])
    if is_first.all():
        return partners
    if kind is RelationKind.AFTER:
        order = sorted_in_runs(unit, partners.end)
        first = np.flatnonzero(is_first)
        return partners.part(first if order is None else order.take(first))
    if kind in (RelationKind.BEFORE, RelationKind.STARTS_BEFORE):
        return partners.part(np.flatnonzero(np.append(is_first[1:], True)))
    return partners.part(np.flatnonzero(is_first))


def alone(subjects: SpanSet, partners: SpanSet, position: NDArray[np.int32], *, may_meet: bool) -> Couples:
    """Return every subject with the one partner of its unit, given the positions of these; no span with itself."""
    at = position.take(subjects.unit)  # of no unit, -1: the end
    of_subjects = np.flatnonzero(at >= 0)
    if len(of_subjects) == len(at):
        couples = Couples(subjects, partners, None, at.astype(np.intp))
    else:
        couples = Couples(subjects, partners, of_subjects, at.take(of_subjects).astype(np.intp))
    return couples.kept(couples.own(subjects.at) != couples.their(partners.at)) if may_meet else couples


def related_alone(
    kind: RelationKind,
    couples: Couples,
    keys: Sequence[Key],
    family: Family,
    margin_ns: int,
    within_ns: int | None,
    between: Between | None,
) -> Mask:
    """Return which subjects stand in a relation to the partner of their unit.

    Parameters
    ----------
    keys
        What both must share.
    family
        How the spans are related; no partner is in or under a cycle of parents.
    within_ns
        How far apart the two may lie.
    between
        Spans of which none may start between subject and partner; no margin then.
    """
    if kind.is_ordered:
        fits = _all([*_in_order(kind, couples, margin_ns, within_ns), *_shared(couples, keys)])
        if between is None or fits is None:
            return couples.hits(fits)
        couples = couples.kept(fits)
        own, their = couples.own(couples.subjects.start), couples.their(couples.partners.start)
        first, last = np.minimum(own, their), np.maximum(own, their)
        return couples.hits(~between.has_any(couples.own(couples.subjects.unit), first, last))
    if kind is RelationKind.OVERLAPS:  # no gap is above 0 then, so every distance is within
        return couples.hits(_all([*_shared(couples, keys), *_meet(couples, -margin_ns - 1)]))
    if kind is not RelationKind.BESIDE:
        couples = couples.kept(_is_kin(kind, couples, family))
    return fitting(couples, keys, margin_ns, within_ns)


def fitting(couples: Couples, keys: Sequence[Key], margin_ns: int, within_ns: int | None) -> Mask:
    """Return which subjects share keys with a partner that is no further away than it may."""
    near = [] if within_ns is None else _meet(couples, within_ns - margin_ns)
    return couples.hits(_all([*_shared(couples, keys), *near]))


def _all(tests: list[Mask]) -> Mask | None:
    """Return where all hold; None: nothing is asked."""
    if not tests:
        return None
    truth = tests[0]
    for test in tests[1:]:
        truth = truth & test
    return truth


def _shared(couples: Couples, keys: Sequence[Key]) -> list[Mask]:
    return [_is_same(couples.own(own), couples.their(their)) for own, their in keys]


def _is_same(own: NDArray[np.int64], their: NDArray[np.int64]) -> Mask:
    return np.asarray((own == their) & (own >= 0), dtype=np.bool_)


def _in_order(kind: RelationKind, couples: Couples, margin_ns: int, within_ns: int | None) -> list[Mask]:
    theirs, own, is_forward = ordered_times(kind, couples.partners, couples.subjects)
    theirs, own = couples.their(theirs), couples.own(own)
    tests = [theirs <= shifted(own, -margin_ns) if is_forward else theirs >= shifted(own, margin_ns)]
    if within_ns is not None:
        tests.append(_is_near(theirs, own, margin_ns, within_ns, is_forward=is_forward))
    return tests


def _meet(couples: Couples, reach: int) -> list[Mask]:
    """Return which start at most so long after the other ended, and end at most so long before it starts."""
    subjects, partners = couples.subjects, couples.partners
    return [
        couples.their(partners.start) <= shifted(couples.own(subjects.end), reach),
        couples.their(partners.end) >= shifted(couples.own(subjects.start), -reach),
    ]


def _is_kin(kind: RelationKind, couples: Couples, family: Family) -> Mask:
    own, their = couples.own(couples.subjects.at), couples.their(couples.partners.at)
    match kind:
        case RelationKind.CHILD_OF:
            return np.asarray(family.parent.take(own) == their, dtype=np.bool_)
        case RelationKind.PARENT_OF:
            return np.asarray(family.parent.take(their) == own, dtype=np.bool_)
        case RelationKind.UNDER:
            return family.is_under(own, their)
        case RelationKind.OVER:
            return family.is_under(their, own)
        case RelationKind.SIBLING_OF:
            key = family.sibling_key()
            return _is_same(key.take(own), key.take(their))
    raise AssertionError(f"no kinship: {kind}")
