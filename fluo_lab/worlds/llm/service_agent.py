"""Live: the agent, which carries out tasks with tools and summarises documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.trace import SpanKind

from fluo_lab.worlds.live.requests import Answer
from fluo_lab.worlds.llm import drawn
from fluo_lab.worlds.llm.service_calls import check_prompt, do, generate, moderate
from fluo_lab.worlds.llm.service_steps import take_steps

if TYPE_CHECKING:
    from fluo_lab.worlds.chance import Chance
    from fluo_lab.worlds.live.requests import Request
    from fluo_lab.worlds.live.service import Service

__all__ = ["serve_agent"]


def serve_agent(service: Service) -> None:
    """Register the handlers of the agent."""
    tracer = service.tracer

    @service.route("POST", "/v1/runs")
    def run(request: Request) -> Answer:
        chance = request.chance
        plans, reports = drawn.PLANS_AFRESH.ask(chance), drawn.REPORTS.ask(chance)
        searches, searches_first = not drawn.WORKS_WITHOUT_SEARCH.ask(chance), drawn.SEARCHES_FIRST.ask(chance)
        is_planned = is_reported = False
        service.work(0.2, 2.0)
        with tracer.start_as_current_span("agent.run") as span:
            span.set_attribute("gen_ai.agent.name", drawn.AGENT.pick(chance))
            span.set_attribute("task.id", chance.new_id("task", "task"))
            if searches and searches_first:
                service.call("retrieval", "POST", "/v1/search")
            if plans:
                check_prompt(service, chance, 0)
                is_planned = generate(service, "plan", chance)
            ask_others(chance)
            take_steps(service, chance)
            if reports:
                if not (plans and drawn.CHECKS_ONCE.ask(chance)):
                    check_prompt(service, chance, 1)
                is_reported = generate(service, "report", chance)
            if searches and not searches_first:
                service.call("retrieval", "POST", "/v1/search")
        return Answer(200, {"is_written": is_planned or is_reported})

    def ask_others(chance: Chance) -> None:
        """Let other agents do a part of the task."""
        for number in range(1, drawn.MAX_HELPERS + 1):
            if drawn.WORKS_ALONE.ask(chance, turn=number):
                return
            with tracer.start_as_current_span("agent.run") as span:
                span.set_attribute("gen_ai.agent.name", drawn.AGENT.pick(chance, turn=number))
                span.set_attribute("task.id", chance.new_id("task", "part of the task", turn=number))
                service.work(2.0, 20.0)

    @service.consumes("documents")
    def summarise(request: Request) -> None:
        chance, delivery = request.chance, int(request.body["delivery"])
        if delivery == 1 and drawn.IS_NEW_DOCUMENT.ask(chance):
            _summarise(service, chance)
        else:
            # A message that is delivered again finds the summary that its first delivery stores.
            do(service, chance, "summary.find", 0.2, 2.0, turn=delivery)


def _summarise(service: Service, chance: Chance) -> None:
    """Write a summary and store it, unless moderation blocks it."""
    stores_last, delivers_last = drawn.STORES_LAST.ask(chance), drawn.DELIVERS_LAST.ask(chance)
    splits_first = drawn.SPLITS_FIRST.ask(chance)
    if splits_first:
        _split(service, chance)
    if not delivers_last:
        _deliver(service, chance)
    if not stores_last:
        _store(service, chance)
    verdict = _write(service, chance) if drawn.IS_LONG_DOCUMENT.ask(chance) else "allow"
    if verdict == "block":
        do(service, chance, "chat.refuse", 0.1, 0.9)
    elif stores_last:
        _store(service, chance)
    if not splits_first:
        _split(service, chance)
    if delivers_last and verdict != "block":
        _deliver(service, chance)


def _write(service: Service, chance: Chance) -> str:
    """Have a summary written, and return moderation's verdict on it."""
    check_prompt(service, chance, 0)
    is_written = generate(service, "summary", chance)
    if drawn.HAS_SECOND_CHAPTER.ask(chance):
        is_written |= generate(service, "second summary", chance)
    return moderate(service, "summary") if is_written else "allow"


def _split(service: Service, chance: Chance) -> None:
    pages = {"document.pages": drawn.PAGES.ask(chance, turn=1)}
    do(service, chance, "document.split", 0.5, 9.0, attributes=pages)


def _store(service: Service, chance: Chance) -> None:
    with service.tracer.start_as_current_span("summary.store") as span:
        span.set_attribute("summary.length", drawn.SUMMARY_LENGTH.ask(chance))
        service.work(0.5, 6.0)


def _deliver(service: Service, chance: Chance) -> None:
    do(service, chance, "webhook.deliver", 2.0, 20.0, kind=SpanKind.CLIENT)
