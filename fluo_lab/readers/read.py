"""Reading traces from files: one store over all of them, with every problem named."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from fluo_lab.errors import InputError
from fluo_lab.readers.formats import find_format
from fluo_lab.readers.inputs import TraceSource, find_files
from fluo_lab.readers.report import Report
from fluo_lab.readers.source import Source
from fluo_lab.traces import Problem, SpanBatch, Traces, TracesBuilder
from fluo_lab.traces.schema import RAW_SPANS

__all__ = ["read_batches", "read_traces"]

_PROGRESS_VARIABLE = "FLUO_LAB_PROGRESS"


def read_traces(source: TraceSource, *, progress: bool = False) -> Traces:
    """Return all traces in the given files as one store.

    The content decides the format, never the name: OTLP/JSON (lines, documents, wrappers of query APIs), OTLP
    protobuf (plain or framed), our own Parquet; each also compressed with gzip or zstd, except Parquet. A trace may
    be spread over lines and files. Memory: one block of 16 MiB and the frames; JSON that is not in lines is held
    whole.

    Parameters
    ----------
    source
        A path, a glob pattern, a directory (all regular files below it), or several of these. A file named twice
        is read once.
    progress
        Whether to show a progress bar on reads that take longer than half a second; ``FLUO_LAB_PROGRESS=0`` in
        the environment turns it off.

    Returns
    -------
    Traces
        With ``problems``: what could not be taken as it is, with place and count. A file that fails midway is one,
        with what came before read; among several files, one that cannot be read at all is one too.

    Raises
    ------
    InputError
        Nothing could be read: no such file, nothing in it, or no format that is read.
    """
    files = find_files(source)
    builder = TracesBuilder()
    # A file of metrics alone is read, and has no spans.
    builder.add(SpanBatch(spans=pl.DataFrame(schema=RAW_SPANS)))
    problems: list[Problem] = []
    incomplete: set[str] = set()
    failures: list[InputError] = []
    with _progress_bar(files, is_shown=progress) as bar:
        for path in files:
            report = Report(str(path))
            n_spans = 0
            try:
                for batch in read_batches(Source(path, str(path), on_bytes=bar), report):
                    builder.add(batch)
                    n_spans += batch.spans.height
            except InputError as error:
                fault = str(error).removeprefix(f"{path}: ")
                if n_spans:
                    report.locate()
                    report.add(f"stopped after {n_spans} spans: {fault}")
                else:
                    failures.append(error)
                    report = Report(str(path))
                    report.add(f"file not read: {fault}")
            problems += report.problems()
            incomplete |= report.incomplete
    if len(failures) == len(files):
        raise failures[0] if len(failures) == 1 else _join(failures)
    return builder.finish(problems=problems, sources=[str(path) for path in files], incomplete=sorted(incomplete))


def read_batches(source: Source, report: Report) -> Iterator[SpanBatch]:
    """Yield the spans of one file in batches.

    Raises
    ------
    InputError
        Nothing in the file could be read.
    """
    yield from find_format(source).read(source, report)


def _join(failures: Sequence[InputError]) -> InputError:
    """Return one error for several files."""
    shown = "\n".join(f"  {failure}" for failure in failures[:10])
    more = f"\n  and {len(failures) - 10} more" if len(failures) > 10 else ""
    return InputError(f"none of the {len(failures)} files could be read:\n{shown}{more}")


@contextmanager
def _progress_bar(files: Sequence[Path], *, is_shown: bool) -> Iterator[Any]:
    """Give a function that takes the number of bytes read."""
    if not is_shown or os.environ.get(_PROGRESS_VARIABLE) == "0":
        yield lambda n_bytes: None
        return
    from tqdm.auto import tqdm

    total = sum(path.stat().st_size for path in files if path.is_file())
    with tqdm(total=total, unit="B", unit_scale=True, desc="reading traces", delay=0.5, leave=False) as bar:
        yield bar.update
