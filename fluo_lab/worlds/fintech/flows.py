"""The simulated system: who visits it, and what those do that move no money."""

from __future__ import annotations

from collections.abc import Callable

from fluo_lab.worlds.fintech import drawn, facts
from fluo_lab.worlds.fintech.flows_ledger import compute_balance, leave_record
from fluo_lab.worlds.fintech.flows_money import close_day, run_payouts, transfer
from fluo_lab.worlds.fintech.flows_parts import (
    answer,
    approve,
    authorize_reader,
    begin_request,
    deliver_file,
    finish_request,
    query,
    read_customer,
    repeat,
    send_file,
    users,
)
from fluo_lab.worlds.simulated import Batch, Flow

__all__ = ["simulate"]


def simulate(batch: Batch) -> None:
    """Add the spans of some visits."""
    workflow = batch.chances.pick_code("workflow", drawn.WEIGHTS)
    for code, name in enumerate(drawn.WORKFLOWS):
        _FLOWS[name](batch.flow(workflow == code))


def _export(flow: Flow) -> None:
    chances = flow.chances
    with flow.request("gateway", "POST", "/exports") as root:
        begin_request(root)
        authorize_reader(root, drawn.EXPORTS)
        with root.call("exports", "POST", "/exports") as server:
            with server.span(
                "export.collect",
                where=drawn.COLLECTED.ask(chances),
                attributes={"export.kind": server.flow.texts(drawn.EXPORT_KIND)},
            ) as collect:
                collect.work("collect", 500, 6_000)
                query(collect, "SELECT", "postings", where=drawn.POSTINGS_READ.ask(chances))
            is_of_people = flow.texts(drawn.EXPORT_KIND).is_any("customers")
            read_customer(server, where=is_of_people & drawn.EXPORT_NAMES_PEOPLE.ask(chances))
            send_file(server, "export")
            leave_record(server, "data.export", flow.everybody())
            repeat(server, "export.collect", "SELECT postings")
            answer(server, "POST /exports", 201)
        finish_request(root, "POST /exports", 202)


def _statement(flow: Flow) -> None:
    chances = flow.chances
    path = flow.ids("/accounts/acct", "account")
    is_sent = drawn.STATEMENT_SENT.ask(chances)
    with flow.request("gateway", "GET", "/accounts/{id}/statement", path=path + "/statement") as root:
        begin_request(root)
        authorize_reader(root, drawn.ACCOUNTS)
        is_printed, is_at_once = drawn.ADDRESS_PRINTED.ask(chances), drawn.READ_AT_ONCE.ask(chances)
        read_customer(root, where=is_printed & ~is_at_once)
        start_ns = root.now_ns.copy()
        with root.call("ledger", "GET", "/accounts/{id}", path=path) as server:
            query(server, "SELECT", "accounts", where=drawn.ACCOUNT_READ.ask(chances))
            compute_balance(server, ~is_sent)
            repeat(server, "SELECT accounts", "balance.compute")
            answer(server, "GET /accounts/{id}", 200)
        read_customer(root, where=is_printed & is_at_once, at_ns=start_ns)
        root.do("report render", 500, 8_000, where=~is_sent)
        deliver_file(root, "statement", where=is_sent)
        finish_request(root, "GET /accounts/{id}/statement", 200)


def _show_customer(flow: Flow) -> None:
    is_masked = drawn.MASKED.ask(flow.chances)
    with flow.request("gateway", "GET", "/customers/{id}", path=flow.ids("/customers/cust", "customer")) as root:
        begin_request(root)
        authorize_reader(root, drawn.CUSTOMERS)
        read_customer(root, where=~is_masked)
        with root.call("auth", "POST", "/masks", where=is_masked) as server:
            query(server, "SELECT", "customers", where=drawn.CUSTOMER_READ_AT_ONCE.ask(flow.chances))
            answer(server, "POST /masks", 200)
        finish_request(root, "GET /customers/{id}", 200)


def _administer(flow: Flow) -> None:
    chances = flow.chances
    is_real = ~drawn.DRY_RUN.ask(chances)
    is_first = drawn.APPROVED_FIRST.ask(chances)
    is_approved = is_real | drawn.DRY_RUN_APPROVED.ask(chances)
    is_tried = is_real | drawn.DRY_RUN_TRIED.ask(chances)
    with flow.request("gateway", "POST", "/admin/changes") as root:
        begin_request(root)
        authorize_reader(root, drawn.ADMIN)
        approve(root, where=is_approved & is_first)
        with root.call(
            "auth", "PATCH", "/users/{id}", path=flow.ids("/users/target", "target"), where=is_tried
        ) as server:
            with server.span(
                "admin.action",
                where=is_real,
                attributes={
                    "admin.operation": server.flow.texts(drawn.OPERATION),
                    "user.id": users(facts.acting_user(chances, "admin.action")),
                },
            ) as action:
                action.work("change", 200, 3_000)
            repeat(server, "admin.action", where=is_real)
            answer(server, "PATCH /users/{id}", 200)
        approve(root, where=is_approved & ~is_first)
        leave_record(root, "admin.action", is_real)
        finish_request(root, "POST /admin/changes", 200)


def _show_balance(flow: Flow) -> None:
    path = flow.ids("/accounts/acct", "account")
    with flow.request("gateway", "GET", "/accounts/{id}", path=path) as root:
        begin_request(root)
        authorize_reader(root, drawn.ACCOUNTS)
        with root.call("ledger", "GET", "/accounts/{id}", path=path) as server:
            query(server, "SELECT", "accounts", where=drawn.ACCOUNT_READ.ask(flow.chances))
            compute_balance(server, flow.everybody())
            repeat(server, "SELECT accounts", "balance.compute")
            answer(server, "GET /accounts/{id}", 200)
        finish_request(root, "GET /accounts/{id}", 200)


_FLOWS: dict[str, Callable[[Flow], None]] = {
    "transfer": transfer,
    "payouts": run_payouts,
    "export": _export,
    "statement": _statement,
    "customer": _show_customer,
    "admin": _administer,
    "day end": close_day,
    "balance": _show_balance,
}
