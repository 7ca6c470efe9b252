"""What goes wrong in the assistant."""

from __future__ import annotations

from fluo_lab.worlds.world import Incident

__all__ = ["INCIDENTS"]

INCIDENTS: tuple[Incident, ...] = (
    Incident(
        "unmoderated-output",
        "Streamed answers reached users without moderation",
        ("generation-is-moderated",),
        window=(0.48, 0.53),
        rate=0.7,
        severity="critical",
    ),
    Incident(
        "missing-citation",
        "Answers from the hybrid retriever came without sources",
        ("retrieved-answer-cites-sources",),
        window=(0.66, 0.71),
        rate=0.8,
        severity="medium",
    ),
    Incident(
        "destructive-without-approval",
        "Agents deleted and overwrote data on approvals given for other tasks",
        ("destructive-action-after-approval", "reused-approval-is-of-the-task"),
        window=(0.86, 0.91),
        rate=0.8,
        severity="critical",
    ),
)
