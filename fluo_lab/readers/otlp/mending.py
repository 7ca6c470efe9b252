"""Messages that protobuf refuses as a whole, read part by part: one text that is not UTF-8 must not cost the others.

Writers in Go or C++ may put any bytes into a ``string`` field, while parsers of proto3 refuse the message around it
(protobuf.dev, "Encoding": strings must be UTF-8). A message is its fields in a row, so a refused one is taken apart as
far as the spans and attributes, and what is refused there alone is left out or mended.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # ships no types
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status, TracesData

from fluo_lab.readers.report import Report

__all__ = ["mend_request"]

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_MAX_VARINT_BYTES = 10
_MAX_DEPTH = 12
_NAMES: Final[dict[Any, str]] = {
    ResourceSpans: "resource",
    ScopeSpans: "scope",
    Span: "span",
    Span.Event: "event",
    Span.Link: "link",
    KeyValue: "attribute",
    AnyValue: "attribute value",
    Resource: "resource",
    InstrumentationScope: "scope",
    Status: "status",
}


class _NoFields(ValueError):
    """The bytes are no fields in a row."""


def mend_request(data: bytes, *, is_entry: bool, report: Report) -> list[ResourceSpans]:
    """Return what can be read of a message that is refused as a whole; what cannot is reported.

    Parameters
    ----------
    data
        A ``TracesData``, or one ``ResourceSpans`` where ``is_entry``.
    report
        Where everything goes that is left out or mended; nothing, where nothing is returned.
    """
    found = Report(report.file)
    try:
        mended = _mend(data, ResourceSpans if is_entry else TracesData, found, 0)
    except _NoFields:
        return []
    entries = [mended] if is_entry else list(mended.resource_spans)
    if not any(group.spans for entry in entries for group in entry.scope_spans):
        return []
    for problem in found.problems():
        report.add(problem.what, n=problem.n, sample=problem.sample)
    return entries


def _mend(data: bytes, kind: Any, report: Report, depth: int) -> Any:
    """Return a message of the fields that can be read.

    Raises
    ------
    _NoFields
        The bytes are none, or nested too deep.
    """
    message = kind()
    if depth > _MAX_DEPTH:
        raise _NoFields
    by_number = kind.DESCRIPTOR.fields_by_number
    for number, field in _fields(data):
        try:
            # Merged at once, a field that is refused would leave a part of itself.
            message.MergeFrom(kind.FromString(field))
            continue
        except DecodeError:
            described = by_number.get(number)
        payload = _payload(field)
        if described is None or payload is None:
            report.add("a field that is no protobuf, not read")
        elif described.message_type is not None:
            _add_part(message, described, payload, report, depth)
        else:
            text = payload.decode(errors="replace")
            what = f"{_NAMES.get(kind, 'message')} {described.name} that is not UTF-8"
            report.add(f"{what}; kept with replacement characters", sample=payload)
            if hasattr(getattr(message, described.name), "append"):
                getattr(message, described.name).append(text)
            else:
                setattr(message, described.name, text)
    return message


def _add_part(message: Any, described: Any, payload: bytes, report: Report, depth: int) -> None:
    """Add a message within a message, mended."""
    kind = described.message_type._concrete_class
    try:
        part = _mend(payload, kind, report, depth + 1)
    except _NoFields:
        report.add(f"{_NAMES.get(kind, 'part')} that is no OTLP protobuf, not read", sample=payload)
        return
    into = getattr(message, described.name)
    if hasattr(into, "append"):
        into.append(part)
    else:
        into.MergeFrom(part)


def _fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield number and bytes of the fields in a row.

    Raises
    ------
    _NoFields
        They are none.
    """
    at = 0
    while at < len(data):
        tag, start = _varint_at(data, at)
        wire = tag & 7
        if wire == _VARINT:
            _, end = _varint_at(data, start)
        elif wire == _LENGTH:
            size, begin = _varint_at(data, start)
            end = begin + size
        elif wire in (_FIXED64, _FIXED32):
            end = start + (8 if wire == _FIXED64 else 4)
        else:
            raise _NoFields
        if end > len(data) or not tag >> 3:
            raise _NoFields
        yield tag >> 3, data[at:end]
        at = end


def _payload(field: bytes) -> bytes | None:
    """Return what a field of bytes, text or a message holds; None for another."""
    tag, start = _varint_at(field, 0)
    if tag & 7 != _LENGTH:
        return None
    return field[_varint_at(field, start)[1] :]


def _varint_at(data: bytes, at: int) -> tuple[int, int]:
    """Return a varint and where it ends."""
    number = 0
    for i in range(_MAX_VARINT_BYTES):
        if at + i >= len(data):
            break
        number |= (data[at + i] & 0x7F) << 7 * i
        if data[at + i] < 0x80:
            return number, at + i + 1
    raise _NoFields
