"""Mining in numbers: CPU seconds, memory, how many candidates, and where the planted rules stand among them.

``python -m benchmarks.mining`` prints one line a data set: shops of several seeds with and without their labels, and
one large file. Every measurement runs in a process of its own, so that peak memory is that of reading and mining.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fluo_lab.mining import Candidates, mine
from fluo_lab.readers import read_traces
from fluo_lab.worlds import Run, simulate
from fluo_lab.worlds.checkout import CHECKOUT
from fluo_lab.worlds.dataset.parts import RunKey, visits_for_spans

PLANTED = {
    "reservation": "when { has(payment.charge) } always { every(payment.charge).must(after(inventory.reserve)) }",
    "intent": "when { has(payment.charge) } always { distinct(payment.charge, payment_intent_id) == 1 }",
}
"""Rules looked for by their meaning; the fraud check is looked for by its names, for its threshold is learned."""


@dataclass(frozen=True)
class Result:
    """One measurement; memory is the peak after reading and after mining."""

    n_spans: int
    cpu_s: float
    read_mb: int
    peak_mb: int
    n_candidates: int
    ranks: dict[str, int | None]


def find_ranks(mined: Candidates) -> dict[str, int | None]:
    ranks = {key: found.rank if (found := mined.find(text)) else None for key, text in PLANTED.items()}
    guarded = [
        c
        for c in mined
        if c.shape.left == "payment.charge"
        and "payment.fraud_check" in (c.shape.right, *c.evidence.right_members)
        and c.evidence.guard_low is not None
    ]
    return ranks | {"fraud": guarded[0].rank if guarded else None}


def peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def measure(path: Path, bad: Sequence[str]) -> Result:
    traces = read_traces(path)
    read_mb, started = peak_mb(), time.process_time()
    mined = mine(traces, bad=bad)
    return Result(traces.n_spans, time.process_time() - started, read_mb, peak_mb(), len(mined), find_ranks(mined))


def measure_apart(path: Path, bad: Sequence[str]) -> Result:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measure, (path, bad))


def show(what: str, result: Result) -> None:
    ranks = "  ".join(f"{key} {rank or '-':>3}" for key, rank in result.ranks.items())
    print(
        f"{what:<24} {result.n_spans:>9,} spans {result.cpu_s:6.2f} s CPU {result.read_mb:>5} MB read "
        f"{result.peak_mb:>5} MB peak {result.n_candidates:>3} candidates   {ranks}"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="*", default=[11, 12, 13])
    parser.add_argument("--traces", type=int, nargs="*", default=[1500])
    parser.add_argument("--spans", type=int, default=1_000_000, help="size of the large file, 0 for none")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "traces.parquet"
        for n_traces in chosen.traces:
            for seed in chosen.seeds:
                simulated = simulate(Run(CHECKOUT, seed, n_traces))
                simulated.traces.save(path)
                bad = sorted({trace for traces in simulated.harmed.values() for trace in traces})
                show(f"seed {seed}, labelled", measure_apart(path, bad))
                simulate(Run(CHECKOUT, seed, n_traces, has_incidents=False)).traces.save(path)
                show(f"seed {seed}, no incident", measure_apart(path, []))
        if chosen.spans:
            simulate(RunKey("checkout", 7, visits_for_spans(RunKey("checkout", 7, 1), chosen.spans)).run()).traces.save(
                path
            )
            show("large file", measure_apart(path, []))


if __name__ == "__main__":
    main()
