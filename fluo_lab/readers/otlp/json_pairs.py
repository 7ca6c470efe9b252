"""Attributes of OTLP/JSON for the fast reading: ordinary ones as structs, others as the exact reading takes them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import orjson
import polars as pl
from numpy.typing import NDArray

from fluo_lab.readers.otlp.pairs import FoundPair, rows_of_columns, rows_of_pairs
from fluo_lab.readers.otlp.structs import MISFITS, Pair, decode_pairs
from fluo_lab.readers.otlp.values import ValueFault, decode_value, parse_int
from fluo_lab.traces import AttributeRows, ValueType

__all__ = ["read_json_pairs"]

_MIN_INT64, _MAX_INT64 = -(2**63), 2**63 - 1
_FIELDS = frozenset(("key", "value"))


def read_json_pairs(texts: Sequence[bytes]) -> tuple[AttributeRows, NDArray[np.bool_]]:
    """Return one row an attribute, and which ones the exact reading would report; their rows mean nothing."""
    pairs = _parse_ordinary(texts)
    if pairs is None:
        return rows_of_pairs([_read_exactly(text) for text in texts])
    values = [pair.value for pair in pairs]
    keys = pl.Series([pair.key for pair in pairs], dtype=pl.String)
    columns = {
        ValueType.TEXT: pl.Series([value.string_value for value in values], dtype=pl.String),
        ValueType.INT: _integers([value.int_value for value in values]),
        ValueType.DOUBLE: pl.Series([value.double_value for value in values], dtype=pl.Float64),
        ValueType.BOOL: pl.Series([value.bool_value for value in values], dtype=pl.Boolean),
    }
    # An integer that is none has no value here, and so is not ordinary.
    n_values = sum((column.is_not_null().cast(pl.UInt8) for column in columns.values()), pl.Series([0], dtype=pl.UInt8))
    is_nested = [bool(value.array_value or value.kvlist_value or value.bytes_value) for value in values]
    has_integer = [value.int_value is not None for value in values]
    is_ordinary = (
        (n_values == 1)
        & ~pl.Series(is_nested, dtype=pl.Boolean)
        & (pl.Series(has_integer, dtype=pl.Boolean) == columns[ValueType.INT].is_not_null())
        & (keys != "")
    )
    return rows_of_columns(
        keys, columns, is_ordinary=is_ordinary.to_numpy(), read_exactly=lambda number: _read_exactly(texts[number])
    )


def _parse_ordinary(texts: Sequence[bytes]) -> list[Pair] | None:
    """Return all attributes, or None where any is not of an ordinary type."""
    try:
        pairs = decode_pairs(b"[" + b",".join(texts) + b"]")
    except MISFITS:
        return None
    return pairs if len(pairs) == len(texts) else None


def _integers(values: Sequence[str | int | None]) -> pl.Series:
    """Return 64-bit integers; null where there is none, or another number."""
    numbers = pl.Series([None], dtype=pl.Int64).new_from_index(0, len(values))
    at = [i for i, value in enumerate(values) if value is not None]
    return numbers.scatter(at, [_integer(values[i]) for i in at]) if at else numbers


def _integer(value: object) -> int | None:
    try:
        return parse_int(value, _MIN_INT64, _MAX_INT64)
    except ValueFault:
        return None


def _read_exactly(text: bytes) -> FoundPair | None:
    """Return key, type and value as the exact reading takes them, or None where it would report something."""
    try:
        entry = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if type(entry) is not dict or not entry.keys() <= _FIELDS:
        return None
    key = entry.get("key")
    if type(key) is not str or not key:
        return None
    try:
        found = decode_value(entry.get("value"))
    except ValueFault:
        return None
    return None if found is None else (key, *found)
