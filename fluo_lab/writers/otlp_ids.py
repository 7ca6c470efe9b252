"""Ids as OTLP has them: 16 bytes for a trace, 8 for a span, not all zero.

Stores made from other formats have ids of their own. A hash stands in for such an id, the same wherever and whenever
it is written, so that spans still find their parents and links their traces.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

import polars as pl

__all__ = ["SPAN_ID_BYTES", "TRACE_ID_BYTES", "foreign_ids", "hashed_id", "hex_ids"]

TRACE_ID_BYTES: Final = 16
SPAN_ID_BYTES: Final = 8


def foreign_ids(ids: pl.Series, n_bytes: int) -> pl.Series:
    """Return which ids are no ids of OTLP: not lower-case hexadecimal of the length, or all zero; null is none.

    Examples
    --------
    >>> foreign_ids(pl.Series(["00f067aa0ba902b7", "00F067AA0BA902B7", "17", "0000000000000000", None]), 8).to_list()
    [False, True, True, True, False]
    """
    is_hex = ids.str.contains(rf"\A[0-9a-f]{{{2 * n_bytes}}}\z")
    return (~is_hex | (ids == "0" * (2 * n_bytes))).fill_null(False)


def hex_ids(ids: pl.Series, foreign: pl.Series, n_bytes: int) -> pl.Series:
    """Return the ids with the hash of each foreign one in its place."""
    if not foreign.any():
        return ids
    old = ids.filter(foreign)
    distinct = old.unique()
    new = old.replace_strict(
        distinct, pl.Series([hashed_id(text, n_bytes) for text in distinct.to_list()]), return_dtype=pl.String
    )
    return ids.scatter(foreign.arg_true(), new)


def hashed_id(text: str, n_bytes: int) -> str:
    """Return the id that stands in for a foreign one: the BLAKE2b hash (RFC 7693) of its UTF-8, of that many bytes.

    Examples
    --------
    >>> hashed_id("case-17", 8)
    'd06970445c8470c2'
    """
    return blake2b(text.encode(), digest_size=n_bytes).hexdigest()
