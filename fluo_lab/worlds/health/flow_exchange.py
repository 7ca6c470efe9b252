"""Simulated: how the exchange transmits health data to other providers, in the background."""

from __future__ import annotations

import numpy as np

from fluo_lab.worlds.health import drawn
from fluo_lab.worlds.health.flow_archive import connect, encrypt, tls_attributes
from fluo_lab.worlds.health.flow_parts import Asker, do, patient_of
from fluo_lab.worlds.health.flow_records import enter, evaluate_policy
from fluo_lab.worlds.health.incidents import TRANSMIT_WITHOUT_TLS
from fluo_lab.worlds.questions import Which
from fluo_lab.worlds.simulated import Step, Texts
from fluo_lab.worlds.simulated.values import Mask, Value

__all__ = ["check_consent", "publish_transmission"]


def publish_transmission(step: Step, where: Mask, asker: Asker) -> None:
    """Have the exchange transmit the first patient's data, if consent is given."""
    attributes = {"messaging.message.body.size": drawn.BODY_BYTES.ask(step.flow.chances)}
    with step.publish("transmissions", to="exchange", attributes=attributes, where=where) as process:
        _handle(process, asker)


def check_consent(step: Step, turn: int, where: Mask, *, status: Which | None = None) -> None:
    """Look up whether a patient, or who decides for them, has consented.

    Parameters
    ----------
    status
        What the answer is, if it is noted.
    """
    chances = step.flow.chances
    patient = drawn.patient_number(chances)

    def attributes(again: int) -> dict[str, Value]:
        is_own = drawn.OWN_CONSENT.ask(chances, turn=turn + again)
        noted: dict[str, Value] = {
            "patient.id": Texts(np.where(is_own, patient, drawn.guardian_of(patient)), drawn.PATIENTS),
            "consent.scope": step.flow.texts(drawn.CONSENT_SCOPE, turn=turn + again),
        }
        return noted if status is None else noted | {"consent.status": step.flow.texts(status, turn=again)}

    do(step, "consent.check", 300, 6_000, where=where, attributes=attributes)


def _handle(process: Step, asker: Asker) -> None:
    chances = process.flow.chances
    evaluate_policy(process, process.where & drawn.POLICY_IN_EXCHANGE.ask(chances))
    is_resolved = drawn.PARTNER_RESOLVES.ask(chances)
    is_partner_first = drawn.PARTNER_FIRST.ask(chances)
    do(process, "partner.resolve", 200, 9_000, where=is_resolved & is_partner_first)
    is_well_formed = process.where & drawn.WELL_FORMED.ask(chances)
    is_granted = is_well_formed & process.flow.texts(drawn.CONSENT_STATUS).is_any("granted")
    is_taken = is_granted & drawn.PARTNER_TAKES.ask(chances)
    is_plain = process.flow.suffers(TRANSMIT_WITHOUT_TLS, is_taken)
    is_ready = ~is_plain & ~drawn.HANDSHAKE_AFTER_CONSENT.ask(chances)
    _shake_hands(process, process.where & is_ready, process.flow.nobody())
    check_consent(process, drawn.EXCHANGE_TURN, is_well_formed, status=drawn.CONSENT_STATUS)
    do(process, "partner.resolve", 200, 9_000, where=is_resolved & ~is_partner_first)
    do(process, "transmission.refused", 100, 900, where=~is_granted)
    is_refusal_logged = process.where & ~is_granted & drawn.TRANSMISSION_REFUSAL_LOGGED.ask(chances)
    is_logged = is_granted & drawn.TRANSMIT_LOGGED.ask(chances)
    is_logged_last = drawn.LOGGED_LAST.ask(chances)
    _log(process, (is_logged & ~is_logged_last) | is_refusal_logged, asker)
    _transmit(process, is_granted, is_taken, is_plain, is_ready)
    _log(process, is_logged & is_logged_last, asker)


def _log(process: Step, where: Mask, asker: Asker) -> None:
    enter(process, drawn.TRANSMIT_SLOT, where, "phi_transmit", asker.user, patient=patient_of(process, 0))


def _transmit(process: Step, where: Mask, is_taken: Mask, is_plain: Mask, is_ready: Mask) -> None:
    """Transmit over TLS; the harmed fall back to a plain connection when the partner does not shake hands."""
    flow = process.flow
    chances = flow.chances
    encrypt(process, drawn.EXCHANGE_TURN, where & drawn.STAGED_AT_REST.ask(chances))
    process.work("wait for the partner's slot", 300, 900_000)
    is_shaken_first = is_plain | is_ready | drawn.HANDSHAKE_FIRST.ask(chances)
    _shake_hands(process, where & is_shaken_first & ~is_ready, is_plain)
    is_tls_first = drawn.TLS_FIRST.ask(chances)
    is_around = where & ~is_plain & is_tls_first & ~drawn.TLS_ALONE.ask(chances)
    with process.span(
        "encryption.tls", where=is_around, attributes=tls_attributes(process, drawn.EXCHANGE_TURN)
    ) as connection:
        connection.work("encryption.tls", 800, 30_000)
        _send_documents(connection, is_around & is_taken, is_shaken_first, flow.nobody())
    is_secured = where & ~is_plain & ~is_around
    connect(process, drawn.EXCHANGE_TURN, is_secured & is_tls_first)
    _send_documents(process, where & is_taken & ~is_around, is_shaken_first, is_secured & ~is_tls_first)


def _send_documents(step: Step, where: Mask, is_shaken: Mask, is_connecting: Mask) -> None:
    chances = step.flow.chances
    with step.span(
        "phi.transmit",
        where=where,
        attributes={
            "transmission.id": step.flow.ids("tx", "transmission"),
            "partner.id": step.flow.texts(drawn.PARTNER),
            "document.count": drawn.DOCUMENT_COUNT.ask(chances),
            "document.bytes": drawn.DOCUMENT_BYTES.ask(chances),
        },
    ) as transmit:
        _shake_hands(transmit, where & ~is_shaken, step.flow.nobody())
        connect(transmit, drawn.EXCHANGE_TURN, is_connecting)
        transmit.work("transmit", 3_000, 90_000)


def _shake_hands(step: Step, where: Mask, is_plain: Mask) -> None:
    """Shake hands with the partner's server, again where that fails; who falls back to plain waits and gives up."""
    flow = step.flow
    is_failing = where & (is_plain | drawn.is_handshake_failing(flow.run, flow.chances))
    is_shown = where & (is_failing | drawn.HANDSHAKE_SHOWN.ask(flow.chances))
    _try_handshake(step, 1, is_shown, is_failing, is_plain)
    is_pending = is_failing & ~is_plain
    is_failing = is_pending & ~drawn.SECOND_HANDSHAKE_HOLDS.ask(flow.chances)
    _try_handshake(step, 2, is_pending, is_failing, flow.nobody())
    _try_handshake(step, 3, is_failing, flow.nobody(), flow.nobody())


def _try_handshake(step: Step, attempt: int, where: Mask, is_failing: Mask, is_plain: Mask) -> None:
    number = drawn.attempt_number(step.flow.chances, attempt)
    with step.span("tls.handshake", where=where, attributes={"attempt": number}) as handshake:
        handshake.work("shake hands", 500, 20_000)
        before_ns = handshake.now_ns.copy()
        handshake.work("fail to shake hands", 60_000, 160_000)
        handshake.now_ns[~is_failing] = before_ns[~is_failing]
        handshake.now_ns[is_plain] += round(drawn.FALLBACK_AFTER_S * 1e9)
        handshake.fail("tls.HandshakeTimeout", "the partner does not complete the handshake", where=is_failing)
