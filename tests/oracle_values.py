"""Values of a span's fields and what is said of one span alone, as plainly as it can be written.

Part of ``oracle``. Nothing here is shared with the engine but the syntax tree and the text of a value.
"""

from __future__ import annotations

import re

from fluo_lab.language import tree as t
from fluo_lab.traces import SpanKind, text_of

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


def field_of(span, field: t.Field, event=None):
    """The value of a field of a span, or of one of its events where only attributes are spoken of."""
    match field.kind:
        case t.FieldKind.ATTRIBUTE:
            return looked_up(span.attributes if event is None else event.attributes, field.name, span.kind)
        case t.FieldKind.RESOURCE:
            resource = dict(span.resource)
            if span.service is not None:
                resource["service.name"] = span.service
            return looked_up(resource, field.name, span.kind)
        case t.FieldKind.SCOPE:
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


def is_of(span, operation: t.Operation) -> bool:
    service = operation.service
    own_service = field_of(span, t.Field(t.FieldKind.SPAN, "service"))
    return fits(operation.name, span.name) and (service is None or fits(service, own_service))


# Kleene's logic with None as unknown
def k_not(a):
    return None if a is None else not a


def k_and(values):
    values = list(values)
    return False if False in values else None if None in values else True


def k_or(values):
    values = list(values)
    return True if True in values else None if None in values else False


def ordered(a, operator, b) -> bool:
    return {"==": a == b, "!=": a != b, ">": a > b, ">=": a >= b, "<": a < b, "<=": a <= b}[operator]


def equals(value, literal) -> bool:
    """Whether a value is equal to a literal, whose type decides."""
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


def are_joined(a, b) -> bool:
    """Whether two values have the same text; a missing one and a NaN have no equal."""
    if a is MISSING or b is MISSING or a != a or b != b:
        return False
    return text_of(a) == text_of(b)


def compare(value, operator, literal) -> bool:
    if operator == "==":
        return equals(value, literal)
    if operator == "!=":
        return not equals(value, literal)
    number = as_number(value)
    limit = literal.ns if isinstance(literal, t.Duration) else literal.value
    return number is not None and ordered(number, operator, limit)


def compare_fields(a, operator, b) -> bool:
    if operator == "==":
        return are_joined(a, b)
    if operator == "!=":
        return not are_joined(a, b)
    left, right = as_number(a), as_number(b)
    return left is not None and right is not None and ordered(left, operator, right)


def is_found_in(needle: str, value) -> bool:
    """Whether a text is part of a value's text, or is the text of a member of an array."""
    if isinstance(value, list):
        return any(not isinstance(m, list | dict) and text_of(m) == needle for m in value)
    return not isinstance(value, dict) and needle in text_of(value)


def has_member(value: list, literal) -> bool:
    return any(not isinstance(m, list | dict) and equals(m, literal) for m in value)


def fulfils(span, predicate, event=None):
    """A predicate about one field: True, False, or None where an attribute is missing."""
    value = field_of(span, predicate.field, event)
    if value is MISSING:
        return None

    def answer(operand, when_field, when_literal):
        if not isinstance(operand, t.AttributeRef):
            return when_literal(operand)
        other = field_of(span, operand.field, event)
        return None if other is MISSING else when_field(other)

    match predicate:
        case t.FieldComparison(operator=operator, value=operand):
            return answer(
                operand,
                lambda other: compare_fields(value, operator, other),
                lambda literal: compare(value, operator, literal),
            )
        case t.In(values=operands, negated=negated):
            among = k_or(
                answer(o, lambda other: are_joined(value, other), lambda literal: equals(value, literal))
                for o in operands
            )
            return k_not(among) if negated else among
        case t.Contains(value=operand, negated=negated):
            found = answer(
                operand,
                lambda other: is_found_in(text_of(other), value),
                lambda literal: (
                    has_member(value, literal)
                    if isinstance(value, list)
                    else is_found_in(text_of(literal.ns if isinstance(literal, t.Duration) else literal.value), value)
                ),
            )
            return k_not(found) if negated else found
        case t.Matches(pattern=pattern, negated=negated):
            found = not isinstance(value, list | dict) and re.search(pattern.value, text_of(value)) is not None
            return found != negated
    raise AssertionError(predicate)
