"""How explanations say things: durations, values and names of spans, cut short where they are long."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fluo_lab.language import Kind, Name, Numeric, kind_of, print_name
from fluo_lab.language.literals import quote
from fluo_lab.traces import text_of

__all__ = ["as_clauses", "as_list", "say_duration", "say_name", "say_number", "say_value", "shorten"]

_UNITS = (("h", 3600 * 10**9), ("m", 60 * 10**9), ("s", 10**9), ("ms", 10**6), ("us", 10**3), ("ns", 1))
_LONGEST = 60


def shorten(text: str, *, length: int = _LONGEST) -> str:
    """Return a text of at most ``length`` characters.

    Examples
    --------
    >>> shorten("payment_intent_id", length=8)
    'payment…'
    """
    return text if len(text) <= length else text[: length - 1] + "…"


def say_duration(ns: int | float) -> str:
    """Return a duration in the unit that fits it, to four digits.

    Examples
    --------
    >>> [say_duration(n) for n in (0, 800, 999_999, 12_000_000, 1_500_000_000, 5_400_000_000_000)]
    ['0s', '800ns', '1ms', '12ms', '1.5s', '1.5h']
    """
    if not ns:
        return "0s"
    if abs(ns) == float("inf"):
        return text_of(float(ns))
    unit, size = next(((u, s) for u, s in _UNITS if float(f"{abs(ns) / s:.4g}") >= 1), _UNITS[-1])
    value = float(f"{ns / size:.4g}")
    return f"{value:.0f}{unit}" if value.is_integer() else f"{value:g}{unit}"


def say_value(value: Any) -> str:
    """Return a value of an attribute; texts stand in single quotes.

    Examples
    --------
    >>> say_value("read"), say_value(5.0), say_value(True)
    ("'read'", '5', 'true')
    """
    if isinstance(value, str):
        return "'" + quote(shorten(value))[1:-1].replace('\\"', '"') + "'"
    return quote(shorten(text_of(value)))[1:-1].replace('\\"', '"')


def say_name(name: str) -> str:
    """Return the name of a span, in quotes where a rule would need them.

    Examples
    --------
    >>> say_name("payment.charge"), say_name("GET /users")
    ('payment.charge', '"GET /users"')
    """
    return print_name(Name((shorten(name),)))


def say_number(value: int | float, numeric: Numeric) -> str:
    """Return a number of a trace as people write it, a duration with its unit.

    Parameters
    ----------
    numeric
        What was measured.
    """
    if value != value:
        return "NaN"
    if kind_of(numeric) is Kind.DURATION:
        return say_duration(value)
    return str(value) if isinstance(value, int) else f"{value:g}"


def as_clauses(clauses: Iterable[str]) -> str:
    """Return distinct clauses as one sentence's worth, in order; set off by commas where they hold some.

    Examples
    --------
    >>> as_clauses(["amount is 5, not 6", "attempt is missing"]), as_clauses(["it ends", "it starts"])
    ('amount is 5, not 6, and attempt is missing', 'it ends and it starts')
    """
    distinct = list(dict.fromkeys(clauses))
    return ", and ".join(distinct) if any("," in clause for clause in distinct) else as_list(distinct)


def as_list(phrases: Iterable[str]) -> str:
    """Return distinct phrases as one list, in order.

    Examples
    --------
    >>> as_list(["a", "b", "a", "c"])
    'a, b and c'
    """
    distinct = list(dict.fromkeys(phrases))
    return distinct[0] if len(distinct) == 1 else ", ".join(distinct[:-1]) + " and " + distinct[-1]
