"""The attributes of many objects as codes into a table of distinct ones, each of which is parsed once.

Systems repeat themselves: of the attributes in a file, a few per cent are distinct, so looking up the bytes of one
costs less than parsing it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count
from typing import TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fluo_lab.readers.columns import AttributeColumns
from fluo_lab.traces import AttributeRows, CodedRows, Dictionary, ValueType
from fluo_lab.traces.schema import ATTRIBUTE_ROWS

__all__ = ["FoundPair", "PairTable", "rows_of_columns", "rows_of_pairs"]

FoundPair: TypeAlias = tuple[str, ValueType, object]
"""Key, type and value of an attribute."""

ReadPairs: TypeAlias = Callable[[Sequence[bytes]], tuple[AttributeRows, NDArray[np.bool_]]]

_MAX_ENTRIES = 200_000

# Stands in for what only the exact reading understands, so that codes stay positions.
_NOTHING: FoundPair = ("", ValueType.TEXT, "")

Codes = NDArray[np.uint32]


def rows_of_pairs(pairs: Sequence[FoundPair | None]) -> tuple[AttributeRows, NDArray[np.bool_]]:
    """Return one row an attribute, and which ones are None; their rows mean nothing."""
    columns = AttributeColumns()
    columns.extend([pair or _NOTHING for pair in pairs])
    return columns.finish(), np.array([pair is None for pair in pairs], dtype=np.bool_)


def rows_of_columns(
    keys: pl.Series,
    columns: Mapping[ValueType, pl.Series],
    *,
    is_ordinary: NDArray[np.bool_],
    read_exactly: Callable[[int], FoundPair | None],
) -> tuple[AttributeRows, NDArray[np.bool_]]:
    """Return one row an attribute, and which ones the exact reading would report; their rows mean nothing.

    Parameters
    ----------
    keys
        One an attribute.
    columns
        Values by their type (TEXT, INT, DOUBLE, BOOL), null where the value has another.
    is_ordinary
        Which attributes have exactly one value, and that in ``columns``.
    read_exactly
        Reads one of the others by its number.
    """
    known, codes = Dictionary.encode(keys)
    frame = pl.DataFrame(
        {
            "owner": np.arange(len(keys), dtype=np.uint32),
            "key": codes,
            "type": np.zeros(len(keys), dtype=np.uint8),
            "text": columns[ValueType.TEXT],
            "int": columns[ValueType.INT],
            "double": columns[ValueType.DOUBLE],
            "bool": columns[ValueType.BOOL],
        }
    )
    named = (("text", ValueType.TEXT), ("int", ValueType.INT), ("double", ValueType.DOUBLE), ("bool", ValueType.BOOL))
    is_of = [pl.when(pl.col(name).is_not_null()).then(int(value_type)) for name, value_type in named]
    frame = frame.with_columns(pl.coalesce(*is_of, int(ValueType.TEXT)).cast(pl.UInt8).alias("type"))
    others = np.flatnonzero(~is_ordinary)
    odd = np.zeros(len(keys), dtype=np.bool_)
    if len(others):
        rest, is_odd = rows_of_pairs([read_exactly(i) for i in others.tolist()])
        odd[others[is_odd]] = True
        exact = rest.frame.with_columns(
            pl.Series("owner", others.astype(np.uint32)),
            rest.texts.gather(rest.frame["text"]).alias("text"),
            pl.Series("key", codes[others]),
        )
        frame = pl.concat([frame[np.flatnonzero(is_ordinary)], exact]).sort("owner")
    present = frame["text"].is_not_null()
    number = (present.cum_sum().cast(pl.Int64) - 1).clip(0).cast(pl.UInt32).set(~present, None)
    rows = frame.with_columns(number.alias("text")).select(list(ATTRIBUTE_ROWS)).cast(ATTRIBUTE_ROWS)
    return AttributeRows(rows, keys=known.values, texts=frame["text"].drop_nulls()), odd


class PairTable:
    """Distinct attributes met in one file. A code is good until ``forget`` is called.

    Parameters
    ----------
    read_pairs
        Return one row an attribute, given as bytes, and which ones the exact reading would report.

    Examples
    --------
    >>> pairs = PairTable(lambda texts: rows_of_pairs([("a", ValueType.INT, int(text)) for text in texts]))
    >>> rows, odd = pairs.rows(np.array([0, 2], dtype=np.uint32), pairs.codes([b"5", b"5"]))
    >>> rows.frame.select("owner", "int").rows(), odd.tolist()
    ([(0, 5), (2, 5)], [])
    """

    def __init__(self, read_pairs: ReadPairs) -> None:
        self._read_pairs = read_pairs
        self.forget()

    def forget(self) -> None:
        """Start over with an empty table."""
        self._code_of: defaultdict[bytes, int] = defaultdict(count().__next__)
        self._keys: dict[str, int] = {}
        self._frame = pl.DataFrame(schema=ATTRIBUTE_ROWS)
        self._texts = pl.Series("text", [], dtype=pl.String)
        self._is_odd = np.zeros(0, dtype=np.bool_)

    def forget_when_full(self) -> None:
        """Start over where values repeat so little that the table only grows."""
        if len(self._code_of) > _MAX_ENTRIES:
            self.forget()

    def codes(self, texts: Iterable[bytes]) -> Codes:
        """Return the code of each attribute, given as bytes."""
        return np.fromiter(map(self._code_of.__getitem__, texts), dtype=np.uint32)

    def are_odd(self, code: Codes) -> NDArray[np.bool_]:
        """Return which attributes are such that the exact reading has to report them."""
        self._read_new()
        return self._is_odd[code]

    def rows(self, owner: Codes, code: Codes) -> tuple[CodedRows, Codes]:
        """Return the attributes of owners, and the owners of those that the exact reading has to report."""
        if not len(code):
            return CodedRows(owner, code, AttributeRows()), owner
        self._read_new()
        odd = owner[self._is_odd[code]]
        used = np.flatnonzero(np.bincount(code))
        rank = np.zeros(int(used[-1]) + 1, dtype=np.uint32)
        rank[used] = np.arange(len(used), dtype=np.uint32)
        return CodedRows(owner, rank[code], self._values(used)), odd

    def _read_new(self) -> None:
        """Parse what has come since the last time."""
        n_known = self._frame.height
        if len(self._code_of) == n_known:
            return
        new = list(self._code_of)[n_known:]
        rows, is_odd = self._read_pairs(new)
        self._is_odd = np.append(self._is_odd, is_odd)
        number = np.array([self._keys.setdefault(key, len(self._keys)) for key in rows.keys], dtype=np.uint32)
        shifted = rows.frame.with_columns(
            pl.Series("key", number[rows.frame["key"].to_numpy()]),
            pl.col("text") + pl.lit(len(self._texts), dtype=pl.UInt32),
        )
        self._frame = pl.concat([self._frame, shifted], rechunk=True)
        self._texts = pl.concat([self._texts, rows.texts], rechunk=True)

    def _values(self, used: NDArray[np.int64]) -> AttributeRows:
        """Return some attributes, with no more texts than they need."""
        frame = self._frame[used]
        is_text = frame["text"].is_not_null()
        texts = self._texts.gather(frame["text"].drop_nulls())
        position = (is_text.cum_sum().cast(pl.Int64) - 1).clip(0).cast(pl.UInt32)
        frame = frame.with_columns(position.set(~is_text, None).alias("text"))
        return AttributeRows(frame, keys=pl.Series("key", list(self._keys), dtype=pl.String), texts=texts)
