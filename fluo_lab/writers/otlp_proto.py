"""OTLP protobuf files: one export request a message, in the framings that files of it have."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal, get_args

import numpy as np
import orjson
import polars as pl
from numpy.typing import NDArray
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList

from fluo_lab.errors import UsageError
from fluo_lab.traces import Traces, ValueType
from fluo_lab.writers.attributes import EncodeAttribute
from fluo_lab.writers.files import write_file
from fluo_lab.writers.otlp_ids import SPAN_ID_BYTES, TRACE_ID_BYTES
from fluo_lab.writers.requests import check_traces_per_request, encode_requests

__all__ = ["Framing", "encode_otlp_proto", "to_otlp_proto"]

Framing = Literal["plain", "big-endian", "varint"]
"""How messages follow one another: as one ``TracesData``, or each after its length."""

# Tags of length-delimited fields, by the numbers they have in opentelemetry-proto.
_ATTRIBUTE_TAGS: Final = {"span": b"\x4a", "resource": b"\x0a", "scope": b"\x1a", "event": b"\x1a", "link": b"\x22"}
_EVENT_TAG: Final = b"\x5a"
_LINK_TAG: Final = b"\x6a"


def to_otlp_proto(
    traces: Traces, path: str | Path, *, traces_per_message: int = 1, framing: Framing = "big-endian"
) -> Path:
    """Write a store as OTLP protobuf and return the path.

    What is said of values, ids and losses in ``to_otlp_json`` holds here too; ``read_traces`` reads equal frames back.

    Parameters
    ----------
    traces
        What to write. A resource that names no service goes out without ``service.name``.
    path
        File to write; its folder must exist. It is complete or not there. A name ending in ``.gz`` or ``.zst`` is
        compressed so.
    traces_per_message
        How many traces a message holds; a trace is never split. Readers have to hold a message in memory.
    framing
        ``"big-endian"``: each message after four bytes of its length, as the collector's file exporter writes with
        ``format: proto``; ``"varint"``: after a varint of its length, as delimited protobuf; ``"plain"``: everything
        is one ``TracesData``, as the body of an OTLP/HTTP request.

    Raises
    ------
    UsageError
        A span or event is before 1970, a message would hold no trace or more than its length can say, or the framing
        is another.

    Warns
    -----
    LossWarning
        See ``to_otlp_json``.
    """
    return write_file(path, encode_otlp_proto(traces, traces_per_message=traces_per_message, framing=framing))


def encode_otlp_proto(
    traces: Traces, *, traces_per_message: int = 1, framing: Framing = "big-endian"
) -> Iterator[bytes]:
    r"""Yield what ``to_otlp_proto`` writes, whole messages at a time; nothing where there is no span.

    Examples
    --------
    >>> from fluo_lab.traces import PlainSpan, traces_from_spans
    >>> b"".join(encode_otlp_proto(traces_from_spans([PlainSpan("pay")])))[:8]
    b'\x00\x00\x00?\n=\n\x00'
    """
    check_traces_per_request(traces_per_message, "traces_per_message")
    if framing not in get_args(Framing):
        raise UsageError(f"framing is {framing!r}, expected one of {', '.join(map(repr, get_args(Framing)))}")
    if traces.n_spans == 0:
        return iter([])
    return encode_requests(traces, _Protobuf(framing), traces_per_request=traces_per_message)


class _Protobuf:
    """The encoding of ``Encoding``; fields by opentelemetry-proto, trace.proto."""

    separator = b""

    def __init__(self, framing: Framing) -> None:
        self._framing = framing

    def attribute_of(self, owner: str) -> EncodeAttribute:
        return partial(_attribute, _ATTRIBUTE_TAGS[owner])

    def face(self, row: dict[str, Any]) -> bytes:
        status = _delimited(b"\x12", (row["status_message"] or "").encode(), is_optional=True)
        status += _number(b"\x18", row["status"])
        return b"".join(
            (
                _delimited(b"\x1a", (row["trace_state"] or "").encode(), is_optional=True),
                _delimited(b"\x2a", row["name"].encode(), is_optional=True),
                _number(b"\x30", row["kind"]),
                _number(b"\x50", row["dropped_attributes"]),
                _number(b"\x60", row["dropped_events"]),
                _number(b"\x70", row["dropped_links"]),
                _delimited(b"\x7a", status, is_optional=True),
                b"\x85\x01" + struct.pack("<I", row["flags"]) if row["flags"] else b"",
            )
        )

    def event_face(self, row: dict[str, Any]) -> bytes:
        return _delimited(b"\x12", row["name"].encode(), is_optional=True) + _number(b"\x20", row["dropped_attributes"])

    def link_face(self, row: dict[str, Any]) -> bytes:
        return b"".join(
            (
                _delimited(b"\x1a", (row["trace_state"] or "").encode(), is_optional=True),
                _number(b"\x28", row["dropped_attributes"]),
                b"\x35" + struct.pack("<I", row["flags"]) if row["flags"] else b"",
            )
        )

    def events(self, times_ns: pl.Series, faces: Sequence[bytes], attributes: Sequence[bytes]) -> list[bytes]:
        times = _cut(_fixed64(b"\x09", times_ns), 9)
        return [
            _delimited(_EVENT_TAG, time + face + own) for time, face, own in zip(times, faces, attributes, strict=True)
        ]

    def links(
        self, trace_ids: pl.Series, span_ids: pl.Series, faces: Sequence[bytes], attributes: Sequence[bytes]
    ) -> list[bytes]:
        ids = np.hstack(
            [_id_fields(b"\x0a\x10", trace_ids, TRACE_ID_BYTES), _id_fields(b"\x12\x08", span_ids, SPAN_ID_BYTES)]
        )
        return [_delimited(_LINK_TAG, b"".join(parts)) for parts in zip(_cut(ids, 28), faces, attributes, strict=True)]

    def spans(
        self,
        rows: pl.DataFrame,
        faces: Sequence[bytes],
        attributes: Sequence[bytes],
        events: Sequence[bytes],
        links: Sequence[bytes],
    ) -> list[bytes]:
        heads = np.hstack(
            [
                _id_fields(b"\x0a\x10", rows["trace_id"], TRACE_ID_BYTES),
                _id_fields(b"\x12\x08", rows["span_id"], SPAN_ID_BYTES),
                _fixed64(b"\x39", rows["start_ns"]),
                _fixed64(b"\x41", rows["end_ns"]),
            ]
        )
        has_parent = rows["parent_span_id"].is_not_null().to_list()
        given = iter(_cut(_id_fields(b"\x22\x08", rows["parent_span_id"].drop_nulls(), SPAN_ID_BYTES), 10))
        parents = [next(given) if has else b"" for has in has_parent]
        return [
            _delimited(b"\x12", b"".join(parts))
            for parts in zip(_cut(heads, 46), parents, faces, attributes, events, links, strict=True)
        ]

    def resource(self, attributes: bytes) -> bytes:
        return _delimited(b"\x0a", attributes)

    def scope(self, name: str | None, version: str | None, attributes: bytes) -> bytes:
        return _delimited(
            b"\x0a",
            _delimited(b"\x0a", (name or "").encode(), is_optional=True)
            + _delimited(b"\x12", (version or "").encode(), is_optional=True)
            + attributes,
        )

    def scope_spans(self, scope: bytes, spans: Sequence[bytes]) -> bytes:
        return _delimited(b"\x12", scope + b"".join(spans))

    def resource_spans(self, resource: bytes, scope_spans: Sequence[bytes]) -> bytes:
        return _delimited(b"\x0a", resource + b"".join(scope_spans))

    def request(self, resource_spans: Sequence[bytes]) -> bytes:
        message = b"".join(resource_spans)
        if self._framing == "plain":
            return message
        if self._framing == "varint":
            return _varint(len(message)) + message
        if len(message) >= 1 << 32:
            raise UsageError(
                f"a message of {len(message):,} bytes is longer than four bytes of length can say; "
                "put fewer traces into a message, or choose the framing 'varint'"
            )
        return len(message).to_bytes(4, "big") + message


def _varint(number: int) -> bytes:
    """Return a number as a varint."""
    if number < 0x80:
        return number.to_bytes(1, "little")
    found = bytearray()
    while number >= 0x80:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


def _delimited(tag: bytes, data: bytes, *, is_optional: bool = False) -> bytes:
    """Return a field of text, bytes or a message; nothing where it is optional and empty."""
    return b"" if is_optional and not data else tag + _varint(len(data)) + data


def _number(tag: bytes, number: int) -> bytes:
    """Return a varint field, or nothing where it is zero."""
    return tag + _varint(number) if number else b""


def _id_fields(tag: bytes, ids: pl.Series, n_bytes: int) -> NDArray[np.uint8]:
    """Return a field a row for hexadecimal ids, tag and length before each."""
    data = np.frombuffer(bytes.fromhex("".join(ids.to_list())), dtype=np.uint8)
    return _with_tag(tag, data.reshape(-1, n_bytes))


def _fixed64(tag: bytes, values: pl.Series) -> NDArray[np.uint8]:
    """Return a field a row for times."""
    return _with_tag(tag, values.to_numpy().astype("<i8").view(np.uint8).reshape(-1, 8))


def _with_tag(tag: bytes, data: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.hstack([np.broadcast_to(np.frombuffer(tag, dtype=np.uint8), (len(data), len(tag))), data])


def _cut(rows: NDArray[np.uint8], width: int) -> list[bytes]:
    """Return the rows as bytes."""
    data = rows.tobytes()
    return [data[i : i + width] for i in range(0, len(data), width)]


def _attribute(tag: bytes, key: str, kind: ValueType, value: Any) -> bytes:
    """Return a field that is a ``KeyValue``."""
    if kind is ValueType.TEXT:
        inner = _delimited(b"\x0a", value.encode())
    elif kind is ValueType.BOOL:
        inner = b"\x10\x01" if value else b"\x10\x00"
    elif kind is ValueType.INT:
        inner = b"\x18" + _varint(value % (1 << 64))
    elif kind is ValueType.DOUBLE:
        inner = b"\x21" + struct.pack("<d", value)
    elif kind is ValueType.BYTES:
        inner = _delimited(b"\x3a", base64.b64decode(value))
    else:
        inner = _any_value(orjson.loads(value)).SerializeToString()
    return _delimited(tag, _delimited(b"\x0a", key.encode()) + _delimited(b"\x12", inner))


def _any_value(plain: object) -> AnyValue:
    """Return a plain value as a message."""
    match plain:
        case None:
            return AnyValue()
        case bool():
            return AnyValue(bool_value=plain)
        case int():
            is_int64 = -(2**63) <= plain < 2**63
            return AnyValue(int_value=plain) if is_int64 else AnyValue(string_value=str(plain))
        case float():
            return AnyValue(double_value=plain)
        case list():
            return AnyValue(array_value=ArrayValue(values=[_any_value(item) for item in plain]))
        case dict():
            pairs = [KeyValue(key=key, value=_any_value(item)) for key, item in plain.items()]
            return AnyValue(kvlist_value=KeyValueList(values=pairs))
    return AnyValue(string_value=str(plain))
