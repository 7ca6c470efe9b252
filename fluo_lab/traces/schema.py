"""Shapes of the frames: what a span is, and which types a value may have.

Kinds and status codes are OTLP's own numbers (opentelemetry-proto, ``trace.proto``), value types follow its
``AnyValue`` (``common.proto``).
"""

from __future__ import annotations

from enum import IntEnum

import polars as pl

__all__ = [
    "ATTRIBUTE_ROWS",
    "EVENTS",
    "LINKS",
    "RAW_SPANS",
    "SCOPES",
    "UNKNOWN_SERVICE",
    "SpanKind",
    "StatusCode",
    "ValueType",
]

UNKNOWN_SERVICE = "unknown_service"
"""Service of a span whose resource names none, as the OpenTelemetry SDKs call it."""


class SpanKind(IntEnum):
    """OTLP span kinds; ``UNSPECIFIED`` may be read as ``INTERNAL``."""

    UNSPECIFIED = 0
    INTERNAL = 1
    SERVER = 2
    CLIENT = 3
    PRODUCER = 4
    CONSUMER = 5

    @property
    def label(self) -> str:
        """The word rules and frames use."""
        return "internal" if self is SpanKind.UNSPECIFIED else self.name.lower()


class StatusCode(IntEnum):
    """OTLP status codes."""

    UNSET = 0
    OK = 1
    ERROR = 2

    @property
    def label(self) -> str:
        """The word rules and frames use."""
        return self.name.lower()


class ValueType(IntEnum):
    """Type of an attribute value.

    ``TEXT`` holds the string itself, ``BYTES`` base64, ``ARRAY`` and ``KVLIST`` compact JSON of plain values
    (doubles that JSON cannot write become the strings ``NaN``, ``Infinity`` and ``-Infinity``, bytes base64).
    """

    TEXT = 0
    BOOL = 1
    INT = 2
    DOUBLE = 3
    BYTES = 4
    ARRAY = 5
    KVLIST = 6

    @property
    def label(self) -> str:
        """The word frames and profiles use."""
        return "string" if self is ValueType.TEXT else self.name.lower()

    @property
    def is_textual(self) -> bool:
        """Whether values are kept as text codes."""
        return self in (ValueType.TEXT, ValueType.BYTES, ValueType.ARRAY, ValueType.KVLIST)


RAW_SPANS = pl.Schema(
    {
        "trace_id": pl.String(),  # as in the source, OTLP: 32 lower-case hex digits
        "span_id": pl.String(),  # OTLP: 16 lower-case hex digits
        "parent_span_id": pl.String(),  # null: a root
        "name": pl.String(),
        "kind": pl.UInt8(),  # SpanKind
        "status": pl.UInt8(),  # StatusCode
        "status_message": pl.String(),  # null when empty
        "start_ns": pl.Int64(),  # nanoseconds since the epoch
        "end_ns": pl.Int64(),
        "resource": pl.UInt32(),  # index into the batch's resources
        "scope": pl.UInt32(),  # index into the batch's scopes
        "trace_state": pl.String(),  # null when empty
        "flags": pl.UInt32(),
        "dropped_attributes": pl.UInt32(),
        "dropped_events": pl.UInt32(),
        "dropped_links": pl.UInt32(),
    }
)
"""One row a span, as readers deliver it."""

ATTRIBUTE_ROWS = pl.Schema(
    {
        "owner": pl.UInt32(),  # row of the span, resource, scope, event or link
        "key": pl.UInt32(),  # code into the rows' ``keys``
        "type": pl.UInt8(),  # ValueType
        "text": pl.UInt32(),  # code into the rows' ``texts``, for the textual types
        "int": pl.Int64(),
        "double": pl.Float64(),
        "bool": pl.Boolean(),
    }
)
"""One row an attribute; the column of its type holds the value, the other three are null."""

SCOPES = pl.Schema({"name": pl.String(), "version": pl.String()})
"""One row an instrumentation scope; null where unknown."""

EVENTS = pl.Schema({"span": pl.UInt32(), "name": pl.String(), "time_ns": pl.Int64(), "dropped_attributes": pl.UInt32()})
"""One row a span event; ``span`` is the row of its span."""

LINKS = pl.Schema(
    {
        "span": pl.UInt32(),
        "trace_id": pl.String(),
        "span_id": pl.String(),
        "trace_state": pl.String(),
        "flags": pl.UInt32(),
        "dropped_attributes": pl.UInt32(),
    }
)
"""One row a span link; ``span`` is the row of its span."""
