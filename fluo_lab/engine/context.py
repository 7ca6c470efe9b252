"""Where predicates look fields up: the columns of one group of spans, or of span events, made when asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fluo_lab.engine.literals import TypedColumn
from fluo_lab.language import Field, FieldKind
from fluo_lab.traces import AttributeGroup, Dictionary, SpanKind, StatusCode, Traces, ValueType, text_of
from fluo_lab.traces.semconv import Alias, Translation, readings_of

__all__ = ["Codes", "Context"]

Rows = NDArray[np.uint32]


class Codes:
    """Codes of the texts that rules name, looked up in one pass over a dictionary."""

    def __init__(self, literals: Iterable[str]) -> None:
        self._literals = frozenset(literals)
        self._known: dict[int, tuple[Dictionary, dict[str, int]]] = {}

    def code_of(self, dictionary: Dictionary, text: str) -> int | None:
        """Return the code of a text in a dictionary, or None."""
        if id(dictionary) not in self._known:
            self._known[id(dictionary)] = (dictionary, dictionary.codes(self._literals))
        known = self._known[id(dictionary)][1]
        if text not in self._literals:
            return dictionary.codes([text]).get(text)
        return known.get(text)


def _labels(enum: type[SpanKind] | type[StatusCode]) -> Dictionary:
    return Dictionary(pl.Series("label", [member.label for member in enum], dtype=pl.String))


_KINDS, _STATUSES = _labels(SpanKind), _labels(StatusCode)
# UNSPECIFIED reads as internal: one code for both, so that equality finds either
_KIND_CODES = np.array([SpanKind.INTERNAL, *list(SpanKind)[1:]], dtype=np.uint32)


def _values(group: AttributeGroup, key: str, value_type: ValueType, at: pl.Series | None) -> pl.Series:
    """Return a column of a group, as it is or at some positions."""
    series = group.column(key, value_type)
    return series if at is None else series.gather(at)


def _translated(
    series: pl.Series, dictionary: Dictionary | None, translate: Translation
) -> tuple[pl.Series, Dictionary]:
    """Return values in other words, and the dictionary of these; null where there are none."""
    distinct = series.drop_nulls().unique()
    texts = dictionary.decode(distinct).to_list() if dictionary is not None else map(text_of, distinct.to_list())
    words = [translate(text) for text in texts]
    codes = {word: code for code, word in enumerate(dict.fromkeys(word for word in words if word is not None))}
    coded = pl.Series([None if word is None else codes[word] for word in words], dtype=pl.UInt32)
    found = series.replace_strict(distinct, coded, return_dtype=pl.UInt32)
    return found, Dictionary(pl.Series("text", list(codes), dtype=pl.String))


class Context:
    """The columns of one attribute group.

    Attributes
    ----------
    span_rows
        The span each position is about, shape ``(len(group.rows),)``.
    """

    def __init__(self, traces: Traces, group: AttributeGroup, span_rows: Rows, codes: Codes) -> None:
        self.traces = traces
        self.span_rows = span_rows
        self._group = group
        self._codes = codes
        self._fields: dict[Field, tuple[TypedColumn, ...]] = {}
        self._series: dict[str, pl.Series] = {}

    def __len__(self) -> int:
        return len(self.span_rows)

    def columns(self, field: Field) -> tuple[TypedColumn, ...]:
        """Return the typed columns of a field; at most one of them holds a value at any position."""
        if field not in self._fields:
            self._fields[field] = tuple(self._find(field))
        return self._fields[field]

    def add(self, series: pl.Series) -> pl.Expr:
        """Return an expression for a column computed elsewhere."""
        name = f"leaf:{len(self._series)}"
        self._series[name] = series.alias(name)
        return pl.col(name)

    def frame(self) -> pl.DataFrame:
        """Return every column asked for so far."""
        if not self._series:
            return pl.DataFrame({"": pl.Series(self.span_rows)})
        return pl.DataFrame(list(self._series.values()))

    def _column(
        self,
        field: Field,
        value_type: ValueType,
        series: pl.Series,
        dictionary: Dictionary | None,
        *,
        read_from: str | None = None,
    ) -> TypedColumn:
        # a number, since any key may hold any character: no two columns get one name
        name = f"{field.kind}:{field.name}:{value_type.name}" if read_from is None else f"alias:{len(self._series)}"
        series = series.alias(name)
        self._series[name] = series
        if dictionary is None:
            return TypedColumn(name, value_type, series, None, read_from=read_from)
        held = dictionary
        return TypedColumn(name, value_type, series, held, lambda text: self._codes.code_of(held, text), read_from)

    def _text(self, field: Field, codes: pl.Series, dictionary: Dictionary) -> TypedColumn:
        return self._column(field, ValueType.TEXT, codes.cast(pl.UInt32), dictionary)

    def _find(self, field: Field) -> Iterable[TypedColumn]:
        """Yield the columns of a field that exist here."""
        match field.kind:
            case FieldKind.ATTRIBUTE:
                yield from self._named(field, self._group, None)
            case FieldKind.RESOURCE:
                table = self.traces.resource_table.attributes
                yield from self._named(field, table.groups[0], self._of_spans("resource"))
            case FieldKind.SCOPE:
                yield from self._scope(field)
            case FieldKind.SPAN:
                yield self._intrinsic(field)

    def _of_spans(self, column: str) -> pl.Series:
        """Return a column of the span table at this context's spans."""
        return self.traces.table[column].gather(self.span_rows)

    def _named(self, field: Field, group: AttributeGroup, at: pl.Series | None) -> list[TypedColumn]:
        """Return the columns of an attribute, and where a span lacks it, of its other names."""
        columns = list(self._typed(field, group, at))
        for alias in readings_of(field.name):
            if group.types_of(alias.key):
                columns += self._aliased(field, alias, self._barred(alias, columns), group, at)
        return columns

    def _typed(self, field: Field, group: AttributeGroup, at: pl.Series | None) -> Iterator[TypedColumn]:
        for value_type in group.types_of(field.name):
            yield self._column(
                field, value_type, _values(group, field.name, value_type, at), self._texts_of(value_type)
            )

    def _texts_of(self, value_type: ValueType) -> Dictionary | None:
        return self.traces.text_dictionary if value_type.is_textual else None

    def _barred(self, alias: Alias, before: list[TypedColumn]) -> pl.Series | None:
        """Return where an alias does not count: on spans of another kind, and where there is a value; None: nowhere."""
        barred = None if alias.kinds is None else ~self._of_spans("kind").is_in(sorted(alias.kinds))
        for column in before:
            present = column.series.is_not_null()
            barred = present if barred is None else barred | present
        return barred if barred is not None and barred.any() else None

    def _aliased(
        self, field: Field, alias: Alias, barred: pl.Series | None, group: AttributeGroup, at: pl.Series | None
    ) -> Iterator[TypedColumn]:
        """Yield the columns of another name of a field, null where it does not count."""
        if barred is not None and barred.all():
            return
        for value_type in group.types_of(alias.key):
            if alias.translate is not None and value_type not in (ValueType.TEXT, ValueType.INT):
                continue
            series, dictionary = _values(group, alias.key, value_type, at), self._texts_of(value_type)
            if barred is not None:
                series = series.set(barred, None)
            if alias.translate is not None:
                series, dictionary = _translated(series, dictionary, alias.translate)
            if series.null_count() < len(series):
                own_type = value_type if alias.translate is None else ValueType.TEXT
                yield self._column(field, own_type, series, dictionary, read_from=alias.key)

    def _scope(self, field: Field) -> Iterable[TypedColumn]:
        table, at = self.traces.scope_table, self._of_spans("scope")
        if field.name in ("name", "version"):
            yield self._strings(field, table.frame[field.name].gather(at))
        else:
            yield from self._typed(field, table.attributes.groups[0], at)

    def _strings(self, field: Field, series: pl.Series) -> TypedColumn:
        """Return a column of plain strings; an empty one is missing."""
        present = series.set(series == "", None)
        dictionary, codes = Dictionary.encode(present.fill_null(""))
        coded = pl.Series(codes)
        return self._text(field, coded.set(present.is_null(), None), dictionary)

    def _intrinsic(self, field: Field) -> TypedColumn:
        """Return a column of the span itself."""
        traces = self.traces
        match field.name:
            case "name":
                return self._text(field, self._of_spans("name"), traces.name_dictionary)
            case "service":
                return self._text(field, self._of_spans("service"), traces.service_dictionary)
            case "kind":
                return self._text(field, pl.Series(_KIND_CODES[self._of_spans("kind").to_numpy()]), _KINDS)
            case "status":
                return self._text(field, self._of_spans("status"), _STATUSES)
            case "status_message":
                return self._strings(field, self._of_spans("status_message"))
            case "duration":
                duration = self._of_spans("end_ns") - self._of_spans("start_ns")
                return self._column(field, ValueType.INT, duration, None)
        raise AssertionError(f"the parser lets no field span.{field.name} through")
