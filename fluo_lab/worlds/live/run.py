"""One run of a world's services and visits."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from fluo_lab.errors import UsageError
from fluo_lab.worlds.live.fleet import Fleet
from fluo_lab.worlds.live.requests import Fault, LiveError
from fluo_lab.worlds.live.visits import Visits
from fluo_lab.worlds.world import Run

__all__ = ["TIME_SCALE", "LiveError", "LiveResult", "run_live"]

TIME_SCALE = 0.25
"""By default, work that a service says takes a second takes a quarter of one."""

_EXTRA = ("opentelemetry.instrumentation.wsgi", "opentelemetry.instrumentation.urllib3")


@dataclass(frozen=True, slots=True)
class LiveResult:
    """What a live run came to.

    Attributes
    ----------
    path
        The spans of all services, as OTLP in JSON lines.
    n_visits, n_spans, n_lost
        Visits made, spans in the file, and spans dropped on purpose.
    start_s, visits_s, drain_s
        How long it took to start the services, to make the visits, and until all background work had ended and all
        spans were written, in seconds.
    killed
        Keys of the deployments whose process did not end when told to.
    """

    path: Path
    n_visits: int
    n_spans: int
    n_lost: int
    start_s: float
    visits_s: float
    drain_s: float
    killed: tuple[str, ...]


def run_live(run: Run, out: Path, *, n_clients: int = 8, time_scale: float = TIME_SCALE) -> LiveResult:
    """Run the services of a world, make all visits, and return where the spans are.

    Equal runs give equal traces: all but times, span ids and the order of spans in the file.

    Parameters
    ----------
    run
        What to run.
    out
        Folder for ``traces.jsonl``, made if it is missing. The file appears whole or not at all.
    n_clients
        How many visits are under way at the same time.
    time_scale
        Factor for the durations of ``Service.work``.

    Raises
    ------
    UsageError
        Packages are missing, or the world's functions cannot be found by another process.
    LiveError
        A handler, a background job or a visit raised an exception, or a service broke; says where and why.
    """
    _check(n_clients, time_scale)
    out.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".live-", dir=out) as work:
        folder = Path(work)
        begun = monotonic()
        with Fleet(run, folder, time_scale=time_scale) as fleet:
            started = monotonic()
            n_sent = _make_visits(run, fleet, n_clients)
            visited = monotonic()
            fleet.wait_until_at_rest(n_sent=n_sent)
            _raise(fleet.faults())
            written = fleet.write()
            drained = monotonic()
        path = _join([folder / f"{key}.jsonl" for key in fleet.keys], out / "traces.jsonl", folder)
    return LiveResult(
        path,
        n_visits=run.n_visits,
        n_spans=written.n_spans,
        n_lost=written.n_lost,
        start_s=started - begun,
        visits_s=visited - started,
        drain_s=drained - visited,
        killed=fleet.killed,
    )


def _check(n_clients: int, time_scale: float) -> None:
    missing = [name for name in _EXTRA if not _is_installed(name)]
    if missing:
        raise UsageError(f"{', '.join(missing)} missing; to run worlds live: pip install 'fluo_lab[worlds]'")
    if n_clients < 1:
        raise UsageError(f"n_clients is {n_clients}; give at least 1")
    if time_scale < 0:
        raise UsageError(f"time_scale is {time_scale}; give 0 or more")


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # a package above it is missing
        return False


def _make_visits(run: Run, fleet: Fleet, n_clients: int) -> int:
    """Make all visits, and return how many requests they sent."""
    visits = Visits(run, fleet.addresses)
    try:
        visits.make(n_clients)
    except BaseException:
        # Without the services, the visits under way end at once.
        fleet.stop()
        visits.give_up()
        raise
    if visits.is_broken:
        _raise([*fleet.faults(), *visits.faults])
        raise LiveError("a visit could not be made, and no service says why")
    return visits.n_sent


def _raise(faults: Sequence[Fault]) -> None:
    """Raise what went wrong, if anything did."""
    if faults:
        error = LiveError("\n".join(map(str, dict.fromkeys(faults))))
        for trace in dict.fromkeys(fault.trace for fault in faults):
            error.add_note(trace)
        raise error


def _join(parts: Sequence[Path], path: Path, folder: Path) -> Path:
    """Join files to one, which appears whole or not at all, and return its path."""
    whole = folder / "whole"
    with whole.open("wb") as joined:
        for part in parts:
            with part.open("rb") as one:
                shutil.copyfileobj(one, joined)
    os.replace(whole, path)
    return path
