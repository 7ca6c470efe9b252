"""``fluo dataset``: systems with known truth, built to any size."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from tqdm import tqdm

from fluo_lab.cli.arguments import FormatOption
from fluo_lab.cli.output import ExitCode, Format, print_json, print_table, say, warn
from fluo_lab.cli.tracing import Target
from fluo_lab.errors import UsageError

__all__ = ["dataset"]

dataset = typer.Typer(name="dataset", help="Systems with known truth, as files.", no_args_is_help=True)

_ALL = "all"


@dataset.command("list")
def list_datasets(format: FormatOption = Format.TABLE) -> None:
    """Print the datasets that can be built."""
    from fluo_lab.worlds.registry import WORLDS

    rows = [
        {
            "name": one.name,
            "title": one.title,
            "deployments": len(one.deployments),
            "invariants": len(one.invariants),
            "incidents": len(one.incidents),
        }
        for one in WORLDS.values()
    ]
    if format is Format.JSON:
        print_json(rows)
    else:
        print_table(f"{len(rows)} datasets", list(rows[0]), (list(row.values()) for row in rows))


@dataset.command()
def build(
    name: Annotated[str, typer.Argument(help="A dataset, or 'all'.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder for the folder of the dataset; by default it is kept in the cache.")
    ] = None,
    seed: Annotated[int, typer.Option(help="What chances are drawn from; equal seeds give equal traces.")] = 36,
    traces: Annotated[int | None, typer.Option(help="How many traces, about; 1,000 by default.")] = None,
    scale: Annotated[int | None, typer.Option(help="How many spans, about, instead of --traces.")] = None,
    traces_format: Annotated[
        Target, typer.Option("--format", help="What the traces are written as.")
    ] = Target.OTLP_JSON,
    live: Annotated[bool, typer.Option("--live", help="Really run the services, under the OpenTelemetry SDK.")] = False,
    counterfactual: Annotated[
        bool, typer.Option("--counterfactual", help="Break every coincidence and keep every invariant.")
    ] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Put it in the place of one that is there.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Build a dataset: traces, truth.yaml, planted.csv, labels.csv and a post-mortem for every incident."""
    from fluo_lab.worlds.dataset import DatasetFormat, Order, build_dataset, cached_dataset
    from fluo_lab.worlds.registry import WORLDS, world_named

    if traces is not None and scale is not None:
        raise UsageError("--traces and --scale both say how much: give one of them")
    names = list(WORLDS) if name == _ALL else [world_named(name).name]
    results: list[dict[str, Any]] = []
    try:
        for one in names:
            began = time.perf_counter()
            order = Order(
                world=one,
                seed=seed,
                n_visits=1_000 if traces is None else traces,
                n_spans=scale,
                format=DatasetFormat(traces_format),
                is_live=live,
                is_counterfactual=counterfactual,
            )
            with tqdm(desc=one, unit=" spans", unit_scale=True, disable=json or not sys.stderr.isatty()) as bar:
                built = (
                    cached_dataset(order, on_progress=bar.update)
                    if out is None
                    else build_dataset(order, out, replace=replace, on_progress=bar.update)
                )
            seconds = time.perf_counter() - began
            results.append({**built.description, "traces_path": str(built.traces), "seconds": round(seconds, 2)})
            if not json:
                _print_built(built.description, built.traces, seconds)
    except KeyboardInterrupt:
        done = ", ".join(result["world"] for result in results) or "none"
        warn(f"fluo: stopped: nothing is left of the dataset under way; complete: {done}")
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    if json:
        print_json(results)


def _print_built(description: dict[str, Any], path: Path, seconds: float) -> None:
    say(
        f"{description['world']}: {description['spans']:,} spans in {description['traces']:,} traces, "
        f"{description['invariants']} invariants, {seconds:.1f} s"
    )
    for incident in description["incidents"]:
        say(f"  {incident['id']}: {incident['traces']} traces break {', '.join(incident['breaks'])}")
    say(f"  {path}")
