"""``fluo read``, ``fluo profile`` and ``fluo convert``: what is in some traces, and the same in another format."""

from __future__ import annotations

import time
import warnings
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from fluo_lab.cli.arguments import ColumnOption, FormatOption, RepairOption, TracePaths, load_traces
from fluo_lab.cli.output import ExitCode, Format, print_json, print_table, say, warn
from fluo_lab.errors import UsageError
from fluo_lab.traces import Traces

__all__ = ["convert", "profile", "read"]

_OTHER_SIGNAL = "not a trace"


def read(
    traces: TracePaths,
    format: FormatOption = Format.TABLE,
    column: ColumnOption = None,
    repair: RepairOption = None,
    save: Annotated[Path | None, typer.Option(help="Write the traces to a Parquet file.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 3 when anything could not be read.")] = False,
) -> None:
    """Read traces and say what is in them."""
    began = time.perf_counter()
    loaded = load_traces(traces, quiet=format is Format.JSON, columns=column, repairs=repair)
    seconds = time.perf_counter() - began
    by_kind: dict[str, int] = {}
    for problem in loaded.problem_list:
        by_kind[problem.what] = by_kind.get(problem.what, 0) + problem.n
    skipped = sum(n for what, n in by_kind.items() if what.startswith(_OTHER_SIGNAL))
    faults = sum(by_kind.values()) - skipped
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
                "completeness": loaded.completeness.to_dicts(),
                "repairs": [record.to_dict() for record in loaded.repairs],
                "non_trace_lines": skipped,
                "problems_by_kind": by_kind,
                "problems": loaded.problems.to_dicts(),
                "formats": sorted({one.format for one in loaded.inputs if one.format}),
                "inputs": [{"name": one.name, "format": one.format, "bytes": one.n_bytes} for one in loaded.inputs],
                "bytes": sum(one.n_bytes for one in loaded.inputs),
                "seconds": round(seconds, 3),
                "saved": None if save is None else str(save),
            }
        )
    else:
        _print_summary(loaded, seconds)
        say(f"{loaded.n_incomplete:,} incomplete traces, {skipped:,} non-trace lines, {faults:,} problems")
        for reason, _, n, percent, example in loaded.completeness.iter_rows():
            say(f"  {reason}: {n:,} traces ({percent:.1f} %), such as {example}")
        for record in loaded.repairs:
            details = ", ".join(f"{name} {n:,}" for name, n in record.details.items())
            say(f"repaired {record.repair}: {record.n_spans:,} spans in {record.n_traces:,} traces ({details})")
        if save is not None:
            say(f"saved to {save}")
    if strict and faults:
        raise typer.Exit(ExitCode.BAD_INPUT)


def _print_summary(loaded: Traces, seconds: float) -> None:
    """Print what was read from how many bytes of which formats."""
    say(
        f"{loaded.n_spans:,} spans in {loaded.n_traces:,} traces of {len(loaded.services):,} services, "
        f"{len(loaded.name_dictionary):,} span names"
    )
    formats = ", ".join(sorted({one.format for one in loaded.inputs if one.format}))
    n_bytes = sum(one.n_bytes for one in loaded.inputs)
    say(f"{formats}: {len(loaded.inputs):,} inputs, {n_bytes:,} bytes, {seconds:.1f} s")


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


class Target(StrEnum):
    """What traces can be written as."""

    OTLP_JSON = "otlp-json"
    OTLP_PROTO = "otlp-proto"
    PARQUET = "parquet"


def convert(
    traces: TracePaths,
    out: Annotated[Path, typer.Option(help="File to write; a name ending in .gz or .zst is compressed (OTLP).")],
    to: Annotated[Target, typer.Option(help="What to write.")] = Target.PARQUET,
    buckets: Annotated[
        int | None, typer.Option(help="Add to a folder of so many Parquet buckets instead of writing a file.")
    ] = None,
    column: ColumnOption = None,
    repair: RepairOption = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Read traces and write them as OTLP/JSON, OTLP protobuf or our own Parquet."""
    if buckets is not None and to is not Target.PARQUET:
        raise UsageError(f"--buckets is for --to parquet, not for {to}")
    loaded = load_traces(traces, quiet=format is Format.JSON, columns=column, repairs=repair)
    with warnings.catch_warnings(record=True) as losses:
        warnings.simplefilter("always")
        try:
            written = _write(loaded, out, to, buckets)
        except OSError as error:
            raise UsageError(f"{out}: cannot be written: {error.strerror or error}") from error
    for loss in losses:
        warn(f"{out}: {loss.message}")
    answer: dict[str, Any] = {"spans": loaded.n_spans, "traces": loaded.n_traces, "written": str(written)}
    if format is Format.JSON:
        print_json({**answer, "losses": [str(loss.message) for loss in losses]})
    else:
        say(f"{loaded.n_spans:,} spans in {loaded.n_traces:,} traces written to {written}")


def _write(loaded: Traces, out: Path, to: Target, buckets: int | None) -> Path:
    from fluo_lab.writers import to_otlp_json, to_otlp_proto

    match to:
        case Target.OTLP_JSON:
            return to_otlp_json(loaded, out)
        case Target.OTLP_PROTO:
            return to_otlp_proto(loaded, out)
        case Target.PARQUET:
            return loaded.save(out, buckets=buckets)
