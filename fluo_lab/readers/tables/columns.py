"""What the parts of a span are called in other people's tables and records, and how ids and times are written there.

A name is recognised without regard to case and punctuation: ``traceId``, ``TraceID`` and ``trace_id`` are one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from functools import lru_cache
from typing import Final

from fluo_lab.errors import InputError
from fluo_lab.readers.otlp.values import ValueFault, json_type
from fluo_lab.readers.tables.names import listed, plain_name, quoted
from fluo_lab.traces import SpanKind, StatusCode

__all__ = [
    "DURATION_TEXT",
    "KIND_WORDS",
    "MAX_NS",
    "NO_PARENT",
    "SCALES",
    "STATUS_WORDS",
    "TIME_TEXT",
    "ColumnMap",
    "attribute_place",
    "duration_ns",
    "field_of",
    "guess_scale",
    "map_columns",
    "plain_id",
    "scale_of",
    "time_ns",
]

MAX_NS: Final = 2**63 - 1
"""The latest time and the longest duration, in nanoseconds."""

TIME_TEXT: Final = (
    r"^\s*([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[Tt]|\s+)([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9})0*)?)?"
    r"\s*(?:([Zz]|UTC|GMT)|([+-])([0-9]{2}):?([0-9]{2})?)?\s*$"
)
"""RFC 3339, and ISO 8601 where it says the same with a space, without seconds or without a zone, which means UTC.

Groups: date, hours, minutes, seconds, fraction, the word for UTC, sign and hours and minutes of the offset.
"""

DURATION_TEXT: Final = (
    r"^\s*P(?:([0-9]{1,6})D)?(?:T(?:([0-9]{1,8})H)?(?:([0-9]{1,9})M)?(?:([0-9]{1,10})(?:[.,]([0-9]{1,9})0*)?S)?)?\s*$"
)
"""ISO 8601 durations without years and months. Groups: days, hours, minutes, seconds, fraction."""

SCALES: Final = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}
"""Nanoseconds in each unit a time column may have."""

NO_PARENT: Final = frozenset({"", "0", "-1", "root", "null", "none"})
"""Parent ids, in lower case, by which tables say that a span is a root; ids of zeros say it too."""

KIND_WORDS: Final = {
    **{word: int(kind) for kind in SpanKind for word in (kind.name, str(int(kind)))},
    # SkyWalking's types of spans: https://skywalking.apache.org/docs/main/latest/en/api/trace-data-protocol-v3/
    "ENTRY": int(SpanKind.SERVER),
    "EXIT": int(SpanKind.CLIENT),
    "LOCAL": int(SpanKind.INTERNAL),
}
"""Span kinds by their words in upper case without ``SPAN_KIND_``, and by OTLP's numbers."""

STATUS_WORDS: Final = {word: int(code) for code in StatusCode for word in (code.name, str(int(code)))}
"""Status codes by their words in upper case without ``STATUS_CODE_``, and by OTLP's numbers."""

_UNIT_WORDS: Final = {
    "ns": ("ns", "nano", "nanos", "nanosecond", "nanoseconds"),
    "us": ("us", "micro", "micros", "microsecond", "microseconds"),
    "ms": ("ms", "milli", "millis", "millisecond", "milliseconds"),
    "s": ("s", "sec", "secs", "second", "seconds"),
}
_EDGE_WORDS: Final = {
    "start": ("start", "starttime", "starttimestamp", "startedat"),
    "end": ("end", "endtime", "endtimestamp", "endedat", "finishtime", "finishedat"),
    "duration": ("duration",),
}
_SYNONYMS: Final = {
    "trace_id": ("traceid", "contexttraceid", "spancontexttraceid"),
    "span_id": ("spanid", "contextspanid", "spancontextspanid"),
    "parent_span_id": ("parentspanid", "parentid", "parentspan", "parent", "parentspancontextspanid"),
    "name": ("name", "spanname", "operationname", "operation"),
    "service": ("service", "servicename"),
    "kind": ("kind", "spankind"),
    "status": ("status", "statuscode", "otelstatuscode", "spanstatus"),
    "status_message": ("statusmessage", "statusdescription", "otelstatusdescription"),
    "scope_name": ("scopename", "otelscopename", "instrumentationscopename", "instrumentationlibraryname"),
    "scope_version": ("scopeversion", "otelscopeversion", "instrumentationscopeversion"),
    "trace_state": ("tracestate",),
    "flags": ("flags", "traceflags"),
    "dropped_attributes": ("droppedattributes", "droppedattributescount"),
    "dropped_events": ("droppedevents", "droppedeventscount"),
    "dropped_links": ("droppedlinks", "droppedlinkscount"),
    "attributes": ("attributes", "attrs", "tags", "spanattributes"),
    "resource": ("resource", "resources", "resourceattributes"),
}


def _list_synonyms() -> dict[str, str]:
    """Return our name of every folded name."""
    found = {word: name for name, words in _SYNONYMS.items() for word in words}
    for edge, words in _EDGE_WORDS.items():
        for word in words:
            found[word] = edge
            for unit, units in _UNIT_WORDS.items():
                for spelling in units:
                    for joint in ("", "in", "unix", "epoch"):
                        found[f"{word}{joint}{spelling}"] = f"{edge}_{unit}"
    return found | {"timestamp": "start"}


_NAME_OF: Final = _list_synonyms()
_NAMES: Final = tuple(_SYNONYMS) + tuple(
    name for edge in _EDGE_WORDS for name in (*(f"{edge}_{unit}" for unit in SCALES), edge)
)
_NECESSARY: Final = {"trace_id": "a trace id", "span_id": "a span id", "name": "a name", "start": "a start"}
_PREFIXES: Final = (
    ("attr.", "attributes"),
    ("attributes.", "attributes"),
    ("span.attributes.", "attributes"),
    ("tags.", "attributes"),
    ("resource.attributes.", "resource"),
    ("resources.", "resource"),
    ("resource.", "resource"),
)
# Layouts whose column of durations has a unit that its name does not say. The ClickHouse exporter of the
# OpenTelemetry Collector (contrib, exporter/clickhouseexporter) writes nanoseconds.
_LAYOUTS: Final = (
    (frozenset({"Timestamp", "SpanName", "ResourceAttributes", "Duration"}), {"duration_ns": "Duration"}),
)
_fold = re.compile(r"[^0-9a-z]+").sub


@lru_cache(maxsize=4096)
def field_of(name: str) -> str | None:
    """Return our name of the part of a span that a column or field of this name holds, or None.

    Examples
    --------
    >>> field_of("TraceID"), field_of("startTimeUnixNano"), field_of("end_time"), field_of("amount")
    ('trace_id', 'start_ns', 'end', None)
    """
    return _NAME_OF.get(_fold("", name.lower()))


@lru_cache(maxsize=4096)
def attribute_place(name: str) -> tuple[str, str] | None:
    """Return ``attributes`` or ``resource``, and the key, where a name has the prefix of one of them; else None.

    OpenSearch documents of Data Prepper write ``@`` for the dots within such a key.

    Examples
    --------
    >>> attribute_place("attr.amount"), attribute_place("resource.attributes.host@name"), attribute_place("amount")
    (('attributes', 'amount'), ('resource', 'host.name'), None)
    """
    for prefix, place in _PREFIXES:
        key = name[len(prefix) :]
        if key and name.startswith(prefix):
            return place, key.replace("@", ".") if prefix.count(".") > 1 else key
    return None


def scale_of(name: str) -> int | None:
    """Return the nanoseconds in the unit that our name of a time says, as in ``start_ms``; None where it says none."""
    return SCALES.get(name.partition("_")[2])


def guess_scale(number: int) -> int | None:
    """Return the nanoseconds in the unit of a time since the epoch, by its size, or None where no unit fits.

    In seconds, milli-, micro- and nanoseconds the years 2001 to 2286 have no number in common.
    """
    for scale in SCALES.values():
        if 10**18 <= number * scale < 10**19 and number >= 10**18 // scale:
            return scale
    return None


_match_time = re.compile(TIME_TEXT, re.ASCII).match
_match_duration = re.compile(DURATION_TEXT, re.ASCII).match
_is_decimal = re.compile(r"\s*(?:[+-]?[0-9]{1,40}|[0-9]{1,40}\.[0-9]{0,40})\s*", re.ASCII).fullmatch
_is_hex = re.compile(r"[0-9a-fA-F]+").fullmatch


def plain_id(value: object) -> str:
    """Return an id as the store keeps it, or an empty text for an absent one (empty, or sixteen zeros and more).

    Hexadecimal digits become lower case and lose ``0x``, whole numbers become decimal; any other text stays as it is.

    Raises
    ------
    ValueFault
        The value is neither text nor a whole number.

    Examples
    --------
    >>> plain_id("0xEEE19B7EC3C1B174"), plain_id(17), plain_id("TRACE_1"), plain_id("0000000000000000")
    ('eee19b7ec3c1b174', '17', 'TRACE_1', '')
    """
    if type(value) is int:
        return str(value)
    if type(value) is not str:
        raise ValueFault(f"{json_type(value)}, expected a string")
    digits = value[2:] if value[:2] in ("0x", "0X") else value
    if not _is_hex(digits):
        return value
    return digits.lower() if digits.strip("0") or len(digits) < 16 else ""


def time_ns(value: object, scale: int | None) -> tuple[int, int | None]:
    """Return a time as nanoseconds since the epoch, and the nanoseconds in its unit where it was a number.

    Parameters
    ----------
    value
        A number, its decimal text, RFC 3339, a pair of seconds and nanoseconds as JavaScript's SDK writes it, or
        an object of both as protobuf does.
    scale
        Nanoseconds in the unit of a number; None to tell it by its size.

    Raises
    ------
    ValueFault
        Anything else, or nothing that is exact in nanoseconds.

    Examples
    --------
    >>> time_ns("2026-01-29T10:00:00.5Z", None), time_ns([1769680800, 500], None)
    ((1769680800500000000, None), (1769680800000000500, None))
    """
    if type(value) is str and (found := _match_time(value)):
        day, hours, minutes, seconds, fraction, _, sign, ahead_hours, ahead_minutes = found.groups(default="0")
        try:
            days = date.fromisoformat(day).toordinal() - date(1970, 1, 1).toordinal()
        except ValueError:
            raise ValueFault("a date that is on no calendar") from None
        ahead = (int(ahead_hours) * 60 + int(ahead_minutes)) * (-60 if sign == "-" else 60)
        if int(hours) > 23 or int(minutes) > 59 or int(seconds) > 60:
            raise ValueFault("a time of day that is on no clock")
        total = days * 86_400 + int(hours) * 3_600 + int(minutes) * 60 + int(seconds) - ahead
        return _in_range(total * SCALES["s"] + int(fraction.ljust(9, "0"))), None
    pair = _seconds_and_nanos(value)
    if pair is not None:
        return _in_range(pair), None
    number = _number(value)
    if scale is None:
        scale = guess_scale(int(number))
        if scale is None:
            raise ValueFault("a number whose unit its size does not tell")
    return _scaled(number, scale), scale


def duration_ns(value: object, scale: int | None) -> int:
    """Return a duration as nanoseconds.

    Parameters
    ----------
    value
        A number, its decimal text, ISO 8601 as in ``PT0.8S``, or a pair of seconds and nanoseconds.
    scale
        Nanoseconds in the unit of a number; None where it is not known.

    Raises
    ------
    ValueFault
        Anything else, or nothing that is exact in nanoseconds.

    Examples
    --------
    >>> duration_ns("PT1M0.8S", None), duration_ns(12, 1000)
    (60800000000, 12000)
    """
    if type(value) is str and value.strip().endswith(("D", "H", "M", "S")) and (found := _match_duration(value)):
        days, hours, minutes, seconds, fraction = found.groups(default="0")
        total = int(days) * 86_400 + int(hours) * 3_600 + int(minutes) * 60 + int(seconds)
        return _in_range(total * SCALES["s"] + int(fraction.ljust(9, "0")))
    pair = _seconds_and_nanos(value)
    if pair is not None:
        return _in_range(pair)
    number = _number(value)
    if scale is None:
        raise ValueFault("a number without a unit")
    return _scaled(number, scale)


def _seconds_and_nanos(value: object) -> int | None:
    """Return the nanoseconds of a pair, or None where there is none."""
    if type(value) is dict and value.keys() <= {"seconds", "nanos"} and value:
        value = [value.get("seconds", 0), value.get("nanos", 0)]
    if type(value) is list and len(value) == 2 and type(value[0]) is type(value[1]) is int:
        return int(value[0]) * SCALES["s"] + int(value[1])
    return None


def _number(value: object) -> Decimal:
    """Return a number or decimal text; a floating-point one by its shortest decimal, where all its digits are real."""
    if type(value) is int:
        return Decimal(value)
    if type(value) is float and abs(value) <= 2**53:
        return Decimal(repr(value))
    if type(value) is str and _is_decimal(value):
        return Decimal(value)
    if type(value) is float:
        raise ValueFault("a floating-point number that has lost digits")
    raise ValueFault("text that is no time" if type(value) is str else json_type(value))


def _scaled(number: Decimal, scale: int) -> int:
    numerator, denominator = number.as_integer_ratio()
    total, rest = divmod(numerator * scale, denominator)
    if rest:
        raise ValueFault("parts of a nanosecond")
    return _in_range(total)


def _in_range(total_ns: int) -> int:
    if not 0 <= total_ns <= MAX_NS:
        raise ValueFault("nanoseconds out of range")
    return total_ns


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """Which column of a table holds what, by ``plain_name``; every column is in one of the three.

    Attributes
    ----------
    fields
        Column of each of our names. At most one ``start…``, ``end…`` and ``duration…`` each.
    attributes, resource
        Column of each key of a span attribute and of a resource attribute.
    """

    fields: Mapping[str, str]
    attributes: Mapping[str, str]
    resource: Mapping[str, str]

    def find(self, edge: str) -> str | None:
        """Return our full name of the mapped ``start``, ``end`` or ``duration``, as in ``start_ns``."""
        return next((name for name in self.fields if _edge_of(name) == edge), None)


def map_columns(columns: Sequence[str], given: Mapping[str, str] | None, *, source: str) -> ColumnMap:
    """Return which of a table's columns is which.

    Columns of no name known here, and those a mapping passes over, become span attributes under their own names.
    Of several starts (ends, durations) with different units the finest counts.

    Parameters
    ----------
    columns
        The names of the table's columns, all different.
    given
        Columns by our names, ``attr.KEY`` or ``resource.KEY``; these need no recognising and go before it.
    source
        What the table is called in messages.

    Raises
    ------
    InputError
        A necessary column is missing, two columns claim one name, or ``given`` names something unknown.

    Examples
    --------
    >>> found = map_columns(["TraceID", "spanId", "op", "ts", "amount"], {"name": "op", "start_us": "ts"}, source="t")
    >>> dict(found.fields)
    {'name': 'op', 'start_us': 'ts', 'trace_id': 'TraceID', 'span_id': 'spanId'}
    >>> dict(found.attributes)
    {'amount': 'amount'}
    """
    chosen = dict(given or {})
    for layout, mapping in _LAYOUTS:
        if layout <= set(columns) and not any(name.startswith(("duration", "end")) for name in chosen):
            chosen = mapping | chosen
    _check_given(chosen, columns, source)
    fields = {name: column for name, column in chosen.items() if name in _NAMES}
    keys: dict[str, dict[str, list[str]]] = {"attributes": {}, "resource": {}}
    for name, column in chosen.items():
        if name not in _NAMES:
            place, key = attribute_place(name) or ("attributes", name)
            keys[place][key] = [column]
    settled = {_edge_of(name) for name in fields}
    if settled & {"end", "duration"}:
        settled |= {"end", "duration"}
    candidates: dict[str, list[str]] = {}
    for column in columns:
        if column in chosen.values():
            continue
        placed = attribute_place(column)
        known = "service" if placed == ("resource", "service.name") else None if placed else field_of(column)
        if known is not None and _edge_of(known) not in settled:
            candidates.setdefault(known, []).append(column)
        else:
            place, key = placed or ("attributes", column)
            keys[place].setdefault(key, []).append(column)
    passed_over = _choose(candidates, fields, source)
    for column in passed_over:
        keys["attributes"].setdefault(column, []).append(column)
    for of, found in keys.items():
        for key, claimed in found.items():
            if len(claimed) > 1:
                _fail_ambiguous(f"{'resource' if of == 'resource' else 'attr'}.{key}", claimed, source)
    attributes, resource = ({key: claimed[0] for key, claimed in keys[of].items()} for of in ("attributes", "resource"))
    mapped = ColumnMap(fields, attributes, resource)
    _check_necessary(mapped, columns, source)
    plain = ({name: plain_name(column) for name, column in part.items()} for part in (fields, attributes, resource))
    return ColumnMap(*plain)


def _edge_of(name: str) -> str:
    """Return ``start`` for ``start_ns`` and so on; other names are their own."""
    edge = name.partition("_")[0]
    return edge if edge in _EDGE_WORDS else name


def _choose(candidates: Mapping[str, list[str]], fields: dict[str, str], source: str) -> list[str]:
    """Add the recognised columns to the fields; return those that a finer one of the same kind makes spare."""
    spare: list[str] = []
    taken: set[str] = set()
    for name in _NAMES:
        claimed = candidates.get(name, [])
        if len(claimed) > 1:
            _fail_ambiguous(name, claimed, source)
        if not claimed:
            continue
        if _edge_of(name) in taken:
            spare += claimed
        elif name == "duration" and "end" in taken:
            # Nothing needs it, and its unit is not known.
            spare += claimed
        else:
            taken.add(_edge_of(name))
            fields[name] = claimed[0]
    return spare


def _check_given(given: Mapping[str, str], columns: Sequence[str], source: str) -> None:
    for name, column in given.items():
        if name not in _NAMES and attribute_place(name) is None:
            near = get_close_matches(name, _NAMES, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise InputError(
                f"{source}: {name!r} in the mapping of columns is no part of a span; {hint}"
                f"Known are {', '.join(_NAMES)}, attr.KEY and resource.KEY"
            )
        if column not in columns:
            near = get_close_matches(column, columns, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise InputError(
                f"{source}: the mapping names the column {column!r} for {name!r}, which the table lacks{hint}. "
                f"Its columns are {quoted(columns)}"
            )


def _fail_ambiguous(name: str, claimed: Sequence[str], source: str) -> None:
    raise InputError(
        f"{source}: the columns {quoted(claimed)} could each be {name!r}; "
        f'say which one is, for example columns={{"{name}": "{claimed[0]}"}}'
    )


def _check_necessary(mapped: ColumnMap, columns: Sequence[str], source: str) -> None:
    missing = [name for name in _NECESSARY if name not in mapped.fields and not (name == "start" and mapped.find(name))]
    if not missing:
        return
    free = {column.lower(): column for column in columns if column not in mapped.fields.values()}
    example: dict[str, str] = {}
    guesses: list[str] = []
    for name in missing:
        words = [name, *(word for word, ours in _NAME_OF.items() if _edge_of(ours) == name)]
        near = next((m for word in words for m in get_close_matches(word, free, n=1, cutoff=0.7)), None)
        if near is not None:
            guesses.append(f"{free[near]!r} may be {_NECESSARY[name]}")
        example["start_ns" if name == "start" else name] = free[near] if near is not None else "…"
    shown = ", ".join(f'"{name}": "{column}"' for name, column in example.items())
    raise InputError(
        f"{source}: a table of spans needs {listed(_NECESSARY.values())}; "
        f"it has no column known as {listed([_NECESSARY[name] for name in missing])}. Its columns are "
        f"{quoted(columns)}. {'; '.join(guesses) + '. ' if guesses else ''}"
        f"Say which column is which, for example columns={{{shown}}}"
    )
