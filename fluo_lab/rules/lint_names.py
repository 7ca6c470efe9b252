"""Names in a rule that the traces do not have: a rule about them says nothing, however often it is asked."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

import polars as pl

from fluo_lab.engine.columns import fields_of
from fluo_lab.errors import Diagnostic, Severity
from fluo_lab.language import (
    Aggregate,
    Distinct,
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
from fluo_lab.traces.semconv import readings_of

__all__ = ["unknown_names"]


def unknown_names(rule: Rule, traces: Traces) -> list[Diagnostic]:
    """Return a warning for every span name, service and attribute of a rule that the traces lack.

    A name that some traces could still have is no error: the finding names the nearest ones there are. An attribute
    that the traces have under another name of the semantic conventions is known; the finding is information.
    """
    found: dict[tuple[str, str], Diagnostic] = {}
    for unknown in _unknown(rule, traces):
        at = unknown.node.at
        diagnostic = Diagnostic.at(
            unknown.code,
            unknown.message,
            rule.condition,
            at.start,
            at.end,
            hint=unknown.hint,
            severity=unknown.severity,
        )
        found.setdefault((unknown.code, unknown.message), diagnostic)
    return list(found.values())


@dataclass(frozen=True, slots=True)
class _Unknown:
    """A name the traces lack, and where the rule says it."""

    code: str
    message: str
    node: Node
    hint: str | None
    severity: Severity = Severity.WARNING


def _unknown(rule: Rule, traces: Traces) -> Iterator[_Unknown]:
    for node in walk(rule.tree):
        if isinstance(node, Operation):
            yield from _unknown_operation(node, traces)
        for selection, fields in _asked(node):
            yield from _unknown_attributes(selection, fields, traces)


def _unknown_operation(operation: Operation, traces: Traces) -> Iterator[_Unknown]:
    if not _matching(operation.name, traces.span_names):
        shown = print_name(operation.name)
        hint = _nearest(shown, traces.span_names)
        yield _Unknown("FL605", f"no span in these traces is named {shown}", operation, hint)
    service = operation.service
    if service is not None and not _matching(service, traces.services):
        shown = print_name(service)
        hint = _nearest(shown, traces.services)
        yield _Unknown("FL605", f"no service in these traces is named {shown}", operation, hint)


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
            yield node, [field for predicate in where for field in fields_of(predicate)]
        case Every(selection=selection, must=must):
            yield selection, list(fields_of(must))
        case Rising(selection=selection, field=field):
            yield selection, [field]
        case Aggregate(selection=selection, field=field) | Distinct(selection=selection, field=field):
            yield selection, [field]
        case Relation(selection=selection, same=same):
            yield selection, [other for _, other in same]


def _unknown_attributes(selection: Selection, fields: Iterable[Field], traces: Traces) -> Iterator[_Unknown]:
    asked = [field for field in fields if field.kind is FieldKind.ATTRIBUTE]
    names = _matching(selection.operation.name, traces.span_names) if asked else []
    if not names:
        return
    codes = traces.name_dictionary.codes(names)
    known = {key for code in codes.values() for key, _ in traces.attribute_table.group_of(code).keys}
    for field in asked:
        if field.name not in known:
            spans = f"span {print_name(selection.operation.name)}"
            message = f"no {spans} in these traces has the attribute {print_field(field)}"
            others = _other_names(field.name, known, traces, list(codes.values()))
            if others:
                hint = "its value is read from there; both names mean the same"
                yield _Unknown("FL606", f"{message}, but {' and '.join(others)}", field, hint, Severity.INFO)
            else:
                yield _Unknown("FL606", message, field, _nearest(field.name, known))


def _other_names(key: str, known: Collection[str], traces: Traces, codes: list[int]) -> list[str]:
    """Return the known names from which the engine reads a key on spans of some names."""
    aliases = [alias for alias in readings_of(key) if alias.key in known]
    if not any(alias.kinds for alias in aliases):
        return [alias.key for alias in aliases]
    kinds = set(traces.table.filter(pl.col("name").is_in(codes))["kind"].unique().to_list())
    return [alias.key for alias in aliases if alias.kinds is None or kinds & alias.kinds]


def _nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known names most like one, for a hint."""
    known = sorted(known)
    found = get_close_matches(word, known, n=3, cutoff=0.5)
    if found:
        return f"the nearest there {'is' if len(found) == 1 else 'are'}: {', '.join(found)}"
    return f"there are: {', '.join(known)}" if 0 < len(known) <= 8 else None
