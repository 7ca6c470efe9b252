"""Numbers and texts as people write them: plurals, shares, durations, texts cut short."""

from __future__ import annotations

__all__ = ["in_ms", "percent", "plural", "shorten"]


def plural(n: int, word: str) -> str:
    """Return a number with its word.

    Examples
    --------
    >>> plural(1, "trace"), plural(1204, "trace")
    ('1 trace', '1,204 traces')
    """
    return f"{n:,} {word}{'' if n == 1 else 's'}"


def percent(share: float) -> str:
    """Return a share in percent; 100 % and 0 % only when exact.

    Examples
    --------
    >>> percent(1.0), percent(0.99999), percent(0.5), percent(0.0001)
    ('100 %', 'over 99.9 %', '50.0 %', 'under 0.1 %')
    """
    if share in (0.0, 1.0):
        return f"{100 * share:.0f} %"
    if share > 0.999:
        return "over 99.9 %"
    return "under 0.1 %" if share < 0.001 else f"{100 * share:.1f} %"


def in_ms(duration_ns: int) -> str:
    """Return a duration as people write it.

    Examples
    --------
    >>> [in_ms(n) for n in (0, 850_000, 12_340_000, 2_006_521_000)]
    ['0 ms', '0.85 ms', '12.3 ms', '2.01 s']
    """
    if duration_ns >= 1_000_000_000:
        return f"{duration_ns / 1e9:.3g} s"
    return f"{duration_ns / 1e6:.3g} ms"


def shorten(value: object, length: int) -> str:
    """Return a value as text of at most ``length`` characters.

    Examples
    --------
    >>> shorten("payment_intent_id", 8)
    'payment…'
    """
    text = str(value)
    return text if len(text) <= length else text[: length - 1] + "…"
