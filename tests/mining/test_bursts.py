import re
from dataclasses import replace

import numpy as np
import pytest

from fluo_lab.mining import mine
from fluo_lab.mining.bursts import find_burst
from fluo_lab.worlds import Run, simulate
from fluo_lab.worlds.checkout import CHECKOUT

INTENT = "when { has(payment.charge) } always { distinct(payment.charge, payment_intent_id) == 1 }"


@pytest.mark.parametrize("seed", [41, 42, 43])
def test_an_incident_nobody_labelled_is_found_by_its_burst_of_violations(seed):
    simulated = simulate(Run(CHECKOUT, seed, 1000))
    found = mine(simulated.traces).find(INTENT)
    harmed = simulated.harmed["retry-with-new-intent"]
    assert found is not None
    assert found.rank <= len(CHECKOUT.incidents)
    assert set(found.evidence.burst) == set(harmed)
    assert len(found.evidence.violating_good) == len(harmed)


def test_violations_spread_over_time_are_no_burst():
    # the incident takes all day, and seldom harms anybody
    creeping = replace(CHECKOUT.incident("retry-with-new-intent"), window=(0.0, 1.0), rate=0.3)
    shop = replace(CHECKOUT, incidents=tuple(creeping if i.id == creeping.id else i for i in CHECKOUT.incidents))
    mined = mine(simulate(Run(shop, 41, 1000)).traces)
    assert mined.find(INTENT) is None
    assert re.search(r"broken on \d+ of \d+ good traces", str(mined.why_not(INTENT)))


def test_evenly_spread_violations_are_seldom_taken_for_a_burst():
    rng = np.random.default_rng(3)
    taken = sum(find_burst(rng.random(1000) < 0.03) is not None for _ in range(300))
    assert taken == 0


def test_few_violations_are_no_burst_however_close():
    broken = np.zeros(1000, dtype=np.bool_)
    broken[500:504] = True
    assert find_burst(broken) is None
