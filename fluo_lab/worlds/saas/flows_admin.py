"""Simulated administration: one action, or many at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

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
    list_value,
    load_context,
    query,
    read_back,
    spend,
    write_audit,
)
from fluo_lab.worlds.saas.incidents import BULK_WITHOUT_AUDIT
from fluo_lab.worlds.simulated import Flow, Step, Texts
from fluo_lab.worlds.simulated.values import Mask, Value

__all__ = ["act", "act_in_bulk"]

_SECOND_LIST_US = 1_200_000


def act(flow: Flow) -> None:
    """Act on one user, as an administrator does."""
    chances = flow.chances
    action = list_value(flow, flow.pick(*drawn.ACTION), drawn.CUSTOM, rate=drawn.LISTED_ACTION)
    is_write = action.is_any(*drawn.WRITING_ACTIONS)
    late = chances.happens(*drawn.LOADS_CONTEXT_LATE) & ~chances.happens(*drawn.IS_SUSPENDED)
    with receive(flow, "POST", "/admin/actions", loads_context=~late) as arrival:
        step, caller = arrival.step, arrival.caller
        may_act, acts = _may_act(flow)
        is_refused = caller.is_suspended & is_write
        acts = acts & ~is_refused
        with step.call("admin", "POST", "/actions", where=arrival.is_passed_on) as server:
            dawdle(server, "admin")
            _authorize(server)
            revokes, revokes_last = _revokes(flow)
            spend(server, "session.revoke", 100, 1_500, where=may_act & revokes & ~revokes_last)
            audits_first = chances.happens(*drawn.AUDITS_FIRST)
            actor = _actor(caller)
            records = [AuditRecord(action, actor, flow.everybody())]
            write_audit(server, records, where=acts & audits_first)
            attributes: dict[str, Value] = {"action": action, "user.id": actor}
            with server.span("admin.action", where=acts, attributes=attributes) as acting:
                load_context(acting, caller, "request", where=late)
                _change_user(acting, caller, action)
                write_audit(acting, records, where=~audits_first)
            spend(server, "session.revoke", 100, 1_500, where=may_act & revokes & revokes_last)
            _finish(server, caller, has_context=~late | acts)
            status = np.where(may_act & ~is_refused, 200, 403)
            server.answer(status)
        arrival.answer_passed_on(status)


def _may_act(flow: Flow) -> tuple[Mask, Mask]:
    """Return where the administrator is allowed to act, and where there is something left to do besides."""
    is_allowed = flow.chances.habit(*drawn.IS_ALLOWED)
    return is_allowed, is_allowed & flow.chances.habit(*drawn.NEEDS_ACTION)


def _authorize(server: Step) -> None:
    spend(server, "admin.authorize", 80, 1_200, where=server.flow.chances.habit(*drawn.AUTHORIZES))


def _finish(server: Step, caller: Caller, *, has_context: Mask) -> None:
    """Ask for the right once more, and look at the users once more, both of which are seldom needed."""
    chances = server.flow.chances
    spend(server, "admin.authorize", 80, 1_200, where=~chances.habit(*drawn.AUTHORIZES_ONCE))
    in_snapshot = ~chances.habit(*drawn.NO_SNAPSHOT_AFTER)
    begin(server, where=in_snapshot)
    commit(server, where=in_snapshot)
    read_back(server, caller, where=has_context)


def _revokes(flow: Flow) -> tuple[Mask, Mask]:
    """Return where sessions are revoked, and where that comes last."""
    return flow.chances.happens(*drawn.REVOKES_SESSION), flow.chances.habit(*drawn.REVOKES_LAST)


def _actor(caller: Caller) -> pl.Series:
    """Return who acts: who is signed in, or the administrator whom support stands in for."""
    in_person = caller.flow.chances.habit(*drawn.ACTS_IN_PERSON)
    return choose(in_person, caller.user, caller.flow.ids(*drawn.PRINCIPAL))


def _change_user(acting: Step, caller: Caller, action: Texts) -> None:
    """Change the user or read about them; sessions are not kept in the database."""
    is_write = action.is_any(*drawn.WRITING_ACTIONS)
    with acting.span("tenant.scope", where=~action.is_any(drawn.LIST_SESSIONS)) as scope:
        begin(scope, where=is_write)
        query(scope, caller, "change user", drawn.USERS, "write", where=is_write)
        commit(scope, where=is_write)
        query(scope, caller, "list users", drawn.USERS, "read", where=~is_write)
        dawdle(scope, "scope")


def act_in_bulk(flow: Flow) -> None:
    """Deactivate many users; long lists are sent in two requests."""
    chances = flow.chances
    is_open = is_passed_on(flow) & _may_act(flow)[1] & ~chances.happens(*drawn.IS_SUSPENDED)
    has_second = chances.happens(*drawn.SECOND_LIST)
    is_unaudited = flow.suffers(BULK_WITHOUT_AUDIT, is_open)
    flow.suffers(BULK_WITHOUT_AUDIT, is_open & has_second, parts=(1,))
    for part, where, after_us in ((0, flow.everybody(), 0), (1, has_second, _SECOND_LIST_US)):
        with receive(flow, "POST", "/admin/actions/bulk", where=where, part=part, after_us=after_us) as arrival:
            _deactivate(arrival, is_unaudited, part)


def _deactivate(arrival: Arrival, is_unaudited: Mask, part: int) -> None:
    """Deactivate the users of one list in one transaction."""
    step, caller = arrival.step, arrival.caller
    chances = step.flow.chances
    is_short = chances.habit(*drawn.IS_SHORT_LIST, turn=part)
    n_users = chances.integer(*drawn.BULK_SIZE, turn=part, skew=drawn.BULK_SIZE_SKEW)
    n_users += np.where(is_short, 0, drawn.LONGER)
    most = drawn.BULK_SIZE[2] + drawn.LONGER
    n_records = np.where(is_unaudited, chances.happens(*drawn.FLUSHES_ONE, turn=part).astype(np.int64), n_users)
    acts = [_bulk_act(caller, n_users == i + 1, part) for i in range(most)]
    records = [AuditRecord(act.event, act.named, i < n_records) for i, act in enumerate(acts)]
    reports = np.where(is_unaudited, chances.happens(*drawn.REPORTS_FLUSH), chances.happens(*drawn.REPORTS_ODD_FLUSH))
    reports_last = chances.habit(*drawn.REPORTS_FLUSH_LAST)
    may_act, is_needed = _may_act(step.flow)
    with step.call("admin", "POST", "/actions/bulk", where=arrival.is_passed_on) as server:
        dawdle(server, "admin")
        _authorize(server)
        spend(server, "audit.report_flush", 60, 700, where=reports & ~reports_last)
        revokes, revokes_last = _revokes(step.flow)
        spend(server, "session.revoke", 100, 1_500, where=may_act & revokes & ~revokes_last)
        load_context(server, caller, "request", where=arrival.lacks_context & is_needed)
        audits_first = chances.happens(*drawn.AUDITS_FIRST, turn=part)
        with server.span("tenant.scope", where=is_needed & ~caller.is_suspended) as scope:
            write_audit(scope, records, where=audits_first)
            begin(scope)
            for i, act in enumerate(acts):
                attributes: dict[str, Value] = {"action": act.event, "user.id": act.user}
                with scope.span("admin.action", where=i < n_users, attributes=attributes) as acting:
                    query(acting, caller, "deactivate", drawn.USERS, "write", turn=10 * part + i)
            commit(scope)
            dawdle(scope, "scope")
            write_audit(scope, records, where=~audits_first)
        spend(server, "session.revoke", 100, 1_500, where=may_act & revokes & revokes_last)
        spend(server, "audit.report_flush", 60, 700, where=reports & reports_last)
        _finish(server, caller, has_context=~arrival.lacks_context | is_needed)
        status = np.where(may_act & ~(is_needed & caller.is_suspended), 200, 403)
        server.answer(status)
    arrival.answer_passed_on(status)


@dataclass(frozen=True, slots=True, eq=False)
class _BulkAct:
    """What is done to one user of a list: what it is, who does it, and whom the audit record names."""

    event: Texts
    user: pl.Series
    named: pl.Series


def _bulk_act(caller: Caller, is_last: Mask, part: int) -> _BulkAct:
    """Return what is done to a user; the last of a list may differ from the others."""
    chances = caller.flow.chances
    actor, delegate = _actor(caller), caller.flow.ids(*drawn.DELEGATE)
    is_transfer = is_last & ~chances.habit(*drawn.NO_TRANSFER, turn=part)
    is_delegated = is_last & ~chances.habit(*drawn.HAS_NO_DELEGATE, turn=part)
    is_named = is_delegated & chances.happens(*drawn.NAMES_DELEGATE, turn=part)
    return _BulkAct(
        either(is_transfer, drawn.TRANSFER, drawn.BULK_ACTION),
        choose(is_delegated, delegate, actor),
        choose(is_named, delegate, actor),
    )
