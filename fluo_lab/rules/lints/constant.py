"""What is always the same on the traces that are loaded: they cannot show what the rule would find."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from fluo_lab.errors import Diagnostic, Severity
from fluo_lab.language import (
    Condition,
    Every,
    Has,
    Predicate,
    Relation,
    Rising,
    RuleTree,
    Selection,
    print_predicate,
    walk,
)
from fluo_lab.language.names import print_operation
from fluo_lab.rules.lints.lint import finding, whole
from fluo_lab.rules.lints.measured import ENOUGH, Measured, conjuncts_of
from fluo_lab.rules.rule import Mode

__all__ = ["AlwaysBroken", "AlwaysPasses", "ConstantPart", "NeverApplies"]


class NeverApplies:
    """A rule whose guard holds on none of the traces."""

    code: ClassVar[str] = "FL615"
    summary: ClassVar[str] = "a rule that applies to none of the traces"

    def find(self, measured: Measured) -> Iterator[Diagnostic]:
        """Yield the finding, with the part of the guard that never holds where there is one."""
        tree, counts, n = measured.rule.tree, measured.counts, measured.traces.n_traces
        if n < ENOUGH or counts.not_applicable < n:
            return
        if tree.when is None:
            message, at = f"the rule applies to none of {n:,} traces", whole(measured.rule)
            hint = "no span carries all the fields after 'per'; check their names, or load other traces"
        else:
            message, at = f"the guard holds on none of {n:,} traces, so nothing was judged", tree.when.at
            never = [p for i, p in enumerate(measured.guard_parts) if not measured.guard_part(i).passed]
            if never:
                at = never[0].at
                hint = _cause(measured, never[0]) or "check the guard, or load traces on which it holds"
            else:
                hint = "each part of the guard holds on some trace, all together on none"
        yield finding(self, measured.rule, message, at, hint)


def _cause(measured: Measured, part: Condition) -> str | None:
    """Return the filter that leaves no span, where a part of a guard has one."""
    if not isinstance(part, Has) or not part.selection.where or measured.rule.tree.correlation is not None:
        return None
    selection = part.selection
    total = f"{measured.total(selection):,} {print_operation(selection.operation)} spans"
    filters = [one for where in selection.where for one in conjuncts_of(where)]
    for one in filters:
        if not measured.share(selection, one):
            return f"{print_predicate(one)} is true of none of {total}"
    return f"each filter is true of some of {total}, all together of none"


class AlwaysPasses:
    """A rule that passes on every trace, as one that asks for nothing would."""

    code: ClassVar[str] = "FL616"
    summary: ClassVar[str] = "a rule that passes on all of the traces"

    def find(self, measured: Measured) -> Iterator[Diagnostic]:
        """Yield the finding."""
        n = measured.traces.n_traces
        if n < ENOUGH or measured.counts.passed < n:
            return
        message = f"the rule applies to all {n:,} traces and passes on each, as a rule that asks for nothing would"
        hint = "judge it on traces of an incident too, or give it a test that expects a violation"
        yield finding(self, measured.rule, message, whole(measured.rule), hint, severity=Severity.INFO)


class AlwaysBroken:
    """A rule that is violated wherever it applies."""

    code: ClassVar[str] = "FL617"
    summary: ClassVar[str] = "a rule that is violated on all of the traces it applies to"

    def find(self, measured: Measured) -> Iterator[Diagnostic]:
        """Yield the finding."""
        rule, counts = measured.rule, measured.counts
        if counts.violation < ENOUGH or counts.passed or counts.inconclusive:
            return
        message = f"the rule is violated on all {counts.violation:,} traces it applies to; it reads: {rule.reading}"
        hint = "if the condition states the bad pattern, it stands under never { … }, or the rule has the mode 'detect'"
        if rule.mode is Mode.DETECT or rule.tree.never is not None:
            hint = "what must never occur is common here; check the condition"
        yield finding(self, rule, message, whole(rule), hint)


class ConstantPart:
    """A part of a filter or guard that is true of every span or trace, or a filter that leaves no span."""

    code: ClassVar[str] = "FL618"
    summary: ClassVar[str] = "a part of a condition that is true everywhere, or nowhere"

    def find(self, measured: Measured) -> Iterator[Diagnostic]:
        """Yield one finding a part."""
        yield from self._guard(measured)
        if measured.rule.tree.correlation is not None:
            return  # relations look within groups there, which single spans are not counted by
        selections = [node for node in walk(measured.rule.tree) if isinstance(node, Selection) and node.where]
        parts = {s: [part for where in s.where for part in conjuncts_of(where)] for s in dict.fromkeys(selections)}
        measured.prepare(
            replace(s, where=where)
            for s, asked in parts.items()
            for where in ((), *((part,) for part in asked), s.where)
        )
        needed = _needed(measured.rule.tree)
        for selection, asked in parts.items():
            yield from self._filter(measured, selection, asked, is_needed=selection in needed)

    def _guard(self, measured: Measured) -> Iterator[Diagnostic]:
        """Yield the parts of a guard that hold on every trace."""
        parts, n = measured.guard_parts, measured.traces.n_traces
        if len(parts) < 2 or n < ENOUGH:
            return
        for number, part in enumerate(parts):
            if measured.guard_part(number).passed == n:
                message = f"this part of the guard holds on all {n:,} traces, so it narrows nothing"
                hint = "leave it out, or keep it for traces unlike these"
                yield finding(self, measured.rule, message, part.at, hint, severity=Severity.INFO)

    def _filter(
        self, measured: Measured, selection: Selection, asked: list[Predicate], *, is_needed: bool
    ) -> Iterator[Diagnostic]:
        total = measured.total(selection)
        if total < ENOUGH:
            return
        spans = f"{total:,} {print_operation(selection.operation)} spans"
        none = []
        for part in asked:
            n = measured.share(selection, part)
            if n == total:
                message = f"{print_predicate(part)} is true of all {spans}, so it filters nothing"
                hint = "leave it out, or keep it for traces unlike these"
                yield finding(self, measured.rule, message, part.at, hint, severity=Severity.INFO)
            elif n == 0:
                none.append(part)
        if not is_needed:
            return
        hint = "what is asked of such spans is asked of none; check the value, or load other traces"
        for part in none:
            yield finding(self, measured.rule, f"{print_predicate(part)} is true of none of {spans}", part.at, hint)
        if not none and measured.count(selection) == 0:
            message = f"the filters together leave none of {spans}"
            yield finding(self, measured.rule, message, selection.at, hint)


def _needed(tree: RuleTree) -> set[Selection]:
    """Return the selections without whose spans a rule asks for nothing, or for what cannot be.

    A guard is left to the lint about guards, and what must never occur is rightly absent.
    """
    return {node.selection for node in walk(tree) if isinstance(node, Every | Rising | Relation)}
