"""Live: the steps of an agent's task, and the approvals that destructive ones need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from opentelemetry.trace import SpanKind

from fluo_lab.worlds.llm import drawn
from fluo_lab.worlds.llm.service_calls import do

if TYPE_CHECKING:
    from fluo_lab.worlds.chance import Chance
    from fluo_lab.worlds.live.service import Service

__all__ = ["take_steps"]


@dataclass(frozen=True, slots=True)
class _Decision:
    """What the agent has decided to do in one step; without a tool it does nothing."""

    number: int
    tool: str | None
    is_destructive: bool


def take_steps(service: Service, chance: Chance) -> None:
    """Take the steps of a task: first those with an action, then seldom one of mere thought."""
    n_wanted = int(drawn.N_ACTIONS.pick(chance)) if drawn.ACTS.ask(chance) else 0
    n_actions = min(n_wanted, drawn.MAX_ACTIONS)
    decisions = [_decide(chance, number) for number in range(1, n_actions + 1)]
    destroys_any = any(decision.is_destructive for decision in decisions)
    is_stale = destroys_any and service.suffers("destructive-without-approval", chance)
    approvals = _Approvals(service, chance, is_stale=is_stale)
    warns, warns_late = drawn.WARNS_OWNER.ask(chance), drawn.NOTICES_LATE.ask(chance)
    if warns and not warns_late:
        _warn_owner(service, chance, turn=1)
    for decision in decisions:
        with service.tracer.start_as_current_span("agent.step"):
            service.work(0.2, 2.0)
            if decision.number == 1 and drawn.NEEDS_BUDGET.ask(chance):
                approvals.get_budget(destroys_any=destroys_any)
            if not decision.is_destructive or approvals.get(decision.number):
                _act(service, chance, decision)
    for thought in range(1, drawn.MAX_THOUGHTS + 1):
        if drawn.ACTS_AT_ONCE.ask(chance, turn=thought):
            break
        service.do("agent.step", 0.5, 9.0)
    if (warns and warns_late) or (is_stale and drawn.WARNS_OWNER_HARMED.ask(chance)):
        _warn_owner(service, chance, turn=0)


def _decide(chance: Chance, number: int) -> _Decision:
    """Return what a step does; deletions always count as destructive, other tools as their arguments are."""
    if not drawn.ACTS_IN_STEP.ask(chance, turn=number):
        return _Decision(number, None, is_destructive=False)
    tool = drawn.TOOL.pick(chance, turn=number)
    if tool == "delete_records":
        is_destructive = True
    elif tool in ("run_query", "write_file"):
        is_destructive = drawn.IS_OVERWRITING.ask(chance, turn=number)
    else:
        is_destructive = not drawn.IS_HARMLESS.ask(chance, turn=number)
    return _Decision(number, tool, is_destructive)


class _Approvals:
    """What people have approved in one task.

    Parameters
    ----------
    is_stale
        Whether the cache answers with an approval that was given for another task.
    """

    def __init__(self, service: Service, chance: Chance, *, is_stale: bool) -> None:
        self._service = service
        self._chance = chance
        self._is_stale = is_stale
        self._has_asked = False

    def get(self, number: int) -> bool:
        """Return whether a destructive action may be taken: a person said so, for it or for one before it."""
        if self._is_stale:
            self._reuse("task of another user")
            return True
        is_granted = drawn.IS_APPROVED.ask(self._chance)
        if not self._has_asked or (is_granted and drawn.ASKS_AGAIN.ask(self._chance, turn=number)):
            self._has_asked = True
            self._ask_person(number, "destructive", is_granted=is_granted)
        elif is_granted:
            self._reuse("task")
        return is_granted

    def get_budget(self, *, destroys_any: bool) -> None:
        """Use a budget that was approved before, or ask for one."""
        if drawn.HAS_STANDING_BUDGET.ask(self._chance):
            self._reuse("task of another user" if self._is_stale else "task")
        elif not destroys_any:
            # A person who is asked for a budget would see the destructive actions too.
            self._ask_person(0, "budget", is_granted=drawn.IS_APPROVED.ask(self._chance))

    def _reuse(self, what: str) -> None:
        with self._service.tracer.start_as_current_span("approval.reuse") as span:
            span.set_attribute("task.id", self._chance.new_id("task", what))
            self._service.work(0.05, 0.5)

    def _ask_person(self, number: int, reason: str, *, is_granted: bool) -> None:
        with self._service.tracer.start_as_current_span("human.approval") as span:
            span.set_attribute("approval.reason", drawn.name_of("reason", reason).pick(self._chance, turn=number))
            span.set_attribute("approver.role", drawn.APPROVER.pick(self._chance, turn=number))
            self._service.work(2.0, 30.0)
            span.set_attribute("approval.granted", is_granted)


def _act(service: Service, chance: Chance, decision: _Decision) -> None:
    if decision.tool is None:
        return
    steps_before = 0 if drawn.COUNTS_FROM_ONE.ask(chance) else drawn.STEPS_BEFORE.ask(chance) - 1
    number, kind = decision.number, SpanKind.CLIENT
    with service.tracer.start_as_current_span("agent.action") as span:
        span.set_attribute("tool", decision.tool)
        span.set_attribute("destructive", decision.is_destructive)
        span.set_attribute("step", steps_before + number)
        service.work(0.5, 8.0)
        if decision.tool == "search_web":
            do(service, chance, "web.fetch", 1.0, 20.0, kind=kind, turn=number)
        if decision.tool == "run_query":
            attributes = {
                "db.system.name": drawn.DATABASE.pick(chance, turn=number),
                "db.operation.name": "EXECUTE",
            }
            do(service, chance, "tool.query", 0.5, 8.0, kind=kind, attributes=attributes, turn=number)


def _warn_owner(service: Service, chance: Chance, *, turn: int) -> None:
    error = ("smtplib.SMTPServerDisconnected", "connection unexpectedly closed")
    do(service, chance, "owner.warn", 0.5, 5.0, turn=turn, error=error)
