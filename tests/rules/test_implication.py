"""That one rule implies another is sound on all traces, and seen in the cases people write."""

from itertools import permutations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fluo_lab.engine import Verdict, evaluate
from fluo_lab.language import parse_condition, parse_rule, print_rule
from fluo_lab.rules.lints.implication import implies, is_implied_by
from fluo_lab.traces import PlainSpan, traces_from_spans


@pytest.mark.parametrize(
    ("stronger", "weaker"),
    [
        ("a and b", "a"),
        ("a", "a or b"),
        ("a and b", "b and a"),
        ("not (a or b)", "not a"),
        ("not a", "not (a and b)"),
        ("not not a", "a"),
        ("count(a) <= 3", "count(a) <= 5"),
        ("count(a) < 4", "count(a) <= 3"),
        ("not count(a) > 3", "count(a) <= 3"),
        ("3 >= count(a)", "count(a) != 4"),
        ("count(a) == 2", "a"),
        ("count(a) == 0", "not a"),
        ("not a", "count(a) < 1"),
        ("a.where(x == 1 and y == 2)", "a.where(y == 2)"),
        ("a.where(x == 1).where(y == 2)", "a"),
        ("s::a", "a"),
        ("pay.charge", '"pay.*"'),
        ("count(a) <= 3", "count(a.where(x == 1)) <= 3".replace("a.where(x == 1)", "a") + " or b"),
        ("count(a) <= 3", "count(a).where(x == 1) <= 3"),
        ("count(a).where(x == 1) >= 2", "count(a) >= 2"),
        ("every(a).must(x == 1 and y == 2)", "every(a).must(x == 1)"),
        ("every(a).must(x == 1)", "every(a).where(y == 2).must(exists(x))"),
        ("every(a).must(x > 5)", "every(a).must(x >= 5)"),
        ("every(a).must(x in [1, 2])", "every(a).must(x in [1, 2, 3])"),
        ("every(a).must(after(b, within 1s))", "every(a).must(after(b, within 2s))"),
        ("every(a).must(after(b.where(x == 1), same y))", "every(a).must(after(b))"),
        ("max(a, x) < 5", "max(a, x) <= 7"),
        ("duration < 5s", "duration < 1m"),
        ("rising(a, x)", "rising(a, x).where(y == 1)"),
    ],
)
def test_an_implication_people_write_is_seen(stronger, weaker):
    p, q = parse_condition(stronger), parse_condition(weaker)
    assert implies(p, q)


@pytest.mark.parametrize(
    ("p", "q"),
    [
        ("a", "b"),
        ("a or b", "a"),
        ("count(a) <= 5", "count(a) <= 3"),
        ("max(a, x) <= 5", "not max(a, x) > 5"),
        ("not max(a, x) > 5", "max(a, x) <= 5"),
        ("sum(a, x) <= 3", "sum(a, x).where(y == 1) <= 3"),
        ("a.where(x == 1)", "a.where(x == 2)"),
        ("every(a).must(x > 5)", "every(a).must(x != 3)"),
        ("every(a).must(not x == 1)", "every(a).must(not (x == 1 and y == 2))"),
        ("every(a).must(after(b))", "every(a).must(after(b, within 2s))"),
        ("every(a).must(after(b, without c))", "every(a).must(after(b, without d))"),
        ('a.where(x matches "b")', "a.where(x contains b)"),
    ],
)
def test_what_does_not_follow_is_not_said_to(p, q):
    assert not implies(parse_condition(p), parse_condition(q))


@pytest.mark.parametrize(
    ("rule", "other"),
    [
        ("when { a } always { b }", "always { b }"),
        ("when { a and c } always { b or d }", "when { a } always { b }"),
        ("when { a } never { b }", "when { a } never { b or c }"),
        ("per x within 5m never { a }", "per x within 5m never { a or b }"),
    ],
)
def test_a_rule_that_asks_less_of_fewer_traces_is_implied(rule, other):
    assert is_implied_by(parse_rule(rule), parse_rule(other))
    assert not is_implied_by(parse_rule(other), parse_rule(rule))


@pytest.mark.parametrize(
    ("rule", "other"),
    [
        ("always { b }", "when { a } always { b }"),
        ("per x within 5m never { a }", "per y within 5m never { a }"),
        ("per x within 5m never { a }", "never { a }"),
    ],
)
def test_another_scope_or_a_wider_guard_implies_nothing(rule, other):
    assert not is_implied_by(parse_rule(rule), parse_rule(other))


# --- soundness ----------------------------------------------------------------------------------------------------

_FIELDS = st.sampled_from(["x", "y"])
_VALUES = st.integers(0, 3)


def _predicates():
    compared = st.builds("{} {} {}".format, _FIELDS, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), _VALUES)
    listed = st.builds("{} {}in [{}, {}]".format, _FIELDS, st.sampled_from(["", "not "]), _VALUES, _VALUES)
    related = st.builds(
        "{}({}{})".format,
        st.sampled_from(["after", "before", "beside", "child_of", "starts_after"]),
        st.sampled_from(["a", "b", "a.where(x == 1)"]),
        st.sampled_from(["", ", within 1ns", ", within 4ns", ", same x", ", within 4ns, same x"]),
    )
    leaf = compared | compared | listed | related | st.builds("exists({})".format, _FIELDS)
    joined = st.builds("({} {} {})".format, leaf, st.sampled_from(["and", "or"]), leaf)
    return leaf | joined | st.builds("not {}".format, leaf)


def _conditions():
    filters = st.one_of(st.just(""), st.just(""), st.builds(".where({})".format, _predicates()))
    names = st.sampled_from(["a", "b", '"*"', "s::a"])
    comparisons = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
    leaf = (
        st.builds("trace.has({}){}".format, names, filters)
        | st.builds("trace.count({}){} {} {}".format, names, filters, comparisons, _VALUES)
        | st.builds(
            "trace.{}({}, x){} {} {}".format, st.sampled_from(["max", "distinct"]), names, filters, comparisons, _VALUES
        )
        | st.builds("trace.every({}){}.must({})".format, names, filters, _predicates())
        | st.builds("trace.rising({}, x){}".format, names, filters)
    )
    return st.recursive(
        leaf,
        lambda inner: (
            st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or"]), inner)
            | st.builds("not {}".format, inner)
        ),
        max_leaves=3,
    )


def _weakened(condition):
    """Conditions that are near enough to a condition to follow from it now and then."""
    return st.one_of(
        st.just(condition),
        st.builds("({} or {})".format, st.just(condition), _conditions()),
        st.integers(0, 3).map(lambda n: "".join(str(n) if c.isdigit() else c for c in condition)),
        st.just(condition.replace("<", ">").replace("==", "!=")),
        st.just(condition.replace("(a)", '("*")', 1)),
        _conditions(),
    )


@st.composite
def _rules(draw):
    one = draw(_conditions())
    conditions = [one, *draw(st.lists(_weakened(one), min_size=5, max_size=5))]
    guards = st.sampled_from(["", "when { trace.has(a) } ", "when { trace.has(a) and trace.has(b) } "])
    clause = draw(st.sampled_from(["always", "never"]))
    return [parse_rule(f"{draw(guards)}{clause} {{ {condition} }}") for condition in conditions]


def _traces():
    span = st.builds(
        lambda name, service, start, length, parent, attributes: (name, service, start, length, parent, attributes),
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["s", "t"]),
        st.integers(0, 8),
        st.integers(0, 3),
        st.integers(-2, 4),
        st.dictionaries(_FIELDS, _VALUES, max_size=2),
    )
    return st.lists(st.lists(span, min_size=1, max_size=4), min_size=1, max_size=4)


def _store(shapes):
    return traces_from_spans(
        PlainSpan(
            name,
            trace_id=f"{number + 1:032x}",
            span_id=f"{at + 1:016x}",
            # of -2 no root, of -1 a span that is not there
            parent_span_id=None if parent == -2 else f"{99 if parent < 0 else parent + 1:016x}",
            service=service,
            start_ns=start,
            end_ns=start + length,
            attributes=attributes,
        )
        for number, spans in enumerate(shapes)
        for at, (name, service, start, length, parent, attributes) in enumerate(spans)
    )


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(rules=_rules(), shapes=_traces(), span_skew_ns=st.sampled_from([0, 0, 2]))
def test_a_trace_that_violates_an_implied_rule_violates_the_other(rules, shapes, span_skew_ns):
    is_broken = evaluate(rules, _store(shapes), span_skew_ns=span_skew_ns).verdicts == Verdict.VIOLATION
    for (i, rule), (j, other) in permutations(enumerate(rules), 2):
        if is_implied_by(rule, other):
            assert not (is_broken[i] & ~is_broken[j]).any(), (print_rule(rule), print_rule(other))
