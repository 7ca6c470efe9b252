"""The language, one trace at a time, as plainly as it can be written: what the engine must agree with.

Slow on purpose. Nothing here is shared with the engine but the syntax tree and the text of a value.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction

from fluo_lab.language import tree as t
from fluo_lab.traces import PlainSpan, SpanKind, text_of

INF = math.inf
MISSING = object()
NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", re.ASCII)


def as_number(value):
    """The number a value is, or None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if isinstance(value, str) and NUMBER.fullmatch(value):
        return int(value) if re.fullmatch(r"[+-]?[0-9]+", value, re.ASCII) else float(value)
    return None


def fits(name: t.Name, text: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, name.parts)), text, re.DOTALL) is not None


# Other names of the attributes that tests draw, written down a second time: what the rule says, and for each name
# it is read from, in order, the kinds of span ("*": any) and what each value is called ("*": as it is).
OTHER_NAMES = {
    "http.method": [("http.request.method_original", "*", "*"), ("http.request.method", "*", "*")],
    "http.request.method": [("http.method", "*", "*")],
    "http.status_code": [("http.response.status_code", "*", "*")],
    "http.response.status_code": [("http.status_code", "*", "*")],
    "server.address": [("net.peer.name", "CLIENT", "*"), ("net.host.name", "SERVER", "*")],
    "client.address": [("http.client_ip", "*", "*"), ("net.peer.name", "SERVER", "*")],
    "http.client_ip": [("client.address", "*", "*")],
    "net.peer.name": [("server.address", "CLIENT", "*"), ("client.address", "SERVER", "*")],
    "net.host.name": [("server.address", "SERVER", "*")],
    "db.system": [("db.system.name", "*", {"microsoft.sql_server": "mssql", "oracle.db": "oracle", "*": "*"})],
    "db.system.name": [("db.system", "*", {"mssql": "microsoft.sql_server", "oracle": "oracle.db", "*": "*"})],
    "db.name": [
        ("db.namespace", "*", {"shop|public": None, "*": "*"}),
        ("db.cassandra.keyspace", "*", "*"),
        ("db.hbase.namespace", "*", "*"),
    ],
    "db.namespace": [
        ("db.name", "*", "*"),
        ("db.cassandra.keyspace", "*", "*"),
        ("db.hbase.namespace", "*", "*"),
    ],
    "db.collection.name": [("db.mongodb.collection", "*", "*"), ("db.cassandra.table", "*", "*")],
    "network.protocol.version": [
        ("net.protocol.version", "*", "*"),
        ("http.flavor", "*", {"1.0": "1.0", "1.1": "1.1", "2.0": "2", "3.0": "3", "*": None}),
    ],
    "net.protocol.version": [
        ("network.protocol.version", "*", "*"),
        ("http.flavor", "*", {"1.0": "1.0", "1.1": "1.1", "2.0": "2", "3.0": "3", "*": None}),
    ],
    "rpc.status_code": [
        ("rpc.response.status_code", "*", "*"),
        ("rpc.grpc.status_code", "*", {"0": "OK", "5": "NOT_FOUND", "14": "UNAVAILABLE", "*": None}),
    ],
    "rpc.response.status_code": [
        ("rpc.status_code", "*", "*"),
        ("rpc.grpc.status_code", "*", {"0": "OK", "5": "NOT_FOUND", "14": "UNAVAILABLE", "*": None}),
    ],
}


def looked_up(attributes, name, kind):
    """The value of an attribute, or of the first other name that has one."""
    if name in attributes:
        return attributes[name]
    for other, kinds, values in OTHER_NAMES.get(name, []):
        if other not in attributes or kinds not in ("*", kind.name):
            continue
        value = attributes[other]
        if values == "*":
            return value
        if isinstance(value, bool) or not isinstance(value, str | int):
            continue
        renamed = values.get(str(value), values["*"])
        if renamed is not None:
            return str(value) if renamed == "*" else renamed
    return MISSING


def ordered(a, operator, b) -> bool:
    match operator:
        case "==":
            return a == b
        case "!=":
            return a != b
        case ">":
            return a > b
        case ">=":
            return a >= b
        case "<":
            return a < b
        case "<=":
            return a <= b
    raise AssertionError(operator)


# Kleene's logic with None as unknown
def k_not(a):
    return None if a is None else not a


def k_and(values):
    values = list(values)
    return False if False in values else None if None in values else True


def k_or(values):
    values = list(values)
    return True if True in values else None if None in values else False


@dataclass(frozen=True)
class Interval:
    """A number of a trace: its value on what is seen (None: none), its bounds, and whether it may have no value."""

    seen: int | float | None
    low: float | int | Fraction
    high: float | int | Fraction
    may_lack: bool


class TraceOracle:
    """One trace and what is known of it."""

    def __init__(self, spans: list[PlainSpan], *, incomplete: bool) -> None:
        self.spans = sorted(spans, key=lambda s: (s.start_ns, s.span_id))
        self.incomplete = incomplete

    # --- spans ----------------------------------------------------------------------------------------------

    def field(self, span, field: t.Field, event=None):
        if field.kind is t.FieldKind.ATTRIBUTE:
            return looked_up(event.attributes if event is not None else span.attributes, field.name, span.kind)
        if field.kind is t.FieldKind.RESOURCE:
            resource = dict(span.resource)
            if span.service is not None:
                resource["service.name"] = span.service
            return looked_up(resource, field.name, span.kind)
        if field.kind is t.FieldKind.SCOPE:
            own = {"name": span.scope_name, "version": span.scope_version}
            if field.name in own:
                return own[field.name] or MISSING
            return span.scope.get(field.name, MISSING)
        return {
            "name": span.name,
            "service": span.service or span.resource.get("service.name") or "unknown_service",
            "kind": "internal" if span.kind is SpanKind.UNSPECIFIED else span.kind.name.lower(),
            "status": span.status.name.lower(),
            "status_message": span.status_message or MISSING,
            "duration": span.end_ns - span.start_ns,
        }[field.name]

    def equals(self, value, literal) -> bool:
        match literal:
            case t.Number(value=number) | t.Duration(ns=number):
                found = as_number(value)
                return found is not None and found == number
            case t.Bool(value=flag):
                if isinstance(value, str):
                    return value.lower() == text_of(flag)
                return isinstance(value, bool) and value == flag
            case t.Text(value=text):
                if isinstance(value, list | dict) or value != value:
                    return False
                return text_of(value) == text
        raise AssertionError(literal)

    def compare(self, value, operator, literal) -> bool:
        if operator == "==":
            return self.equals(value, literal)
        if operator == "!=":
            return not self.equals(value, literal)
        number = as_number(value)
        limit = literal.ns if isinstance(literal, t.Duration) else literal.value
        return number is not None and ordered(number, operator, limit)

    def compare_fields(self, a, operator, b) -> bool:
        if operator in ("==", "!="):
            equal = a == a and b == b and text_of(a) == text_of(b)
            return equal if operator == "==" else not equal
        left, right = as_number(a), as_number(b)
        return left is not None and right is not None and ordered(left, operator, right)

    def holds(self, predicate, span, mode, event=None):
        """True, False or None (a missing attribute). mode: 'seen', 'least', 'most'."""
        match predicate:
            case t.And(operands=operands):
                return k_and(self.holds(p, span, mode, event) for p in operands)
            case t.Or(operands=operands):
                return k_or(self.holds(p, span, mode, event) for p in operands)
            case t.Not(operand=operand):
                flipped = {"least": "most", "most": "least", "seen": "seen"}[mode]
                return k_not(self.holds(operand, span, flipped, event))
            case t.Exists(field=field):
                return self.field(span, field, event) is not MISSING
            case t.Event(name=name, where=where):
                return any(
                    fits(name, e.name) and (where is None or self.holds(where, span, mode, e) is True)
                    for e in span.events
                )
            case t.Relation():
                if mode == "most" and self.incomplete:
                    return True
                return self.relation(predicate, span, "least" if mode == "least" and self.incomplete else "seen")
        value = self.field(span, predicate.field, event)
        if value is MISSING:
            return None
        match predicate:
            case t.FieldComparison(operator=operator, value=t.AttributeRef(field=other)):
                right = self.field(span, other, event)
                return None if right is MISSING else self.compare_fields(value, operator, right)
            case t.FieldComparison(operator=operator, value=literal):
                return self.compare(value, operator, literal)
            case t.In(values=values, negated=negated):
                answers = []
                for literal in values:
                    if isinstance(literal, t.AttributeRef):
                        right = self.field(span, literal.field, event)
                        answers.append(None if right is MISSING else self.compare_fields(value, "==", right))
                    else:
                        answers.append(self.equals(value, literal))
                among = k_or(answers)
                return k_not(among) if negated else among
            case t.Contains(value=needle, negated=negated):
                if isinstance(needle, t.AttributeRef):
                    right = self.field(span, needle.field, event)
                    if right is MISSING:
                        return None
                    if isinstance(value, list):
                        found = any(not isinstance(m, list | dict) and text_of(m) == text_of(right) for m in value)
                    else:
                        found = not isinstance(value, dict) and text_of(right) in text_of(value)
                elif isinstance(value, list):
                    found = any(not isinstance(m, list | dict) and self.equals(m, needle) for m in value)
                elif isinstance(value, dict):
                    found = False
                else:
                    text = needle.ns if isinstance(needle, t.Duration) else needle.value
                    found = text_of(text) in text_of(value)
                return found != negated
            case t.Matches(pattern=pattern, negated=negated):
                found = not isinstance(value, list | dict) and re.search(pattern.value, text_of(value)) is not None
                return found != negated
        raise AssertionError(predicate)

    def relation(self, relation, span, mode) -> bool:
        partners = [s for s in self.selected(relation.selection, mode) if s is not span]
        match relation.kind:
            case t.RelationKind.AFTER:
                return any(s.end_ns <= span.start_ns for s in partners)
            case t.RelationKind.BEFORE:
                return any(s.start_ns >= span.end_ns for s in partners)
            case t.RelationKind.STARTS_AFTER:
                return any(s.start_ns <= span.start_ns for s in partners)
            case t.RelationKind.STARTS_BEFORE:
                return any(s.start_ns >= span.start_ns for s in partners)
        raise AssertionError(relation.kind)

    def selected(self, selection: t.Selection, mode) -> list[PlainSpan]:
        operation = selection.operation
        return [
            span
            for span in self.spans
            if fits(operation.name, span.name)
            and (
                operation.service is None
                or fits(operation.service, self.field(span, t.Field(t.FieldKind.SPAN, "service")))
            )
            and all(self.holds(p, span, mode) is True for p in selection.where)
        ]

    # --- numbers --------------------------------------------------------------------------------------------

    def values(self, selection, field, mode):
        found = [self.field(span, field) for span in self.selected(selection, mode)]
        return [v for v in found if v is not MISSING]

    def numbers(self, selection, field, mode):
        return [n for v in self.values(selection, field, mode) if (n := as_number(v)) is not None]

    def at_least(self, seen, certain) -> Interval:
        return Interval(seen, certain if self.incomplete else seen, INF if self.incomplete else seen, False)

    def number(self, node) -> Interval:
        match node:
            case t.Number(value=value) | t.Duration(ns=value):
                return Interval(value, value, value, False)
            case t.TraceSpans():
                return self.at_least(len(self.spans), len(self.spans))
            case t.TraceDuration():
                length = max(s.end_ns for s in self.spans) - min(s.start_ns for s in self.spans)
                return self.at_least(length, length)
            case t.Count(selection=selection):
                return self.at_least(len(self.selected(selection, "seen")), len(self.selected(selection, "least")))
            case t.Distinct(selection=selection, field=field):
                seen, certain = ({text_of(v) for v in self.values(selection, field, m)} for m in ("seen", "least"))
                return self.at_least(len(seen), len(certain))
            case t.Aggregate(function=function, selection=selection, field=field):
                seen = aggregate(function, self.numbers(selection, field, "seen"))
                if not self.incomplete:
                    known = 0 if seen is None else seen
                    return Interval(seen, known, known, seen is None)
                certain = aggregate(function, self.numbers(selection, field, "least"))
                low = certain if function == "max" and certain is not None else -INF
                high = certain if function == "min" and certain is not None else INF
                return Interval(seen, low, high, certain is None)
            case t.Arithmetic(left=left, operator=operator, right=right):
                return arithmetic(self.number(left), operator, self.number(right))
        raise AssertionError(node)

    # --- conditions -----------------------------------------------------------------------------------------

    def condition(self, condition) -> tuple[bool, bool | None]:
        """(seen, certain); certain is None where it is open."""
        match condition:
            case t.And(operands=operands):
                both = [self.condition(c) for c in operands]
                return all(s for s, _ in both), k_and(c for _, c in both)
            case t.Or(operands=operands):
                both = [self.condition(c) for c in operands]
                return any(s for s, _ in both), k_or(c for _, c in both)
            case t.Not(operand=operand):
                seen, certain = self.condition(operand)
                return not seen, k_not(certain)
            case t.Has(selection=selection):
                seen = bool(self.selected(selection, "seen"))
                return self.found(seen, bool(self.selected(selection, "least")))
            case t.Every(selection=selection, must=must):
                broken = any(self.holds(must, s, "seen") is not True for s in self.selected(selection, "seen"))
                refuted = any(self.holds(must, s, "most") is not True for s in self.selected(selection, "least"))
                seen, certain = self.found(broken, refuted)
                return not seen, k_not(certain)
            case t.Rising(selection=selection, field=field):
                seen, certain = self.found(*(self.falls(selection, field, m) for m in ("seen", "least")))
                return not seen, k_not(certain)
            case t.Comparison(left=left, operator=operator, right=right):
                seen, certain = self.comparison(self.number(left), operator, self.number(right))
                literals = (t.Number, t.Duration, t.Arithmetic)
                hangs_on_spans = any(not isinstance(n, literals) for side in (left, right) for n in t.walk(side))
                return seen, certain if hangs_on_spans else seen
        raise AssertionError(condition)

    def found(self, seen: bool, certain: bool) -> tuple[bool, bool | None]:
        if not self.incomplete:
            return seen, seen
        return seen, True if certain else None

    def falls(self, selection, field, mode) -> bool:
        carriers = [
            (s.start_ns, n)
            for s in self.selected(selection, mode)
            if (v := self.field(s, field)) is not MISSING and (n := as_number(v)) is not None
        ]
        return any(a[0] < b[0] and not a[1] < b[1] for a in carriers for b in carriers)

    def comparison(self, a: Interval, operator, b: Interval) -> tuple[bool, bool | None]:
        seen = a.seen is not None and b.seen is not None and ordered(a.seen, operator, b.seen)
        if not self.incomplete:
            return seen, seen
        if operator in ("<", "<="):
            always, never = ordered(a.high, operator, b.low), not ordered(a.low, operator, b.high)
        elif operator in (">", ">="):
            always, never = ordered(a.low, operator, b.high), not ordered(a.high, operator, b.low)
        else:
            apart = a.high < b.low or a.low > b.high
            same = a.low == a.high == b.low == b.high
            always, never = (same, apart) if operator == "==" else (apart, same)
        if never:
            return seen, False
        return seen, True if always and not a.may_lack and not b.may_lack else None

    def verdict(self, rule: t.RuleTree) -> str:
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


def in_64_bits(value):
    return float(value) if isinstance(value, int) and not -(2**63) <= value < 2**63 else value


def aggregate(function, numbers):
    if function in ("sum", "avg"):
        ints = in_64_bits(sum(n for n in numbers if isinstance(n, int)))
        doubles = [n for n in numbers if isinstance(n, float)]
        total = ints
        if doubles:
            running = 0.0
            for n in doubles:
                running += n
            total = float(ints) + running
        if function == "sum":
            return total
        return float(total) / len(numbers) if numbers else None
    numbers = [n for n in numbers if n == n]
    if not numbers:
        return None
    return min(numbers) if function == "min" else max(numbers)


def arithmetic(a: Interval, operator, b: Interval) -> Interval:
    seen = None
    if a.seen is not None and b.seen is not None:
        seen = operate(a.seen, operator, b.seen)
    may_lack = a.may_lack or b.may_lack
    if operator == "+":
        low, high = a.low + b.low, a.high + b.high
    elif operator == "-":
        low, high = a.low - b.high, a.high - b.low
    elif operator == "/" and b.low <= 0 <= b.high:
        return Interval(seen, -INF, INF, True)
    else:
        corners = [corner(x, operator, y) for x in (a.low, a.high) for y in (b.low, b.high)]
        if any(c != c for c in corners):
            return Interval(seen, -INF, INF, may_lack)
        low, high = min(corners), max(corners)
    return Interval(seen, -INF if low != low else low, INF if high != high else high, may_lack)


def corner(x, operator, y):
    if operator == "*":
        return 0 if x == 0 or y == 0 else x * y
    if abs(x) == INF and abs(y) == INF:
        return math.nan
    return x / y


def operate(a, operator, b):
    if operator == "/":
        return None if b == 0 else a / b
    return in_64_bits({"+": a + b, "-": a - b, "*": a * b}[operator])
