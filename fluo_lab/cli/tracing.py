"""``fluo read`` and ``fluo profile``: what is in some trace files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fluo_lab.cli.arguments import FormatOption, TracePaths, load_traces
from fluo_lab.cli.output import ExitCode, Format, print_json, print_table, say

__all__ = ["profile", "read"]


def read(
    traces: TracePaths,
    format: FormatOption = Format.TABLE,
    save: Annotated[Path | None, typer.Option(help="Write the traces to a Parquet file.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 3 when anything could not be read.")] = False,
) -> None:
    """Read trace files and say what is in them."""
    loaded = load_traces(traces, quiet=format is Format.JSON)
    problems = loaded.problems
    skipped = int(problems.filter(problems["what"].str.starts_with("not a trace"))["n"].sum())
    faults = sum(problem.n for problem in loaded.problem_list) - skipped
    if save is not None:
        loaded.save(save)
    if format is Format.JSON:
        print_json(
            {
                "spans": loaded.n_spans,
                "traces": loaded.n_traces,
                "services": loaded.services,
                "span_names": len(loaded.name_dictionary),
                "incomplete_traces": loaded.n_incomplete,
                "non_trace_lines": skipped,
                "problems": problems.to_dicts(),
                "sources": list(loaded.sources),
                "saved": None if save is None else str(save),
            }
        )
    else:
        say(
            f"{loaded.n_spans:,} spans in {loaded.n_traces:,} traces of {len(loaded.services):,} services, "
            f"{len(loaded.name_dictionary):,} span names"
        )
        say(f"{loaded.n_incomplete:,} incomplete traces, {skipped:,} non-trace lines, {faults:,} problems")
        if save is not None:
            say(f"saved to {save}")
    if strict and faults:
        raise typer.Exit(ExitCode.BAD_INPUT)


def profile(
    traces: TracePaths,
    format: FormatOption = Format.TABLE,
    limit: Annotated[int, typer.Option(help="Rows to print.")] = 40,
) -> None:
    """Print counts, error share and durations of each service and span name."""
    loaded = load_traces(traces, quiet=format is Format.JSON)
    frame = loaded.profile()
    if format is Format.JSON:
        print_json(frame.to_dicts())
        return
    title = f"{min(limit, frame.height):,} of {frame.height:,} span names, {loaded.n_spans:,} spans"
    print_table(title, frame.columns, frame.head(limit).iter_rows())
