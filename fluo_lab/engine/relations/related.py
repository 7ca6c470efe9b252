"""Relations between spans: which of some spans have a partner, by order, overlap, kinship or presence."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fluo_lab.engine.columns import FieldValues
from fluo_lab.engine.logic import Mask
from fluo_lab.engine.relations import kinship, order
from fluo_lab.engine.relations.couples import (
    Couples,
    alone,
    decisive,
    fitting,
    in_order_alone,
    positions_by_unit,
    related_alone,
    times_by_unit,
)
from fluo_lab.engine.relations.pairing import Key, Pairer
from fluo_lab.engine.relations.times import Times, shifted
from fluo_lab.engine.spans import SpanSet
from fluo_lab.engine.units import Rows, Units
from fluo_lab.language import Duration, Field, Relation, RelationKind

__all__ = ["Relations"]

_DIRECT = frozenset({RelationKind.CHILD_OF, RelationKind.PARENT_OF})


class Relations:
    """Answers relations within the units of one store.

    Parameters
    ----------
    values
        Looks up the fields that ``same`` compares.
    """

    def __init__(self, units: Units, values: FieldValues) -> None:
        self._units = units
        self._traces = units.traces
        self._values = values
        self._family = kinship.Family(units.traces)
        self._pairer = Pairer(units)
        self._decisives: dict[tuple[RelationKind, SpanSet], SpanSet] = {}
        self._position: dict[SpanSet, NDArray[np.int32] | None] = {}
        self._times: dict[tuple[RelationKind, SpanSet], Times] = {}
        self._between: dict[SpanSet, order.Between] = {}

    def related(
        self,
        relation: Relation,
        subjects: SpanSet,
        partners: SpanSet,
        between: SpanSet | None,
        margin_ns: int,
        *,
        code_of: Callable[[Field], NDArray[np.int64]],
        may_meet: bool,
    ) -> Mask:
        """Return which subjects stand in a relation to some other span of their unit.

        Parameters
        ----------
        subjects, partners
            Spans, the partners' rows ascending and members of units.
        between
            The spans of ``without``, all members; None where the relation has none.
        margin_ns
            How far each comparison of times is moved: forward to be certain, back (negative) to be possible.
        code_of
            Gives the codes of a field of the subjects, -1 where it joins nothing.
        may_meet
            Whether some span may be both subject and partner.
        """
        within_ns = relation.within.ns if isinstance(relation.within, Duration) else None
        keys = [(code_of(own), self._values.join_codes(partners.rows, other)) for own, other in relation.same]
        kind = relation.kind
        if self._units.is_whole and not (keys or between is not None or within_ns is not None):
            partners = self._decisive(kind, partners, may_meet=may_meet)
        position = None if self._family.has_cycles else self._positions(partners)
        excluded = None if between is None else self._excluded(between)
        if position is not None and (excluded is None or not margin_ns):
            if kind.is_ordered and excluded is None and not (keys or may_meet):
                told = in_order_alone(kind, subjects, self._times_by_unit(kind, partners), margin_ns, within_ns)
                if told is not None:
                    return told
            couples = alone(subjects, partners, position, may_meet=may_meet)
            return related_alone(kind, couples, keys, self._family, margin_ns, within_ns, excluded)
        if kind in _DIRECT:
            return fitting(self._linked(kind, subjects, partners), keys, margin_ns, within_ns)
        if kind in (RelationKind.UNDER, RelationKind.OVER):
            return self._kin(kind, subjects, partners, keys, margin_ns, within_ns)
        if kind is RelationKind.SIBLING_OF:
            of_span = self._family.sibling_key()
            own, their = of_span.take(subjects.at), of_span.take(partners.at)
            if self._units.is_whole and not (self._family.has_orphans or may_meet or keys or within_ns is not None):
                return self._pairer.places.are_among(own, their)
            keys.append((own, their))
        pairing = self._pairer.pair(subjects, partners, keys, may_meet=may_meet)
        if kind is RelationKind.OVERLAPS:  # no gap is above 0 then, so every distance is within
            return order.overlapping(pairing, margin_ns)
        if kind in (RelationKind.SIBLING_OF, RelationKind.BESIDE):
            return order.beside(pairing, margin_ns, within_ns)
        return order.in_order(kind, pairing, margin_ns, within_ns, excluded)

    def _linked(self, kind: RelationKind, subjects: SpanSet, partners: SpanSet) -> Couples:
        """Return subjects with the partners that are their parent, or their child, in their unit."""
        if kind is RelationKind.CHILD_OF:
            of_subjects, of_partners = kinship.parents_of(self._traces, subjects, partners, self._pairer.places)
        else:
            of_partners, of_subjects = kinship.parents_of(self._traces, partners, subjects, self._pairer.places)
        couples = Couples(subjects, partners, of_subjects, of_partners)
        if self._units.is_whole:
            return couples
        return couples.kept(couples.own(subjects.unit) == couples.their(partners.unit))

    def _decisive(self, kind: RelationKind, partners: SpanSet, *, may_meet: bool) -> SpanSet:
        """Return partners that tell as much as all, looked at once a kind."""
        if kind is RelationKind.UNDER:
            if self._family.has_cycles:
                return partners
        elif may_meet or not (kind.is_ordered or kind is RelationKind.BESIDE):
            return partners
        if (kind, partners) not in self._decisives:
            is_under = kind is RelationKind.UNDER
            few = kinship.outermost(self._traces, partners) if is_under else decisive(kind, partners)
            self._decisives[kind, partners] = few
        return self._decisives[kind, partners]

    def _positions(self, partners: SpanSet) -> NDArray[np.int32] | None:
        """Return the position of the one partner of each unit, looked at once; None: some unit has two."""
        if partners not in self._position:
            self._position[partners] = positions_by_unit(partners)
        return self._position[partners]

    def _times_by_unit(self, kind: RelationKind, partners: SpanSet) -> Times:
        """Return the time an order compares of the one partner of each unit, looked at once."""
        if (kind, partners) not in self._times:
            self._times[kind, partners] = times_by_unit(kind, partners)
        return self._times[kind, partners]

    def _excluded(self, spans: SpanSet) -> order.Between:
        """Return the spans of ``without``, looked at once."""
        if spans not in self._between:
            self._between[spans] = order.Between(spans)
        return self._between[spans]

    def settled(self, relation: Relation, subjects: Rows) -> Mask | None:
        """Return for which subjects the spans seen tell all that can be a partner; None: for none of them."""
        parent = self._traces.parent_row[subjects]
        match relation.kind:
            case RelationKind.CHILD_OF:
                return np.asarray(parent != -2, dtype=np.bool_)
            case RelationKind.UNDER:
                return self._family.is_rooted(subjects)
            case RelationKind.SIBLING_OF:
                return np.asarray(parent == -1, dtype=np.bool_)
        return None

    def _kin(
        self,
        kind: RelationKind,
        subjects: SpanSet,
        partners: SpanSet,
        keys: list[Key],
        margin_ns: int,
        within_ns: int | None,
    ) -> Mask:
        is_under = kind is RelationKind.UNDER
        walk = kinship.walked_up if is_under else kinship.walked_down
        if self._units.is_whole and not self._family.has_cycles and (keys or is_under or within_ns is not None):
            couples = self._covered(kind, subjects, partners)
            if couples is not None:
                return fitting(couples, keys, margin_ns, within_ns)
        if within_ns is not None:
            is_asked = np.zeros(self._units.n + 1, dtype=np.bool_)  # the last: of spans in no unit
            is_asked[subjects.unit] = True
            near = partners.rows[is_asked[partners.unit]]
            test = self._test(subjects.rows, partners.rows, keys, margin_ns, within_ns)
            return walk(self._traces, subjects.rows, near, test)
        pairing = self._pairer.pair(subjects, partners, keys, may_meet=False)
        hits = (kinship.covered if is_under else kinship.covering)(self._traces, pairing)
        loops = self._traces.structure.depth[partners.at] < 0
        if not loops.any():
            return hits
        test = self._test(subjects.rows, partners.rows, keys, margin_ns, within_ns)
        return hits | walk(self._traces, subjects.rows, partners.rows[loops], test)

    def _covered(self, kind: RelationKind, subjects: SpanSet, partners: SpanSet) -> Couples | None:
        """Return subjects with the partners over, or under, them; None: those above are not told so."""
        is_under = kind is RelationKind.UNDER
        lower, upper = (subjects, partners) if is_under else (partners, subjects)
        pairing = self._pairer.pair(lower, upper, (), may_meet=False)
        if pairing.partners is not upper:  # of several names, and so out of order
            return None
        found = kinship.ancestors_of(self._traces, pairing)
        if found is None:
            return None
        of_lower, of_upper = found
        return Couples(subjects, partners, *((of_lower, of_upper) if is_under else (of_upper, of_lower)))

    def _test(
        self, subjects: Rows, partners: Rows, keys: list[Key], margin_ns: int, within_ns: int | None
    ) -> kinship.Test:
        """Return the test of single pairs: one unit, the same values, near enough in time."""
        spread = [(self._by_row(subjects, a), self._by_row(partners, b)) for a, b in keys]
        unit_of = None if self._units.is_whole else self._units.unit_of
        start, end = self._traces.start_ns, self._traces.end_ns

        def test(subject: NDArray[np.int64], partner: NDArray[np.int64]) -> Mask:
            fits = np.ones(len(subject), dtype=np.bool_)
            if unit_of is not None:
                fits &= unit_of[subject] == unit_of[partner]
            for of_subject, of_partner in spread:
                code = of_subject[subject]
                fits &= (code > 0) & (code == of_partner[partner])
            if within_ns is not None:
                reach = within_ns - margin_ns
                fits &= shifted(end[partner], reach) >= start[subject]
                fits &= shifted(end[subject], reach) >= start[partner]
            return fits

        return test

    def _by_row(self, rows: Rows, codes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return one more than the codes of some rows, a number a span; 0 elsewhere, as fresh memory is."""
        spread = np.zeros(self._traces.n_spans, dtype=np.int64)
        spread[rows] = codes + 1
        return spread
