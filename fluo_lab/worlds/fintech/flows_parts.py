"""What several workflows of the simulated system do: authorize, approve, audit, read personal data, send files."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fluo_lab.traces.schema import SpanKind
from fluo_lab.worlds.fintech import drawn, facts
from fluo_lab.worlds.questions import Integers, Mask
from fluo_lab.worlds.simulated import Step, Texts

__all__ = [
    "answer",
    "approve",
    "audit",
    "authorize",
    "authorize_reader",
    "begin_request",
    "customer_path",
    "deliver_file",
    "evaluate_policy",
    "finish_request",
    "query",
    "read_customer",
    "repeat",
    "send_file",
    "users",
    "verify_token",
]


def users(codes: Integers) -> Texts:
    """Return the names of users."""
    return Texts(codes, drawn.USERS)


def query(step: Step, operation: str, table: str, *, where: Mask | None = None) -> None:
    """Run a statement in the database."""
    with step.span(
        f"{operation} {table}", where=where, kind=SpanKind.CLIENT, attributes=facts.database(operation, table)
    ) as statement:
        statement.work(f"{operation} {table}", 200, 4_000)


def repeat(step: Step, *names: str, where: Mask | None = None) -> None:
    """Run steps once more that nothing says must run once."""
    for name in names:
        is_again = np.asarray(facts.is_repeated(step.flow.chances, name))
        step.do(name, 50, 400, where=is_again if where is None else where & is_again)


def answer(step: Step, route: str, usual: int | Integers) -> None:
    """Answer a request."""
    step.answer(facts.answer_code(step.flow.chances, route, usual))


def begin_request(root: Step) -> None:
    """Do what begins every request from outside."""
    root.work("accept", 100, 1_500)
    _meter(root, ~drawn.METERED_LAST.ask(root.flow.chances))


def _meter(root: Step, where: Mask) -> None:
    root.do("usage.meter", 20, 300, where=where & drawn.METERED.ask(root.flow.chances))


def finish_request(root: Step, route: str, usual: int | Integers) -> None:
    """Do what ends every request from outside, and answer it."""
    _meter(root, drawn.METERED_LAST.ask(root.flow.chances))
    repeat(root, "token.verify", "usage.meter")
    root.note("cloud.region", root.flow.texts(drawn.REGION))
    root.note("app.channel", root.flow.texts(drawn.CHANNEL))
    answer(root, route, usual)


def authorize(step: Step, scope: str, *, where: Mask | None = None, turn: int = 0) -> Mask:
    """Ask whether the user may do something, and return where they may."""
    chances = step.flow.chances
    decision = facts.decision_code(chances, scope, turn)
    is_long = drawn.SCOPE_NAMED_IN_FULL.ask(chances, turn=turn)
    with step.call("auth", "POST", "/authorizations", where=where) as server:
        server.work("authorize", 100, 1_500)
        with server.span(
            "auth.check",
            attributes={
                "user.id": users(facts.acting_user(chances, "auth.check", turn=turn)),
                "auth.scope": Texts((~is_long).astype(np.int64), (scope, f"legacy/{scope}")),
                "auth.method": _method(step, scope, turn),
                "auth.decision": Texts(decision, facts.DECISIONS),
            },
        ) as check:
            check.work("check", 100, 2_000)
        repeat(server, "auth.check")
        answer(server, "POST /authorizations", np.where(decision == 0, 403, 200))
    return np.asarray(decision != 0)


def _method(step: Step, scope: str, turn: int) -> Texts | str:
    if scope == drawn.PAYMENTS:
        return "mfa"
    return step.flow.texts(drawn.MACHINE_METHOD if scope == drawn.PAYOUTS else drawn.PERSON_METHOD, turn=turn)


def authorize_reader(step: Step, scope: str) -> None:
    """Let in who carries a valid token, or who is allowed by the auth service, there asked for more if need be."""
    is_remote = drawn.CHECKED_REMOTELY.ask(step.flow.chances)
    verify_token(step, ~is_remote)
    is_allowed = authorize(step, scope, where=is_remote)
    authorize(step, scope, where=is_remote & ~is_allowed, turn=1)


def verify_token(step: Step, where: Mask) -> None:
    """Let in who carries a valid token."""
    step.do("token.verify", 50, 400, where=where)


def evaluate_policy(step: Step, where: Mask) -> None:
    """Evaluate whose approval is needed."""
    step.do("policy.evaluate", 100, 1_500, where=where)


def approve(step: Step, *, where: Mask) -> None:
    """Have a deed approved by somebody else."""
    chances = step.flow.chances
    initiator = facts.acting_user(chances, "approval.record")
    with step.call("approvals", "POST", "/approvals", where=where) as server:
        evaluate_policy(server, drawn.POLICY_EVALUATED.ask(chances))
        with server.span(
            "approval.record",
            attributes={
                "approval.id": step.flow.ids("appr", "approval", turn=step.part),
                "initiator.id": users(initiator),
                "approver.id": users(facts.approver_of(chances, initiator)),
                "approval.route": step.flow.texts(drawn.APPROVAL_ROUTE),
            },
        ) as record:
            record.work("record", 300, 4_000)
        repeat(server, "policy.evaluate", "approval.record")
        answer(server, "POST /approvals", 201)


def audit(step: Step, action: str, *, where: Mask, in_line: Mask, customer: pl.Series | None = None) -> None:
    """Leave an audit record: in line, or by a message."""
    with step.call("audit", "POST", "/entries", where=where & in_line) as server:
        _write_entry(server, action, customer)
        answer(server, "POST /entries", 201)
    with step.publish("audit", to="audit", attributes={}, where=where & ~in_line) as consumer:
        _write_entry(consumer, action, customer)


def _write_entry(step: Step, action: str, customer: pl.Series | None) -> None:
    chances = step.flow.chances
    is_plain = drawn.ACTION_NAMED.ask(chances)
    with step.span(
        "audit.log",
        where=step.flow.everybody() if customer is not None else drawn.RECORD_NEW.ask(chances),
        attributes={
            "action": Texts((~is_plain).astype(np.int64), (action, f"legacy/{action}")),
            "user.id": users(facts.acting_user(chances, f"audit.log of {action}")),
            **({} if customer is None else {"customer.id": customer}),
        },
    ) as log:
        log.work("log", 100, 2_000)
    repeat(step, "audit.log")


def customer_path(step: Step) -> pl.Series:
    """Return the paths of the visits' customers."""
    return step.flow.ids("/customers/cust", "customer")


def read_customer(step: Step, *, where: Mask, at_ns: NDArray[np.int64] | None = None) -> None:
    """Read who a customer is, and leave a record of that."""
    chances = step.flow.chances
    customer = step.flow.ids("cust", "customer")
    in_line = drawn.AUDITED_IN_LINE.ask(chances)
    is_after = drawn.AUDITED_AFTER.ask(chances)
    with step.call("auth", "GET", "/customers/{id}", path=customer_path(step), where=where, at_ns=at_ns) as server:
        audit(server, "pii.access", where=~is_after, in_line=in_line, customer=customer)
        with server.span(
            "pii.access",
            attributes={
                "user.id": users(facts.acting_user(chances, "pii.access")),
                "customer.id": customer,
                "pii.field_count": drawn.PERSONAL_FIELDS.ask(chances),
            },
        ) as access:
            access.work("access", 200, 3_000)
            query(access, "SELECT", "customers", where=drawn.CUSTOMER_READ_AT_ONCE.ask(chances))
        audit(server, "pii.access", where=is_after, in_line=in_line, customer=customer)
        repeat(server, "SELECT customers")
        answer(server, "GET /customers/{id}", 200)


def deliver_file(step: Step, kind: str, *, where: Mask) -> None:
    """Have the export service send a file."""
    with step.call("exports", "POST", "/files", where=where) as server:
        send_file(server, kind)
        answer(server, "POST /files", 201)


def send_file(step: Step, kind: str) -> None:
    """Make a file and send it: encrypted, except on the path of large files while the incident lasts."""
    flow, chances = step.flow, step.flow.chances
    is_large = facts.is_large(chances, kind)
    is_held = drawn.HELD.ask(chances)
    repeat(step, "file.cleanup")
    is_harmed = flow.suffers("export-without-encryption", step.where & is_large & ~is_held)
    step.do("report render", 500, 8_000, where=drawn.RENDERED.ask(chances))
    step.do("file.split", 300, 4_000, where=is_large & drawn.SPLIT.ask(chances))
    is_compressed, is_first = drawn.COMPRESSED.ask(chances), drawn.COMPRESSED_FIRST.ask(chances)
    _compress(step, is_compressed & is_first)
    with step.span(
        "encryption.applied",
        where=~is_harmed & (~is_held | drawn.HELD_ENCRYPTED.ask(chances)),
        attributes={
            "encryption.algorithm": step.flow.texts(drawn.ALGORITHM),
            "encryption.key_number": drawn.ENCRYPTION_KEY.ask(chances),
        },
    ) as encryption:
        encryption.work("encrypt", 500, 6_000)
    _compress(step, is_compressed & ~is_first)
    is_retried = (is_harmed & drawn.RETRIED_IN_CLEAR.ask(chances)) | drawn.UPLOAD_RETRIED.ask(chances)
    with step.span("upload.attempt", where=is_retried) as attempt:
        attempt.work("upload", 1_000, 9_000)
        attempt.fail("exports.ConnectionReset", "connection reset by peer")
    with step.span(
        "data.export",
        where=~is_held,
        attributes={
            "export.id": flow.ids("exp", "export", turn=step.part),
            "export.rows": facts.rows(chances, kind),
            "export.destination": step.flow.texts(drawn.DESTINATION),
        },
    ) as export:
        export.work("export", 1_000, 12_000)
    step.do("file.cleanup", 50, 800, where=drawn.CLEANED_UP.ask(chances))
    repeat(step, "report render", "file.split", "file.compress", "upload.attempt")
    repeat(step, "encryption.applied", "data.export", where=~is_held & ~is_harmed)


def _compress(step: Step, where: Mask) -> None:
    step.do("file.compress", 300, 5_000, where=where)
