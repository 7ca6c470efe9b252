"""What explanations say: exact sentences for small traces, and what holds of every explanation."""

import generated
import generated_rules
import numpy as np
import pytest
import span_notes
from hypothesis import given, settings
from hypothesis import strategies as st

from fluo_lab.engine import Verdict, evaluate
from fluo_lab.engine.atoms import Evaluator
from fluo_lab.engine.explanation.near_relations import pair_of
from fluo_lab.engine.explanation.near_spans import SpanMisses
from fluo_lab.engine.explanation.unit_view import UnitView
from fluo_lab.engine.units import units_of_traces
from fluo_lab.language import Every, Has, Relation, Selection, parse_rule, print_condition, walk
from fluo_lab.traces import traces_from_spans


def explained(rule, notes, **options):
    """The explanation of the first trace of some noted spans; times are in microseconds."""
    return evaluate([parse_rule(rule)], traces_from_spans(span_notes.spans_of(notes)), **options).explain(0, 0)


def every_charge(must):
    return f"always {{ every(charge).must({must}) }}"


@pytest.mark.parametrize(
    ("rule", "broken"),
    [
        ("always { charge and check }", "trace.has(check)"),
        ("always { charge and (check or refund) }", "trace.has(check) or trace.has(refund)"),
        ("never { refund or charge }", "not trace.has(charge)"),
        ("always { charge } never { not check }", "trace.has(check)"),
        ("always { not (refund or charge) }", "not trace.has(charge)"),
        ("never { charge and root }", "not (trace.has(charge) and trace.has(root))"),
        ("always { charge }", None),
        ("when { check } always { refund }", None),
    ],
)
def test_the_smallest_broken_obligation_is_named(rule, broken):
    found = explained(rule, "root 0-9; charge 1-2").broken
    assert (None if found is None else print_condition(found)) == broken


@pytest.mark.parametrize(
    ("rule", "notes", "why"),
    [
        (
            "when { charge } always { check }",
            "root 0-9; charge 1-2",
            "The trace has a charge span, but no check span.",
        ),
        (
            "when { charge } never { refund }",
            "root 0-9; charge 1-2; refund 2-3; refund 2-3 #2",
            "The trace has a charge span, but also 2 refund spans.",
        ),
        (
            "always { check }",
            "root 0-9",
            "The rule applies to every trace, but this one has no check span.",
        ),
        (
            "when { charge.where(amount > 10) } always { check }",
            "root 0-9; charge 1-2 amount=9",
            "The rule does not apply: the trace has no charge span with amount above 10 (of 1 with that name). "
            "The nearest miss: charge exists, but amount is 9, the limit is 10.",
        ),
        (
            "when { charge } always { check and every(charge).must(after(check)) }",
            "root 0-9; charge 5-6; check 1-3",
            "The trace has a charge span, and all that is required holds: a check span and every charge span starts "
            "after a finished check span (check ends 2us before charge starts).",
        ),
        (
            "when { charge } always { every(charge).must(after(check)) }",
            "root 0-9; charge 5-6",
            "The trace has a charge span, but the charge span breaks the requirement that every charge span starts "
            "after a finished check span (there is no check span).",
        ),
        (
            "when { charge } always { check }",
            "charge 1-2 ^gone",
            "The trace has a charge span; no check span, but the trace is incomplete (it has no root span and a span "
            "has a parent that is not there), so spans may be missing.",
        ),
        (
            "when { charge } never { refund }",
            "root 0-9; charge 1-2 ^gone; step 1-2 ^gone",
            "The trace has a charge span; all that is required holds so far, but the trace is incomplete (2 spans "
            "have parents that are not there), so more spans may come.",
        ),
    ],
)
def test_why_is_a_sentence_or_two(rule, notes, why):
    assert explained(rule, notes).why == why


def test_within_the_clock_tolerance_the_pair_in_doubt_is_shown():
    notes = "root 0-99; check 1-3; charge 5-6"
    assert explained(every_charge("after(check)"), notes, span_skew_ns=1000).verdict is Verdict.PASS
    explanation = explained(every_charge("after(check)"), notes, span_skew_ns=5000)
    assert explanation.verdict is Verdict.INCONCLUSIVE
    assert explanation.why.endswith("the clock tolerance of 5us (check ends 2us before charge starts).")


def test_a_partner_that_is_not_there_is_missing():
    missing = explained(every_charge("after(check)"), "root 0-9; charge 1-2").missing
    assert [(one.text, one.selection) for one in missing] == [
        ("no check span", parse_rule("always { check }").always.selection)
    ]


# --- whatever the rule and the trace ------------------------------------------------------------------------


ANY = given(
    generated.cases(),
    generated_rules.batches(generated_rules.rules(across=generated_rules.EITHER), min_size=2, max_size=5),
    generated.skews,
    st.none() | st.integers(0, 14),
)


@settings(max_examples=80, deadline=None, suppress_health_check=generated.CHECKS)
@ANY
def test_explanations_hold_together(case, batch, skew, until):
    evaluation = evaluate(batch, case.store(), span_skew_ns=skew, seen_until_ns=until)
    again = evaluate(batch, case.store(), span_skew_ns=skew, seen_until_ns=until)
    for number in range(len(batch)):
        for trace in range(evaluation.traces.n_traces):
            found = evaluation.explain(number, trace)
            assert found == again.explain(number, trace)
            assert found.why.endswith(".")
            assert "\x00" not in found.why
            if found.verdict is Verdict.VIOLATION:
                assert found.broken is not None
            if found.verdict in (Verdict.PASS, Verdict.NOT_APPLICABLE):
                assert found.broken is None
                assert found.broken_rows == ()
            if found.verdict is Verdict.PASS:
                assert found.near == ()
            for miss in found.near:
                assert miss.text
                assert (miss.distance is None) == (miss.unit is None)
                assert miss.distance is None or miss.distance >= 0
                assert miss.partner_row is None or miss.partner_row != miss.row


@settings(max_examples=150, deadline=None, suppress_health_check=generated.CHECKS)
@given(generated.cases(max_traces=2), generated_rules.batches(generated_rules.rules(), min_size=2, max_size=5))
def test_a_pair_is_found_exactly_where_the_engine_says_a_relation_holds(case, batch):
    store = case.store()
    relations = [node for rule in batch for node in walk(rule) if isinstance(node, Relation)]
    evaluator = Evaluator(units_of_traces(store), batch)
    for relation in relations:
        operation = parse_rule("always { has(*) }").always.selection.operation
        holds = evaluator.select.matched(Selection(operation, (relation,))).seen.rows
        for unit in range(store.n_traces):
            view = UnitView(evaluator, unit)
            cost = SpanMisses(view).where_cost
            found = [row for row in view.rows.tolist() if pair_of(view, relation, row, cost) is not None]
            assert found == view.here(holds).tolist(), relation


@settings(max_examples=100, deadline=None, suppress_health_check=generated.CHECKS)
@given(generated.cases(max_traces=1, has_repeats=False))
def test_the_nearest_miss_is_nearest(case):
    evaluation = evaluate(
        [parse_rule("always { every(a).must(starts_after(b)) }")], case.store(), judge_incomplete=True
    )
    starts = {name: [s.start_ns for s in case.spans if s.name == name] for name in ("a", "b")}
    breaking = [a for a in starts["a"] if not any(b <= a for b in starts["b"])]
    near = evaluation.explain(0, 0).near
    if breaking and starts["b"]:
        assert near[0].distance == min(b - a for a in breaking for b in starts["b"])
        assert [miss.distance for miss in near] == sorted(miss.distance for miss in near)
    else:
        assert near == ()


@settings(max_examples=80, deadline=None, suppress_health_check=generated.CHECKS)
@given(generated.cases(max_traces=2), generated_rules.batches(generated_rules.rules(), min_size=2, max_size=5))
def test_a_span_lacks_nothing_exactly_where_it_satisfies_the_predicate(case, batch):
    store = case.store()
    evaluator = Evaluator(units_of_traces(store), batch)
    asked = [
        (node.selection.operation, predicate)
        for rule in batch
        for node in walk(rule)
        if isinstance(node, Has | Every)
        for predicate in (*node.selection.where, *([node.must] if isinstance(node, Every) else []))
    ]
    for operation, predicate in asked:
        for unit in range(store.n_traces):
            view = UnitView(evaluator, unit)
            rows = view.matched(Selection(operation))
            misses = SpanMisses(view)
            fitting = view.matched(Selection(operation, (predicate,)))
            assert rows[misses.cost(operation, predicate, rows).n_failing == 0].tolist() == fitting.tolist()
            lacking = [row for row in rows.tolist() if misses.clauses(operation, predicate, row)]
            assert lacking == np.setdiff1d(rows, fitting).tolist()
