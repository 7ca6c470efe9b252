"""Traces without times and span ids, so that a live run and a simulation can be compared one by one."""

from __future__ import annotations

from typing import Any

import numpy as np

from fluo_lab.traces import Traces

Node = tuple[Any, ...]


def canonical(traces: Traces) -> dict[str, Node]:
    """Return each trace as nested tuples: what its spans say and how they hang together.

    Children are in order of what they say, not of time. A span whose parent is not there hangs on ``"missing"``.
    """
    spans = traces.spans
    parents = traces.parent_row
    children: list[list[int]] = [[] for _ in range(traces.n_spans)]
    for row, parent in enumerate(parents.tolist()):
        if parent >= 0:
            children[parent].append(row)
    events = _events(traces)
    columns = ["name", "service", "kind", "status", "status_message", "parent_span_id"]
    rows = list(spans.select(columns).iter_rows())
    starts = spans["start_ns"].to_list()
    ends = spans["end_ns"].to_list()
    links = np.bincount(traces.link_table.frame["span"].to_numpy(), minlength=traces.n_spans).tolist()

    def node(row: int) -> Node:
        name, service, kind, status, message, parent_id = rows[row]
        assert starts[row] <= ends[row], f"{name} ends before it starts"
        is_orphan = parent_id is not None and parents[row] < 0
        return (
            name,
            service,
            kind,
            status,
            message,
            "missing" if is_orphan else "",
            _sorted(traces.span_attributes(row)),
            _sorted(traces.resource_attributes(row)),
            tuple(events[row]),
            links[row],
            tuple(sorted((node(child) for child in children[row]), key=repr)),
        )

    found: dict[str, Node] = {}
    for number, trace_id in enumerate(traces.traces["trace_id"].to_list()):
        tops = [row for row in traces.rows_of_trace(number) if parents[row] < 0]
        found[trace_id] = tuple(sorted((node(row) for row in tops), key=repr))
    return found


def difference(left: Node, right: Node, *, path: str = "") -> str:
    """Return where two canonical traces first differ, or an empty text."""
    if not (isinstance(left, tuple) and isinstance(right, tuple)):
        return "" if left == right else f"{path}: {left!r} against {right!r}"
    here = f"{path}/{left[0]}" if left and isinstance(left[0], str) else path
    if len(left) != len(right):
        names = [[one[0] if isinstance(one, tuple) and one else one for one in side] for side in (left, right)]
        return f"{here}: {names[0]} against {names[1]}"
    return next((found for a, b in zip(left, right, strict=True) if (found := difference(a, b, path=here))), "")


def _sorted(attributes: dict[str, Any]) -> Node:
    return tuple(sorted((key, type(value).__name__, value) for key, value in attributes.items()))


def _events(traces: Traces) -> list[list[Node]]:
    found: list[list[Node]] = [[] for _ in range(traces.n_spans)]
    frame = traces.event_table.frame
    names = traces.event_table.names.values
    for number, event in enumerate(frame.iter_rows(named=True)):
        attributes = traces.decode(traces.event_table.attributes.values_of(number, event["name"]))
        found[event["span"]].append((names[event["name"]], _sorted(attributes)))
    return found
