"""Relations in the tree of a trace: parents, ancestors, siblings.

A parent is looked at directly. Ancestors are ranges of pre-order numbers, which nest, so a running maximum of their
ends tells whether one covers a span. Only where the distance in time matters, or parents form a cycle, are the
chains of parents walked, all at once, a level at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fluo_lab.engine.logic import Mask
from fluo_lab.engine.relations.pairing import Pairing, Places
from fluo_lab.engine.runs import Positions, bisect, running_max, sorted_in_runs
from fluo_lab.engine.spans import SpanSet
from fluo_lab.engine.units import Rows
from fluo_lab.traces import Traces

__all__ = [
    "Family",
    "Test",
    "ancestors_of",
    "covered",
    "covering",
    "outermost",
    "parents_of",
    "walked_down",
    "walked_up",
]

Test = Callable[[NDArray[np.int64], NDArray[np.int64]], Mask]
"""Whether pairs of a subject and a partner, as two arrays of rows, satisfy all but the kinship."""


class Family:
    """How the spans of a store are related, and what of it may still change."""

    def __init__(self, traces: Traces) -> None:
        self._traces = traces
        self._sibling_key: NDArray[np.int64] | None = None

    @property
    def parent(self) -> NDArray[np.int64]:
        """The row of every span's parent, below 0 where there is none."""
        return self._traces.parent_row

    @cached_property
    def has_cycles(self) -> bool:
        """Whether the parents of some spans form a cycle."""
        return bool(self._traces.traces["has_cycle"].any())

    @cached_property
    def has_orphans(self) -> bool:
        """Whether the parents of some spans are not there."""
        return bool((self._traces.traces["n_orphans"] > 0).any())

    def is_under(self, low: NDArray[np.int64], high: NDArray[np.int64]) -> Mask:
        """Return which of some rows are descendants of others, in pairs; cycles of parents aside."""
        structure = self._traces.structure
        number, top = structure.preorder.take(low), structure.preorder.take(high)
        is_under = number > top
        is_under &= number < top + structure.subtree_size.take(high)
        return is_under

    def sibling_key(self) -> NDArray[np.int64]:
        """Return a number a span that siblings, and only they, share; -1 for a root."""
        if self._sibling_key is None:
            parent = self._traces.parent_row
            key = parent
            if self.has_orphans:
                key = np.where(parent >= 0, parent, -1)
                orphans = np.flatnonzero(parent == -2)
                missing = self._traces.table.select("trace", "parent_span_id")[orphans]
                number = missing.select(pl.struct(pl.all()).rank("dense")).to_series().to_numpy()
                key[orphans] = self._traces.n_spans + number
            self._sibling_key = key
        return self._sibling_key

    def is_rooted(self, rows: Rows) -> Mask:
        """Return which of some spans have a chain of parents that ends in a root."""
        structure = self._traces.structure
        at = np.searchsorted(self._tops[0], structure.preorder[rows], side="right") - 1
        is_rooted = self._tops[1][at]
        return np.asarray(is_rooted & (structure.depth[rows] >= 0), dtype=np.bool_)

    @cached_property
    def _tops(self) -> tuple[Positions, Mask]:
        """Pre-order numbers of spans with nothing above them, ascending; whether each is a root, with False behind."""
        parent, structure = self._traces.parent_row, self._traces.structure
        tops = np.flatnonzero((parent < 0) & (structure.depth == 0))
        number = structure.preorder[tops]
        order = np.argsort(number)
        return number[order], np.append(parent[tops[order]] == -1, False)


def parents_of(traces: Traces, children: SpanSet, parents: SpanSet, places: Places) -> tuple[Positions, Positions]:
    """Return which spans have their parent among others, as positions among both; no span is its own."""
    parent = traces.parent_row.take(children.at)
    at = np.flatnonzero(parent >= 0)
    above = parent.take(at)
    place = places.of(parents, above)
    found = np.flatnonzero((place >= 0) & (above != children.at.take(at)))
    return at.take(found), place.take(found)


def outermost(traces: Traces, spans: SpanSet) -> SpanSet:
    """Return those of some spans, sorted by trace, that lie under none of them: whatever does lies under these.

    Units are traces, without cycles of parents.
    """
    preorder = traces.structure.preorder.take(spans.at)
    reach = preorder + traces.structure.subtree_size.take(spans.at)
    order = sorted_in_runs(spans.unit, preorder)
    if order is not None:
        preorder, reach = preorder.take(order), reach.take(order)
    if not (preorder[1:] < reach[:-1]).any():
        return spans
    is_top = np.append(True, preorder[1:] >= np.maximum.accumulate(reach)[:-1])
    at = np.flatnonzero(is_top)
    return spans.part(at if order is None else order.take(at))


def ancestors_of(traces: Traces, pairing: Pairing) -> tuple[Positions, Positions] | None:
    """Return which subjects have an ancestor among the partners, as positions among both.

    None, where a partner is above another: then a subject may have several. Units are traces, without cycles of
    parents.
    """
    structure = traces.structure
    preorder = structure.preorder.take(pairing.partners.at)
    reach = preorder + structure.subtree_size.take(pairing.partners.at)
    order = sorted_in_runs(pairing.cell, preorder)
    if order is not None:
        preorder, reach = preorder.take(order), reach.take(order)
    if (preorder[1:] < reach[:-1]).any():
        return None
    own = structure.preorder.take(pairing.subjects.at)
    at = bisect(preorder, pairing.low, pairing.high, own) - 1
    of_subjects = np.flatnonzero(at >= pairing.low)
    at = at.take(of_subjects)
    is_under = np.flatnonzero(reach.take(at) > own.take(of_subjects))
    at = at.take(is_under)
    return of_subjects.take(is_under), at if order is None else order.take(at)


def covered(traces: Traces, pairing: Pairing) -> Mask:
    """Return which subjects lie under a partner; cycles of parents aside."""
    structure = traces.structure
    preorder = structure.preorder.take(pairing.partners.at)
    order = sorted_in_runs(pairing.cell, preorder)
    if order is not None:
        pairing, preorder = pairing.ordered_by(order), preorder[order]
    if not len(preorder):
        return np.zeros(len(pairing.subjects), dtype=np.bool_)
    reach = running_max(preorder + structure.subtree_size.take(pairing.partners.at), pairing.bounds[pairing.cell])
    own = structure.preorder.take(pairing.subjects.at)
    low, high = pairing.low, pairing.high
    behind = bisect(preorder, low, high, own)
    return np.asarray((behind > low) & (reach[np.maximum(behind - 1, 0)] > own) & (own >= 0), dtype=np.bool_)


def covering(traces: Traces, pairing: Pairing) -> Mask:
    """Return which subjects lie over a partner; cycles of parents aside."""
    structure = traces.structure
    preorder = structure.preorder.take(pairing.partners.at)
    order = sorted_in_runs(pairing.cell, preorder)
    if order is not None:
        pairing, preorder = pairing.ordered_by(order), preorder[order]
    own = structure.preorder.take(pairing.subjects.at)
    low, high = pairing.low, pairing.high
    first = bisect(preorder, low, high, own, right=True)
    behind = bisect(preorder, low, high, own + structure.subtree_size.take(pairing.subjects.at))
    return np.asarray((behind > first) & (own >= 0), dtype=np.bool_)


def walked_up(traces: Traces, subjects: Rows, partners: Rows, test: Test) -> Mask:
    """Return which subjects have an ancestor among the partners, by walking up from each subject."""
    hits = np.zeros(len(subjects), dtype=np.bool_)
    is_partner = np.zeros(traces.n_spans, dtype=np.bool_)
    is_partner[partners] = True
    for at, ancestor in _climb(traces, subjects.astype(np.int64), hits):
        here = is_partner[ancestor]
        hits[at[here]] |= test(subjects[at[here]].astype(np.int64), ancestor[here])
    return hits


def walked_down(traces: Traces, subjects: Rows, partners: Rows, test: Test) -> Mask:
    """Return which subjects have a descendant among the partners, by walking up from each partner."""
    has_below = np.zeros(traces.n_spans, dtype=np.bool_)
    origin = partners.astype(np.int64)
    for at, ancestor in _climb(traces, origin, np.zeros(len(partners), dtype=np.bool_)):
        fits = test(ancestor, origin[at])
        has_below[ancestor[fits]] = True
    return has_below[subjects]


def _climb(
    traces: Traces, origin: NDArray[np.int64], is_done: Mask
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield the ancestors of spans, a level at a time, as positions in ``origin`` and rows.

    A walk ends at a root, at itself, and where the caller has set ``is_done``. One under a cycle ends when it has
    taken as many steps as its trace has spans in cycles.
    """
    parent = traces.parent_row
    loops = traces.structure.depth < 0
    longest = int(np.bincount(traces.trace_of[loops]).max(initial=0))
    current = parent[origin]
    at = np.flatnonzero(current >= 0)
    n_steps = 0
    while len(at):
        at = at[current[at] != origin[at]]
        yield at, current[at]
        n_steps += 1
        at = at[~is_done[at]]
        if n_steps >= longest:
            at = at[~loops[origin[at]]]
        current[at] = parent[current[at]]
        at = at[current[at] >= 0]
