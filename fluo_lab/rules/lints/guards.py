"""Where a rule applies: nowhere in particular, or where something is absent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from fluo_lab.errors import Diagnostic, Fix, Severity
from fluo_lab.language import And, Condition, Every, Form, Has, Not, RuleTree
from fluo_lab.rules.lints.implication import implies, obligations_of
from fluo_lab.rules.lints.lint import finding, meant, rewriting, template_of, whole
from fluo_lab.rules.rule import Rule

__all__ = ["NegativeGuard", "NoGuard", "SaidByGuard"]


class NoGuard:
    """A rule that is judged on every trace; where its author wrote ``always``, that may be meant.

    What must never occur needs no guard: a detector, and ``never`` by itself.
    """

    code: ClassVar[str] = "FL601"
    summary: ClassVar[str] = "a rule without a guard"

    def find(self, rule: Rule) -> Iterator[Diagnostic]:
        """Yield the finding, with the rule's reading."""
        if rule.tree.when is not None or rule.tree.always is None:
            return
        unit = "trace" if rule.tree.correlation is None else "group"
        message = f"the rule has no guard, so every {unit} must satisfy it; it reads: {rule.reading}"
        hint = "to ask only where something happens, write: when { trace.has(…) } always { … }"
        severity = Severity.INFO
        fixes: tuple[Fix, ...] = ()
        if rule.tree.form is Form.UNGUARDED:
            severity = Severity.WARNING
            fixes = _guarded(rule)
            hint = meant(rule, fixes) if fixes else f"{hint}; if it states the bad pattern, write: never {{ … }}"
        yield finding(self, rule, message, whole(rule), hint, severity=severity, fixes=fixes)


def _guarded(rule: Rule) -> tuple[Fix, ...]:
    """Return the fix that asks only where the spans are that the rule is about, if it is about one selection."""
    tree = template_of(rule)
    if tree is None or tree.correlation is not None or not isinstance(tree.always, Every):
        return ()
    guarded = RuleTree(when=Has(selection=tree.always.selection), always=tree.always)
    return rewriting(rule, "apply only where such a span is", guarded)


class NegativeGuard:
    """A rule that applies where something is absent."""

    code: ClassVar[str] = "FL602"
    summary: ClassVar[str] = "a negative guard"

    def find(self, rule: Rule) -> Iterator[Diagnostic]:
        """Yield the finding, with the rule's reading."""
        guard = rule.tree.when
        if guard is None or not _is_negative(guard):
            return
        message = f"the guard is negative, so the rule applies where something is absent; it reads: {rule.reading}"
        fixes = _turned(rule)
        hint = meant(rule, fixes) if fixes else "if the negation is an obligation, write: when { … } never { … }"
        yield finding(self, rule, message, guard.at, hint, fixes=fixes)


def _is_negative(condition: Condition) -> bool:
    if isinstance(condition, And):
        return all(_is_negative(operand) for operand in condition.operands)
    return isinstance(condition, Not)


def _turned(rule: Rule) -> tuple[Fix, ...]:
    """Return the fix for ``not A and B`` that makes B the guard and A what must not be."""
    tree = template_of(rule)
    if tree is None or tree.always is None or tree.never is not None:
        return ()
    if not isinstance(tree.when, Not) or _is_negative(tree.always):
        return ()
    turned = RuleTree(when=tree.always, never=tree.when.operand, correlation=tree.correlation)
    return rewriting(rule, "make the negation the obligation", turned)


class SaidByGuard:
    """An obligation that holds wherever the guard does, so that it can never be broken."""

    code: ClassVar[str] = "FL620"
    summary: ClassVar[str] = "an obligation that the guard already says"

    def find(self, rule: Rule) -> Iterator[Diagnostic]:
        """Yield one finding an obligation."""
        guard = rule.tree.when
        if guard is None:
            return
        for obligation in obligations_of(rule.tree):
            if implies(guard, obligation):
                message = "wherever the guard holds this holds too, so it cannot be broken"
                hint = "ask for another span here, for the same span with trace.every(…).must(…), or leave it out"
                yield finding(self, rule, message, obligation.at, hint)
