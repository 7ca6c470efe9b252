"""What nearest misses say: a rule about a small trace, and the exact sentence."""

import pytest
import span_notes

from fluo_lab.engine import Verdict, evaluate
from fluo_lab.language import parse_rule
from fluo_lab.traces import PlainEvent, PlainSpan, StatusCode, traces_from_spans


def explained(rule, notes, **options):
    """The explanation of the first trace of some noted spans; times are in microseconds."""
    return evaluate([parse_rule(rule)], traces_from_spans(span_notes.spans_of(notes)), **options).explain(0, 0)


def every_charge(must):
    return f"always {{ every(charge).must({must}) }}"


@pytest.mark.parametrize(
    ("must", "notes", "text", "distance"),
    [
        (
            "after(check)",
            "root 0-99; charge 10-20; check 32-40",
            "check exists, but starts 12us after charge ends",
            12000,
        ),
        ("after(check)", "root 0-99; charge 10-20; check 5-13", "check exists, but ends 3us after charge starts", 3000),
        (
            "after(check)",
            "root 0-99; charge 10-20; check 20-23",
            "check exists, but starts exactly when charge ends",
            0,
        ),
        (
            "before(check)",
            "root 0-99; charge 10-20; check 2-5",
            "check exists, but ends 5us before charge starts",
            5000,
        ),
        (
            "before(check)",
            "root 0-99; charge 10-20; check 17-25",
            "check exists, but starts 3us before charge ends",
            3000,
        ),
        (
            "starts_after(check)",
            "root 0-99; charge 10-20; check 12-13",
            "check exists, but starts 2us after charge starts",
            2000,
        ),
        (
            "starts_before(check)",
            "root 0-99; charge 10-20; check 9-13",
            "check exists, but starts 1us before charge starts",
            1000,
        ),
        (
            "overlaps(check)",
            "root 0-99; charge 10-20; check 4-8",
            "check exists, but ends 2us before charge starts",
            2000,
        ),
        (
            "overlaps(check)",
            "root 0-99; charge 10-20; check 20-28",
            "check exists, but starts exactly when charge ends",
            0,
        ),
        (
            "after(check, within 10us)",
            "root 0-99; charge 32-40; check 10-20",
            "check exists, but is 12us away, 2us more than the 10us allowed",
            2000,
        ),
        (
            "beside(check, within 1us)",
            "root 0-99; charge 32-40; check 10-20",
            "check exists, but is 12us away, 11us more than the 1us allowed",
            11000,
        ),
        (
            "after(check, same cart)",
            "root 0-99; charge 32-40 cart='c1'; check 10-20 cart='c2'",
            "check exists, but has another cart ('c2', not 'c1')",
            None,
        ),
        (
            "after(check, same cart as basket)",
            "root 0-99; charge 32-40 cart='c1'; check 10-20 basket='c2'",
            "check exists, but has basket 'c2', while cart of charge is 'c1'",
            None,
        ),
        (
            "after(check, same cart)",
            "root 0-99; charge 32-40 cart='c1'; check 10-20",
            "check exists, but has no cart",
            None,
        ),
        (
            "after(check, same cart)",
            "root 0-99; charge 32-40; check 10-20 cart='c1'",
            "check exists, but cannot be joined, since charge has no cart",
            None,
        ),
        (
            "after(check, same cart)",
            "root 0-99; charge 32-40 cart=NaN; check 10-20 cart=NaN",
            "check exists, but cannot be joined by cart, which is NaN",
            None,
        ),
        (
            "after(check, same cart)",
            "root 0-99; charge 32-40 cart='c1'; check 33-36 cart='c2'",
            "check exists, but ends 4us after charge starts, and has another cart ('c2', not 'c1')",
            4000,
        ),
        (
            "after(check, without retry)",
            "root 0-99; charge 32-40; check 10-20; retry 15-16",
            "check exists, but a retry starts between the two",
            None,
        ),
        (
            "before(charge, without charge)",
            "root 0-99; charge 10-20; charge 30-40 #c2",
            "another charge exists, but ends 10us before this one starts",
            None,
        ),
        (
            "after(check.where(ok == true))",
            "root 0-99; charge 32-40; check 10-20 ok=no",
            "check exists, but ok is 'no', not true",
            None,
        ),
        (
            "after(check.where(score > 7))",
            "root 0-99; charge 32-40; check 10-20 score=5",
            "check exists, but score is 5, the limit is 7",
            2,
        ),
        (
            "parent_of(check)",
            "root 0-99; charge 10-20; check 12-13",
            "check exists, but is a sibling, not a child",
            None,
        ),
        (
            "child_of(check)",
            "root 0-99; check 0-90; step 5-50 ^check; charge 10-20 ^step",
            "check exists, but is an ancestor, not the parent",
            None,
        ),
        (
            "under(check)",
            "root 0-99; charge 10-20; check 12-13 ^charge",
            "check exists, but is a child, not an ancestor",
            None,
        ),
        (
            "over(check)",
            "root 0-99; check 0-90; charge 10-20 ^check",
            "check exists, but is the parent, not a descendant",
            None,
        ),
        (
            "sibling_of(check)",
            "root 0-99; step 1-2; charge 10-20; check 12-13 ^step",
            "check exists, but is in another branch, not a sibling",
            None,
        ),
        (
            "not after(check)",
            "root 0-99; charge 10-20; check 5-7",
            "check ends 3us before charge starts, which must not be",
            3000,
        ),
        ("not child_of(root)", "root 0-99; charge 10-20", "root is the parent of charge, which must not be", None),
        ("amount > 1000", "root 0-99; charge 1-2 amount=999", "amount of charge is 999, the limit is 1000", 1),
        ("amount > 1000", "root 0-99; charge 1-2 amount=1000", "amount of charge is 1000, not above 1000", 0),
        ("amount > 1000", "root 0-99; charge 1-2 amount=many", "amount of charge is 'many', not a number", None),
        ("not (amount > 1000)", "root 0-99; charge 1-2 amount=1001", "amount of charge is 1001, the limit is 1000", 1),
        ("amount == 5", "root 0-99; charge 1-2 amount='7'", "amount of charge is '7', not 5", 2),
        (
            "operation == write",
            "root 0-99; charge 1-2 operation=read",
            "operation of charge is 'read', not 'write'",
            None,
        ),
        (
            "operation != read",
            "root 0-99; charge 1-2 operation=read",
            "operation of charge is 'read', which it must not be",
            None,
        ),
        ("operation != read", "root 0-99; charge 1-2", "operation of charge is missing", None),
        (
            "operation in [a, b]",
            "root 0-99; charge 1-2 operation=read",
            "operation of charge is 'read', not one of 'a', 'b'",
            None,
        ),
        (
            "operation not in [read]",
            "root 0-99; charge 1-2 operation=read",
            "operation of charge is 'read', which it must not be",
            None,
        ),
        (
            "operation contains x",
            "root 0-99; charge 1-2 operation=read",
            "operation of charge is 'read', which does not contain 'x'",
            None,
        ),
        (
            'not (operation matches "^r")',
            "root 0-99; charge 1-2 operation=read",
            "operation of charge is 'read', which matches '^r'",
            None,
        ),
        ("exists(attempt)", "root 0-99; charge 1-2", "attempt of charge is missing", None),
        (
            "not exists(attempt)",
            "root 0-99; charge 1-2 attempt=3",
            "attempt of charge is 3, and it should be missing",
            None,
        ),
        ("used <= allowed", "root 0-99; charge 1-2 used=12 allowed=10", "used of charge is 12, allowed is 10", 2),
        ("used <= allowed", "root 0-99; charge 1-2 used=12", "allowed of charge is missing", None),
        (
            "used == attr(allowed)",
            "root 0-99; charge 1-2 used=a allowed=b",
            "used of charge is 'a', allowed is 'b'",
            None,
        ),
        ("span.duration < 5us", "root 0-99; charge 10-20", "duration of charge is 10us, the limit is 5us", 5000),
        ("span.status == ok", "root 0-99; charge 10-20", "status of charge is unset, not ok", None),
        ('event("exception")', "root 0-99; charge 10-20", 'charge has no event "exception"', None),
        (
            "operation == write and attempt > 1",
            "root 0-99; charge 1-2 operation=read",
            "operation of charge is 'read', not 'write', and attempt is missing",
            None,
        ),
        (
            "operation == write or amount > 10",
            "root 0-99; charge 1-2 operation=read amount=9",
            "amount of charge is 9, the limit is 10",
            1,
        ),
    ],
)
def test_what_one_span_lacks_is_said_with_its_distance(must, notes, text, distance):
    explanation = explained(every_charge(must), notes)
    assert explanation.verdict is Verdict.VIOLATION
    nearest = explanation.near[0]
    assert nearest.text == text
    assert explanation.why.endswith(f"The nearest miss: {text}.")
    if distance is not None:
        assert nearest.distance == distance
        assert nearest.unit in ("ns", "")


@pytest.mark.parametrize(
    ("rule", "notes", "text"),
    [
        (
            "always { check.where(amount >= 1000) }",
            "root 0-9; check 1-2 amount=999; check 1-2 #c2 amount=5",
            "check exists, but amount is 999, the limit is 1000",
        ),
        (
            "always { check.where(a == 1 and b == 2) }",
            "root 0-9; check 1-2 a=900 b=900; check 1-2 #c2 b=2",
            "check exists, but a is missing",
        ),
        (
            "always { check.where(after(reserve)) }",
            "root 0-9; check 1-2; reserve 0-3",
            "check exists, but the nearest reserve ends 2us after it starts",
        ),
        ("always { check.where(after(reserve)) }", "root 0-9; check 1-2", "check exists, but there is no reserve"),
        (
            "always { check.where(after(reserve.where(ok == true))) }",
            "root 0-9; check 4-5; reserve 0-3 ok=no",
            "check exists, but the nearest reserve does not fit: ok is 'no', not true",
        ),
        (
            "never { count(retry) > 3 }",
            "root 0-9; retry 1-2; retry 1-2 #2; retry 1-2 #3; retry 1-2 #4; retry 1-2 #5",
            "5 retry spans, 2 more than 3",
        ),
        ("always { count(retry) >= 3 }", "root 0-9; retry 1-2", "1 retry span, 2 fewer than 3"),
        ("always { 3 <= count(retry) }", "root 0-9; retry 1-2", "1 retry span, 2 fewer than 3"),
        ("always { count(retry) > 1 }", "root 0-9; retry 1-2", "1 retry span, not more than 1"),
        ("always { count(retry) != 1 }", "root 0-9; retry 1-2", "1 retry span, which it must not be"),
        (
            "always { sum(charge, amount) < 10 }",
            "root 0-9; charge 1-2 amount=13",
            "the sum of amount over its charge spans is 13, 3 more than 10",
        ),
        ("always { trace.duration < 5us }", "root 0-9", "its duration is 9us, 4us more than 5us"),
        ("always { count(a) == count(b) }", "root 0-9; a 1-2", "1 a span, 1 more than the number of its b spans (0)"),
        (
            "always { rising(retry, n) }",
            "root 0-9; retry 1-2 n=1; retry 3-4 #2 n=3; retry 5-6 #3 n=2",
            "n is 3, then 2 on the retry that starts 2us later",
        ),
        (
            "never { refund.where(amount > 1000) }",
            "root 0-9; refund 1-2 amount=1003",
            "amount of refund is 1003, the limit is 1000",
        ),
        ("always { a or count(b) > 2 }", "root 0-9; b 1-2", "1 b span, 1 fewer than 2"),
    ],
)
def test_what_a_trace_lacks_is_said(rule, notes, text):
    assert explained(rule, notes).near[0].text == text


def test_the_spans_of_a_miss_are_named_by_row():
    explanation = explained(every_charge("after(check)"), "root 0-99; charge 10-20; check 5-13")
    assert (explanation.near[0].row, explanation.near[0].partner_row) == (2, 1)
    explanation = explained("always { max(charge, n) < 5 }", "root 0-9; charge 1-2 n=3; charge 2-3 #2 n=7")
    assert explanation.near[0].row == 2


@pytest.mark.parametrize(
    "rule",
    [
        "always { fraud_check }",
        "always { fraud_check.where(ok == true) }",
        "always { every(charge).must(after(fraud_check)) }",
        "never { charge }",
        "never { charge.where(operation == read) }",
        "never { max(charge, weight) > 1 or charge }",
    ],
)
def test_where_nothing_is_near_nothing_is_told(rule):
    explanation = explained(rule, "root 0-9; charge 1-2 operation=read")
    assert explanation.verdict is Verdict.VIOLATION
    assert explanation.near == ()
    assert "nearest" not in explanation.why


def test_names_and_values_are_made_safe_and_short():
    spans = [
        PlainSpan("root", span_id=f"{1:016x}"),
        PlainSpan("GET /x\n", span_id=f"{2:016x}", parent_span_id=f"{1:016x}", attributes={"f": "v" * 500}),
    ]
    rule = parse_rule('always { every("GET *").must(f == x) }')
    text = evaluate([rule], traces_from_spans(spans)).explain(0, 0).near[0].text
    assert text == f"f of \"GET /x\\n\" is '{'v' * 59}…', not 'x'"


def test_an_event_that_does_not_fit_is_told_of():
    event = PlainEvent("exception", attributes={"type": "Other"})
    spans = [PlainSpan("charge", span_id=f"{1:016x}", status=StatusCode.ERROR, events=[event])]
    rule = parse_rule('always { charge.where(span.status == error and event("exception", type contains Time)) }')
    text = evaluate([rule], traces_from_spans(spans)).explain(0, 0).near[0].text
    assert text == 'charge exists, but it has no event "exception" with type containing "Time"'


def test_of_many_candidates_the_last_to_start_comes_nearest():
    notes = "; ".join(["root 0-999", "check 800-900", *(f"charge {i}-{i + 1} #c{i}" for i in range(10, 700, 10))])
    explanation = explained("always { charge.where(after(check)) }", notes)
    assert explanation.near[0].row == 69
    assert explanation.near[0].text == "charge exists, but the nearest check starts 109us after it ends"
