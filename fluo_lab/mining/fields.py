"""Values of the attributes of one span name, a typed column at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fluo_lab.mining.occurrences import Occurrences
from fluo_lab.traces import ValueType

__all__ = ["FieldColumn", "field_columns"]

_TYPES = (ValueType.TEXT, ValueType.BOOL, ValueType.INT, ValueType.DOUBLE)


@dataclass(frozen=True, slots=True)
class FieldColumn:
    """The present values of one attribute on the spans of one name.

    Attributes
    ----------
    trace
        Trace row of each value, ascending.
    value
        Numbers, bools, or codes into the store's texts.
    share
        Share of the name's spans that carry the attribute with this type.
    """

    key: str
    type: ValueType
    trace: NDArray[np.int64]
    value: NDArray[Any]
    share: float

    @property
    def identity(self) -> NDArray[np.int64]:
        """A number for each value: equal where values are."""
        if self.type is ValueType.DOUBLE:
            return (self.value.astype(np.float64) + 0.0).view(np.int64)
        return self.value.astype(np.int64)


def field_columns(occurrences: Occurrences, number: int) -> Iterator[FieldColumn]:
    """Yield the attributes of a name, by key and type; arrays and maps take no part."""
    group = occurrences.traces.attribute_table.group_of(int(occurrences.codes[number]))
    mine = occurrences.name_of_span[group.rows] == number
    rows = group.rows[mine]
    trace = occurrences.traces.trace_of[rows].astype(np.int64)
    for key, value_type in group.keys:
        if value_type not in _TYPES:
            continue
        series = group.column(key, value_type).filter(mine)
        present = series.is_not_null().to_numpy()
        if present.any():
            value = series.drop_nulls().to_numpy()
            yield FieldColumn(key, value_type, trace[present], value, float(present.mean()))
