"""Plain English for spans: which ones are meant, and what is asked of each.

A predicate is read in two ways: as a phrase after `with` ("amount above 1000"), or as a verb ("has amount above
1000", "starts after …") where it holds a relation, which no `with` can carry.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum

from fluo_lab.language.literals import print_duration
from fluo_lab.language.names import print_field, print_name
from fluo_lab.language.printer import print_value
from fluo_lab.language.tree import (
    And,
    Contains,
    Event,
    Exists,
    Field,
    FieldComparison,
    FieldKind,
    In,
    Matches,
    Name,
    Node,
    Not,
    Operator,
    Or,
    Predicate,
    Relation,
    RelationKind,
    Selection,
    Value,
    walk,
)

__all__ = [
    "Verb",
    "joined",
    "operator_words",
    "read_field",
    "read_predicate",
    "read_selection",
    "read_value",
    "with_article",
]


class Verb(Enum):
    """The form of a verb."""

    THIRD = "third"  # a span has
    BASE = "base"  # spans have, a span must have


_OPERATORS = {
    Operator.NE: "other than ",
    Operator.GT: "above ",
    Operator.GE: "at least ",
    Operator.LT: "below ",
    Operator.LE: "at most ",
    Operator.EQ: "",
}

_SPAN_FIELDS = {"name": "the name", "status_message": "status message"}


def joined(parts: Sequence[str], word: str) -> str:
    """Return a list in words.

    Examples
    --------
    >>> joined(["a", "b", "c"], "or")
    'a, b or c'
    """
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {word} {parts[-1]}"


def operator_words(operator: Operator) -> str:
    """Return a comparison in words, with the blank that follows; equality needs no word."""
    return _OPERATORS[operator]


def with_article(noun: str) -> str:
    """Return a noun with `a` or `an` before it.

    Examples
    --------
    >>> with_article("api.request span"), with_article("llm.generate span"), with_article("user.login span")
    ('an api.request span', 'an llm.generate span', 'a user.login span')
    """
    word = re.split(r"[^a-z]", noun.lstrip('"').lower(), maxsplit=1)[0]
    if re.match(r"eu|uni|use|usa|one|uti", word):
        return f"a {noun}"
    is_spelt = len(word) > 1 and not re.search("[aeiouy]", word)  # said letter by letter: an "el el em"
    return f"an {noun}" if word[:1] and word[0] in ("fhlmnrsx" if is_spelt else "aeiou") else f"a {noun}"


def read_field(field: Field) -> str:
    """Return a field in words."""
    if field.kind is FieldKind.SPAN:
        return _SPAN_FIELDS.get(field.name, field.name)
    if field.kind is FieldKind.ATTRIBUTE:
        return print_field(field)
    place = "resource" if field.kind is FieldKind.RESOURCE else "scope"
    return f"{place} attribute {print_field(Field(FieldKind.ATTRIBUTE, field.name))}"


def read_value(value: Value) -> str:
    """Return a value in words."""
    from fluo_lab.language.tree import AttributeRef, Parameter

    if isinstance(value, AttributeRef):
        return f"its {read_field(value.field)}"
    if isinstance(value, Parameter):
        return f"the given {value.name}"
    return print_value(value)


# --- which spans


def read_noun(selection: Selection, *, is_plural: bool = False) -> str:
    """Return the spans of a selection as a noun, without an article.

    Examples
    --------
    >>> from fluo_lab.language import parse_condition
    >>> read_noun(parse_condition("payment.charge.where(amount > 1000)").selection)
    'payment.charge span with amount above 1000'
    """
    noun = "spans" if is_plural else "span"
    name = selection.operation.name
    if name.is_exact:
        noun = f"{print_name(name)} {noun}"
    elif not name.is_any:
        noun = f"{noun} named like {print_name(name)}"
    if selection.operation.service is not None:
        noun += f" of service {_service(selection.operation.service)}"
    return noun + _filters(selection.where, Verb.BASE if is_plural else Verb.THIRD)


def _service(name: Name) -> str:
    return print_name(name)


def read_selection(selection: Selection, *, is_plural: bool = False) -> str:
    """Return the spans of a selection: `a payment.charge span with …`, or the plural without an article."""
    noun = read_noun(selection, is_plural=is_plural)
    return noun if is_plural else with_article(noun)


def _filters(where: Sequence[Predicate], verb: Verb) -> str:
    """Return the filters as `with …` and `that …`."""
    conjuncts = [c for predicate in where for c in (predicate.operands if isinstance(predicate, And) else (predicate,))]
    plain = [c for c in conjuncts if not _has_relation(c)]
    related = [c for c in conjuncts if _has_relation(c)]
    text = f" with {joined([_phrase(c, is_inner=len(plain) > 1) for c in plain], 'and')}" if plain else ""
    if related:
        text += f" that {joined([_verb(c, verb) for c in related], 'and')}"
    return text


def _has_relation(node: Node) -> bool:
    return any(isinstance(found, Relation) for found in walk(node))


# --- predicates after `with`


def _phrase(node: Predicate, *, is_inner: bool = False, negated: bool = False) -> str:
    """Return what a span is said to come with."""
    no = "not " if negated else ""
    match node:
        case FieldComparison(field=field, operator=operator, value=value):
            if negated and operator is Operator.EQ:
                operator, no = Operator.NE, ""
            return f"{read_field(field)} {no}{operator_words(operator)}{read_value(value)}"
        case In(field=field, values=values):
            listed = joined([read_value(value) for value in values], "or")
            which = ("none of" if node.negated != negated else "one of") if len(values) > 1 else ""
            which = which or ("other than" if node.negated != negated else "")
            return f"{read_field(field)} {which} {listed}".replace("  ", " ")
        case Contains(field=field, value=value):
            return f"{read_field(field)} {_not(node.negated != negated)}containing {read_value(value)}"
        case Matches(field=field, pattern=pattern):
            return f"{read_field(field)} {_not(node.negated != negated)}matching {read_value(pattern)}"
        case Exists(field=field):
            return f"{'no' if negated else 'some'} {read_field(field)}"
        case Event(name=name, where=where):
            inside = "" if where is None else f" with {_phrase(where)}"
            return f"{'no' if negated else 'an'} event {_event(name)}{inside}"
        case Not(operand=operand):
            if isinstance(operand, Not):
                return _phrase(operand.operand, is_inner=is_inner, negated=negated)
            return _phrase(operand, is_inner=is_inner, negated=not negated)
        case And(operands=operands):
            inner = [_phrase(operand, is_inner=True) for operand in operands]
            return f"not both {joined(inner, 'and')}" if negated else ("both " * is_inner) + joined(inner, "and")
        case Or(operands=operands):
            inner = [_phrase(operand, is_inner=True) for operand in operands]
            return f"neither {joined(inner, 'nor')}" if negated else ("either " * is_inner) + joined(inner, "or")
    return _verb(node, Verb.THIRD, negated=negated)


def _event(name: Name) -> str:
    return f'"{print_name(name).strip(chr(34))}"'


def _not(negated: bool) -> str:
    return "not " if negated else ""


# --- predicates as verbs


def read_predicate(node: Predicate, *, verb: Verb = Verb.THIRD) -> str:
    """Return what a span does, as a verb: `has amount above 1000`.

    Examples
    --------
    >>> from fluo_lab.language import parse_predicate
    >>> read_predicate(parse_predicate("after(inventory.reserve, same cart.id)"))
    'starts after a finished inventory.reserve span of the same cart.id'
    """
    return _verb(node, verb)


def _verb(node: Predicate, verb: Verb, *, negated: bool = False) -> str:
    if not _has_relation(node):
        have = "has" if verb is Verb.THIRD else "have"
        return f"{have} {_phrase(node, negated=negated)}"
    match node:
        case Relation():
            return _relation(node, verb, negated=negated)
        case Not(operand=operand):
            return _verb(operand, verb, negated=not negated)
        case And(operands=operands):
            inner = [_verb(operand, verb) for operand in operands]
            if negated:
                return f"{'does' if verb is Verb.THIRD else 'do'} not do both: {joined(inner, 'and')}"
            return joined(inner, "and")
        case Or(operands=operands):
            inner = [_verb(operand, verb) for operand in operands]
            return f"neither {joined(inner, 'nor')}" if negated else f"either {joined(inner, 'or')}"
    have = "has" if verb is Verb.THIRD else "have"
    return f"{have} {_phrase(node, negated=negated)}"


_VERBS = {
    RelationKind.AFTER: ("start", "after"),
    RelationKind.BEFORE: ("finish", "before the start of"),
    RelationKind.STARTS_AFTER: ("start", "at or after the start of"),
    RelationKind.STARTS_BEFORE: ("start", "at or before the start of"),
    RelationKind.OVERLAPS: ("overlap", "in time with"),
    RelationKind.UNDER: ("run", "somewhere below"),
    RelationKind.OVER: ("run", "somewhere above"),
    RelationKind.CHILD_OF: ("run", "directly below"),
    RelationKind.PARENT_OF: ("run", "directly above"),
    RelationKind.SIBLING_OF: ("share", "its parent with"),
    RelationKind.BESIDE: ("stand", "in the same trace as"),
}


def _relation(node: Relation, verb: Verb, *, negated: bool) -> str:
    stem, preposition = _VERBS[node.kind]
    noun = read_noun(node.selection)
    if node.kind is RelationKind.AFTER:
        noun = f"finished {noun}"
    partner = (
        f"any {noun}" if negated else f"another {noun}" if node.kind is RelationKind.BESIDE else with_article(noun)
    )
    third = f"{stem}es" if stem.endswith("sh") else f"{stem}s"
    if negated:
        word = f"does not {stem}" if verb is Verb.THIRD else f"not {stem}"
    else:
        word = third if verb is Verb.THIRD else stem
    text = f"{word} {preposition} {partner}"
    alike = [read_field(here) for here, there in node.same if here == there]
    if alike:
        text += f" of the same {joined(alike, 'and')}"
    unlike = [f"{read_field(there)} equals its own {read_field(here)}" for here, there in node.same if here != there]
    if unlike:
        text += f" whose {joined(unlike, 'and whose')}"
    if node.within is not None:
        written = print_value(node.within) if not hasattr(node.within, "ns") else print_duration(node.within.ns)
        text += f", within {written}"
    if node.without is not None:
        text += f", with no {read_noun(Selection(operation=node.without))} starting between the two"
    return text
