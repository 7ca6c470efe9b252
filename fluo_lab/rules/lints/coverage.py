"""Attributes that most spans of an operation do not carry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from fluo_lab.errors import Diagnostic, Fix, Severity
from fluo_lab.language import (
    Every,
    Exists,
    Field,
    FieldComparison,
    FieldKind,
    Node,
    Not,
    Operator,
    Relation,
    Selection,
    print_field,
    walk,
)
from fluo_lab.language.names import print_operation
from fluo_lab.language.scan import scan
from fluo_lab.rules.lints.lint import finding
from fluo_lab.rules.lints.measured import ENOUGH, Measured
from fluo_lab.rules.lints.names import asked_fields
from fluo_lab.rules.rule import Rule

__all__ = ["MostlyMissing"]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A field that spans of a selection are asked for: by a ``must``, by a negative comparison, or neither."""

    selection: Selection
    field: Field
    every: Every | None
    negative: Node | None

    @property
    def matters(self) -> bool:
        """Whether a span that lacks the field is treated otherwise than a reader may think."""
        return self.every is not None or self.negative is not None


class MostlyMissing:
    """An attribute that fewer than half of the spans carry: a span without it satisfies no comparison.

    A filter that asks for its presence is silent, for it says so itself. Where the absence is no different from
    another value (a plain filter) the finding is information.
    """

    code: ClassVar[str] = "FL614"
    summary: ClassVar[str] = "an attribute that most of the spans do not carry"

    def find(self, measured: Measured) -> Iterator[Diagnostic]:
        """Yield one finding a field and operation, with the numbers."""
        asked = [one for one in _asked(measured.rule) if one.field.kind is not FieldKind.SPAN]
        measured.prepare(
            Selection(operation=one.selection.operation, where=where)
            for one in asked
            for where in ((), (Exists(field=one.field),))
        )
        told = set()
        for one in sorted(asked, key=lambda one: not one.matters):
            key = (one.selection.operation, one.field)
            total = measured.total(one.selection)
            if total < ENOUGH or key in told:
                continue
            present = measured.share(one.selection, Exists(field=one.field))
            if 2 * present < total:
                told.add(key)
                yield self._finding(measured.rule, one, present, total)

    def _finding(self, rule: Rule, one: _Asked, present: int, total: int) -> Diagnostic:
        name = print_field(one.field)
        spans = f"{print_operation(one.selection.operation)} spans"
        message = f"{name} is on {present:,} of {total:,} {spans}"
        hint = "a span without it satisfies no comparison"
        fixes: tuple[Fix, ...] = ()
        if one.every is not None:
            hint = f"a span without it breaks the 'must'; to ask only those that carry it add .where(exists({name}))"
            fixes = _only_present(rule, one.every, name)
        elif one.negative is not None:
            hint = f"{hint}, a negative one neither; to include those without it write: … or not exists({name})"
            fixes = _also_absent(rule, one.negative, name)
        severity = Severity.WARNING if one.matters else Severity.INFO
        return finding(self, rule, message, one.field.at, hint, severity=severity, fixes=fixes)


def _asked(rule: Rule) -> Iterator[_Asked]:
    for node in walk(rule.tree):
        for selection, fields in asked_fields(node):
            settled = {below.field for where in selection.where for below in walk(where) if isinstance(below, Exists)}
            predicates = (node.must,) if isinstance(node, Every) else getattr(node, "where", ())
            settled |= {below.field for top in predicates for below in walk(top) if isinstance(below, Exists)}
            negative = {field: asking for top in predicates for field, asking in _negative(top)}
            every = node if isinstance(node, Every) else None
            for field in fields:
                if field not in settled:
                    yield _Asked(selection, field, every, negative.get(field))


def _negative(node: Node, *, is_negated: bool = False) -> Iterator[tuple[Field, Node]]:
    """Yield the fields of comparisons that hold for other values, which a reader may extend to no value, with these."""
    match node:
        case Not(operand=operand):
            yield from _negative(operand, is_negated=not is_negated)
        case FieldComparison(field=field, operator=operator):
            if is_negated != (operator is Operator.NE):
                yield field, node
        case Relation():
            return
        case _:
            of_node = getattr(node, "field", None)
            if isinstance(of_node, Field) and is_negated != getattr(node, "negated", False):
                yield of_node, node
            for child in node.children():
                yield from _negative(child, is_negated=is_negated)


def _only_present(rule: Rule, every: Every, name: str) -> tuple[Fix, ...]:
    """Return the fix that asks only the spans that carry a field."""
    end = every.selection.operation.at.end
    closing = next((token for token in scan(rule.condition) if token.start >= end), None)
    if closing is None or closing.text != ")":
        return ()
    return (Fix.replacing("ask only the spans that carry it", closing.end, closing.end, f".where(exists({name}))"),)


def _also_absent(rule: Rule, negative: Node, name: str) -> tuple[Fix, ...]:
    """Return the fix that has a comparison hold where the field is absent; none for one under a ``not``."""
    if isinstance(negative, FieldComparison):
        is_direct = negative.operator is Operator.NE
    else:
        is_direct = bool(getattr(negative, "negated", False))
    at = negative.at
    if not is_direct:
        return ()
    text = rule.condition[at.start : at.end]
    return (Fix.replacing("include spans without it", at.start, at.end, f"({text} or not exists({name}))"),)
