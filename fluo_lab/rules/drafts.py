"""Mined candidates as drafts of rules: text, a name, and the numbers they were mined with."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from fluo_lab.rules.book import RuleBook
from fluo_lab.rules.rule import Rule, RuleSeverity

__all__ = ["draft_book"]

MAX_ID_LETTERS = 72
"""Ids have at most 80 letters; this leaves room for a number."""

_EVIDENCE = (
    "support",
    "violations_good",
    "violations_bad",
    "confirm_rate",
    "confirm_low",
    "confirm_high",
    "lift",
    "q_value",
)


def draft_book(records: Iterable[Mapping[str, Any]]) -> RuleBook:
    """Return candidates as a rule book of drafts, in their order.

    Parameters
    ----------
    records
        Records as ``Candidates.to_dicts()`` gives them.

    Examples
    --------
    >>> record = {"text": "when { trace.has(a) } always { trace.has(b) }", "family": "presence",
    ...           "left": "a", "right": "GET /b", "violations_bad": 2, "reading": "If a, then b."}
    >>> draft_book([record])[0].id
    'presence-a-get-b'
    """
    taken: set[str] = set()
    rules = []
    for record in records:
        rule_id = _free_id(record, taken)
        taken.add(rule_id)
        evidence = {key: record[key] for key in _EVIDENCE if record.get(key) is not None}
        rules.append(
            Rule(
                record["text"],
                id=rule_id,
                name=record["reading"],
                severity=RuleSeverity.HIGH if record.get("violations_bad") else RuleSeverity.MEDIUM,
                extra={"status": "draft", "evidence": {"mined": evidence}},
            )
        )
    return RuleBook(rules)


def _free_id(record: Mapping[str, Any], taken: set[str]) -> str:
    """Return an id made of the family and the span names that is not taken."""
    words = [str(record[key]) for key in ("family", "left", "right", "field") if record.get(key)]
    stem = re.sub(r"[^a-z0-9_]+", "-", "-".join(words).lower()).strip("-")[:MAX_ID_LETTERS].rstrip("-")
    number = 1
    candidate = stem
    while candidate in taken:
        number += 1
        candidate = f"{stem}-{number}"
    return candidate
