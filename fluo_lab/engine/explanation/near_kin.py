"""What spans are to one another in the tree of a trace, for one span and many others at once."""

from __future__ import annotations

from enum import Enum

import numpy as np
from numpy.typing import NDArray

from fluo_lab.engine.explanation.unit_view import UnitView
from fluo_lab.engine.units import Rows
from fluo_lab.language import RelationKind

__all__ = ["WANTED_KIN", "Kin", "kin_masks", "kin_of"]

Mask = NDArray[np.bool_]


class Kin(Enum):
    """What a span is to another, the closest first; the values are the words."""

    PARENT = "the parent"
    CHILD = "a child"
    ANCESTOR = "an ancestor"
    DESCENDANT = "a descendant"
    SIBLING = "a sibling"
    COUSIN = "in another branch"
    STRANGER = "in another trace"


WANTED_KIN = {
    RelationKind.CHILD_OF: Kin.PARENT,
    RelationKind.PARENT_OF: Kin.CHILD,
    RelationKind.UNDER: Kin.ANCESTOR,
    RelationKind.OVER: Kin.DESCENDANT,
    RelationKind.SIBLING_OF: Kin.SIBLING,
}
"""What a partner must be to the span a relation is asked of."""


def kin_masks(view: UnitView, row: int, rows: Rows) -> dict[Kin, Mask]:
    """Return which spans are what to a span in the tree of its trace."""
    parent, structure = view.parent, view.traces.structure
    own_parent = int(parent[row])
    is_here = view.traces.trace_of[rows] == view.traces.trace_of[row]
    number, own = structure.preorder[rows], int(structure.preorder[row])
    if own >= 0:
        is_above = is_here & (number >= 0) & (number < own) & (number + structure.subtree_size[rows] > own)
        is_below = is_here & (number > own) & (number < own + int(structure.subtree_size[row]))
    else:
        is_above = np.isin(rows, _climb(parent, row))
        is_below = _climbs_to(parent, rows, row)
    return {
        Kin.PARENT: is_here & (rows == own_parent) if own_parent >= 0 else np.zeros(len(rows), dtype=np.bool_),
        Kin.CHILD: parent[rows] == row,
        Kin.ANCESTOR: is_above,
        Kin.DESCENDANT: is_below,
        Kin.SIBLING: is_here & _is_sibling(view, row, rows),
    }


def _is_sibling(view: UnitView, row: int, rows: Rows) -> Mask:
    parent, own = view.parent[rows], int(view.parent[row])
    if own != -2:
        return np.asarray((parent == own) & (own >= 0), dtype=np.bool_)
    ids = view.traces.table["parent_span_id"]
    is_same = (ids.gather(rows) == ids[row]).fill_null(False).to_numpy()
    return np.asarray((parent == -2) & is_same, dtype=np.bool_)


_STEPS = 10_000


def _climb(parent: NDArray[np.int64], row: int) -> list[int]:
    """Return the ancestors of a span in or under a cycle of parents, up to the first that comes twice."""
    found: dict[int, None] = {}
    here = int(parent[row])
    while here >= 0 and here != row and here not in found and len(found) < _STEPS:
        found[here] = None
        here = int(parent[here])
    return list(found)


def _climbs_to(parent: NDArray[np.int64], rows: Rows, row: int) -> Mask:
    """Return which spans have a span in or under a cycle of parents among their ancestors."""
    here = parent[rows]
    hits = here == row
    for _ in range(min(len(rows) + 1, 1_000)):
        here = np.where((here >= 0) & (here != rows), parent[np.maximum(here, 0)], -1)
        if not (here >= 0).any():
            break
        hits |= here == row
    return np.asarray(hits, dtype=np.bool_)


def kin_of(view: UnitView, row: int, partner: int) -> Kin:
    """Return what a span is to another: the closest kinship there is."""
    rows = np.array([partner], dtype=np.uint32)
    if view.traces.trace_of[row] != view.traces.trace_of[partner]:
        return Kin.STRANGER
    masks = kin_masks(view, row, rows)
    return next((kin for kin, mask in masks.items() if mask[0]), Kin.COUSIN)
