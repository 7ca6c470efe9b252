"""Values of a field at some spans, gathered from the attribute groups: numbers, and codes of their texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fluo_lab.engine.context import Context
from fluo_lab.engine.literals import TypedColumn
from fluo_lab.engine.logic import Mask
from fluo_lab.engine.numeric import Numeric, numeric_of
from fluo_lab.language import Event, Field, Node, Relation
from fluo_lab.traces import Traces, ValueType, text_of

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
        self._kept: dict[tuple[Context, Field], tuple[NDArray[np.int64], Mask | None]] = {}

    def _columns(self, rows: Rows, field: Field) -> Iterator[tuple[Rows, TypedColumn]]:
        """Yield present values of a field, a typed column at a time, with the rows they belong to."""
        table = self._traces.attribute_table
        names = self._traces.table["name"].to_numpy()[rows]
        numbers = table.group_of_name[names]
        for number in np.unique(numbers).tolist():
            wanted = rows[numbers == number]
            at = table.position_of(wanted)
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
        """Return the rows where a field is present, in the order given, and a code a value: equal where texts are."""
        codes = self._codes_at(rows, field)[0]
        present = codes >= 0
        return rows[present], codes[present]

    def texts(self, rows: Rows, field: Field) -> list[str | None]:
        """Return the text of the value of a field at each of some ascending rows; None where there is none."""
        found: dict[int, str] = {}
        for at, column in self._columns(rows, field):
            plain = column.series if column.dictionary is None else column.dictionary.decode(column.series)
            found.update(zip(at.tolist(), map(text_of, plain.to_list()), strict=True))
        return [found.get(row) for row in rows.tolist()]

    def join_codes(self, rows: Rows, field: Field) -> NDArray[np.int64]:
        """Return a code a row, equal where texts are; -1 where there is no value, or NaN, which equals nothing."""
        return _without_nan(*self._codes_at(rows, field))

    def join_codes_in(self, context: Context, field: Field) -> NDArray[np.int64]:
        """Return the same for every position of a context."""
        return _without_nan(*self.codes_in(context, field))

    def _codes_at(self, rows: Rows, field: Field) -> tuple[NDArray[np.int64], Mask | None]:
        """Return a code a row, -1 where there is no value, and where the value is NaN (None: nowhere)."""
        table = self._traces.attribute_table
        numbers = table.group_of_name[self._traces.table["name"].to_numpy()[rows]]
        codes = np.full(len(rows), -1, dtype=np.int64)
        is_nan: Mask | None = None
        if not len(rows):
            return codes, is_nan
        if (numbers == numbers[0]).all():
            of_group, nan_of_group = self.codes_in(self._context_of(int(numbers[0])), field)
            if rows is table.groups[int(numbers[0])].rows:
                return of_group, nan_of_group
            at = table.position_of(rows)
            return of_group[at], None if nan_of_group is None else nan_of_group[at]
        for number in np.unique(numbers).tolist():
            here = np.flatnonzero(numbers == number)
            of_group, nan_of_group = self.codes_in(self._context_of(number), field)
            at = table.position_of(rows[here])
            codes[here] = of_group[at]
            if nan_of_group is not None:
                is_nan = np.zeros(len(rows), dtype=np.bool_) if is_nan is None else is_nan
                is_nan[here] = nan_of_group[at]
        return codes, is_nan

    def codes_in(self, context: Context, field: Field) -> tuple[NDArray[np.int64], Mask | None]:
        """Return a code at every position of a context, equal where texts are, and where the value is NaN.

        Returns
        -------
        The codes, -1 where there is no value, and a mask, None where no value is NaN. Both are kept for the next who
        asks.
        """
        if (context, field) not in self._kept:
            codes = np.full(len(context), -1, dtype=np.int64)
            is_nan: Mask | None = None
            for column in context.columns(field):
                n_missing = column.series.null_count()
                if not n_missing:  # then no other column holds any
                    codes = self._coded(column)
                elif n_missing < len(codes):
                    present = column.series.is_not_null().to_numpy()
                    codes[present] = self._coded(replace(column, series=column.series.drop_nulls()))
                if column.type is ValueType.DOUBLE and (nan := column.series.is_nan().fill_null(False)).any():
                    is_nan = nan.to_numpy() if is_nan is None else is_nan | nan.to_numpy()
            self._kept[context, field] = codes, is_nan
        return self._kept[context, field]

    def _coded(self, column: TypedColumn) -> NDArray[np.int64]:
        """Return the code of every value of a column without nulls."""
        texts = self._traces.text_dictionary
        if column.dictionary is texts:
            return column.series.to_numpy().astype(np.int64)
        distinct = column.series.unique()
        if column.dictionary is not None:
            words = column.dictionary.decode(distinct).to_list()
        elif column.type is ValueType.INT:
            words = distinct.cast(pl.String).to_list()
        else:
            words = [text_of(value) for value in distinct.to_list()]
        known = texts.codes(words)
        codes = [
            known[word] if word in known else self._extra.setdefault(word, len(texts) + len(self._extra))
            for word in words
        ]
        replaced = column.series.replace_strict(distinct, pl.Series(codes, dtype=pl.Int64), return_dtype=pl.Int64)
        return replaced.to_numpy()


def _without_nan(codes: NDArray[np.int64], is_nan: Mask | None) -> NDArray[np.int64]:
    return codes if is_nan is None else np.where(is_nan, -1, codes)
