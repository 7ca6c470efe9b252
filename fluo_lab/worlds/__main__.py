"""``python -m fluo_lab.worlds``: write a simulated system, or a large benchmark file, to disk."""

from __future__ import annotations

import argparse
from pathlib import Path

from fluo_lab.worlds import Violation, simulate_checkout, write_scaled


def main() -> None:
    """Run the command named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m fluo_lab.worlds", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    checkout = commands.add_parser("checkout", help="a web shop with one incident")
    checkout.add_argument("--seed", type=int, default=7)
    checkout.add_argument("--traces", type=int, default=1000)
    checkout.add_argument("--out", type=Path, required=True, help="folder for traces.jsonl.gz and truth.json")
    checkout.add_argument(
        "--violation-rate", type=float, default=0.0, help="share that breaks a rule outside the incident"
    )
    scale = commands.add_parser("scale", help="the shop's traffic, repeated to any size")
    scale.add_argument("--seed", type=int, default=7)
    scale.add_argument("--spans", type=int, default=1_000_000)
    scale.add_argument("--out", type=Path, required=True, help="file: .jsonl for JSON lines, .pb for protobuf")
    given = parser.parse_args()
    if given.command == "checkout":
        _write_checkout(given.out, given.seed, given.traces, given.violation_rate)
    else:
        print(f"{write_scaled(given.out, spans=given.spans, seed=given.seed)} spans in {given.out}")


def _write_checkout(folder: Path, seed: int, n_traces: int, violation_rate: float) -> None:
    simulation = simulate_checkout(
        seed=seed, n_traces=n_traces, violation_rates=dict.fromkeys(Violation, violation_rate)
    )
    folder.mkdir(parents=True, exist_ok=True)
    simulation.write(folder / "traces.jsonl.gz")
    simulation.write_truth(folder / "truth.json")
    n_bad = len(simulation.truth.bad_traces)
    print(f"{n_traces} traces ({n_bad} of them bad), {simulation.n_spans} spans in {folder}")


if __name__ == "__main__":
    main()
