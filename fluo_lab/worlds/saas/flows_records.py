"""Simulated visits to the customers' records: read one, search them, update one."""

from __future__ import annotations

import numpy as np

from fluo_lab.worlds.saas import drawn
from fluo_lab.worlds.saas.flows_gateway import Arrival, is_passed_on, receive
from fluo_lab.worlds.saas.flows_tenancy import (
    AuditRecord,
    Caller,
    begin,
    choose,
    commit,
    dawdle,
    either,
    load_context,
    query,
    read_back,
    spend,
    write_audit,
)
from fluo_lab.worlds.saas.incidents import CROSS_TENANT, UNSCOPED
from fluo_lab.worlds.simulated import Flow, Step, Texts
from fluo_lab.worlds.simulated.values import Mask

__all__ = ["read", "search", "update"]

_MAX_ATTEMPTS = 3
_SECOND_PAGE_US = 2_500_000


def _tenant_of_query(flow: Flow, caller: Caller, is_mixed_up: Mask) -> Texts:
    """Return the tenant that the cached scope names: another one where the cache mixed them up."""
    shift = np.where(is_mixed_up, flow.chances.integer(*drawn.STALE_SHIFT), 0)
    return Texts((caller.tenant.codes + shift) % len(drawn.TENANTS), drawn.TENANTS)


def _evicts(flow: Flow, is_mixed_up: Mask) -> tuple[Mask, Mask]:
    """Return where something is evicted from the cache, and where that comes last."""
    chances = flow.chances
    evicts = np.where(is_mixed_up, chances.happens(*drawn.EVICTS_AFTER_MIX_UP), chances.happens(*drawn.EVICTS))
    return evicts, chances.habit(*drawn.EVICTS_LAST)


def read(flow: Flow) -> None:
    """Open a customer's record."""
    chances = flow.chances
    path = "/customers/" + flow.ids(*drawn.CUSTOMER)
    with receive(flow, "GET", "/customers/{id}", path=path) as arrival:
        step, caller = arrival.step, arrival.caller
        is_cached = chances.happens(*drawn.IS_RECORD_CACHED)
        needs_catalog = chances.happens(*drawn.NEEDS_CATALOG)
        mixed_up = flow.suffers(CROSS_TENANT, arrival.is_passed_on & ~is_cached)
        record = "/records/" + flow.ids(*drawn.CUSTOMER)
        with step.call("data", "GET", "/records/{id}", path=record, where=arrival.is_passed_on) as server:
            dawdle(server, "records")
            applies, applies_last = chances.habit(*drawn.APPLIES_POLICY), chances.habit(*drawn.POLICY_LAST)
            spend(server, "policy.apply", 100, 1_500, where=applies & ~applies_last)
            has_empty_unit = is_cached & ~chances.habit(*drawn.NO_EMPTY_UNIT)
            spend(server, "unit_of_work", 60, 700, where=has_empty_unit)
            evicts, evicts_last = _evicts(flow, mixed_up)
            spend(server, "cache.evict", 80, 900, where=evicts & ~evicts_last)
            asks_cache = chances.habit(*drawn.USES_RECORD_CACHE)
            needs_query = ~is_cached | needs_catalog
            has_scope = asks_cache | needs_query
            in_snapshot = chances.happens(*drawn.NEEDS_SNAPSHOT)
            inside = has_scope & chances.habit(*drawn.SNAPSHOT_IN_SCOPE)
            begin(server, where=in_snapshot & ~inside)
            with server.span("tenant.scope", where=has_scope) as scope:
                begin(scope, where=in_snapshot & inside)
                spend(scope, "cache.get", 60, 900, where=asks_cache, attributes={"cache.hit": is_cached})
                load_context(scope, caller, "request", where=arrival.lacks_context & needs_query)
                tenant = _tenant_of_query(flow, caller, mixed_up)
                query(scope, caller, "record", drawn.CUSTOMERS, "read", where=~is_cached, tenant=tenant)
                spend(scope, "cache.put", 60, 900, where=~is_cached & chances.habit(*drawn.FILLS_CACHE))
                query(scope, caller, "catalog", drawn.CATALOG, "read", where=needs_catalog)
                dawdle(scope, "scope")
                commit(scope, where=in_snapshot & inside)
            spend(server, "cache.evict", 80, 900, where=evicts & evicts_last)
            commit(server, where=in_snapshot & ~inside)
            spend(server, "policy.apply", 100, 1_500, where=applies & applies_last)
            read_back(server, caller, where=~arrival.lacks_context | needs_query)
            server.lose(~mixed_up & chances.happens(*drawn.LOSES_SPAN))


def search(flow: Flow) -> None:
    """Search, and seldom ask for a second page."""
    is_open = is_passed_on(flow) & flow.chances.habit(*drawn.IS_SEARCH_NEW)
    has_second = flow.chances.happens(*drawn.SECOND_PAGE)
    is_scan = flow.suffers(UNSCOPED, is_open)
    flow.suffers(UNSCOPED, is_open & has_second, parts=(1,))
    for part, where, after_us in ((0, flow.everybody(), 0), (1, has_second, _SECOND_PAGE_US)):
        with receive(flow, "POST", "/search", where=where, part=part, after_us=after_us) as arrival:
            _search_records(arrival, is_scan, part)


def _search_records(arrival: Arrival, is_scan: Mask, page: int) -> None:
    step, caller = arrival.step, arrival.caller
    flow, chances = step.flow, step.flow.chances
    with step.call("data", "POST", "/records/search", where=arrival.is_passed_on) as server:
        dawdle(server, "records")
        is_new = chances.habit(*drawn.IS_SEARCH_NEW)
        logs, terms_first = chances.habit(*drawn.LOGS_TERMS), chances.habit(*drawn.TERMS_FIRST)
        suggests, suggests_last = chances.habit(*drawn.SUGGESTS), chances.habit(*drawn.SUGGESTS_LAST)
        is_logged = np.where(is_scan, chances.happens(*drawn.LOGS_SLOW_SCAN), chances.happens(*drawn.LOGS_SLOW_QUERY))
        logged_last = chances.habit(*drawn.LOGS_SLOW_LAST)
        spend(server, "search.log_terms", 40, 500, where=logs & terms_first)
        spend(server, "search.suggest", 200, 3_000, where=suggests & ~suggests_last)
        spend(server, "slow_query.log", 40, 400, where=is_logged & ~logged_last)
        spend(server, "cache.put", 60, 900, where=~is_new & chances.happens(*drawn.RENEWS_CACHE, turn=page))
        with server.span("tenant.scope", where=is_new) as scope:
            load_context(scope, caller, "request", where=arrival.lacks_context)
            together_ns = scope.now_ns.copy()
            table = flow.pick(*drawn.SEARCH_TABLE)
            query(scope, caller, "search", table, "read", turn=page, is_scan=is_scan, at_ns=together_ns)
            has_facets = chances.happens(*drawn.NEEDS_FACETS)
            query(scope, caller, "facets", drawn.EVENTS, "read", where=has_facets, turn=page, at_ns=together_ns)
            dawdle(scope, "scope")
        spend(server, "search.log_terms", 40, 500, where=logs & ~terms_first)
        spend(server, "search.suggest", 200, 3_000, where=suggests & suggests_last)
        spend(server, "slow_query.log", 40, 400, where=is_logged & logged_last)
        read_back(server, caller, where=~arrival.lacks_context | is_new)
        server.lose(~is_scan & chances.happens(*drawn.LOSES_SPAN))


def update(flow: Flow) -> None:
    """Change a customer's record."""
    chances = flow.chances
    path = "/customers/" + flow.ids(*drawn.CUSTOMER)
    with receive(flow, "PUT", "/customers/{id}", path=path) as arrival:
        step, caller = arrival.step, arrival.caller
        is_valid = chances.habit(*drawn.IS_VALID)
        mixed_up = flow.suffers(CROSS_TENANT, arrival.is_passed_on & is_valid)
        record = "/records/" + flow.ids(*drawn.CUSTOMER)
        with step.call("data", "PUT", "/records/{id}", path=record, where=arrival.is_passed_on) as server:
            dawdle(server, "records")
            spend(server, "record.validate", 80, 1_200, where=chances.habit(*drawn.VALIDATES))
            evicts, evicts_last = _evicts(flow, mixed_up)
            spend(server, "cache.evict", 80, 900, where=evicts & ~evicts_last)
            with server.span("tenant.scope", where=is_valid) as scope:
                load_context(scope, caller, "request", where=arrival.lacks_context)
                tenant = _tenant_of_query(flow, caller, mixed_up)
                query(scope, caller, "current record", drawn.CUSTOMERS, "read", tenant=tenant)
                is_saved = is_valid & _save(scope, caller)
                dawdle(scope, "scope")
                spend(scope, "cache.put", 60, 900, where=is_saved & chances.habit(*drawn.FILLS_CACHE))
            spend(server, "cache.evict", 80, 900, where=evicts & evicts_last)
            by_requester = chances.habit(*drawn.BY_REQUESTER)
            actor = choose(by_requester, caller.user, flow.ids(*drawn.SERVICE_ACCOUNT))
            is_sensitive = is_saved & chances.happens(*drawn.IS_SENSITIVE)
            write_audit(server, [AuditRecord("customer.updated", actor, flow.everybody())], where=is_sensitive)
            spend(server, "record.validate", 80, 1_200, where=~chances.habit(*drawn.VALIDATES_ONCE))
            read_back(server, caller, where=~arrival.lacks_context | is_valid)
            status = np.where(caller.is_suspended, 403, np.where(is_saved, 200, 409))
            status = np.where(is_valid, status, 422)
            server.answer(status)
        arrival.answer_passed_on(status)


def _save(scope: Step, caller: Caller) -> Mask:
    """Write the record in up to three transactions, and return where one of them could be committed."""
    flow, chances = scope.flow, scope.flow.chances
    meters, meters_first = chances.happens(*drawn.METERS_WRITE), chances.happens(*drawn.METERS_FIRST)
    meter_table = either(chances.habit(*drawn.USES_COUNTERS), drawn.COUNTERS, flow.pick(*drawn.METER_TABLE))
    may_write = ~caller.is_suspended
    query(scope, caller, "meter", meter_table, "write", where=may_write & meters & meters_first)
    table = either(chances.habit(*drawn.USUAL_UPDATE), drawn.CUSTOMERS, flow.pick(*drawn.UPDATE_TABLE))
    earlier = np.where(chances.habit(*drawn.NUMBERS_FROM_ONE), 0, drawn.EARLIER_ATTEMPTS)
    is_open, is_saved = may_write, flow.nobody()
    for attempt in range(1, _MAX_ATTEMPTS + 1):
        is_locked = ~chances.habit(*drawn.GETS_LOCK, turn=attempt)
        begin(scope, where=is_open, attempt=earlier + attempt)
        query(scope, caller, "update", table, "write", where=is_open, turn=attempt, is_locked=is_locked)
        commit(scope, where=is_open & ~is_locked)
        is_saved = is_saved | (is_open & ~is_locked)
        is_open = is_open & is_locked
    query(scope, caller, "meter", meter_table, "write", where=may_write & meters & ~meters_first)
    return is_saved
