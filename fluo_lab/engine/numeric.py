"""The numbers in a column: integers and doubles apart, so that neither is rounded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fluo_lab.engine.exact import Array, as_python, is_small
from fluo_lab.engine.literals import NUMERIC_TEXT, TypedColumn, number_of_text
from fluo_lab.traces import ValueType

__all__ = ["Numeric", "numeric_of"]

Rows = NDArray[np.uint32]
_NO_ROWS: Rows = np.zeros(0, dtype=np.uint32)
_NO_INTS = np.zeros(0, dtype=np.int64)
_NO_DOUBLES = np.zeros(0, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Numeric:
    """Numbers at rows: each row at most once, integers and doubles apart."""

    int_rows: Rows = field(default_factory=lambda: _NO_ROWS)
    ints: NDArray[np.int64] = field(default_factory=lambda: _NO_INTS)
    double_rows: Rows = field(default_factory=lambda: _NO_ROWS)
    doubles: NDArray[np.float64] = field(default_factory=lambda: _NO_DOUBLES)

    @classmethod
    def joined(cls, parts: Iterable[Numeric]) -> Numeric:
        """Return several as one, each kind by row."""
        parts = list(parts)
        return cls(
            *_by_row([p.int_rows for p in parts], [p.ints for p in parts], _NO_INTS),
            *_by_row([p.double_rows for p in parts], [p.doubles for p in parts], _NO_DOUBLES),
        )

    def merged(self) -> tuple[Rows, Array]:
        """Return rows, ascending, and their numbers: int64, float64, or Python numbers where neither is exact."""
        rows = np.concatenate([self.int_rows, self.double_rows])
        values: Array
        if not len(self.doubles):
            values = self.ints
        elif not len(self.ints):
            values = self.doubles
        elif is_small(self.ints):
            values = np.concatenate([self.ints.astype(np.float64), self.doubles])
        else:
            values = np.concatenate([as_python(self.ints), as_python(self.doubles)])
        order = np.argsort(rows, kind="stable")
        return rows[order], values[order]


def _by_row(rows: list[Rows], values: list[Array], empty: Array) -> tuple[Rows, Any]:
    """Return rows and values of several parts by row."""
    all_rows = np.concatenate([_NO_ROWS, *rows])
    order = np.argsort(all_rows, kind="stable")
    return all_rows[order], np.concatenate([empty, *values])[order]


def numeric_of(column: TypedColumn, rows: Rows) -> Numeric:
    """Return the numbers of a column; a text takes part when it is wholly one.

    Parameters
    ----------
    rows
        The row of every position of the column.
    """
    present = np.flatnonzero(column.series.is_not_null().to_numpy())
    at, series = rows[present], column.series.gather(present)
    if column.type is ValueType.INT:
        return Numeric(int_rows=at, ints=series.to_numpy())
    if column.type is ValueType.DOUBLE:
        return Numeric(double_rows=at, doubles=series.to_numpy())
    if column.type is not ValueType.TEXT or column.dictionary is None:
        return Numeric()
    texts = column.dictionary.decode(series)
    hits = np.flatnonzero(texts.str.contains(NUMERIC_TEXT).to_numpy())
    ints: dict[int, int] = {}
    doubles: dict[int, float] = {}
    for row, text in zip(at[hits].tolist(), texts.gather(hits).to_list(), strict=True):
        number = number_of_text(text)
        if isinstance(number, int) and -(1 << 63) <= number < 1 << 63:
            ints[row] = number
        elif number is not None:
            doubles[row] = _double(number)
    return Numeric(
        np.array(list(ints), dtype=np.uint32),
        np.array(list(ints.values()), dtype=np.int64),
        np.array(list(doubles), dtype=np.uint32),
        np.array(list(doubles.values()), dtype=np.float64),
    )


def _double(number: int | float) -> float:
    """Return a number as a double, infinite where it is beyond them."""
    try:
        return float(number)
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")
