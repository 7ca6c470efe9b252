"""Names in a rule that the traces do not have: a rule about them says nothing, however often it is asked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from fluo_lab.errors import Diagnostic, Severity
from fluo_lab.language import (
    Aggregate,
    Distinct,
    Event,
    Every,
    Field,
    FieldKind,
    Name,
    Node,
    Operation,
    Relation,
    Rising,
    Selection,
    print_field,
    print_name,
    walk,
)
from fluo_lab.rules.rule import Rule
from fluo_lab.traces import Traces

__all__ = ["unknown_names"]


def unknown_names(rule: Rule, traces: Traces) -> list[Diagnostic]:
    """Return a warning for every span name, service and attribute of a rule that the traces lack.

    A name that some traces could still have is no error: the finding names the nearest ones there are.
    """
    found: dict[tuple[str, str], Diagnostic] = {}
    for code, message, node, hint in _unknown(rule, traces):
        diagnostic = Diagnostic.at(
            code, message, rule.condition, node.at.start, node.at.end, hint=hint, severity=Severity.WARNING
        )
        found.setdefault((code, message), diagnostic)
    return list(found.values())


Unknown = tuple[str, str, Node, str | None]


def _unknown(rule: Rule, traces: Traces) -> Iterator[Unknown]:
    for node in walk(rule.tree):
        if isinstance(node, Operation):
            yield from _unknown_operation(node, traces)
        for selection, fields in _asked(node):
            yield from _unknown_attributes(selection, fields, traces)


def _unknown_operation(operation: Operation, traces: Traces) -> Iterator[Unknown]:
    if not _matching(operation.name, traces.span_names):
        shown = print_name(operation.name)
        hint = _nearest(shown, traces.span_names)
        yield "FL605", f"no span in these traces is named {shown}", operation, hint
    service = operation.service
    if service is not None and not _matching(service, traces.services):
        shown = print_name(service)
        yield "FL605", f"no service in these traces is named {shown}", operation, _nearest(shown, traces.services)


def _matching(name: Name, known: list[str]) -> list[str]:
    """Return the known names a pattern fits."""
    if name.is_exact:
        return [name.parts[0]] if name.parts[0] in known else []
    pattern = re.compile(".*".join(map(re.escape, name.parts)), re.DOTALL)
    return [word for word in known if pattern.fullmatch(word)]


def _asked(node: Node) -> Iterator[tuple[Selection, list[Field]]]:
    """Yield the selections right in a node, each with the fields of its spans that the node asks about."""
    match node:
        case Selection(where=where):
            yield node, [field for predicate in where for field in _fields(predicate)]
        case Every(selection=selection, must=must):
            yield selection, list(_fields(must))
        case Rising(selection=selection, field=field):
            yield selection, [field]
        case Aggregate(selection=selection, field=field) | Distinct(selection=selection, field=field):
            yield selection, [field]
        case Relation(selection=selection, same=same):
            yield selection, [other for _, other in same]


def _fields(node: Node) -> Iterator[Field]:
    """Yield the fields of the span a predicate is about; events and related spans have their own."""
    if isinstance(node, Field):
        yield node
    elif isinstance(node, Relation):
        yield from (own for own, _ in node.same)
    elif not isinstance(node, Event):
        for child in node.children():
            yield from _fields(child)


def _unknown_attributes(selection: Selection, fields: Iterable[Field], traces: Traces) -> Iterator[Unknown]:
    asked = [field for field in fields if field.kind is FieldKind.ATTRIBUTE]
    names = _matching(selection.operation.name, traces.span_names) if asked else []
    if not names:
        return
    codes = traces.name_dictionary.codes(names)
    known = {key for code in codes.values() for key, _ in traces.attribute_table.group_of(code).keys}
    for field in asked:
        if field.name not in known:
            spans = f"span {print_name(selection.operation.name)}"
            hint = _nearest(field.name, known)
            yield "FL606", f"no {spans} in these traces has the attribute {print_field(field)}", field, hint


def _nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known names most like one, for a hint."""
    known = sorted(known)
    found = get_close_matches(word, known, n=3, cutoff=0.5)
    if found:
        return f"the nearest there {'is' if len(found) == 1 else 'are'}: {', '.join(found)}"
    return f"there are: {', '.join(known)}" if 0 < len(known) <= 8 else None
