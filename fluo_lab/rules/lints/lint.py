"""What a lint is, and what all of them share: findings with their places, and the other thing a rule may mean."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import ClassVar, Protocol

from fluo_lab.errors import Diagnostic, Fix, Severity
from fluo_lab.language import Position, RuleTree, parse_template, print_rule
from fluo_lab.language.scan import Token, scan
from fluo_lab.rules.lints.measured import Measured
from fluo_lab.rules.rule import Mode, Rule

__all__ = ["BookLint", "DataLint", "Lint", "finding", "meant", "rewriting", "template_of", "whole", "written"]


class Lint(Protocol):
    """One question put to one rule's text.

    Attributes
    ----------
    code, summary
        The stable code, and what it stands for in a few words.
    """

    code: ClassVar[str]
    summary: ClassVar[str]

    def find(self, rule: Rule) -> Iterator[Diagnostic]:
        """Yield what was found, with positions in the rule's condition."""
        ...


class DataLint(Protocol):
    """One question put to one rule beside the traces that are loaded."""

    code: ClassVar[str]
    summary: ClassVar[str]

    def find(self, measured: Measured) -> Iterator[Diagnostic]:
        """Yield what was found, with positions in the rule's condition."""
        ...


class BookLint(Protocol):
    """One question put to all rules of a book together."""

    code: ClassVar[str]
    summary: ClassVar[str]

    def find(self, rules: Sequence[Rule]) -> Iterator[tuple[int, Diagnostic]]:
        """Yield what was found after the number of the rule it is about, with positions in that rule's condition."""
        ...


def finding(
    lint: Lint | DataLint | BookLint,
    rule: Rule,
    message: str,
    at: Position,
    hint: str | None,
    *,
    severity: Severity = Severity.WARNING,
    fixes: Sequence[Fix] = (),
) -> Diagnostic:
    """Return what a lint says about a place in a rule's condition."""
    return Diagnostic.at(
        lint.code, message, rule.condition, at.start, at.end, hint=hint, severity=severity, fixes=fixes
    )


def whole(rule: Rule) -> Position:
    """Return the place of the whole condition, white space around it left out."""
    text = rule.condition
    start = len(text) - len(text.lstrip())
    return Position(start, start + len(text.strip()))


def template_of(rule: Rule) -> RuleTree | None:
    """Return the tree as it is written, its parameters open; None for a detector, whose text is no whole rule."""
    return parse_template(rule.condition) if rule.mode is Mode.REQUIRE else None


def rewriting(rule: Rule, title: str, tree: RuleTree) -> tuple[Fix, ...]:
    """Return the fix that writes another rule in place of this one, none where a comment would be lost."""
    at = whole(rule)
    if any("//" in gap for gap in _gaps(rule.condition, scan(rule.condition))):
        return ()
    return (Fix.replacing(title, at.start, at.end, print_rule(tree)),)


def meant(rule: Rule, fixes: Sequence[Fix]) -> str:
    """Return a hint that reads aloud what the rule would say after each fix, and what to write for it."""
    parts = []
    for fix in fixes:
        other = replace(rule, condition=fix.apply(rule.condition))
        parts.append(f'for "{other.reading}" write: {written(other.condition)}')
    return "; ".join(parts)


def written(text: str) -> str:
    r"""Return a text on one line, comments left out.

    Examples
    --------
    >>> written("trace.has(a) // the cause\n  and trace.has(b)")
    'trace.has(a) and trace.has(b)'
    """
    tokens = scan(text)
    between = [gap if gap == "" else " " for gap in _gaps(text, tokens)]
    return "".join(f"{gap}{token.text}" for gap, token in zip(between, tokens, strict=False)).strip()


def _gaps(text: str, tokens: Sequence[Token]) -> list[str]:
    """Return what stands before each token and after the last."""
    ends = [0, *(token.end for token in tokens)]
    starts = [*(token.start for token in tokens), len(text)]
    return [text[end:start] for end, start in zip(ends, starts, strict=True)]
