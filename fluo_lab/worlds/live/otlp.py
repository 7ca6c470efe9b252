"""OpenTelemetry SDK spans as OTLP messages, and OTLP messages as the JSON lines collectors write."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from math import inf, isfinite
from typing import Any

import orjson
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import (
    AnyValue,
    ArrayValue,
    InstrumentationScope,
    KeyValue,
    KeyValueList,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext

from fluo_lab.errors import UsageError

__all__ = ["encode_json_line", "encode_request"]

_HAS_IS_REMOTE = 0x100
_IS_REMOTE = 0x200
_NOT_FINITE = {inf: "Infinity", -inf: "-Infinity"}


def encode_request(spans: Sequence[ReadableSpan]) -> ExportTraceServiceRequest:
    """Return one export request with the given finished spans, in their order.

    Spans are grouped by resource and instrumentation scope, in order of first appearance.

    Raises
    ------
    UsageError
        A span has not ended, or an attribute value has a type OTLP cannot carry.
    """
    groups: dict[int, dict[tuple[str, str], list[ReadableSpan]]] = {}
    for span in spans:
        scope = span.instrumentation_scope
        key = (scope.name, scope.version or "") if scope else ("", "")
        groups.setdefault(id(span.resource), {}).setdefault(key, []).append(span)
    return ExportTraceServiceRequest(resource_spans=[_encode_resource(scopes) for scopes in groups.values()])


def encode_json_line(request: ExportTraceServiceRequest) -> bytes:
    r"""Return one export request as a line of OTLP/JSON, newline included.

    Ids are hexadecimal, 64-bit integers decimal strings, enums numbers, keys lowerCamelCase.

    Examples
    --------
    >>> encode_json_line(ExportTraceServiceRequest())
    b'{"resourceSpans":[]}\n'
    """
    document = {"resourceSpans": [_resource_spans_json(r) for r in request.resource_spans]}
    return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)


def _encode_resource(scopes: Mapping[tuple[str, str], Sequence[ReadableSpan]]) -> ResourceSpans:
    resource = next(iter(scopes.values()))[0].resource
    return ResourceSpans(
        resource=Resource(attributes=_encode_attributes(resource.attributes)),
        scope_spans=[
            ScopeSpans(
                scope=InstrumentationScope(name=name, version=version),
                spans=[_encode_span(span) for span in spans],
            )
            for (name, version), spans in scopes.items()
        ],
        schema_url=resource.schema_url,
    )


def _encode_span(span: ReadableSpan) -> Span:
    context = span.get_span_context()
    if context is None or span.start_time is None or span.end_time is None:
        raise UsageError(f"span {span.name!r} has no ids or has not ended: only finished spans can be encoded")
    message = Span(
        trace_id=context.trace_id.to_bytes(16, "big"),
        span_id=context.span_id.to_bytes(8, "big"),
        trace_state=context.trace_state.to_header() if context.trace_state else "",
        flags=_encode_flags(context, span.parent),
        name=span.name,
        # The SDK counts kinds from 0 (internal), the protocol from 1.
        kind=Span.SpanKind.Name(span.kind.value + 1),
        start_time_unix_nano=span.start_time,
        end_time_unix_nano=span.end_time,
        attributes=_encode_attributes(span.attributes),
        dropped_attributes_count=span.dropped_attributes,
        dropped_events_count=span.dropped_events,
        dropped_links_count=span.dropped_links,
        events=[
            Span.Event(
                time_unix_nano=event.timestamp,
                name=event.name,
                attributes=_encode_attributes(event.attributes),
                dropped_attributes_count=event.dropped_attributes,
            )
            for event in span.events
        ],
        links=[
            Span.Link(
                trace_id=link.context.trace_id.to_bytes(16, "big"),
                span_id=link.context.span_id.to_bytes(8, "big"),
                attributes=_encode_attributes(link.attributes),
                dropped_attributes_count=link.dropped_attributes,
                flags=_encode_flags(link.context, link.context),
            )
            for link in span.links
        ],
        status=Status(
            code=Status.StatusCode.Name(span.status.status_code.value), message=span.status.description or ""
        ),
    )
    if span.parent is not None:
        message.parent_span_id = span.parent.span_id.to_bytes(8, "big")
    return message


def _encode_flags(own: SpanContext, other: SpanContext | None) -> int:
    """Return the W3C flags, with the protocol's two bits that say whether the other span is remote."""
    remote = _IS_REMOTE if other is not None and other.is_remote else 0
    return int(own.trace_flags) | _HAS_IS_REMOTE | remote


def _encode_attributes(attributes: Mapping[str, Any] | None) -> list[KeyValue]:
    return [KeyValue(key=key, value=_encode_value(value)) for key, value in (attributes or {}).items()]


def _encode_value(value: object) -> AnyValue:
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, str):
        return AnyValue(string_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, bytes):
        return AnyValue(bytes_value=value)
    if isinstance(value, Mapping):
        return AnyValue(kvlist_value=KeyValueList(values=_encode_attributes(value)))
    if isinstance(value, Sequence):
        return AnyValue(array_value=ArrayValue(values=[_encode_value(item) for item in value]))
    raise UsageError(f"an attribute value of type {type(value).__name__} has no OTLP encoding")


def _resource_spans_json(message: ResourceSpans) -> dict[str, Any]:
    return _without_empty(
        resource={"attributes": _attributes_json(message.resource.attributes)},
        scopeSpans=[_scope_spans_json(s) for s in message.scope_spans],
        schemaUrl=message.schema_url,
    )


def _scope_spans_json(message: ScopeSpans) -> dict[str, Any]:
    return _without_empty(
        scope=_without_empty(name=message.scope.name, version=message.scope.version),
        spans=[_span_json(s) for s in message.spans],
        schemaUrl=message.schema_url,
    )


def _span_json(message: Span) -> dict[str, Any]:
    fields = _without_empty(
        traceId=message.trace_id.hex(),
        spanId=message.span_id.hex(),
        traceState=message.trace_state,
        parentSpanId=message.parent_span_id.hex(),
        flags=message.flags,
        name=message.name,
        kind=message.kind,
        startTimeUnixNano=str(message.start_time_unix_nano),
        endTimeUnixNano=str(message.end_time_unix_nano),
        attributes=_attributes_json(message.attributes),
        droppedAttributesCount=message.dropped_attributes_count,
        events=[
            _without_empty(
                timeUnixNano=str(event.time_unix_nano),
                name=event.name,
                attributes=_attributes_json(event.attributes),
                droppedAttributesCount=event.dropped_attributes_count,
            )
            for event in message.events
        ],
        droppedEventsCount=message.dropped_events_count,
        links=[
            _without_empty(
                traceId=link.trace_id.hex(),
                spanId=link.span_id.hex(),
                attributes=_attributes_json(link.attributes),
                droppedAttributesCount=link.dropped_attributes_count,
                flags=link.flags,
            )
            for link in message.links
        ],
        droppedLinksCount=message.dropped_links_count,
    )
    # Collectors write the status even when it is unset.
    fields["status"] = _without_empty(message=message.status.message, code=message.status.code)
    return fields


def _attributes_json(attributes: Sequence[KeyValue]) -> list[dict[str, Any]]:
    return [{"key": pair.key, "value": _value_json(pair.value)} for pair in attributes]


def _value_json(value: AnyValue) -> dict[str, Any]:
    match value.WhichOneof("value"):
        case "string_value":
            return {"stringValue": value.string_value}
        case "int_value":
            return {"intValue": str(value.int_value)}
        case "double_value":
            number = value.double_value
            # JSON has no such numbers; protobuf's JSON spells them as text.
            return {"doubleValue": number if isfinite(number) else _NOT_FINITE.get(number, "NaN")}
        case "bool_value":
            return {"boolValue": value.bool_value}
        case "array_value":
            return {"arrayValue": {"values": [_value_json(v) for v in value.array_value.values]}}
        case "kvlist_value":
            return {"kvlistValue": {"values": _attributes_json(value.kvlist_value.values)}}
        case "bytes_value":
            return {"bytesValue": base64.b64encode(value.bytes_value).decode()}
        case None:
            return {}
        case other:
            raise UsageError(f"an attribute value of kind {other!r} has no JSON encoding here")


def _without_empty(**fields: Any) -> dict[str, Any]:
    """Return the fields that differ from their protocol default."""
    return {key: value for key, value in fields.items() if value}
