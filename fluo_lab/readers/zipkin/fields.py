"""Fields of Zipkin's JSON, checked one by one: what each holds, or a word in the report about what it held instead."""

from __future__ import annotations

import re
from typing import Any, Final

from fluo_lab.readers.otlp.values import MAX_DEPTH, ValueFault, json_type, parse_int
from fluo_lab.readers.report import Report
from fluo_lab.readers.zipkin.spans import NO_ENDPOINT, Endpoint

__all__ = ["FieldReader", "Object", "SpanFault", "sample_of"]

Object = dict[str, Any]

_IS_HEX = re.compile(r"[0-9a-fA-F]+").fullmatch
_SHORT_DIGITS: Final = 16
_LONG_DIGITS: Final = 32
_NS_PER_US: Final = 1000
_MAX_TIME_US: Final = (2**63 - 1) // _NS_PER_US
_MIN_INT64: Final = -(2**63)
_MAX_INT64: Final = 2**63 - 1
_MAX_PORT: Final = 65_535
_ENDPOINT: Final = frozenset({"serviceName", "ipv4", "ipv6", "port"})


class SpanFault(ValueError):
    """A span that cannot be read; the message says why."""


class FieldReader:
    """Takes fields out of parsed objects; null is the same as absent.

    Parameters
    ----------
    report
        Where everything goes that cannot be taken, with what was done about it.
    """

    def __init__(self, report: Report) -> None:
        self.report = report

    def fields_of(self, value: object, known: frozenset[str], what: str) -> Object | None:
        """Return a value that is an object, with the fields it should not have named; None where it is none."""
        if type(value) is not dict:
            self.report.add(f"{what} that is {json_type(value)}, expected an object; skipped")
            return None
        if not known >= value.keys():
            for name in value:
                if name not in known:
                    self.report.add(f"unknown field {name[:40]!r} in a {what}, ignored")
        return value

    def items(self, value: object, what: str) -> list[Any]:
        """Return the items of an array."""
        if type(value) is list:
            return value
        if value is not None:
            self.report.add(f"{what} that is {json_type(value)}, expected an array; skipped")
        return []

    def text(self, value: object, what: str) -> str:
        """Return a text, empty where there is none."""
        if type(value) is str:
            return value
        if value is not None:
            self.report.add(f"{what} that is {json_type(value)}, expected a string; read as empty")
        return ""

    def flag(self, value: object, what: str) -> bool:
        """Return a boolean, false where there is none."""
        if type(value) is bool:
            return value
        if value is not None:
            self.report.add(f"{what} that is {json_type(value)}, expected a boolean; read as false")
        return False

    def skip_debug(self, value: object) -> None:
        """Name a debug flag, which was a wish to be sampled and says nothing about the span."""
        if self.flag(value, "span debug"):
            self.report.add("debug flag of a span, ignored")

    def trace_id(self, value: object) -> str:
        """Return a trace id of 16 or 32 lower-case digits; zeros in front of 64 bits are no part of it.

        Raises
        ------
        SpanFault
            Missing, zero, or no hexadecimal number of at most 128 bits.
        """
        digits = _hexadecimal(value, "trace id", _LONG_DIGITS)
        return digits.zfill(_SHORT_DIGITS if len(digits) <= _SHORT_DIGITS else _LONG_DIGITS)

    def span_id(self, value: object) -> str:
        """Return a span id of 16 lower-case digits.

        Raises
        ------
        SpanFault
            Missing, zero, or no hexadecimal number of at most 64 bits.
        """
        return _hexadecimal(value, "span id", _SHORT_DIGITS).zfill(_SHORT_DIGITS)

    def parent_id(self, value: object, span_id: str) -> str | None:
        """Return the parent's span id, None for a root; a bad one stays as it is and names no span."""
        if value is None or (type(value) is str and not value.strip("0")):
            return None
        try:
            found = _hexadecimal(value, "parent id", _SHORT_DIGITS).zfill(_SHORT_DIGITS)
        except SpanFault as fault:
            if type(value) is not str:
                self.report.add(f"{fault}; read as none")
                return None
            self.report.add(f"{fault}; kept as it is", sample=value)
            return value.lower()
        if found == span_id:
            self.report.add("parent id that is the span's own id, read as none", sample=span_id)
            return None
        return found

    def time_ns(self, value: object, what: str) -> int | None:
        """Return microseconds as nanoseconds; None where absent, zero or not to be read."""
        if value is None:
            return None
        try:
            return self.exact_time_ns(value) or None
        except ValueFault as fault:
            self.report.add(f"{what} with {fault}, expected microseconds; read as missing", sample=sample_of(value))
            return None

    @staticmethod
    def exact_time_ns(value: object) -> int:
        """Return microseconds as nanoseconds.

        Raises
        ------
        ValueFault
            No exact whole number, negative, or beyond 64 bits.
        """
        return parse_int(value, 0, _MAX_TIME_US) * _NS_PER_US

    def endpoint(self, value: object, what: str) -> Endpoint:
        """Return an endpoint, ``NO_ENDPOINT`` where nothing is known."""
        if value is None:
            return NO_ENDPOINT
        fields = self.fields_of(value, _ENDPOINT, what)
        if fields is None:
            return NO_ENDPOINT
        port = 0
        if fields.get("port") is not None:
            try:
                port = parse_int(fields["port"], 0, _MAX_PORT)
            except ValueFault as fault:
                self.report.add(f"{what} with a port of {fault}; read as missing", sample=sample_of(fields["port"]))
        return Endpoint(
            self.text(fields.get("serviceName"), f"{what} serviceName"),
            self.text(fields.get("ipv4"), f"{what} ipv4"),
            self.text(fields.get("ipv6"), f"{what} ipv6"),
            port,
        )

    def tag(self, value: object, what: str, key: str) -> object:
        """Return a tag's value in its own type, None where it has none; only text is as it should be."""
        if type(value) is str:
            return value
        if value is None:
            self.report.add(f"{what} without a value, read as missing", sample=key)
            return None
        if type(value) is int and not _MIN_INT64 <= value <= _MAX_INT64:
            self.report.add(f"{what} that is a number beyond 64 bits, kept as text", sample=key)
            return str(value)
        if _is_deeper_than(value, MAX_DEPTH):
            self.report.add(f"{what} nested deeper than {MAX_DEPTH} levels, read as missing", sample=key)
            return None
        self.report.add(f"{what} that is {json_type(value)}, expected a string; kept as it is", sample=key)
        return value


def sample_of(entry: object) -> str:
    """Return the part of a record that tells which one it is."""
    if type(entry) is not dict:
        return str(entry)[:34] if type(entry) in (str, int, float, bool) else json_type(entry)
    return ", ".join(f"{name}: {entry[name]}" for name in ("traceId", "id", "name") if type(entry.get(name)) is str)


def _hexadecimal(value: object, what: str, n_digits: int) -> str:
    """Return the significant digits of an id in lower case."""
    if value is None:
        raise SpanFault(f"no {what}")
    if type(value) is not str:
        raise SpanFault(f"{what} that is {json_type(value)}, expected a string")
    if not value:
        raise SpanFault(f"no {what}")
    if not _IS_HEX(value):
        raise SpanFault(f"{what} that is not hexadecimal")
    digits = value.lower().lstrip("0")
    if not digits:
        raise SpanFault(f"{what} of zeros")
    if len(digits) > n_digits:
        raise SpanFault(f"{what} of {len(value)} characters, expected at most {n_digits} hexadecimal digits")
    return digits


def _is_deeper_than(value: object, n_levels: int) -> bool:
    """Return whether arrays and objects are nested beyond a number of levels."""
    level = [value]
    for _ in range(n_levels + 1):
        level = [
            inner
            for outer in level
            if type(outer) in (list, dict)
            for inner in (outer.values() if type(outer) is dict else outer)  # type: ignore[attr-defined]
        ]
        if not level:
            return False
    return True
