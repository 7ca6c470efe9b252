"""The attributes of many objects as rows, each distinct attribute parsed once.

Systems repeat themselves: of the attributes in a block, a few per cent are distinct, so looking up the bytes of one
costs less than parsing it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import chain, count
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fluo_lab.readers.columns import AttributeColumns
from fluo_lab.readers.otlp_wire import FoundPair
from fluo_lab.traces import AttributeRows, ValueType

__all__ = ["PairCodes"]


# Stands in for what only the exact reading understands, so that codes stay positions.
_NOTHING: FoundPair = ("", ValueType.TEXT, "")


class PairCodes:
    """Gathers the attributes of objects of one kind.

    Parameters
    ----------
    read_pairs
        Reads distinct attributes; see ``Wire``.

    Examples
    --------
    >>> pairs = PairCodes(lambda texts: [("a", ValueType.INT, int(text)) for text in texts])
    >>> pairs.add([[b"5"], []])
    >>> rows, odd = pairs.finish()
    >>> rows.frame.select("owner", "int").rows(), odd.tolist()
    ([(0, 5)], [])
    """

    def __init__(self, read_pairs: Callable[[Sequence[bytes]], Sequence[FoundPair | None]]) -> None:
        self._read_pairs = read_pairs
        self._code_of: defaultdict[bytes, int] = defaultdict(count().__next__)
        self._codes: list[NDArray[np.uint32]] = []
        self._counts: list[int] = []

    def add(self, lists: Sequence[Sequence[Any]]) -> None:
        """Take the attributes of the next objects, one list each."""
        self._counts += map(len, lists)
        texts = map(bytes, chain.from_iterable(lists))
        self._codes.append(np.fromiter(map(self._code_of.__getitem__, texts), dtype=np.uint32))

    def finish(self) -> tuple[AttributeRows, NDArray[np.uint32]]:
        """Return the rows, and the objects with an attribute that the exact reading has to report."""
        if not self._code_of:
            return AttributeRows(), np.zeros(0, dtype=np.uint32)
        found = self._read_pairs(list(self._code_of))
        is_odd = np.array([pair is None for pair in found])
        distinct = AttributeColumns()
        distinct.extend([pair or _NOTHING for pair in found])
        codes = np.concatenate(self._codes)
        owner = np.repeat(np.arange(len(self._counts), dtype=np.uint32), self._counts)
        rows = distinct.finish()
        frame = rows.frame[codes].with_columns(pl.Series("owner", owner))
        return AttributeRows(frame=frame, keys=rows.keys, texts=rows.texts), owner[is_odd[codes]]
