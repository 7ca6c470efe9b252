"""Rules in plain English."""

import pytest

from fluo_lab.language import parse_condition, parse_rule, parse_template, read_aloud, read_condition, read_selection

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
    "never { trace.duration > 5s }": "It must never be that a trace's duration is above 5s.",
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
        "Whenever a trace has an a span, every A span must finish before the start of a B span, within 5s, "
        "with no A span starting between the two."
    ),
    'trace.has("GET /users/{id}").where(method in [GET, POST] and not exists(user))': (
        'Every trace must have a "GET /users/{id}" span with method one of "GET" or "POST" and no user.'
    ),
    'trace.has(checkout::pay.*).where(event("exception", exception.type contains "Timeout"))': (
        "Every trace must have a span named like pay.* of service checkout with "
        'an event "exception" with exception.type containing "Timeout".'
    ),
}


@pytest.mark.parametrize(("text", "sentence"), READINGS.items(), ids=list(READINGS))
def test_the_sentence_is_as_written(text, sentence):
    assert read_aloud(parse_rule(text)) == sentence


def test_an_open_parameter_is_called_by_its_name():
    sentence = read_aloud(parse_template("trace.count(llm.generate) <= $limit"))
    assert sentence == "Every trace must have at most the given limit llm.generate spans."


def test_a_condition_is_read_as_a_fact():
    assert read_condition(parse_condition("not fraud.check")) == "the trace has no fraud.check span"


def test_spans_are_read_with_an_article_or_in_the_plural():
    selection = parse_condition("order.place.where(amount > 5)").selection
    assert read_selection(selection) == "an order.place span with amount above 5"
    assert read_selection(selection, is_plural=True) == "order.place spans with amount above 5"
