"""What is no error in a rule but probably not meant: all lints, put to one rule or to a book."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from fluo_lab.errors import Diagnostic, Severity
from fluo_lab.rules.book import RuleBook
from fluo_lab.rules.lints import BOOK_LINTS, DATA_LINTS, LINTS, NAME_LINTS, Measured
from fluo_lab.rules.rule import Rule
from fluo_lab.traces import Traces

__all__ = ["lint_book", "lint_rule"]


def lint_rule(rule: Rule, *, traces: Traces | None = None) -> list[Diagnostic]:
    """Return what is questionable about a rule, with positions in its condition.

    Parameters
    ----------
    traces
        Traces to look names, values and verdicts up in; without them those are not asked about. A rule with a name
        that they lack is told that name only: whatever else they say of it follows.

    Examples
    --------
    >>> for found in lint_rule(Rule("trace.has(a) and trace.has(b) or trace.has(c)")):
    ...     print(found.code, [fix.title for fix in found.fixes])
    FL601 []
    FL612 ["say that 'and' joins first", "have 'or' join first"]
    """
    found = [diagnostic for lint in LINTS for diagnostic in lint.find(rule)]
    if traces is None:
        return found
    measured = Measured(rule, traces)
    names = [diagnostic for lint in NAME_LINTS for diagnostic in lint.find(measured)]
    found += names
    if not any(diagnostic.severity is Severity.WARNING for diagnostic in names):
        found += [diagnostic for lint in DATA_LINTS for diagnostic in lint.find(measured)]
    return found


def lint_book(book: RuleBook | Iterable[Rule], *, traces: Traces | None = None) -> list[Diagnostic]:
    """Return what is questionable about some rules and their sum, with positions in their files.

    Parameters
    ----------
    traces
        Traces to look names, values and verdicts up in; without them those are not asked about.
    """
    rules = list(book)
    told = [lint_rule(rule, traces=traces) for rule in rules]
    for lint in BOOK_LINTS:
        for number, diagnostic in lint.find(rules):
            told[number].append(diagnostic)
    found = []
    for rule, diagnostics in zip(rules, told, strict=True):
        for diagnostic in diagnostics:
            named = replace(diagnostic, message=f"{rule.id}: {diagnostic.message}")
            found.append(book.locate(rule.id, named) if isinstance(book, RuleBook) else named)
    return found
