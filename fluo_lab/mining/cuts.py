"""Where to cut a number so that an outcome is certain on one side: the cut, its interval, a round number in it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

__all__ = ["Cut", "best_cut", "roundest"]

_CHANCE = 0.01
"""Outcomes beside the cut that chance gives at least this often widen its interval."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Numbers ``> value`` bring the outcome.

    Attributes
    ----------
    low, high
        The cut may lie anywhere in ``low <= cut < high``.
    value
        The roundest number in there.
    """

    low: float
    high: float
    value: float


def best_cut(x: NDArray[np.float64], hit: NDArray[np.bool_], *, min_rate: float, min_above: int) -> Cut | None:
    """Return the cut above which the outcome holds and below which it is clearest that it need not, or None.

    Among all cuts with a rate above of at least ``min_rate`` the one that tells most about the outcome is taken
    (largest likelihood ratio of two rates against one). Its interval reaches down to the last number that lacks
    the outcome, and up over as many numbers as could have the outcome by chance at the rate below.

    Examples
    --------
    >>> x = np.arange(100.0)
    >>> best_cut(x, x > 49.5, min_rate=0.98, min_above=5)
    Cut(low=49.0, high=50.0, value=49.0)
    """
    order = np.argsort(x, kind="stable")
    x, hit = x[order], hit[order]
    n, hits_below = len(x), np.cumsum(hit, dtype=np.int64)
    ends = np.flatnonzero(np.append(x[1:] != x[:-1], False))  # last place of each value but the largest
    if not len(ends):
        return None
    below, above = ends + 1, n - ends - 1
    hits_above = hits_below[-1] - hits_below[ends]
    gain = (
        _log_likelihood(hits_below[ends], below)
        + _log_likelihood(hits_above, above)
        - _log_likelihood(hits_below[-1:], np.array([n]))
    )
    rising = hits_above * below > hits_below[ends] * above
    usable = rising & (hits_above >= min_rate * above) & (above >= min_above)
    if not usable.any():
        return None
    at = int(ends[np.argmax(np.where(usable, gain, -np.inf))])
    rate_below = float(hits_below[at]) / (at + 1)
    spare = int(math.log(_CHANCE) / math.log(rate_below)) if 0 < rate_below < 1 else 0
    values = np.unique(x[at + 1 :])
    low, high = float(x[at]), float(values[min(spare, len(values) - 1)])
    return Cut(low, high, roundest(low, high))


def _log_likelihood(hits: NDArray[np.int64], trials: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the log likelihood of outcomes at their own rate."""
    misses = trials - hits
    inside = special.xlogy(hits, hits / trials) + special.xlogy(misses, misses / trials)
    return np.asarray(inside, dtype=np.float64)


def roundest(low: float, high: float) -> float:
    """Return the number in ``low <= number < high`` with the fewest digits, halves and fifths of a power last.

    Examples
    --------
    >>> roundest(998.53, 1003), roundest(0.71, 0.78), roundest(-2, 5), roundest(1, 2)
    (1000.0, 0.75, 0.0, 1.0)
    """
    if low <= 0 < high:
        return 0.0
    if not low < high:
        return low
    exponent = math.ceil(math.log10(max(abs(low), abs(high))))
    for power in range(exponent, exponent - 18, -1):
        for tenths in (10, 5, 2.5, 2, 1):
            step = tenths * 10.0 ** (power - 1)
            found = float(f"{math.ceil(low / step) * step:.15g}")
            if low <= found < high:
                return found
    return low
