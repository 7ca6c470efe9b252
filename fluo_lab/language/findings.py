"""Where the builder and the checks put what they find, so that one bad place does not hide the next."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Protocol

from fluo_lab.errors import Diagnostic, Fix
from fluo_lab.language.tree import Position

__all__ = ["Findings", "Placed", "closest", "rewrite"]


class Placed(Protocol):
    """Anything that knows where it stands in a text."""

    @property
    def start(self) -> int:
        """Offset of the first character."""

    @property
    def end(self) -> int:
        """Offset past the last character."""


def rewrite(at: Placed, text: str) -> Fix:
    """Return the fix that writes something else in a place; an empty text leaves it out.

    Examples
    --------
    >>> fix = rewrite(Position(13, 15), "and")
    >>> fix.title, fix.apply("trace.has(a) && trace.has(b)")
    ('write and', 'trace.has(a) and trace.has(b)')
    """
    return Fix.replacing(f"write {text.strip()}" if text else "leave it out", at.start, at.end, text)


class Findings:
    """The diagnostics of one text, in the order they were found."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.diagnostics: list[Diagnostic] = []

    def add(self, code: str, message: str, at: Position, *, hint: str | None = None, fixes: Sequence[Fix] = ()) -> None:
        """Record one finding, with the ways to mend it."""
        self.diagnostics.append(Diagnostic.at(code, message, self.text, at.start, at.end, hint=hint, fixes=fixes))

    def rewrites(self, at: Position, *texts: str) -> tuple[Fix, ...]:
        """Return the fixes that write something else in a place of the text, the likeliest first.

        There are none for a place outside the text, as when a tree is bound without it, and none where a
        parameter stands: its value is wrong then, not the text.

        Examples
        --------
        >>> [fix.title for fix in Findings("a > 5").rewrites(Position(4, 5), "5ms", "5s")]
        ['write 5ms', 'write 5s']
        >>> Findings("a > $p").rewrites(Position(4, 6), "5ms")
        ()
        """
        if at.end > len(self.text) or self.text.startswith("$", at.start):
            return ()
        return tuple(rewrite(at, text) for text in texts)


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
