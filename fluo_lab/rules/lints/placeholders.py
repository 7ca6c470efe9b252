"""Words that stand for something else: placeholders taken for texts, parameters nobody uses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

from fluo_lab.errors import Diagnostic, Edit, Fix
from fluo_lab.language import Text, print_value, walk
from fluo_lab.language.scan import scan
from fluo_lab.rules.lints.lint import finding, whole
from fluo_lab.rules.rule import Rule

__all__ = ["CapitalLetter", "PlaceholderWords", "UnusedParameter"]


def _bare_texts(rule: Rule, pattern: str) -> list[Text]:
    """Return the values written as words without quotes that fit a pattern."""
    texts = (node for node in walk(rule.tree) if isinstance(node, Text))
    return [text for text in texts if text.bare and re.fullmatch(pattern, text.value)]


def _quoting(texts: list[Text]) -> Fix:
    edits = tuple(Edit(text.at.start, text.at.end, print_value(Text(text.value))) for text in texts)
    return Fix("put the text in quotes" if len(edits) == 1 else "put the texts in quotes", edits)


class CapitalLetter:
    """A single capital letter as a value, which is likely a placeholder."""

    code: ClassVar[str] = "FL603"
    summary: ClassVar[str] = "a capital letter as a value"

    def find(self, rule: Rule) -> Iterator[Diagnostic]:
        """Yield one finding a letter."""
        for text in _bare_texts(rule, "[A-Z]"):
            hint = f"write ${text.value.lower()} and give it under 'params', or quote the text: \"{text.value}\""
            message = f"the value {text.value} is the text '{text.value}'; is it a placeholder?"
            yield finding(self, rule, message, text.at, hint, fixes=[_quoting([text])])


class PlaceholderWords:
    """Words that differ only in a last letter, such as ``tenant_a`` and ``tenant_b``: constants, not variables."""

    code: ClassVar[str] = "FL604"
    summary: ClassVar[str] = "placeholder words such as tenant_a and tenant_b"

    def find(self, rule: Rule) -> Iterator[Diagnostic]:
        """Yield one finding for all such words."""
        words = _bare_texts(rule, ".+_[a-z]")
        for stem in dict.fromkeys(word.value[:-1] for word in words):
            alike = [word for word in words if word.value[:-1] == stem]
            if len({word.value for word in alike}) > 1:
                shown = " and ".join(dict.fromkeys(f"'{word.value}'" for word in alike))
                message = f"{shown} are fixed texts here, not any two different values"
                hint = "for 'at most one value' compare trace.distinct(…, field) with 1; for fixed texts use quotes"
                yield finding(self, rule, message, alike[0].at, hint, fixes=[_quoting(alike)])


class UnusedParameter:
    """A parameter the condition does not use."""

    code: ClassVar[str] = "FL609"
    summary: ClassVar[str] = "a parameter the condition does not use"

    def find(self, rule: Rule) -> Iterator[Diagnostic]:
        """Yield one finding a parameter."""
        used = {token.text[1:] for token in scan(rule.condition) if token.kind == "parameter"}
        for name in rule.params:
            if name not in used:
                message, hint = f"the condition does not use ${name}", f"delete '{name}' from params"
                yield finding(self, rule, message, whole(rule), hint)
