"""A complete comparison of two stores, and stores with anything in them."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from fluo_lab.readers.columns import AttributeColumns, BatchColumns
from fluo_lab.traces import Traces, TracesBuilder, ValueType
from fluo_lab.traces.attributes import AttributeTable
from fluo_lab.traces.values import encode_json

Plain = list[tuple[str, Any]]


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


def _assert_equal(found: Traces, expected: Traces) -> None:
    assert_frame_equal(found.traces, expected.traces)
    # Spans that agree in trace, start, id, end, name and parent have no order among them.
    assert_frame_equal(found.spans, expected.spans, check_row_order=False)
    order = ["trace_id", "start_ns", "span_id"]
    assert_frame_equal(found.spans.select(order), expected.spans.select(order))
    assert sorted(_contents(found)) == sorted(_contents(expected))


@pytest.fixture(scope="session")
def assert_equal_traces() -> Callable[[Traces, Traces], None]:
    """Compare two stores in everything but problems and sources."""
    return _assert_equal


_json_scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
)
_json = st.recursive(
    _json_scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
_values = st.one_of(
    st.tuples(st.just(ValueType.TEXT), st.text(max_size=8)),
    st.tuples(st.just(ValueType.BOOL), st.booleans()),
    st.tuples(st.just(ValueType.INT), st.integers(-(2**63), 2**63 - 1)),
    st.tuples(st.just(ValueType.DOUBLE), st.floats()),
    st.tuples(st.just(ValueType.BYTES), st.binary(max_size=5).map(lambda raw: base64.b64encode(raw).decode())),
    st.tuples(st.just(ValueType.ARRAY), st.lists(_json, max_size=3).map(encode_json)),
    st.tuples(st.just(ValueType.KVLIST), st.dictionaries(st.text(max_size=3), _json, max_size=3).map(encode_json)),
)
_keys = st.sampled_from(["a", "b", "service.name", "ключ"]) | st.text(min_size=1, max_size=3)
_attribute_dicts = st.dictionaries(_keys, _values, max_size=4)
_times = st.integers(0, 2**63 - 1) | st.integers(0, 3)
_uint32 = st.just(0) | st.integers(0, 2**32 - 1)
_words = st.none() | st.text(min_size=1, max_size=6)


def _hex(digits: int) -> st.SearchStrategy[str]:
    """Return ids of so many digits, often the same ones."""
    return (st.integers(1, 4) | st.integers(1, 16**digits - 1)).map(lambda number: f"{number:0{digits}x}")


_spans = st.tuples(
    _hex(32),
    _hex(16),
    st.none() | _hex(16),
    st.text(max_size=6),
    st.integers(0, 5),
    st.integers(0, 2),
    _words,
    _times,
    _times,
    st.integers(0, 2),
    st.integers(0, 2),
    _words,
    *[_uint32] * 4,
)
_events = st.tuples(st.text(max_size=4), _times, _uint32)
_links = st.tuples(_hex(32), _hex(16), _words, _uint32, _uint32)


def _add(into: AttributeColumns, owner: int, attributes: dict[str, tuple[ValueType, Any]]) -> None:
    for key, (kind, value) in attributes.items():
        into.add(owner, key, kind, value)


@st.composite
def _stores(draw: st.DrawFn) -> Traces:
    columns = BatchColumns()
    columns.n_resources = 3
    for i in range(3):
        _add(columns.resource_attributes, i, draw(_attribute_dicts))
        columns.scopes.append((draw(_words), draw(_words)))
        _add(columns.scope_attributes, i, draw(_attribute_dicts))
    for span in draw(st.lists(_spans, min_size=1, max_size=6)):
        row = len(columns.spans)
        columns.spans.append(span)
        _add(columns.attributes, row, draw(_attribute_dicts))
        for name, time_ns, dropped in draw(st.lists(_events, max_size=2)):
            _add(columns.event_attributes, len(columns.events), draw(_attribute_dicts))
            columns.events.append((row, name, time_ns, dropped))
        for link in draw(st.lists(_links, max_size=2)):
            _add(columns.link_attributes, len(columns.links), draw(_attribute_dicts))
            columns.links.append((row, *link))
    builder = TracesBuilder()
    with np.errstate(over="ignore"):
        builder.add(columns.finish())
    return builder.finish()


@pytest.fixture(scope="session")
def stores() -> st.SearchStrategy[Traces]:
    """Stores of a few spans with everything a span can have, which OTLP can say."""
    return _stores()
