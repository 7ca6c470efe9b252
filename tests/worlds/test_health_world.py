"""What is special about the hospital; what holds for all worlds is checked elsewhere."""

import numpy as np
import polars as pl
import pytest

from fluo_lab.rules import Rule, check
from fluo_lab.worlds.chance import Chances
from fluo_lab.worlds.health import HEALTH, drawn
from fluo_lab.worlds.simulated import simulate
from fluo_lab.worlds.world import Run

N_VISITS = 3_000
SEED = 57


@pytest.fixture(scope="module")
def run():
    return simulate(Run(HEALTH, SEED, N_VISITS))


@pytest.fixture(scope="module")
def healthy():
    return simulate(Run(HEALTH, SEED, N_VISITS, has_incidents=False)).traces


@pytest.fixture(scope="module")
def counterfactual():
    return simulate(Run(HEALTH, SEED, N_VISITS, is_counterfactual=True, has_incidents=False)).traces


def counts(text, traces):
    return check([Rule(text, id="asked")], traces)[0].counts


def violating(text, traces) -> set[str]:
    return {one.trace_id for one in check([Rule(text, id="asked")], traces)[0]}


COINCIDENCES = {
    "a ubiquitous span": "when { trace.has(phi.access) } always { trace.has(rate_limit.check) }",
    "a habitual order": (
        "when { trace.has(database.write).where(data_type == phi) and trace.has(encryption.at_rest) } "
        "always { trace.every(database.write).where(data_type == phi).must(after(encryption.at_rest)) }"
    ),
    "a sign-in before everything": (
        "when { trace.has(chart.open) } always { trace.every(chart.open).must(after(auth.user_authenticated)) }"
    ),
    "a reading before each transmission": (
        "when { trace.has(phi.transmit) } always { trace.every(phi.transmit).must(after(phi.access)) }"
    ),
    "a near-constant": "when { trace.has(phi.access) } always { trace.every(phi.access).must(data_type == phi) }",
    "a closed set of values": (
        "when { trace.has(consent.check) } "
        "always { trace.every(consent.check).must(consent.scope in [treatment, referral]) }"
    ),
    "an upper limit": (
        "when { trace.has(break_glass.grant) } always { trace.every(break_glass.grant).must(grant.minutes <= 60) }"
    ),
    "a place in the tree": (
        'when { trace.has("SELECT records") } always { trace.every("SELECT records").must(child_of(phi.access)) }'
    ),
    "a small step done once": "when { trace.has(chart.open) } always { trace.count(chart.open) == 1 }",
    "an entry of nobody else": (
        "when { trace.has(audit.log) and trace.has(auth.user_authenticated) } "
        "always { trace.every(audit.log).must(beside(auth.user_authenticated, same user.id)) }"
    ),
    "a success that has done its work": (
        'when { trace.has("POST /break-glass").where(http.response.status_code == 201) } '
        "always { trace.has(break_glass.grant) }"
    ),
}


@pytest.mark.parametrize("text", COINCIDENCES.values(), ids=list(COINCIDENCES))
def test_a_coincidence_looks_like_a_rule_and_fails_where_habits_are_broken(healthy, counterfactual, text):
    usual = counts(text, healthy)
    assert usual.passed >= 50
    assert usual.violation <= 0.12 * usual.passed
    broken = counts(text, counterfactual)
    assert broken.violation >= 0.05 * (broken.passed + broken.violation)


def test_no_two_patients_of_a_visit_are_the_same():
    chances = Chances(SEED, "health", np.arange(500))
    patients = np.stack([drawn.patient_number(chances, nth=nth) for nth in range(max(drawn.ODD_WARD_COUNTS))])
    assert all(len(set(column)) == len(column) for column in patients.T.tolist())
    first = drawn.PATIENTS[patients[0, 7]]
    assert drawn.relative_of(first, 3) == drawn.PATIENTS[patients[3, 7]]


def test_who_else_signs_in_is_never_who_asks():
    chances = Chances(SEED, "health", np.arange(500))
    for turn in (1, 2):
        assert not (drawn.user_number(chances) == drawn.user_number(chances, turn=turn)).any()


def test_timeouts_of_the_ledger_are_a_symptom_and_mostly_survived(run):
    timed_out = violating(
        'never { trace.has("POST /audit-entries").where(http.response.status_code >= 500) }', run.traces
    )
    harmed = set(run.harmed["phi-access-without-audit"])
    spared = set(run.planted.innocent(run.run)["phi-access-without-audit"])
    assert harmed < timed_out
    assert len(timed_out & spared) >= 0.3 * len(spared)
    assert len(timed_out - harmed - spared) > 2 * len(harmed)


def test_an_access_that_is_not_logged_has_the_client_that_swallows_timeouts(run):
    old = violating(
        "when { trace.has(audit.client.open) } "
        'always { trace.every(audit.client.open).must(audit.client.version == "2.3.1") }',
        run.traces,
    )
    assert set(run.harmed["phi-access-without-audit"]) < old


def test_failed_handshakes_are_a_symptom_and_their_repetition_is_encrypted(run):
    failed = violating(
        'never { trace.has(tls.handshake).where(event("exception", exception.type == "tls.HandshakeTimeout")) }',
        run.traces,
    )
    harmed = set(run.harmed["transmit-without-tls"])
    assert harmed < failed
    assert len(failed - harmed) > len(harmed)


def test_a_shifted_audit_log_counts_as_many_entries_as_accesses(run):
    harmed = set(run.harmed["wrong-patient-audit"])
    uncounted = violating("always { trace.count(phi.access) == trace.count(audit.log) }", run.traces)
    assert harmed
    assert not harmed & uncounted


def test_a_repeated_request_makes_a_trace_of_its_own_that_sends_nothing(run):
    repeated = violating("never { trace.has(idempotency.hit) }", run.traces)
    assert len(repeated) >= 10
    assert not repeated & violating("never { trace.has(phi.transmit) }", run.traces)
    assert run.traces.n_traces > N_VISITS


def test_a_lost_span_leaves_an_orphan_and_is_never_in_a_harmed_trace(run):
    incomplete = set(run.traces.traces.filter(pl.col("is_incomplete"))["trace_id"])
    assert incomplete
    assert not incomplete & {trace for harmed in run.harmed.values() for trace in harmed}


def test_a_handful_of_visits_can_be_simulated():
    assert simulate(Run(HEALTH, SEED, 3)).traces.n_traces >= 3
