"""The attributes of many owners as encoded pieces, each distinct one encoded once.

Systems repeat themselves: a few per cent of the attributes are distinct, so looking up the bytes of one costs less
than writing it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Protocol, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fluo_lab.traces import ValueType

__all__ = ["EncodeAttribute", "Pieces", "Rows", "distinct_rows", "join_pieces"]

EncodeAttribute: TypeAlias = Callable[[str, ValueType, Any], bytes]
"""Return the bytes of an attribute; values as ``ValueType`` says, texts of arrays and lists still compact JSON."""


class Rows(Protocol):
    """Attributes as batches have them: a frame with the schema ``ATTRIBUTE_ROWS``, and what its codes stand for."""

    @property
    def frame(self) -> pl.DataFrame:
        """One row an attribute."""
        ...

    @property
    def keys(self) -> pl.Series:
        """Strings that the codes in ``key`` point into."""
        ...

    @property
    def texts(self) -> pl.Series:
        """Strings that the codes in ``text`` point into."""
        ...


class Pieces:
    """The encoded attributes of owners that are numbered from 0.

    Parameters
    ----------
    rows
        The attributes, by owner.
    n_owners
        How many owners there are, with attributes or without.
    encode
        Called once for every distinct attribute.
    """

    def __init__(self, rows: Rows, n_owners: int, encode: EncodeAttribute) -> None:
        self._bounds = np.zeros(n_owners + 1, dtype=np.int64)
        np.cumsum(np.bincount(rows.frame["owner"].to_numpy(), minlength=n_owners), out=self._bounds[1:])
        distinct, self._codes = distinct_rows(
            rows.frame.select("key", "type", pl.Series("bits", _bits(rows.frame), dtype=pl.Int64))
        )
        keys = rows.keys.to_list()
        types = [ValueType(code) for code in distinct["type"].to_list()]
        values = _values(distinct, rows.texts)
        self._encoded = [
            encode(keys[key], kind, value)
            for key, kind, value in zip(distinct["key"].to_list(), types, values, strict=True)
        ]

    def joined(self, first: int, stop: int, separator: bytes) -> list[bytes]:
        """Return for each owner of a range all its attributes, empty where it has none."""
        bounds = self._bounds[first : stop + 1]
        codes = self._codes[bounds[0] : bounds[-1]].tolist()
        return join_pieces([self._encoded[code] for code in codes], bounds - bounds[0], separator)


def join_pieces(pieces: Sequence[bytes], bounds: NDArray[np.int64], separator: bytes) -> list[bytes]:
    """Return the pieces between each two neighbouring bounds as one."""
    return [separator.join(pieces[a:b]) if a < b else b"" for a, b in pairwise(bounds.tolist())]


def distinct_rows(frame: pl.DataFrame) -> tuple[pl.DataFrame, NDArray[np.uint32]]:
    """Return the distinct rows of a frame without doubles, and for each row the number of its own.

    Examples
    --------
    >>> distinct, codes = distinct_rows(pl.DataFrame({"a": [5, None, 5]}))
    >>> distinct["a"].to_list(), codes.tolist()
    ([5, None], [0, 1, 0])
    """
    distinct = frame.unique(maintain_order=True)
    numbered = distinct.with_row_index("_number")
    found = frame.join(numbered, on=frame.columns, how="left", nulls_equal=True, maintain_order="left")
    return distinct, found["_number"].to_numpy()


def _bits(frame: pl.DataFrame) -> NDArray[np.int64]:
    """Return the value of each attribute as 64 bits, by which values of one type are told apart, 0.0 from -0.0 too."""
    bits = np.zeros(frame.height, dtype=np.int64)
    for column in ("text", "int", "double", "bool"):
        values = frame[column].drop_nulls()
        if len(values):
            numbers = values.to_numpy()
            bits[frame[column].is_not_null().to_numpy()] = numbers.view(np.int64) if column == "double" else numbers
    return bits


def _values(distinct: pl.DataFrame, texts: pl.Series) -> list[Any]:
    """Return the Python values of distinct attributes."""
    types, bits = distinct["type"].to_numpy(), distinct["bits"].to_numpy()
    values = np.empty(len(bits), dtype=object)
    is_textual = np.isin(types, [int(kind) for kind in ValueType if kind.is_textual])
    values[is_textual] = texts.gather(bits[is_textual]).to_list()
    for kind, dtype in ((ValueType.INT, np.int64), (ValueType.DOUBLE, np.float64), (ValueType.BOOL, np.int64)):
        here = types == kind
        numbers = bits[here].view(dtype)
        values[here] = (numbers != 0).tolist() if kind is ValueType.BOOL else numbers.tolist()
    found: list[Any] = values.tolist()
    return found
