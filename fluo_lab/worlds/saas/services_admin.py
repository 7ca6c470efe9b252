"""The console of the administrators: one action, or many at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluo_lab.worlds.live.service import Answer, Request, Service
from fluo_lab.worlds.saas import drawn
from fluo_lab.worlds.saas.incidents import BULK_WITHOUT_AUDIT
from fluo_lab.worlds.saas.services_tenancy import Caller, Database, list_value, spend, with_context, write_audit

if TYPE_CHECKING:
    from fluo_lab.worlds.chance import Chance

__all__ = ["serve_admin"]


class _Console:
    """Acts on the users of a tenant."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._tracer = service.tracer
        self._database = Database(service)

    def act(self, request: Request) -> Answer:
        """Act on one user; for a suspended tenant nothing is changed."""
        service, chance, caller = self._service, request.chance, Caller.of(request)
        action = list_value(chance, chance.pick(*drawn.ACTION), drawn.CUSTOM, rate=drawn.LISTED_ACTION)
        is_write = action in drawn.WRITING_ACTIONS
        is_allowed = chance.habit(*drawn.IS_ALLOWED)
        is_refused = caller.is_suspended and is_write
        self._authorize(chance)
        self._revoke(chance, is_allowed=is_allowed, is_last=False)
        if is_allowed and not is_refused and chance.habit(*drawn.NEEDS_ACTION):
            audits_first = chance.happens(*drawn.AUDITS_FIRST)
            actor = self._actor(chance, caller)
            if audits_first:
                write_audit(service, [(action, actor)])
            attributes = {"action": action, "user.id": actor}
            with self._tracer.start_as_current_span("admin.action", attributes=attributes):
                caller = with_context(service, chance, caller)
                self._change_user(chance, caller, action)
                if not audits_first:
                    write_audit(service, [(action, actor)])
        self._revoke(chance, is_allowed=is_allowed, is_last=True)
        self._finish(chance, caller)
        return Answer(200 if is_allowed and not is_refused else 403)

    def act_in_bulk(self, request: Request) -> Answer:
        """Deactivate the users of one list in one transaction, and send the audit records in one request."""
        service, chance, caller, part = self._service, request.chance, Caller.of(request), request.part
        is_allowed = chance.habit(*drawn.IS_ALLOWED)
        is_needed = is_allowed and chance.habit(*drawn.NEEDS_ACTION)
        is_open = is_needed and not chance.happens(*drawn.IS_SUSPENDED)
        is_unaudited = is_open and service.suffers(BULK_WITHOUT_AUDIT, chance)
        reports = chance.happens(*(drawn.REPORTS_FLUSH if is_unaudited else drawn.REPORTS_ODD_FLUSH))
        reports_last = chance.habit(*drawn.REPORTS_FLUSH_LAST)
        self._authorize(chance)
        if reports and not reports_last:
            spend(service, chance, "audit.report_flush")
        self._revoke(chance, is_allowed=is_allowed, is_last=False)
        if is_needed:
            caller = with_context(service, chance, caller)
            if not caller.is_suspended:
                self._deactivate(chance, caller, part, is_unaudited=is_unaudited)
        is_refused = is_needed and caller.is_suspended
        self._revoke(chance, is_allowed=is_allowed, is_last=True)
        if reports and reports_last:
            spend(service, chance, "audit.report_flush")
        self._finish(chance, caller)
        return Answer(200 if is_allowed and not is_refused else 403)

    def _deactivate(self, chance: Chance, caller: Caller, part: int, *, is_unaudited: bool) -> None:
        """Deactivate the users of a list."""
        acts, records = self._bulk_acts(chance, caller, part)
        if is_unaudited:
            # The buffer of the new client is closed after its first flush, which holds one record or none.
            records = records[: int(chance.happens(*drawn.FLUSHES_ONE, turn=part))]
        audits_first = chance.happens(*drawn.AUDITS_FIRST, turn=part)
        with self._tracer.start_as_current_span("tenant.scope"):
            if records and audits_first:
                write_audit(self._service, records)
            self._database.begin(chance)
            for number, (action, actor) in enumerate(acts):
                attributes = {"action": action, "user.id": actor}
                with self._tracer.start_as_current_span("admin.action", attributes=attributes):
                    turn = 10 * part + number
                    self._database.query(chance, caller.tenant, "deactivate", drawn.USERS, "write", turn=turn)
            self._database.commit(chance)
            if records and not audits_first:
                write_audit(self._service, records)

    def _finish(self, chance: Chance, caller: Caller) -> None:
        """Ask for the right once more, and look at the users once more, both of which are seldom needed."""
        if not chance.habit(*drawn.AUTHORIZES_ONCE):
            spend(self._service, chance, "admin.authorize")
        if not chance.habit(*drawn.NO_SNAPSHOT_AFTER):
            self._database.begin(chance)
            self._database.commit(chance)
        self._database.read_back(chance, caller)

    def _authorize(self, chance: Chance) -> None:
        if chance.habit(*drawn.AUTHORIZES):
            spend(self._service, chance, "admin.authorize")

    def _revoke(self, chance: Chance, *, is_allowed: bool, is_last: bool) -> None:
        """Revoke sessions, if that is wanted at this point."""
        if is_allowed and chance.happens(*drawn.REVOKES_SESSION) and chance.habit(*drawn.REVOKES_LAST) == is_last:
            spend(self._service, chance, "session.revoke")

    def _actor(self, chance: Chance, caller: Caller) -> str:
        """Return who acts: who is signed in, or the administrator whom support stands in for."""
        return caller.user if chance.habit(*drawn.ACTS_IN_PERSON) else chance.new_id(*drawn.PRINCIPAL)

    def _bulk_acts(
        self, chance: Chance, caller: Caller, part: int
    ) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        """Return what is done and who does it for each user of a list, and the same as audit records tell it."""
        actor = self._actor(chance, caller)
        n_users = chance.integer(*drawn.BULK_SIZE, turn=part, skew=drawn.BULK_SIZE_SKEW)
        if not chance.habit(*drawn.IS_SHORT_LIST, turn=part):
            n_users += drawn.LONGER
        last_action = drawn.BULK_ACTION if chance.habit(*drawn.NO_TRANSFER, turn=part) else drawn.TRANSFER
        last_actor = last_named = actor
        if not chance.habit(*drawn.HAS_NO_DELEGATE, turn=part):
            last_actor = chance.new_id(*drawn.DELEGATE)
            if chance.happens(*drawn.NAMES_DELEGATE, turn=part):
                last_named = last_actor
        usual = [(drawn.BULK_ACTION, actor)] * (n_users - 1)
        return [*usual, (last_action, last_actor)], [*usual, (last_action, last_named)]

    def _change_user(self, chance: Chance, caller: Caller, action: str) -> None:
        """Change the user or read about them; sessions are not kept in the database."""
        if action == drawn.LIST_SESSIONS:
            return
        with self._tracer.start_as_current_span("tenant.scope"):
            if action in drawn.WRITING_ACTIONS:
                self._database.begin(chance)
                self._database.query(chance, caller.tenant, "change user", drawn.USERS, "write")
                self._database.commit(chance)
            else:
                self._database.query(chance, caller.tenant, "list users", drawn.USERS, "read")


def serve_admin(service: Service) -> None:
    """Register the handlers of the console."""
    console = _Console(service)
    service.route("POST", "/actions")(console.act)
    service.route("POST", "/actions/bulk")(console.act_in_bulk)
