"""Simulated: the assistant's visits, told apart by what they do."""

from __future__ import annotations

from fluo_lab.worlds.llm import drawn
from fluo_lab.worlds.llm.flow_background import read_history, record_feedback, summarise_documents
from fluo_lab.worlds.llm.flow_messages import answer_messages
from fluo_lab.worlds.llm.flow_task import run_tasks
from fluo_lab.worlds.simulated import Batch

__all__ = ["simulate"]


def simulate(batch: Batch) -> None:
    """Add the spans of a batch of visits."""
    workflow = drawn.WORKFLOW.code(batch.chances)
    answer_messages(batch.flow((workflow == drawn.CHAT) | (workflow == drawn.QUESTION)))
    run_tasks(batch.flow(workflow == drawn.TASK))
    summarise_documents(batch.flow(workflow == drawn.SUMMARY))
    record_feedback(batch.flow(workflow == drawn.FEEDBACK))
    read_history(batch.flow(workflow == drawn.HISTORY))
