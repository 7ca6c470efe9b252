"""Cards and waterfalls as markup: what they say, and that an untrusted notebook keeps all of it."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest
from sample import N_NEW_INTENT, N_SPANS, N_TRACES

from fluo_lab.engine import Verdict
from fluo_lab.errors import UsageError
from fluo_lab.lab import card, profile, waterfall
from fluo_lab.lab.html import tag
from fluo_lab.lab.palette import colour_services
from fluo_lab.mining import mine
from fluo_lab.rules import Rule, RuleBook, check
from fluo_lab.traces import PlainSpan, StatusCode, Traces, traces_from_spans

INTENT = Rule(
    "trace.has(payment.charge).where(attempt > 1) and trace.distinct(payment.charge, payment_intent_id) == 1",
    id="one-intent",
)
RECEIPT = Rule("trace.has(payment.charge) and trace.has(notification.receipt)", id="receipt")

ReadMarkup = Callable[[str], tuple[list[str], str]]


def test_every_card_of_the_sample_is_made_of_what_a_sanitizer_keeps(sample: Traces, read_markup: ReadMarkup) -> None:
    result = INTENT.test(sample)
    candidates = mine(sample, bad=result.trace_ids(Verdict.VIOLATION))
    book = RuleBook([INTENT, RECEIPT])
    shown = [sample, sample.trace(result[0].trace_id), INTENT, book, result, check(book, sample), result[0]]
    pieces = [card(one) for one in [*shown, candidates, candidates[0], sample.profile()]]
    pieces += [profile(sample), waterfall(sample, result[0].trace_id, explanation=result[0], attributes=["attempt"])]
    for piece in pieces:
        assert read_markup(piece.markup)[0] == []


def test_no_name_and_no_value_becomes_markup(hostile: Traces, read_markup: ReadMarkup) -> None:
    trace_id = hostile.traces["trace_id"][0]
    result = Rule('trace.has("*script*") and trace.has("</div><script>")').test(hostile)
    pieces = [
        card(hostile),
        card(hostile.trace(trace_id)),
        card(hostile.attributes(hostile.span_names[0])),
        card(result),
        card(result[0]),
        card(result.rule),
        profile(hostile),
        waterfall(hostile, trace_id, explanation=result[0], attributes=list(hostile.span_attributes(0))),
    ]
    for piece in pieces:
        assert "<script" not in piece.markup
        assert "<img" not in piece.markup
        assert read_markup(piece.markup)[0] == []
    assert "<script>" in read_markup(pieces[-1].markup)[1]


def test_the_traces_card_counts_everything_and_names_the_problems(sample: Traces, read_markup: ReadMarkup) -> None:
    text = read_markup(card(sample).markup)[1]
    assert f"{N_TRACES:,} traces · {sample.n_incomplete} of them incomplete · {N_SPANS:,} spans · " in text
    assert f" · {len(sample.services)} services · " in text
    assert f" · {len(sample.span_names)} span names · 0 problems" in text
    n_payments = sample.spans.filter(pl.col("service") == "payments").height
    assert f"payments{n_payments:,}" in text


def test_verdicts_are_shown_by_glyph_word_and_number(sample: Traces, read_markup: ReadMarkup) -> None:
    result = INTENT.test(sample)
    counts = result.counts
    text = read_markup(card(result).markup)[1]
    for shown in (
        f"✔ {counts.passed} holds",
        f"✖ {N_NEW_INTENT} violated",
        f"? {counts.inconclusive} cannot know",
        f"— {counts.not_applicable} did not apply",
        f"… {N_NEW_INTENT - 3} more violations",
    ):
        assert shown in text
    assert f"{100 * counts.passed / (counts.passed + N_NEW_INTENT):.1f} % of the" in text


def test_a_rule_that_applies_nowhere_shows_no_pass_rate(sample: Traces, read_markup: ReadMarkup) -> None:
    text = read_markup(card(Rule("trace.has(nowhere) and trace.has(at.all)").test(sample)).markup)[1]
    assert "proves nothing" in text
    assert "100 %" not in text


def test_a_missing_span_is_drawn_dashed_after_the_span_that_asked_for_it(
    sample: Traces, read_markup: ReadMarkup
) -> None:
    explanation = RECEIPT.test(sample)[0]
    drawn = waterfall(sample, explanation.trace_id, explanation=explanation).markup
    assert drawn.count("1px dashed #d55e00") == 1
    text = read_markup(drawn)[1]
    assert text.index("◆ ⚠ payment.charge") < text.index("∅ notification.receipt")
    assert "no notification.receipt span" in text


def test_broken_spans_are_marked_and_their_values_stand_below_them(sample: Traces, read_markup: ReadMarkup) -> None:
    explanation = INTENT.test(sample)[0]
    attributes = ["attempt", "payment_intent_id"]
    drawn = waterfall(sample, explanation.trace_id, explanation=explanation, attributes=attributes)
    text = read_markup(drawn.markup)[1]
    assert text.count("✖ payment.charge") + text.count("✖ ⚠ payment.charge") == len(explanation.broken_rows) == 2
    assert "attempt = 1" in text
    assert "attempt = 2" in text


def long_trace(n: int) -> Traces:
    root = PlainSpan("root", span_id=f"{1:016x}", end_ns=n * 1_000)
    children = [
        PlainSpan(
            f"step-{at}",
            span_id=f"{at:016x}",
            parent_span_id=root.span_id,
            start_ns=at * 1_000,
            end_ns=at * 1_000 + 500,
            status=StatusCode.ERROR if at % 128 == 0 else StatusCode.UNSET,
        )
        for at in range(2, n + 1)
    ]
    return traces_from_spans([root, *children])


def test_a_long_trace_is_cut_at_200_rows_and_the_rest_is_counted(read_markup: ReadMarkup) -> None:
    traces = long_trace(512)
    text = read_markup(waterfall(traces, traces.traces["trace_id"][0]).markup)[1]
    assert "… 312 more spans, 3 errors" in text
    assert "step-200 " in text.replace("no service", " ")
    assert "step-201" not in text


def test_marked_spans_are_shown_however_late_they_come(read_markup: ReadMarkup) -> None:
    traces = long_trace(512)
    explanation = Rule("trace.has(step-512) and trace.has(step-513)").test(traces)[0]
    drawn = waterfall(traces, explanation.trace_id, explanation=explanation, limit=20)
    text = read_markup(drawn.markup)[1]
    assert "◆ ⚠ step-512" in text
    assert "… 492 more spans, 3 errors" in text


def test_a_cycle_of_parents_can_be_drawn(read_markup: ReadMarkup) -> None:
    a = PlainSpan("a", span_id="a" * 16, parent_span_id="b" * 16, end_ns=10)
    b = PlainSpan("b", span_id="b" * 16, parent_span_id="a" * 16, end_ns=10)
    traces = traces_from_spans([a, b])
    lost, text = read_markup(waterfall(traces, traces.traces["trace_id"][0]).markup)
    assert lost == []
    assert "incomplete" in text


def test_services_keep_their_colour_when_there_are_enough() -> None:
    few = colour_services(["cart", "payment"])
    assert len(set(few.values())) == 2
    many = colour_services([f"service-{n}" for n in range(20)])
    assert len(many) == 20
    assert len(set(many.values())) == 8


def test_a_table_shows_one_page_and_counts_the_rest(read_markup: ReadMarkup) -> None:
    text = read_markup(card(pl.DataFrame({"n": range(100)})).markup)[1]
    assert "… 75 more rows" in text


def test_what_has_no_card_is_refused() -> None:
    with pytest.raises(UsageError, match="no card for int"):
        card(5)


def test_markup_that_would_be_dropped_cannot_be_built() -> None:
    with pytest.raises(ValueError, match="<script>"):
        tag("script", "1")


def test_a_value_is_shown_by_the_key_it_is_read_from(read_markup: ReadMarkup) -> None:
    traces = traces_from_spans([PlainSpan("GET", attributes={"http.method": "GET"})])
    drawn = waterfall(traces, traces.traces["trace_id"][0], attributes=["http.request.method"])
    assert "http.method = GET" in read_markup(drawn.markup)[1]
