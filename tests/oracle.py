"""The language, one unit at a time, as plainly as it can be written: what the engine must agree with.

A unit is what a rule judges: a trace, or a group of ``per``. Slow on purpose. Nothing here is shared with the engine
but the syntax tree and the text of a value.

Everything is asked in one of three readings. ``seen``: the spans seen are all there are, and their clocks are right.
``least``: what is certain, whatever spans are missing and however the clocks differ within the skew. ``most``: what is
possible.
"""

from __future__ import annotations

from oracle_numbers import INF, Interval, aggregate, arithmetic, between, comparison, exactly
from oracle_values import (
    MISSING,
    OTHER_NAMES,
    are_joined,
    as_number,
    field_of,
    fits,
    fulfils,
    is_of,
    k_and,
    k_not,
    k_or,
)

from fluo_lab.language import tree as t
from fluo_lab.language.tree import RelationKind as Rel
from fluo_lab.traces import PlainSpan, text_of

__all__ = ["OTHER_NAMES", "TraceOracle", "groups_of", "is_incomplete", "verdicts"]

OPPOSITE = {"seen": "seen", "least": "most", "most": "least"}
WORST_LAST = ["not_applicable", "pass", "inconclusive", "violation"]


# --- how spans of one trace hang together -------------------------------------------------------------------------


def in_row_order(spans: list[PlainSpan]) -> list[PlainSpan]:
    """Spans by start; ties in a fixed order, since the first of several spans with one id is the one ids lead to."""
    return sorted(spans, key=lambda s: (s.start_ns, s.span_id, s.end_ns, s.name, s.parent_span_id or "", s.kind))


def parent_of(span: PlainSpan, spans: list[PlainSpan]) -> PlainSpan | None:
    """The first span that has the id a span names as its parent's, if there is one."""
    for other in spans:
        if other.trace_id == span.trace_id and other.span_id == span.parent_span_id:
            return other
    return None


def ancestors_of(span: PlainSpan, spans: list[PlainSpan]) -> list[PlainSpan]:
    """Parent, parent's parent and so on, until there is none or they repeat; never the span itself."""
    found: list[PlainSpan] = []
    above = parent_of(span, spans)
    while above is not None and above is not span and not is_among(above, found):
        found.append(above)
        above = parent_of(above, spans)
    return found


def is_among(span: PlainSpan, spans: list[PlainSpan]) -> bool:
    return any(span is other for other in spans)


def is_orphan(span: PlainSpan, spans: list[PlainSpan]) -> bool:
    return span.parent_span_id is not None and parent_of(span, spans) is None


def is_rooted(span: PlainSpan, spans: list[PlainSpan]) -> bool:
    """Whether the chain of parents ends in a root."""
    return any(s.parent_span_id is None for s in [span, *ancestors_of(span, spans)])


def is_incomplete(spans: list[PlainSpan]) -> bool:
    """Whether a trace lacks spans by what is seen of it: no root, a parent that is not there, parents in a circle.

    A chain of parents that ends neither in a root nor at a missing parent goes in a circle: every span must be rooted.
    """
    return not all(is_rooted(span, in_row_order(spans)) for span in spans)


# --- one unit -----------------------------------------------------------------------------------------------------


class TraceOracle:
    """One unit and what is known of it.

    ``around``: the spans among which parents are looked up, where they are more than those of the unit. Both are in the
    order of rows then.
    """

    def __init__(
        self,
        spans: list[PlainSpan],
        *,
        incomplete: bool,
        span_skew_ns: int = 0,
        around: list[PlainSpan] | None = None,
    ) -> None:
        self.spans = spans if around is not None else in_row_order(spans)
        self.around = self.spans if around is None else around
        self.incomplete = incomplete
        self.skew = {"seen": 0, "least": span_skew_ns, "most": -span_skew_ns}

    # --- predicates and relations ---------------------------------------------------------------------------

    def holds(self, predicate, span, reading, event=None):
        """True, False, or None where an attribute is missing."""
        match predicate:
            case t.And(operands=operands):
                return k_and(self.holds(p, span, reading, event) for p in operands)
            case t.Or(operands=operands):
                return k_or(self.holds(p, span, reading, event) for p in operands)
            case t.Not(operand=operand):
                return k_not(self.holds(operand, span, OPPOSITE[reading], event))
            case t.Exists(field=field):
                return field_of(span, field, event) is not MISSING
            case t.Event(name=name, where=where):
                named = [e for e in span.events if fits(name, e.name)]
                return any(where is None or self.holds(where, span, reading, e) is True for e in named)
            case t.Relation():
                return self.stands_in(predicate, span, reading)
        return fulfils(span, predicate, event)

    def selected(self, selection: t.Selection, reading) -> list[PlainSpan]:
        return [
            span
            for span in self.spans
            if is_of(span, selection.operation)
            and all(self.holds(predicate, span, reading) is True for predicate in selection.where)
        ]

    def stands_in(self, relation: t.Relation, span, reading) -> bool:
        """Whether some other span of the unit stands in the relation to this one."""
        if self.incomplete and reading == "most" and not self.is_settled(relation.kind, span):
            return True
        if self.incomplete and reading == "least" and relation.without is not None:
            return False
        return any(
            self.is_pair(relation.kind, span, other, reading)
            and self.is_near(relation, span, other, reading)
            and self.is_joined(relation, span, other)
            and self.is_undisturbed(relation, span, other, reading)
            for other in self.selected(relation.selection, reading)
            if other is not span
        )

    def is_settled(self, kind: Rel, span) -> bool:
        """Whether the structure seen decides a relation in an incomplete unit."""
        is_root = span.parent_span_id is None
        match kind:
            case Rel.CHILD_OF:
                return is_root or parent_of(span, self.around) is not None
            case Rel.UNDER:
                return is_rooted(span, self.around)
            case Rel.SIBLING_OF:
                return is_root
        return False

    def is_pair(self, kind: Rel, s, p, reading) -> bool:
        skew = self.skew[reading]
        match kind:
            case Rel.AFTER:
                return p.end_ns + skew <= s.start_ns
            case Rel.BEFORE:
                return s.end_ns + skew <= p.start_ns
            case Rel.STARTS_AFTER:
                return p.start_ns + skew <= s.start_ns
            case Rel.STARTS_BEFORE:
                return s.start_ns + skew <= p.start_ns
            case Rel.OVERLAPS:
                return p.start_ns + skew < s.end_ns and s.start_ns + skew < p.end_ns
            case Rel.CHILD_OF:
                return parent_of(s, self.around) is p
            case Rel.PARENT_OF:
                return parent_of(p, self.around) is s
            case Rel.UNDER:
                return is_among(p, ancestors_of(s, self.around))
            case Rel.OVER:
                return is_among(s, ancestors_of(p, self.around))
            case Rel.SIBLING_OF:
                return (
                    s.trace_id == p.trace_id and s.parent_span_id is not None and s.parent_span_id == p.parent_span_id
                )
            case Rel.BESIDE:
                return True
        raise AssertionError(kind)

    def is_near(self, relation: t.Relation, s, p, reading) -> bool:
        if relation.within is None:
            return True
        match relation.kind:
            case Rel.AFTER:
                distance = s.start_ns - p.end_ns
            case Rel.BEFORE:
                distance = p.start_ns - s.end_ns
            case Rel.STARTS_AFTER:
                distance = s.start_ns - p.start_ns
            case Rel.STARTS_BEFORE:
                distance = p.start_ns - s.start_ns
            case _:
                distance = max(s.start_ns - p.end_ns, p.start_ns - s.end_ns)
        return distance + self.skew[reading] <= relation.within.ns

    def is_joined(self, relation: t.Relation, s, p) -> bool:
        return all(are_joined(field_of(s, here), field_of(p, there)) for here, there in relation.same)

    def is_undisturbed(self, relation: t.Relation, s, p, reading) -> bool:
        """Whether no span of ``without`` starts between the two."""
        if relation.without is None:
            return True
        first, last = min(s.start_ns, p.start_ns), max(s.start_ns, p.start_ns)
        skew = self.skew[reading]
        return not any(
            first - skew < c.start_ns < last + skew
            for c in self.spans
            if c is not s and c is not p and is_of(c, relation.without)
        )

    # --- numbers --------------------------------------------------------------------------------------------

    def values(self, selection, field, reading):
        found = [field_of(span, field) for span in self.selected(selection, reading)]
        return [v for v in found if v is not MISSING]

    def numbers(self, selection, field, reading):
        return [n for v in self.values(selection, field, reading) if (n := as_number(v)) is not None]

    def at_least(self, seen, certain, possible) -> Interval:
        """A number that missing spans can only raise."""
        if not self.incomplete and certain == possible:
            return exactly(seen)
        return between(seen, certain, INF if self.incomplete else possible)

    def number(self, node) -> Interval:
        match node:
            case t.Number(value=value) | t.Duration(ns=value):
                return exactly(value)
            case t.TraceSpans():
                return self.at_least(*[len(self.spans)] * 3)
            case t.TraceDuration():
                length = max(s.end_ns for s in self.spans) - min(s.start_ns for s in self.spans)
                return self.at_least(*[length] * 3)
            case t.Count(selection=selection):
                return self.at_least(*(len(self.selected(selection, r)) for r in ("seen", "least", "most")))
            case t.Distinct(selection=selection, field=field):
                texts = [{text_of(v) for v in self.values(selection, field, r)} for r in ("seen", "least", "most")]
                return self.at_least(*map(len, texts))
            case t.Aggregate():
                return self.aggregate(node)
            case t.Arithmetic(left=left, operator=operator, right=right):
                return arithmetic(self.number(left), operator, self.number(right))
        raise AssertionError(node)

    def aggregate(self, node: t.Aggregate) -> Interval:
        seen, least, most = (
            aggregate(node.function, self.numbers(node.selection, node.field, r)) for r in ("seen", "least", "most")
        )
        n_least, n_most = (len(self.selected(node.selection, r)) for r in ("least", "most"))
        if not self.incomplete and n_least == n_most:  # whatever is certain is possible: the same spans
            return exactly(seen)
        low, high = -INF, INF
        if node.function == "max":
            low = -INF if least is None else least
            high = INF if self.incomplete or most is None else most
        if node.function == "min":
            low = -INF if self.incomplete or most is None else most
            high = INF if least is None else least
        return between(seen, low, high, may_lack=least is None)

    # --- conditions -----------------------------------------------------------------------------------------

    def condition(self, condition) -> tuple[bool, bool | None]:
        """(on the spans seen, certainly: None where it is open)."""
        match condition:
            case t.And(operands=operands):
                both = [self.condition(c) for c in operands]
                return all(s for s, _ in both), k_and(c for _, c in both)
            case t.Or(operands=operands):
                both = [self.condition(c) for c in operands]
                return any(s for s, _ in both), k_or(c for _, c in both)
            case t.Not(operand=operand):
                return self.negated(self.condition(operand))
            case t.Has(selection=selection):
                return self.found(lambda reading: self.selected(selection, reading))
            case t.Every(selection=selection, must=must):
                return self.negated(self.found(lambda reading: self.breakers(selection, must, reading)))
            case t.Rising(selection=selection, field=field):
                return self.negated(self.found(lambda reading: self.falls(selection, field, reading)))
            case t.Comparison(left=left, operator=operator, right=right):
                return comparison(self.number(left), operator, self.number(right))
        raise AssertionError(condition)

    def negated(self, truth: tuple[bool, bool | None]) -> tuple[bool, bool | None]:
        return not truth[0], k_not(truth[1])

    def found(self, look) -> tuple[bool, bool | None]:
        """Whether there are such spans: certain once one is, certainly none only where no span can be missing."""
        seen, certain, possible = (bool(look(reading)) for reading in ("seen", "least", "most"))
        if certain:
            return seen, True
        return seen, None if possible or self.incomplete else False

    def breakers(self, selection, must, reading) -> list[PlainSpan]:
        """Selected spans that do not satisfy ``must``: those certain to, those that may."""
        return [
            span for span in self.selected(selection, reading) if self.holds(must, span, OPPOSITE[reading]) is not True
        ]

    def falls(self, selection, field, reading) -> bool:
        """Whether of two spans the later one's value is not larger."""
        carriers = []
        for span in self.selected(selection, reading):
            number = as_number(field_of(span, field))
            if number is not None:
                carriers.append((span, number))
        return any(
            a.start_ns + self.skew[reading] < b.start_ns and not value < later_value
            for a, value in carriers
            for b, later_value in carriers
            if a is not b
        )

    # --- the rule -------------------------------------------------------------------------------------------

    def verdict(self, rule: t.RuleTree) -> str:
        """The verdict of a rule on this unit, whatever its ``per``."""
        if rule.when is not None:
            seen, certain = self.condition(rule.when)
            if not seen:
                return "not_applicable"
            if certain is not True:
                return "inconclusive"
        parts = []
        if rule.always is not None:
            parts.append(self.condition(rule.always)[1])
        if rule.never is not None:
            parts.append(k_not(self.condition(rule.never)[1]))
        return {True: "pass", False: "violation", None: "inconclusive"}[k_and(parts)]


# --- many traces --------------------------------------------------------------------------------------------------


def by_trace(spans: list[PlainSpan]) -> dict[str, list[PlainSpan]]:
    """The spans of each trace in the order of rows; traces by their first start, then by id."""
    ids = {s.trace_id for s in spans}
    traces = {i: in_row_order([s for s in spans if s.trace_id == i]) for i in ids}
    return dict(sorted(traces.items(), key=lambda item: (item[1][0].start_ns, item[0])))


def groups_of(correlation: t.Correlation, spans: list[PlainSpan]) -> list[list[PlainSpan]]:
    """Groups of spans that share the values of some fields, cut wherever more than the window passes."""
    by_key: dict[tuple[str, ...], list[PlainSpan]] = {}
    for span in spans:
        values = [field_of(span, field) for field in correlation.fields]
        if not is_among(MISSING, values):
            by_key.setdefault(tuple(map(text_of, values)), []).append(span)
    groups: list[list[PlainSpan]] = []
    for sharing in by_key.values():
        latest_end = None
        for span in sorted(sharing, key=lambda s: s.start_ns):
            if latest_end is None or span.start_ns - latest_end > correlation.within.ns:
                groups.append([])
                latest_end = span.end_ns
            groups[-1].append(span)
            latest_end = max(latest_end, span.end_ns)
    return groups


def verdicts(
    rule: t.RuleTree,
    spans: list[PlainSpan],
    *,
    declared: tuple[str, ...] = (),
    judge_incomplete: bool = False,
    span_skew_ns: int = 0,
    seen_until_ns: int | None = None,
) -> dict[str, str]:
    """The verdict of a rule on every trace, by trace id."""
    traces = by_trace(spans)
    rows = [span for trace in traces.values() for span in trace]
    if rule.correlation is None:
        return {
            trace_id: TraceOracle(
                trace,
                incomplete=not judge_incomplete and (trace_id in declared or is_incomplete(trace)),
                span_skew_ns=span_skew_ns,
            ).verdict(rule)
            for trace_id, trace in traces.items()
        }
    found = dict.fromkeys(traces, "not_applicable")
    for group in groups_of(rule.correlation, rows):
        members = [span for span in rows if is_among(span, group)]
        may_grow = (
            seen_until_ns is not None and max(s.end_ns for s in group) + rule.correlation.within.ns >= seen_until_ns
        )
        unit = TraceOracle(
            members, incomplete=may_grow and not judge_incomplete, span_skew_ns=span_skew_ns, around=rows
        )
        verdict = unit.verdict(rule)
        for trace_id in {s.trace_id for s in group}:
            found[trace_id] = max(found[trace_id], verdict, key=WORST_LAST.index)
    return found
