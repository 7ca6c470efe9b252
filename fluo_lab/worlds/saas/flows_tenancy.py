"""What all simulated workflows share: who asks, the context of the tenant, and its queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fluo_lab.traces.schema import SpanKind
from fluo_lab.worlds.saas import drawn
from fluo_lab.worlds.simulated import Flow, Step, Texts
from fluo_lab.worlds.simulated.values import Mask, Value

__all__ = [
    "AuditRecord",
    "Caller",
    "begin",
    "choose",
    "commit",
    "dawdle",
    "either",
    "list_value",
    "load_context",
    "path_of",
    "query",
    "read_back",
    "spend",
    "write_audit",
]

Numbers = NDArray[np.int64]

_DAWDLE_NS = 3_500_000_000
_CONTEXT_LOADS = {"request": 0, "second tenant": 1, "third tenant": 2, "refresh": 3}


@dataclass(frozen=True, slots=True, eq=False)
class Caller:
    """Who asks, and for which tenant.

    Attributes
    ----------
    flow
        The visits.
    tenant, context_tenant
        The tenant, and the one whose context serves it: itself or its organisation.
    user
        Who is signed in.
    plan, row_limit
        What the tenant has bought.
    is_suspended, is_accepted
        Whether the tenant may not write, and whether the gateway lets the request in.
    """

    flow: Flow
    tenant: Texts
    context_tenant: Texts
    user: pl.Series
    plan: Texts
    row_limit: Numbers
    is_suspended: Mask
    is_accepted: Mask

    @classmethod
    def of(cls, flow: Flow, *, turn: int = 0) -> Caller:
        """Return who asks in each visit; ``turn`` numbers the tenants of a visit."""
        chances = flow.chances
        tenant = flow.pick(*drawn.TENANT, turn=turn)
        organisation = flow.pick(*drawn.ORGANISATION, turn=turn)
        has_own = chances.habit(*drawn.HAS_OWN_CONTEXT, turn=turn)
        plan = flow.pick(*drawn.PLAN, turn=turn)
        by_contract = 100 * chances.integer(*drawn.CONTRACT_LIMIT, turn=turn)
        has_standard = chances.habit(*drawn.HAS_STANDARD_LIMIT, turn=turn)
        return cls(
            flow=flow,
            tenant=tenant,
            context_tenant=Texts(
                np.where(has_own, tenant.codes, len(tenant.options) + organisation.codes),
                (*tenant.options, *organisation.options),
            ),
            user=flow.ids(*drawn.USER),
            plan=plan,
            row_limit=np.where(has_standard, np.array(drawn.PLAN_LIMITS)[plan.codes], by_contract),
            is_suspended=chances.happens(*drawn.IS_SUSPENDED) if turn == 0 else flow.nobody(),
            is_accepted=chances.happens(*drawn.IS_ACCEPTED),
        )


@dataclass(frozen=True, slots=True, eq=False)
class AuditRecord:
    """One audit record of some visits.

    Attributes
    ----------
    event
        What happened.
    user
        Who acted.
    where
        Which visits have it.
    """

    event: str | Texts
    user: pl.Series
    where: Mask


def path_of(caller: Caller) -> Texts:
    """Return the path of the context of the tenant."""
    return Texts(caller.tenant.codes, tuple(f"/tenants/{tenant}/context" for tenant in caller.tenant.options))


def load_context(step: Step, caller: Caller, occasion: str, *, where: Mask) -> None:
    """Ask the directory for the context of the tenant, a second time where it is not there at once."""
    chances, turn, path = step.flow.chances, _CONTEXT_LOADS[occasion], path_of(caller)
    comes_late = where & ~chances.habit(*drawn.CONTEXT_AT_ONCE, turn=turn)
    with step.call("tenancy", "GET", "/tenants/{id}/context", path=path, where=comes_late) as directory:
        with directory.span("tenant.read", where=chances.habit(*drawn.READS_BEFORE_ERROR)) as read:
            read.work("read tenant", 400, 5_000)
            read.fail(drawn.DIRECTORY_ERROR, drawn.DIRECTORY_MESSAGE)
        directory.answer(503)
    with step.call("tenancy", "GET", "/tenants/{id}/context", path=path, where=where) as directory:
        asks_cache = chances.habit(*drawn.USES_CONTEXT_CACHE, turn=turn)
        is_cached = chances.happens(*drawn.IS_CONTEXT_CACHED, turn=turn)
        spend(directory, "cache.get", 60, 900, where=asks_cache, attributes={"cache.hit": is_cached})
        spend(directory, "tenant.read", 400, 5_000, where=~is_cached)
        fills_cache = chances.habit(*drawn.FILLS_CONTEXT_CACHE, turn=turn)
        spend(directory, "cache.put", 60, 900, where=~is_cached & fills_cache)
        attributes: dict[str, Value] = {
            "tenant.id": caller.context_tenant,
            "tenant.plan": caller.plan,
            "tenant.row_limit": caller.row_limit,
        }
        spend(directory, "tenant.context_loaded", 100, 1_500, attributes=attributes)
        here = caller.is_suspended & chances.habit(*drawn.SUSPENSION_AT_TENANCY)
        spend(directory, "tenant.suspended", 30, 300, where=here)
        revalidates = is_cached & ~chances.habit(*drawn.NO_REVALIDATION, turn=turn)
        spend(directory, "tenant.read", 400, 5_000, where=revalidates)


def query(
    scope: Step,
    caller: Caller,
    purpose: str,
    table: str | Texts,
    operation: str,
    *,
    where: Mask | None = None,
    tenant: Texts | None = None,
    turn: int = 0,
    is_locked: Mask | None = None,
    is_scan: Mask | None = None,
    at_ns: Numbers | None = None,
) -> None:
    """Run a query of the tenant, seldom within a unit of work.

    Parameters
    ----------
    purpose
        What it is for; one of a visit's questions.
    tenant
        The tenant it runs for, where that is not the caller's.
    is_locked, is_scan
        Where it gets no lock, and where it drops the filter and so reads everything.
    """
    chances = scope.flow.chances
    here = scope.where if where is None else scope.where & where
    if isinstance(table, str):
        is_tenant_data = np.full(len(here), table in drawn.TENANT_TABLES)
    else:
        is_tenant_data = table.is_any(*drawn.TENANT_TABLES)
    is_filtered = is_tenant_data | chances.happens(f"filter: {purpose}", drawn.FILTERS_SHARED, turn=turn)
    nobody = scope.flow.nobody()
    is_scan, is_locked = (nobody if mask is None else mask for mask in (is_scan, is_locked))
    database = either(chances.habit(*drawn.MAIN_DATABASE), drawn.DATABASE, drawn.OTHER_DATABASE)
    attributes: dict[str, Value] = {
        "tenant.id": caller.tenant if tenant is None else tenant,
        "db.system.name": list_value(scope.flow, database, drawn.SYSTEM),
        "db.response.returned_rows": np.where(
            chances.habit(f"usual answer: {purpose}", drawn.IS_USUAL_ANSWER, turn=turn),
            chances.integer(f"rows: {purpose}", *drawn.ROWS, turn=turn),
            chances.integer(f"many rows: {purpose}", *drawn.MANY_ROWS, turn=turn),
        ),
        "table": table,
        "operation": operation,
        "tenant_filter": is_filtered & ~is_scan,
    }

    def run(parent: Step, mask: Mask, start_ns: Numbers | None) -> None:
        with parent.span(
            "database.query", where=mask, kind=SpanKind.CLIENT, attributes=attributes, at_ns=start_ns
        ) as statement:
            statement.work(purpose, 300, 9_000)
            statement.now_ns += np.where(is_scan, round(drawn.SCAN_S * 1e9), 0)
            if (is_locked & mask).any():
                statement.fail(drawn.LOCK_ERROR, drawn.LOCK_MESSAGE, where=is_locked)

    in_unit = chances.happens(f"unit of work: {purpose}", drawn.UNIT_OF_WORK, turn=turn)
    start_ns = scope.now_ns.copy() if at_ns is None else at_ns
    with scope.span("unit_of_work", where=here & in_unit, at_ns=start_ns) as unit:
        dawdle(unit, f"unit of work: {purpose}")
        run(unit, here & in_unit, None)
    run(scope, here & ~in_unit, start_ns)


def begin(scope: Step, *, where: Mask | None = None, attempt: Numbers | None = None) -> None:
    """Begin a transaction; attempts are numbered where they can be repeated."""
    numbered = None if attempt is None else {"attempt": attempt}
    spend(scope, "transaction.begin", 50, 500, where=where, attributes=numbered)


def commit(scope: Step, *, where: Mask | None = None) -> None:
    """Commit a transaction."""
    spend(scope, "transaction.commit", 200, 4_000, where=where)


def read_back(server: Step, caller: Caller, *, where: Mask | None = None) -> None:
    """Read once more after everything else, which is seldom needed."""
    chances = server.flow.chances
    here = ~chances.habit(*drawn.NO_READ_BACK)
    with server.span("tenant.scope", where=here if where is None else here & where) as scope:
        table = scope.flow.pick(*drawn.READ_BACK_TABLE)
        table = list_value(scope.flow, table, drawn.TEMPORARY, rate=drawn.READ_BACK_KNOWN)
        query(scope, caller, "read back", table, "read")


def write_audit(step: Step, records: Sequence[AuditRecord], *, where: Mask) -> None:
    """Send records to the audit trail in one request."""
    here = where & np.logical_or.reduce([record.where for record in records])
    with step.call("audit", "POST", "/audit-records", where=here) as server:
        for record in records:
            attributes: dict[str, Value] = {"user.id": record.user, "audit.event": record.event}
            spend(server, "audit.record", 150, 2_500, where=record.where, attributes=attributes)
        server.answer(201)


def dawdle(step: Step, what: str) -> None:
    """Let a long time pass in half of the visits of a counterfactual run, since only queries have a limit."""
    is_slow = ~step.flow.chances.habit(f"no pause: {what}", 1.0)
    step.now_ns += np.where(is_slow, _DAWDLE_NS, 0)


def either(where: Mask, text: str, other: str | Texts) -> Texts:
    """Return one text where the mask says so, and the other elsewhere."""
    if isinstance(other, str):
        return Texts(np.where(where, 0, 1), (text, other))
    return Texts(np.where(where, 0, 1 + other.codes), (text, *other.options))


def list_value(flow: Flow, listed: Texts, prefix: str, *, rate: float = drawn.LISTED, turn: int = 0) -> Texts:
    """Return the listed texts, and in their place seldom one that no list has."""
    chances = flow.chances
    is_listed = chances.habit(f"listed {prefix}", rate, turn=turn)
    number = chances.integer(f"number of {prefix}", 0, drawn.N_UNLISTED - 1, turn=turn)
    texts = (*listed.options, *(f"{prefix}-{n}" for n in range(drawn.N_UNLISTED)))
    used, codes = np.unique(np.where(is_listed, listed.codes, len(listed.options) + number), return_inverse=True)
    return Texts(codes, tuple(texts[code] for code in used.tolist()))


def choose(where: Mask, values: pl.Series, others: pl.Series) -> pl.Series:
    """Return the first values where the mask says so, and the second elsewhere."""
    return values.zip_with(pl.Series(where), others)


def spend(
    step: Step,
    name: str,
    low_us: int,
    high_us: int,
    *,
    where: Mask | None = None,
    attributes: Mapping[str, Value] | None = None,
) -> None:
    """Run a child span that only takes its time, seldom twice."""
    step.do(name, low_us, high_us, where=where, attributes=attributes)
    if name in drawn.REPEATABLE:
        is_again = ~step.flow.chances.habit(f"once: {name}", drawn.ONCE)
        here = is_again if where is None else is_again & where
        step.do(name, low_us, high_us, where=here, attributes=attributes)
