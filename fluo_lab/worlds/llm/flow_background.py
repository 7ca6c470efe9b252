"""Simulated: summaries written in the background, feedback, and the reading of old conversations."""

from __future__ import annotations

import numpy as np

from fluo_lab.traces.schema import SpanKind
from fluo_lab.worlds.llm import drawn
from fluo_lab.worlds.llm.flow_calls import Attributes, do, generate, moderate, select_row, spend
from fluo_lab.worlds.llm.flow_messages import check_prompt, load_conversation, track
from fluo_lab.worlds.simulated import Flow, Step
from fluo_lab.worlds.simulated.values import Mask

__all__ = ["read_history", "record_feedback", "summarise_documents"]


def summarise_documents(flow: Flow) -> None:
    """Add the spans of visits that have a document summarised."""
    chances = flow.chances
    loads_first = drawn.LOADS_DOCUMENT_FIRST.ask(chances)
    is_unknown = drawn.IS_UNKNOWN.ask(chances)
    path = "/v1/documents/" + flow.ids("doc", "document") + "/summary"
    with flow.request("gateway", "POST", "/v1/documents/{id}/summary", path=path) as root:
        spend(root, "documents", 200, 1_500)
        track(root, is_last=False)
        _load_document(root, where=loads_first)
        is_sent = is_unknown
        for delivery in range(1, drawn.MAX_DELIVERIES + 1):
            if delivery > 1:
                is_sent = is_sent & drawn.REDELIVERS.ask(chances, turn=delivery)
            with root.publish("documents", to="agent", attributes={}, where=is_sent) as message:
                is_new = drawn.IS_NEW_DOCUMENT.ask(chances) & (delivery == 1)
                do(message, "summary.find", 200, 2_000, where=~is_new, turn=delivery)
                if delivery == 1:
                    _summarise(message, where=is_sent & is_new)
        _load_document(root, where=~loads_first)
        track(root, is_last=True)
        root.answer(np.where(is_unknown, 202, 200))


def _load_document(root: Step, *, where: Mask) -> None:
    chances = root.flow.chances
    where = where & drawn.is_there("document.load").ask(chances)
    pages: Attributes = {"document.pages": drawn.PAGES.ask(chances)}
    for mask in (where, where & ~drawn.is_single("document.load").ask(chances)):
        with root.span("document.load", where=mask, attributes=pages) as loading:
            spend(loading, "document.load", 300, 3_000)
            select_row(loading, "documents", where=drawn.READS_DOCUMENT.ask(chances))


def _summarise(message: Step, *, where: Mask) -> None:
    flow, chances = message.flow, message.flow.chances
    nobody, conversation = flow.nobody(), flow.ids("conv", "conversation")
    stores_last, delivers_last = drawn.STORES_LAST.ask(chances), drawn.DELIVERS_LAST.ask(chances)
    splits_first = drawn.SPLITS_FIRST.ask(chances)
    pages: Attributes = {"document.pages": drawn.PAGES.ask(chances, turn=1)}
    is_long = where & drawn.IS_LONG_DOCUMENT.ask(chances)
    has_second = is_long & drawn.HAS_SECOND_CHAPTER.ask(chances)
    has_first_text, has_second_text = (
        drawn.reaches_model(chances, purpose) for purpose in ("summary", "second summary")
    )

    do(message, "document.split", 500, 9_000, where=where & splits_first, attributes=pages)
    do(message, "webhook.deliver", 10_000, 400_000, where=where & ~delivers_last, kind=SpanKind.CLIENT)
    _store(message, where=where & ~stores_last)
    check_prompt(message, 0, where=is_long)
    generate(message, "summary", where=is_long, conversation=conversation, is_grounded=nobody)
    generate(message, "second summary", where=has_second, conversation=conversation, is_grounded=nobody)
    is_moderated = (is_long & has_first_text) | (has_second & has_second_text)
    verdict = moderate(message, "summary", where=is_moderated)
    is_blocked = is_moderated & (verdict == 2)
    do(message, "chat.refuse", 100, 900, where=is_blocked)
    _store(message, where=where & stores_last & ~is_blocked)
    do(message, "document.split", 500, 9_000, where=where & ~splits_first, attributes=pages)
    is_delivered = where & delivers_last & ~is_blocked
    do(message, "webhook.deliver", 10_000, 400_000, where=is_delivered, kind=SpanKind.CLIENT)


def _store(message: Step, *, where: Mask) -> None:
    attributes: Attributes = {"summary.length": drawn.SUMMARY_LENGTH.ask(message.flow.chances)}
    with message.span("summary.store", where=where, attributes=attributes) as storing:
        spend(storing, "summary.store", 500, 6_000)


def record_feedback(flow: Flow) -> None:
    """Add the spans of visits that rate an answer, some of them by a double click."""
    chances = flow.chances
    form: Attributes = {"feedback.id": flow.ids("feedback", "feedback form")}
    records, records_first = drawn.IS_RECORDED.ask(chances), drawn.RECORDS_FIRST.ask(chances)
    screens, screens_first = drawn.HAS_COMMENT.ask(chances), drawn.SCREENS_FIRST.ask(chances)
    rating: Attributes = {**form, "feedback.rating": drawn.RATING.ask(chances)}
    with flow.request("gateway", "POST", "/v1/feedback") as root:
        spend(root, "feedback", 200, 1_500)
        track(root, is_last=False)
        _record(root, rating, where=records & records_first)
        _screen(root, where=screens & screens_first)
        with root.publish("feedback", to="retrieval", attributes={}, where=drawn.ANNOUNCES.ask(chances)) as message:
            do(message, "ranking.update", 1_000, 20_000)
        _screen(root, where=screens & ~screens_first)
        _record(root, rating, where=records & ~records_first)
        track(root, is_last=True)
        root.answer(201)
    is_double = drawn.IS_DOUBLE_CLICK.ask(chances)
    with flow.request("gateway", "POST", "/v1/feedback", part=1, where=is_double, after_us=120_000) as root:
        do(root, "feedback.find", 100, 1_000, attributes=form)


def _record(root: Step, attributes: Attributes, *, where: Mask) -> None:
    with root.span("feedback.record", where=where, attributes=attributes) as recording:
        spend(recording, "feedback.record", 300, 4_000)


def _screen(root: Step, *, where: Mask) -> None:
    with root.call("moderation", "POST", "/v1/moderations", where=where) as server:
        do(server, "comment.screen", 300, 5_000)


def read_history(flow: Flow) -> None:
    """Add the spans of visits that read an old conversation."""
    conversation = flow.ids("conv", "conversation")
    path = "/v1/conversations/" + conversation
    with flow.request("gateway", "GET", "/v1/conversations/{id}", path=path) as root:
        spend(root, "conversations", 200, 1_500)
        track(root, is_last=False)
        load_conversation(root, conversation, where=flow.everybody())
        track(root, is_last=True)
