"""Attribute values that a limit has cut: found by their lengths, which pile up at it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fluo_lab.traces.attributes import AttributeTable
from fluo_lab.traces.dictionary import Dictionary
from fluo_lab.traces.schema import ValueType
from fluo_lab.traces.tables import Tables

__all__ = ["TEXT_LIMITS", "TextLimits", "count_truncated", "find_text_limits"]

Counts = NDArray[np.int64]
Mask = NDArray[np.bool_]

TEXT_LIMITS = (128, 255, 256, 512, 1000, 1023, 1024, 2000, 4000, 4095, 4096, 8191, 8192, 16384, 32768, 65535)
"""Lengths at which SDKs and backends are usually told to cut values. 64 is none: ids and digests are that long."""

_TEMPO_LIMIT_BYTES = 2048
"""Grafana Tempo's default ``max_attribute_bytes``."""

_PILE_UP = 3
"""So many distinct texts of one length are no accident."""

_HEXADECIMAL = r"\A[0-9A-Fa-f]+\z"


@dataclass(frozen=True, slots=True)
class TextLimits:
    """The lengths at which the texts of a store were cut, None where nothing shows one."""

    characters: int | None = None
    bytes: int | None = None


def find_text_limits(texts: pl.Series, tables: Tables) -> TextLimits:
    """Return the lengths at which the texts of a store were cut.

    A length L shows a limit when no text is longer, L is one of ``TEXT_LIMITS``, and at least three distinct texts are
    exactly that long; in characters (as SDKs count) or in UTF-8 bytes (as backends do). Texts of hexadecimal digits
    alone are digests and ids, no cut text: they do not count towards the three, but may be the longer one.
    Only texts are looked at, not the strings inside arrays and key-value lists.

    Parameters
    ----------
    texts
        The distinct textual values that codes in the tables point into.
    tables
        What hangs on the spans, to tell texts from JSON and base64.
    """
    found = (
        pl.DataFrame({"bytes": texts.str.len_bytes()}).with_row_index("code").filter(pl.col("bytes") >= TEXT_LIMITS[0])
    )
    if found.is_empty():
        return TextLimits()
    found = found.with_columns(texts.gather(found["code"]).alias("text"))
    found = found.with_columns(pl.col("text").str.len_chars().alias("characters"))
    if not found.select(pl.any_horizontal(pl.col("bytes", "characters").is_in(TEXT_LIMITS)).any()).item():
        return TextLimits()
    found = found.filter(pl.Series(_used_as_text(tables, len(texts))).gather(found["code"]))
    return TextLimits(characters=_pile_up(found, "characters"), bytes=_pile_up(found, "bytes"))


def _pile_up(found: pl.DataFrame, unit: str) -> int | None:
    """Return the largest length when it is a usual limit and enough texts have it."""
    longest = found.filter(pl.col(unit) == pl.col(unit).max())
    if longest.is_empty() or longest[unit][0] not in TEXT_LIMITS:
        return None
    is_cut = ~longest["text"].str.contains(_HEXADECIMAL)
    return int(longest[unit][0]) if is_cut.sum() >= _PILE_UP else None


def _used_as_text(tables: Tables, n_texts: int) -> Mask:
    """Return which codes are the value of some attribute of the type text."""
    used = np.zeros(n_texts, dtype=np.bool_)
    for table in tables.attribute_tables():
        for cells in table.cells():
            if cells.type is ValueType.TEXT:
                used[cells.value] = True
    return used


def _are_cut(texts: pl.Series, limits: TextLimits) -> Mask:
    """Return which texts were cut: as long as a limit found, or exactly as long as Tempo lets a value be."""
    n_bytes = texts.str.len_bytes()
    cut = n_bytes == _TEMPO_LIMIT_BYTES
    at_limit = pl.Series("at_limit", [False]).new_from_index(0, len(texts))
    if limits.bytes is not None:
        at_limit |= n_bytes == limits.bytes
    if limits.characters is not None:  # a character has one to four bytes
        near = n_bytes.is_between(limits.characters, 4 * limits.characters).arg_true()
        spots = near.filter(texts.gather(near).str.len_chars() == limits.characters)
        at_limit = at_limit.scatter(spots, True)
    spots = at_limit.arg_true()
    return (cut.scatter(spots.filter(~texts.gather(spots).str.contains(_HEXADECIMAL)), True)).to_numpy()


def count_truncated(
    spans: pl.DataFrame, n_traces: int, texts: Dictionary, tables: Tables, limits: TextLimits
) -> Counts:
    """Return how many values of each trace were cut by a limit, shape ``(n_traces,)``.

    Values of spans, events and links count once each, those of a resource or scope once a trace. A text counts when it
    is as long as ``limits`` say, or has exactly 2,048 UTF-8 bytes, at which Grafana Tempo cuts values.
    """
    counts = np.zeros(n_traces, dtype=np.int64)
    is_cut = _are_cut(texts.values, limits)
    if not is_cut.any():
        return counts
    trace = spans["trace"].to_numpy()
    hung = (
        (tables.attributes, trace),
        (tables.events.attributes, trace[tables.events.frame["span"].to_numpy()]),
        (tables.links.attributes, trace[tables.links.frame["span"].to_numpy()]),
    )
    for table, trace_of in hung:
        for owners in _owners_of(table, is_cut):
            counts += np.bincount(trace_of[owners], minlength=n_traces)
    for table, column in ((tables.resources.attributes, "resource"), (tables.scopes.attributes, "scope")):
        owners = np.concatenate([np.zeros(0, dtype=np.uint32), *_owners_of(table, is_cut)])
        if len(owners):
            number = pl.Series(column, np.bincount(owners)).to_frame("cut").with_row_index(column)
            seen = spans.select("trace", column).unique().join(number.filter(pl.col("cut") > 0), on=column)
            np.add.at(counts, seen["trace"].to_numpy(), seen["cut"].to_numpy())
    return counts


def _owners_of(table: AttributeTable, is_cut: Mask) -> Iterator[NDArray[Any]]:
    """Yield, column by column, the owner of each value that was cut."""
    for cells in table.cells():
        if cells.type is ValueType.TEXT:
            owners = cells.owner[is_cut[cells.value]]
            if len(owners):
                yield owners
