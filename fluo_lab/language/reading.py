"""A rule in plain English: one sentence, written from its tree."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fluo_lab.language.printer import print_value
from fluo_lab.language.reading_spans import (
    Verb,
    joined,
    operator_words,
    read_field,
    read_noun,
    read_predicate,
    read_selection,
    read_value,
    with_article,
)
from fluo_lab.language.tree import (
    Aggregate,
    And,
    Arithmetic,
    Comparison,
    Condition,
    Correlation,
    Count,
    Distinct,
    Duration,
    Every,
    Has,
    Not,
    Number,
    Numeric,
    Operator,
    Or,
    Parameter,
    Rising,
    RuleTree,
    TraceDuration,
    TraceSpans,
)

__all__ = ["read_aloud", "read_condition", "read_number", "read_predicate", "read_selection"]


@dataclass(frozen=True, slots=True)
class _Voice:
    """Who is spoken of, and how: what is (`has`) or what should be (`must have`)."""

    subject: str
    is_must: bool = False
    is_also: bool = False

    @property
    def have(self) -> str:
        if not self.is_must:
            return "has"
        return "must also have" if self.is_also else "must have"

    @property
    def be(self) -> str:
        return "must be" if self.is_must else "is"

    @property
    def owner(self) -> str:
        return "its" if self.subject == "it" else f"{self.subject}'s"


def read_aloud(tree: RuleTree) -> str:
    """Return a rule as one English sentence.

    Examples
    --------
    >>> from fluo_lab.language import parse_rule
    >>> print(read_aloud(parse_rule(
    ...     "trace.has(payment.charge).where(amount > 1000) and trace.has(payment.fraud_check)")))
    Whenever a trace has a payment.charge span with amount above 1000, it must also have a
    payment.fraud_check span.
    """
    whole = "the group" if tree.correlation is not None else "a trace"
    every = "the group" if tree.correlation is not None else "every trace"
    guarded = tree.when is not None
    voice = _Voice("it" if guarded else every, is_must=True, is_also=guarded and _is_wanting(tree.when))
    parts = []
    if tree.always is not None:
        parts.append(_say(tree.always, voice))
    if tree.never is not None:
        subject = voice.subject if not parts else "it"
        parts.append(_never(tree.never, subject))
    obligations = ", and ".join(parts)
    sentence = obligations
    if tree.when is not None:
        sentence = f"whenever {_say(tree.when, _Voice(whole))}, {obligations}"
    if tree.correlation is not None:
        sentence = f"{_scope(tree.correlation)}: {sentence}"
    return f"{sentence[0].upper()}{sentence[1:]}."


def _is_wanting(condition: Condition | None) -> bool:
    """Whether a guard speaks of spans that are there, so that `also` fits what follows."""
    return condition is not None and not isinstance(condition, Not | Every) and _object(condition) is not None


def _scope(node: Correlation) -> str:
    names = joined([read_field(field) for field in node.fields], "and")
    gap = print_value(node.within) if isinstance(node.within, Duration) else f"the given {node.within.name}"
    return f"across traces, for each group of spans with the same {names} and no gap above {gap}"


def read_condition(node: Condition, *, subject: str = "the trace") -> str:
    """Return a condition as a statement about ``subject``.

    Examples
    --------
    >>> from fluo_lab.language import parse_condition
    >>> read_condition(parse_condition("not fraud.check and count(retry) <= 3"))
    'the trace has no fraud.check span and at most 3 retry spans'
    """
    return _say(node, _Voice(subject))


# --- what one can have


def _object(node: Condition, *, is_inner: bool = False) -> str | None:
    """Return what a trace has when the condition holds, or None when it cannot be said with `has`."""
    match node:
        case Has(selection=selection):
            return read_selection(selection)
        case Comparison():
            return _counted(node)
        case Not(operand=Has(selection=selection)):
            return f"no {read_noun(selection)}"
        case Not(operand=Comparison() as comparison):
            counted = _counted(comparison)
            return None if counted is None else f"not {counted}"
        case Not(operand=Or(operands=operands)) if all(isinstance(operand, Has) for operand in operands):
            return f"neither {joined([_object(operand) or '' for operand in operands], 'nor')}"
        case Not(operand=And(operands=operands)) if all(isinstance(operand, Has) for operand in operands):
            return f"not both {joined([_object(operand) or '' for operand in operands], 'and')}"
        case And(operands=operands) | Or(operands=operands):
            parts = [_object(operand, is_inner=True) for operand in operands]
            if any(part is None for part in parts):
                return None
            word, lead = ("and", "both ") if isinstance(node, And) else ("or", "either ")
            return (lead if is_inner else "") + joined([part or "" for part in parts], word)
    return None


_FLIPPED = {
    Operator.GT: Operator.LT,
    Operator.LT: Operator.GT,
    Operator.GE: Operator.LE,
    Operator.LE: Operator.GE,
    Operator.EQ: Operator.EQ,
    Operator.NE: Operator.NE,
}
_AMOUNTS = {
    Operator.EQ: "exactly",
    Operator.GT: "more than",
    Operator.GE: "at least",
    Operator.LT: "fewer than",
    Operator.LE: "at most",
}


def _turned(node: Comparison) -> Comparison:
    """Return a comparison with its literal on the right."""
    if isinstance(node.left, Number | Duration | Parameter) and not isinstance(
        node.right, Number | Duration | Parameter
    ):
        return Comparison(left=node.right, operator=_FLIPPED[node.operator], right=node.left)
    return node


def _counted(node: Comparison) -> str | None:
    """Return `more than 3 retry spans` for a count beside a literal."""
    node = _turned(node)
    if not isinstance(node.left, Count | TraceSpans) or not isinstance(node.right, Number | Parameter):
        return None
    amount = node.right.value if isinstance(node.right, Number) else None
    is_plural = amount != 1
    if isinstance(node.left, Count):
        nouns = read_noun(node.left.selection, is_plural=is_plural)
    else:
        nouns = "spans" if is_plural else "span"
    if node.operator is Operator.EQ and amount == 0:
        return f"no {read_noun(node.left.selection) if isinstance(node.left, Count) else 'span'}"
    if (node.operator, amount) in ((Operator.GT, 0), (Operator.GE, 1), (Operator.NE, 0)):
        return f"at least one {read_noun(node.left.selection) if isinstance(node.left, Count) else 'span'}"
    number = read_value(node.right)
    if node.operator is Operator.NE:
        several = read_noun(node.left.selection, is_plural=True) if isinstance(node.left, Count) else "spans"
        return f"a number of {several} other than {number}"
    return f"{_AMOUNTS[node.operator]} {number} {nouns}"


# --- sentences


_ADDITIONS = ("a ", "an ", "at least ", "more than ", "either ")


def _say(node: Condition, voice: _Voice) -> str:
    """Return a clause that says the condition holds, or must hold."""
    thing = _object(node)
    if thing is not None:
        if voice.is_also and not thing.startswith(_ADDITIONS):
            voice = replace(voice, is_also=False)
        return f"{voice.subject} {voice.have} {thing}"
    match node:
        case And(operands=operands) | Or(operands=operands):
            word = "and" if isinstance(node, And) else "or"
            follow = _Voice("it", is_must=voice.is_must)
            said = [_say(operand, voice if i == 0 else follow) for i, operand in enumerate(operands)]
            return f"either {', or '.join(said)}" if word == "or" else ", and ".join(said)
        case Not(operand=operand):
            return _denied(operand, voice)
        case Every(selection=selection, must=must):
            place = "in every trace, " if voice.subject == "every trace" else ""
            action = f"must {read_predicate(must, verb=Verb.BASE)}" if voice.is_must else read_predicate(must)
            return f"{place}every {read_noun(selection)} {action}"
        case Rising(selection=selection, field=field):
            place = "in every trace, " if voice.subject == "every trace" else ""
            rises = "must rise" if voice.is_must else "rises"
            return f"{place}{read_field(field)} {rises} from each {read_noun(selection)} to the next"
        case Comparison():
            return _compared(_turned(node), voice)
        case Has():
            return f"{voice.subject} {voice.have} {_object(node)}"


def _denied(node: Condition, voice: _Voice) -> str:
    match node:
        case Not(operand=operand):
            return _say(operand, voice)
        case Every(selection=selection, must=must):
            lead = "in every trace, " if voice.subject == "every trace" else ""
            some = f"some {read_noun(selection)}"
            if voice.is_must:
                return f"{lead}{some} must break this: that it {read_predicate(must)}"
            return f"{lead}not every {read_noun(selection)} {read_predicate(must)}"
    fact = _say(node, _Voice(voice.subject if voice.subject != "every trace" else "a trace"))
    return f"it must not be that {fact}" if voice.is_must else f"it is not so that {fact}"


def _compared(node: Comparison, voice: _Voice) -> str:
    right = node.right
    if isinstance(node.left, Distinct) and right == Number(1) and node.operator in (Operator.EQ, Operator.LE):
        spans = read_noun(node.left.selection, is_plural=True)
        carry = "must carry" if voice.is_must else "carry"
        at_most = "at most one" if node.operator is Operator.LE else "one and the same"
        whose = "all its " if voice.subject == "it" else f"in {voice.subject} all "
        together = "together " if node.operator is Operator.LE else ""
        return f"{whose}{spans} {together}{carry} {at_most} {read_field(node.left.field)}"
    operator = (
        "exactly " if node.operator is Operator.EQ and isinstance(right, Number) else operator_words(node.operator)
    )
    if node.operator is Operator.EQ and not operator:
        operator = "equal to "
    return f"{_owned(node.left, voice)} {voice.be} {operator}{read_number(right)}"


def _owned(node: Numeric, voice: _Voice) -> str:
    """Return a number as something of the subject."""
    if isinstance(node, TraceDuration | TraceSpans):
        return f"{voice.owner} {'duration' if isinstance(node, TraceDuration) else 'number of spans'}"
    place = f"in {voice.subject} " if voice.subject != "it" else ""
    return f"{place}{read_number(node)}"


def read_number(node: Numeric) -> str:
    """Return a number of a trace in words.

    Examples
    --------
    >>> from fluo_lab.language import parse_condition
    >>> read_number(parse_condition("sum(payment.charge, amount) > 5").left)
    'the sum of amount over its payment.charge spans'
    """
    match node:
        case Count(selection=selection):
            return f"the number of its {read_noun(selection, is_plural=True)}"
        case Distinct(selection=selection, field=field):
            return (
                f"the number of different {read_field(field)} values among its {read_noun(selection, is_plural=True)}"
            )
        case Aggregate(function=function, selection=selection, field=field):
            word = {"sum": "sum", "min": "smallest", "max": "largest", "avg": "average"}[function]
            of = " of " if function == "sum" else " "
            return f"the {word}{of}{read_field(field)} over its {read_noun(selection, is_plural=True)}"
        case TraceDuration():
            return "its duration"
        case TraceSpans():
            return "its number of spans"
        case Arithmetic(left=left, operator=operator, right=right):
            word = {"+": "plus", "-": "minus", "*": "times", "/": "divided by"}[operator]
            return f"{_term(left)} {word} {_term(right)}"
    return read_value(node)


def _term(node: Numeric) -> str:
    text = read_number(node)
    return f"({text})" if isinstance(node, Arithmetic) else text


def _never(node: Condition, subject: str) -> str:
    """Return a clause that forbids the condition."""
    if subject == "every trace":
        subject = "a trace"
    match node:
        case Not(operand=Has(selection=selection)):
            return f"{subject} must never be without {with_article(read_noun(selection))}"
        case Every(selection=selection, must=must):
            place = f"in {subject} " if subject != "it" else ""
            return f"{place}it must never be that every {read_noun(selection)} {read_predicate(must)}"
        case Or(operands=operands) if _object(node) is None:
            return ", and ".join(_never(operand, subject if i == 0 else "it") for i, operand in enumerate(operands))
    thing = _object(node, is_inner=isinstance(node, And))
    if thing is not None:
        return f"{subject} must never have {thing}"
    return f"it must never be that {_say(node, _Voice(subject))}"
