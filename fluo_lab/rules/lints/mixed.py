"""``and`` beside ``or`` with no parentheses to say which joins first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from fluo_lab.errors import Diagnostic, Edit, Fix
from fluo_lab.language import Field, Name, Position, Text, walk
from fluo_lab.language.scan import Token, scan
from fluo_lab.rules.lints.lint import finding, meant, whole
from fluo_lab.rules.rule import Rule

__all__ = ["MixedConnectives"]


class MixedConnectives:
    """``a and b or c``, which means ``(a and b) or c`` and is easily read the other way."""

    code: ClassVar[str] = "FL612"
    summary: ClassVar[str] = "'and' beside 'or' without parentheses"

    def find(self, rule: Rule) -> Iterator[Diagnostic]:
        """Yield one finding a mixture, with the parentheses for either meaning."""
        for chain in _chains(rule):
            if len(set(chain.words)) < 2:
                continue
            fixes = (
                Fix("say that 'and' joins first", chain.parentheses("and")),
                Fix("have 'or' join first", chain.parentheses("or")),
            )
            at = Position(chain.pieces[0].start, chain.pieces[-1].end)
            message = "'and' joins before 'or'; parentheses would say which is meant"
            yield finding(self, rule, message, at, meant(rule, fixes), fixes=fixes)


@dataclass
class _Chain:
    """What stands between two brackets or commas: pieces, and the words that join them."""

    pieces: list[Position] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    is_open: bool = False

    def take(self, start: int, end: int) -> None:
        """Make the text up to ``end`` part of the last piece, or the beginning of one."""
        if self.is_open:
            self.pieces[-1] = Position(self.pieces[-1].start, end)
        else:
            self.pieces.append(Position(start, end))
        self.is_open = True

    def join(self, word: str) -> None:
        """End a piece with a word that joins it to the next."""
        self.words.append(word)
        self.is_open = False

    def parentheses(self, word: str) -> tuple[Edit, ...]:
        """Return the parentheses around every run of pieces that a word joins."""
        edits = []
        first = 0
        for number in range(len(self.pieces)):
            if number < len(self.words) and self.words[number] == word:
                continue
            if number > first:
                start, end = self.pieces[first].start, self.pieces[number].end
                edits += [Edit(start, start, "("), Edit(end, end, ")")]
            first = number + 1
        return tuple(edits)


def _chains(rule: Rule) -> Iterator[_Chain]:
    """Yield the chains of a rule's text, inner ones first."""
    # a keyword may be a name where it can be nothing else
    names = {node.at.start for node in walk(rule.tree) if isinstance(node, Field | Name | Text)}
    scope = rule.tree.correlation
    after_scope = whole(rule).start if scope is None else scope.at.end
    open_chains = [_Chain()]
    for token in scan(rule.condition):
        if token.start < after_scope:
            continue
        if _opens(token):
            open_chains[-1].take(token.start, token.end)
            open_chains.append(_Chain())
        elif _closes(token):
            yield open_chains.pop()
            open_chains[-1].take(token.start, token.end)
        elif token.text == ",":
            yield open_chains.pop()
            open_chains.append(_Chain())
        elif token.kind == "word" and token.text in ("and", "or") and token.start not in names:
            open_chains[-1].join(token.text)
        else:
            open_chains[-1].take(token.start, token.end)
    yield from open_chains


def _opens(token: Token) -> bool:
    return token.kind == "mark" and token.text in ("(", "[", "{")


def _closes(token: Token) -> bool:
    return token.kind == "mark" and token.text in (")", "]", "}")
