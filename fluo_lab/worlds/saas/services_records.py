"""The service of the customers' records: read one, search them, update one, export them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from fluo_lab.worlds.live.service import Answer, Request, Service
from fluo_lab.worlds.saas import drawn
from fluo_lab.worlds.saas.incidents import CROSS_TENANT, UNSCOPED
from fluo_lab.worlds.saas.services_tenancy import Caller, Database, spend, with_context, write_audit

if TYPE_CHECKING:
    from fluo_lab.worlds.chance import Chance

__all__ = ["serve_records"]

_MAX_ATTEMPTS = 3


class _Records:
    """The customers' records of all tenants."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._tracer = service.tracer
        self._database = Database(service)

    def read(self, request: Request) -> Answer:
        """Show one record, from the cache or from the database."""
        service, chance, caller, database = self._service, request.chance, Caller.of(request), self._database
        is_cached, needs_catalog = chance.happens(*drawn.IS_RECORD_CACHED), chance.happens(*drawn.NEEDS_CATALOG)
        is_mixed_up = not is_cached and service.suffers(CROSS_TENANT, chance)
        applies, applies_last = chance.habit(*drawn.APPLIES_POLICY), chance.habit(*drawn.POLICY_LAST)
        if applies and not applies_last:
            spend(service, chance, "policy.apply")
        if is_cached and not chance.habit(*drawn.NO_EMPTY_UNIT):
            spend(service, chance, "unit_of_work")
        self._evict(chance, is_last=False, is_mixed_up=is_mixed_up)
        asks_cache = chance.habit(*drawn.USES_RECORD_CACHE)
        needs_query = needs_catalog or not is_cached
        has_scope = asks_cache or needs_query
        in_snapshot = chance.happens(*drawn.NEEDS_SNAPSHOT)
        inside = has_scope and chance.habit(*drawn.SNAPSHOT_IN_SCOPE)
        if in_snapshot and not inside:
            database.begin(chance)
        if has_scope:
            with self._tracer.start_as_current_span("tenant.scope"):
                if in_snapshot and inside:
                    database.begin(chance)
                if asks_cache:
                    spend(service, chance, "cache.get", {"cache.hit": is_cached})
                if needs_query:
                    caller = with_context(service, chance, caller)
                    self._query_record(chance, caller, is_mixed_up=is_mixed_up)
                if in_snapshot and inside:
                    database.commit(chance)
        self._evict(chance, is_last=True, is_mixed_up=is_mixed_up)
        if in_snapshot and not inside:
            database.commit(chance)
        if applies and applies_last:
            spend(service, chance, "policy.apply")
        database.read_back(chance, caller)
        if not is_mixed_up and chance.happens(*drawn.LOSES_SPAN):
            service.lose(request.span)
        return Answer(200)

    def search(self, request: Request) -> Answer:
        """Find records, and facets beside them; unless the answer is cached."""
        service, chance, caller, page = self._service, request.chance, Caller.of(request), request.part
        is_new = chance.habit(*drawn.IS_SEARCH_NEW)
        # The second version of the search builds its statement before the scope is entered, and so without the filter.
        is_scan = is_new and service.suffers(UNSCOPED, chance)
        logs, terms_first = chance.habit(*drawn.LOGS_TERMS), chance.habit(*drawn.TERMS_FIRST)
        suggests, suggests_last = chance.habit(*drawn.SUGGESTS), chance.habit(*drawn.SUGGESTS_LAST)
        is_logged = chance.happens(*(drawn.LOGS_SLOW_SCAN if is_scan else drawn.LOGS_SLOW_QUERY))
        logged_last = chance.habit(*drawn.LOGS_SLOW_LAST)
        if logs and terms_first:
            spend(service, chance, "search.log_terms")
        if suggests and not suggests_last:
            spend(service, chance, "search.suggest")
        if is_logged and not logged_last:
            spend(service, chance, "slow_query.log")
        if is_new:
            with self._tracer.start_as_current_span("tenant.scope"):
                caller = with_context(service, chance, caller)
                self._query_index(chance, caller, page, is_scan=is_scan)
        elif chance.happens(*drawn.RENEWS_CACHE, turn=page):
            spend(service, chance, "cache.put")
        if logs and not terms_first:
            spend(service, chance, "search.log_terms")
        if suggests and suggests_last:
            spend(service, chance, "search.suggest")
        if is_logged and logged_last:
            spend(service, chance, "slow_query.log")
        self._database.read_back(chance, caller)
        if not is_scan and chance.happens(*drawn.LOSES_SPAN):
            service.lose(request.span)
        return Answer(200)

    def update(self, request: Request) -> Answer:
        """Change one record, unless its tenant is suspended or somebody else holds the lock for too long."""
        service, chance, caller = self._service, request.chance, Caller.of(request)
        is_valid = chance.habit(*drawn.IS_VALID)
        is_mixed_up = is_valid and service.suffers(CROSS_TENANT, chance)
        is_saved = False
        if chance.habit(*drawn.VALIDATES):
            spend(service, chance, "record.validate")
        self._evict(chance, is_last=False, is_mixed_up=is_mixed_up)
        if is_valid:
            with self._tracer.start_as_current_span("tenant.scope"):
                caller = with_context(service, chance, caller)
                tenant = self._tenant_of_scope(chance, caller, is_mixed_up=is_mixed_up)
                self._database.query(chance, tenant, "current record", drawn.CUSTOMERS, "read")
                is_saved = not caller.is_suspended and self._save(chance, caller)
                if is_saved and chance.habit(*drawn.FILLS_CACHE):
                    spend(service, chance, "cache.put")
        self._evict(chance, is_last=True, is_mixed_up=is_mixed_up)
        if is_saved and chance.happens(*drawn.IS_SENSITIVE):
            by_requester = chance.habit(*drawn.BY_REQUESTER)
            actor = caller.user if by_requester else chance.new_id(*drawn.SERVICE_ACCOUNT)
            write_audit(service, [("customer.updated", actor)])
        if not chance.habit(*drawn.VALIDATES_ONCE):
            spend(service, chance, "record.validate")
        self._database.read_back(chance, caller)
        if not is_valid:
            return Answer(422)
        if caller.is_suspended:
            return Answer(403)
        return Answer(200 if is_saved else 409)

    def export(self, request: Request) -> Answer:
        """Write a job and hand it to the worker; suspended tenants may take their data out without one."""
        chance, caller, database = request.chance, Caller.of(request), self._database
        if chance.habit(*drawn.IS_NEW_JOB):
            with self._tracer.start_as_current_span("tenant.scope"):
                caller = with_context(self._service, chance, caller)
                if not caller.is_suspended:
                    database.begin(chance)
                    database.query(chance, caller.tenant, "new job", drawn.JOBS, "write")
                    database.commit(chance)
                elif chance.happens(*drawn.ASKS_JOBS):
                    database.query(chance, caller.tenant, "jobs", drawn.JOBS, "read")
        self._service.publish("exports", "reports", caller.as_body())
        database.read_back(chance, caller)
        return Answer(202)

    def _query_record(self, chance: Chance, caller: Caller, *, is_mixed_up: bool) -> None:
        """Read what the cache lacks: the record, or only the catalogue."""
        if not chance.happens(*drawn.IS_RECORD_CACHED):
            tenant = self._tenant_of_scope(chance, caller, is_mixed_up=is_mixed_up)
            self._database.query(chance, tenant, "record", drawn.CUSTOMERS, "read")
            if chance.habit(*drawn.FILLS_CACHE):
                spend(self._service, chance, "cache.put")
        if chance.happens(*drawn.NEEDS_CATALOG):
            self._database.query(chance, caller.tenant, "catalog", drawn.CATALOG, "read")

    def _query_index(self, chance: Chance, caller: Caller, page: int, *, is_scan: bool) -> None:
        """Ask the index, and often for the facets at the same time."""
        query = partial(self._database.query, chance, caller.tenant)
        table = chance.pick(*drawn.SEARCH_TABLE)
        tasks = [lambda: query("search", table, "read", turn=page, is_scan=is_scan)]
        if chance.happens(*drawn.NEEDS_FACETS):
            tasks.append(lambda: query("facets", drawn.EVENTS, "read", turn=page))
        self._service.side_by_side(*tasks)

    def _tenant_of_scope(self, chance: Chance, caller: Caller, *, is_mixed_up: bool) -> str:
        """Return the tenant of the cached scope, which is another one where the key did not tell them apart."""
        if not is_mixed_up:
            return caller.tenant
        return drawn.other_tenant(drawn.TENANTS.index(caller.tenant), chance.integer(*drawn.STALE_SHIFT))

    def _evict(self, chance: Chance, *, is_last: bool, is_mixed_up: bool) -> None:
        """Evict something from the cache, if that is wanted at this point."""
        evicts = chance.happens(*(drawn.EVICTS_AFTER_MIX_UP if is_mixed_up else drawn.EVICTS))
        if evicts and chance.habit(*drawn.EVICTS_LAST) == is_last:
            spend(self._service, chance, "cache.evict")

    def _save(self, chance: Chance, caller: Caller) -> bool:
        """Write the record in up to three transactions, and return whether one of them could be committed."""
        database = self._database
        meters, meters_first = chance.happens(*drawn.METERS_WRITE), chance.happens(*drawn.METERS_FIRST)
        uses_counters = chance.habit(*drawn.USES_COUNTERS)
        meter_table = drawn.COUNTERS if uses_counters else chance.pick(*drawn.METER_TABLE)
        is_usual = chance.habit(*drawn.USUAL_UPDATE)
        table = drawn.CUSTOMERS if is_usual else chance.pick(*drawn.UPDATE_TABLE)
        earlier = 0 if chance.habit(*drawn.NUMBERS_FROM_ONE) else drawn.EARLIER_ATTEMPTS
        if meters and meters_first:
            database.query(chance, caller.tenant, "meter", meter_table, "write")
        is_saved = False
        for attempt in range(1, _MAX_ATTEMPTS + 1):
            is_locked = not chance.habit(*drawn.GETS_LOCK, turn=attempt)
            database.begin(chance, attempt=earlier + attempt)
            database.query(chance, caller.tenant, "update", table, "write", turn=attempt, is_locked=is_locked)
            if not is_locked:
                database.commit(chance)
                is_saved = True
                break
        if meters and not meters_first:
            database.query(chance, caller.tenant, "meter", meter_table, "write")
        return is_saved


def serve_records(service: Service) -> None:
    """Register the handlers of the customers' records."""
    records = _Records(service)
    service.route("GET", "/records/{id}")(records.read)
    service.route("POST", "/records/search")(records.search)
    service.route("PUT", "/records/{id}")(records.update)
    service.route("POST", "/exports")(records.export)
