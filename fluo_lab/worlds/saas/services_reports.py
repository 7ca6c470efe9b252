"""The worker: exports in the background, and the nightly usage job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluo_lab.worlds.live.service import Answer, Request, Service
from fluo_lab.worlds.saas import drawn
from fluo_lab.worlds.saas.services_tenancy import (
    Caller,
    Database,
    list_value,
    load_context,
    spend,
    with_context,
    write_audit,
)

if TYPE_CHECKING:
    from opentelemetry.util.types import AttributeValue

    from fluo_lab.worlds.chance import Chance

__all__ = ["serve_reports"]

_OCCASIONS = ("request", "second tenant", "third tenant")


class _Worker:
    """Makes reports and counts usage."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._tracer = service.tracer
        self._database = Database(service)

    def export(self, request: Request) -> None:
        """Make a report and store it; or store one that there is already."""
        chance, caller = request.chance, Caller.of(request)
        is_made = not chance.happens(*drawn.IS_REUSED)
        audits, audits_first = chance.happens(*drawn.REPORT_AUDITED), chance.happens(*drawn.REPORT_AUDIT_FIRST)
        by_requester = chance.habit(*drawn.BY_REQUESTER)
        actor = caller.user if by_requester else chance.new_id(*drawn.SERVICE_ACCOUNT)
        if audits and audits_first:
            write_audit(self._service, [("report.exported", actor)])
        compresses = is_made and self._make(chance, caller)
        self._hand_over(chance, compresses=compresses)
        if audits and not audits_first:
            write_audit(self._service, [("report.exported", actor)])

    def _make(self, chance: Chance, caller: Caller) -> bool:
        """Make a report, and return whether it still has to be compressed."""
        in_scope, rows = chance.habit(*drawn.RENDERS_IN_SCOPE), 0
        streams, plain = chance.happens(*drawn.COMPRESSES_WHILE_RENDERING), chance.habit(*drawn.PLAIN_SMALL)
        if has_events := chance.habit(*drawn.HAS_EVENTS):
            with self._tracer.start_as_current_span("tenant.scope"):
                caller = with_context(self._service, chance, caller)
                wanted = chance.integer(*drawn.ROWS_WANTED, skew=drawn.ROWS_WANTED_SKEW)
                rows = min(wanted, caller.row_limit)
                for chunk in range(chance.integer(*drawn.CHUNKS)):
                    self._database.query(chance, caller.tenant, "chunk", drawn.EVENTS, "read", turn=chunk)
                if in_scope:
                    self._render(chance, rows, plain=plain, streams=streams)
        if not (has_events and in_scope):
            self._render(chance, rows, plain=plain, streams=streams)
        return not streams and _is_compressed(rows, plain=plain)

    def count_usage(self, request: Request) -> Answer:
        """Count the usage of some tenants, one after another."""
        chance = request.chance
        with self._tracer.start_as_current_span("job.run"):
            for turn, name in enumerate(drawn.LEFT_OVER):
                if not chance.habit(*drawn.NOTHING_LEFT_OVER, turn=turn):
                    spend(self._service, chance, name)
            rolls_up, rolls_up_last = chance.habit(*drawn.ROLLS_UP), chance.habit(*drawn.ROLLS_UP_LAST)
            if rolls_up and not rolls_up_last:
                spend(self._service, chance, "usage.roll_up")
            tenants: list[str] = request.body["tenants"]
            for turn, tenant in enumerate(tenants):
                self._count_tenant(chance, tenant, turn)
            if tenants:
                self._database.read_back(chance, Caller(tenants[0], "", has_context=True))
                if not chance.habit(*drawn.CONTEXT_STAYS_FRESH):
                    load_context(self._service, chance, tenants[0], "refresh")
            if rolls_up and rolls_up_last:
                spend(self._service, chance, "usage.roll_up")
        return Answer(200)

    def _count_tenant(self, chance: Chance, tenant: str, turn: int) -> None:
        database = self._database
        context = load_context(self._service, chance, tenant, _OCCASIONS[turn])
        with self._tracer.start_as_current_span("tenant.scope"):
            database.query(chance, tenant, "usage", drawn.EVENTS, "read", turn=turn)
            if not context.body["is_suspended"]:
                database.begin(chance)
                database.query(chance, tenant, "daily usage", drawn.USAGE, "write", turn=turn)
                database.commit(chance)

    def _render(self, chance: Chance, rows: int, *, plain: bool, streams: bool) -> None:
        layout = list_value(chance, chance.pick(*drawn.FORMAT), drawn.LAYOUT)
        attributes: dict[str, AttributeValue] = {"report.rows": rows, "report.format": layout}
        with self._tracer.start_as_current_span("report render", attributes=attributes):
            self._service.work(1.0, 20.0)
            if streams and _is_compressed(rows, plain=plain):
                spend(self._service, chance, "report.compress")

    def _hand_over(self, chance: Chance, *, compresses: bool) -> None:
        """Compress what has been rendered, store it and say so, in the usual order or in another."""
        service = self._service
        compresses_first, notifies_last = chance.habit(*drawn.COMPRESSES_FIRST), chance.habit(*drawn.NOTIFIES_LAST)
        notifies = chance.habit(*drawn.NOTIFIES)
        if compresses and compresses_first:
            spend(service, chance, "report.compress")
        if notifies and not notifies_last:
            spend(service, chance, "report.notify")
        spend(service, chance, "report.store")
        if notifies and notifies_last:
            spend(service, chance, "report.notify")
        if compresses and not compresses_first:
            spend(service, chance, "report.compress")


def _is_compressed(rows: int, *, plain: bool) -> bool:
    """Return whether a report is compressed: a large one always, a small one as wanted."""
    return rows > drawn.LARGE_ROWS or not plain


def serve_reports(service: Service) -> None:
    """Register the handlers of the worker."""
    worker = _Worker(service)
    service.consumes("exports")(worker.export)
    service.route("POST", "/jobs/usage")(worker.count_usage)
