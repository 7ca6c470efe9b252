"""What is questionable about a rule as one of a book: without tests, said twice, or said by another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from fluo_lab.errors import Diagnostic
from fluo_lab.language import Comparison, Every, Has, Name, Operation, Rising, RuleTree, walk
from fluo_lab.rules.lints.implication import is_implied_by, obligations_of
from fluo_lab.rules.lints.lint import finding, whole
from fluo_lab.rules.rule import Rule

__all__ = ["Implied", "NoTests", "Twin"]


class NoTests:
    """A rule without examples of its meaning."""

    code: ClassVar[str] = "FL607"
    summary: ClassVar[str] = "a rule without tests"

    def find(self, rules: Sequence[Rule]) -> Iterator[tuple[int, Diagnostic]]:
        """Yield one finding a rule."""
        for number, rule in enumerate(rules):
            if not rule.tests:
                hint = "add tests: one that expects pass, one violation, one not_applicable"
                yield number, finding(self, rule, "the rule has no tests", whole(rule), hint)


class Twin:
    """A rule that says word for word what an earlier one says."""

    code: ClassVar[str] = "FL608"
    summary: ClassVar[str] = "two rules that say the same"

    def find(self, rules: Sequence[Rule]) -> Iterator[tuple[int, Diagnostic]]:
        """Yield one finding a rule after the first."""
        first: dict[str, str] = {}
        for number, rule in enumerate(rules):
            if rule.text in first:
                message = f"the rule says the same as '{first[rule.text]}'"
                yield number, finding(self, rule, message, whole(rule), "keep one of the two")
            else:
                first[rule.text] = rule.id


class Implied:
    """A rule that is violated only where another rule of the book is, which matters at least as much.

    A looser bound of higher severity is a step of an escalation, and is not questioned; nor are two rules of which
    one names the other under ``related``.
    """

    code: ClassVar[str] = "FL619"
    summary: ClassVar[str] = "a rule that another one implies"

    def find(self, rules: Sequence[Rule]) -> Iterator[tuple[int, Diagnostic]]:
        """Yield one finding a rule, with the first rule that implies it."""
        texts = [rule.text for rule in rules]
        names = [_names(rule.tree) for rule in rules]
        related = [_related(rule) for rule in rules]
        for number, rule in enumerate(rules):
            for other_number, other in enumerate(rules):
                if not _may_imply(names[number], names[other_number]) or texts[number] == texts[other_number]:
                    continue
                if other.severity.rank < rule.severity.rank:
                    continue
                if other.id in related[number] or rule.id in related[other_number]:
                    continue
                if not is_implied_by(rule.tree, other.tree):
                    continue
                if number < other_number and is_implied_by(other.tree, rule.tree):
                    continue  # two spellings of one rule: the later one is told
                message = f"every trace that violates this rule violates '{other.id}' too, which asks at least as much"
                hint = f"delete this rule, unless '{other.id}' is stricter than was meant"
                yield number, finding(self, rule, message, whole(rule), hint)
                break


def _names(tree: RuleTree) -> frozenset[Name]:
    """Return the span names of which two rules share one when either implies the other; none where any rule may.

    Most pairs of rules speak of different spans; comparing only the others makes a large book quick.
    """
    found: set[Name] = set()
    for atom in (node for top in obligations_of(tree) for node in walk(top) if isinstance(node, _ATOMS)):
        names = {node.name for node in walk(atom) if isinstance(node, Operation)}
        if not names or not all(name.is_exact for name in names):
            return frozenset()
        found |= names
    return frozenset(found)


_ATOMS = (Has, Every, Rising, Comparison)


def _may_imply(names: frozenset[Name], others: frozenset[Name]) -> bool:
    return not names or not others or not names.isdisjoint(others)


def _related(rule: Rule) -> set[str]:
    """Return the ids a rule names under ``related``."""
    named = rule.extra.get("related", ())
    return {str(item["id"]) if isinstance(item, dict) else str(item) for item in named}
