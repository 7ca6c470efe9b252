"""Stores with anything in them, and their comparison."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from same_traces import assert_same_traces

from fluo_lab.readers.columns import AttributeColumns, BatchColumns
from fluo_lab.traces import Traces, TracesBuilder, ValueType
from fluo_lab.traces.values import encode_json


@pytest.fixture(scope="session")
def assert_equal_traces() -> Callable[[Traces, Traces], None]:
    """Compare two stores in everything but problems and sources."""
    return assert_same_traces


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
