"""The simulated shop, the language and the engine agree: planted rules break exactly where they were broken."""

from pathlib import Path

import pytest

from fluo_lab.readers import read_traces
from fluo_lab.rules import Rule, check
from fluo_lab.worlds import CHECKOUT_RULES, Violation, simulate_checkout


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    rates = dict.fromkeys(Violation, 0.05)
    simulation = simulate_checkout(seed=23, n_traces=900, violation_rates=rates)
    path: Path = tmp_path_factory.mktemp("shop") / "traces.jsonl"
    simulation.write(path)
    return simulation.truth, read_traces(path)


def test_every_planted_rule_is_violated_in_the_labelled_traces_and_nowhere_else(shop):
    truth, traces = shop
    result = check([Rule(rule.text, id=rule.id) for rule in CHECKOUT_RULES], traces)
    found = {r.rule.id: {explanation.trace_id for explanation in r} for r in result}
    labels = truth.to_dict()["labels"]
    assert found == {rule.id: set(labels.get(rule.id, [])) for rule in CHECKOUT_RULES}
    assert sum(bool(ids) for ids in found.values()) >= 4
    assert all(r.counts.passed for r in result)
