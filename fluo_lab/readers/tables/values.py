"""Attribute rows from the columns of a table."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import polars as pl

from fluo_lab.traces import AttributeRows, Dictionary, ValueType
from fluo_lab.traces.schema import ATTRIBUTE_ROWS
from fluo_lab.traces.values import encode_json

__all__ = ["attribute_rows", "merge_rows", "typed_values"]


def typed_values(values: pl.Series) -> Iterator[tuple[ValueType, pl.Series, str | None]]:
    """Yield the values of each type in a column, null elsewhere, and a word on those that could not stay so."""
    dtype = values.dtype
    if dtype == pl.Null:
        return
    if dtype == pl.Map:
        values = values.to_physical()
        dtype = values.dtype
    if dtype == pl.Boolean:
        yield ValueType.BOOL, values, None
    elif dtype.is_integer():
        whole = values.cast(pl.Int64, strict=False)
        yield ValueType.INT, whole, None
        if whole.null_count() > values.null_count():
            beyond = values.cast(pl.String).set(whole.is_not_null(), None)
            yield ValueType.TEXT, beyond, "a whole number beyond 64 bits; kept as text"
    elif dtype.is_float():
        yield ValueType.DOUBLE, values.cast(pl.Float64), None
    elif dtype.is_decimal():
        double = values.cast(pl.Float64)
        is_same = (double.cast(dtype, strict=False) == values).fill_null(value=False)
        yield ValueType.DOUBLE, double.set(~is_same, None), "a decimal number; read as a double"
        yield (
            ValueType.TEXT,
            values.cast(pl.String).set(is_same, None),
            "a decimal number no double holds; kept as text",
        )
    elif dtype == pl.Binary:
        yield ValueType.BYTES, values.bin.encode("base64"), None
    elif isinstance(dtype, pl.Datetime):
        zone = "Z" if dtype.time_zone else ""
        values = values.dt.convert_time_zone("UTC") if zone else values
        yield ValueType.TEXT, values.dt.to_string(f"%Y-%m-%dT%H:%M:%S%.f{zone}"), None
    elif dtype in (pl.Date, pl.Duration):
        yield ValueType.TEXT, values.dt.to_string("iso"), None
    elif dtype.is_nested():
        value_type = ValueType.KVLIST if isinstance(dtype, pl.Struct) else ValueType.ARRAY
        plain = [None if value is None else encode_json(_plain(value)) for value in values.to_list()]
        yield value_type, pl.Series(plain, dtype=pl.String), None
    elif dtype == pl.Object:
        plain = [None if value is None else str(value) for value in values.to_list()]
        yield ValueType.TEXT, pl.Series(plain, dtype=pl.String), "a Python object; its text is kept"
    else:
        yield ValueType.TEXT, values.cast(pl.String), None


def _plain(value: Any) -> object:
    """Return a nested value as JSON can show it; members that are null are missing."""
    if isinstance(value, dict):
        return {key: _plain(member) for key, member in value.items() if member is not None}
    if isinstance(value, list):
        return [_plain(member) for member in value]
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal | dt.timedelta) else value


def attribute_rows(keys: pl.Series, value_type: ValueType, payload: pl.Series, owners: pl.Series) -> AttributeRows:
    """Return rows of one type without nulls."""
    key_words, key_codes = Dictionary.encode(keys)
    columns: dict[str, pl.Series | None] = {
        "owner": owners,
        "key": pl.Series(key_codes),
        "type": pl.Series([int(value_type)], dtype=pl.UInt8).new_from_index(0, len(owners)),
        **dict.fromkeys(("text", "int", "double", "bool")),
    }
    texts = pl.Series([], dtype=pl.String)
    if value_type.is_textual:
        # Arrow takes no name with a NUL in it, as that of a column may have.
        words, codes = Dictionary.encode(payload.rename(""))
        texts, columns["text"] = words.values, pl.Series(codes)
    else:
        columns[value_type.name.lower()] = payload
    return AttributeRows(pl.DataFrame(columns, schema=ATTRIBUTE_ROWS), keys=key_words.values, texts=texts)


def merge_rows(pieces: list[AttributeRows]) -> AttributeRows:
    """Return the rows of all pieces; of a key that an owner has twice, the later piece's counts."""
    if not pieces:
        return AttributeRows()
    frames, n_keys, n_texts = [], 0, 0
    for piece in pieces:
        shifts = (pl.col("key") + pl.lit(n_keys, dtype=pl.UInt32), pl.col("text") + pl.lit(n_texts, dtype=pl.UInt32))
        frames.append(piece.frame.with_columns(*shifts))
        n_keys += len(piece.keys)
        n_texts += len(piece.texts)
    keys, texts = (pl.concat([getattr(p, part).rename("") for p in pieces]) for part in ("keys", "texts"))
    return AttributeRows(pl.concat(frames), keys=keys, texts=texts)
