"""OTLP protobuf decoded to Arrow columns: ``ptars`` by the official descriptors, with some fields left as bytes.

On the wire a message within a message is a string of bytes, and so is a text. What repeats itself (attributes,
resources, scopes, statuses) is left as bytes, to be parsed once; texts are, to be checked as columns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import polars as pl
import ptars
import pyarrow as pa
from google.protobuf import descriptor_pb2, descriptor_pool  # type: ignore[import-untyped]  # ships no types
from numpy.typing import NDArray
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.resource.v1 import resource_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

__all__ = [
    "Decode",
    "Misfit",
    "decode_entries",
    "decode_pairs",
    "decode_requests",
    "decode_values",
    "numbers_of",
    "texts_of",
]

Decode: TypeAlias = Callable[[Sequence[bytes]], pa.RecordBatch]
"""Decodes messages to one row each; raises ``ValueError`` where one is damaged."""

_Field = descriptor_pb2.FieldDescriptorProto
_COMMON: Final = ".opentelemetry.proto.common.v1."
# A message given in several parts is their concatenation, so all parts are kept.
_IN_PARTS: Final = (
    f"{_COMMON}KeyValue",
    f"{_COMMON}AnyValue",
    f"{_COMMON}InstrumentationScope",
    ".opentelemetry.proto.resource.v1.Resource",
    ".opentelemetry.proto.trace.v1.Status",
)
_WHOLE: Final = (f"{_COMMON}ArrayValue", f"{_COMMON}KeyValueList")


class Misfit(ValueError):
    """Messages among which at least one is not for the fast reading."""


def _make_pool() -> Any:
    """Return the official definitions with some fields left as bytes."""
    pool = descriptor_pool.DescriptorPool()
    for module in (common_pb2, resource_pb2, trace_pb2):
        file = descriptor_pb2.FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(file)
        for message in file.message_type:
            _leave_as_bytes(message)
        pool.Add(file)
    return pool


def _leave_as_bytes(message: Any) -> None:
    for field in message.field:
        if field.type_name in _IN_PARTS or field.type_name in _WHOLE:
            if field.type_name in _IN_PARTS:
                field.label = _Field.LABEL_REPEATED
            field.ClearField("type_name")
            field.type = _Field.TYPE_BYTES
        elif field.type == _Field.TYPE_STRING:
            field.type = _Field.TYPE_BYTES
        elif field.type == _Field.TYPE_ENUM:
            field.ClearField("type_name")
            field.type = _Field.TYPE_INT32
    for nested in message.nested_type:
        _leave_as_bytes(nested)


_MESSAGES: Final = _make_pool()
_HANDLERS: Final = ptars.HandlerPool([_MESSAGES.FindFileByName(trace_pb2.DESCRIPTOR.name)])


def _decoder_of(name: str) -> Decode:
    message = _MESSAGES.FindMessageTypeByName(f"opentelemetry.proto.{name}")
    decode: Decode = _HANDLERS.get_for_message(message).list_to_record_batch
    return decode


decode_requests: Final = _decoder_of("trace.v1.TracesData")
decode_entries: Final = _decoder_of("trace.v1.ResourceSpans")
decode_pairs: Final = _decoder_of("common.v1.KeyValue")
decode_values: Final = _decoder_of("common.v1.AnyValue")


def numbers_of(values: pa.Array) -> NDArray[Any]:
    """Return an array of numbers without nulls; Arrow's own conversion loads pandas."""
    dtype = np.dtype(str(values.type))
    return np.frombuffer(values.buffers()[1] or b"", dtype=dtype, count=values.offset + len(values))[values.offset :]


def texts_of(values: pa.Array, *, is_optional: bool = False) -> pl.Series:
    """Return texts; where optional, null for empty ones.

    Raises
    ------
    Misfit
        One is not UTF-8.
    """
    try:
        texts = pl.Series(values, dtype=pl.Binary).cast(pl.String)
    except pl.exceptions.PolarsError as error:
        raise Misfit("a text that is not UTF-8") from error
    return texts.set(texts == "", None) if is_optional else texts
