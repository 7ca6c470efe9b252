"""The engine and the naive interpreter agree on generated rules and traces."""

import dataclasses

import oracle
import pytest
import strategies
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from fluo_lab.engine import Verdict, evaluate
from fluo_lab.language import (
    Field,
    FieldKind,
    Name,
    Node,
    Operation,
    Relation,
    RelationKind,
    TraceDuration,
    TraceSpans,
    parse_rule,
    print_rule,
    walk,
)
from fluo_lab.traces import PlainEvent, PlainSpan, SpanKind, StatusCode, attributes, traces_from_spans

NAMES = ["a", "b", "b.c", "GET /x", ""]
FIELDS = ["f", "g", "odd key"]
SERVICES = [None, "shop", "pay"]
TEXTS = ["", "a", "ab", "5", "5.0", "1e2", "true", "TRUE", "NaN", "é", "x y"]
NUMBERS = [0, 1, 2, 5, -3, 2**53, 2**53 + 1, 2**63 - 1, -(2**63)]
DOUBLES = [0.0, -0.0, 0.5, 2.0, 5.0, 1e300, 2.0**53, float("inf"), float("-inf"), float("nan")]

values = st.one_of(
    st.sampled_from(TEXTS),
    st.sampled_from(NUMBERS),
    st.sampled_from(DOUBLES),
    st.booleans(),
    st.binary(max_size=2),
    st.lists(st.sampled_from(["a", 5, 5.0, True, "5"]), max_size=3),
    st.just({"k": 1}),
)
attribute_values = st.dictionaries(st.sampled_from(FIELDS), values, max_size=3)
events = st.lists(
    st.builds(
        PlainEvent, name=st.sampled_from(["boom", "log"]), time_ns=st.integers(0, 9), attributes=attribute_values
    ),
    max_size=2,
)


@st.composite
def traces(draw):
    """Up to four traces of up to five spans, some incomplete; times collide often."""
    spans, whole = [], {}
    for number in range(draw(st.integers(1, 4))):
        trace_id = f"{number + 1:032x}"
        is_incomplete = draw(st.booleans())
        whole[trace_id] = not is_incomplete
        for i in range(draw(st.integers(1, 5))):
            start = draw(st.integers(0, 6))
            parent = None if i == 0 and not is_incomplete else f"{(99 if is_incomplete and i == 0 else 1):016x}"
            spans.append(
                PlainSpan(
                    draw(st.sampled_from(NAMES)),
                    trace_id=trace_id,
                    span_id=f"{i + 1:016x}",
                    parent_span_id=parent,
                    service=draw(st.sampled_from(SERVICES)),
                    kind=draw(st.sampled_from(SpanKind)),
                    status=draw(st.sampled_from(StatusCode)),
                    status_message=draw(st.sampled_from([None, "", "a"])),
                    start_ns=start,
                    end_ns=start + draw(st.integers(0, 4)),
                    attributes=draw(attribute_values),
                    resource=draw(st.dictionaries(st.sampled_from(FIELDS), values, max_size=1)),
                    scope_name=draw(st.sampled_from([None, "a"])),
                    scope=draw(st.dictionaries(st.sampled_from(FIELDS), values, max_size=1)),
                    events=draw(events),
                )
            )
    return draw(st.permutations(spans)), whole


GLOBS = [Name(("", "")), Name(("b", "")), Name(("", "/x")), Name(("", "c", ""))]
ORDERS = [RelationKind.AFTER, RelationKind.BEFORE, RelationKind.STARTS_AFTER, RelationKind.STARTS_BEFORE]
WHERE = [
    *(Field(FieldKind.ATTRIBUTE, name) for name in FIELDS),
    Field(FieldKind.RESOURCE, "f"),
    Field(FieldKind.RESOURCE, "service.name"),
    Field(FieldKind.SCOPE, "name"),
    Field(FieldKind.SCOPE, "f"),
    Field(FieldKind.SPAN, "name"),
    Field(FieldKind.SPAN, "service"),
    Field(FieldKind.SPAN, "status_message"),
    Field(FieldKind.SPAN, "duration"),
]
LITERALS = [*TEXTS, *NUMBERS, 0.5, 5.0, 1e2, 9007199254740992.0, 1e300, True, False]
drawn_rules = strategies.rules(relations=True, correlation=False, names=NAMES, fields=WHERE, values=LITERALS)


@st.composite
def evaluable_rules(draw):
    """Rules with the relations the engine evaluates, and with globs and services here and there."""

    def rewrite(node):
        if isinstance(node, tuple):
            return tuple(rewrite(item) for item in node)
        if not isinstance(node, Node):
            return node
        if isinstance(node, Relation):
            return Relation(draw(st.sampled_from(ORDERS)), rewrite(node.selection))
        if isinstance(node, Operation) and draw(st.integers(0, 4)) == 0:
            service = draw(st.sampled_from([None, Name(("shop",)), Name(("", "a", "")), Name(("unknown_service",))]))
            return Operation(draw(st.sampled_from(GLOBS)), service)
        changes = {f.name: rewrite(getattr(node, f.name)) for f in dataclasses.fields(node) if f.name != "at"}
        return dataclasses.replace(node, **changes)

    return rewrite(draw(drawn_rules))


rules = evaluable_rules()


def agree(case, batch, judge):
    spans, whole = case
    store = traces_from_spans(spans)
    evaluation = evaluate(batch, store, judge_incomplete=judge)
    for row, trace_id in enumerate(store.traces["trace_id"].to_list()):
        members = [s for s in spans if s.trace_id == trace_id]
        judge_one = oracle.TraceOracle(members, incomplete=not judge and not whole[trace_id])
        for number, rule in enumerate(batch):
            expected = judge_one.verdict(rule)
            got = Verdict(int(evaluation.verdicts[number, row])).label
            assert got == expected, f"{print_rule(rule)}\non {members}\nengine {got}, interpreter {expected}"


CHECKS = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large, HealthCheck.large_base_example]


@settings(max_examples=300, deadline=None, suppress_health_check=CHECKS)
@given(traces(), st.lists(rules, min_size=1, max_size=4), st.booleans())
def test_engine_and_interpreter_agree(case, batch, judge):
    agree(case, batch, judge)


@settings(max_examples=80, deadline=None, suppress_health_check=CHECKS)
@given(traces(), st.lists(rules, min_size=1, max_size=4), st.booleans())
def test_engine_and_interpreter_agree_when_names_share_columns(case, batch, judge):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attributes, "DENSE_NAMES", 2)
        agree(case, batch, judge)


@pytest.mark.slow
@settings(max_examples=30_000, deadline=None, suppress_health_check=CHECKS)
@given(traces(), st.lists(rules, min_size=1, max_size=4), st.booleans())
def test_engine_and_interpreter_agree_at_length(case, batch, judge):
    agree(case, batch, judge)


@settings(max_examples=100, deadline=None, suppress_health_check=CHECKS)
@given(traces(), rules)
def test_an_unrelated_span_and_any_permutation_change_nothing(case, rule):
    spans, whole = case
    assume(not any(isinstance(node, TraceSpans | TraceDuration) for node in walk(rule)))
    assume(all(node.is_exact for node in walk(rule) if isinstance(node, Name)))
    store = traces_from_spans(spans)
    before = evaluate([rule], store).verdicts
    again = evaluate([rule], traces_from_spans(list(reversed(spans)))).verdicts
    assert (before == again).all()
    extra = [
        PlainSpan("unrelated", trace_id=t, span_id="f" * 16, parent_span_id=f"{1:016x}" if w else f"{99:016x}")
        for t, w in whole.items()
    ]
    with_more = traces_from_spans([*spans, *extra])
    after = dict(zip(with_more.traces["trace_id"], evaluate([rule], with_more).verdicts[0], strict=True))
    assert [after[t] for t in store.traces["trace_id"]] == before[0].tolist()


@settings(max_examples=100, deadline=None, suppress_health_check=CHECKS)
@given(traces(), st.lists(rules, min_size=1, max_size=2), st.data())
def test_no_completion_contradicts_a_verdict_given_on_an_incomplete_trace(case, batch, data):
    spans, whole = case
    for trace_id, is_whole in whole.items():
        members = [s for s in spans if s.trace_id == trace_id]
        if is_whole or len(members) < 2:
            continue
        kept = data.draw(st.lists(st.sampled_from(members), min_size=1, unique_by=lambda s: s.span_id))
        partial = evaluate(batch, traces_from_spans(kept, incomplete=[trace_id])).verdicts[:, 0]
        full = evaluate(batch, traces_from_spans(members), judge_incomplete=True).verdicts[:, 0]
        for rule, early, late in zip(batch, partial, full, strict=True):
            if early in (Verdict.PASS, Verdict.VIOLATION):
                assert late == early, f"{print_rule(rule)}\nseen {kept}\nall {members}"


def test_the_interpreter_reaches_every_verdict():
    """Generated cases are worth something only if no verdict is out of reach."""
    spans = [PlainSpan("a", span_id=f"{1:016x}", parent_span_id=f"{9:016x}")]
    partial = oracle.TraceOracle(spans, incomplete=True)
    complete = oracle.TraceOracle(spans, incomplete=False)
    assert partial.verdict(parse_rule("when { a } always { b }")) == "inconclusive"
    assert partial.verdict(parse_rule("when { a } always { a }")) == "pass"
    assert complete.verdict(parse_rule("when { a } always { b }")) == "violation"
    assert complete.verdict(parse_rule("when { b } always { a }")) == "not_applicable"
