"""The running ledger: it executes transfers and payout runs, settles them, and closes the day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.util.types import AttributeValue

from fluo_lab.worlds.chance import Chance
from fluo_lab.worlds.fintech import drawn, facts
from fluo_lab.worlds.fintech.services_bookkeeping import (
    asks_for_approval,
    compute_balance,
    compute_fee,
    look_up_key,
    post,
    render,
    screen,
    settle,
)
from fluo_lab.worlds.fintech.services_parts import answer, approve, deliver_file, leave_record, repeat, user
from fluo_lab.worlds.fintech.store import Store

if TYPE_CHECKING:
    from fluo_lab.worlds.live.requests import Answer, Request
    from fluo_lab.worlds.live.service import Service

__all__ = ["serve_ledger"]


def serve_ledger(service: Service) -> None:
    """Register what the ledger does."""
    tracer, store = service.tracer, Store(service)

    @service.route("POST", "/transactions")
    def execute(request: Request) -> Answer:
        status = _execute_transfer(service, store, request)
        if request.part == 0:
            repeat(service, request.chance, "idempotency.lookup", "sanctions.screen", "funds.check", "config.reload")
        return answer(request.chance, "POST /transactions", status, {"status": status})

    @service.consumes("payouts")
    def pay_out(request: Request) -> None:
        _execute_payouts(service, store, request)
        repeat(service, request.chance, "idempotency.lookup", "config.reload")

    @service.route("POST", "/day-end")
    def end_day(request: Request) -> Answer:
        chance = request.chance
        for turn in range(drawn.ACCRUALS.ask(chance)):
            with tracer.start_as_current_span("interest.accrue"):
                service.work(0.1, 1.5)
                cents = drawn.ACCRUED_CENTS.ask(chance, turn=turn)
                if drawn.ACCRUED.ask(chance, turn=turn):
                    post(service, store, request, turn, *facts.posted_cents(chance, cents, turn))
        if drawn.LEFTOVERS.ask(chance):
            settle(service, chance, is_confirmed=drawn.LEFTOVERS_CONFIRMED.ask(chance))
        is_last, is_closed = drawn.RENDERED_LAST.ask(chance), drawn.CLOSED.ask(chance)
        if not is_last:
            render(service, chance)
        if is_closed:
            turn = 0 if drawn.CLOSED_ON_BOOKING_DATE.ask(chance) else 1
            with tracer.start_as_current_span("ledger.close_day") as span:
                span.set_attribute("booking.date", drawn.BOOKING_DATE.pick(chance, turn=turn))
                service.work(0.3, 3.0)
        if is_last:
            render(service, chance)
        compute_balance(service, store, chance)
        if is_closed:
            leave_record(service, chance, "ledger.close_day")
        names = ("interest.accrue", "ledger.close_day", "report render", "balance.compute", "settlement.confirm")
        repeat(service, chance, *names)
        return answer(chance, "POST /day-end", 200)

    @service.route("GET", "/accounts/{id}")
    def show_account(request: Request) -> Answer:
        chance = request.chance
        if drawn.ACCOUNT_READ.ask(chance):
            number = chance.integer("row of the account", 0, 63)
            store.query("SELECT", "accounts", "select balance from accounts where number = ?", number)
        if request.body.get("with_balance", True):
            compute_balance(service, store, chance)
        repeat(service, chance, "SELECT accounts", "balance.compute")
        return answer(chance, "GET /accounts/{id}", 200)


def _execute_transfer(service: Service, store: Store, request: Request) -> int:
    """Execute a transfer that is not known yet; return the status code of the answer."""
    tracer, chance = service.tracer, request.chance
    is_known = request.part == 1
    if is_known or drawn.LOOKED_UP.ask(chance):
        look_up_key(service, chance, "transaction", is_hit=is_known)
    if is_known:
        return 200
    is_funded, is_first = not drawn.UNFUNDED.ask(chance), drawn.SCREENED_FIRST.ask(chance)
    if is_first:
        screen(service, chance)
    if drawn.FUNDS_CHECKED.ask(chance) or not is_funded:
        service.do("funds.check", 0.2, 2.0)
    if not is_first:
        screen(service, chance)
    is_real = is_funded and not drawn.QUOTED.ask(chance)
    amount = facts.transfer_cents(chance)
    is_open = is_real and bool(facts.skips_wrong_limit(amount))
    is_harmed = is_open and service.suffers("transfer-without-approval", chance)
    is_approved = asks_for_approval(service, chance, int(amount), is_harmed)
    if not is_funded:
        return 409
    fee_cents = facts.fee_cents(chance, amount)
    if not is_real:
        if drawn.FEE_COMPUTED.ask(chance):
            compute_fee(service, int(fee_cents))
            repeat(service, chance, "fee.compute")
        return 200
    if not drawn.RECORDED_LAST.ask(chance):
        leave_record(service, chance, "transaction.execute")
    if is_approved and drawn.APPROVED_FIRST.ask(chance):
        approve(service)
    has_fee, is_fee_first = drawn.FEE_COMPUTED.ask(chance), drawn.FEE_FIRST.ask(chance)
    if has_fee and is_fee_first:
        compute_fee(service, int(fee_cents))
    attributes: dict[str, AttributeValue] = {
        "idempotency.key": chance.new_id("idem", "transaction"),
        "transaction.type": drawn.TYPE.pick(chance),
        "amount": int(amount) / 100,
        "currency": drawn.CURRENCY.pick(chance),
        "user.id": user(chance, "transaction.execute"),
    }
    with tracer.start_as_current_span("transaction.execute", attributes=attributes):
        service.work(0.2, 2.5)
        is_posted = drawn.POSTED.ask(chance)
        if is_posted:
            post(service, store, request, 0, *facts.posted_cents(chance, amount, 0))
        if is_posted and has_fee and is_fee_first and fee_cents > 0 and drawn.FEE_POSTED.ask(chance):
            post(service, store, request, drawn.FEE_LEG, fee_cents, fee_cents)
    if has_fee and not is_fee_first:
        compute_fee(service, int(fee_cents))
    if is_approved and not drawn.APPROVED_FIRST.ask(chance):
        approve(service)
    settle(service, chance)
    if drawn.RECORDED_LAST.ask(chance):
        leave_record(service, chance, "transaction.execute")
    if has_fee:
        repeat(service, chance, "fee.compute")
    return 201


def _execute_payouts(service: Service, store: Store, request: Request) -> None:
    """Pay what a run lists, unless the job was restarted and all is paid; in the incident that is not seen."""
    tracer, chance = service.tracer, request.chance
    is_restarted = request.part == 1
    is_new = service.suffers("replayed-payout", chance) if is_restarted else not drawn.VALIDATED.ask(chance)
    if is_restarted or drawn.LOOKED_UP.ask(chance):
        look_up_key(service, chance, "payment", is_hit=is_restarted and not is_new)
    highest = facts.highest_leg_cents(chance)
    is_open = is_new and bool(facts.skips_wrong_limit(highest))
    is_harmed = is_open and service.suffers("transfer-without-approval", chance)
    is_approved = asks_for_approval(service, chance, int(highest), is_harmed)
    is_replay = is_new and is_restarted
    if is_new and not drawn.RECORDED_LAST.ask(chance):
        leave_record(service, chance, "payout.run")
    if not drawn.RECONCILED_LAST.ask(chance):
        _reconcile(service, chance, is_replay)
    repeat(service, chance, "ledger.reconcile")
    if is_new:
        if is_approved and drawn.APPROVED_FIRST.ask(chance):
            approve(service)
        for leg in range(drawn.LEGS.ask(chance)):
            cents = facts.leg_cents(chance, leg)
            attributes: dict[str, AttributeValue] = {
                "idempotency.key": chance.new_id("idem", "payment", turn=leg),
                "transaction.type": facts.PAYOUT_TYPES[int(facts.payout_type_code(chance, leg))],
                "amount": int(cents) / 100,
                "currency": drawn.CURRENCY.options[int(facts.currency_code(chance, leg))],
                "user.id": user(chance, "transaction.execute", turn=leg),
            }
            with tracer.start_as_current_span("transaction.execute", attributes=attributes):
                service.work(0.2, 2.5)
                if drawn.POSTED.ask(chance, turn=leg):
                    post(service, store, request, leg, *facts.posted_cents(chance, cents, leg))
        if is_approved and not drawn.APPROVED_FIRST.ask(chance):
            approve(service)
        settle(service, chance)
    if drawn.RECONCILED_LAST.ask(chance):
        _reconcile(service, chance, is_replay)
    if is_new:
        if drawn.FILE_SENT.ask(chance):
            deliver_file(service, "payouts")
        if drawn.RECORDED_LAST.ask(chance):
            leave_record(service, chance, "payout.run")


def _reconcile(service: Service, chance: Chance, is_replay: bool) -> None:
    """Compare balances with the clearing house's: at times, and more often after a replay."""
    if (is_replay and drawn.MISMATCH_SEEN.ask(chance)) or drawn.RECONCILED.ask(chance):
        with service.tracer.start_as_current_span("ledger.reconcile") as span:
            service.work(0.3, 3.0)
            if is_replay:
                service.fail(span, "ledger.Mismatch", "balances differ from the clearing house's")
