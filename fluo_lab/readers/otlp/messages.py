"""A walk over the official OTLP messages into columns, with the meaning of the exact JSON reading."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any, Final

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span

from fluo_lab.readers.columns import AttributeColumns, BatchColumns
from fluo_lab.readers.ids import SPAN_ID_BYTES, TRACE_ID_BYTES, IdFault, decode_id_bytes
from fluo_lab.readers.otlp.values import MAX_DEPTH, ValueFault, compact_json, plain_double
from fluo_lab.readers.report import Report
from fluo_lab.traces import SpanKind, StatusCode, ValueType

__all__ = ["MessageWalk", "read_pair"]

_MAX_INT64 = 2**63 - 1
_MAX_KIND, _MAX_CODE = max(SpanKind), max(StatusCode)
_SCALARS: Final[dict[str | None, ValueType]] = {
    "string_value": ValueType.TEXT,
    "bool_value": ValueType.BOOL,
    "int_value": ValueType.INT,
    "double_value": ValueType.DOUBLE,
}
_NESTED: Final = {"array_value": ValueType.ARRAY, "kvlist_value": ValueType.KVLIST}


class MessageWalk:
    """Appends the spans of messages to columns; what cannot be taken goes to the report."""

    def __init__(self, columns: BatchColumns, report: Report) -> None:
        self._columns = columns
        self._report = report

    def add(self, entry: ResourceSpans) -> None:
        """Take the spans of one resource."""
        columns = self._columns
        resource = columns.n_resources
        columns.n_resources += 1
        self._add_attributes(entry.resource.attributes, columns.resource_attributes, resource)
        for scope_spans in entry.scope_spans:
            scope = len(columns.scopes)
            described = scope_spans.scope
            columns.scopes.append((described.name or None, described.version or None))
            self._add_attributes(described.attributes, columns.scope_attributes, scope)
            for span in scope_spans.spans:
                self._add_span(span, resource, scope)

    def _add_span(self, span: Span, resource: int, scope: int) -> None:
        fault, trace_id = _read_id(span.trace_id, TRACE_ID_BYTES, "trace id")
        if not fault:
            fault, span_id = _read_id(span.span_id, SPAN_ID_BYTES, "span id")
        start_ns, end_ns = span.start_time_unix_nano, span.end_time_unix_nano
        if not fault and max(start_ns, end_ns) > _MAX_INT64:
            which = "start" if start_ns > _MAX_INT64 else "end"
            fault = f"span {which} with a whole number out of range, expected nanoseconds"
        if fault:
            self._report.add(f"{fault}; span not read", sample=f"name: {span.name}")
            return
        columns = self._columns
        row = len(columns.spans)
        kind, status = span.kind, span.status
        code = status.code
        if not 0 <= kind <= _MAX_KIND:
            self._report.add("unknown span kind, read as unspecified", sample=str(kind))
            kind = Span.SPAN_KIND_UNSPECIFIED
        if not 0 <= code <= _MAX_CODE:
            self._report.add("unknown status code, read as unset", sample=str(code))
            code = 0  # type: ignore[assignment]
        columns.spans.append(
            (
                trace_id,
                span_id,
                self._parent(span.parent_span_id),
                span.name,
                kind,
                code,
                status.message or None,
                start_ns,
                end_ns,
                resource,
                scope,
                span.trace_state or None,
                span.flags,
                span.dropped_attributes_count,
                span.dropped_events_count,
                span.dropped_links_count,
            )
        )
        self._add_attributes(span.attributes, columns.attributes, row)
        for event in span.events:
            self._add_event(event, row)
        for link in span.links:
            self._add_link(link, row)

    def _add_event(self, event: Span.Event, span: int) -> None:
        if event.time_unix_nano > _MAX_INT64:
            self._report.add(
                "event time with a whole number out of range, expected nanoseconds; event not read",
                sample=f"name: {event.name}",
            )
            return
        columns = self._columns
        row = len(columns.events)
        columns.events.append((span, event.name, event.time_unix_nano, event.dropped_attributes_count))
        self._add_attributes(event.attributes, columns.event_attributes, row)

    def _add_link(self, link: Span.Link, span: int) -> None:
        fault, trace_id = _read_id(link.trace_id, TRACE_ID_BYTES, "linked trace id")
        if not fault:
            fault, span_id = _read_id(link.span_id, SPAN_ID_BYTES, "linked span id")
        if fault:
            self._report.add(f"{fault}; link not read")
            return
        columns = self._columns
        row = len(columns.links)
        state = link.trace_state or None
        columns.links.append((span, trace_id, span_id, state, link.flags, link.dropped_attributes_count))
        self._add_attributes(link.attributes, columns.link_attributes, row)

    def _parent(self, data: bytes) -> str | None:
        try:
            return decode_id_bytes(data, SPAN_ID_BYTES) or None
        except IdFault as fault:
            # Reading it as none would make a root of the span; kept as it is, it names no span.
            self._report.add(
                f"parent span id of {fault}, expected {2 * SPAN_ID_BYTES} hexadecimal digits; kept as it is",
                sample=data.hex(),
            )
            return data.hex()

    def _add_attributes(self, pairs: Iterable[KeyValue], into: AttributeColumns, owner: int) -> None:
        # Most of the time goes here: locals, and no call that is not needed.
        add_key, add_type, add_value = into.keys.append, into.types.append, into.values.append
        code_of = into.code_of
        before = len(into.values)
        for pair in pairs:
            key = pair.key
            value = pair.value
            member = value.WhichOneof("value")
            value_type = _SCALARS.get(member)
            if member is not None and value_type is not None and key:
                decoded = getattr(value, member)
            else:
                found = self._decode(key, value, member)
                if found is None:
                    continue
                value_type, decoded = found
            code = code_of.get(key)
            if code is None:
                code = code_of[key] = len(code_of)
            add_key(code)
            add_type(value_type)
            add_value(decoded)
        into.owners.extend([owner] * (len(into.values) - before))

    def _decode(self, key: str, value: AnyValue, member: str | None) -> tuple[ValueType, object] | None:
        """Return type and value of a rarer kind, or None with a word in the report."""
        if not key:
            self._report.add("attribute without a key, not read")
        elif member is None:
            self._report.add("attribute without a value, read as missing", sample=key)
        else:
            try:
                return _NESTED.get(member, ValueType.BYTES), _decode_text(value, member)
            except ValueFault as fault:
                self._report.add(f"attribute with {fault}; read as missing", sample=key)
        return None


def read_pair(pair: KeyValue) -> tuple[str, ValueType, object] | None:
    """Return key, type and value of an attribute, or None where the walk would report something."""
    key, value = pair.key, pair.value
    member = value.WhichOneof("value")
    if not key or member is None:
        return None
    value_type = _SCALARS.get(member)
    if value_type is not None:
        return key, value_type, getattr(value, member)
    try:
        return key, _NESTED.get(member, ValueType.BYTES), _decode_text(value, member)
    except ValueFault:
        return None


def _read_id(data: bytes, n_bytes: int, what: str) -> tuple[str, str]:
    """Return what is wrong with an id, or nothing, and the id."""
    try:
        found = decode_id_bytes(data, n_bytes)
    except IdFault as fault:
        return f"{what} of {fault}, expected {2 * n_bytes} hexadecimal digits", ""
    if not found:
        return f"no {what}" if not data else f"{what} of zeros", ""
    return "", found


def _plain(value: AnyValue, depth: int) -> Any:
    """Return a value inside an array or a list as JSON shows it; an empty one is null."""
    if depth > MAX_DEPTH:
        raise ValueFault(f"values nested deeper than {MAX_DEPTH} levels")
    member = value.WhichOneof("value")
    if member is None:
        return None
    if member == "array_value":
        return [_plain(item, depth + 1) for item in value.array_value.values]
    if member == "kvlist_value":
        return {pair.key: _plain(pair.value, depth + 1) for pair in value.kvlist_value.values}
    if member == "bytes_value":
        return base64.b64encode(value.bytes_value).decode()
    if member == "double_value":
        return plain_double(value.double_value)
    if member not in _SCALARS:
        raise ValueFault("a stringValueStrindex, which traces cannot resolve")
    return getattr(value, member)


def _decode_text(value: AnyValue, member: str) -> str:
    """Return bytes as base64, arrays and lists as compact JSON."""
    plain = _plain(value, 0)
    return compact_json(plain) if member in _NESTED else str(plain)
