"""Checkouts and exchanges in the simulation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fluo_lab.worlds.checkout import drawn, incidents
from fluo_lab.worlds.checkout.flows_order import create_order, request_receipt, update_order
from fluo_lab.worlds.checkout.flows_payment import Purchase, ask_fraud_service, buy, plan_checks, refund, reserve_late
from fluo_lab.worlds.checkout.flows_stock import release_goods, replace_hold
from fluo_lab.worlds.checkout.flows_storage import describe_visitor, look_up, number_or, text_or, track
from fluo_lab.worlds.simulated import Flow, Step, Texts
from fluo_lab.worlds.simulated.values import Mask

__all__ = ["check_out_once", "check_out_twice", "exchange", "load_cart"]


def check_out_once(flow: Flow) -> None:
    """Buy what is in the cart, in the visits that no second click makes pay again."""
    _check_out(flow, may_repeat=False)


def check_out_twice(flow: Flow) -> None:
    """Buy what is in the cart, in the visits in which a second click may buy it again."""
    _check_out(flow, may_repeat=True)


def exchange(flow: Flow) -> None:
    """Exchange goods of an order: pay for new ones, mostly get money back for the old ones."""
    chances = flow.chances
    purchase = _draw_purchase(flow, is_checkout=False)
    checks = plan_checks(flow, purchase)
    is_paid = ~purchase.is_refused
    gets_refund = purchase.is_charged & chances.happens(*drawn.GETS_REFUND)
    is_refund_last = chances.habit(*drawn.REFUND_AFTER_CHARGE)
    is_loaded_first = chances.habit(*drawn.ORDER_LOADED_FIRST)
    is_updated = chances.habit(*drawn.ORDER_UPDATED)
    is_updated_last = chances.habit(*drawn.ORDER_UPDATED_LAST)
    has_receipt = is_paid & (purchase.is_charged | chances.habit(*drawn.RECEIPT_WITHOUT_CHARGE))
    is_announced = is_paid & (~is_updated | is_updated_last) & chances.habit(*drawn.ANNOUNCED)
    path = "/orders/" + flow.ids("ord", "exchanged order") + "/exchange"
    with flow.request("storefront", "POST", "/orders/{id}/exchange", path=path) as root:
        describe_visitor(root, purchase.channel)
        root.work("exchange", 200, 1_500)
        track(root, "exchange", is_last=False)
        replace_hold(root, purchase.reservation, is_first=True)
        _load_order(root, where=is_loaded_first)
        _prepare(root, is_early=True)
        is_updated_first = is_updated & ~is_updated_last
        update_order(root, purchase, where=is_updated_first, is_announced=flow.nobody(), has_receipt=flow.nobody())
        refund(root, purchase, where=gets_refund & ~is_refund_last)
        buy(root, purchase, checks)
        refund(root, purchase, where=gets_refund & is_refund_last & is_paid)
        messages = {"is_announced": is_announced, "has_receipt": has_receipt}
        create_order(root, purchase, where=is_paid & ~is_updated, **messages)
        update_order(root, purchase, where=is_paid & is_updated & is_updated_last, **messages)
        request_receipt(root, purchase, where=has_receipt & ~is_announced)
        is_released = purchase.is_refused & chances.habit(*drawn.EXCHANGE_RELEASES)
        release_goods(root, purchase.reservation, "declined", where=is_released)
        replace_hold(root, purchase.reservation, is_first=False)
        reserve_late(root, purchase)
        ask_fraud_service(root, purchase, where=checks.late)
        _prepare(root, is_early=False)
        _load_order(root, where=~is_loaded_first)
        track(root, "exchange", is_last=True)
        root.answer(np.where(purchase.is_refused, 402, 200))


def load_cart(root: Step, *, where: Mask | None = None) -> None:
    """Load the cart; the exporter seldom drops the span."""
    flow = root.flow
    is_harmed = flow.nobody()
    for one in incidents.INCIDENTS:
        is_harmed |= flow.run.are_harmed(one.id, flow.chances.visits)
    with root.span(drawn.LOAD_CART, where=where) as load:
        load.work("cart", 300, 3_000)
        look_up(load, "carts")
        load.lose(flow.chances.happens(*drawn.SPAN_LOST) & ~is_harmed)


def _draw_purchase(flow: Flow, *, is_checkout: bool) -> Purchase:
    """Return what is bought in each visit, and plant what goes wrong with it."""
    chances = flow.chances
    on_account = chances.habit(*drawn.PAYS_ON_ACCOUNT)
    with_gift_card = chances.habit(*drawn.PAYS_WITH_GIFT_CARD)
    method = Texts(np.where(on_account, 2, np.where(with_gift_card, 1, 0)), drawn.METHODS)
    is_charged = method.is_any("card")
    is_refused = is_charged & chances.happens(*drawn.DECLINED)
    is_captured = is_charged & ~is_refused
    is_stalling = flow.nobody()
    if is_checkout:
        is_refused = is_refused | (on_account & chances.happens(*drawn.CREDIT_REFUSED))
        is_stalling = flow.suffers(incidents.NEW_INTENT, is_captured)
    skips_check = flow.suffers(incidents.MISSING_FRAUD_CHECK, is_charged)
    channels = chances.pick_code("channel", drawn.CHANNEL_WEIGHTS)
    is_high = chances.happens(*drawn.HIGH_VALUE) | skips_check
    return Purchase(
        cart=flow.ids("cart", "cart"),
        intent=flow.ids("pi", "intent"),
        order=flow.ids("ord", "order"),
        reservation=flow.ids("rsv", "reservation"),
        cents=np.where(
            is_high,
            drawn.LIMIT_CENTS + chances.integer(*drawn.CENTS_ABOVE, skew=2),
            drawn.LIMIT_CENTS - chances.integer(*drawn.CENTS_BELOW, skew=2),
        ),
        items=number_or(flow, drawn.USUAL_CART, drawn.ITEMS, drawn.MANY_ITEMS),
        currency=flow.pick("currency", drawn.CURRENCIES, drawn.CURRENCY_WEIGHTS),
        channel=Texts(np.where(skips_check, drawn.CHANNELS.index("wholesale"), channels), drawn.CHANNELS),
        method=method,
        is_refused=is_refused,
        skips_check=skips_check,
        reserves_late=flow.suffers(incidents.CHARGE_BEFORE_RESERVATION, is_charged),
        is_racing=flow.suffers(incidents.CONCURRENT_CHARGES, is_captured),
        is_stalling=is_stalling,
    )


def _check_out(flow: Flow, *, may_repeat: bool) -> None:
    chances = flow.chances
    purchase = _draw_purchase(flow, is_checkout=True)
    is_captured = purchase.is_charged & ~purchase.is_refused
    is_bought_twice = flow.suffers(incidents.DOUBLE_CLICK, is_captured, parts=(0, 1))
    _request_checkout(flow, purchase, part=0)
    after_us = chances.integer("time to the second click", 250_000, 900_000)
    if may_repeat:
        again = replace(
            purchase, order=flow.ids("ord", "order", turn=1), reservation=flow.ids("rsv", "reservation", turn=1)
        )
        _request_checkout(flow, again, part=1, where=is_bought_twice, after_us=after_us)
    clicks_again = chances.happens(*drawn.CLICKS_AGAIN) & ~is_bought_twice
    with flow.request("storefront", "POST", "/checkout", where=clicks_again, part=1, after_us=after_us) as root:
        describe_visitor(root, purchase.channel)
        root.do("checkout.replay", 300, 2_000, where=chances.habit(*drawn.REPLAY_NOTED))
        root.answer(409)


def _request_checkout(
    flow: Flow, purchase: Purchase, *, part: int, where: Mask | None = None, after_us: int | NDArray[np.int64] = 0
) -> None:
    chances = flow.chances
    checks = plan_checks(flow, purchase)
    is_paid = ~purchase.is_refused
    is_drafted = ~chances.habit(*drawn.CHARGED_FIRST)
    is_created = is_paid & (is_drafted | chances.habit(*drawn.ORDERED_AT_ONCE))
    has_receipt = is_paid & (purchase.is_charged | chances.habit(*drawn.RECEIPT_WITHOUT_CHARGE))
    is_announced = is_created & ~is_drafted & chances.habit(*drawn.ANNOUNCED)
    is_wrapped = chances.habit(*drawn.GIFT_WRAPPED)
    is_wrapped_last = chances.habit(*drawn.GIFT_WRAPPED_LAST)
    with flow.request("storefront", "POST", "/checkout", where=where, part=part, after_us=after_us) as root:
        describe_visitor(root, purchase.channel)
        root.work("checkout", 200, 1_500)
        track(root, "checkout", is_last=False)
        replace_hold(root, purchase.reservation, is_first=True)
        _wrap_gift(root, where=is_wrapped & ~is_wrapped_last)
        create_order(root, purchase, where=is_drafted, is_announced=flow.nobody(), has_receipt=flow.nobody())
        _prepare(root, is_early=True)
        buy(root, purchase, checks)
        is_new = is_created & ~is_drafted
        create_order(root, purchase, where=is_new, is_announced=is_announced, has_receipt=has_receipt)
        request_receipt(root, purchase, where=has_receipt & ~is_announced)
        is_reduced = is_paid & purchase.is_charged & chances.habit(*drawn.PRICE_GUARANTEED)
        refund(root, purchase, where=is_reduced)
        release_goods(root, purchase.reservation, "declined", where=purchase.is_refused)
        _wrap_gift(root, where=is_wrapped & is_wrapped_last)
        replace_hold(root, purchase.reservation, is_first=False)
        reserve_late(root, purchase)
        ask_fraud_service(root, purchase, where=checks.late)
        _prepare(root, is_early=False)
        track(root, "checkout", is_last=True)
        root.answer(np.where(purchase.is_refused, 402, np.where(is_created, 201, 202)))


def _wrap_gift(root: Step, *, where: Mask) -> None:
    root.do("gift.wrap", 500, 5_000, where=where)


def _load_order(root: Step, *, where: Mask) -> None:
    is_loaded = root.flow.chances.habit(*drawn.ORDER_LOADED)
    path = "/orders/" + root.flow.ids("ord", "exchanged order")
    with root.call("orders", "GET", "/orders/{id}", path=path, where=where & is_loaded) as server:
        look_up(server, "orders")


def _prepare(root: Step, *, is_early: bool) -> None:
    """Run the steps that a payment does not need, those that have their place here."""
    chances = root.flow.chances
    is_usual = chances.habit(*drawn.USUAL_ORDER)
    steps = list(drawn.PREPARATIONS)
    for names, is_this_order in ((steps, is_usual), (steps[::-1], ~is_usual)):
        for name in names:
            is_here = chances.habit(*drawn.prepared_early(name)) == is_early
            _run_preparation(root, name, where=is_this_order & is_here & chances.habit(*drawn.prepared(name)))


def _run_preparation(root: Step, name: str, *, where: Mask) -> None:
    flow = root.flow
    if name == drawn.LOAD_CART:
        load_cart(root, where=where)
        return
    with root.span(name, where=where) as step:
        step.work(name, 1_000, 25_000)
        if name == drawn.QUOTE_SHIPPING:
            days = number_or(flow, drawn.USUAL_SHIPPING, drawn.SHIPPING_DAYS, drawn.MANY_SHIPPING_DAYS)
            step.note("shipping.days", days)
        elif name == drawn.CALCULATE_TAX:
            usual = flow.pick("country", drawn.COUNTRIES, drawn.COUNTRY_WEIGHTS)
            country = text_or(flow, drawn.USUAL_COUNTRY, usual, drawn.OTHER_COUNTRIES)
            regime = flow.chances.pick_code("tax regime", drawn.TAX_REGIME_WEIGHTS)
            british = drawn.TAX_REGIMES.index("uk vat")
            step.note("customer.country", country)
            step.note("tax.regime", Texts(np.where(country.is_any("GB"), british, regime), drawn.TAX_REGIMES))
