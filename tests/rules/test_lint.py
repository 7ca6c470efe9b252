"""Lints: each finds what it is about, and is silent where that is meant."""

import lint_traces
import pytest

from fluo_lab.errors import Severity
from fluo_lab.rules import Mode, Rule, RuleBook, lint_book, lint_rule
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
    assert codes("never { trace.has(a) }") == []
    assert codes("per cart.id within 5m never { trace.has(a) }") == []


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


def test_a_parameter_named_in_a_comment_or_a_text_only_is_not_used():
    condition = 'trace.has(a).where(x == "$n") and trace.has(b) // up to $n'
    assert codes(condition, params={"n": 1}) == ["FL609"]


# --- and beside or ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "condition",
    [
        "(trace.has(a) and trace.has(b)) or trace.has(c)",
        "trace.has(a) and (trace.has(b) or trace.has(c))",
        "when { a and b } always { c or d }",
        "trace.has(a).where(x == 1 and y == 1).where(z == 1 or z == 2) and trace.has(b)",
        "trace.has(a).where(and == 1 or or == 2) and trace.has(b)",
        "when { a } always { trace.every(a).must(after(b.where(x == or or y == 1), same and)) }",
        'when { a } always { b.where(event("e", x == 1 or y == 2) and z == 3) }',
        "trace.has(a) and trace.has(b) // and this or that",
    ],
)
def test_parentheses_and_names_are_no_mixture(condition):
    assert "FL612" not in codes(condition)


@pytest.mark.parametrize(
    ("condition", "written"),
    [
        ("a and b or c", "((a and b) or c)"),
        ("a or b and c or d and e", "(a or (b and c) or (d and e))"),
        ("(a and b or c) or d", "(((a and b) or c) or d)"),
        ("not a and b or (c)", "((not a and b) or (c))"),
        ("(a or b) and c or d", "(((a or b) and c) or d)"),
    ],
)
def test_the_parentheses_that_say_what_is_meant_change_nothing(condition, written):
    rule = Rule(f"when {{ z }} always {{ ({condition}) }}")
    (found,) = [d for d in lint_rule(rule) if d.code == "FL612"]
    same = Rule(found.fixes[0].apply(rule.condition))
    assert same.condition == f"when {{ z }} always {{ {written} }}"
    assert same.tree == rule.tree
    other = Rule(found.fixes[1].apply(rule.condition))
    assert other.tree != rule.tree


def test_each_mixture_of_a_rule_is_found_by_itself():
    condition = "when { a.where(x == 1 and y == 1 or z == 1) } always { b or c and d }"
    assert codes(condition) == ["FL612", "FL612"]


# --- one operation, two filters -----------------------------------------------------------------------------------


def test_two_filters_joined_by_and_are_asked_of_one_span_by_the_fix():
    condition = "never { (trace.has(a).where(x == 1)) and b and a . where(y == 2).where(z == 3) or c }"
    (found,) = [d for d in lint_rule(Rule(condition)) if d.code == "FL611"]
    assert found.fixes[0].apply(condition) == (
        "never { (trace.has(a).where(x == 1). where(y == 2).where(z == 3)) and b or c }"
    )


@pytest.mark.parametrize(
    "condition",
    [
        "never { a.where(x == 1) and b.where(y == 2) }",
        "never { a.where(x == 1) or a.where(y == 2) }",
        "never { a.where(x == 1) and not a.where(y == 2) }",
        "never { a and a.where(y == 2) }",
    ],
)
def test_filters_that_speak_of_different_things_are_no_doubt(condition):
    assert "FL611" not in codes(condition)


def test_no_fix_is_offered_that_would_lose_a_comment():
    plain = "not trace.has(a) and trace.has(b)"
    (found,) = lint_rule(Rule(plain))
    (commented,) = lint_rule(Rule(f"{plain} // see the incident"))
    assert [fix.title for fix in found.fixes] == ["make the negation the obligation"]
    assert commented.fixes == ()
    assert commented.hint is not None


# --- on traces ----------------------------------------------------------------------------------------------------


CHECKOUTS = lint_traces.checkouts()


def test_a_wrong_name_silences_what_follows_from_it():
    assert codes("trace.has(payment.chrge).where(amount > 10) and trace.has(checkout)", traces=CHECKOUTS) == ["FL605"]


@pytest.mark.parametrize(
    "condition",
    [
        "when { payment.charge.where(amount > 100) } always { trace.every(payment.charge).must(amount < 300) }",
        "when { email.send } always { payment.charge.where(amount > 100) }",
        "when { email.send } never { payment.charge.where(amount > 5000) }",
        "when { email.send } always { trace.count(payment.charge) > 1 or trace.has(checkout) }",
        "when { payment.charge.where(exists(coupon) and coupon != SPRING) or email.send } always { checkout }",
        'when { payment.charge.where(gateway.code matches "^50.$") } always { checkout and email.send }',
        "when { email.send } always { trace.every(payment.charge).where(exists(coupon)).must(coupon == SPRING) }",
    ],
)
def test_what_the_traces_can_judge_is_not_questioned(condition):
    assert codes(condition, traces=CHECKOUTS) == []


def few(n):
    return traces_from_spans(
        PlainSpan("a", trace_id=f"{i + 1:032x}", span_id="a", attributes={"x": 1} if i else {}) for i in range(n)
    )


def test_a_handful_of_traces_says_nothing_about_all():
    condition = "trace.has(a).where(x > 1) and trace.every(a).must(x == 1)"
    assert codes(condition, traces=few(19)) == []
    assert codes(condition, traces=few(20)) == ["FL615"]


def test_a_pattern_no_value_is_wholly_like_is_surely_a_search():
    found = {}
    for pattern in ("503", "15"):
        condition = f'when {{ email.send }} never {{ payment.charge.where(gateway.code matches "{pattern}") }}'
        found[pattern] = [d.severity for d in lint_rule(Rule(condition), traces=CHECKOUTS) if d.code == "FL613"]
    assert found == {"503": [Severity.WARNING], "15": [Severity.INFO]}


def test_an_attribute_that_is_rare_matters_in_a_must_and_in_a_negative_filter():
    asked = {
        "trace.every(payment.charge).must(coupon == SPRING)": Severity.WARNING,
        "trace.has(payment.charge).where(coupon != SPRING)": Severity.WARNING,
        "trace.has(payment.charge).where(not coupon == SPRING)": Severity.WARNING,
        "trace.has(payment.charge).where(coupon == SPRING)": Severity.INFO,
        "trace.distinct(payment.charge, coupon) > 1": Severity.INFO,
    }
    for condition, severity in asked.items():
        rule = Rule(f"when {{ email.send }} always {{ {condition} }}")
        assert [d.severity for d in lint_rule(rule, traces=CHECKOUTS) if d.code == "FL614"] == [severity], condition


def test_an_attribute_under_its_other_name_is_not_missing():
    spans = [
        PlainSpan("a", trace_id=f"{i + 1:032x}", attributes={"http.request.method": "GET" if i % 2 else "PUT"})
        for i in range(40)
    ]
    found = codes("when { a } never { a.where(http.method == GET) }", traces=traces_from_spans(spans))
    assert found == ["FL606"]


def test_a_filter_in_a_rule_across_traces_is_not_counted_by_single_spans():
    condition = "per coupon within 5m always { trace.every(payment.charge).where(currency == USD).must(amount > 1) }"
    assert "FL618" not in codes(condition, traces=CHECKOUTS)


# --- a rule of a book ---------------------------------------------------------------------------------------------


def implied(*rules):
    return [d.message.partition(":")[0] for d in lint_book(list(rules)) if d.code == "FL619"]


STRICT = Rule("when { a } always { trace.count(b) <= 3 }", id="strict")


def test_a_milder_rule_of_higher_severity_is_an_escalation():
    text = "when { a } always { trace.count(b) <= 5 }"
    assert implied(STRICT, Rule(text, id="mild")) == ["mild"]
    assert implied(STRICT, Rule(text, id="mild", severity="critical")) == []


def test_rules_of_which_one_names_the_other_are_meant_to_overlap():
    text = "when { a } always { trace.count(b) <= 5 }"
    for related in (["strict"], [{"id": "strict", "type": "derived"}]):
        assert implied(STRICT, Rule(text, id="mild", extra={"related": related})) == []


def test_of_two_spellings_of_one_rule_the_later_is_found():
    other = Rule("when { a } never { trace.count(b) > 3 }", id="other")
    assert implied(STRICT, other) == ["other"]
    assert implied(other, STRICT) == ["strict"]


def test_rules_that_share_an_id_keep_their_own_findings():
    found = lint_book([Rule("trace.has(a)"), Rule("trace.has(a).where(x == X) and trace.has(b)")])
    assert [d.code for d in found] == ["FL601", "FL607", "FL603", "FL607"]


@pytest.mark.parametrize(
    ("strict", "mild"),
    [
        ("when { a } always { d }", "when { a } always { c or d or count(b) <= 5 }"),
        ("when { a } always { duration < 3s }", "when { a } always { b or duration < 5s }"),
        ('when { a } never { "pay.*" }', "when { a } never { pay.charge }"),
        ("when { a } always { duration < 3s and c }", "when { a } always { duration < 5s }"),
    ],
)
def test_rules_need_not_name_the_same_spans(strict, mild):
    assert implied(Rule(strict, id="strict"), Rule(mild, id="mild")) == ["mild"]
