"""Services that really run, in processes of their own, over HTTP: their traces are the simulated ones."""

import pytest
from canonical import canonical, difference

from fluo_lab.readers import read_traces
from fluo_lab.rules import Rule, check
from fluo_lab.worlds.dataset import Order, build_dataset
from fluo_lab.worlds.registry import WORLDS
from fluo_lab.worlds.simulated import simulate
from fluo_lab.worlds.world import Run

N_VISITS = 120
SEED = 23


@pytest.fixture(scope="module", params=[*((name, False) for name in WORLDS), ("fintech", True)], ids=str)
def live(request, tmp_path_factory):
    name, is_twisted = request.param
    built = build_dataset(
        Order(name, seed=SEED, n_visits=N_VISITS, is_live=True, is_counterfactual=is_twisted),
        tmp_path_factory.mktemp("live"),
    )
    return built, read_traces(built.traces), Run(WORLDS[name], SEED, N_VISITS, is_counterfactual=is_twisted)


def test_a_live_run_makes_the_simulated_traces_but_for_times_and_span_ids(live):
    built, traces, run = live
    assert traces.problem_list == ()
    assert (built.description["traces"], built.description["spans"]) == (traces.n_traces, traces.n_spans)
    ran, drawn = canonical(traces), canonical(simulate(run).traces)
    assert ran.keys() == drawn.keys()
    for trace_id, trace in ran.items():
        assert trace == drawn[trace_id], difference(trace, drawn[trace_id])


def test_what_is_planted_is_broken_in_the_live_traces_too(live):
    _, traces, run = live
    rules = [Rule(one.text, id=one.id) for one in run.world.invariants]
    found = {r.rule.id: sorted(one.trace_id for one in r) for r in check(rules, traces)}
    assert found == {rule: sorted(traces) for rule, traces in simulate(run).broken.items()}
    assert any(found.values())
