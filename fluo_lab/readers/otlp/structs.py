"""The shapes of ordinary OTLP/JSON as typed structs, which parse in a third of the time of plain objects.

A line fits or it does not: an unknown field, another type, a null, a number out of range make ``decode_request`` raise
one of ``MISFITS``, and the exact reading takes the line. As in any JSON parser here, of a field given twice in one
object the last one counts. Resources, scopes and attributes stay unparsed bytes: a file repeats them, so each distinct
one is parsed once a block.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta, Raw, Struct

from fluo_lab.traces import SpanKind, StatusCode

__all__ = [
    "MISFITS",
    "Event",
    "Link",
    "Pair",
    "Request",
    "Resource",
    "Scope",
    "Span",
    "Value",
    "decode_lines",
    "decode_list",
    "decode_pairs",
    "decode_request",
    "decode_resource",
    "decode_scope",
]

MISFITS: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What decoding raises where text is no JSON or has another shape."""

_ABSENT = Raw(b"")
_Uint32 = Annotated[int, Meta(ge=0, le=2**32 - 1)]
_Kind = Annotated[int, Meta(ge=0, le=int(max(SpanKind)))]
_Code = Annotated[int, Meta(ge=0, le=int(max(StatusCode)))]


class _Message(Struct, frozen=True, gc=False, forbid_unknown_fields=True, rename="camel"):
    """What all have in common. Without cycles, the garbage collector need not know of them."""


# Lists have a default of their own each, tuples share one: the fields that are mostly absent are tuples.


class Event(_Message, frozen=True):
    """A span event."""

    time_unix_nano: str = "0"
    name: str = ""
    attributes: tuple[Raw, ...] = ()
    dropped_attributes_count: _Uint32 = 0


class Link(_Message, frozen=True):
    """A span link."""

    trace_id: str
    span_id: str
    trace_state: str = ""
    flags: _Uint32 = 0
    attributes: tuple[Raw, ...] = ()
    dropped_attributes_count: _Uint32 = 0


class Status(_Message, frozen=True):
    """A span status."""

    code: _Code = 0
    message: str = ""


class Span(_Message, frozen=True):
    """A span."""

    trace_id: str
    span_id: str
    parent_span_id: str = ""
    trace_state: str = ""
    flags: _Uint32 = 0
    name: str = ""
    kind: _Kind = 0
    start_time_unix_nano: str = "0"
    end_time_unix_nano: str = "0"
    attributes: Raw = _ABSENT  # of all spans together, see AttributeLists
    dropped_attributes_count: _Uint32 = 0
    events: tuple[Event, ...] = ()
    dropped_events_count: _Uint32 = 0
    links: tuple[Link, ...] = ()
    dropped_links_count: _Uint32 = 0
    status: Status = Status()


class ScopeSpans(_Message, frozen=True):
    """The spans of one scope."""

    scope: Raw = _ABSENT
    spans: list[Span] = []
    schema_url: str = ""


class ResourceSpans(_Message, frozen=True):
    """The spans of one resource."""

    resource: Raw = _ABSENT
    scope_spans: list[ScopeSpans] = []
    schema_url: str = ""


class Request(_Message, frozen=True):
    """One line."""

    resource_spans: list[ResourceSpans]


class Resource(_Message, frozen=True):
    """A resource."""

    attributes: tuple[Raw, ...] = ()
    dropped_attributes_count: _Uint32 = 0


class Scope(_Message, frozen=True):
    """An instrumentation scope."""

    name: str = ""
    version: str = ""
    attributes: tuple[Raw, ...] = ()
    dropped_attributes_count: _Uint32 = 0


class Value(_Message, frozen=True):
    """An attribute value; those of rarer types stay unparsed."""

    string_value: str | None = None
    int_value: str | int | None = None
    bool_value: bool | None = None
    double_value: float | None = None
    array_value: Raw = _ABSENT
    kvlist_value: Raw = _ABSENT
    bytes_value: Raw = _ABSENT


class Pair(_Message, frozen=True):
    """An attribute."""

    key: str = ""
    value: Value = Value()


_REQUESTS: Final = msgspec.json.Decoder(Request)

decode_request: Final = _REQUESTS.decode
"""Return the request in a line."""

decode_lines: Final = _REQUESTS.decode_lines
"""Return the requests in some lines; line feeds are white space like any other."""

decode_resource: Final = msgspec.json.Decoder(Resource).decode
"""Return a resource."""

decode_scope: Final = msgspec.json.Decoder(Scope).decode
"""Return a scope."""

decode_list: Final = msgspec.json.Decoder(list[Raw]).decode
"""Return the unparsed members of an array."""

decode_pairs: Final = msgspec.json.Decoder(list[Pair]).decode
"""Return the attributes in an array."""
