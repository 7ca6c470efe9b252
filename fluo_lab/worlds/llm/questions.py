"""Questions that the running assistant and its simulation ask in the same words.

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
    >>> length = HowMany("prompt length", 20, 8_000, skew=3)
    >>> many = length.ask(Chances(7, "llm", np.arange(5)))
    >>> many.tolist() == [length.ask(Chance(7, "llm", visit)) for visit in range(5)]
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
        unusual = chance.integer(f"unusual {self.what}", 0, 4 * self.high, turn=turn, skew=4)
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
        A text that turns up seldom. Where there is one, the list of texts is a habit of the system and nothing more:
        a counterfactual run has another one, ``other``.
    rate
        How often the text is a usual one.

    Examples
    --------
    >>> tool = Which("tool", ("search_web", "run_query"), (3, 1), odd="open_browser")
    >>> tool.pick(Chance(7, "llm", 1))
    'search_web'
    """

    what: str
    usual: tuple[str, ...]
    weights: tuple[float, ...]
    odd: str | None = None
    rate: float = 0.997

    @property
    def options(self) -> tuple[str, ...]:
        """All texts; codes are indices into them."""
        return self.usual if self.odd is None else (*self.usual, self.odd, "other")

    @overload
    def code(self, chance: Chance, *, turn: int = 0) -> int: ...
    @overload
    def code(self, chance: Chances, *, turn: int = 0) -> Counts: ...
    def code(self, chance: Chance | Chances, *, turn: int = 0) -> int | Counts:
        """Return the index of the text for one visit, or for each of many."""
        code = chance.pick_code(self.what, self.weights, turn=turn)
        if self.odd is None:
            return code
        is_usual = chance.habit(f"usual {self.what}", self.rate, turn=turn)
        is_known = chance.habit(f"known {self.what}", 1.0, turn=turn)
        n_usual = len(self.usual)
        if isinstance(is_usual, bool):
            return int(code) if is_usual else n_usual if is_known else n_usual + 1
        return np.where(is_usual, code, np.where(is_known, n_usual, n_usual + 1))

    def pick(self, chance: Chance, *, turn: int = 0) -> str:
        """Return the text for one visit."""
        return self.options[self.code(chance, turn=turn)]
