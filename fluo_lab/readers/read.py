"""Reading traces from files, live stores and tables: one store over all of them, with every problem named."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, cast

import polars as pl

from fluo_lab.errors import InputError, UsageError
from fluo_lab.readers.formats import find_format
from fluo_lab.readers.inputs import find_files
from fluo_lab.readers.live.read import is_live, parse_target, read_live
from fluo_lab.readers.report import Report
from fluo_lab.readers.source import Source
from fluo_lab.readers.tables.table import read_table
from fluo_lab.traces import Findings, Input, Problem, Repair, SpanBatch, Traces, TracesBuilder
from fluo_lab.traces.schema import RAW_SPANS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TraceSource", "read_batches", "read_traces"]

_PROGRESS_VARIABLE = "FLUO_LAB_PROGRESS"

Place: TypeAlias = str | Path
TraceSource: TypeAlias = "Place | Iterable[Place] | pl.DataFrame | pd.DataFrame"
"""A path, a glob pattern, a directory, an address of a live store, several of these, or a table with a span a row."""

Batches = Callable[[Report, Callable[[int], None]], Iterator[SpanBatch]]


@dataclass(frozen=True)
class _Part:
    """One of the inputs to read.

    Attributes
    ----------
    input
        What it is; its format is known once it has been recognised.
    recognise
        Return format and reader.
    """

    input: Input
    recognise: Callable[[], tuple[str, Batches]]


def read_traces(
    source: TraceSource,
    *,
    columns: Mapping[str, str] | None = None,
    repairs: Iterable[Repair | str] = (),
    window: tuple[int, int] | None = None,
    edge_ns: int = 0,
    progress: bool = False,
) -> Traces:
    """Return all traces of some inputs as one store.

    The content decides the format, never the name: OTLP/JSON (lines, documents, wrappers of query APIs), OTLP protobuf
    (plain or framed), Jaeger JSON, Zipkin JSON, JSON span records, CSV, each also compressed with gzip or zstd; Grafana
    Tempo's blocks, other Parquet tables, our own Parquet. ``tempo://…`` and ``jaeger://…`` ask a live store (see
    ``fluo_lab.readers.live``). A trace may be spread over lines, files and inputs. Memory: one block of 16 MiB and the
    frames.

    Parameters
    ----------
    source
        A path, a glob pattern, a directory (all files below it), the address of a live store, or several of these; or
        a Polars or pandas frame with a span in each row. A file named twice is read once.
    columns
        A table's columns by our names, as in ``{"trace_id": "TraceID", "start_ns": "ts", "attr.amount": "amount"}``;
        those it leaves out are recognised by their usual names. With it, files are taken for CSV or Parquet tables.
    repairs
        Defects to mend, none by default; see ``Traces.repaired``. What was done is in ``Traces.repairs``.
    window
        ``(start_ns, end_ns)`` when the input was cut to spans that start in ``[start_ns, end_ns)``: traces at its edge
        may lack spans and are incomplete.
    edge_ns
        How near to the window's ends a trace may have been cut; 0: where it touches them.
    progress
        Whether to show a progress bar on reads that take longer than half a second; ``FLUO_LAB_PROGRESS=0`` in
        the environment turns it off.

    Returns
    -------
    Traces
        With ``problems``: what could not be taken as it is, with place and count. A file that fails midway is one,
        with what came before read; among several inputs, one that cannot be read at all is one too.

    Raises
    ------
    InputError
        Nothing could be read: no such file, nothing in it, or no format that is read.
    UsageError
        A window that is empty, or a repair that does not exist.
    """
    wanted = [Repair.named(one) for one in repairs]
    if window is not None and (window[0] >= window[1] or edge_ns < 0):
        raise UsageError(f"window={window}, edge_ns={edge_ns}: a window begins before it ends, an edge is 0 or more")
    parts = _parts(source, columns)
    builder = TracesBuilder()
    # A file of metrics alone is read, and has no spans.
    builder.add(SpanBatch(spans=pl.DataFrame(schema=RAW_SPANS)))
    problems: list[Problem] = []
    inputs: list[Input] = []
    findings: list[Findings] = []
    failures: list[InputError] = []
    with _progress_bar([part.input for part in parts], is_shown=progress) as on_bytes:
        for part in parts:
            read, report, failure = _read_part(part, builder, on_bytes)
            inputs.append(read)
            problems += report.problems()
            findings.append(replace(report.findings, incomplete=report.findings.incomplete | report.incomplete))
            if failure is not None:
                failures.append(failure)
    if len(failures) == len(parts):
        raise failures[0] if len(failures) == 1 else _join(failures)
    traces = builder.finish(
        problems=problems, inputs=inputs, findings=Findings.joined(findings), window=window, edge_ns=edge_ns
    )
    return traces.repaired(*wanted) if wanted else traces


def read_batches(source: Source, report: Report) -> Iterator[SpanBatch]:
    """Yield the spans of one file in batches.

    Raises
    ------
    InputError
        Nothing in the file could be read.
    """
    yield from find_format(source).read(source, report)


def _read_part(
    part: _Part, builder: TracesBuilder, on_bytes: Callable[[int], None]
) -> tuple[Input, Report, InputError | None]:
    """Give the spans of one input to the builder; return what was read, its problems, and why nothing was."""
    name, format_name, n_bytes, n_spans = part.input.name, None, 0, 0
    report = Report(name)

    def count(n: int) -> None:
        nonlocal n_bytes
        n_bytes += n
        on_bytes(n)

    failure = None
    try:
        format_name, batches = part.recognise()
        for batch in batches(report, count):
            builder.add(batch)
            n_spans += batch.spans.height
    except InputError as error:
        fault = str(error).removeprefix(f"{name}: ")
        if n_spans:
            report.locate()
            report.add(f"stopped after {n_spans} spans: {fault}")
        else:
            failure = error
            report = Report(name)
            report.add(f"file not read: {fault}")
    return Input(name, format_name, part.input.n_bytes or n_bytes), report, failure


def _parts(source: TraceSource, columns: Mapping[str, str] | None) -> list[_Part]:
    """Return the inputs that a caller names, each file once, in order."""
    if hasattr(source, "columns"):
        return [_table_part(cast("pl.DataFrame | pd.DataFrame", source), columns)]
    places = [source] if isinstance(source, str | os.PathLike) else list(source)
    live = [str(place) for place in places if is_live(str(place))]
    on_disk = [place for place in places if not is_live(str(place))]
    files = find_files(on_disk) if on_disk or not live else []
    return [*(_file_part(path, columns) for path in files), *map(_live_part, live)]


def _file_part(path: Path, columns: Mapping[str, str] | None) -> _Part:
    def recognise() -> tuple[str, Batches]:
        found = find_format(Source(path, str(path)), columns=columns)
        return found.name, lambda report, on_bytes: found.read(Source(path, str(path), on_bytes=on_bytes), report)

    size = path.stat().st_size if path.is_file() else 0
    return _Part(Input(str(path), n_bytes=size), recognise)


def _live_part(address: str) -> _Part:
    target = parse_target(address)
    return _Part(
        Input(target.name),
        lambda: (
            f"{target.system.label} over HTTP",
            lambda report, on_bytes: read_live(target, report, on_bytes=on_bytes),
        ),
    )


def _table_part(frame: pl.DataFrame | pd.DataFrame, columns: Mapping[str, str] | None) -> _Part:
    kind = "a Polars frame" if isinstance(frame, pl.DataFrame) else "a pandas frame"
    return _Part(
        Input(kind),
        lambda: (kind, lambda report, on_bytes: read_table(frame, columns=columns, report=report)),
    )


def _join(failures: Sequence[InputError]) -> InputError:
    """Return one error for several inputs."""
    shown = "\n".join(f"  {failure}" for failure in failures[:10])
    more = f"\n  and {len(failures) - 10} more" if len(failures) > 10 else ""
    return InputError(f"none of the {len(failures)} files could be read:\n{shown}{more}")


@contextmanager
def _progress_bar(inputs: Sequence[Input], *, is_shown: bool) -> Iterator[Callable[[int], None]]:
    """Give a function that takes the number of bytes read."""
    if not is_shown or os.environ.get(_PROGRESS_VARIABLE) == "0":
        yield lambda n_bytes: None
        return
    from tqdm.auto import tqdm

    total = sum(one.n_bytes for one in inputs) or None
    with tqdm(total=total, unit="B", unit_scale=True, desc="reading traces", delay=0.5, leave=False) as bar:

        def advance(n_bytes: int) -> None:
            bar.update(n_bytes)

        yield advance
