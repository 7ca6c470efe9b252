"""The invariants of the checkout world, and the ways in which it can break them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fluo_lab.worlds.truth import PlantedRule

__all__ = ["CHECKOUT_RULES", "FAULTS", "Fault", "Violation"]


class Violation(StrEnum):
    """One way in which the shop can go wrong."""

    DOUBLE_CHARGE = "double-charge"
    MISSING_RESERVATION = "missing-reservation"
    MISSING_FRAUD_CHECK = "missing-fraud-check"
    MISSING_CHARGE = "missing-charge"


@dataclass(frozen=True, slots=True)
class Fault:
    """What one violation is called as an incident, and what it breaks.

    Attributes
    ----------
    title
        Headline of the incident.
    rules
        Ids of the planted rules that it breaks, the one that names the cause first.
    """

    title: str
    rules: tuple[str, ...]


FAULTS: dict[Violation, Fault] = {
    Violation.DOUBLE_CHARGE: Fault("Customers charged twice after a payment retry", ("retry-keeps-intent",)),
    Violation.MISSING_RESERVATION: Fault(
        "Payments taken for goods that were never reserved",
        ("reservation-before-charge", "charge-needs-reservation"),
    ),
    Violation.MISSING_FRAUD_CHECK: Fault(
        "High-value payments skipped the fraud check",
        ("high-value-needs-fraud-check", "fraud-check-before-high-value-charge"),
    ),
    Violation.MISSING_CHARGE: Fault("Refunds paid without a charge", ("refund-needs-charge",)),
}

CHECKOUT_RULES: tuple[PlantedRule, ...] = (
    PlantedRule(
        "charge-needs-reservation",
        "when { trace.has(payment.charge) } always { trace.has(inventory.reserve) }",
        "presence",
    ),
    PlantedRule(
        "reservation-before-charge",
        "when { trace.has(payment.charge) } always { trace.every(payment.charge).must(after(inventory.reserve)) }",
        "precedence",
    ),
    PlantedRule(
        "charge-and-reservation-share-cart",
        "when { trace.has(payment.charge) and trace.has(inventory.reserve) } "
        "always { trace.every(payment.charge).must(beside(inventory.reserve, same cart.id)) }",
        "same_value",
    ),
    PlantedRule(
        "retry-keeps-intent",
        "when { trace.has(payment.charge).where(attempt > 1) } "
        "always { trace.distinct(payment.charge, payment_intent_id) == 1 }",
        "distinct_one",
    ),
    PlantedRule(
        "high-value-needs-fraud-check",
        "when { trace.has(payment.charge).where(amount > 1000) } always { trace.has(payment.fraud_check) }",
        "presence",
    ),
    PlantedRule(
        "fraud-check-before-high-value-charge",
        "when { trace.has(payment.charge).where(amount > 1000) } "
        "always { trace.every(payment.charge).where(amount > 1000).must(after(payment.fraud_check)) }",
        "precedence",
    ),
    PlantedRule(
        "refund-needs-charge",
        "when { trace.has(payment.refund) } always { trace.has(payment.charge) }",
        "presence",
    ),
    PlantedRule(
        "refund-not-above-charge",
        "when { trace.has(payment.refund) and trace.has(payment.charge) } "
        "always { trace.max(payment.refund, amount) <= trace.min(payment.charge, amount) }",
        "value_le",
    ),
    PlantedRule(
        "captured-charge-gets-receipt",
        "when { trace.has(payment.charge).where(payment.outcome == captured) } "
        "always { trace.every(payment.charge).where(payment.outcome == captured)"
        ".must(before(notification.receipt)) }",
        "response",
    ),
    PlantedRule(
        "one-order-per-checkout",
        'when { trace.has("POST /checkout").where(http.response.status_code == 201) } '
        "always { trace.count(order.create) == 1 }",
        "exactly_one",
    ),
    PlantedRule(
        "declined-checkout-releases-stock",
        'when { trace.has("POST /checkout").where(http.response.status_code == 402) } '
        "always { trace.has(inventory.release) }",
        "presence",
    ),
    PlantedRule(
        "attempts-rise",
        "when { trace.has(payment.charge) } always { trace.rising(payment.charge, attempt) }",
        "monotone",
    ),
    PlantedRule(
        "at-most-three-attempts",
        "when { trace.has(payment.charge) } always { trace.count(payment.charge) <= 3 }",
        "at_most",
    ),
    PlantedRule(
        "charge-under-payments",
        'when { trace.has(payment.charge) } always { trace.every(payment.charge).must(child_of("POST /payments")) }',
        "child_of",
    ),
    PlantedRule(
        "charge-in-known-currency",
        "when { trace.has(payment.charge) } always { trace.every(payment.charge).must(currency in [EUR, USD, GBP]) }",
        "allowed_values",
    ),
    PlantedRule(
        "intent-captured-once",
        "per payment_intent_id within 10m never { trace.count(payment.charge).where(payment.outcome == captured) > 1 }",
        "global_unique",
    ),
)
