"""The numbers that mining decides by."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Settings"]

_ENOUGH_FOR_ONE = 20


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds. The defaults suit systems of some dozens to some hundreds of span names.

    Attributes
    ----------
    min_support
        Traces in which a candidate must apply at least.
    min_hold
        Share of the good traces it applies to in which it must hold, in each half.
    min_hold_labelled
        The same where bad traces break it clearly more often: labels are noisy, some bad traces pass for good.
    max_q
        Largest q-value, by Benjamini and Hochberg over all that was tested.
    min_below
        A guard must add: outside it the consequence holds at most this often.
    judge_incomplete
        Whether incomplete traces take part, as if they were complete.
    """

    min_support: int = 8
    min_hold: float = 0.98
    min_hold_labelled: float = 0.95
    max_q: float = 0.01
    min_below: float = 0.9
    judge_incomplete: bool = False

    def tolerates(self, broken: int, applicable: int, *, is_labelled: bool = False) -> bool:
        """Whether so many violations still let a rule count as holding; one alone does among twenty and more.

        Parameters
        ----------
        is_labelled
            Whether labels speak for the rule, or may still do so.

        Examples
        --------
        >>> Settings().tolerates(1, 20), Settings().tolerates(1, 19), Settings().tolerates(9, 400)
        (True, False, False)
        """
        least = self.min_hold_labelled if is_labelled else self.min_hold
        return broken <= max((1 - least) * applicable, 1 if applicable >= _ENOUGH_FOR_ONE else 0)
