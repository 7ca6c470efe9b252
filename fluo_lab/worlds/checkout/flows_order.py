"""Orders and receipts in the simulation."""

from __future__ import annotations

from collections.abc import Mapping

from fluo_lab.worlds.checkout import drawn
from fluo_lab.worlds.checkout.flows_payment import Purchase
from fluo_lab.worlds.checkout.flows_storage import number_or, query, text_or
from fluo_lab.worlds.simulated import Step
from fluo_lab.worlds.simulated.values import Mask, Value

__all__ = ["create_order", "request_receipt", "update_order"]


def create_order(root: Step, purchase: Purchase, *, where: Mask, is_announced: Mask, has_receipt: Mask) -> None:
    """Create the order, and announce it where that is asked for."""
    chances = root.flow.chances
    is_earning = chances.habit(*drawn.EARNS_POINTS)
    is_after = chances.habit(*drawn.POINTS_AFTER_ORDER)
    is_plain = chances.habit(*drawn.PLAIN_ORDER)
    is_announced_last = chances.habit(*drawn.ANNOUNCED_LAST)
    method = text_or(root.flow, drawn.METHOD_NOTED, purchase.method, drawn.METHODS)
    attributes: dict[str, Value] = {"order.id": purchase.order, "payment.method": method}
    with root.call("orders", "POST", "/orders", where=where) as server:
        _publish_order(server, purchase, where=is_announced & ~is_announced_last, has_receipt=has_receipt)
        _add_points(server, where=is_earning & ~is_after)
        _insert_order(server, attributes, where=is_plain)
        with server.span("db.transaction", where=~is_plain) as transaction:
            _insert_order(transaction, attributes)
        _add_points(server, where=is_earning & is_after)
        _publish_order(server, purchase, where=is_announced & is_announced_last, has_receipt=has_receipt)
        server.answer(201)


def _insert_order(step: Step, attributes: Mapping[str, Value], *, where: Mask | None = None) -> None:
    with step.span("order.create", where=where, attributes=attributes) as create:
        create.work("order", 300, 3_000)
        query(create, "INSERT", "orders")


def update_order(root: Step, purchase: Purchase, *, where: Mask, is_announced: Mask, has_receipt: Mask) -> None:
    """Change the exchanged order, and announce that where it is asked for."""
    chances = root.flow.chances
    is_announced_last = chances.habit(*drawn.ANNOUNCED_LAST)
    is_earning = chances.habit(*drawn.EXCHANGE_EARNS_POINTS)
    is_after = chances.habit(*drawn.POINTS_AFTER_ORDER)
    path = "/orders/" + root.flow.ids("ord", "exchanged order")
    with root.call("orders", "PATCH", "/orders/{id}", path=path, where=where) as server:
        _publish_order(server, purchase, where=is_announced & ~is_announced_last, has_receipt=has_receipt)
        _add_points(server, where=is_earning & ~is_after)
        with server.span("order.update") as update:
            update.work("update", 300, 3_000)
            query(update, "UPDATE", "orders")
        _add_points(server, where=is_earning & is_after)
        _publish_order(server, purchase, where=is_announced & is_announced_last, has_receipt=has_receipt)


def request_receipt(root: Step, purchase: Purchase, *, where: Mask) -> None:
    """Ask for a receipt, and wait for it."""
    with root.call("notification", "POST", "/receipts", where=where) as server:
        _send_receipt(server, purchase)
        server.answer(201)


def _publish_order(server: Step, purchase: Purchase, *, where: Mask, has_receipt: Mask) -> None:
    """Announce an order; the notification service answers the message with a receipt, on its own time."""
    flow = server.flow
    usual, *others = drawn.PRIORITIES
    priority = text_or(flow, drawn.USUAL_PRIORITY, flow.pick("priority", (usual,)), others)
    with server.publish("orders", to="notification", attributes={"order.priority": priority}, where=where) as consumer:
        _send_receipt(consumer, purchase, where=has_receipt)


def _send_receipt(step: Step, purchase: Purchase, *, where: Mask | None = None) -> None:
    flow = step.flow
    usual = flow.pick("receipt channel", drawn.RECEIPT_CHANNELS, drawn.RECEIPT_CHANNEL_WEIGHTS)
    channel = text_or(flow, drawn.USUAL_RECEIPT_CHANNEL, usual, drawn.OTHER_RECEIPT_CHANNELS)
    attributes: dict[str, Value] = {"order.id": purchase.order, "notification.channel": channel}
    with step.span("notification.receipt", where=where, attributes=attributes) as receipt:
        receipt.do("receipt render", 1_000, 15_000, where=flow.chances.habit(*drawn.RECEIPT_RENDERED))
        receipt.work("receipt", 10_000, 250_000)


def _add_points(server: Step, *, where: Mask) -> None:
    points = number_or(server.flow, drawn.USUAL_POINTS, drawn.POINTS, drawn.MANY_POINTS)
    server.do("loyalty.add_points", 2_000, 50_000, where=where, attributes={"points": points}, is_detached=True)
