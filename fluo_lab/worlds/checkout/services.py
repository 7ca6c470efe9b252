"""The running shop: which deployment serves what, and the services that are short."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluo_lab.worlds.checkout import drawn
from fluo_lab.worlds.checkout.services_fraud import serve_fraud
from fluo_lab.worlds.checkout.services_payment import serve_payments
from fluo_lab.worlds.checkout.services_storage import Storage, number_or, text_or
from fluo_lab.worlds.checkout.services_storefront import serve_storefront
from fluo_lab.worlds.live.requests import Answer

if TYPE_CHECKING:
    from fluo_lab.worlds.chance import Chance
    from fluo_lab.worlds.live.service import Request, Service

__all__ = ["serve"]


def serve(service: Service) -> None:
    """Register the handlers of a deployment."""
    registrations = {
        "storefront": serve_storefront,
        "inventory": _serve_inventory,
        "payments": serve_payments,
        "payments-canary": serve_payments,
        "fraud": serve_fraud,
        "orders": _serve_orders,
        "notification": _serve_notification,
    }
    registrations[service.deployment.key](service)


def _serve_inventory(service: Service) -> None:
    storage = Storage(service)
    tracer = service.tracer

    def set_aside(chance: Chance, cart: str, items: int, *, turn: int = 0) -> None:
        with tracer.start_as_current_span("inventory.reserve") as span:
            span.set_attribute("cart.id", cart)
            span.set_attribute("item.count", items)
            service.work(0.4, 4.0)
            storage.query(chance, "UPDATE", "stock", turn=turn)

    def reserve(request: Request) -> Answer:
        chance, cart, items = request.chance, request.body["cart"], request.body["items"]
        if chance.habit(*drawn.STOCK_WAITS_FOR_LOCK):
            service.do("lock.wait", 0.3, 3.0)
        if chance.habit(*drawn.PLAIN_RESERVATION):
            set_aside(chance, cart, items)
        else:
            with tracer.start_as_current_span("db.transaction"):
                set_aside(chance, cart, items)
        if not chance.habit(*drawn.ONE_WAREHOUSE):
            second = cart if chance.habit(*drawn.ONE_CART) else chance.new_id("cart", "saved cart")
            set_aside(chance, second, chance.integer(*drawn.SECOND_ITEMS), turn=1)
        return Answer(201)

    service.route("POST", "/reservations")(reserve)
    service.route("POST", "/holds")(reserve)

    @service.route("DELETE", "/reservations/{id}")
    def release(request: Request) -> Answer:
        with tracer.start_as_current_span("inventory.release") as span:
            span.set_attribute("release.reason", request.body["reason"])
            service.work(0.3, 3.0)
            storage.query(request.chance, "DELETE", "reservations")
        return Answer()

    @service.route("GET", "/stock/{sku}")
    def show_stock(request: Request) -> Answer:
        storage.look_up(request.chance, "stock")
        return Answer()


def _serve_orders(service: Service) -> None:
    storage = Storage(service)
    tracer = service.tracer

    def create(request: Request) -> None:
        with tracer.start_as_current_span("order.create") as span:
            span.set_attribute("order.id", request.body["order"])
            method = text_or(request.chance, drawn.METHOD_NOTED, request.body["method"], drawn.METHODS)
            span.set_attribute("payment.method", method)
            service.work(0.3, 3.0)
            storage.query(request.chance, "INSERT", "orders")

    def add_points(request: Request) -> None:
        points = number_or(request.chance, drawn.USUAL_POINTS, drawn.POINTS, drawn.MANY_POINTS)
        service.do("loyalty.add_points", 1.0, 15.0, attributes={"points": points})

    def publish(request: Request, *, is_last: bool) -> None:
        chance, body = request.chance, request.body
        if body["is_announced"] and chance.habit(*drawn.ANNOUNCED_LAST) == is_last:
            usual, *others = drawn.PRIORITIES
            priority = text_or(chance, drawn.USUAL_PRIORITY, usual, others)
            message = {"order": body["order"], "has_receipt": body["has_receipt"]}
            service.publish("orders", "notification", message, {"order.priority": priority})

    @service.route("POST", "/orders")
    def create_order(request: Request) -> Answer:
        chance = request.chance
        earns_points = chance.habit(*drawn.EARNS_POINTS)
        is_after = chance.habit(*drawn.POINTS_AFTER_ORDER)
        publish(request, is_last=False)
        if earns_points and not is_after:
            service.later(lambda: add_points(request))
        if chance.habit(*drawn.PLAIN_ORDER):
            create(request)
        else:
            with tracer.start_as_current_span("db.transaction"):
                create(request)
        if earns_points and is_after:
            service.later(lambda: add_points(request))
        publish(request, is_last=True)
        return Answer(201)

    @service.route("GET", "/orders/{id}")
    def load_order(request: Request) -> Answer:
        storage.look_up(request.chance, "orders")
        return Answer()

    @service.route("PATCH", "/orders/{id}")
    def update_order(request: Request) -> Answer:
        earns_points = request.chance.habit(*drawn.EXCHANGE_EARNS_POINTS)
        is_after = request.chance.habit(*drawn.POINTS_AFTER_ORDER)
        publish(request, is_last=False)
        if earns_points and not is_after:
            service.later(lambda: add_points(request))
        with tracer.start_as_current_span("order.update"):
            service.work(0.3, 3.0)
            storage.query(request.chance, "UPDATE", "orders")
        if earns_points and is_after:
            service.later(lambda: add_points(request))
        publish(request, is_last=True)
        return Answer()


def _serve_notification(service: Service) -> None:
    storage = Storage(service)
    tracer = service.tracer

    def send_receipt(request: Request) -> None:
        chance = request.chance
        usual = chance.pick("receipt channel", drawn.RECEIPT_CHANNELS, drawn.RECEIPT_CHANNEL_WEIGHTS)
        channel = text_or(chance, drawn.USUAL_RECEIPT_CHANNEL, usual, drawn.OTHER_RECEIPT_CHANNELS)
        with tracer.start_as_current_span("notification.receipt") as span:
            span.set_attribute("order.id", request.body["order"])
            span.set_attribute("notification.channel", channel)
            if chance.habit(*drawn.RECEIPT_RENDERED):
                service.do("receipt render", 0.5, 5.0)
            service.work(2.0, 20.0)

    @service.consumes("orders")
    def follow_order(request: Request) -> None:
        if request.body["has_receipt"]:
            send_receipt(request)

    @service.route("POST", "/receipts")
    def answer_with_receipt(request: Request) -> Answer:
        send_receipt(request)
        return Answer(201)

    @service.route("POST", "/digests")
    def send_digest(request: Request) -> Answer:
        is_last = request.chance.habit(*drawn.DIGEST_RENDERED_LAST)
        if not is_last:
            render_digest(request)
        storage.query(request.chance, "SELECT", "receipts")
        if is_last:
            render_digest(request)
        return Answer(202)

    def render_digest(request: Request) -> None:
        if request.chance.habit(*drawn.DIGEST_RENDERED):
            with tracer.start_as_current_span("report render") as span:
                service.work(1.0, 8.0)
                span.set_attribute("row.count", request.chance.integer(*drawn.DIGEST_ROWS))
