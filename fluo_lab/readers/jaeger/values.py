"""Names, ids and typed tags of Jaeger's JSON dialects: the UI's, Elasticsearch's, Cassandra's and the protobuf's."""

from __future__ import annotations

import base64
import re
from functools import lru_cache
from typing import Any, Final

import orjson

from fluo_lab.readers.ids import IdFault, decode_id
from fluo_lab.readers.otlp.values import ValueFault, compact_json, json_type, parse_double, parse_int
from fluo_lab.readers.report import Report
from fluo_lab.traces import ValueType

__all__ = ["Object", "canonical_name", "decode_jaeger_id", "decode_tag", "read_untyped", "shown", "take_fields"]

Object = dict[str, Any]

_IS_HEX: Final = re.compile(r"[0-9a-fA-F]+").fullmatch
_MAX_INT64 = 2**63 - 1
# Texts that Go's strconv.ParseBool takes, with which Jaeger reads them back.
_BOOLS: Final = {
    **dict.fromkeys(("1", "t", "T", "true", "TRUE", "True"), True),
    **dict.fromkeys(("0", "f", "F", "false", "FALSE", "False"), False),
}
_TYPES: Final = {
    "string": ValueType.TEXT,
    "bool": ValueType.BOOL,
    "int64": ValueType.INT,
    "float64": ValueType.DOUBLE,
    "binary": ValueType.BYTES,
}
_TYPE_NUMBERS: Final = tuple(_TYPES)
"""Numbers of the enum ``ValueType`` of Jaeger's ``model.proto`` are places in this."""
_MEMBERS: Final = {
    "string": ("vstr", "valuestring"),
    "bool": ("vbool", "valuebool"),
    "int64": ("vint64", "valuelong"),
    "float64": ("vfloat64", "valuedouble"),
    "binary": ("vbinary", "valuebinary"),
}
_TYPE_OF_MEMBER: Final = {member: name for name, members in _MEMBERS.items() for member in members}
_ZEROS: Final[dict[str, object]] = {"string": "", "bool": False, "int64": 0, "float64": 0.0, "binary": ""}
_TAG_FIELDS: Final = frozenset({"key", "type", "vtype", "valuetype", "value", *_TYPE_OF_MEMBER})


@lru_cache(maxsize=4096)
def canonical_name(name: str) -> str:
    """Return a field's name as it is the same in every dialect: lower case, no underscores.

    Examples
    --------
    >>> {canonical_name(name) for name in ("traceID", "traceId", "TraceID", "trace_id")}
    {'traceid'}
    """
    return name.replace("_", "").lower()


def take_fields(
    value: object, known: frozenset[str], what: str, report: Report, *, ignored: frozenset[str] = frozenset()
) -> Object | None:
    """Return an object's known fields under their canonical names, or None with a word in the report.

    Parameters
    ----------
    value
        What should be an object.
    known, ignored
        Canonical names of the fields taken, and of those left out without a word.
    what
        What it is, for the report.
    report
        Where fields go that are neither.
    """
    if type(value) is not dict:
        report.add(f"{what} that is {json_type(value)}, expected an object; skipped")
        return None
    fields: Object = {}
    for name, member in value.items():
        field = canonical_name(name)
        if field in fields:
            report.add(f"field {name[:40]!r} in two spellings in a {what}, the first one counts")
        elif field in known:
            fields[field] = member
        elif field not in ignored:
            report.add(f"unknown field {name[:40]!r} in a {what}, ignored")
    return fields


def shown(value: object) -> str:
    """Return a scalar as text for a report, and of anything else what it is."""
    return str(value)[:40] if type(value) in (str, int, float, bool) else json_type(value)


def decode_jaeger_id(value: object, n_bytes: int) -> str:
    """Return an id as lower-case hexadecimal digits of full length, or an empty text for an absent or all-zero one.

    Jaeger leaves out leading zeros of hexadecimal ids, and shows trace ids of 64 bits in 16 digits: padded to full
    length, a trace has the same id by every route. Protobuf-JSON has base64, always with its padding, and Cassandra
    signed 64-bit numbers.

    Raises
    ------
    IdFault
        The value is none of these.

    Examples
    --------
    >>> decode_jaeger_id("EC2B4E0BCEA566D", 8), decode_jaeger_id("AAAAAABkfZg=", 8), decode_jaeger_id(-2, 8)
    ('0ec2b4e0bcea566d', '0000000000647d98', 'fffffffffffffffe')
    """
    if type(value) is int and -(2 ** (8 * n_bytes - 1)) <= value < 2 ** (8 * n_bytes):
        found = f"{value % 2 ** (8 * n_bytes):0{2 * n_bytes}x}"
    elif type(value) is not str:
        raise IdFault(json_type(value) if type(value) is not int else "a number out of range")
    elif not value:
        return ""
    elif len(value) <= 2 * n_bytes and _IS_HEX(value):
        found = value.lower().zfill(2 * n_bytes)
    elif value.endswith("=") or _IS_HEX(value):
        return decode_id(value, n_bytes)
    else:
        raise IdFault("other characters")
    return found if found.strip("0") else ""


def decode_tag(tag: object, report: Report, *, is_hex: bool) -> tuple[str, ValueType, object] | None:
    """Return key, type and value of a tag, or None with a word in the report where it has no key or no value.

    A value that does not fit its type is reported and read as what it is in JSON.

    Parameters
    ----------
    tag
        ``{"key", "type", "value"}`` of the UI and Elasticsearch, ``{"key", "vType", "vStr"…}`` of the protobuf, where
        values that are zero may be missing, or ``{"Key", "ValueType", "value_string"…}`` of Cassandra.
    report
        Where problems go.
    is_hex
        Whether binary values are hexadecimal rather than base64.
    """
    fields = take_fields(tag, _TAG_FIELDS, "tag", report)
    if fields is None:
        return None
    key = fields.get("key")
    if type(key) is not str or not key:
        report.add("attribute without a key, not read", sample=", ".join(f"{n}: {shown(v)}" for n, v in fields.items()))
        return None
    members = {name: member for name, member in fields.items() if name in _TYPE_OF_MEMBER and member is not None}
    declared = _declared_type(fields)
    value = fields.get("value")
    if value is None:
        own = next((members[name] for name in _MEMBERS.get(declared or "", ()) if name in members), None)
        if own is not None:
            value = own
        elif len(members) == 1:
            member, value = next(iter(members.items()))
            declared = _mismatch(declared, _TYPE_OF_MEMBER[member], key, report)
        elif members:
            report.add("attribute with more than one value at once; read as missing", sample=key)
            return None
        elif declared in _ZEROS and "type" not in fields:
            value = _ZEROS[declared]
        else:
            report.add("attribute without a value, read as missing", sample=key)
            return None
    return _decode_typed(key, declared, value, report, is_hex=is_hex and not members)


def read_untyped(key: str, value: object, report: Report) -> tuple[str, ValueType, object] | None:
    """Return key, type and value of an attribute whose JSON type is all there is, or None with a word in the report."""
    if value is None:
        report.add("attribute without a value, read as missing", sample=key)
    elif not key:
        report.add("attribute without a key, not read", sample=shown(value))
    else:
        try:
            return key, *_as_it_stands(value)
        except ValueFault as fault:
            report.add(f"attribute with {fault}; read as missing", sample=key)
    return None


def _declared_type(fields: Object) -> str | None:
    """Return the name of the type a tag says it has, None where it says none."""
    found = next((fields[name] for name in ("type", "vtype", "valuetype") if fields.get(name) is not None), None)
    if type(found) is int and 0 <= found < len(_TYPE_NUMBERS):
        return _TYPE_NUMBERS[found]
    return None if found is None else shown(found).lower()


def _mismatch(declared: str | None, found: str, key: str, report: Report) -> str:
    """Return the type of the value found, with a word where the tag says another."""
    if declared not in (None, found):
        report.add(f"attribute of type {str(declared)[:40]} with a value of type {found}; read as {found}", sample=key)
    return found


def _decode_typed(
    key: str, declared: str | None, value: object, report: Report, *, is_hex: bool
) -> tuple[str, ValueType, object] | None:
    if declared is None:
        return read_untyped(key, value, report)
    value_type = _TYPES.get(declared)
    if value_type is None:
        report.add(f"attribute of unknown type {declared[:40]!r}; read as it stands", sample=key)
        return read_untyped(key, value, report)
    try:
        return key, value_type, _fit(value_type, value, is_hex=is_hex)
    except ValueFault as fault:
        report.add(f"attribute of type {declared} with {fault}; read as it stands", sample=key)
        return read_untyped(key, value, report)


def _fit(value_type: ValueType, value: object, *, is_hex: bool) -> object:
    """Return a value of a declared type."""
    match value_type:
        case ValueType.INT:
            return parse_int(value, -(2**63), _MAX_INT64)
        case ValueType.DOUBLE:
            return parse_double(value)
        case ValueType.BOOL:
            if type(value) is bool:
                return value
            if type(value) is str and value in _BOOLS:
                return _BOOLS[value]
        case ValueType.BYTES if type(value) is str:
            return _canonical_base64(value, is_hex=is_hex)
        case _ if type(value) is str:
            return value
    raise ValueFault(f"a value that is {json_type(value)}")


def _canonical_base64(text: str, *, is_hex: bool) -> str:
    if is_hex and len(text) % 2 == 0 and (_IS_HEX(text) or not text):
        return base64.b64encode(bytes.fromhex(text)).decode()
    plain = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        data = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except ValueError:
        raise ValueFault("a string that is neither hexadecimal nor base64" if is_hex else "no base64") from None
    return base64.b64encode(data).decode()


def _as_it_stands(value: object) -> tuple[ValueType, object]:
    """Return the type that a value has in JSON, and the value."""
    match value:
        case bool():
            return ValueType.BOOL, value
        case int():
            # A number beyond 64 bits keeps its digits as text.
            fits = -(2**63) <= value <= _MAX_INT64
            return (ValueType.INT, value) if fits else (ValueType.TEXT, str(value))
        case float():
            return ValueType.DOUBLE, value
        case str():
            return ValueType.TEXT, value
        case list() | dict():
            try:
                text = compact_json(value)
            except orjson.JSONEncodeError as error:
                raise ValueFault(f"{json_type(value)} that cannot be kept ({error})") from None
            return (ValueType.ARRAY if isinstance(value, list) else ValueType.KVLIST), text
    raise ValueFault(f"a value that is {json_type(value)}")
