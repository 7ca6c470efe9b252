"""Simulated: the workflows of the hospital, as its users see them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fluo_lab.worlds.health import drawn
from fluo_lab.worlds.health.flow_archive import archive_at_night
from fluo_lab.worlds.health.flow_care import break_glass, make_appointment, request_transmission, update
from fluo_lab.worlds.health.flow_parts import Asker, asker_of, do, patient_of, record_path
from fluo_lab.worlds.health.flow_portal import begin, end, show_page, sign_in
from fluo_lab.worlds.health.flow_records import access, enter, open_chart, prepare
from fluo_lab.worlds.health.incidents import PHI_ACCESS_WITHOUT_AUDIT, WRONG_PATIENT_AUDIT
from fluo_lab.worlds.simulated import Batch, Flow, Step, Texts
from fluo_lab.worlds.simulated.values import Mask

__all__ = ["simulate"]


def simulate(batch: Batch) -> None:
    """Add the spans of a batch of visits to it."""
    workflow = batch.chances.pick_code("workflow", drawn.WORKFLOW_WEIGHTS)
    workflows: tuple[Callable[[Flow], None], ...] = (
        _read_chart,
        _go_on_ward_round,
        update,
        break_glass,
        request_transmission,
        archive_at_night,
        make_appointment,
    )
    for number, run_workflow in enumerate(workflows):
        here = workflow == number
        if here.any():
            run_workflow(batch.flow(here))


def _read_chart(flow: Flow) -> None:
    """Read a chart: staff a patient's, patients their own."""
    chances = flow.chances
    staff = asker_of(flow)
    is_self_service = drawn.SELF_SERVICE.ask(chances)
    role = np.where(is_self_service, drawn.ROLES.index(drawn.PATIENT_ROLE), staff.role.codes)
    asker = Asker(staff.user, Texts(role, drawn.ROLES))
    is_accepted = drawn.is_accepted(chances)
    goes_on = is_accepted & drawn.GOES_ON.ask(chances)
    is_found = goes_on & ~drawn.NOT_FOUND.ask(chances)
    is_dropping = flow.suffers(PHI_ACCESS_WITHOUT_AUDIT, is_found)
    is_page_last = drawn.PAGE_LAST.ask(chances)
    with flow.request("portal", "GET", "/charts/{id}", path="/charts/" + flow.ids("chart", "chart")) as root:
        show_page(root, ~is_page_last, is_never_lost=is_dropping)
        begin(root, asker)
        with root.call("records", "GET", "/records/{id}", path=record_path(root), where=goes_on) as server:
            prepare(server, is_early=True, is_dropping=is_dropping)
            is_open = open_chart(server, is_found)
            sign_in(server, asker, where=is_found & ~drawn.PORTAL_SIGNS_IN.ask(chances))
            is_family = ~is_open & drawn.FAMILY.ask(chances)
            n_accesses = 1 + chances.pick_code("accesses", drawn.ACCESS_COUNT_WEIGHTS)
            for slot in range(len(drawn.ACCESS_COUNT_WEIGHTS)):
                of_family = patient_of(server, slot).codes
                patient = Texts(np.where(is_family, of_family, patient_of(server, 0).codes), drawn.PATIENTS)
                is_read = is_found & (n_accesses > slot)
                access(server, slot, is_read, patient, asker, "read", is_dropping=is_dropping)
            is_linked = is_found & ~is_dropping & ~drawn.NO_LINK.ask(chances)
            enter(server, drawn.LINK_SLOT, is_linked, "chart_linked", asker.user, patient=patient_of(server, 3))
            prepare(server, is_early=False, is_dropping=is_dropping)
            server.answer(np.where(is_found, 200, 404))
        is_shown = is_found | (is_accepted & ~goes_on)
        show_page(root, is_shown & is_page_last, is_never_lost=is_dropping)
        end(root)
        root.answer(np.where(is_shown, 200, np.where(is_accepted, 404, 401)))


def _go_on_ward_round(flow: Flow) -> None:
    """Read the records of several patients in one batch, seldom in the names of two people."""
    chances = flow.chances
    asker, second = asker_of(flow), asker_of(flow, turn=1)
    is_accepted = drawn.is_accepted(chances)
    goes_on = is_accepted & drawn.GOES_ON.ask(chances)
    n_patients = drawn.ward_count(chances)
    is_cosigned = goes_on & drawn.COSIGNED.ask(chances)
    is_dropping = flow.suffers(PHI_ACCESS_WITHOUT_AUDIT, goes_on & (n_patients > 0))
    is_mixing_up = flow.suffers(WRONG_PATIENT_AUDIT, goes_on & (n_patients > 0))
    is_harmed = is_dropping | is_mixing_up
    is_page_last = drawn.PAGE_LAST.ask(chances)
    with flow.request("portal", "POST", "/ward-rounds") as root:
        show_page(root, ~is_page_last, is_never_lost=is_harmed)
        begin(root, asker)
        sign_in(root, second, turn=1, where=is_cosigned)
        has_third = is_cosigned & ~drawn.NO_THIRD_SIGNATURE.ask(chances)
        sign_in(root, asker_of(flow, turn=2), turn=2, where=has_third)
        with root.call("records", "POST", "/record-batches", where=goes_on) as server:
            is_census_early = drawn.CENSUS_EARLY.ask(chances)
            is_census_first = drawn.CENSUS_FIRST.ask(chances)
            _load_census(server, is_census_early & is_census_first)
            prepare(server, is_early=True, is_dropping=is_dropping)
            _load_census(server, is_census_early & ~is_census_first)
            sign_in(server, asker, where=(n_patients > 0) & ~drawn.PORTAL_SIGNS_IN.ask(chances))
            for slot in range(max(drawn.ODD_WARD_COUNTS)):
                patient = patient_of(server, slot)
                previous = patient_of(server, max(slot - 1, 0))
                access(
                    server,
                    slot,
                    goes_on & (n_patients > slot),
                    patient,
                    _either(asker, second, is_cosigned & (slot % 2 == 1)),
                    "batch",
                    logged_patient=Texts(np.where(is_mixing_up, previous.codes, patient.codes), drawn.PATIENTS),
                    is_dropping=is_dropping,
                )
            _load_census(server, ~is_census_early)
            prepare(server, is_early=False, is_dropping=is_dropping)
        show_page(root, is_accepted & is_page_last, is_never_lost=is_harmed)
        end(root)
        root.answer(np.where(is_accepted, 200, 401))


def _load_census(server: Step, where: Mask) -> None:
    is_loaded = where & drawn.CENSUS_LOADS.ask(server.flow.chances)
    do(
        server,
        "census.load",
        300,
        5_000,
        where=is_loaded,
        attributes=lambda again: {"ward": server.flow.texts(drawn.WARD, turn=again)},
    )


def _either(asker: Asker, other: Asker, is_other: Mask) -> Asker:
    return Asker(
        Texts(np.where(is_other, other.user.codes, asker.user.codes), drawn.ACTORS),
        Texts(np.where(is_other, other.role.codes, asker.role.codes), drawn.ROLES),
    )
