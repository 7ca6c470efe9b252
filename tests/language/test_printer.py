"""The printer's form reads back as the same tree, and printing it again changes nothing."""

import pytest
import strategies
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fluo_lab.language import (
    RuleTree,
    parse_predicate,
    parse_rule,
    parse_template,
    print_predicate,
    print_rule,
    read_aloud,
)

relaxed = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


@relaxed
@given(strategies.rules())
def test_any_rule_reads_back_as_itself(rule: RuleTree):
    text = print_rule(rule)
    again = parse_template(text)
    assert again == rule
    assert print_rule(again) == text


@relaxed
@given(strategies.predicates())
def test_any_predicate_reads_back_as_itself(predicate):
    assert parse_predicate(print_predicate(predicate)) == predicate


@relaxed
@given(strategies.rules())
def test_any_rule_can_be_read_aloud_in_one_sentence(rule: RuleTree):
    sentence = read_aloud(rule)
    assert sentence.endswith(".")
    assert sentence[0] == sentence[0].upper()


@relaxed
@given(st.text(max_size=60))
def test_any_text_survives_as_a_value(text):
    encodable = text.encode("utf-8", "ignore").decode()
    rule = parse_rule("trace.has(a).where(x == $v)", params={"v": encodable})
    assert parse_rule(print_rule(rule)) == rule


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("trace.has(a) and trace.has(b)", "when { trace.has(a) } always { trace.has(b) }"),
        (
            "trace.has(a) and trace.has(b) and trace.has(c)",
            "when { trace.has(a) } always { trace.has(b) and trace.has(c) }",
        ),
        (
            "(trace.has(a) and trace.has(b)) and trace.has(c)",
            "when { trace.has(a) and trace.has(b) } always { trace.has(c) }",
        ),
        ("trace.has(a) or trace.has(b)", "always { trace.has(a) or trace.has(b) }"),
        ("(trace.has(a) and trace.has(b))", "always { trace.has(a) and trace.has(b) }"),
        ("never{a}when{b}", "when { trace.has(b) } never { trace.has(a) }"),
        (
            "trace.count(a).where(x == unique and y == 1) == 1",
            "always { trace.distinct(a, x).where(y == 1) == 1 }",
        ),
        ('trace.has("GET /api/*").where(kind == read)', 'always { trace.has("GET /api/*").where(kind == "read") }'),
        (r'trace.has("5 \* 3")', r'always { trace.has("5 \* 3") }'),
        ('trace.has("payment.*")', "always { trace.has(payment.*) }"),
        ("checkout::pay.*".join(["trace.has(", ")"]), "always { trace.has(checkout::pay.*) }"),
        ("trace.duration <= 90000ms", "always { trace.duration <= 90s }"),
        ("trace.has(a).where(x < max and y == attr(z))", "always { trace.has(a).where(x < max and y == attr(z)) }"),
        (
            "(trace.count(a) + 1) * 2 - (3 - 1) > 0",
            "always { (trace.count(a) + 1) * 2 - (3 - 1) > 0 }",
        ),
        (
            "per payment_intent_id within 600s never { count(payment.charge) > 1 }",
            "per payment_intent_id within 10m never { trace.count(payment.charge) > 1 }",
        ),
        (
            "trace.every(a).must(after(b.where(x == 1), same k, same f as g, within 5s, without a))",
            "always { trace.every(a).must(after(b.where(x == 1), within 5s, same k, same f as g, without a)) }",
        ),
        ('trace.has(a).where("span.status" == 1)', 'always { trace.has(a).where("span.status" == 1) }'),
        ('trace.has(a).where(resource."odd name" == 1)', 'always { trace.has(a).where(resource."odd name" == 1) }'),
    ],
)
def test_the_canonical_form(text, printed):
    assert print_rule(parse_rule(text)) == printed
    assert print_rule(parse_rule(printed)) == printed


def test_a_long_rule_has_one_clause_a_line():
    long = " and ".join(f"trace.has(step.number_{n})" for n in range(6))
    lines = print_rule(parse_rule(long)).splitlines()
    assert [line.split()[0] for line in lines] == ["when", "always"]
