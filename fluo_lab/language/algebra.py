"""And, or: built flat, whatever the parentheses were."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar, cast

from fluo_lab.language.tree import NOWHERE, And, Node, Or, Position

__all__ = ["all_of", "any_of"]

T = TypeVar("T", bound=Node)


def all_of(operands: Sequence[T], *, at: Position = NOWHERE) -> T:
    """Return a node that holds when every operand does; a single operand is returned as it is."""
    flat: list[Node] = []
    for operand in operands:
        flat.extend(operand.operands if isinstance(operand, And) else (operand,))
    # `And` of conditions is a condition, of predicates a predicate; a type variable cannot say so.
    return cast(T, flat[0] if len(flat) == 1 else And(tuple(flat), at=at))


def any_of(operands: Sequence[T], *, at: Position = NOWHERE) -> T:
    """Return a node that holds when some operand does; a single operand is returned as it is."""
    flat: list[Node] = []
    for operand in operands:
        flat.extend(operand.operands if isinstance(operand, Or) else (operand,))
    return cast(T, flat[0] if len(flat) == 1 else Or(tuple(flat), at=at))
