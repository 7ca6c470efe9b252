"""Live: single spans, and what gateway and agent ask of the model and of moderation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.trace import SpanKind

from fluo_lab.worlds.llm import drawn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fluo_lab.worlds.chance import Chance
    from fluo_lab.worlds.live.service import Service

__all__ = ["check_prompt", "do", "generate", "moderate", "select_row"]


def do(
    service: Service,
    chance: Chance,
    name: str,
    low_ms: float,
    high_ms: float,
    *,
    attributes: Mapping[str, str | bool | int | float] | None = None,
    kind: SpanKind = SpanKind.INTERNAL,
    turn: int = 0,
    is_certain: bool = False,
    error: tuple[str, str] | None = None,
) -> None:
    """Make a span without children, as habit has it: seldom it is left out, seldom it is made twice.

    Parameters
    ----------
    turn
        Tells it from others of its name.
    is_certain
        Whether it is never left out.
    error
        Type and message of the error in which it ends.
    """
    if not is_certain and not drawn.is_there(name).ask(chance, turn=turn):
        return
    for _ in range(1 if drawn.is_single(name).ask(chance, turn=turn) else 2):
        with service.tracer.start_as_current_span(name, kind=kind, attributes=attributes) as span:
            service.work(low_ms, high_ms)
            if error is not None:
                service.fail(span, *error)


def select_row(service: Service, chance: Chance, table: str) -> None:
    """Read a row of a table."""
    attributes = {
        "db.system.name": drawn.DATABASE.pick(chance),
        "db.operation.name": "SELECT",
        "db.collection.name": table,
    }
    do(service, chance, f"SELECT {table}", 0.3, 6.0, kind=SpanKind.CLIENT, attributes=attributes)


def generate(service: Service, purpose: str, chance: Chance, *, is_grounded: bool = False) -> bool:
    """Let a model write, and once more if the first attempt fails; return whether a model was reached.

    Parameters
    ----------
    purpose
        One of ``drawn.PURPOSES``.
    is_grounded
        Whether the prompt holds retrieved passages.
    """
    body = {
        "purpose": purpose,
        "conversation": chance.new_id("conv", "conversation"),
        "is_grounded": is_grounded,
    }
    statuses = []
    for attempt in (1, 2):
        statuses.append(service.call("model", "POST", "/v1/generate", {**body, "attempt": attempt}).status)
        if statuses[-1] == 200:
            break
    # What comes before a missed deadline is a text too.
    return any(status != 503 for status in statuses)


def moderate(service: Service, subject: str) -> str:
    """Return moderation's verdict on a text.

    Parameters
    ----------
    subject
        One of ``drawn.SUBJECTS``.
    """
    answer = service.call("moderation", "POST", "/v1/moderations", {"subject": subject})
    return str(answer.body["verdict"])


def check_prompt(service: Service, chance: Chance, turn: int) -> bool:
    """Return whether a prompt is free of injected instructions; only those of messages are ever suspicious."""
    is_message = drawn.WORKFLOW.code(chance) in (drawn.CHAT, drawn.QUESTION)
    is_clean = turn > 0 or not is_message or drawn.IS_CLEAN.ask(chance)
    with service.tracer.start_as_current_span("prompt.injection_check") as span:
        span.set_attribute("prompt_length", drawn.PROMPT_LENGTH.ask(chance, turn=turn))
        span.set_attribute("injection.suspected", not is_clean)
        service.work(1.0, 12.0)
    return is_clean
