"""Distinct attributes of OTLP protobuf as rows: ordinary ones in columns, others as the exact reading takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # ships no types
from numpy.typing import NDArray
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from fluo_lab.readers.otlp.descriptors import Misfit, decode_pairs, decode_values, numbers_of, texts_of
from fluo_lab.readers.otlp.messages import read_pair
from fluo_lab.readers.otlp.pairs import FoundPair, rows_of_columns, rows_of_pairs
from fluo_lab.traces import AttributeRows, ValueType

__all__ = ["read_protobuf_pairs"]

_SCALARS: Final = {
    "string_value": ValueType.TEXT,
    "bool_value": ValueType.BOOL,
    "int_value": ValueType.INT,
    "double_value": ValueType.DOUBLE,
}


def read_protobuf_pairs(texts: Sequence[bytes]) -> tuple[AttributeRows, NDArray[np.bool_]]:
    """Return one row an attribute, and which ones the exact reading would report; their rows mean nothing."""
    try:
        return _read_together(texts)
    except Misfit:
        return rows_of_pairs([_read_exactly(text) for text in texts])


def _read_exactly(text: bytes) -> FoundPair | None:
    try:
        return read_pair(KeyValue.FromString(text))
    except DecodeError:
        return None


def _read_together(texts: Sequence[bytes]) -> tuple[AttributeRows, NDArray[np.bool_]]:
    try:
        pairs = decode_pairs(texts)
        parts = pairs.column("value")
        n_parts = np.diff(numbers_of(parts.offsets))
        if not (n_parts == 1).all():
            raise Misfit("an attribute with no value, or with several")
        values = decode_values(parts.values.to_pylist())
    except ValueError as error:
        raise Misfit(str(error)) from error
    members = pl.DataFrame({name: pl.Series(values.column(name)) for name in values.schema.names})
    # Of several members of a union the last one counts, which columns do not tell.
    is_single = members.select(pl.sum_horizontal(pl.all().is_not_null()) == 1).to_series()
    is_scalar = members.select(pl.any_horizontal(pl.col(*_SCALARS).is_not_null())).to_series()
    keys = texts_of(pairs.column("key"))
    is_ordinary = (is_single & is_scalar & (keys != "")).to_numpy()
    columns = {value_type: members[name] for name, value_type in _SCALARS.items()}
    columns[ValueType.TEXT] = texts_of(values.column("string_value"))
    return rows_of_columns(
        keys, columns, is_ordinary=is_ordinary, read_exactly=lambda number: _read_exactly(texts[number])
    )
