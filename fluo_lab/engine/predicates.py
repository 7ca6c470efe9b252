"""From a predicate to a Polars expression over the columns of a context.

A missing attribute is null, and ``and``, ``or``, ``not`` over nulls are Kleene's, as Polars has them. A relation
that incomplete traces leave open is taken once as failing and once as holding, which bounds the predicate from
below and above (``Reading.LEAST`` and ``Reading.MOST``); with false, missing, true as a chain, both are monotone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np
import polars as pl

from fluo_lab.engine.columns import FieldValues
from fluo_lab.engine.context import Context
from fluo_lab.engine.exact import Array, ordered_pairs
from fluo_lab.engine.literals import Literal, TypedColumn, compare, contains, matches
from fluo_lab.engine.logic import Mask
from fluo_lab.engine.numeric import Numeric, numeric_of
from fluo_lab.language import (
    And,
    AttributeRef,
    Contains,
    Event,
    Exists,
    Field,
    FieldComparison,
    In,
    Matches,
    Not,
    Operator,
    Or,
    Parameter,
    Predicate,
    Relation,
    Text,
    Value,
)
from fluo_lab.traces import ValueType, text_of
from fluo_lab.traces.values import decode_value

__all__ = ["Leaves", "Reading", "compile_predicate", "told_by_codes"]


class Reading(Enum):
    """How relations are taken that missing spans, or clocks that are apart, leave open."""

    SEEN = "seen"
    LEAST = "least"
    MOST = "most"

    @property
    def opposite(self) -> Reading:
        """The reading under a negation."""
        return {Reading.LEAST: Reading.MOST, Reading.MOST: Reading.LEAST}.get(self, self)


class Leaves:
    """Predicates that need more than the columns of one span.

    Attributes
    ----------
    values
        Looks up values that two fields are compared by.
    event
        Gives a mask over all span rows.
    relation
        Gives a mask over the positions of the context.
    """

    def __init__(
        self, values: FieldValues, event: Callable[[Event], Mask], relation: Callable[[Relation, Reading], Mask]
    ) -> None:
        self.values = values
        self.event = event
        self.relation = relation


def compile_predicate(predicate: Predicate, context: Context, leaves: Leaves, reading: Reading) -> pl.Expr:
    """Return an expression that is true, false or null at every position of the context."""
    match predicate:
        case And(operands=operands):
            return pl.all_horizontal([compile_predicate(p, context, leaves, reading) for p in operands])
        case Or(operands=operands):
            return pl.any_horizontal([compile_predicate(p, context, leaves, reading) for p in operands])
        case Not(operand=operand):
            return ~compile_predicate(operand, context, leaves, reading.opposite)
        case FieldComparison(field=field, operator=operator, value=value):
            return _comparison(context, leaves, field, operator, value)
        case In(field=field, values=values, negated=negated):
            among = pl.any_horizontal([_comparison(context, leaves, field, Operator.EQ, value) for value in values])
            return ~among if negated else among
        case Contains(field=field, value=value, negated=negated):
            if isinstance(value, AttributeRef):
                found = _pairs(context, field, value.field, _text_contains)
            else:
                needle = _bound(value)
                found = _typed(context, field, lambda column: contains(column, needle))
            return ~found if negated else found
        case Matches(field=field, pattern=pattern, negated=negated):
            regex = _bound(pattern)
            assert isinstance(regex, Text)  # noqa: S101 - the parser checks patterns
            found = _typed(context, field, lambda column: matches(column, regex.value))
            return ~found if negated else found
        case Exists(field=field):
            columns = context.columns(field)
            return pl.any_horizontal([c.expr.is_not_null() for c in columns]) if columns else pl.lit(False)
        case Event():
            return context.add(pl.Series(leaves.event(predicate)[context.span_rows]))
        case Relation():
            return context.add(pl.Series(leaves.relation(predicate, reading)))
    raise AssertionError(f"no predicate: {predicate!r}")


def told_by_codes(predicate: Predicate, context: Context) -> Mask | None:
    """Return where a predicate holds if codes of texts alone tell it; None: an expression must.

    So it is for (in)equality with a text, where every span has one: the commonest filter, and NumPy compares the
    codes in less time than an expression takes to be made.
    """
    match predicate:
        case FieldComparison(field=field, operator=Operator.EQ | Operator.NE as operator, value=Text(value=text)):
            columns = context.columns(field)
            if len(columns) != 1 or columns[0].type is not ValueType.TEXT or columns[0].series.null_count():
                return None
            code = columns[0].code_of(text) if columns[0].code_of else None
            is_equal = operator is Operator.EQ
            if code is None:
                return np.full(len(context), not is_equal, dtype=np.bool_)
            codes = columns[0].series.to_numpy()
            return np.asarray(codes == code if is_equal else codes != code, dtype=np.bool_)
    return None


def _bound(value: Value) -> Literal:
    """Return a value as the literal it is by now; the parser lets no unbound parameter through."""
    assert not isinstance(value, Parameter | AttributeRef), f"no literal: {value!r}"  # noqa: S101
    return value


def _typed(context: Context, field: Field, test: Callable[[TypedColumn], pl.Expr]) -> pl.Expr:
    """Return the test of whichever column holds the value; null where none does."""
    tests = [test(column) for column in context.columns(field)]
    return pl.coalesce(tests) if tests else pl.lit(None, dtype=pl.Boolean)


def _comparison(context: Context, leaves: Leaves, field: Field, operator: Operator, value: Value) -> pl.Expr:
    if isinstance(value, AttributeRef):
        if operator.is_ordering:
            return _ordered_fields(context, field, operator, value.field)
        equal = _equal_fields(context, leaves.values, field, value.field)
        return ~equal if operator is Operator.NE else equal
    literal = _bound(value)
    return _typed(context, field, lambda column: compare(column, operator, literal))


def _equal_fields(context: Context, values: FieldValues, left: Field, right: Field) -> pl.Expr:
    """Return whether two fields have the same text, null where either is missing; NaN is equal to nothing."""
    (a, a_is_nan), (b, b_is_nan) = (values.codes_in(context, field) for field in (left, right))
    equal = a == b
    for is_nan in (a_is_nan, b_is_nan):
        if is_nan is not None:
            equal &= ~is_nan
    return context.add(pl.Series(equal).set(pl.Series((a < 0) | (b < 0)), None))


def _text_contains(whole: object, part: object) -> bool:
    """Return whether a value's text holds another's, or an array a member with it."""
    if isinstance(whole, list):
        return any(not isinstance(m, list | dict) and text_of(m) == text_of(part) for m in whole if m is not None)
    return not isinstance(whole, dict) and text_of(part) in text_of(whole)


def _values(context: Context, field: Field) -> list[object]:
    """Return the plain value of a field at every position, None where it is missing."""
    values: list[object] = [None] * len(context)
    for column in context.columns(field):
        present = np.flatnonzero(column.series.is_not_null().to_numpy())
        found = column.series.gather(present)
        plain = found.to_list() if column.dictionary is None else column.dictionary.decode(found).to_list()
        for at, value in zip(present.tolist(), plain, strict=True):
            values[at] = value if column.dictionary is None else decode_value(value, column.type)
    return values


def _pairs(context: Context, left: Field, right: Field, test: Callable[[object, object], bool]) -> pl.Expr:
    """Return a test of two fields of the same span; null where either is missing."""
    answers = [
        None if a is None or b is None else test(a, b)
        for a, b in zip(_values(context, left), _values(context, right), strict=True)
    ]
    return context.add(pl.Series(answers, dtype=pl.Boolean))


def _ordered_fields(context: Context, left: Field, operator: Operator, right: Field) -> pl.Expr:
    """Return the numeric order of two fields; false where either is present and no number."""
    a, b = (_numbers(context, field) for field in (left, right))
    result = ordered_pairs(a.values, operator, b.values) & a.is_number & b.is_number
    return context.add(pl.Series(result).set(pl.Series(~(a.is_present & b.is_present)), None))


@dataclass(frozen=True, slots=True)
class _Numbers:
    """A field as numbers: values (meaningless where it is none), which are numbers, which are present."""

    values: Array
    is_number: Mask
    is_present: Mask


def _numbers(context: Context, field: Field) -> _Numbers:
    columns = context.columns(field)
    positions = np.arange(len(context), dtype=np.uint32)
    at, found = Numeric.joined(numeric_of(column, positions) for column in columns).merged()
    values: Array = np.zeros(len(context), dtype=found.dtype)
    values[at] = found
    is_number = np.zeros(len(context), dtype=np.bool_)
    is_number[at] = True
    is_present = np.zeros(len(context), dtype=np.bool_)
    for column in columns:
        is_present |= column.series.is_not_null().to_numpy()
    return _Numbers(values, is_number, is_present)
