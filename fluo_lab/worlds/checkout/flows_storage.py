"""Caches, tables and tracking in the simulation: what every workflow does on the side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fluo_lab.traces.schema import SpanKind
from fluo_lab.worlds.checkout import drawn
from fluo_lab.worlds.simulated import Flow, Step, Texts
from fluo_lab.worlds.simulated.values import Mask, Value

__all__ = ["describe_visitor", "look_up", "number_or", "query", "text_or", "track", "work_where"]


def query(step: Step, operation: str, table: str, *, where: Mask | None = None, turn: int = 0) -> None:
    """Run a statement, nearly always."""
    is_sent = step.flow.chances.habit(*drawn.statement_sent(operation, table), turn=turn)
    attributes: dict[str, Value] = {
        "db.system.name": "sqlite",
        "db.operation.name": operation,
        "db.collection.name": table,
    }
    here = is_sent if where is None else is_sent & where
    step.do("db.query", 300, 9_000, where=here, kind=SpanKind.CLIENT, attributes=attributes)


def look_up(step: Step, table: str, *, where: Mask | None = None) -> None:
    """Read through the cache; where that is not asked or has no answer, from the table."""
    chances = step.flow.chances
    here = step.where if where is None else step.where & where
    is_asked = chances.habit(*drawn.cache_asked(table))
    is_hit = chances.habit(*drawn.cache_hit(table))
    attributes: dict[str, Value] = {
        "db.system.name": "redis",
        "db.operation.name": "GET",
        "cache.hit": is_hit,
    }
    step.do("cache.get", 90, 1_200, where=here & is_asked, kind=SpanKind.CLIENT, attributes=attributes)
    query(step, "SELECT", table, where=here & ~(is_asked & is_hit))


def describe_visitor(root: Step, channel: Texts | None = None) -> None:
    """Note on the first span who comes, and from where."""
    flow = root.flow
    usual = flow.pick("channel", drawn.CHANNELS, drawn.CHANNEL_WEIGHTS)
    region = flow.pick("region", (drawn.REGION,))
    root.note("user.id", flow.pick("customer", drawn.CUSTOMERS))
    root.note("shop.region", text_or(flow, drawn.MAIN_REGION, region, drawn.OTHER_REGIONS))
    root.note("shop.channel", usual if channel is None else channel)


def track(step: Step, event: str, *, is_last: bool) -> None:
    """Send an analytics event without waiting for it, where this is its place."""
    chances = step.flow.chances
    where = chances.habit(*drawn.TRACKED) & (chances.habit(*drawn.TRACKED_LAST) == is_last)
    step.do("analytics.track", 500, 80_000, where=where, attributes={"event.name": event}, is_detached=True)


def number_or(flow: Flow, usual: drawn.Habit, numbers: drawn.Range, others: drawn.Range) -> Value:
    """Return the usual number for each visit, and another where the habit is broken."""
    chances = flow.chances
    return np.where(chances.habit(*usual), chances.integer(*numbers), chances.integer(*others))


def text_or(flow: Flow, usual: drawn.Habit, texts: Texts, others: Sequence[str], *, turn: int = 0) -> Texts:
    """Return the usual text for each visit, and one of the others where the habit is broken."""
    other = flow.chances.pick_code(f"other than {usual[0]}", (1.0,) * len(others), turn=turn)
    codes = np.where(flow.chances.habit(*usual, turn=turn), texts.codes, len(texts.options) + other)
    return Texts(codes, (*texts.options, *others))


def work_where(step: Step, where: Mask, what: str, low_us: int, high_us: int) -> None:
    """Let time pass in some of the visits."""
    before_ns = step.now_ns.copy()
    step.work(what, low_us, high_us)
    step.now_ns = np.where(where, step.now_ns, before_ns)
