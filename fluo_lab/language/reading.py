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
    Predicate,
    Rising,
    RuleTree,
    Selection,
    TraceDuration,
    TraceSpans,
    walk,
)

__all__ = ["read_aloud", "read_condition", "read_number", "read_predicate", "read_selection"]


@dataclass(frozen=True, slots=True)
class _Voice:
    """Who is spoken of, and how: what is (`has`), what should be (`must have`), what should not (`must never be`)."""

    subject: str
    is_must: bool = False
    is_also: bool = False
    is_never: bool = False

    @property
    def have(self) -> str:
        if not self.is_must:
            return "has"
        return "must also have" if self.is_also else "must have"

    def do(self, base: str, third: str) -> str:
        """Return a verb in the form that fits."""
        return f"must never {base}" if self.is_never else f"must {base}" if self.is_must else third

    @property
    def place(self) -> str:
        """Where something else is the subject: `in every trace, `, or nothing where that is plain."""
        if self.subject in ("it", "the trace"):
            return ""
        return f"in {self.subject}, " if self.is_must or self.is_never else f"in {self.subject} "

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
    'the trace has at most 3 retry spans and no fraud.check span'
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
        case Not(operand=Comparison() as comparison) if _has_value(comparison):
            return _counted(_denied_comparison(comparison))
        case Not(operand=Or(operands=operands)) if all(isinstance(operand, Has) for operand in operands):
            return f"neither {joined([_object(operand) or '' for operand in operands], 'nor')}"
        case Not(operand=And(operands=operands)) if all(isinstance(operand, Has) for operand in operands):
            return f"not both {joined([_object(operand) or '' for operand in operands], 'and')}"
        case And(operands=operands) | Or(operands=operands):
            parts = [part for operand in operands if (part := _object(operand, is_inner=True)) is not None]
            if len(parts) < len(operands):
                return None
            # What reaches beyond the next "and" or "or" goes last, so that nobody reads it over the others.
            parts.sort(key=_reach)
            word, lead = ("and", "both " if len(parts) == 2 else "") if isinstance(node, And) else ("or", "either ")
            return (lead if is_inner else "") + joined(parts, word)
    return None


def _reach(part: str) -> int:
    return 2 if part.startswith(("no ", "not ", "neither ")) else 1 if part.startswith(("both ", "either ")) else 0


_DENIED = {
    Operator.EQ: Operator.NE,
    Operator.NE: Operator.EQ,
    Operator.GT: Operator.LE,
    Operator.LE: Operator.GT,
    Operator.GE: Operator.LT,
    Operator.LT: Operator.GE,
}


def _has_value(node: Comparison) -> bool:
    """Whether both sides have a value whatever the trace, so that `not` may turn the operator."""
    return not any(
        isinstance(found, Aggregate) or (isinstance(found, Arithmetic) and found.operator == "/")
        for found in walk(node)
    )


def _denied_comparison(node: Comparison) -> Comparison:
    return Comparison(left=node.left, operator=_DENIED[node.operator], right=node.right)


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
    if (node.operator, amount) in ((Operator.EQ, 0), (Operator.LE, 0), (Operator.LT, 1)):
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
        if thing.startswith("not "):
            return f"{voice.subject} {'must not' if voice.is_must else 'does not'} have {thing[4:]}"
        if voice.is_also and not thing.startswith(_ADDITIONS):
            voice = replace(voice, is_also=False)
        return f"{voice.subject} {voice.have} {thing}"
    match node:
        case And(operands=operands):
            follow = _Voice("it", is_must=voice.is_must)
            return ", and ".join(_say(operand, follow if i else voice) for i, operand in enumerate(operands))
        case Or(operands=operands):
            follow = _Voice("it" if voice.place or voice.subject == "it" else voice.subject, is_must=voice.is_must)
            return f"{voice.place}either {', or '.join(_say(operand, follow) for operand in operands)}"
        case Not(operand=operand):
            return _denied(operand, voice)
        case Every(selection=selection, must=must):
            action = voice.do(_done(selection, must, Verb.BASE), _done(selection, must, Verb.THIRD))
            return f"{voice.place}every {read_noun(selection)} {action}"
        case Rising(selection=selection, field=field):
            rises = voice.do("rise", "rises")
            return f"{voice.place}{read_field(field)} {rises} from each {read_noun(selection)} to the next"
        case Comparison():
            return _compared(_turned(node), voice)
        case Has():
            return f"{voice.subject} {voice.have} {_object(node)}"


def _denied(node: Condition, voice: _Voice) -> str:
    match node:
        case Not(operand=operand):
            return _say(operand, voice)
        case Every(selection=selection, must=must):
            if voice.is_must:
                action = _done(selection, must, Verb.BASE)
                return f"{voice.place}at least one {read_noun(selection)} must fail to {action}"
            return f"{voice.place}not every {read_noun(selection)} {_done(selection, must, Verb.THIRD)}"
        case Comparison() if _has_value(node):
            return _say(_denied_comparison(node), voice)
    fact = _say(node, _Voice(voice.subject if voice.subject != "every trace" else "a trace"))
    return f"it must not be that {fact}" if voice.is_must else f"it is not so that {fact}"


def _done(selection: Selection, must: Predicate, verb: Verb) -> str:
    return read_predicate(must, verb=verb, subject=selection.operation)


def _compared(node: Comparison, voice: _Voice) -> str:
    right = node.right
    if isinstance(node.left, Distinct) and isinstance(right, Number | Parameter) and node.operator is not Operator.NE:
        spans = read_noun(node.left.selection, is_plural=True)
        amount = right.value if isinstance(right, Number) else None
        carry = voice.do("carry", "carry")
        whose = "all its " if voice.subject == "it" else f"in {voice.subject} all "
        name = read_field(node.left.field)
        if (node.operator, amount) == (Operator.EQ, 1):
            return f"{whose}{spans} {carry} one and the same {name}"
        many = f"one {name}" if amount == 1 else f"{read_value(right)} different {name} values"
        return f"{whose}{spans} together {carry} {_AMOUNTS[node.operator]} {many}"
    operator = (
        "exactly " if node.operator is Operator.EQ and isinstance(right, Number) else operator_words(node.operator)
    )
    if node.operator is Operator.EQ and not operator:
        operator = "equal to "
    return f"{_owned(node.left, voice)} {voice.do('be', 'is')} {operator}{read_number(right)}"


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
            over = "over" if function in ("sum", "avg") else "among"
            return f"the {word}{of}{read_field(field)} {over} its {read_noun(selection, is_plural=True)}"
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
        case Not(operand=Every() | Rising() as operand):
            return _say(operand, _Voice("every trace" if subject == "a trace" else subject, is_must=True))
        case Every():
            return f"it must never be that {_say(node, _Voice(subject))}"
        case Or(operands=operands) if _object(node) is None:
            return ", and ".join(_never(operand, subject if i == 0 else "it") for i, operand in enumerate(operands))
    thing = _object(node, is_inner=isinstance(node, And))
    if thing is not None:
        return f"{subject} must never have {thing}"
    if isinstance(node, Comparison):
        return _say(node, _Voice(subject, is_never=True))
    return f"it must never be that {_say(node, _Voice(subject))}"
