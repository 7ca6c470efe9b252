"""The same rules in the words of others: one Polars ``group_by.agg``, closures per trace, hand-written DuckDB SQL.

What each needs is made beforehand and not counted: a frame with one row a span and one column an attribute, lists of
spans, a table. The frame also tells what a ``group_by`` cannot find out, the structure, as columns: whose child each
span is, and the names above, below and beside it as bits.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from benchmarks.engine_rules import Atom, Count, Every, Filter, Has, Relation, Rule, Spans
from fluo_lab.language import RelationKind
from fluo_lab.traces import Traces, ValueType

__all__ = ["Closures", "DuckDb", "Grouped", "wide_frame"]

_BITS = 63


def _fields(rules: Iterable[Rule]) -> list[str]:
    """Return the attributes that rules read."""
    found = set()
    for atom in itertools.chain.from_iterable((rule.guard, rule.obligation) for rule in rules):
        filters = [atom.spans.where]
        if isinstance(atom, Every):
            must = atom.must
            filters.append(must if isinstance(must, Filter) else must.partner.where)
            found |= {must.same} if isinstance(must, Relation) and must.same else set()
        found |= {one.field for one in filters if one is not None}
    return sorted(found)


def wide_frame(traces: Traces, rules: Sequence[Rule]) -> tuple[pl.DataFrame, list[str]]:
    """Return one row a span with every attribute the rules read, and these attributes; texts are texts.

    Columns beside attributes, which are called ``a0, a1, …``: ``row, trace, name, start_ns, end_ns, parent_row,
    parent_span_id, preorder, subtree_size``.
    """
    table = traces.table
    frame = table.select("trace", "start_ns", "end_ns", "parent_row", "parent_span_id").with_row_index("row")
    frame = frame.with_columns(
        name=traces.name_dictionary.decode(table["name"]),
        preorder=pl.Series(traces.structure.preorder),
        subtree_size=pl.Series(traces.structure.subtree_size),
    )
    fields = _fields(rules)
    for number, field in enumerate(fields):
        parts = []
        for group in traces.attribute_table.groups:
            for value_type in group.types_of(field):
                column = group.column(field, value_type)
                values = traces.text_dictionary.decode(column) if value_type is ValueType.TEXT else column
                parts.append(pl.DataFrame({"row": group.rows, f"a{number}": values}).drop_nulls())
        frame = frame.join(pl.concat(parts, how="vertical_relaxed"), on="row", how="left", maintain_order="left")
    return frame, fields


# --- one Polars group_by -------------------------------------------------------------------------------------------


class Grouped:
    """Rules as one ``group_by.agg`` with an expression a distinct atom.

    A minimum and a maximum a trace say an order between two kinds of spans; prepared columns say the structure. Several
    partners to choose from (``overlaps``, ``within``, ``without``) and joins (``same``) cannot be said so.

    Attributes
    ----------
    rules
        Those that can be said.
    """

    def __init__(self, traces: Traces, wide: pl.DataFrame, fields: Sequence[str], rules: Sequence[Rule]) -> None:
        self.rules = [rule for rule in rules if self._is_sayable(rule)]
        self._bit_of = {name: bit for bit, name in enumerate(traces.name_dictionary.values.to_list())}
        self._fields = {field: f"a{number}" for number, field in enumerate(fields)}
        if len(self._bit_of) > _BITS:
            raise ValueError(f"{len(self._bit_of)} names: the columns of the structure hold {_BITS}")
        texts = [column for column, dtype in wide.schema.items() if dtype == pl.String]
        self._frame = wide.with_columns(pl.col(texts).cast(pl.Categorical), **self._structure(traces))

    @staticmethod
    def _is_sayable(rule: Rule) -> bool:
        relation = rule.relation
        if relation is None:
            return True
        if relation.kind is RelationKind.OVERLAPS or relation.within_ms or relation.same or relation.without:
            return False
        return relation.kind.is_ordered or relation.kind is RelationKind.BESIDE or relation.partner.where is None

    def _structure(self, traces: Traces) -> dict[str, pl.Series]:
        """Return the names above, below and beside every span, one bit each."""
        parent, depth = traces.parent_row, traces.structure.depth
        bits = np.array([1 << bit for bit in range(len(self._bit_of))], dtype=np.int64)
        own = bits[traces.table["name"].to_numpy()]
        above, below = np.zeros_like(own), np.zeros_like(own)
        levels = [np.flatnonzero(depth == level) for level in range(1, int(depth.max()) + 1)]
        for rows in levels:
            above[rows] = above[parent[rows]] | own[parent[rows]]
        for rows in reversed(levels):
            np.bitwise_or.at(below, parent[rows], own[rows] | below[rows])
        children = np.zeros_like(own)
        inner = np.flatnonzero(parent >= 0)
        np.bitwise_or.at(children, parent[inner], own[inner])
        parents, siblings = np.zeros_like(own), np.zeros_like(own)
        parents[inner] = own[parent[inner]]
        siblings[inner] = children[parent[inner]]  # rules name two different names, so the span itself may count
        return {
            RelationKind.UNDER: pl.Series(above),
            RelationKind.OVER: pl.Series(below),
            RelationKind.CHILD_OF: pl.Series(parents),
            RelationKind.PARENT_OF: pl.Series(children),
            RelationKind.SIBLING_OF: pl.Series(siblings),
        }

    def violations(self) -> list[int]:
        """Return how many traces violate each rule."""
        pairs = [(rule.guard, rule.obligation) for rule in self.rules]
        aliases = {atom: str(n) for n, atom in enumerate(dict.fromkeys(itertools.chain.from_iterable(pairs)))}
        answers = self._frame.group_by("trace").agg(
            [self._atom(atom).fill_null(False).alias(alias) for atom, alias in aliases.items()]
        )
        violated = [(pl.col(aliases[g]) & ~pl.col(aliases[o])).sum().alias(str(n)) for n, (g, o) in enumerate(pairs)]
        return list(answers.select(violated).row(0))

    def _filter(self, one: Filter) -> pl.Expr:
        column = pl.col(self._fields[one.field])
        return column > one.value if one.operator == ">" else column == one.value

    def _spans(self, spans: Spans) -> pl.Expr:
        hit = pl.col("name") == spans.name
        return hit if spans.where is None else hit & self._filter(spans.where)

    def _atom(self, atom: Atom) -> pl.Expr:
        hit = self._spans(atom.spans)
        match atom:
            case Has():
                return hit.any()
            case Count(limit=limit):
                return hit.sum() <= limit
            case Every(must=Filter() as must):
                return ~(hit & ~self._filter(must).fill_null(False)).any()
            case Every(must=Relation() as must):
                return self._relation(hit, must)
        raise AssertionError(f"no atom: {atom!r}")

    def _relation(self, hit: pl.Expr, relation: Relation) -> pl.Expr:
        partner = self._spans(relation.partner)
        start, end = pl.col("start_ns"), pl.col("end_ns")
        match relation.kind:
            case RelationKind.AFTER:
                return end.filter(partner).min() <= start.filter(hit).min()
            case RelationKind.BEFORE:
                return start.filter(partner).max() >= end.filter(hit).max()
            case RelationKind.STARTS_AFTER:
                return start.filter(partner).min() <= start.filter(hit).min()
            case RelationKind.STARTS_BEFORE:
                return start.filter(partner).max() >= start.filter(hit).max()
            case RelationKind.BESIDE:
                return partner.any()
        bit = 1 << self._bit_of[relation.partner.name]
        return ~(hit & (pl.col(relation.kind) & bit == 0)).any()


# --- closures per trace --------------------------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class _Span:
    """A span as an object; spans are compared by identity."""

    name: str
    start: int
    end: int
    parent: _Span | None
    attributes: dict[str, Any]


_Trace = list[_Span]
_Find = Callable[[Any], list[_Span]]
_Holds = Callable[[Any], bool]


class Closures:
    """Rules as closures that ask each trace in turn."""

    def __init__(self, wide: pl.DataFrame, fields: Sequence[str]) -> None:
        self._traces = self._make(wide, fields)
        self._indexed = [self._by_name(spans) for spans in self._traces]

    @staticmethod
    def _make(wide: pl.DataFrame, fields: Sequence[str]) -> list[_Trace]:
        columns = wide.select("name", "start_ns", "end_ns", *[f"a{n}" for n in range(len(fields))]).iter_rows()
        spans = [
            _Span(name, start, end, None, {f: v for f, v in zip(fields, values, strict=True) if v is not None})
            for name, start, end, *values in columns
        ]
        for span, parent in zip(spans, wide["parent_row"].to_list(), strict=True):
            span.parent = spans[parent] if parent >= 0 else None
        bounds = np.append(np.flatnonzero(np.diff(wide["trace"].to_numpy(), prepend=-1)), wide.height).tolist()
        return [spans[a:b] for a, b in itertools.pairwise(bounds)]

    @staticmethod
    def _by_name(spans: _Trace) -> dict[str, list[_Span]]:
        found: dict[str, list[_Span]] = {}
        for span in spans:
            found.setdefault(span.name, []).append(span)
        return found

    def violations(self, rules: Sequence[Rule], *, by_name: bool = False) -> list[int]:
        """Return how many traces violate each rule.

        Parameters
        ----------
        by_name
            Ask dictionaries from names to spans, made beforehand, rather than lists of spans.
        """
        compiled = [(_closure(rule.guard, by_name), _closure(rule.obligation, by_name)) for rule in rules]
        counts = [0] * len(rules)
        for trace in self._indexed if by_name else self._traces:
            for number, (guard, obligation) in enumerate(compiled):
                if guard(trace) and not obligation(trace):
                    counts[number] += 1
        return counts


def _finder(spans: Spans, by_name: bool) -> _Find:
    """Return what finds spans in a trace."""
    name, test = spans.name, None if spans.where is None else _test(spans.where)
    if by_name:
        if test is None:
            return lambda trace: trace.get(name, ())
        return lambda trace: [s for s in trace.get(name, ()) if test(s)]
    if test is None:
        return lambda trace: [s for s in trace if s.name == name]
    return lambda trace: [s for s in trace if s.name == name and test(s)]


def _test(one: Filter) -> Callable[[_Span], bool]:
    field, value = one.field, one.value
    if one.operator == ">":
        return lambda span: (found := span.attributes.get(field)) is not None and found > value
    return lambda span: span.attributes.get(field) == value


def _closure(atom: Atom, by_name: bool) -> _Holds:
    find = _finder(atom.spans, by_name)
    match atom:
        case Has():
            return lambda trace: bool(find(trace))
        case Count(limit=limit):
            return lambda trace: len(find(trace)) <= limit
        case Every(must=Filter() as must):
            test = _test(must)
            return lambda trace: all(test(s) for s in find(trace))
        case Every(must=Relation() as must):
            partners, is_pair = _finder(must.partner, by_name), _pair(must)
            if must.without is None:

                def holds(trace: Any) -> bool:
                    others = partners(trace)
                    return all(any(p is not s and is_pair(s, p) for p in others) for s in find(trace))

                return holds
            between = _finder(Spans(must.without), by_name)

            def holds_alone(trace: Any) -> bool:
                others, barred = partners(trace), between(trace)
                return all(
                    any(
                        p is not s
                        and is_pair(s, p)
                        and not any(
                            c is not s and c is not p and min(s.start, p.start) < c.start < max(s.start, p.start)
                            for c in barred
                        )
                        for p in others
                    )
                    for s in find(trace)
                )

            return holds_alone
    raise AssertionError(f"no atom: {atom!r}")


def _is_under(span: _Span, ancestor: _Span) -> bool:
    above = span.parent
    while above is not None:
        if above is ancestor:
            return True
        above = above.parent
    return False


_PAIRS: dict[RelationKind, Callable[[_Span, _Span], bool]] = {
    RelationKind.AFTER: lambda s, p: p.end <= s.start,
    RelationKind.BEFORE: lambda s, p: s.end <= p.start,
    RelationKind.STARTS_AFTER: lambda s, p: p.start <= s.start,
    RelationKind.STARTS_BEFORE: lambda s, p: s.start <= p.start,
    RelationKind.OVERLAPS: lambda s, p: p.start < s.end and s.start < p.end,
    RelationKind.UNDER: _is_under,
    RelationKind.OVER: lambda s, p: _is_under(p, s),
    RelationKind.CHILD_OF: lambda s, p: s.parent is p,
    RelationKind.PARENT_OF: lambda s, p: p.parent is s,
    RelationKind.SIBLING_OF: lambda s, p: s.parent is not None and s.parent is p.parent,
    RelationKind.BESIDE: lambda s, p: True,
}

_GAPS: dict[RelationKind, Callable[[_Span, _Span], int]] = {
    RelationKind.AFTER: lambda s, p: s.start - p.end,
    RelationKind.BEFORE: lambda s, p: p.start - s.end,
    RelationKind.STARTS_AFTER: lambda s, p: s.start - p.start,
    RelationKind.STARTS_BEFORE: lambda s, p: p.start - s.start,
}


def _gap(s: _Span, p: _Span) -> int:
    return max(s.start - p.end, p.start - s.end)


def _pair(relation: Relation) -> Callable[[_Span, _Span], bool]:
    """Return the test of a subject and a partner."""
    stands = _PAIRS[relation.kind]
    if relation.within_ms is not None:
        gap, limit = _GAPS.get(relation.kind, _gap), relation.within_ms * 1_000_000
        return lambda s, p: stands(s, p) and gap(s, p) <= limit
    if relation.same is not None:
        same = relation.same
        return lambda s, p: (
            (value := s.attributes.get(same)) is not None and value == p.attributes.get(same) and stands(s, p)
        )
    return stands


# --- DuckDB --------------------------------------------------------------------------------------------------------


class DuckDb:
    """Rules as one SQL query: conditional aggregates a trace, and ``EXISTS`` for relations.

    The structure is in the table as pre-order and subtree size, names are of an ``ENUM`` type.
    """

    def __init__(self, wide: pl.DataFrame, fields: Sequence[str]) -> None:
        import duckdb

        self._connection = duckdb.connect()
        self._connection.register("wide", wide.to_arrow())
        self._connection.execute("CREATE TYPE span_name AS ENUM (SELECT DISTINCT name FROM wide ORDER BY name)")
        self._connection.execute(
            "CREATE TABLE spans AS SELECT * REPLACE (name::span_name AS name) FROM wide ORDER BY trace, row"
        )
        self._connection.unregister("wide")
        self._fields = {field: f"a{number}" for number, field in enumerate(fields)}

    def violations(self, rules: Sequence[Rule]) -> list[int]:
        """Return how many traces violate each rule."""
        found = self._connection.execute(self.query(rules)).fetchone()
        return [int(n) for n in found]

    def query(self, rules: Sequence[Rule]) -> str:
        """Return the query; its one row has a count a rule."""
        atoms = dict.fromkeys(atom for rule in rules if rule.relation is None for atom in (rule.guard, rule.obligation))
        aliases = {atom: f"atom_{n}" for n, atom in enumerate(atoms)}
        answers = ",\n  ".join(["trace", *(f"{self._atom(atom)} AS {alias}" for atom, alias in aliases.items())])
        counts = []
        for rule in rules:
            if isinstance(rule.obligation, Every) and isinstance(rule.obligation.must, Relation):
                counts.append(self._broken(rule.obligation.spans, rule.obligation.must))
            else:
                counts.append(f"count(*) FILTER ({aliases[rule.guard]} AND NOT {aliases[rule.obligation]})")
        listed = ",\n  ".join(counts)
        return f"WITH per_trace AS (SELECT {answers} FROM spans GROUP BY trace)\nSELECT {listed}\nFROM per_trace"

    def _filter(self, one: Filter, of: str = "spans") -> str:
        value = "'" + one.value.replace("'", "''") + "'" if isinstance(one.value, str) else repr(one.value)
        return f"{of}.{self._fields[one.field]} {'=' if one.operator == '==' else one.operator} {value}"

    def _spans(self, spans: Spans, of: str = "spans") -> str:
        hit = f"{of}.name = '{spans.name}'"
        return hit if spans.where is None else f"{hit} AND coalesce({self._filter(spans.where, of)}, false)"

    def _atom(self, atom: Atom) -> str:
        hit = self._spans(atom.spans)
        match atom:
            case Has():
                return f"bool_or({hit})"
            case Count(limit=limit):
                return f"count(*) FILTER ({hit}) <= {limit}"
            case Every(must=Filter() as must):
                return f"NOT bool_or({hit} AND NOT coalesce({self._filter(must)}, false))"
        raise ValueError(f"no aggregate: {atom.text}")

    def _broken(self, spans: Spans, relation: Relation) -> str:
        """Return the number of traces in which some span lacks a partner."""
        conditions = ["p.trace = s.trace", "p.row <> s.row", self._spans(relation.partner, "p")]
        conditions.append(_SQL_PAIRS[relation.kind])
        if relation.within_ms is not None:
            conditions.append(f"{_SQL_GAPS.get(relation.kind, _SQL_GAP)} <= {relation.within_ms * 1_000_000}")
        if relation.same is not None:
            conditions.append("p.{0} = s.{0}".format(self._fields[relation.same]))
        if relation.without is not None:
            conditions.append(
                "NOT EXISTS (SELECT 1 FROM spans c WHERE c.trace = s.trace AND c.row <> s.row AND c.row <> p.row"
                f" AND c.name = '{relation.without}' AND c.start_ns > least(s.start_ns, p.start_ns)"
                " AND c.start_ns < greatest(s.start_ns, p.start_ns))"
            )
        partner = " AND ".join(conditions)
        return (
            f"(SELECT count(DISTINCT s.trace) FROM spans s WHERE {self._spans(spans, 's')}"
            f" AND NOT EXISTS (SELECT 1 FROM spans p WHERE {partner}))"
        )


_SQL_PAIRS = {
    RelationKind.AFTER: "p.end_ns <= s.start_ns",
    RelationKind.BEFORE: "s.end_ns <= p.start_ns",
    RelationKind.STARTS_AFTER: "p.start_ns <= s.start_ns",
    RelationKind.STARTS_BEFORE: "s.start_ns <= p.start_ns",
    RelationKind.OVERLAPS: "p.start_ns < s.end_ns AND s.start_ns < p.end_ns",
    RelationKind.UNDER: "p.preorder < s.preorder AND s.preorder < p.preorder + p.subtree_size",
    RelationKind.OVER: "s.preorder < p.preorder AND p.preorder < s.preorder + s.subtree_size",
    RelationKind.CHILD_OF: "p.row = s.parent_row",
    RelationKind.PARENT_OF: "s.row = p.parent_row",
    RelationKind.SIBLING_OF: "p.parent_span_id = s.parent_span_id",
    RelationKind.BESIDE: "true",
}
_SQL_GAPS = {
    RelationKind.AFTER: "s.start_ns - p.end_ns",
    RelationKind.BEFORE: "p.start_ns - s.end_ns",
    RelationKind.STARTS_AFTER: "s.start_ns - p.start_ns",
    RelationKind.STARTS_BEFORE: "p.start_ns - s.start_ns",
}
_SQL_GAP = "greatest(s.start_ns - p.end_ns, p.start_ns - s.end_ns)"
