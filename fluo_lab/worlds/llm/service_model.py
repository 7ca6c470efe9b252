"""Live: the model gateway and moderation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluo_lab.worlds.live.requests import Answer
from fluo_lab.worlds.llm import drawn
from fluo_lab.worlds.llm.service_calls import do

if TYPE_CHECKING:
    from opentelemetry.trace import Span

    from fluo_lab.worlds.chance import Chance
    from fluo_lab.worlds.live.requests import Request
    from fluo_lab.worlds.live.service import Service

__all__ = ["serve_model", "serve_moderation"]


def serve_model(service: Service) -> None:
    """Register the handlers of the model gateway."""

    @service.route("POST", "/v1/generate")
    def generate(request: Request) -> Answer:
        chance = request.chance
        turn = drawn.turn_of(request.body["purpose"], int(request.body["attempt"]))
        counts = drawn.COUNTS_TOKENS.ask(chance, turn=turn)
        counts_first = drawn.COUNTS_TOKENS_FIRST.ask(chance, turn=turn)
        service.work(0.1, 2.0)
        if counts and counts_first:
            do(service, chance, "tokens.count", 0.2, 3.0, turn=turn)
        if not drawn.HAS_CAPACITY.ask(chance, turn=turn):
            return Answer(503, {"error": "no capacity"})
        is_late = drawn.MISSES_DEADLINE.ask(chance, turn=turn)
        with service.tracer.start_as_current_span("llm.generate") as span:
            span.set_attribute("gen_ai.conversation.id", request.body["conversation"])
            span.set_attribute("rag_enabled", request.body["is_grounded"])
            n_tokens = _describe_generation(span, chance, turn)
            service.work(3.0, 40.0)
            span.set_attribute("gen_ai.usage.input_tokens", drawn.INPUT_TOKENS.ask(chance, turn=turn))
            span.set_attribute("gen_ai.usage.output_tokens", 0 if is_late else n_tokens)
            if is_late:
                service.fail(span, "provider.Timeout", "no completion before the deadline")
        if counts and not counts_first:
            do(service, chance, "tokens.count", 0.2, 3.0, turn=turn)
        return Answer(504, {"error": "deadline"}) if is_late else Answer(200, {"output_tokens": n_tokens})


def _describe_generation(span: Span, chance: Chance, turn: int) -> int:
    """Note what is asked for, and return how many tokens come of it: never more than are allowed."""
    model = drawn.MODEL.code(chance, turn=turn)
    is_direct = drawn.IS_DIRECT.ask(chance, turn=turn)
    provider = drawn.MAKER_OF_MODEL[model] if is_direct else drawn.RESELLER.code(chance, turn=turn)
    maximum = drawn.MAX_TOKENS[chance.pick_code("max tokens", drawn.MAX_TOKENS_WEIGHTS, turn=turn)]
    if not drawn.IS_USUAL_MAXIMUM.ask(chance, turn=turn):
        maximum = drawn.UNUSUAL_MAXIMUM.ask(chance, turn=turn)
    span.set_attribute("gen_ai.operation.name", drawn.OPERATION.pick(chance, turn=turn))
    span.set_attribute("gen_ai.provider.name", drawn.RESELLER.options[provider])
    span.set_attribute("gen_ai.request.model", drawn.MODEL.options[model])
    span.set_attribute("gen_ai.request.max_tokens", maximum)
    span.set_attribute("gen_ai.request.temperature", drawn.TENTHS_OF_TEMPERATURE.ask(chance, turn=turn) / 10)
    span.set_attribute("cloud.region", drawn.REGION.pick(chance, turn=turn))
    return min(drawn.OUTPUT_WISH.ask(chance, turn=turn), maximum, drawn.TOKEN_LIMIT)


def serve_moderation(service: Service) -> None:
    """Register the handlers of moderation."""

    @service.route("POST", "/v1/moderations")
    def moderate(request: Request) -> Answer:
        chance, subject = request.chance, request.body["subject"]
        service.work(0.1, 1.0)
        if subject == "comment":
            do(service, chance, "comment.screen", 0.3, 5.0)
            return Answer(200, {"verdict": "allow"})
        turn = drawn.SUBJECTS.index(subject)
        verdict = drawn.verdict_on(subject).pick(chance, turn=turn)
        with service.tracer.start_as_current_span("content.moderate") as span:
            span.set_attribute("moderation.subject", drawn.name_of("subject", subject).pick(chance, turn=turn))
            span.set_attribute("response_length", drawn.RESPONSE_LENGTH.ask(chance, turn=turn))
            service.work(1.0, 12.0)
            if drawn.IS_UNSURE.ask(chance, turn=turn):
                score = {"moderation.score": drawn.CLASSIFIER_SCORE.ask(chance, turn=turn) / 1_000}
                do(service, chance, "moderation.classify", 2.0, 20.0, attributes=score, turn=turn)
            span.set_attribute("verdict", verdict)
        return Answer(200, {"verdict": verdict})
