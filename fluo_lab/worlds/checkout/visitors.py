"""What customers, staff and the scheduler of the running shop do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fluo_lab.worlds.checkout import drawn
from fluo_lab.worlds.checkout.drawn import Workflow
from fluo_lab.worlds.checkout.incidents import DOUBLE_CLICK, MISSING_FRAUD_CHECK
from fluo_lab.worlds.checkout.services_storage import number_or

if TYPE_CHECKING:
    from fluo_lab.worlds.chance import Chance
    from fluo_lab.worlds.live.client import Client

__all__ = ["visit"]


def visit(client: Client, chance: Chance) -> None:
    """Make one visit."""
    match Workflow(chance.pick_code("workflow", drawn.WORKFLOW_WEIGHTS)):
        case Workflow.BROWSE if chance.happens(*drawn.SEARCHES):
            client.request("GET", "/search")
        case Workflow.BROWSE:
            client.request("GET", chance.pick("product", drawn.PRODUCT_PATHS))
        case Workflow.FILL_CART:
            quantity = number_or(chance, drawn.USUAL_QUANTITY, drawn.QUANTITY, drawn.MANY_QUANTITY)
            client.request("POST", "/cart/items", {"cart": chance.new_id("cart", "cart"), "quantity": quantity})
        case Workflow.CHECK_OUT:
            _check_out(client, chance)
        case Workflow.EXCHANGE:
            order = chance.new_id("ord", "exchanged order")
            client.request("POST", f"/orders/{order}/exchange", _fill_form(client, chance, is_checkout=False))
        case Workflow.HOLD:
            items = number_or(chance, drawn.USUAL_CART, drawn.ITEMS, drawn.MANY_ITEMS)
            client.request("POST", "/cart/hold", {"cart": chance.new_id("cart", "cart"), "items": items})
        case Workflow.CHANGE_PRICE:
            client.request("PUT", chance.pick("price", drawn.PRICE_PATHS))
        case Workflow.SEND_DIGEST:
            client.request("POST", "/jobs/digest")


def _check_out(client: Client, chance: Chance) -> None:
    """Click the button: once, or twice without waiting."""
    form = _fill_form(client, chance, is_checkout=True)
    is_captured = form["method"] == "card" and not chance.happens(*drawn.DECLINED)
    clicks_again = chance.happens(*drawn.CLICKS_AGAIN) or (is_captured and client.suffers(DOUBLE_CLICK, chance))
    if clicks_again:
        client.together(
            lambda: client.request("POST", "/checkout", form),
            lambda: client.request("POST", "/checkout", form, part=1),
        )
    else:
        client.request("POST", "/checkout", form)


def _fill_form(client: Client, chance: Chance, *, is_checkout: bool) -> dict[str, Any]:
    """Return what the page sends when its button is clicked."""
    method = "gift card" if chance.habit(*drawn.PAYS_WITH_GIFT_CARD) else "card"
    if chance.habit(*drawn.PAYS_ON_ACCOUNT):
        method = "invoice"
    # In the incident the carts are those of the wholesale form: large ones.
    is_wholesale = method == "card" and client.suffers(MISSING_FRAUD_CHECK, chance)
    if chance.happens(*drawn.HIGH_VALUE) or is_wholesale:
        cents = drawn.LIMIT_CENTS + chance.integer(*drawn.CENTS_ABOVE, skew=2)
    else:
        cents = drawn.LIMIT_CENTS - chance.integer(*drawn.CENTS_BELOW, skew=2)
    channel = chance.pick("channel", drawn.CHANNELS, drawn.CHANNEL_WEIGHTS)
    return {
        "cart": chance.new_id("cart", "cart"),
        "intent": chance.new_id("pi", "intent"),
        "cents": cents,
        "items": number_or(chance, drawn.USUAL_CART, drawn.ITEMS, drawn.MANY_ITEMS),
        "currency": chance.pick("currency", drawn.CURRENCIES, drawn.CURRENCY_WEIGHTS),
        "channel": "wholesale" if is_wholesale else channel,
        "method": method,
        "is_checkout": is_checkout,
    }
