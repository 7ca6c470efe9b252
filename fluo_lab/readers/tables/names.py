"""Names of columns: such as Polars takes for names, and as messages show them.

A name like ``^a$`` is a pattern to it, in expressions and in many methods of a series that has the name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import polars as pl

__all__ = ["listed", "plain_name", "quoted", "with_plain_names"]


def plain_name(column: str) -> str:
    """Return what a column is called in frames: its name, unless Polars takes that for a pattern (``*``, ``^…$``)."""
    is_pattern = column == "*" or (column.startswith("^") and column.endswith("$"))
    return f"\u2060{column}" if is_pattern else column


def with_plain_names(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame whose columns are called as in a ``ColumnMap``."""
    return frame.rename({name: plain for name in frame.columns if (plain := plain_name(name)) != name})


def quoted(names: Sequence[str]) -> str:
    """Return names in quotes, not more than a screen shows."""
    return ", ".join(repr(name) for name in names[:40]) + (f" and {len(names) - 40} more" if len(names) > 40 else "")


def listed(words: Iterable[str]) -> str:
    """Return words as a sentence lists them."""
    *head, last = words
    return f"{', '.join(head)} and {last}" if head else last
