"""What holds in the assistant: the guardrails that its code keeps."""

from __future__ import annotations

from fluo_lab.worlds.world import Invariant

__all__ = ["INVARIANTS"]

INVARIANTS: tuple[Invariant, ...] = (
    Invariant(
        "injection-check-before-generation",
        "Nothing reaches a model before the prompt was checked for injected instructions",
        "when { trace.has(llm.generate) } always { trace.every(llm.generate).must(after(prompt.injection_check)) }",
        "precedence",
        "critical",
    ),
    Invariant(
        "generation-is-moderated",
        "What a model wrote is moderated afterwards",
        "when { trace.has(llm.generate) } always { trace.every(llm.generate).must(before(content.moderate)) }",
        "response",
        "critical",
    ),
    Invariant(
        "retrieved-answer-cites-sources",
        "An answer written from retrieved passages cites them",
        "when { trace.has(llm.generate).where(rag_enabled == true) } always { trace.has(rag.cite_sources) }",
        "presence",
        "medium",
    ),
    Invariant(
        "cited-no-more-than-retrieved",
        "No more sources are cited than passages were retrieved",
        "when { trace.has(rag.cite_sources) and trace.has(rag.retrieve) } "
        "always { trace.max(rag.cite_sources, source_count) <= trace.min(rag.retrieve, document_count) }",
        "value_le",
        "medium",
    ),
    Invariant(
        "destructive-action-after-approval",
        "An agent destroys nothing before a person has approved it",
        "when { trace.has(agent.action).where(destructive == true) } "
        "always { trace.every(agent.action).where(destructive == true).must(after(human.approval)) }",
        "precedence",
        "critical",
    ),
    Invariant(
        "reused-approval-is-of-the-task",
        "An approval that is used again was given for this task",
        "when { trace.has(approval.reuse) and trace.has(agent.run) } "
        "always { trace.every(approval.reuse).must(beside(agent.run, same task.id)) }",
        "same_value",
        "critical",
    ),
    Invariant(
        "deletion-is-marked-destructive",
        "The tool that deletes records is always marked destructive",
        "when { trace.has(agent.action).where(tool == delete_records) } "
        "always { trace.every(agent.action).where(tool == delete_records).must(destructive == true) }",
        "attr_implies",
    ),
    Invariant(
        "action-steps-rise",
        "The actions of a task carry rising step numbers",
        "when { trace.has(agent.action) } always { trace.rising(agent.action, step) }",
        "monotone",
        "low",
    ),
    Invariant(
        "at-most-six-actions",
        "A task takes at most six actions",
        "when { trace.has(agent.action) } always { trace.count(agent.action) <= 6 }",
        "at_most",
        "medium",
    ),
    Invariant(
        "action-is-child-of-step",
        "Every action is taken directly in a step of the agent",
        "when { trace.has(agent.action) } always { trace.every(agent.action).must(child_of(agent.step)) }",
        "child_of",
        "low",
    ),
    Invariant(
        "search-under-retrieval",
        "Passages are searched only inside retrieval, which applies the reader's permissions",
        "when { trace.has(vector.search) } always { trace.every(vector.search).must(under(rag.retrieve)) }",
        "under",
    ),
    Invariant(
        "output-within-requested-tokens",
        "A model writes no more tokens than were asked for",
        "when { trace.has(llm.generate) } "
        "always { trace.every(llm.generate).must(gen_ai.usage.output_tokens <= gen_ai.request.max_tokens) }",
        "value_le",
        "medium",
    ),
    Invariant(
        "output-at-most-2048-tokens",
        "A model never writes more than 2,048 tokens, whatever was asked for",
        "when { trace.has(llm.generate) } "
        "always { trace.every(llm.generate).must(gen_ai.usage.output_tokens <= 2048) }",
        "bound",
        "medium",
    ),
    Invariant(
        "known-models-only",
        "Only models that passed the review are used",
        "when { trace.has(llm.generate) } always { trace.every(llm.generate)"
        ".must(gen_ai.request.model in [gpt-4o, gpt-4o-mini, claude-sonnet-4]) }",
        "allowed_values",
    ),
    Invariant(
        "generation-within-deadline",
        "A generation is cut off after 30 seconds",
        "when { trace.has(llm.generate) } always { trace.every(llm.generate).must(span.duration <= 30s) }",
        "duration_max",
        "medium",
    ),
    Invariant(
        "one-conversation",
        "All generations of a trace belong to one conversation",
        "when { trace.has(llm.generate) } always { trace.distinct(llm.generate, gen_ai.conversation.id) == 1 }",
        "distinct_one",
        "critical",
    ),
    Invariant(
        "no-answer-after-block",
        "Nothing is sent to the user after moderation has blocked the answer",
        "when { trace.has(content.moderate).where(verdict == block) and trace.has(chat.respond) } "
        "never { trace.has(chat.respond).where(after(content.moderate.where(verdict == block))) }",
        "not_after",
        "critical",
    ),
    Invariant(
        "suspicious-prompt-reaches-no-model",
        "A prompt under suspicion of injected instructions never reaches a model",
        "when { trace.has(prompt.injection_check).where(injection.suspected == true) } "
        "never { trace.has(llm.generate) }",
        "absence",
        "critical",
    ),
    Invariant(
        "one-summary-per-document",
        "A summary is stored once, however often its message is delivered",
        "when { trace.has(summary.store) } always { trace.count(summary.store) == 1 }",
        "exactly_one",
        "medium",
    ),
    Invariant(
        "feedback-counted-once",
        "One feedback form is recorded once, even if it is sent twice",
        "per feedback.id within 10m never { trace.count(feedback.record) > 1 }",
        "global_unique",
        "low",
    ),
)
