"""When one rule says what another says, read off the trees alone: sound, and silent where it cannot tell.

``implies(p, q)`` means that q holds on every trace on which p does, whatever the traces are, and also that what is
certain of p in an incomplete trace is certain of q. For predicates only truth is carried over: ``not`` of them is not
turned round, because a missing attribute makes neither side true.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

from fluo_lab.language import (
    And,
    Comparison,
    Condition,
    Contains,
    Count,
    Distinct,
    Duration,
    Every,
    Exists,
    Field,
    FieldComparison,
    Has,
    In,
    Matches,
    Name,
    Node,
    Not,
    Number,
    Numeric,
    Operation,
    Operator,
    Or,
    Predicate,
    Relation,
    Rising,
    RuleTree,
    Selection,
    Value,
)

__all__ = ["implies", "is_implied_by", "obligations_of"]

T = TypeVar("T", bound=Node)

# one pair is reached on many ways through nested `and` and `or`
_REMEMBERED = 4096


def is_implied_by(rule: RuleTree, other: RuleTree) -> bool:
    """Whether every trace that violates a rule violates another too.

    Examples
    --------
    >>> from fluo_lab.language import parse_rule
    >>> loose = parse_rule("when { a and b } always { count(c) <= 5 }")
    >>> strict = parse_rule("when { a } always { count(c) <= 3 and d }")
    >>> is_implied_by(loose, strict), is_implied_by(strict, loose)
    (True, False)
    """
    if rule.correlation != other.correlation:
        return False
    if other.when is not None and (rule.when is None or not implies(rule.when, other.when)):
        return False
    given = obligations_of(other)
    return all(any(implies(one, asked) for one in given) for asked in obligations_of(rule))


def obligations_of(rule: RuleTree) -> list[Condition]:
    """Return the conditions that must all hold where the guard does."""
    found: list[Condition] = []
    if rule.always is not None:
        found += rule.always.operands if isinstance(rule.always, And) else (rule.always,)
    if rule.never is not None:
        never = rule.never.operands if isinstance(rule.never, Or) else (rule.never,)
        found += [Not(operand=operand, at=operand.at) for operand in never]
    return found


@lru_cache(maxsize=_REMEMBERED)
def implies(p: Condition, q: Condition) -> bool:
    """Whether a condition holds on every trace on which another does, as far as their trees tell."""
    p, q = _plain(p), _plain(q)
    if p == q:
        return True
    if isinstance(p, Not) and isinstance(q, Not):
        return implies(q.operand, p.operand)
    joined = _algebra(p, q, implies)
    if joined is not None:
        return joined
    match p, q:
        case Every(), Every():
            return _is_within(q.selection, p.selection) and _carries(p.must, q.must)
        case Rising(), Rising():
            return p.field == q.field and _is_within(q.selection, p.selection)
        case Comparison(), Comparison():
            return _is_tighter(p, q)
    return False


def _algebra(p: T, q: T, holds: Callable[[T, T], bool]) -> bool | None:
    """Return what ``and`` and ``or`` on either side make of the question; None when there are none."""
    if isinstance(q, And):
        return all(holds(p, one) for one in q.operands)
    if isinstance(p, Or):
        return all(holds(one, q) for one in p.operands)
    if isinstance(p, And) and any(holds(one, q) for one in p.operands):
        return True
    if isinstance(q, Or) and any(holds(p, one) for one in q.operands):
        return True
    return False if isinstance(p, And) or isinstance(q, Or) else None


# --- conditions ---------------------------------------------------------------------------------------------

_NEGATED = {
    Operator.EQ: Operator.NE,
    Operator.NE: Operator.EQ,
    Operator.GT: Operator.LE,
    Operator.LE: Operator.GT,
    Operator.LT: Operator.GE,
    Operator.GE: Operator.LT,
}
_MIRRORED = {Operator.GT: Operator.LT, Operator.LT: Operator.GT, Operator.GE: Operator.LE, Operator.LE: Operator.GE}


def _plain(condition: Condition) -> Condition:
    """Return a condition in the one spelling of it that is compared: ``has`` as a count, numbers on the right."""
    match condition:
        case Has(selection=selection):
            return Comparison(left=Count(selection=selection), operator=Operator.GE, right=Number(value=1))
        case Not(operand=Not(operand=operand)):
            return _plain(operand)
        case Not(operand=And(operands=operands)):
            return Or(tuple(Not(operand=one) for one in operands))
        case Not(operand=Or(operands=operands)):
            return And(tuple(Not(operand=one) for one in operands))
        case Not(operand=operand):
            inner = _plain(operand)
            if isinstance(inner, Comparison) and isinstance(inner.left, Count | Distinct) and _is_bound(inner.right):
                return _plain(Comparison(left=inner.left, operator=_NEGATED[inner.operator], right=inner.right))
        case Comparison(left=left, operator=operator, right=right) if _is_bound(left) and not _is_bound(right):
            return _plain(Comparison(left=right, operator=_MIRRORED.get(operator, operator), right=left))
        case Comparison(left=Count() | Distinct() as left, operator=operator, right=Number(value=int(bound))):
            # whole numbers that are never negative: one spelling a bound
            if operator is Operator.GT:
                return Comparison(left=left, operator=Operator.GE, right=Number(value=bound + 1))
            if operator is Operator.LT:
                return Comparison(left=left, operator=Operator.LE, right=Number(value=bound - 1))
            if bound == 0 and operator in (Operator.EQ, Operator.NE):
                none = operator is Operator.EQ
                return Comparison(
                    left=left, operator=Operator.LE if none else Operator.GE, right=Number(value=0 if none else 1)
                )
    return condition


def _is_bound(node: Numeric | Value) -> bool:
    """Whether a node is a number that is given."""
    return isinstance(node, Number | Duration)


def _value(node: Node) -> int | float | None:
    """Return the number a literal gives, or None."""
    match node:
        case Number(value=value):
            return value
        case Duration(ns=ns):
            return ns
    return None


def _is_tighter(p: Comparison, q: Comparison) -> bool:
    """Whether a bound on a number keeps it within another bound."""
    given, asked = _value(p.right), _value(q.right)
    if given is None or asked is None or not _is_within_bound(p.operator, given, q.operator, asked):
        return False
    if p.left == q.left:
        return True
    if not isinstance(p.left, Count | Distinct) or type(p.left) is not type(q.left):
        return False
    if isinstance(p.left, Distinct) and isinstance(q.left, Distinct) and p.left.field != q.left.field:
        return False
    assert isinstance(q.left, Count | Distinct)  # noqa: S101 - of the same class as the left
    # more spans for a lower bound, fewer for an upper one
    if p.operator in _LOWER and q.operator in _LOWER:
        return _is_within(p.left.selection, q.left.selection)
    if p.operator in _UPPER and q.operator in _UPPER:
        return _is_within(q.left.selection, p.left.selection)
    return False


_LOWER = (Operator.GT, Operator.GE)
_UPPER = (Operator.LT, Operator.LE)


def _is_within_bound(p: Operator, given: int | float, q: Operator, asked: int | float) -> bool:
    """Whether every x with ``x p given`` has ``x q asked``."""
    if p is Operator.EQ:
        return {
            Operator.EQ: given == asked,
            Operator.NE: given != asked,
            Operator.GT: given > asked,
            Operator.GE: given >= asked,
            Operator.LT: given < asked,
            Operator.LE: given <= asked,
        }[q]
    if p is Operator.NE:
        return q is Operator.NE and given == asked
    if q is Operator.NE:
        is_lower = p in _LOWER
        beyond = asked < given if is_lower else asked > given
        return beyond or (asked == given and p in (Operator.GT, Operator.LT))
    if p in _LOWER and q in _LOWER:
        return given > asked or (given == asked and not (p is Operator.GE and q is Operator.GT))
    if p in _UPPER and q in _UPPER:
        return given < asked or (given == asked and not (p is Operator.LE and q is Operator.LT))
    return False


# --- which spans --------------------------------------------------------------------------------------------


def _is_within(narrow: Selection, wide: Selection) -> bool:
    """Whether every span of a selection is one of another."""
    if not _covers(wide.operation, narrow.operation):
        return False
    return all(any(_carries(one, asked) for one in narrow.where) for asked in wide.where)


def _covers(wide: Operation, narrow: Operation) -> bool:
    if not _fits(wide.name, narrow.name):
        return False
    return wide.service is None or (narrow.service is not None and _fits(wide.service, narrow.service))


def _fits(wide: Name, narrow: Name) -> bool:
    """Whether every name that fits a pattern fits another."""
    if wide == narrow or wide.is_any:
        return True
    if not narrow.is_exact or wide.is_exact:
        return False
    rest = narrow.parts[0]
    first, *middle, last = wide.parts
    if len(rest) < len(first) + len(last) or not rest.startswith(first) or not rest.endswith(last):
        return False
    rest = rest[len(first) : len(rest) - len(last)]
    for part in middle:
        at = rest.find(part)
        if at < 0:
            return False
        rest = rest[at + len(part) :]
    return True


# --- predicates ---------------------------------------------------------------------------------------------


@lru_cache(maxsize=_REMEMBERED)
def _carries(p: Predicate, q: Predicate) -> bool:
    """Whether a predicate is true of every span of which another is."""
    if p == q:
        return True
    joined = _algebra(p, q, _carries)
    if joined is not None:
        return joined
    if isinstance(q, Exists):
        return _field_of(p) == q.field
    match p, q:
        case FieldComparison(), FieldComparison() if p.field == q.field:
            given, asked = _value(p.value), _value(q.value)
            # a text other than the number satisfies `!=`, so nothing follows from it
            if given is None or asked is None or Operator.NE in (p.operator, q.operator):
                return False
            return _is_within_bound(p.operator, given, q.operator, asked)
        case FieldComparison(operator=Operator.EQ), In(negated=False) if p.field == q.field:
            return p.value in q.values
        case In(negated=False), In(negated=False) if p.field == q.field:
            return set(p.values) <= set(q.values)
        case In(negated=True), In(negated=True) if p.field == q.field:
            return set(q.values) <= set(p.values)
        case Relation(), Relation():
            return _relates(p, q)
    return False


def _field_of(predicate: Predicate) -> Field | None:
    """Return the field that is there wherever a predicate is true."""
    match predicate:
        case FieldComparison(field=field) | In(field=field) | Contains(field=field) | Matches(field=field):
            return field
    return None


def _relates(p: Relation, q: Relation) -> bool:
    """Whether a relation to some span is one to a span of another relation."""
    if p.kind is not q.kind or p.without != q.without or not set(q.same) <= set(p.same):
        return False
    if q.within is not None:
        given = None if p.within is None else _value(p.within)
        asked = _value(q.within)
        if given is None or asked is None or given > asked:
            return False
    return _is_within(p.selection, q.selection)
