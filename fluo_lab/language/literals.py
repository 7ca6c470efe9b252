"""Literals: strings with their escapes, numbers, durations; read and written."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable
from fractions import Fraction

__all__ = [
    "MAX_INTEGER",
    "MIN_INTEGER",
    "duration_ns",
    "durations_of",
    "is_number",
    "number",
    "parse_duration",
    "print_duration",
    "print_number",
    "quote",
    "unescape",
]

MAX_INTEGER = 2**63 - 1
MIN_INTEGER = -(2**63)

_UNITS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ns|us|ms|s|m|h)")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_ESCAPE = re.compile(r'\\(?:u([0-9A-Fa-f]{4})|(["\\nt]))')
_SIMPLE = {'"': '"', "\\": "\\", "n": "\n", "t": "\t"}
_PAIR = re.compile("([\ud800-\udbff])([\udc00-\udfff])")


def unescape(body: str) -> str:
    r"""Return the text that the inside of a quoted string stands for.

    Examples
    --------
    >>> unescape(r"a\"b \d+ \u00e9")
    'a"b \\d+ é'
    """
    return _PAIR.sub(_join_pair, _ESCAPE.sub(lambda m: chr(int(m[1], 16)) if m[1] else _SIMPLE[m[2]], body))


def _join_pair(found: re.Match[str]) -> str:
    high, low = ord(found[1]) - 0xD800, ord(found[2]) - 0xDC00
    return chr(0x10000 + (high << 10) + low)


def quote(text: str, *, star: str = "*") -> str:
    r"""Return the text as a quoted string; invisible characters become escapes.

    Examples
    --------
    >>> quote('say "hi"'), quote("\u202ex")
    ('"say \\"hi\\""', '"\\u202ex"')
    """
    return '"' + "".join(_written(c, star) for c in text) + '"'


def _written(character: str, star: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character == "*":
        return star
    if character == "\n":
        return "\\n"
    if character == "\t":
        return "\\t"
    if " " <= character <= "~" or unicodedata.category(character) not in ("Cc", "Cf", "Zl", "Zp", "Cs", "Cn", "Co"):
        return character
    units = character.encode("utf-16-be", errors="surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


def number(text: str) -> int | float | None:
    """Return the number a literal stands for, or None when it is beyond 64 bits.

    Examples
    --------
    >>> number("-3"), number("1.5e3"), number("9223372036854775808")
    (-3, 1500.0, None)
    """
    if text.lstrip("+-").isdigit():
        if len(text) > 4000:
            return None
        whole = int(text)
        return whole if MIN_INTEGER <= whole <= MAX_INTEGER else None
    value = float(text)
    return value if math.isfinite(value) else None


def is_number(text: str) -> bool:
    """Whether a text is wholly a number.

    Examples
    --------
    >>> is_number("-1.5e3"), is_number("1_000"), is_number("nan"), is_number(" 5")
    (True, False, False, False)
    """
    return _NUMBER.fullmatch(text) is not None


def print_number(value: int | float) -> str:
    """Return a number as a literal that reads back as the same number."""
    return repr(value)


def duration_ns(text: str) -> int | None:
    """Return the nanoseconds of a duration literal, or None when they are not whole or beyond 64 bits.

    Examples
    --------
    >>> duration_ns("250ms"), duration_ns("1.5us"), duration_ns("0.5ns")
    (250000000, 1500, None)
    """
    found = _DURATION.fullmatch(text)
    if found is None or len(text) > 100:
        return None
    total = Fraction(found[1]) * _UNITS[found[2]]
    return int(total) if total.denominator == 1 and total <= MAX_INTEGER else None


def durations_of(text: str, units: Iterable[str] = ("ms", "us", "s", "m", "h")) -> list[str]:
    """Return the durations that a number becomes with a unit after it, those that can be written.

    Examples
    --------
    >>> durations_of("5", ("ms", "s")), durations_of("0.0001", ("ns", "ms")), durations_of("1e+20")
    (['5ms', '5s'], ['0.0001ms'], [])
    """
    return [f"{text}{unit}" for unit in units if duration_ns(f"{text}{unit}") is not None]


def parse_duration(text: str) -> int | None:
    """Return the nanoseconds of a text that is wholly a duration literal, or None when it is none."""
    return duration_ns(text.strip())


def print_duration(ns: int) -> str:
    """Return a duration as a literal in its largest whole unit.

    Examples
    --------
    >>> print_duration(120_000_000_000), print_duration(1500), print_duration(0)
    ('2m', '1500ns', '0s')
    """
    if ns == 0:
        return "0s"
    unit = next(unit for unit in ("h", "m", "s", "ms", "us", "ns") if ns % _UNITS[unit] == 0)
    return f"{ns // _UNITS[unit]}{unit}"
