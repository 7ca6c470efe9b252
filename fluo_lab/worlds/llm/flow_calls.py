"""Simulated: single spans, and what gateway and agent ask of the model, of moderation and of retrieval."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fluo_lab.traces.schema import SpanKind
from fluo_lab.worlds.llm import drawn
from fluo_lab.worlds.simulated import Step, Texts
from fluo_lab.worlds.simulated.values import Mask, Value

__all__ = ["Attributes", "Codes", "do", "generate", "moderate", "search", "select_row", "spend"]

Attributes = dict[str, Value]
Codes = NDArray[np.int64]

_LATE_US = 60_000_000


def spend(step: Step, what: str, low_us: int, high_us: int) -> None:
    """Let time pass; in a counterfactual run now and then much more of it, since no limit on it is planted."""
    step.work(what, low_us, high_us)
    if step.flow.run.is_counterfactual:
        is_late = step.flow.chances.happens(f"{what} is late", 0.02, turn=step.flow.next_turn())
        step.now_ns += is_late * (_LATE_US * 1000)


def do(
    step: Step,
    name: str,
    low_us: int,
    high_us: int,
    *,
    where: Mask | None = None,
    attributes: Attributes | None = None,
    kind: SpanKind = SpanKind.INTERNAL,
    turn: int = 0,
    is_certain: bool = False,
    error: tuple[str, str] | None = None,
) -> None:
    """Add a span without children, as habit has it: seldom it is left out, seldom it is there twice.

    Parameters
    ----------
    turn
        Tells it from others of its name.
    is_certain
        Whether it is never left out.
    error
        Type and message of the error in which it ends.
    """
    chances = step.flow.chances
    here = step.where if where is None else step.where & where
    if not is_certain:
        here = here & drawn.is_there(name).ask(chances, turn=turn)
    for mask in (here, here & ~drawn.is_single(name).ask(chances, turn=turn)):
        with step.span(name, where=mask, kind=kind, attributes=attributes) as one:
            spend(one, name, low_us, high_us)
            if error is not None:
                one.fail(*error)


def select_row(step: Step, table: str, *, where: Mask) -> None:
    """Read a row of a table."""
    attributes: Attributes = {
        "db.system.name": step.flow.texts(drawn.DATABASE),
        "db.operation.name": "SELECT",
        "db.collection.name": table,
    }
    do(step, f"SELECT {table}", 300, 6_000, where=where, kind=SpanKind.CLIENT, attributes=attributes)


def generate(step: Step, purpose: str, *, where: Mask, conversation: pl.Series, is_grounded: Mask) -> None:
    """Let a model write, and once more where the first attempt fails.

    Parameters
    ----------
    purpose
        One of ``drawn.PURPOSES``.
    conversation
        Ids of the conversations.
    is_grounded
        Whether the prompt holds retrieved passages.
    """
    chances = step.flow.chances
    is_pending = where
    for attempt in (1, 2):
        turn = drawn.turn_of(purpose, attempt)
        has_capacity = drawn.HAS_CAPACITY.ask(chances, turn=turn)
        is_late = has_capacity & drawn.MISSES_DEADLINE.ask(chances, turn=turn)
        with step.call("model", "POST", "/v1/generate", where=is_pending) as server:
            spend(server, "admission", 100, 2_000)
            counts = drawn.COUNTS_TOKENS.ask(chances, turn=turn)
            counts_first = drawn.COUNTS_TOKENS_FIRST.ask(chances, turn=turn)
            do(server, "tokens.count", 200, 3_000, where=counts & counts_first, turn=turn)
            _run_model(server, turn, has_capacity, is_late, conversation, is_grounded)
            do(server, "tokens.count", 200, 3_000, where=counts & ~counts_first & has_capacity, turn=turn)
            server.answer(np.where(~has_capacity, 503, np.where(is_late, 504, 200)))
        is_pending = is_pending & (~has_capacity | is_late)


def _run_model(server: Step, turn: int, runs: Mask, is_late: Mask, conversation: pl.Series, is_grounded: Mask) -> None:
    flow, chances = server.flow, server.flow.chances
    model = drawn.MODEL.code(chances, turn=turn)
    maker = np.array(drawn.MAKER_OF_MODEL)[model]
    reseller = drawn.RESELLER.code(chances, turn=turn)
    provider = np.where(drawn.IS_DIRECT.ask(chances, turn=turn), maker, reseller)
    maximum = np.array(drawn.MAX_TOKENS)[chances.pick_code("max tokens", drawn.MAX_TOKENS_WEIGHTS, turn=turn)]
    is_usual = drawn.IS_USUAL_MAXIMUM.ask(chances, turn=turn)
    maximum = np.where(is_usual, maximum, drawn.UNUSUAL_MAXIMUM.ask(chances, turn=turn))
    output = np.minimum(drawn.OUTPUT_WISH.ask(chances, turn=turn), np.minimum(maximum, drawn.TOKEN_LIMIT))
    attributes: Attributes = {
        "gen_ai.operation.name": flow.texts(drawn.OPERATION, turn=turn),
        "gen_ai.provider.name": Texts(provider, drawn.RESELLER.options),
        "gen_ai.request.model": Texts(model, drawn.MODEL.options),
        "gen_ai.request.max_tokens": maximum,
        "gen_ai.request.temperature": drawn.TENTHS_OF_TEMPERATURE.ask(chances, turn=turn) / 10,
        "gen_ai.conversation.id": conversation,
        "rag_enabled": is_grounded,
        "cloud.region": flow.texts(drawn.REGION, turn=turn),
    }
    with server.span("llm.generate", where=runs, attributes=attributes) as generation:
        start_ns = generation.now_ns.copy()
        generation.work("llm.generate", 300_000, 24_000_000)
        share = chances.uniform("time to the deadline", turn=flow.next_turn())
        deadline_ns = start_ns + 29_900_000_000 + (share * 95_000_000).astype(np.int64)
        generation.now_ns[is_late] = deadline_ns[is_late]
        generation.note("gen_ai.usage.input_tokens", drawn.INPUT_TOKENS.ask(chances, turn=turn))
        generation.note("gen_ai.usage.output_tokens", np.where(is_late, 0, output))
        generation.fail("provider.Timeout", "no completion before the deadline", where=is_late)


def moderate(step: Step, subject: str, *, where: Mask) -> Codes:
    """Return moderation's verdict on a text as a code of ``drawn.VERDICT``; it counts where it was asked for.

    Parameters
    ----------
    subject
        One of ``drawn.SUBJECTS``.
    """
    chances, turn = step.flow.chances, drawn.SUBJECTS.index(subject)
    verdict = step.flow.texts(drawn.verdict_on(subject), turn=turn)
    with step.call("moderation", "POST", "/v1/moderations", where=where) as server:
        spend(server, "moderation", 100, 1_000)
        attributes: Attributes = {
            "moderation.subject": step.flow.texts(drawn.name_of("subject", subject), turn=turn),
            "response_length": drawn.RESPONSE_LENGTH.ask(chances, turn=turn),
        }
        with server.span("content.moderate", attributes=attributes) as moderation:
            spend(moderation, "content.moderate", 2_000, 40_000)
            do(
                moderation,
                "moderation.classify",
                5_000,
                90_000,
                where=drawn.IS_UNSURE.ask(chances, turn=turn),
                attributes={"moderation.score": drawn.CLASSIFIER_SCORE.ask(chances, turn=turn) / 1_000},
                turn=turn,
            )
            moderation.note("verdict", verdict)
    return verdict.codes


def search(step: Step, *, where: Mask, times_out: Mask, may_lose: Mask) -> None:
    """Search for passages that answer the question.

    Parameters
    ----------
    times_out
        Where the answer comes too late.
    may_lose
        Where the span of the request may get lost.
    """
    chances = step.flow.chances
    is_new = drawn.IS_NEW_SEARCH.ask(chances)
    reranks, is_inside = drawn.RERANKS.ask(chances), drawn.RERANKS_INSIDE.ask(chances)
    is_last, embeds_first = drawn.RERANKS_LAST.ask(chances), drawn.EMBEDS_FIRST.ask(chances)
    kept: Attributes = {"kept": drawn.KEPT.ask(chances)}
    with step.call(
        "retrieval", "POST", "/v1/search", where=where, timeout_s=drawn.SEARCH_TIMEOUT_S, times_out=times_out
    ) as server:
        spend(server, "search", 200, 2_000)
        with server.span(
            "rag.retrieve",
            where=is_new,
            attributes={
                "retriever": step.flow.texts(drawn.RETRIEVER),
                "top_k": drawn.TOP_K.ask(chances),
                "query_length": drawn.QUERY_LENGTH.ask(chances),
            },
        ) as retrieval:
            do(retrieval, "rag.rerank", 2_000, 20_000, where=reranks & is_inside & ~is_last, attributes=kept)
            do(retrieval, "embed.query", 4_000, 30_000, where=embeds_first)
            _look_up(retrieval)
            do(retrieval, "embed.query", 4_000, 30_000, where=~embeds_first)
            do(retrieval, "rag.rerank", 2_000, 20_000, where=reranks & is_inside & is_last, attributes=kept)
            retrieval.note("document_count", drawn.count_documents(chances))
        do(server, "rag.rerank", 2_000, 20_000, where=reranks & ~is_inside, attributes=kept)
        server.now_ns += times_out * 300_000_000
        server.lose(may_lose & drawn.SEARCH_IS_LOST.ask(chances))


def _look_up(retrieval: Step) -> None:
    """Search vectors and keywords."""
    chances = retrieval.flow.chances
    is_hybrid = drawn.is_hybrid(chances)
    fuses = is_hybrid & drawn.is_there("hybrid.fuse").ask(chances)
    vectors_first = drawn.SEARCHES_VECTORS_FIRST.ask(chances)
    with retrieval.span("hybrid.fuse", where=fuses) as fusion:
        vectors = drawn.FUSES_VECTORS.ask(chances)
        _search_vectors(fusion, 1, where=vectors & vectors_first)
        do(fusion, "keyword.search", 1_000, 15_000, where=drawn.SEARCHES_KEYWORDS.ask(chances))
        _search_vectors(fusion, 1, where=vectors & ~vectors_first)
    _search_vectors(retrieval, 1, where=~fuses)
    has_second = ~is_hybrid & drawn.ASKS_SECOND_SHARD.ask(chances)
    _search_vectors(retrieval, 2, where=has_second)
    _search_vectors(retrieval, 3, where=has_second & ~drawn.ASKS_NO_THIRD_SHARD.ask(chances))


def _search_vectors(step: Step, shard: int, *, where: Mask) -> None:
    attributes: Attributes = {
        "db.system.name": step.flow.texts(drawn.VECTOR_STORE, turn=shard),
        "db.operation.name": "search",
        "db.collection.name": "passages",
        "db.response.returned_rows": drawn.PASSAGES.ask(step.flow.chances, turn=shard),
    }
    kind = SpanKind.CLIENT
    do(step, "vector.search", 1_000, 25_000, where=where, kind=kind, attributes=attributes, turn=shard)
