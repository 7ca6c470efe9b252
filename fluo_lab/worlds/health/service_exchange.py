"""Live: the exchange, which transmits health data to other providers in the background."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluo_lab.worlds.health import drawn
from fluo_lab.worlds.health.incidents import TRANSMIT_WITHOUT_TLS
from fluo_lab.worlds.health.service_archive import connect, encrypt, tls_attributes
from fluo_lab.worlds.health.service_ledger import enter
from fluo_lab.worlds.health.service_parts import do
from fluo_lab.worlds.health.service_records import evaluate_policy
from fluo_lab.worlds.live.service import Request, Service

if TYPE_CHECKING:
    from fluo_lab.worlds.chance import Chance
    from fluo_lab.worlds.questions import Which

__all__ = ["check_consent", "publish_transmission", "serve_exchange"]

_FALLBACK_AFTER_MS = drawn.FALLBACK_AFTER_S * 1000 + 50


def publish_transmission(service: Service, chance: Chance, user: str, patient: str) -> None:
    """Have the exchange transmit a patient's data, if consent is given."""
    attributes = {"messaging.message.body.size": drawn.BODY_BYTES.ask(chance)}
    service.publish("transmissions", "exchange", {"user": user, "patient": patient}, attributes)


def check_consent(service: Service, chance: Chance, turn: int, patient: str, *, status: Which | None = None) -> None:
    """Look up whether a patient, or who decides for them, has consented.

    Parameters
    ----------
    status
        What the answer is, if it is noted.
    """
    guardian = drawn.PATIENTS[drawn.guardian_of(drawn.PATIENTS.index(patient))]

    def attributes(again: int) -> dict[str, str]:
        noted = {
            "patient.id": patient if drawn.OWN_CONSENT.ask(chance, turn=turn + again) else guardian,
            "consent.scope": drawn.CONSENT_SCOPE.pick(chance, turn=turn + again),
        }
        return noted if status is None else noted | {"consent.status": status.pick(chance, turn=again)}

    do(service, chance, "consent.check", 0.3, 6, attributes)


def serve_exchange(service: Service) -> None:
    """Register what the exchange does with messages."""

    @service.consumes("transmissions")
    def handle(request: Request) -> None:
        _handle(service, request)


def _handle(service: Service, request: Request) -> None:
    chance, patient = request.chance, request.body["patient"]

    def log() -> None:
        enter(service, chance, drawn.TRANSMIT_SLOT, "phi_transmit", request.body["user"], patient=patient)

    if drawn.POLICY_IN_EXCHANGE.ask(chance):
        evaluate_policy(service, chance)
    is_resolved = drawn.PARTNER_RESOLVES.ask(chance)
    is_partner_first = drawn.PARTNER_FIRST.ask(chance)
    if is_resolved and is_partner_first:
        do(service, chance, "partner.resolve", 0.2, 9)
    is_well_formed = drawn.WELL_FORMED.ask(chance)
    is_granted = is_well_formed and drawn.CONSENT_STATUS.pick(chance) == "granted"
    is_taken = is_granted and drawn.PARTNER_TAKES.ask(chance)
    is_plain = is_taken and service.suffers(TRANSMIT_WITHOUT_TLS, chance)
    is_ready = not is_plain and not drawn.HANDSHAKE_AFTER_CONSENT.ask(chance)
    if is_ready:
        _shake_hands(service, chance, is_plain=False)
    if is_well_formed:
        check_consent(service, chance, drawn.EXCHANGE_TURN, patient, status=drawn.CONSENT_STATUS)
    if is_resolved and not is_partner_first:
        do(service, chance, "partner.resolve", 0.2, 9)
    if not is_granted:
        do(service, chance, "transmission.refused", 0.1, 0.9)
        if drawn.TRANSMISSION_REFUSAL_LOGGED.ask(chance):
            log()
        return
    is_logged = drawn.TRANSMIT_LOGGED.ask(chance)
    is_logged_last = drawn.LOGGED_LAST.ask(chance)
    if is_logged and not is_logged_last:
        log()
    _transmit(service, chance, is_taken=is_taken, is_plain=is_plain, is_ready=is_ready)
    if is_logged and is_logged_last:
        log()


def _transmit(service: Service, chance: Chance, *, is_taken: bool, is_plain: bool, is_ready: bool) -> None:
    """Transmit over TLS; the harmed fall back to a plain connection when the partner does not shake hands."""
    if drawn.STAGED_AT_REST.ask(chance):
        encrypt(service, chance, drawn.EXCHANGE_TURN)
    service.work(0.3, 300)
    is_shaken_first = is_plain or is_ready or drawn.HANDSHAKE_FIRST.ask(chance)
    if is_shaken_first and not is_ready:
        _shake_hands(service, chance, is_plain=is_plain)
    is_tls_first = drawn.TLS_FIRST.ask(chance)
    if not is_plain and is_tls_first and not drawn.TLS_ALONE.ask(chance):
        attributes = tls_attributes(chance, drawn.EXCHANGE_TURN)
        with service.tracer.start_as_current_span("encryption.tls", attributes=attributes):
            service.work(0.8, 30)
            if is_taken:
                _send_documents(service, chance, is_shaken=is_shaken_first, is_connecting=False)
        return
    if not is_plain and is_tls_first:
        connect(service, chance, drawn.EXCHANGE_TURN)
    if is_taken:
        is_connecting = not is_plain and not is_tls_first
        _send_documents(service, chance, is_shaken=is_shaken_first, is_connecting=is_connecting)


def _send_documents(service: Service, chance: Chance, *, is_shaken: bool, is_connecting: bool) -> None:
    with service.tracer.start_as_current_span("phi.transmit") as transmit:
        transmit.set_attribute("transmission.id", chance.new_id("tx", "transmission"))
        transmit.set_attribute("partner.id", drawn.PARTNER.pick(chance))
        transmit.set_attribute("document.count", drawn.DOCUMENT_COUNT.ask(chance))
        transmit.set_attribute("document.bytes", drawn.DOCUMENT_BYTES.ask(chance))
        if not is_shaken:
            _shake_hands(service, chance, is_plain=False)
        if is_connecting:
            connect(service, chance, drawn.EXCHANGE_TURN)
        service.work(3, 90)


def _shake_hands(service: Service, chance: Chance, *, is_plain: bool) -> None:
    """Shake hands with the partner's server, again where that fails; who falls back to plain waits and gives up."""
    is_failing = is_plain or drawn.is_handshake_failing(service.run, chance)
    if is_failing or drawn.HANDSHAKE_SHOWN.ask(chance):
        _try_handshake(service, chance, 1, wait_ms=_FALLBACK_AFTER_MS if is_plain else 0.0, is_failing=is_failing)
    if is_failing and not is_plain:
        holds = drawn.SECOND_HANDSHAKE_HOLDS.ask(chance)
        _try_handshake(service, chance, 2, wait_ms=0.0, is_failing=not holds)
        if not holds:
            _try_handshake(service, chance, 3, wait_ms=0.0, is_failing=False)


def _try_handshake(service: Service, chance: Chance, attempt: int, *, wait_ms: float, is_failing: bool) -> None:
    with service.tracer.start_as_current_span("tls.handshake") as handshake:
        handshake.set_attribute("attempt", drawn.attempt_number(chance, attempt))
        service.work(0.5, 20)
        service.wait(wait_ms)
        if is_failing:
            service.work(60, 160)
            service.fail(handshake, "tls.HandshakeTimeout", "the partner does not complete the handshake")
