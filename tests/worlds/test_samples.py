"""The committed samples are what their datasheet and their post-mortems say."""

import gzip
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from fluo_lab.worlds import Simulation, simulate_checkout

DATASETS = Path(__file__).parents[2] / "datasets"


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    return simulate_checkout(seed=7, n_traces=710)


@pytest.fixture(scope="module")
def truth() -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads((DATASETS / "checkout" / "truth.json").read_bytes())
    return found


def test_the_committed_traces_are_the_simulated_ones(simulation: Simulation) -> None:
    packed = (DATASETS / "checkout" / "traces.jsonl.gz").read_bytes()
    assert gzip.decompress(packed) == b"".join(simulation.to_json_lines())
    assert len(packed) < 600_000


def test_the_committed_truth_is_the_simulated_one(simulation: Simulation, truth: dict[str, Any]) -> None:
    assert truth == simulation.truth.to_dict()


def test_the_post_mortem_agrees_with_the_truth(truth: dict[str, Any]) -> None:
    text = (DATASETS / "checkout" / "incident-double-charge.md").read_text(encoding="utf-8")
    head = yaml.load(text.split("---\n")[1], Loader=yaml.BaseLoader)
    [incident] = truth["incidents"]
    assert {key: head[key] for key in ("id", "title", "start", "end", "traces")} == {
        key: incident[key] for key in ("id", "title", "start", "end", "traces")
    }


def test_the_datasheet_counts_what_is_there(simulation: Simulation, truth: dict[str, Any]) -> None:
    text = (DATASETS / "README.md").read_text(encoding="utf-8")
    packed = (DATASETS / "checkout" / "traces.jsonl.gz").read_bytes()
    spans = [s for q in simulation.requests for r in q.resource_spans for c in r.scope_spans for s in c.spans]
    names = [s.name for s in spans]
    charges = [(s.trace_id, {a.key: a.value for a in s.attributes}) for s in spans if s.name == "payment.charge"]
    [incident] = simulation.truth.incidents
    starts: dict[bytes, int] = {}
    for span in spans:
        starts[span.trace_id] = min(span.start_time_unix_nano, starts.get(span.trace_id, span.start_time_unix_nano))
    inside = sum(incident.start_ns <= start < incident.end_ns for start in starts.values())
    for line in (
        f"{len(packed):,} bytes packed, {len(gzip.decompress(packed)):,} plain",
        f"| traces | {len(starts)} |",
        f"| spans | {len(spans):,} in {len(simulation.requests):,} lines, {len(set(names))} span names |",
        f"| `POST /checkout` | {names.count('POST /checkout')}, of which {names.count('order.create')} create",
        f"| traces with a charge | {len({t for t, _ in charges})}; "
        f"with one over 1000: {len({t for t, a in charges if a['amount'].double_value > 1000})}; "
        f"with a retried one: {len({t for t, a in charges if a['attempt'].int_value > 1})} |",
        f"| refunds | {names.count('payment.refund')} |",
        f"| traces in the incident's window | {inside} |",
        f"| traces that break a rule | {len(simulation.truth.bad_traces)}, all in that window |",
        *(f"| `{rule['id']}` | {rule['family']}" for rule in truth["rules"]),
    ):
        assert line in text
