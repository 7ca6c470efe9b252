"""Live: the portal, where all requests arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluo_lab.worlds.health import drawn
from fluo_lab.worlds.health.incidents import PHI_ACCESS_WITHOUT_AUDIT, WRONG_PATIENT_AUDIT
from fluo_lab.worlds.health.service_archive import connect, encrypt
from fluo_lab.worlds.health.service_exchange import check_consent, publish_transmission
from fluo_lab.worlds.health.service_identity import sign_in
from fluo_lab.worlds.health.service_ledger import enter
from fluo_lab.worlds.health.service_parts import Asker, do
from fluo_lab.worlds.live.service import Answer, Request, Service

if TYPE_CHECKING:
    from fluo_lab.worlds.chance import Chance

__all__ = ["serve_portal"]


def serve_portal(service: Service) -> None:
    """Register the handlers of the portal."""
    _serve_charts(service)
    _serve_emergencies(service)
    _serve_transmissions(service)
    _serve_jobs(service)

    @service.route("POST", "/appointments")
    def make_appointment(request: Request) -> Answer:
        return _make_appointment(service, request)


def _begin(service: Service, request: Request, *, is_guest: bool = False) -> bool:
    """Do what the portal usually does first; return whether it lets the request in."""
    chance = request.chance
    if not drawn.USAGE_LAST.ask(chance):
        _report_usage(service, chance)
    if drawn.RATE_FIRST.ask(chance):
        _limit_rate(service, chance)
    if drawn.PORTAL_SIGNS_IN.ask(chance) and not drawn.NO_COOKIE.ask(chance):
        sign_in(service, request, Asker.of(request.body), is_guest=is_guest)
    return drawn.is_accepted(chance)


def _end(service: Service, chance: Chance) -> None:
    """Do what the portal usually does last."""
    if not drawn.RATE_FIRST.ask(chance):
        _limit_rate(service, chance)
    if drawn.USAGE_LAST.ask(chance):
        _report_usage(service, chance)


def _limit_rate(service: Service, chance: Chance) -> None:
    if drawn.RATE_LIMITS.ask(chance):
        do(
            service,
            chance,
            "rate_limit.check",
            0.05,
            0.4,
            lambda again: {"limit.remaining": drawn.RATE_REMAINING.ask(chance, turn=again)},
        )


def _report_usage(service: Service, chance: Chance) -> None:
    """Report the usage in the background; the request does not wait for it."""
    if drawn.USAGE_REPORTED.ask(chance):
        service.later(lambda: do(service, chance, "usage.report", 2, 300))


def _show_page(service: Service, chance: Chance, *, is_never_lost: bool = False) -> None:
    """Render a page; seldom its span gets lost, and that of its template is left without a parent."""
    if not drawn.PAGE_SHOWN.ask(chance):
        return
    with service.tracer.start_as_current_span("page render") as page:
        page.set_attribute("page.language", drawn.PAGE_LANGUAGE.pick(chance))
        service.work(0.4, 6)
        if drawn.TEMPLATE_LOADS.ask(chance):
            do(service, chance, "template.load", 0.1, 1.5)
        if drawn.PAGE_LOST.ask(chance) and not is_never_lost:
            service.lose(page)


def _serve_charts(service: Service) -> None:
    @service.route("GET", "/charts/{id}")
    def read_chart(request: Request) -> Answer:
        return _read_chart(service, request)

    @service.route("PUT", "/charts/{id}")
    def update_chart(request: Request) -> Answer:
        chance, body = request.chance, request.body
        is_accepted = _begin(service, request)
        status = 200 if is_accepted else 401
        if is_accepted and drawn.GOES_ON.ask(chance):
            change = Asker.of(body).as_json()
            status = service.call("records", "PUT", "/records/{id}", change, path="/records/" + body["patient"]).status
        _end(service, chance)
        return Answer(status)

    @service.route("POST", "/ward-rounds")
    def go_on_ward_round(request: Request) -> Answer:
        return _go_on_ward_round(service, request)


def _read_chart(service: Service, request: Request) -> Answer:
    chance, body = request.chance, request.body
    is_found = drawn.is_accepted(chance) and drawn.GOES_ON.ask(chance) and not drawn.NOT_FOUND.ask(chance)
    is_harmed = is_found and service.suffers(PHI_ACCESS_WITHOUT_AUDIT, chance)
    is_page_last = drawn.PAGE_LAST.ask(chance)
    if not is_page_last:
        _show_page(service, chance, is_never_lost=is_harmed)
    is_accepted = _begin(service, request)
    status = 200 if is_accepted else 401
    if is_accepted and drawn.GOES_ON.ask(chance):
        read = {**Asker.of(body).as_json(), "is_summary": False}
        status = service.call("records", "GET", "/records/{id}", read, path="/records/" + body["patient"]).status
    if status == 200 and is_page_last:
        _show_page(service, chance, is_never_lost=is_harmed)
    _end(service, chance)
    return Answer(status)


def _go_on_ward_round(service: Service, request: Request) -> Answer:
    chance, body = request.chance, request.body
    goes_on = drawn.is_accepted(chance) and drawn.GOES_ON.ask(chance)
    incidents = (PHI_ACCESS_WITHOUT_AUDIT, WRONG_PATIENT_AUDIT)
    is_open_to_harm = goes_on and bool(body["patients"])
    is_harmed = is_open_to_harm and any(service.suffers(incident, chance) for incident in incidents)
    is_page_last = drawn.PAGE_LAST.ask(chance)
    if not is_page_last:
        _show_page(service, chance, is_never_lost=is_harmed)
    is_accepted = _begin(service, request)
    if goes_on:
        askers = [Asker.of(body)]
        if drawn.COSIGNED.ask(chance):
            askers.append(Asker.of(body["second"]))
            sign_in(service, request, askers[1], turn=1)
            if not drawn.NO_THIRD_SIGNATURE.ask(chance):
                sign_in(service, request, Asker.of(body["third"]), turn=2)
        batch = {"askers": [one.as_json() for one in askers], "patients": body["patients"]}
        service.call("records", "POST", "/record-batches", batch)
    if is_accepted and is_page_last:
        _show_page(service, chance, is_never_lost=is_harmed)
    _end(service, chance)
    return Answer(200 if is_accepted else 401)


def _serve_emergencies(service: Service) -> None:
    @service.route("POST", "/break-glass")
    def break_glass(request: Request) -> Answer:
        chance, body = request.chance, request.body
        is_accepted = _begin(service, request)
        status = 201 if is_accepted else 401
        if is_accepted and drawn.GOES_ON.ask(chance):
            if drawn.WITNESSED.ask(chance):
                sign_in(service, request, Asker.of(body["second"]), turn=1)
            wanted = {**Asker.of(body).as_json(), "patient": body["patient"]}
            status = service.call("records", "POST", "/emergency-access", wanted).status
        _end(service, chance)
        return Answer(status)


def _serve_transmissions(service: Service) -> None:
    @service.route("POST", "/transmissions")
    def transmit(request: Request) -> Answer:
        is_accepted = _begin(service, request)
        is_repeated = request.part > 0
        if is_accepted and is_repeated:
            _answer_again(service, request)
        elif is_accepted and drawn.GOES_ON.ask(request.chance):
            _request_transmission(service, request)
        _end(service, request.chance)
        return Answer((200 if is_repeated else 202) if is_accepted else 401)


def _answer_again(service: Service, request: Request) -> None:
    """Recognise a request by its key, and do nothing twice."""
    if drawn.REPEAT_SHOWN.ask(request.chance):
        chance = request.chance
        do(
            service,
            chance,
            "idempotency.hit",
            0.06,
            0.7,
            lambda again: {"transmission.id": chance.new_id("tx", "transmission", turn=again)},
        )


def _request_transmission(service: Service, request: Request) -> None:
    chance, body = request.chance, request.body
    is_published_last = drawn.PUBLISHED_LAST.ask(chance)
    if not is_published_last:
        publish_transmission(service, chance, body["user"], body["patient"])
    if drawn.SUMMARY_READ.ask(chance):
        read = {**Asker.of(body).as_json(), "is_summary": True}
        service.call("records", "GET", "/records/{id}", read, path="/records/" + body["patient"])
    if is_published_last:
        publish_transmission(service, chance, body["user"], body["patient"])


def _serve_jobs(service: Service) -> None:
    @service.route("POST", "/jobs/nightly")
    def run_nightly(request: Request) -> Answer:
        chance = request.chance
        is_locked = drawn.JOB_LOCKED.ask(chance)
        is_locked_first = drawn.JOB_LOCKED_FIRST.ask(chance)
        is_built = drawn.DATASET_BUILT.ask(chance)
        is_last = drawn.DATASET_LAST.ask(chance)
        if is_locked and is_locked_first:
            do(service, chance, "job.lock", 0.1, 1)
        if is_built and not is_last:
            service.call("archive", "POST", "/datasets")
        if drawn.ARCHIVED.ask(chance):
            service.call("archive", "POST", "/archives")
        if is_built and is_last:
            service.call("archive", "POST", "/datasets")
        if is_locked and not is_locked_first:
            do(service, chance, "job.lock", 0.1, 1)
        return Answer(202)


def _make_appointment(service: Service, request: Request) -> Answer:
    chance = request.chance
    is_page_last = drawn.PAGE_LAST.ask(chance)
    if not is_page_last:
        _show_page(service, chance)
    is_guest = not drawn.NO_GUEST.ask(chance)
    is_accepted = _begin(service, request, is_guest=is_guest)
    status = 201 if is_accepted else 401
    if is_accepted and drawn.GOES_ON.ask(chance):
        is_made = not drawn.SLOT_TAKEN.ask(chance)
        status = 201 if is_made else 409
        _book(service, request, is_made=is_made)
        if not drawn.PORTAL_SIGNS_IN.ask(chance):
            sign_in(service, request, Asker.of(request.body), is_guest=is_guest)
    if status == 201 and is_page_last:
        _show_page(service, chance)
    _end(service, chance)
    return Answer(status)


def _book(service: Service, request: Request, *, is_made: bool) -> None:
    chance, body = request.chance, request.body
    is_reminded = (is_made or not drawn.NO_OFFER.ask(chance)) and drawn.REMINDED.ask(chance)
    is_reminded_first = drawn.REMINDER_FIRST.ask(chance)
    if is_reminded and is_reminded_first:
        _remind(service, chance, body["patient"])
    if drawn.SLOT_SHOWN.ask(chance):
        do(
            service,
            chance,
            "slot.reserve",
            0.2,
            4,
            lambda again: {"slot.minutes": drawn.SLOT_MINUTES.ask(chance, turn=again)},
        )
    if is_made:
        _write_appointment(service, chance, body["user"])
    if is_reminded and not is_reminded_first:
        _remind(service, chance, body["patient"])


def _write_appointment(service: Service, chance: Chance, user: str) -> None:
    if drawn.ENCRYPTS_ANYWAY.ask(chance):
        encrypt(service, chance, drawn.APPOINTMENT_STORE)
    do(
        service,
        chance,
        "database.write",
        0.3,
        6,
        lambda again: {"data_type": "appointment", "rows.written": drawn.ROWS_WRITTEN.ask(chance, turn=again)},
    )
    if drawn.APPOINTMENT_LOGGED.ask(chance):
        enter(service, chance, drawn.APPOINTMENT_SLOT, "appointment_made", user)


def _remind(service: Service, chance: Chance, patient: str) -> None:
    if drawn.REMINDER_CONSENT.ask(chance):
        check_consent(service, chance, drawn.REMINDER_TURN, patient)
    if drawn.REMINDER_TLS.ask(chance):
        connect(service, chance, drawn.REMINDER_TURN)
    do(
        service,
        chance,
        "reminder.send",
        1,
        30,
        lambda again: {"reminder.channel": drawn.REMINDER_CHANNEL.pick(chance, turn=again)},
    )
