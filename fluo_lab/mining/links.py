"""Which names speak of the same thing: they carry an attribute of one name with one value in one trace."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fluo_lab.mining.fields import field_columns
from fluo_lab.mining.occurrences import Occurrences
from fluo_lab.traces import ValueType

__all__ = ["link_strengths"]

_SAMPLE = 4000
"""Traces that are looked at."""

_WORTH = {ValueType.TEXT: 1.0, ValueType.INT: 0.7, ValueType.DOUBLE: 0.8, ValueType.BOOL: 0.0}
"""How much an agreement of a type says: an identifier most, an amount less, a flag nothing."""

_CARRIERS = 8
"""An attribute on more names than this belongs to the platform (a thread, a host) rather than to a thing."""


def link_strengths(occurrences: Occurrences) -> NDArray[np.float64]:
    """Return how strongly two names are tied by a shared value, 0 to 1, symmetric, shape ``(n_names, n_names)``.

    The strength is the share of common traces in which a value agrees, times the chance that two traces differ in
    it, both squared: what agrees by accident or is the same everywhere ties nothing.
    """
    n = len(occurrences)
    strength = np.zeros((n, n))
    stride = max(1, occurrences.traces.n_traces // _SAMPLE)
    parts: dict[tuple[str, ValueType], list[pl.DataFrame]] = {}
    for number in range(n):
        for column in field_columns(occurrences, number):
            sampled = column.trace % stride == 0
            if _WORTH[column.type] and column.share > 0.5 and sampled.any():
                frame = pl.DataFrame(
                    {
                        "trace": column.trace[sampled],
                        "value": column.identity[sampled],
                        "name": np.full(int(sampled.sum()), number, dtype=np.int64),
                    }
                )
                parts.setdefault((column.key, column.type), []).append(frame.unique())
    for (_, value_type), frames in sorted(parts.items()):
        if len(frames) > 1:
            worth = _WORTH[value_type] * min(1.0, _CARRIERS / len(frames)) ** 2
            _tie(strength, pl.concat(frames), worth)
    return strength


def _tie(strength: NDArray[np.float64], frame: pl.DataFrame, worth: float) -> None:
    """Raise the strengths to what one attribute shows."""
    values = frame.select("trace", "value").unique()["value"].value_counts()["count"].to_numpy()
    n_values = int(values.sum())
    diversity = 1.0 - float((values * (values - 1)).sum()) / max(n_values * (n_values - 1), 1)
    if diversity < 0.5:
        return
    traces_of = frame.select("trace", "name").unique()
    both = _pairs(traces_of, ["trace"])
    agree = _pairs(frame, ["trace", "value"])
    joined = both.join(agree, on=["name", "name_right"], how="inner", suffix="_agree")
    share = np.minimum(joined["len_agree"].to_numpy() / joined["len"].to_numpy(), 1.0)
    tie = worth * share**2 * diversity**2 * (joined["len"].to_numpy() >= 3)
    a, b = joined["name"].to_numpy(), joined["name_right"].to_numpy()
    strength[a, b] = np.maximum(strength[a, b], tie)


def _pairs(frame: pl.DataFrame, on: list[str]) -> pl.DataFrame:
    """Return in how many traces two names meet on some columns."""
    met = frame.join(frame, on=on).filter(pl.col("name") != pl.col("name_right"))
    return met.select("trace", "name", "name_right").unique().group_by("name", "name_right").len()
