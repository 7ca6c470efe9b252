"""Values: all A of a trace carry one value of an attribute."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fluo_lab.mining.draft import Draft
from fluo_lab.mining.fields import FieldColumn, field_columns
from fluo_lab.mining.landscape import Landscape
from fluo_lab.mining.shape import Family, Shape
from fluo_lab.traces import ValueType

__all__ = ["distinct_one"]

_DIVERSE = 0.3
"""Below this chance that two traces differ in the attribute, one value a trace is no news."""

_WORTH = {ValueType.TEXT: 1.0, ValueType.INT: 0.6, ValueType.DOUBLE: 0.6, ValueType.BOOL: 0.0}


def distinct_one(land: Landscape) -> Iterator[Draft]:
    """Yield ``distinct(A, f) == 1`` where A repeats in enough traces for it to mean something.

    The null is the chance that a span of another trace would have had the same value.
    """
    for a in land.speakers:
        column = land.occurrences[a]
        repeated = column.trace[(column.count > 1) & land.looks.good[column.trace]]
        if len(repeated) < land.settings.min_support or land.nesting.is_plumbing(a):
            continue
        for field in field_columns(land.occurrences, a):
            yield from _of_field(land, a, field)


def _of_field(land: Landscape, a: int, field: FieldColumn) -> Iterator[Draft]:
    column = land.occurrences[a]
    value = field.identity
    order = np.lexsort((value, field.trace))
    trace, value = field.trace[order], value[order]
    new = np.ones(len(trace), dtype=np.bool_)
    new[1:] = (trace[1:] != trace[:-1]) | (value[1:] != value[:-1])
    n_distinct = np.bincount(trace[new], minlength=land.traces.n_traces)[column.trace]
    n_values = np.bincount(trace, minlength=land.traces.n_traces)[column.trace]
    good = land.looks.good[column.trace]
    broken = n_distinct != 1
    if not land.settings.tolerates(int(broken[good].sum()), int(good.sum()), is_labelled=True):
        return
    first = np.ones(len(trace), dtype=np.bool_)
    first[1:] = trace[1:] != trace[:-1]
    _, sizes = np.unique(value[first & land.looks.good[trace]], return_counts=True)
    n = int(sizes.sum())
    same = float((sizes * (sizes - 1)).sum()) / max(n * (n - 1), 1)
    if 1 - same < _DIVERSE:
        return
    unique_share = len(sizes) / max(n, 1)
    yield Draft(
        shape=Shape(Family.DISTINCT_ONE, land.occurrences.names[a], field=field.key),
        left=a,
        right=a,
        rows=column.trace,
        broken=broken,
        null_rate=max(same, 1e-6),
        trials=n_values > 1,
        relevance=_WORTH[field.type] * (0.3 + 0.7 * unique_share) * (1 - 0.05 * min(land.carriers[field.key], 10)),
    )
