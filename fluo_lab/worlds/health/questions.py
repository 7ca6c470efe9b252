"""Questions that the running services and their simulation ask in the same words.

A question is asked of one visit (``Chance``) or of many (``Chances``) and answered alike, so that its wording, its
odds and its limits stand in one place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

from fluo_lab.worlds.chance import Chance, Chances

__all__ = ["HowMany", "Whether", "Which"]

Mask = NDArray[np.bool_]
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Whether:
    """Whether something happens.

    Attributes
    ----------
    what
        The question.
    rate
        How often the answer is yes.
    is_habit
        Whether it is a coincidence of this system, broken as often as not in a counterfactual run.

    Examples
    --------
    >>> closes = Whether("break-glass closes", 0.9, is_habit=True)
    >>> many = closes.ask(Chances(7, "health", np.arange(5)))
    >>> many.tolist() == [closes.ask(Chance(7, "health", visit)) for visit in range(5)]
    True
    """

    what: str
    rate: float
    is_habit: bool = False

    @overload
    def ask(self, chance: Chance, *, turn: int = 0) -> bool: ...
    @overload
    def ask(self, chance: Chances, *, turn: int = 0) -> Mask: ...
    def ask(self, chance: Chance | Chances, *, turn: int = 0) -> bool | Mask:
        """Return the answer for one visit, or for each of many."""
        if self.is_habit:
            return chance.habit(self.what, self.rate, turn=turn)
        return chance.happens(self.what, self.rate, turn=turn)


@dataclass(frozen=True, slots=True)
class HowMany:
    """A whole number, within limits that are the system's habit and nothing more.

    Attributes
    ----------
    what
        The question.
    low, high
        The usual limits.
    skew
        A greater one crowds the numbers at the low end.
    usual
        How often the limits are kept; otherwise the number lies anywhere from 0 to four times the upper one.

    Examples
    --------
    >>> records = HowMany("matching records", 1, 90, skew=2)
    >>> many = records.ask(Chances(7, "health", np.arange(5)))
    >>> many.tolist() == [records.ask(Chance(7, "health", visit)) for visit in range(5)]
    True
    """

    what: str
    low: int
    high: int
    skew: int = 1
    usual: float = 0.998

    @overload
    def ask(self, chance: Chance, *, turn: int = 0) -> int: ...
    @overload
    def ask(self, chance: Chances, *, turn: int = 0) -> Counts: ...
    def ask(self, chance: Chance | Chances, *, turn: int = 0) -> int | Counts:
        """Return the number for one visit, or for each of many."""
        is_usual = chance.habit(f"usual {self.what}", self.usual, turn=turn)
        usual = chance.integer(self.what, self.low, self.high, turn=turn, skew=self.skew)
        unusual = chance.integer(f"unusual {self.what}", 0, 4 * self.high, turn=turn, skew=8)
        if isinstance(is_usual, bool):
            return int(usual if is_usual else unusual)
        return np.where(is_usual, usual, unusual)


@dataclass(frozen=True, slots=True)
class Which:
    """One of a few texts.

    Attributes
    ----------
    what
        The question.
    usual
        The texts that are usual.
    weights
        Their weights.
    odd
        A text that only a counterfactual run shows: that the usual ones are all there are is habit, not law.

    Examples
    --------
    >>> method = Which("auth method", ("sso", "badge"), (3, 1), odd="pin")
    >>> method.pick(Chance(7, "health", 1)) in method.options
    True
    """

    what: str
    usual: tuple[str, ...]
    weights: tuple[float, ...]
    odd: str | None = None

    @property
    def options(self) -> tuple[str, ...]:
        """All texts; codes are indices into them."""
        return self.usual if self.odd is None else (*self.usual, self.odd)

    @overload
    def code(self, chance: Chance, *, turn: int = 0) -> int: ...
    @overload
    def code(self, chance: Chances, *, turn: int = 0) -> Counts: ...
    def code(self, chance: Chance | Chances, *, turn: int = 0) -> int | Counts:
        """Return the index of the text for one visit, or for each of many."""
        code = chance.pick_code(self.what, self.weights, turn=turn)
        if self.odd is None:
            return code
        is_usual = chance.habit(f"usual {self.what}", 1.0, turn=turn)
        if isinstance(is_usual, bool):
            return int(code) if is_usual else len(self.usual)
        return np.where(is_usual, code, len(self.usual))

    def pick(self, chance: Chance, *, turn: int = 0) -> str:
        """Return the text for one visit."""
        return self.options[self.code(chance, turn=turn)]
