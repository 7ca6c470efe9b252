"""Relations to partners of which each unit has one at most: it is looked at directly, nothing is searched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fluo_lab.engine.logic import Mask
from fluo_lab.engine.relations.kinship import Family
from fluo_lab.engine.relations.pairing import Key
from fluo_lab.engine.relations.times import ordered_times, shifted
from fluo_lab.engine.runs import Positions
from fluo_lab.engine.spans import SpanSet
from fluo_lab.language import RelationKind

__all__ = ["Couples", "positions_by_unit", "related_alone"]


def positions_by_unit(partners: SpanSet) -> NDArray[np.int32] | None:
    """Return the position of the one partner of each unit, -1 for none and at the end; None: some unit has two."""
    unit = partners.unit
    if not (unit[1:] > unit[:-1]).all():  # rows of a unit need not stand together; then the search is for all
        return None
    position = np.full(partners.units.n + 1, -1, dtype=np.int32)
    position[unit] = np.arange(len(unit), dtype=np.int32)
    return position


@dataclass(frozen=True)
class Couples:
    """Subjects, each with the one partner in its unit.

    Attributes
    ----------
    of_subjects, of_partners
        Positions among all subjects and all partners, parallel.
    """

    subjects: SpanSet
    partners: SpanSet
    of_subjects: Positions
    of_partners: NDArray[np.intp]

    @classmethod
    def of(cls, subjects: SpanSet, partners: SpanSet, position: NDArray[np.int32], *, may_meet: bool) -> Couples:
        """Return every subject whose unit has a partner, with it; no span with itself."""
        at = position.take(subjects.unit)  # of no unit, -1: the end
        of_subjects = np.flatnonzero(at >= 0)
        couples = cls(subjects, partners, of_subjects, at.take(of_subjects).astype(np.intp))
        return couples.kept(couples.own(subjects.at) != couples.their(partners.at)) if may_meet else couples

    def own(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return what the subjects have of something all subjects have."""
        return values if len(self.of_subjects) == len(values) else values.take(self.of_subjects)

    def their(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return what the partners have of something all partners have."""
        return values.take(self.of_partners)

    def kept(self, fits: Mask) -> Couples:
        """Return those that fit."""
        keep = np.flatnonzero(fits)
        return Couples(self.subjects, self.partners, self.of_subjects.take(keep), self.of_partners.take(keep))

    def hits(self, fits: Mask | None) -> Mask:
        """Return which of all subjects are in a couple that fits; None: any does."""
        hits = np.zeros(len(self.subjects), dtype=np.bool_)
        hits[self.of_subjects] = True if fits is None else fits
        return hits


def related_alone(
    kind: RelationKind, couples: Couples, keys: Sequence[Key], family: Family, margin_ns: int, within_ns: int | None
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
    """
    tests = [_share(couples.own(own), couples.their(their)) for own, their in keys]
    if kind.is_ordered:
        tests += _in_order(kind, couples, margin_ns, within_ns)
    else:
        if kind is not RelationKind.BESIDE and kind is not RelationKind.OVERLAPS:
            tests.append(_is_kin(kind, couples, family))
        if kind is RelationKind.OVERLAPS:  # no gap is above 0 then, so every distance is within
            tests += _meet(couples, -margin_ns - 1)
        elif within_ns is not None:
            tests += _meet(couples, within_ns - margin_ns)
    fits = tests[0] if tests else None
    for test in tests[1:]:
        fits = test if fits is None else fits & test
    return couples.hits(fits)


def _share(own: NDArray[np.int64], their: NDArray[np.int64]) -> Mask:
    return np.asarray((own == their) & (own >= 0), dtype=np.bool_)


def _in_order(kind: RelationKind, couples: Couples, margin_ns: int, within_ns: int | None) -> list[Mask]:
    theirs, own, is_forward = ordered_times(kind, couples.partners, couples.subjects)
    theirs, own = couples.their(theirs), couples.own(own)
    if is_forward:
        tests = [theirs <= shifted(own, -margin_ns)]
        return tests if within_ns is None else [*tests, theirs >= shifted(own, margin_ns - within_ns)]
    tests = [theirs >= shifted(own, margin_ns)]
    return tests if within_ns is None else [*tests, theirs <= shifted(own, within_ns - margin_ns)]


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
            return _share(key.take(own), key.take(their))
    raise AssertionError(f"no kinship: {kind}")
