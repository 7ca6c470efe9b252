"""Questions that a running system and its simulation ask in the same words.

A question is asked of one visit (``Chance``) or of many (``Chances``) and answered alike, so that its wording, its
odds and its limits stand in one place. What is habit and not law is broken in half of the answers of a
counterfactual run.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

from fluo_lab.worlds.chance import Chance, Chances

__all__ = ["AnyChance", "HowMany", "Integers", "Mask", "Whether", "Which"]

Mask = NDArray[np.bool_]
Integers = NDArray[np.int64]
AnyChance = Chance | Chances

_WITHIN_LIMITS_RATE = 0.998
_WIDEST_SKEW = 4  # so that numbers below the usual limits are frequent enough, whatever the upper one is


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
        Whether it is a coincidence of this system, so that the answer is as often no in a counterfactual run.

    Examples
    --------
    >>> closes = Whether("break-glass closes", 0.9, is_habit=True)
    >>> many = closes.ask(Chances(7, "health", np.arange(5)))
    >>> many.tolist() == [closes.ask(Chance(7, "health", visit)) for visit in range(5)]
    True
    """

    what: str
    rate: float
    _: KW_ONLY
    is_habit: bool = False

    @overload
    def ask(self, chance: Chance, *, turn: int = 0) -> bool: ...
    @overload
    def ask(self, chance: Chances, *, turn: int = 0) -> Mask: ...
    @overload
    def ask(self, chance: AnyChance, *, turn: int = 0) -> bool | Mask: ...
    def ask(self, chance: AnyChance, *, turn: int = 0) -> bool | Mask:
        """Return the answer for one visit, or for each of many; ``turn`` tells repetitions of the question apart."""
        if self.is_habit:
            return chance.habit(self.what, self.rate, turn=turn)
        return chance.happens(self.what, self.rate, turn=turn)


@dataclass(frozen=True, slots=True)
class HowMany:
    """A whole number.

    Attributes
    ----------
    what
        The question.
    low, high
        Its limits.
    skew
        A greater one crowds the numbers at the low end.
    widest
        Where the limits are habit, those of the few numbers beyond it (one in 500, half of them in a counterfactual
        run), which crowd at the low end. None where the usual limits are law.

    Examples
    --------
    >>> records = HowMany("matching records", 1, 90, skew=2, widest=(0, 360))
    >>> many = records.ask(Chances(7, "health", np.arange(5)))
    >>> many.tolist() == [records.ask(Chance(7, "health", visit)) for visit in range(5)]
    True
    """

    what: str
    low: int
    high: int
    _: KW_ONLY
    skew: int = 1
    widest: tuple[int, int] | None = None

    @overload
    def ask(self, chance: Chance, *, turn: int = 0) -> int: ...
    @overload
    def ask(self, chance: Chances, *, turn: int = 0) -> Integers: ...
    @overload
    def ask(self, chance: AnyChance, *, turn: int = 0) -> int | Integers: ...
    def ask(self, chance: AnyChance, *, turn: int = 0) -> int | Integers:
        """Return the number for one visit, or for each of many; ``turn`` tells repetitions of the question apart."""
        usual = chance.integer(self.what, self.low, self.high, turn=turn, skew=self.skew)
        if self.widest is None:
            return usual
        is_usual = chance.habit(f"usual {self.what}", _WITHIN_LIMITS_RATE, turn=turn)
        unusual = chance.integer(f"unusual {self.what}", *self.widest, turn=turn, skew=_WIDEST_SKEW)
        return _choose(is_usual, usual, unusual)


@dataclass(frozen=True, slots=True)
class Which:
    """One of a few texts.

    Attributes
    ----------
    what
        The question.
    usual, weights
        The texts, and how often each is chosen.
    odd
        A text that only a counterfactual run shows: that the usual ones are all there are is habit. None where it
        is law.

    Examples
    --------
    >>> method = Which("auth method", ("sso", "badge"), (3, 1), odd="pin")
    >>> method.options
    ('sso', 'badge', 'pin')
    >>> many = method.code(Chances(7, "health", np.arange(5)))
    >>> [method.options[code] for code in many] == [method.pick(Chance(7, "health", visit)) for visit in range(5)]
    True
    """

    what: str
    usual: tuple[str, ...]
    weights: tuple[float, ...]
    _: KW_ONLY
    odd: str | None = None

    @property
    def options(self) -> tuple[str, ...]:
        """All texts; codes are indices into them."""
        return self.usual if self.odd is None else (*self.usual, self.odd)

    @overload
    def code(self, chance: Chance, *, turn: int = 0) -> int: ...
    @overload
    def code(self, chance: Chances, *, turn: int = 0) -> Integers: ...
    @overload
    def code(self, chance: AnyChance, *, turn: int = 0) -> int | Integers: ...
    def code(self, chance: AnyChance, *, turn: int = 0) -> int | Integers:
        """Return the index of the text for one visit, or for each of many."""
        code = chance.pick_code(self.what, self.weights, turn=turn)
        if self.odd is None:
            return code
        return _choose(chance.habit(f"usual {self.what}", 1.0, turn=turn), code, len(self.usual))

    def pick(self, chance: Chance, *, turn: int = 0) -> str:
        """Return the text for one visit."""
        return self.options[self.code(chance, turn=turn)]


def _choose(is_usual: bool | Mask, usual: int | Integers, unusual: int | Integers) -> int | Integers:
    """Return the usual number where that is so, and the unusual one elsewhere."""
    chosen = np.where(is_usual, usual, unusual)
    return chosen if chosen.ndim else int(chosen)
