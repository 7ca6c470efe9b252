"""Live: retrieval."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from opentelemetry.trace import SpanKind

from fluo_lab.worlds.live.requests import Answer
from fluo_lab.worlds.llm import drawn
from fluo_lab.worlds.llm.service_calls import do

if TYPE_CHECKING:
    from fluo_lab.worlds.chance import Chance
    from fluo_lab.worlds.live.requests import Request
    from fluo_lab.worlds.live.service import Service

__all__ = ["serve_retrieval"]

_N_PASSAGES, _WIDTH = 400, 32


def serve_retrieval(service: Service) -> None:
    """Register the handlers of retrieval."""
    retrieval = _Retrieval(service)

    @service.route("POST", "/v1/search")
    def search(request: Request) -> Answer:
        chance = request.chance
        is_question = drawn.WORKFLOW.code(chance) == drawn.QUESTION
        service.work(0.2, 2.0)
        if drawn.IS_NEW_SEARCH.ask(chance):
            retrieval.retrieve(chance)
        if drawn.RERANKS.ask(chance) and not drawn.RERANKS_INSIDE.ask(chance):
            retrieval.rerank(chance)
        if is_question and drawn.SEARCH_TIMES_OUT.ask(chance):
            service.wait(2_000 * drawn.SEARCH_TIMEOUT_S)
        # Only where no incident can do harm, since a lost span would hide it.
        is_harmless = not drawn.IS_WRITTEN.ask(chance) or not (drawn.is_hybrid(chance) or drawn.IS_STREAM.ask(chance))
        if is_question and is_harmless and drawn.SEARCH_IS_LOST.ask(chance):
            service.lose(request.span)
        return Answer(200, {"document_count": drawn.count_documents(chance)})

    @service.consumes("feedback")
    def learn(request: Request) -> None:
        do(service, request.chance, "ranking.update", 0.5, 8.0)


class _Retrieval:
    """Searches a small store of passages."""

    def __init__(self, service: Service) -> None:
        self._service = service
        numbers = np.arange(_N_PASSAGES * _WIDTH, dtype=np.float64)
        self._passages = np.sin(numbers).reshape(_N_PASSAGES, _WIDTH)

    def retrieve(self, chance: Chance) -> None:
        """Find passages; nothing else reaches the store."""
        service = self._service
        reranks = drawn.RERANKS.ask(chance) and drawn.RERANKS_INSIDE.ask(chance)
        reranks_last, embeds_first = drawn.RERANKS_LAST.ask(chance), drawn.EMBEDS_FIRST.ask(chance)
        with service.tracer.start_as_current_span("rag.retrieve") as span:
            span.set_attribute("retriever", drawn.RETRIEVER.pick(chance))
            span.set_attribute("top_k", drawn.TOP_K.ask(chance))
            span.set_attribute("query_length", drawn.QUERY_LENGTH.ask(chance))
            if reranks and not reranks_last:
                self.rerank(chance)
            if embeds_first:
                do(service, chance, "embed.query", 1.0, 8.0)
            self._look_up(chance)
            if not embeds_first:
                do(service, chance, "embed.query", 1.0, 8.0)
            if reranks and reranks_last:
                self.rerank(chance)
            span.set_attribute("document_count", drawn.count_documents(chance))

    def rerank(self, chance: Chance) -> None:
        """Put the best passages first."""
        do(self._service, chance, "rag.rerank", 0.5, 6.0, attributes={"kept": drawn.KEPT.ask(chance)})

    def _look_up(self, chance: Chance) -> None:
        """Search vectors and keywords."""
        is_hybrid = drawn.is_hybrid(chance)
        if is_hybrid and drawn.is_there("hybrid.fuse").ask(chance):
            self._fuse(chance)
        else:
            self._search_vectors(chance, 1)
        if not is_hybrid and drawn.ASKS_SECOND_SHARD.ask(chance):
            self._search_vectors(chance, 2)
            if not drawn.ASKS_NO_THIRD_SHARD.ask(chance):
                self._search_vectors(chance, 3)

    def _fuse(self, chance: Chance) -> None:
        fuses_vectors, vectors_first = drawn.FUSES_VECTORS.ask(chance), drawn.SEARCHES_VECTORS_FIRST.ask(chance)
        with self._service.tracer.start_as_current_span("hybrid.fuse"):
            if fuses_vectors and vectors_first:
                self._search_vectors(chance, 1)
            if drawn.SEARCHES_KEYWORDS.ask(chance):
                do(self._service, chance, "keyword.search", 0.5, 6.0)
            if fuses_vectors and not vectors_first:
                self._search_vectors(chance, 1)

    def _search_vectors(self, chance: Chance, shard: int) -> None:
        query = self._passages[chance.integer("query vector", 0, _N_PASSAGES - 1, turn=shard)]
        np.argsort(self._passages[shard - 1 :: 3] @ query)
        attributes: dict[str, str | bool | int | float] = {
            "db.system.name": drawn.VECTOR_STORE.pick(chance, turn=shard),
            "db.operation.name": "search",
            "db.collection.name": "passages",
            "db.response.returned_rows": drawn.PASSAGES.ask(chance, turn=shard),
        }
        kind = SpanKind.CLIENT
        do(self._service, chance, "vector.search", 0.5, 6.0, attributes=attributes, kind=kind, turn=shard)
