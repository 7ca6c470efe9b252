"""Calls in threads whose results come in a fixed order, and which let go at once when reading stops."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from threading import Thread
from typing import Generic, TypeVar

__all__ = ["OrderedCalls"]

_WAKE_S = 0.1

Item = TypeVar("Item")
Result = TypeVar("Result")


class OrderedCalls(Generic[Item, Result]):
    """Yields each item with what a function returns for it, in the order of the items.

    The order is the same however long calls take, also where items are added. Threads are daemons: neither an
    exception nor the end of the program waits for one that still listens to a slow host.

    Parameters
    ----------
    call
        Run in threads; an exception it raises is raised where its result is due.
    items
        What to call it with.
    n_threads
        How many calls run at once.
    """

    def __init__(self, call: Callable[[Item], Result], items: Iterable[Item], *, n_threads: int) -> None:
        self._call = call
        self._waiting = deque(items)
        self._running: deque[tuple[Item, Future[Result]]] = deque()
        self._n_threads = n_threads

    def add_next(self, items: Iterable[Item]) -> None:
        """Put items before all those that have not begun."""
        self._waiting.extendleft(reversed(list(items)))

    def __iter__(self) -> Iterator[tuple[Item, Result]]:
        while self._waiting or self._running:
            while self._waiting and len(self._running) < self._n_threads:
                item = self._waiting.popleft()
                self._running.append((item, self._start(item)))
            item, future = self._running.popleft()
            # The system may hand an interrupt to any thread; only a main thread that wakes now and then sees it.
            while not wait([future], timeout=_WAKE_S).done:
                pass
            yield item, future.result()

    def _start(self, item: Item) -> Future[Result]:
        future: Future[Result] = Future()

        def run() -> None:
            try:
                future.set_result(self._call(item))
            except BaseException as error:
                # Raised where the result is due.
                future.set_exception(error)

        Thread(target=run, name="fluo-live", daemon=True).start()
        return future
