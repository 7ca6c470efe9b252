"""An assistant with retrieval and tools: five services around a language model, and the guardrails between them.

A gateway answers messages, runs agent tasks and summarises documents; retrieval, model, moderation and agent serve it.
``LLM`` is the system with its truth.
"""

from fluo_lab.worlds.llm.world import LLM

__all__ = ["LLM"]
