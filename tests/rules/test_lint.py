"""Lints: each finds what it is about, and is silent where that is meant."""

import pytest

from fluo_lab.errors import Severity
from fluo_lab.rules import CODES, Mode, Rule, RuleBook, lint_book, lint_rule
from fluo_lab.rules.lint import LINTS
from fluo_lab.traces import PlainSpan, traces_from_spans

TRACES = traces_from_spans(
    [
        PlainSpan("payment.charge", service="payments", span_id="a", attributes={"amount": 5, "currency": "EUR"}),
        PlainSpan("inventory.reserve", service="stock", span_id="b"),
    ]
)


def codes(condition, *, traces=None, **fields):
    found = lint_rule(Rule(condition, **fields), traces=traces)
    return [d.code for d in found]


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        ("trace.has(a)", "FL601"),
        ("trace.has(a) or trace.has(b)", "FL601"),
        ("always { trace.has(a) }", "FL601"),
        ("not trace.has(a) and trace.has(b)", "FL602"),
        ("when { not trace.has(a) and not trace.has(c) } always { trace.has(b) }", "FL602"),
        ("trace.has(a).where(x == X) and trace.has(b)", "FL603"),
        ("trace.has(a).where(t == tenant_a) and not trace.has(b).where(t == tenant_b)", "FL604"),
        ("trace.has(a).where(x == 1) and trace.has(a).where(y == 2)", "FL611"),
    ],
)
def test_a_lint_finds_what_it_is_about(condition, code):
    assert codes(condition) == [code]


@pytest.mark.parametrize(
    "condition",
    [
        "trace.has(a) and trace.has(b)",
        "trace.has(a) and not trace.has(b)",
        'trace.has(a).where(x == "X") and trace.has(b)',
        "trace.has(a).where(t == tenant_a) and trace.has(b).where(t == tenant_a)",
        "when { trace.has(a) } never { trace.has(b) }",
    ],
)
def test_what_is_meant_is_not_questioned(condition):
    assert codes(condition) == []


def test_a_detector_needs_no_guard():
    assert codes("trace.has(a)", mode=Mode.DETECT) == []


def test_an_explicit_clause_without_a_guard_is_only_mentioned():
    (found,) = [d for d in lint_rule(Rule("always { trace.has(a) }")) if d.code == "FL601"]
    assert found.severity is Severity.INFO


def test_the_finding_about_a_missing_guard_reads_the_rule_aloud():
    rule = Rule("trace.has(a)")
    (found,) = [d for d in lint_rule(rule) if d.code == "FL601"]
    assert rule.reading in found.message


@pytest.mark.parametrize("name", ["charges are preceded by a check", "check first", "A before B"])
def test_words_of_order_without_an_order_are_questioned(name):
    assert codes("trace.has(a) and trace.has(b)", name=name) == ["FL610"]
    assert codes("when { trace.has(a) } always { trace.every(a).must(after(b)) }", name=name) == []


def test_a_parameter_nobody_uses_is_found():
    assert codes("trace.count(a) > $n and trace.has(b)", params={"n": 1}) == []
    assert codes("trace.count(a) > $n and trace.has(b)", params={"n": 1, "m": 2}) == ["FL609"]


def test_a_rule_without_tests_is_found():
    rule = Rule("trace.has(a) and trace.has(b)")
    assert [d.code for d in lint_book([rule])] == ["FL607"]
    assert lint_rule(rule) == []


@pytest.mark.parametrize(
    ("condition", "code", "words"),
    [
        ("trace.has(payment.charg) and trace.has(inventory.reserve)", "FL605", "payment.charge"),
        ("trace.has(payment.charge) and trace.has(stok::inventory.reserve)", "FL605", "stock"),
        ("trace.has(refund.*) and trace.has(inventory.reserve)", "FL605", "there are"),
        ("trace.has(payment.charge).where(amuont > 3) and trace.has(inventory.reserve)", "FL606", "amount"),
        ("trace.has(payment.charge) and trace.sum(payment.charge, price) > 3", "FL606", "price"),
        ("trace.has(payment.charge) and trace.every(payment.*).must(curency == EUR)", "FL606", "currency"),
        (
            "trace.has(payment.charge) and trace.every(payment.charge).must(after(inventory.reserve.where(cart == 1)))",
            "FL606",
            "cart",
        ),
    ],
)
def test_a_name_the_traces_do_not_have_is_found_at_its_place(condition, code, words):
    (found,) = lint_rule(Rule(condition), traces=TRACES)
    assert (found.code, found.severity) == (code, Severity.WARNING)
    assert words in found.render()
    assert condition[found.start : found.end] in found.message or "::" in condition


@pytest.mark.parametrize(
    "condition",
    [
        "trace.has(payment.*).where(amount > 1 and currency == EUR) and trace.has(stock::inventory.reserve)",
        'trace.has(payment.charge).where(event("x", other == 1)) and trace.has(*).where(span.status == error)',
    ],
)
def test_a_name_the_traces_have_is_not_questioned(condition):
    assert codes(condition, traces=TRACES) == []


def test_two_rules_that_say_the_same_are_found_in_the_second(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text(
        "rules:\n"
        "  - {id: one, name: n, severity: low, condition: trace.has(a) and trace.has(b)}\n"
        "  - {id: two, name: n, severity: low, condition: 'when { a } always { b }'}\n"
    )
    twins = [d for d in lint_book(RuleBook.load(path)) if d.code == "FL608"]
    assert [(d.path, d.line) for d in twins] == [(path.as_posix(), 3)]
    assert twins[0].message.startswith("two: the rule says the same as 'one'")


def test_every_lint_has_its_own_code_in_the_table():
    assert len({lint.code for lint in LINTS}) == len(LINTS)
    assert {lint.code for lint in LINTS} <= set(CODES)
