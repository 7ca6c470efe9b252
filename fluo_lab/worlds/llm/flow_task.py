"""Simulated: tasks that an agent carries out with tools."""

from __future__ import annotations

import numpy as np
import polars as pl

from fluo_lab.traces.schema import SpanKind
from fluo_lab.worlds.llm import drawn
from fluo_lab.worlds.llm.flow_calls import Attributes, do, generate, moderate, search, spend
from fluo_lab.worlds.llm.flow_messages import begin, check_prompt, conclude, track
from fluo_lab.worlds.simulated import Flow, Step, Texts
from fluo_lab.worlds.simulated.values import Mask

__all__ = ["run_tasks"]


def run_tasks(flow: Flow) -> None:
    """Add the spans of visits that give a task to an agent."""
    with flow.request("gateway", "POST", "/v1/tasks") as root:
        begin(root)
        has_quota = drawn.HAS_QUOTA.ask(flow.chances)
        with root.call("agent", "POST", "/v1/runs", where=has_quota) as server:
            spend(server, "runs", 200, 2_000)
            is_written = _run_agent(server)
        is_moderated = has_quota & (is_written | drawn.MODERATES_UNWRITTEN.ask(flow.chances))
        verdict = moderate(root, "task", where=is_moderated)
        conclude(root, has_quota, is_moderated & (verdict == 1), is_moderated & (verdict == 2))
        track(root, is_last=True)
        root.answer(np.where(has_quota, 200, 429))


def _run_agent(server: Step) -> Mask:
    """Return where a model wrote something."""
    flow, chances = server.flow, server.flow.chances
    nobody, conversation = flow.nobody(), flow.ids("conv", "conversation")
    task = flow.ids("task", "task")
    plans, reports = drawn.PLANS_AFRESH.ask(chances), drawn.REPORTS.ask(chances)
    searches, searches_first = ~drawn.WORKS_WITHOUT_SEARCH.ask(chances), drawn.SEARCHES_FIRST.ask(chances)
    attributes: Attributes = {"gen_ai.agent.name": flow.texts(drawn.AGENT), "task.id": task}
    with server.span("agent.run", attributes=attributes) as run:
        spend(run, "agent.run", 300, 3_000)
        search(run, where=searches & searches_first, times_out=nobody, may_lose=nobody)
        check_prompt(run, 0, where=plans)
        generate(run, "plan", where=plans, conversation=conversation, is_grounded=nobody)
        _ask_others(run)
        _take_steps(run, task)
        check_prompt(run, 1, where=reports & ~(plans & drawn.CHECKS_ONCE.ask(chances)))
        generate(run, "report", where=reports, conversation=conversation, is_grounded=nobody)
        search(run, where=searches & ~searches_first, times_out=nobody, may_lose=nobody)
    has_plan, has_report = (drawn.reaches_model(chances, purpose) for purpose in ("plan", "report"))
    return (plans & has_plan) | (reports & has_report)


def _ask_others(run: Step) -> None:
    """Let other agents do a part of the task."""
    flow = run.flow
    needs_help = flow.everybody()
    for number in range(1, drawn.MAX_HELPERS + 1):
        needs_help = needs_help & ~drawn.WORKS_ALONE.ask(flow.chances, turn=number)
        attributes: Attributes = {
            "gen_ai.agent.name": flow.texts(drawn.AGENT, turn=number),
            "task.id": flow.ids("task", "part of the task", turn=number),
        }
        with run.span("agent.run", where=needs_help, attributes=attributes) as other:
            spend(other, "other agent", 10_000, 900_000)


def _take_steps(run: Step, task: pl.Series) -> None:
    """Add the steps of a task: first those with an action, then seldom one of mere thought."""
    flow, chances = run.flow, run.flow.chances
    n_actions = np.where(drawn.ACTS.ask(chances), drawn.N_ACTIONS.code(chances) + 1, 0)
    numbers = range(1, drawn.MAX_ACTIONS + 1)
    tools = [flow.texts(drawn.TOOL, turn=number) for number in numbers]
    acts = [(n_actions >= number) & drawn.ACTS_IN_STEP.ask(chances, turn=number) for number in numbers]
    destroys = [acts[number - 1] & _is_destructive(flow, tools[number - 1], number) for number in numbers]
    destroys_any = np.any(destroys, axis=0)
    is_unapproved = flow.suffers("destructive-without-approval", run.where & destroys_any)
    may_destroy = is_unapproved | drawn.IS_APPROVED.ask(chances)
    warns, warns_late = drawn.WARNS_OWNER.ask(chances), drawn.NOTICES_LATE.ask(chances)
    approval = task.zip_with(pl.Series(~is_unapproved), flow.ids("task", "task of another user"))
    has_asked = flow.nobody()
    _warn_owner(run, where=warns & ~warns_late, turn=1)
    for number in numbers:
        tool, is_destructive = tools[number - 1], destroys[number - 1]
        with run.span("agent.step", where=n_actions >= number) as step:
            spend(step, "agent.step", 200, 2_000)
            if number == 1:
                _get_budget(step, approval, destroys_any)
            asks_again = drawn.IS_APPROVED.ask(chances) & drawn.ASKS_AGAIN.ask(chances, turn=number)
            asks = is_destructive & ~is_unapproved & (~has_asked | asks_again)
            _reuse(step, approval, where=is_destructive & ~asks & may_destroy)
            _ask_person(step, number, "destructive", where=asks)
            has_asked = has_asked | asks
            _act(step, number, tool, is_destructive, where=acts[number - 1] & (~is_destructive | may_destroy))
    thinks = flow.everybody()
    for thought in range(1, drawn.MAX_THOUGHTS + 1):
        thinks = thinks & ~drawn.ACTS_AT_ONCE.ask(chances, turn=thought)
        with run.span("agent.step", where=thinks) as step:
            spend(step, "thought", 1_000, 90_000)
    _warn_owner(run, where=(warns & warns_late) | (is_unapproved & drawn.WARNS_OWNER_HARMED.ask(chances)), turn=0)


def _is_destructive(flow: Flow, tool: Texts, number: int) -> Mask:
    """Return where a tool's call destroys something."""
    deletes, may_overwrite = tool.is_any("delete_records"), tool.is_any("run_query", "write_file")
    overwrites = may_overwrite & drawn.IS_OVERWRITING.ask(flow.chances, turn=number)
    harms = ~deletes & ~may_overwrite & ~drawn.IS_HARMLESS.ask(flow.chances, turn=number)
    return deletes | overwrites | harms


def _get_budget(step: Step, approval: pl.Series, destroys_any: Mask) -> None:
    """Use a budget that was approved before, or ask for one."""
    needs_one = drawn.NEEDS_BUDGET.ask(step.flow.chances)
    has_one = drawn.HAS_STANDING_BUDGET.ask(step.flow.chances)
    _reuse(step, approval, where=needs_one & has_one)
    # A person who is asked for a budget would see the destructive actions too.
    _ask_person(step, 0, "budget", where=needs_one & ~has_one & ~destroys_any)


def _reuse(step: Step, approval: pl.Series, *, where: Mask) -> None:
    with step.span("approval.reuse", where=where, attributes={"task.id": approval}) as reuse:
        spend(reuse, "approval.reuse", 50, 500)


def _ask_person(step: Step, number: int, reason: str, *, where: Mask) -> None:
    attributes: Attributes = {
        "approval.reason": step.flow.texts(drawn.name_of("reason", reason), turn=number),
        "approver.role": step.flow.texts(drawn.APPROVER, turn=number),
    }
    with step.span("human.approval", where=where, attributes=attributes) as approval:
        spend(approval, "human.approval", 1_500_000, 90_000_000)
        approval.note("approval.granted", drawn.IS_APPROVED.ask(step.flow.chances))


def _act(step: Step, number: int, tool: Texts, is_destructive: Mask, *, where: Mask) -> None:
    chances = step.flow.chances
    counts_from_one = drawn.COUNTS_FROM_ONE.ask(chances)
    attributes: Attributes = {
        "tool": tool,
        "destructive": is_destructive,
        "step": number + np.where(counts_from_one, 0, drawn.STEPS_BEFORE.ask(chances) - 1),
    }
    with step.span("agent.action", where=where, attributes=attributes) as action:
        spend(action, "agent.action", 500, 30_000)
        fetches, kind = tool.is_any("search_web"), SpanKind.CLIENT
        do(action, "web.fetch", 20_000, 900_000, where=fetches, kind=kind, turn=number)
        do(
            action,
            "tool.query",
            1_000,
            60_000,
            where=tool.is_any("run_query"),
            kind=kind,
            attributes={
                "db.system.name": step.flow.texts(drawn.DATABASE, turn=number),
                "db.operation.name": "EXECUTE",
            },
            turn=number,
        )


def _warn_owner(run: Step, *, where: Mask, turn: int) -> None:
    error = ("smtplib.SMTPServerDisconnected", "connection unexpectedly closed")
    do(run, "owner.warn", 1_000, 9_000, where=where, turn=turn, error=error)
