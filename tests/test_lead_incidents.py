"""The incidents the method starts from: a double click, two charges at once, a reservation that came too late."""

import pytest

from fluo_lab.engine import Verdict
from fluo_lab.rules import Rule
from fluo_lab.traces import PlainSpan, traces_from_spans

MS = 1_000_000
ONE_CHARGE = Rule("per payment_intent_id within 10m never { trace.count(payment.charge) > 1 }")
RESERVED_BEFORE = Rule("trace.has(payment.charge) and trace.every(payment.charge).must(after(inventory.reserve))")


def checkout(number, *steps):
    """One trace of a checkout: a root, and steps as (name, start in ms, end in ms, attributes)."""
    trace_id = f"{number:032x}"
    spans = [PlainSpan("POST /checkout", trace_id=trace_id, span_id=f"{1:016x}", start_ns=0, end_ns=900 * MS)]
    for n, (name, start, end, attributes) in enumerate(steps, start=2):
        spans.append(
            PlainSpan(
                name,
                trace_id=trace_id,
                span_id=f"{n:016x}",
                parent_span_id=f"{1:016x}",
                start_ns=start * MS,
                end_ns=end * MS,
                attributes=attributes,
            )
        )
    return spans


def charge(start, end, intent):
    return ("payment.charge", start, end, {"payment_intent_id": intent})


def test_a_double_click_makes_two_traces_and_one_rule_catches_both():
    clicks = [*checkout(1, charge(10, 90, "pi_7")), *checkout(2, charge(310, 390, "pi_7"))]
    result = ONE_CHARGE.test(traces_from_spans([*clicks, *checkout(3, charge(10, 90, "pi_8"))]))
    assert result.trace_ids(Verdict.VIOLATION) == [f"{1:032x}", f"{2:032x}"]
    assert result.trace_ids(Verdict.PASS) == [f"{3:032x}"]
    group = result[0].group
    assert group.key == (("payment_intent_id", "pi_7"),)
    assert group.trace_ids == (f"{1:032x}", f"{2:032x}")
    assert "payment_intent_id pi_7 in 2 traces" in result[0].why
    data = result.to_dict()
    assert data["groups"] == {"pass": 1, "violation": 1, "inconclusive": 0, "not_applicable": 0}
    assert [span["trace_id"] for span in data["violations"][0]["broken_spans"]] == list(group.trace_ids)
    assert data["violations"][1]["group"] == {"key": {"payment_intent_id": "pi_7"}, "trace_ids": list(group.trace_ids)}


def test_no_rule_about_single_traces_sees_the_double_click():
    clicks = [*checkout(1, charge(10, 90, "pi_7")), *checkout(2, charge(310, 390, "pi_7"))]
    single = Rule("never { trace.count(payment.charge) > 1 }")
    assert single.test(traces_from_spans(clicks)).counts.violation == 0


def test_two_concurrent_charges_of_one_intent_are_caught():
    spans = checkout(1, charge(10, 90, "pi_7"), charge(12, 80, "pi_7"))
    result = ONE_CHARGE.test(traces_from_spans(spans))
    assert result.trace_ids(Verdict.VIOLATION) == [f"{1:032x}"]
    assert len(result[0].broken_rows) == 2


@pytest.mark.parametrize(("reserved_at", "expected"), [(40, Verdict.PASS), (52, Verdict.VIOLATION)])
def test_preceded_by_is_violated_when_the_reservation_ends_after_the_charge_starts(reserved_at, expected):
    spans = checkout(1, ("inventory.reserve", 0, reserved_at, {}), charge(40, 90, "pi_7"))
    assert RESERVED_BEFORE.test(traces_from_spans(spans)).verdict(f"{1:032x}") is expected


def test_the_explanation_says_by_how_much_the_reservation_was_late():
    spans = checkout(1, ("inventory.reserve", 0, 52, {}), charge(40, 90, "pi_7"))
    explanation = RESERVED_BEFORE.test(traces_from_spans(spans))[0]
    (miss,) = explanation.near
    assert (miss.distance, miss.unit) == (12 * MS, "ns")
    assert "inventory.reserve exists, but ends 12ms after payment.charge starts" in explanation.why


def test_a_group_whose_window_is_open_cannot_pass_yet():
    spans = checkout(1, charge(10, 90, "pi_7"))
    traces = traces_from_spans(spans)
    now = 91 * MS
    assert ONE_CHARGE.test(traces, seen_until_ns=now).verdict(f"{1:032x}") is Verdict.INCONCLUSIVE
    late = 90 * MS + 600_000 * MS + 1
    assert ONE_CHARGE.test(traces, seen_until_ns=late).verdict(f"{1:032x}") is Verdict.PASS
    twice = traces_from_spans([*spans, *checkout(2, charge(310, 390, "pi_7"))])
    assert ONE_CHARGE.test(twice, seen_until_ns=now).verdict(f"{2:032x}") is Verdict.VIOLATION
