"""What is special about the shop: how its incidents look, what resembles them, and what only seems to hold."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import pytest

from fluo_lab.rules import Rule, check
from fluo_lab.traces import Traces
from fluo_lab.worlds.checkout import CHECKOUT
from fluo_lab.worlds.checkout.drawn import WORKFLOW_WEIGHTS, Workflow
from fluo_lab.worlds.dataset.postmortem import Occurrence, render_postmortem
from fluo_lab.worlds.ids import trace_text_of
from fluo_lab.worlds.simulated import Simulated, simulate
from fluo_lab.worlds.world import Run


@dataclass(frozen=True)
class Seen:
    """One span with its attributes as plain values."""

    name: str
    version: str
    start_ns: int
    end_ns: int
    values: dict[str, Any]


def spans_of(traces: Traces) -> dict[str, list[Seen]]:
    """Each trace's spans in order of start."""
    found: dict[str, list[Seen]] = defaultdict(list)
    columns = ["trace_id", "name", "start_ns", "end_ns"]
    for row, (trace, name, start_ns, end_ns) in enumerate(traces.spans.select(columns).iter_rows()):
        version = traces.resource_attributes(row)["service.version"]
        found[trace].append(Seen(name, version, start_ns, end_ns, traces.span_attributes(row)))
    return {trace: sorted(spans, key=lambda span: span.start_ns) for trace, spans in found.items()}


def named(spans: list[Seen], name: str) -> list[Seen]:
    return [span for span in spans if span.name == name]


@pytest.fixture(scope="module")
def made() -> Simulated:
    return simulate(Run(CHECKOUT, 41, 1_500))


@pytest.fixture(scope="module")
def spans(made: Simulated) -> dict[str, list[Seen]]:
    return spans_of(made.traces)


@pytest.fixture(scope="module")
def broken_habits() -> Traces:
    return simulate(Run(CHECKOUT, 42, 2_500, is_counterfactual=True, has_incidents=False)).traces


def test_a_double_click_is_seen_only_in_two_traces_together(made, spans):
    harmed = set(made.harmed["double-click-checkout"])
    intents = defaultdict(list)
    for trace in harmed:
        captured = [c for c in named(spans[trace], "payment.charge") if c.values["payment.outcome"] == "captured"]
        assert len(captured) == 1
        intents[captured[0].values["payment_intent_id"]].append(trace)
    assert len(intents) >= 6
    assert all(len(pair) == 2 for pair in intents.values())
    single = [rule for rule in CHECKOUT.invariants if not rule.text.startswith("per ")]
    for result in check([Rule(rule.text, id=rule.id) for rule in single], made.traces):
        assert not harmed & {one.trace_id for one in result}, result.rule.id


def test_the_two_clicks_make_different_orders_of_one_cart(made, spans):
    pairs = defaultdict(list)
    for trace in made.harmed["double-click-checkout"]:
        cart = named(spans[trace], "payment.charge")[0].values["cart.id"]
        pairs[cart] += [create.values["order.id"] for create in named(spans[trace], "order.create")]
    assert all(len(orders) == len(set(orders)) for orders in pairs.values())
    assert any(len(orders) == 2 for orders in pairs.values())


def test_most_second_clicks_are_answered_without_a_charge(made, spans):
    second = {trace_text_of(made.run.chance(visit), part=1) for visit in range(made.run.n_visits)} & set(spans)
    harmless = second - set(made.harmed["double-click-checkout"])
    assert len(harmless) > 20
    assert not any(named(spans[trace], "payment.charge") for trace in harmless)


def test_racing_charges_run_side_by_side_with_one_attempt_number(made, spans):
    for trace in made.harmed["concurrent-charges"]:
        first, second = named(spans[trace], "payment.charge")
        assert first.start_ns < second.start_ns < first.end_ns
        for key in ("attempt", "payment_intent_id", "amount", "payment.outcome"):
            assert first.values[key] == second.values[key]


def test_retries_change_their_intent_on_the_canary_alone_and_there_only_in_the_incident(made, spans):
    harmed = set(made.harmed["retry-with-new-intent"])
    versions = defaultdict(int)
    for trace, its in spans.items():
        charges = named(its, "payment.charge")
        if max((charge.values["attempt"] for charge in charges), default=1) > 1:
            keeps = len({charge.values["payment_intent_id"] for charge in charges}) == 1
            assert keeps == (trace not in harmed)
            versions[charges[0].version, keeps] += 1
    assert set(versions) == {("4.11.3", True), ("4.12.0", True), ("4.12.0", False)}
    assert min(versions.values()) >= 10


def test_checkouts_are_slow_in_one_incident_and_far_from_the_limit_otherwise(made, spans):
    harmed = set(made.harmed["retry-with-new-intent"])
    seconds = {
        trace: (root.end_ns - root.start_ns) / 1e9
        for trace, its in spans.items()
        for root in named(its, "POST /checkout")
    }
    assert all(s > 3.2 for trace, s in seconds.items() if trace in harmed)
    assert 2 < max(s for trace, s in seconds.items() if trace not in harmed) < 2.8


def test_amounts_crowd_at_the_limit_and_small_ones_are_checked_too(spans):
    charges = [
        (trace, charge.values["amount"]) for trace, its in spans.items() for charge in named(its, "payment.charge")
    ]
    assert sum(950 < amount <= 1000 for _, amount in charges) >= 20
    assert sum(1000 < amount < 1050 for _, amount in charges) >= 20
    small = {trace for trace, amount in charges if amount <= 1000}
    checked = {trace for trace in small if named(spans[trace], "payment.fraud_check")}
    assert 0.08 < len(checked) / len(small) < 0.25


def test_a_fee_of_a_retry_never_lifts_an_unchecked_payment_above_the_limit(broken_habits):
    n_raised = 0
    for its in spans_of(broken_habits).values():
        amounts = [charge.values["amount"] for charge in named(its, "payment.charge")]
        n_raised += len(set(amounts)) > 1
        assert len({amount > 1000 for amount in amounts}) <= 1
    assert n_raised > 20


def test_a_late_reservation_is_of_the_charged_cart_and_begins_after_the_charge(made, spans):
    assert len(made.harmed["charge-before-reservation"]) >= 6
    for trace in made.harmed["charge-before-reservation"]:
        charges, reserved = named(spans[trace], "payment.charge"), named(spans[trace], "inventory.reserve")
        assert charges[0].values["cart.id"] in {one.values["cart.id"] for one in reserved}
        assert min(one.start_ns for one in reserved) > charges[0].start_ns


COINCIDENCES = {
    "tracking": 'when { trace.has("POST /checkout") } always { trace.has(analytics.track) }',
    "points": "when { trace.has(order.create) } always { trace.has(loyalty.add_points) }",
    "message": 'when { trace.has(notification.receipt) } always { trace.has("orders publish") }',
    "charged order": "when { trace.has(order.create) } always { trace.has(payment.charge) }",
    "charge first": "when { trace.has(order.create) and trace.has(payment.charge) } "
    "always { trace.every(order.create).must(after(payment.charge)) }",
    "tax after shipping": "when { trace.has(tax.calculate) and trace.has(shipping.quote) } "
    "always { trace.every(tax.calculate).must(after(shipping.quote)) }",
    "tax before charge": "when { trace.has(payment.charge) and trace.has(tax.calculate) } "
    "always { trace.every(tax.calculate).must(before(payment.charge)) }",
    "one reservation": "when { trace.has(payment.charge) } always { trace.count(inventory.reserve) == 1 }",
    "one amount": "when { trace.has(payment.charge).where(attempt > 1) } "
    "always { trace.distinct(payment.charge, amount) == 1 }",
    "checked amount": "when { trace.has(payment.charge) and trace.has(payment.fraud_check) } "
    "always { trace.every(payment.fraud_check).must(beside(payment.charge, same amount)) }",
    "region": 'when { trace.has("POST /checkout") } '
    'always { trace.every("POST /checkout").must(shop.region == "eu-west-1") }',
    "items": "when { trace.has(inventory.reserve) } always { trace.max(inventory.reserve, item.count) <= 6 }",
    "log": "when { trace.has(price.change) } always { trace.has(audit.log) }",
}


@pytest.mark.parametrize("text", COINCIDENCES.values(), ids=list(COINCIDENCES))
def test_a_coincidence_nearly_always_holds_and_fails_where_habits_are_broken(made, broken_habits, text):
    usual, other = (
        (check([Rule(text, id="one")], traces))[0].counts.pass_rate for traces in (made.traces, broken_habits)
    )
    assert usual is not None
    assert other is not None
    assert 0.85 < usual < 1
    assert other < 0.8


def test_post_mortems_are_filled_and_name_harmed_traces(made):
    for incident in CHECKOUT.incidents:
        harmed = made.harmed[incident.id]
        occurrence = Occurrence(*made.run.window_ns(incident), harmed, made.planted.innocent(made.run)[incident.id])
        text = render_postmortem(CHECKOUT, incident, occurrence)
        assert "$" not in text
        assert any(trace in text or trace[:8] in text for trace in harmed)
        assert 45 <= len(text.splitlines()) <= 95


def test_every_workflow_has_a_weight():
    assert len(WORKFLOW_WEIGHTS) == len(Workflow)
    assert sum(WORKFLOW_WEIGHTS) == pytest.approx(1)
