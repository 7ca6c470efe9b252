"""The services of a live run, as the process that asked for them sees them."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Self

import orjson

from fluo_lab.errors import UsageError
from fluo_lab.worlds.live.activity import Census, is_at_rest
from fluo_lab.worlds.live.instructions import FAULTY, Instructions
from fluo_lab.worlds.live.network import Addresses, Network
from fluo_lab.worlds.live.requests import Fault, LiveError, RunBroken
from fluo_lab.worlds.world import Run

__all__ = ["Fleet", "Written"]

_PROGRAM = "from fluo_lab.worlds.live.process import main; main()"
_STOP_LIMIT_S = 15.0
_REST_LIMIT_S = 120.0
_PAUSE_S = 0.01
# Threads of a numeric library would be lost in the services, which are forks of the process that loads it.
_ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True, slots=True)
class Written:
    """What the services have written.

    Attributes
    ----------
    n_spans
        Spans in their files.
    n_lost
        Spans dropped on purpose.
    """

    n_spans: int
    n_lost: int


class Fleet:
    """The running services of a world; leaving its block stops them.

    Parameters
    ----------
    run
        What runs.
    folder
        Where each service writes its spans, to ``KEY.jsonl``.
    time_scale
        Factor for the durations of ``Service.work``.

    Raises
    ------
    UsageError
        The functions of the world cannot be found by another process.
    LiveError
        A service could not be started.
    """

    def __init__(self, run: Run, folder: Path, *, time_scale: float) -> None:
        self.keys = tuple(deployment.key for deployment in run.world.deployments)
        self.killed: tuple[str, ...] = ()
        self._is_stopped = False
        self._bad_ends: list[str] = []
        told = Instructions(_pickle(run), self.keys, folder.resolve(), time_scale)
        self._process = subprocess.Popen(  # noqa: S603 (this very interpreter)
            [sys.executable, "-P", "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Unbuffered, so that nothing read ahead is lost to ``communicate``.
            bufsize=0,
            env=_environment(),
            # Ctrl-C is for this process alone, which then stops the others.
            start_new_session=True,
        )
        try:
            self.addresses = self._start(told)
            self._network = Network(self.addresses, caller=None)
        except BaseException:
            self._kill()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if not self._is_stopped:
            self.stop()
        if error is not None:
            for end in (*self._bad_ends, *(f"{key}: its process did not stop and was killed" for key in self.killed)):
                error.add_note(end)
        elif self._bad_ends:
            raise LiveError("\n".join(self._bad_ends))

    def faults(self) -> list[Fault]:
        """Return what has gone wrong in the services that is no part of the system."""
        found = []
        for key in self.keys:
            try:
                found += _read_faults(self._ask(key, "faults"))
            except LiveError as error:
                found.append(Fault.of(key, error))
        return found

    def wait_until_at_rest(self, *, n_sent: int) -> None:
        """Wait until all work in all services has ended, or something has gone wrong that is no part of the system.

        Parameters
        ----------
        n_sent
            How many requests the clients have sent.

        Raises
        ------
        LiveError
            It does not end.
        """
        before: list[Census] = []
        busy: list[str] = []
        limit = monotonic() + _REST_LIMIT_S
        while monotonic() < limit:
            counts: dict[str, dict[str, int] | None] = {key: self._ask(key, "census")["census"] for key in self.keys}
            busy = [key for key, census in counts.items() if census is None]
            after = [Census(**census) for census in counts.values() if census is not None]
            if self.faults() or (not busy and is_at_rest(before, after, n_sent_by_clients=n_sent)):
                return
            before = after
            sleep(_PAUSE_S)
        raise LiveError(
            f"the background work of {', '.join(busy)} does not end"
            if busy
            else f"requests or messages are on their way that never arrive: {before}"
        )

    def write(self) -> Written:
        """Let the services write what they have not yet written; they make no spans after that."""
        written = [self._ask(key, "close") for key in self.keys]
        return Written(sum(one["n_spans"] for one in written), sum(one["n_lost"] for one in written))

    def stop(self) -> None:
        """Stop the services; kill those that do not stop, and note them in ``killed``."""
        self._is_stopped = True
        self._network.close()
        try:
            out, _ = self._process.communicate(timeout=_STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._kill()
            self.killed = self.keys
            return
        except BaseException:
            self._kill()
            raise
        for line in out.splitlines():
            report = orjson.loads(line)
            if "fault" in report:
                self._bad_ends.append(str(Fault(**report["fault"])))
            elif "stopped" in report:
                self.killed = tuple(report["killed"])
                crashed = {key: code for key, code in report["stopped"].items() if code not in (0, FAULTY)}
                self._bad_ends += [
                    f"{key}: its process ended by itself with exit code {code}"
                    for key, code in crashed.items()
                    if key not in self.killed
                ]

    def _start(self, told: Instructions) -> Addresses:
        """Start the services and return their addresses once all of them serve."""
        stdin = self._process.stdin
        if stdin is None:
            raise LiveError("the process of the services has no standard input")
        with suppress(BrokenPipeError):  # the report that is missing then says more
            stdin.write(pickle.dumps(told))
        bound: dict[str, list[Any]] = self._read_report()["addresses"]
        addresses = {key: (str(host), int(port)) for key, (host, port) in bound.items()}
        for _ in self.keys:
            report = self._read_report()
            if "fault" in report:
                fault = Fault(**report["fault"])
                raise LiveError(f"{fault}\n{fault.trace}")
        return addresses

    def _read_report(self) -> dict[str, Any]:
        stdout = self._process.stdout
        line = stdout.readline() if stdout is not None else b""
        if not line:
            raise LiveError("the services could not be started; the error output says why")
        report: dict[str, Any] = orjson.loads(line)
        return report

    def _ask(self, key: str, what: str) -> Mapping[str, Any]:
        """Return the answer of a service to a question of the kit."""
        try:
            return self._network.request(key, "POST", f"/-/{what}", None).body
        except RunBroken as error:
            faults = _read_faults(self._network.request(key, "POST", "/-/faults", None).body)
            raise LiveError("\n".join(map(str, faults))) from error

    def _kill(self) -> None:
        """Kill the process of the services and all of them."""
        with suppress(ProcessLookupError):  # all have ended meanwhile
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()


def _read_faults(body: Mapping[str, Any]) -> list[Fault]:
    return [Fault(**fault) for fault in body["faults"]]


def _pickle(run: Run) -> bytes:
    world = run.world
    for function in (world.serve, world.visit, world.simulate):
        if getattr(function, "__module__", None) == "__main__":
            raise UsageError(
                f"world {world.name}: {getattr(function, '__name__', function)} stands in the script that is run, "
                "where the services cannot find it: move it to a module"
            )
    try:
        return pickle.dumps(run)
    except (pickle.PicklingError, AttributeError) as error:
        raise UsageError(
            f"world {world.name}: serve, visit and simulate must be functions of a module ({error})"
        ) from error


def _environment() -> dict[str, str]:
    """Return the environment of the services: what could change their spans is left out."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
    return (
        kept
        | _ONE_THREAD
        | {
            "OTEL_SEMCONV_STABILITY_OPT_IN": "http",
            "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),
        }
    )
