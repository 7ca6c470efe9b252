"""The shop without running it: what happens in many visits at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fluo_lab.worlds.checkout import drawn, incidents
from fluo_lab.worlds.checkout.drawn import Workflow
from fluo_lab.worlds.checkout.flows_payment import ask_status
from fluo_lab.worlds.checkout.flows_purchase import check_out_once, check_out_twice, exchange, load_cart
from fluo_lab.worlds.checkout.flows_stock import release_goods, replace_hold, request_reservation
from fluo_lab.worlds.checkout.flows_storage import describe_visitor, look_up, number_or, query, track
from fluo_lab.worlds.simulated import Batch, Flow, Step
from fluo_lab.worlds.simulated.values import Mask

__all__ = ["simulate"]


def simulate(batch: Batch) -> None:
    """Add the spans of a batch of visits to it."""
    workflow = batch.chances.pick_code("workflow", drawn.WORKFLOW_WEIGHTS)
    may_repeat = batch.run.are_harmed(incidents.DOUBLE_CLICK, batch.chances.visits)
    flows: tuple[tuple[Mask, Callable[[Flow], None]], ...] = (
        (workflow == Workflow.BROWSE, _browse),
        (workflow == Workflow.FILL_CART, _fill_cart),
        ((workflow == Workflow.CHECK_OUT) & ~may_repeat, check_out_once),
        ((workflow == Workflow.CHECK_OUT) & may_repeat, check_out_twice),
        (workflow == Workflow.EXCHANGE, exchange),
        (workflow == Workflow.HOLD, _hold_goods),
        (workflow == Workflow.CHANGE_PRICE, _change_price),
        (workflow == Workflow.SEND_DIGEST, _send_digest),
    )
    for where, run in flows:
        if where.any():
            run(batch.flow(where))


def _browse(flow: Flow) -> None:
    """Search, or look at a product; staff preview products under the same name."""
    chances = flow.chances
    is_search = chances.happens(*drawn.SEARCHES)
    with flow.request("storefront", "GET", "/search", where=is_search) as root:
        describe_visitor(root)
        root.work("search", 200, 1_500)
        track(root, "search", is_last=False)
        _search(root)
        track(root, "search", is_last=True)
    is_previewed_first = chances.habit(*drawn.PREVIEWED_FIRST)
    is_recommended_last = chances.habit(*drawn.RECOMMENDED_LAST)
    path = flow.pick("product", drawn.PRODUCT_PATHS)
    with flow.request("storefront", "GET", "/products/{id}", path=path, where=~is_search) as root:
        describe_visitor(root)
        root.work("product", 200, 1_500)
        track(root, "product", is_last=False)
        _recommend(root, where=~is_recommended_last)
        look_up(root, "products")
        _preview_price(root, where=is_previewed_first)
        _show_stock(root, where=chances.habit(*drawn.STOCK_SHOWN))
        _preview_price(root, where=~is_previewed_first)
        _recommend(root, where=is_recommended_last)
        track(root, "product", is_last=True)
        root.answer(np.where(chances.happens(*drawn.UNKNOWN_PRODUCT), 404, 200))


def _fill_cart(flow: Flow) -> None:
    """Put something in the cart."""
    is_last = flow.chances.habit(*drawn.ITEM_ADDED_LAST)
    is_shown = flow.chances.habit(*drawn.STOCK_SHOWN)
    is_shown_last = flow.chances.habit(*drawn.STOCK_SHOWN_LAST)
    with flow.request("storefront", "POST", "/cart/items") as root:
        describe_visitor(root)
        root.work("cart", 200, 1_500)
        track(root, "cart", is_last=False)
        _add_item(root, where=~is_last)
        _show_stock(root, where=is_shown & ~is_shown_last)
        load_cart(root)
        _show_stock(root, where=is_shown & is_shown_last)
        _add_item(root, where=is_last)
        track(root, "cart", is_last=True)


def _hold_goods(flow: Flow) -> None:
    """Set goods aside without buying them; some holds expire at once."""
    items = number_or(flow, drawn.USUAL_CART, drawn.ITEMS, drawn.MANY_ITEMS)
    reservation = flow.ids("rsv", "reservation")
    with flow.request("storefront", "POST", "/cart/hold") as root:
        describe_visitor(root)
        root.work("hold", 200, 1_500)
        track(root, "hold", is_last=False)
        replace_hold(root, reservation, is_first=True)
        request_reservation(root, "/holds", flow.ids("cart", "cart"), items)
        release_goods(root, reservation, "expired", where=flow.chances.happens(*drawn.HOLD_EXPIRES))
        replace_hold(root, reservation, is_first=False)
        track(root, "hold", is_last=True)


def _change_price(flow: Flow) -> None:
    """Change a price, as staff do."""
    chances = flow.chances
    is_logged = chances.habit(*drawn.AUDITED)
    is_logged_last = chances.habit(*drawn.AUDITED_LAST)
    is_evicted_last = chances.habit(*drawn.PRICE_EVICTED_LAST)
    path = flow.pick("price", drawn.PRICE_PATHS)
    with flow.request("storefront", "PUT", "/admin/prices/{sku}", path=path) as root:
        describe_visitor(root)
        root.work("price", 200, 1_500)
        _write_log(root, "set price", where=is_logged & ~is_logged_last)
        _evict_price(root, where=~is_evicted_last)
        with root.span("price.change", where=chances.habit(*drawn.PRICE_CHANGED)) as change:
            change.work("price", 200, 2_000)
            query(change, "UPDATE", "prices")
        _evict_price(root, where=is_evicted_last)
        _write_log(root, "set price", where=is_logged & is_logged_last)


def _send_digest(flow: Flow) -> None:
    """Send the shop's digest, as a scheduler asks for it."""
    chances = flow.chances
    is_rendered_last = chances.habit(*drawn.DIGEST_RENDERED_LAST)
    with flow.request("storefront", "POST", "/jobs/digest") as root:
        root.work("digest", 200, 1_500)
        _write_log(root, "send digest", where=chances.habit(*drawn.DIGEST_LOGGED))
        ask_status(root, where=chances.habit(*drawn.DIGEST_ASKS_STATUS))
        with root.call("notification", "POST", "/digests") as server:
            _render_digest(server, where=~is_rendered_last)
            query(server, "SELECT", "receipts")
            _render_digest(server, where=is_rendered_last)
            server.answer(202)


def _search(root: Step) -> None:
    flow, chances = root.flow, root.flow.chances
    is_inside = chances.habit(*drawn.FACETS_INSIDE)
    _count_facets(root, where=~is_inside)
    with root.span("search.products", where=chances.habit(*drawn.SEARCH_RUN)) as search:
        search.work("search", 2_000, 60_000)
        query(search, "SELECT", "products")
        _count_facets(search, where=is_inside)
        search.note("result.count", number_or(flow, drawn.USUAL_RESULTS, drawn.RESULTS, drawn.MANY_RESULTS))


def _count_facets(step: Step, *, where: Mask) -> None:
    is_counted = step.flow.chances.habit(*drawn.FACETS_COUNTED)
    step.do("facets.count", 500, 9_000, where=where & is_counted)


def _preview_price(root: Step, *, where: Mask) -> None:
    chances = root.flow.chances
    is_staff = chances.happens(*drawn.STAFF_PREVIEW)
    with root.span("price.preview", where=where & is_staff & chances.habit(*drawn.PRICE_PREVIEWED)) as preview:
        preview.work("preview", 300, 4_000)
        query(preview, "SELECT", "prices")


def _recommend(root: Step, *, where: Mask) -> None:
    chances = root.flow.chances
    is_staff = chances.happens(*drawn.STAFF_PREVIEW)
    with root.span("recommendations.fetch", where=where & ~is_staff & chances.habit(*drawn.RECOMMENDED)) as fetch:
        fetch.work("recommendations", 1_000, 30_000)
        is_timeout = chances.happens(*drawn.RECOMMENDATIONS_TIME_OUT)
        fetch.fail("TimeoutError", "recommendations took too long", where=is_timeout)


def _show_stock(root: Step, *, where: Mask) -> None:
    path = root.flow.pick("stock", drawn.STOCK_PATHS)
    with root.call("inventory", "GET", "/stock/{sku}", path=path, where=where) as server:
        look_up(server, "stock")


def _add_item(root: Step, *, where: Mask) -> None:
    flow = root.flow
    with root.span("cart.add_item", where=where, attributes={"cart.id": flow.ids("cart", "cart")}) as add:
        add.work("add", 100, 1_500)
        add.note("item.quantity", number_or(flow, drawn.USUAL_QUANTITY, drawn.QUANTITY, drawn.MANY_QUANTITY))
        query(add, "UPDATE", "carts")


def _evict_price(root: Step, *, where: Mask) -> None:
    root.do("cache.evict", 100, 900, where=where & root.flow.chances.habit(*drawn.PRICE_EVICTED))


def _write_log(root: Step, action: str, *, where: Mask) -> None:
    root.do("audit.log", 100, 900, where=where, attributes={"admin.action": action})


def _render_digest(server: Step, *, where: Mask) -> None:
    chances = server.flow.chances
    with server.span("report render", where=where & chances.habit(*drawn.DIGEST_RENDERED)) as render:
        render.work("report", 1_000, 20_000)
        render.note("row.count", chances.integer(*drawn.DIGEST_ROWS))
