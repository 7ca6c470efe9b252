"""Parsing without the garbage collector, which would look through millions of objects that have no cycles."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["paused_collection", "uncollected"]


@contextmanager
def paused_collection() -> Iterator[None]:
    """Keep the collector off for a while."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def uncollected(function: Callable[..., Any], *arguments: object) -> Any:
    """Return what a function gives, called with the collector off."""
    with paused_collection():
        return function(*arguments)
