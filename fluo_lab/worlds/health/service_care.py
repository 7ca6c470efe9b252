"""Live: what the record service does in updates and emergencies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluo_lab.worlds.health import drawn
from fluo_lab.worlds.health.incidents import PHI_ACCESS_WITHOUT_AUDIT
from fluo_lab.worlds.health.service_exchange import publish_transmission
from fluo_lab.worlds.health.service_ledger import enter
from fluo_lab.worlds.health.service_parts import Asker, do
from fluo_lab.worlds.health.service_records import Records, open_chart, prepare, sign_in_late
from fluo_lab.worlds.live.service import Answer, Request, Service

if TYPE_CHECKING:
    from fluo_lab.worlds.chance import Chance

__all__ = ["serve_records"]


def serve_records(service: Service) -> None:
    """Register the handlers of the record service."""
    records = Records(service)
    records.serve_reading()

    @service.route("PUT", "/records/{id}")
    def update(request: Request) -> Answer:
        return _update(service, records, request)

    @service.route("POST", "/emergency-access")
    def open_in_emergency(request: Request) -> Answer:
        return _break_glass(service, records, request)


def _update(service: Service, records: Records, request: Request) -> Answer:
    """Change a record and store it, and often send it on to the patient's other providers."""
    chance, patient = request.chance, request.path_values["id"]
    asker = Asker.of(request.body)
    is_valid = not drawn.INVALID.ask(chance)
    is_changed = is_valid and drawn.CHANGES.ask(chance)
    is_shared = is_changed and drawn.SHARED.ask(chance)
    is_read = is_changed and drawn.READS_BACK.ask(chance)
    is_dropping = is_read and not is_shared and service.suffers(PHI_ACCESS_WITHOUT_AUDIT, chance)
    is_published_last = drawn.PUBLISHED_LAST.ask(chance)
    if is_shared and not is_published_last:
        publish_transmission(service, chance, asker.user, patient)
    prepare(service, chance, is_early=True, is_dropping=is_dropping)
    open_chart(service, chance)
    if drawn.VALIDATES.ask(chance):
        with service.tracer.start_as_current_span("record.validate"):
            service.work(0.2, 3)
            if not drawn.VALIDATES_BY_RULE.ask(chance):
                records.query(chance, patient)
    is_stored = is_changed and drawn.STORES.ask(chance)
    is_stored_last = drawn.STORED_LAST.ask(chance)
    if is_stored and not is_stored_last:
        _store(service, chance)
    if is_read:
        sign_in_late(service, request, asker)
        records.access(chance, 0, patient, asker, "write", action="phi_update", is_dropping=is_dropping)
    if is_stored and is_stored_last:
        _store(service, chance)
    prepare(service, chance, is_early=False, is_dropping=is_dropping)
    if is_shared and is_published_last:
        publish_transmission(service, chance, asker.user, patient)
    return Answer(200 if is_valid else 422)


def _store(service: Service, chance: Chance) -> None:
    service.call("archive", "PUT", "/objects/{id}", path="/objects/" + chance.new_id("obj", "object"))


def _break_glass(service: Service, records: Records, request: Request) -> Answer:
    """Let an emergency physician read without the usual rights, on one justification; refuse others."""
    chance, asker, patient = request.chance, Asker.of(request.body), request.body["patient"]
    prepare(service, chance, is_early=True)
    if asker.role == drawn.EMERGENCY:
        _grant(service, records, request, asker, patient)
        prepare(service, chance, is_early=False)
        return Answer(201)
    for nth in range(chance.pick_code("justifications of denied", drawn.JUSTIFICATIONS_OF_DENIED_WEIGHTS)):
        _justify(service, chance, nth)
    if drawn.REFUSAL_SHOWN.ask(chance):
        do(service, chance, "break_glass.refused", 0.1, 0.9)
    if drawn.REFUSAL_LOGGED.ask(chance):
        enter(service, chance, drawn.REFUSAL_SLOT, "break_glass_refused", asker.user)
    prepare(service, chance, is_early=False)
    return Answer(403)


def _grant(service: Service, records: Records, request: Request, asker: Asker, patient: str) -> None:
    chance = request.chance
    is_new = drawn.GRANTED_NOW.ask(chance)
    is_recorded_first = drawn.RECORDED_FIRST.ask(chance)
    if is_new and is_recorded_first:
        _record_grant(service, chance)
    is_open = open_chart(service, chance)
    n_accesses = chance.pick_code("emergency accesses", drawn.EMERGENCY_ACCESS_COUNT_WEIGHTS)
    if n_accesses:
        sign_in_late(service, request, asker)
    if drawn.GRANT_LOGGED.ask(chance):
        enter(service, chance, drawn.GRANT_SLOT, "break_glass_grant", asker.user, patient=patient)
    _read_in_emergency(service, records, chance, asker, patient, is_open=is_open)
    if is_new and not is_recorded_first:
        _record_grant(service, chance)


def _record_grant(service: Service, chance: Chance) -> None:
    """Record a justification and the grant on it, in either order."""
    is_justified_first = drawn.JUSTIFIED_FIRST.ask(chance)
    if is_justified_first:
        _justify(service, chance, 0)
    do(
        service,
        chance,
        "break_glass.grant",
        0.2,
        2,
        lambda again: {"grant.minutes": drawn.GRANT_MINUTES.ask(chance, turn=again)},
    )
    if not is_justified_first:
        _justify(service, chance, 0)


def _justify(service: Service, chance: Chance, nth: int) -> None:
    with service.tracer.start_as_current_span("break_glass.justification") as justification:
        justification.set_attribute("reason.code", drawn.REASON_CODE.pick(chance, turn=nth))
        justification.set_attribute("justification.length", drawn.JUSTIFICATION_LENGTH.ask(chance, turn=nth))
        service.work(0.1, 1.5)


def _read_in_emergency(
    service: Service, records: Records, chance: Chance, asker: Asker, patient: str, *, is_open: bool
) -> None:
    has_victims = not is_open and drawn.VICTIMS.ask(chance)
    for slot in range(chance.pick_code("emergency accesses", drawn.EMERGENCY_ACCESS_COUNT_WEIGHTS)):
        whose = drawn.relative_of(patient, slot) if has_victims else patient
        records.access(chance, slot, whose, asker, drawn.EMERGENCY_MODE)
    if drawn.CLOSES.ask(chance):
        do(service, chance, "break_glass.close", 0.08, 0.8)
    if drawn.ALERTED.ask(chance):
        service.publish("alerts", "audit", attributes={"alert.channel": drawn.ALERT_CHANNEL.pick(chance)})
    service.work(0.1, 20)
