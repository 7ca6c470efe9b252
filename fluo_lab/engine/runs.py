"""Sorted runs in one array, such as the spans of each trace by start: many searched at once.

All functions take ``O(log r)`` passes over their input, where ``r`` is the longest run: two or three on the short
runs that traces are. No values are packed into keys, so nothing can overflow.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Positions", "bisect", "run_bounds", "running_max", "sorted_in_runs"]

Positions = NDArray[np.int64]
Values = NDArray[Any]


def run_bounds(run: Values, n: int) -> Positions:
    """Return where each run begins in an ascending array of run numbers, and its length at the end.

    Returns
    -------
    Shape ``(n + 1,)``; run ``i`` is ``bounds[i]:bounds[i + 1]``, empty where the number does not occur.

    Examples
    --------
    >>> run_bounds(np.array([0, 0, 2]), 3).tolist()
    [0, 2, 2, 3]
    """
    bounds = np.zeros(n + 1, dtype=np.int64)
    np.cumsum(np.bincount(run, minlength=n), out=bounds[1:])
    return bounds


def sorted_in_runs(run: Values, values: Values) -> Positions | None:
    """Return the permutation that sorts values within runs that stand in order; None when they are sorted."""
    if len(values) < 2:
        return None
    falls = (values[1:] < values[:-1]) & (run[1:] == run[:-1])
    if not falls.any():
        return None
    is_unsorted = np.zeros(int(run[-1]) + 1, dtype=np.bool_)
    is_unsorted[run[1:][falls]] = True
    at = np.flatnonzero(is_unsorted[run])  # mostly few
    order = np.arange(len(values), dtype=np.int64)
    order[at] = at[np.lexsort((values[at], run[at]))]
    return order


def bisect(values: Values, low: Positions, high: Positions, query: Values, *, right: bool = False) -> Positions:
    """Return for each query where it belongs between two positions of an array that is sorted there.

    Parameters
    ----------
    low, high
        The part of ``values`` each query is about, shape ``(n_queries,)``.
    right
        Whether behind equal values; before them otherwise.

    Examples
    --------
    >>> values, low, high = np.array([1, 5, 5, 2, 9]), np.array([0, 3]), np.array([3, 5])
    >>> bisect(values, low, high, np.array([5, 1])).tolist()
    [1, 3]
    >>> bisect(values, low, high, np.array([5, 1]), right=True).tolist()
    [3, 3]
    """
    low, high = low.copy(), high.copy()
    waiting = np.flatnonzero(low < high)
    while len(waiting):
        first, last, wanted = low[waiting], high[waiting], query[waiting]
        middle = (first + last) >> 1
        found = values[middle]
        is_before = found <= wanted if right else found < wanted
        low[waiting] = first = np.where(is_before, middle + 1, first)
        high[waiting] = last = np.where(is_before, last, middle)
        waiting = waiting[first < last]
    return low


def running_max(values: Values, start: Positions) -> Values:
    """Return for each position the greatest value from the beginning of its run up to it; NaN is carried on.

    Parameters
    ----------
    start
        Where the run of each position begins.

    Examples
    --------
    >>> running_max(np.array([3, 1, 4, 2, 7]), np.array([0, 0, 0, 3, 3])).tolist()
    [3, 3, 4, 2, 7]
    """
    greatest = values.copy()
    if not len(values):
        return greatest
    before = np.arange(len(values), dtype=np.int64) - start
    longest, step = int(before.max()) + 1, 1
    while step < longest:
        at = np.flatnonzero(before >= step)
        greatest[at] = np.maximum(greatest[at], greatest[at - step])
        step *= 2
    return greatest
