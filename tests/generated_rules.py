"""Generated rules about the traces of ``generated``.

A third of them are anything the language can say, the rest relations between spans with hardly a filter: a rule whose
filters nothing passes tells nothing of its relations.
"""

from __future__ import annotations

import dataclasses

import strategies
from generated import DURATIONS, FIELDS, NAMES, NUMBERS, TEXTS
from hypothesis import strategies as st

from fluo_lab.language import (
    Aggregate,
    Arithmetic,
    Comparison,
    Correlation,
    Count,
    Distinct,
    Duration,
    Every,
    Exists,
    Field,
    FieldComparison,
    FieldKind,
    Has,
    Name,
    Node,
    Not,
    Number,
    Operation,
    Operator,
    Relation,
    RelationKind,
    Rising,
    RuleTree,
    Selection,
    Text,
    all_of,
    any_of,
    print_rule,
)

__all__ = ["EITHER", "GROUPS", "ONE_TRACE", "Batch", "batches", "plain_rules", "rewritten", "rules"]

_WHERE = [
    *(Field(FieldKind.ATTRIBUTE, name) for name in ["f", "f", "g", "odd key"]),
    Field(FieldKind.RESOURCE, "f"),
    Field(FieldKind.RESOURCE, "service.name"),
    Field(FieldKind.SCOPE, "name"),
    Field(FieldKind.SCOPE, "f"),
    Field(FieldKind.SPAN, "name"),
    Field(FieldKind.SPAN, "service"),
    Field(FieldKind.SPAN, "status_message"),
    Field(FieldKind.SPAN, "duration"),
]
_LITERALS = [*TEXTS, *NUMBERS, 0.5, 5.0, 1e2, 9007199254740992.0, 1e300, True, False]
_GLOBS = [Name(("", "")), Name(("b", "")), Name(("", "/x")), Name(("", "c", ""))]
_SERVICE_NAMES = [None, Name(("shop",)), Name(("", "a", "")), Name(("unknown_service",))]

ONE_TRACE, EITHER, GROUPS = st.just(False), st.sampled_from([False, False, True]), st.just(True)
"""What rules judge: one trace, one or groups across traces, groups."""


def rewritten(node, change):
    """Return a tree with every node changed, from below."""
    if isinstance(node, tuple):
        return tuple(rewritten(item, change) for item in node)
    if not isinstance(node, Node):
        return node
    below = {f.name: rewritten(getattr(node, f.name), change) for f in dataclasses.fields(node) if f.name != "at"}
    return change(dataclasses.replace(node, **below))


# Rules whose every part is likely to matter: hardly any filter, few names, and relations everywhere.
_F, _G = (Field(FieldKind.ATTRIBUTE, name) for name in "fg")
_SERVICE = Field(FieldKind.SPAN, "service")
_some_spans = st.sampled_from([Operation(Name((name,))) for name in "aabbc"] + [Operation(Name(("", "")))])
_some_time = st.sampled_from([None, None, None, *map(Duration, DURATIONS)])
_same = st.sampled_from(
    [(), (), (), (), ((_F, _F),), ((_F, _F),), ((_F, _G),), ((_SERVICE, _SERVICE),), ((_F, _F), (_SERVICE, _SERVICE))]
)
_filter = st.sampled_from(
    [Exists(_G), FieldComparison(_F, Operator.EQ, Text("a")), FieldComparison(_F, Operator.GE, Number(2))]
)
_any_operator = st.sampled_from(Operator)


def _relations(where):
    ordered = st.sampled_from(strategies.ORDERED)
    unordered = st.sampled_from([kind for kind in RelationKind if kind not in strategies.ORDERED])
    partners = st.builds(Selection, _some_spans, where)
    return st.one_of(
        st.builds(Relation, ordered, partners, _some_time, _same),
        st.builds(Relation, ordered, partners, _some_time, st.just(()), _some_spans),
        st.builds(Relation, unordered, partners, _some_time, _same),
        st.builds(Relation, unordered, partners),
    )


_inner = _relations(st.just(()))
_relation = st.one_of(
    _inner, _inner, _relations(st.one_of(_inner, _inner.map(Not), _filter).map(lambda predicate: (predicate,)))
)
_related = st.one_of(
    _relation,
    _relation,
    _relation.map(Not),
    st.tuples(_relation, _relation | _filter).map(all_of),
    st.tuples(_relation, _relation | _filter).map(any_of),
)
_where = _related.map(lambda predicate: (predicate,))
_subjects = st.builds(Selection, _some_spans, _where)
_all_spans = st.builds(Selection, _some_spans, st.just(()) | _where)
_small = st.integers(0, 3).map(Number)
_count = st.builds(Count, _subjects)
_aggregate = st.builds(Aggregate, st.sampled_from(["sum", "min", "max", "avg"]), _subjects, st.just(_F))
_relational = st.one_of(
    st.builds(Has, _subjects),
    st.builds(Every, _all_spans, _related),
    st.builds(Every, st.builds(Selection, _some_spans), _related),
    st.builds(Rising, _all_spans, st.just(_F)),
    st.builds(Comparison, _count, _any_operator, _small),
    st.builds(Comparison, _aggregate | st.builds(Distinct, _subjects, st.just(_F)), _any_operator, _small),
    st.builds(Comparison, st.builds(Arithmetic, _count, st.sampled_from("+-*/"), _count), _any_operator, _small),
)
_RELATIONAL = st.one_of(
    st.builds(RuleTree, always=_relational),
    st.builds(RuleTree, never=_relational),
    st.builds(RuleTree, when=_relational, always=_relational),
)


class Batch(tuple):
    """Rules to evaluate at once, shown as texts."""

    def __repr__(self) -> str:
        return "\n".join(map(print_rule, self))

    def _repr_pretty_(self, printer, _is_cycle) -> None:
        printer.text(repr(self))


def batches(drawn, *, min_size=4, max_size=8):
    """Draw several rules."""
    return st.lists(drawn, min_size=min_size, max_size=max_size).map(Batch)


# Few values and long windows, lest every group be a single span.
_windows = st.sampled_from([*DURATIONS, 5, 9]).map(Duration)
_KEYS = st.sampled_from([_F, _F, _F, _SERVICE, _SERVICE, _SERVICE, *_WHERE])


@st.composite
def _correlations(draw, fields):
    return Correlation((draw(fields), *draw(st.sampled_from([(), (), (_G,), (_SERVICE,)]))), draw(_windows))


_ATTRIBUTES = st.sampled_from([Field(FieldKind.ATTRIBUTE, name) for name in FIELDS])


@st.composite
def rules(draw, *, across=ONE_TRACE):
    """Draw a rule, with globs and services here and there; ``across`` says whether it may, or must, judge groups."""

    def change(node):
        if isinstance(node, Operation) and draw(st.integers(0, 4)) == 0:
            return Operation(draw(st.sampled_from(_GLOBS)), draw(st.sampled_from(_SERVICE_NAMES)))
        return node

    rule = draw(_RELATIONAL) if draw(st.integers(0, 2)) else rewritten(draw(_DRAWN), change)
    return dataclasses.replace(rule, correlation=draw(_correlations(_KEYS))) if draw(across) else rule


@st.composite
def plain_rules(draw, *, across=ONE_TRACE):
    """Draw a rule of exact names, attributes and services, which another name changes only where it is named."""

    def change(node):
        if isinstance(node, Operation):
            service = Name((draw(st.sampled_from(["shop", "pay"])),)) if draw(st.integers(0, 2)) == 0 else None
            return Operation(node.name if node.name.is_exact else Name(("b",)), service)
        if isinstance(node, Relation) and draw(st.integers(0, 3)) == 0:
            return dataclasses.replace(node, same=(*node.same, (_SERVICE, _SERVICE)))
        return node

    drawn = _RELATIONAL if draw(st.integers(0, 2)) else _DRAWN_PLAIN
    rule = rewritten(draw(drawn), change)
    return dataclasses.replace(rule, correlation=draw(_correlations(_ATTRIBUTES))) if draw(across) else rule


_DRAWN, _DRAWN_PLAIN = (
    strategies.rules(correlation=False, names=NAMES, fields=fields, values=_LITERALS, durations=DURATIONS)
    for fields in (_WHERE, FIELDS)
)
