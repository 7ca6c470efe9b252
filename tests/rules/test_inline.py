"""Inline tests: what the spans of a test are when it says little, and what it may say."""

import pytest

from fluo_lab.engine import Verdict
from fluo_lab.errors import RuleFileError
from fluo_lab.rules import Rule, RuleBook, run_tests
from fluo_lab.traces import SpanKind, StatusCode, traces_from_spans

MS = 1_000_000


def book(test, condition="trace.has(a) and trace.has(b)"):
    return RuleBook.from_text(
        f"rules:\n  - id: ab\n    name: n\n    severity: low\n    condition: {condition}\n    tests:\n      - {test}\n",
        path="r.yaml",
    )


def read(spans, more=""):
    return book(f"{{name: t, expect: pass, spans: {spans}{more}}}")[0].tests[0]


def finding(test):
    with pytest.raises(RuleFileError) as caught:
        book(test)
    (found,) = caught.value.diagnostics
    return found


def test_spans_follow_each_other_under_a_shared_root():
    root, first, second = read("[{name: a}, {name: b}]").spans
    assert (root.name, root.parent_span_id, root.start_ns, root.end_ns) == ("(test root)", None, 0, 3 * MS)
    assert [s.parent_span_id for s in (first, second)] == [root.span_id] * 2
    assert [(s.start_ns, s.end_ns) for s in (first, second)] == [(MS, 2 * MS), (2 * MS, 3 * MS)]
    assert len({s.span_id for s in (root, first, second)}) == 3
    assert {s.trace_id for s in (root, first, second)} == {root.trace_id}
    assert {s.service for s in (root, first, second)} == {"test"}


def test_a_test_makes_a_complete_trace():
    assert traces_from_spans(read("[{name: a}, {name: b}]").spans).n_incomplete == 0
    assert traces_from_spans(read("[{name: a}, {name: b}]", ", root: false").spans).n_incomplete == 0


def test_the_next_span_starts_where_the_one_before_ended():
    _, *spans = read("[{name: a, duration: 5ms}, {name: b, start: 20ms}, {name: c}]").spans
    assert [(s.start_ns // MS, s.end_ns // MS) for s in spans] == [(1, 6), (20, 21), (21, 22)]


def test_without_a_root_spans_stand_alone():
    (span,) = read("[{name: a}]", ", root: false").spans
    assert (span.parent_span_id, span.start_ns) == (None, 0)


def test_everything_about_a_span_can_be_said():
    _, parent, child = read(
        "[{name: p, id: top}, {name: c, parent: top, service: s, status: error, status_message: m, kind: client,"
        " attributes: {i: 1, f: 1.5, t: x, b: true, l: [1], d: {k: v}}, resource: {r: 1}, scope: {s: 2},"
        " scope_name: sn, scope_version: sv, events: [e, {name: f, at: 1us, attributes: {k: 1}}]}]"
    ).spans
    assert child.parent_span_id == parent.span_id == "top"
    assert (child.service, child.status, child.kind) == ("s", StatusCode.ERROR, SpanKind.CLIENT)
    assert child.attributes == {"i": 1, "f": 1.5, "t": "x", "b": True, "l": [1], "d": {"k": "v"}}
    assert (child.resource, child.scope, child.scope_name, child.scope_version) == ({"r": 1}, {"s": 2}, "sn", "sv")
    assert (child.status_message, [e.name for e in child.events]) == ("m", ["e", "f"])
    assert child.events[1].time_ns == child.start_ns + 1000


def test_no_service_can_be_said():
    assert read("[{name: a, service: null}]").spans[1].service is None


@pytest.mark.parametrize(
    ("test", "code", "words"),
    [
        ("{name: t, expect: fail, spans: [{name: a}]}", "FL523", "one of"),
        ("{name: t, spans: [{name: a}]}", "FL521", "no 'expect'"),
        ("{name: t, expect: pass}", "FL530", "either 'spans' or 'trace_file'"),
        ("{name: t, expect: pass, spans: [{name: a}], trace_file: x}", "FL530", "not both"),
        ("{name: t, expect: pass, spans: []}", "FL530", "at least one span"),
        ("{name: t, expect: pass, trace_file: x, root: false}", "FL530", "for tests with 'spans'"),
        ("{name: t, expect: pass, spans: [{nam: a, name: b}]}", "FL520", "did you mean 'name'?"),
        ("{name: t, expect: pass, spans: [{}]}", "FL521", "no 'name'"),
        ("{name: t, expect: pass, spans: [{name: a, start: 20}]}", "FL522", "20ms"),
        ("{name: t, expect: pass, spans: [{name: a, kind: servr}]}", "FL523", "did you mean 'server'?"),
        ("{name: t, expect: pass, spans: [{name: a, parent: b}]}", "FL531", "no span of the test"),
        ("{name: t, expect: pass, spans: [{name: a, id: x}, {name: b, id: x}]}", "FL531", "another span"),
        ("{name: t, expect: pass, spans: [{name: a, attributes: {k: null}}]}", "FL522", "leave it out"),
        ("{name: t, expect: pass, spans: a}", "FL522", "a list of spans"),
        ("just text", "FL522", "a mapping"),
    ],
)
def test_a_wrong_test_is_reported_in_its_line(test, code, words):
    found = finding(test)
    assert (found.code, found.line) == (code, 7)
    assert words in found.render()


# --- running them --------------------------------------------------------------------------------------------------


def outcome(test, condition="trace.has(a) and trace.has(b)"):
    (only,) = run_tests(book(test, condition))
    return only


def test_an_outcome_has_the_verdict_and_its_reason():
    found = outcome("{name: t, expect: violation, spans: [{name: a}]}")
    assert (found.passed, found.is_failure, found.got) == (True, False, Verdict.VIOLATION)
    assert "b" in found.why
    assert found.to_dict() == {
        "rule_id": "ab",
        "name": "t",
        "expected": "violation",
        "got": "violation",
        "passed": True,
        "todo": False,
        "why": found.why,
    }


def test_another_verdict_is_a_failure():
    found = outcome("{name: t, expect: pass, spans: [{name: a}]}")
    assert (found.passed, found.is_failure, found.got) == (False, True, Verdict.VIOLATION)


def test_a_known_gap_is_reported_but_no_failure():
    found = outcome("{name: t, expect: pass, todo: true, spans: [{name: a}]}")
    assert (found.passed, found.is_failure) == (False, False)


def test_an_incomplete_trace_can_be_inconclusive():
    assert outcome("{name: t, expect: inconclusive, incomplete: true, spans: [{name: a}]}").passed


def test_after_holds_between_neighbours():
    condition = "trace.every(b).must(after(a))"
    assert outcome("{name: t, expect: pass, spans: [{name: a}, {name: b}]}", condition).passed
    assert outcome("{name: t, expect: violation, spans: [{name: b}, {name: a}]}", condition).passed


def test_the_root_counts_for_a_star_and_can_be_left_out():
    assert outcome("{name: t, expect: pass, spans: [{name: a}]}", "trace.count(*) == 2").passed
    assert outcome("{name: t, expect: pass, root: false, spans: [{name: a}]}", "trace.count(*) == 1").passed


def test_tests_of_one_rule_do_not_see_each_other():
    rules = book("{name: t, expect: pass, spans: [{name: a}, {name: b}]}")
    (rule,) = rules
    more = read("[{name: a}]")
    twice = Rule(rule.condition, tests=(*rule.tests, more))
    assert [o.got for o in run_tests([twice])] == [Verdict.PASS, Verdict.VIOLATION]


def test_a_trace_file_is_found_beside_the_rule_file(tmp_path):
    traces_from_spans(read("[{name: a}]").spans).save(tmp_path / "one.parquet")
    path = tmp_path / "r.yaml"
    path.write_text(
        "rules:\n  - id: ab\n    name: n\n    severity: low\n    condition: trace.has(a) and trace.has(b)\n    tests:\n"
        "      - {name: t, expect: violation, trace_file: one.parquet}\n"
        "      - {name: u, expect: violation, trace_file: none.parquet}\n"
    )
    found, missing = run_tests(RuleBook.load(path))
    assert found.passed
    assert missing.got is None
    assert missing.is_failure
    assert "none.parquet" in missing.why
