"""Patterns that find their text anywhere in a value, where the whole value may have been meant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from fluo_lab.errors import Diagnostic, Fix, Severity
from fluo_lab.language import Event, Matches, Node, Predicate, Relation, Selection, Text, print_field, print_value
from fluo_lab.language.names import print_operation
from fluo_lab.regex import pattern_problem
from fluo_lab.rules.lints.lint import finding
from fluo_lab.rules.lints.measured import Measured, questions

__all__ = ["UnanchoredPattern"]


class UnanchoredPattern:
    """A pattern that more values hold than are wholly such a text.

    Where no value is wholly so, a search is surely meant, and the finding is information.
    """

    code: ClassVar[str] = "FL613"
    summary: ClassVar[str] = "a pattern that matches otherwise when it must fit the whole value"

    def find(self, measured: Measured) -> Iterator[Diagnostic]:
        """Yield one finding a pattern, with both numbers."""
        asked = [
            (replace(selection, where=()), replace(found, negated=False), found.pattern)
            for selection, predicate in questions(measured.rule.tree)
            for found in _patterns(predicate)
            if isinstance(found.pattern, Text) and pattern_problem(_whole_value(found.pattern.value)) is None
        ]
        measured.prepare(
            replace(selection, where=(question,))
            for selection, matches, pattern in asked
            for question in (matches, _anchored(matches, pattern))
        )
        for selection, matches, pattern in dict.fromkeys(asked):
            n_found = measured.share(selection, matches)
            n_whole = measured.share(selection, _anchored(matches, pattern))
            if n_found != n_whole:
                yield self._finding(measured, selection, matches, pattern, n_found, n_whole)

    def _finding(
        self, measured: Measured, selection: Selection, matches: Matches, pattern: Text, n_found: int, n_whole: int
    ) -> Diagnostic:
        spans = f"{print_operation(selection.operation)} spans"
        message = (
            f"{print_value(pattern)} is found in {print_field(matches.field)} of {n_found:,} {spans}, "
            f"and is the whole value of {n_whole:,}"
        )
        at = pattern.at
        whole_value, anywhere = (
            print_value(Text(text)) for text in (_whole_value(pattern.value), _anywhere(pattern.value))
        )
        hint = f"for the whole value write {whole_value}; to say that a search is meant, {anywhere}"
        fixes = [
            Fix.replacing("match the whole value", at.start, at.end, whole_value),
            Fix.replacing("say that a search is meant", at.start, at.end, anywhere),
        ]
        if measured.rule.condition[at.start : at.start + 1] == "$":
            fixes = []  # the pattern stands among the parameters
        severity = Severity.WARNING if n_whole else Severity.INFO
        return finding(self, measured.rule, message, at, hint, severity=severity, fixes=fixes)


def _patterns(predicate: Predicate) -> Iterator[Matches]:
    """Yield the patterns put to the span itself; events and related spans have their own fields."""
    waiting: list[Node] = [predicate]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Matches):
            yield node
        elif not isinstance(node, Event | Relation):
            waiting += reversed(node.children())


def _anchored(matches: Matches, pattern: Text) -> Matches:
    return replace(matches, pattern=Text(_whole_value(pattern.value)))


def _whole_value(pattern: str) -> str:
    """Return the pattern that fits whole values only."""
    if "|" in pattern:
        return f"^(?:{pattern})$"
    return f"{'' if pattern.startswith('^') else '^'}{pattern}{'' if _is_ended(pattern) else '$'}"


def _anywhere(pattern: str) -> str:
    """Return the pattern that fits whole values that hold a match."""
    if "|" in pattern:
        return f".*(?:{pattern}).*"
    return f"{'' if pattern.startswith('^') else '.*'}{pattern}{'' if _is_ended(pattern) else '.*'}"


def _is_ended(pattern: str) -> bool:
    """Whether a pattern without alternatives ends where the value does."""
    return pattern.endswith("$") and not pattern.endswith(r"\$")
