"""What is special about the assistant; what holds for all worlds is checked elsewhere."""

import polars as pl
import pytest

from fluo_lab.rules import Rule, check
from fluo_lab.worlds.llm import LLM, drawn
from fluo_lab.worlds.simulated import simulate
from fluo_lab.worlds.world import Run

N_VISITS = 3_000
SEED = 41


@pytest.fixture(scope="module")
def run():
    return simulate(Run(LLM, SEED, N_VISITS))


@pytest.fixture(scope="module")
def healthy():
    return simulate(Run(LLM, SEED, N_VISITS, has_incidents=False)).traces


@pytest.fixture(scope="module")
def counterfactual():
    return simulate(Run(LLM, SEED, 4 * N_VISITS, is_counterfactual=True, has_incidents=False)).traces


def counts(text, traces):
    return check([Rule(text, id="asked")], traces)[0].counts


def holds_mostly(text, traces) -> bool:
    one = counts(text, traces)
    return one.passed >= 50 and one.violation <= 0.05 * one.passed


COINCIDENCES = {
    "a ubiquitous span": 'when { trace.has("POST /v1/messages") } always { trace.has(analytics.track) }',
    "a cache read before each generation": (
        "when { trace.has(llm.generate) and trace.has(answer.cache_read) } "
        "always { trace.every(llm.generate).must(after(answer.cache_read)) }"
    ),
    "a common cause": "when { trace.has(prompt.compress) } always { trace.has(context.offload) }",
    "a habitual order": (
        "when { trace.has(vector.search) and trace.has(embed.query) } "
        "always { trace.every(vector.search).must(after(embed.query)) }"
    ),
    "a near-constant": (
        "when { trace.has(vector.search) } always { trace.every(vector.search).must(db.system.name == qdrant) }"
    ),
    "a place in the tree": (
        "when { trace.has(rag.rerank) } always { trace.every(rag.rerank).must(child_of(rag.retrieve)) }"
    ),
    "a tool that brings its span": (
        "when { trace.has(agent.action).where(tool == run_query) } always { trace.has(tool.query) }"
    ),
    "a count that is nearly always one": (
        "when { trace.has(conversation.load) } always { trace.count(conversation.load) == 1 }"
    ),
    "a number that stays in its usual limits": (
        "when { trace.has(content.moderate) } always { trace.every(content.moderate).must(response_length <= 9000) }"
    ),
    "a list of texts": (
        "when { trace.has(human.approval) } always { trace.every(human.approval)"
        ".must(approver.role in [owner, administrator, on_call, auditor]) }"
    ),
    "one identifier on two spans": (
        "when { trace.has(conversation.load) and trace.has(llm.generate) } "
        "always { trace.every(conversation.load).must(beside(llm.generate, same gen_ai.conversation.id)) }"
    ),
}


@pytest.mark.parametrize("text", COINCIDENCES.values(), ids=list(COINCIDENCES))
def test_a_coincidence_tempts_in_the_healthy_run_and_fails_where_habits_are_broken(healthy, counterfactual, text):
    assert holds_mostly(text, healthy)
    broken = counts(text, counterfactual)
    assert broken.violation >= 3


def test_symptoms_follow_an_incident_and_hold_in_no_healthy_trace(run):
    harmed, escalating = set(run.harmed["unmoderated-output"]), set()
    for trace, name in run.traces.spans.select("trace_id", "name").iter_rows():
        if name == "abuse.escalate":
            escalating.add(trace)
    assert len(harmed & escalating) >= 0.4 * len(harmed)
    n_healthy = run.traces.n_traces - len(harmed)
    assert 0 < len(escalating - harmed) < 0.05 * n_healthy


def test_an_incident_breaks_the_rules_it_names_and_no_other(run):
    rules = [Rule(one.text, id=one.id) for one in LLM.invariants]
    broken = {result.rule.id: {one.trace_id for one in result} for result in check(rules, run.traces)}
    for incident in LLM.incidents:
        harmed = set(run.harmed[incident.id])
        assert harmed
        assert {rule for rule, traces in broken.items() if traces & harmed} == set(incident.breaks)


def test_an_unmoderated_answer_may_still_have_a_moderated_prompt(run):
    harmed = run.harmed["unmoderated-output"]
    moderated = run.traces.spans.filter(pl.col("name") == "content.moderate")["trace_id"].unique()
    assert 0 < moderated.is_in(harmed).sum() < len(harmed)


def test_a_notice_before_the_block_is_no_answer_after_it(healthy):
    rule = next(one for one in LLM.invariants if one.id == "no-answer-after-block")
    assert counts(rule.text, healthy).passed >= 20


def test_generations_pile_up_at_their_limits(healthy):
    spans = healthy.attributes("llm.generate")
    tokens, wished = spans["gen_ai.usage.output_tokens"], spans["gen_ai.request.max_tokens"]
    assert tokens.max() == drawn.TOKEN_LIMIT
    assert (tokens == drawn.TOKEN_LIMIT).sum() > 0.02 * len(tokens)
    assert ((tokens == wished) & (wished < drawn.TOKEN_LIMIT)).any()
    seconds = healthy.spans.filter(pl.col("name") == "llm.generate")["duration_ns"] / 1e9
    assert 29.9 < seconds.max() <= 30
    assert ((seconds > 29.8).sum()) > 0.01 * len(seconds)


def test_only_searches_that_no_incident_can_harm_are_lost(run):
    frame = run.traces.traces
    incomplete = set(frame.filter(pl.col("is_incomplete"))["trace_id"])
    assert incomplete
    assert all(incomplete.isdisjoint(harmed) for harmed in run.harmed.values())


def test_every_deployment_speaks_and_the_clock_that_is_ahead_takes_part_in_no_order(healthy):
    assert set(healthy.spans["service"].unique()) == {one.service for one in LLM.deployments}
    skewed = {one.service for one in LLM.deployments if one.clock_offset_us}
    names = set(healthy.spans.filter(pl.col("service").is_in(skewed))["name"].unique())
    ordered = [one.text for one in LLM.invariants if one.family in ("precedence", "response", "not_after", "monotone")]
    assert skewed
    assert not [name for name in names for text in ordered if name in text]
