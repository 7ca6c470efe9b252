"""What a service is busy with, so that a run can tell when everything has come to rest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from threading import Condition

from fluo_lab.worlds.live.requests import Fault, RunBroken

__all__ = ["Activity", "Census", "is_at_rest"]

_MOST_FAULTS = 20


@dataclass(frozen=True, slots=True)
class Census:
    """What a service, when idle, has seen so far.

    Attributes
    ----------
    n_begun
        Pieces of work begun: requests, messages and background jobs.
    n_sent, n_received
        Requests and messages to and from other services.
    """

    n_begun: int
    n_sent: int
    n_received: int

    def as_json(self) -> dict[str, int]:
        """Return its counts by name."""
        return asdict(self)


class Activity:
    """The work of a service that is under way, and the faults in it."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._n_begun = 0
        self._n_ended = 0
        self._n_sent = 0
        self._n_received = 0
        self._faults: list[Fault] = []

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What went wrong that is no part of the system; the first few."""
        with self._changed:
            return tuple(self._faults)

    def begin(self, *, is_received: bool = False) -> None:
        """Note that a piece of work begins; ``is_received`` if another service sent it."""
        with self._changed:
            self._n_begun += 1
            self._n_received += is_received

    def end(self) -> None:
        """Note that a piece of work has ended."""
        with self._changed:
            self._n_ended += 1
            self._changed.notify_all()

    def send(self) -> None:
        """Note that something is about to be sent to another service."""
        with self._changed:
            self._n_sent += 1

    @contextmanager
    def noting_faults(self, where: str) -> Iterator[None]:
        """Note an exception raised in the block as a fault, and go on."""
        try:
            yield
        except RunBroken:
            pass  # noted by the service in which it began
        except Exception as error:
            fault = Fault.of(where, error)
            with self._changed:
                if len(self._faults) < _MOST_FAULTS:
                    self._faults.append(fault)

    def wait_until_idle(self, limit_s: float) -> Census | None:
        """Return the counts once no work is under way, or None if some still is at the limit."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._n_begun == self._n_ended, timeout=limit_s):
                return None
            return Census(self._n_begun, self._n_sent, self._n_received)


def is_at_rest(before: list[Census], after: list[Census], *, n_sent_by_clients: int) -> bool:
    """Return whether all services were idle at one moment, with nothing on its way to any of them.

    ``before`` and ``after`` are two rounds of counts, each service counted while it was idle, the second round begun
    after the first had ended. Equal rounds mean that nothing began in between; as many received as sent means that
    nothing was on its way (Mattern: Algorithms for distributed termination detection, 1987).

    Examples
    --------
    >>> shop, stock = Census(3, 2, 3), Census(2, 0, 2)
    >>> is_at_rest([shop, stock], [shop, stock], n_sent_by_clients=3)
    True
    >>> is_at_rest([shop, stock], [shop, stock], n_sent_by_clients=4)
    False
    """
    n_sent = n_sent_by_clients + sum(census.n_sent for census in after)
    return before == after and n_sent == sum(census.n_received for census in after)
