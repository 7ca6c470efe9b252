"""Our own dictionaries: strings and their codes.

Polars' categorical codes restart when no categorical is alive, which gave silently wrong answers; these codes
are positions in a series we hold, nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

__all__ = ["Dictionary", "TextPool"]


def _arrow_strings(values: pl.Series) -> pa.Array:
    """Return a series of strings as Arrow strings with 64-bit offsets."""
    array = values.to_arrow(compat_level=pl.CompatLevel.oldest())
    return array.cast(pa.large_string()) if array.type != pa.large_string() else array


class Dictionary:
    """Distinct strings; the code of a string is its position.

    Examples
    --------
    >>> words, codes = Dictionary.encode(pl.Series(["b", "a", "b"]))
    >>> words.values.to_list(), codes.tolist(), words.codes(["a", "zebra"])
    (['b', 'a'], [0, 1, 0], {'a': 1})
    """

    __slots__ = ("values",)

    def __init__(self, values: pl.Series) -> None:
        self.values = values

    def __len__(self) -> int:
        return len(self.values)

    @classmethod
    def encode(cls, values: pl.Series) -> tuple[Dictionary, NDArray[np.uint32]]:
        """Return the distinct strings of a series without nulls, in order of appearance, and each one's code."""
        encoded = pc.dictionary_encode(_arrow_strings(values))
        if isinstance(encoded, pa.ChunkedArray):
            encoded = encoded.combine_chunks()
        distinct = pl.Series("text", encoded.dictionary, dtype=pl.String)
        return cls(distinct), pl.Series(encoded.indices).cast(pl.UInt32).to_numpy()

    def decode(self, codes: pl.Series | NDArray[np.uint32]) -> pl.Series:
        """Return the strings of some codes; null stays null."""
        series = codes if isinstance(codes, pl.Series) else pl.Series("text", codes)
        return self.values.gather(series)

    def codes(self, texts: Iterable[str]) -> dict[str, int]:
        """Return the codes of those strings that are in the dictionary; one pass for all of them."""
        wanted = pl.Series("text", sorted(set(texts)), dtype=pl.String)
        if wanted.is_empty():
            return {}
        found = self.values.is_in(wanted.implode()).arg_true()
        return dict(zip(self.values.gather(found).to_list(), found.to_list(), strict=True))


class TextPool:
    """Strings gathered batch by batch, made one dictionary at the end."""

    __slots__ = ("_parts", "_size")

    def __init__(self) -> None:
        self._parts: list[pl.Series] = []
        self._size = 0

    def add(self, texts: pl.Series) -> int:
        """Return the offset to add to codes into these texts."""
        offset = self._size
        self._parts.append(texts.rename("text"))
        self._size += len(texts)
        return offset

    def encode(self, texts: pl.Series) -> NDArray[np.uint32]:
        """Take texts, each distinct one once, and return an offset code for each."""
        distinct, codes = Dictionary.encode(texts)
        return codes + np.uint32(self.add(distinct.values))

    def finish(self) -> tuple[Dictionary, NDArray[np.uint32]]:
        """Return the dictionary, and for every offset code its final one."""
        if not self._parts:
            return Dictionary(pl.Series("text", [], dtype=pl.String)), np.zeros(0, dtype=np.uint32)
        return Dictionary.encode(pl.concat(self._parts))
