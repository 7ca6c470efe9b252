"""Two filters on one operation, side by side: one span may satisfy the first, another the second."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from typing import ClassVar

from fluo_lab.errors import Diagnostic, Edit, Fix
from fluo_lab.language import And, Every, Has, all_of, walk
from fluo_lab.language.scan import scan
from fluo_lab.rules.lints.implication import implies
from fluo_lab.rules.lints.lint import finding, meant, rewriting, template_of
from fluo_lab.rules.lints.measured import conjuncts_of
from fluo_lab.rules.rule import Rule

__all__ = ["TwoSpans"]


class TwoSpans:
    """The same operation on both sides of ``and`` with different filters, which two spans may satisfy."""

    code: ClassVar[str] = "FL611"
    summary: ClassVar[str] = "two filters on one operation that two spans may satisfy"

    def find(self, rule: Rule) -> Iterator[Diagnostic]:
        """Yield one finding a pair, and the text that asks both of one span."""
        tree = rule.tree
        if isinstance(tree.when, Has) and tree.always is not None:
            for other in conjuncts_of(tree.always):
                if isinstance(other, Has) and _is_doubtful(tree.when, other):
                    message = "guard and obligation may be satisfied by two different spans of the same operation"
                    fixes = self._required(rule)
                    hint = "if each span that fits the guard must fit the obligation, write: "
                    hint = meant(rule, fixes) if fixes else f"{hint}trace.every(…).where(…).must(…)"
                    yield finding(self, rule, message, other.at, hint, fixes=fixes)
        for node in walk(tree):
            if isinstance(node, And):
                yield from self._joined(rule, node.operands)

    def _required(self, rule: Rule) -> tuple[Fix, ...]:
        """Return the fix for ``has(A) and has(A)`` that requires the second of every span of the first."""
        tree = template_of(rule)
        if tree is None or not isinstance(tree.when, Has) or not isinstance(tree.always, Has):
            return ()
        every = Every(selection=tree.when.selection, must=all_of(tree.always.selection.where))
        return rewriting(rule, "require it of each such span", replace(tree, always=every))

    def _joined(self, rule: Rule, operands: Sequence[object]) -> Iterator[Diagnostic]:
        """Yield the pairs that one ``and`` joins."""
        for first, second in combinations([has for has in operands if isinstance(has, Has)], 2):
            if not first.selection.where or not _is_doubtful(first, second) or implies(second, first):
                continue
            message = "two different spans of the same operation may satisfy the two sides of 'and'"
            fixes = _merging(rule, first, second)
            hint = meant(rule, fixes) if fixes else "if one span must satisfy both, write: trace.has(…).where(… and …)"
            yield finding(self, rule, message, second.at, hint, fixes=fixes)


def _is_doubtful(first: Has, second: Has) -> bool:
    """Whether two conditions ask one operation for spans that need not be the same."""
    same = first.selection.operation == second.selection.operation
    return same and bool(second.selection.where) and not implies(first, second)


def _merging(rule: Rule, first: Has, second: Has) -> tuple[Fix, ...]:
    """Return the fix that moves the filters of the second to the first and deletes the second with its ``and``."""
    text = rule.condition
    tokens = [token for token in scan(text) if token.start < second.at.start]
    if not tokens or tokens[-1].text != "and" or tokens[-1].start < first.at.end:
        return ()
    between = text[tokens[-1].start : second.at.end]
    filters = text[second.selection.operation.at.end : second.at.end]
    filters = filters[filters.index(".") :]
    if "//" in between:
        return ()
    cut = len(text[: tokens[-1].start].rstrip())
    edits = (Edit(first.at.end, first.at.end, filters), Edit(cut, second.at.end, ""))
    return (Fix("ask both of one span", edits),)
