"""Which names a rule's pattern fits: exact ones, and globs in the one regular expression dialect, in linear time."""

from __future__ import annotations

import polars as pl

from fluo_lab.engine.logic import Mask
from fluo_lab.language import Name

__all__ = ["fitting"]


def fitting(values: pl.Series, name: Name) -> Mask:
    """Return which of some names a pattern fits.

    Parameters
    ----------
    values
        Strings, without nulls.

    Examples
    --------
    >>> fitting(pl.Series(["payment.charge", "payment", "refund"]), Name(parts=("payment.", ""))).tolist()
    [True, False, False]
    """
    if name.is_exact:
        return (values == name.parts[0]).to_numpy()
    pattern = ".*".join(_escape(part) for part in name.parts)
    return values.str.contains(rf"(?s)\A{pattern}\z").to_numpy()


def _escape(text: str) -> str:
    """Return a pattern that fits a text alone."""
    return "".join(c if c.isalnum() or c in " _/" or ord(c) > 127 else "\\" + c for c in text)
