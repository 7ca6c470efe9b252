"""From a rule to YAML: its fields in their order, conditions as ``|`` blocks, spans of tests one a line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

from fluo_lab.errors import UsageError
from fluo_lab.language import print_duration
from fluo_lab.rules.inline import (
    DEFAULT_DURATION_NS,
    DEFAULT_SERVICE,
    ROOT_SPAN_ID,
    InlineTest,
    default_root,
    default_span_id,
)
from fluo_lab.rules.load import resolve_plain
from fluo_lab.rules.rule import Mode, Rule
from fluo_lab.rules.schema import RULE_FIELDS
from fluo_lab.traces import PlainEvent, PlainSpan, SpanKind, StatusCode

__all__ = ["render_field", "render_file", "render_rule", "rule_to_mapping"]

_PLAIN = re.compile(r"[A-Za-z_](?:[A-Za-z0-9_./() -]*[A-Za-z0-9_.)])?|[1-9][0-9]*(?:ns|us|ms|s|m|h)")


def rule_to_mapping(rule: Rule) -> dict[str, Any]:
    """Return a rule as the mapping a rule file holds: fields in order, what is at its default left out.

    Raises
    ------
    UsageError
        When a test holds a value YAML has no plain form for.

    Examples
    --------
    >>> list(rule_to_mapping(Rule("trace.has(b) and trace.has(c)", id="b-needs-c")))
    ['id', 'name', 'severity', 'condition']
    """
    fields: dict[str, Any] = {
        **rule.extra,
        "id": rule.id,
        "name": rule.name or rule.id,
        "severity": rule.severity.value,
        "condition": rule.condition.strip() + "\n",
    }
    if rule.description:
        fields["description"] = rule.description + "\n" * ("\n" in rule.description)
    if rule.mode is not Mode.REQUIRE:
        fields["mode"] = rule.mode.value
    if rule.params:
        fields["params"] = dict(rule.params)
    if rule.tests:
        fields["tests"] = [_test_to_mapping(test) for test in rule.tests]
    known = {key: fields.pop(key) for key in RULE_FIELDS if key in fields}
    tests = {"tests": known.pop("tests")} if "tests" in known else {}
    return {**known, **fields, **tests}


def _test_to_mapping(test: InlineTest) -> dict[str, Any]:
    """Return a test as a mapping that reads back as the same test."""
    mapping: dict[str, Any] = {"name": test.name, "expect": test.expect.label}
    if test.todo:
        mapping["todo"] = True
    if test.trace_file is not None:
        return {**mapping, "trace_file": test.trace_file}
    spans = test.spans
    traces = list(dict.fromkeys(span.trace_id for span in spans))
    has_root = spans[: len(traces)] == _roots(spans[len(traces) :])
    if has_root:
        spans = spans[len(traces) :]
    else:
        mapping["root"] = False
    ids = {span.span_id for span in spans}
    if len(ids) < len(spans) and len(traces) > 1:
        raise UsageError(f"the test '{test.name}' has a span id in two traces, which a rule file cannot hold")
    lacks_parent = any(s.parent_span_id not in (None, *ids) for s in spans) and not has_root
    if test.incomplete or lacks_parent:
        mapping["incomplete"] = True
    first_ns = 0 if has_root else min(span.start_ns for span in spans)
    parents = {span.parent_span_id for span in spans}
    next_start_ns = DEFAULT_DURATION_NS if has_root else 0
    mapping["spans"] = []
    for number, span in enumerate(spans):
        written: dict[str, Any] = {"name": span.name}
        if len(traces) > 1:
            written["trace"] = f"t{traces.index(span.trace_id) + 1}"
        if span.span_id != default_span_id(number) or span.span_id in parents:
            written["id"] = span.span_id
        if span.parent_span_id in ids:
            written["parent"] = span.parent_span_id
        elif has_root and span.parent_span_id != ROOT_SPAN_ID:
            raise UsageError(
                f"the test '{test.name}' has a shared root and a span '{span.name}' that does not hang on it"
            )
        start_ns = span.start_ns - first_ns
        if start_ns != next_start_ns:
            written["start"] = print_duration(start_ns)
        next_start_ns = start_ns + span.end_ns - span.start_ns
        mapping["spans"].append({**written, **_span_fields(span)})
    return mapping


def _roots(spans: Sequence[PlainSpan]) -> tuple[PlainSpan, ...]:
    """Return the roots that a test with these spans shares, one a trace."""
    ends: dict[str, int] = {}
    for span in spans:
        ends[span.trace_id] = max(span.end_ns, ends.get(span.trace_id, 0))
    return tuple(default_root(end_ns, trace_id=trace_id) for trace_id, end_ns in ends.items())


def _span_fields(span: PlainSpan) -> dict[str, Any]:
    """Return the fields of a span that do not depend on the others."""
    fields: dict[str, Any] = {}
    if span.end_ns - span.start_ns != DEFAULT_DURATION_NS:
        fields["duration"] = print_duration(span.end_ns - span.start_ns)
    if span.service != DEFAULT_SERVICE:
        fields["service"] = span.service
    if span.kind.label != SpanKind.INTERNAL.label:
        fields["kind"] = span.kind.label
    if span.status is not StatusCode.UNSET:
        fields["status"] = span.status.label
    for key in ("status_message", "scope_name", "scope_version"):
        value = getattr(span, key)
        if value:
            fields[key] = value
    for key in ("attributes", "resource", "scope"):
        values = _present(getattr(span, key), f"the span '{span.name}'")
        if values:
            fields[key] = values
    if span.events:
        fields["events"] = [_event_to_mapping(event, span.start_ns) for event in span.events]
    return fields


def _event_to_mapping(event: PlainEvent, start_ns: int) -> dict[str, Any] | str:
    mapping: dict[str, Any] = {"name": event.name}
    if event.time_ns > start_ns:
        mapping["at"] = print_duration(event.time_ns - start_ns)
    values = _present(event.attributes, f"the event '{event.name}'")
    if values:
        mapping["attributes"] = values
    return mapping if len(mapping) > 1 else event.name


def _present(values: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """Return the values that are there; None is a missing one."""
    for key, value in values.items():
        if _holds_bytes(value):
            raise UsageError(f"{owner} has the attribute '{key}' of bytes, which a rule file cannot hold; leave it out")
    return {key: value for key, value in values.items() if value is not None}


def _holds_bytes(value: object) -> bool:
    if isinstance(value, dict):
        return any(_holds_bytes(item) for item in value.values())
    if isinstance(value, list):
        return any(_holds_bytes(item) for item in value)
    return isinstance(value, bytes)


# --- as text --------------------------------------------------------------------------------------------------


def render_file(mappings: Iterable[Mapping[str, Any]]) -> str:
    """Return a whole rule file."""
    rules = [render_rule(mapping, dash_column=2) for mapping in mappings]
    return "rules:\n" + "\n".join(rules) if rules else "rules: []\n"


def render_rule(mapping: Mapping[str, Any], *, dash_column: int) -> str:
    """Return one item of the list of rules, its ``-`` at a column counted from 0, with a line break at the end."""
    indented = _indented(_dump(mapping), dash_column + 2)
    return " " * dash_column + "- " + indented[dash_column + 2 :]


def render_field(key: str, value: Any, *, column: int = 0) -> str:
    """Return ``key: value`` at a column counted from 0, with a line break at the end."""
    return _indented(_dump({key: value}), column)


def _dump(mapping: Mapping[str, Any]) -> str:
    """Return fields at column 0, with a line break at the end."""
    shaped = {k: [_test_shape(test) for test in v] if k == "tests" else _shape(v) for k, v in mapping.items()}
    out = StringIO()
    _emitter().dump(CommentedMap(shaped), out)
    text = out.getvalue()
    return text if text.endswith("\n") else text + "\n"


def _emitter() -> YAML:
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def _indented(text: str, column: int) -> str:
    return "".join(" " * column + line if line.strip() else line for line in text.splitlines(keepends=True))


def _shape(value: Any) -> Any:
    """Return plain data with the styles it is written in."""
    if isinstance(value, Mapping):
        return CommentedMap({_quoted(key): _shape(item) for key, item in value.items()})
    if isinstance(value, (list, tuple)):
        return CommentedSeq([_shape(item) for item in value])
    if isinstance(value, str):
        return LiteralScalarString(value) if _is_block(value) else _quoted(value)
    return value


def _is_block(text: str) -> bool:
    """Whether a text is whole visible lines, so that a ``|`` block gives it back in any reader."""
    lines = text.split("\n")
    is_whole = len(lines) > 1 and lines[-1] == "" and lines[-2] != "" and lines[0] == lines[0].strip() != ""
    return is_whole and all(line.isprintable() and line == line.rstrip() for line in lines)


def _quoted(text: str) -> str:
    """Return a text that needs no quotes in any place and any reader as it is, any other in double quotes."""
    is_plain = _PLAIN.fullmatch(text) and isinstance(resolve_plain(text), str)
    return text if is_plain else DoubleQuotedScalarString(text)


def _test_shape(test: Any) -> Any:
    """Return a test, each of its spans on one line."""
    shaped = _shape(test)
    spans = shaped.get("spans") if isinstance(shaped, CommentedMap) else None
    for span in spans if isinstance(spans, CommentedSeq) else ():
        if isinstance(span, CommentedMap):
            _flatten(span)
    return shaped


def _flatten(node: Any) -> None:
    """Have a node and all below it written in braces and brackets, texts in quotes where they need any."""
    node.fa.set_flow_style()
    for key in list(node) if isinstance(node, CommentedMap) else range(len(node)):
        item = node[key]
        if isinstance(item, (CommentedMap, CommentedSeq)):
            _flatten(item)
        elif isinstance(item, LiteralScalarString):
            node[key] = _quoted(str(item))
