"""Frames with a span in each row, and what reading them gives, for the tests of tables."""

from __future__ import annotations

from typing import Any

import polars as pl

__all__ = ["START", "Spans", "attributes_of", "make_frame"]

Spans = list[dict[str, Any]]
START = 1_661_154_854_207_276_016


def make_frame(**columns: list[Any] | pl.Series) -> pl.DataFrame:
    """Return a table of as many spans as a column has, with what a span needs."""
    n = len(next(iter(columns.values()))) if columns else 1
    return pl.DataFrame(
        {
            "trace_id": ["t"] * n,
            "span_id": [f"s{i}" for i in range(n)],
            "name": ["charge"] * n,
            "start_ns": [START] * n,
            "end_ns": [START + 5] * n,
            **columns,
        }
    )


def attributes_of(spans: Spans, key: str) -> list[tuple[str, str] | None]:
    """Return the type and the value of one attribute of each span."""
    return [span["attributes"].get(key) for span in spans]
