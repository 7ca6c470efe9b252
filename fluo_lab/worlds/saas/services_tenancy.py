"""What all services share: who asks, the tenant's context and its queries; and the directory and the audit trail."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import SpanKind

from fluo_lab.worlds.live.service import Answer, Request, Service
from fluo_lab.worlds.saas import drawn

if TYPE_CHECKING:
    from opentelemetry.util.types import AttributeValue

    from fluo_lab.worlds.chance import Chance

__all__ = [
    "Caller",
    "Database",
    "list_value",
    "load_context",
    "serve_audit",
    "serve_tenancy",
    "spend",
    "with_context",
    "write_audit",
]

_CONTEXT_LOADS = {"arrival": 0, "request": 0, "second tenant": 1, "third tenant": 2, "refresh": 3}
_TENANT_TURNS = {"arrival": 0, "request": 0, "second tenant": 1, "third tenant": 2, "refresh": 0}
_RECORDS_PER_TENANT = 20


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and for which tenant.

    Attributes
    ----------
    tenant, user
        Names.
    row_limit
        Most rows of a report, once the context of the tenant is loaded.
    is_suspended
        Whether nothing may be written for the tenant.
    has_context
        Whether the context of the tenant is loaded.
    """

    tenant: str
    user: str
    row_limit: int = 0
    is_suspended: bool = False
    has_context: bool = False

    @classmethod
    def of(cls, request: Request) -> Caller:
        """Return who asks, as the service in front has told."""
        return cls(**request.body["caller"])

    def knowing(self, context: Answer) -> Caller:
        """Return the caller with what the directory says of the tenant."""
        return Caller(self.tenant, self.user, has_context=True, **context.body)

    def as_body(self) -> dict[str, Any]:
        """Return what tells other services who asks."""
        return {"caller": asdict(self)}


def spend(service: Service, chance: Chance, name: str, attributes: Mapping[str, AttributeValue] | None = None) -> None:
    """Run a span that only takes its time, seldom twice."""
    is_again = name in drawn.REPEATABLE and not chance.habit(f"once: {name}", drawn.ONCE)
    for _ in range(1 + is_again):
        service.do(name, 0.05, 2.0, attributes=attributes)


def list_value(chance: Chance, listed: str, prefix: str, *, rate: float = drawn.LISTED, turn: int = 0) -> str:
    """Return the listed text, and in its place seldom one that no list has."""
    if chance.habit(f"listed {prefix}", rate, turn=turn):
        return listed
    return f"{prefix}-{chance.integer(f'number of {prefix}', 0, drawn.N_UNLISTED - 1, turn=turn)}"


class Database:
    """The one database of all tenants, as a service uses it."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._lock = Lock()
        self._records = sqlite3.connect(":memory:", check_same_thread=False)
        self._records.execute("CREATE TABLE records (tenant TEXT, number INTEGER, revision INTEGER)")
        rows = [(tenant, number, 0) for tenant in drawn.TENANTS for number in range(_RECORDS_PER_TENANT)]
        self._records.executemany("INSERT INTO records VALUES (?, ?, ?)", rows)

    def query(
        self,
        chance: Chance,
        tenant: str,
        purpose: str,
        table: str,
        operation: str,
        *,
        turn: int = 0,
        is_locked: bool = False,
        is_scan: bool = False,
    ) -> None:
        """Run a query of a tenant, seldom within a unit of work.

        Parameters
        ----------
        purpose
            What it is for; one of a visit's questions.
        is_locked, is_scan
            Whether it gets no lock, and whether it drops the filter and so reads everything.
        """
        is_filtered = table in drawn.TENANT_TABLES or chance.happens(
            f"filter: {purpose}", drawn.FILTERS_SHARED, turn=turn
        )
        database = drawn.DATABASE if chance.habit(*drawn.MAIN_DATABASE) else drawn.OTHER_DATABASE
        is_usual = chance.habit(f"usual answer: {purpose}", drawn.IS_USUAL_ANSWER, turn=turn)
        rows = (
            chance.integer(f"rows: {purpose}", *drawn.ROWS, turn=turn)
            if is_usual
            else chance.integer(f"many rows: {purpose}", *drawn.MANY_ROWS, turn=turn)
        )
        attributes: dict[str, AttributeValue] = {
            "tenant.id": tenant,
            "db.system.name": list_value(chance, database, drawn.SYSTEM),
            "db.response.returned_rows": rows,
            "table": table,
            "operation": operation,
            "tenant_filter": is_filtered and not is_scan,
        }
        run = partial(self._run, tenant, operation, attributes, is_locked=is_locked, is_scan=is_scan)
        if chance.happens(f"unit of work: {purpose}", drawn.UNIT_OF_WORK, turn=turn):
            with self._service.tracer.start_as_current_span("unit_of_work"):
                run()
        else:
            run()

    def begin(self, chance: Chance, *, attempt: int | None = None) -> None:
        """Begin a transaction; attempts are numbered where they can be repeated."""
        spend(self._service, chance, "transaction.begin", None if attempt is None else {"attempt": attempt})

    def commit(self, chance: Chance) -> None:
        """Commit a transaction."""
        spend(self._service, chance, "transaction.commit")

    def read_back(self, chance: Chance, caller: Caller) -> None:
        """Read once more after everything else, which is seldom needed and takes the context of the tenant."""
        if not caller.has_context or chance.habit(*drawn.NO_READ_BACK):
            return
        with self._service.tracer.start_as_current_span("tenant.scope"):
            table = chance.pick(*drawn.READ_BACK_TABLE)
            table = list_value(chance, table, drawn.TEMPORARY, rate=drawn.READ_BACK_KNOWN)
            self.query(chance, caller.tenant, "read back", table, "read")

    def _run(
        self,
        tenant: str,
        operation: str,
        attributes: Mapping[str, AttributeValue],
        *,
        is_locked: bool,
        is_scan: bool,
    ) -> None:
        with self._service.tracer.start_as_current_span(
            "database.query", kind=SpanKind.CLIENT, attributes=attributes
        ) as span:
            self._service.work(0.3, 9.0)
            if is_scan:
                self._service.wait(1000 * drawn.SCAN_S)
            if is_locked:
                self._service.fail(span, drawn.LOCK_ERROR, drawn.LOCK_MESSAGE)
                return
            with self._lock:
                if operation == "write":
                    self._records.execute("UPDATE records SET revision = revision + 1 WHERE tenant = ?", (tenant,))
                elif is_scan:
                    self._records.execute("SELECT number, revision FROM records").fetchall()
                else:
                    self._records.execute("SELECT number, revision FROM records WHERE tenant = ?", (tenant,)).fetchall()


def with_context(service: Service, chance: Chance, caller: Caller) -> Caller:
    """Return the caller with the context of the tenant, which is loaded unless it is there already."""
    return caller if caller.has_context else caller.knowing(load_context(service, chance, caller.tenant, "request"))


def load_context(service: Service, chance: Chance, tenant: str, occasion: str) -> Answer:
    """Return the context of a tenant, asked for a second time when the directory does not answer."""
    path = f"/tenants/{tenant}/context"
    body = {"occasion": occasion, "is_second_try": False}
    answer = service.call("tenancy", "GET", "/tenants/{id}/context", body, path=path)
    if answer.status == 503:
        body["is_second_try"] = True
        answer = service.call("tenancy", "GET", "/tenants/{id}/context", body, path=path)
    return answer


def write_audit(service: Service, records: Sequence[tuple[str, str]]) -> None:
    """Send audit records to the audit trail: what happened, and who acted."""
    body = {"records": [{"event": event, "user": user} for event, user in records]}
    service.call("audit", "POST", "/audit-records", body)


def serve_tenancy(service: Service) -> None:
    """Register the handlers of the directory of tenants."""

    @service.route("GET", "/tenants/{id}/context")
    def show_context(request: Request) -> Answer:
        chance, tenant, occasion = request.chance, request.path_values["id"], request.body["occasion"]
        load = _CONTEXT_LOADS[occasion]
        if occasion == "arrival" and not chance.happens(*drawn.IS_KNOWN):
            if chance.habit(*drawn.READS_BEFORE_ERROR):
                spend(service, chance, "tenant.read")
            return Answer(404)
        if not request.body["is_second_try"] and not chance.habit(*drawn.CONTEXT_AT_ONCE, turn=load):
            if chance.habit(*drawn.READS_BEFORE_ERROR):
                with service.tracer.start_as_current_span("tenant.read") as span:
                    service.work(0.4, 5.0)
                    service.fail(span, drawn.DIRECTORY_ERROR, drawn.DIRECTORY_MESSAGE)
            return Answer(503)
        is_cached = chance.happens(*drawn.IS_CONTEXT_CACHED, turn=load)
        if chance.habit(*drawn.USES_CONTEXT_CACHE, turn=load):
            spend(service, chance, "cache.get", {"cache.hit": is_cached})
        if not is_cached:
            spend(service, chance, "tenant.read")
            if chance.habit(*drawn.FILLS_CONTEXT_CACHE, turn=load):
                spend(service, chance, "cache.put")
        turn = _TENANT_TURNS[occasion]
        has_own = chance.habit(*drawn.HAS_OWN_CONTEXT, turn=turn)
        plan = chance.pick(*drawn.PLAN, turn=turn)
        has_standard_limit = chance.habit(*drawn.HAS_STANDARD_LIMIT, turn=turn)
        row_limit = (
            drawn.PLAN_LIMITS[drawn.PLAN[1].index(plan)]
            if has_standard_limit
            else 100 * chance.integer(*drawn.CONTRACT_LIMIT, turn=turn)
        )
        spend(
            service,
            chance,
            "tenant.context_loaded",
            {
                "tenant.id": tenant if has_own else chance.pick(*drawn.ORGANISATION, turn=turn),
                "tenant.plan": plan,
                "tenant.row_limit": row_limit,
            },
        )
        is_suspended = turn == 0 and chance.happens(*drawn.IS_SUSPENDED)
        if is_suspended and chance.habit(*drawn.SUSPENSION_AT_TENANCY):
            spend(service, chance, "tenant.suspended")
        if is_cached and not chance.habit(*drawn.NO_REVALIDATION, turn=load):
            spend(service, chance, "tenant.read")
        return Answer(200, {"row_limit": row_limit, "is_suspended": is_suspended})


def serve_audit(service: Service) -> None:
    """Register the handlers of the audit trail."""

    @service.route("POST", "/audit-records")
    def add_records(request: Request) -> Answer:
        for record in request.body["records"]:
            spend(service, request.chance, "audit.record", {"user.id": record["user"], "audit.event": record["event"]})
        return Answer(201)
