"""Parameters: give each ``$name`` of a tree its value."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, TypeAlias, TypeVar, cast

from fluo_lab.language.checks import Kind, is_duration_field, kind_of
from fluo_lab.language.findings import Findings, closest, rewrite
from fluo_lab.language.limits import MAX_STRING_CHARACTERS
from fluo_lab.language.literals import MAX_INTEGER, MIN_INTEGER, parse_duration
from fluo_lab.language.tree import (
    Arithmetic,
    Bool,
    Comparison,
    Correlation,
    Duration,
    FieldComparison,
    In,
    Matches,
    Node,
    Number,
    Numeric,
    Parameter,
    Relation,
    Text,
    Value,
)

__all__ = ["ParamValue", "bind_parameters"]

ParamValue: TypeAlias = str | int | float | bool
"""What a parameter may be given."""

N = TypeVar("N", bound=Node)


def bind_parameters(tree: N, params: Mapping[str, ParamValue], findings: Findings) -> N:
    """Return the tree with values for its parameters; what cannot be bound stays and is a finding."""
    return _Binder(params, findings).bind(tree)


class _Binder:
    def __init__(self, params: Mapping[str, ParamValue], findings: Findings) -> None:
        self.params = params
        self.findings = findings

    def bind(self, node: N, *, is_time: bool = False) -> N:
        """Return a node with its parameters bound. ``is_time`` says whether a duration is expected in it."""
        if isinstance(node, Parameter):
            return cast(N, self._value(node, is_time=is_time))
        timed = is_time and isinstance(node, Arithmetic)
        match node:
            case FieldComparison(field=field) | In(field=field):
                timed = is_duration_field(field)
            case Comparison(left=left, right=right):
                timed = _mentions_time(left) or _mentions_time(right)
            case Arithmetic():
                timed = timed or _mentions_time(node)
            case Relation() | Correlation():
                timed = True
        changes: dict[str, Any] = {}
        for name in (f.name for f in fields(node)):
            old = getattr(node, name)
            # Only the parameters right below take part in a node's own expectation.
            if isinstance(old, Node):
                new: object = self.bind(old, is_time=timed)
            elif isinstance(old, tuple):
                new = tuple(self.bind(item, is_time=timed) if isinstance(item, Node) else item for item in old)
            else:
                continue
            if new is not old:
                changes[name] = new
        result = replace(node, **changes) if changes else node
        self._check_place(node, result)
        return result

    def _value(self, node: Parameter, *, is_time: bool) -> Value:
        if node.name not in self.params:
            near = closest(node.name, self.params)
            hint = f"did you mean '${near}'?" if near else f"give it a value under params: {node.name}: …"
            fixes = [rewrite(node.at, f"${near}")] if near and node.at.end <= len(self.findings.text) else []
            self.findings.add("FL301", f"unbound parameter '${node.name}'", node.at, hint=hint, fixes=fixes)
            return node
        value = self.params[node.name]
        if isinstance(value, bool):
            return Bool(value=value, at=node.at)
        if isinstance(value, str):
            ns = parse_duration(value) if is_time else None
            return Text(value=self._text(node, value), at=node.at) if ns is None else Duration(ns=ns, at=node.at)
        if isinstance(value, int) and MIN_INTEGER <= value <= MAX_INTEGER:
            return Number(value=value, at=node.at)
        if isinstance(value, float) and math.isfinite(value):
            return Number(value=value, at=node.at)
        message = f"the value of '${node.name}' is neither a text, a bool nor a number within 64 bits: {value!r:.60}"
        self.findings.add("FL302", message, node.at, hint="give it one of these")
        return node

    def _text(self, node: Parameter, value: str) -> str:
        if len(value) > MAX_STRING_CHARACTERS:
            size = f"{len(value):,} characters; a string may have {MAX_STRING_CHARACTERS:,}"
            message = f"the value of '${node.name}' has {size}"
            self.findings.add("FL002", message, node.at, hint="give it a shorter one")
        if any("\ud800" <= c <= "\udfff" for c in value):
            message = f"the value of '${node.name}' holds half of a surrogate pair, which is no character"
            self.findings.add("FL011", message, node.at, hint="give it whole characters")
        return value

    def _check_place(self, before: Node, after: Node) -> None:
        """Record a value of a kind its place cannot take."""
        for name, allowed, wanted, hint in _PLACES.get(type(after), ()):
            old, new = getattr(before, name), getattr(after, name)
            if isinstance(old, Parameter) and not isinstance(new, (Parameter, *allowed)):
                self.findings.add("FL302", f"'${old.name}' must be {wanted}", old.at, hint=hint)


_TIME = ("within", (Duration,), "a duration", 'give it a duration such as "10m"')
_PATTERN = ("pattern", (Text,), "a text: a regular expression", "put its value in quotes")
_NUMERIC = (Number, Duration), "a number or a duration", 'give it one, such as 5 or "10m"'
_PLACES: dict[type[Node], tuple[tuple[str, tuple[type[Node], ...], str, str], ...]] = {
    Relation: (_TIME,),
    Correlation: (_TIME,),
    Matches: (_PATTERN,),
    Arithmetic: (("left", *_NUMERIC), ("right", *_NUMERIC)),
    Comparison: (("left", *_NUMERIC), ("right", *_NUMERIC)),
}
"""What a parameter may become, by the node it stands in."""


def _mentions_time(node: Numeric) -> bool:
    """Whether a duration stands anywhere in a number."""
    if isinstance(node, Arithmetic):
        return _mentions_time(node.left) or _mentions_time(node.right)
    return kind_of(node) is Kind.DURATION
