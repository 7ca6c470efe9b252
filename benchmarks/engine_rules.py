"""Rules as the benchmark of the engine states them: small enough to be said in the words of every contestant.

A rule is ``when { guard } always { obligation }``. ``draw_rules`` draws them, seeded, from what the traces hold: names,
attributes with values that occur, pairs of spans that do stand in the relation.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from fluo_lab.language import RelationKind, RuleTree, parse_rule
from fluo_lab.traces import Traces, ValueType

__all__ = [
    "Atom",
    "Count",
    "Every",
    "Filter",
    "Has",
    "Pool",
    "Relation",
    "Rule",
    "SpanPairs",
    "Spans",
    "draw_relation",
    "draw_rules",
    "make_pool",
]

_WITHIN_MS = (1, 10, 100, 1000)
_SHARE_OF_RELATIONS = 3
_RELATIONS_PER_KIND = 6
_PRESENCE_ATOMS = 240


@dataclass(frozen=True)
class Filter:
    """A comparison of one attribute: ``>`` with a number, or ``==``."""

    field: str
    operator: str
    value: int | float | str

    @property
    def text(self) -> str:
        """The predicate in the rule language."""
        shown = f'"{self.value}"' if isinstance(self.value, str) else self.value
        return f'"{self.field}" {self.operator} {shown}'


@dataclass(frozen=True)
class Spans:
    """The spans of a name, all or those that satisfy a filter."""

    name: str
    where: Filter | None = None

    def text(self, function: str = "") -> str:
        """Return the selection, as the argument of a function or of a relation."""
        operation = f'"{self.name}"'
        if function:
            operation = f"{function}({operation})"
        return operation if self.where is None else f"{operation}.where({self.where.text})"


@dataclass(frozen=True)
class Has:
    """Some span is there."""

    spans: Spans

    @property
    def text(self) -> str:
        """The atom in the rule language."""
        return self.spans.text("trace.has")


@dataclass(frozen=True)
class Count:
    """At most so many spans are there."""

    spans: Spans
    limit: int

    @property
    def text(self) -> str:
        """The atom in the rule language."""
        return f"{self.spans.text('trace.count')} <= {self.limit}"


@dataclass(frozen=True)
class Relation:
    """Some other span stands in a relation."""

    kind: RelationKind
    partner: Spans
    within_ms: int | None = None
    same: str | None = None
    without: str | None = None

    @property
    def text(self) -> str:
        """The predicate in the rule language."""
        parts = [self.partner.text()]
        if self.within_ms is not None:
            parts.append(f"within {self.within_ms}ms")
        if self.same is not None:
            parts.append(f'same "{self.same}"')
        if self.without is not None:
            parts.append(f'without "{self.without}"')
        return f"{self.kind}({', '.join(parts)})"


@dataclass(frozen=True)
class Every:
    """Every span satisfies a filter, or stands in a relation."""

    spans: Spans
    must: Filter | Relation

    @property
    def text(self) -> str:
        """The atom in the rule language."""
        return f"{self.spans.text('trace.every')}.must({self.must.text})"


Atom: TypeAlias = Has | Count | Every


@dataclass(frozen=True)
class Rule:
    """What must hold where a guard does; of a relation the guard is that its subject is there."""

    guard: Atom
    obligation: Atom

    @property
    def relation(self) -> Relation | None:
        """The relation the rule asks about, if it does."""
        must = self.obligation.must if isinstance(self.obligation, Every) else None
        return must if isinstance(must, Relation) else None

    @property
    def text(self) -> str:
        """The rule in the rule language."""
        return f"when {{ {self.guard.text} }} always {{ {self.obligation.text} }}"

    @property
    def tree(self) -> RuleTree:
        """The syntax tree."""
        return parse_rule(self.text)


class SpanPairs:
    """Draws spans that stand in a relation, from the traces, so that rules ask about what happens."""

    def __init__(self, traces: Traces) -> None:
        self._traces = traces
        self._names = traces.name_dictionary.decode(traces.table["name"]).to_list()
        self._parent = traces.parent_row
        self._bounds = np.append(0, np.cumsum(traces.traces["n_spans"].to_numpy().astype(np.int64)))

    def names_beside(self, row: int) -> list[str]:
        """Return the distinct names in the trace of a span, sorted."""
        trace = int(self._traces.trace_of[row])
        return sorted(set(self._names[int(self._bounds[trace]) : int(self._bounds[trace + 1])]))

    def pair(self, kind: RelationKind, rng: random.Random) -> tuple[str, str, str]:
        """Return the names of a subject and a partner in relation, different ones, and some third name beside them."""
        while True:
            subject = rng.randrange(self._traces.n_spans)
            partner = self._partner(kind, subject, rng)
            if partner is None:
                continue
            pair = self._names[subject], self._names[partner]
            others = [name for name in self.names_beside(subject) if name not in pair]
            if pair[0] != pair[1] and others:
                return (*pair, rng.choice(others))

    def _partner(self, kind: RelationKind, subject: int, rng: random.Random) -> int | None:
        """Return a partner of a span, or None when the one drawn is none."""
        trace = int(self._traces.trace_of[subject])
        other = rng.randrange(int(self._bounds[trace]), int(self._bounds[trace + 1]))
        start, end = self._traces.start_ns, self._traces.end_ns
        match kind:
            case RelationKind.CHILD_OF:
                other = int(self._parent[subject])
            case RelationKind.UNDER:
                other = int(self._parent[subject])
                while other >= 0 and rng.random() < 0.5:
                    other = int(self._parent[other])
        holds = {
            RelationKind.AFTER: end[other] <= start[subject],
            RelationKind.BEFORE: end[subject] <= start[other],
            RelationKind.STARTS_AFTER: start[other] <= start[subject],
            RelationKind.STARTS_BEFORE: start[subject] <= start[other],
            RelationKind.OVERLAPS: start[other] < end[subject] and start[subject] < end[other],
            RelationKind.PARENT_OF: self._parent[other] == subject,
            RelationKind.OVER: self._is_under(other, subject),
            RelationKind.SIBLING_OF: self._parent[other] == self._parent[subject],
        }.get(kind, True)
        return other if other >= 0 and other != subject and bool(holds) else None

    def _is_under(self, row: int, ancestor: int) -> bool:
        above = int(self._parent[row])
        while above >= 0:
            if above == ancestor:
                return True
            above = int(self._parent[above])
        return False


@dataclass(frozen=True)
class Pool:
    """What rules are drawn from.

    Attributes
    ----------
    presence
        Atoms without relations.
    relations
        Atoms with one, of every kind and option.
    """

    presence: tuple[Atom, ...]
    relations: tuple[Every, ...]


def _filters(traces: Traces, name: str, rng: random.Random) -> list[Filter]:
    """Return one filter for each attribute of a name that has one type, with a value that occurs."""
    found = []
    group = traces.attribute_table.group_of(traces.name_dictionary.codes([name])[name])
    for key, value_type in group.keys:
        if len(group.types_of(key)) > 1:
            continue
        column = group.column(key, value_type).drop_nulls()
        value = column.gather(rng.randrange(len(column)))[0]
        if value_type in (ValueType.INT, ValueType.DOUBLE):
            found.append(Filter(key, ">", value))
        elif value_type is ValueType.TEXT:
            text = traces.text_dictionary.values[value]
            if text.isprintable() and not set(text) & set('"\\*'):
                found.append(Filter(key, "==", text))
    return found


def _joinable(traces: Traces, name: str) -> frozenset[str]:
    """Return the attributes by which a span may be joined: texts that are not about the code."""
    group = traces.attribute_table.group_of(traces.name_dictionary.codes([name])[name])
    return frozenset(
        key
        for key, value_type in group.keys
        if value_type is ValueType.TEXT and len(group.types_of(key)) == 1 and not key.startswith("code.")
    )


def draw_relation(kind: RelationKind, option: str, traces: Traces, pairs: SpanPairs, rng: random.Random) -> Every:
    """Return a relation that the names of some spans in the traces do stand in.

    Parameters
    ----------
    option
        ``plain``, ``within``, ``same`` or ``without``.
    """
    while True:
        subject, partner, third = pairs.pair(kind, rng)
        relation = Relation(kind, Spans(partner))
        if option == "within":
            relation = replace(relation, within_ms=rng.choice(_WITHIN_MS))
        elif option == "without":
            relation = replace(relation, without=third)
        elif option == "same":
            shared = sorted(_joinable(traces, subject) & _joinable(traces, partner))
            if not shared:
                continue
            relation = replace(relation, same=rng.choice(shared))
        return Every(Spans(subject), relation)


def make_pool(traces: Traces, rng: random.Random, *, relations_per_kind: int = _RELATIONS_PER_KIND) -> Pool:
    """Return atoms about what is there: names alone, names with a filter on one of their attributes, relations.

    There are fewer than large sets of rules ask for, since the rules of one system share what they ask about; how many
    distinct ones a set has decides its cost. Half of the relations are plain, the others have one option, and one in
    four a filter on either side.
    """
    presence: list[Atom] = []
    filters = {name: _filters(traces, name, rng) for name in traces.span_names}
    for name, here in filters.items():
        presence += [Has(Spans(name)), Count(Spans(name), rng.randint(1, 3))]
        for number, one in enumerate(here):
            presence.append(Every(Spans(name), one) if number % 3 == 2 else Has(Spans(name, one)))
    relations = []
    pairs = SpanPairs(traces)
    for kind in RelationKind:
        options = ["plain", "within", "plain", "same"]
        if kind.is_ordered:
            options += ["plain", "without"]
        for number in range(relations_per_kind):
            every = draw_relation(kind, options[number % len(options)], traces, pairs, rng)
            if number % 4 == 0 and filters[every.spans.name]:
                every = replace(every, spans=replace(every.spans, where=rng.choice(filters[every.spans.name])))
            assert isinstance(every.must, Relation)
            partner = every.must.partner
            if number % 4 == 3 and filters[partner.name]:
                partner = replace(partner, where=rng.choice(filters[partner.name]))
                every = replace(every, must=replace(every.must, partner=partner))
            relations.append(every)
    return Pool(tuple(rng.sample(presence, min(_PRESENCE_ATOMS, len(presence)))), tuple(relations))


def draw_rules(pool: Pool, n_rules: int, rng: random.Random) -> list[Rule]:
    """Return rules of which a third ask about a relation; kinds take turns, so that small sets have many."""
    n_relations = n_rules // _SHARE_OF_RELATIONS
    rules = [Rule(rng.choice(pool.presence), rng.choice(pool.presence)) for _ in range(n_rules - n_relations)]
    by_kind: dict[RelationKind, list[Every]] = {}
    for every in pool.relations:
        assert isinstance(every.must, Relation)
        by_kind.setdefault(every.must.kind, []).append(every)
    kinds = list(by_kind)
    rng.shuffle(kinds)
    for number in range(n_relations):
        every = rng.choice(by_kind[kinds[number % len(kinds)]])
        rules.append(Rule(Has(every.spans), every))
    return rules
