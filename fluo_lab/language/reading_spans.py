"""Plain English for spans: which ones are meant, and what is asked of each.

A predicate is read in two ways: as a phrase after `with` ("amount above 1000"), or as a verb ("has amount above
1000", "starts after …") where it holds a relation, which no `with` can carry.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from fluo_lab.language.names import print_field, print_name
from fluo_lab.language.printer import print_value
from fluo_lab.language.tree import (
    And,
    AttributeRef,
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
    Operation,
    Operator,
    Or,
    Parameter,
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
    BASE = "base"  # a span must have
    PLURAL = "plural"  # spans have

    @property
    def have(self) -> str:
        """The verb `to have`."""
        return "has" if self is Verb.THIRD else "have"

    @property
    def does_not(self) -> str:
        """What denies the bare verb that follows."""
        return {Verb.THIRD: "does not", Verb.BASE: "not", Verb.PLURAL: "do not"}[self]

    @property
    def own(self) -> str:
        """Whose the fields of the span are."""
        return "their" if self is Verb.PLURAL else "its"


_OPERATORS = {
    Operator.NE: "other than ",
    Operator.GT: "above ",
    Operator.GE: "at least ",
    Operator.LT: "below ",
    Operator.LE: "at most ",
    Operator.EQ: "",
}

_SPAN_FIELDS = {"status_message": "status message"}


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
    if field.kind is FieldKind.SCOPE and field.name in ("name", "version"):
        return f"scope {field.name}"
    place = "resource" if field.kind is FieldKind.RESOURCE else "scope"
    return f"{place} attribute {print_field(Field(FieldKind.ATTRIBUTE, field.name))}"


def read_value(value: Value, *, verb: Verb = Verb.THIRD) -> str:
    """Return a value in words; ``verb`` says whether it is one span's or that of several."""
    if isinstance(value, AttributeRef):
        return f"{verb.own} {read_field(value.field)}"
    if isinstance(value, Parameter):
        return f"the given {value.name}"
    return print_value(value)


# --- which spans


def read_noun(selection: Selection, *, is_plural: bool = False, alike: str = "") -> str:
    """Return the spans of a selection as a noun, without an article; ``alike`` goes before its filters.

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
    service = selection.operation.service
    if service is not None and not service.is_any:
        noun += (
            f" of service {print_name(service)}"
            if service.is_exact
            else f" of a service named like {print_name(service)}"
        )
    return noun + alike + _filters(selection, Verb.PLURAL if is_plural else Verb.THIRD)


def read_selection(selection: Selection, *, is_plural: bool = False) -> str:
    """Return the spans of a selection: `a payment.charge span with …`, or the plural without an article."""
    noun = read_noun(selection, is_plural=is_plural)
    return noun if is_plural else with_article(noun)


def _filters(selection: Selection, verb: Verb) -> str:
    """Return the filters as `with …` and `that …`."""
    conjuncts = [
        c for predicate in selection.where for c in (predicate.operands if isinstance(predicate, And) else (predicate,))
    ]
    plain = [c for c in conjuncts if not _has_relation(c)]
    related = [c for c in conjuncts if _has_relation(c)]
    text = f" with {joined([_phrase(c, verb, is_inner=len(plain) > 1) for c in plain], 'and')}" if plain else ""
    if related:
        text += (
            f" that {joined([_verb(c, verb, selection.operation, is_inner=len(related) > 1) for c in related], 'and')}"
        )
    return text


def _has_relation(node: Node) -> bool:
    return any(isinstance(found, Relation) for found in walk(node))


# --- predicates after `with`


def _phrase(node: Predicate, verb: Verb, *, is_inner: bool = False, negated: bool = False) -> str:
    """Return what a span is said to come with."""
    no = "not " if negated else ""
    match node:
        case FieldComparison(field=field, operator=operator, value=value):
            if negated and operator is Operator.EQ:
                operator, no = Operator.NE, ""
            words = operator_words(operator)
            if operator is Operator.EQ and isinstance(value, AttributeRef | Parameter):
                words = "equal to "
            return f"{read_field(field)} {no}{words}{read_value(value, verb=verb)}"
        case In(field=field, values=values):
            return f"{read_field(field)} {_among([read_value(v, verb=verb) for v in values], node.negated != negated)}"
        case Contains(field=field, value=value):
            return f"{read_field(field)} {_not(node.negated != negated)}containing {read_value(value, verb=verb)}"
        case Matches(field=field, pattern=pattern):
            return f"{read_field(field)} {_not(node.negated != negated)}matching {read_value(pattern)}"
        case Exists(field=field):
            return f"{'no' if negated else 'some'} {read_field(field)}"
        case Event(name=name, where=where):
            inside = "" if where is None else f"with {_phrase(where, Verb.THIRD)}"
            # Among other phrases, the reader must see where those about the event end.
            inside = f" ({inside})" if inside and is_inner else f" {inside}" if inside else ""
            return f"{'no' if negated else 'an'} {_event(name)}{inside}"
        case Not(operand=operand):
            return _phrase(operand, verb, is_inner=is_inner, negated=not negated)
        case And(operands=operands) | Or(operands=operands):
            return _several(node, [_phrase(o, verb, is_inner=True) for o in operands], is_inner, negated)
    return _verb(node, verb)


def _several(node: And[Predicate] | Or[Predicate], parts: Sequence[str], is_inner: bool, negated: bool) -> str:
    """Return phrases joined, so that what belongs together is seen even among others."""
    if isinstance(node, And):
        lead = "not both " if negated else "both " if is_inner else ""
        return lead.replace("both", "all of") + joined(parts, "and") if len(parts) > 2 else lead + joined(parts, "and")
    return f"neither {joined(parts, 'nor')}" if negated else ("either " if is_inner else "") + joined(parts, "or")


def _among(values: Sequence[str], negated: bool) -> str:
    if len(values) == 1:
        return f"other than {values[0]}" if negated else values[0]
    if not negated:
        return f"one of {joined(values, 'or')}"
    return f"neither {joined(values, 'nor')}" if len(values) == 2 else f"none of {joined(values, 'or')}"


def _event(name: Name) -> str:
    shown = print_name(name)
    quoted = shown if shown.startswith('"') else f'"{shown}"'
    return f"event {quoted}" if name.is_exact else "event" if name.is_any else f"event named like {quoted}"


def _not(negated: bool) -> str:
    return "not " if negated else ""


# --- predicates as verbs


def read_predicate(node: Predicate, *, verb: Verb = Verb.THIRD, subject: Operation | None = None) -> str:
    """Return what a span does, as a verb: `has amount above 1000`.

    Parameters
    ----------
    subject
        Which spans are spoken of, so that a partner of the same name is called another one.

    Examples
    --------
    >>> from fluo_lab.language import parse_predicate
    >>> read_predicate(parse_predicate("after(inventory.reserve, same cart.id)"))
    'starts after a finished inventory.reserve span of the same cart.id'
    >>> read_predicate(parse_predicate("not before(b.where(x > 5), within 2s)"), verb=Verb.BASE)
    'not finish within 2s before the start of any b span with x above 5'
    """
    return _verb(node, verb, subject)


def _verb(
    node: Predicate,
    verb: Verb,
    subject: Operation | None = None,
    *,
    is_inner: bool = False,
    negated: bool = False,
) -> str:
    if not _has_relation(node):
        return _possession(node, verb, is_inner=is_inner, negated=negated)
    match node:
        case Relation():
            return read_relation(node, verb, subject, negated=negated)
        case Not(operand=operand):
            return _verb(operand, verb, subject, is_inner=is_inner, negated=not negated)
        case And(operands=operands):
            if negated:
                inner = [_verb(operand, Verb.BASE, subject, is_inner=True) for operand in operands]
                return f"{verb.does_not} {'both' if len(inner) == 2 else 'all of'} {joined(inner, 'and')}"
            inner = [_verb(operand, verb, subject, is_inner=True) for operand in operands]
            return ("both " if is_inner and len(inner) == 2 else "") + joined(inner, "and")
        case Or(operands=operands):
            inner = [_verb(operand, verb, subject, is_inner=True) for operand in operands]
            return f"neither {joined(inner, 'nor')}" if negated else f"either {joined(inner, 'or')}"
    return _possession(node, verb, is_inner=is_inner, negated=negated)


def _possession(node: Predicate, verb: Verb, *, is_inner: bool, negated: bool) -> str:
    phrase = _phrase(node, verb, is_inner=is_inner, negated=negated)
    if phrase.startswith("not "):
        return f"{verb.does_not} have {phrase[4:]}"
    return f"{verb.have} {phrase}"


# --- relations


@dataclass(frozen=True, slots=True)
class _Words:
    """How a relation is said: the verb, what follows it, and what does so where a time is given."""

    stem: str
    preposition: str
    timed: str


_RELATIONS = {
    RelationKind.AFTER: _Words("start", "after", "within {} after the end of"),
    RelationKind.BEFORE: _Words("finish", "before the start of", "within {} before the start of"),
    RelationKind.STARTS_AFTER: _Words("start", "at or after the start of", "within {} after the start of"),
    RelationKind.STARTS_BEFORE: _Words("start", "at or before the start of", "within {} before the start of"),
    RelationKind.OVERLAPS: _Words("overlap", "in time with", "in time with and lie within {} of"),
    RelationKind.UNDER: _Words("run", "somewhere below", "somewhere below and within {} of"),
    RelationKind.OVER: _Words("run", "somewhere above", "somewhere above and within {} of"),
    RelationKind.CHILD_OF: _Words("run", "directly below", "directly below and within {} of"),
    RelationKind.PARENT_OF: _Words("run", "directly above", "directly above and within {} of"),
    RelationKind.SIBLING_OF: _Words("have", "the same parent as", "the same parent as and lie within {} of"),
    RelationKind.BESIDE: _Words("occur", "together with", "together with and within {} of"),
}


def read_relation(node: Relation, verb: Verb, subject: Operation | None = None, *, negated: bool = False) -> str:
    """Return how a span stands to another one, as a verb; ``subject`` is the operation of the span."""
    words = _RELATIONS[node.kind]
    noun = read_noun(node.selection, alike=_alike(node, verb))
    if node.kind is RelationKind.AFTER and node.within is None:
        noun = f"finished {noun}"
    is_same = node.kind is RelationKind.BESIDE if subject is None else _may_be(subject, node.selection.operation)
    partner = with_article(noun)
    if negated:
        partner = f"any other {noun}" if is_same else f"any {noun}"
    elif is_same:
        partner = f"another {noun}"
    preposition = words.preposition
    if node.within is not None:
        preposition = words.timed.format(read_value(node.within))
        if verb is Verb.THIRD and not negated:
            preposition = preposition.replace(" lie ", " lies ")
    word = f"{verb.does_not} {words.stem}" if negated else _conjugated(words.stem, verb)
    if node.without is None:
        return f"{word} {preposition} {partner}"
    between = f"{read_noun(Selection(operation=node.without))} starting between the two"
    between = f"other {between}" if _is_either(node, subject) else between
    if negated:
        return f"{word} {preposition} {partner} without {with_article(between)}"
    if any(_has_relation(predicate) for predicate in node.selection.where):
        return f"{word}, with no {between}, {preposition} {partner}"
    return f"{word} {preposition} {partner}, with no {between}"


def _conjugated(stem: str, verb: Verb) -> str:
    if verb is not Verb.THIRD:
        return stem
    return "has" if stem == "have" else f"{stem}es" if stem.endswith("sh") else f"{stem}s"


def _alike(node: Relation, verb: Verb) -> str:
    """Return what the two spans have in common."""
    text = ""
    alike = [read_field(here) for here, there in node.same if here == there]
    if alike:
        text += f" of the same {joined(alike, 'and')}"
    unlike = [
        f"{read_field(there)} equals {verb.own} own {read_field(here)}" for here, there in node.same if here != there
    ]
    if unlike:
        text += f" {'and ' if alike else ''}whose {joined(unlike, 'and whose')}"
    return text


def _may_be(one: Operation, other: Operation) -> bool:
    """Whether a span of one operation may be one of the other: false only where both names are exact and differ."""
    if one.name.is_exact and other.name.is_exact and one.name != other.name:
        return False
    services = one.service, other.service
    return not all(s is not None and s.is_exact for s in services) or services[0] == services[1]


def _is_either(node: Relation, subject: Operation | None) -> bool:
    """Whether what must not lie between two spans is of the operation of one of them."""
    known = [node.selection.operation] if subject is None else [node.selection.operation, subject]
    return node.without is not None and any(_may_be(node.without, operation) for operation in known)
