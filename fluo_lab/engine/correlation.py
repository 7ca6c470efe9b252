"""Groups of spans across traces: what ``per FIELD within D`` judges."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fluo_lab.engine.columns import FieldValues
from fluo_lab.engine.context import Codes, Context
from fluo_lab.engine.logic import VERDICTS_BY_WEIGHT
from fluo_lab.engine.relations import shifted
from fluo_lab.engine.runs import run_bounds, running_max
from fluo_lab.engine.units import Rows, Units
from fluo_lab.language import Correlation, Duration, print_field
from fluo_lab.traces import Traces

__all__ = ["Group", "Groups", "groups_of"]


@dataclass(frozen=True, slots=True)
class Group:
    """One group of spans that a rule across traces judged.

    Attributes
    ----------
    key
        The texts of the values its spans share, by the field as a rule writes it.
    trace_ids
        The traces that take part, in order of their first start.
    """

    key: tuple[tuple[str, str], ...]
    trace_ids: tuple[str, ...]

    def __str__(self) -> str:
        named = ", ".join(f"{field} {value}" for field, value in self.key)
        n = len(self.trace_ids)
        return f"{named} in {n:,} {'trace' if n == 1 else 'traces'}"


class Groups(Units):
    """Spans with equal values in some fields, cut where the time between two is longer than the window.

    Attributes
    ----------
    correlation
        The fields and the window.
    """

    def __init__(
        self,
        traces: Traces,
        correlation: Correlation,
        values: FieldValues,
        unit_of: NDArray[np.int64],
        is_open: NDArray[np.bool_],
    ) -> None:
        super().__init__(traces, unit_of, is_open)
        self.correlation = correlation
        self._values = values

    @cached_property
    def _pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Each trace with each group it takes part in, by trace, then group."""
        rows = self.members(np.arange(self.traces.n_spans, dtype=np.uint32))
        pairs = np.unique(self.traces.trace_of[rows].astype(np.int64) * max(self.n, 1) + self.unit_of[rows])
        return pairs // max(self.n, 1), pairs % max(self.n, 1)

    def of_trace(self, trace: int) -> NDArray[np.int64]:
        """Return the groups a trace takes part in, ascending."""
        traces, groups = self._pairs
        low, high = np.searchsorted(traces, [trace, trace + 1])
        return groups[low:high]

    def group(self, group: int) -> Group:
        """Return what a group is about, by its number."""
        fields = [print_field(field) for field in self.correlation.fields]
        return Group(tuple(zip(fields, self.key_of(group), strict=True)), tuple(self.traces_of(group)))

    def traces_of(self, group: int) -> list[str]:
        """Return the ids of the traces that take part in a group, in order of their first start."""
        rows = np.unique(self.traces.trace_of[self.rows_of(group)])
        ids: list[str] = self.traces.traces["trace_id"].gather(rows).to_list()
        return ids

    def key_of(self, group: int) -> tuple[str, ...]:
        """Return the values the spans of a group share, as texts, in the order of the fields."""
        return self._keys[group]

    @cached_property
    def _keys(self) -> list[tuple[str, ...]]:
        members, bounds = self._by_unit
        first = np.sort(members[bounds[:-1]])
        texts = [self._values.texts(first, field) for field in self.correlation.fields]
        of_group = dict(zip(self.unit_of[first].tolist(), zip(*texts, strict=True), strict=True))
        return [of_group[group] for group in range(self.n)]

    def frame(self) -> pl.DataFrame:
        """Return one row a group: ``key, trace_ids, n_spans, start_ns, end_ns, is_open``."""
        start, end = self.bounds_ns
        numbers = range(self.n)
        return pl.DataFrame(
            {
                "key": pl.Series([list(self.key_of(group)) for group in numbers], dtype=pl.List(pl.String)),
                "trace_ids": pl.Series([self.traces_of(group) for group in numbers], dtype=pl.List(pl.String)),
                "n_spans": self.n_spans,
                "start_ns": start,
                "end_ns": end,
                "is_open": self.is_open,
            }
        )

    def to_traces(self, verdicts: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return for each trace the worst verdict of its groups; ``not_applicable`` where it has none.

        Parameters
        ----------
        verdicts
            One a group.
        """
        weights = np.zeros(self.traces.n_traces, dtype=np.int64)
        traces, groups = self._pairs
        np.maximum.at(weights, traces, _WEIGHTS[verdicts[groups]])
        return _VERDICTS[weights]

    def worst_of_trace(self, trace: int, verdicts: NDArray[np.uint8]) -> int | None:
        """Return the group that decides a trace's verdict, the earliest of equals; None where it is in none."""
        groups = self.of_trace(trace)
        return int(groups[np.argmax(_WEIGHTS[verdicts[groups]])]) if len(groups) else None


_VERDICTS = np.array(VERDICTS_BY_WEIGHT, dtype=np.uint8)
_WEIGHTS = np.argsort(_VERDICTS)


def groups_of(
    correlation: Correlation, traces: Traces, *, judge_incomplete: bool = False, seen_until_ns: int | None = None
) -> Groups:
    """Return the groups of a correlation, numbered by value and then by time.

    Parameters
    ----------
    judge_incomplete
        Whether to take every group for complete.
    seen_until_ns
        Up to when spans have been seen: a group whose window reaches there or beyond may yet get others. None: no
        more will come.
    """
    assert isinstance(correlation.within, Duration)  # noqa: S101 - the parser lets no unbound parameter through
    window = correlation.within.ns
    values = _values_of(traces)
    rows, key = _members(correlation, traces, values)
    order = np.lexsort((traces.start_ns[rows], key))
    rows, key = rows[order], key[order]
    start, end = traces.start_ns[rows], traces.end_ns[rows]
    begins = run_bounds(key, int(key.max(initial=0)) + 1)[key]
    latest = running_max(end, begins)
    is_cut = begins == np.arange(len(rows))
    is_cut[1:] |= start[1:] > shifted(latest[:-1], window)
    number = np.cumsum(is_cut) - 1
    unit_of = np.full(traces.n_spans, -1, dtype=np.int64)
    unit_of[rows] = number
    n = int(number[-1]) + 1 if len(rows) else 0
    is_open = np.zeros(n, dtype=np.bool_)
    if seen_until_ns is not None and not judge_incomplete and n:
        last_end = np.maximum.reduceat(end, np.flatnonzero(is_cut))
        is_open = shifted(last_end, window) >= seen_until_ns
    return Groups(traces, correlation, values, unit_of, is_open)


def _values_of(traces: Traces) -> FieldValues:
    contexts: dict[int, Context] = {}

    def context(number: int) -> Context:
        if number not in contexts:
            group = traces.attribute_table.groups[number]
            contexts[number] = Context(traces, group, group.rows, Codes(()))
        return contexts[number]

    return FieldValues(traces, context)


def _members(correlation: Correlation, traces: Traces, values: FieldValues) -> tuple[Rows, NDArray[np.int64]]:
    """Return the rows of the spans that carry all the fields, and a number a combination of values."""
    rows = np.arange(traces.n_spans, dtype=np.uint32)
    key = np.zeros(len(rows), dtype=np.int64)
    for field in correlation.fields:
        rows_with, codes = values.text_codes(rows, field)
        combined = key[np.searchsorted(rows, rows_with)] * (int(codes.max(initial=0)) + 1) + codes
        rows, key = rows_with, np.unique(combined, return_inverse=True)[1].astype(np.int64)
    return rows, key
