"""A rule beside the traces that are loaded: what its parts select there, each looked up once for all lints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property
from typing import TypeVar, cast

from fluo_lab.engine import Evaluation, VerdictCounts, evaluate
from fluo_lab.engine.selection import Selector
from fluo_lab.engine.units import units_of_traces
from fluo_lab.language import And, Condition, Every, Node, Predicate, RuleTree, Selection, Text, walk
from fluo_lab.rules.rule import Rule
from fluo_lab.traces import Traces

__all__ = ["ENOUGH", "Measured", "conjuncts_of", "questions"]

T = TypeVar("T", bound=Node)

ENOUGH = 20
"""Fewer spans, or traces, than this say nothing about what is true of all of them."""


class Measured:
    """One rule on some traces.

    Examples
    --------
    >>> from fluo_lab.traces import PlainSpan, traces_from_spans
    >>> rule = Rule("trace.has(a).where(x > 1) and trace.has(b)")
    >>> traces = traces_from_spans([PlainSpan("a", attributes={"x": 1}), PlainSpan("a", span_id="2")])
    >>> measured = Measured(rule, traces)
    >>> measured.count(rule.tree.when.selection), measured.counts.not_applicable
    (0, 1)
    """

    def __init__(self, rule: Rule, traces: Traces) -> None:
        self.rule = rule
        self.traces = traces

    @property
    def guard_parts(self) -> tuple[Condition, ...]:
        """The conditions that the guard joins with ``and``; none when there is no guard."""
        return () if self.rule.tree.when is None else tuple(conjuncts_of(self.rule.tree.when))

    @cached_property
    def _evaluation(self) -> Evaluation:
        tree = self.rule.tree
        parts = [RuleTree(always=part, correlation=tree.correlation) for part in self.guard_parts]
        return evaluate([tree, *parts], self.traces)

    @cached_property
    def counts(self) -> VerdictCounts:
        """How many traces got each verdict."""
        return self._evaluation.counts(0)

    def guard_part(self, number: int) -> VerdictCounts:
        """Return the verdicts of a rule that asks every trace for one part of the guard."""
        return self._evaluation.counts(1 + number)

    @cached_property
    def _selector(self) -> Selector:
        literals = (node.value for node in walk(self.rule.tree) if isinstance(node, Text))
        return Selector(units_of_traces(self.traces, judge_incomplete=True), literals)

    def prepare(self, selections: Iterable[Selection]) -> None:
        """Look selections up together, so that columns are read once for all."""
        self._selector.prepare((selection, None) for selection in selections)

    def count(self, selection: Selection) -> int:
        """Return how many spans a selection means, the spans seen taken for all there are."""
        return len(self._selector.matched(selection).seen)

    def total(self, selection: Selection) -> int:
        """Return how many spans the operation of a selection has."""
        return self.count(replace(selection, where=()))

    def share(self, selection: Selection, predicate: Predicate) -> int:
        """Return for how many spans of the operation a predicate is true."""
        return self.count(replace(selection, where=(predicate,)))


def questions(tree: Node) -> Iterator[tuple[Selection, Predicate]]:
    """Yield each predicate that is put to spans, after the selection of these."""
    for node in walk(tree):
        if isinstance(node, Selection):
            yield from ((node, predicate) for predicate in node.where)
        elif isinstance(node, Every):
            yield node.selection, node.must


def conjuncts_of(node: T) -> Iterator[T]:
    """Yield what ``and`` joins in a condition or predicate, itself when nothing is joined."""
    # the operands of an `And` are of its own kind; a type variable cannot say so
    yield from cast("tuple[T, ...]", node.operands) if isinstance(node, And) else (node,)
