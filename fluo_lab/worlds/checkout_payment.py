"""How the shop takes money: reservation, fraud check, charge with retries, order and receipt."""

from __future__ import annotations

from dataclasses import dataclass

from opentelemetry.trace import SpanKind

from fluo_lab.worlds.checkout_rules import Violation
from fluo_lab.worlds.fleet import Attributes, Step
from fluo_lab.worlds.visit import PAYMENT_CANARY, PAYMENT_STABLE, Visit

__all__ = ["Payment", "Purchase", "buy", "deliver_receipt", "new_purchase", "reserve_stock"]

_FRAUD_CHECK_ABOVE_CENTS = 1000_00
_SKUS = ("mug-01", "lamp-14", "chair-07", "desk-22", "rug-05", "sofa-31", "vase-09", "clock-03", "shelf-11")


@dataclass(frozen=True, slots=True)
class Purchase:
    """What is being paid for."""

    cart_id: str
    intent_id: str
    amount_cents: int
    currency: str
    skus: tuple[str, ...]

    @property
    def amount(self) -> float:
        """The amount in units of the currency."""
        return self.amount_cents / 100


@dataclass(frozen=True, slots=True)
class Payment:
    """How a payment ended.

    Attributes
    ----------
    is_captured
        Whether the money was taken.
    intent_id
        The intent of the last attempt.
    """

    is_captured: bool
    intent_id: str


def new_purchase(visit: Visit, *, high_value_rate: float = 0.24) -> Purchase:
    """Return a purchase with a fresh cart and intent; amounts crowd on both sides of 1000."""
    share = visit.rng.random()
    if visit.happens(high_value_rate):
        amount_cents = _FRAUD_CHECK_ABOVE_CENTS + 1 + int(share * share * 240_000)
    else:
        amount_cents = _FRAUD_CHECK_ABOVE_CENTS - int(share * 98_800)
    return Purchase(
        cart_id=visit.new_id("cart"),
        intent_id=visit.new_id("pi"),
        amount_cents=amount_cents,
        currency=visit.rng.choice(("EUR", "EUR", "EUR", "USD", "GBP")),
        skus=tuple(visit.rng.sample(_SKUS, visit.rng.randint(1, 5))),
    )


def buy(visit: Visit, step: Step, purchase: Purchase) -> Payment:
    """Reserve, check for fraud and charge, as the storefront orchestrates it; return how it ended.

    The reservation and the fraud check are independent and come in either order; both come before the charge.
    """
    needs_check = purchase.amount_cents > _FRAUD_CHECK_ABOVE_CENTS
    is_checked = not visit.suffers(Violation.MISSING_FRAUD_CHECK) if needs_check else visit.happens(0.15)
    is_checked_first = visit.happens(0.4)
    if is_checked and is_checked_first:
        _check_fraud(step, purchase)
    if not visit.suffers(Violation.MISSING_RESERVATION):
        reserve_stock(visit, step, purchase)
    if is_checked and not is_checked_first:
        _check_fraud(step, purchase)
    payment = _charge(visit, step, purchase)
    if not payment.is_captured:
        _release_stock(visit, step, purchase)
    return payment


def reserve_stock(visit: Visit, step: Step, purchase: Purchase) -> None:
    """Set the goods of a purchase aside."""
    with step.call("inventory", "POST", "/reservations") as server:
        attributes: Attributes = {
            "cart.id": purchase.cart_id,
            "item.count": len(purchase.skus),
            "item.skus": purchase.skus,
        }
        with server.child("inventory.reserve", attributes=attributes) as reserve:
            reserve.work(400, 4_000)
            visit.query(reserve, "UPDATE", "stock", rows=len(purchase.skus))


def _release_stock(visit: Visit, step: Step, purchase: Purchase) -> None:
    with (
        step.call("inventory", "DELETE", "/reservations/{id}") as server,
        server.child("inventory.release", attributes={"cart.id": purchase.cart_id}) as release,
    ):
        visit.query(release, "UPDATE", "stock", rows=len(purchase.skus))


def _check_fraud(step: Step, purchase: Purchase) -> None:
    with (
        step.call(PAYMENT_STABLE[0], "POST", "/fraud-checks") as payments,
        payments.child("payment.fraud_check", attributes={"amount": purchase.amount}) as check,
    ):
        check.work(200, 1_000)
        with check.call("fraud", "POST", "/score") as server:
            server.work(3_000, 45_000)
        # Seen from the cart alone, so that the score says nothing about the charge.
        check.note(score=int(purchase.cart_id[-4:], 16) % 900 / 1000)


def _charge(visit: Visit, step: Step, purchase: Purchase) -> Payment:
    is_retried = visit.happens(visit.retry_rate)
    is_doubled = is_retried and visit.suffers(Violation.DOUBLE_CHARGE)
    is_on_canary = is_doubled or (visit.has_canary and not is_retried and visit.happens(0.3))
    key = PAYMENT_CANARY if is_on_canary else visit.rng.choice(PAYMENT_STABLE)
    with step.call(key, "POST", "/payments") as server:
        visit.look_up(server, "payment_methods", hit_rate=0.97)
        intent_id, attempt = purchase.intent_id, 1
        outcome = _attempt(visit, server, purchase, intent_id, attempt, is_to_fail=is_retried)
        while outcome == "timeout" and attempt < 3:
            server.work(50_000 * attempt, 120_000 * attempt)
            attempt += 1
            if is_doubled:
                intent_id = visit.new_id("pi")
            outcome = _attempt(
                visit, server, purchase, intent_id, attempt, is_to_fail=not is_doubled and visit.happens(0.15)
            )
        is_captured = outcome == "captured"
        server.http_status = 201 if is_captured else 402
        if is_captured:
            visit.query(server, "INSERT", "payments")
    return Payment(is_captured, intent_id)


def _attempt(visit: Visit, server: Step, purchase: Purchase, intent_id: str, attempt: int, *, is_to_fail: bool) -> str:
    """Run one charge against the payment provider; return its outcome."""
    attributes: Attributes = {
        "amount": purchase.amount,
        "currency": purchase.currency,
        "payment_intent_id": intent_id,
        "attempt": attempt,
        "cart.id": purchase.cart_id,
    }
    with server.child("payment.charge", attributes=attributes) as charge:
        outcome = "timeout" if is_to_fail else "declined" if visit.happens(0.07) and attempt == 1 else "captured"
        client: Attributes = {
            "http.request.method": "POST",
            "server.address": "api.psp.example",
            "server.port": 443,
            "url.full": "https://api.psp.example/v1/charges",
        }
        with charge.child("POST", kind=SpanKind.CLIENT, attributes=client) as gateway:
            if outcome == "timeout":
                gateway.work(2_000_000, 2_010_000)
                gateway.note(error__type="timeout")
                gateway.fail("requests.exceptions.ReadTimeout", "api.psp.example: read timed out after 2 s")
            else:
                gateway.work(60_000, 700_000)
                gateway.note(http__response__status_code=200 if outcome == "captured" else 402)
        charge.work(50, 300)
        charge.note(payment__outcome=outcome)
        if outcome == "timeout":
            charge.fail("payment.GatewayTimeout", "no answer from the payment provider")
        elif outcome == "declined":
            charge.fail("payment.CardDeclined", "insufficient funds")
    return outcome


def deliver_receipt(visit: Visit, step: Step, order_id: str, purchase: Purchase) -> None:
    """Publish the order and let the notification service answer with a receipt, on its own time."""
    topic: Attributes = {
        "messaging.system": "kafka",
        "messaging.destination.name": "orders",
        "order.id": order_id,
    }
    with step.child("orders publish", kind=SpanKind.PRODUCER, attributes=topic) as publish:
        publish.work(300, 3_000)
        visit.recent_orders.append(publish.context)
        with publish.child(
            "orders process",
            key="notification",
            kind=SpanKind.CONSUMER,
            attributes=topic,
            links=[publish.context],
            is_detached=True,
        ) as process:
            process.work(500, 2_000)
            with process.child("notification.receipt", attributes={"order.id": order_id}) as receipt:
                # The queue's lag and the mail server's answer are longer than the request itself.
                receipt.work(30_000, 900_000)
                receipt.note(channel=visit.rng.choice(("email", "email", "push")), amount=purchase.amount)
