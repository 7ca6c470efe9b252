"""Attributes of simulated spans as codes into a table of values: what is told once is stored once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fluo_lab.traces import AttributeRows, CodedRows, ValueType
from fluo_lab.traces.schema import ATTRIBUTE_ROWS
from fluo_lab.worlds.simulated.values import Texts, Value, When

__all__ = ["AttributeGatherer"]

Rows = NDArray[np.int64]

_TYPES = (ValueType.TEXT, ValueType.BOOL, ValueType.INT, ValueType.DOUBLE)
_COLUMN = {ValueType.TEXT: "text", ValueType.BOOL: "bool", ValueType.INT: "int", ValueType.DOUBLE: "double"}


@dataclass(slots=True)
class _Table:
    """The values of one type, with the key of each."""

    keys: list[NDArray[np.uint32]] = field(default_factory=list)
    values: list[NDArray[Any]] = field(default_factory=list)
    n: int = 0

    def add(self, key: int, values: NDArray[Any]) -> int:
        """Add values of one key and return the number of the first."""
        first = self.n
        self.keys.append(np.full(len(values), key, dtype=np.uint32))
        self.values.append(values)
        self.n += len(values)
        return first


class AttributeGatherer:
    """Gathers attributes owner by owner, or many owners at once."""

    def __init__(self) -> None:
        self._keys: dict[str, int] = {}
        self._texts: list[pl.Series] = []
        self._n_texts = 0
        self._tables = {one: _Table() for one in _TYPES}
        self._uses: list[tuple[ValueType, NDArray[np.uint32], Rows]] = []

    def add(self, key: str, value: Value, owners: Rows, visits: Rows) -> None:
        """Give owners an attribute.

        Parameters
        ----------
        value
            One for all, or a column over the visits of a flow.
        owners, visits
            Shape ``(n,)``: the owners, and the visit that each belongs to.
        """
        if isinstance(value, When):
            here = value.where[visits]
            self.add(key, value.value, owners[here], visits[here])
            return
        if not len(owners):
            return
        value_type, values, codes = self._values(value, visits)
        first = self._tables[value_type].add(self._keys.setdefault(key, len(self._keys)), values)
        self._uses.append((value_type, owners.astype(np.uint32), first + codes))

    def finish(self) -> CodedRows:
        """Return everything added."""
        first = dict(zip(_TYPES, np.cumsum([0, *(self._tables[one].n for one in _TYPES)]).tolist()[:-1], strict=True))
        owners = [owner for _, owner, _ in self._uses]
        codes = [(first[value_type] + code).astype(np.uint32) for value_type, _, code in self._uses]
        frame = pl.concat([_frame(value_type, table) for value_type, table in self._tables.items()])
        return CodedRows(
            np.concatenate([np.empty(0, dtype=np.uint32), *owners]),
            np.concatenate([np.empty(0, dtype=np.uint32), *codes]),
            AttributeRows(
                frame,
                pl.Series(list(self._keys), dtype=pl.String),
                pl.concat([pl.Series([], dtype=pl.String), *self._texts]),
            ),
        )

    def _values(self, value: Value, visits: Rows) -> tuple[ValueType, NDArray[Any], Rows]:
        """Return the type, the distinct values for the table, and the code of each owner's."""
        if isinstance(value, Texts):
            return ValueType.TEXT, self._add_texts(pl.Series(value.options, dtype=pl.String)), value.codes[visits]
        if isinstance(value, pl.Series):
            return ValueType.TEXT, self._add_texts(value.gather(visits)), np.arange(len(visits))
        if isinstance(value, str):
            return ValueType.TEXT, self._add_texts(pl.Series([value])), np.zeros(len(visits), dtype=np.int64)
        if isinstance(value, When):
            raise TypeError("a value for some of the visits holds another such value: join their masks")
        column = np.asarray(value)
        if column.dtype == np.bool_:
            codes = np.broadcast_to(column, (1,)) if not column.ndim else column[visits]
            return ValueType.BOOL, np.array([False, True]), np.broadcast_to(codes, visits.shape).astype(np.int64)
        value_type = ValueType.DOUBLE if column.dtype.kind == "f" else ValueType.INT
        if not column.ndim:
            return value_type, column[None], np.zeros(len(visits), dtype=np.int64)
        return value_type, column[visits], np.arange(len(visits))

    def _add_texts(self, texts: pl.Series) -> NDArray[np.uint32]:
        """Keep texts and return their codes."""
        first = self._n_texts
        self._texts.append(texts.rename(""))
        self._n_texts += len(texts)
        return np.arange(first, self._n_texts, dtype=np.uint32)


def _frame(value_type: ValueType, table: _Table) -> pl.DataFrame:
    """Return the values of one type in the schema of attribute rows."""
    n = table.n
    key = np.concatenate([np.empty(0, dtype=np.uint32), *table.keys])
    column = _COLUMN[value_type]
    dtype = ATTRIBUTE_ROWS[column]
    values = pl.Series(np.concatenate(table.values)).cast(dtype) if n else pl.Series([], dtype=dtype)
    return pl.DataFrame(
        {
            "owner": np.zeros(n, dtype=np.uint32),
            "key": key,
            "type": np.full(n, value_type, dtype=np.uint8),
            **{
                name: values if name == column else pl.repeat(None, n, dtype=ATTRIBUTE_ROWS[name], eager=True)
                for name in ("text", "int", "double", "bool")
            },
        },
        schema=ATTRIBUTE_ROWS,
    )
