"""The visits of a live run, made by several clients at once."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Lock, Thread

from fluo_lab.worlds.live.client import Client, Counter
from fluo_lab.worlds.live.network import Addresses, Network
from fluo_lab.worlds.live.requests import Fault, RunBroken
from fluo_lab.worlds.world import Run

__all__ = ["Visits"]

_LOOK_S = 0.2


class Visits:
    """Makes all visits of a run, in the order of their numbers as far as they begin.

    Attributes
    ----------
    faults
        What went wrong in visits that is no part of the system.
    is_broken
        Whether a visit could not be made; no more are begun then.
    """

    def __init__(self, run: Run, addresses: Addresses) -> None:
        self.faults: list[Fault] = []
        self.is_broken = False
        self._run = run
        self._network = Network(addresses, caller=None)
        self._sent = Counter()
        self._numbers: Iterator[int] = iter(range(run.n_visits))
        self._lock = Lock()
        self._threads: list[Thread] = []

    @property
    def n_sent(self) -> int:
        """How many requests have been sent."""
        return self._sent.n

    def make(self, n_clients: int) -> None:
        """Make the visits; return when all have been made, or one could not be made."""
        self._threads = [Thread(target=self._work, name=f"client {place}") for place in range(n_clients)]
        for thread in self._threads:
            thread.start()
        self._join()

    def give_up(self) -> None:
        """Begin no more visits, and wait for those under way."""
        self.is_broken = True
        self._join()

    def _join(self) -> None:
        for thread in self._threads:
            # With a limit, since the main thread sees an interrupt that another thread received only when it wakes.
            while thread.is_alive():
                thread.join(_LOOK_S)

    def _work(self) -> None:
        while not self.is_broken:
            with self._lock:
                number = next(self._numbers, None)
            if number is None:
                return
            client = Client(self._run, number, network=self._network, sent=self._sent)
            try:
                self._run.world.visit(client, self._run.chance(number))
            except RunBroken:
                self.is_broken = True  # the service in which it began has noted what went wrong
            except Exception as error:
                self.faults.append(Fault.of(f"visit {number}", error))
                self.is_broken = True
