"""What the running shop and its simulation both draw from: weights, values and the questions behind every decision.

A ``Habit`` is a coincidence: it mostly goes one way, nothing requires it, and in a counterfactual run it goes either
way. The comment on each says what a naive miner would take it for. The constants are used as ``drawn.NAME``.
"""

from __future__ import annotations

from enum import IntEnum

__all__ = [
    "Habit",
    "Question",
    "Range",
    "Workflow",
    "cache_asked",
    "cache_hit",
    "prepared",
    "prepared_early",
    "statement_sent",
]

Question = tuple[str, float]
"""What is asked, and the share of the visits where the answer is yes."""

Habit = tuple[str, float]
"""The same for what merely tends to be so."""

Range = tuple[str, int, int]
"""What is asked, the lowest and the highest number."""


class Workflow(IntEnum):
    """What a visit is about."""

    BROWSE = 0
    FILL_CART = 1
    CHECK_OUT = 2
    EXCHANGE = 3
    HOLD = 4
    CHANGE_PRICE = 5
    SEND_DIGEST = 6


WORKFLOW_WEIGHTS = (0.20, 0.10, 0.46, 0.12, 0.05, 0.04, 0.03)

# --- customers and carts ---------------------------------------------------------------------------------------------

CUSTOMERS = tuple(f"customer-{number:03d}" for number in range(1, 301))
CHANNELS = ("web", "app", "wholesale")
CHANNEL_WEIGHTS = (6.0, 3.0, 1.0)
REGION = "eu-west-1"
OTHER_REGIONS = ("eu-central-1", "eu-north-1", "eu-south-2", "us-east-1", "us-west-2", "ap-south-1", "sa-east-1")
CURRENCIES = ("EUR", "USD", "GBP")
CURRENCY_WEIGHTS = (3.0, 1.0, 1.0)
METHODS = ("card", "gift card", "invoice")
COUNTRIES = ("DE", "FR", "GB", "US")
COUNTRY_WEIGHTS = (3.0, 2.0, 2.0, 1.0)
OTHER_COUNTRIES = ("AT", "BE", "CH", "CZ", "DK", "ES", "FI", "IE", "IT", "NL", "NO", "PL", "PT", "SE")
# Four countries seem to be all there are.
USUAL_COUNTRY: Habit = ("a usual country", 0.97)
TAX_REGIMES = ("eu vat", "sales tax", "uk vat", "none")
TAX_REGIME_WEIGHTS = (6.0, 3.0, 1.0, 1.0)
SKUS = ("mug-01", "lamp-14", "chair-07", "desk-22", "rug-05", "sofa-31", "vase-09", "clock-03", "shelf-11")
PRODUCT_PATHS = tuple(f"/products/{number}" for number in range(100, 160))
STOCK_PATHS = tuple(f"/stock/{sku}" for sku in SKUS)
PRICE_PATHS = tuple(f"/admin/prices/{sku}" for sku in SKUS)
REFUND_REASONS = ("damaged", "wrong size", "late")
OTHER_REFUND_REASONS = (
    "changed mind",
    "duplicate",
    "wrong colour",
    "missing parts",
    "price",
    "gift",
    "recall",
    "other",
)
USUAL_REFUND_REASON: Habit = ("a usual refund reason", 0.96)
RECEIPT_CHANNELS = ("email", "push")
RECEIPT_CHANNEL_WEIGHTS = (2.0, 1.0)
OTHER_RECEIPT_CHANNELS = ("sms", "letter", "fax", "portal", "chat", "courier")
USUAL_RECEIPT_CHANNEL: Habit = ("a usual receipt channel", 0.97)
PRIORITIES = ("normal", "high", "low", "urgent", "bulk", "gift", "partner")

LIMIT_CENTS = 100_000
"""Payments above this amount must be checked for fraud."""

HIGH_VALUE: Question = ("the cart is worth more than 1000", 0.34)
# Both crowd at the limit, so that the cut can be learned.
CENTS_ABOVE: Range = ("cents above the limit", 1, 240_000)
CENTS_BELOW: Range = ("cents below the limit", 0, 99_900)

# A bound on the number of items that is only the size of usual carts.
USUAL_CART: Habit = ("the cart is of usual size", 0.985)
ITEMS: Range = ("items in the cart", 1, 6)
MANY_ITEMS: Range = ("items in a large cart", 7, 90)

# A constant attribute that is none.
MAIN_REGION: Habit = ("served from the main region", 0.98)
# A span that is everywhere and means nothing; it ends after its request.
TRACKED: Habit = ("the visit is tracked", 0.97)
TRACKED_LAST: Habit = ("tracking comes last", 0.97)
# A trace with a hole: the exporter drops a span that has children.
SPAN_LOST: Question = ("the exporter drops the span of the loaded cart", 0.006)

# --- data stores -----------------------------------------------------------------------------------------------------

STATEMENT_RATE = 0.98
CACHE_RATE = 0.985
HIT_RATE = 0.88


def statement_sent(operation: str, table: str) -> Habit:
    """Return the question whether a statement is sent: company of nearly every write, needed by none."""
    return f"{operation} {table} is sent", STATEMENT_RATE


def cache_asked(table: str) -> Habit:
    """Return the question whether the cache is asked first: it seems to come before every lookup."""
    return f"the cache is asked for {table}", CACHE_RATE


def cache_hit(table: str) -> Habit:
    """Return the question whether the cache has the answer."""
    return f"the cache holds {table}", HIT_RATE


# --- before a payment ------------------------------------------------------------------------------------------------

LOAD_CART = "cart.load"
QUOTE_SHIPPING = "shipping.quote"
CALCULATE_TAX = "tax.calculate"
VALIDATE_ADDRESS = "address.validate"

# Independent steps that nearly always happen, nearly always in this order, nearly always before anything is paid.
PREPARATIONS = {LOAD_CART: 0.98, QUOTE_SHIPPING: 0.96, CALCULATE_TAX: 0.97, VALIDATE_ADDRESS: 0.9}
USUAL_ORDER: Habit = ("preparations come in the usual order", 0.97)


def prepared(step: str) -> Habit:
    """Return the question whether a preparation happens."""
    return f"{step} happens", PREPARATIONS[step]


def prepared_early(step: str) -> Habit:
    """Return the question whether a preparation comes before the payment."""
    return f"{step} comes before the payment", 0.97


SHIPPING_DAYS: Range = ("days of shipping", 1, 5)
MANY_SHIPPING_DAYS: Range = ("days of slow shipping", 6, 60)
USUAL_SHIPPING: Habit = ("shipping is as fast as usual", 0.985)

# --- reservation, fraud check, charge --------------------------------------------------------------------------------

# A charge looks like a part of every checkout, and of every payment.
PAYS_ON_ACCOUNT: Habit = ("pays on account", 0.05)
PAYS_WITH_GIFT_CARD: Habit = ("pays with a gift card", 0.05)
CREDIT_CHECKED: Habit = ("credit is checked", 0.9)
GIFT_CARD_REDEEMED: Habit = ("the gift card is redeemed at once", 0.9)
CREDIT_REFUSED: Question = ("credit is refused", 0.2)
CREDIT_AFTER_RESERVATION: Habit = ("credit is checked after the reservation", 0.9)
# Orders without a charge reserve as well, mostly.
RESERVES_WITHOUT_CHARGE: Habit = ("reserves without a charge", 0.75)
RESERVES_FIRST: Habit = ("reserves first without a charge", 0.75)
# A single reservation of a single cart looks like a law.
ONE_WAREHOUSE: Habit = ("all goods are in one warehouse", 0.96)
ONE_CART: Habit = ("all goods are in one cart", 0.7)
SECOND_ITEMS: Range = ("items in the second warehouse", 1, 20)
# A reservation looks like a child of its request.
PLAIN_RESERVATION: Habit = ("reserves outside of a transaction", 0.97)
STOCK_WAITS_FOR_LOCK: Habit = ("the reservation waits for a lock", 0.04)
# A release seems to follow a refusal.
REPLACES_HOLD: Habit = ("an older hold is given back", 0.03)
REPLACES_HOLD_FIRST: Habit = ("an older hold is given back first", 0.97)

# A check says nothing about the amount: small payments are checked too, at random.
SAMPLED_CHECK: Question = ("a payment that needs no fraud check gets one", 0.15)
SAMPLED_CHECK_RUN: Habit = ("a sampled fraud check is run", 0.93)
CHECKED_FIRST: Question = ("the fraud check comes before the reservation", 0.4)
# Checks of small payments only seem to come before the charge.
SAMPLED_CHECK_EARLY: Habit = ("a sampled fraud check comes before the charge", 0.93)
# Checks only seem to be the storefront's to ask for.
CHECKED_BY_STOREFRONT: Habit = ("the storefront asks for the fraud check", 0.94)
CHECKED_ONCE: Habit = ("one fraud check is enough", 0.97)
CHECKS_FINAL_AMOUNT: Habit = ("the checked amount is the charged one", 0.97)
ESTIMATED_CENTS: Range = ("estimated cents", 1_000, 340_000)
SCORED: Habit = ("a score is computed", 0.95)
USUAL_SCORE: Habit = ("the score is usual", 0.985)
SCORE: Range = ("fraud score", 0, 700)
HIGH_SCORE: Range = ("high fraud score", 701, 999)

ON_CANARY: Question = ("the canary takes the payment", 0.3)
DECLINED: Question = ("the card is declined", 0.09)
FIRST_TIMES_OUT: Question = ("the first attempt times out", 0.22)
SECOND_TIMES_OUT: Question = ("the second attempt times out", 0.3)
# Symptoms: they follow timeouts and races, in incidents and out of them.
ASKS_STATUS: Habit = ("asks the provider what became of a timeout", 0.96)
WAITS_FOR_LOCK: Question = ("waits for a lock", 0.05)
RACE_WAITS_FOR_LOCK: Question = ("waits for a lock in a race", 0.85)
WAITS_FIRST: Habit = ("the lock comes before the charge", 0.9)
ASKS_PROVIDER: Habit = ("the provider is asked", 0.97)
PROVIDER_IN_REGION: Habit = ("the provider answers in the region", 0.98)
# The attempts of a payment seem to agree in more than their intent.
KEEPS_AMOUNT: Habit = ("a retry keeps the amount", 0.92)
FEE_CENTS: Range = ("fee of a retry", 50, 400)
KEEPS_CURRENCY: Habit = ("a retry keeps the currency", 0.88)
PROVIDER = "api.psp.example"
NO_ANSWER_TYPE, NO_ANSWER = "psp.ReadTimeout", "the payment provider did not answer"
TIMEOUT_TYPE, TIMEOUT = "payment.GatewayTimeout", "no answer from the payment provider"
DECLINED_TYPE, DECLINED_MESSAGE = "payment.CardDeclined", "insufficient funds"
# Slow but healthy, not far below the limit of a checkout; simulated only, since it is nothing but time.
SLOW_ANSWER: Question = ("the provider answers slowly", 0.03)

# --- after a payment -------------------------------------------------------------------------------------------------

# Orders only seem to need a charge before them.
CHARGED_FIRST: Habit = ("the charge comes before the order", 0.985)
ORDERED_AT_ONCE: Habit = ("the order is created at once", 0.985)
# Only nearly always what was paid with.
METHOD_NOTED: Habit = ("the order notes how it was paid", 0.97)
PLAIN_ORDER: Habit = ("creates the order outside of a transaction", 0.97)
# The receipt only seems to need the message queue, and messages a receipt.
ANNOUNCED: Habit = ("the order is announced by a message", 0.97)
ANNOUNCED_LAST: Habit = ("the announcement comes last", 0.97)
RECEIPT_WITHOUT_CHARGE: Habit = ("a receipt without a charge", 0.75)
RECEIPT_RENDERED: Habit = ("the receipt is rendered", 0.95)
# Points come with nearly every order, and end after it.
EARNS_POINTS: Habit = ("earns points", 0.93)
POINTS_AFTER_ORDER: Habit = ("points come after the order", 0.97)
POINTS: Range = ("points", 1, 500)
MANY_POINTS: Range = ("many points", 501, 9_000)
USUAL_POINTS: Habit = ("earns the usual points", 0.985)
USUAL_PRIORITY: Habit = ("the order has the usual priority", 0.95)
# Two rare spans.
GIFT_WRAPPED: Habit = ("wrapped as a gift", 0.02)
GIFT_WRAPPED_LAST: Habit = ("wrapped after the payment", 0.9)
PRICE_GUARANTEED: Habit = ("a part is paid back at once", 0.02)
REPLAY_NOTED: Habit = ("the repeated click is noted", 0.9)
CLICKS_AGAIN: Question = ("an impatient click", 0.06)

# --- exchanges -------------------------------------------------------------------------------------------------------

GETS_REFUND: Question = ("gets a refund", 0.8)
REFUNDED_IN_FULL: Question = ("is refunded in full", 0.15)
REFUND_PERMILLE: Range = ("refunded share", 10, 999)
REFUND_SPLIT: Habit = ("the refund comes in two parts", 0.04)
SECOND_PART_PERMILLE = 10
REFUND_AFTER_CHARGE: Habit = ("the refund comes after the charge", 0.95)
REFUND_BY_PAYMENT: Habit = ("the refund is a part of its payment", 0.1)
REFUND_ASKS_STATUS: Habit = ("the refund asks for the state of its payment", 0.1)
# Exchanges release as checkouts do, but need not.
EXCHANGE_RELEASES: Habit = ("a declined exchange releases its goods", 0.9)
ORDER_LOADED: Habit = ("the exchanged order is loaded", 0.97)
ORDER_LOADED_FIRST: Habit = ("the exchanged order is loaded first", 0.97)
# An exchange changes its order, seldom before the payment; it seldom makes a new one.
ORDER_UPDATED: Habit = ("the exchanged order is updated", 0.97)
ORDER_UPDATED_LAST: Habit = ("the exchanged order is updated after the payment", 0.97)
EXCHANGE_EARNS_POINTS: Habit = ("an exchange earns points", 0.1)

# --- everything else -------------------------------------------------------------------------------------------------

SEARCHES: Question = ("searches", 0.35)
SEARCH_RUN: Habit = ("the search is run", 0.97)
RESULTS: Range = ("results", 0, 60)
MANY_RESULTS: Range = ("many results", 61, 5_000)
USUAL_RESULTS: Habit = ("finds the usual number", 0.985)
FACETS_COUNTED: Habit = ("facets are counted", 0.9)
FACETS_INSIDE: Habit = ("facets are counted by the search", 0.97)
# Two workflows under one name: customers look at products, staff preview them.
STAFF_PREVIEW: Question = ("staff preview a product", 0.12)
PRICE_PREVIEWED: Habit = ("the new price is shown", 0.9)
PREVIEWED_FIRST: Habit = ("the new price comes before the stock", 0.97)
RECOMMENDED_LAST: Habit = ("recommendations come last", 0.97)
RECOMMENDED: Habit = ("recommendations are fetched", 0.94)
RECOMMENDATIONS_TIME_OUT: Question = ("recommendations time out", 0.03)
STOCK_SHOWN: Habit = ("the stock is shown", 0.9)
UNKNOWN_PRODUCT: Question = ("no such product", 0.03)
QUANTITY: Range = ("quantity", 1, 4)
MANY_QUANTITY: Range = ("large quantity", 5, 60)
USUAL_QUANTITY: Habit = ("takes the usual quantity", 0.985)
STOCK_SHOWN_LAST: Habit = ("the stock is shown after the cart is loaded", 0.97)
ITEM_ADDED_LAST: Habit = ("the item is added last", 0.97)
HOLD_EXPIRES: Question = ("the hold expires", 0.3)
# The audit log comes with nearly every price change.
AUDITED: Habit = ("the price change is logged", 0.95)
AUDITED_LAST: Habit = ("the log comes last", 0.97)
PRICE_CHANGED: Habit = ("the price is another one", 0.97)
PRICE_EVICTED: Habit = ("the old price leaves the cache", 0.9)
PRICE_EVICTED_LAST: Habit = ("the old price leaves the cache after the change", 0.97)
DIGEST_RENDERED: Habit = ("the digest is rendered", 0.97)
DIGEST_RENDERED_LAST: Habit = ("the digest is rendered last", 0.97)
DIGEST_LOGGED: Habit = ("the digest is logged", 0.05)
DIGEST_ASKS_STATUS: Habit = ("the digest asks for the state of payments", 0.1)
DIGEST_ROWS: Range = ("rows of the digest", 1, 400)
