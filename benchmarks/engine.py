"""Rules over a million spans: what the engine costs, beside what others cost for the same answers.

    python -m benchmarks.engine [--spans N] [--repeats K]

CPU seconds of all threads, medians of some runs, and ratios within the same run, which mean more than the seconds.
Rules are parsed, and what the peers need is made, before the clock starts. Exits with 1 when a limit is missed, and
says which; the limits are for the default size, since on few spans fixed costs outweigh the rest. DuckDB comes with
the extra ``bench``.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from benchmarks.engine_constructs import CONSTRUCTS, CONSTRUCTS_OF_ALL
from benchmarks.engine_peers import Closures, DuckDb, Grouped, wide_frame
from benchmarks.engine_rules import Every, Has, Pool, Relation, Rule, SpanPairs, draw_relation, draw_rules, make_pool
from fluo_lab.engine import evaluate
from fluo_lab.language import RelationKind
from fluo_lab.rules import Rule as BookRule
from fluo_lab.traces import Traces
from fluo_lab.worlds import simulate
from fluo_lab.worlds.dataset.parts import RunKey, visits_for_spans

SEED = 11
SPANS = 1_200_000
"""Comes out at 57,000 traces: a trace of the checkout world has 21 spans."""
SPANS_OF_TEST = 100_000
SIZES = (20, 100, 500)
N_COMPARED = 100
N_RELATIONS = 20

LIMIT_GROWTH = 2.2
LIMIT_GROUPED = 5.0
LIMIT_CLOSURES = 20.0
LIMIT_DUCKDB = 20.0
LIMIT_THROUGHPUT = 500e6
LIMIT_RELATIONS = 10.0
LIMIT_TEST_MS = 100.0


@dataclass
class Limits:
    """Compares figures with their limits and keeps which are missed.

    Attributes
    ----------
    missed
        One line each.
    """

    missed: list[str] = field(default_factory=list)

    def at_most(self, what: str, value: float, limit: float) -> None:
        """Note that a figure is over its limit."""
        if not value <= limit:
            self.missed.append(f"{what}: {value:,.2f}, at most {limit:,g} is wanted")

    def at_least(self, what: str, value: float, limit: float) -> None:
        """Note that a figure is under its limit."""
        if not value >= limit:
            self.missed.append(f"{what}: {value:,.2f}, at least {limit:,g} is wanted")


def cpu_seconds(run: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """Return the median CPU seconds of a call, all threads, and its last result."""
    ((seconds, result),) = cpu_seconds_in_turn([run], repeats)
    return seconds, result


def cpu_seconds_in_turn(runs: Sequence[Callable[[], Any]], repeats: int) -> list[tuple[float, Any]]:
    """Return the median CPU seconds of calls that take turns, so that drift hits all alike, and their last results."""
    seconds: list[list[float]] = [[] for _ in runs]
    results: list[Any] = [None] * len(runs)
    for _ in range(repeats):
        for number, run in enumerate(runs):
            gc.collect()
            start = time.process_time()
            results[number] = run()
            seconds[number].append(time.process_time() - start)
    return [(statistics.median(taken), result) for taken, result in zip(seconds, results, strict=True)]


def violations_of(rules: Sequence[Rule], traces: Traces, *, judge_incomplete: bool = False) -> Callable[[], list[int]]:
    """Return a call that evaluates rules, parsed beforehand, and counts the violations of each."""
    trees = [rule.tree for rule in rules]

    def run() -> list[int]:
        found = evaluate(trees, traces, judge_incomplete=judge_incomplete)
        return [found.counts(number).violation for number in range(len(trees))]

    return run


def measure_growth(traces: Traces, pool: Pool, repeats: int, limits: Limits) -> None:
    """Print what sets of different sizes cost, a third of them relations."""
    sets = [draw_rules(pool, size, random.Random(size)) for size in SIZES]
    measured = cpu_seconds_in_turn([violations_of(rules, traces) for rules in sets], repeats)
    print("\nrules, a third with relations   atoms  relations    cpu_s   million span·rules per CPU second")
    for rules, (seconds, counts) in zip(sets, measured, strict=True):
        assert sum(counts), "no rule is violated: the contest proves nothing"
        atoms = {atom for rule in rules for atom in (rule.guard, rule.obligation)}
        relations = {rule.obligation for rule in rules if rule.relation}
        rate = traces.n_spans * len(rules) / seconds / 1e6
        print(f"{len(rules):>29} {len(atoms):>7} {len(relations):>10} {seconds:>8.3f} {rate:>12,.0f}", flush=True)
    growth = measured[-1][0] / measured[-2][0]
    print(f"{SIZES[-1]} rules cost {growth:.2f} times {SIZES[-2]}")
    limits.at_most(f"{SIZES[-1]} rules against {SIZES[-2]}", growth, LIMIT_GROWTH)


def measure_peers(traces: Traces, pool: Pool, repeats: int, limits: Limits) -> None:
    """Print what the same rules cost others, and insist that they count the same violations.

    None of the others knows of traces that lack spans, so that ours takes them all for complete here.
    """
    rules = draw_rules(pool, N_COMPARED, random.Random(N_COMPARED))
    wide, fields = wide_frame(traces, rules)
    grouped = Grouped(traces, wide, fields, rules)
    ours, part, theirs = cpu_seconds_in_turn(
        [
            violations_of(rules, traces, judge_incomplete=True),
            violations_of(grouped.rules, traces, judge_incomplete=True),
            grouped.violations,
        ],
        repeats,
    )
    print("\npeer                     rules   peer cpu_s   our cpu_s    ratio")

    def row(what: str, peer: tuple[float, list[int]], own: tuple[float, list[int]], said: Sequence[Rule]) -> float:
        for rule, count, wanted in zip(said, own[1], peer[1], strict=True):
            assert count == wanted, f"{what} counts {wanted} violations, the engine {count}: {rule.text}"
        ratio = peer[0] / own[0]
        print(f"{what:<24} {len(said):>5} {peer[0]:>12.3f} {own[0]:>11.3f} {ratio:>8.1f}", flush=True)
        return ratio

    limits.at_least("group_by.agg against ours", row("Polars group_by.agg", theirs, part, grouped.rules), LIMIT_GROUPED)
    del grouped
    asked = cpu_seconds(partial(DuckDb(wide, fields).violations, rules), min(repeats, 3))
    limits.at_least("DuckDB against ours", row("DuckDB SQL", asked, ours, rules), LIMIT_DUCKDB)
    closures = Closures(wide, fields)
    # a collector that walks millions of spans would be counted against them
    gc.collect()
    gc.freeze()
    per_trace = cpu_seconds(partial(closures.violations, rules), 1)
    limits.at_least("closures against ours", row("closures, lists", per_trace, ours, rules), LIMIT_CLOSURES)
    row("closures, spans by name", cpu_seconds(partial(closures.violations, rules, by_name=True), 1), ours, rules)
    gc.unfreeze()
    print(
        f"{len(rules) - len(part[1])} of {len(rules)} rules cannot be said in a group_by and are left out of both sides"
    )


def measure_presence(traces: Traces, pool: Pool, repeats: int, limits: Limits) -> None:
    """Print how many spans times rules a CPU second decides when rules ask for presence."""
    rng = random.Random(SEED)
    present = [atom for atom in pool.presence if isinstance(atom, Has)]
    rules = [Rule(rng.choice(present), rng.choice(present)) for _ in range(N_COMPARED)]
    seconds, _ = cpu_seconds(violations_of(rules, traces), repeats)
    rate = traces.n_spans * len(rules) / seconds
    print(f"\n{len(rules)} presence rules, most of them filtered: {rate / 1e6:,.0f} million span·rules per CPU second")
    limits.at_least("span·rules per CPU second, presence", rate, LIMIT_THROUGHPUT)


def measure_relations(traces: Traces, pool: Pool, repeats: int, limits: Limits) -> None:
    """Print what rules with relations cost beside rules that ask for the presence of the same spans.

    The limit is about the relations that sets of rules are drawn from, half of which are plain; each kind by itself,
    plain and with each option, is printed beside.
    """
    pairs, rng = SpanPairs(traces), random.Random(SEED)
    print(f"\n{N_RELATIONS} rules a relation, CPU ms a rule, and how many times presence of the same spans")
    print("relation         option     ms a rule    ratio")
    totals = {True: [0.0, 0.0], False: [0.0, 0.0]}
    for kind in RelationKind:
        for option in ("plain", "within", "same", *(("without",) if kind.is_ordered else ())):
            drawn = [draw_relation(kind, option, traces, pairs, rng) for _ in range(N_RELATIONS)]
            seconds, base = _beside_presence(drawn, traces, repeats)
            total = totals[option == "plain"]
            total[0], total[1] = total[0] + seconds, total[1] + base
            print(f"{kind:<16} {option:<8} {seconds / N_RELATIONS * 1e3:>11.2f} {seconds / base:>8.1f}", flush=True)
    plain, optional = (totals[is_plain][0] / totals[is_plain][1] for is_plain in (True, False))
    seconds, base = _beside_presence(pool.relations, traces, repeats)
    print(f"plain relations cost {plain:.1f} times presence, those with an option {optional:.1f} times,")
    print(f"the {len(pool.relations)} that sets of rules are drawn from, as one set, {seconds / base:.1f} times")
    limits.at_most("relations against presence", seconds / base, LIMIT_RELATIONS)


def _beside_presence(drawn: Sequence[Every], traces: Traces, repeats: int) -> tuple[float, float]:
    """Return the CPU seconds of rules with relations, and of rules that ask for the presence of the same spans."""
    asked = [Rule(Has(every.spans), every) for every in drawn]
    presence = [Rule(Has(every.spans), Has(_partner(every))) for every in drawn]
    (seconds, _), (base, _) = cpu_seconds_in_turn(
        [violations_of(asked, traces), violations_of(presence, traces)], min(repeats, 3)
    )
    return seconds, base


def _partner(every: Every) -> Any:
    assert isinstance(every.must, Relation)
    return every.must.partner


def measure_test(traces: Traces, repeats: int, limits: Limits) -> None:
    """Print the slowest rules when one is tried by hand, the traces loaded: between two operations, and between all."""
    for what, texts in (("named operations", CONSTRUCTS), ("every span with every span", CONSTRUCTS_OF_ALL)):
        medians = sorted((_time_test(BookRule(text), traces, repeats) for text in texts), reverse=True)
        middle, cpu = (statistics.median(column) for column in list(zip(*medians, strict=True))[:2])
        print(f"\nrule.test on {traces.n_spans:,} spans, {len(medians)} rules, {what}")
        print(f"median {middle:.1f} ms wall, {cpu:.1f} ms CPU; the slowest:")
        for wall_ms, cpu_ms, first_ms, text in medians[:3]:
            print(f"{wall_ms:>8.1f} ms wall, {cpu_ms:.1f} ms CPU, {first_ms:.1f} ms wall at first: {text}", flush=True)
        n_over = sum(wall_ms > LIMIT_TEST_MS for wall_ms, *_ in medians)
        limits.at_most(f"ms wall, rule.test, {what}, {n_over} rules over, slowest", medians[0][0], LIMIT_TEST_MS)


def _time_test(rule: BookRule, traces: Traces, repeats: int) -> tuple[float, float, float, str]:
    """Return median wall and CPU milliseconds, the wall milliseconds of the first run, and the rule."""
    walls, cpus = [], []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        rule.test(traces)
        cpus.append(1e3 * (time.process_time() - cpu))
        walls.append(1e3 * (time.perf_counter() - wall))
    return statistics.median(walls), statistics.median(cpus), walls[0], rule.condition


def make_traces(spans: int) -> Traces:
    """Return traces of the checkout world, about so many spans."""
    return simulate(RunKey("checkout", SEED, visits_for_spans(RunKey("checkout", SEED, 1), spans)).run()).traces


def main(arguments: list[str] | None = None) -> int:
    """Run everything; return 1 when a limit is missed, else 0.

    Parameters
    ----------
    arguments
        As on the command line; None takes those.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine", description=__doc__)
    parser.add_argument("--spans", type=int, default=SPANS, help="at least so many spans")
    parser.add_argument("--repeats", type=int, default=5, help="the median of so many runs")
    chosen = parser.parse_args(arguments)
    if importlib.util.find_spec("duckdb") is None:
        parser.error("DuckDB, one of the peers, is not installed: pip install 'fluo-lab[bench]'")
    limits = Limits()
    traces = make_traces(chosen.spans)
    print(f"{traces.n_spans:,} spans in {traces.n_traces:,} traces; CPU seconds of all threads, medians")
    pool = make_pool(traces, random.Random(SEED))
    measure_growth(traces, pool, chosen.repeats, limits)
    measure_presence(traces, pool, chosen.repeats, limits)
    measure_relations(traces, pool, chosen.repeats, limits)
    measure_peers(traces, pool, chosen.repeats, limits)
    del traces
    measure_test(make_traces(min(chosen.spans, SPANS_OF_TEST)), chosen.repeats, limits)
    print()
    for line in limits.missed:
        print(f"limit missed: {line}")
    if not limits.missed:
        print("all limits are kept")
    return 1 if limits.missed else 0


if __name__ == "__main__":
    sys.exit(main())
