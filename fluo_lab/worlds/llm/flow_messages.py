"""Simulated: chat and questions, the messages to which the gateway answers at once."""

from __future__ import annotations

import numpy as np
import polars as pl

from fluo_lab.worlds.llm import drawn
from fluo_lab.worlds.llm.flow_calls import (
    Attributes,
    Codes,
    do,
    generate,
    moderate,
    search,
    select_row,
    spend,
)
from fluo_lab.worlds.simulated import Flow, Step, When
from fluo_lab.worlds.simulated.values import Mask

__all__ = ["answer_messages", "begin", "check_prompt", "conclude", "load_conversation", "track"]


def answer_messages(flow: Flow) -> None:
    """Add the spans of visits that chat or ask a question."""
    chances = flow.chances
    conversation = flow.ids("conv", "conversation")
    loads_early, loads_first = drawn.LOADS_EARLY.ask(chances), drawn.LOADS_FIRST.ask(chances)
    quota: Attributes = {"quota.left": drawn.QUOTA_LEFT.ask(chances)}
    checks_quota_first = drawn.CHECKS_QUOTA_FIRST.ask(chances)
    is_question = drawn.WORKFLOW.code(chances) == drawn.QUESTION
    rewrites = is_question & drawn.REWRITES.ask(chances)
    # What a model will read is always checked, and before it reads it.
    is_read = rewrites | (_needs_model(flow) & ~_uses_cache(flow))
    checks = is_read | drawn.CHECKS_ANYWAY.ask(chances)
    checks_late = checks & is_question & ~rewrites & ~drawn.CHECKS_BEFORE_SEARCH.ask(chances)
    with flow.request("gateway", "POST", "/v1/messages") as root:
        begin(root)
        do(root, "quota.check", 100, 2_000, where=checks_quota_first, attributes=quota)
        load_conversation(root, conversation, where=loads_early & loads_first)
        check_prompt(root, 0, where=checks & ~checks_late)
        load_conversation(root, conversation, where=loads_early & ~loads_first)
        is_stopped = checks & ~drawn.IS_CLEAN.ask(chances) & ~(checks_late & _uses_cache(flow))
        is_open = ~is_stopped | checks_late
        verdict, is_moderated = _answer(root, conversation, is_open, rewrites, checks_late)
        has_attachment = flow.everybody()
        for turn in (1, 2):
            has_attachment = has_attachment & ~drawn.CHECKS_ONCE.ask(chances, turn=turn)
            check_prompt(root, turn, where=has_attachment)
        conclude(root, ~is_stopped, is_moderated & (verdict == 1), is_moderated & (verdict == 2))
        load_conversation(root, conversation, where=~loads_early)
        do(root, "quota.check", 100, 2_000, where=~checks_quota_first, attributes=quota)
        track(root, is_last=True)
        root.answer(np.where(is_stopped, 400, 200))


def _needs_model(flow: Flow) -> Mask:
    """Return where a model is to write the answer."""
    is_chat: Mask = drawn.WORKFLOW.code(flow.chances) != drawn.QUESTION
    return is_chat | drawn.IS_WRITTEN.ask(flow.chances)


def _uses_cache(flow: Flow) -> Mask:
    """Return where the answer comes from the cache."""
    return ~drawn.IS_FRESH.ask(flow.chances) & drawn.TRUSTS_CACHE.ask(flow.chances)


def _answer(
    root: Step, conversation: pl.Series, is_open: Mask, rewrites: Mask, checks_late: Mask
) -> tuple[Codes, Mask]:
    """Return moderation's verdict on the answer, and where there is one."""
    flow, chances = root.flow, root.flow.chances
    is_question = drawn.WORKFLOW.code(chances) == drawn.QUESTION
    is_cached = is_open & _uses_cache(flow)
    reads_first = drawn.READS_CACHE_FIRST.ask(chances)
    hit: Attributes = {"cache.hit": ~drawn.IS_FRESH.ask(chances)}
    is_open = is_open & ~is_cached
    do(root, "answer.cache_read", 100, 1_000, where=is_cached, attributes=hit, is_certain=True)
    do(root, "answer.cache_read", 100, 1_000, where=is_open & reads_first, attributes=hit)
    reads_late = is_open & ~reads_first

    rewrites = is_open & rewrites
    generate(root, "rewrite", where=rewrites, conversation=conversation, is_grounded=flow.nobody())
    is_searching = is_open & is_question
    times_out = is_searching & drawn.SEARCH_TIMES_OUT.ask(chances)
    # Only where no incident can do harm, since a lost span would hide it.
    may_lose = ~_needs_model(flow) | ~(drawn.is_hybrid(chances) | drawn.IS_STREAM.ask(chances))
    search(root, where=is_searching, times_out=times_out, may_lose=may_lose)
    check_prompt(root, 0, where=is_open & checks_late)
    is_open = is_open & (~checks_late | drawn.IS_CLEAN.ask(chances))

    is_grounded = is_searching & ~times_out
    is_found = np.where(is_grounded, drawn.IS_FOUND.ask(chances), _needs_model(flow))
    has_answer = is_open & is_found
    writes = has_answer & _needs_model(flow)
    wrote = writes & drawn.reaches_model(chances, "answer")
    is_uncited = flow.suffers("missing-citation", wrote & is_grounded & drawn.is_hybrid(chances))
    is_unmoderated = flow.suffers("unmoderated-output", wrote & drawn.IS_STREAM.ask(chances))
    cites = has_answer & ((is_grounded & ~is_uncited) | (~is_question & drawn.CITES_CHAT.ask(chances)))
    cites_first = drawn.CITES_FIRST.ask(chances)
    cites_late = ~cites_first & ~drawn.CITES_BEFORE_MODERATION.ask(chances)
    shortens_first = drawn.SHORTENS_FIRST.ask(chances)

    _shorten(root, where=has_answer & shortens_first)
    _cite(root, where=cites & cites_first)
    _shorten(root, where=has_answer & ~shortens_first)
    generate(root, "answer", where=writes, conversation=conversation, is_grounded=is_grounded)
    _cite(root, where=cites & ~cites_first & ~cites_late)
    is_rewritten = rewrites & drawn.reaches_model(chances, "rewrite")
    is_moderated = (is_cached & drawn.RECHECKS_CACHED.ask(chances)) | ((is_rewritten | wrote) & ~is_unmoderated)
    verdict = moderate(root, "answer", where=is_moderated)
    _cite(root, where=cites & cites_late)
    do(root, "answer.cache_read", 100, 1_000, where=reads_late, attributes=hit)
    notices_late = drawn.NOTICES_LATE.ask(chances)
    escalates = (drawn.ESCALATES.ask(chances) & notices_late) | (is_unmoderated & drawn.ESCALATES_HARMED.ask(chances))
    do(root, "abuse.escalate", 500, 4_000, where=escalates)
    apologises = (drawn.APOLOGISES.ask(chances) & notices_late) | (is_uncited & drawn.APOLOGISES_HARMED.ask(chances))
    do(root, "answer.disclaim", 100, 900, where=apologises)
    return verdict, is_moderated


def begin(root: Step) -> None:
    """Do what messages and tasks begin with: note the user, and warn, inform or moderate where need be."""
    flow, chances = root.flow, root.flow.chances
    root.note("user.id", flow.ids("user", "user"))
    root.note("app.stream", drawn.IS_STREAM.ask(chances))
    spend(root, "request", 200, 1_500)
    do(root, "chat.refuse", 100, 900, where=~drawn.NEEDS_NO_REMINDER.ask(chances), turn=1)
    do(root, "content.redact", 200, 3_000, where=~drawn.HAS_PLAIN_PROMPT.ask(chances), turn=1)
    do(
        root,
        "chat.respond",
        100,
        1_000,
        where=drawn.SENDS_NOTICE.ask(chances),
        attributes={"chat.part": flow.texts(drawn.name_of("part", "notice"), turn=1)},
        turn=1,
    )
    track(root, is_last=False)
    moderates = drawn.MODERATES_PROMPT.ask(chances)
    moderate(root, "prompt", where=moderates)
    moderate(root, "attachment", where=moderates & ~drawn.HAS_ONE_ATTACHMENT.ask(chances))
    is_message = drawn.WORKFLOW.code(chances) != drawn.TASK
    notices_early = is_message & ~drawn.NOTICES_LATE.ask(chances)
    do(root, "abuse.escalate", 500, 4_000, where=notices_early & drawn.ESCALATES.ask(chances), turn=1)
    do(root, "answer.disclaim", 100, 900, where=notices_early & drawn.APOLOGISES.ask(chances), turn=1)


def load_conversation(root: Step, conversation: pl.Series, *, where: Mask) -> None:
    """Load a conversation, or the one it was forked from."""
    flow, chances = root.flow, root.flow.chances
    is_own = pl.Series(drawn.IS_OWN_CONVERSATION.ask(chances))
    attributes: Attributes = {
        "gen_ai.conversation.id": conversation.zip_with(is_own, flow.ids("conv", "forked conversation")),
        "message_count": drawn.MESSAGE_COUNT.ask(chances),
    }
    where = where & drawn.is_there("conversation.load").ask(chances)
    for mask in (where, where & ~drawn.is_single("conversation.load").ask(chances)):
        with root.span("conversation.load", where=mask, attributes=attributes) as loading:
            spend(loading, "conversation.load", 100, 1_500)
            select_row(loading, "conversations", where=drawn.READS_DATABASE.ask(chances))


def check_prompt(step: Step, turn: int, *, where: Mask) -> None:
    """Check a prompt for injected instructions; only those of messages are ever suspicious."""
    chances = step.flow.chances
    workflow = drawn.WORKFLOW.code(chances)
    is_message = (workflow == drawn.CHAT) | (workflow == drawn.QUESTION)
    attributes: Attributes = {
        "prompt_length": drawn.PROMPT_LENGTH.ask(chances, turn=turn),
        "injection.suspected": is_message & ~drawn.IS_CLEAN.ask(chances) & (turn == 0),
    }
    with step.span("prompt.injection_check", where=where, attributes=attributes) as check:
        spend(check, "prompt.injection_check", 1_000, 12_000)


def _shorten(root: Step, *, where: Mask) -> None:
    """Compress a long prompt and offload its context, in one order or the other."""
    chances = root.flow.chances
    is_long = where & (drawn.PROMPT_LENGTH.ask(chances) > drawn.LONG_PROMPT)
    is_first = drawn.COMPRESSES_FIRST.ask(chances)
    do(root, "prompt.compress", 1_000, 20_000, where=is_long & is_first)
    do(root, "context.offload", 1_000, 9_000, where=is_long)
    do(root, "prompt.compress", 1_000, 20_000, where=is_long & ~is_first)


def _cite(root: Step, *, where: Mask) -> None:
    chances = root.flow.chances
    is_question = drawn.WORKFLOW.code(chances) == drawn.QUESTION
    wanted = drawn.SOURCES.ask(chances)
    n_sources = np.where(is_question, np.minimum(wanted, drawn.count_documents(chances)), wanted)
    do(
        root,
        "rag.cite_sources",
        300,
        4_000,
        where=where,
        attributes={"source_count": n_sources},
        is_certain=True,
    )


def track(root: Step, *, is_last: bool) -> None:
    """Count the visit, nearly always at its end."""
    where = drawn.TRACKS_LAST.ask(root.flow.chances) == is_last
    do(root, "analytics.track", 50, 600, where=where)


def conclude(root: Step, is_answered: Mask, is_flagged: Mask, is_blocked: Mask) -> None:
    """Send the answer, redacted where moderation flagged it, or a refusal."""
    chances = root.flow.chances
    do(root, "content.redact", 200, 3_000, where=is_flagged)
    do(root, "chat.refuse", 100, 900, where=is_blocked | ~is_answered)
    attributes: Attributes = {
        "chat.part": root.flow.texts(drawn.name_of("part", "answer")),
        "chat.chunks": When(drawn.IS_STREAM.ask(chances), drawn.CHUNKS.ask(chances)),
    }
    do(root, "chat.respond", 500, 9_000, where=is_answered & ~is_blocked, attributes=attributes)
