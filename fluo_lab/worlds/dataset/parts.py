"""The traces of a run as files, a part at a time, on all processors."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from enum import StrEnum
from multiprocessing import get_context
from pathlib import Path

from fluo_lab.traces import Traces
from fluo_lab.worlds.registry import WORLDS
from fluo_lab.worlds.simulated import simulate
from fluo_lab.worlds.simulated.planted import Planted
from fluo_lab.worlds.world import Run
from fluo_lab.writers import to_otlp_json, to_otlp_proto

__all__ = ["DatasetFormat", "Part", "RunKey", "visits_for_spans", "write_parts", "write_traces"]

PART_SPANS = 400_000
"""About so many spans are made and written together: what a process holds at a time."""

_SAMPLE_VISITS = 4_000


class DatasetFormat(StrEnum):
    """What traces are written as."""

    OTLP_JSON = "otlp-json"
    OTLP_PROTO = "otlp-proto"
    PARQUET = "parquet"

    @property
    def suffix(self) -> str:
        """How the files' names end."""
        return {"otlp-json": ".jsonl.zst", "otlp-proto": ".pb.zst", "parquet": ".parquet"}[self.value]


@dataclass(frozen=True, slots=True)
class RunKey:
    """A run by its world's name: what another process needs to draw it again."""

    world: str
    seed: int
    n_visits: int
    is_counterfactual: bool = False
    has_incidents: bool = True

    def run(self) -> Run:
        """Return the run."""
        return Run(WORLDS[self.world], self.seed, self.n_visits, self.is_counterfactual, self.has_incidents)


@dataclass(frozen=True, slots=True)
class Part:
    """A file that has been written."""

    path: Path
    n_traces: int
    n_spans: int
    planted: Planted


def visits_for_spans(key: RunKey, n_spans: int) -> int:
    """Return how many visits make about so many spans, seldom fewer."""
    sample = simulate(RunKey(key.world, key.seed, _SAMPLE_VISITS, key.is_counterfactual, key.has_incidents).run())
    per_visit = sample.traces.n_spans / _SAMPLE_VISITS
    return max(1, round(n_spans * 1.01 / per_visit) + 1)


def write_traces(traces: Traces, path: Path, format: DatasetFormat) -> Path:
    """Write a store to a file and return its path."""
    match format:
        case DatasetFormat.OTLP_JSON:
            return to_otlp_json(traces, path)
        case DatasetFormat.OTLP_PROTO:
            return to_otlp_proto(traces, path)
        case DatasetFormat.PARQUET:
            return traces.save(path)


def write_parts(key: RunKey, folder: Path, format: DatasetFormat, *, on_progress: Callable[[int], None]) -> list[Part]:
    """Write the traces of a run into a folder and return its files in order of their visits.

    One file ``traces.SUFFIX`` when they are few, otherwise ``traces/0000.SUFFIX`` and so on. The bytes do not depend on
    how many processors there are.

    Parameters
    ----------
    on_progress
        Called with the number of spans of every file that is finished.

    Raises
    ------
    OSError
        When a file cannot be written.
    """
    ranges = list(_ranges(key))
    if len(ranges) == 1:
        part = _write_part(key, ranges[0], folder / f"traces{format.suffix}", format)
        on_progress(part.n_spans)
        return [part]
    (folder / "traces").mkdir()
    paths = [folder / "traces" / f"{number:04}{format.suffix}" for number in range(len(ranges))]
    n_workers = min(os.cpu_count() or 1, len(ranges))
    parts: dict[Path, Part] = {}
    with ProcessPoolExecutor(n_workers, mp_context=get_context("spawn")) as pool:
        waiting = [pool.submit(_write_part, key, *job, format) for job in zip(ranges, paths, strict=True)]
        try:
            for done in as_completed(waiting):
                part = done.result()
                parts[part.path] = part
                on_progress(part.n_spans)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return [parts[path] for path in paths]


def _ranges(key: RunKey) -> Iterator[range]:
    """Yield the visits of each part."""
    sample = simulate(key.run(), visits=range(min(500, key.n_visits)))
    per_visit = sample.traces.n_spans / min(500, key.n_visits)
    n_parts = max(1, -(-round(key.n_visits * per_visit) // PART_SPANS))
    for number in range(n_parts):
        yield range(key.n_visits * number // n_parts, key.n_visits * (number + 1) // n_parts)


def _write_part(key: RunKey, visits: range, path: Path, format: DatasetFormat) -> Part:
    simulated = simulate(key.run(), visits=visits)
    traces = simulated.traces
    write_traces(traces, path, format)
    return Part(path, traces.n_traces, traces.n_spans, simulated.planted)
