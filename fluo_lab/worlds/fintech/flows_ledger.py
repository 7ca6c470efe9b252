"""What the ledger of the simulated system does: look up keys, post, settle."""

from __future__ import annotations

import polars as pl

from fluo_lab.worlds.fintech import drawn, facts
from fluo_lab.worlds.fintech.flows_parts import audit, query
from fluo_lab.worlds.questions import Integers, Mask
from fluo_lab.worlds.simulated import Step

__all__ = [
    "accrue",
    "asks_for_approval",
    "compute_balance",
    "compute_fee",
    "leave_record",
    "look_up_key",
    "post",
    "screen",
    "settle",
]


def look_up_key(step: Step, what: str, *, is_hit: bool, where: Mask) -> None:
    """Look up whether a key was executed already."""
    flow = step.flow
    is_plain = drawn.KEY_PLAIN.ask(flow.chances)
    key = flow.ids("idem", what).zip_with(pl.Series(is_plain), flow.ids("scoped", what))
    step.do("idempotency.lookup", 50, 900, where=where, attributes={"idempotency.key": key, "idempotency.hit": is_hit})


def asks_for_approval(server: Step, cents: Integers, is_harmed: Mask) -> Mask:
    """Reload the configuration at times, and return where an approval is asked for."""
    chances = server.flow.chances
    is_reloaded = drawn.CONFIG_RELOADED.ask(chances) | (is_harmed & drawn.RELOAD_SEEN.ask(chances))
    server.do("config.reload", 100, 1_500, where=is_reloaded)
    return (facts.needs_approval(cents) | drawn.APPROVED_ANYHOW.ask(chances)) & ~is_harmed


def screen(server: Step, where: Mask) -> None:
    """Screen the parties of a transfer."""
    chances = server.flow.chances
    with server.span(
        "sanctions.screen",
        where=where & drawn.SCREENED.ask(chances),
        attributes={"screening.score": drawn.SCREENING_SCORE.ask(chances)},
    ) as screen:
        screen.work("screen", 300, 5_000)


def compute_fee(server: Step, fee_cents: Integers, where: Mask) -> None:
    """Compute the fee of a transfer."""
    server.do("fee.compute", 50, 500, where=where, attributes={"fee.amount": fee_cents / 100})


def post(step: Step, turn: int, debit_cents: Integers, credit_cents: Integers, *, where: Mask | None = None) -> None:
    """Debit an account, then credit another one."""
    flow, chances = step.flow, step.flow.chances
    posting = flow.ids("post", "posting", turn=facts.posting_turn(turn, step.part))
    with step.span(
        "ledger.debit",
        where=where,
        attributes={
            "posting.id": posting,
            "account.id": flow.ids("acct", "account debited", turn=turn),
            "amount": debit_cents / 100,
            "balance.after": facts.balance_cents(chances, turn) / 100,
            "booking.date": step.flow.texts(drawn.BOOKING_DATE),
        },
    ) as debit:
        debit.work("debit", 150, 1_800)
    with step.span(
        "ledger.credit",
        where=where,
        attributes={
            "posting.id": posting,
            "account.id": flow.ids("acct", "account credited", turn=turn),
            "amount": credit_cents / 100,
        },
    ) as credit:
        credit.work("credit", 150, 1_800)


def settle(step: Step, where: Mask, *, confirmed: Mask | None = None) -> None:
    """Settle what was executed, often in the background; confirm all of it unless told otherwise."""
    is_later = drawn.SETTLED_LATER.ask(step.flow.chances)
    confirmed = step.flow.everybody() if confirmed is None else confirmed
    with step.span("settlement.process", where=where & is_later, is_detached=True) as process:
        process.work("settlement waits", 300, 9_000)
        _submit_and_confirm(process, where & is_later, confirmed)
    _submit_and_confirm(step, where & ~is_later, confirmed)


def _submit_and_confirm(step: Step, where: Mask, confirmed: Mask) -> None:
    chances = step.flow.chances
    is_last = drawn.CONFIRMED_LAST.ask(chances)
    _confirm(step, where & confirmed & ~is_last)
    is_pending = where & drawn.SETTLED_OUTSIDE.ask(chances)
    for attempt in (1, 2, 3):
        is_accepted = drawn.ACCEPTED.ask(chances, turn=attempt)
        with step.span(
            "settlement.submit",
            where=is_pending,
            attributes={"attempt": attempt, "settlement.clearing": step.flow.texts(drawn.CLEARING, turn=attempt)},
        ) as submit:
            submit.work("submit", 500, 8_000)
            submit.fail("clearing.Busy", "the clearing house is busy", where=~is_accepted)
        is_pending = is_pending & ~is_accepted
    _confirm(step, where & confirmed & is_last)


def _confirm(step: Step, where: Mask) -> None:
    with step.span(
        "settlement.confirm", where=where, attributes={"settlement.outcome": step.flow.texts(drawn.OUTCOME)}
    ) as confirm:
        confirm.work("confirm", 100, 1_500)


def accrue(server: Step) -> None:
    """Post the interest of a few accounts."""
    chances = server.flow.chances
    n_accruals = drawn.ACCRUALS.ask(chances)
    for turn in range(drawn.MOST_ACCRUALS):
        with server.span("interest.accrue", where=n_accruals > turn) as accrue:
            accrue.work("accrue", 100, 1_500)
            cents = drawn.ACCRUED_CENTS.ask(chances, turn=turn)
            posted = facts.posted_cents(chances, cents, turn)
            post(accrue, turn, *posted, where=drawn.ACCRUED.ask(chances, turn=turn))


def compute_balance(step: Step, where: Mask) -> None:
    """Compute what is on an account; this is a span that gets lost at times."""
    chances = step.flow.chances
    with step.span("balance.compute", where=where & drawn.BALANCE_COMPUTED.ask(chances)) as balance:
        balance.work("balance", 200, 2_500)
        query(balance, "SELECT", "postings", where=drawn.POSTINGS_READ.ask(chances))
        balance.lose(drawn.SPAN_LOST.ask(chances))


def leave_record(step: Step, action: str, where: Mask) -> None:
    """Leave an audit record of a deed, mostly."""
    chances = step.flow.chances
    audit(step, action, where=where & drawn.AUDITED[action].ask(chances), in_line=drawn.RECORDED_IN_LINE.ask(chances))
