"""OTLP protobuf for the fast reading: the official messages with resources, scopes and attributes left as bytes.

On the wire a message within a message is a string of bytes, so a descriptor that calls it bytes reads the same files
without parsing it. The descriptors are made from the official ones and live in a pool of their own. Each distinct
attribute is then parsed once, with the official message.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, Final

import numpy as np
import polars as pl
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory  # type: ignore[import-untyped]
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # ships no types
from numpy.typing import NDArray
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.resource.v1 import resource_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

from fluo_lab.readers.otlp_messages import read_pair
from fluo_lab.readers.otlp_wire import FoundPair, Wire

__all__ = ["PROTOBUF", "PROTOBUF_ENTRIES"]

_Field = descriptor_pb2.FieldDescriptorProto
_LEFT_AS_BYTES = (
    ".opentelemetry.proto.common.v1.KeyValue",
    ".opentelemetry.proto.common.v1.InstrumentationScope",
    ".opentelemetry.proto.resource.v1.Resource",
)
_MAX_INT64 = 2**63 - 1


def _make_pool() -> Any:
    """Return the official definitions with some messages left as bytes."""
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
        if field.type_name in _LEFT_AS_BYTES:
            field.ClearField("type_name")
            field.type = _Field.TYPE_BYTES
            # A message given in several parts is their concatenation, so all parts are kept.
            field.label = _Field.LABEL_REPEATED
    for nested in message.nested_type:
        _leave_as_bytes(nested)


_POOL: Final = _make_pool()


def _class_of(name: str) -> Any:
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"opentelemetry.proto.{name}"))


_TracesData: Final = _class_of("trace.v1.TracesData")
_ResourceSpans: Final = _class_of("trace.v1.ResourceSpans")


def _decode_entry(data: bytes) -> SimpleNamespace:
    return SimpleNamespace(resource_spans=[_ResourceSpans.FromString(data)])


def _read_pairs(texts: Sequence[bytes]) -> list[FoundPair | None]:
    """Return attributes; None where the exact reading would report something."""
    found: list[FoundPair | None] = []
    for text in texts:
        try:
            found.append(read_pair(common_pb2.KeyValue.FromString(text)))
        except DecodeError:
            found.append(None)
    return found


def _show_ids(values: list[bytes]) -> list[str]:
    return list(map(bytes.hex, values))


def _read_times(values: list[int]) -> tuple[pl.Series, NDArray[np.bool_]]:
    numbers = np.array(values, dtype=np.uint64)
    return pl.Series(numbers.astype(np.int64)), numbers > _MAX_INT64


PROTOBUF: Final = Wire(
    faults=(DecodeError,),
    decode_request=_TracesData.FromString,
    decode_resource=_class_of("resource.v1.Resource").FromString,
    decode_scope=_class_of("common.v1.InstrumentationScope").FromString,
    nothing=b"",
    join=b"".join,
    read_pairs=_read_pairs,
    show_ids=_show_ids,
    read_times=_read_times,
)
"""One ``TracesData`` a message."""

PROTOBUF_ENTRIES: Final = replace(PROTOBUF, decode_request=_decode_entry)
"""One ``ResourceSpans`` a message."""
