"""Clocks that are off: by how much the spans of a service are shifted so that calls contain their answers.

The method of the field, as Jaeger's query service (``adjuster/clockskew.go``) and Zipkin's page (``clock-skew.js``)
apply it. A span of another service than its parent has another clock. When it starts before its parent or ends after
it, it is shifted into the parent's middle, as if request and response had taken equally long; when it is longer than
its parent and starts before it, its start is laid on the parent's. A longer one that starts after its parent stays: it
is asynchronous, or the caller gave up waiting, and nothing says that its clock is off. The shift goes to all spans
below that share the service without a break; a span of a third service is compared with its parent as shifted.

One service is taken to have one clock, whichever instance a span is from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fluo_lab.traces.schema import UNKNOWN_SERVICE, SpanKind, ValueType
from fluo_lab.traces.structure import Structure

if TYPE_CHECKING:
    from fluo_lab.traces.store import Traces

__all__ = ["move_times", "shift_skewed"]

Times = NDArray[np.int64]
Mask = NDArray[np.bool_]

_CALLERS = (SpanKind.UNSPECIFIED, SpanKind.CLIENT)
_ASYNCHRONOUS = (SpanKind.PRODUCER, SpanKind.CONSUMER)

_REF_TYPE = ("opentracing.ref_type", ValueType.TEXT)
_FOLLOWS_FROM = "follows_from"


@dataclass(frozen=True, slots=True)
class _Calls:
    """What shifts depend on, one entry a span.

    Attributes
    ----------
    parent
        Row of the parent; negative where there is none, or where several spans have its id.
    depth
        Number of such parents above; -1 in or under a cycle.
    is_same_clock
        Whether the parent is of the same service.
    may_be_skewed
        Whether the parent waits for the span, both services are known, and both have times.
    is_timed
        Whether there is a start to shift; 0 stands for no time.
    """

    parent: Times
    depth: Times
    is_same_clock: Mask
    may_be_skewed: Mask
    is_timed: Mask

    @classmethod
    def of(cls, traces: Traces) -> _Calls:
        """Return the calls of a store."""
        table = traces.table
        parent, depth = table["parent_row"].to_numpy(), traces.structure.depth
        if traces.traces["n_duplicate_spans"].sum():
            shares_id = table.select(pl.struct("trace", "span_id").is_duplicated()).to_series().to_numpy()
            parent = np.where((parent >= 0) & shares_id[parent], -1, parent)
            depth = Structure.of(parent).depth
        above = np.maximum(parent, 0)
        kind, service = table["kind"].to_numpy(), table["service"].to_numpy()
        start, end = table["start_ns"].to_numpy(), table["end_ns"].to_numpy()
        unknown = traces.service_dictionary.values == UNKNOWN_SERVICE
        is_timed = start != 0
        can_compare = (start > 0) & (end >= start) & ~unknown.to_numpy()[service]
        has_parent = (parent >= 0) & (depth > 0)
        is_same = has_parent & (service == service[above])
        waits = np.isin(kind[above], _CALLERS) & ~np.isin(kind, _ASYNCHRONOUS) & ~_only_follow(traces)
        may_be_skewed = has_parent & ~is_same & waits & can_compare & can_compare[above]
        return cls(parent, depth, is_same, may_be_skewed, is_timed)


def _only_follow(traces: Traces) -> Mask:
    """Return which spans have a link to their own parent that calls it an OpenTracing ``FOLLOWS_FROM`` reference."""
    follows = np.zeros(traces.n_spans, dtype=np.bool_)
    attributes, links = traces.link_table.attributes.groups[0], traces.link_table.frame
    code = traces.text_dictionary.codes([_FOLLOWS_FROM]).get(_FOLLOWS_FROM)
    if code is None or _REF_TYPE not in attributes.keys:
        return follows
    found = links.filter(attributes.column(*_REF_TYPE) == code)
    spans = traces.table[found["span"]]
    is_parent = (found["span_id"] == spans["parent_span_id"]) & (
        found["trace_id"] == traces.traces["trace_id"].gather(spans["trace"])
    )
    follows[found["span"].filter(is_parent.fill_null(False)).to_numpy()] = True
    return follows


def shift_skewed(traces: Traces) -> Times:
    """Return by how many nanoseconds each span is to be shifted, int64, shape ``(n_spans,)``; 0 where it stays.

    A span is compared with its parent when the parent is ``CLIENT`` or of unspecified kind, the span itself neither
    ``PRODUCER`` nor ``CONSUMER`` nor one that only follows from its parent (an OpenTracing reference, kept as a link),
    both services are known, and both have a start above 0 and an end not before it.
    Spans without a start (0) stay, as do those in or under a cycle of parents, and those whose parent is one of
    several spans with the same id. Applied to shifted spans, nothing is shifted again.
    """
    table = traces.table
    calls = _Calls.of(traces)
    start, end = table["start_ns"].to_numpy().copy(), table["end_ns"].to_numpy().copy()
    shift = np.zeros(len(start), dtype=np.int64)
    # A shift begins at a span that does not fit its parent as it stands: no such span, no shift.
    suspects = np.flatnonzero(calls.may_be_skewed)
    misfits = suspects[_skew(start, end, suspects, calls.parent[suspects]) != 0]
    if not len(misfits):
        return shift
    trace = traces.trace_of
    has_misfit = np.zeros(traces.n_traces, dtype=np.bool_)
    has_misfit[trace[misfits]] = True
    rows = np.flatnonzero(has_misfit[trace] & (calls.depth > 0))
    rows = rows[np.argsort(calls.depth[rows], kind="stable")]
    levels = np.flatnonzero(np.diff(calls.depth[rows])) + 1
    clock = np.zeros(len(start), dtype=np.int64)
    for level in np.split(rows, levels):
        above = calls.parent[level]
        clock[level] = np.where(calls.is_same_clock[level], clock[above], 0)
        at = np.flatnonzero(calls.may_be_skewed[level])
        clock[level[at]] = _skew(start, end, level[at], above[at])
        moving = level[(clock[level] != 0) & calls.is_timed[level]]
        moved_start, moved_end = move_times(start[moving], clock[moving]), move_times(end[moving], clock[moving])
        fits = (moved_start != start[moving]) & (moved_end != end[moving])
        clock[moving[~fits & calls.may_be_skewed[moving]]] = 0
        moving = moving[fits]
        start[moving], end[moving] = moved_start[fits], moved_end[fits]
        shift[moving] = clock[moving]
    return shift


def move_times(times_ns: Times, by_ns: Times) -> Times:
    """Return times moved by so much each; one that would leave the 64 bits stays."""
    limits = np.iinfo(np.int64)
    fits = np.where(
        by_ns >= 0,
        times_ns <= limits.max - np.maximum(by_ns, 0),
        times_ns >= limits.min - np.minimum(by_ns, 0),
    )
    return times_ns + np.where(fits, by_ns, 0)


def _skew(start: Times, end: Times, rows: Times, above: Times) -> Times:
    """Return how far each span is to be shifted to fit the span above it."""
    into = start[above] - start[rows]
    slack = (end[above] - start[above]) - (end[rows] - start[rows])
    fits = (into <= 0) & (end[rows] <= end[above])
    return np.where(slack < 0, np.maximum(into, 0), np.where(fits, 0, into + slack // 2))
