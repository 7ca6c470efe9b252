"""Live: the gateway, where visits come in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluo_lab.worlds.live.requests import Answer
from fluo_lab.worlds.llm import drawn
from fluo_lab.worlds.llm.service_calls import do, moderate, select_row
from fluo_lab.worlds.llm.service_messages import Message, load_conversation

if TYPE_CHECKING:
    from fluo_lab.worlds.chance import Chance
    from fluo_lab.worlds.live.requests import Request
    from fluo_lab.worlds.live.service import Service

__all__ = ["serve_gateway"]


def serve_gateway(service: Service) -> None:
    """Register the handlers of the gateway."""
    _serve_documents(service)
    _serve_feedback(service)

    @service.route("POST", "/v1/messages")
    def messages(request: Request) -> Answer:
        chance = request.chance
        _begin(service, request)
        verdict = Message(service, chance).answer()
        _conclude(service, chance, verdict)
        if not drawn.LOADS_EARLY.ask(chance):
            load_conversation(service, chance)
        if not drawn.CHECKS_QUOTA_FIRST.ask(chance):
            do(service, chance, "quota.check", 0.1, 2.0, attributes={"quota.left": drawn.QUOTA_LEFT.ask(chance)})
        _track(service, chance, is_last=True)
        return Answer(400 if verdict is None else 200)

    @service.route("POST", "/v1/tasks")
    def tasks(request: Request) -> Answer:
        chance = request.chance
        _begin(service, request)
        verdict = None
        if drawn.HAS_QUOTA.ask(chance):
            is_written = service.call("agent", "POST", "/v1/runs").body["is_written"]
            is_moderated = is_written or drawn.MODERATES_UNWRITTEN.ask(chance)
            verdict = moderate(service, "task") if is_moderated else "allow"
        _conclude(service, chance, verdict)
        _track(service, chance, is_last=True)
        return Answer(429 if verdict is None else 200)

    @service.route("GET", "/v1/conversations/{id}")
    def history(request: Request) -> Answer:
        service.work(0.2, 1.5)
        _track(service, request.chance, is_last=False)
        load_conversation(service, request.chance)
        _track(service, request.chance, is_last=True)
        return Answer(200)


def _serve_documents(service: Service) -> None:
    @service.route("POST", "/v1/documents/{id}/summary")
    def summary(request: Request) -> Answer:
        chance = request.chance
        loads_first, is_unknown = drawn.LOADS_DOCUMENT_FIRST.ask(chance), drawn.IS_UNKNOWN.ask(chance)
        service.work(0.2, 1.5)
        _track(service, chance, is_last=False)
        if loads_first:
            load_document(chance)
        if is_unknown:
            service.publish("documents", "agent", {"delivery": 1})
            for delivery in range(2, drawn.MAX_DELIVERIES + 1):
                if not drawn.REDELIVERS.ask(chance, turn=delivery):
                    break
                service.publish("documents", "agent", {"delivery": delivery})
        if not loads_first:
            load_document(chance)
        _track(service, chance, is_last=True)
        return Answer(202 if is_unknown else 200)

    def load_document(chance: Chance) -> None:
        if not drawn.is_there("document.load").ask(chance):
            return
        for _ in range(1 if drawn.is_single("document.load").ask(chance) else 2):
            with service.tracer.start_as_current_span("document.load") as span:
                span.set_attribute("document.pages", drawn.PAGES.ask(chance))
                service.work(0.3, 3.0)
                if drawn.READS_DOCUMENT.ask(chance):
                    select_row(service, chance, "documents")


def _serve_feedback(service: Service) -> None:
    @service.route("POST", "/v1/feedback")
    def feedback(request: Request) -> Answer:
        chance, form = request.chance, request.body["form"]
        if request.part > 0:
            # The form has been recorded: this is the second click of a double click.
            do(service, chance, "feedback.find", 0.1, 1.0, attributes={"feedback.id": form})
            return Answer(200)
        records, records_first = drawn.IS_RECORDED.ask(chance), drawn.RECORDS_FIRST.ask(chance)
        screens, screens_first = drawn.HAS_COMMENT.ask(chance), drawn.SCREENS_FIRST.ask(chance)
        _track(service, chance, is_last=False)
        if records and records_first:
            record(chance, form)
        if screens and screens_first:
            service.call("moderation", "POST", "/v1/moderations", {"subject": "comment"})
        if drawn.ANNOUNCES.ask(chance):
            service.publish("feedback", "retrieval")
        if screens and not screens_first:
            service.call("moderation", "POST", "/v1/moderations", {"subject": "comment"})
        if records and not records_first:
            record(chance, form)
        _track(service, chance, is_last=True)
        return Answer(201)

    def record(chance: Chance, form: str) -> None:
        with service.tracer.start_as_current_span("feedback.record") as span:
            span.set_attribute("feedback.id", form)
            span.set_attribute("feedback.rating", drawn.RATING.ask(chance))
            service.work(0.3, 4.0)


def _begin(service: Service, request: Request) -> None:
    """Do what messages and tasks begin with: note the user, and warn, inform or moderate where need be."""
    chance = request.chance
    request.span.set_attribute("user.id", chance.new_id("user", "user"))
    request.span.set_attribute("app.stream", drawn.IS_STREAM.ask(chance))
    service.work(0.2, 1.5)
    if not drawn.NEEDS_NO_REMINDER.ask(chance):
        do(service, chance, "chat.refuse", 0.1, 0.9, turn=1)
    if not drawn.HAS_PLAIN_PROMPT.ask(chance):
        do(service, chance, "content.redact", 0.2, 3.0, turn=1)
    if drawn.SENDS_NOTICE.ask(chance):
        part = drawn.name_of("part", "notice").pick(chance, turn=1)
        do(service, chance, "chat.respond", 0.1, 1.0, attributes={"chat.part": part}, turn=1)
    _track(service, chance, is_last=False)
    if drawn.MODERATES_PROMPT.ask(chance):
        moderate(service, "prompt")
        if not drawn.HAS_ONE_ATTACHMENT.ask(chance):
            moderate(service, "attachment")
    if drawn.WORKFLOW.code(chance) != drawn.TASK and not drawn.NOTICES_LATE.ask(chance):
        if drawn.ESCALATES.ask(chance):
            do(service, chance, "abuse.escalate", 0.5, 4.0, turn=1)
        if drawn.APOLOGISES.ask(chance):
            do(service, chance, "answer.disclaim", 0.1, 0.9, turn=1)


def _conclude(service: Service, chance: Chance, verdict: str | None) -> None:
    """Send the answer, redacted where moderation flagged it, or a refusal; without a verdict there is no answer."""
    if verdict is None or verdict == "block":
        do(service, chance, "chat.refuse", 0.1, 0.9)
        return
    if verdict == "flag":
        do(service, chance, "content.redact", 0.2, 3.0)
    part = drawn.name_of("part", "answer").pick(chance)
    attributes: dict[str, str | bool | int | float] = {"chat.part": part}
    if drawn.IS_STREAM.ask(chance):
        attributes["chat.chunks"] = drawn.CHUNKS.ask(chance)
    do(service, chance, "chat.respond", 0.5, 6.0, attributes=attributes)


def _track(service: Service, chance: Chance, *, is_last: bool) -> None:
    """Count the visit, nearly always at its end."""
    if drawn.TRACKS_LAST.ask(chance) == is_last:
        do(service, chance, "analytics.track", 0.05, 0.6)
