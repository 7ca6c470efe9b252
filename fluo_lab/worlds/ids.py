"""Trace ids that depend on nothing but the run, the visit and the part of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fluo_lab.worlds.chance import Chance, Chances

__all__ = ["trace_id_of", "trace_ids_of", "trace_text_of"]

_QUESTION = "trace id"


def trace_id_of(chance: Chance, *, part: int = 0) -> int:
    """Return the trace id of a visit: 128 bits, never zero.

    Parameters
    ----------
    chance
        The chances of the visit.
    part
        Which of its traces; few visits make more than one.

    Examples
    --------
    >>> f"{trace_id_of(Chance(7, 'checkout', 3)):032x}" == trace_text_of(Chance(7, "checkout", 3))
    True
    """
    high = chance.bits(_QUESTION, turn=2 * part)
    low = chance.bits(_QUESTION, turn=2 * part + 1)
    return (high << 64 | low) or 1


def trace_text_of(chance: Chance, *, part: int = 0) -> str:
    """Return the trace id of a visit as 32 hexadecimal digits.

    Examples
    --------
    >>> trace_text_of(Chance(7, "checkout", 3))
    'd1e2fe7d57bfc71a77662a6a5e356563'
    """
    return f"{trace_id_of(chance, part=part):032x}"


def trace_ids_of(chances: Chances, *, part: int = 0) -> NDArray[np.uint64]:
    """Return the trace ids of many visits, shape ``(n_visits, 2)``: the high 64 bits, then the low ones.

    Examples
    --------
    >>> high, low = trace_ids_of(Chances(7, "checkout", np.arange(4)))[3].tolist()
    >>> high << 64 | low == trace_id_of(Chance(7, "checkout", 3))
    True
    """
    ids = np.stack([chances.bits(_QUESTION, turn=2 * part), chances.bits(_QUESTION, turn=2 * part + 1)], axis=1)
    ids[~ids.any(axis=1), 1] = 1
    return ids
