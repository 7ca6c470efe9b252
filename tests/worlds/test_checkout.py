"""The checkout world: the planted rules hold exactly where its truth says so."""

import gzip
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from fluo_lab.errors import UsageError
from fluo_lab.worlds import CHECKOUT_RULES, Simulation, Violation, simulate_checkout

SEEDS = (1, 7)


@dataclass(frozen=True)
class Seen:
    """One span with its attributes as plain values."""

    span: Span
    values: dict[str, Any]
    service: str

    @property
    def start(self) -> int:
        return self.span.start_time_unix_nano

    @property
    def end(self) -> int:
        return self.span.end_time_unix_nano


def traces_of(simulation: Simulation) -> dict[str, list[Seen]]:
    traces: dict[str, list[Seen]] = defaultdict(list)
    for request in simulation.requests:
        for resource in request.resource_spans:
            service = next(a.value.string_value for a in resource.resource.attributes if a.key == "service.name")
            for span in (s for scope in resource.scope_spans for s in scope.spans):
                values = {}
                for pair in span.attributes:
                    kind = pair.value.WhichOneof("value")
                    assert kind is not None
                    values[pair.key] = getattr(pair.value, kind)
                traces[span.trace_id.hex()].append(Seen(span, values, service))
    return traces


def named(trace: list[Seen], name: str) -> list[Seen]:
    return sorted((s for s in trace if s.span.name == name), key=lambda s: s.start)


def charges(trace: list[Seen]) -> list[Seen]:
    return named(trace, "payment.charge")


def captured(trace: list[Seen]) -> list[Seen]:
    return [c for c in charges(trace) if c.values["payment.outcome"] == "captured"]


def expensive(trace: list[Seen]) -> list[Seen]:
    return [c for c in charges(trace) if c.values["amount"] > 1000]


def root_status(trace: list[Seen]) -> int | None:
    roots = named(trace, "POST /checkout")
    return roots[0].values["http.response.status_code"] if roots else None


def is_after(later: Seen, earlier: list[Seen]) -> bool:
    return any(e.end <= later.start for e in earlier)


# The planted rules once more, in Python; the cross-trace one is checked by a test of its own.
CHECKS: dict[str, Callable[[list[Seen]], bool]] = {
    "charge-needs-reservation": lambda t: not charges(t) or bool(named(t, "inventory.reserve")),
    "reservation-before-charge": lambda t: all(is_after(c, named(t, "inventory.reserve")) for c in charges(t)),
    "charge-and-reservation-share-cart": lambda t: (
        not named(t, "inventory.reserve")
        or {c.values["cart.id"] for c in charges(t)} <= {r.values["cart.id"] for r in named(t, "inventory.reserve")}
    ),
    "retry-keeps-intent": lambda t: (
        not any(c.values["attempt"] > 1 for c in charges(t))
        or len({c.values["payment_intent_id"] for c in charges(t)}) == 1
    ),
    "high-value-needs-fraud-check": lambda t: not expensive(t) or bool(named(t, "payment.fraud_check")),
    "fraud-check-before-high-value-charge": lambda t: all(
        is_after(c, named(t, "payment.fraud_check")) for c in expensive(t)
    ),
    "refund-needs-charge": lambda t: not named(t, "payment.refund") or bool(charges(t)),
    "refund-not-above-charge": lambda t: all(
        r.values["amount"] <= c.values["amount"] for r in named(t, "payment.refund") for c in charges(t)
    ),
    "captured-charge-gets-receipt": lambda t: all(
        any(c.end <= r.start for r in named(t, "notification.receipt")) for c in captured(t)
    ),
    "one-order-per-checkout": lambda t: root_status(t) != 201 or len(named(t, "order.create")) == 1,
    "declined-checkout-releases-stock": lambda t: root_status(t) != 402 or bool(named(t, "inventory.release")),
    "attempts-rise": lambda t: [c.values["attempt"] for c in charges(t)] == [*range(1, len(charges(t)) + 1)],
    "at-most-three-attempts": lambda t: len(charges(t)) <= 3,
    "charge-under-payments": lambda t: (
        {c.span.parent_span_id for c in charges(t)} <= {s.span.span_id for s in named(t, "POST /payments")}
    ),
    "charge-in-known-currency": lambda t: {c.values["currency"] for c in charges(t)} <= {"EUR", "USD", "GBP"},
}


@pytest.fixture(scope="module", params=SEEDS)
def simulation(request: pytest.FixtureRequest) -> Simulation:
    """A run in which everything that can go wrong does."""
    return simulate_checkout(seed=request.param, n_traces=500, violation_rates=dict.fromkeys(Violation, 0.2))


@pytest.fixture(scope="module")
def traces(simulation: Simulation) -> dict[str, list[Seen]]:
    return traces_of(simulation)


@pytest.mark.parametrize("rule", list(CHECKS))
def test_a_planted_rule_breaks_in_the_labelled_traces_and_nowhere_else(
    rule: str, simulation: Simulation, traces: dict[str, list[Seen]]
) -> None:
    broken = {trace_id for trace_id, spans in traces.items() if not CHECKS[rule](spans)}
    assert broken == set(simulation.truth.labels[rule])


def test_an_intent_is_captured_once_over_all_traces(traces: dict[str, list[Seen]]) -> None:
    intents = [c.values["payment_intent_id"] for spans in traces.values() for c in captured(spans)]
    assert len(intents) == len(set(intents)) > 100


def test_every_planted_rule_has_a_label_list_and_a_check(simulation: Simulation) -> None:
    ids = [rule.id for rule in CHECKOUT_RULES]
    assert list(simulation.truth.labels) == ids
    assert {*CHECKS, "intent-captured-once"} == set(ids)


@pytest.mark.parametrize("violation", list(Violation))
def test_each_violation_can_be_planted_as_the_incident(violation: Violation) -> None:
    truth = simulate_checkout(seed=2, n_traces=700, incident=violation).truth
    [incident] = truth.incidents
    assert incident.traces
    assert set(incident.traces) == truth.bad_traces == set(truth.labels[incident.broken_rule])


def test_without_an_incident_nothing_is_labelled() -> None:
    truth = simulate_checkout(n_traces=200, incident=None).truth
    assert not truth.incidents
    assert not truth.bad_traces


def test_span_ids_are_unique_and_every_parent_and_link_is_there(traces: dict[str, list[Seen]]) -> None:
    spans = [s.span for trace in traces.values() for s in trace]
    ids = {(s.trace_id, s.span_id) for s in spans}
    assert len(ids) == len(spans)
    assert {(s.trace_id, s.parent_span_id) for s in spans if s.parent_span_id} <= ids
    links = {(link.trace_id, link.span_id) for s in spans for link in s.links}
    assert links
    assert links <= ids
    assert all(sum(not s.span.parent_span_id for s in trace) == 1 for trace in traces.values())


def test_traces_cross_services_and_lines(simulation: Simulation, traces: dict[str, list[Seen]]) -> None:
    lines_of = defaultdict(set)
    for number, request in enumerate(simulation.requests):
        for span in (s for r in request.resource_spans for scope in r.scope_spans for s in scope.spans):
            lines_of[span.trace_id.hex()].add(number)
    for trace_id, spans in traces.items():
        assert len(lines_of[trace_id]) >= len({s.service for s in spans})
    assert max(len({s.service for s in spans}) for spans in traces.values()) >= 6


def test_some_spans_outlive_their_parents_and_some_carry_exceptions(traces: dict[str, list[Seen]]) -> None:
    by_id = {s.span.span_id: s for trace in traces.values() for s in trace}
    late = {s.span.name for s in by_id.values() if s.span.parent_span_id and s.end > by_id[s.span.parent_span_id].end}
    assert {"orders process", "analytics.track", "loyalty.add_points"} <= late
    assert any(e.name == "exception" for s in by_id.values() for e in s.span.events)
    assert all(s.start <= s.end for s in by_id.values())


def test_the_fraud_check_guard_can_be_learned(traces: dict[str, list[Seen]]) -> None:
    cheap = [t for t in traces.values() if charges(t) and not expensive(t)]
    share = sum(bool(named(t, "payment.fraud_check")) for t in cheap) / len(cheap)
    assert 0.05 < share < 0.3


def test_common_company_is_not_an_invariant(traces: dict[str, list[Seen]]) -> None:
    paid = [t for t in traces.values() if root_status(t) == 201]
    for name in ("loyalty.add_points", "analytics.track", "address.validate"):
        assert 0.8 < sum(bool(named(t, name)) for t in paid) / len(paid) < 1


def test_equal_seeds_give_equal_bytes_and_others_do_not(tmp_path: Path) -> None:
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        simulation = simulate_checkout(seed=seed, n_traces=80)
        simulation.write(tmp_path / f"{name}.jsonl.gz")
        simulation.write(tmp_path / f"{name}.jsonl")
        simulation.write_truth(tmp_path / f"{name}.json")
    for suffix in ("jsonl.gz", "jsonl", "json"):
        a, b, c = ((tmp_path / f"{name}.{suffix}").read_bytes() for name in "abc")
        assert a == b != c
    assert gzip.decompress((tmp_path / "a.jsonl.gz").read_bytes()) == (tmp_path / "a.jsonl").read_bytes()


def test_the_start_moves_every_time_and_nothing_else() -> None:
    early = simulate_checkout(n_traces=30, incident=None, start=datetime(2025, 1, 1, tzinfo=UTC))
    late = simulate_checkout(n_traces=30, incident=None, start=datetime(2025, 1, 2, tzinfo=UTC))
    day_ns = 86_400 * 10**9
    times = [sorted((s.span.span_id, s.start) for spans in traces_of(x).values() for s in spans) for x in (early, late)]
    assert [(span_id, start + day_ns) for span_id, start in times[0]] == times[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_traces": 0}, "at least one trace"),
        ({"start": datetime(2025, 1, 1)}, "no time zone"),
        ({"violation_rates": {Violation.MISSING_CHARGE: 1.5}}, "missing-charge is 1.5"),
    ],
)
def test_arguments_that_cannot_be_meant_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        simulate_checkout(**arguments)


def test_a_switched_off_sdk_is_an_error_and_not_an_empty_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    with pytest.raises(UsageError, match="OTEL_SDK_DISABLED"):
        simulate_checkout(n_traces=1)


def test_limits_set_in_the_environment_change_no_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    before = list(simulate_checkout(n_traces=20).to_json_lines())
    monkeypatch.setenv("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "1")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    assert list(simulate_checkout(n_traces=20).to_json_lines()) == before


def test_the_module_writes_traces_and_truth(tmp_path: Path) -> None:
    out = tmp_path / "made"
    command = [sys.executable, "-m", "fluo_lab.worlds", "checkout", "--traces", "50", "--out", str(out)]
    subprocess.run(command, check=True, capture_output=True)
    expected = simulate_checkout(seed=7, n_traces=50)
    assert gzip.decompress((out / "traces.jsonl.gz").read_bytes()) == b"".join(expected.to_json_lines())
    assert orjson.loads((out / "truth.json").read_bytes()) == expected.truth.to_dict()
