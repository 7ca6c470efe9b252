"""Problems met while reading: where, what, how often, with a sample; nothing is dropped in silence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import polars as pl

__all__ = ["PROBLEMS", "Problem", "problems_frame"]

PROBLEMS = pl.Schema(
    {
        "file": pl.String(),
        "offset_bytes": pl.Int64(),
        "line": pl.Int64(),
        "what": pl.String(),
        "n": pl.Int64(),
        "sample": pl.String(),
    }
)
"""One row a kind of problem and file; place and sample are those of the first one met."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in the input that could not be taken as it is.

    Attributes
    ----------
    file
        Path as it was given.
    what
        One sentence: what was found and what was done with it.
    offset_bytes, line
        Place of the first one in the (decompressed) content; line counts from 1. None where unknown.
    n
        How many there are.
    sample
        The start of the first one, or None.
    """

    file: str
    what: str
    offset_bytes: int | None = None
    line: int | None = None
    n: int = 1
    sample: str | None = None


def problems_frame(problems: Iterable[Problem]) -> pl.DataFrame:
    """Return problems as a frame of schema ``PROBLEMS``."""
    return pl.DataFrame([asdict(problem) for problem in problems], schema=PROBLEMS)
