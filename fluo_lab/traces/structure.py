"""How the spans of a trace hang together: parents, depth, pre-order, and what is missing.

Parents are resolved by (trace id, span id), never by span id alone. Pointer doubling finds depths in a logarithmic
number of steps, so a chain of 100,000 spans needs no recursion. A span in or under a cycle of parents has depth -1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

__all__ = ["Structure", "compact_ids", "in_cycle", "repeats_id", "resolve_parents"]

Rows = NDArray[np.int64]

_ROWS_ABOVE = 24


def resolve_parents(spans: pl.DataFrame, *, is_repeat: NDArray[np.bool_] | None = None) -> Rows:
    """Return the row of every span's parent, -1 for a root, -2 for a parent that is not there.

    Most parents stand a few rows above their children, where comparing shifted columns finds them; only the rest is
    joined, which takes ten times the memory.

    Parameters
    ----------
    spans
        Columns ``trace`` (code), ``span_id``, ``parent_span_id``, sorted by trace, as they are or as ``compact_ids``
        returns them. Where a trace holds a span id twice, its first row is the parent.
    is_repeat
        What ``repeats_id`` says of them, if known.
    """
    ids = compact_ids(spans)
    is_repeat = repeats_id(ids) if is_repeat is None else is_repeat
    has_parent = ids["parent_span_id"].is_not_null().to_numpy()
    parent = np.where(has_parent, -2, -1).astype(np.int64)
    waiting = np.flatnonzero(has_parent)
    if ids.schema["span_id"] == pl.UInt64 and not is_repeat.any():
        waiting = _find_above(ids, parent, waiting)
    if len(waiting):
        trace = ids["trace"].to_numpy()
        concerned = np.zeros(int(trace[-1]) + 1, dtype=np.bool_)
        concerned[trace[waiting]] = True
        rows = np.flatnonzero(concerned[trace] & ~is_repeat)
        keyed = ids.select("trace", "span_id")[rows].with_columns(parent=pl.Series(rows))
        found = _joined(ids.select("trace", "parent_span_id")[waiting], keyed)
        parent[waiting] = found["parent"].fill_null(-2).to_numpy()
    return parent


def _find_above(ids: pl.DataFrame, parent: Rows, waiting: Rows) -> Rows:
    """Fill in the parents that stand at most some rows above their children; return the rows left over."""
    trace, own = ids["trace"].to_numpy(), ids["span_id"].to_numpy()
    wanted = ids["parent_span_id"].fill_null(0).to_numpy()
    left_over = []
    for distance in range(1, _ROWS_ABOVE + 1):
        is_within = (waiting >= distance) & (trace[waiting - distance] == trace[waiting])
        left_over.append(waiting[~is_within])
        waiting = waiting[is_within]
        is_found = own[waiting - distance] == wanted[waiting]
        parent[waiting[is_found]] = waiting[is_found] - distance
        waiting = waiting[~is_found]
    return np.concatenate([*left_over, waiting])


def _joined(children: pl.DataFrame, keyed: pl.DataFrame) -> pl.DataFrame:
    """Return the children, in order, with the row of each one's parent."""
    return children.join(
        keyed,
        left_on=["trace", "parent_span_id"],
        right_on=["trace", "span_id"],
        how="left",
        maintain_order="left",
    )


def compact_ids(spans: pl.DataFrame) -> pl.DataFrame:
    """Return ``trace, span_id, parent_span_id``, the ids as integers where all are 16 hex digits; joins are faster so.

    A frame this function returned comes back as it is.
    """
    columns = spans.select("trace", "span_id", "parent_span_id")
    ids = pl.col("span_id", "parent_span_id")
    if columns.schema["span_id"] != pl.String:
        return columns
    if not columns.select(pl.all_horizontal(ids.str.contains(r"\A[0-9a-f]{16}\z").all())).item():
        return columns
    return columns.with_columns(ids.str.to_integer(base=16, dtype=pl.UInt64))


def repeats_id(spans: pl.DataFrame) -> NDArray[np.bool_]:
    """Return for every span whether an earlier row of its trace has its span id.

    Parameters
    ----------
    spans
        Columns ``trace``, ``span_id`` and ``parent_span_id``, as they are or as ``compact_ids`` returns them.
    """
    ids = compact_ids(spans).select("trace", "span_id")
    if ids.schema["span_id"] == pl.UInt64:
        # Equal pairs have equal mixtures: when no two mixtures are equal, as nearly always, sorting them is enough.
        mixed = ids["span_id"].to_numpy() ^ (ids["trace"].to_numpy().astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15))
        mixed.sort()
        if not (mixed[1:] == mixed[:-1]).any():
            return np.zeros(len(mixed), dtype=np.bool_)
    return ids.select(~pl.struct("trace", "span_id").is_first_distinct()).to_series().to_numpy()


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
