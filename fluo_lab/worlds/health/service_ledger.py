"""Live: the audit ledger, and how other services enter something in it."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson

from fluo_lab.worlds.health import drawn
from fluo_lab.worlds.live.service import Answer, Request, Service, ServiceTimeout

if TYPE_CHECKING:
    from fluo_lab.worlds.chance import Chance

__all__ = ["enter", "serve_ledger"]

_STALL_MS = 1_000.0
_ALERT_MS = (2.0, 60.0)


def enter(
    service: Service,
    chance: Chance,
    slot: int,
    action: str,
    user: str,
    *,
    patient: str | None = None,
    is_dropping: bool = False,
) -> None:
    """Send an entry to the audit ledger, again where it has no answer, up to three times.

    Parameters
    ----------
    slot
        Number of the access it is about, or the slot of another entry.
    is_dropping
        Whether this is the version of the client that takes a timeout for an answer.
    """
    entry = {"slot": slot, "action": action, "user": user, "patient": patient}
    if _is_taken(service, chance, entry, 1) or is_dropping:
        return
    for attempt in (2, 3):
        with service.tracer.start_as_current_span("audit.retry") as retry:
            retry.set_attribute("attempt", drawn.attempt_number(chance, attempt))
            service.work(3, 20)
            if _is_taken(service, chance, entry, attempt):
                return


def _is_taken(service: Service, chance: Chance, entry: dict[str, Any], attempt: int) -> bool:
    """Send an entry once and return whether the ledger answers."""
    # Without a stall the ledger is waited for, so that a busy machine adds no timeouts of its own.
    stalls = drawn.is_stalled(service.run, chance, slot=entry["slot"], attempt=attempt)
    try:
        answer = service.call(
            "audit",
            "POST",
            "/audit-entries",
            {**entry, "attempt": attempt},
            timeout_s=drawn.AUDIT_TIMEOUT_S if stalls else None,
        )
    except ServiceTimeout:
        return False
    return answer.status == 201


def serve_ledger(service: Service) -> None:
    """Register the handlers of the audit ledger."""

    @service.route("POST", "/audit-entries")
    def take(request: Request) -> Answer:
        body, chance = request.body, request.chance
        slot, attempt = body["slot"], body["attempt"]
        stalls = drawn.is_stalled(service.run, chance, slot=slot, attempt=attempt)
        turn = drawn.sending_turn(slot, attempt)
        if (drawn.LOCK_SEEN_STALLED if stalls else drawn.LOCK_SEEN).ask(chance, turn=turn):
            _lock(service, drawn.SHARD.pick(chance, turn=turn), stalls=stalls)
        elif stalls:
            service.wait(_STALL_MS)
        if stalls:
            return Answer(503)
        with service.tracer.start_as_current_span("audit.log") as log:
            actor = body["user"] if drawn.ENTRY_OF_ACTOR.ask(chance, turn=slot) else drawn.RECORDS_ACCOUNT
            is_usual = drawn.USUAL_ACTION.ask(chance, turn=slot)
            log.set_attribute("action", body["action"] if is_usual else drawn.ODD_ACTION)
            log.set_attribute("user.id", actor)
            log.set_attribute("entry.bytes", drawn.ENTRY_BYTES.ask(chance, turn=slot))
            log.set_attribute("compliance.framework", drawn.FRAMEWORK.pick(chance, turn=slot + 1))
            log.set_attribute("compliance.control", drawn.AUDIT_CONTROL.pick(chance, turn=slot))
            if body["patient"] is not None:
                log.set_attribute("patient.id", body["patient"])
            service.work(0.15, 2.5)
            digest = sha256(orjson.dumps({**body, "user": actor})).hexdigest()
        return Answer(201, {"digest": digest})

    @service.consumes("alerts")
    def alert(request: Request) -> None:
        service.work(*_ALERT_MS)


def _lock(service: Service, shard: str, *, stalls: bool) -> None:
    """Lock a shard of the ledger; where it stalls, for longer than callers wait, and in vain."""
    with service.tracer.start_as_current_span("ledger.lock") as lock:
        lock.set_attribute("ledger.shard", shard)
        service.work(0.04, 0.6)
        if stalls:
            service.wait(_STALL_MS)
            service.fail(lock, "ledger.LockTimeout", "the shard of the ledger is locked")
