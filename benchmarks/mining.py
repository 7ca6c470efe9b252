"""Mining in numbers: how much of what is planted is found, how much of what is shown is true, seconds and memory.

    python -m benchmarks.mining [--seeds N …] [--traces N …] [--spans N]

A row is one system of one seed, with its incidents labelled; the last row is one large store. A candidate is true when
a counterfactual run, in which every habit is broken and every invariant kept, never violates it; where it does not
apply ten times there, nothing is known. A planted rule is found when a candidate says it, whatever its class of names
and with its numbers within a hundredth. Every measurement runs in a process of its own, so that peak memory is that of
simulating and mining.
"""

from __future__ import annotations

import argparse
import multiprocessing
import re
import resource
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

from fluo_lab.engine import Verdict, evaluate
from fluo_lab.language import Name, parse_rule, print_rule
from fluo_lab.language.names import print_name
from fluo_lab.mining import Candidate, Candidates, mine
from fluo_lab.traces import Traces
from fluo_lab.worlds import WORLDS, Run, World, simulate
from fluo_lab.worlds.dataset.parts import RunKey, visits_for_spans

FIRST = 28
"""So many candidates are on the first screens."""

TOLERANCE = 0.01
LEAST_SUPPORT = 10
COUNTERFACTUAL_VISITS = 4_000
COUNTERFACTUAL_SEED = 1_000

_NUMBER = re.compile(r"(?<![\w.\"])\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Result:
    """One measurement.

    Attributes
    ----------
    n_planted, n_found, n_first
        Invariants of the system, those among the candidates, and those among the first of them.
    n_shown, n_true, n_known
        Candidates, those that a counterfactual run never violates, and those it has something to say about.
    """

    n_spans: int
    cpu_s: float
    peak_mb: int
    n_planted: int
    n_found: int
    n_first: int
    n_shown: int
    n_true: int
    n_known: int


def masked(text: str) -> tuple[str, tuple[float, ...]]:
    """Return a rule's text without its numbers, and these."""
    canonical = print_rule(parse_rule(text))
    return _NUMBER.sub("#", canonical), tuple(float(number) for number in _NUMBER.findall(canonical))


def says(candidate: tuple[str, tuple[float, ...]], planted: tuple[str, tuple[float, ...]]) -> bool:
    """Return whether two rules are the same but for numbers that hardly differ."""
    return candidate[0] == planted[0] and all(
        abs(own - other) <= TOLERANCE * abs(other) for own, other in zip(candidate[1], planted[1], strict=True)
    )


def wordings(candidate: Candidate) -> Iterator[str]:
    """Yield a candidate's text with every name of its classes in the place of the one it shows."""
    lefts = (candidate.shape.left, *candidate.evidence.left_members)
    rights = (candidate.shape.right, *candidate.evidence.right_members)
    for left, right in product(lefts, rights):
        text = candidate.text
        for shown, other in ((candidate.shape.left, left), (candidate.shape.right, right)):
            if shown and other and shown != other:
                text = re.sub(
                    rf'(?<![\w"./ ]){re.escape(named(shown))}(?![\w"./ ])', lambda _, other=other: named(other), text
                )
        yield text


def named(name: str) -> str:
    """Return a span name as rules write it."""
    return print_name(Name(parts=(name,)))


@cache
def counterfactual(world: str) -> Traces:
    """Return traces of a system in which only the invariants hold."""
    run = Run(WORLDS[world], COUNTERFACTUAL_SEED, COUNTERFACTUAL_VISITS, is_counterfactual=True, has_incidents=False)
    return simulate(run).traces


def judge_truth(mined: Candidates, world: World) -> tuple[int, int]:
    """Return how many candidates are true, and of how many that is known."""
    found = evaluate([candidate.tree for candidate in mined], counterfactual(world.name)).verdicts
    violated = (found == Verdict.VIOLATION).sum(axis=1)
    supported = (found == Verdict.PASS).sum(axis=1) + violated >= LEAST_SUPPORT
    return int((supported & (violated == 0)).sum()), int(supported.sum())


def measure(world: World, seed: int, n_visits: int) -> Result:
    """Mine one run and compare what comes out with what went in."""
    simulated = simulate(Run(world, seed, n_visits))
    started = time.process_time()
    mined = mine(simulated.traces, incidents={name: ids for name, ids in simulated.harmed.items() if ids})
    cpu_s, peak = time.process_time() - started, peak_mb()
    planted = [masked(one.text) for one in world.invariants]
    ranks = [
        next((c.rank for c in mined if any(says(masked(text), one) for text in wordings(c))), None) for one in planted
    ]
    n_true, n_known = judge_truth(mined, world)
    found = [rank for rank in ranks if rank is not None]
    n_first = sum(rank <= FIRST for rank in found)
    return Result(simulated.traces.n_spans, cpu_s, peak, len(planted), len(found), n_first, len(mined), n_true, n_known)


def measure_large(n_spans: int) -> Result:
    """Mine one large store; its truth is not looked at."""
    key = RunKey("checkout", 7, 1)
    traces = simulate(RunKey("checkout", 7, visits_for_spans(key, n_spans)).run()).traces
    started = time.process_time()
    mined = mine(traces)
    return Result(traces.n_spans, time.process_time() - started, peak_mb(), 0, 0, 0, len(mined), 0, 0)


def measure_named(name: str, seed: int, n_visits: int) -> Result:
    return measure(WORLDS[name], seed, n_visits)


def peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def apart(task: object, *arguments: object) -> Result:
    """Run a measurement in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(task, arguments)  # type: ignore[arg-type]


def show(what: str, result: Result) -> None:
    print(
        f"{what:<26} {result.n_spans:>9,} {result.cpu_s:>6.2f} {result.peak_mb:>6} "
        f"{result.n_found:>5} of {result.n_planted:<3} {result.n_first:>6} {result.n_shown:>6} "
        f"{result.n_true:>5} of {result.n_known:<3}",
        flush=True,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mining", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="*", default=[11, 12, 13, 14, 15])
    parser.add_argument("--traces", type=int, nargs="*", default=[2_000])
    parser.add_argument("--spans", type=int, default=1_000_000, help="size of the large store, 0 for none")
    chosen = parser.parse_args(arguments)
    print(f"{'':<26} {'spans':>9} {'cpu_s':>6} {'MB':>6} {'found':>12} {f'in {FIRST}':>6} {'shown':>6} {'true':>9}")
    worst: dict[str, tuple[float, float]] = {}
    for n_visits in chosen.traces:
        for name in WORLDS:
            for seed in chosen.seeds:
                result = apart(measure_named, name, seed, n_visits)
                show(f"{name}, seed {seed}, {n_visits:,}", result)
                recall, share = result.n_found / result.n_planted, result.n_true / max(result.n_known, 1)
                before = worst.get(name, (1.0, 1.0))
                worst[name] = (min(before[0], recall), min(before[1], share))
    for name, (recall, share) in worst.items():
        print(f"worst of {name}: {100 * recall:.0f} % of the planted found, {100 * share:.0f} % of the shown true")
    if chosen.spans:
        show("large store, no labels", apart(measure_large, chosen.spans))


if __name__ == "__main__":
    main()
