"""What the running ledger does on the way: look up keys, post, settle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluo_lab.worlds.chance import Chance
from fluo_lab.worlds.fintech import drawn, facts
from fluo_lab.worlds.fintech.store import Store
from fluo_lab.worlds.questions import Integers

if TYPE_CHECKING:
    from fluo_lab.worlds.live.requests import Request
    from fluo_lab.worlds.live.service import Service

__all__ = [
    "asks_for_approval",
    "compute_balance",
    "compute_fee",
    "look_up_key",
    "post",
    "render",
    "screen",
    "settle",
]


def look_up_key(service: Service, chance: Chance, what: str, *, is_hit: bool) -> None:
    """Look up whether a key was executed already."""
    key = chance.new_id("idem" if drawn.KEY_PLAIN.ask(chance) else "scoped", what)
    with service.tracer.start_as_current_span("idempotency.lookup") as span:
        span.set_attribute("idempotency.key", key)
        span.set_attribute("idempotency.hit", is_hit)
        service.work(0.1, 0.9)


def asks_for_approval(service: Service, chance: Chance, cents: int, is_harmed: bool) -> bool:
    """Reload the configuration at times, and return whether an approval is asked for."""
    if drawn.CONFIG_RELOADED.ask(chance) or (is_harmed and drawn.RELOAD_SEEN.ask(chance)):
        service.do("config.reload", 0.1, 1.5)
    limit_cents = drawn.WRONG_LIMIT_CENTS if is_harmed else drawn.LIMIT_CENTS
    return cents >= limit_cents or (drawn.APPROVED_ANYHOW.ask(chance) and not is_harmed)


def screen(service: Service, chance: Chance) -> None:
    """Screen the parties of a transfer."""
    if drawn.SCREENED.ask(chance):
        with service.tracer.start_as_current_span("sanctions.screen") as span:
            span.set_attribute("screening.score", drawn.SCREENING_SCORE.ask(chance))
            service.work(0.3, 5.0)


def compute_fee(service: Service, fee_cents: int) -> None:
    """Compute the fee of a transfer."""
    service.do("fee.compute", 0.1, 0.5, attributes={"fee.amount": fee_cents / 100})


def post(
    service: Service, store: Store, request: Request, turn: int, debit_cents: Integers, credit_cents: Integers
) -> None:
    """Debit an account, then credit another one."""
    chance = request.chance
    posting = chance.new_id("post", "posting", turn=facts.posting_turn(turn, request.part))
    with service.tracer.start_as_current_span("ledger.debit") as debit:
        account = chance.new_id("acct", "account debited", turn=turn)
        debit.set_attribute("posting.id", posting)
        debit.set_attribute("account.id", account)
        debit.set_attribute("amount", int(debit_cents) / 100)
        debit.set_attribute("balance.after", int(facts.balance_cents(chance, turn)) / 100)
        debit.set_attribute("booking.date", drawn.BOOKING_DATE.pick(chance))
        service.work(0.2, 1.8)
        store.run("insert into postings values (?, ?, ?)", posting, account, -int(debit_cents))
    with service.tracer.start_as_current_span("ledger.credit") as credit:
        account = chance.new_id("acct", "account credited", turn=turn)
        credit.set_attribute("posting.id", posting)
        credit.set_attribute("account.id", account)
        credit.set_attribute("amount", int(credit_cents) / 100)
        service.work(0.2, 1.8)
        store.run("insert into postings values (?, ?, ?)", posting, account, int(credit_cents))


def settle(service: Service, chance: Chance, *, is_confirmed: bool = True) -> None:
    """Settle what was executed, often in the background; confirm it unless told otherwise."""

    def settle_later() -> None:
        with service.tracer.start_as_current_span("settlement.process"):
            service.work(0.3, 9.0)
            _submit_and_confirm(service, chance, is_confirmed)

    if drawn.SETTLED_LATER.ask(chance):
        service.later(settle_later)
    else:
        _submit_and_confirm(service, chance, is_confirmed)


def _submit_and_confirm(service: Service, chance: Chance, is_confirmed: bool) -> None:
    is_last = drawn.CONFIRMED_LAST.ask(chance)
    if is_confirmed and not is_last:
        _confirm(service, chance)
    is_pending, attempt = drawn.SETTLED_OUTSIDE.ask(chance), 1
    while is_pending and attempt <= 3:
        with service.tracer.start_as_current_span("settlement.submit") as span:
            span.set_attribute("attempt", attempt)
            span.set_attribute("settlement.clearing", drawn.CLEARING.pick(chance, turn=attempt))
            service.work(0.5, 8.0)
            is_pending = not drawn.ACCEPTED.ask(chance, turn=attempt)
            if is_pending:
                service.fail(span, "clearing.Busy", "the clearing house is busy")
        attempt += 1
    if is_confirmed and is_last:
        _confirm(service, chance)


def _confirm(service: Service, chance: Chance) -> None:
    with service.tracer.start_as_current_span("settlement.confirm") as span:
        span.set_attribute("settlement.outcome", drawn.OUTCOME.pick(chance))
        service.work(0.1, 1.5)


def render(service: Service, chance: Chance) -> None:
    """Render the report of a day."""
    if drawn.RENDERED.ask(chance):
        service.do("report render", 0.5, 8.0)


def compute_balance(service: Service, store: Store, chance: Chance) -> None:
    """Compute what is on an account; this is a span that gets lost at times."""
    if drawn.BALANCE_COMPUTED.ask(chance):
        with service.tracer.start_as_current_span("balance.compute") as span:
            service.work(0.2, 2.5)
            if drawn.POSTINGS_READ.ask(chance):
                store.query("SELECT", "postings", "select sum(cents) from postings")
            if drawn.SPAN_LOST.ask(chance):
                service.lose(span)
