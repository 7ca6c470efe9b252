"""Truth of a condition on every unit: as judged on the spans seen, and as certain whatever may be missing.

In a complete trace the two agree. In an incomplete one a condition may be neither certain to hold nor certain to
fail; and, or, not follow Kleene's strong three-valued logic.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

__all__ = ["VERDICTS_BY_WEIGHT", "Mask", "Truth", "Verdict", "judge"]

Mask = NDArray[np.bool_]


class Verdict(IntEnum):
    """What one rule says of one trace."""

    NOT_APPLICABLE = 0
    PASS = 1
    VIOLATION = 2
    INCONCLUSIVE = 3

    @property
    def label(self) -> str:
        """The word results use."""
        return self.name.lower()


VERDICTS_BY_WEIGHT = (Verdict.NOT_APPLICABLE, Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.VIOLATION)
"""From what weighs least to what weighs most, where several verdicts are taken as one."""


@dataclass(frozen=True, slots=True)
class Truth:
    """Truth of a condition, one value a unit.

    Attributes
    ----------
    seen
        Whether it holds when the spans seen are taken for all there are.
    holds, fails
        Whether it is certain to hold, certain to fail. None when nothing is open: then they are ``seen`` and its
        negation.
    """

    seen: Mask
    holds: Mask | None = None
    fails: Mask | None = None

    @property
    def is_certain(self) -> bool:
        """Whether no trace leaves it open."""
        return self.holds is None

    def _bounds(self) -> tuple[Mask, Mask]:
        if self.holds is None or self.fails is None:
            return self.seen, ~self.seen
        return self.holds, self.fails

    def __and__(self, other: Truth) -> Truth:
        if self.is_certain and other.is_certain:
            return Truth(self.seen & other.seen)
        (a, not_a), (b, not_b) = self._bounds(), other._bounds()
        return Truth(self.seen & other.seen, a & b, not_a | not_b)

    def __or__(self, other: Truth) -> Truth:
        return ~(~self & ~other)

    def __invert__(self) -> Truth:
        return Truth(~self.seen, self.fails, self.holds)


def judge(guard: Truth | None, obligation: Truth) -> NDArray[np.uint8]:
    """Return the verdict of a rule on every unit.

    A guard that is false on what was seen gives ``not_applicable``; one that a missing span could undo, or an
    obligation that hangs on one, gives ``inconclusive``.
    """
    if obligation.is_certain and (guard is None or guard.is_certain):
        verdicts = np.uint8(Verdict.VIOLATION) - obligation.seen.view(np.uint8)  # one less where it holds: a pass
        return verdicts if guard is None else verdicts * guard.seen.view(np.uint8)
    holds, fails = obligation._bounds()
    # inconclusive, less one where it is certain to fail, less two where it is certain to hold
    decided = holds.view(np.uint8) * np.uint8(Verdict.INCONCLUSIVE - Verdict.PASS)
    decided += fails.view(np.uint8)
    if guard is None:
        return np.uint8(Verdict.INCONCLUSIVE) - decided
    certain, _ = guard._bounds()
    decided *= certain.view(np.uint8)
    return (np.uint8(Verdict.INCONCLUSIVE) - decided) * guard.seen.view(np.uint8)
