"""Attribute values in Arrow columns: their types, their dictionaries, and the rows where something is odd."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from fluo_lab.readers.otlp_values import ValueFault, compact_json, parse_int, plain_double
from fluo_lab.traces import AttributeRows, ValueType
from fluo_lab.traces.schema import ATTRIBUTE_ROWS

__all__ = ["OddRows", "attribute_rows", "parse_whole"]

_MIN_INT64, _MAX_INT64 = -(2**63), 2**63 - 1
_TYPES = {
    "stringValue": ValueType.TEXT,
    "boolValue": ValueType.BOOL,
    "intValue": ValueType.INT,
    "doubleValue": ValueType.DOUBLE,
    "arrayValue": ValueType.ARRAY,
}


class OddRows:
    """Which table rows hold something that only the exact reading understands."""

    def __init__(self, n_rows: int) -> None:
        self.rows: NDArray[np.bool_] = np.zeros(n_rows, dtype=np.bool_)

    def mark(self, wrong: Any, row: NDArray[np.int64]) -> None:
        """Mark the rows of the objects that are wrong, given as a mask over the objects."""
        mask = wrong if isinstance(wrong, np.ndarray) else wrong.to_numpy(zero_copy_only=False)
        if mask.any():
            self.rows[row[mask.astype(np.bool_)]] = True

    def mark_at(self, wrong: NDArray[np.int64], row: NDArray[np.int64]) -> None:
        """Mark the rows of the objects that are wrong, given by their numbers."""
        self.rows[row[wrong]] = True


def parse_whole(texts: pa.Array, *, is_signed: bool) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return decimal strings as integers, 0 where missing or wrong, and which ones are wrong.

    Examples
    --------
    >>> numbers, wrong = parse_whole(pa.array(["12", None, "0x10"]), is_signed=True)
    >>> numbers.tolist(), wrong.tolist()
    ([12, 0, 0], [False, False, True])
    """
    filled = pc.fill_null(texts, "0")
    if _has_decimals_only(filled, is_signed=is_signed):
        try:
            numbers: NDArray[np.int64] = pc.cast(filled, pa.int64()).to_numpy(zero_copy_only=False)
        except pa.ArrowInvalid:
            pass
        else:
            return numbers, np.zeros(len(filled), dtype=np.bool_)
    numbers = np.zeros(len(filled), dtype=np.int64)
    wrong = np.zeros(len(filled), dtype=np.bool_)
    for i, text in enumerate(filled.to_pylist()):
        try:
            numbers[i] = parse_int(text, _MIN_INT64 if is_signed else 0, _MAX_INT64)
        except ValueFault:
            wrong[i] = True
    return numbers, wrong


def _has_decimals_only(texts: pa.Array, *, is_signed: bool) -> bool:
    """Return whether there are only bytes of decimal integers; Arrow's cast would take ``0x10`` too."""
    if not len(texts):
        return True
    _, offset_buffer, data_buffer = texts.buffers()
    offsets = np.frombuffer(offset_buffer, dtype=np.int32)
    data = np.frombuffer(data_buffer, dtype=np.uint8) if data_buffer is not None else np.empty(0, np.uint8)
    data = data[offsets[texts.offset] : offsets[texts.offset + len(texts)]]
    if not len(data):
        return False
    # The full stop and the slash lie between the minus and the digits; the cast refuses them.
    return bool(data.max() <= ord("9") and data.min() >= ord("-" if is_signed else "0"))


def attribute_rows(
    pairs: pa.StructArray, owner: NDArray[np.int64], row: NDArray[np.int64], odd: OddRows
) -> AttributeRows:
    """Return attributes as rows.

    Parameters
    ----------
    pairs
        Key and value of each.
    owner, row
        Whom each belongs to, and in which table row that is.
    odd
        Where rows go whose keys are empty, whose values are not exactly one, or whose numbers are none.
    """
    n = len(pairs)
    if n == 0:
        return AttributeRows()
    keys = pc.fill_null(pc.struct_field(pairs, "key"), "")
    odd.mark(pc.equal(keys, ""), row)
    value = pc.struct_field(pairs, "value")
    members = {name: pc.struct_field(value, name) for name in _TYPES}
    types = np.zeros(n, dtype=np.uint8)
    given = np.zeros(n, dtype=np.uint8)
    for name, value_type in _TYPES.items():
        if members[name].null_count == n:
            continue
        is_given = pc.is_valid(members[name]).to_numpy(zero_copy_only=False)
        given += is_given
        types[is_given] = value_type
    odd.mark(given != 1, row)

    ints, wrong = _parse_ints(members["intValue"])
    odd.mark(wrong, row)
    doubles = members["doubleValue"]
    if doubles.null_count < n:
        odd.mark(pc.invert(pc.fill_null(pc.is_finite(doubles), True)), row)
    texts, codes = _encode_texts(members["stringValue"], members["arrayValue"], row, odd)
    key_codes = keys.dictionary_encode()
    frame = pl.DataFrame(
        {
            "owner": pl.Series(owner).cast(pl.UInt32),
            "key": pl.Series(key_codes.indices).cast(pl.UInt32),
            "type": pl.Series(types),
            "text": pl.Series(codes).cast(pl.UInt32),
            "int": pl.Series(ints),
            "double": pl.Series(doubles),
            "bool": pl.Series(members["boolValue"]),
        },
        schema=ATTRIBUTE_ROWS,
    )
    return AttributeRows(frame=frame, keys=pl.Series(key_codes.dictionary, dtype=pl.String), texts=texts)


def _parse_ints(texts: pa.Array) -> tuple[pa.Array, NDArray[np.bool_]]:
    """Return integers, null where there is none, and which texts are wrong."""
    if texts.null_count == len(texts):
        return pa.nulls(len(texts), pa.int64()), np.zeros(len(texts), dtype=np.bool_)
    numbers, wrong = parse_whole(texts, is_signed=True)
    return pa.array(numbers, mask=pc.is_null(texts).to_numpy(zero_copy_only=False)), wrong


def _encode_texts(
    strings: pa.Array, arrays: pa.StructArray, row: NDArray[np.int64], odd: OddRows
) -> tuple[pl.Series, pa.Array]:
    """Return distinct texts, those of arrays as JSON at the end, and a code into them or null for each value."""
    encoded = strings.dictionary_encode()
    texts = pl.Series(encoded.dictionary, dtype=pl.String)
    if arrays.null_count == len(arrays):
        return texts, encoded.indices
    at = np.flatnonzero(pc.is_valid(arrays).to_numpy(zero_copy_only=False))
    shown: dict[str, int] = {}
    found = np.zeros(len(at), dtype=np.int64)
    for i, values in enumerate(pc.struct_field(arrays.take(pa.array(at)), "values").to_pylist()):
        try:
            text = compact_json([_plain_item(item) for item in values or ()])
        except ValueFault:
            odd.mark_at(at[i : i + 1], row)
            text = ""
        found[i] = shown.setdefault(text, len(shown))
    codes = pc.fill_null(encoded.indices, 0).to_numpy(zero_copy_only=False).astype(np.uint32)
    is_null = pc.is_null(strings).to_numpy(zero_copy_only=False).copy()
    codes[at] = found + len(texts)
    is_null[at] = False
    return pl.concat([texts, pl.Series(list(shown), dtype=pl.String)]), pa.array(codes, mask=is_null)


def _plain_item(item: dict[str, Any] | None) -> object:
    """Return a scalar in an array as JSON shows it."""
    members = [(name, member) for name, member in (item or {}).items() if member is not None]
    if len(members) != 1:
        raise ValueFault("not exactly one value")
    name, member = members[0]
    if name == "intValue":
        return parse_int(member, _MIN_INT64, _MAX_INT64)
    if name == "doubleValue":
        shown = plain_double(member)
        if type(shown) is str:
            raise ValueFault("a double that JSON cannot write")
        return shown
    return member
