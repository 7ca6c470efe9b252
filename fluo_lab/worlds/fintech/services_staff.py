"""The running services that watch over the others: authorization, approvals and the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluo_lab.worlds.chance import Chance
from fluo_lab.worlds.fintech import drawn, facts
from fluo_lab.worlds.fintech.services_parts import answer, audit, repeat, user
from fluo_lab.worlds.fintech.store import Store

if TYPE_CHECKING:
    from fluo_lab.worlds.live.requests import Answer, Request
    from fluo_lab.worlds.live.service import Service

__all__ = ["serve_approvals", "serve_audit", "serve_auth"]


def serve_auth(service: Service) -> None:
    """Register what the identity service does."""
    tracer, store = service.tracer, Store(service)

    @service.route("POST", "/authorizations")
    def authorize(request: Request) -> Answer:
        chance, scope, turn = request.chance, request.body["scope"], request.body["turn"]
        decision = int(facts.decision_code(chance, scope, turn))
        with tracer.start_as_current_span("auth.check") as span:
            span.set_attribute("user.id", user(chance, "auth.check", turn=turn))
            span.set_attribute(
                "auth.scope", scope if drawn.SCOPE_NAMED_IN_FULL.ask(chance, turn=turn) else f"legacy/{scope}"
            )
            span.set_attribute("auth.method", _method(chance, scope, turn))
            span.set_attribute("auth.decision", facts.DECISIONS[decision])
            service.work(0.1, 2.0)
        repeat(service, chance, "auth.check")
        is_allowed = decision != 0
        return answer(chance, "POST /authorizations", 200 if is_allowed else 403, {"is_allowed": is_allowed})

    @service.route("GET", "/customers/{id}")
    def read_customer(request: Request) -> Answer:
        chance = request.chance
        is_in_line, is_after = drawn.AUDITED_IN_LINE.ask(chance), drawn.AUDITED_AFTER.ask(chance)
        if not is_after:
            audit(service, "pii.access", is_in_line=is_in_line)
        with tracer.start_as_current_span("pii.access") as span:
            span.set_attribute("user.id", user(chance, "pii.access"))
            span.set_attribute("customer.id", request.path_values["id"])
            span.set_attribute("pii.field_count", drawn.PERSONAL_FIELDS.ask(chance))
            service.work(0.2, 3.0)
            if drawn.CUSTOMER_READ_AT_ONCE.ask(chance):
                number = chance.integer("row of the customer", 0, 63)
                store.query("SELECT", "customers", "select name, city from customers where number = ?", number)
        if is_after:
            audit(service, "pii.access", is_in_line=is_in_line)
        repeat(service, chance, "SELECT customers")
        return answer(chance, "GET /customers/{id}", 200)

    @service.route("POST", "/masks")
    def mask(request: Request) -> Answer:
        number = request.chance.integer("row of the customer", 0, 63)
        statement = "select name, city from customers where number = ?"
        masked = ["***"]
        if drawn.CUSTOMER_READ_AT_ONCE.ask(request.chance):
            rows = store.query("SELECT", "customers", statement, number)
            masked = [f"{str(text)[0]}***" for text in rows[0]]
        return answer(request.chance, "POST /masks", 200, {"masked": masked})

    @service.route("PATCH", "/users/{id}")
    def change_user(request: Request) -> Answer:
        chance = request.chance
        if not drawn.DRY_RUN.ask(chance):
            with tracer.start_as_current_span("admin.action") as span:
                span.set_attribute("admin.operation", drawn.OPERATION.pick(chance))
                span.set_attribute("user.id", user(chance, "admin.action"))
                service.work(0.2, 3.0)
            repeat(service, chance, "admin.action")
        return answer(chance, "PATCH /users/{id}", 200)


def _method(chance: Chance, scope: str, turn: int) -> str:
    if scope == drawn.PAYMENTS:
        return "mfa"
    return (drawn.MACHINE_METHOD if scope == drawn.PAYOUTS else drawn.PERSON_METHOD).pick(chance, turn=turn)


def serve_approvals(service: Service) -> None:
    """Register what the approval service does."""
    tracer = service.tracer

    def evaluate_policy() -> None:
        service.do("policy.evaluate", 0.1, 1.5)

    @service.route("POST", "/approvals")
    def approve(request: Request) -> Answer:
        chance = request.chance
        if drawn.POLICY_EVALUATED.ask(chance):
            evaluate_policy()
        initiator = facts.acting_user(chance, "approval.record")
        approver = facts.approver_of(chance, initiator)
        with tracer.start_as_current_span("approval.record") as span:
            span.set_attribute("approval.id", chance.new_id("appr", "approval", turn=request.part))
            span.set_attribute("initiator.id", drawn.USERS[int(initiator)])
            span.set_attribute("approver.id", drawn.USERS[int(approver)])
            span.set_attribute("approval.route", drawn.APPROVAL_ROUTE.pick(chance))
            service.work(0.3, 4.0)
        repeat(service, chance, "policy.evaluate", "approval.record")
        return answer(chance, "POST /approvals", 201)

    @service.route("GET", "/limits")
    def show_limits(request: Request) -> Answer:
        if drawn.POLICY_SHOWN.ask(request.chance):
            evaluate_policy()
        if drawn.LIMITS_SLOW.ask(request.chance):
            service.wait(drawn.LIMITS_SLOW_S * 1000)
        return answer(request.chance, "GET /limits", 200, {"limit": drawn.LIMIT_CENTS})


def serve_audit(service: Service) -> None:
    """Register what the audit service does."""
    tracer, store = service.tracer, Store(service)

    def write(request: Request) -> None:
        chance, action = request.chance, request.body["action"]
        if action == "pii.access" or drawn.RECORD_NEW.ask(chance):
            log(chance, action)
        repeat(service, chance, "audit.log")

    def log(chance: Chance, action: str) -> None:
        with tracer.start_as_current_span("audit.log") as span:
            span.set_attribute("action", action if drawn.ACTION_NAMED.ask(chance) else f"legacy/{action}")
            span.set_attribute("user.id", user(chance, f"audit.log of {action}"))
            if action == "pii.access":
                span.set_attribute("customer.id", chance.new_id("cust", "customer"))
            service.work(0.1, 2.0)
            store.run("insert into entries values (?, ?)", action, user(chance, f"audit.log of {action}"))

    @service.consumes("audit")
    def take(request: Request) -> None:
        write(request)

    @service.route("POST", "/entries")
    def enter(request: Request) -> Answer:
        write(request)
        return answer(request.chance, "POST /entries", 201)
