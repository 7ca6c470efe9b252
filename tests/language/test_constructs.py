"""Every construct of the language by example: canonical text, reading and verdicts, as in `constructs.yaml`.

A trace is written as spans with `;` between them:

    shop::payment.charge@0-10#first {amount: 5, span.status: error} < checkout

A span of the service `shop` from 0 to 10 milliseconds, called `first`, with an attribute and a status, whose parent is
the span called `checkout`. A span without another label is called by its name; one without `<` is a root. `< ?` is a
parent that is missing, as is every label that begins with `?`; such a trace is incomplete.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from fluo_lab.engine import Verdict, evaluate
from fluo_lab.language import (
    FieldKind,
    Form,
    Operator,
    RelationKind,
    bind,
    parse_rule,
    parse_template,
    print_rule,
    read_aloud,
    tree,
    walk,
)
from fluo_lab.language.names import SPAN_FIELDS
from fluo_lab.traces import PlainEvent, PlainSpan, SpanKind, StatusCode, traces_from_spans

MS = 1_000_000
SPAN = re.compile(
    r"""\s*(?:(?P<service>"[^"]*"|[\w.-]+)::)?(?P<name>'[^']*'|"[^"]*"|[\w.-]+)
        @(?P<start>\d+)-(?P<end>\d+)(?:\#(?P<label>\w+))?
        (?:\s*(?P<values>\{.*?\}))?(?:\s*<\s*(?P<parent>[^\s;]+))?\s*(?:;|$)""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Construct:
    """A rule with what it means: ``traces`` are lists judged together, each of pairs of a verdict and a trace."""

    name: str
    text: str
    canonical: str
    reading: str
    traces: list[list[tuple[str, str]]]
    params: dict[str, str | int] = field(default_factory=dict)


def load():
    """Return all entries of the file."""
    path = Path(__file__).parents[1] / "fixtures" / "constructs.yaml"
    entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    for entry in entries:
        together = [case if isinstance(case, list) else [case] for case in entry["traces"]]
        entry["traces"] = [[pair for case in cases for pair in case.items()] for cases in together]
    return [Construct(**entry) for entry in entries]


def spans_of(text, trace):
    """Return the spans of a trace as it is written."""
    ids, spans, offset = {}, [], 0
    while offset < len(text):
        found = SPAN.match(text, offset)
        assert found, f"no span at {text[offset:]!r}"
        offset = found.end()
        name, service = re.sub(r"""^(['"])(.*)\1$""", r"\2", found["name"]), found["service"]
        number = f"{len(spans) + 1:016x}"
        ids[found["label"] or name] = number
        parent = found["parent"]
        missing = f"{sum(map(ord, parent or '')):016x}f"[-16:]
        spans.append(
            PlainSpan(
                name,
                trace_id=f"{trace:032x}",
                span_id=number,
                parent_span_id=None if parent is None else missing if parent.startswith("?") else ids[parent],
                service=service and service.strip('"'),
                start_ns=int(found["start"]) * MS,
                end_ns=int(found["end"]) * MS,
                **values_of(yaml.safe_load(found["values"] or "{}")),
            )
        )
    return spans


def values_of(written):
    """Return what a span carries, sorted into attributes, resource, scope, events and its own fields."""
    found = {"attributes": {}, "resource": {}, "scope": {}, "events": []}
    for key, value in written.items():
        place, _, rest = key.partition(".")
        if key == "span.status":
            found["status"] = StatusCode[value.upper()]
        elif key == "span.kind":
            found["kind"] = SpanKind[value.upper()]
        elif key in ("span.status_message", "scope.name", "scope.version"):
            found[key.removeprefix("span.").replace(".", "_")] = str(value)
        elif place in ("resource", "scope"):
            found[place][rest] = value
        elif key == "events":
            found["events"] = [PlainEvent(event.pop("name"), attributes=event) for event in value]
        else:
            found["attributes"][key.strip('"')] = value
    return found


CONSTRUCTS = load()
by_name = pytest.mark.parametrize("construct", CONSTRUCTS, ids=[construct.name for construct in CONSTRUCTS])


@by_name
def test_the_printer_writes_the_canonical_text(construct):
    rule = parse_rule(construct.text, params=construct.params)
    assert print_rule(rule) == construct.canonical
    assert parse_rule(construct.canonical) == rule


@by_name
def test_the_reading_is_the_sentence(construct):
    assert read_aloud(parse_rule(construct.text, params=construct.params)) == construct.reading


@by_name
def test_the_verdicts_are_as_written(construct):
    rule = parse_rule(construct.text, params=construct.params)
    for together in construct.traces:
        spans = [span for number, (_, trace) in enumerate(together, 1) for span in spans_of(trace, number)]
        traces = traces_from_spans(spans)
        found = dict(zip(traces.traces["trace_id"], evaluate([rule], traces).verdicts[0], strict=True))
        given = [(Verdict(int(found[f"{number:032x}"])).label, trace) for number, (_, trace) in enumerate(together, 1)]
        assert given == together


@by_name
def test_a_template_bound_later_is_the_same_rule(construct):
    assert bind(parse_template(construct.text), construct.params) == parse_rule(construct.text, params=construct.params)


# --- nothing is left out

NODES = [node for construct in CONSTRUCTS for node in walk(parse_template(construct.text))]


def test_names_tell_the_entries_apart():
    assert len({construct.name for construct in CONSTRUCTS}) == len(CONSTRUCTS)


def test_every_entry_shows_a_pass_and_a_violation_and_what_else_there_can_be():
    constants = {"a comparison of constants"}
    for construct in CONSTRUCTS:
        shown = {verdict for together in construct.traces for verdict, _ in together}
        wanted = {"pass"} if construct.name in constants else {"pass", "violation"}
        if parse_rule(construct.text, params=construct.params).when is not None:
            wanted |= {"not_applicable"}
        assert wanted <= shown, construct.name


def test_every_kind_of_node_has_an_entry():
    kinds = {
        kind
        for kind in vars(tree).values()
        if isinstance(kind, type) and issubclass(kind, tree.Node) and kind is not tree.Node
    }
    assert {type(node) for node in NODES} == kinds


def test_every_word_of_a_fixed_list_has_an_entry():
    assert {node.kind for node in NODES if isinstance(node, tree.Relation)} == set(RelationKind)
    assert {node.kind for node in NODES if isinstance(node, tree.Field)} == set(FieldKind)
    assert {node.form for node in NODES if isinstance(node, tree.RuleTree)} == set(Form)
    assert {node.function for node in NODES if isinstance(node, tree.Aggregate)} == {"sum", "min", "max", "avg"}
    assert {node.operator for node in NODES if isinstance(node, tree.Arithmetic)} == set("+-*/")
    span_fields = {node.name for node in NODES if isinstance(node, tree.Field) and node.kind is FieldKind.SPAN}
    assert span_fields == set(SPAN_FIELDS)
    for comparison in (tree.FieldComparison, tree.Comparison):
        assert {node.operator for node in NODES if isinstance(node, comparison)} == set(Operator)


def test_every_option_has_an_entry():
    relations = [node for node in NODES if isinstance(node, tree.Relation)]
    assert {node.kind for node in relations if node.within is not None} >= {
        *(kind for kind in RelationKind if kind.is_ordered),
        RelationKind.CHILD_OF,
    }
    assert {node.without is None for node in relations} == {True, False}
    assert {len(node.same) for node in relations} >= {0, 1, 2}
    assert any(here != there for node in relations for here, there in node.same)
    assert any(node.selection.where for node in relations)
    assert any(
        isinstance(inner, tree.Relation)
        for node in relations
        for where in node.selection.where
        for inner in walk(where)
    )
    for negatable in (tree.In, tree.Contains, tree.Matches):
        assert {node.negated for node in NODES if isinstance(node, negatable)} == {True, False}
    assert {node.where is None for node in NODES if isinstance(node, tree.Event)} == {True, False}
    assert {len(node.fields) for node in NODES if isinstance(node, tree.Correlation)} == {1, 2}
    assert {len(node.where) for node in NODES if isinstance(node, tree.Selection)} >= {0, 1, 2}
    names = [node.name for node in NODES if isinstance(node, tree.Operation)]
    assert {(name.is_exact, name.is_any) for name in names} == {(True, False), (False, False), (False, True)}
