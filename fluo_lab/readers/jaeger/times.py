"""Times and durations as Jaeger's documents write them, to nanoseconds without going through floating point."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from fluo_lab.readers.otlp.values import ValueFault, json_type, parse_int

__all__ = ["parse_duration", "parse_rfc3339", "parse_time"]

_MAX_INT64 = 2**63 - 1
_MAX_EXACT_DOUBLE = 2**53
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_RFC3339: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,40}))?(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII
).fullmatch
_UNITS_NS: Final = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_DURATION_PART: Final = r"(\d{1,20})(?:\.(\d{1,20}))?(ns|us|µs|μs|ms|s|m|h)"
_IS_DURATION: Final = re.compile(rf"([+-]?)((?:{_DURATION_PART})+)", re.ASCII).fullmatch
_find_parts: Final = re.compile(_DURATION_PART, re.ASCII).findall


def parse_time(value: object) -> tuple[int, bool]:
    """Return a time in nanoseconds since the epoch, and whether it had to be rounded to one.

    Parameters
    ----------
    value
        Microseconds as a number or decimal string (the UI's and the storages' form), or an RFC 3339 text (the form of
        protobuf-JSON).

    Raises
    ------
    ValueFault
        Neither, or a time before the epoch or beyond the year 2262.

    Examples
    --------
    >>> parse_time(1485467191639875)
    (1485467191639875000, False)
    >>> parse_time("2017-01-26T16:46:31.639875139-05:00")
    (1485467191639875139, False)
    """
    if type(value) is str and "-" in value[1:]:
        return parse_rfc3339(value)
    found, is_rounded = _micros(value)
    return _in_range(found, 0), is_rounded


def parse_duration(value: object) -> tuple[int, bool]:
    """Return a duration in nanoseconds, and whether it had to be rounded to one.

    Parameters
    ----------
    value
        Microseconds as a number or decimal string, or a text with units as Go writes it (``22938000ns``, ``1m2.5s``),
        which protobuf-JSON's seconds (``0.000005s``) are too.

    Raises
    ------
    ValueFault
        Neither, or out of the range of 64 bits.

    Examples
    --------
    >>> parse_duration(5), parse_duration("5000ns"), parse_duration("1.5s")
    ((5000, False), (5000, False), (1500000000, False))
    """
    if type(value) is str and (found := _IS_DURATION(value)):
        total, rest = 0, 0
        for whole, fraction, unit in _find_parts(found[2]):
            scaled, remainder = divmod(int(whole + fraction) * _UNITS_NS[unit], 10 ** len(fraction))
            total, rest = total + scaled, rest or remainder
        return _in_range(-total if found[1] == "-" else total, -_MAX_INT64), bool(rest)
    amount, is_rounded = _micros(value)
    return _in_range(amount, -_MAX_INT64), is_rounded


def parse_rfc3339(text: str) -> tuple[int, bool]:
    """Return an RFC 3339 time in nanoseconds since the epoch, and whether digits beyond the ninth were cut off.

    Raises
    ------
    ValueFault
        No such text, no such day or hour, or out of range.
    """
    found = _RFC3339(text)
    if found is None:
        raise ValueFault("a text that is no RFC 3339 time")
    year, month, day, hour, minute, second = map(int, found.groups()[:6])
    try:
        days = date(year, month, day).toordinal() - _EPOCH_DAY
    except ValueError:
        raise ValueFault("a day that does not exist") from None
    offset_hours, offset_minutes = int(found[9] or 0), int(found[10] or 0)
    if hour > 23 or minute > 59 or second > 59 or offset_hours > 23 or offset_minutes > 59:
        raise ValueFault("a time of day that does not exist")
    digits = found[7] or ""
    offset = 60 * (60 * offset_hours + offset_minutes)
    seconds = 86400 * days + 3600 * hour + 60 * minute + second - (-offset if found[8] == "-" else offset)
    return _in_range(seconds * 10**9 + int(digits[:9].ljust(9, "0")), 0), bool(digits[9:].strip("0"))


def _micros(value: object) -> tuple[int, bool]:
    """Return microseconds in nanoseconds; fractions of a nanosecond are rounded."""
    if type(value) is float and abs(value) <= _MAX_EXACT_DOUBLE and not value.is_integer():
        numerator, denominator = value.as_integer_ratio()
        numerator *= 1000
        return (2 * numerator + denominator) // (2 * denominator), numerator % denominator != 0
    if type(value) not in (int, float, str):
        raise ValueFault(f"a value that is {json_type(value)}")
    return parse_int(value, -_MAX_INT64, _MAX_INT64) * 1000, False


def _in_range(nanoseconds: int, low: int) -> int:
    if not low <= nanoseconds <= _MAX_INT64:
        raise ValueFault("a whole number out of range")
    return nanoseconds
