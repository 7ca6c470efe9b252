"""The fields of a rule file: what each holds, which are required, which come later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from fluo_lab.rules.rule import Mode, RuleSeverity

__all__ = ["FILE_FIELDS", "RULE_FIELDS", "SCHEMA", "FieldSpec", "Holds", "Status"]

SCHEMA = "fluo.rules/v1"


class Status(StrEnum):
    """How far a rule is trusted."""

    DRAFT = "draft"
    EXPERIMENTAL = "experimental"
    STABLE = "stable"
    DEPRECATED = "deprecated"


class Holds(StrEnum):
    """What a field holds, in the words of the messages."""

    TEXT = "text"
    WORD = "one word"
    BOOL = "true or false"
    INTEGER = "a whole number"
    TEXTS = "a list of texts"
    MAPPING = "a mapping"
    PARAMS = "a mapping of names to values"
    RELATED = "a list of rule ids, or of {id, type}"
    COMPLIANCE = "a list of {framework, control, note}"
    TESTS = "a list of tests"
    RULES = "a list of rules"
    ANYTHING = "anything"
    LATER = "nothing yet"


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field.

    Attributes
    ----------
    words
        What a ``WORD`` may be.
    """

    holds: Holds
    is_required: bool = False
    words: tuple[str, ...] = ()


FILE_FIELDS: Mapping[str, FieldSpec] = MappingProxyType(
    {
        "schema": FieldSpec(Holds.WORD, words=(SCHEMA,)),
        "rules": FieldSpec(Holds.RULES, is_required=True),
        "defaults": FieldSpec(Holds.LATER),
        "definitions": FieldSpec(Holds.LATER),
    }
)
"""The fields of a file."""

RULE_FIELDS: Mapping[str, FieldSpec] = MappingProxyType(
    {
        "id": FieldSpec(Holds.TEXT, is_required=True),
        "name": FieldSpec(Holds.TEXT, is_required=True),
        "severity": FieldSpec(Holds.WORD, is_required=True, words=tuple(s.value for s in RuleSeverity)),
        "description": FieldSpec(Holds.TEXT),
        "mode": FieldSpec(Holds.WORD, words=tuple(m.value for m in Mode)),
        "params": FieldSpec(Holds.PARAMS),
        "condition": FieldSpec(Holds.TEXT, is_required=True),
        "message": FieldSpec(Holds.TEXT),
        "status": FieldSpec(Holds.WORD, words=tuple(s.value for s in Status)),
        "version": FieldSpec(Holds.INTEGER),
        "enabled": FieldSpec(Holds.BOOL),
        "owner": FieldSpec(Holds.TEXT),
        "tags": FieldSpec(Holds.TEXTS),
        "runbook": FieldSpec(Holds.TEXT),
        "references": FieldSpec(Holds.TEXTS),
        "created": FieldSpec(Holds.TEXT),
        "modified": FieldSpec(Holds.TEXT),
        "compliance": FieldSpec(Holds.COMPLIANCE),
        "false_positives": FieldSpec(Holds.TEXTS),
        "related": FieldSpec(Holds.RELATED),
        "evidence": FieldSpec(Holds.MAPPING),
        "tests": FieldSpec(Holds.TESTS),
        "environments": FieldSpec(Holds.LATER),
        "exceptions": FieldSpec(Holds.LATER),
        "signal": FieldSpec(Holds.LATER),
    }
)
"""The fields of a rule, in the order they are written."""
