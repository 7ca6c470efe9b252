"""What must not change a verdict, does not: order of input, other traces, unrelated spans, names."""

import dataclasses

import generated
import generated_rules
from generated import Case
from hypothesis import given, settings
from hypothesis import strategies as st

from fluo_lab.language import Name, Operation, TraceDuration, TraceSpans, print_rule, walk
from fluo_lab.traces import PlainSpan

CHECKS = generated.CHECKS


def asks_for_all_spans(rule):
    return any(isinstance(node, TraceSpans | TraceDuration) for node in walk(rule))


def assert_same(batch, before, after, case):
    for rule, one, other in zip(batch, before, after, strict=True):
        assert one == other, f"{print_rule(rule)}\non {case}\n{one}, then {other}"


@settings(max_examples=30, deadline=None, suppress_health_check=CHECKS)
@given(
    generated.cases(has_repeats=False),
    generated_rules.batches(generated_rules.rules(across=generated_rules.EITHER)),
    generated.skews,
    st.data(),
)
def test_the_order_of_input_changes_nothing(case, batch, skew, data):
    shuffled = Case(data.draw(st.permutations(case.spans)), case.declared)
    before, after = (generated.verdicts(batch, c.store(), span_skew_ns=skew) for c in (case, shuffled))
    assert_same(batch, before, after, case)


@settings(max_examples=30, deadline=None, suppress_health_check=CHECKS)
@given(generated.cases(max_traces=4), generated_rules.batches(generated_rules.rules()), generated.skews)
def test_other_traces_change_nothing_for_rules_about_one(case, batch, skew):
    together = generated.verdicts(batch, case.store(), span_skew_ns=skew)
    apart = [{} for _ in batch]
    for trace_id in case.trace_ids():
        alone = Case(case.of_trace(trace_id), tuple(i for i in case.declared if i == trace_id))
        for merged, found in zip(apart, generated.verdicts(batch, alone.store(), span_skew_ns=skew), strict=True):
            merged |= found
    assert_same(batch, together, apart, case)


@settings(max_examples=30, deadline=None, suppress_health_check=CHECKS)
@given(
    generated.cases(),
    generated_rules.batches(
        generated_rules.plain_rules(across=generated_rules.EITHER).filter(lambda rule: not asks_for_all_spans(rule))
    ),
    generated.skews,
    st.integers(0, 9),
)
def test_an_unrelated_span_changes_nothing(case, batch, skew, start):
    extra = [
        PlainSpan(
            "unrelated",
            trace_id=trace_id,
            span_id=generated.span_id(77),
            parent_span_id=case.of_trace(trace_id)[0].span_id,
            start_ns=start,
            end_ns=start + 2,
        )
        for trace_id in case.trace_ids()
    ]
    more = Case([*case.spans, *extra], case.declared)
    before, after = (generated.verdicts(batch, c.store(), span_skew_ns=skew) for c in (case, more))
    assert_same(batch, before, after, case)


def renamed(text):
    return {"shop": "Laden, innen", "pay": "shop"}.get(text, text)


def with_renamed_services(node):
    if isinstance(node, Operation) and node.service is not None:
        return dataclasses.replace(node, service=Name(tuple(map(renamed, node.service.parts))))
    return node


@settings(max_examples=30, deadline=None, suppress_health_check=CHECKS)
@given(
    generated.cases(),
    generated_rules.batches(generated_rules.plain_rules(across=generated_rules.EITHER)),
    generated.skews,
)
def test_a_service_may_have_any_name(case, batch, skew):
    other_case = Case([dataclasses.replace(s, service=renamed(s.service)) for s in case.spans], case.declared)
    other_batch = [generated_rules.rewritten(rule, with_renamed_services) for rule in batch]
    before = generated.verdicts(batch, case.store(), span_skew_ns=skew)
    after = generated.verdicts(other_batch, other_case.store(), span_skew_ns=skew)
    assert_same(batch, before, after, case)
