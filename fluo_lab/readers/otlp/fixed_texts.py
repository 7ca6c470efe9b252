"""Many texts of one width, such as ids and times: joined as they come, checked and converted all at once.

A file has several of them a span. Kept as Python strings they are most of the memory a block needs; joined, they are
a matrix of characters, and a column of any kind is a few operations on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

__all__ = ["FixedTexts", "fixed_strings", "hex_texts", "parse_ids", "parse_times", "time_texts"]

_HEX_DIGITS = b"0123456789abcdef"
_DIGITS = b"0123456789"
_TIME_DIGITS = 19
_MAX_INT64 = 2**63 - 1
_SEPARATOR = "\n"

Mask = NDArray[np.bool_]


class FixedTexts:
    """Texts that most often all have one width.

    Parameters
    ----------
    width
        In characters.
    alphabet
        The characters they are most often made of.

    Examples
    --------
    >>> texts = FixedTexts(2, b"0123456789")
    >>> texts.add(["12", "34"])
    >>> texts.matrix().tolist(), texts.texts()
    ([[49, 50], [51, 52]], ['12', '34'])
    """

    def __init__(self, width: int, alphabet: bytes) -> None:
        self.width = width
        self._alphabet = alphabet
        self._parts: list[str] = []
        self._n = 0

    def __len__(self) -> int:
        return self._n

    def add(self, texts: Sequence[str]) -> None:
        """Append texts."""
        if texts:
            self._parts.append(_SEPARATOR.join(texts))
            self._n += len(texts)

    def matrix(self) -> NDArray[np.uint8] | None:
        """Return the characters, shape ``(n, width)``, or None where a text has another width or alphabet."""
        joined = _SEPARATOR.join(self._parts) + _SEPARATOR
        if not self._n or len(joined) != self._n * (self.width + 1) or not joined.isascii():
            return None
        data = joined.encode()
        rows = np.frombuffer(data, dtype=np.uint8).reshape(self._n, self.width + 1)
        # With no separators but the last of each row, every text has the width.
        has_width = bool((rows[:, self.width] == ord(_SEPARATOR)).all())
        if not has_width or len(data.translate(None, self._alphabet)) != self._n:
            return None
        return rows[:, : self.width]

    def texts(self) -> list[str] | None:
        """Return the texts, or None where one has a line feed in it, so that they cannot be told apart."""
        texts = _SEPARATOR.join(self._parts).split(_SEPARATOR) if self._n else []
        return texts if len(texts) == self._n else None


def fixed_strings(matrix: NDArray[np.uint8]) -> pl.Series:
    """Return the rows of ASCII characters, shape ``(n, width)``, as strings."""
    n, width = matrix.shape
    offsets = np.arange(n + 1, dtype=np.int64) * width
    buffers = [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(matrix.tobytes())]
    return pl.Series(pa.Array.from_buffers(pa.large_string(), n, buffers))


def parse_ids(texts: FixedTexts, *, is_optional: bool = False) -> tuple[pl.Series, Mask]:
    """Return ids in lower case, null where they are zeros, and which ones the exact reading has to look at.

    An absent id is wrong, unless optional.
    """
    matrix = texts.matrix()
    if matrix is not None:
        ids = fixed_strings(matrix)
        wrong: Any = np.zeros(len(ids), dtype=np.bool_)
    else:
        found = texts.texts()
        if found is None:
            return pl.Series([None], dtype=pl.String).new_from_index(0, len(texts)), np.ones(len(texts), dtype=np.bool_)
        ids = pl.Series(found, dtype=pl.String)
        wrong = (~ids.str.contains(rf"\A[0-9a-fA-F]{{{texts.width}}}\z")).to_numpy()
        ids = ids.str.to_lowercase()
    absent = ids == "0" * texts.width
    if absent.any():
        ids = ids.set(absent, None)
        if not is_optional:
            wrong = wrong | absent.to_numpy()
    return ids, wrong


def parse_times(texts: FixedTexts) -> tuple[pl.Series, Mask]:
    """Return nanoseconds given in decimal digits as ``Int64``, and which ones are anything else."""
    matrix = texts.matrix()
    if matrix is None:
        found = texts.texts()
        if found is None:
            return pl.Series([0], dtype=pl.Int64).new_from_index(0, len(texts)), np.ones(len(texts), dtype=np.bool_)
        series = pl.Series(found, dtype=pl.String)
        numbers = series.cast(pl.Int64, strict=False)
        wrong = numbers.is_null() | ~series.str.contains(rf"\A[0-9]{{1,{_TIME_DIGITS}}}\z")
        return numbers.fill_null(0), wrong.to_numpy()
    value = matrix[:, 0].astype(np.uint64) - np.uint64(ord("0"))
    for column in range(1, texts.width):
        value = value * np.uint64(10) + (matrix[:, column] - np.uint8(ord("0")))
    return pl.Series(value.astype(np.int64)), value > _MAX_INT64


def hex_texts(n_bytes: int) -> FixedTexts:
    """Return a collection of ids of a length."""
    return FixedTexts(2 * n_bytes, _HEX_DIGITS)


def time_texts() -> FixedTexts:
    """Return a collection of times between 2001 and 2262, whose nanoseconds have 19 digits."""
    return FixedTexts(_TIME_DIGITS, _DIGITS)
