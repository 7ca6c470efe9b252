"""What visitors of the shop do: one function a workflow, each running through several services."""

from __future__ import annotations

from collections.abc import Callable

from fluo_lab.worlds.checkout_payment import (
    buy,
    deliver_receipt,
    new_purchase,
    reserve_stock,
)
from fluo_lab.worlds.checkout_rules import Violation
from fluo_lab.worlds.fleet import Attributes, Step
from fluo_lab.worlds.visit import Visit

__all__ = ["WORKFLOWS", "Workflow"]

Workflow = Callable[[Visit], str]


def browse(visit: Visit) -> str:
    """Look at a product or search for one; return the trace's id."""
    if visit.happens(0.3):
        with visit.request("GET", "/search") as step:
            with step.child("search.products") as search:
                search.work(2_000, 60_000)
                search.note(result__count=visit.rng.randrange(60))
            return _trace_id(step)
    product = visit.rng.randrange(400)
    with visit.request("GET", "/products/{id}", path=f"/products/{product}") as step:
        visit.look_up(step, "products", hit_rate=0.88)
        if visit.happens(0.94):
            with step.child("recommendations.fetch") as fetch:
                fetch.work(1_000, 30_000)
                if visit.happens(0.02):
                    fetch.fail("TimeoutError", "recommendations took too long")
        if visit.happens(0.02):
            step.http_status = 404
        return _trace_id(step)


def add_to_cart(visit: Visit) -> str:
    """Put something in the cart; return the trace's id."""
    with visit.request("POST", "/cart/items") as step:
        with step.call("cart", "POST", "/carts/{id}/items") as server:
            visit.look_up(server, "carts", hit_rate=0.91)
            with server.child("cart.add_item", attributes={"cart.id": visit.new_id("cart")}) as add:
                add.work(100, 1_500)
                add.note(item__quantity=visit.rng.randint(1, 4))
            visit.query(server, "UPDATE", "carts")
        if visit.happens(0.97):
            _track(step, "cart_add")
        return _trace_id(step)


def check_out(visit: Visit) -> str:
    """Buy what is in the cart; return the trace's id."""
    purchase = new_purchase(visit)
    with visit.request("POST", "/checkout") as step:
        step.note(cart__id=purchase.cart_id)
        with step.call("cart", "GET", "/carts/{id}") as server:
            visit.look_up(server, "carts", hit_rate=0.95)
        _prepare(visit, step)
        payment = buy(visit, step, purchase)
        if payment.is_captured:
            with step.call("order", "POST", "/orders") as server:
                order_id = visit.new_id("ord")
                attributes: Attributes = {"order.id": order_id, "cart.id": purchase.cart_id, "amount": purchase.amount}
                with server.child("order.create", attributes=attributes) as create:
                    visit.query(create, "INSERT", "orders")
                deliver_receipt(visit, server, order_id, purchase)
                if visit.happens(0.93):
                    with server.child("loyalty.add_points", is_detached=True) as points:
                        points.work(2_000, 50_000)
                        points.note(points=int(purchase.amount))
                server.http_status = 201
            step.http_status = 201
        else:
            step.http_status = 402
        if visit.happens(0.97):
            _track(step, "checkout")
        return _trace_id(step)


def change_order(visit: Visit) -> str:
    """Exchange goods of an order: pay for new ones, often get money back for old ones; return the trace's id."""
    purchase = new_purchase(visit, high_value_rate=0.1)
    with visit.request("POST", "/orders/{id}/exchange") as step:
        with step.call("order", "GET", "/orders/{id}") as server:
            visit.query(server, "SELECT", "orders")
        order_id = visit.new_id("ord")
        if visit.suffers(Violation.MISSING_CHARGE):
            _refund(visit, step, purchase.amount_cents, purchase.intent_id)
            return _trace_id(step)
        payment = buy(visit, step, purchase)
        if not payment.is_captured:
            step.http_status = 402
            return _trace_id(step)
        if visit.happens(0.8):
            _refund(visit, step, purchase.amount_cents, payment.intent_id)
        with step.call("order", "PATCH", "/orders/{id}") as server:
            with server.child("order.update", attributes={"order.id": order_id}) as update:
                visit.query(update, "UPDATE", "orders")
            deliver_receipt(visit, server, order_id, purchase)
        return _trace_id(step)


def hold_items(visit: Visit) -> str:
    """Set goods aside without buying them; return the trace's id.

    Hence a reservation does not imply a charge.
    """
    purchase = new_purchase(visit)
    with visit.request("POST", "/cart/hold") as step:
        reserve_stock(visit, step, purchase)
        return _trace_id(step)


def administer(visit: Visit) -> str:
    """Do what staff and schedulers do; return the trace's id."""
    if visit.happens(0.5):
        with visit.request("PUT", "/admin/prices/{sku}") as step:
            with step.child("admin.action", attributes={"admin.action": "set_price"}) as action:
                visit.query(action, "UPDATE", "prices")
                if visit.happens(0.95):
                    with action.child("audit.log") as log:
                        log.work(100, 900)
            return _trace_id(step)
    if visit.happens(0.5) and visit.recent_orders:
        span = visit.fleet.start("notification", "receipts.digest", visit.start_ns, links=visit.recent_orders[-5:])
        step = Step(visit.fleet, visit.rng, "notification", span, visit.start_ns)
        visit.query(step, "SELECT", "receipts", rows=5)
        step.work(1_000, 20_000)
        span.end(end_time=step.now_ns)
        return _trace_id(step)
    with visit.request("GET", "/health") as step:
        return _trace_id(step)


WORKFLOWS: dict[Workflow, float] = {
    browse: 0.31,
    add_to_cart: 0.14,
    check_out: 0.40,
    change_order: 0.06,
    hold_items: 0.03,
    administer: 0.06,
}
"""Every workflow and its share of ordinary traffic."""


def _prepare(visit: Visit, step: Step) -> None:
    """Run the independent steps before a payment: any order, some side by side."""
    names = ["shipping.quote", "tax.calculate"]
    if visit.happens(0.9):
        names.append("address.validate")
    visit.rng.shuffle(names)
    is_parallel = visit.happens(0.5)
    ends_ns = [step.now_ns]
    for name in names:
        with step.child(name, is_detached=is_parallel) as task:
            task.work(1_000, 25_000)
        ends_ns.append(task.now_ns)
    step.now_ns = max(step.now_ns, *ends_ns)


def _refund(visit: Visit, step: Step, charged_cents: int, intent_id: str) -> None:
    """Pay back part of a charge, or all of it."""
    refund_cents = charged_cents if visit.happens(0.1) else 1 + visit.rng.randrange(charged_cents)
    attributes: Attributes = {
        "amount": refund_cents / 100,
        "payment_intent_id": intent_id,
        "refund.reason": visit.rng.choice(("exchange", "damaged", "late")),
    }
    with step.call("refunds", "POST", "/refunds") as server:
        with server.child("payment.refund", attributes=attributes) as refund:
            refund.work(40_000, 400_000)
        visit.query(server, "INSERT", "refunds")


def _track(step: Step, event: str) -> None:
    """Send an analytics event without waiting for it: it mostly outlives the request."""
    with step.child("analytics.track", attributes={"event.name": event}, is_detached=True) as track:
        track.work(500, 80_000)


def _trace_id(step: Step) -> str:
    return f"{step.context.trace_id:032x}"
