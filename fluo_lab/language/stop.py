"""The place where the parser stopped, and what can be said and mended there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fluo_lab.errors import Diagnostic, Edit, Fix
from fluo_lab.language.findings import rewrite
from fluo_lab.language.scan import Token

__all__ = ["CLOSERS", "Stop", "adding", "edits_of"]

CLOSERS = {"(": ")", "{": "}", "[": "]"}
"""What closes each bracket."""


def adding(mark: str, at: int) -> Fix:
    """Return the fix that adds something at an offset."""
    return Fix.replacing(f"add {mark.strip()}", at, at, mark)


def edits_of(*pieces: tuple[Token, str]) -> tuple[Edit, ...]:
    """Return the edits that write something else for some tokens."""
    return tuple(Edit(token.start, token.end, text) for token, text in pieces)


@dataclass(frozen=True, slots=True)
class Stop:
    """The place where the parser stopped, with what it would have accepted there.

    Attributes
    ----------
    accepts
        The terminals of the grammar that could stand at the place.
    index
        Which of the tokens stands there; past the last one at the end of the text.
    offset
        Where the place is, in characters.
    found
        The terminal that stands there, or "".
    """

    text: str
    accepts: frozenset[str]
    tokens: list[Token]
    index: int
    offset: int
    found: str

    @property
    def token(self) -> Token | None:
        """The token at the place; None at the end of the text."""
        return self.tokens[self.index] if self.index < len(self.tokens) else None

    @property
    def before(self) -> Token | None:
        """The token before the place, or None."""
        return self.tokens[self.index - 1] if self.index else None

    @property
    def after(self) -> Token | None:
        """The token after the one at the place, or None."""
        return self.tokens[self.index + 1] if self.index + 1 < len(self.tokens) else None

    @property
    def opened(self) -> list[Token]:
        """The brackets open at this place, outermost first."""
        stack: list[Token] = []
        for token in self.tokens[: self.index]:
            if token.kind != "mark":
                continue
            if token.text in CLOSERS:
                stack.append(token)
            elif token.text in CLOSERS.values() and stack:
                stack.pop()
        return stack

    def closing(self, opener: Token) -> Token | None:
        """Return the bracket that closes one, or None."""
        depth = 0
        for token in self.tokens[self.tokens.index(opener) :]:
            depth += (token.text in CLOSERS) - (token.text in CLOSERS.values()) if token.kind == "mark" else 0
            if depth == 0:
                return token
        return None

    def at(
        self, code: str, message: str, hint: str | None, *, token: Token | None = None, fixes: Sequence[Fix] = ()
    ) -> Diagnostic:
        """Return the diagnostic for a token, by default the one at the place."""
        token = token or self.token
        start, end = (len(self.text.rstrip()), len(self.text)) if token is None else (token.start, token.end)
        return Diagnostic.at(code, message, self.text, start, end, hint=hint, fixes=fixes)

    def misspelt(self, message: str, meant: str, *, token: Token | None = None) -> Diagnostic:
        """Return the diagnostic for a keyword that is nearly another one."""
        token = token or self.token
        fixes = [] if token is None else [rewrite(token, meant)]
        return self.at("FL119", message, f"did you mean '{meant}'?", token=token, fixes=fixes)
