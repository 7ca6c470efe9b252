"""The storefront of the running shop: everything but purchases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluo_lab.worlds.checkout import drawn
from fluo_lab.worlds.checkout.purchases import Purchases
from fluo_lab.worlds.checkout.services_storage import Storage, ask_status, describe_visitor, number_or, track
from fluo_lab.worlds.live.requests import Answer

if TYPE_CHECKING:
    from fluo_lab.worlds.chance import Chance
    from fluo_lab.worlds.live.service import Request, Service

__all__ = ["serve_storefront"]


def serve_storefront(service: Service) -> None:
    """Register the handlers of the storefront."""
    storage = Storage(service)
    purchases = Purchases(service, storage)
    service.route("POST", "/checkout")(purchases.check_out)
    service.route("POST", "/orders/{id}/exchange")(purchases.exchange)
    _serve_visitors(service, storage, purchases)
    _serve_staff(service, storage)


def _serve_visitors(service: Service, storage: Storage, purchases: Purchases) -> None:
    tracer = service.tracer

    def show_stock(request: Request) -> None:
        if request.chance.habit(*drawn.STOCK_SHOWN):
            path = request.chance.pick("stock", drawn.STOCK_PATHS)
            service.call("inventory", "GET", "/stock/{sku}", path=path)

    def count_facets(chance: Chance) -> None:
        if chance.habit(*drawn.FACETS_COUNTED):
            service.do("facets.count", 0.2, 3.0)

    def preview_price(chance: Chance) -> None:
        with tracer.start_as_current_span("price.preview"):
            service.work(0.2, 2.0)
            storage.query(chance, "SELECT", "prices")

    def recommend(chance: Chance) -> None:
        with tracer.start_as_current_span("recommendations.fetch") as span:
            service.work(0.5, 5.0)
            if chance.happens(*drawn.RECOMMENDATIONS_TIME_OUT):
                service.fail(span, "TimeoutError", "recommendations took too long")

    def put_into_cart(request: Request) -> None:
        with tracer.start_as_current_span("cart.add_item") as span:
            span.set_attribute("cart.id", request.body["cart"])
            span.set_attribute("item.quantity", request.body["quantity"])
            service.work(0.1, 1.5)
            storage.query(request.chance, "UPDATE", "carts")

    @service.route("GET", "/search")
    def search(request: Request) -> Answer:
        chance = request.chance
        describe_visitor(request)
        track(service, chance, "search", is_last=False)
        is_inside = chance.habit(*drawn.FACETS_INSIDE)
        if not is_inside:
            count_facets(chance)
        if chance.habit(*drawn.SEARCH_RUN):
            with tracer.start_as_current_span("search.products") as span:
                service.work(1.0, 10.0)
                storage.query(chance, "SELECT", "products")
                if is_inside:
                    count_facets(chance)
                results = number_or(chance, drawn.USUAL_RESULTS, drawn.RESULTS, drawn.MANY_RESULTS)
                span.set_attribute("result.count", results)
        track(service, chance, "search", is_last=True)
        return Answer()

    @service.route("GET", "/products/{id}")
    def show_product(request: Request) -> Answer:
        chance = request.chance
        describe_visitor(request)
        track(service, chance, "product", is_last=False)
        is_staff = chance.happens(*drawn.STAFF_PREVIEW)
        is_previewed = is_staff and chance.habit(*drawn.PRICE_PREVIEWED)
        is_recommended = not is_staff and chance.habit(*drawn.RECOMMENDED)
        is_previewed_first = chance.habit(*drawn.PREVIEWED_FIRST)
        is_recommended_last = chance.habit(*drawn.RECOMMENDED_LAST)
        if is_recommended and not is_recommended_last:
            recommend(chance)
        storage.look_up(chance, "products")
        if is_previewed and is_previewed_first:
            preview_price(chance)
        show_stock(request)
        if is_previewed and not is_previewed_first:
            preview_price(chance)
        if is_recommended and is_recommended_last:
            recommend(chance)
        track(service, chance, "product", is_last=True)
        return Answer(404 if chance.happens(*drawn.UNKNOWN_PRODUCT) else 200)

    @service.route("POST", "/cart/items")
    def add_item(request: Request) -> Answer:
        chance = request.chance
        describe_visitor(request)
        track(service, chance, "cart", is_last=False)
        is_added_last = chance.habit(*drawn.ITEM_ADDED_LAST)
        if not is_added_last:
            put_into_cart(request)
        is_shown_last = chance.habit(*drawn.STOCK_SHOWN_LAST)
        if not is_shown_last:
            show_stock(request)
        purchases.load_cart(chance)
        if is_shown_last:
            show_stock(request)
        if is_added_last:
            put_into_cart(request)
        track(service, chance, "cart", is_last=True)
        return Answer()

    @service.route("POST", "/cart/hold")
    def hold(request: Request) -> Answer:
        chance = request.chance
        describe_visitor(request)
        track(service, chance, "hold", is_last=False)
        reservation = chance.new_id("rsv", "reservation")
        purchases.replace_hold(chance, reservation, is_first=True)
        service.call("inventory", "POST", "/holds", request.body)
        if chance.happens(*drawn.HOLD_EXPIRES):
            purchases.release(reservation, "expired")
        purchases.replace_hold(chance, reservation, is_first=False)
        track(service, chance, "hold", is_last=True)
        return Answer()


def _serve_staff(service: Service, storage: Storage) -> None:
    tracer = service.tracer

    @service.route("PUT", "/admin/prices/{sku}")
    def change_price(request: Request) -> Answer:
        chance = request.chance
        describe_visitor(request)
        is_logged = chance.habit(*drawn.AUDITED)
        is_last = chance.habit(*drawn.AUDITED_LAST)
        is_evicted = chance.habit(*drawn.PRICE_EVICTED)
        is_evicted_last = chance.habit(*drawn.PRICE_EVICTED_LAST)
        if is_logged and not is_last:
            write_log("set price")
        if is_evicted and not is_evicted_last:
            evict_price()
        if chance.habit(*drawn.PRICE_CHANGED):
            with tracer.start_as_current_span("price.change"):
                service.work(0.2, 2.0)
                storage.query(chance, "UPDATE", "prices")
        if is_evicted and is_evicted_last:
            evict_price()
        if is_logged and is_last:
            write_log("set price")
        return Answer()

    def evict_price() -> None:
        service.do("cache.evict", 0.1, 0.9)

    def write_log(action: str) -> None:
        service.do("audit.log", 0.1, 0.9, attributes={"admin.action": action})

    @service.route("POST", "/jobs/digest")
    def run_digest(request: Request) -> Answer:
        if request.chance.habit(*drawn.DIGEST_LOGGED):
            write_log("send digest")
        if request.chance.habit(*drawn.DIGEST_ASKS_STATUS):
            ask_status(service)
        service.call("notification", "POST", "/digests")
        return Answer()
