"""One visit to the shop: the chances it is subject to, and what it does about data stores and requests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random

from opentelemetry.trace import SpanContext, SpanKind

from fluo_lab.worlds.checkout_rules import Violation
from fluo_lab.worlds.fleet import Attributes, Fleet, Step

__all__ = ["PAYMENT_CANARY", "PAYMENT_STABLE", "Visit"]

PAYMENT_STABLE = ("payment-a", "payment-b")
PAYMENT_CANARY = "payment-canary"

_AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) Version/18.6 Mobile/15E148",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/141.0.0.0 Safari/537.36",
    "ShopApp/5.18 (Android 15)",
)

_STATEMENTS = {
    "SELECT": "SELECT * FROM ? WHERE id = $1",
    "INSERT": "INSERT INTO ? VALUES ($1, $2, $3)",
    "UPDATE": "UPDATE ? SET state = $2 WHERE id = $1",
}


@dataclass(slots=True)
class Visit:
    """The circumstances of one trace, and the record of what went wrong in it.

    Attributes
    ----------
    fleet, rng
        Where its spans come from, and its chances.
    start_ns
        When it begins.
    rates
        For each violation, the share of the traces open to it that suffer it.
    retry_rate
        Share of the charges whose first attempt fails for a passing reason.
    has_canary
        Whether the new payment version takes part of the traffic.
    recent_orders
        Published orders of earlier visits, for links across traces.
    suffered
        Filled in by the workflow: what went wrong.
    """

    fleet: Fleet
    rng: Random
    start_ns: int
    rates: Mapping[Violation, float]
    retry_rate: float
    has_canary: bool
    recent_orders: list[SpanContext]
    suffered: list[Violation] = field(default_factory=list)

    def happens(self, rate: float) -> bool:
        """Return whether something with the given chance happens this time."""
        return self.rng.random() < rate

    def suffers(self, violation: Violation) -> bool:
        """Return whether this visit, being open to a violation, suffers it; if so, record it."""
        if not self.happens(self.rates.get(violation, 0.0)):
            return False
        self.suffered.append(violation)
        return True

    def new_id(self, prefix: str) -> str:
        """Return a fresh identifier: the prefix and 16 hexadecimal digits."""
        return f"{prefix}_{self.rng.getrandbits(64):016x}"

    @contextmanager
    def request(self, method: str, route: str, *, path: str | None = None) -> Iterator[Step]:
        """Run the visit's first span: a request that reaches the storefront."""
        span = self.fleet.start(
            "storefront",
            f"{method} {route}",
            self.start_ns,
            kind=SpanKind.SERVER,
            attributes={
                "http.request.method": method,
                "http.route": route,
                "url.scheme": "https",
                "url.path": path or route,
                "server.address": "shop.example",
                "client.address": f"203.0.113.{self.rng.randrange(1, 255)}",
                "user_agent.original": self.rng.choice(_AGENTS),
                "network.protocol.version": "2",
            },
        )
        step = Step(self.fleet, self.rng, "storefront", span, self.start_ns)
        step.work(200, 1_500)
        yield step
        step.work(100, 800)
        span.set_attribute("http.response.status_code", step.http_status)
        span.end(end_time=step.now_ns)

    def query(self, step: Step, operation: str, table: str, *, rows: int = 1) -> None:
        """Run a database statement as a client span of the step."""
        attributes: Attributes = {
            "db.system.name": "postgresql",
            "db.namespace": "shop",
            "db.operation.name": operation,
            "db.collection.name": table,
            "db.query.text": _STATEMENTS[operation].replace("?", table),
            "server.address": "db.shop.svc",
            "server.port": 5432,
        }
        with step.child("db.query", kind=SpanKind.CLIENT, attributes=attributes) as statement:
            statement.work(300, 9_000)
            statement.note(db__response__returned_rows=rows)

    def look_up(self, step: Step, table: str, *, hit_rate: float) -> None:
        """Read through the cache; a miss goes on to the database."""
        is_hit = self.happens(hit_rate)
        attributes: Attributes = {
            "db.system.name": "redis",
            "db.operation.name": "GET",
            "cache.hit": is_hit,
            "server.address": "cache.shop.svc",
        }
        with step.child("cache.get", kind=SpanKind.CLIENT, attributes=attributes) as read:
            read.work(90, 1_200)
        if not is_hit:
            self.query(step, "SELECT", table)
