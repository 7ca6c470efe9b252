"""The assistant as a whole."""

from __future__ import annotations

from pathlib import Path

from fluo_lab.worlds.llm.flows import simulate
from fluo_lab.worlds.llm.incidents import INCIDENTS
from fluo_lab.worlds.llm.invariants import INVARIANTS
from fluo_lab.worlds.llm.services import serve, visit
from fluo_lab.worlds.world import Deployment, World

__all__ = ["LLM"]

LLM = World(
    name="llm",
    title="Assistant with retrieval and tools",
    summary=(
        "An assistant that chats, answers questions from retrieved passages, carries out tasks with tools and "
        "summarises documents. Prompts are checked, what models write is moderated, sources are cited, and people "
        "approve what destroys data."
    ),
    deployments=(
        Deployment("gateway", "assistant-gateway", "5.2.0"),
        Deployment("retrieval", "retrieval", "2.11.3", clock_offset_us=4_000),
        Deployment("model", "model-gateway", "1.30.1"),
        Deployment("moderation", "moderation", "3.4.0"),
        Deployment("agent", "agent-runtime", "0.19.2"),
    ),
    invariants=INVARIANTS,
    incidents=INCIDENTS,
    folder=Path(__file__).parent,
    visit_gap_s=20.0,
    simulate=simulate,
    serve=serve,
    visit=visit,
)
"""The system."""
