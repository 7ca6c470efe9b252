"""Live: how the gateway answers a message, be it chat or a question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluo_lab.worlds.live.requests import ServiceTimeout
from fluo_lab.worlds.llm import drawn
from fluo_lab.worlds.llm.service_calls import check_prompt, do, generate, moderate, select_row

if TYPE_CHECKING:
    from fluo_lab.worlds.chance import Chance
    from fluo_lab.worlds.live.service import Service

__all__ = ["Message", "load_conversation"]


class Message:
    """One message on its way to an answer."""

    def __init__(self, service: Service, chance: Chance) -> None:
        self._service = service
        self._chance = chance
        self._is_question = drawn.WORKFLOW.code(chance) == drawn.QUESTION
        self._needs_model = not self._is_question or drawn.IS_WRITTEN.ask(chance)
        self._uses_cache = not drawn.IS_FRESH.ask(chance) and drawn.TRUSTS_CACHE.ask(chance)
        self._rewrites = self._is_question and drawn.REWRITES.ask(chance)
        # What a model will read is always checked, and before it reads it.
        is_read = self._rewrites or (self._needs_model and not self._uses_cache)
        self._checks = is_read or drawn.CHECKS_ANYWAY.ask(chance)
        checks_early = self._rewrites or not self._is_question or drawn.CHECKS_BEFORE_SEARCH.ask(chance)
        self._checks_late = self._checks and not checks_early
        self._is_unmoderated = False
        self._is_uncited = False

    def answer(self) -> str | None:
        """Return moderation's verdict on the answer, None when the prompt is refused."""
        chance, service = self._chance, self._service
        if drawn.CHECKS_QUOTA_FIRST.ask(chance):
            do(service, chance, "quota.check", 0.1, 2.0, attributes={"quota.left": drawn.QUOTA_LEFT.ask(chance)})
        loads_early, loads_first = drawn.LOADS_EARLY.ask(chance), drawn.LOADS_FIRST.ask(chance)
        if loads_early and loads_first:
            load_conversation(service, chance)
        is_clean = self._checks_late or not self._checks or check_prompt(service, chance, 0)
        if loads_early and not loads_first:
            load_conversation(service, chance)
        verdict = self._look_up_or_compose() if is_clean else None
        self._show_symptoms()
        for turn in (1, 2):
            if drawn.CHECKS_ONCE.ask(chance, turn=turn):
                break
            check_prompt(service, chance, turn)
        return verdict

    def _look_up_or_compose(self) -> str | None:
        """Return the verdict on an answer from the cache or on a new one, None when the prompt is refused."""
        chance = self._chance
        reads_first = drawn.READS_CACHE_FIRST.ask(chance)
        if self._uses_cache or reads_first:
            self._read_cache()
        if self._uses_cache:
            return moderate(self._service, "answer") if drawn.RECHECKS_CACHED.ask(chance) else "allow"
        is_rewritten = self._rewrites and generate(self._service, "rewrite", chance)
        is_grounded = self._is_question and self._search()
        if self._checks_late and not check_prompt(self._service, chance, 0):
            verdict = None
        elif drawn.IS_FOUND.ask(chance) if is_grounded else self._needs_model:
            verdict = self._compose(is_grounded=is_grounded, is_rewritten=is_rewritten)
        else:
            verdict = moderate(self._service, "answer") if is_rewritten else "allow"
        if not reads_first:
            self._read_cache()
        return verdict

    def _compose(self, *, is_grounded: bool, is_rewritten: bool) -> str:
        """Write the answer, or quote the passages as they are, and return moderation's verdict."""
        chance, service = self._chance, self._service
        # Only answers that a model writes are open to the incidents, not those it never comes to write.
        will_write = self._needs_model and drawn.reaches_model(chance, "answer")
        if will_write and is_grounded and drawn.is_hybrid(chance):
            self._is_uncited = service.suffers("missing-citation", chance)
        cites = not self._is_uncited if is_grounded else not self._is_question and drawn.CITES_CHAT.ask(chance)
        cites_first = drawn.CITES_FIRST.ask(chance)
        cites_late = not cites_first and not drawn.CITES_BEFORE_MODERATION.ask(chance)
        shortens_first = drawn.SHORTENS_FIRST.ask(chance)
        if shortens_first:
            self._shorten()
        if cites and cites_first:
            self._cite()
        if not shortens_first:
            self._shorten()
        is_written = self._needs_model and generate(service, "answer", chance, is_grounded=is_grounded)
        if cites and not cites_first and not cites_late:
            self._cite()
        if is_written and drawn.IS_STREAM.ask(chance):
            self._is_unmoderated = service.suffers("unmoderated-output", chance)
        is_moderated = (is_written or is_rewritten) and not self._is_unmoderated
        verdict = moderate(service, "answer") if is_moderated else "allow"
        if cites and cites_late:
            self._cite()
        return verdict

    def _read_cache(self) -> None:
        """Look for the answer in the cache; what is found there is seldom not to be trusted."""
        hit = {"cache.hit": not drawn.IS_FRESH.ask(self._chance)}
        is_certain = self._uses_cache
        do(self._service, self._chance, "answer.cache_read", 0.1, 1.0, attributes=hit, is_certain=is_certain)

    def _search(self) -> bool:
        """Return whether the search came back in time."""
        # Only a search that is late by itself gets a limit: a busy machine must not make others late.
        is_late = drawn.SEARCH_TIMES_OUT.ask(self._chance)
        timeout_s = drawn.SEARCH_TIMEOUT_S if is_late else None
        try:
            self._service.call("retrieval", "POST", "/v1/search", timeout_s=timeout_s)
        except ServiceTimeout:
            return False
        return True

    def _shorten(self) -> None:
        """Compress a long prompt and offload its context, in one order or the other."""
        chance = self._chance
        if drawn.PROMPT_LENGTH.ask(chance) > drawn.LONG_PROMPT:
            names = ["prompt.compress", "context.offload"]
            for name in names if drawn.COMPRESSES_FIRST.ask(chance) else reversed(names):
                do(self._service, chance, name, 0.5, 6.0)

    def _cite(self) -> None:
        """Cite sources, never more than there are passages."""
        wanted = drawn.SOURCES.ask(self._chance)
        n_sources = min(wanted, drawn.count_documents(self._chance)) if self._is_question else wanted
        attributes = {"source_count": n_sources}
        do(self._service, self._chance, "rag.cite_sources", 0.3, 4.0, attributes=attributes, is_certain=True)

    def _show_symptoms(self) -> None:
        """Do what happens in the wake of incidents, and now and then without one."""
        chance = self._chance
        is_noticed = drawn.NOTICES_LATE.ask(chance)
        escalates = is_noticed and drawn.ESCALATES.ask(chance)
        if escalates or (self._is_unmoderated and drawn.ESCALATES_HARMED.ask(chance)):
            do(self._service, chance, "abuse.escalate", 0.5, 4.0)
        apologises = is_noticed and drawn.APOLOGISES.ask(chance)
        if apologises or (self._is_uncited and drawn.APOLOGISES_HARMED.ask(chance)):
            do(self._service, chance, "answer.disclaim", 0.1, 0.9)


def load_conversation(service: Service, chance: Chance) -> None:
    """Load the visit's conversation, or the one it was forked from; some visits have none."""
    if not drawn.is_there("conversation.load").ask(chance):
        return
    what = "conversation" if drawn.IS_OWN_CONVERSATION.ask(chance) else "forked conversation"
    for _ in range(1 if drawn.is_single("conversation.load").ask(chance) else 2):
        with service.tracer.start_as_current_span("conversation.load") as span:
            span.set_attribute("gen_ai.conversation.id", chance.new_id("conv", what))
            span.set_attribute("message_count", drawn.MESSAGE_COUNT.ask(chance))
            service.work(0.1, 1.5)
            if drawn.READS_DATABASE.ask(chance):
                select_row(service, chance, "conversations")
