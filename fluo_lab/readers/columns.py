"""Growing columns that a walk over messages fills, and the batch they become."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fluo_lab.traces import AttributeRows, SpanBatch, ValueType
from fluo_lab.traces.schema import ATTRIBUTE_ROWS, EVENTS, LINKS, RAW_SPANS, SCOPES

__all__ = ["AttributeColumns", "BatchColumns", "Row"]

Row = tuple[Any, ...]


class AttributeColumns:
    """Attributes of some owners in parallel lists, which a tight loop may append to itself.

    Attributes
    ----------
    owners, keys, types, values
        One entry an attribute; ``keys`` are codes from ``code_of``. Values are text for the textual types, else a
        bool, an int of 64 bits or a float.
    code_of
        Code of each key met; a new key gets the next one.
    """

    def __init__(self) -> None:
        self.owners: list[int] = []
        self.keys: list[int] = []
        self.types: list[int] = []
        self.values: list[object] = []
        self.code_of: dict[str, int] = {}

    def add(self, owner: int, key: str, value_type: ValueType, value: object) -> None:
        """Append an attribute."""
        self.owners.append(owner)
        self.keys.append(self.code_of.setdefault(key, len(self.code_of)))
        self.types.append(value_type)
        self.values.append(value)

    def extend(self, pairs: Sequence[tuple[str, ValueType, object]]) -> None:
        """Append one attribute for each of the next owners."""
        if not pairs:
            return
        keys, types, values = zip(*pairs, strict=True)
        for key in dict.fromkeys(keys):
            self.code_of.setdefault(key, len(self.code_of))
        self.owners += range(len(self.owners), len(self.owners) + len(pairs))
        self.keys += map(self.code_of.__getitem__, keys)
        self.types += types
        self.values += values

    def finish(self) -> AttributeRows:
        """Return the rows."""
        n = len(self.owners)
        if n == 0:
            return AttributeRows()
        types = np.frombuffer(bytes(self.types), dtype=np.uint8)
        values = np.empty(n, dtype=object)
        values[:] = self.values
        is_textual = np.isin(types, [t for t in ValueType if t.is_textual])
        codes = np.cumsum(is_textual, dtype=np.uint32) - np.uint32(1)
        columns = {
            "owner": np.array(self.owners, dtype=np.uint32),
            "key": np.array(self.keys, dtype=np.uint32),
            "type": types,
            "text": pl.Series(codes).set(pl.Series(~is_textual), None),
            "int": _spread(values, types == ValueType.INT, np.int64),
            "double": _spread(values, types == ValueType.DOUBLE, np.float64),
            "bool": _spread(values, types == ValueType.BOOL, np.bool_),
        }
        return AttributeRows(
            frame=pl.DataFrame(columns, schema=ATTRIBUTE_ROWS),
            keys=pl.Series(list(self.code_of), dtype=pl.String),
            texts=pl.Series(values[is_textual].tolist(), dtype=pl.String),
        )


def _spread(values: NDArray[Any], is_here: NDArray[np.bool_], dtype: type[np.generic]) -> pl.Series:
    """Return a column with the values of one type in their rows and nulls elsewhere."""
    column = np.zeros(len(values), dtype=dtype)
    column[is_here] = values[is_here].astype(dtype)
    return pl.Series(column).set(pl.Series(~is_here), None)


class BatchColumns:
    """Rows of spans and of what hangs on them, in the order of the schemas."""

    def __init__(self) -> None:
        self.spans: list[Row] = []
        self.scopes: list[Row] = []
        self.events: list[Row] = []
        self.links: list[Row] = []
        self.n_resources = 0
        self.attributes = AttributeColumns()
        self.resource_attributes = AttributeColumns()
        self.scope_attributes = AttributeColumns()
        self.event_attributes = AttributeColumns()
        self.link_attributes = AttributeColumns()

    def finish(self) -> SpanBatch:
        """Return the batch."""
        return SpanBatch(
            spans=_frame(self.spans, RAW_SPANS),
            attributes=self.attributes.finish(),
            n_resources=self.n_resources,
            resource_attributes=self.resource_attributes.finish(),
            scopes=_frame(self.scopes, SCOPES),
            scope_attributes=self.scope_attributes.finish(),
            events=_frame(self.events, EVENTS),
            event_attributes=self.event_attributes.finish(),
            links=_frame(self.links, LINKS),
            link_attributes=self.link_attributes.finish(),
        )


def _frame(rows: Sequence[Row], schema: pl.Schema) -> pl.DataFrame:
    """Return rows as a frame; an empty one where there are none."""
    if not rows:
        return pl.DataFrame(schema=schema)
    return pl.DataFrame(dict(zip(schema.names(), zip(*rows, strict=True), strict=True)), schema=schema)
