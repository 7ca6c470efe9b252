"""The grammar and the completions stay together: the next token is always offered, and nothing breaks a text."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from lark.exceptions import UnexpectedInput
from shop_vocabulary import VOCABULARY

from fluo_lab.language import (
    AttributeUse,
    EventUse,
    Every,
    Field,
    FieldComparison,
    FieldKind,
    OperationUse,
    SpanName,
    Text,
    ValueUse,
    Vocabulary,
    complete,
    parse_rule,
    walk,
)
from fluo_lab.language.completion import spellings
from fluo_lab.language.parser import grammar


def test_every_terminal_is_spelled_or_open():
    spelled = {
        *spellings.CLAUSES,
        *spellings.KEYWORDS,
        *spellings.MARKS,
        *spellings.METHODS,
        *spellings.TRACE,
        *spellings.PREDICATES,
        *spellings.RELATION_TERMINAL,
    }
    terminals = {terminal.name for terminal in grammar().terminals}
    assert spelled | spellings.OPEN | {"WHITESPACE", "COMMENT"} == terminals
    assert not spelled & spellings.OPEN


def tokens_of(text):
    """Return the tokens of the beginning of a rule, or None when it is none."""
    parser = grammar().parse_interactive(text, start="rule")
    found = []
    try:
        found.extend(parser.iter_parse())
    except UnexpectedInput:
        return None
    return found


LIBRARY = [
    rule["condition"]
    for path in sorted((Path(__file__).parents[2] / "rules").glob("*.yaml"))
    for rule in yaml.safe_load(path.read_text(encoding="utf-8"))["rules"]
]
RICH = [
    'per cart.id, "odd key" within 10m when { payment.charge } never { count(payment.charge) > $limit }',
    "when { checkout::payment.charge.where(amount > max_amount) } always { not (inventory.reserve or payment.refund) }",
    'trace.every("GET /users/{id}").where(span.status == error).must(event("exception", exception.type == Timeout))',
    "trace.every(payment.charge).must(after(inventory.reserve.where(exists(sku)), within 5s, same cart.id as basket))",
    "trace.every(payment.charge).must(before(payment.refund, without payment.charge) or not beside(*))",
    "trace.rising(payment.charge, amount) or trace.sum(payment.charge, amount) + 2 * trace.spans >= 3",
    'trace.has(*).where(resource."odd name" == x and operation not in [write, "read all"] and rush == true)',
    "when { trace.has(payment.charge) } never { max(payment.charge, span.duration) > trace.duration }",
    "trace.has(payment.charge).where(amount == attr(max_amount) and span.kind in [server, client])",
]


def vocabulary_of_rules(rules):
    """Return what the rules speak of: their operations, attributes and texts."""
    names, uses = {}, {}
    for rule in rules:
        for node in walk(parse_rule(rule, params={"limit": 3})):
            selection = node.selection if hasattr(node, "selection") else None
            if selection is None:
                continue
            name = selection.operation.name.parts[0]
            names.setdefault(name, len(names) + 1)
            inside = [*selection.where, *([node.must] if isinstance(node, Every) else [])]
            inside += [node.field] if isinstance(getattr(node, "field", None), Field) else []
            for found in (one for root in inside for one in walk(root)):
                if isinstance(found, Field) and found.kind is FieldKind.ATTRIBUTE:
                    uses.setdefault(found.name, set())
                value = getattr(found, "value", None)
                if isinstance(found, FieldComparison) or hasattr(found, "negated"):
                    values = getattr(found, "values", (value,))
                    uses.setdefault(found.field.name, set()).update(v.value for v in values if isinstance(v, Text))
    attributes = tuple(
        AttributeUse(name, values=tuple(ValueUse(value, 1) for value in sorted(values)))
        for name, values in sorted(uses.items())
    )
    operations = tuple(OperationUse(name, "service", count) for name, count in names.items() if name)
    return Vocabulary(
        operations=operations, attributes={None: attributes, **{SpanName(one): attributes for one in names}}
    )


def missed(rule, vocabulary):
    """Return the beginnings of a rule at which its next token is not offered, cut before and after white space."""
    whole = tokens_of(rule)
    for index, token in enumerate(whole):
        if token.type in ("NUMBER", "DURATION") or (token.type == "STRING" and whole[index - 1].type == "MATCHES"):
            continue  # nobody can list these
        cuts = {token.start_pos, whole[index - 1].end_pos if index else 0}
        for cut in sorted(cuts):
            beginning = rule[:cut]
            if cut < token.start_pos and rule[cut : token.start_pos].strip():
                continue
            if cut < token.start_pos and str(token) not in ("and", "or") and token[0].isalnum() | (token[0] == '"'):
                continue  # a name needs white space before it
            offered = complete(beginning, cut, vocabulary, limit=1000)
            if not any(leads_to(completion.apply(beginning), whole, index) for completion in offered):
                yield beginning, token


def unquoted(token):
    return token[1:-1] if token.type == "STRING" else str(token).removeprefix("trace.")


def leads_to(text, whole, index):
    """Whether a text has the rule's tokens up to one and that one, whether quoted or not."""
    found = tokens_of(text)
    if found is None or len(found) <= index:
        return False
    return [unquoted(token) for token in found] == [unquoted(token) for token in whole[: len(found)]]


@pytest.mark.parametrize("rule", LIBRARY)
def test_the_next_token_of_a_rule_in_the_library_is_always_offered(rule):
    assert list(missed(rule, vocabulary_of_rules(LIBRARY))) == []


@pytest.mark.parametrize("rule", RICH)
def test_the_next_token_of_any_rule_is_always_offered(rule):
    more = vocabulary_of_rules(RICH)
    vocabulary = Vocabulary(
        operations=VOCABULARY.operations,
        attributes={None: (*more.attributes[None], AttributeUse("odd key"))},
        resource_attributes=(AttributeUse("odd name", values=(ValueUse("x", 1),)),),
        events=VOCABULARY.events,
        event_attributes=VOCABULARY.event_attributes,
        parameters={"limit": None},
    )
    assert list(missed(rule, vocabulary)) == []


@pytest.mark.parametrize("rule", [*LIBRARY, *RICH])
def test_a_completion_at_any_character_leaves_the_beginning_of_a_rule(rule):
    for cursor in range(len(rule) + 1):
        for completion in complete(rule, cursor, VOCABULARY, limit=1000):
            written = completion.apply(rule)[: completion.start + len(completion.text)]
            assert tokens_of(written) is not None, (rule[:cursor], completion)


ODD_NAMES = ("", "and", "has", "trace.has", "x.where", "a*b", 'say "hi"', "2fa", "-", "per", "é", "a\\b", "trace")
ODD_VALUES = ("", "true", "x y", 'q"', 5, -1.5e300, float("nan"))
ODD = Vocabulary(
    operations=tuple(
        OperationUse(name, service, 1)
        for service in ("s", "odd service", "trace", "9s", "a*b")
        for name in (
            "",
            "and",
            "has",
            "trace.has",
            "x.where",
            "a*b",
            'say "hi"',
            "2fa",
            "-",
            "per",
            "é",
            "a\\b",
            "trace",
        )
    ),
    attributes={
        None: tuple(
            AttributeUse(
                name, ("string",), 1, 1, 1, tuple(ValueUse(v, 1) for v in ("", "true", "x y", 'q"', 5, -1.5e300))
            )
            for name in ("", "in", "exists", "resource.x", "span.name", "a b", "true", "x.must", "attr", "9", '"')
        )
    },
    resource_attributes=tuple(AttributeUse(name) for name in ("", "a b", '"')),
    events=(EventUse("", 1), EventUse("a*b", 1), EventUse('"', 1)),
    event_attributes={"a*b": (AttributeUse("x y"),)},
    parameters={"p": 1},
)


PIECES = [
    *[
        "trace.has(",
        "trace.count(",
        "payment.charge",
        "when",
        "{",
        "}",
        ")",
        "(",
        "[",
        "]",
        ",",
        "::",
        ":",
        "and",
        "or",
        "not",
        "==",
        "=",
        ">",
        "&&",
        "1",
        "5m",
        "1x",
        "$",
        "$a",
        "*",
        "-",
    ],
    *['"', "\\", "//", ".where(", ".", "event(", "after(", "same", "in", "per", "within", "amount", "é", "'", "#"],
    *(" ", "\n", "\ud800"),
]


@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join), st.integers(0, 200))
def test_any_text_can_be_asked_and_what_is_offered_lies_in_it(text, cursor):
    cursor = min(cursor, len(text))
    for completion in complete(text, cursor, VOCABULARY):
        assert completion.start <= cursor <= completion.end <= len(text)
        assert 0 < completion.score <= 1


@settings(max_examples=150)
@given(st.lists(st.tuples(st.integers(0, 10_000), st.sampled_from(["", " "])), max_size=30))
def test_a_text_made_of_completions_alone_is_always_the_beginning_of_a_rule(choices):
    text = ""
    for choice, space in choices:
        offered = complete(text, len(text), ODD, limit=1000)
        if offered:
            text = offered[choice % len(offered)].apply(text)
            assert tokens_of(text) is not None, text
        text += space
