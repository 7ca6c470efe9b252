"""The simulated workflows that move money: transfers, payout runs and the day's end."""

from __future__ import annotations

import numpy as np

from fluo_lab.worlds.fintech import drawn, facts
from fluo_lab.worlds.fintech.flows_ledger import (
    accrue,
    asks_for_approval,
    compute_balance,
    compute_fee,
    leave_record,
    look_up_key,
    post,
    screen,
    settle,
)
from fluo_lab.worlds.fintech.flows_parts import (
    answer,
    approve,
    authorize,
    authorize_reader,
    begin_request,
    deliver_file,
    evaluate_policy,
    finish_request,
    repeat,
    users,
    verify_token,
)
from fluo_lab.worlds.questions import Integers, Mask
from fluo_lab.worlds.simulated import Flow, Step, Texts

__all__ = ["close_day", "run_payouts", "transfer"]

_REPEATED_AFTER_US = 4_000_000
_RESTARTED_AFTER_US = 9_000_000


def transfer(flow: Flow) -> None:
    """Move money between two accounts; a client that is unsure sends the request again."""
    is_executed = _send_transfer(flow, flow.everybody(), part=0)
    _send_transfer(flow, is_executed & drawn.CLIENT_REPEATS.ask(flow.chances), part=1)


def _send_transfer(flow: Flow, where: Mask, *, part: int) -> Mask:
    chances = flow.chances
    with flow.request(
        "gateway", "POST", "/transfers", where=where, part=part, after_us=part * _REPEATED_AFTER_US
    ) as root:
        begin_request(root)
        is_first = drawn.LIMITS_FIRST.ask(chances)
        repeat(root, "notification.send")
        _show_limits(root, is_first)
        is_quote = drawn.QUOTED.ask(chances)
        verify_token(root, is_quote)
        is_allowed = authorize(root, drawn.PAYMENTS, where=~is_quote) | is_quote
        _show_limits(root, ~is_first)
        with root.call("ledger", "POST", "/transactions", where=is_allowed) as server:
            status = _execute_transfer(server, part)
            answer(server, "POST /transactions", status)
        is_executed: Mask = where & is_allowed & (status == 201)
        root.do("notification.send", 200, 3_000, where=drawn.NOTIFIED.ask(chances))
        finish_request(root, "POST /transfers", np.where(is_allowed, status, 403))
    return is_executed


def _show_limits(root: Step, where: Mask) -> None:
    """Ask for the limits to show; a slow answer is not waited for."""
    chances = root.flow.chances
    is_slow = drawn.LIMITS_SLOW.ask(chances)
    with root.call(
        "approvals",
        "GET",
        "/limits",
        where=where & drawn.LIMITS_SHOWN.ask(chances),
        timeout_s=drawn.LIMITS_TIMEOUT_S,
        times_out=is_slow,
    ) as limits:
        limits.work("limits", 100, 1_000)
        evaluate_policy(limits, drawn.POLICY_SHOWN.ask(chances))
        limits.now_ns[is_slow] += round(drawn.LIMITS_SLOW_S * 1e9)
        answer(limits, "GET /limits", 200)


def _execute_transfer(server: Step, part: int) -> Integers:
    """Execute a transfer that is not known yet; return the status codes of the answers."""
    flow, chances = server.flow, server.flow.chances
    server.work("parse", 50, 600)
    look_up_key(server, "transaction", is_hit=part == 1, where=drawn.LOOKED_UP.ask(chances) | (part == 1))
    if part == 1:
        return np.full(flow.n_visits, 200)
    is_first = drawn.SCREENED_FIRST.ask(chances)
    screen(server, is_first)
    server.do("funds.check", 200, 2_000, where=drawn.FUNDS_CHECKED.ask(chances) | drawn.UNFUNDED.ask(chances))
    screen(server, ~is_first)
    is_funded = ~drawn.UNFUNDED.ask(chances)
    is_real = is_funded & ~drawn.QUOTED.ask(chances)
    cents = facts.transfer_cents(chances)
    is_harmed = flow.suffers("transfer-without-approval", server.where & is_real & facts.skips_wrong_limit(cents))
    is_approved = asks_for_approval(server, cents, is_harmed) & is_real
    is_recorded_last = drawn.RECORDED_LAST.ask(chances)
    leave_record(server, "transaction.execute", is_real & ~is_recorded_last)
    approve(server, where=is_approved & drawn.APPROVED_FIRST.ask(chances))
    has_fee, is_fee_first = is_funded & drawn.FEE_COMPUTED.ask(chances), drawn.FEE_FIRST.ask(chances)
    fee_cents = facts.fee_cents(chances, cents)
    compute_fee(server, fee_cents, has_fee & is_fee_first)
    with server.span(
        "transaction.execute",
        where=is_real,
        attributes={
            "idempotency.key": flow.ids("idem", "transaction"),
            "transaction.type": server.flow.texts(drawn.TYPE),
            "amount": cents / 100,
            "currency": server.flow.texts(drawn.CURRENCY),
            "user.id": users(facts.acting_user(chances, "transaction.execute")),
        },
    ) as execution:
        execution.work("execute", 200, 2_500)
        is_posted = drawn.POSTED.ask(chances)
        post(execution, 0, *facts.posted_cents(chances, cents, 0), where=is_posted)
        is_fee_posted = is_posted & has_fee & is_fee_first & (fee_cents > 0) & drawn.FEE_POSTED.ask(chances)
        post(execution, drawn.FEE_LEG, fee_cents, fee_cents, where=is_fee_posted)
    compute_fee(server, fee_cents, has_fee & ~is_fee_first)
    approve(server, where=is_approved & ~drawn.APPROVED_FIRST.ask(chances))
    settle(server, is_real)
    leave_record(server, "transaction.execute", is_real & is_recorded_last)
    repeat(server, "fee.compute", where=has_fee)
    repeat(server, "idempotency.lookup", "sanctions.screen", "funds.check", "config.reload")
    return np.where(is_funded, np.where(is_real, 201, 200), 409)


def run_payouts(flow: Flow) -> None:
    """Pay many at once, in the background; a job that is restarted skips what it has paid, except in the incident."""
    chances = flow.chances
    is_real = ~drawn.VALIDATED.ask(chances)
    is_open = is_real & facts.is_allowed(chances, drawn.PAYOUTS)
    is_replayed = flow.suffers("replayed-payout", is_open, parts=(0, 1))
    _start_payouts(flow, flow.everybody(), is_real, part=0)
    is_restarted = is_open & (drawn.JOB_RESTARTED.ask(chances) | is_replayed)
    _start_payouts(flow, is_restarted, is_replayed, part=1)


def _start_payouts(flow: Flow, where: Mask, is_new: Mask, *, part: int) -> None:
    batch = flow.ids("batch", "batch")
    with flow.request(
        "gateway", "POST", "/payouts/runs", where=where, part=part, after_us=part * _RESTARTED_AFTER_US
    ) as root:
        begin_request(root)
        is_validated = drawn.VALIDATED.ask(flow.chances)
        verify_token(root, is_validated)
        is_allowed = authorize(root, drawn.PAYOUTS, where=~is_validated) | is_validated
        with root.publish("payouts", to="ledger", attributes={"batch.id": batch}, where=is_allowed) as consumer:
            _execute_payouts(consumer, is_new, part)
        finish_request(root, "POST /payouts/runs", np.where(is_allowed, 202, 403))


def _execute_payouts(consumer: Step, is_new: Mask, part: int) -> None:
    flow, chances = consumer.flow, consumer.flow.chances
    consumer.work("read batch", 200, 3_000)
    if part == 0:
        look_up_key(consumer, "payment", is_hit=False, where=drawn.LOOKED_UP.ask(chances))
    else:
        look_up_key(consumer, "payment", is_hit=True, where=~is_new)
        look_up_key(consumer, "payment", is_hit=False, where=is_new)
    cents = facts.highest_leg_cents(chances)
    is_harmed = flow.suffers(
        "transfer-without-approval", consumer.where & is_new & facts.skips_wrong_limit(cents), parts=(part,)
    )
    is_approved = asks_for_approval(consumer, cents, is_harmed) & is_new
    is_recorded_last, is_reconciled_last = drawn.RECORDED_LAST.ask(chances), drawn.RECONCILED_LAST.ask(chances)
    leave_record(consumer, "payout.run", is_new & ~is_recorded_last)
    is_replay = is_new & (part == 1)
    _reconcile(consumer, is_replay, ~is_reconciled_last)
    repeat(consumer, "ledger.reconcile")
    approve(consumer, where=is_approved & drawn.APPROVED_FIRST.ask(chances))
    n_legs = drawn.LEGS.ask(chances)
    for leg in range(drawn.MOST_LEGS):
        leg_cents = facts.leg_cents(chances, leg)
        with consumer.span(
            "transaction.execute",
            where=is_new & (n_legs > leg),
            attributes={
                "idempotency.key": flow.ids("idem", "payment", turn=leg),
                "transaction.type": Texts(facts.payout_type_code(chances, leg), facts.PAYOUT_TYPES),
                "amount": leg_cents / 100,
                "currency": Texts(facts.currency_code(chances, leg), drawn.CURRENCY.options),
                "user.id": users(facts.acting_user(chances, "transaction.execute", turn=leg)),
            },
        ) as execution:
            execution.work("execute", 200, 2_500)
            posted = facts.posted_cents(chances, leg_cents, leg)
            post(execution, leg, *posted, where=drawn.POSTED.ask(chances, turn=leg))
    approve(consumer, where=is_approved & ~drawn.APPROVED_FIRST.ask(chances))
    settle(consumer, is_new)
    _reconcile(consumer, is_replay, is_reconciled_last)
    deliver_file(consumer, "payouts", where=is_new & drawn.FILE_SENT.ask(chances))
    leave_record(consumer, "payout.run", is_new & is_recorded_last)
    repeat(consumer, "idempotency.lookup", "config.reload")


def _reconcile(consumer: Step, is_replay: Mask, where: Mask) -> None:
    """Compare balances with the clearing house's: at times, and more often after a replay."""
    chances = consumer.flow.chances
    is_seen = (is_replay & drawn.MISMATCH_SEEN.ask(chances)) | drawn.RECONCILED.ask(chances)
    with consumer.span("ledger.reconcile", where=where & is_seen) as reconcile:
        reconcile.work("reconcile", 300, 3_000)
        reconcile.fail("ledger.Mismatch", "balances differ from the clearing house's", where=is_replay)


def close_day(flow: Flow) -> None:
    """Post the interest of a day and close it."""
    chances = flow.chances
    with flow.request("gateway", "POST", "/ledger/day-end") as root:
        begin_request(root)
        authorize_reader(root, drawn.LEDGER)
        with root.call("ledger", "POST", "/day-end") as server:
            server.work("gather", 200, 3_000)
            accrue(server)
            is_closed, is_last = drawn.CLOSED.ask(chances), drawn.RENDERED_LAST.ask(chances)
            settle(server, drawn.LEFTOVERS.ask(chances), confirmed=drawn.LEFTOVERS_CONFIRMED.ask(chances))
            _render(server, ~is_last)
            is_same = drawn.CLOSED_ON_BOOKING_DATE.ask(chances)
            date = np.where(is_same, drawn.BOOKING_DATE.code(chances), drawn.BOOKING_DATE.code(chances, turn=1))
            with server.span(
                "ledger.close_day",
                where=is_closed,
                attributes={"booking.date": Texts(date, drawn.BOOKING_DATE.options)},
            ) as close:
                close.work("close", 300, 3_000)
            _render(server, is_last)
            compute_balance(server, flow.everybody())
            leave_record(server, "ledger.close_day", is_closed)
            repeat(
                server, "interest.accrue", "ledger.close_day", "report render", "balance.compute", "settlement.confirm"
            )
            answer(server, "POST /day-end", 200)
        finish_request(root, "POST /ledger/day-end", 200)


def _render(server: Step, where: Mask) -> None:
    server.do("report render", 500, 8_000, where=where & drawn.RENDERED.ask(server.flow.chances))
