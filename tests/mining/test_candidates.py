"""The list itself: records, evidence, and answers about what is missing from it."""

import polars as pl
import pytest

from fluo_lab.engine import Verdict, evaluate
from fluo_lab.errors import RuleError, UsageError
from fluo_lab.language import parse_rule, print_rule
from fluo_lab.mining import mine
from fluo_lab.mining.families import FAMILIES
from fluo_lab.mining.labels import Looks
from fluo_lab.mining.landscape import Landscape
from fluo_lab.mining.occurrences import Occurrences
from fluo_lab.mining.settings import Settings
from fluo_lab.traces import SpanBatch, TracesBuilder
from fluo_lab.traces.schema import RAW_SPANS

KEYS = [
    "rank",
    "list",
    "text",
    "reading",
    "family",
    "left",
    "right",
    "left_where",
    "right_where",
    "field",
    "right_field",
    "value",
    "values",
    "limit_low",
    "limit",
    "unit",
    "order",
    "context",
    "members",
    "guard_low",
    "guard_high",
    "support",
    "violations_good",
    "violations_bad",
    "confirm_rate",
    "confirm_low",
    "confirm_high",
    "lift",
    "q_value",
    "incidents",
]


def test_every_candidate_reads_back_as_its_own_tree(mined):
    assert len(mined) > 10
    for candidate in mined:
        assert parse_rule(candidate.text) == candidate.tree
        assert candidate.reading


def test_every_record_has_every_key_and_ranks_run_from_one(mined):
    records = mined.to_dicts()
    assert all(list(record) == KEYS for record in records)
    assert [record["rank"] for record in records] == list(range(1, len(records) + 1))


def test_broken_candidates_come_before_those_never_broken(mined):
    assert [*mined.broken, *mined.never_broken] == list(mined)
    assert mined.broken
    assert mined.never_broken


def test_the_frame_has_a_row_a_candidate(mined):
    frame = mined.frame()
    assert frame.height == len(mined)
    assert frame["text"].to_list() == [c.text for c in mined]
    assert frame.filter(pl.col("violations_good") + pl.col("violations_bad") > 0)["list"].unique().to_list() == [
        "broken"
    ]


def test_evidence_is_what_the_engine_says(mined, harmed_shop):
    bad = {trace for traces in harmed_shop.harmed.values() for trace in traces}
    evaluation = evaluate([c.tree for c in mined], harmed_shop.traces)
    for number, candidate in enumerate(mined):
        violating = set(evaluation.trace_ids(number, Verdict.VIOLATION))
        assert set(candidate.evidence.violating_bad) == violating & bad
        assert set(candidate.evidence.violating_good) == violating - bad
        assert candidate.evidence.support == evaluation.counts(number).applicable
        assert set(candidate.evidence.satisfying) <= set(evaluation.trace_ids(number, Verdict.PASS))


def test_every_family_counts_violations_as_the_engine_does(harmed_shop):
    traces = harmed_shop.traces.filter(~pl.col("is_incomplete"))  # incomplete ones are no evidence to mining
    looks = Looks.of(traces, (), {}, judge_incomplete=False)
    land = Landscape(traces, looks, Settings(), Occurrences(traces, min_traces=8))
    for family in FAMILIES:
        drafts = list(family(land))
        assert drafts, family
        verdicts = evaluate([d.shape.tree for d in drafts], traces).verdicts
        for draft, verdict in zip(drafts, verdicts, strict=True):
            text = print_rule(draft.shape.tree)
            assert (verdict == Verdict.VIOLATION).nonzero()[0].tolist() == draft.violating().tolist(), text
            assert (verdict != Verdict.NOT_APPLICABLE).nonzero()[0].tolist() == draft.rows.tolist(), text


def test_equal_traces_give_equal_candidates(mined, harmed_shop):
    assert harmed_shop.mine().to_dicts() == mined.to_dicts()


def test_the_limit_is_kept_and_what_it_cuts_off_can_be_asked_for(mined, harmed_shop):
    few = mine(harmed_shop.traces, bad=harmed_shop.harmed["retry-with-new-intent"], limit=3)
    assert len(few) == 3
    beyond = next(c for c in mined if few.find(c.text) is None)
    assert "beyond the 3 candidates asked for" in few.why_not(beyond.text)


@pytest.mark.parametrize(
    ("rule", "answer"),
    [
        ("when { has(payment.charge) } always { has(inventory.reserve) }", "implied by candidate"),
        (
            "when { has(payment.charge) } always { distinct(payment.charge, payment_intent_id) == 1 }",
            "it is candidate 2",
        ),
        ("when { has(cart.add_item) } always { has(payment.charge) }", "no family proposed it: broken on"),
    ],
)
def test_why_not_answers_with_a_reason_and_numbers(mined, rule, answer):
    assert mined.why_not(rule).startswith(answer)


def test_every_dropped_rule_has_a_reason_and_is_not_listed(mined):
    assert len(mined.dropped) > 100
    assert all(dropped.reason for dropped in mined.dropped)
    listed = {c.tree for c in mined}
    assert not any(d.shape.tree in listed for d in mined.dropped)


def test_why_not_of_no_rule_is_an_error(mined):
    with pytest.raises(RuleError):
        mined.why_not("when { has( }")


def test_no_traces_give_no_candidates():
    builder = TracesBuilder()
    builder.add(SpanBatch(spans=pl.DataFrame(schema=RAW_SPANS)))
    mined = mine(builder.finish())
    assert list(mined) == []
    assert mined.frame().is_empty()


def test_a_limit_of_nothing_is_refused(harmed_shop):
    with pytest.raises(UsageError, match="limit is 0"):
        mine(harmed_shop.traces, limit=0)


def test_a_label_of_no_loaded_trace_is_refused(harmed_shop):
    with pytest.raises(UsageError, match="1 of 1 labelled traces are not loaded"):
        mine(harmed_shop.traces, bad=["feedfacefeedfacefeedfacefeedface"])
