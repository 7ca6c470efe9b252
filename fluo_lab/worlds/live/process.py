"""The processes of a live run: one a deployment, and the one that ``main`` runs in, which starts and stops them.

That one loads what all services need once, binds a socket for each of them, and forks them before it has
started any thread. It leaves the loading of the world, which may start threads, to the services. Everything is stopped
by the end of its standard input, so that nothing outlives the process that started it, however that ends.

Standard input: pickled ``Instructions``. Standard output: JSON lines, ``{"addresses": …}``, ``{"ready": key}`` or
``{"fault": …}`` for each deployment, and ``{"stopped": {key: exit code}, "killed": [key, …]}`` at the end.
"""

from __future__ import annotations

import os
import pickle
import signal
import socket
import sys
from collections.abc import Mapping
from threading import Thread
from time import monotonic, sleep
from typing import Any

import orjson
from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor

from fluo_lab.worlds.live.activity import Activity
from fluo_lab.worlds.live.instructions import FAULTY, Instructions
from fluo_lab.worlds.live.network import Addresses, Network
from fluo_lab.worlds.live.requests import Fault
from fluo_lab.worlds.live.server import Server
from fluo_lab.worlds.live.service import Service
from fluo_lab.worlds.live.telemetry import Telemetry

__all__ = ["main"]

_STOP_LIMIT_S = 5.0
_POLL_S = 0.05
_REPORTS = 3
_BACKLOG = 256


def main() -> None:
    """Start the services, wait for the end of standard input, and stop them."""
    # What the code of a world prints must not get among the reports.
    os.dup2(1, _REPORTS)
    os.dup2(2, 1)
    told: Instructions = pickle.load(sys.stdin.buffer)  # noqa: S301 (written by the process that started this one)
    sockets = {key: socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG) for key in told.deployments}
    addresses = {key: one.getsockname()[:2] for key, one in sockets.items()}
    _tell({"addresses": addresses})
    lifeline, end_of_life = os.pipe()
    children = {}
    for key in told.deployments:
        child = os.fork()
        if child == 0:
            os.close(end_of_life)
            os._exit(_run_child(told, key, sockets, addresses, lifeline))
        children[key] = child
    for one in sockets.values():
        one.close()
    os.close(lifeline)
    sys.stdin.buffer.read()
    os.close(end_of_life)
    _tell(_reap(children))


def _reap(children: Mapping[str, int]) -> dict[str, Any]:
    """Wait for the children; kill those that do not end in time, and return how all ended."""
    running = dict(children)
    stopped: dict[str, int] = {}
    killed: list[str] = []
    limit = monotonic() + _STOP_LIMIT_S
    while running:
        for key, child in list(running.items()):
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                stopped[key] = os.waitstatus_to_exitcode(status)
                del running[key]
        if running and not killed and monotonic() > limit:
            killed = list(running)
            for child in running.values():
                os.kill(child, signal.SIGKILL)
        if running:
            sleep(_POLL_S)
    return {"stopped": stopped, "killed": killed}


def _run_child(
    told: Instructions, key: str, sockets: Mapping[str, socket.socket], addresses: Addresses, lifeline: int
) -> int:
    """Run a service until the lifeline ends, and return the exit code of its process."""
    try:
        for other, one in sockets.items():
            if other != key:
                one.close()
        sys.stdin.close()
        _serve(told, key, sockets[key], addresses, lifeline)
    except Exception as error:
        _tell({"fault": Fault.of(f"{key}: process", error).as_json()})
        return FAULTY
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def _serve(told: Instructions, key: str, listening: socket.socket, addresses: Addresses, lifeline: int) -> None:
    run = pickle.loads(told.run)  # noqa: S301 (as above)
    deployment = next(one for one in run.world.deployments if one.key == key)
    telemetry = Telemetry(run, deployment, told.folder / f"{key}.jsonl")
    URLLib3Instrumentor().instrument(tracer_provider=telemetry.provider, excluded_urls="^http://[^/]+/-/")
    activity = Activity()
    network = Network(addresses, caller=key)
    service = Service(
        run, deployment, telemetry=telemetry, network=network, activity=activity, time_scale=told.time_scale
    )
    run.world.serve(service)
    server = Server(listening, service=service, telemetry=telemetry, activity=activity)
    accepting = Thread(target=server.serve_forever, kwargs={"poll_interval": _POLL_S})
    accepting.start()
    _tell({"ready": key})
    # Nothing is ever written to the lifeline: it ends when the process at its other end closes it, or is no more.
    os.read(lifeline, 1)
    server.shutdown()
    accepting.join()
    server.close_connections()
    server.server_close()
    service.stop()


def _tell(message: Mapping[str, Any]) -> None:
    """Write a line for the process that started this one, at once, since lines of several processes meet there."""
    os.write(_REPORTS, orjson.dumps(message, option=orjson.OPT_APPEND_NEWLINE))
