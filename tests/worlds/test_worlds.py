"""What must hold for every world: its truth is true, and the running system makes what the simulation says."""

import re
from collections import Counter
from itertools import pairwise

import pytest

from fluo_lab.language import parse_rule
from fluo_lab.mining import Family
from fluo_lab.rules import Rule, check
from fluo_lab.rules.rule import RuleSeverity
from fluo_lab.worlds.registry import WORLDS, world_named
from fluo_lab.worlds.simulated import plan, simulate
from fluo_lab.worlds.world import Run, World

FRESH_SEED = 23
"""Not the seed of the samples."""

worlds = pytest.mark.parametrize("world", WORLDS.values(), ids=list(WORLDS))


def rules_of(world: World) -> list[Rule]:
    return [Rule(one.text, id=one.id, severity=RuleSeverity(one.severity)) for one in world.invariants]


def violating(traces, world) -> dict[str, list[str]]:
    """The traces that violate each rule."""
    return {r.rule.id: sorted(one.trace_id for one in r) for r in check(rules_of(world), traces)}


def planted(simulated) -> dict[str, list[str]]:
    return {rule: sorted(traces) for rule, traces in simulated.broken.items()}


@pytest.fixture(scope="module")
def simulated():
    made = {}

    def make(world, **how):
        key = (world.name, *sorted(how.items()))
        if key not in made:
            made[key] = simulate(Run(world, FRESH_SEED, how.pop("n_visits", 2_000), **how))
        return made[key]

    return make


@worlds
def test_every_rule_is_broken_by_exactly_the_planted_traces(simulated, world):
    run = simulated(world)
    assert violating(run.traces, world) == planted(run)
    for result in check(rules_of(world), run.traces):
        assert result.counts.passed >= 10, result.rule.id


@worlds
def test_every_incident_harms_traces_inside_its_window_and_spares_some(simulated, world):
    run = simulated(world)
    spared = run.planted.innocent(run.run)
    for incident in world.incidents:
        harmed = run.harmed[incident.id]
        assert len(harmed) >= 6, incident.id
        assert spared[incident.id], incident.id
        start, end = run.run.window_ns(incident)
        traces = run.traces.traces
        begins = dict(zip(traces["trace_id"], traces["start_ns"], strict=True))
        late_ns = 60 * 10**9  # a second trace of a visit begins a little after the first
        assert all(start <= begins[trace] < end + late_ns for trace in harmed), incident.id
        for rule in incident.breaks:
            assert set(harmed) <= set(run.broken[rule]), (incident.id, rule)


@worlds
def test_without_incidents_nothing_is_broken(simulated, world):
    run = simulated(world, has_incidents=False)
    assert not any(run.broken.values())
    assert not any(violating(run.traces, world).values())


@worlds
def test_invariants_survive_where_every_habit_is_broken(simulated, world):
    run = simulated(world, is_counterfactual=True)
    assert violating(run.traces, world) == planted(run)


@worlds
def test_what_is_planted_does_not_depend_on_making_the_traces(simulated, world):
    run = simulated(world)
    assert plan(run.run).broken(run.run) == run.broken


@worlds
def test_spans_read_well(simulated, world):
    run = simulated(world)
    traces = run.traces
    assert traces.problem_list == ()
    assert 8 <= traces.n_spans / traces.n_traces <= 25
    assert 20 <= len(traces.span_names) <= 70
    spans = traces.spans
    assert (spans["start_ns"] <= spans["end_ns"]).all()
    incomplete = traces.n_incomplete / traces.n_traces
    assert 0.0005 < incomplete < 0.02


@worlds
def test_windows_do_not_overlap(world):
    windows = sorted(one.window for one in world.incidents)
    assert all(0.4 <= start < end <= 1 for start, end in windows)
    assert all(before[1] <= after[0] for before, after in pairwise(windows))


@worlds
def test_rules_parse_and_families_exist(world):
    assert len({one.id for one in world.invariants}) == len(world.invariants)
    for one in world.invariants:
        parse_rule(one.text)
        assert one.family in {family.value for family in Family} | LATER_FAMILIES, one.family
    ids = {one.id for one in world.invariants}
    assert all(rule in ids for incident in world.incidents for rule in incident.breaks)


LATER_FAMILIES = {
    "response",
    "alternate_response",
    "not_after",
    "absence",
    "not_together",
    "exactly_one",
    "at_most",
    "count_equal",
    "global_unique",
    "same_value",
    "value_le",
    "attr_implies",
    "bound",
    "allowed_values",
    "duration_max",
    "gap_max",
    "child_of",
    "under",
    "monotone",
}


def test_the_worlds_plant_at_least_forty_invariants_in_every_family():
    families = Counter(one.family for world in WORLDS.values() for one in world.invariants)
    assert families.total() >= 40
    assert set(families) >= {"presence", "precedence", "distinct_one"} | LATER_FAMILIES


def test_there_are_at_least_ten_incidents():
    assert sum(len(world.incidents) for world in WORLDS.values()) >= 10


@pytest.mark.parametrize(("given", "meant"), [("chekout", "checkout"), ("fin-tech", "fintech")])
def test_an_unknown_world_is_answered_with_the_nearest(given, meant):
    with pytest.raises(Exception, match=re.escape(f"did you mean '{meant}'?")):
        world_named(given)
