"""What a value of each type is next to a literal: the rules of equality, order, ``contains`` and ``matches``.

The literal decides the type. Every function returns a Polars expression over one typed column that is null where
the column is null, true or false elsewhere, so that a missing attribute satisfies no comparison, negative ones
included. Integers and doubles compare mathematically exactly.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import orjson
import polars as pl

from fluo_lab.language import Bool, Duration, Number, Operator, Text
from fluo_lab.traces import Dictionary, ValueType, text_of

__all__ = ["Literal", "TypedColumn", "compare", "contains", "matches", "number_of_text"]

Literal: TypeAlias = Number | Text | Bool | Duration

_INT64 = range(-(1 << 63), 1 << 63)
_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", re.ASCII)
NUMERIC_TEXT = r"\A[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?\z"


def number_of_text(text: str) -> int | float | None:
    """Return the number a string wholly is, or None.

    Examples
    --------
    >>> number_of_text("200"), number_of_text("-1.5e3"), number_of_text(" 1"), number_of_text("0x1")
    (200, -1500.0, None, None)
    """
    if not _NUMBER.fullmatch(text):
        return None
    if _INTEGER.fullmatch(text):
        # past 4,000 digits Python refuses; such a number is beyond every double too
        return int(text) if len(text) < 4000 else float(text)
    return float(text)


@dataclass(frozen=True, slots=True)
class TypedColumn:
    """One column of a context: its name there, its values, and for texts the dictionary of its codes.

    Attributes
    ----------
    read_from
        The key the values stand under, where it is not the one that was asked for.
    """

    name: str
    type: ValueType
    series: pl.Series
    dictionary: Dictionary | None
    code_of: Callable[[str], int | None] | None = None
    read_from: str | None = None

    @property
    def expr(self) -> pl.Expr:
        """The column as an expression."""
        return pl.col(self.name)

    def never(self) -> pl.Expr:
        """Return false where there is a value."""
        return pl.when(self.expr.is_not_null()).then(pl.lit(False))

    def is_among(self, values: Iterable[Any]) -> pl.Expr:
        """Return whether the raw value is one of some."""
        wanted = pl.Series(list(values), dtype=self.series.dtype)
        return self.expr.is_in(wanted.implode()) if len(wanted) else self.never()

    def where_value(self, test: Callable[[Any], bool]) -> pl.Expr:
        """Return whether the plain value satisfies a test, asked once a distinct value."""
        distinct = self.series.drop_nulls().unique()
        if self.dictionary is None:
            return self.is_among(v for v in distinct.to_list() if test(v))
        texts = self.dictionary.decode(distinct).to_list()
        return self.is_among(c for c, t in zip(distinct.to_list(), texts, strict=True) if test(t))

    def where_text(self, test: Callable[[pl.Series], pl.Series]) -> pl.Expr:
        """Return whether the value's text satisfies a vectorised test, asked once a distinct value."""
        distinct = self.series.drop_nulls().unique()
        if self.dictionary is not None:
            texts = self.dictionary.decode(distinct)
        else:
            texts = pl.Series([text_of(v) for v in distinct.to_list()], dtype=pl.String)
        return self.is_among(distinct.filter(test(texts)).to_list())


def compare(column: TypedColumn, operator: Operator, literal: Literal) -> pl.Expr:
    """Return ``column operator literal``."""
    match literal:
        case Number(value=value):
            return _compare_number(column, operator, value)
        case Duration(ns=ns):
            return _compare_number(column, operator, ns)
        case Bool(value=value):
            equal = _equals_bool(column, value)
        case Text(value=text):
            equal = _equals_text(column, text)
    return equal if operator is Operator.EQ else ~equal


def _equals_bool(column: TypedColumn, value: bool) -> pl.Expr:
    """Return whether a column is a bool, or that bool's name in any case."""
    if column.type is ValueType.BOOL:
        return column.expr == value
    if column.type is ValueType.TEXT:
        return column.where_text(lambda texts: texts.str.to_lowercase() == text_of(value))
    return column.never()


def _equals_text(column: TypedColumn, text: str) -> pl.Expr:
    """Return whether a column's text is ``text``."""
    match column.type:
        case ValueType.TEXT | ValueType.BYTES:
            code = column.code_of(text) if column.code_of else None
            return column.never() if code is None else column.expr == pl.lit(code, dtype=pl.UInt32)
        case ValueType.BOOL:
            return column.expr == (text == "true") if text in ("true", "false") else column.never()
        case ValueType.INT | ValueType.DOUBLE:
            number = number_of_text(text) if text[-1:].isdigit() else _INFINITE.get(text)
            if number is None or text_of(_as(column.type, number)) != text:
                return column.never()
            return _compare_number(column, Operator.EQ, number)
    return column.never()


_INFINITE = {"Infinity": math.inf, "-Infinity": -math.inf}


def _as(value_type: ValueType, number: int | float) -> int | float:
    """Return a number as the type of a column has it, where it can."""
    if value_type is ValueType.DOUBLE:
        try:
            return float(number)
        except OverflowError:
            return math.inf
    return number


def _compare_number(column: TypedColumn, operator: Operator, value: int | float) -> pl.Expr:
    """Return a comparison with a number; a text takes part when it is wholly one."""
    match column.type:
        case ValueType.INT:
            return _compare_int(column, operator, value)
        case ValueType.DOUBLE:
            return _compare_double(column, operator, value)
        case ValueType.TEXT:
            distinct = column.series.drop_nulls().unique()
            assert column.dictionary is not None  # noqa: S101 - texts always have one
            texts = column.dictionary.decode(distinct)
            numeric = texts.str.contains(NUMERIC_TEXT)
            test = _TESTS[operator]
            hits = [
                code
                for code, text in zip(distinct.filter(numeric).to_list(), texts.filter(numeric).to_list(), strict=True)
                if test(number_of_text(text), value)
            ]
            if operator is Operator.NE:  # holds for every text that is not that number
                hits += distinct.filter(~numeric).to_list()
            return column.is_among(hits)
    return ~column.never() if operator is Operator.NE else column.never()


_TESTS: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQ: lambda a, b: a == b,
    Operator.NE: lambda a, b: a != b,
    Operator.GT: lambda a, b: a > b,
    Operator.GE: lambda a, b: a >= b,
    Operator.LT: lambda a, b: a < b,
    Operator.LE: lambda a, b: a <= b,
}


def _ordered(expr: pl.Expr, operator: Operator, value: int | float) -> pl.Expr:
    """Return the comparison of a column with a value of its own type."""
    match operator:
        case Operator.EQ:
            return expr == value
        case Operator.NE:
            return expr != value
        case Operator.GT:
            return expr > value
        case Operator.GE:
            return expr >= value
        case Operator.LT:
            return expr < value
        case Operator.LE:
            return expr <= value


def _compare_int(column: TypedColumn, operator: Operator, value: int | float) -> pl.Expr:
    """Return an exact comparison of 64-bit integers with a number."""
    if isinstance(value, float):
        if math.isnan(value):
            return ~column.never() if operator is Operator.NE else column.never()
        if math.isinf(value):
            return _beyond(column, operator, above=value > 0)
        floor = math.floor(value)
        if floor != value:  # between two integers: equal to none, above floor means above value
            match operator:
                case Operator.EQ:
                    return column.never()
                case Operator.NE:
                    return ~column.never()
                case Operator.GT | Operator.GE:
                    operator = Operator.GT
                case Operator.LT | Operator.LE:
                    operator = Operator.LE
        value = floor
    if value not in _INT64:
        return _beyond(column, operator, above=value > 0)
    return _ordered(column.expr, operator, value)


def _beyond(column: TypedColumn, operator: Operator, *, above: bool) -> pl.Expr:
    """Return the comparison with a value above, or below, everything the column can hold."""
    holds = operator is Operator.NE or operator in ((Operator.LT, Operator.LE) if above else (Operator.GT, Operator.GE))
    return ~column.never() if holds else column.never()


def _compare_double(column: TypedColumn, operator: Operator, value: int | float) -> pl.Expr:
    """Return an exact comparison of doubles with a number; NaN is present and equal to nothing."""
    if isinstance(value, int):
        try:
            near = float(value)
        except OverflowError:
            near = math.inf if value > 0 else -math.inf
        if near != value:  # no double is this integer: compare with the nearest ones around it
            if operator in (Operator.EQ, Operator.NE):
                return ~column.never() if operator is Operator.NE else column.never()
            is_below = near < value
            if operator in (Operator.GT, Operator.GE):
                operator = Operator.GT if is_below else Operator.GE
            else:
                operator = Operator.LE if is_below else Operator.LT
        value = near
    ordered = _ordered(column.expr, operator, value)
    if operator is Operator.NE:
        return ordered | column.expr.is_nan()
    return ordered & column.expr.is_not_nan()


def contains(column: TypedColumn, literal: Literal) -> pl.Expr:
    """Return whether the text of a value holds the literal's, or an array holds an equal member."""
    if column.type is ValueType.ARRAY:
        return column.where_value(lambda text: any(_member_equals(m, literal) for m in orjson.loads(text)))
    if column.type is ValueType.KVLIST:
        return column.never()
    needle = text_of(literal.ns if isinstance(literal, Duration) else literal.value)
    return column.where_text(lambda texts: texts.str.contains(needle, literal=True))


def _member_equals(member: object, literal: Literal) -> bool:
    """Return whether a member of an array equals a literal."""
    if isinstance(member, list | dict) or member is None:
        return False
    match literal:
        case Number(value=value) | Duration(ns=value):
            if isinstance(member, str):
                member = number_of_text(member)
            return not isinstance(member, bool) and member == value
        case Bool(value=value):
            return member is value or (isinstance(member, str) and member.lower() == text_of(value))
        case Text(value=text):
            return text_of(member) == text


def matches(column: TypedColumn, pattern: str) -> pl.Expr:
    """Return whether the pattern is found in the text of a value; arrays and key-value lists have none."""
    if column.type in (ValueType.ARRAY, ValueType.KVLIST):
        return column.never()
    return column.where_text(lambda texts: texts.str.contains(pattern))
