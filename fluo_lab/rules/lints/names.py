"""Names in a rule that the traces do not have: a rule about them says nothing, however often it is asked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches
from typing import ClassVar

import polars as pl

from fluo_lab.engine.columns import fields_of
from fluo_lab.engine.globs import fitting
from fluo_lab.errors import Diagnostic, Fix, Severity
from fluo_lab.language import (
    Aggregate,
    Distinct,
    Every,
    Field,
    FieldKind,
    Name,
    Node,
    Operation,
    Position,
    Relation,
    Rising,
    Selection,
    print_field,
    print_name,
    walk,
)
from fluo_lab.rules.lints.lint import finding
from fluo_lab.rules.lints.measured import Measured
from fluo_lab.rules.rule import Rule
from fluo_lab.traces import Traces
from fluo_lab.traces.semconv import readings_of

__all__ = ["UnknownAttribute", "UnknownName", "asked_fields", "unknown_names"]


def unknown_names(rule: Rule, traces: Traces) -> list[Diagnostic]:
    """Return a warning for every span name, service and attribute of a rule that the traces lack.

    A name that some traces could still have is no error: the finding names the nearest ones there are. An attribute
    that the traces have under another name of the semantic conventions is known; the finding is information.
    """
    measured = Measured(rule, traces)
    found = [*UnknownName().find(measured), *UnknownAttribute().find(measured)]
    return sorted(found, key=lambda diagnostic: diagnostic.start)


class UnknownName:
    """A span or service name that no span has."""

    code: ClassVar[str] = "FL605"
    summary: ClassVar[str] = "a span or service name the traces do not have"

    def find(self, measured: Measured) -> Iterator[Diagnostic]:
        """Yield one finding a name, with the nearest ones there are."""
        traces = measured.traces
        told: set[tuple[str, Name]] = set()
        for node in walk(measured.rule.tree):
            if not isinstance(node, Operation):
                continue
            for what, name, known in (
                ("span", node.name, traces.span_names),
                ("service", node.service, traces.services),
            ):
                if name is None or (what, name) in told or matching(name, known):
                    continue
                told.add((what, name))
                shown = print_name(name)
                message = f"no {what} in these traces is named {shown}"
                near = _nearest(shown, known)
                fixes = [_renaming(name.at, print_name(Name((word,)))) for word in near]
                yield finding(self, measured.rule, message, node.at, _choice(near, known), fixes=fixes)


class UnknownAttribute:
    """An attribute that no span of the operation has."""

    code: ClassVar[str] = "FL606"
    summary: ClassVar[str] = "an attribute the spans do not have"

    def find(self, measured: Measured) -> Iterator[Diagnostic]:
        """Yield one finding an attribute, with the nearest ones there are."""
        yield from self._of_scope(measured)
        told: set[str] = set()
        for node in walk(measured.rule.tree):
            for selection, fields in asked_fields(node):
                for found in self._of(selection, fields, measured):
                    if found.message not in told:
                        told.add(found.message)
                        yield found

    def _of_scope(self, measured: Measured) -> Iterator[Diagnostic]:
        """Yield the fields after ``per`` that no span at all has."""
        scope = measured.rule.tree.correlation
        if scope is None:
            return
        table, rule = measured.traces.attribute_table, measured.rule
        known = {key for group in table.groups for key, _ in group.keys}
        for field in scope.fields:
            is_read = field.name in known or any(alias.key in known for alias in readings_of(field.name))
            if field.kind is FieldKind.ATTRIBUTE and not is_read:
                message = f"no span in these traces has the attribute {print_field(field)}"
                near = _nearest(field.name, known)
                fixes = [_renaming(field.at, print_field(Field(FieldKind.ATTRIBUTE, word))) for word in near]
                yield finding(self, rule, message, field.at, _choice(near, known), fixes=fixes)

    def _of(self, selection: Selection, fields: Iterable[Field], measured: Measured) -> Iterator[Diagnostic]:
        traces, rule = measured.traces, measured.rule
        asked = [field for field in fields if field.kind is FieldKind.ATTRIBUTE]
        names = matching(selection.operation.name, traces.span_names) if asked else []
        if not names:
            return
        codes = list(traces.name_dictionary.codes(names).values())
        known = {key for code in codes for key, _ in traces.attribute_table.group_of(code).keys}
        for field in asked:
            if field.name in known:
                continue
            spans = f"span {print_name(selection.operation.name)}"
            message = f"no {spans} in these traces has the attribute {print_field(field)}"
            others = _other_names(field.name, known, traces, codes)
            if others:
                message = f"{message}, but {' and '.join(others)}"
                hint = "its value is read from there; both names mean the same"
                yield finding(self, rule, message, field.at, hint, severity=Severity.INFO)
                continue
            near = _nearest(field.name, known)
            fixes = [_renaming(field.at, print_field(Field(FieldKind.ATTRIBUTE, word))) for word in near]
            yield finding(self, rule, message, field.at, _choice(near, known), fixes=fixes)


def matching(name: Name, known: list[str]) -> list[str]:
    """Return the known names a pattern fits."""
    if name.is_exact:
        return [name.parts[0]] if name.parts[0] in known else []
    values = pl.Series(known, dtype=pl.String)
    return values.filter(pl.Series(fitting(values, name))).to_list()


def asked_fields(node: Node) -> Iterator[tuple[Selection, list[Field]]]:
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


def _other_names(key: str, known: Collection[str], traces: Traces, codes: list[int]) -> list[str]:
    """Return the known names from which the engine reads a key on spans of some names."""
    aliases = [alias for alias in readings_of(key) if alias.key in known]
    if not any(alias.kinds for alias in aliases):
        return [alias.key for alias in aliases]
    kinds = set(traces.table.filter(pl.col("name").is_in(codes))["kind"].unique().to_list())
    return [alias.key for alias in aliases if alias.kinds is None or kinds & alias.kinds]


def _nearest(word: str, known: Iterable[str]) -> list[str]:
    """Return the known names most like one."""
    return get_close_matches(word, sorted(known), n=3, cutoff=0.5)


def _choice(near: list[str], known: Collection[str]) -> str:
    """Return the names there are, as a hint."""
    if near:
        return f"the nearest there {'is' if len(near) == 1 else 'are'}: {', '.join(near)}"
    if not known:
        return "there are none at all"
    return (
        f"there are: {', '.join(sorted(known))}" if len(known) <= 8 else f"none of the {len(known):,} there is like it"
    )


def _renaming(at: Position, name: str) -> Fix:
    return Fix.replacing(f"write {name}", at.start, at.end, name)
