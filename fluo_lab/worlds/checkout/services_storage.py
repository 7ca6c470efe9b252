"""Caches, tables and tracking of the running shop."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from threading import Lock
from typing import TYPE_CHECKING

from opentelemetry.trace import SpanKind

from fluo_lab.worlds.checkout import drawn

if TYPE_CHECKING:
    from fluo_lab.worlds.chance import Chance
    from fluo_lab.worlds.live.service import Request, Service

__all__ = ["Storage", "ask_status", "describe_visitor", "number_or", "text_or", "track"]

_STATEMENTS = {
    "SELECT": "SELECT count(*) FROM entries WHERE place = ? AND number <= ?",
    "INSERT": "INSERT OR IGNORE INTO entries VALUES (?, ?)",
    "UPDATE": "INSERT OR REPLACE INTO entries VALUES (?, ?)",
    "DELETE": "DELETE FROM entries WHERE place = ? AND number = ?",
}
_N_NUMBERS = 1_000


class Storage:
    """The tables of one service and the cache before them.

    Nothing read from them decides anything, so that no visit depends on another.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._lock = Lock()
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        self._database.execute("CREATE TABLE entries (place TEXT, number INTEGER, PRIMARY KEY (place, number))")

    def query(self, chance: Chance, operation: str, table: str, *, turn: int = 0) -> None:
        """Run a statement, nearly always."""
        if not chance.habit(*drawn.statement_sent(operation, table), turn=turn):
            return
        attributes = {
            "db.system.name": "sqlite",
            "db.operation.name": operation,
            "db.collection.name": table,
        }
        with self._service.tracer.start_as_current_span("db.query", kind=SpanKind.CLIENT, attributes=attributes):
            self._service.work(0.1, 2.0)
            with self._lock:
                self._database.execute(_STATEMENTS[operation], (table, chance.visit % _N_NUMBERS))

    def look_up(self, chance: Chance, table: str) -> None:
        """Read through the cache; where that is not asked or has no answer, from the table."""
        is_asked = chance.habit(*drawn.cache_asked(table))
        is_hit = chance.habit(*drawn.cache_hit(table))
        if is_asked:
            attributes: dict[str, str | bool] = {
                "db.system.name": "redis",
                "db.operation.name": "GET",
                "cache.hit": is_hit,
            }
            self._service.do("cache.get", 0.05, 0.5, kind=SpanKind.CLIENT, attributes=attributes)
        if not (is_asked and is_hit):
            self.query(chance, "SELECT", table)


def ask_status(service: Service) -> None:
    """Ask the payment provider for the state of a payment."""
    with service.tracer.start_as_current_span("psp.status_check", kind=SpanKind.CLIENT) as span:
        span.set_attribute("server.address", drawn.PROVIDER)
        service.work(0.5, 5.0)


def describe_visitor(request: Request, channel: str | None = None) -> None:
    """Note on the first span who comes, and from where."""
    chance = request.chance
    usual_channel = chance.pick("channel", drawn.CHANNELS, drawn.CHANNEL_WEIGHTS)
    request.span.set_attribute("user.id", chance.pick("customer", drawn.CUSTOMERS))
    region = text_or(chance, drawn.MAIN_REGION, drawn.REGION, drawn.OTHER_REGIONS)
    request.span.set_attribute("shop.region", region)
    request.span.set_attribute("shop.channel", usual_channel if channel is None else channel)


def track(service: Service, chance: Chance, event: str, *, is_last: bool) -> None:
    """Send an analytics event without waiting for it, if this is its place."""

    def send() -> None:
        service.do("analytics.track", 0.5, 20.0, attributes={"event.name": event})

    if chance.habit(*drawn.TRACKED) and chance.habit(*drawn.TRACKED_LAST) == is_last:
        service.later(send)


def number_or(chance: Chance, usual: drawn.Habit, numbers: drawn.Range, others: drawn.Range) -> int:
    """Return the usual number, or another where the habit is broken."""
    return chance.integer(*(numbers if chance.habit(*usual) else others))


def text_or(chance: Chance, usual: drawn.Habit, text: str, others: Sequence[str], *, turn: int = 0) -> str:
    """Return the usual text, or one of the others where the habit is broken."""
    if chance.habit(*usual, turn=turn):
        return text
    return chance.pick(f"other than {usual[0]}", others, turn=turn)
