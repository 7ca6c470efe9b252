"""Values of a field at some spans, gathered from the attribute groups: numbers, and codes of their texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fluo_lab.engine.context import Context
from fluo_lab.engine.literals import TypedColumn
from fluo_lab.engine.numeric import Numeric, numeric_of
from fluo_lab.language import Event, Field, Node, Relation
from fluo_lab.traces import Traces, text_of

__all__ = ["FieldValues", "fields_of"]

Rows = NDArray[np.uint32]


def fields_of(predicate: Node) -> Iterator[Field]:
    """Yield the fields of the span a predicate is about; events and related spans have their own."""
    if isinstance(predicate, Field):
        yield predicate
    elif isinstance(predicate, Relation):
        yield from (own for own, _ in predicate.same)
    elif not isinstance(predicate, Event):
        for child in predicate.children():
            yield from fields_of(child)


class FieldValues:
    """Looks up the values of fields in one store.

    Codes of texts are the store's own; a value whose text no attribute has gets a code beyond them.

    Parameters
    ----------
    context_of
        Gives the columns of an attribute group, by its number.
    """

    def __init__(self, traces: Traces, context_of: Callable[[int], Context]) -> None:
        self._traces = traces
        self._context_of = context_of
        self._extra: dict[str, int] = {}

    def _columns(self, rows: Rows, field: Field) -> Iterator[tuple[Rows, TypedColumn]]:
        """Yield present values of a field, a typed column at a time, with the rows they belong to."""
        table = self._traces.attribute_table
        names = self._traces.table["name"].to_numpy()[rows]
        numbers = table.group_of_name[names]
        for number in np.unique(numbers).tolist():
            group = table.groups[number]
            wanted = rows[numbers == number]
            at = np.searchsorted(group.rows, wanted)
            for column in self._context_of(number).columns(field):
                found = column.series.gather(at)
                present = found.is_not_null().to_numpy()
                if present.any():
                    yield wanted[present], replace(column, series=found.drop_nulls())

    def numbers(self, rows: Rows, field: Field) -> Numeric:
        """Return the numeric values of a field at rows; text that is wholly a number takes part."""
        return Numeric.joined(numeric_of(column, at) for at, column in self._columns(rows, field))

    def other_keys(self, rows: Rows, field: Field) -> list[str]:
        """Return the keys under which values of a field stand at rows, where they are not the field's own."""
        return sorted({column.read_from for _, column in self._columns(rows, field) if column.read_from is not None})

    def text_codes(self, rows: Rows, field: Field) -> tuple[Rows, NDArray[np.int64]]:
        """Return the rows where a field is present, ascending, and a code a value: equal where texts are."""
        parts: list[tuple[Rows, NDArray[np.int64]]] = []
        for at, column in self._columns(rows, field):
            if column.dictionary is self._traces.text_dictionary:
                parts.append((at, column.series.to_numpy().astype(np.int64)))
                continue
            distinct = column.series.unique()
            if column.dictionary is not None:
                texts = column.dictionary.decode(distinct).to_list()
            else:
                texts = [text_of(value) for value in distinct.to_list()]
            known = self._traces.text_dictionary.codes(texts)
            codes = [
                known[text]
                if text in known
                else self._extra.setdefault(text, len(self._traces.text_dictionary) + len(self._extra))
                for text in texts
            ]
            coded = column.series.replace_strict(distinct, pl.Series(codes, dtype=pl.Int64), return_dtype=pl.Int64)
            parts.append((at, coded.to_numpy()))
        return _by_row(parts)


def _by_row(parts: list[tuple[Rows, NDArray[np.int64]]]) -> tuple[Rows, NDArray[np.int64]]:
    """Return codes of several parts as one, by row."""
    if not parts:
        return np.zeros(0, dtype=np.uint32), np.zeros(0, dtype=np.int64)
    rows = np.concatenate([at for at, _ in parts])
    values = np.concatenate([found for _, found in parts])
    order = np.argsort(rows, kind="stable")
    return rows[order], values[order]
