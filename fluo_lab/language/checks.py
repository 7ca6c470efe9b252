"""Type checks over a built tree, and the limit on atoms. Parameters that are not bound yet fit everywhere."""

from __future__ import annotations

from enum import Enum
from functools import lru_cache

from fluo_lab.language.findings import Findings, closest
from fluo_lab.language.limits import MAX_ATOMS
from fluo_lab.language.literals import durations_of, is_number, parse_duration, print_number
from fluo_lab.language.names import SPAN_KINDS, SPAN_STATUSES, print_field
from fluo_lab.language.tree import (
    Aggregate,
    Arithmetic,
    AttributeRef,
    Bool,
    Comparison,
    Contains,
    Count,
    Distinct,
    Duration,
    Event,
    Every,
    Exists,
    Field,
    FieldComparison,
    FieldKind,
    Has,
    In,
    Matches,
    Node,
    Number,
    Numeric,
    Parameter,
    Relation,
    Rising,
    Text,
    TraceDuration,
    Value,
    walk,
)
from fluo_lab.regex import pattern_problem

__all__ = ["Kind", "check", "is_duration_field", "kind_of"]

_ATOMS = (Has, Every, Rising, Comparison)
_PREDICATES = (FieldComparison, In, Contains, Matches, Exists, Event, Relation)
_TEXT_FIELDS = ("name", "service", "kind", "status", "status_message")
_WORDS = {"status": SPAN_STATUSES, "kind": SPAN_KINDS}


class Kind(Enum):
    """What a number of a trace measures."""

    NUMBER = "a number"
    DURATION = "a duration"
    UNKNOWN = "unknown"  # a parameter without a value, or something already reported


def is_duration_field(field: Field) -> bool:
    """Whether a field is ``span.duration``."""
    return field.kind is FieldKind.SPAN and field.name == "duration"


def kind_of(node: Numeric) -> Kind:
    """Return what a number of a trace measures.

    Examples
    --------
    >>> kind_of(Arithmetic(TraceDuration(), "/", Number(2)))
    <Kind.DURATION: 'a duration'>
    """
    match node:
        case Duration() | TraceDuration():
            return Kind.DURATION
        case Aggregate(field=field):
            return Kind.DURATION if is_duration_field(field) else Kind.NUMBER
        case Parameter():
            return Kind.UNKNOWN
        case Arithmetic(left=left, operator=operator, right=right):
            return _combined(kind_of(left), operator, kind_of(right))
    return Kind.NUMBER


def _combined(left: Kind, operator: str, right: Kind) -> Kind:
    if Kind.UNKNOWN in (left, right):
        return Kind.UNKNOWN
    if left is right:
        if operator == "*" and left is Kind.DURATION:
            return Kind.UNKNOWN
        return Kind.NUMBER if operator == "/" else left
    if operator in "+-" or (operator == "/" and right is Kind.DURATION):
        return Kind.UNKNOWN
    return Kind.DURATION


def check(tree: Node, findings: Findings) -> None:
    """Add what does not fit together in a tree to ``findings``."""
    atoms = predicates = 0
    for node in walk(tree):
        atoms += isinstance(node, _ATOMS)
        predicates += isinstance(node, _PREDICATES)
        match node:
            case FieldComparison():
                _check_comparison(node, findings)
            case In(field=field, values=values):
                for value in values:
                    _check_value(field, value, findings)
            case Contains(field=field, value=value):
                _check_contains(field, value, findings)
            case Matches():
                _check_pattern(node, findings)
            case Aggregate():
                _check_aggregate(node, findings)
            case Arithmetic():
                _check_arithmetic(node, findings)
            case Comparison():
                _check_numbers(node, findings)
    if max(atoms, predicates) > MAX_ATOMS:
        what = "atoms" if atoms > MAX_ATOMS else "comparisons"
        message = f"the rule has {max(atoms, predicates):,} {what}; a rule may have {MAX_ATOMS:,}"
        findings.add("FL005", message, tree.at, hint="split it into several rules")


# --- predicates


def _check_comparison(node: FieldComparison, findings: Findings) -> None:
    if not node.operator.is_ordering:
        _check_value(node.field, node.value, findings)
        return
    name = print_field(node.field)
    value = node.value
    if isinstance(value, Text | Bool):
        kind = "a text" if isinstance(value, Text) else "true or false"
        message = f"'{node.operator}' needs a number; {kind} has no order"
        hint, meant = f"write {name} == … to ask for equality", []
        if isinstance(value, Text) and is_number(value.value):
            hint = f"write the number without quotes: {name} {node.operator} {value.value}"
            meant = [value.value]
        elif isinstance(value, Text):
            meant = [f"attr({print_field(Field(FieldKind.ATTRIBUTE, value.value))})"] if value.value else []
            hint = f"write {meant[0] if meant else 'attr(NAME)'} for another attribute, or {name} == … for equality"
        findings.add("FL202", message, value.at, hint=hint, fixes=findings.rewrites(value.at, *meant))
    elif node.field.kind is FieldKind.SPAN and node.field.name in _TEXT_FIELDS:
        message = f"{name} is a text and has no order"
        findings.add("FL202", message, node.field.at, hint=f"write {name} == … or {name} in […]")
    else:
        _check_value(node.field, value, findings)


def _check_value(field: Field, value: Value, findings: Findings) -> None:
    """Check a value that a field is compared with."""
    name = print_field(field)
    if is_duration_field(field):
        if isinstance(value, Number):
            _needs_unit(name, value, findings)
        elif isinstance(value, Text | Bool):
            message = f"{name} is a duration and is compared with durations"
            is_duration = isinstance(value, Text) and parse_duration(value.value) is not None
            meant = [value.value.strip()] if isinstance(value, Text) and is_duration else []
            hint = f"write it without quotes: {meant[0]}" if meant else f"write a number with a unit: {name} > 250ms"
            findings.add("FL204", message, value.at, hint=hint, fixes=findings.rewrites(value.at, *meant))
    elif isinstance(value, Duration):
        message = f"{name} is no duration; a duration compares with span.duration or trace.duration"
        millis = print_number(value.ns // 10**6 if value.ns % 10**6 == 0 else value.ns / 10**6)
        hint = f"write the number in the attribute's own unit, such as {millis} for milliseconds"
        findings.add("FL204", message, value.at, hint=hint, fixes=findings.rewrites(value.at, millis))
    elif field.kind is FieldKind.SPAN and field.name in _WORDS:
        _check_word(field, value, findings)


def _check_word(field: Field, value: Value, findings: Findings) -> None:
    words = _WORDS[field.name]
    if isinstance(value, AttributeRef | Parameter) or (isinstance(value, Text) and value.value in words):
        return
    near = closest(value.value, words) if isinstance(value, Text) else None
    message = f"span.{field.name} is one of {', '.join(words)}"
    hint = f"did you mean '{near}'?" if near else "for an attribute of that name leave out 'span.'"
    fixes = findings.rewrites(value.at, near) if near else findings.rewrites(field.at, field.name)
    findings.add("FL205", message, value.at, hint=hint, fixes=fixes)


def _needs_unit(name: str, value: Number, findings: Findings) -> None:
    shown = print_number(value.value).lstrip("-").removesuffix(".0")
    hint = f"write {shown}ms, or {shown}us, {shown}s, {shown}m, {shown}h"
    fixes = findings.rewrites(value.at, *durations_of(shown))
    findings.add("FL203", f"{name} is a duration; the number needs a unit", value.at, hint=hint, fixes=fixes)


def _check_contains(field: Field, value: Value, findings: Findings) -> None:
    if isinstance(value, Duration):
        _check_value(field, value, findings)
        if is_duration_field(field):
            findings.add("FL204", "a duration contains nothing", value.at, hint="write span.duration > 250ms")
    elif is_duration_field(field):
        findings.add("FL204", "a duration contains nothing", field.at, hint="write span.duration > 250ms")


def _check_pattern(node: Matches, findings: Findings) -> None:
    if not isinstance(node.pattern, Text):
        return  # a parameter, open or of a wrong kind that was reported where it was bound
    if is_duration_field(node.field):
        findings.add("FL204", "a duration matches no pattern", node.field.at, hint="write span.duration > 250ms")
    problem = _pattern_problem(node.pattern.value)
    if problem is not None:
        message = f"the regular expression cannot be used: {problem}"
        findings.add("FL207", message, node.pattern.at, hint=_pattern_hint(problem))


@lru_cache(maxsize=4096)
def _pattern_problem(pattern: str) -> str | None:
    if any("\ud800" <= c <= "\udfff" for c in pattern):
        return None  # already reported where the string was read
    return pattern_problem(pattern)


def _pattern_hint(problem: str) -> str:
    if "look-around" in problem:
        return 'say it with two predicates: … matches "A" and … not matches "B"'
    if "backreference" in problem:
        return "compare two attributes instead, with == attr(NAME)"
    return "a literal ( [ { . * + ? needs a backslash before it"


# --- numbers of a trace


def _check_aggregate(node: Aggregate, findings: Findings) -> None:
    if node.field.kind is FieldKind.SPAN and node.field.name in _TEXT_FIELDS:
        message = f"{print_field(node.field)} is a text; '{node.function}' needs a number"
        findings.add("FL210", message, node.field.at, hint="use trace.distinct(OP, field) to count its values")


def _check_arithmetic(node: Arithmetic, findings: Findings) -> None:
    left, right = kind_of(node.left), kind_of(node.right)
    if Kind.UNKNOWN in (left, right):
        return
    if left is not right and node.operator in "+-":
        number = node.left if left is Kind.NUMBER else node.right
        if isinstance(number, Number):
            _needs_unit("the other side", number, findings)
            return
        findings.add("FL209", f"a duration and a number do not mix with '{node.operator}'", node.at, hint=_UNIT_HINT)
    elif node.operator == "*" and left is right is Kind.DURATION:
        findings.add("FL209", "a duration times a duration is no duration", node.at, hint=_UNIT_HINT)
    elif node.operator == "/" and (left, right) == (Kind.NUMBER, Kind.DURATION):
        findings.add("FL209", "a number cannot be divided by a duration", node.at, hint=_UNIT_HINT)


_UNIT_HINT = "divide a duration by a duration, as in trace.duration / 1ms, to get a number"


def _check_numbers(node: Comparison, findings: Findings) -> None:
    if any(isinstance(side, Text | Bool) for side in (node.left, node.right)):
        return  # a parameter of the wrong kind, already reported where it was bound
    left, right = kind_of(node.left), kind_of(node.right)
    if left is right or Kind.UNKNOWN in (left, right):
        return
    timed, plain = (node.left, node.right) if left is Kind.DURATION else (node.right, node.left)
    if isinstance(plain, Number):
        _needs_unit(_named(timed), plain, findings)
    elif isinstance(timed, Duration):
        message = f"{_named(plain)} is no duration"
        plainly = findings.text[timed.at.start : timed.at.end].rstrip("numsh")
        fixes = findings.rewrites(timed.at, plainly)
        findings.add("FL204", message, timed.at, hint="write a number without a unit", fixes=fixes)
    else:
        message = f"{_named(timed)} is a duration, {_named(plain)} is a number"
        findings.add("FL204", message, node.at, hint=_UNIT_HINT)


def _named(node: Numeric) -> str:
    """Return a short name for a number, for messages."""
    match node:
        case TraceDuration():
            return "trace.duration"
        case Count():
            return "a count"
        case Distinct():
            return "a count of values"
        case Aggregate(function=function, field=field):
            return f"the {function} of {print_field(field)}"
    return f"this {'duration' if kind_of(node) is Kind.DURATION else 'number'}"
