"""OTLP/JSON lines: one export request a line, as the collector's file exporter writes them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import orjson
import polars as pl

from fluo_lab.traces import Traces, ValueType
from fluo_lab.writers.attributes import EncodeAttribute
from fluo_lab.writers.files import write_file
from fluo_lab.writers.requests import check_traces_per_request, encode_requests

__all__ = ["encode_otlp_json", "to_otlp_json"]

_MEMBERS: Final = {
    ValueType.TEXT: b"stringValue",
    ValueType.BOOL: b"boolValue",
    ValueType.DOUBLE: b"doubleValue",
    ValueType.BYTES: b"bytesValue",
}
_COUNTS: Final = (
    ("dropped_attributes", b"droppedAttributesCount"),
    ("dropped_events", b"droppedEventsCount"),
    ("dropped_links", b"droppedLinksCount"),
)
_EMPTY_REQUEST: Final = b'{"resourceSpans":[]}\n'


def to_otlp_json(traces: Traces, path: str | Path, *, traces_per_line: int = 1) -> Path:
    """Write a store as OTLP/JSON, one export request a line, and return the path.

    Ids are hexadecimal, 64-bit integers decimal strings, enums numbers, bytes base64, doubles that JSON has no number
    for the strings ``NaN``, ``Infinity`` and ``-Infinity`` (opentelemetry-proto, docs/specification.md, "JSON Protobuf
    Encoding"). ``read_traces`` reads equal frames back.

    Arrays and key-value lists are kept as JSON of plain values, so their inner values go out as what JSON shows:
    whole numbers as ``intValue``, numbers with a point or an exponent as ``doubleValue``, null as an empty value, text
    as ``stringValue``. Bytes and ``NaN`` inside them became text when they were read and stay text; so do whole
    numbers beyond 64 bits.

    Parameters
    ----------
    traces
        What to write. A resource that names no service goes out without ``service.name``.
    path
        File to write; its folder must exist. It is complete or not there. A name ending in ``.gz`` or ``.zst`` is
        compressed so.
    traces_per_line
        How many traces a line holds; a trace is never split.

    Raises
    ------
    UsageError
        A span or event is before 1970, or a line would hold no trace.

    Warns
    -----
    LossWarning
        Ids that are no hexadecimal digits of the right number: a BLAKE2b hash stands in for each, the same wherever it
        occurs, and the id itself becomes the attribute ``fluo_lab.trace_id``, ``fluo_lab.span_id`` or
        ``fluo_lab.parent_span_id`` of the span or link. Or traces that are known to lack spans, which only our own
        Parquet can say.
    """
    return write_file(path, encode_otlp_json(traces, traces_per_line=traces_per_line))


def encode_otlp_json(traces: Traces, *, traces_per_line: int = 1) -> Iterator[bytes]:
    r"""Yield what ``to_otlp_json`` writes, whole lines at a time.

    Examples
    --------
    >>> from fluo_lab.traces import PlainSpan, traces_from_spans
    >>> written = b"".join(encode_otlp_json(traces_from_spans([PlainSpan("pay", attributes={"amount": 5})])))
    >>> written[-87:]
    b',"name":"pay","kind":1,"attributes":[{"key":"amount","value":{"intValue":"5"}}]}]}]}]}\n'
    """
    check_traces_per_request(traces_per_line, "traces_per_line")
    if traces.n_spans == 0:
        return iter([_EMPTY_REQUEST])
    return encode_requests(traces, _Json(), traces_per_request=traces_per_line)


class _Json:
    """The encoding of ``Encoding``."""

    separator = b","

    def attribute_of(self, owner: str) -> EncodeAttribute:
        return partial(_attribute, {})

    def face(self, row: dict[str, Any]) -> bytes:
        fields = [b',"name":' + orjson.dumps(row["name"])]
        if row["kind"]:
            fields.append(b',"kind":%d' % row["kind"])
        fields.append(_state(row))
        fields += [b',"%b":%d' % (name, row[column]) for column, name in _COUNTS if row[column]]
        status = [b'"code":%d' % row["status"]] if row["status"] else []
        if row["status_message"]:
            status.append(b'"message":' + orjson.dumps(row["status_message"]))
        if status:
            fields.append(b',"status":{%b}' % b",".join(status))
        return b"".join(fields)

    def event_face(self, row: dict[str, Any]) -> bytes:
        return b',"name":' + orjson.dumps(row["name"]) + _dropped(row)

    def link_face(self, row: dict[str, Any]) -> bytes:
        return _state(row) + _dropped(row)

    def events(self, times_ns: pl.Series, faces: Sequence[bytes], attributes: Sequence[bytes]) -> list[bytes]:
        return [
            b'{"timeUnixNano":"%d"%b%b}' % (time_ns, face, _listed(b"attributes", own))
            for time_ns, face, own in zip(times_ns.to_list(), faces, attributes, strict=True)
        ]

    def links(
        self, trace_ids: pl.Series, span_ids: pl.Series, faces: Sequence[bytes], attributes: Sequence[bytes]
    ) -> list[bytes]:
        return [
            b'{"traceId":"%b","spanId":"%b"%b%b}'
            % (trace_id.encode(), span_id.encode(), face, _listed(b"attributes", own))
            for trace_id, span_id, face, own in zip(
                trace_ids.to_list(), span_ids.to_list(), faces, attributes, strict=True
            )
        ]

    def spans(
        self,
        rows: pl.DataFrame,
        faces: Sequence[bytes],
        attributes: Sequence[bytes],
        events: Sequence[bytes],
        links: Sequence[bytes],
    ) -> list[bytes]:
        # One string a span before its attributes: Polars joins columns faster than Python does.
        heads = rows.select(
            pl.concat_str(
                pl.lit('{"traceId":"'),
                "trace_id",
                pl.lit('","spanId":"'),
                "span_id",
                pl.concat_str(pl.lit('","parentSpanId":"'), "parent_span_id").fill_null(""),
                pl.lit('","startTimeUnixNano":"'),
                "start_ns",
                pl.lit('","endTimeUnixNano":"'),
                "end_ns",
                pl.lit('"'),
            )
        ).to_series()
        return [
            b"".join(
                (
                    head.encode(),
                    face,
                    _listed(b"attributes", own) if own else b"",
                    _listed(b"events", happened) if happened else b"",
                    _listed(b"links", linked) if linked else b"",
                    b"}",
                )
            )
            for head, face, own, happened, linked in zip(heads.to_list(), faces, attributes, events, links, strict=True)
        ]

    def resource(self, attributes: bytes) -> bytes:
        return b"{%b}" % _listed(b"attributes", attributes).removeprefix(b",")

    def scope(self, name: str | None, version: str | None, attributes: bytes) -> bytes:
        fields = [
            b',"%b":%b' % (key, orjson.dumps(text)) for key, text in ((b"name", name), (b"version", version)) if text
        ]
        return b"{%b}" % b"".join([*fields, _listed(b"attributes", attributes)]).removeprefix(b",")

    def scope_spans(self, scope: bytes, spans: Sequence[bytes]) -> bytes:
        return b'{"scope":%b,"spans":[%b]}' % (scope, b",".join(spans))

    def resource_spans(self, resource: bytes, scope_spans: Sequence[bytes]) -> bytes:
        return b'{"resource":%b,"scopeSpans":[%b]}' % (resource, b",".join(scope_spans))

    def request(self, resource_spans: Sequence[bytes]) -> bytes:
        return b'{"resourceSpans":[%b]}\n' % b",".join(resource_spans)


def _listed(name: bytes, items: bytes) -> bytes:
    """Return a field that is an array, or nothing where it is empty."""
    return b',"%b":[%b]' % (name, items) if items else b""


def _state(row: dict[str, Any]) -> bytes:
    state = b',"traceState":' + orjson.dumps(row["trace_state"]) if row["trace_state"] else b""
    return state + (b',"flags":%d' % row["flags"] if row["flags"] else b"")


def _dropped(row: dict[str, Any]) -> bytes:
    return b',"droppedAttributesCount":%d' % row["dropped_attributes"] if row["dropped_attributes"] else b""


def _attribute(keys: dict[str, bytes], key: str, kind: ValueType, value: Any) -> bytes:
    """Return a ``KeyValue``; ``keys`` keeps the beginnings made before."""
    beginning = keys.get(key)
    if beginning is None:
        beginning = keys[key] = b'{"key":%b,"value":{"' % orjson.dumps(key)
    if kind is ValueType.INT:
        return b'%bintValue":"%d"}}' % (beginning, value)
    if kind in (ValueType.ARRAY, ValueType.KVLIST):
        inner = orjson.dumps(_any_value(orjson.loads(value)))
        return b"%b%b}" % (beginning[:-2], inner)
    if kind is ValueType.DOUBLE:
        value = _double(value)
    return b'%b%b":%b}}' % (beginning, _MEMBERS[kind], orjson.dumps(value))


def _double(value: float) -> float | str:
    """Return a double as JSON has it."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _any_value(plain: object) -> dict[str, Any]:
    """Return a plain value as an ``AnyValue``."""
    match plain:
        case None:
            return {}
        case bool():
            return {"boolValue": plain}
        case int():
            is_int64 = -(2**63) <= plain < 2**63
            return {"intValue": str(plain)} if is_int64 else {"stringValue": str(plain)}
        case float():
            return {"doubleValue": plain}
        case list():
            return {"arrayValue": {"values": [_any_value(item) for item in plain]}}
        case dict():
            pairs = [{"key": key, "value": _any_value(item)} for key, item in plain.items()]
            return {"kvlistValue": {"values": pairs}}
    return {"stringValue": plain}
