"""OTLP numbers and values as JSON writes them: exact, or a fault that says what was found.

64-bit integers come as decimal strings or numbers, enums as numbers or names (protocol-buffers JSON mapping).
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Sequence
from typing import Any, Final

import orjson

from fluo_lab.traces import ValueType

__all__ = [
    "MAX_DEPTH",
    "ValueFault",
    "compact_json",
    "decode_value",
    "json_type",
    "parse_double",
    "parse_enum",
    "parse_int",
    "plain_double",
]

MAX_DEPTH: Final = 60
"""Arrays and key-value lists nested deeper than this are not read."""

_IS_INTEGER = re.compile(r"-?[0-9]{1,40}", re.ASCII).fullmatch
_IS_NUMBER = re.compile(r"-?[0-9]{1,400}(\.[0-9]{1,400})?([eE][+-]?[0-9]{1,5})?", re.ASCII).fullmatch
_NON_FINITE: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_MAX_EXACT_DOUBLE = 2**53
_MEMBERS: Final = {
    "stringValue": "stringValue",
    "boolValue": "boolValue",
    "intValue": "intValue",
    "doubleValue": "doubleValue",
    "arrayValue": "arrayValue",
    "kvlistValue": "kvlistValue",
    "bytesValue": "bytesValue",
    "stringValueStrindex": "stringValueStrindex",
    "string_value": "stringValue",
    "bool_value": "boolValue",
    "int_value": "intValue",
    "double_value": "doubleValue",
    "array_value": "arrayValue",
    "kvlist_value": "kvlistValue",
    "bytes_value": "bytesValue",
    "string_value_strindex": "stringValueStrindex",
}
_JSON_TYPES: Final[dict[type, str]] = {
    dict: "an object",
    list: "an array",
    str: "a string",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    type(None): "null",
}


class ValueFault(ValueError):
    """A value that cannot be taken; the message completes "an attribute with ..."."""


def json_type(value: object) -> str:
    """Return the JSON type of a parsed value with its article."""
    return _JSON_TYPES[type(value)]


def parse_int(value: object, low: int, high: int) -> int:
    """Return a whole number given as a number or a decimal string.

    Raises
    ------
    ValueFault
        Not a whole number, out of range, or a number whose last digits a floating-point writer has lost.

    Examples
    --------
    >>> parse_int("1730291040680439518", 0, 2**63 - 1)
    1730291040680439518
    """
    if type(value) is int:
        number = value
    elif (type(value) is str and _IS_INTEGER(value)) or (
        type(value) is float and value.is_integer() and abs(value) <= _MAX_EXACT_DOUBLE
    ):
        number = int(value)
    else:
        raise ValueFault(f"{json_type(value)} that is no exact whole number")
    if not low <= number <= high:
        raise ValueFault("a whole number out of range")
    return number


def parse_double(value: object) -> float:
    """Return a double given as a number, a decimal string, or one of NaN, Infinity and -Infinity.

    Raises
    ------
    ValueFault
        Anything else.
    """
    if type(value) in (int, float):
        return float(value)  # type: ignore[arg-type]
    if type(value) is str:
        if value in _NON_FINITE:
            return _NON_FINITE[value]
        if _IS_NUMBER(value):
            return float(value)
    raise ValueFault(f"a double that is {json_type(value)}, not a number")


def parse_enum(value: object, names: Sequence[str], prefix: str) -> int | None:
    """Return the number of an enum value given as number, decimal string or name; None where unknown.

    Examples
    --------
    >>> parse_enum("STATUS_CODE_ERROR", ("UNSET", "OK", "ERROR"), "STATUS_CODE_")
    2
    """
    if type(value) is str:
        name = value.upper().removeprefix(prefix)
        if name in names:
            return names.index(name)
    try:
        return parse_int(value, 0, len(names) - 1)
    except ValueFault:
        return None


def plain_double(value: float) -> float | str:
    """Return a double as compact JSON shows it: a number, or the name of one that JSON cannot write."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def compact_json(plain: object) -> str:
    """Return plain values as JSON without spaces."""
    return orjson.dumps(plain).decode()


def decode_value(value: object) -> tuple[ValueType, object] | None:
    """Return type and value of an ``AnyValue``, or None for an empty one.

    Texts, bytes (base64), arrays and key-value lists (compact JSON) are strings, the others what they are.

    Raises
    ------
    ValueFault
        What was found instead of a value.
    """
    found = _plain(value, 0)
    if found is None:
        return None
    value_type, plain = found
    if value_type in (ValueType.ARRAY, ValueType.KVLIST):
        return value_type, compact_json(plain)
    return found


def _plain(value: object, depth: int) -> tuple[ValueType, Any] | None:
    """Return type and plain value of an ``AnyValue``; nested ones as JSON would show them."""
    if value is None:
        return None
    if type(value) is not dict:
        raise ValueFault(f"a value that is {json_type(value)}, expected an object")
    if depth > MAX_DEPTH:
        raise ValueFault(f"values nested deeper than {MAX_DEPTH} levels")
    members = [(key, member) for key, member in value.items() if member is not None]
    if not members:
        return None
    if len(members) > 1:
        raise ValueFault("more than one value at once")
    key, member = members[0]
    kind = _MEMBERS.get(key)
    if kind == "stringValue":
        if type(member) is not str:
            raise ValueFault(f"a stringValue that is {json_type(member)}")
        return ValueType.TEXT, member
    if kind == "boolValue":
        if type(member) is not bool:
            raise ValueFault(f"a boolValue that is {json_type(member)}")
        return ValueType.BOOL, member
    if kind == "intValue":
        return ValueType.INT, parse_int(member, -(2**63), 2**63 - 1)
    if kind == "doubleValue":
        return ValueType.DOUBLE, parse_double(member)
    if kind == "bytesValue":
        return ValueType.BYTES, _canonical_base64(member)
    if kind == "arrayValue":
        return ValueType.ARRAY, [_nested(item, depth) for item in _items(member, kind)]
    if kind == "kvlistValue":
        return ValueType.KVLIST, dict(_pair(item, depth) for item in _items(member, kind))
    if kind == "stringValueStrindex":
        raise ValueFault("a stringValueStrindex, which traces cannot resolve")
    raise ValueFault(f"a value of unknown kind {key[:40]!r}")


def _nested(value: object, depth: int) -> object:
    """Return an inner value as JSON shows it; an empty one is null."""
    found = _plain({} if value is None else value, depth + 1)
    if found is None:
        return None
    value_type, plain = found
    return plain_double(plain) if value_type is ValueType.DOUBLE else plain


def _items(member: object, kind: str) -> list[object]:
    if type(member) is not dict:
        raise ValueFault(f"an {kind} that is {json_type(member)}, expected an object")
    items = member.get("values")
    if items is None:
        return []
    if type(items) is not list:
        raise ValueFault(f"an {kind} whose values are {json_type(items)}, expected an array")
    return items


def _pair(item: object, depth: int) -> tuple[str, object]:
    if type(item) is not dict or type(item.get("key", "")) is not str:
        raise ValueFault("a key-value list whose entries are no pairs")
    return item.get("key", ""), _nested(item.get("value"), depth)


def _canonical_base64(member: object) -> str:
    """Return base64 in the standard alphabet with padding, which other alphabets and no padding also mean."""
    if type(member) is not str:
        raise ValueFault(f"a bytesValue that is {json_type(member)}")
    text = member.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ValueFault("a bytesValue that is not base64") from None
    return base64.b64encode(data).decode()
