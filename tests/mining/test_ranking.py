"""What an analyst finds on the first screen."""

import pytest

from fluo_lab.mining import Family, mine
from fluo_lab.readers import read_traces

RESERVED_FIRST = "when { has(payment.charge) } always { every(payment.charge).must(after(inventory.reserve)) }"
ONE_INTENT = "when { has(payment.charge) } always { distinct(payment.charge, payment_intent_id) == 1 }"


def rank_of_fraud_check(mined):
    """The rank of the guarded rule, however round its threshold came out."""
    return next(
        (
            c.rank
            for c in mined
            if c.shape.left == "payment.charge"
            and "payment.fraud_check" in (c.shape.right, *c.evidence.right_members)
            and c.shape.left_where
            and c.shape.left_where[0].field == "amount"
            and abs(c.shape.left_where[0].value - 1000) <= 10
        ),
        None,
    )


@pytest.mark.parametrize(("seed", "has_incidents"), [(101, True), (202, True), (303, True), (101, False)])
def test_the_planted_rules_are_in_the_first_ten(shop, seed, has_incidents):
    mined = shop(seed, has_incidents=has_incidents).mine()
    for text in (RESERVED_FIRST, ONE_INTENT):
        found = mined.find(text)
        assert found is not None, mined.why_not(text)
        assert found.rank <= 10, found
    assert (rank_of_fraud_check(mined) or 99) <= 10


@pytest.mark.parametrize(
    ("incident", "family", "left"),
    [
        ("retry-with-new-intent", Family.DISTINCT_ONE, "payment.charge"),
        ("charge-before-reservation", Family.PRECEDENCE, "payment.charge"),
        ("missing-fraud-check", Family.PRESENCE, "payment.charge"),
    ],
)
def test_the_rule_an_incident_broke_comes_first(harmed_shop, incident, family, left):
    first = mine(harmed_shop.traces, incidents={incident: harmed_shop.harmed[incident]})[0]
    assert (first.shape.family, first.shape.left) == (family, left)
    assert first.is_broken
    assert first.evidence.incidents == (incident,)


def test_a_third_of_the_labels_wrong_does_not_hide_the_broken_rule(harmed_shop):
    harmed = harmed_shop.harmed["retry-with-new-intent"]
    ids = harmed_shop.traces.traces["trace_id"].to_list()
    n_wrong = round(len(harmed) / 3)
    innocent = [t for t in ids if t not in harmed][:: len(ids) // (n_wrong + 1)][:n_wrong]
    first = mine(harmed_shop.traces, bad=[*harmed[n_wrong:], *innocent])[0]
    assert first.shape.field == "payment_intent_id"


def test_a_learned_threshold_lies_in_its_interval(mined):
    guarded = [c for c in mined if c.evidence.guard_low is not None]
    assert guarded
    for candidate in guarded:
        value = candidate.shape.left_where[0].value
        assert candidate.evidence.guard_low <= value <= candidate.evidence.guard_high


def test_no_candidate_is_a_parent_and_its_child(mined, harmed_shop):
    table = harmed_shop.traces.table
    names = harmed_shop.traces.name_dictionary.decode(table["name"]).to_list()
    nested = {(name, names[p]) for name, p in zip(names, table["parent_row"], strict=True) if p >= 0}
    for candidate in mined:
        pair = (candidate.shape.left, candidate.shape.right)
        assert pair not in nested
        assert pair[::-1] not in nested


def test_the_otel_demo_does_not_flood(shared):
    traces = read_traces(shared / "data" / "otel-demo" / "otel-tui_test_data.jsonl")
    mined = mine(traces)
    assert len(mined) <= 60
    assert mined.survey.n_good + mined.survey.n_bad + mined.survey.n_incomplete == traces.n_traces
