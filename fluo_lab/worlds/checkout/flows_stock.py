"""Reservations and releases in the simulation."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from fluo_lab.worlds.checkout import drawn
from fluo_lab.worlds.checkout.flows_storage import query
from fluo_lab.worlds.simulated import Step
from fluo_lab.worlds.simulated.values import Mask, Value

__all__ = ["release_goods", "replace_hold", "request_reservation"]


def request_reservation(
    root: Step, route: str, cart: pl.Series, items: Value, *, where: Mask | None = None, is_detached: bool = False
) -> None:
    """Have goods set aside: once, seldom from two warehouses."""
    flow, chances = root.flow, root.flow.chances
    is_plain = chances.habit(*drawn.PLAIN_RESERVATION)
    attributes: dict[str, Value] = {"cart.id": cart, "item.count": items}
    with root.call("inventory", "POST", route, where=where, is_detached=is_detached) as server:
        server.do("lock.wait", 300, 3_000, where=chances.habit(*drawn.STOCK_WAITS_FOR_LOCK))
        _set_aside(server, attributes, where=is_plain)
        with server.span("db.transaction", where=~is_plain) as transaction:
            _set_aside(transaction, attributes)
        saved = flow.ids("cart", "saved cart")
        is_one = pl.Series(chances.habit(*drawn.ONE_CART))
        rest: dict[str, Value] = {
            "cart.id": pl.select(pl.when(is_one).then(cart).otherwise(saved)).to_series(),
            "item.count": chances.integer(*drawn.SECOND_ITEMS),
        }
        _set_aside(server, rest, where=~chances.habit(*drawn.ONE_WAREHOUSE), turn=1)
        server.answer(201)


def _set_aside(step: Step, attributes: Mapping[str, Value], *, where: Mask | None = None, turn: int = 0) -> None:
    with step.span("inventory.reserve", where=where, attributes=attributes) as reserve:
        reserve.work("reserve", 400, 4_000)
        query(reserve, "UPDATE", "stock", turn=turn)


def release_goods(root: Step, reservation: pl.Series, reason: str, *, where: Mask) -> None:
    """Give reserved goods back."""
    path = "/reservations/" + reservation
    with (
        root.call("inventory", "DELETE", "/reservations/{id}", path=path, where=where) as server,
        server.span("inventory.release", attributes={"release.reason": reason}) as release,
    ):
        release.work("release", 300, 3_000)
        query(release, "DELETE", "reservations")


def replace_hold(root: Step, reservation: pl.Series, *, is_first: bool) -> None:
    """Give an older hold back, where there is one and this is its place."""
    chances = root.flow.chances
    is_here = chances.habit(*drawn.REPLACES_HOLD_FIRST) == is_first
    release_goods(root, reservation, "replaced", where=is_here & chances.habit(*drawn.REPLACES_HOLD))
