import numpy as np
import pytest

from fluo_lab.mining import mine
from fluo_lab.mining.bursts import find_burst
from fluo_lab.readers import read_traces
from fluo_lab.worlds import Violation, simulate_checkout

INTENT = "when { has(payment.charge) } always { distinct(payment.charge, payment_intent_id) == 1 }"


@pytest.mark.parametrize("seed", [41, 42, 43])
def test_an_incident_nobody_labelled_is_found_by_its_burst_of_violations(tmp_path, seed):
    simulation = simulate_checkout(seed=seed, n_traces=1000)
    path = tmp_path / "traces.jsonl"
    simulation.write(path)
    found = mine(read_traces(path)).find(INTENT)
    (incident,) = simulation.truth.incidents
    assert found is not None
    assert found.rank <= 3
    assert set(found.evidence.burst) == set(incident.traces)
    assert len(found.evidence.violating_good) == len(incident.traces)


def test_violations_spread_over_time_are_no_burst(tmp_path):
    rates = {Violation.DOUBLE_CHARGE: 0.3}
    simulation = simulate_checkout(seed=41, n_traces=1000, incident=None, violation_rates=rates)
    path = tmp_path / "traces.jsonl"
    simulation.write(path)
    mined = mine(read_traces(path))
    assert mined.find(INTENT) is None
    assert "broken on 29 of 455 good traces" in str(mined.why_not(INTENT))


def test_evenly_spread_violations_are_seldom_taken_for_a_burst():
    rng = np.random.default_rng(3)
    taken = sum(find_burst(rng.random(1000) < 0.03) is not None for _ in range(300))
    assert taken == 0


def test_few_violations_are_no_burst_however_close():
    broken = np.zeros(1000, dtype=np.bool_)
    broken[500:504] = True
    assert find_burst(broken) is None
