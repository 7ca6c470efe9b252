"""Attributes of OTLP/JSON for the fast reading: ordinary ones as structs, others as the exact reading takes them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import orjson
from numpy.typing import NDArray

from fluo_lab.readers.otlp_pairs import FoundPair, rows_of_pairs
from fluo_lab.readers.otlp_structs import MISFITS, Pair, decode_pairs
from fluo_lab.readers.otlp_values import ValueFault, decode_value, parse_int
from fluo_lab.traces import AttributeRows, ValueType

__all__ = ["read_json_pairs"]

_MIN_INT64, _MAX_INT64 = -(2**63), 2**63 - 1
# Looking up a member of an enum takes longer than reading a value.
_TEXT, _BOOL, _INT, _DOUBLE = ValueType.TEXT, ValueType.BOOL, ValueType.INT, ValueType.DOUBLE
_FIELDS = frozenset(("key", "value"))


def read_json_pairs(texts: Sequence[bytes]) -> tuple[AttributeRows, NDArray[np.bool_]]:
    """Return one row an attribute, and which ones the exact reading would report; their rows mean nothing."""
    return rows_of_pairs(_read_pairs(texts))


def _read_pairs(texts: Sequence[bytes]) -> list[FoundPair | None]:
    pairs = _parse_ordinary(texts)
    if pairs is None:
        return [_read_exactly(text) for text in texts]
    return [_take(pair) or _read_exactly(text) for pair, text in zip(pairs, texts, strict=True)]


def _parse_ordinary(texts: Sequence[bytes]) -> list[Pair] | None:
    """Return all attributes, or None where any is not of an ordinary type."""
    try:
        pairs = decode_pairs(b"[" + b",".join(texts) + b"]")
    except MISFITS:
        return None
    return pairs if len(pairs) == len(texts) else None


def _take(pair: Pair) -> FoundPair | None:
    """Return key, type and value, or None where there is not exactly one value of a scalar type."""
    key, value = pair.key, pair.value
    text, whole, flag, double = value.string_value, value.int_value, value.bool_value, value.double_value
    if not key or value.array_value or value.kvlist_value or value.bytes_value:
        return None
    if text is not None:
        return (key, _TEXT, text) if whole is flag is double is None else None
    if whole is not None:
        return _take_int(key, whole) if flag is double is None else None
    if flag is not None:
        return (key, _BOOL, flag) if double is None else None
    return None if double is None else (key, _DOUBLE, double)


def _take_int(key: str, whole: str | int) -> FoundPair | None:
    try:
        return key, _INT, parse_int(whole, _MIN_INT64, _MAX_INT64)
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
