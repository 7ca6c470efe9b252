"""Violations that lie close together in time: what an incident nobody has labelled yet looks like.

A rule that always held, then broke many times within a short while, and held again is no coincidence. A threshold on
the share of violations would drop it, with the very rules incidents reveal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fluo_lab.mining.statistics import binomial_tail

__all__ = ["Burst", "find_burst"]

_FEWEST = 5
"""Violations that a burst has at least."""

_MOST = 200
"""Violations beyond which a rule is taken for one that does not hold."""

_LONGEST = 0.1
"""The share of the traces in order of time that a burst may span."""

_CHANCE = 1e-6
"""Chance that as many violations would lie as close together somewhere, at most."""


@dataclass(frozen=True, slots=True)
class Burst:
    """Violations within one window.

    Attributes
    ----------
    positions
        Which of the traces given, in order of time, violate within the window.
    p_value
        Bound on the chance that evenly spread violations come as close together anywhere.
    """

    positions: NDArray[np.int64]
    p_value: float


def find_burst(broken: NDArray[np.bool_]) -> Burst | None:
    """Return the least likely cluster of violations, or None when there is none worth the name.

    Parameters
    ----------
    broken
        Whether the rule is violated, one value an applicable trace, in order of time.

    Examples
    --------
    >>> import numpy as np
    >>> broken = np.zeros(400, dtype=bool)
    >>> broken[300:312:2] = True
    >>> find_burst(broken).positions.tolist()
    [300, 302, 304, 306, 308, 310]
    >>> broken[::60] = True
    >>> find_burst(broken[:300]) is None
    True
    """
    at = np.flatnonzero(broken)
    n, v = len(broken), len(at)
    if not _FEWEST <= v <= _MOST:
        return None
    best: Burst | None = None
    for first in range(v - _FEWEST + 1):
        for last in range(first + _FEWEST - 1, v):
            span = int(at[last] - at[first]) + 1
            if span > _LONGEST * n:
                break
            # the first violation may stand anywhere; the others then fall into the span after it
            p_value = min(1.0, v * binomial_tail(last - first, v - 1, span / n))
            if best is None or p_value < best.p_value:
                best = Burst(at[first : last + 1], p_value)
    return best if best is not None and best.p_value <= _CHANCE else None
