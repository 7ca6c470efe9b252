"""Hypothesis strategies for rules: every tree the language can write, odd names and all.

Pools narrow what is drawn: ``names`` are span names, ``fields`` attribute names or ``Field`` nodes, ``values`` plain
Python values to compare attributes with, ``durations`` nanoseconds. With pools from a trace, the trees ask what the
trace can answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from hypothesis import strategies as st

from fluo_lab.language import (
    SPAN_KINDS,
    SPAN_STATUSES,
    Aggregate,
    Arithmetic,
    AttributeRef,
    Bool,
    Comparison,
    Condition,
    Contains,
    Correlation,
    Count,
    Distinct,
    Duration,
    Event,
    Every,
    Exists,
    Field,
    FieldComparison,
    FieldKind,
    Has,
    In,
    Matches,
    Name,
    Not,
    Number,
    Numeric,
    Operation,
    Operator,
    Predicate,
    Relation,
    RelationKind,
    Rising,
    RuleTree,
    Selection,
    Text,
    TraceDuration,
    TraceSpans,
    Value,
    all_of,
    any_of,
)
from fluo_lab.traces import PlainEvent, PlainSpan, SpanKind

__all__ = [
    "ORDERED",
    "RENAMED",
    "conditions",
    "operations",
    "predicates",
    "renamed_fields",
    "renamed_traces",
    "renamed_values",
    "rules",
    "selections",
    "values",
]

_BARE = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,12}", fullmatch=True)
_WORDS = st.sampled_from(
    ["status", "count", "error", "not", "in", "within", "per", "true", "span.status", "a.where", "as"]
)
RENAMED: dict[str, tuple[tuple[str, ...], tuple[str | int | float | bool, ...]]] = {
    "method": (("http.method", "http.request.method", "http.request.method_original"), ("GET", "_OTHER", "true", 5)),
    "status": (("http.status_code", "http.response.status_code"), ("200", 200, 404, 200.0, "x")),
    "address": (
        ("net.peer.name", "net.host.name", "server.address", "client.address", "http.client_ip"),
        ("a", "b", 1),
    ),
    "system": (("db.system", "db.system.name"), ("mssql", "microsoft.sql_server", "oracle", "oracle.db", "redis", 5)),
    "namespace": (("db.name", "db.namespace", "db.cassandra.keyspace", "db.hbase.namespace"), ("shop", "shop|public")),
    "collection": (("db.collection.name", "db.mongodb.collection", "db.cassandra.table"), ("a", "b", 1, True)),
    "version": (("network.protocol.version", "net.protocol.version", "http.flavor"), ("2.0", "2", "1.1", "SPDY", 2.0)),
    "grpc": (
        ("rpc.status_code", "rpc.response.status_code", "rpc.grpc.status_code"),
        ("OK", "NOT_FOUND", 0, 5, "0", "5", 99),
    ),
}
"""Names the semantic conventions changed, old and new by what they are about, with values spans have under them."""

_RENAMED_NAMES = st.sampled_from([name for names, _ in RENAMED.values() for name in names])
_ODD = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
_TEXTS = st.one_of(
    _BARE, _WORDS, _ODD, st.sampled_from(["\\", '"', "\\*", "*", "\n\t", "\\d+", "\\u0041", "\u202e", "💰"])
)
_EQUALITY = st.sampled_from([Operator.EQ, Operator.NE])
_ORDERING = st.sampled_from([Operator.GT, Operator.GE, Operator.LT, Operator.LE])
_OPERATORS = st.sampled_from(list(Operator))
ORDERED = (RelationKind.AFTER, RelationKind.BEFORE, RelationKind.STARTS_AFTER, RelationKind.STARTS_BEFORE)
"""The relations that take ``without``."""

_PATTERNS = st.sampled_from(["", "a", "^x", "[0-9]+", "\\d+", "(a|b)*", ".*pii.*"])


@dataclass(frozen=True, repr=False, eq=False)
class _Pools:
    """What the leaves are drawn from. Compared by identity, so that strategies can be kept by pool."""

    names: st.SearchStrategy[Name]
    fields: st.SearchStrategy[Field]
    values: st.SearchStrategy[Value]
    durations: st.SearchStrategy[Duration]
    relations: bool


def _names() -> st.SearchStrategy[Name]:
    globs = st.lists(_TEXTS, min_size=2, max_size=4).map(
        lambda parts: Name((parts[0], *(part for part in parts[1:-1] if part), parts[-1]))
    )
    return st.one_of(_TEXTS.map(lambda text: Name((text,))), globs)


def _fields() -> st.SearchStrategy[Field]:
    attribute = st.one_of(_TEXTS, _RENAMED_NAMES).map(lambda name: Field(FieldKind.ATTRIBUTE, name))
    kinds = st.sampled_from([FieldKind.RESOURCE, FieldKind.SCOPE])
    return st.one_of(attribute, st.builds(Field, kinds, _TEXTS))


def values() -> st.SearchStrategy[Value]:
    """Return values that compare with an attribute for equality."""
    return st.one_of(
        st.integers(-(2**63), 2**63 - 1).map(Number),
        st.floats(allow_nan=False, allow_infinity=False).map(Number),
        _TEXTS.map(Text),
        st.booleans().map(Bool),
    )


def _field(field: str | Field) -> Field:
    return Field(FieldKind.ATTRIBUTE, field) if isinstance(field, str) else field


def _value(value: str | int | float | bool) -> Value:
    if isinstance(value, bool):
        return Bool(value)
    return Text(value) if isinstance(value, str) else Number(value)


def _pools(
    names: Sequence[str] | None,
    fields: Sequence[str | Field] | None,
    values_from: Sequence[str | int | float | bool] | None,
    relations: bool,
    durations: Sequence[int] | None = None,
) -> _Pools:
    return _Pools(
        names=_names() if names is None else st.sampled_from([Name((name,)) for name in names]),
        fields=_fields() if fields is None else st.sampled_from([_field(field) for field in fields]),
        values=values() if values_from is None else st.sampled_from([_value(value) for value in values_from]),
        durations=_durations() if durations is None else st.sampled_from(durations).map(Duration),
        relations=relations,
    )


def operations(*, names: Sequence[str] | None = None) -> st.SearchStrategy[Operation]:
    """Return operations; with a pool of names, without a service."""
    pools = _pools(names, None, None, False)
    service = st.none() if names is not None else st.none() | pools.names
    return st.builds(Operation, pools.names, service)


def _is_duration(field: Field) -> bool:
    return field.kind is FieldKind.SPAN and field.name == "duration"


def _is_word(field: Field) -> bool:
    return field.kind is FieldKind.SPAN and field.name in ("status", "kind")


def _leaf(pools: _Pools) -> st.SearchStrategy[Predicate]:
    plain = pools.fields.filter(lambda field: not _is_duration(field) and not _is_word(field))
    ordered = plain.filter(lambda field: field.kind is not FieldKind.SPAN)
    numeric = pools.values.filter(lambda value: isinstance(value, Number))
    anything = pools.values | plain.map(AttributeRef)
    flags = st.booleans()
    attributes = plain.filter(lambda field: field.kind is FieldKind.ATTRIBUTE)
    return st.one_of(
        st.builds(FieldComparison, plain, _EQUALITY, anything),
        st.builds(FieldComparison, ordered, _ORDERING, numeric | ordered.map(AttributeRef)),
        st.builds(In, plain, st.lists(anything, min_size=1, max_size=3).map(tuple), flags),
        st.builds(Contains, plain, pools.values, flags),
        st.builds(Matches, plain, _PATTERNS.map(Text), flags),
        st.builds(Exists, pools.fields),
        st.builds(
            FieldComparison,
            st.just(Field(FieldKind.SPAN, "status")),
            _EQUALITY,
            st.sampled_from(SPAN_STATUSES).map(Text),
        ),
        st.builds(
            FieldComparison, st.just(Field(FieldKind.SPAN, "kind")), _EQUALITY, st.sampled_from(SPAN_KINDS).map(Text)
        ),
        st.builds(FieldComparison, st.just(Field(FieldKind.SPAN, "duration")), _OPERATORS, pools.durations),
        st.builds(Event, pools.names, st.none() | st.builds(FieldComparison, attributes, _EQUALITY, pools.values)),
    )


def _durations() -> st.SearchStrategy[Duration]:
    return st.one_of(
        st.sampled_from([0, 1, 999, 10**3, 10**6, 10**9, 15 * 10**8, 60 * 10**9, 3600 * 10**9, 2**63 - 1]),
        st.integers(0, 10**12),
    ).map(Duration)


def _combine(leaf: st.SearchStrategy[Predicate]) -> st.SearchStrategy[Predicate]:
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            inner.map(Not),
            st.lists(inner, min_size=2, max_size=3).map(all_of),
            st.lists(inner, min_size=2, max_size=3).map(any_of),
        ),
        max_leaves=4,
    )


@st.composite
def _relations(draw: st.DrawFn, pools: _Pools, is_inner: bool) -> Relation:
    """Draw a relation; the ``.where`` of one may hold another, which is inner and has none."""
    if is_inner:
        where: tuple[Predicate, ...] = ()
    else:
        where = draw(_kept_filters(pools))
    kind = draw(st.sampled_from(RelationKind))
    operation = st.builds(Operation, pools.names)
    return Relation(
        kind,
        Selection(draw(operation), where),
        within=draw(st.none() | pools.durations),
        same=draw(_kept_pairs(pools)),
        without=draw(st.none() | operation) if kind in ORDERED else None,
    )


@cache
def _kept_filters(pools: _Pools) -> st.SearchStrategy[tuple[Predicate, ...]]:
    inner = _relations(pools, True)
    return st.lists(st.one_of(_leaf(pools), inner, inner.map(Not)), max_size=1).map(tuple)


@cache
def _kept_pairs(pools: _Pools) -> st.SearchStrategy[tuple[tuple[Field, Field], ...]]:
    pair = pools.fields.map(lambda field: (field, field)) | st.tuples(pools.fields, pools.fields)
    return st.one_of(st.just(()), st.lists(pair, max_size=2).map(tuple))


def predicates(
    *,
    relations: bool = True,
    names: Sequence[str] | None = None,
    fields: Sequence[str | Field] | None = None,
    values: Sequence[str | int | float | bool] | None = None,
    durations: Sequence[int] | None = None,
) -> st.SearchStrategy[Predicate]:
    """Return predicates of one span, well typed."""
    return _predicates(_pools(names, fields, values, relations, durations))


@st.composite
def _predicates(draw: st.DrawFn, pools: _Pools) -> Predicate:
    """Draw a predicate. A composite, so that what is built of it stays small to print."""
    return draw(_kept_predicates(pools))


@cache
def _kept_predicates(pools: _Pools) -> st.SearchStrategy[Predicate]:
    leaf = _leaf(pools)
    return _combine(st.one_of(leaf, leaf, _relations(pools, False)) if pools.relations else leaf)


def selections(
    *,
    relations: bool = True,
    names: Sequence[str] | None = None,
    fields: Sequence[str | Field] | None = None,
    values: Sequence[str | int | float | bool] | None = None,
    durations: Sequence[int] | None = None,
) -> st.SearchStrategy[Selection]:
    """Return selections of spans with up to two filters."""
    return _selections(_pools(names, fields, values, relations, durations))


@st.composite
def _selections(draw: st.DrawFn, pools: _Pools) -> Selection:
    return draw(_kept_selections(pools))


@cache
def _kept_selections(pools: _Pools) -> st.SearchStrategy[Selection]:
    return st.builds(Selection, st.builds(Operation, pools.names), st.lists(_predicates(pools), max_size=2).map(tuple))


@st.composite
def _numbers(draw: st.DrawFn, pools: _Pools) -> Numeric:
    return draw(_kept_numbers(pools))


@cache
def _kept_numbers(pools: _Pools) -> st.SearchStrategy[Numeric]:
    selection = _selections(pools)
    plain = pools.fields.filter(lambda field: field.kind is not FieldKind.SPAN)
    leaf: st.SearchStrategy[Numeric] = st.one_of(
        st.builds(Count, selection),
        st.builds(Aggregate, st.sampled_from(["sum", "min", "max", "avg"]), selection, plain),
        st.builds(Distinct, selection, pools.fields),
        st.just(TraceSpans()),
        st.integers(-9, 9).map(Number),
    )
    return st.recursive(leaf, lambda inner: st.builds(Arithmetic, inner, st.sampled_from("+-*/"), inner), max_leaves=3)


def _comparisons(pools: _Pools) -> st.SearchStrategy[Comparison]:
    plain = st.builds(Comparison, _numbers(pools), _OPERATORS, _numbers(pools))
    longest = st.builds(
        Aggregate,
        st.sampled_from(["sum", "min", "max", "avg"]),
        _selections(pools),
        st.just(Field(FieldKind.SPAN, "duration")),
    )
    return plain | st.builds(Comparison, st.just(TraceDuration()) | longest, _OPERATORS, pools.durations)


def conditions(
    *,
    relations: bool = True,
    names: Sequence[str] | None = None,
    fields: Sequence[str | Field] | None = None,
    values: Sequence[str | int | float | bool] | None = None,
    durations: Sequence[int] | None = None,
) -> st.SearchStrategy[Condition]:
    """Return conditions of a trace, well typed."""
    return _conditions(_pools(names, fields, values, relations, durations))


@st.composite
def _conditions(draw: st.DrawFn, pools: _Pools) -> Condition:
    return draw(_kept_conditions(pools))


@cache
def _kept_conditions(pools: _Pools) -> st.SearchStrategy[Condition]:
    leaf: st.SearchStrategy[Condition] = st.one_of(
        st.builds(Has, _selections(pools)),
        st.builds(Every, _selections(pools), _predicates(pools)),
        st.builds(Rising, _selections(pools), pools.fields),
        _comparisons(pools),
    )
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            inner.map(Not),
            st.lists(inner, min_size=2, max_size=3).map(all_of),
            st.lists(inner, min_size=2, max_size=3).map(any_of),
        ),
        max_leaves=3,
    )


def rules(
    *,
    relations: bool = True,
    correlation: bool = True,
    names: Sequence[str] | None = None,
    fields: Sequence[str | Field] | None = None,
    values: Sequence[str | int | float | bool] | None = None,
    durations: Sequence[int] | None = None,
) -> st.SearchStrategy[RuleTree]:
    """Return whole rules; with ``correlation``, some of them judge groups across traces."""
    return _rules(_pools(names, fields, values, relations, durations), correlation)


@st.composite
def _rules(draw: st.DrawFn, pools: _Pools, correlation: bool) -> RuleTree:
    condition = _kept_conditions(pools)
    when = draw(st.none() | condition)
    always = draw(st.none() | condition)
    never = draw(condition if always is None else st.none() | condition)
    scope = None
    if correlation:
        fields = st.lists(pools.fields, min_size=1, max_size=2).map(tuple)
        scope = draw(st.none() | st.builds(Correlation, fields, pools.durations))
    return RuleTree(when=when, always=always, never=never, correlation=scope)


def renamed_fields(about: str) -> list[Field]:
    """Return every name of one thing as an attribute, and of a resource and a scope."""
    names, _ = RENAMED[about]
    kinds = (FieldKind.ATTRIBUTE, FieldKind.ATTRIBUTE, FieldKind.RESOURCE, FieldKind.SCOPE)
    return [Field(kind, name) for name in names for kind in kinds]


def renamed_values(about: str) -> list[str | int | float | bool]:
    """Return the values that one thing has, for rules to compare with."""
    return list(RENAMED[about][1])


@st.composite
def renamed_traces(draw: st.DrawFn, about: str) -> tuple[list[PlainSpan], dict[str, bool]]:
    """Draw spans that carry one thing under old names, new ones and both, and for each trace id whether it is whole."""
    names, pool = RENAMED[about]
    attributes = st.dictionaries(st.sampled_from(names), st.sampled_from(pool), max_size=len(names))
    events = st.lists(st.builds(PlainEvent, name=st.just("boom"), attributes=attributes), max_size=1)
    spans, whole = [], {}
    for number in range(draw(st.integers(1, 3))):
        trace_id = f"{number + 1:032x}"
        whole[trace_id] = draw(st.booleans())
        for i in range(draw(st.integers(1, 4))):
            start = draw(st.integers(0, 4))
            spans.append(
                PlainSpan(
                    draw(st.sampled_from(["a", "b", "c"])),
                    trace_id=trace_id,
                    span_id=f"{i + 1:016x}",
                    parent_span_id=f"{1:016x}" if i else None if whole[trace_id] else f"{99:016x}",
                    kind=draw(st.sampled_from([SpanKind.INTERNAL, SpanKind.CLIENT, SpanKind.SERVER])),
                    start_ns=start,
                    end_ns=start + 1,
                    attributes=draw(attributes),
                    resource=draw(attributes),
                    scope=draw(attributes),
                    events=draw(events),
                )
            )
    return spans, whole
