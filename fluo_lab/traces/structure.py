"""How the spans of a trace hang together: parents, depth, pre-order, and what is missing.

Parents are resolved by (trace id, span id), never by span id alone. Pointer doubling finds depths in a logarithmic
number of steps, so a chain of 100,000 spans needs no recursion. A span in or under a cycle of parents has depth -1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

__all__ = ["Structure", "in_cycle", "resolve_parents"]

Rows = NDArray[np.int64]


def resolve_parents(spans: pl.DataFrame) -> Rows:
    """Return the row of every span's parent, -1 for a root, -2 for a parent that is not there.

    Parameters
    ----------
    spans
        Columns ``trace`` (code), ``span_id``, ``parent_span_id``, sorted by trace. Where a trace holds a span id
        twice, its first row is the parent.
    """
    ids = spans.select("trace", _compact(spans, "span_id"), _compact(spans, "parent_span_id"))
    keyed = ids.select("trace", "span_id").with_row_index("parent")
    children = ids.select("trace", "parent_span_id")
    found = _joined(children, keyed)
    if found.height != spans.height:  # a span id occurs twice in its trace
        found = _joined(children, keyed.unique(["trace", "span_id"], keep="first", maintain_order=True))
    rows = found.select(
        pl.when(pl.col("parent_span_id").is_null())
        .then(-1)
        .otherwise(pl.col("parent").cast(pl.Int64).fill_null(-2))
        .alias("parent")
    )
    return rows["parent"].to_numpy().astype(np.int64)


def _joined(children: pl.DataFrame, keyed: pl.DataFrame) -> pl.DataFrame:
    """Return the children, in order, with the row of each one's parent."""
    return children.join(
        keyed,
        left_on=["trace", "parent_span_id"],
        right_on=["trace", "span_id"],
        how="left",
        maintain_order="left",
    )


def _compact(spans: pl.DataFrame, column: str) -> pl.Series:
    """Return span ids as integers where all of them are 16 hex digits, else as they are; joins are faster so."""
    for ids in (spans["span_id"], spans["parent_span_id"]):
        if not ids.str.contains(r"\A[0-9a-f]{16}\z").all():
            return spans[column]
    return spans[column].str.to_integer(base=16, dtype=pl.UInt64)


def _doubled(parent: Rows, step: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return for every row the sum of ``step`` over itself and its ancestors, and which rows reach no top."""
    total = step.copy()
    ancestor = np.where(parent >= 0, parent, -1)
    for _ in range(max(1, len(parent).bit_length()) + 1):
        open_rows = np.flatnonzero(ancestor >= 0)
        if not len(open_rows):
            break
        above = ancestor[open_rows]
        total[open_rows] += total[above]
        ancestor[open_rows] = ancestor[above]
    return total, ancestor >= 0


def in_cycle(parent: Rows) -> NDArray[np.bool_]:
    """Return which rows are in, or hang under, a cycle of parents."""
    if (parent < np.arange(len(parent))).all():  # every parent comes before its child: no way back
        return np.zeros(len(parent), dtype=np.bool_)
    return _doubled(parent, np.zeros(len(parent), dtype=np.int64))[1]


@dataclass(frozen=True, slots=True)
class Structure:
    """Depth, pre-order number and subtree size of every span.

    Attributes
    ----------
    depth
        0 for a span without a parent that is there, -1 in or under a cycle of parents.
    preorder
        Number of the span when its trace's trees are walked parent first, children by start; unique over all
        spans. The descendants of a span are the numbers from its own, exclusive, to ``preorder + subtree_size``,
        exclusive. -1 in or under a cycle.
    subtree_size
        The span and its descendants.
    """

    depth: Rows
    preorder: Rows
    subtree_size: Rows

    @classmethod
    def of(cls, parent: Rows) -> Structure:
        """Return the structure that resolved parents give; rows are in order of trace and start."""
        n = len(parent)
        has_parent = parent >= 0
        depth, looping = _doubled(parent, has_parent.astype(np.int64))
        depth[looping] = -1
        size = np.ones(n, dtype=np.int64)
        settled = has_parent & ~looping
        by_depth = np.argsort(depth, kind="stable")
        bounds = np.searchsorted(depth[by_depth], np.arange(int(depth.max(initial=0)) + 2))
        for level in range(len(bounds) - 2, 0, -1):
            rows = by_depth[bounds[level] : bounds[level + 1]]
            np.add.at(size, parent[rows], size[rows])
        # offset of a span = the spans its earlier siblings and its ancestors' earlier siblings cover, plus depth
        anchor = np.where(settled, parent, n)  # trees follow each other in row order under one virtual root
        order = np.argsort(anchor, kind="stable")
        before = np.cumsum(size[order]) - size[order]
        first = np.ones(n, dtype=np.bool_)
        first[1:] = anchor[order][1:] != anchor[order][:-1]
        base = np.maximum.accumulate(np.where(first, before, 0))
        offset = np.empty(n, dtype=np.int64)
        offset[order] = before - base
        preorder, _ = _doubled(parent, offset + settled)
        preorder[looping] = -1
        return cls(depth, preorder, size)
