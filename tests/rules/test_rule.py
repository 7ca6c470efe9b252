import pytest

from fluo_lab.errors import UsageError
from fluo_lab.rules import Mode, Rule, RuleSeverity, check
from fluo_lab.traces import PlainSpan, traces_from_spans

TRACES = traces_from_spans([PlainSpan("a", trace_id=f"{1:032x}"), PlainSpan("b", trace_id=f"{2:032x}")])


def test_severity_and_mode_may_be_words():
    rule = Rule("trace.has(a)", severity="critical", mode="detect")
    assert rule.severity is RuleSeverity.CRITICAL
    assert rule.mode is Mode.DETECT


@pytest.mark.parametrize("fields", [{"severity": "urgent"}, {"mode": "forbid"}])
def test_an_unknown_word_names_the_known_ones(fields):
    with pytest.raises(UsageError, match="is one of"):
        Rule("trace.has(a)", **fields)


def test_a_detector_is_violated_where_its_pattern_occurs():
    result = Rule("trace.has(a)", mode="detect").test(TRACES)
    assert (result.counts.passed, result.counts.violation) == (1, 1)
    assert result[0].trace_id == f"{1:032x}"


def test_a_result_explains_its_violations_and_every_other_verdict():
    result = Rule("trace.has(a) and trace.has(b)").test(TRACES)
    assert [e.trace_id for e in result] == [f"{1:032x}"]
    assert result.explain(f"{2:032x}").why.startswith("The rule does not apply")
    assert repr(result) == "RuleResult(rule: 0 pass, 1 violation, 0 inconclusive, 1 not applicable)"


def test_a_pass_rate_over_no_applicable_trace_is_none():
    assert Rule("trace.has(x) and trace.has(y)").test(TRACES).counts.pass_rate is None


def test_a_limit_counts_the_violations_it_leaves_out():
    record = check([Rule("trace.has(x)")], TRACES).to_dict(limit=1)["rules"][0]
    assert (len(record["violations"]), record["violations_not_shown"]) == (1, 1)
