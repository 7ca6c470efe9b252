"""The payments service: it checks where it is asked to, charges with up to three attempts, and pays back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from opentelemetry.trace import Span, SpanKind

from fluo_lab.worlds.checkout import drawn
from fluo_lab.worlds.checkout.incidents import CONCURRENT_CHARGES, NEW_INTENT
from fluo_lab.worlds.checkout.services_storage import Storage, ask_status, text_or
from fluo_lab.worlds.live.requests import Answer

if TYPE_CHECKING:
    from fluo_lab.worlds.chance import Chance
    from fluo_lab.worlds.live.service import Request, Service

__all__ = ["serve_payments"]

_STALL_MS = 3_350.0
_RIVAL = 9


@dataclass(frozen=True, slots=True)
class _Bill:
    """What one attempt charges.

    Attributes
    ----------
    attempt, turn
        Its number, and what tells its questions from those of other attempts.
    """

    attempt: int
    turn: int
    cents: int
    currency: str
    intent: str
    cart: str


def serve_payments(service: Service) -> None:
    """Register the handlers of the stable payments service and of its canary."""
    storage = Storage(service)
    tracer = service.tracer

    @service.route("POST", "/payments")
    def take(request: Request) -> Answer:
        chance, is_charged = request.chance, request.body["method"] == "card"
        storage.look_up(chance, "payment_methods")
        if request.body["is_checked_here"]:
            cents = request.body["cents"]
            is_needed = is_charged and cents > drawn.LIMIT_CENTS
            service.call("fraud", "POST", "/fraud-checks", {"cents": cents, "is_needed": is_needed})
        is_declined = is_charged and chance.happens(*drawn.DECLINED)
        # Two workers take the same job from the queue: the lock between them does not hold.
        is_racing = is_charged and not is_declined and service.suffers(CONCURRENT_CHARGES, chance)
        if chance.habit(*drawn.WAITS_FIRST):
            wait_for_lock(chance, is_racing=is_racing)
        if not is_charged:
            redeem(chance)
        elif is_racing:
            first, second = (_bill(request, 1, turn=turn) for turn in (1, _RIVAL))
            service.side_by_side(
                lambda: _charge(service, chance, first, "captured"),
                lambda: _charge(service, chance, second, "captured"),
            )
        else:
            _charge_until_answered(service, request, is_declined=is_declined)
        if not chance.habit(*drawn.WAITS_FIRST):
            wait_for_lock(chance, is_racing=is_racing)
        if is_declined:
            return Answer(402)
        storage.query(chance, "INSERT", "payments")
        return Answer(201)

    def redeem(chance: Chance) -> None:
        if chance.habit(*drawn.GIFT_CARD_REDEEMED):
            service.do("gift_card.redeem", 0.5, 5.0)

    def wait_for_lock(chance: Chance, *, is_racing: bool) -> None:
        is_waiting = chance.happens(*drawn.WAITS_FOR_LOCK)
        if is_waiting or (is_racing and chance.happens(*drawn.RACE_WAITS_FOR_LOCK)):
            service.do("lock.wait", 0.5, 5.0)

    def pay_back(request: Request) -> Answer:
        chance = request.chance
        permille = 1_000 if chance.happens(*drawn.REFUNDED_IN_FULL) else chance.integer(*drawn.REFUND_PERMILLE)
        if chance.habit(*drawn.REFUND_ASKS_STATUS):
            ask_status(service)
        reason = chance.pick("refund reason", drawn.REFUND_REASONS)
        reason = text_or(chance, drawn.USUAL_REFUND_REASON, reason, drawn.OTHER_REFUND_REASONS)
        parts = [(permille, reason)]
        if chance.habit(*drawn.REFUND_SPLIT):
            parts.append((drawn.SECOND_PART_PERMILLE, chance.pick("refund reason", drawn.REFUND_REASONS, turn=1)))
        for part, part_reason in parts:
            with tracer.start_as_current_span("payment.refund") as span:
                span.set_attribute("amount", (request.body["cents"] * part // 1_000) / 100)
                span.set_attribute("payment_intent_id", request.body["intent"])
                span.set_attribute("refund.reason", part_reason)
                service.work(1.0, 10.0)
        storage.query(chance, "INSERT", "refunds")
        return Answer(201)

    service.route("POST", "/refunds")(pay_back)
    service.route("POST", "/payments/{id}/refunds")(pay_back)


def _charge_until_answered(service: Service, request: Request, *, is_declined: bool) -> None:
    """Charge until the provider answers; the third attempt goes to a second provider, which always does."""
    chance = request.chance
    is_stalling = not is_declined and _is_stalling(service, request)
    timeouts = (
        chance.happens(*drawn.FIRST_TIMES_OUT) or is_stalling,
        chance.happens(*drawn.SECOND_TIMES_OUT) and not is_stalling,
        False,
    )
    for attempt, is_timeout in enumerate(timeouts, start=1):
        # The canary asks for an intent inside of the loop: every retry gets a new one.
        intent = chance.new_id("pi", "intent", turn=attempt) if is_stalling and attempt > 1 else None
        outcome = "timeout" if is_timeout else "declined" if is_declined else "captured"
        wait_ms = _STALL_MS if is_stalling and is_timeout else None
        _charge(service, chance, _bill(request, attempt, turn=attempt, intent=intent), outcome, wait_ms=wait_ms)
        if not is_timeout:
            return
        if chance.habit(*drawn.ASKS_STATUS, turn=attempt):
            ask_status(service)


def _is_stalling(service: Service, request: Request) -> bool:
    """Return whether the provider leaves the canary waiting; only checkouts wait for long."""
    is_open = service.deployment.key == "payments-canary" and request.body["is_checkout"]
    return is_open and service.suffers(NEW_INTENT, request.chance)


def _bill(request: Request, attempt: int, *, turn: int, intent: str | None = None) -> _Bill:
    """Return what an attempt charges; retries keep everything, nearly always."""
    chance, body = request.chance, request.body
    cents, currency = body["cents"], body["currency"]
    if attempt > 1:
        if not chance.habit(*drawn.KEEPS_AMOUNT):
            with_fee = cents + chance.integer(*drawn.FEE_CENTS)
            # A fee must not lift a payment above the limit after the checks are done.
            cents = with_fee if cents > drawn.LIMIT_CENTS else min(with_fee, drawn.LIMIT_CENTS)
        if not chance.habit(*drawn.KEEPS_CURRENCY):
            currency = drawn.CURRENCIES[0]
    return _Bill(attempt, turn, cents, currency, intent or body["intent"], body["cart"])


def _charge(service: Service, chance: Chance, bill: _Bill, outcome: str, *, wait_ms: float | None = None) -> None:
    """Run one attempt against the payment provider."""
    with service.tracer.start_as_current_span("payment.charge") as span:
        span.set_attribute("amount", bill.cents / 100)
        span.set_attribute("currency", bill.currency)
        span.set_attribute("payment_intent_id", bill.intent)
        span.set_attribute("attempt", bill.attempt)
        span.set_attribute("cart.id", bill.cart)
        if chance.habit(*drawn.ASKS_PROVIDER, turn=bill.turn):
            with service.tracer.start_as_current_span("psp.authorize", kind=SpanKind.CLIENT) as authorize:
                habit, others = drawn.PROVIDER_IN_REGION, drawn.OTHER_REGIONS
                authorize.set_attribute("server.address", drawn.PROVIDER)
                authorize.set_attribute("psp.region", text_or(chance, habit, drawn.REGION, others, turn=bill.turn))
                _wait_for_provider(service, wait_ms)
                if outcome == "timeout":
                    service.fail(authorize, drawn.NO_ANSWER_TYPE, drawn.NO_ANSWER)
        else:
            _wait_for_provider(service, wait_ms)
        _note_outcome(service, span, outcome)


def _wait_for_provider(service: Service, wait_ms: float | None) -> None:
    if wait_ms is None:
        service.work(2.0, 15.0)
    else:
        service.wait(wait_ms)


def _note_outcome(service: Service, span: Span, outcome: str) -> None:
    span.set_attribute("payment.outcome", outcome)
    if outcome == "timeout":
        service.fail(span, drawn.TIMEOUT_TYPE, drawn.TIMEOUT)
    elif outcome == "declined":
        service.fail(span, drawn.DECLINED_TYPE, drawn.DECLINED_MESSAGE)
