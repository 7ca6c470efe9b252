"""Simulated background work: exports that somebody asks for, and the nightly usage job."""

from __future__ import annotations

import numpy as np

from fluo_lab.worlds.saas import drawn
from fluo_lab.worlds.saas.flows_gateway import receive
from fluo_lab.worlds.saas.flows_tenancy import (
    AuditRecord,
    Caller,
    begin,
    choose,
    commit,
    dawdle,
    list_value,
    load_context,
    query,
    read_back,
    spend,
    write_audit,
)
from fluo_lab.worlds.simulated import Flow, Step
from fluo_lab.worlds.simulated.values import Mask, Value

__all__ = ["count_usage", "report"]


def report(flow: Flow) -> None:
    """Ask for a report, which a worker makes after the answer."""
    chances = flow.chances
    with receive(flow, "POST", "/reports") as arrival:
        step, caller = arrival.step, arrival.caller
        is_new = chances.habit(*drawn.IS_NEW_JOB)
        with step.call("data", "POST", "/exports", where=arrival.is_passed_on) as server:
            dawdle(server, "records")
            with server.span("tenant.scope", where=is_new) as scope:
                load_context(scope, caller, "request", where=arrival.lacks_context)
                may_write = ~caller.is_suspended
                # Suspended tenants may still take their data out, but no job of theirs is written.
                asks = caller.is_suspended & chances.happens(*drawn.ASKS_JOBS)
                query(scope, caller, "jobs", drawn.JOBS, "read", where=asks)
                begin(scope, where=may_write)
                query(scope, caller, "new job", drawn.JOBS, "write", where=may_write)
                commit(scope, where=may_write)
                dawdle(scope, "scope")
            lacks_context = arrival.lacks_context & ~is_new
            with server.publish("exports", to="reports", attributes={}) as worker:
                _export(worker, caller, lacks_context)
            read_back(server, caller, where=~lacks_context)
            server.answer(202)
        arrival.answer(202)


def _export(worker: Step, caller: Caller, lacks_context: Mask) -> None:
    """Make a report and store it; or store one that there is already."""
    flow, chances = worker.flow, worker.flow.chances
    is_made = ~chances.happens(*drawn.IS_REUSED)
    audits, audits_first = chances.happens(*drawn.REPORT_AUDITED), chances.happens(*drawn.REPORT_AUDIT_FIRST)
    by_requester = chances.habit(*drawn.BY_REQUESTER)
    actor = choose(by_requester, caller.user, flow.ids(*drawn.SERVICE_ACCOUNT))
    records = [AuditRecord("report.exported", actor, flow.everybody())]
    write_audit(worker, records, where=audits & audits_first)
    in_scope = chances.habit(*drawn.RENDERS_IN_SCOPE)
    n_chunks = chances.integer(*drawn.CHUNKS)
    with worker.span("tenant.scope", where=is_made & chances.habit(*drawn.HAS_EVENTS)) as scope:
        load_context(scope, caller, "request", where=lacks_context)
        for chunk in range(drawn.CHUNKS[2]):
            query(scope, caller, "chunk", drawn.EVENTS, "read", where=chunk < n_chunks, turn=chunk)
        dawdle(scope, "worker")
        _render(scope, caller, where=in_scope)
    _render(worker, caller, where=is_made & ~(in_scope & chances.habit(*drawn.HAS_EVENTS)))
    _hand_over(worker, is_made & _compresses_late(caller))
    write_audit(worker, records, where=audits & ~audits_first)


def _compresses(caller: Caller) -> Mask:
    plain = caller.flow.chances.habit(*drawn.PLAIN_SMALL)
    return (_rows(caller) > drawn.LARGE_ROWS) | ~plain


def _compresses_late(caller: Caller) -> Mask:
    return _compresses(caller) & ~caller.flow.chances.happens(*drawn.COMPRESSES_WHILE_RENDERING)


def _rows(caller: Caller) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the rows of the report: those wanted, up to the tenant's limit; none without events."""
    wanted = caller.flow.chances.integer(*drawn.ROWS_WANTED, skew=drawn.ROWS_WANTED_SKEW)
    return np.where(caller.flow.chances.habit(*drawn.HAS_EVENTS), np.minimum(wanted, caller.row_limit), 0)


def _render(step: Step, caller: Caller, *, where: Mask) -> None:
    flow = step.flow
    layout = list_value(flow, flow.pick(*drawn.FORMAT), drawn.LAYOUT)
    attributes: dict[str, Value] = {"report.rows": _rows(caller), "report.format": layout}
    with step.span("report render", where=where, attributes=attributes) as render:
        render.work("render", 1_000, 30_000)
        spend(render, "report.compress", 400, 9_000, where=_compresses(caller) & ~_compresses_late(caller))


def _hand_over(worker: Step, compresses: Mask) -> None:
    """Compress what has been rendered, store it and say so, in the usual order or in another."""
    chances = worker.flow.chances
    compresses_first, notifies_last = chances.habit(*drawn.COMPRESSES_FIRST), chances.habit(*drawn.NOTIFIES_LAST)
    notifies = chances.habit(*drawn.NOTIFIES)
    spend(worker, "report.compress", 400, 9_000, where=compresses & compresses_first)
    spend(worker, "report.notify", 200, 3_000, where=notifies & ~notifies_last)
    spend(worker, "report.store", 500, 12_000)
    spend(worker, "report.notify", 200, 3_000, where=notifies & notifies_last)
    spend(worker, "report.compress", 400, 9_000, where=compresses & ~compresses_first)


def count_usage(flow: Flow) -> None:
    """Count the usage of up to three tenants, as the scheduler asks each night."""
    chances = flow.chances
    first, second, third = (Caller.of(flow, turn=turn) for turn in range(3))
    has_first = chances.habit(*drawn.HAS_USAGE)
    has_second = has_first & ~first.is_suspended & chances.happens(*drawn.SECOND_TENANT)
    has_third = has_second & chances.happens(*drawn.THIRD_TENANT)
    with flow.request("edge", "POST", "/internal/jobs/usage") as root:
        dawdle(root, "gateway")
        meters, meters_last = chances.habit(*drawn.METERS_USAGE), chances.habit(*drawn.METERS_LAST)
        spend(root, "usage.meter", 500, 6_000, where=meters & ~meters_last)
        with root.call("reports", "POST", "/jobs/usage") as server, server.span("job.run") as job:
            dawdle(job, "job")
            for turn, name in enumerate(drawn.LEFT_OVER):
                spend(job, name, 200, 3_000, where=~chances.habit(*drawn.NOTHING_LEFT_OVER, turn=turn))
            rolls_up, rolls_up_last = chances.habit(*drawn.ROLLS_UP), chances.habit(*drawn.ROLLS_UP_LAST)
            spend(job, "usage.roll_up", 100, 2_000, where=rolls_up & ~rolls_up_last)
            _count_tenant(job, first, "request", 0, where=has_first)
            _count_tenant(job, second, "second tenant", 1, where=has_second)
            _count_tenant(job, third, "third tenant", 2, where=has_third)
            read_back(job, first, where=has_first)
            load_context(job, first, "refresh", where=has_first & ~chances.habit(*drawn.CONTEXT_STAYS_FRESH))
            spend(job, "usage.roll_up", 100, 2_000, where=rolls_up & rolls_up_last)
        spend(root, "usage.meter", 500, 6_000, where=meters & meters_last)


def _count_tenant(job: Step, caller: Caller, occasion: str, turn: int, *, where: Mask) -> None:
    load_context(job, caller, occasion, where=where)
    with job.span("tenant.scope", where=where) as scope:
        query(scope, caller, "usage", drawn.EVENTS, "read", turn=turn)
        may_write = ~caller.is_suspended
        begin(scope, where=may_write)
        query(scope, caller, "daily usage", drawn.USAGE, "write", where=may_write, turn=turn)
        commit(scope, where=may_write)
        dawdle(scope, f"scope of {occasion}")
