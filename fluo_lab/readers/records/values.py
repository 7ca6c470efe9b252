"""Attributes and counts given as JSON values, in plain objects or in OTLP's and Jaeger's pairs."""

from __future__ import annotations

import re

import orjson

from fluo_lab.readers.columns import AttributeColumns
from fluo_lab.readers.otlp.values import ValueFault, compact_json, decode_value, parse_int
from fluo_lab.readers.report import Report
from fluo_lab.traces import ValueType

__all__ = ["add_attribute", "add_attributes", "read_count", "shown"]

_ANY_VALUE = re.compile(r"(?:string|bool|int|double|array|kvlist|bytes)_?[vV]alue").fullmatch


def add_attributes(value: object, into: AttributeColumns, owner: int, report: Report) -> bool:
    """Add the attributes that an object or a list of pairs holds; return whether it is one.

    Pairs are OTLP's and Jaeger's objects of ``key`` and ``value``, or lists of two.
    """
    if type(value) is dict:
        for key, member in value.items():
            add_attribute(key, member, into, owner, report)
        return True
    if type(value) is not list:
        return False
    for pair in value:
        if type(pair) is dict and type(pair.get("key")) is str:
            add_attribute(pair["key"], pair.get("value"), into, owner, report)
        elif type(pair) is list and len(pair) == 2 and type(pair[0]) is str:
            add_attribute(pair[0], pair[1], into, owner, report)
        else:
            report.add("an attribute that is no pair of key and value, not read", sample=shown(pair))
    return True


def add_attribute(key: str, value: object, into: AttributeColumns, owner: int, report: Report) -> None:
    """Add an attribute given as a JSON value or as OTLP's ``AnyValue``; null is missing."""
    if value is None:
        return
    if not key:
        report.add("attribute without a key, not read", sample=shown(value))
        return
    try:
        found = _typed(value)
    except ValueFault as fault:
        report.add(f"attribute with {fault}; read as missing", sample=key)
        return
    if found is not None:
        into.add(owner, key, *found)
        if found[0] is ValueType.TEXT and type(value) is int:
            report.add("attribute with a whole number beyond 64 bits; kept as text", sample=key)


def _typed(value: object) -> tuple[ValueType, object] | None:
    """Return type and value of a JSON value, or None for a missing one."""
    kind = type(value)
    if kind is str:
        return ValueType.TEXT, value
    if kind is bool:
        return ValueType.BOOL, value
    if kind is float:
        return ValueType.DOUBLE, value
    if isinstance(value, int):
        return (ValueType.INT, value) if -(2**63) <= value < 2**63 else (ValueType.TEXT, str(value))
    if isinstance(value, dict) and len(value) == 1 and _ANY_VALUE(next(iter(value))):
        return decode_value(value)
    try:
        return (ValueType.ARRAY if kind is list else ValueType.KVLIST), compact_json(value)
    except orjson.JSONEncodeError:
        raise ValueFault("values nested too deep") from None


def read_count(value: object, name: str, report: Report) -> int:
    """Return a count, 0 where it is missing or none, which is reported under its name."""
    if value is None:
        return 0
    try:
        return parse_int(value, 0, 2**32 - 1)
    except ValueFault as fault:
        report.add(f"{name} with {fault}; read as 0")
        return 0


def shown(value: object) -> str:
    """Return a value as text."""
    return value if type(value) is str else repr(value)[:80]
