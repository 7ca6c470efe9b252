"""Spans as plain objects, and a store made of them: for inline tests of rules, examples and small inputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from fluo_lab.traces.batch import AttributeRows, SpanBatch
from fluo_lab.traces.build import TracesBuilder
from fluo_lab.traces.schema import ATTRIBUTE_ROWS, EVENTS, RAW_SPANS, SCOPES, SpanKind, StatusCode, ValueType
from fluo_lab.traces.store import Traces
from fluo_lab.traces.values import encode_json, text_of

__all__ = ["PlainEvent", "PlainSpan", "traces_from_spans"]


@dataclass(frozen=True, slots=True)
class PlainEvent:
    """A span event."""

    name: str
    time_ns: int = 0
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlainSpan:
    """A span with its values as Python has them: str, bool, int, float, bytes, list or dict.

    Attributes
    ----------
    parent_span_id
        None for a root.
    service
        None for a resource without ``service.name``.
    """

    name: str
    trace_id: str = "0" * 31 + "1"
    span_id: str = "0" * 15 + "1"
    parent_span_id: str | None = None
    service: str | None = None
    kind: SpanKind = SpanKind.INTERNAL
    status: StatusCode = StatusCode.UNSET
    status_message: str | None = None
    start_ns: int = 0
    end_ns: int = 0
    attributes: Mapping[str, Any] = field(default_factory=dict)
    resource: Mapping[str, Any] = field(default_factory=dict)
    scope_name: str | None = None
    scope_version: str | None = None
    scope: Mapping[str, Any] = field(default_factory=dict)
    events: Sequence[PlainEvent] = ()


class _Rows:
    """Attribute rows in the making."""

    def __init__(self) -> None:
        self._columns: dict[str, list[Any]] = {name: [] for name in ATTRIBUTE_ROWS}
        self._keys: dict[str, int] = {}
        self._texts: dict[str, int] = {}

    def add(self, owner: int, attributes: Mapping[str, Any]) -> None:
        """Add the attributes of an owner; None is a missing value."""
        for key, value in attributes.items():
            if value is None:
                continue
            value_type = _type_of(key, value)
            columns = self._columns
            columns["owner"].append(owner)
            columns["key"].append(self._keys.setdefault(key, len(self._keys)))
            columns["type"].append(int(value_type))
            text = None
            if value_type.is_textual:
                shown = encode_json(value) if isinstance(value, list | dict) else text_of(value)
                text = self._texts.setdefault(shown, len(self._texts))
            columns["text"].append(text)
            columns["int"].append(value if value_type is ValueType.INT else None)
            columns["double"].append(value if value_type is ValueType.DOUBLE else None)
            columns["bool"].append(value if value_type is ValueType.BOOL else None)

    def finish(self) -> AttributeRows:
        """Return the rows."""
        return AttributeRows(
            pl.DataFrame(self._columns, schema=ATTRIBUTE_ROWS),
            keys=pl.Series("key", list(self._keys), dtype=pl.String),
            texts=pl.Series("text", list(self._texts), dtype=pl.String),
        )


def _type_of(key: str, value: object) -> ValueType:
    """Return the value type of a Python value."""
    match value:
        case bool():
            return ValueType.BOOL
        case int():
            return ValueType.INT
        case float():
            return ValueType.DOUBLE
        case str():
            return ValueType.TEXT
        case bytes():
            return ValueType.BYTES
        case list():
            return ValueType.ARRAY
        case dict():
            return ValueType.KVLIST
    raise TypeError(
        f"attribute {key!r} is {type(value).__name__}; a value is str, bool, int, float, bytes, list or dict"
    )


def traces_from_spans(spans: Iterable[PlainSpan], *, incomplete: Iterable[str] = ()) -> Traces:
    """Return a store of some plain spans.

    Parameters
    ----------
    spans
        One or more, in any order.
    incomplete
        Ids of traces to declare incomplete.

    Raises
    ------
    ValueError
        When there is no span.
    TypeError
        When an attribute has a value that is no attribute value.

    Examples
    --------
    >>> traces_from_spans([PlainSpan("payment.charge", attributes={"amount": 59.99})])
    Traces(1 traces, 1 spans, 1 services, 1 span names, 0 incomplete, 0 kinds of problems)
    """
    attributes, resources, scopes, event_attributes = _Rows(), _Rows(), _Rows(), _Rows()
    span_rows: list[tuple[Any, ...]] = []
    scope_rows: list[tuple[str | None, str | None]] = []
    event_rows: list[tuple[int, str, int, int]] = []
    for row, span in enumerate(spans):
        attributes.add(row, span.attributes)
        resources.add(row, span.resource if span.service is None else {**span.resource, "service.name": span.service})
        scopes.add(row, span.scope)
        scope_rows.append((span.scope_name, span.scope_version))
        for event in span.events:
            event_attributes.add(len(event_rows), event.attributes)
            event_rows.append((row, event.name, event.time_ns, 0))
        span_rows.append(
            (
                span.trace_id,
                span.span_id,
                span.parent_span_id,
                span.name,
                int(span.kind),
                int(span.status),
                span.status_message or None,
                span.start_ns,
                span.end_ns,
                row,
                row,
                None,
                0,
                0,
                0,
                0,
            )
        )
    if not span_rows:
        raise ValueError("a store of traces needs at least one span")
    builder = TracesBuilder()
    builder.add(
        SpanBatch(
            spans=pl.DataFrame(span_rows, schema=RAW_SPANS, orient="row"),
            attributes=attributes.finish(),
            n_resources=len(span_rows),
            resource_attributes=resources.finish(),
            scopes=pl.DataFrame(scope_rows, schema=SCOPES, orient="row"),
            scope_attributes=scopes.finish(),
            events=pl.DataFrame(event_rows, schema=EVENTS, orient="row"),
            event_attributes=event_attributes.finish(),
        )
    )
    return builder.finish(incomplete=incomplete)
