"""A rule may say an attribute's old name or its new one: which value counts, on which spans."""

from __future__ import annotations

import itertools

import oracle
import polars as pl
import pytest
import strategies
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fluo_lab.engine import Verdict, evaluate
from fluo_lab.errors import Severity
from fluo_lab.language import parse_rule, print_rule
from fluo_lab.rules import Rule, lint_rule
from fluo_lab.traces import PlainEvent, PlainSpan, SpanKind, attributes, traces_from_spans

CHECKS = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large, HealthCheck.large_base_example]

DRAWN = {
    about: st.tuples(
        strategies.renamed_traces(about),
        st.lists(
            strategies.rules(
                relations=False,
                correlation=False,
                names=["a", "b", "boom"],
                fields=strategies.renamed_fields(about),
                values=strategies.renamed_values(about),
            ),
            min_size=1,
            max_size=4,
        ),
        st.booleans(),
    )
    for about in strategies.RENAMED
}


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
            evaluation.explain(number, row)


@pytest.mark.parametrize("about", sorted(strategies.RENAMED))
@settings(max_examples=25, deadline=None, suppress_health_check=CHECKS)
@given(data=st.data())
def test_engine_and_interpreter_agree_on_old_and_new_names(about, data):
    agree(*data.draw(DRAWN[about]))


@pytest.mark.parametrize("about", sorted(strategies.RENAMED))
@settings(max_examples=10, deadline=None, suppress_health_check=CHECKS)
@given(data=st.data())
def test_engine_and_interpreter_agree_on_names_in_shared_columns(about, data):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attributes, "DENSE_NAMES", 1)
        agree(*data.draw(DRAWN[about]))


@pytest.mark.slow
@pytest.mark.parametrize("about", sorted(strategies.RENAMED))
@settings(max_examples=3_000, deadline=None, suppress_health_check=CHECKS)
@given(data=st.data())
def test_engine_and_interpreter_agree_on_old_and_new_names_at_length(about, data):
    agree(*data.draw(DRAWN[about]))


def store(*carried, kind=SpanKind.CLIENT, **kwargs):
    """One trace a set of attributes, each of one span."""
    return traces_from_spans(
        [
            PlainSpan("a", trace_id=f"{i + 1:032x}", span_id=f"{1:016x}", kind=kind, attributes=carries, **kwargs)
            for i, carries in enumerate(carried)
        ]
    )


def holds(condition, traces):
    """Whether a condition holds, one answer a trace."""
    return [v == Verdict.PASS for v in evaluate([parse_rule(f"always {{ {condition} }}")], traces).verdicts[0]]


OLD, NEW = {"http.method": "GET"}, {"http.request.method": "GET"}
BOTH = {"http.method": "GET", "http.request.method": "POST"}
NONE = {"method": "GET"}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("trace.has(a).where(http.method == GET)", [True, True, True, False]),
        ("trace.has(a).where(http.request.method == GET)", [True, True, False, False]),
        ("trace.has(a).where(http.request.method == POST)", [False, False, True, False]),
        ("trace.has(a).where(http.method != GET)", [False, False, False, False]),
        ("trace.has(a).where(exists(http.method))", [True, True, True, False]),
        ("trace.has(a).where(http.method in [PUT, GET])", [True, True, True, False]),
        ("trace.has(a).where(http.method contains E)", [True, True, True, False]),
        ('trace.has(a).where(http.request.method matches "^P")', [False, False, True, False]),
        ("trace.every(a).must(http.method == GET)", [True, True, True, False]),
        ("trace.distinct(a, http.method) == 1", [True, True, True, False]),
        ("trace.has(a).where(http.method == attr(http.request.method))", [True, True, False, False]),
    ],
)
def test_the_name_that_was_said_counts_and_the_other_where_it_is_absent(condition, expected):
    assert holds(condition, store(OLD, NEW, BOTH, NONE)) == expected


def test_a_text_under_one_name_and_a_number_under_the_other_are_one_attribute():
    traces = store({"http.status_code": "503"}, {"http.response.status_code": 503}, {"http.status_code": 200})
    for name in ("http.status_code", "http.response.status_code"):
        assert holds(f"trace.has(a).where({name} >= 500)", traces) == [True, True, False]
        assert holds(f"trace.max(a, {name}) == 503", traces) == [True, True, False]
        assert holds(f'trace.has(a).where({name} == "503")', traces) == [True, True, False]


def test_the_named_attribute_counts_under_any_type_before_the_other_under_the_same():
    traces = store({"http.status_code": "200", "http.response.status_code": 503}, {"http.response.status_code": 503})
    assert holds("trace.sum(a, http.status_code) == 200", traces) == [True, False]
    assert holds("trace.sum(a, http.response.status_code) == 503", traces) == [True, True]


def test_an_order_runs_over_old_and_new_names():
    def attempts(*numbers):
        names = itertools.cycle(["http.request.resend_count", "http.resend_count"])
        return traces_from_spans(
            [
                PlainSpan("a", span_id=f"{i + 1:016x}", start_ns=i, attributes={} if n is None else {name: n})
                for i, (n, name) in enumerate(zip(numbers, names, strict=False))
            ]
        )

    assert holds("trace.rising(a, http.resend_count)", attempts(1, 2, None, 3)) == [True]
    assert holds("trace.rising(a, http.resend_count)", attempts(1, 3, 2)) == [False]


@pytest.mark.parametrize(
    ("kind", "server", "client"),
    [
        (SpanKind.CLIENT, True, False),
        (SpanKind.SERVER, False, True),
        (SpanKind.INTERNAL, False, False),
        (SpanKind.PRODUCER, False, False),
    ],
)
def test_the_peer_of_a_client_is_the_server_and_of_a_server_the_client(kind, server, client):
    old = store({"net.peer.name": "x"}, kind=kind)
    assert holds("trace.has(a).where(server.address == x)", old) == [server]
    assert holds("trace.has(a).where(client.address == x)", old) == [client]
    assert holds("trace.has(a).where(net.peer.name == x)", store({"server.address": "x"}, kind=kind)) == [server]
    assert holds("trace.has(a).where(net.peer.name == x)", store({"client.address": "x"}, kind=kind)) == [client]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ('trace.has(a).where(db.system.name == "microsoft.sql_server")', [True, True, False]),
        ("trace.has(a).where(db.system == mssql)", [True, True, False]),
        ("trace.has(a).where(db.system != mssql)", [False, False, True]),
        ("trace.has(a).where(db.system == attr(db.system))", [True, True, True]),
        ("trace.distinct(a, db.system) == 1", [True, True, True]),
    ],
)
def test_a_value_renamed_with_its_name_is_compared_in_the_words_of_the_rule(condition, expected):
    traces = store({"db.system": "mssql"}, {"db.system.name": "microsoft.sql_server"}, {"db.system": "redis"})
    assert holds(condition, traces) == expected


def test_a_value_without_a_counterpart_is_a_missing_attribute():
    traces = store({"http.flavor": "2.0"}, {"http.flavor": "SPDY"}, {"http.flavor": 2.0})
    assert holds('trace.has(a).where(network.protocol.version == "2")', traces) == [True, False, False]
    assert holds("trace.has(a).where(exists(network.protocol.version))", traces) == [True, False, False]


def test_resource_and_event_attributes_have_other_names_and_scopes_do_not():
    carried = {"deployment.environment": "production"}
    traces = store({}, resource=carried, scope=carried, events=[PlainEvent("e", attributes=OLD)])
    assert holds("trace.has(a).where(resource.deployment.environment.name == production)", traces) == [True]
    assert holds('trace.has(a).where(event("e", http.request.method == GET))', traces) == [True]
    assert holds("trace.has(a).where(scope.deployment.environment == production)", traces) == [True]
    assert holds("trace.has(a).where(exists(scope.deployment.environment.name))", traces) == [False]
    assert holds("trace.has(a).where(exists(deployment.environment.name))", traces) == [False]


def test_the_store_keeps_the_keys_it_was_given():
    traces = store(NEW)
    evaluate([parse_rule("always { trace.has(a).where(http.method == GET) }")], traces)
    assert traces.attributes("a").columns[-1] == "http.request.method"


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("when { trace.has(a).where(http.method == GET) } always { b }", "(http.method read from http.request.method)"),
        ("trace.every(a).must(http.method == PUT)", "(http.method read from http.request.method)"),
        ("trace.distinct(a, http.method) > 1", "is 1 (http.method read from http.request.method)"),
        ("trace.count(a).where(http.method == GET) > 1", "is 1 (http.method read from http.request.method)"),
    ],
)
def test_an_explanation_says_which_name_was_read(condition, words):
    rule = parse_rule(condition)
    assert words in evaluate([rule], store(NEW)).explain(0, 0).why
    assert "read from" not in evaluate([rule], store(OLD)).explain(0, 0).why


def test_a_rule_of_constants_is_explained_too():
    why = evaluate([parse_rule("always { 3 < 2 }")], store(OLD)).explain(0, 0).why
    assert "not true that" in why


def test_a_group_without_other_names_is_not_copied(monkeypatch):
    copies = []
    monkeypatch.setattr(pl.Series, "set", lambda series, *_: copies.append(series.name) or series)
    traces = store(OLD, OLD)
    copies.clear()
    assert holds("trace.has(a).where(http.method == GET)", traces) == [True, True]
    assert copies == []


def lints(condition, traces):
    return [
        (d.code, d.severity) for d in lint_rule(Rule(f"always {{ {condition} }}"), traces=traces) if d.code > "FL604"
    ]


def test_an_attribute_known_by_its_other_name_is_information_and_no_warning():
    asked = "trace.has(a).where(http.method == GET)"
    assert lints(asked, store(NEW)) == [("FL606", Severity.INFO)]
    assert lints(asked, store(OLD)) == []
    assert lints(asked, store(NONE)) == [("FL606", Severity.WARNING)]
    (found,) = [d for d in lint_rule(Rule(f"always {{ {asked} }}"), traces=store(NEW)) if d.code == "FL606"]
    assert "but http.request.method" in found.message


def test_an_other_name_on_spans_of_a_kind_where_it_does_not_count_is_no_answer():
    asked = "trace.has(a).where(server.address == x)"
    carried = {"net.peer.name": "x"}
    assert lints(asked, store(carried, kind=SpanKind.CLIENT)) == [("FL606", Severity.INFO)]
    assert lints(asked, store(carried, kind=SpanKind.SERVER)) == [("FL606", Severity.WARNING)]
