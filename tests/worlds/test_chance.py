"""One visit and a million ask the same questions and get the same answers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluo_lab.worlds.chance import Chance, Chances

VISITS = np.arange(500, dtype=np.int64)


@given(
    seed=st.integers(-(2**63), 2**63), world=st.text(max_size=8), turn=st.integers(0, 2**40), what=st.text(max_size=8)
)
def test_every_answer_about_many_visits_is_that_about_each(seed, world, turn, what):
    many = Chances(seed, world, VISITS[:20])
    each = [Chance(seed, world, visit) for visit in range(20)]
    assert many.bits(what, turn=turn).tolist() == [one.bits(what, turn=turn) for one in each]
    assert many.uniform(what, turn=turn).tolist() == [one.uniform(what, turn=turn) for one in each]
    assert many.happens(what, 0.3, turn=turn).tolist() == [one.happens(what, 0.3, turn=turn) for one in each]
    weights = (5, 0.5, 2)
    assert many.pick_code(what, weights, turn=turn).tolist() == [
        one.pick_code(what, weights, turn=turn) for one in each
    ]
    for skew in (1, 2, 3):
        assert many.integer(what, -5, 240_000, turn=turn, skew=skew).tolist() == [
            one.integer(what, -5, 240_000, turn=turn, skew=skew) for one in each
        ]


def test_some_visits_are_drawn_as_among_all():
    many = Chances(7, "checkout", VISITS)
    some = VISITS % 7 == 3
    assert many.of(some).bits("cart").tolist() == many.bits("cart")[some].tolist()


@pytest.mark.parametrize("rate", [0.02, 0.3, 0.9])
def test_things_happen_as_often_as_asked(rate):
    happened = Chances(7, "checkout", np.arange(100_000)).happens("retry", rate)
    assert abs(happened.mean() - rate) < 4 * (rate * (1 - rate) / 100_000) ** 0.5


def test_questions_turns_seeds_and_worlds_are_independent():
    visits = np.arange(50_000)
    base = Chances(7, "checkout", visits).uniform("retry")
    for other in (
        Chances(7, "checkout", visits).uniform("refund"),
        Chances(7, "checkout", visits).uniform("retry", turn=1),
        Chances(8, "checkout", visits).uniform("retry"),
        Chances(7, "saas", visits).uniform("retry"),
    ):
        assert abs(np.corrcoef(base, other)[0, 1]) < 0.02


def test_a_habit_is_as_likely_as_not_in_a_counterfactual_run():
    usual = Chances(7, "checkout", np.arange(20_000)).habit("analytics", 0.97)
    broken = Chances(7, "checkout", np.arange(20_000), is_counterfactual=True).habit("analytics", 0.97)
    assert usual.mean() > 0.96
    assert 0.48 < broken.mean() < 0.52


def test_the_numbers_never_change():
    assert Chance(7, "checkout", 3).bits("cart") == 0x12EB94ED2CDA9056
