"""The one regular expression dialect: Rust's ``regex``, linear in the text, reached through Polars.

No look-around and no back-references; a pattern is searched for, not anchored. The language checks patterns
here when a rule is loaded, the engine evaluates them with the same library, so the two cannot differ.
"""

from __future__ import annotations

import re

__all__ = ["pattern_problem"]


def pattern_problem(pattern: str) -> str | None:
    """Return what is wrong with a pattern, or None when the engine can use it.

    Examples
    --------
    >>> pattern_problem("/api/v[0-9]+/.*") is None
    True
    >>> pattern_problem("(unclosed")
    'unclosed group'
    >>> pattern_problem("(?=ahead)")
    'look-around, including look-ahead and look-behind, is not supported'
    """
    import polars as pl

    try:
        pl.select(pl.lit("").str.contains(pattern, literal=False, strict=True))
    except pl.exceptions.PolarsError as error:
        return _cause(str(error))
    return None


def _cause(message: str) -> str:
    """Return the one line of a Rust ``regex`` message that names the cause."""
    for line in message.splitlines():
        found = re.match(r"\s*error: (.*)", line)
        if found:
            return found.group(1).strip()
    if "size limit" in message:
        return "the compiled pattern is too large"
    return message.strip().splitlines()[0]
