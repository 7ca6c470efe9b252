"""Sorted runs in one array, such as the spans of each trace by start: many searched at once.

All functions take ``O(log r)`` passes over their input, where ``r`` is the longest run: two or three on the short
runs that traces are. Values are packed into keys only where none can overflow.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Positions", "bisect", "run_bounds", "running_max", "sorted_in_runs"]

Positions = NDArray[np.int64]
Values = NDArray[Any]

_STEPS_OF_ALL = 4
"""Steps up to so long are taken for all queries; longer ones only for those whose run is that long: mostly few."""


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


_ONE_KEY = 1 << 62
"""Sorting by one key is faster than by two, where a run's number and a value go into one."""


def sorted_in_runs(run: Values, values: Values) -> Positions | None:
    """Return the permutation that sorts values within runs that stand in order; None when they are sorted."""
    if len(values) < 2:
        return None
    falls = _falls(run, values)
    if not falls.any():
        return None
    is_unsorted = np.zeros(int(run[-1]) + 1, dtype=np.bool_)
    is_unsorted[run[1:][falls]] = True
    at = np.flatnonzero(is_unsorted[run])  # mostly few
    order = np.arange(len(values), dtype=np.int64)
    order[at] = at.take(_sorting(run.take(at), values.take(at)))
    return order


def _sorting(run: Values, values: Values) -> Positions:
    """Return the permutation that sorts values within ascending runs; of equal values either may come first."""
    if int(values.max()) - int(values.min()) < _ONE_KEY:
        is_first = np.append(True, run[1:] != run[:-1])
        number = np.cumsum(is_first) - 1
        away = values - values.take(np.flatnonzero(is_first)).take(number)  # of values in one run: not much
        away -= away.min()
        width = int(away.max()) + 1
        if width * (int(number[-1]) + 1) < _ONE_KEY:
            return np.argsort(number * width + away)
    return np.lexsort((values, run))


def _falls(run: Values, values: Values) -> NDArray[np.bool_]:
    """Return which positions but the first are less than the one before, in the same run."""
    falls = values[1:] < values[:-1]
    falls &= run[1:] == run[:-1]
    return falls


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
    at = low.copy()
    if not len(values) or not len(low):
        return at
    step = 1 << max(int((high - low).max()), 0).bit_length() >> 1
    while step > _STEPS_OF_ALL:
        waiting = np.flatnonzero(high - at >= step)
        found = values[at[waiting] + (step - 1)]
        is_before = found <= query[waiting] if right else found < query[waiting]
        at[waiting] += is_before * step
        step >>= 1
    while step:
        probe = at + (step - 1)
        found = values.take(probe, mode="clip")
        is_before = found <= query if right else found < query
        is_before &= probe < high
        at += is_before.view(np.int8) * np.int64(step)
        step >>= 1
    return at


def running_max(values: Values, start: Positions) -> Values:
    """Return for each position the greatest value from the beginning of its run up to it; NaN is carried on.

    Where no value is less than one before it, these are the values themselves, not a copy.

    Parameters
    ----------
    start
        Where the run of each position begins.

    Examples
    --------
    >>> running_max(np.array([3, 1, 4, 2, 7]), np.array([0, 0, 0, 3, 3])).tolist()
    [3, 3, 4, 2, 7]
    """
    if values.dtype.kind == "i" and not _falls(start, values).any():
        return values
    greatest = values.copy()
    before = np.arange(len(values), dtype=np.int64) - start
    longest, step = int(before.max()) + 1, 1
    while step < longest:
        at = np.flatnonzero(before >= step)
        greatest[at] = np.maximum(greatest[at], greatest[at - step])
        step *= 2
    return greatest
