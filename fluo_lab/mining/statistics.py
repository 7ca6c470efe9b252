"""Intervals, tests and corrections: small, exact, and without a view on rules."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

__all__ = ["adjust", "binomial_tail", "contrast", "interval", "least_attainable"]

_SMALL = 40
"""Below this many trials the exact interval is used."""


def interval(held: int, trials: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Return the confidence interval of a proportion: Wilson's, or Clopper and Pearson's exact one when small.

    Examples
    --------
    >>> low, high = interval(100, 100)
    >>> round(low, 3), high
    (0.963, 1.0)
    >>> interval(0, 0)
    (0.0, 1.0)
    """
    if trials == 0:
        return 0.0, 1.0
    tail = (1 - confidence) / 2
    if trials < _SMALL:
        low = 0.0 if held == 0 else float(stats.beta.ppf(tail, held, trials - held + 1))
        high = 1.0 if held == trials else float(stats.beta.ppf(1 - tail, held + 1, trials - held))
        return low, high
    z = float(stats.norm.ppf(1 - tail))
    rate, spread = held / trials, z * z / trials
    middle = (rate + spread / 2) / (1 + spread)
    half = z * math.sqrt(rate * (1 - rate) / trials + spread / (4 * trials)) / (1 + spread)
    return max(0.0, middle - half), 1.0 if held == trials else min(1.0, middle + half)


def binomial_tail(held: int, trials: int, rate: float) -> float:
    """Return the probability of at least so many hits when each comes with a rate.

    Examples
    --------
    >>> binomial_tail(3, 3, 0.5)
    0.125
    """
    if held <= 0 or rate >= 1:
        return 1.0
    return float(stats.binom.sf(held - 1, trials, max(rate, 0.0)))


def least_attainable(trials: int, rate: float) -> float:
    """Return the smallest p-value that so many trials can give (Tarone 1990): every one a hit."""
    return 1.0 if rate >= 1 else max(rate, 1e-300) ** trials


def contrast(broken_bad: int, bad: int, broken_good: int, good: int) -> float:
    """Return Fisher's exact one-sided p-value that bad traces break the rule more often than good ones.

    Examples
    --------
    >>> contrast(0, 5, 0, 100)
    1.0
    >>> contrast(5, 5, 0, 100) < 1e-7
    True
    """
    if broken_bad == 0 or bad == 0:
        return 1.0
    return float(stats.hypergeom.sf(broken_bad - 1, bad + good, broken_bad + broken_good, bad))


def adjust(p_values: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Benjamini and Hochberg's q-values, in the order given.

    Examples
    --------
    >>> adjust([0.01, 0.5, 0.02]).round(3).tolist()
    [0.03, 0.5, 0.03]
    """
    p = np.asarray(p_values, dtype=np.float64)
    if not len(p):
        return p
    order = np.argsort(p, kind="stable")[::-1]
    ranks = np.arange(len(p), 0, -1)
    q = np.minimum.accumulate(np.minimum(1.0, p[order] * len(p) / ranks))
    adjusted = np.empty_like(q)
    adjusted[order] = q
    return adjusted
