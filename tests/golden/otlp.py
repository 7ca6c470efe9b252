"""Golden OTLP, as JSON and as protobuf."""

from __future__ import annotations

import base64
from typing import Any, Final

import zstandard

from golden.base import NAMES, PARENTS, TRACES, Bytes, Message, end_of, span_id_of, start_of, to_base64, trace_of


def _otlp_value(value: Any) -> Any:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case bytes():
            return {"bytesValue": base64.b64encode(value).decode()}
        case list():
            return {"arrayValue": {"values": [_otlp_value(item) for item in value]}}
        case dict():
            return {"kvlistValue": {"values": _otlp_pairs(value)}}
    return {"stringValue": value}


def _otlp_pairs(values: dict[str, Any]) -> list[Any]:
    return [{"key": key, "value": _otlp_value(value)} for key, value in values.items()]


def values_of(i: int) -> dict[str, Any]:
    """Return the attributes of a span, of every type."""
    of_span = (
        {"http.method": "GET", "http.status_code": 200, "ok": True},
        {"amount": 59.99, "card": b"\x00\xff", "tags": ["a", 1, 2.5], "order": {"id": 7, "paid": False}},
        {"db.statement": "INSERT ' \" \\ é"},
        {"http.status_code": "404", "amount": 60.0},
        {},
    )
    return of_span[i]


def _otlp_span(i: int) -> dict[str, Any]:
    span: dict[str, Any] = {
        "traceId": trace_of(i),
        "spanId": span_id_of(i),
        "name": NAMES[i],
        "kind": (2, 3, 1, 2, 3)[i],
        "startTimeUnixNano": str(start_of(i)),
        "endTimeUnixNano": str(end_of(i)),
        "attributes": _otlp_pairs(values_of(i)),
        "status": {"code": 2, "message": "declined"} if i == 1 else {},
    }
    if PARENTS[i] is not None:
        span["parentSpanId"] = span_id_of(PARENTS[i])
    if i == 1:
        event = {"timeUnixNano": str(start_of(1) + 5), "name": "exception", "attributes": _otlp_pairs({"type": "E"})}
        link = {"traceId": TRACES[1], "spanId": span_id_of(3), "attributes": _otlp_pairs({"why": "retry"})}
        span |= {"events": [event], "links": [link], "flags": 257, "traceState": "a=b", "droppedAttributesCount": 1}
    return span


def otlp_entries() -> list[Any]:
    """Return the resource spans: one for each run of spans of a service."""
    entries = []
    for service, numbers in (("front", (0,)), ("payment", (1, 2)), ("front", (3,)), ("cart", (4,))):
        resource = {"attributes": _otlp_pairs({"service.name": service, "replicas": 3})}
        scope = {"name": "lib", "version": "1.2", "attributes": _otlp_pairs({"short": True})}
        entries.append(
            {"resource": resource, "scopeSpans": [{"scope": scope, "spans": list(map(_otlp_span, numbers))}]}
        )
    return entries


def requests() -> list[Any]:
    return [{"resourceSpans": [entry]} for entry in otlp_entries()]


_LEGACY: Final = {
    "scopeSpans": "instrumentation_library_spans",
    "scope": "instrumentation_library",
    "resourceSpans": "resource_spans",
}
_LEGACY_KINDS: Final = ("SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL", "SPAN_KIND_SERVER", "SPAN_KIND_CLIENT")


def legacy(value: Any, key: str = "") -> Any:
    """Return OTLP/JSON as old protobuf writers put it: snake case, ids in base64, names of enums."""
    if isinstance(value, dict):
        found = {
            _LEGACY.get(k) or "".join("_" + c.lower() if c.isupper() else c for c in k): v for k, v in value.items()
        }
        return {k: legacy(v, k) for k, v in found.items()}
    if isinstance(value, list):
        return [legacy(item) for item in value]
    if key in ("trace_id", "span_id", "parent_span_id"):
        return to_base64(value)
    if key == "kind":
        return _LEGACY_KINDS[value]
    return "STATUS_CODE_ERROR" if key == "code" else value


# Protobuf, field by field


def _varint(number: int) -> bytes:
    out = b""
    number &= (1 << 64) - 1
    while number >= 0x80:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def _encode(message: Message) -> bytes:
    out = b""
    for number, value in message:
        data = _encode(value) if isinstance(value, Message) else value
        if isinstance(data, int):
            out += _varint(number << 3) + _varint(data)
        elif isinstance(data, Bytes):
            length = _varint(len(data.data)) if data.wire == 2 else b""
            out += _varint(number << 3 | data.wire) + length + data.data
        else:
            out += _varint(number << 3 | 2) + _varint(len(data)) + data
    return out


def _fixed(number: int, n_bytes: int = 8) -> Bytes:
    return Bytes(number.to_bytes(n_bytes, "little"), wire=1 if n_bytes == 8 else 5)


def _wire_value(value: dict[str, Any]) -> Message:
    ((kind, member),) = value.items()
    match kind:
        case "stringValue":
            return Message([[1, Bytes(member.encode())]])
        case "boolValue":
            return Message([[2, int(member)]])
        case "intValue":
            return Message([[3, int(member)]])
        case "doubleValue":
            import struct

            return Message([[4, Bytes(struct.pack("<d", member), wire=1)]])
        case "arrayValue":
            return Message([[5, Message([[1, _wire_value(item)] for item in member["values"]])]])
        case "kvlistValue":
            return Message([[6, Message([[1, _wire_pair(pair)] for pair in member["values"]])]])
    return Message([[7, Bytes(base64.b64decode(member))]])


def _wire_pair(pair: dict[str, Any]) -> Message:
    return Message([[1, Bytes(pair["key"].encode())], [2, _wire_value(pair["value"])]])


def _wire_pairs(number: int, owner: dict[str, Any]) -> list[Any]:
    return [[number, _wire_pair(pair)] for pair in owner["attributes"]]


def _wire_id(digits: str) -> Bytes:
    return Bytes(bytes.fromhex(digits))


def _wire_span(span: dict[str, Any]) -> Message:
    """Return a span of OTLP/JSON with the field numbers of opentelemetry-proto, ``trace.proto``."""
    fields = Message([[1, _wire_id(span["traceId"])], [2, _wire_id(span["spanId"])]])
    if "traceState" in span:
        fields.append([3, Bytes(span["traceState"].encode())])
    if "parentSpanId" in span:
        fields.append([4, _wire_id(span["parentSpanId"])])
    fields += [[5, Bytes(span["name"].encode())], [6, span["kind"]]]
    fields += [[7, _fixed(int(span["startTimeUnixNano"]))], [8, _fixed(int(span["endTimeUnixNano"]))]]
    fields += _wire_pairs(9, span)
    if "droppedAttributesCount" in span:
        fields.append([10, span["droppedAttributesCount"]])
    for event in span.get("events", []):
        times = [[1, _fixed(int(event["timeUnixNano"]))], [2, Bytes(event["name"].encode())]]
        fields.append([11, Message([*times, *_wire_pairs(3, event)])])
    for link in span.get("links", []):
        ids = [[1, _wire_id(link["traceId"])], [2, _wire_id(link["spanId"])]]
        fields.append([13, Message([*ids, *_wire_pairs(4, link)])])
    if span["status"]:
        fields.append([15, Message([[2, Bytes(span["status"]["message"].encode())], [3, span["status"]["code"]]])])
    if "flags" in span:
        fields.append([16, _fixed(span["flags"], 4)])
    return fields


def _wire_entry(entry: dict[str, Any]) -> Message:
    (group,) = entry["scopeSpans"]
    scope = group["scope"]
    named = [[1, Bytes(scope["name"].encode())], [2, Bytes(scope["version"].encode())]]
    return Message(
        [
            [1, Message(_wire_pairs(1, entry["resource"]))],
            [
                2,
                Message(
                    [[1, Message([*named, *_wire_pairs(3, scope)])], *([2, _wire_span(s)] for s in group["spans"])]
                ),
            ],
        ]
    )


def messages() -> list[Any]:
    """Return export requests, of one resource each."""
    return [Message([[1, _wire_entry(entry)]]) for entry in otlp_entries()]


def plain(messages: Any) -> bytes:
    return b"".join(map(_encode, messages))


def big_endian(messages: Any) -> bytes:
    return b"".join(len(data).to_bytes(4, "big") + data for data in map(_encode, messages))


def delimited(messages: Any) -> bytes:
    return b"".join(_varint(len(data)) + data for data in map(_encode, messages))


def zstd_frames(messages: Any) -> bytes:
    packed = [zstandard.ZstdCompressor().compress(_encode(message)) for message in messages]
    return b"".join(len(data).to_bytes(4, "big") + data for data in packed)


# Jaeger
