"""What a verdict is, by example: each test is one clause of the language reference."""

import pytest

from fluo_lab.engine import Verdict, evaluate
from fluo_lab.language import parse_rule
from fluo_lab.traces import PlainEvent, PlainSpan, SpanKind, StatusCode, traces_from_spans

ROOT = f"{1:016x}"


def span(name, *, start=0, end=None, parent=ROOT, number=None, trace=1, **kwargs):
    span.count += 1
    return PlainSpan(
        name,
        trace_id=f"{trace:032x}",
        span_id=number or f"{span.count:016x}",
        parent_span_id=parent,
        start_ns=start,
        end_ns=start + 1 if end is None else end,
        **kwargs,
    )


span.count = 100


def verdict(rule, *spans, incomplete=False, judge=False):
    """The verdict of a rule on one trace of these spans under a root, or under a parent that is missing."""
    root = [] if incomplete else [PlainSpan("root", trace_id=f"{1:032x}", span_id=ROOT)]
    traces = traces_from_spans([*root, *spans])
    assert traces.n_incomplete == incomplete
    return Verdict(int(evaluate([parse_rule(rule)], traces, judge_incomplete=judge).verdicts[0, 0])).label


GUARDED = "trace.has(payment.charge) and trace.has(inventory.reserve)"


@pytest.mark.parametrize(
    ("names", "incomplete", "expected"),
    [
        (["payment.charge", "inventory.reserve"], False, "pass"),
        (["payment.charge"], False, "violation"),
        (["inventory.reserve"], False, "not_applicable"),
        (["payment.charge", "inventory.reserve"], True, "pass"),
        (["payment.charge"], True, "inconclusive"),
        (["inventory.reserve"], True, "not_applicable"),
    ],
)
def test_the_guides_first_rule_on_complete_and_incomplete_traces(names, incomplete, expected):
    assert verdict(GUARDED, *(span(n) for n in names), incomplete=incomplete) == expected


def test_judging_incomplete_traces_takes_what_is_seen_for_all_there_is():
    assert verdict(GUARDED, span("payment.charge"), incomplete=True, judge=True) == "violation"


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("when { payment.charge } never { payment.charge }", "violation"),
        ("when { payment.charge } always { count(payment.charge) >= 1 }", "pass"),
        ("when { payment.charge } always { count(payment.charge) <= 1 }", "inconclusive"),
        ("when { payment.charge } always { count(payment.charge) < 1 }", "violation"),
        ("when { not refund } always { payment.charge }", "inconclusive"),
        ("when { payment.charge } always { every(payment.charge).must(amount > 10) }", "violation"),
        ("when { payment.charge } always { every(payment.charge).must(amount > 1) }", "inconclusive"),
        ("when { payment.charge } always { max(payment.charge, amount) >= 5 }", "pass"),
        ("when { payment.charge } always { max(payment.charge, amount) < 5 }", "violation"),
        ("when { payment.charge } always { min(payment.charge, amount) <= 5 }", "pass"),
        ("when { payment.charge } always { min(payment.charge, amount) >= 5 }", "inconclusive"),
        ("when { payment.charge } always { sum(payment.charge, amount) == 5 }", "inconclusive"),
        ("when { payment.charge } always { count(a) - count(b) <= 0 }", "inconclusive"),
        ("when { payment.charge } always { count(payment.charge) * 2 + 1 > 2 }", "pass"),
        ("when { payment.charge } always { 0 - count(payment.charge) < 0 }", "pass"),
        ("when { payment.charge } always { not has(refund) }", "inconclusive"),
        ("when { payment.charge } never { count(payment.charge) == 0 / 0 }", "inconclusive"),
        ("when { payment.charge } never { count(payment.charge) + 0 / 0 < 0 }", "inconclusive"),
        ("when { payment.charge } always { rising(payment.charge, amount) }", "inconclusive"),
        ("when { payment.charge } always { every(payment.charge).must(after(reserve)) }", "inconclusive"),
        ("when { payment.charge.where(not after(reserve)) } always { has(payment.charge) }", "inconclusive"),
    ],
)
def test_what_an_incomplete_trace_can_say(rule, expected):
    assert verdict(rule, span("payment.charge", attributes={"amount": 5}), incomplete=True) == expected


PREDICATES = [
    # the literal decides the type
    ({"f": 1000}, "f > 999.5", True),
    ({"f": "1000"}, "f > 999", True),
    ({"f": "1000 EUR"}, "f > 999", False),
    ({"f": "1e3"}, "f == 1000", True),
    ({"f": 9007199254740993}, "f == 9007199254740992", False),
    ({"f": 9007199254740993}, "f > 9007199254740992.0", True),
    ({"f": 9007199254740992.0}, "f < 9007199254740993", True),
    ({"f": True}, "f == 1", False),
    ({"f": True}, "f == true", True),
    ({"f": "TRUE"}, "f == true", True),
    ({"f": 5.0}, 'f == "5"', True),
    ({"f": 200}, 'f == "200"', True),
    ({"f": 200}, 'f == "0200"', False),
    ({"f": True}, 'f == "true"', True),
    ({"f": "write"}, "f == write", True),
    # a missing attribute satisfies no comparison, negative ones included
    ({}, "f != 1", False),
    ({}, "not f == 1", False),
    ({}, "f not in [1, 2]", False),
    ({}, 'f not contains "x"', False),
    ({}, "exists(f)", False),
    ({}, "not exists(f)", True),
    ({"g": 1}, "f == 1 or g == 1", True),
    ({"g": 2}, "not (f == 1 and g == 1)", True),
    ({"g": 1}, "not (f == 1 and g == 1)", False),
    # negative forms hold for a present value of any type
    ({"f": "x"}, "f != 1", True),
    ({"f": ["x"]}, "f != 1", True),
    ({"f": "x"}, "f not in [1, y]", True),
    ({"f": "x"}, "not f > 1", True),
    ({"f": float("nan")}, "f == 1", False),
    ({"f": float("nan")}, "f != 1", True),
    ({"f": float("nan")}, "f >= 1", False),
    ({"f": float("inf")}, "f > 1", True),
    # contains, matches, arrays
    ({"f": "abc"}, 'f contains "b"', True),
    ({"f": 1403}, "f contains 40", True),
    ({"f": [40, "x"]}, "f contains 40", True),
    ({"f": ["40"]}, "f contains 40", True),
    ({"f": [400]}, "f contains 40", False),
    ({"f": ["a"]}, 'f == "a"', False),
    ({"f": "/api/v2/x"}, 'f matches "/api/v[0-9]+"', True),
    ({"f": "١"}, r'f matches "^[0-9]$"', False),
    ({"f": False}, 'f matches "^false$"', True),
    # another attribute of the same span
    ({"f": 5, "g": 4.5}, "f > g", True),
    ({"f": "5", "g": 4}, "f > g", True),
    ({"f": "a", "g": "b"}, "f < g", False),
    ({"f": 5, "g": "5"}, "f == attr(g)", True),
    ({"f": 5}, "f != attr(g)", False),
    ({"f": 9007199254740993, "g": 9007199254740992.0}, "f > g", True),
]


@pytest.mark.parametrize(("attributes", "predicate", "expected"), PREDICATES)
def test_predicates_on_one_span(attributes, predicate, expected):
    found = verdict(f"always {{ trace.has(a).where({predicate}) }}", span("a", attributes=attributes))
    assert found == ("pass" if expected else "violation")


INTRINSIC = PlainSpan(
    "GET /x",
    span_id=f"{7:016x}",
    parent_span_id=None,
    service="shop",
    kind=SpanKind.UNSPECIFIED,
    status=StatusCode.ERROR,
    start_ns=0,
    end_ns=250_000_000,
    resource={"k8s.pod": "p-1"},
    scope_name="lib",
    scope_version="1.2",
    scope={"short": True},
    events=[PlainEvent("exception", 5, {"exception.type": "TimeoutError", "n": 3})],
)


@pytest.mark.parametrize(
    ("predicate", "expected"),
    [
        ("span.duration == 250ms", True),
        ("span.duration > 1s", False),
        ("span.status == error", True),
        ("span.kind == internal", True),
        ('span.name == "GET /x"', True),
        ("span.service == shop", True),
        ("exists(span.status_message)", False),
        ("resource.k8s.pod matches p", True),
        ('resource."service.name" == shop', True),
        ('scope.name == lib and scope.version == "1.2" and scope.short == true', True),
        ('event("exception")', True),
        ('event("exception", exception.type contains "Timeout")', True),
        ('event("exception", n > 3)', False),
        ('event("other")', False),
    ],
)
def test_intrinsics_resources_scopes_and_events(predicate, expected):
    if "matches p" in predicate:
        predicate = predicate.replace("matches p", 'matches "^p-"')
    traces = traces_from_spans([INTRINSIC])
    rule = parse_rule(f"always {{ trace.has(*).where({predicate}) }}")
    assert bool(evaluate([rule], traces).verdicts[0, 0] == Verdict.PASS) is expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ('trace.has("GET /*")', True),
        (r'trace.has("GET \*")', False),
        ('trace.has("get /*")', False),
        ('trace.has("shop"::"GET /x")', True),
        ('trace.has("sh*"::*)', True),
        ("trace.has(other::*)", False),
        ("trace.duration == 250ms", True),
        ("trace.spans == 1", True),
        ("trace.avg(*, span.duration) <= 250ms", True),
        ("trace.sum(none, x) == 0", True),
        ("trace.max(none, x) < 1", False),
        ("not trace.max(none, x) < 1", True),
        ("trace.spans / trace.count(none) > 0", False),
        ("trace.every(none).must(x == 1)", True),
    ],
)
def test_operations_and_numbers_of_a_trace(condition, expected):
    evaluation = evaluate([parse_rule(f"always {{ {condition} }}")], traces_from_spans([INTRINSIC]))
    assert bool(evaluation.verdicts[0, 0] == Verdict.PASS) is expected


RESERVE_THEN_CHARGE = "when { charge } always { every(charge).must(after(reserve)) }"


@pytest.mark.parametrize(
    ("reserve", "expected"),
    [((0, 10), "pass"), ((0, 11), "violation"), ((12, 13), "violation"), (None, "violation")],
)
def test_after_means_finished_before_and_a_tie_counts(reserve, expected):
    spans = [span("charge", start=10, end=20)]
    if reserve is not None:
        spans.append(span("reserve", start=reserve[0], end=reserve[1]))
    assert verdict(RESERVE_THEN_CHARGE, *spans) == expected


def test_a_span_is_not_its_own_partner():
    rule = "always { every(a).must(starts_after(a)) }"
    assert verdict(rule, span("a", start=3, end=3)) == "violation"
    assert verdict(rule, span("a", start=3, end=3), span("a", start=3, end=3)) == "pass"


def test_rising_compares_spans_in_order_of_start_and_equal_starts_are_free():
    rule = "always { trace.rising(a, n) }"

    def of(*pairs):
        return verdict(rule, *(span("a", start=s, attributes={"n": n}) for s, n in pairs))

    assert of((1, 1), (2, 2), (3, 2.5)) == "pass"
    assert of((1, 1), (2, 2), (3, 2)) == "violation"
    assert of((1, 3), (1, 1), (2, 4)) == "pass"
    assert of((1, 3), (1, 1), (2, 3)) == "violation"
    assert of((1, 1), (2, "x"), (3, "2")) == "pass"


def test_distinct_counts_texts_so_5_and_5_0_are_one_value():
    spans = [span("a", attributes={"f": v}) for v in (5, 5.0, "5", "x", True, "true")]
    assert verdict("always { trace.distinct(a, f) == 3 }", *spans) == "pass"


def test_integer_sums_are_exact_to_64_bits():
    spans = [span("a", attributes={"f": v}) for v in (2**62, 2**62 - 1, 1)]
    assert verdict(f"always {{ trace.sum(a, f) > {2**63 - 1} }}", *spans) == "pass"
    assert verdict(f"always {{ trace.sum(a, f) == {2**63 - 1} }}", *spans[:2]) == "pass"


def test_explanations_name_guard_spans_broken_spans_and_what_is_missing():
    spans = [span("charge", attributes={"amount": 2000}), span("check", attributes={"ok": False})]
    rule = "when { charge.where(amount > 1000) } always { check.where(ok == true) and count(charge) > 1 }"
    traces = traces_from_spans([PlainSpan("root", span_id=ROOT), *spans])
    explanation = evaluate([parse_rule(rule)], traces).explain(0, 0)
    names = traces.spans["name"]
    assert [names[r] for r in explanation.guard_rows] == ["charge"]
    assert [names[r] for r in explanation.broken_rows] == ["charge"]
    assert len(explanation.missing) == 1
    assert "charge" in explanation.why
    assert "is 1" in explanation.why
