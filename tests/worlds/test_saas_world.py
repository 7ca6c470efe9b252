"""What is special about the application of many tenants: how its incidents look, and what only seems to hold."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

import pytest

from fluo_lab.rules import Rule, check
from fluo_lab.traces import Traces
from fluo_lab.worlds.dataset.postmortem import Occurrence, render_postmortem
from fluo_lab.worlds.ids import trace_text_of
from fluo_lab.worlds.saas import SAAS, drawn
from fluo_lab.worlds.saas.incidents import BULK_WITHOUT_AUDIT, CROSS_TENANT, UNSCOPED
from fluo_lab.worlds.simulated import Simulated, simulate
from fluo_lab.worlds.world import Run

SECOND = 10**9


@dataclass(frozen=True)
class Seen:
    """One span with its attributes as plain values."""

    name: str
    duration_ns: int
    values: dict[str, Any]


def spans_of(traces: Traces) -> dict[str, list[Seen]]:
    """Each trace's spans in order of start."""
    found: dict[str, list[tuple[int, Seen]]] = defaultdict(list)
    columns = ["trace_id", "name", "start_ns", "end_ns"]
    for row, (trace, name, start_ns, end_ns) in enumerate(traces.spans.select(columns).iter_rows()):
        found[trace].append((start_ns, Seen(name, end_ns - start_ns, traces.span_attributes(row))))
    return {trace: [span for _, span in sorted(spans, key=lambda one: one[0])] for trace, spans in found.items()}


def named(spans: list[Seen], name: str) -> list[Seen]:
    return [span for span in spans if span.name == name]


def holds(text: str, traces: Traces) -> float:
    """Return the share of the traces a rule applies to that satisfy it."""
    counts = check([Rule(text)], traces)[0].counts
    return counts.passed / (counts.passed + counts.violation)


@pytest.fixture(scope="module")
def made() -> Simulated:
    return simulate(Run(SAAS, 41, 3_000))


@pytest.fixture(scope="module")
def spans(made: Simulated) -> dict[str, list[Seen]]:
    return spans_of(made.traces)


@pytest.fixture(scope="module")
def healthy() -> Traces:
    return simulate(Run(SAAS, 43, 3_000, has_incidents=False)).traces


@pytest.fixture(scope="module")
def broken_habits() -> Traces:
    return simulate(Run(SAAS, 42, 4_000, is_counterfactual=True, has_incidents=False)).traces


def test_each_incident_breaks_its_rules_and_no_other(made):
    harmed = made.harmed
    assert {rule: traces for rule, traces in made.broken.items() if traces} == {
        "query-in-tenant-of-request": harmed[CROSS_TENANT],
        "action-is-audited": harmed[BULK_WITHOUT_AUDIT],
        "tenant-data-is-filtered": harmed[UNSCOPED],
        "query-within-statement-timeout": harmed[UNSCOPED],
    }


def test_a_mixed_up_query_names_a_tenant_that_its_trace_knows_nothing_of(made, spans):
    for trace in made.harmed[CROSS_TENANT]:
        (request,) = named(spans[trace], "api.request")
        queries = named(spans[trace], "database.query")
        foreign = [one for one in queries if one.values["tenant.id"] != request.values["tenant.id"]]
        assert len(foreign) == 1
        assert foreign[0].values["tenant_filter"] is True
        assert foreign[0].values["operation"] == "read"
        named_once = Counter(one.values.get("tenant.id") for one in spans[trace])
        assert named_once[foreign[0].values["tenant.id"]] == 1


def test_every_other_tenant_is_another_one():
    n = len(drawn.TENANTS)
    assert len(set(drawn.TENANTS)) == n
    for shift in (drawn.STALE_SHIFT[1], drawn.STALE_SHIFT[2]):
        assert all(drawn.other_tenant(code, shift) != drawn.TENANTS[code] for code in range(n))


def test_unaudited_lists_leave_one_record_or_none_and_look_like_innocent_ones(made, spans):
    left = Counter(len(named(spans[trace], "audit.record")) for trace in made.harmed[BULK_WITHOUT_AUDIT])
    assert set(left) == {0, 1}
    assert all(len(named(spans[trace], "admin.action")) >= 2 for trace in made.harmed[BULK_WITHOUT_AUDIT])
    innocent = [spans[trace] for trace in made.planted.innocent(made.run)[BULK_WITHOUT_AUDIT]]
    assert innocent
    assert all(len(named(one, "audit.record")) == len(named(one, "admin.action")) >= 2 for one in innocent)


def test_an_unscoped_search_is_slow_and_the_facets_beside_it_are_filtered(made, spans):
    n_filtered = 0
    for trace in made.harmed[UNSCOPED]:
        queries = named(spans[trace], "database.query")
        unfiltered = [
            one for one in queries if "tenant_data" in one.values["table"] and not one.values["tenant_filter"]
        ]
        assert len(unfiltered) == 1
        assert unfiltered[0].duration_ns > 2 * SECOND
        n_filtered += len(queries) - 1
    assert n_filtered > 0


def test_a_second_request_of_a_visit_is_harmed_with_the_first(made, spans):
    run = made.run
    for incident, route in ((BULK_WITHOUT_AUDIT, "POST /admin/actions/bulk"), (UNSCOPED, "POST /search")):
        harmed = set(made.harmed[incident])
        visits = run.window_visits(SAAS.incident(incident))
        pairs = [[trace_text_of(run.chance(visit), part=part) for part in (0, 1)] for visit in visits]
        both = [pair for pair in pairs if pair[1] in harmed]
        assert both, incident
        for first, second in both:
            assert first in harmed
            assert spans[first][0].name == spans[second][0].name == route


def test_shared_tables_are_read_with_and_without_the_filter(spans):
    queries = [one for trace in spans.values() for one in named(trace, "database.query")]
    shared = Counter(one.values["tenant_filter"] for one in queries if one.values["table"] in drawn.SHARED_TABLES)
    assert min(shared[True], shared[False]) > 100


def test_reading_without_a_transaction_is_common_and_so_is_one_without_writing(healthy):
    reads = "when { trace.has(database.query).where(operation == read) } always { trace.has(transaction.begin) }"
    assert 0.1 < holds(reads, healthy) < 0.9
    assert (
        holds(
            "when { trace.has(transaction.begin) } always { trace.has(database.query).where(operation == write) }",
            healthy,
        )
        < 0.97
    )


def test_suspension_and_writing_are_both_common(healthy):
    suspended = holds("trace.has(tenant.suspended)", healthy)
    writing = holds("trace.has(database.query).where(operation == write)", healthy)
    assert suspended * writing * healthy.n_traces > 50


def test_rows_of_reports_pile_up_at_the_limit(made, spans):
    full = [
        render.values["report.rows"] == context.values["tenant.row_limit"]
        for trace in spans.values()
        for render in named(trace, "report render")
        for context in named(trace, "tenant.context_loaded")[:1]
    ]
    assert 0.2 < sum(full) / len(full) < 0.9


SEEMING = {
    "everything is metered": "when { trace.has(api.request) } always { trace.has(usage.meter) }",
    "the token comes first": """
        when { trace.has(rate_limit.check) }
        always { trace.every(rate_limit.check).must(after(auth.verify_token)) }
    """,
    "one region": "when { trace.has(api.request) } always { trace.every(api.request).must(cloud.region == eu-west-1) }",
    "one database": """
        when { trace.has(database.query) } always { trace.every(database.query).must(db.system.name == postgresql) }
    """,
    "one who acts": "when { trace.has(audit.record) } always { trace.distinct(audit.record, user.id) == 1 }",
    "searches query": 'when { trace.has("POST /records/search") } always { trace.has(database.query) }',
    "rate has a limit": """
        when { trace.has(rate_limit.check) }
        always { trace.every(rate_limit.check).must(rate_limit.remaining <= 1000) }
    """,
    "one suggestion": "when { trace.has(search.suggest) } always { trace.count(search.suggest) == 1 }",
    "exports open a scope": 'when { trace.has("POST /exports") } always { trace.has(tenant.scope) }',
}


@pytest.mark.parametrize("text", SEEMING.values(), ids=list(SEEMING))
def test_what_only_seems_to_hold_fails_where_habits_are_broken(healthy, broken_habits, text):
    assert holds(text, healthy) >= 0.9
    assert holds(text, broken_habits) < 0.9


def test_only_queries_have_a_time_limit_where_habits_are_broken(broken_habits):
    for name in ('"POST /search"', "api.request", '"POST /records/search"', "tenant.scope", "unit_of_work"):
        limit = f"when {{ trace.has({name}) }} always {{ trace.every({name}).must(span.duration <= 2s) }}"
        assert holds(limit, broken_habits) < 0.8, name


@pytest.mark.parametrize("incident", SAAS.incidents, ids=[one.id for one in SAAS.incidents])
def test_a_postmortem_has_no_blank_left_and_names_a_harmed_trace_or_a_condition(made, incident):
    start_ns, end_ns = made.run.window_ns(incident)
    harmed, innocent = made.harmed[incident.id], made.planted.innocent(made.run)[incident.id]
    text = render_postmortem(SAAS, incident, Occurrence(start_ns, end_ns, harmed, innocent))
    assert "$" not in text
    assert 50 <= text.count("\n") <= 90
    if incident.id == BULK_WITHOUT_AUDIT:
        query = next(line for line in text.splitlines() if line.startswith("query: ")).removeprefix("query: ")
        found = check([Rule(f"never {{ {query} }}")], made.traces)[0]
        assert sorted(one.trace_id for one in found) == sorted(harmed)
    else:
        assert any(trace in text for trace in harmed)
