"""How names nest: which spans stand under which, who is a root, which names are plumbing."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fluo_lab.mining.occurrences import Occurrences
from fluo_lab.traces import SpanKind

__all__ = ["Nesting"]

_BARE_METHOD = re.compile(r"(?:HTTP )?(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|HTTP)")

_DEEPEST = 24
"""Levels above a span that are looked at."""


@dataclass(frozen=True)
class Nesting:
    """Facts about names, numbered as in ``Occurrences``.

    Attributes
    ----------
    under
        Share of the spans of a (row) that have an ancestor b (column).
    child_of
        Share of the spans of a whose parent is a b.
    root_share
        Share of the spans of a that are roots.
    service
        Code of the service most spans of a belong to.
    n_services
        How many services have spans of a.
    n_parents
        How many names the parents of a have.
    is_internal
        Whether most spans of a are of kind internal.
    is_bare_method
        Whether a is called after an HTTP method alone.
    kind_of_trace
        For every trace a number from 0 on, equal where the first roots have one name. Traces without a root, and
        those whose root has a name that is not mined, are of one kind.
    """

    under: NDArray[np.float64]
    child_of: NDArray[np.float64]
    root_share: NDArray[np.float64]
    service: NDArray[np.int64]
    n_services: NDArray[np.int64]
    n_parents: NDArray[np.int64]
    is_internal: NDArray[np.bool_]
    is_bare_method: NDArray[np.bool_]
    kind_of_trace: NDArray[np.int64]

    @classmethod
    def of(cls, occurrences: Occurrences) -> Nesting:
        """Return what the parents of the spans say."""
        traces, n = occurrences.traces, len(occurrences)
        name = occurrences.name_of_span
        parent = traces.table["parent_row"].to_numpy().astype(np.int64)
        spans = np.maximum(np.bincount(name[name >= 0], minlength=n), 1)
        under = np.zeros((n, n))
        child = np.zeros((n, n))
        row = np.flatnonzero((name >= 0) & (parent >= 0))
        above = parent[row]
        for level in range(_DEEPEST):
            known = name[above] >= 0
            pairs = np.bincount(name[row][known] * n + name[above][known], minlength=n * n).reshape(n, n)
            under += pairs
            if level == 0:
                child += pairs
            up = parent[above]
            going = up >= 0
            row, above = row[going], up[going]
            if not len(row):
                break
        service = traces.table["service"].to_numpy().astype(np.int64)
        is_internal = np.isin(traces.table["kind"].to_numpy(), [SpanKind.INTERNAL, SpanKind.UNSPECIFIED])
        by_service = _cross(name, service, n, len(traces.service_dictionary))
        parents = traces.table["name"].to_numpy()[np.maximum(parent, 0)].astype(np.int64)
        held = (name >= 0) & (parent >= 0)
        pairs_of_parents = np.unique(name[held] * len(traces.name_dictionary) + parents[held]) // max(
            len(traces.name_dictionary), 1
        )
        kinds = np.full(traces.n_traces, -1, dtype=np.int64)
        roots = np.flatnonzero(parent == -1)[::-1]
        kinds[traces.trace_of[roots]] = name[roots]
        mine = name >= 0
        return cls(
            under=np.minimum(under / spans[:, None], 1.0),
            child_of=child / spans[:, None],
            root_share=np.bincount(name[mine & (parent == -1)], minlength=n) / spans,
            service=by_service.argmax(axis=1) if n else np.zeros(0, dtype=np.int64),
            n_services=(by_service > 0).sum(axis=1),
            n_parents=np.bincount(pairs_of_parents, minlength=n),
            is_internal=np.bincount(name[mine & is_internal], minlength=n) * 2 > spans,
            is_bare_method=np.array([_BARE_METHOD.fullmatch(x) is not None for x in occurrences.names], dtype=np.bool_),
            kind_of_trace=kinds + 1,
        )

    def is_plumbing(self, a: int) -> bool:
        """Whether a name says only how, not what: many services or many callers use it (``GET``, ``db.query``)."""
        return bool(self.is_bare_method[a] or self.n_services[a] > 1 or self.n_parents[a] > 3)

    def are_nested(self, a: int, b: int) -> bool:
        """Whether spans of one stand under spans of the other more than now and then."""
        return bool(max(self.under[a, b], self.under[b, a]) > 0.05)


def _cross(left: NDArray[np.int64], right: NDArray[np.int64], n_left: int, n_right: int) -> NDArray[np.int64]:
    """Return how often each pair of codes occurs; negative codes on the left do not count."""
    known = left >= 0
    flat = np.bincount(left[known] * n_right + right[known], minlength=n_left * n_right)
    return flat.reshape(n_left, n_right)
