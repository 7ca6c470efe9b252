"""What is special about the world of accounts; what holds for all worlds is checked elsewhere."""

import numpy as np
import polars as pl
import pytest

from fluo_lab.traces import Traces
from fluo_lab.worlds.chance import Chance, Chances
from fluo_lab.worlds.fintech import FINTECH, drawn, facts
from fluo_lab.worlds.questions import HowMany, Whether, Which
from fluo_lab.worlds.simulated import simulate
from fluo_lab.worlds.world import Run

N_VISITS = 4_000
LIMIT = drawn.LIMIT_CENTS / 100
WRONG_LIMIT = drawn.WRONG_LIMIT_CENTS / 100
QUESTIONS = [value for value in vars(drawn).values() if isinstance(value, Whether | HowMany | Which)]


@pytest.fixture(scope="module")
def harmed():
    return simulate(Run(FINTECH, 41, N_VISITS))


@pytest.fixture(scope="module")
def healthy():
    return simulate(Run(FINTECH, 41, N_VISITS, has_incidents=False)).traces


@pytest.fixture(scope="module")
def counterfactual():
    return simulate(Run(FINTECH, 41, N_VISITS, is_counterfactual=True, has_incidents=False)).traces


def ids_with(traces: Traces, name: str) -> set[str]:
    return set(traces.attributes(name)["trace_id"])


def highest_amounts(traces: Traces) -> pl.DataFrame:
    return traces.attributes("transaction.execute").group_by("trace_id").agg(pl.col("amount").max())


def share_approved_first(traces: Traces) -> float:
    """Of the traces with an approval and an execution, how many have the approval first."""
    both = (
        traces.attributes("approval.record")
        .group_by("trace_id")
        .agg(approved_ns=pl.col("start_ns").min())
        .join(traces.attributes("transaction.execute").select("trace_id", "start_ns"), on="trace_id")
    )
    return (both["approved_ns"] < both["start_ns"]).sum() / len(both)


def test_questions_are_asked_under_different_names():
    asked = [question.what for question in QUESTIONS]
    assert len(set(asked)) == len(asked) > 80


def test_facts_of_one_visit_are_those_of_many():
    many = Chances(5, "fintech", np.arange(80, dtype=np.int64))
    cents = facts.transfer_cents(many)
    for visit in range(80):
        one = Chance(5, "fintech", visit)
        assert facts.transfer_cents(one) == cents[visit]
        assert facts.highest_leg_cents(one) == facts.highest_leg_cents(many)[visit]
        assert facts.rows(one, "export") == facts.rows(many, "export")[visit]
        assert facts.decision_code(one, drawn.PAYMENTS, 0) == facts.decision_code(many, drawn.PAYMENTS, 0)[visit]


def test_amounts_crowd_on_both_sides_of_the_limit(healthy):
    amounts = healthy.attributes("transaction.execute")["amount"]
    assert 0.05 < amounts.is_between(0.95 * LIMIT, LIMIT, closed="left").mean() < 0.5
    assert 0.05 < amounts.is_between(LIMIT, 1.05 * LIMIT).mean() < 0.5
    assert (amounts == LIMIT).sum() > 20


def test_small_amounts_are_seldom_approved_and_high_ones_always(healthy):
    highest = highest_amounts(healthy).with_columns(
        is_approved=pl.col("trace_id").is_in(sorted(ids_with(healthy, "approval.record")))
    )
    assert highest.filter(pl.col("amount") >= LIMIT)["is_approved"].all()
    assert 0.01 < highest.filter(pl.col("amount") < LIMIT)["is_approved"].mean() < 0.15


def test_amounts_from_the_wrong_limit_on_are_approved_throughout(harmed):
    missing = set(harmed.harmed["transfer-without-approval"])
    amounts = dict(highest_amounts(harmed.traces).iter_rows())
    assert all(LIMIT <= amounts[trace] < WRONG_LIMIT for trace in missing)
    assert sum(amount >= WRONG_LIMIT for amount in amounts.values()) > 20


def test_a_replay_executes_the_keys_of_the_first_run_and_other_restarts_execute_nothing(harmed):
    traces = harmed.traces
    keys = traces.attributes("transaction.execute").select("trace_id", "idempotency.key")
    traces_per_key = dict(keys.group_by("idempotency.key").agg(pl.col("trace_id").n_unique()).iter_rows())
    replayed = set(harmed.harmed["replayed-payout"])
    assert all((traces_per_key[key] == 2) == (trace in replayed) for trace, key in keys.iter_rows())
    known = traces.attributes("idempotency.lookup").filter(pl.col("idempotency.hit"))["trace_id"]
    assert len(known) > 50
    assert not set(known) & set(keys["trace_id"])


def test_a_replay_has_a_posting_of_its_own(harmed):
    postings = harmed.traces.attributes("ledger.debit")["posting.id"]
    assert postings.n_unique() == len(postings)


def test_only_the_harmed_exports_lack_encryption(harmed):
    exported = ids_with(harmed.traces, "data.export")
    encrypted = ids_with(harmed.traces, "encryption.applied")
    assert exported - encrypted == set(harmed.harmed["export-without-encryption"])
    assert encrypted - exported, "a file that is held for review is encrypted and not exported"


def test_everybody_approves_and_initiates_but_nobody_approves_themselves(healthy):
    approvals = healthy.attributes("approval.record")
    assert (approvals["approver.id"] != approvals["initiator.id"]).all()
    assert len(set(approvals["approver.id"]) & set(approvals["initiator.id"])) > 150


def test_accounts_are_emptied_at_times_and_never_overdrawn(healthy):
    balances = healthy.attributes("ledger.debit")["balance.after"]
    assert balances.min() == 0
    assert 0.05 < (balances == 0).mean() < 0.2


def test_fees_reach_the_amount_and_never_exceed_it(healthy):
    both = healthy.attributes("fee.compute").join(healthy.attributes("transaction.execute"), on="trace_id")
    assert (both["fee.amount"] <= both["amount"]).all()
    assert (both["fee.amount"] == both["amount"]).sum() > 5


def test_the_clock_of_the_audit_log_is_ahead(healthy):
    entries = healthy.spans.filter(pl.col("name") == "POST /entries")
    early = entries.join(healthy.spans, left_on="parent_span_id", right_on="span_id")
    assert len(early) == len(entries)
    assert (early["start_ns"] - early["start_ns_right"]).min() > 3_000_000


def test_the_habitual_order_of_approval_and_execution_flips_in_a_counterfactual_run(healthy, counterfactual):
    assert share_approved_first(healthy) > 0.9
    assert 0.35 < share_approved_first(counterfactual) < 0.65


def test_limits_that_come_too_late_are_not_waited_for(healthy):
    spans = healthy.spans
    asked = spans.filter((pl.col("name") == "GET") & pl.col("status_message").str.contains("Read timed out"))
    answered = asked.join(spans, left_on="span_id", right_on="parent_span_id")
    assert len(asked) == len(answered) > 5
    assert (answered["end_ns_right"] > answered["end_ns"]).all()
