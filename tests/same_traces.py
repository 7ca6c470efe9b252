"""A complete comparison of two stores."""

from __future__ import annotations

from typing import Any

from polars.testing import assert_frame_equal

from fluo_lab.traces import Traces
from fluo_lab.traces.attributes import AttributeTable

__all__ = ["assert_same_traces"]


def _attributes(traces: Traces, table: AttributeTable, n_owners: int) -> list[list[tuple[str, str, str]]]:
    """Return for each owner its attributes as (key, type, value)."""
    found: list[list[tuple[str, str, str]]] = [[] for _ in range(n_owners)]
    for cells in table.cells():
        for owner, value in zip(cells.owner.tolist(), cells.value.tolist(), strict=True):
            shown = traces.text_dictionary.values[value] if cells.type.is_textual else value
            found[owner].append((cells.key, cells.type.name, repr(shown)))
    return [sorted(attributes) for attributes in found]


def _contents(traces: Traces) -> list[str]:
    """Return everything about every span, one line each; equal lines stand for equal spans, NaN included."""
    table = traces.table
    events, links, scopes = traces.event_table, traces.link_table, traces.scope_table
    own = _attributes(traces, traces.attribute_table, traces.n_spans)
    of_resource = _attributes(traces, traces.resource_table.attributes, len(traces.resource_table.services))
    of_scope = _attributes(traces, scopes.attributes, scopes.frame.height)
    hung: list[dict[str, list[Any]]] = [{"events": [], "links": []} for _ in range(traces.n_spans)]
    event_frame = events.frame.with_columns(events.names.decode(events.frame["name"]).alias("name"))
    for what, frame, attributes in (
        ("events", event_frame, _attributes(traces, events.attributes, event_frame.height)),
        ("links", links.frame, _attributes(traces, links.attributes, links.frame.height)),
    ):
        for row, described in zip(frame.iter_rows(named=True), attributes, strict=True):
            hung[row.pop("span")][what].append((row, described))
    return [
        repr(
            {
                **span,
                "attributes": own[i],
                "resource": of_resource[table["resource"][i]],
                "scope": (scopes.frame.row(table["scope"][i]), of_scope[table["scope"][i]]),
                **hung[i],
            }
        )
        for i, span in enumerate(traces.spans.iter_rows(named=True))
    ]


def assert_same_traces(found: Traces, expected: Traces) -> None:
    """Fail unless two stores are equal in everything but problems and inputs."""
    assert_frame_equal(found.traces, expected.traces)
    # Spans that agree in trace, start, id, end, name and parent have no order among them.
    assert_frame_equal(found.spans, expected.spans, check_row_order=False)
    order = ["trace_id", "start_ns", "span_id"]
    assert_frame_equal(found.spans.select(order), expected.spans.select(order))
    assert sorted(_contents(found)) == sorted(_contents(expected))
