"""What always holds in the shop, unless an incident breaks it."""

from __future__ import annotations

from fluo_lab.worlds.world import Invariant

__all__ = ["INVARIANTS"]

INVARIANTS = (
    Invariant(
        "reservation-before-charge",
        "Goods are set aside before the customer is charged",
        "when { trace.has(payment.charge) } always { trace.every(payment.charge).must(after(inventory.reserve)) }",
        "precedence",
        "critical",
    ),
    Invariant(
        "charge-needs-reservation",
        "Nobody is charged for goods that were not set aside",
        "when { trace.has(payment.charge) } always { trace.has(inventory.reserve) }",
        "presence",
        "critical",
    ),
    Invariant(
        "charge-and-reservation-share-cart",
        "The cart that is charged is the cart whose goods were set aside",
        "when { trace.has(payment.charge) and trace.has(inventory.reserve) } "
        "always { trace.every(payment.charge).must(beside(inventory.reserve, same cart.id)) }",
        "same_value",
    ),
    Invariant(
        "retry-keeps-intent",
        "A retried charge keeps its payment intent",
        "when { trace.has(payment.charge).where(attempt > 1) } "
        "always { trace.distinct(payment.charge, payment_intent_id) == 1 }",
        "distinct_one",
        "critical",
    ),
    Invariant(
        "high-value-needs-fraud-check",
        "A payment above 1000 is checked for fraud",
        "when { trace.has(payment.charge).where(amount > 1000) } always { trace.has(payment.fraud_check) }",
        "presence",
        "critical",
    ),
    Invariant(
        "fraud-check-before-high-value-charge",
        "A payment above 1000 is checked for fraud before it is charged",
        "when { trace.has(payment.charge).where(amount > 1000) } "
        "always { trace.every(payment.charge).where(amount > 1000).must(after(payment.fraud_check)) }",
        "precedence",
        "critical",
    ),
    Invariant(
        "refund-needs-charge",
        "An exchange pays money back only where it takes money",
        "when { trace.has(payment.refund) } always { trace.has(payment.charge) }",
        "presence",
        "critical",
    ),
    Invariant(
        "refund-not-above-charge",
        "A refund is never larger than the charge beside it",
        "when { trace.has(payment.refund) and trace.has(payment.charge) } "
        "always { trace.max(payment.refund, amount) <= trace.min(payment.charge, amount) }",
        "value_le",
    ),
    Invariant(
        "refund-names-charged-intent",
        "A refund names the payment intent that was charged",
        "when { trace.has(payment.refund) and trace.has(payment.charge) } "
        "always { trace.every(payment.refund).must(beside(payment.charge, same payment_intent_id)) }",
        "same_value",
    ),
    Invariant(
        "captured-charge-gets-receipt",
        "Whoever paid gets a receipt afterwards",
        "when { trace.has(payment.charge).where(payment.outcome == captured) } "
        "always { trace.every(payment.charge).where(payment.outcome == captured).must(before(notification.receipt)) }",
        "response",
    ),
    Invariant(
        "receipt-names-order",
        "A receipt names the order it is for",
        "when { trace.has(notification.receipt) and trace.has(order.create) } "
        "always { trace.every(notification.receipt).must(beside(order.create, same order.id)) }",
        "same_value",
        "medium",
    ),
    Invariant(
        "one-order-per-checkout",
        "A checkout answered with 201 has created exactly one order",
        'when { trace.has("POST /checkout").where(http.response.status_code == 201) } '
        "always { trace.count(order.create) == 1 }",
        "exactly_one",
    ),
    Invariant(
        "declined-checkout-releases-stock",
        "A declined checkout gives its goods back",
        'when { trace.has("POST /checkout").where(http.response.status_code == 402) } '
        "always { trace.has(inventory.release) }",
        "presence",
        "medium",
    ),
    Invariant(
        "replayed-checkout-charges-nothing",
        "A second click that gets the answer to the first charges nothing",
        "when { trace.has(checkout.replay) } never { trace.has(payment.charge) }",
        "absence",
        "critical",
    ),
    Invariant(
        "attempts-rise",
        "Every further charge of a payment has a higher attempt number",
        "when { trace.has(payment.charge) } always { trace.rising(payment.charge, attempt) }",
        "monotone",
    ),
    Invariant(
        "at-most-three-attempts",
        "A payment is tried three times at most",
        "when { trace.has(payment.charge) } always { trace.count(payment.charge) <= 3 }",
        "at_most",
        "medium",
    ),
    Invariant(
        "charge-under-payments",
        "Only the payment request charges a card",
        'when { trace.has(payment.charge) } always { trace.every(payment.charge).must(child_of("POST /payments")) }',
        "child_of",
    ),
    Invariant(
        "charge-in-known-currency",
        "Charges are in euros, dollars or pounds",
        "when { trace.has(payment.charge) } always { trace.every(payment.charge).must(currency in [EUR, GBP, USD]) }",
        "allowed_values",
        "medium",
    ),
    Invariant(
        "british-carts-pay-british-tax",
        "A cart that goes to Great Britain is taxed there",
        "when { trace.has(tax.calculate).where(customer.country == GB) } "
        'always { trace.every(tax.calculate).where(customer.country == GB).must(tax.regime == "uk vat") }',
        "attr_implies",
        "medium",
    ),
    Invariant(
        "intent-captured-once",
        "Money is taken once for a payment intent, in however many requests",
        "per payment_intent_id within 10m never { trace.count(payment.charge).where(payment.outcome == captured) > 1 }",
        "global_unique",
        "critical",
    ),
    Invariant(
        "checkout-within-three-seconds",
        "A checkout is answered within three seconds",
        'when { trace.has("POST /checkout") } always { trace.every("POST /checkout").must(span.duration <= 3s) }',
        "duration_max",
        "medium",
    ),
)
"""The planted rules."""
