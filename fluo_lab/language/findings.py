"""Where the builder and the checks put what they find, so that one bad place does not hide the next."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from fluo_lab.errors import Diagnostic
from fluo_lab.language.tree import Position

__all__ = ["Findings", "closest"]


class Findings:
    """The diagnostics of one text, in the order they were found."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.diagnostics: list[Diagnostic] = []

    def add(self, code: str, message: str, at: Position, *, hint: str | None = None) -> None:
        """Record one finding."""
        self.diagnostics.append(Diagnostic.at(code, message, self.text, at.start, at.end, hint=hint))


def closest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word nearest to a misspelt one, or None when none is near.

    Examples
    --------
    >>> closest("hass", ["has", "every"]), closest("zebra", ["has"])
    ('has', None)
    """
    choices = list(known)
    by_lower = {choice.lower(): choice for choice in choices}
    if word.lower() in by_lower:
        return by_lower[word.lower()]
    found = difflib.get_close_matches(word, choices, n=1, cutoff=0.6)
    return found[0] if found else None
