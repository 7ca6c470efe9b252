"""The running system: which service does what, the gateway among them, and what visits ask of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fluo_lab.worlds.chance import Chance
from fluo_lab.worlds.fintech import drawn, facts
from fluo_lab.worlds.fintech.services_exports import serve_exports
from fluo_lab.worlds.fintech.services_ledger import serve_ledger
from fluo_lab.worlds.fintech.services_parts import (
    answer,
    approve,
    authorize,
    authorize_reader,
    deliver_file,
    leave_record,
    read_customer,
    repeat,
    verify_token,
)
from fluo_lab.worlds.fintech.services_staff import serve_approvals, serve_audit, serve_auth
from fluo_lab.worlds.live.requests import ServiceTimeout

if TYPE_CHECKING:
    from fluo_lab.worlds.live.client import Client
    from fluo_lab.worlds.live.requests import Answer, Request
    from fluo_lab.worlds.live.service import Service

__all__ = ["serve", "visit"]


def serve(service: Service) -> None:
    """Register what a deployment does."""
    register: dict[str, Callable[[Service], None]] = {
        "gateway": _serve_gateway,
        "auth": serve_auth,
        "ledger": serve_ledger,
        "approvals": serve_approvals,
        "audit": serve_audit,
        "exports": serve_exports,
    }
    register[service.deployment.key](service)


def visit(client: Client, chance: Chance) -> None:
    """Do what one user or scheduler does."""
    account, customer = chance.new_id("acct", "account"), chance.new_id("cust", "customer")
    match drawn.WORKFLOWS[chance.pick_code("workflow", drawn.WEIGHTS)]:
        case "transfer":
            _transfer(client, chance)
        case "payouts":
            _run_payouts(client, chance)
        case "export":
            client.request("POST", "/exports")
        case "statement":
            client.request("GET", f"/accounts/{account}/statement")
        case "customer":
            client.request("GET", f"/customers/{customer}")
        case "admin":
            client.request("POST", "/admin/changes")
        case "day end":
            client.request("POST", "/ledger/day-end")
        case "balance":
            client.request("GET", f"/accounts/{account}")


def _transfer(client: Client, chance: Chance) -> None:
    client.request("POST", "/transfers")
    is_executed = (
        facts.is_allowed(chance, drawn.PAYMENTS) and not drawn.QUOTED.ask(chance) and not drawn.UNFUNDED.ask(chance)
    )
    if is_executed and drawn.CLIENT_REPEATS.ask(chance):
        client.request("POST", "/transfers", part=1)


def _run_payouts(client: Client, chance: Chance) -> None:
    client.request("POST", "/payouts/runs")
    is_open = facts.is_allowed(chance, drawn.PAYOUTS) and not drawn.VALIDATED.ask(chance)
    if is_open and (drawn.JOB_RESTARTED.ask(chance) or client.suffers("replayed-payout", chance)):
        client.request("POST", "/payouts/runs", part=1)


def _serve_gateway(service: Service) -> None:
    @service.route("POST", "/transfers")
    def transfer(request: Request) -> Answer:
        _begin(service, request)
        chance = request.chance
        repeat(service, chance, "notification.send")
        is_limits_shown, is_limits_first = drawn.LIMITS_SHOWN.ask(chance), drawn.LIMITS_FIRST.ask(chance)
        if is_limits_shown and is_limits_first:
            _show_limits(service, chance)
        status, is_quote = 403, drawn.QUOTED.ask(chance)
        if is_quote:
            verify_token(service)
        is_allowed = is_quote or authorize(service, drawn.PAYMENTS)
        if is_limits_shown and not is_limits_first:
            _show_limits(service, chance)
        if is_allowed:
            status = int(service.call("ledger", "POST", "/transactions").body["status"])
        if drawn.NOTIFIED.ask(chance):
            service.do("notification.send", 0.2, 3.0)
        return _finish(service, request, "POST /transfers", status)

    @service.route("POST", "/payouts/runs")
    def run_payouts(request: Request) -> Answer:
        _begin(service, request)
        is_validated = drawn.VALIDATED.ask(request.chance)
        if is_validated:
            verify_token(service)
        is_allowed = is_validated or authorize(service, drawn.PAYOUTS)
        if is_allowed:
            batch = request.chance.new_id("batch", "batch")
            service.publish("payouts", "ledger", {"batch": batch}, {"batch.id": batch})
        return _finish(service, request, "POST /payouts/runs", 202 if is_allowed else 403)

    @service.route("POST", "/exports")
    def export(request: Request) -> Answer:
        _begin(service, request)
        authorize_reader(service, request.chance, drawn.EXPORTS)
        service.call("exports", "POST", "/exports")
        return _finish(service, request, "POST /exports", 202)

    @service.route("GET", "/accounts/{id}/statement")
    def make_statement(request: Request) -> Answer:
        _begin(service, request)
        chance, account = request.chance, request.path_values["id"]
        is_sent = drawn.STATEMENT_SENT.ask(chance)
        authorize_reader(service, chance, drawn.ACCOUNTS)
        is_printed, is_at_once = drawn.ADDRESS_PRINTED.ask(chance), drawn.READ_AT_ONCE.ask(chance)

        def read_account() -> None:
            service.call("ledger", "GET", "/accounts/{id}", {"with_balance": not is_sent}, path=f"/accounts/{account}")

        def read_address() -> None:
            if is_printed:
                read_customer(service, request)

        if is_at_once:
            service.side_by_side(read_account, read_address)
        else:
            read_address()
            read_account()
        if is_sent:
            deliver_file(service, "statement")
        else:
            service.do("report render", 0.5, 8.0)
        return _finish(service, request, "GET /accounts/{id}/statement", 200)

    @service.route("GET", "/accounts/{id}")
    def show_balance(request: Request) -> Answer:
        _begin(service, request)
        authorize_reader(service, request.chance, drawn.ACCOUNTS)
        path = f"/accounts/{request.path_values['id']}"
        service.call("ledger", "GET", "/accounts/{id}", {"with_balance": True}, path=path)
        return _finish(service, request, "GET /accounts/{id}", 200)

    @service.route("GET", "/customers/{id}")
    def show_customer(request: Request) -> Answer:
        _begin(service, request)
        authorize_reader(service, request.chance, drawn.CUSTOMERS)
        if drawn.MASKED.ask(request.chance):
            service.call("auth", "POST", "/masks")
        else:
            read_customer(service, request)
        return _finish(service, request, "GET /customers/{id}", 200)

    @service.route("POST", "/admin/changes")
    def administer(request: Request) -> Answer:
        _begin(service, request)
        chance = request.chance
        is_real, is_first = not drawn.DRY_RUN.ask(chance), drawn.APPROVED_FIRST.ask(chance)
        is_approved = is_real or drawn.DRY_RUN_APPROVED.ask(chance)
        authorize_reader(service, chance, drawn.ADMIN)
        if is_approved and is_first:
            approve(service)
        if is_real or drawn.DRY_RUN_TRIED.ask(chance):
            service.call("auth", "PATCH", "/users/{id}", path=f"/users/{chance.new_id('target', 'target')}")
        if is_approved and not is_first:
            approve(service)
        if is_real:
            leave_record(service, chance, "admin.action")
        return _finish(service, request, "POST /admin/changes", 200)

    @service.route("POST", "/ledger/day-end")
    def end_day(request: Request) -> Answer:
        _begin(service, request)
        authorize_reader(service, request.chance, drawn.LEDGER)
        service.call("ledger", "POST", "/day-end")
        return _finish(service, request, "POST /ledger/day-end", 200)


def _show_limits(service: Service, chance: Chance) -> None:
    # Only an answer that is slow by itself gets a limit: a busy machine must not make others late.
    timeout_s = drawn.LIMITS_TIMEOUT_S if drawn.LIMITS_SLOW.ask(chance) else None
    try:
        service.call("approvals", "GET", "/limits", timeout_s=timeout_s)
    except ServiceTimeout:
        # The page shows no limits then; the ledger enforces them anyway.
        return


def _begin(service: Service, request: Request) -> None:
    """Do what begins every request from outside."""
    if not drawn.METERED_LAST.ask(request.chance):
        _meter(service, request)


def _meter(service: Service, request: Request) -> None:
    if drawn.METERED.ask(request.chance):
        service.do("usage.meter", 0.1, 0.3)


def _finish(service: Service, request: Request, route: str, usual: int) -> Answer:
    """Do what ends every request from outside, and answer it."""
    if drawn.METERED_LAST.ask(request.chance):
        _meter(service, request)
    repeat(service, request.chance, "token.verify", "usage.meter")
    request.span.set_attribute("cloud.region", drawn.REGION.pick(request.chance))
    request.span.set_attribute("app.channel", drawn.CHANNEL.pick(request.chance))
    return answer(request.chance, route, usual)
