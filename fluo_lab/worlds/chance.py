"""Chances that depend on nothing but the run, the visit and what is asked: equal for one visit and for a million.

A draw is a hash of (seed, world, visit, what, turn), so that it does not matter who asks, when, or in which order.
A running service and the vectorised simulation ask the same questions and so make the same traces. The mixing
function is the finaliser of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["Chance", "Chances", "Numbers"]

Numbers = NDArray[np.uint64]
Mask = NDArray[np.bool_]
T = TypeVar("T")

_MASK = 0xFFFF_FFFF_FFFF_FFFF
_STEP = 0x9E37_79B9_7F4A_7C15
_FIRST = 0xBF58_476D_1CE4_E5B9
_SECOND = 0x94D0_49BB_1331_11EB
_UNIT = 2.0**-53


@cache
def _key(text: str) -> int:
    """Return 64 bits that stand for a text."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")


def _mix(value: int) -> int:
    value = (value + _STEP) & _MASK
    value = ((value ^ (value >> 30)) * _FIRST) & _MASK
    value = ((value ^ (value >> 27)) * _SECOND) & _MASK
    return value ^ (value >> 31)


def _mix_all(values: Numbers) -> Numbers:
    mixed = values + np.uint64(_STEP)
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(_FIRST)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(_SECOND)
    mixed ^= mixed >> np.uint64(31)
    return mixed


@cache
def _bounds(weights: tuple[float, ...]) -> tuple[float, ...]:
    """Return the upper bounds of each option but the last, as shares of one."""
    total = sum(weights)
    bounds = []
    reached = 0.0
    for weight in weights[:-1]:
        reached += weight / total
        bounds.append(reached)
    return tuple(bounds)


@dataclass(frozen=True, slots=True)
class Chance:
    """The chances of one visit.

    Attributes
    ----------
    seed, world
        The run and the system it is drawn for.
    visit
        Number of the visit, from 0.
    is_counterfactual
        Whether habits are broken: what usually happens then happens half of the time.

    Examples
    --------
    >>> chance = Chance(7, "checkout", 3)
    >>> chance.happens("retry", 0.2) == Chance(7, "checkout", 3).happens("retry", 0.2)
    True
    >>> chance.new_id("cart", "cart")
    'cart_12eb94ed2cda9056'
    """

    seed: int
    world: str
    visit: int
    is_counterfactual: bool = False

    def bits(self, what: str, *, turn: int = 0) -> int:
        """Return 64 even bits for a question; ``turn`` tells repetitions of it apart."""
        own = _mix((_key(f"{self.seed}/{self.world}") + self.visit * _STEP) & _MASK)
        return _mix(own ^ _mix((_key(what) + turn) & _MASK))

    def uniform(self, what: str, *, turn: int = 0) -> float:
        """Return a number in [0, 1)."""
        return (self.bits(what, turn=turn) >> 11) * _UNIT

    def happens(self, what: str, rate: float, *, turn: int = 0) -> bool:
        """Return whether something with the given chance happens."""
        return self.uniform(what, turn=turn) < rate

    def habit(self, what: str, rate: float, *, turn: int = 0) -> bool:
        """Return whether something usual happens; in a counterfactual run it is as likely as not."""
        return self.uniform(what, turn=turn) < (0.5 if self.is_counterfactual else rate)

    def integer(self, what: str, low: int, high: int, *, turn: int = 0, skew: int = 1) -> int:
        """Return a whole number in [low, high]; a greater ``skew`` crowds them at the low end."""
        unit = self.uniform(what, turn=turn)
        share = unit
        for _ in range(skew - 1):
            share *= unit
        return low + int(share * (high - low + 1))

    def pick(self, what: str, options: Sequence[T], weights: Sequence[float] = (), *, turn: int = 0) -> T:
        """Return one of the options, with the given weights or with equal ones."""
        return options[self.pick_code(what, weights or (1.0,) * len(options), turn=turn)]

    def pick_code(self, what: str, weights: Sequence[float], *, turn: int = 0) -> int:
        """Return the index of one option, with the given weights."""
        return bisect_right(_bounds(tuple(weights)), self.uniform(what, turn=turn))

    def new_id(self, prefix: str, what: str, *, turn: int = 0) -> str:
        """Return an identifier: the prefix, an underscore and 16 hexadecimal digits."""
        return f"{prefix}_{self.bits(what, turn=turn):016x}"


class Chances:
    """The chances of many visits at once; every answer equals what ``Chance`` says of that visit.

    Attributes
    ----------
    visits
        Numbers of the visits, shape ``(n_visits,)``; so are all answers.

    Examples
    --------
    >>> many = Chances(7, "checkout", np.arange(3))
    >>> many.happens("retry", 0.5).tolist() == [Chance(7, "checkout", v).happens("retry", 0.5) for v in range(3)]
    True
    """

    def __init__(self, seed: int, world: str, visits: NDArray[np.int64], *, is_counterfactual: bool = False) -> None:
        self.seed = seed
        self.world = world
        self.visits = visits
        self.is_counterfactual = is_counterfactual
        keys = np.full(len(visits), _key(f"{seed}/{world}"), dtype=np.uint64)
        self._own = _mix_all(keys + visits.astype(np.uint64) * np.uint64(_STEP))

    def of(self, where: Mask) -> Chances:
        """Return the chances of some of the visits."""
        return Chances(self.seed, self.world, self.visits[where], is_counterfactual=self.is_counterfactual)

    def bits(self, what: str, *, turn: int = 0) -> Numbers:
        """Return 64 even bits for a question; ``turn`` tells repetitions of it apart."""
        return _mix_all(self._own ^ np.uint64(_mix((_key(what) + turn) & _MASK)))

    def uniform(self, what: str, *, turn: int = 0) -> NDArray[np.float64]:
        """Return numbers in [0, 1)."""
        return (self.bits(what, turn=turn) >> np.uint64(11)).astype(np.float64) * _UNIT

    def happens(self, what: str, rate: float, *, turn: int = 0) -> Mask:
        """Return where something with the given chance happens."""
        return self.uniform(what, turn=turn) < rate

    def habit(self, what: str, rate: float, *, turn: int = 0) -> Mask:
        """Return where something usual happens; in a counterfactual run it is as likely as not."""
        return self.uniform(what, turn=turn) < (0.5 if self.is_counterfactual else rate)

    def integer(self, what: str, low: int, high: int, *, turn: int = 0, skew: int = 1) -> NDArray[np.int64]:
        """Return whole numbers in [low, high]; a greater ``skew`` crowds them at the low end."""
        unit = self.uniform(what, turn=turn)
        share = unit
        for _ in range(skew - 1):
            share = share * unit
        return low + (share * (high - low + 1)).astype(np.int64)

    def pick_code(self, what: str, weights: Sequence[float], *, turn: int = 0) -> NDArray[np.int64]:
        """Return the index of one option for each visit, with the given weights."""
        return np.searchsorted(_bounds(tuple(weights)), self.uniform(what, turn=turn), side="right")
