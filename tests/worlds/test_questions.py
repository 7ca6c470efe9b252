"""Questions are answered alike for one visit and for many, and what is habit is broken in a counterfactual run."""

import numpy as np
import pytest

from fluo_lab.worlds.chance import Chance, Chances
from fluo_lab.worlds.fintech import drawn as fintech
from fluo_lab.worlds.health import drawn as health
from fluo_lab.worlds.llm import drawn as llm
from fluo_lab.worlds.questions import HowMany, Whether, Which

SEED = 5
N_VISITS = 4_000
EVERYBODY = np.arange(N_VISITS)
QUESTIONS = {
    name: [value for value in vars(drawn).values() if isinstance(value, Whether | HowMany | Which)]
    for name, drawn in (("fintech", fintech), ("health", health), ("llm", llm))
}


def chances(*, is_counterfactual: bool = False) -> Chances:
    return Chances(SEED, "anywhere", EVERYBODY, is_counterfactual=is_counterfactual)


@pytest.mark.parametrize("is_counterfactual", [False, True])
@pytest.mark.parametrize("world", list(QUESTIONS))
def test_one_visit_is_answered_as_many_are(world, is_counterfactual):
    many = Chances(SEED, world, EVERYBODY[:60], is_counterfactual=is_counterfactual)
    singles = [Chance(SEED, world, visit, is_counterfactual=is_counterfactual) for visit in range(60)]
    assert len(QUESTIONS[world]) > 80
    for question in QUESTIONS[world]:
        for turn in (0, 2):
            if isinstance(question, Which):
                texts = [question.options[code] for code in question.code(many, turn=turn)]
                assert texts == [question.pick(one, turn=turn) for one in singles], question.what
            else:
                answers = [question.ask(one, turn=turn) for one in singles]
                assert question.ask(many, turn=turn).tolist() == answers, question.what
                assert {type(answer) for answer in answers} <= {bool, int}, question.what


def test_a_habit_is_kept_half_of_the_time_in_a_counterfactual_run_and_other_odds_stay():
    habit, odds = Whether("habit", 0.97, is_habit=True), Whether("odds", 0.97)
    broken = chances(is_counterfactual=True)
    assert habit.ask(chances()).mean() == pytest.approx(0.97, abs=0.02)
    assert habit.ask(broken).mean() == pytest.approx(0.5, abs=0.04)
    assert odds.ask(broken).mean() == pytest.approx(0.97, abs=0.02)


def test_habitual_limits_are_exceeded_seldom_and_on_both_sides_in_a_counterfactual_run():
    number = HowMany("bytes", 1_000, 4_000_000, skew=3, widest=(0, 16_000_000))
    usual, broken = number.ask(chances()), number.ask(chances(is_counterfactual=True))
    assert 0 < ((usual < 1_000) | (usual > 4_000_000)).sum() < 0.005 * N_VISITS
    assert (broken < 1_000).mean() > 0.02
    assert (broken > 4_000_000).mean() > 0.1
    assert 0 <= broken.min() < broken.max() <= 16_000_000


def test_limits_without_wider_ones_hold_in_every_run():
    number = HowMany("amount", 3, 9)
    for is_counterfactual in (False, True):
        answers = number.ask(chances(is_counterfactual=is_counterfactual))
        assert (answers.min(), answers.max()) == (3, 9)


def test_an_odd_text_turns_up_in_counterfactual_runs_only():
    scope = Which("scope", ("treatment", "referral"), (3, 1), odd="insurance")
    usual, broken = scope.code(chances()), scope.code(chances(is_counterfactual=True))
    assert set(usual) == {0, 1}
    assert (usual == 0).mean() == pytest.approx(0.75, abs=0.04)
    assert (broken == 2).mean() == pytest.approx(0.5, abs=0.04)


def test_texts_without_an_odd_one_are_all_there_are():
    kind = Which("kind", ("internal", "sepa"), (3, 5))
    assert kind.options == ("internal", "sepa")
    assert set(kind.code(chances(is_counterfactual=True))) == {0, 1}
