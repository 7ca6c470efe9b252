"""What a candidate says, family by family, and the rule of the language that says it.

A family is a template: a case in ``compose`` here, and a file in ``families/`` that proposes its shapes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

from fluo_lab.language import (
    Bool,
    Comparison,
    Count,
    Distinct,
    Every,
    Field,
    FieldComparison,
    FieldKind,
    Has,
    Name,
    Number,
    Operation,
    Operator,
    Predicate,
    Relation,
    RelationKind,
    RuleTree,
    Selection,
    Text,
)

__all__ = ["Clause", "Family", "Order", "Shape", "compose", "implied"]


class Family(StrEnum):
    """The templates that are mined."""

    PRESENCE = "presence"
    PRECEDENCE = "precedence"
    RESPONSE = "response"
    EXACTLY_ONE = "exactly_one"
    AT_MOST = "at_most"
    COUNT_EQUAL = "count_equal"
    DISTINCT_ONE = "distinct_one"


class Order(StrEnum):
    """Which times are compared: the end of the earlier span with the start of the later, or the two starts."""

    FINISHED = "finished"
    STARTED = "started"


@dataclass(frozen=True, slots=True)
class Clause:
    """One learned condition on an attribute: ``field op value``."""

    field: str
    operator: Operator
    value: str | bool | int | float

    def predicate(self) -> Predicate:
        """Return the clause as a predicate of the language."""
        literal = (
            Bool(self.value)
            if isinstance(self.value, bool)
            else Text(self.value)
            if isinstance(self.value, str)
            else Number(self.value)
        )
        return FieldComparison(Field(FieldKind.ATTRIBUTE, self.field), self.operator, literal)


@dataclass(frozen=True, slots=True)
class Shape:
    """One candidate's meaning. Names are span names as they are; what a family has no use for stays empty.

    Attributes
    ----------
    left
        Subject of ``when`` and ``every``.
    right
        What is required.
    left_where
        Conditions on the left span, all of which hold.
    field
        Attribute the rule is about.
    limit
        Largest count allowed.
    order
        For precedence and response.
    """

    family: Family
    left: str
    right: str | None = None
    left_where: tuple[Clause, ...] = ()
    field: str | None = None
    limit: int | None = None
    order: Order | None = None

    @property
    def tree(self) -> RuleTree:
        """The rule."""
        return compose(self)


def implied(shape: Shape) -> tuple[Shape, ...]:
    """Return the shapes that hold wherever this one does, by what they say alone.

    Examples
    --------
    >>> [str(s.family) for s in implied(Shape(Family.PRECEDENCE, "a", "b", order=Order.STARTED))]
    ['presence']
    """
    if shape.family not in (Family.PRECEDENCE, Family.RESPONSE):
        return ()
    weaker = (replace(shape, family=Family.PRESENCE, order=None),)
    return (*weaker, replace(shape, order=Order.STARTED)) if shape.order is Order.FINISHED else weaker


def _select(name: str, where: tuple[Clause, ...] = ()) -> Selection:
    return Selection(Operation(Name((name,))), tuple(clause.predicate() for clause in where))


_RELATIONS = {
    (Family.PRECEDENCE, Order.FINISHED): RelationKind.AFTER,
    (Family.PRECEDENCE, Order.STARTED): RelationKind.STARTS_AFTER,
    (Family.RESPONSE, Order.FINISHED): RelationKind.BEFORE,
    (Family.RESPONSE, Order.STARTED): RelationKind.STARTS_BEFORE,
}


def compose(shape: Shape) -> RuleTree:
    """Return the rule that a shape stands for, guarded by the presence of its left span.

    Examples
    --------
    >>> from fluo_lab.language import print_rule
    >>> print_rule(compose(Shape(Family.PRECEDENCE, "charge", "reserve", order=Order.FINISHED)))
    'when { trace.has(charge) } always { trace.every(charge).must(after(reserve)) }'
    >>> print_rule(compose(Shape(Family.DISTINCT_ONE, "charge", field="intent")))
    'when { trace.has(charge) } always { trace.distinct(charge, intent) == 1 }'
    """
    left = _select(shape.left, shape.left_where)
    right = _select(shape.right) if shape.right is not None else left
    when = Has(left)
    match shape.family:
        case Family.PRESENCE:
            return RuleTree(when=when, always=Has(right))
        case Family.PRECEDENCE | Family.RESPONSE:
            kind = _RELATIONS[shape.family, shape.order or Order.FINISHED]
            return RuleTree(when=when, always=Every(left, Relation(kind, right)))
        case Family.EXACTLY_ONE:
            return RuleTree(when=when, always=Comparison(Count(left), Operator.EQ, Number(1)))
        case Family.AT_MOST:
            return RuleTree(when=when, always=Comparison(Count(left), Operator.LE, Number(shape.limit or 1)))
        case Family.COUNT_EQUAL:
            return RuleTree(when=when, always=Comparison(Count(left), Operator.EQ, Count(right)))
        case Family.DISTINCT_ONE:
            field = Field(FieldKind.ATTRIBUTE, shape.field or "")
            return RuleTree(when=when, always=Comparison(Distinct(left, field), Operator.EQ, Number(1)))
    assert_never(shape.family)
