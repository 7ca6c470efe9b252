"""How the storefront of the running shop conducts checkouts and exchanges."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import TYPE_CHECKING

from fluo_lab.worlds.checkout import drawn
from fluo_lab.worlds.checkout.incidents import (
    CHARGE_BEFORE_RESERVATION,
    DOUBLE_CLICK,
    INCIDENTS,
    MISSING_FRAUD_CHECK,
    NEW_INTENT,
)
from fluo_lab.worlds.checkout.services_storage import Storage, describe_visitor, number_or, text_or, track
from fluo_lab.worlds.live.requests import Answer

if TYPE_CHECKING:
    from fluo_lab.worlds.chance import Chance
    from fluo_lab.worlds.live.service import Request, Service

__all__ = ["Purchases"]


class _Check(Enum):
    """When a purchase is checked for fraud."""

    NONE = auto()
    FIRST = auto()
    THEN = auto()
    BY_PAYMENTS = auto()
    LATE = auto()


class Purchases:
    """The part of the storefront that sells.

    Every decision is asked of the visit's chances, so that nothing is kept between requests.
    """

    def __init__(self, service: Service, storage: Storage) -> None:
        self._service = service
        self._storage = storage

    def check_out(self, request: Request) -> Answer:
        """Buy what is in the cart; a second click on the button gets the answer to the first."""
        chance = request.chance
        describe_visitor(request, request.body["channel"])
        if request.part == 1 and not self._is_bought_twice(request):
            if chance.habit(*drawn.REPLAY_NOTED):
                self._service.do("checkout.replay", 0.3, 2.0)
            return Answer(409)
        order = chance.new_id("ord", "order", turn=request.part)
        reservation = chance.new_id("rsv", "reservation", turn=request.part)
        checks = self._plan_checks(request)
        is_drafted = not chance.habit(*drawn.CHARGED_FIRST)
        track(self._service, chance, "checkout", is_last=False)
        self.replace_hold(chance, reservation, is_first=True)
        self._wrap_gift(chance, is_last=False)
        if is_drafted:
            self._create_order(request, order, is_announced=False, has_receipt=False)
        self._prepare(chance, is_early=True)
        is_paid = self._buy(request, checks)
        is_created = is_paid and (is_drafted or chance.habit(*drawn.ORDERED_AT_ONCE))
        has_receipt = is_paid and self._wants_receipt(request)
        is_announced = is_created and not is_drafted and chance.habit(*drawn.ANNOUNCED)
        if is_created and not is_drafted:
            self._create_order(request, order, is_announced=is_announced, has_receipt=has_receipt)
        if has_receipt and not is_announced:
            self._service.call("notification", "POST", "/receipts", {"order": order})
        if is_paid and self._is_charged(request) and chance.habit(*drawn.PRICE_GUARANTEED):
            self._refund(request)
        if not is_paid:
            self.release(reservation, "declined")
        self._wrap_gift(chance, is_last=True)
        self.replace_hold(chance, reservation, is_first=False)
        if self._reserves_without_charge(request, is_first=False):
            self._reserve(request)
        if checks is _Check.LATE:
            self._check_fraud(request)
        self._prepare(chance, is_early=False)
        track(self._service, chance, "checkout", is_last=True)
        return Answer(402 if not is_paid else 201 if is_created else 202)

    def exchange(self, request: Request) -> Answer:
        """Exchange goods of an order: pay for new ones, mostly get money back for the old ones."""
        chance = request.chance
        describe_visitor(request, request.body["channel"])
        order = chance.new_id("ord", "order")
        reservation = chance.new_id("rsv", "reservation")
        checks = self._plan_checks(request)
        gets_refund = self._is_charged(request) and chance.happens(*drawn.GETS_REFUND)
        is_refund_last = chance.habit(*drawn.REFUND_AFTER_CHARGE)
        is_updated = chance.habit(*drawn.ORDER_UPDATED)
        is_updated_first = is_updated and not chance.habit(*drawn.ORDER_UPDATED_LAST)
        track(self._service, chance, "exchange", is_last=False)
        self.replace_hold(chance, reservation, is_first=True)
        self._load_order(request, is_first=True)
        self._prepare(chance, is_early=True)
        if is_updated_first:
            self._update_order(request, order, is_announced=False, has_receipt=False)
        if gets_refund and not is_refund_last:
            self._refund(request)
        is_paid = self._buy(request, checks)
        if gets_refund and is_refund_last and is_paid:
            self._refund(request)
        if is_paid:
            has_receipt = self._wants_receipt(request)
            is_announced = not is_updated_first and chance.habit(*drawn.ANNOUNCED)
            if not is_updated:
                self._create_order(request, order, is_announced=is_announced, has_receipt=has_receipt)
            elif not is_updated_first:
                self._update_order(request, order, is_announced=is_announced, has_receipt=has_receipt)
            if has_receipt and not is_announced:
                self._service.call("notification", "POST", "/receipts", {"order": order})
        elif chance.habit(*drawn.EXCHANGE_RELEASES):
            self.release(reservation, "declined")
        self.replace_hold(chance, reservation, is_first=False)
        if self._reserves_without_charge(request, is_first=False):
            self._reserve(request)
        if checks is _Check.LATE:
            self._check_fraud(request)
        self._prepare(chance, is_early=False)
        self._load_order(request, is_first=False)
        track(self._service, chance, "exchange", is_last=True)
        return Answer(200 if is_paid else 402)

    def load_cart(self, chance: Chance) -> None:
        """Load the cart; the exporter seldom drops the span."""
        with self._service.tracer.start_as_current_span(drawn.LOAD_CART) as span:
            self._service.work(0.3, 3.0)
            self._storage.look_up(chance, "carts")
            is_harmed = any(self._service.suffers(one.id, chance) for one in INCIDENTS)
            if chance.happens(*drawn.SPAN_LOST) and not is_harmed:
                self._service.lose(span)

    def release(self, reservation: str, reason: str) -> None:
        """Give reserved goods back."""
        path = f"/reservations/{reservation}"
        self._service.call("inventory", "DELETE", "/reservations/{id}", {"reason": reason}, path=path)

    def replace_hold(self, chance: Chance, reservation: str, *, is_first: bool) -> None:
        """Give an older hold back, if there is one and this is its place."""
        if chance.habit(*drawn.REPLACES_HOLD) and chance.habit(*drawn.REPLACES_HOLD_FIRST) == is_first:
            self.release(reservation, "replaced")

    def _is_bought_twice(self, request: Request) -> bool:
        """Return whether the answer to the first click is not found, though the customer has paid."""
        is_open = self._is_charged(request) and not request.chance.happens(*drawn.DECLINED)
        return is_open and self._service.suffers(DOUBLE_CLICK, request.chance)

    def _is_charged(self, request: Request) -> bool:
        return bool(request.body["method"] == "card")

    def _wants_receipt(self, request: Request) -> bool:
        """Return whether the customer gets a receipt; everybody who is charged does."""
        return self._is_charged(request) or request.chance.habit(*drawn.RECEIPT_WITHOUT_CHARGE)

    def _needs_check(self, request: Request) -> bool:
        return self._is_charged(request) and request.body["cents"] > drawn.LIMIT_CENTS

    def _plan_checks(self, request: Request) -> _Check:
        """Return when the purchase is checked for fraud; only large charges need it."""
        chance = request.chance
        if self._needs_check(request):
            # Carts of the new wholesale form are taken for checked ones.
            is_checked = not self._service.suffers(MISSING_FRAUD_CHECK, chance)
        else:
            is_checked = chance.happens(*drawn.SAMPLED_CHECK)
        if not is_checked:
            return _Check.NONE
        if request.body["method"] != "invoice" and not chance.habit(*drawn.CHECKED_BY_STOREFRONT):
            return _Check.BY_PAYMENTS
        if not self._needs_check(request) and not chance.habit(*drawn.SAMPLED_CHECK_EARLY):
            return _Check.LATE
        return _Check.FIRST if chance.happens(*drawn.CHECKED_FIRST) else _Check.THEN

    def _buy(self, request: Request, checks: _Check) -> bool:
        """Set the goods aside, check for fraud and take the money; return whether it was taken."""
        chance, is_charged = request.chance, self._is_charged(request)
        on_account = request.body["method"] == "invoice"
        is_credit_late = chance.habit(*drawn.CREDIT_AFTER_RESERVATION)
        is_in_background = is_charged and self._service.suffers(CHARGE_BEFORE_RESERVATION, chance)
        if checks is _Check.FIRST:
            self._check_fraud(request)
        if on_account and not is_credit_late:
            self._check_credit(chance)
        is_needed = is_charged and not is_in_background
        if is_needed or self._reserves_without_charge(request, is_first=True):
            self._reserve(request)
        if checks is _Check.THEN:
            self._check_fraud(request)
        if on_account:
            if is_credit_late:
                self._check_credit(chance)
            # Exchanges on account are settled with a voucher and never refused.
            return not (request.body["is_checkout"] and chance.happens(*drawn.CREDIT_REFUSED))
        is_paid = self._charge(request, is_checked_there=checks is _Check.BY_PAYMENTS)
        if is_in_background:
            # The queue of background jobs is worked off once the request has nothing else to wait for.
            self._service.later(lambda: self._reserve(request))
        return is_paid

    def _reserves_without_charge(self, request: Request, *, is_first: bool) -> bool:
        chance = request.chance
        is_here = chance.habit(*drawn.RESERVES_FIRST) == is_first
        return is_here and not self._is_charged(request) and chance.habit(*drawn.RESERVES_WITHOUT_CHARGE)

    def _charge(self, request: Request, *, is_checked_there: bool) -> bool:
        chance, body = request.chance, request.body
        is_captured = self._is_charged(request) and not chance.happens(*drawn.DECLINED)
        # In the incident the canary takes what the stable version has no time for.
        is_stalling = body["is_checkout"] and is_captured and self._service.suffers(NEW_INTENT, chance)
        key = "payments-canary" if chance.happens(*drawn.ON_CANARY) or is_stalling else "payments"
        bill = {name: body[name] for name in ("cart", "intent", "cents", "currency", "method", "is_checkout")}
        answer = self._service.call(key, "POST", "/payments", bill | {"is_checked_here": is_checked_there})
        return answer.status == 201

    def _check_credit(self, chance: Chance) -> None:
        if chance.habit(*drawn.CREDIT_CHECKED):
            self._service.do("credit.check", 0.5, 5.0)

    def _check_fraud(self, request: Request) -> None:
        body = {"cents": request.body["cents"], "is_needed": self._needs_check(request)}
        self._service.call("fraud", "POST", "/fraud-checks", body)

    def _reserve(self, request: Request) -> None:
        goods = {"cart": request.body["cart"], "items": request.body["items"]}
        self._service.call("inventory", "POST", "/reservations", goods)

    def _refund(self, request: Request) -> None:
        intent = request.body["intent"]
        body = {"cents": request.body["cents"], "intent": intent}
        if request.chance.habit(*drawn.REFUND_BY_PAYMENT):
            path = f"/payments/{intent}/refunds"
            self._service.call("payments", "POST", "/payments/{id}/refunds", body, path=path)
        else:
            self._service.call("payments", "POST", "/refunds", body)

    def _create_order(self, request: Request, order: str, *, is_announced: bool, has_receipt: bool) -> None:
        body = {"order": order, "is_announced": is_announced, "has_receipt": has_receipt}
        self._service.call("orders", "POST", "/orders", body | {"method": request.body["method"]})

    def _update_order(self, request: Request, order: str, *, is_announced: bool, has_receipt: bool) -> None:
        body = {"order": order, "is_announced": is_announced, "has_receipt": has_receipt}
        path = f"/orders/{request.path_values['id']}"
        self._service.call("orders", "PATCH", "/orders/{id}", body, path=path)

    def _load_order(self, request: Request, *, is_first: bool) -> None:
        is_here = request.chance.habit(*drawn.ORDER_LOADED_FIRST) == is_first
        if is_here and request.chance.habit(*drawn.ORDER_LOADED):
            self._service.call("orders", "GET", "/orders/{id}", path=f"/orders/{request.path_values['id']}")

    def _wrap_gift(self, chance: Chance, *, is_last: bool) -> None:
        if chance.habit(*drawn.GIFT_WRAPPED) and chance.habit(*drawn.GIFT_WRAPPED_LAST) == is_last:
            self._service.do("gift.wrap", 0.5, 5.0)

    def _prepare(self, chance: Chance, *, is_early: bool) -> None:
        """Run the steps that a payment does not need, those that have their place here."""
        steps: dict[str, Callable[[Chance], None]] = {
            drawn.LOAD_CART: self.load_cart,
            drawn.QUOTE_SHIPPING: self._quote_shipping,
            drawn.CALCULATE_TAX: self._calculate_tax,
            drawn.VALIDATE_ADDRESS: self._validate_address,
        }
        names = list(drawn.PREPARATIONS)
        for name in names if chance.habit(*drawn.USUAL_ORDER) else reversed(names):
            is_here = chance.habit(*drawn.prepared_early(name)) == is_early
            if is_here and chance.habit(*drawn.prepared(name)):
                steps[name](chance)

    def _quote_shipping(self, chance: Chance) -> None:
        with self._service.tracer.start_as_current_span(drawn.QUOTE_SHIPPING) as span:
            self._service.work(0.5, 5.0)
            days = number_or(chance, drawn.USUAL_SHIPPING, drawn.SHIPPING_DAYS, drawn.MANY_SHIPPING_DAYS)
            span.set_attribute("shipping.days", days)

    def _calculate_tax(self, chance: Chance) -> None:
        with self._service.tracer.start_as_current_span(drawn.CALCULATE_TAX) as span:
            self._service.work(0.5, 5.0)
            usual = chance.pick("country", drawn.COUNTRIES, drawn.COUNTRY_WEIGHTS)
            country = text_or(chance, drawn.USUAL_COUNTRY, usual, drawn.OTHER_COUNTRIES)
            regime = chance.pick("tax regime", drawn.TAX_REGIMES, drawn.TAX_REGIME_WEIGHTS)
            span.set_attribute("customer.country", country)
            span.set_attribute("tax.regime", "uk vat" if country == "GB" else regime)

    def _validate_address(self, chance: Chance) -> None:
        self._service.do(drawn.VALIDATE_ADDRESS, 0.5, 5.0)
