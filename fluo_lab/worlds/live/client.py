"""What the visits of a live run are written with: the user's side, which makes no spans."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from fluo_lab.worlds.live.network import Network
from fluo_lab.worlds.live.requests import Answer
from fluo_lab.worlds.live.routes import check_path
from fluo_lab.worlds.live.telemetry import PART, VISIT
from fluo_lab.worlds.live.threads import run_together
from fluo_lab.worlds.world import Run

if TYPE_CHECKING:
    from fluo_lab.worlds.chance import Chance

__all__ = ["Client", "Counter"]

T = TypeVar("T")


class Counter:
    """Counts, from several threads at once."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.n = 0

    def add_one(self) -> None:
        """Count one more."""
        with self._lock:
            self.n += 1


class Client:
    """The user, or scheduler, of one visit.

    Attributes
    ----------
    run
        What runs.
    number
        Number of the visit.
    """

    def __init__(self, run: Run, number: int, *, network: Network, sent: Counter) -> None:
        self.run = run
        self.number = number
        self._network = network
        self._sent = sent

    def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        part: int = 0,
        to: str | None = None,
    ) -> Answer:
        """Return what a deployment answers to an HTTP request, whatever its status code.

        Parameters
        ----------
        method, path
            A path that one of its routes matches.
        body
            A JSON object to send.
        part
            Which of the visit's traces it belongs to. Every request begins a trace, so each needs a part of its own.
        to
            Key of the deployment; by default the world's first.
        """
        self._sent.add_one()
        return self._network.request(
            to or self.run.world.deployments[0].key,
            method,
            check_path(path, None),
            body,
            headers={"baggage": f"{VISIT}={self.number},{PART}={part}"},
        )

    def together(self, *tasks: Callable[[], T]) -> list[T]:
        """Return what functions without arguments return, run at the same time."""
        return run_together(tasks)

    def suffers(self, incident_id: str, chance: Chance) -> bool:
        """Return whether an incident harms the visit; ask only if the visit is open to it."""
        return self.run.is_harmed(incident_id, chance.visit)
