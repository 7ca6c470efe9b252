"""Live: the assistant's services, and what a user does in one visit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluo_lab.worlds.llm import drawn
from fluo_lab.worlds.llm.service_agent import serve_agent
from fluo_lab.worlds.llm.service_gateway import serve_gateway
from fluo_lab.worlds.llm.service_model import serve_model, serve_moderation
from fluo_lab.worlds.llm.service_retrieval import serve_retrieval

if TYPE_CHECKING:
    from fluo_lab.worlds.chance import Chance
    from fluo_lab.worlds.live.client import Client
    from fluo_lab.worlds.live.service import Service

__all__ = ["serve", "visit"]

_SERVERS = {
    "gateway": serve_gateway,
    "retrieval": serve_retrieval,
    "model": serve_model,
    "moderation": serve_moderation,
    "agent": serve_agent,
}


def serve(service: Service) -> None:
    """Register the handlers of a deployment."""
    _SERVERS[service.deployment.key](service)


def visit(client: Client, chance: Chance) -> None:
    """Do what a user does in one visit."""
    match drawn.WORKFLOW.code(chance):
        case drawn.CHAT | drawn.QUESTION:
            client.request("POST", "/v1/messages")
        case drawn.TASK:
            client.request("POST", "/v1/tasks")
        case drawn.SUMMARY:
            client.request("POST", f"/v1/documents/{chance.new_id('doc', 'document')}/summary")
        case drawn.FEEDBACK:
            _send_feedback(client, chance)
        case drawn.HISTORY:
            client.request("GET", f"/v1/conversations/{chance.new_id('conv', 'conversation')}")


def _send_feedback(client: Client, chance: Chance) -> None:
    """Send a feedback form, twice where the user clicks twice."""
    form = {"form": chance.new_id("feedback", "feedback form")}
    sends = [lambda: client.request("POST", "/v1/feedback", form)]
    if drawn.IS_DOUBLE_CLICK.ask(chance):
        sends.append(lambda: client.request("POST", "/v1/feedback", form, part=1))
    client.together(*sends)
