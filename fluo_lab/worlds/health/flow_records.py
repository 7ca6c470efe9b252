"""Simulated: access to health data in the record service, and the audit ledger behind it."""

from __future__ import annotations

import numpy as np

from fluo_lab.traces.schema import SpanKind
from fluo_lab.worlds.health import drawn
from fluo_lab.worlds.health.flow_parts import Asker, do
from fluo_lab.worlds.simulated import Step, Texts
from fluo_lab.worlds.simulated.values import Mask, Value

__all__ = ["access", "enter", "evaluate_policy", "open_chart", "prepare", "query"]


def prepare(server: Step, *, is_early: bool, is_dropping: Mask | None = None) -> None:
    """Evaluate the access policy and open a client of the audit ledger, in either order.

    Parameters
    ----------
    is_early
        Whether it is done before anything is read, as is usual for both, or afterwards.
    is_dropping
        Where the client is the version that swallows timeouts.
    """
    chances = server.flow.chances
    is_evaluated = drawn.POLICY_EVALUATES.ask(chances) & (drawn.POLICY_EARLY.ask(chances) == is_early)
    is_first = drawn.POLICY_FIRST.ask(chances)
    evaluate_policy(server, is_evaluated & is_first)
    code = drawn.AUDIT_CLIENT.code(chances)
    is_opened = drawn.AUDIT_CLIENT_OPENS.ask(chances)
    if is_dropping is not None:
        dropping = drawn.AUDIT_CLIENT.options.index(drawn.DROPPING_CLIENT)
        code, is_opened = np.where(is_dropping, dropping, code), is_opened | is_dropping
    is_opened = is_opened & (drawn.AUDIT_CLIENT_EARLY.ask(chances) == is_early)
    version = Texts(code, drawn.AUDIT_CLIENT.options)
    do(
        server,
        "audit.client.open",
        60,
        500,
        where=is_opened,
        attributes=lambda again: {"audit.client.version": version},
    )
    evaluate_policy(server, is_evaluated & ~is_first)


def evaluate_policy(step: Step, where: Mask) -> None:
    """Evaluate the access policy."""
    do(
        step,
        "policy.evaluate",
        100,
        1_200,
        where=where,
        attributes=lambda again: {"policy.version": step.flow.texts(drawn.POLICY_VERSION, turn=again)},
    )


def open_chart(server: Step, where: Mask) -> Mask:
    """Open the patient's chart, as is usual; return where it is open."""
    is_open = where & drawn.CHART_OPENS.ask(server.flow.chances)
    do(
        server,
        "chart.open",
        150,
        2_000,
        where=is_open,
        attributes=lambda again: {"chart.kind": server.flow.texts(drawn.CHART_KIND, turn=again)},
    )
    return is_open


def access(
    server: Step,
    slot: int,
    where: Mask,
    patient: Texts,
    asker: Asker,
    mode: str,
    *,
    action: str = "phi_access",
    logged_patient: Texts | None = None,
    is_dropping: Mask | None = None,
) -> None:
    """Read or write one patient's data and enter that in the audit ledger.

    Parameters
    ----------
    slot
        Number of the access in its request.
    logged_patient
        The patient that the audit entry names, if another.
    is_dropping
        Where the ledger has no answer and nothing is sent again.
    """
    chances = server.flow.chances
    is_queried = where & drawn.QUERIES.ask(chances, turn=slot)
    is_inside = drawn.QUERY_INSIDE.ask(chances, turn=slot)
    query(server, is_queried & ~is_inside)
    is_emergency = mode == drawn.EMERGENCY_MODE
    other_role = drawn.ROLE.code(chances, turn=drawn.OTHER_ROLE_TURN + slot)
    role = np.where(is_emergency | drawn.ROLE_KEPT.ask(chances, turn=slot), asker.role.codes, other_role)
    is_plain = is_emergency | drawn.PLAIN_MODE.ask(chances, turn=slot)
    with server.span(
        "phi.access",
        where=where,
        attributes={
            "patient.id": patient,
            "user.id": asker.user,
            "user.role": Texts(role, drawn.ROLES),
            "data_type": server.flow.texts(drawn.ACCESS_DATA_TYPE, turn=slot),
            "access.mode": Texts(np.where(is_plain, 0, 1), (mode, drawn.PROXY_MODE)),
            "access.sequence": drawn.SEQUENCE_START.ask(chances) + slot,
            "records.returned": np.minimum(drawn.RECORDS_FOUND.ask(chances, turn=slot), drawn.PAGE_SIZE),
        },
    ) as reading:
        reading.work("access", 150, 1_500)
        query(reading, is_queried & is_inside)
    named = patient if logged_patient is None else logged_patient
    enter(server, slot, where, action, asker.user, patient=named, is_dropping=is_dropping)


def query(step: Step, where: Mask) -> None:
    """Query the table of records."""
    attributes: dict[str, Value] = {
        "db.system.name": step.flow.texts(drawn.DATABASE),
        "db.collection.name": step.flow.texts(drawn.TABLE),
    }
    step.do("SELECT records", 300, 12_000, where=where, kind=SpanKind.CLIENT, attributes=attributes)


def enter(
    step: Step,
    slot: int,
    where: Mask,
    action: str,
    user: Texts,
    *,
    patient: Texts | None = None,
    is_dropping: Mask | None = None,
) -> None:
    """Send an entry to the audit ledger, again where it has no answer, up to three times."""
    flow = step.flow
    is_stalled = where & drawn.is_stalled(flow.run, flow.chances, slot=slot)
    _send(step, slot, where, 1, is_stalled, action, user, patient)
    is_pending = is_stalled if is_dropping is None else is_stalled & ~is_dropping
    for attempt in (2, 3):
        is_stalled = is_pending & drawn.is_stalled(flow.run, flow.chances, slot=slot, attempt=attempt)
        number = drawn.attempt_number(flow.chances, attempt)
        with step.span("audit.retry", where=is_pending, attributes={"attempt": number}) as retry:
            retry.work("wait for the ledger", 3_000, 20_000)
            _send(retry, slot, is_pending, attempt, is_stalled, action, user, patient)
        is_pending = is_stalled


def _send(
    step: Step, slot: int, where: Mask, attempt: int, is_stalled: Mask, action: str, user: Texts, patient: Texts | None
) -> None:
    chances = step.flow.chances
    turn = drawn.sending_turn(slot, attempt)
    with step.call(
        "audit", "POST", "/audit-entries", where=where, timeout_s=drawn.AUDIT_TIMEOUT_S, times_out=is_stalled
    ) as server:
        is_seen = np.where(
            is_stalled, drawn.LOCK_SEEN_STALLED.ask(chances, turn=turn), drawn.LOCK_SEEN.ask(chances, turn=turn)
        )
        shard = server.flow.texts(drawn.SHARD, turn=turn)
        with server.span("ledger.lock", where=is_seen, attributes={"ledger.shard": shard}) as lock:
            lock.work("lock shard", 40, 600)
            _stall(lock, is_stalled)
            lock.fail("ledger.LockTimeout", "the shard of the ledger is locked", where=is_stalled)
        _stall(server, is_stalled & ~is_seen)
        is_usual = drawn.USUAL_ACTION.ask(chances, turn=slot)
        is_actor = drawn.ENTRY_OF_ACTOR.ask(chances, turn=slot)
        attributes: dict[str, Value] = {
            "action": Texts(np.where(is_usual, 0, 1), (action, drawn.ODD_ACTION)),
            "user.id": Texts(np.where(is_actor, user.codes, drawn.RECORDS_ACCOUNT_CODE), drawn.ACTORS),
            "entry.bytes": drawn.ENTRY_BYTES.ask(chances, turn=slot),
            "compliance.framework": server.flow.texts(drawn.FRAMEWORK, turn=slot + 1),
            "compliance.control": server.flow.texts(drawn.AUDIT_CONTROL, turn=slot),
        }
        with server.span("audit.log", where=~is_stalled, attributes=attributes) as log:
            if patient is not None:
                log.note("patient.id", patient)
            log.work("append to the ledger", 150, 2_500)
        server.answer(np.where(is_stalled, 503, 201))


def _stall(step: Step, where: Mask) -> None:
    """Let more time pass than callers wait."""
    before_ns = step.now_ns.copy()
    step.work("stall", 900_000, 1_200_000)
    step.now_ns[~where] = before_ns[~where]
