"""Words of order in what people say about a rule, over a condition that asks for none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from fluo_lab.errors import Diagnostic, Fix
from fluo_lab.language import Every, Has, Relation, RelationKind, Rising, walk
from fluo_lab.rules.lints.lint import finding, meant, rewriting, template_of, whole
from fluo_lab.rules.rule import Rule

__all__ = ["NoOrder"]


class NoOrder:
    """Words that promise an order, over a condition that asks for none."""

    code: ClassVar[str] = "FL610"
    summary: ClassVar[str] = "the words promise an order the condition does not ask for"
    _words = re.compile(r"(?<![\w-])(preceded|precedes?|before|first|then|after|followed)(?![\w-])", re.IGNORECASE)
    _forward = frozenset({"precede", "precedes", "then", "followed"})

    def find(self, rule: Rule) -> Iterator[Diagnostic]:
        """Yield one finding for the first such word."""
        found = self._words.search(rule.name) or self._words.search(rule.description)
        if found is None or any(isinstance(node, (Relation, Rising)) for node in walk(rule.tree)):
            return
        message = f"name or description say '{found[0]}', but the condition asks for no order"
        fixes = self._ordered(rule, is_forward=found[0].lower() in self._forward)
        generic = "for an order write: always { trace.every(payment.charge).must(after(inventory.reserve)) }"
        yield finding(self, rule, message, whole(rule), meant(rule, fixes) or generic, fixes=fixes)

    def _ordered(self, rule: Rule, *, is_forward: bool) -> tuple[Fix, ...]:
        """Return for ``A and B`` the fixes that put B before A and after it, the likelier first."""
        tree = template_of(rule)
        if tree is None or not isinstance(tree.when, Has) or not isinstance(tree.always, Has) or tree.never:
            return ()
        fixes: list[Fix] = []
        for kind in (RelationKind.AFTER, RelationKind.BEFORE):
            relation = Relation(kind=kind, selection=tree.always.selection)
            ordered = replace(tree, always=Every(selection=tree.when.selection, must=relation))
            fixes += rewriting(rule, f"ask that each comes {kind} such a span", ordered)
        return tuple(reversed(fixes)) if is_forward else tuple(fixes)
