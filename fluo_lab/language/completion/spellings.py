"""How the terminals of the grammar are spelled, and what each is for: the words that completion offers itself."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from fluo_lab.language.names import RELATIONS

__all__ = ["CLAUSES", "DETAILS", "KEYWORDS", "MARKS", "METHODS", "OPEN", "PREDICATES", "RELATION_TERMINAL", "TRACE"]

CLAUSES: Mapping[str, str] = MappingProxyType({"WHEN": "when {", "ALWAYS": "always {", "NEVER": "never {"})
"""Clauses, each with its brace."""

KEYWORDS: Mapping[str, str] = MappingProxyType(
    {
        "PER": "per",
        "_AND": "and",
        "_OR": "or",
        "NOT": "not",
        "IN": "in [",
        "CONTAINS": "contains",
        "MATCHES": "matches",
        "WITHIN": "within",
        "SAME": "same",
        "AS": "as",
        "WITHOUT": "without",
    }
)
"""Keywords; `in` with the bracket its list needs."""

MARKS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "CMP": ("==", "!=", ">", ">=", "<", "<="),
        "PLUS": ("+",),
        "MINUS": ("-",),
        "STAR": ("*",),
        "SLASH": ("/",),
        "DOUBLE_COLON": ("::",),
        "_COMMA": (",",),
        "_LPAR": ("(",),
        "_RPAR": (")",),
        "_LBRACE": ("{",),
        "_RBRACE": ("}",),
        "_LBRACKET": ("[",),
        "_RBRACKET": ("]",),
    }
)
"""Operators and brackets."""

METHODS: Mapping[str, str] = MappingProxyType({"WHERE": ".where(", "_MUST": ".must("})
"""What may follow a function's parenthesis."""

TRACE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "HAS": ("has(",),
        "EVERY": ("every(",),
        "COUNT": ("count(",),
        "AGGREGATE": ("sum(", "min(", "max(", "avg(", "distinct("),
        "RISING": ("rising(",),
        "SCALAR": ("duration", "spans"),
    }
)
"""What may follow ``trace.``, in the order in which it is offered."""

PREDICATES: Mapping[str, str] = MappingProxyType({"EXISTS": "exists(", "EVENT": "event(", "ATTR": "attr("})
"""Functions inside `.where`."""

RELATION_TERMINAL: Mapping[str, tuple[str, ...]] = MappingProxyType({"RELATION": RELATIONS})
"""Relations between two spans."""

OPEN: frozenset[str] = frozenset({"NAME", "GLOB", "STRING", "FIELD_PREFIX", "NUMBER", "DURATION", "PARAM"})
"""Terminals with more spellings than can be listed."""

DETAILS: Mapping[str, str] = MappingProxyType(
    {
        "when {": "traces the rule is about",
        "always {": "what must hold",
        "never {": "what must not happen",
        "per": "spans of several traces, joined by an attribute",
        "has(": "some span matches",
        "every(": "every matching span satisfies .must",
        "count(": "number of matching spans",
        "sum(": "sum of an attribute",
        "min(": "least value of an attribute",
        "max(": "greatest value of an attribute",
        "avg(": "mean of an attribute",
        "distinct(": "number of distinct values",
        "rising(": "an attribute rises in order of start",
        "duration": "first start to last end",
        "spans": "number of spans",
        ".where(": "which of the spans",
        ".must(": "what each of the spans satisfies",
        "exists(": "the span carries the attribute",
        "event(": "the span carries an event",
        "attr(": "another attribute of the span",
        "after": "another span ended before this one starts",
        "before": "another span starts after this one ended",
        "starts_after": "another span started before this one",
        "starts_before": "another span starts after this one",
        "overlaps": "another span runs at the same time",
        "under": "descendant of another span",
        "over": "ancestor of another span",
        "child_of": "child of another span",
        "parent_of": "parent of another span",
        "sibling_of": "another span has the same parent",
        "beside": "any other span",
        "in [": "one of a list",
        "not in [": "none of a list",
        "contains": "part of the text, or member of the array",
        "matches": "a regular expression",
        "within": "how far apart at most",
        "same": "an attribute with one value on both spans",
        "as": "what the attribute is called on the other span",
        "without": "no such span starts in between",
    }
)
"""What a spelling means, in a few words."""
