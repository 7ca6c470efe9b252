"""Rules in plain English."""

import pytest

from fluo_lab.language import (
    parse_condition,
    parse_predicate,
    parse_rule,
    parse_template,
    read_aloud,
    read_condition,
    read_predicate,
    read_selection,
)

READINGS = {
    "trace.has(payment.charge) and trace.has(inventory.reserve)": (
        "Whenever a trace has a payment.charge span, it must also have an inventory.reserve span."
    ),
    "when { payment.charge.where(amount > 1000) } always { payment.fraud_check }": (
        "Whenever a trace has a payment.charge span with amount above 1000, "
        "it must also have a payment.fraud_check span."
    ),
    "trace.has(payment.charge).where(attempt > 1)"
    " and trace.count(payment.charge).where(payment_intent_id == unique) == 1": (
        "Whenever a trace has a payment.charge span with attempt above 1, "
        "all its payment.charge spans must carry one and the same payment_intent_id."
    ),
    "trace.has(api.request).where(tenant_id == tenant_a)"
    " and not trace.has(database.query).where(tenant_id == tenant_b)": (
        'Whenever a trace has an api.request span with tenant_id "tenant_a", '
        'it must have no database.query span with tenant_id "tenant_b".'
    ),
    "trace.every(payment.charge).must(after(inventory.reserve, same cart.id))": (
        "In every trace, every payment.charge span must start after a finished inventory.reserve span "
        "of the same cart.id."
    ),
    "per payment_intent_id within 10m never { trace.count(payment.charge) > 1 }": (
        "Across traces, for each group of spans with the same payment_intent_id and no gap above 10m: "
        "the group must never have more than 1 payment.charge span."
    ),
    "when { payment } never { bypass }": "Whenever a trace has a payment span, it must never have a bypass span.",
    "when { payment } always { fraud.check } never { bypass or skip }": (
        "Whenever a trace has a payment span, it must also have a fraud.check span, "
        "and it must never have a bypass span or a skip span."
    ),
    "never { a and b }": "A trace must never have both an a span and a b span.",
    "never { not a }": "A trace must never be without an a span.",
    "never { trace.duration > 5s }": "A trace's duration must never be above 5s.",
    "trace.has(a) or trace.has(b)": "Every trace must have an a span or a b span.",
    "not trace.has(a)": "Every trace must have no a span.",
    "trace.has(A) and (trace.has(B) or trace.has(C))": (
        "Whenever a trace has an A span, it must also have a B span or a C span."
    ),
    "trace.count(http.retry) <= 3": "Every trace must have at most 3 http.retry spans.",
    "3 < trace.count(http.retry)": "Every trace must have more than 3 http.retry spans.",
    "trace.count(error) == 0": "Every trace must have no error span.",
    "trace.duration < 250ms": "Every trace's duration must be below 250ms.",
    "trace.rising(job, attempt)": "In every trace, attempt must rise from each job span to the next.",
    "when { a } always { sum(charge, amount) == sum(item, price) }": (
        "Whenever a trace has an a span, the sum of amount over its charge spans must be equal to "
        "the sum of price over its item spans."
    ),
    "when { a } always { every(b).must(span.status == ok and not under(c)) }": (
        'Whenever a trace has an a span, every b span must have status "ok" and not run somewhere below any c span.'
    ),
    "when { a } always { every(A).must(before(B, within 5s, without A)) }": (
        "Whenever a trace has an a span, every A span must finish within 5s before the start of a B span, "
        "with no other A span starting between the two."
    ),
    'trace.has("GET /users/{id}").where(method in [GET, POST] and not exists(user))': (
        'Every trace must have a "GET /users/{id}" span with method one of "GET" or "POST" and no user.'
    ),
    'trace.has(checkout::pay.*).where(event("exception", exception.type contains "Timeout"))': (
        "Every trace must have a span named like pay.* of service checkout with "
        'an event "exception" with exception.type containing "Timeout".'
    ),
    # what could be read over too much
    "when { not a or b } always { c }": "Whenever a trace has a b span or no a span, it must also have a c span.",
    "always { a and b or c }": "Every trace must have a c span or both an a span and a b span.",
    'trace.has(a).where(event("e", x == 1 and y == 2) and z == 3)': (
        'Every trace must have an a span with an event "e" (with x 1 and y 2) and z 3.'
    ),
    "trace.has(a).where(x == 1 or after(b) and y == 2)": (
        "Every trace must have an a span that either has x 1 or both starts after a finished b span and has y 2."
    ),
    "trace.every(a).must(after(b.where(under(c)), same cart.id, within 5s))": (
        "In every trace, every a span must start within 5s after the end of a b span of the same cart.id "
        "that runs somewhere below a c span."
    ),
    "trace.every(a).must(before(b.where(under(c)), without d))": (
        "In every trace, every a span must finish, with no d span starting between the two, "
        "before the start of a b span that runs somewhere below a c span."
    ),
    # denied
    "trace.every(a).must(not before(b, same x, without c))": (
        "In every trace, every a span must not finish before the start of any b span of the same x "
        "without a c span starting between the two."
    ),
    "trace.every(a).must(not (after(b) and x == 1))": (
        "In every trace, every a span must not both start after a finished b span and have x 1."
    ),
    "trace.every(a).must(not (x == 1 and y == 2))": "In every trace, every a span must not have both x 1 and y 2.",
    "trace.every(a).must(x not in [1, 2] and y not in [1, 2, 3])": (
        "In every trace, every a span must have x neither 1 nor 2 and y none of 1, 2 or 3."
    ),
    "when { a } always { not (b and c) }": (
        "Whenever a trace has an a span, it must not have both a b span and a c span."
    ),
    "not trace.count(a) > 3": "Every trace must have at most 3 a spans.",
    "not trace.duration > 5s": "Every trace's duration must be at most 5s.",
    "not trace.max(a, x) > 3": "It must not be that in a trace the largest x among its a spans is above 3.",
    "not trace.every(a).must(x == 1)": "In every trace, at least one a span must fail to have x 1.",
    "never { every(a).must(x == 1) }": "It must never be that in a trace every a span has x 1.",
    "never { rising(job, attempt) }": "It must never be that in a trace attempt rises from each job span to the next.",
    "never { not every(a).must(x == 1) }": "In every trace, every a span must have x 1.",
    "when { a } never { sum(b, x) > 5 }": (
        "Whenever a trace has an a span, the sum of x over its b spans must never be above 5."
    ),
    # who is meant
    "when { every(a).must(x == 1) } always { b }": ("Whenever in a trace every a span has x 1, it must have a b span."),
    "when { rising(job, attempt) or a } always { b }": (
        "Whenever in a trace either attempt rises from each job span to the next, or it has an a span, "
        "it must have a b span."
    ),
    "trace.rising(job, attempt) or trace.has(b)": (
        "In every trace, either attempt must rise from each job span to the next, or it must have a b span."
    ),
    "trace.every(charge).must(not overlaps(charge))": (
        "In every trace, every charge span must not overlap in time with any other charge span."
    ),
    "trace.every(charge).must(beside(*, same cart))": (
        "In every trace, every charge span must occur together with another span of the same cart."
    ),
    "trace.every(x::charge).must(beside(y::charge))": (
        "In every trace, every charge span of service x must occur together with a charge span of service y."
    ),
    "trace.count(a).where(not after(b) and x < y) <= 3": (
        "Every trace must have at most 3 a spans with x below their y that do not start after any finished b span."
    ),
    "trace.count(a).where(after(b, same x as y)) > 3": (
        "Every trace must have more than 3 a spans that start after a finished b span whose y equals their own x."
    ),
    "trace.distinct(a, x) <= 3": "In every trace all a spans together must carry at most 3 different x values.",
    "per x within 10m always { every(a).must(after(b)) }": (
        "Across traces, for each group of spans with the same x and no gap above 10m: in the group, "
        "every a span must start after a finished b span."
    ),
}


@pytest.mark.parametrize(("text", "sentence"), READINGS.items(), ids=list(READINGS))
def test_the_sentence_is_as_written(text, sentence):
    assert read_aloud(parse_rule(text)) == sentence


def test_an_open_parameter_is_called_by_its_name():
    sentence = read_aloud(parse_template("trace.count(llm.generate) <= $limit"))
    assert sentence == "Every trace must have at most the given limit llm.generate spans."


@pytest.mark.parametrize(
    ("relation", "action"),
    [
        ("after(b)", "starts after a finished b span"),
        ("before(b)", "finishes before the start of a b span"),
        ("starts_after(b)", "starts at or after the start of a b span"),
        ("starts_before(b)", "starts at or before the start of a b span"),
        ("overlaps(b)", "overlaps in time with a b span"),
        ("under(b)", "runs somewhere below a b span"),
        ("over(b)", "runs somewhere above a b span"),
        ("child_of(b)", "runs directly below a b span"),
        ("parent_of(b)", "runs directly above a b span"),
        ("sibling_of(b)", "has the same parent as a b span"),
        ("beside(b)", "occurs together with another b span"),
        ("starts_after(b, within 5s)", "starts within 5s after the start of a b span"),
        ("starts_before(b, within 5s)", "starts within 5s before the start of a b span"),
        ("overlaps(b, within 5s)", "overlaps in time with and lies within 5s of a b span"),
        ("child_of(b, within 5s)", "runs directly below and within 5s of a b span"),
        ("not sibling_of(b, within 5s)", "does not have the same parent as and lie within 5s of any b span"),
        ("not (after(b) or overlaps(c))", "neither starts after a finished b span nor overlaps in time with a c span"),
        ("not (after(b) and over(c))", "does not both start after a finished b span and run somewhere above a c span"),
    ],
)
def test_a_relation_is_read_as_a_verb(relation, action):
    assert read_predicate(parse_predicate(relation)) == action


def test_an_open_window_is_called_by_its_name():
    sentence = read_aloud(parse_template("trace.every(a).must(after(b, within $window))"))
    assert sentence == "In every trace, every a span must start within the given window after the end of a b span."


def test_a_condition_is_read_as_a_fact():
    assert read_condition(parse_condition("not fraud.check")) == "the trace has no fraud.check span"


def test_spans_are_read_with_an_article_or_in_the_plural():
    selection = parse_condition("order.place.where(amount > 5)").selection
    assert read_selection(selection) == "an order.place span with amount above 5"
    assert read_selection(selection, is_plural=True) == "order.place spans with amount above 5"
