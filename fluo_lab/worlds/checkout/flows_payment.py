"""Fraud checks, charges and refunds in the simulation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fluo_lab.traces.schema import SpanKind
from fluo_lab.worlds.checkout import drawn
from fluo_lab.worlds.checkout.flows_stock import request_reservation
from fluo_lab.worlds.checkout.flows_storage import look_up, number_or, query, text_or, work_where
from fluo_lab.worlds.simulated import Flow, Step, Texts
from fluo_lab.worlds.simulated.values import Mask, Value

__all__ = ["Checks", "Purchase", "ask_fraud_service", "ask_status", "buy", "plan_checks", "refund", "reserve_late"]

_OUTCOMES = ("captured", "declined", "timeout")
_SLOWNESS_US = (1_800_000, 1_950_000)
_STALL_US = (3_300_000, 3_700_000)


@dataclass(frozen=True, slots=True, eq=False)
class Purchase:
    """What is bought in each of many visits, and what goes wrong with it.

    Attributes
    ----------
    cart, intent, order, reservation
        Identifiers.
    cents, items
        Its value and how many things it holds.
    currency, channel, method
        In what, from where and how it is paid.
    is_refused
        Whether the customer does not get the goods.
    skips_check, reserves_late, is_racing, is_stalling
        Which incident harms it.
    """

    cart: pl.Series
    intent: pl.Series
    order: pl.Series
    reservation: pl.Series
    cents: NDArray[np.int64]
    items: Value
    currency: Texts
    channel: Texts
    method: Texts
    is_refused: Mask
    skips_check: Mask
    reserves_late: Mask
    is_racing: Mask
    is_stalling: Mask

    @property
    def is_high(self) -> Mask:
        """Whether a charge needs a fraud check."""
        return self.cents > drawn.LIMIT_CENTS

    @property
    def is_charged(self) -> Mask:
        """Whether a card is charged."""
        return self.method.is_any("card")


@dataclass(frozen=True, slots=True, eq=False)
class Checks:
    """When purchases are checked for fraud, and who asks for it: each is checked once at most."""

    first: Mask
    then: Mask
    by_payments: Mask
    late: Mask


def plan_checks(flow: Flow, purchase: Purchase) -> Checks:
    """Return when the purchases are checked; only large charges need it."""
    chances = flow.chances
    is_needed = purchase.is_charged & purchase.is_high
    is_checked = np.where(is_needed, ~purchase.skips_check, chances.happens(*drawn.SAMPLED_CHECK))
    is_by_payments = is_checked & ~purchase.method.is_any("invoice") & ~chances.habit(*drawn.CHECKED_BY_STOREFRONT)
    is_late = is_checked & ~is_by_payments & ~is_needed & ~chances.habit(*drawn.SAMPLED_CHECK_EARLY)
    is_early = is_checked & ~is_by_payments & ~is_late
    is_first = is_early & chances.happens(*drawn.CHECKED_FIRST)
    return Checks(is_first, is_early & ~is_first, is_by_payments, is_late)


def buy(root: Step, purchase: Purchase, checks: Checks) -> None:
    """Set the goods aside, check for fraud and take the money, as the storefront conducts it."""
    chances = root.flow.chances
    on_account = purchase.method.is_any("invoice")
    is_credit_late = chances.habit(*drawn.CREDIT_AFTER_RESERVATION)
    is_needed = purchase.is_charged & ~purchase.reserves_late
    is_in_time = is_needed | (~purchase.is_charged & _reserves_without_charge(root.flow, is_first=True))
    ask_fraud_service(root, purchase, where=checks.first)
    _check_credit(root, where=on_account & ~is_credit_late)
    request_reservation(root, "/reservations", purchase.cart, purchase.items, where=is_in_time)
    ask_fraud_service(root, purchase, where=checks.then)
    _check_credit(root, where=on_account & is_credit_late)
    is_on_canary = chances.happens(*drawn.ON_CANARY) | purchase.is_stalling
    for key, is_there in (("payments", ~is_on_canary), ("payments-canary", is_on_canary)):
        with root.call(key, "POST", "/payments", where=~on_account & is_there) as server:
            _take_payment(server, purchase, checks.by_payments)
    request_reservation(
        root, "/reservations", purchase.cart, purchase.items, where=purchase.reserves_late, is_detached=True
    )


def reserve_late(root: Step, purchase: Purchase) -> None:
    """Set the goods aside that are set aside when everything else is done: they are not charged."""
    where = ~purchase.is_charged & _reserves_without_charge(root.flow, is_first=False)
    request_reservation(root, "/reservations", purchase.cart, purchase.items, where=where)


def ask_fraud_service(root: Step, purchase: Purchase, *, where: Mask) -> None:
    """Have purchases checked for fraud."""
    is_needed = purchase.is_charged & purchase.is_high
    with root.call("fraud", "POST", "/fraud-checks", where=where) as server:
        look_up(server, "customers")
        is_run = is_needed | root.flow.chances.habit(*drawn.SAMPLED_CHECK_RUN)
        _check_fraud(server, purchase, where=is_run)
        _check_fraud(server, purchase, where=is_run & ~root.flow.chances.habit(*drawn.CHECKED_ONCE))


def ask_status(step: Step, *, where: Mask) -> None:
    """Ask the payment provider for the state of a payment."""
    with step.span("psp.status_check", where=where, kind=SpanKind.CLIENT) as check:
        check.note("server.address", drawn.PROVIDER)
        check.work("status", 5_000, 40_000)


def refund(root: Step, purchase: Purchase, *, where: Mask) -> None:
    """Pay money back: part of the charge, or all of it."""
    chances = root.flow.chances
    is_part_of_payment = chances.habit(*drawn.REFUND_BY_PAYMENT)
    with root.call("payments", "POST", "/refunds", where=where & ~is_part_of_payment) as server:
        _pay_back(server, purchase)
    path = "/payments/" + purchase.intent + "/refunds"
    route = "/payments/{id}/refunds"
    with root.call("payments", "POST", route, path=path, where=where & is_part_of_payment) as server:
        _pay_back(server, purchase)


def _pay_back(server: Step, purchase: Purchase) -> None:
    flow = server.flow
    permille = np.where(
        flow.chances.happens(*drawn.REFUNDED_IN_FULL), 1_000, flow.chances.integer(*drawn.REFUND_PERMILLE)
    )
    reason = flow.pick("refund reason", drawn.REFUND_REASONS)
    attributes: dict[str, Value] = {
        "amount": (purchase.cents * permille // 1_000) / 100,
        "payment_intent_id": purchase.intent,
        "refund.reason": text_or(flow, drawn.USUAL_REFUND_REASON, reason, drawn.OTHER_REFUND_REASONS),
    }
    ask_status(server, where=flow.chances.habit(*drawn.REFUND_ASKS_STATUS))
    server.do("payment.refund", 20_000, 200_000, attributes=attributes)
    rest = {
        **attributes,
        "amount": (purchase.cents * drawn.SECOND_PART_PERMILLE // 1_000) / 100,
        "refund.reason": flow.pick("refund reason", drawn.REFUND_REASONS, turn=1),
    }
    server.do("payment.refund", 20_000, 200_000, where=flow.chances.habit(*drawn.REFUND_SPLIT), attributes=rest)
    query(server, "INSERT", "refunds")
    server.answer(201)


def _check_fraud(step: Step, purchase: Purchase, *, where: Mask) -> None:
    flow = step.flow
    is_final = flow.chances.habit(*drawn.CHECKS_FINAL_AMOUNT)
    cents = np.where(is_final, purchase.cents, flow.chances.integer(*drawn.ESTIMATED_CENTS))
    with step.span("payment.fraud_check", where=where, attributes={"amount": cents / 100}) as check:
        check.do("score.compute", 2_000, 40_000, where=flow.chances.habit(*drawn.SCORED))
        check.note("fraud.score", number_or(flow, drawn.USUAL_SCORE, drawn.SCORE, drawn.HIGH_SCORE))


def _take_payment(server: Step, purchase: Purchase, is_checked_here: Mask) -> None:
    """Charge a card, three times at most."""
    flow, chances = server.flow, server.flow.chances
    look_up(server, "payment_methods")
    ask_fraud_service(server, purchase, where=server.where & is_checked_here)
    is_waiting = chances.happens(*drawn.WAITS_FOR_LOCK)
    is_waiting |= purchase.is_racing & chances.happens(*drawn.RACE_WAITS_FOR_LOCK)
    is_waiting_first = chances.habit(*drawn.WAITS_FIRST)
    _wait_for_lock(server, where=is_waiting & is_waiting_first)
    is_redeemed = ~purchase.is_charged & chances.habit(*drawn.GIFT_CARD_REDEEMED)
    server.do("gift_card.redeem", 1_000, 9_000, where=is_redeemed)
    is_racing, is_stalling = purchase.is_racing, purchase.is_stalling
    timeouts = (
        (chances.happens(*drawn.FIRST_TIMES_OUT) | is_stalling) & ~is_racing,
        chances.happens(*drawn.SECOND_TIMES_OUT) & ~is_stalling,
        flow.nobody(),
    )
    is_open = server.where & purchase.is_charged
    for attempt, is_timeout in enumerate(timeouts, start=1):
        start_ns = server.now_ns.copy()
        _charge(server, purchase, attempt, is_timeout, where=is_open)
        if attempt == 1:
            later_ns = start_ns + chances.integer("time between racing charges", 40_000, 900_000)
            _charge(server, purchase, attempt, is_timeout, where=is_open & is_racing, at_ns=later_ns, is_rival=True)
        is_open = is_open & is_timeout
        is_asking = is_open & chances.habit(*drawn.ASKS_STATUS, turn=attempt)
        ask_status(server, where=is_asking)
    _wait_for_lock(server, where=is_waiting & ~is_waiting_first)
    query(server, "INSERT", "payments", where=~purchase.is_refused)
    server.answer(np.where(purchase.is_refused, 402, 201))


def _wait_for_lock(server: Step, *, where: Mask) -> None:
    server.do("lock.wait", 500, 20_000, where=where)


def _charge(
    server: Step,
    purchase: Purchase,
    attempt: int,
    is_timeout: Mask,
    *,
    where: Mask,
    at_ns: NDArray[np.int64] | None = None,
    is_rival: bool = False,
) -> None:
    """Run one attempt; a rival is the same attempt by another worker."""
    flow, chances = server.flow, server.flow.chances
    turn = 9 if is_rival else attempt
    cents, currency, intent = purchase.cents, purchase.currency, purchase.intent
    if attempt > 1:
        with_fee = cents + chances.integer(*drawn.FEE_CENTS)
        with_fee = np.where(purchase.is_high, with_fee, np.minimum(with_fee, drawn.LIMIT_CENTS))
        cents = np.where(chances.habit(*drawn.KEEPS_AMOUNT), cents, with_fee)
        currency = Texts(np.where(chances.habit(*drawn.KEEPS_CURRENCY), currency.codes, 0), currency.options)
        renewed = flow.ids("pi", "intent", turn=attempt)
        intent = pl.select(
            pl.when(pl.Series(purchase.is_stalling)).then(renewed).otherwise(purchase.intent)
        ).to_series()
    attributes: dict[str, Value] = {
        "amount": cents / 100,
        "currency": currency,
        "payment_intent_id": intent,
        "attempt": attempt,
        "cart.id": purchase.cart,
    }
    is_declined = purchase.is_refused & ~is_timeout
    is_stalling = purchase.is_stalling & is_timeout
    is_slow = chances.happens(*drawn.SLOW_ANSWER) & ~is_timeout & (attempt == 1)
    is_asked = chances.habit(*drawn.ASKS_PROVIDER, turn=turn)
    near = flow.pick("region", (drawn.REGION,))
    region = text_or(flow, drawn.PROVIDER_IN_REGION, near, drawn.OTHER_REGIONS, turn=turn)
    with server.span("payment.charge", where=where, attributes=attributes, at_ns=at_ns) as charge:
        with charge.span("psp.authorize", where=is_asked, kind=SpanKind.CLIENT) as authorize:
            authorize.note("server.address", drawn.PROVIDER)
            authorize.note("psp.region", region)
            _wait_for_provider(authorize, is_asked, is_timeout, is_slow, is_stalling)
            authorize.fail(drawn.NO_ANSWER_TYPE, drawn.NO_ANSWER, where=is_timeout)
        _wait_for_provider(charge, ~is_asked, is_timeout, is_slow, is_stalling)
        charge.work("charge", 50, 300)
        charge.note("payment.outcome", Texts(np.where(is_timeout, 2, np.where(is_declined, 1, 0)), _OUTCOMES))
        charge.fail(drawn.TIMEOUT_TYPE, drawn.TIMEOUT, where=is_timeout)
        charge.fail(drawn.DECLINED_TYPE, drawn.DECLINED_MESSAGE, where=is_declined)


def _wait_for_provider(step: Step, where: Mask, is_timeout: Mask, is_slow: Mask, is_stalling: Mask) -> None:
    work_where(step, where, "provider", 40_000, 300_000)
    work_where(step, where & is_timeout & ~is_stalling, "timeout", 100_000, 150_000)
    work_where(step, where & is_slow, "slow answer", *_SLOWNESS_US)
    work_where(step, where & is_stalling, "stall", *_STALL_US)


def _reserves_without_charge(flow: Flow, *, is_first: bool) -> Mask:
    chances = flow.chances
    is_first_habit = chances.habit(*drawn.RESERVES_FIRST)
    is_here = is_first_habit if is_first else ~is_first_habit
    return is_here & chances.habit(*drawn.RESERVES_WITHOUT_CHARGE)


def _check_credit(root: Step, *, where: Mask) -> None:
    root.do("credit.check", 1_000, 20_000, where=where & root.flow.chances.habit(*drawn.CREDIT_CHECKED))
