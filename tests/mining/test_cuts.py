"""Learned thresholds."""

import numpy as np
import pytest

from fluo_lab.mining.cuts import best_cut, roundest


def amounts(seed: int, n: int, rate_below: float):
    rng = np.random.default_rng(seed)
    x = np.round(rng.uniform(0, 3000, n), 2)
    return x, (x > 1000) | (rng.random(n) < rate_below)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("rate_below", [0.0, 0.15, 0.4])
def test_the_interval_holds_the_true_threshold_within_one_percent(seed, rate_below):
    x, hit = amounts(seed, 4000, rate_below)
    cut = best_cut(x, hit, min_rate=0.98, min_above=8)
    assert cut is not None
    assert cut.low <= 1000 <= cut.high
    assert cut.value == pytest.approx(1000, rel=0.01)


def test_a_few_exceptions_above_do_not_move_the_cut():
    x, hit = amounts(1, 4000, 0.1)
    hit[np.flatnonzero(x > 2000)[:10]] = False
    cut = best_cut(x, hit, min_rate=0.98, min_above=8)
    assert cut is not None
    assert cut.value == pytest.approx(1000, rel=0.01)


def test_an_outcome_that_never_becomes_certain_gives_no_cut():
    rng = np.random.default_rng(3)
    assert best_cut(rng.random(500), rng.random(500) < 0.5, min_rate=0.98, min_above=20) is None


def test_one_value_gives_no_cut():
    assert best_cut(np.ones(50), np.ones(50, dtype=bool), min_rate=0.98, min_above=8) is None


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(999.51, 1004.35, 1000), (249.2, 250.7, 250), (-1004.0, -998.0, -1000), (3, 4, 3), (0.0123, 0.0131, 0.0125)],
)
def test_the_roundest_number_is_taken(low, high, expected):
    assert roundest(low, high) == expected
