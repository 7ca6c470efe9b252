"""Questions to one visit or to many; the answers agree, so that services and simulation cannot drift apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

from fluo_lab.worlds.chance import Chance, Chances

__all__ = ["AnyChance", "Choice", "Happening", "Mask", "Number", "Numbers"]

Mask = NDArray[np.bool_]
Numbers = NDArray[np.int64]
AnyChance = Chance | Chances


@dataclass(frozen=True, slots=True)
class Happening:
    """Whether something happens.

    Attributes
    ----------
    what
        The question.
    rate
        How often it happens.
    is_habit
        Whether it happens half of the time in a counterfactual run.

    Examples
    --------
    >>> asks_twice = Happening("asks twice", 0.5)
    >>> many = asks_twice(Chances(7, "fintech", np.arange(3)))
    >>> many.tolist() == [asks_twice(Chance(7, "fintech", visit)) for visit in range(3)]
    True
    """

    what: str
    rate: float
    is_habit: bool = False

    @overload
    def __call__(self, chance: Chance, *, turn: int = 0) -> bool: ...
    @overload
    def __call__(self, chance: Chances, *, turn: int = 0) -> Mask: ...
    @overload
    def __call__(self, chance: AnyChance, *, turn: int = 0) -> bool | Mask: ...
    def __call__(self, chance: AnyChance, *, turn: int = 0) -> bool | Mask:
        """Return the answer of one visit or of each of many."""
        if self.is_habit:
            return chance.habit(self.what, self.rate, turn=turn)
        return chance.happens(self.what, self.rate, turn=turn)


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number within limits that no invariant keeps: a counterfactual run exceeds them.

    Attributes
    ----------
    what
        The question.
    low, high, skew
        The usual limits, and how much the numbers crowd at the lower one.
    widest
        The limits of half of the numbers of a counterfactual run; None when the usual ones always hold.
    """

    what: str
    low: int
    high: int
    skew: int = 1
    widest: tuple[int, int] | None = None

    @overload
    def __call__(self, chance: Chance, *, turn: int = 0) -> int: ...
    @overload
    def __call__(self, chance: Chances, *, turn: int = 0) -> Numbers: ...
    @overload
    def __call__(self, chance: AnyChance, *, turn: int = 0) -> int | Numbers: ...
    def __call__(self, chance: AnyChance, *, turn: int = 0) -> int | Numbers:
        """Return the number of one visit or of each of many."""
        usual = chance.integer(self.what, self.low, self.high, turn=turn, skew=self.skew)
        if self.widest is None:
            return usual
        is_usual = chance.habit(f"usual {self.what}", 1.0, turn=turn)
        chosen = np.where(is_usual, usual, chance.integer(f"unusual {self.what}", *self.widest, turn=turn))
        return chosen if chosen.ndim else int(chosen)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few texts.

    Attributes
    ----------
    what
        The question.
    usual, weights
        The texts, and how often each is chosen.
    unusual
        Texts that half of the choices of a counterfactual run take; none when an invariant allows the usual ones only.
    """

    what: str
    usual: tuple[str, ...]
    weights: tuple[float, ...]
    unusual: tuple[str, ...] = ()

    @property
    def options(self) -> tuple[str, ...]:
        """All texts, in the order of their codes."""
        return self.usual + self.unusual

    def codes(self, chance: AnyChance, *, turn: int = 0) -> Numbers:
        """Return the index of the text of each visit; without dimensions for one visit."""
        code = chance.pick_code(self.what, self.weights, turn=turn)
        if not self.unusual:
            return np.asarray(code)
        is_usual = chance.habit(f"usual {self.what}", 1.0, turn=turn)
        other = chance.pick_code(f"unusual {self.what}", (1.0,) * len(self.unusual), turn=turn)
        return np.where(is_usual, code, np.asarray(other) + len(self.usual))

    def text(self, chance: Chance, *, turn: int = 0) -> str:
        """Return the text of one visit."""
        return self.options[int(self.codes(chance, turn=turn))]
