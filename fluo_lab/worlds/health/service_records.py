"""Live: the record service, the only one that reads health data."""

from __future__ import annotations

import sqlite3
from threading import Lock
from typing import TYPE_CHECKING

from opentelemetry.trace import SpanKind

from fluo_lab.worlds.health import drawn
from fluo_lab.worlds.health.incidents import PHI_ACCESS_WITHOUT_AUDIT, WRONG_PATIENT_AUDIT
from fluo_lab.worlds.health.service_identity import sign_in
from fluo_lab.worlds.health.service_ledger import enter
from fluo_lab.worlds.health.service_parts import Asker, do
from fluo_lab.worlds.live.service import Answer, Request, Service

if TYPE_CHECKING:
    from fluo_lab.worlds.chance import Chance

__all__ = ["Records", "evaluate_policy", "open_chart", "prepare", "sign_in_late"]


def evaluate_policy(service: Service, chance: Chance) -> None:
    """Evaluate the access policy."""
    do(
        service,
        chance,
        "policy.evaluate",
        0.1,
        1.2,
        lambda again: {"policy.version": drawn.POLICY_VERSION.pick(chance, turn=again)},
    )


def prepare(service: Service, chance: Chance, *, is_early: bool, is_dropping: bool = False) -> None:
    """Evaluate the access policy and open a client of the audit ledger, in either order.

    Parameters
    ----------
    is_early
        Whether it is done before anything is read, as is usual for both, or afterwards.
    is_dropping
        Whether the client is the version that swallows timeouts.
    """
    is_evaluated = drawn.POLICY_EVALUATES.ask(chance) and drawn.POLICY_EARLY.ask(chance) == is_early
    is_first = drawn.POLICY_FIRST.ask(chance)
    if is_evaluated and is_first:
        evaluate_policy(service, chance)
    is_opened = is_dropping or drawn.AUDIT_CLIENT_OPENS.ask(chance)
    if is_opened and drawn.AUDIT_CLIENT_EARLY.ask(chance) == is_early:
        version = drawn.DROPPING_CLIENT if is_dropping else drawn.AUDIT_CLIENT.pick(chance)
        do(service, chance, "audit.client.open", 0.06, 0.5, lambda again: {"audit.client.version": version})
    if is_evaluated and not is_first:
        evaluate_policy(service, chance)


def open_chart(service: Service, chance: Chance) -> bool:
    """Open the patient's chart, as is usual; return whether it is open."""
    is_open = drawn.CHART_OPENS.ask(chance)
    if is_open:
        do(
            service,
            chance,
            "chart.open",
            0.15,
            2,
            lambda again: {"chart.kind": drawn.CHART_KIND.pick(chance, turn=again)},
        )
    return is_open


def sign_in_late(service: Service, request: Request, asker: Asker) -> None:
    """Sign the asker in, where the portal has left that to this service."""
    if not drawn.PORTAL_SIGNS_IN.ask(request.chance):
        sign_in(service, request, asker)


class Records:
    """The records of all patients, and the one way to read them."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._lock = Lock()
        self._tables = sqlite3.connect(":memory:", check_same_thread=False)
        self._tables.execute("create table records (patient text primary key, blood_group text)")
        self._tables.executemany(
            "insert into records values (?, ?)",
            [(patient, ("0", "A", "B", "AB")[number % 4]) for number, patient in enumerate(drawn.PATIENTS)],
        )

    def access(
        self,
        chance: Chance,
        slot: int,
        patient: str,
        asker: Asker,
        mode: str,
        *,
        action: str = "phi_access",
        logged_patient: str | None = None,
        is_dropping: bool = False,
    ) -> None:
        """Read or write one patient's data and enter that in the audit ledger.

        Parameters
        ----------
        slot
            Number of the access in its request.
        logged_patient
            The patient that the audit entry names, if another.
        is_dropping
            Whether nothing is sent again when the ledger has no answer.
        """
        service = self._service
        is_queried = drawn.QUERIES.ask(chance, turn=slot)
        is_inside = drawn.QUERY_INSIDE.ask(chance, turn=slot)
        if is_queried and not is_inside:
            self.query(chance, patient)
        is_emergency = mode == drawn.EMERGENCY_MODE
        is_role_kept = is_emergency or drawn.ROLE_KEPT.ask(chance, turn=slot)
        other_role = drawn.ROLE.pick(chance, turn=drawn.OTHER_ROLE_TURN + slot)
        is_plain = is_emergency or drawn.PLAIN_MODE.ask(chance, turn=slot)
        with service.tracer.start_as_current_span("phi.access") as reading:
            reading.set_attribute("patient.id", patient)
            reading.set_attribute("user.id", asker.user)
            reading.set_attribute("user.role", asker.role if is_role_kept else other_role)
            reading.set_attribute("data_type", drawn.ACCESS_DATA_TYPE.pick(chance, turn=slot))
            reading.set_attribute("access.mode", mode if is_plain else drawn.PROXY_MODE)
            reading.set_attribute("access.sequence", drawn.SEQUENCE_START.ask(chance) + slot)
            n_found = drawn.RECORDS_FOUND.ask(chance, turn=slot)
            reading.set_attribute("records.returned", min(n_found, drawn.PAGE_SIZE))
            service.work(0.15, 1.5)
            if is_queried and is_inside:
                self.query(chance, patient)
        named = logged_patient or patient
        enter(service, chance, slot, action, asker.user, patient=named, is_dropping=is_dropping)

    def query(self, chance: Chance, patient: str) -> None:
        """Query the table of records."""
        with self._service.tracer.start_as_current_span("SELECT records", kind=SpanKind.CLIENT) as query:
            query.set_attribute("db.system.name", drawn.DATABASE.pick(chance))
            query.set_attribute("db.collection.name", drawn.TABLE.pick(chance))
            with self._lock:
                self._tables.execute("select * from records where patient = ?", (patient,)).fetchall()
            self._service.work(0.3, 12)

    def serve_reading(self) -> None:
        """Register the handlers that read."""
        service = self._service

        @service.route("GET", "/records/{id}")
        def read(request: Request) -> Answer:
            if request.body["is_summary"]:
                return self._summarise(request)
            return self._read_chart(request)

        @service.route("POST", "/record-batches")
        def read_batch(request: Request) -> Answer:
            return self._read_batch(request)

    def _read_batch(self, request: Request) -> Answer:
        service, chance, patients = self._service, request.chance, request.body["patients"]
        is_dropping = bool(patients) and service.suffers(PHI_ACCESS_WITHOUT_AUDIT, chance)
        is_mixing_up = bool(patients) and service.suffers(WRONG_PATIENT_AUDIT, chance)
        is_census_early = drawn.CENSUS_EARLY.ask(chance)
        is_census_first = drawn.CENSUS_FIRST.ask(chance)
        if is_census_early and is_census_first:
            self._load_census(chance)
        prepare(service, chance, is_early=True, is_dropping=is_dropping)
        if is_census_early and not is_census_first:
            self._load_census(chance)
        askers = [Asker.of(one) for one in request.body["askers"]]
        if patients:
            sign_in_late(service, request, askers[0])
        for slot, patient in enumerate(patients):
            named = patients[max(slot - 1, 0)] if is_mixing_up else patient
            asker = askers[slot % len(askers)]
            self.access(chance, slot, patient, asker, "batch", logged_patient=named, is_dropping=is_dropping)
        if not is_census_early:
            self._load_census(chance)
        prepare(service, chance, is_early=False, is_dropping=is_dropping)
        return Answer()

    def _read_chart(self, request: Request) -> Answer:
        service, chance = self._service, request.chance
        asker, patient = Asker.of(request.body), request.path_values["id"]
        is_found = not drawn.NOT_FOUND.ask(chance)
        is_dropping = is_found and service.suffers(PHI_ACCESS_WITHOUT_AUDIT, chance)
        prepare(service, chance, is_early=True, is_dropping=is_dropping)
        is_open = is_found and open_chart(service, chance)
        if is_found:
            sign_in_late(service, request, asker)
            is_family = not is_open and drawn.FAMILY.ask(chance)
            for slot in range(1 + chance.pick_code("accesses", drawn.ACCESS_COUNT_WEIGHTS)):
                whose = drawn.relative_of(patient, slot) if is_family else patient
                self.access(chance, slot, whose, asker, "read", is_dropping=is_dropping)
            if not is_dropping and not drawn.NO_LINK.ask(chance):
                linked = drawn.relative_of(patient, 3)
                enter(service, chance, drawn.LINK_SLOT, "chart_linked", asker.user, patient=linked)
        prepare(service, chance, is_early=False, is_dropping=is_dropping)
        return Answer(200 if is_found else 404)

    def _summarise(self, request: Request) -> Answer:
        service, chance = self._service, request.chance
        asker, patient = Asker.of(request.body), request.path_values["id"]
        prepare(service, chance, is_early=True)
        sign_in_late(service, request, asker)
        for slot in range(2 if drawn.COMPANION.ask(chance) else 1):
            self.access(chance, slot, drawn.relative_of(patient, slot), asker, "read")
        prepare(service, chance, is_early=False)
        return Answer()

    def _load_census(self, chance: Chance) -> None:
        if drawn.CENSUS_LOADS.ask(chance):
            do(
                self._service,
                chance,
                "census.load",
                0.3,
                5,
                lambda again: {"ward": drawn.WARD.pick(chance, turn=again)},
            )
