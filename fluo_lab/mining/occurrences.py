"""Where each span name occurs: counts and first and last times for every trace and name, name by name."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fluo_lab.traces import Traces

__all__ = ["Column", "Occurrences"]

MAX_NAMES = 600
"""Names beyond the most frequent ones are not mined; a system with more has ids in its names."""


@dataclass(frozen=True, slots=True)
class Column:
    """One name's traces, ascending, and what it does in each; all arrays parallel.

    Attributes
    ----------
    trace
        Row of the trace.
    count
        How many spans of the name it has.
    first_start, last_start, first_end, last_end
        Nanoseconds since the epoch.
    """

    trace: NDArray[np.int64]
    count: NDArray[np.int64]
    first_start: NDArray[np.int64]
    last_start: NDArray[np.int64]
    first_end: NDArray[np.int64]
    last_end: NDArray[np.int64]


class Occurrences:
    """Names of a store that occur often enough, numbered from 0 in order of frequency.

    Attributes
    ----------
    traces
        The store.
    names
        The span names.
    rare
        How many names were left out because they are too rare, or one of too many.
    """

    def __init__(self, traces: Traces, *, min_traces: int) -> None:
        self.traces = traces
        code = traces.table["name"].to_numpy().astype(np.int64)
        self._trace = traces.trace_of.astype(np.int64)
        n_names = len(traces.name_dictionary)
        order = np.argsort(code * max(traces.n_traces, 1) + self._trace, kind="stable")
        by_code, by_trace = code[order], self._trace[order]
        first = np.ones(len(order), dtype=np.bool_)
        first[1:] = (by_code[1:] != by_code[:-1]) | (by_trace[1:] != by_trace[:-1])
        starts = np.flatnonzero(first)
        n_traces_of = np.bincount(by_code[starts], minlength=n_names)
        kept = np.argsort(-n_traces_of, kind="stable")[:MAX_NAMES]
        kept = kept[n_traces_of[kept] >= min_traces]
        self.codes: NDArray[np.int64] = kept
        self.names: tuple[str, ...] = tuple(traces.name_dictionary.values.gather(kept).to_list())
        self.rare = int((n_traces_of > 0).sum()) - len(kept)
        number_of = np.full(n_names, -1, dtype=np.int64)
        number_of[kept] = np.arange(len(kept))
        self.name_of_span: NDArray[np.int64] = number_of[code]
        self._columns = self._aggregate(order, starts, number_of[by_code[starts]], by_trace[starts])

    def _aggregate(
        self,
        order: NDArray[np.int64],
        starts: NDArray[np.int64],
        number: NDArray[np.int64],
        trace: NDArray[np.int64],
    ) -> dict[int, Column]:
        if not len(order):
            return {}
        start = self.traces.table["start_ns"].to_numpy()[order]
        end = self.traces.table["end_ns"].to_numpy()[order]
        count = np.diff(np.append(starts, len(order)))
        parts = (
            trace,
            count,
            np.minimum.reduceat(start, starts),
            np.maximum.reduceat(start, starts),
            np.minimum.reduceat(end, starts),
            np.maximum.reduceat(end, starts),
        )
        columns = {}
        edges = np.append(np.flatnonzero(np.append(True, number[1:] != number[:-1])), len(number))
        for low, high in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            if number[low] >= 0:
                columns[int(number[low])] = Column(*(part[low:high] for part in parts))
        return columns

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, number: int) -> Column:
        return self._columns[number]

    @cached_property
    def presence(self) -> sparse.csr_array:
        """Which trace has which name, int64 of 0 and 1, shape ``(n_traces, n_names)``."""
        rows = np.concatenate([c.trace for c in self._columns.values()] or [np.zeros(0, dtype=np.int64)])
        names = np.repeat(list(self._columns), [len(c.trace) for c in self._columns.values()])
        shape = (self.traces.n_traces, len(self))
        return sparse.csr_array((np.ones(len(rows), dtype=np.int64), (rows, names.astype(np.int64))), shape=shape)

    def together(self, mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return in how many traces of a mask two names occur together, shape ``(n_names, n_names)``.

        Equal presence rows are taken as one weighted row: real systems have few distinct ones.
        """
        n = len(self)
        signature = self._signature[mask]
        distinct, first, weight = np.unique(signature, return_index=True, return_counts=True)
        if not len(distinct) or not n:
            return np.zeros((n, n), dtype=np.int64)
        rows = self.presence[np.flatnonzero(mask)[first]]
        weighted = rows.multiply(weight.astype(np.int64)[:, None]).tocsr()
        return np.asarray((rows.T @ weighted).toarray(), dtype=np.int64)

    @cached_property
    def _signature(self) -> NDArray[np.uint64]:
        """A number a trace, equal where presence rows are."""
        signature = np.zeros(self.traces.n_traces, dtype=np.uint64)
        hashes = np.random.default_rng(1).integers(1, 1 << 63, size=max(len(self), 1), dtype=np.uint64)
        for number, column in self._columns.items():
            signature[column.trace] += hashes[number]
        return signature
