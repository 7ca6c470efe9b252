"""The engine and the naive interpreter agree on generated rules and traces."""

import generated
import generated_rules
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fluo_lab.engine import Verdict, evaluate
from fluo_lab.language import parse_rule, print_rule
from fluo_lab.traces import PlainSpan, attributes

CHECKS = generated.CHECKS
ALIKE = given(
    generated.cases(),
    generated_rules.batches(generated_rules.rules(across=generated_rules.EITHER), min_size=8, max_size=12),
    st.sampled_from([False, False, True]),
    generated.skews,
    st.none() | st.integers(0, 14),
)


def agree(case, batch, judge, skew, until):
    options = {"judge_incomplete": judge, "span_skew_ns": skew, "seen_until_ns": until}
    found = generated.verdicts(batch, case.store(), **options)
    for rule, got in zip(batch, found, strict=True):
        expected = oracle.verdicts(rule, case.spans, declared=case.declared, **options)
        assert got == expected, f"{print_rule(rule)}\non {case}\nwith {options}\n{got}, the interpreter {expected}"


@settings(max_examples=250, deadline=None, suppress_health_check=CHECKS)
@ALIKE
def test_engine_and_interpreter_agree(case, batch, judge, skew, until):
    agree(case, batch, judge, skew, until)


@settings(max_examples=40, deadline=None, suppress_health_check=CHECKS)
@ALIKE
def test_engine_and_interpreter_agree_when_names_share_columns(case, batch, judge, skew, until):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attributes, "DENSE_NAMES", 2)
        agree(case, batch, judge, skew, until)


@pytest.mark.slow
@settings(max_examples=12_500, deadline=None, suppress_health_check=CHECKS)
@ALIKE
def test_engine_and_interpreter_agree_at_length(case, batch, judge, skew, until):
    agree(case, batch, judge, skew, until)


@settings(max_examples=40, deadline=None, suppress_health_check=CHECKS)
@ALIKE
def test_every_verdict_is_explained(case, batch, judge, skew, until):
    options = {"judge_incomplete": judge, "span_skew_ns": skew, "seen_until_ns": until}
    evaluation = evaluate(batch, case.store(), **options)
    for number, rule in enumerate(batch):
        for row in range(evaluation.traces.n_traces):
            explanation = evaluation.explain(number, row)
            assert explanation.why.strip(), print_rule(rule)
            assert explanation.verdict == Verdict(int(evaluation.verdicts[number, row]))


def test_the_interpreter_reaches_every_verdict():
    """Generated cases are worth something only if no verdict is out of reach."""
    spans = [PlainSpan("a", span_id=f"{1:016x}", parent_span_id=f"{9:016x}")]
    partial = oracle.TraceOracle(spans, incomplete=True)
    complete = oracle.TraceOracle(spans, incomplete=False)
    assert partial.verdict(parse_rule("when { a } always { b }")) == "inconclusive"
    assert partial.verdict(parse_rule("when { a } always { a }")) == "pass"
    assert complete.verdict(parse_rule("when { a } always { b }")) == "violation"
    assert complete.verdict(parse_rule("when { b } always { a }")) == "not_applicable"
