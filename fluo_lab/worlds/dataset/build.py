"""Builds a dataset as a folder that is complete or not there."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from fluo_lab.errors import UsageError
from fluo_lab.worlds.dataset.documents import labelled, render_labels, render_planted, render_truth, write_text
from fluo_lab.worlds.dataset.parts import DatasetFormat, RunKey, visits_for_spans, write_parts
from fluo_lab.worlds.dataset.postmortem import Occurrence, format_time, render_postmortem
from fluo_lab.worlds.ids import trace_ids_of
from fluo_lab.worlds.registry import world_named
from fluo_lab.worlds.simulated import plan
from fluo_lab.worlds.simulated.planted import Planted
from fluo_lab.worlds.simulated.values import hex_texts
from fluo_lab.worlds.world import Incident, Run
from fluo_lab.writers.files import write_file

__all__ = ["Built", "DatasetFormat", "Order", "build_dataset"]


@dataclass(frozen=True, slots=True)
class Order:
    """What to build, by default a shipped sample.

    Equal orders give equal files, but for the times and span ids of a live run.

    Attributes
    ----------
    world
        Name of the world.
    seed
        What its chances are drawn from.
    n_visits
        How many visits; a visit makes one trace, seldom two.
    n_spans
        About how many spans, in place of ``n_visits``.
    format
        What the traces are written as.
    is_live
        Whether the services really run; otherwise they are simulated.
    is_counterfactual
        Whether everything that is no invariant is broken as often as not.
    """

    world: str
    seed: int = 36
    n_visits: int = 1000
    n_spans: int | None = None
    format: DatasetFormat = DatasetFormat.OTLP_JSON
    is_live: bool = False
    is_counterfactual: bool = False

    def key(self) -> RunKey:
        """Return the run that is ordered.

        Raises
        ------
        UsageError
            When it cannot be meant.
        """
        world_named(self.world)
        for what, number in (("traces", self.n_visits), ("spans", self.n_spans)):
            if number is not None and number < 1:
                raise UsageError(f"{what}: {number}: ask for at least one")
        if self.is_live and self.format is not DatasetFormat.OTLP_JSON:
            raise UsageError(
                f"a live run is written as otlp-json, not {self.format}: `fluo convert` makes {self.format} of it"
            )
        if self.is_live and self.n_spans is not None:
            raise UsageError("a live run is ordered by its number of traces; sizes in spans are for simulations")
        key = RunKey(self.world, self.seed, self.n_visits, self.is_counterfactual)
        if self.n_spans is None:
            return key
        return RunKey(self.world, self.seed, visits_for_spans(key, self.n_spans), self.is_counterfactual)


@dataclass(frozen=True, slots=True)
class Built:
    """A dataset on disk.

    Attributes
    ----------
    folder, traces
        Where it lies, and the file or folder of its traces.
    description
        What ``dataset.json`` says.
    """

    folder: Path
    traces: Path
    description: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Made:
    """Traces that have been written, and what is known of them."""

    traces: Path
    n_traces: int
    n_spans: int
    planted: Planted
    windows: dict[str, tuple[int, int]]


def build_dataset(
    order: Order, out: Path, *, replace: bool = False, on_progress: Callable[[int], None] = lambda _: None
) -> Built:
    """Build a dataset as ``out/WORLD`` and return it.

    Parameters
    ----------
    replace
        Whether a dataset that is there already gives way to the new one, once that is complete.
    on_progress
        Called with the number of spans whenever some have been written.

    Raises
    ------
    UsageError
        When the order cannot be meant, the folder is taken, or it cannot be written. Nothing is left behind.
    """
    key = order.key()
    folder = out / order.world
    if folder.exists() and not replace:
        raise UsageError(f"{folder}: is there already; choose another --out, or --replace it")
    with _complete_or_absent(folder) as partial:
        run = key.run()
        made = _run_live(run, partial) if order.is_live else _simulate(key, partial, order.format, on_progress)
        description = _describe(order, run, made, made.traces.relative_to(partial).as_posix())
        _write_documents(run, made, partial)
        (partial / "dataset.json").write_bytes(orjson.dumps(description, option=orjson.OPT_INDENT_2))
    return Built(folder, folder / description["path"], description)


def _run_live(run: Run, folder: Path) -> _Made:
    from fluo_lab.worlds.live.run import run_live

    result = run_live(run, folder)
    starts: dict[str, int] = {}
    n_spans = 0
    with result.path.open("rb") as lines:
        for line in lines:
            for span in _spans_in(orjson.loads(line)):
                n_spans += 1
                start_ns = int(span["startTimeUnixNano"])
                starts[span["traceId"]] = min(start_ns, starts.get(span["traceId"], start_ns))
    with result.path.open("rb") as lines:
        path = write_file(folder / f"traces{DatasetFormat.OTLP_JSON.suffix}", lines)
    result.path.unlink()
    return _Made(
        path, len(starts), n_spans, plan(run), {one.id: _observed(run, one, starts) for one in run.world.incidents}
    )


def _spans_in(request: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the spans of an OTLP/JSON export request."""
    for resource in request["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            yield from scope["spans"]


def _observed(run: Run, incident: Incident, starts: Mapping[str, int]) -> tuple[int, int]:
    """Return the whole seconds in which the visits of an incident's window really began, nanoseconds since 1970."""
    visits = np.array(run.window_visits(incident), dtype=np.int64)
    ids = hex_texts(trace_ids_of(run.chances(visits))).to_list()
    begun = [starts[trace] for trace in ids if trace in starts] or [min(starts.values())]
    second = 1_000_000_000
    return min(begun) // second * second, (max(begun) // second + 1) * second


def _simulate(key: RunKey, folder: Path, format: DatasetFormat, on_progress: Callable[[int], None]) -> _Made:
    parts = write_parts(key, folder, format, on_progress=on_progress)
    run = key.run()
    planted = Planted(run.world)
    for part in parts:
        planted.add(part.planted)
    return _Made(
        traces=parts[0].path if len(parts) == 1 else parts[0].path.parent,
        n_traces=sum(part.n_traces for part in parts),
        n_spans=sum(part.n_spans for part in parts),
        planted=planted,
        windows={one.id: run.window_ns(one) for one in run.world.incidents},
    )


def _write_documents(run: Run, made: _Made, folder: Path) -> None:
    harmed, innocent = made.planted.harmed(run), made.planted.innocent(run)
    write_text(folder / "truth.yaml", render_truth(run))
    write_text(folder / "planted.csv", render_planted(made.planted.broken(run)))
    labels = [label for one in run.world.incidents for label in labelled(run, one, harmed[one.id], innocent[one.id])]
    write_text(folder / "labels.csv", render_labels(labels))
    for incident in run.world.incidents:
        occurrence = Occurrence(*made.windows[incident.id], harmed[incident.id], innocent[incident.id])
        text = render_postmortem(run.world, incident, occurrence)
        write_text(folder / "incidents" / f"{incident.id}.md", text)


def _describe(order: Order, run: Run, made: _Made, path: str) -> dict[str, Any]:
    harmed = made.planted.harmed(run)
    return {
        "world": run.world.name,
        "title": run.world.title,
        "seed": run.seed,
        "visits": run.n_visits,
        "traces": made.n_traces,
        "spans": made.n_spans,
        "format": order.format.value,
        "path": path,
        "is_live": order.is_live,
        "is_counterfactual": run.is_counterfactual,
        "invariants": len(run.world.invariants),
        "incidents": [
            {
                "id": one.id,
                "title": one.title,
                "start": format_time(made.windows[one.id][0]),
                "end": format_time(made.windows[one.id][1]),
                "breaks": list(one.breaks),
                "traces": len(harmed[one.id]),
            }
            for one in run.world.incidents
        ],
    }


@contextmanager
def _complete_or_absent(folder: Path) -> Iterator[Path]:
    """Yield a folder to fill that takes its name only when it is whole; on any exception nothing is left."""
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    try:
        partial.mkdir(parents=True)
        yield partial
        if folder.exists():
            old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
            folder.rename(old)
            partial.rename(folder)
            shutil.rmtree(old)
        else:
            partial.rename(folder)
    except OSError as error:
        raise UsageError(_cause(folder, error)) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _cause(folder: Path, error: OSError) -> str:
    """Return what to do about a folder that cannot be written."""
    if error.errno == errno.ENOSPC:
        return f"{folder}: the disk is full: free some space, ask for fewer spans, or choose another --out"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{folder}: no permission to write there: choose another --out"
    return f"{folder}: cannot be written: {error.strerror or error}"
