"""Functions run at the same time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import copy_context
from threading import Thread
from typing import TypeVar

__all__ = ["run_together"]

T = TypeVar("T")


def run_together(tasks: Sequence[Callable[[], T]]) -> list[T]:
    """Return what the tasks return, each run in a thread of its own with the caller's context variables.

    Raises
    ------
    Exception
        What the first of those raised that did, once all have ended.

    Examples
    --------
    >>> run_together([lambda: 1, lambda: 2])
    [1, 2]
    """
    results: dict[int, T] = {}
    errors: dict[int, BaseException] = {}

    def run(place: int, task: Callable[[], T]) -> None:
        try:
            results[place] = task()
        except BaseException as error:
            errors[place] = error

    threads = [Thread(target=copy_context().run, args=(run, place, task)) for place, task in enumerate(tasks)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[min(errors)]
    return [results[place] for place in range(len(tasks))]
