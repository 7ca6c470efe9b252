"""A pass or a violation, once given, is never contradicted: not by spans that come later, not by better clocks."""

import dataclasses

import generated
import generated_rules
from generated import Case
from hypothesis import given, settings
from hypothesis import strategies as st

from fluo_lab.language import TraceDuration, print_rule, walk

CHECKS = generated.CHECKS
CERTAIN = ("pass", "violation")


def assert_never_contradicted(batch, early, late, seen, whole, *, certain=CERTAIN):
    for rule, before, after in zip(batch, early, late, strict=True):
        for trace_id, verdict in before.items():
            if verdict in certain:
                said = f"{print_rule(rule)}\n{verdict} on {seen}\n{after[trace_id]} on {whole}"
                assert after[trace_id] == verdict, said


@settings(max_examples=80, deadline=None, suppress_health_check=CHECKS)
@given(generated.cases(has_repeats=False), generated_rules.batches(generated_rules.rules()), st.data())
def test_no_completion_contradicts_a_verdict_on_an_incomplete_trace(case, batch, data):
    kept = []
    for trace_id in case.trace_ids():
        members = case.of_trace(trace_id)
        kept += data.draw(st.lists(st.sampled_from(members), min_size=1, unique_by=lambda s: s.span_id))
    seen = Case(kept, tuple(case.trace_ids()))
    early = generated.verdicts(batch, seen.store())
    late = generated.verdicts(batch, case.store(), judge_incomplete=True)
    assert_never_contradicted(batch, early, late, seen, case)


@settings(max_examples=80, deadline=None, suppress_health_check=CHECKS)
@given(
    generated.cases(has_repeats=False),
    generated_rules.batches(
        generated_rules.rules().filter(lambda rule: not any(isinstance(n, TraceDuration) for n in walk(rule)))
    ),
    st.integers(1, 4),
    st.booleans(),
    st.data(),
)
def test_no_true_time_within_the_skew_contradicts_a_verdict(case, batch, skew, judge, data):
    shift = st.integers(-(skew // 2), skew // 2)
    shifts = data.draw(st.lists(shift, min_size=len(case.spans), max_size=len(case.spans)))
    moved = [
        dataclasses.replace(span, start_ns=span.start_ns + by, end_ns=span.end_ns + by)
        for span, by in zip(case.spans, shifts, strict=True)
    ]
    true = Case(moved, case.declared)
    early = generated.verdicts(batch, case.store(), span_skew_ns=skew, judge_incomplete=judge)
    late = generated.verdicts(batch, true.store(), judge_incomplete=judge)
    assert_never_contradicted(batch, early, late, case, true)


@settings(max_examples=60, deadline=None, suppress_health_check=CHECKS)
@given(
    generated.cases(has_repeats=False),
    generated_rules.batches(generated_rules.rules(across=generated_rules.GROUPS)),
    st.integers(1, 8),
)
def test_no_later_span_cures_a_violation_of_a_group(case, batch, until):
    seen = Case([span for span in case.spans if span.start_ns < until], case.declared)
    if not seen.spans:
        return
    early = generated.verdicts(batch, seen.store(), seen_until_ns=until)
    late = generated.verdicts(batch, case.store())
    assert_never_contradicted(batch, early, late, seen, case, certain=("violation",))
