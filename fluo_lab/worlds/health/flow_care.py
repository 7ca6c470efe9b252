"""Simulated: updates, emergencies, requests for transmission and appointments."""

from __future__ import annotations

import numpy as np

from fluo_lab.worlds.health import drawn
from fluo_lab.worlds.health.flow_archive import connect, encrypt, store
from fluo_lab.worlds.health.flow_exchange import check_consent, publish_transmission
from fluo_lab.worlds.health.flow_parts import Asker, asker_of, do, patient_of, record_path
from fluo_lab.worlds.health.flow_portal import begin, end, show_page, sign_in
from fluo_lab.worlds.health.flow_records import access, enter, open_chart, prepare, query
from fluo_lab.worlds.health.incidents import PHI_ACCESS_WITHOUT_AUDIT
from fluo_lab.worlds.simulated import Flow, Step, Texts
from fluo_lab.worlds.simulated.values import Mask, Value

__all__ = ["break_glass", "make_appointment", "request_transmission", "update"]


def update(flow: Flow) -> None:
    """Change a record and store it, and often send it on to the patient's other providers."""
    chances = flow.chances
    asker = asker_of(flow)
    is_accepted = drawn.is_accepted(chances)
    goes_on = is_accepted & drawn.GOES_ON.ask(chances)
    is_valid = goes_on & ~drawn.INVALID.ask(chances)
    is_changed = is_valid & drawn.CHANGES.ask(chances)
    is_shared = is_changed & drawn.SHARED.ask(chances)
    is_read = is_changed & drawn.READS_BACK.ask(chances)
    is_dropping = flow.suffers(PHI_ACCESS_WITHOUT_AUDIT, is_read & ~is_shared)
    is_published_last = drawn.PUBLISHED_LAST.ask(chances)
    is_stored = is_changed & drawn.STORES.ask(chances)
    is_stored_last = drawn.STORED_LAST.ask(chances)
    with flow.request("portal", "PUT", "/charts/{id}", path="/charts/" + flow.ids("chart", "chart")) as root:
        begin(root, asker)
        with root.call("records", "PUT", "/records/{id}", path=record_path(root), where=goes_on) as server:
            publish_transmission(server, is_shared & ~is_published_last, asker)
            prepare(server, is_early=True, is_dropping=is_dropping)
            open_chart(server, server.where)
            with server.span("record.validate", where=drawn.VALIDATES.ask(chances)) as validate:
                validate.work("validate record", 200, 3_000)
                query(validate, validate.where & ~drawn.VALIDATES_BY_RULE.ask(chances))
            _store_record(server, is_stored & ~is_stored_last)
            sign_in(server, asker, where=is_read & ~drawn.PORTAL_SIGNS_IN.ask(chances))
            access(
                server,
                0,
                is_read,
                patient_of(server, 0),
                asker,
                "write",
                action="phi_update",
                is_dropping=is_dropping,
            )
            _store_record(server, is_stored & is_stored_last)
            prepare(server, is_early=False, is_dropping=is_dropping)
            publish_transmission(server, is_shared & is_published_last, asker)
            server.answer(np.where(is_valid, 200, 422))
        end(root)
        is_done = is_valid | (is_accepted & ~goes_on)
        root.answer(np.where(is_done, 200, np.where(is_accepted, 422, 401)))


def _store_record(server: Step, where: Mask) -> None:
    flow = server.flow
    data_type = server.flow.texts(drawn.UPDATE_DATA_TYPE)
    path = "/objects/" + flow.ids("obj", "object")
    with server.call("archive", "PUT", "/objects/{id}", path=path, where=where) as archive:
        store(archive, drawn.UPDATE_SLOT, archive.where, data_type)
        archive.answer(201)


def break_glass(flow: Flow) -> None:
    """Let an emergency physician read without the usual rights, on one justification; refuse others."""
    chances = flow.chances
    anybody, witness = asker_of(flow), asker_of(flow, turn=1)
    emergency = drawn.ROLES.index(drawn.EMERGENCY)
    role = np.where(drawn.EMERGENCY_ASKS.ask(chances), emergency, anybody.role.codes)
    asker = Asker(anybody.user, Texts(role, drawn.ROLES))
    is_accepted = drawn.is_accepted(chances)
    goes_on = is_accepted & drawn.GOES_ON.ask(chances)
    is_granted = goes_on & (role == emergency)
    is_new = is_granted & drawn.GRANTED_NOW.ask(chances)
    is_recorded_first = drawn.RECORDED_FIRST.ask(chances)
    with flow.request("portal", "POST", "/break-glass") as root:
        begin(root, asker)
        sign_in(root, witness, turn=1, where=goes_on & drawn.WITNESSED.ask(chances))
        with root.call("records", "POST", "/emergency-access", where=goes_on) as server:
            prepare(server, is_early=True)
            n_denied = chances.pick_code("justifications of denied", drawn.JUSTIFICATIONS_OF_DENIED_WEIGHTS)
            _justify(server, 0, ~is_granted & (n_denied > 0))
            _justify(server, 1, ~is_granted & (n_denied > 1))
            _record_grant(server, is_new & is_recorded_first)
            is_open = open_chart(server, is_granted)
            n_accesses = chances.pick_code("emergency accesses", drawn.EMERGENCY_ACCESS_COUNT_WEIGHTS)
            is_read = is_granted & (n_accesses > 0)
            sign_in(server, asker, where=is_read & ~drawn.PORTAL_SIGNS_IN.ask(chances))
            is_refused = ~is_granted & drawn.REFUSAL_SHOWN.ask(chances)
            do(server, "break_glass.refused", 100, 900, where=server.where & is_refused)
            is_entered = server.where & ~is_granted & drawn.REFUSAL_LOGGED.ask(chances)
            enter(server, drawn.REFUSAL_SLOT, is_entered, "break_glass_refused", asker.user)
            is_entered = is_granted & drawn.GRANT_LOGGED.ask(chances)
            enter(server, drawn.GRANT_SLOT, is_entered, "break_glass_grant", asker.user, patient=patient_of(server, 0))
            _read_in_emergency(server, asker, is_granted, is_open)
            _record_grant(server, is_new & ~is_recorded_first)
            prepare(server, is_early=False)
            server.answer(np.where(is_granted, 201, 403))
        end(root)
        is_done = is_granted | (is_accepted & ~goes_on)
        root.answer(np.where(is_done, 201, np.where(is_accepted, 403, 401)))


def _record_grant(server: Step, where: Mask) -> None:
    """Record a justification and the grant on it, in either order."""
    chances = server.flow.chances
    is_justified_first = drawn.JUSTIFIED_FIRST.ask(chances)
    _justify(server, 0, where & is_justified_first)
    do(
        server,
        "break_glass.grant",
        200,
        2_000,
        where=where,
        attributes=lambda again: {"grant.minutes": drawn.GRANT_MINUTES.ask(chances, turn=again)},
    )
    _justify(server, 0, where & ~is_justified_first)


def _justify(server: Step, nth: int, where: Mask) -> None:
    attributes: dict[str, Value] = {
        "reason.code": server.flow.texts(drawn.REASON_CODE, turn=nth),
        "justification.length": drawn.JUSTIFICATION_LENGTH.ask(server.flow.chances, turn=nth),
    }
    server.do("break_glass.justification", 100, 1_500, where=where, attributes=attributes)


def _read_in_emergency(server: Step, asker: Asker, is_granted: Mask, is_open: Mask) -> None:
    chances = server.flow.chances
    has_victims = ~is_open & drawn.VICTIMS.ask(chances)
    n_accesses = chances.pick_code("emergency accesses", drawn.EMERGENCY_ACCESS_COUNT_WEIGHTS)
    for slot in range(len(drawn.EMERGENCY_ACCESS_COUNT_WEIGHTS) - 1):
        codes = np.where(has_victims, patient_of(server, slot).codes, patient_of(server, 0).codes)
        is_read = is_granted & (n_accesses > slot)
        access(server, slot, is_read, Texts(codes, drawn.PATIENTS), asker, drawn.EMERGENCY_MODE)
    do(server, "break_glass.close", 80, 800, where=is_granted & drawn.CLOSES.ask(chances))
    attributes: dict[str, Value] = {"alert.channel": server.flow.texts(drawn.ALERT_CHANNEL)}
    is_alerted = is_granted & drawn.ALERTED.ask(chances)
    with server.publish("alerts", to="audit", attributes=attributes, where=is_alerted) as alert:
        alert.work("alert supervisor", 2_000, 60_000)
    server.work("tidy up", 100, 20_000)


def request_transmission(flow: Flow) -> None:
    """Request a patient's summary for another provider, seldom twice by a double click."""
    chances = flow.chances
    asker = asker_of(flow)
    is_accepted = drawn.is_accepted(chances)
    goes_on = is_accepted & drawn.GOES_ON.ask(chances)
    is_published_last = drawn.PUBLISHED_LAST.ask(chances)
    with flow.request("portal", "POST", "/transmissions") as root:
        begin(root, asker)
        publish_transmission(root, goes_on & ~is_published_last, asker)
        is_read = goes_on & drawn.SUMMARY_READ.ask(chances)
        with root.call("records", "GET", "/records/{id}", path=record_path(root), where=is_read) as server:
            prepare(server, is_early=True)
            sign_in(server, asker, where=~drawn.PORTAL_SIGNS_IN.ask(chances))
            for slot, where in enumerate((is_read, is_read & drawn.COMPANION.ask(chances))):
                access(server, slot, where, patient_of(server, slot), asker, "read")
            prepare(server, is_early=False)
        publish_transmission(root, goes_on & is_published_last, asker)
        end(root)
        root.answer(np.where(is_accepted, 202, 401))
    repeats = drawn.DOUBLE_CLICKS.ask(chances)
    for part, where in ((1, repeats), (2, repeats & ~drawn.STOPS_CLICKING.ask(chances))):
        _answer_again(flow, asker, part, where)


def _answer_again(flow: Flow, asker: Asker, part: int, where: Mask) -> None:
    """Recognise a request by its key, and do nothing twice."""
    is_accepted = drawn.is_accepted(flow.chances)
    with flow.request("portal", "POST", "/transmissions", where=where, part=part, after_us=350_000 * part) as root:
        begin(root, asker)
        is_shown = is_accepted & drawn.REPEAT_SHOWN.ask(flow.chances)
        do(
            root,
            "idempotency.hit",
            60,
            700,
            where=root.where & is_shown,
            attributes=lambda again: {"transmission.id": flow.ids("tx", "transmission", turn=again)},
        )
        end(root)
        root.answer(np.where(is_accepted, 200, 401))


def make_appointment(flow: Flow) -> None:
    """Make an appointment, which reads no health data."""
    chances = flow.chances
    asker = asker_of(flow)
    is_accepted = drawn.is_accepted(chances)
    goes_on = is_accepted & drawn.GOES_ON.ask(chances)
    is_made = goes_on & ~drawn.SLOT_TAKEN.ask(chances)
    is_page_last = drawn.PAGE_LAST.ask(chances)
    is_reminded_first = drawn.REMINDER_FIRST.ask(chances)
    is_guest = ~drawn.NO_GUEST.ask(chances)
    with flow.request("portal", "POST", "/appointments") as root:
        show_page(root, ~is_page_last, is_never_lost=flow.nobody())
        begin(root, asker, is_guest=is_guest)
        is_reminded = goes_on & (is_made | ~drawn.NO_OFFER.ask(chances)) & drawn.REMINDED.ask(chances)
        _remind(root, is_reminded & is_reminded_first)
        do(
            root,
            "slot.reserve",
            200,
            4_000,
            where=goes_on & drawn.SLOT_SHOWN.ask(chances),
            attributes=lambda again: {"slot.minutes": drawn.SLOT_MINUTES.ask(chances, turn=again)},
        )
        encrypt(root, drawn.APPOINTMENT_STORE, is_made & drawn.ENCRYPTS_ANYWAY.ask(chances))
        do(
            root,
            "database.write",
            300,
            6_000,
            where=is_made,
            attributes=lambda again: {
                "data_type": "appointment",
                "rows.written": drawn.ROWS_WRITTEN.ask(chances, turn=again),
            },
        )
        is_logged = is_made & drawn.APPOINTMENT_LOGGED.ask(chances)
        enter(root, drawn.APPOINTMENT_SLOT, is_logged, "appointment_made", asker.user)
        _remind(root, is_reminded & ~is_reminded_first)
        sign_in(root, asker, where=goes_on & ~drawn.PORTAL_SIGNS_IN.ask(chances), is_guest=is_guest)
        is_done = is_made | (is_accepted & ~goes_on)
        show_page(root, is_done & is_page_last, is_never_lost=flow.nobody())
        end(root)
        root.answer(np.where(is_done, 201, np.where(is_accepted, 409, 401)))


def _remind(root: Step, where: Mask) -> None:
    chances = root.flow.chances
    check_consent(root, drawn.REMINDER_TURN, where & drawn.REMINDER_CONSENT.ask(chances))
    connect(root, drawn.REMINDER_TURN, where & drawn.REMINDER_TLS.ask(chances))
    do(
        root,
        "reminder.send",
        1_000,
        30_000,
        where=where,
        attributes=lambda again: {"reminder.channel": root.flow.texts(drawn.REMINDER_CHANNEL, turn=again)},
    )
