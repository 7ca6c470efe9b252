"""Lints: what is no error but probably not meant. One small class a question."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import ClassVar, Protocol

from fluo_lab.errors import Diagnostic, Severity
from fluo_lab.language import And, Condition, Form, Has, Not, Position, Relation, Rising, Text, walk
from fluo_lab.rules.book import RuleBook
from fluo_lab.rules.lint_names import unknown_names
from fluo_lab.rules.rule import Mode, Rule
from fluo_lab.traces import Traces

__all__ = ["LINTS", "Lint", "lint_book", "lint_rule"]


class Lint(Protocol):
    """One question put to one rule."""

    code: ClassVar[str]

    def find(self, rule: Rule) -> Iterator[Diagnostic]:
        """Yield what was found, with positions in the rule's condition."""
        ...


def _finding(
    lint: Lint, rule: Rule, message: str, at: Position, hint: str, *, severity: Severity = Severity.WARNING
) -> Diagnostic:
    return Diagnostic.at(lint.code, message, rule.condition, at.start, at.end, hint=hint, severity=severity)


def _whole(rule: Rule) -> Position:
    text = rule.condition
    start = len(text) - len(text.lstrip())
    return Position(start, start + len(text.strip()))


class NoGuard:
    """A rule that is judged on every trace; where its author wrote ``always``, that may be meant."""

    code: ClassVar[str] = "FL601"

    def find(self, rule: Rule) -> Iterator[Diagnostic]:
        """Yield the finding, with the rule's reading."""
        if rule.tree.when is not None or rule.mode is Mode.DETECT:
            return
        severity = Severity.WARNING if rule.tree.form is Form.UNGUARDED else Severity.INFO
        message = f"the rule has no guard, so every trace must satisfy it; it reads: {rule.reading}"
        hint = "to ask only where something happens, write: when { trace.has(…) } always { … }"
        yield _finding(self, rule, message, _whole(rule), hint, severity=severity)


class NegativeGuard:
    """A rule that applies where something is absent."""

    code: ClassVar[str] = "FL602"

    def find(self, rule: Rule) -> Iterator[Diagnostic]:
        """Yield the finding, with the rule's reading."""
        guard = rule.tree.when
        if guard is not None and _is_negative(guard):
            message = f"the guard is negative, so the rule applies where something is absent; it reads: {rule.reading}"
            hint = "if the negation is an obligation, write: when { … } never { … }"
            yield _finding(self, rule, message, guard.at, hint)


def _is_negative(condition: Condition) -> bool:
    if isinstance(condition, And):
        return all(_is_negative(operand) for operand in condition.operands)
    return isinstance(condition, Not)


class CapitalLetter:
    """A single capital letter as a value, which is likely a placeholder."""

    code: ClassVar[str] = "FL603"

    def find(self, rule: Rule) -> Iterator[Diagnostic]:
        """Yield one finding a letter."""
        for node in walk(rule.tree):
            if isinstance(node, Text) and node.bare and re.fullmatch("[A-Z]", node.value):
                hint = f"write ${node.value.lower()} and give it under 'params', or quote the text: \"{node.value}\""
                message = f"the value {node.value} is the text '{node.value}'; is it a placeholder?"
                yield _finding(self, rule, message, node.at, hint)


class PlaceholderWords:
    """Words that differ only in a last letter, such as ``tenant_a`` and ``tenant_b``: constants, not variables."""

    code: ClassVar[str] = "FL604"

    def find(self, rule: Rule) -> Iterator[Diagnostic]:
        """Yield one finding for all such words."""
        words = [n for n in walk(rule.tree) if isinstance(n, Text) and n.bare and re.fullmatch(r".+_[a-z]", n.value)]
        for stem in dict.fromkeys(word.value[:-1] for word in words):
            alike = [word for word in words if word.value[:-1] == stem]
            if len({word.value for word in alike}) > 1:
                shown = " and ".join(dict.fromkeys(f"'{word.value}'" for word in alike))
                message = f"{shown} are fixed texts here, not any two different values"
                hint = "for 'at most one value' compare trace.distinct(…, field) with 1; for fixed texts use quotes"
                yield _finding(self, rule, message, alike[0].at, hint)


class UnusedParameter:
    """A parameter the condition does not use."""

    code: ClassVar[str] = "FL609"

    def find(self, rule: Rule) -> Iterator[Diagnostic]:
        """Yield one finding a parameter."""
        used = set(re.findall(r"\$([A-Za-z_][A-Za-z0-9_]*)", rule.condition))
        for name in rule.params:
            if name not in used:
                yield _finding(
                    self, rule, f"the condition does not use ${name}", _whole(rule), f"delete '{name}' from params"
                )


class NoOrder:
    """Words that promise an order, over a condition that asks for none."""

    code: ClassVar[str] = "FL610"
    _words = re.compile(r"(?<![\w-])(preceded|precedes?|before|first|then|after|followed)(?![\w-])", re.IGNORECASE)

    def find(self, rule: Rule) -> Iterator[Diagnostic]:
        """Yield one finding for the first such word."""
        found = self._words.search(rule.name) or self._words.search(rule.description)
        if found is None or any(isinstance(node, (Relation, Rising)) for node in walk(rule.tree)):
            return
        message = f"name or description say '{found[0]}', but the condition asks for no order"
        hint = "for an order write: always { trace.every(payment.charge).must(after(inventory.reserve)) }"
        yield _finding(self, rule, message, _whole(rule), hint)


class TwoSpans:
    """A guard and an obligation on one operation with different filters, which two spans may satisfy."""

    code: ClassVar[str] = "FL611"

    def find(self, rule: Rule) -> Iterator[Diagnostic]:
        """Yield one finding a pair."""
        guard = rule.tree.when
        if not isinstance(guard, Has) or not isinstance(rule.tree.always, (Has, And)):
            return
        always = rule.tree.always
        for other in always.operands if isinstance(always, And) else (always,):
            if not isinstance(other, Has) or other.selection.operation != guard.selection.operation:
                continue
            if other.selection.where != guard.selection.where:
                message = "guard and obligation may be satisfied by two different spans of the same operation"
                hint = (
                    "if each span that fits the guard must fit the obligation, write: trace.every(…).where(…).must(…)"
                )
                yield _finding(self, rule, message, other.at, hint)


class NoTests:
    """A rule without examples of its meaning."""

    code: ClassVar[str] = "FL607"

    def find(self, rule: Rule) -> Iterator[Diagnostic]:
        """Yield the finding."""
        if not rule.tests:
            hint = "add tests: one that expects pass, one violation, one not_applicable"
            yield _finding(self, rule, "the rule has no tests", _whole(rule), hint)


LINTS: tuple[Lint, ...] = (
    NoGuard(),
    NegativeGuard(),
    CapitalLetter(),
    PlaceholderWords(),
    UnusedParameter(),
    NoOrder(),
    TwoSpans(),
)
"""Every lint of a rule's text that needs no traces."""

BOOK_LINTS: tuple[Lint, ...] = (NoTests(),)
"""What a rule must have in a file, and need not while it is tried out."""


def lint_rule(rule: Rule, *, traces: Traces | None = None) -> list[Diagnostic]:
    """Return what is questionable about a rule, with positions in its condition.

    Parameters
    ----------
    traces
        Traces to look names and attributes up in; without them those are not asked about.
    """
    found = [diagnostic for lint in LINTS for diagnostic in lint.find(rule)]
    if traces is not None:
        found += unknown_names(rule, traces)
    return found


def lint_book(book: RuleBook | Iterable[Rule], *, traces: Traces | None = None) -> list[Diagnostic]:
    """Return what is questionable about some rules and their sum, with positions in their files.

    Parameters
    ----------
    traces
        Traces to look names and attributes up in; without them those are not asked about.
    """
    rules = list(book)
    found = []
    twins = _twins(rules)
    for rule in rules:
        of_book = [diagnostic for lint in BOOK_LINTS for diagnostic in lint.find(rule)]
        for diagnostic in [*lint_rule(rule, traces=traces), *of_book, *twins.get(rule.id, ())]:
            named = replace(diagnostic, message=f"{rule.id}: {diagnostic.message}")
            found.append(book.locate(rule.id, named) if isinstance(book, RuleBook) else named)
    return found


def _twins(rules: Sequence[Rule]) -> dict[str, list[Diagnostic]]:
    """Return by id the finding that an earlier rule says the same."""
    first: dict[str, str] = {}
    found = {}
    for rule in rules:
        text = rule.text
        if text in first:
            message = f"the rule says the same as '{first[text]}'"
            at = _whole(rule)
            hint = "keep one of the two"
            found[rule.id] = [
                Diagnostic.at("FL608", message, rule.condition, at.start, at.end, hint=hint, severity=Severity.WARNING)
            ]
        else:
            first[text] = rule.id
    return found
