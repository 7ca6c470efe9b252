"""Tables as static markup: one page of a frame, numbers aligned, shares drawn as bars, the rest counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from fluo_lab.lab.html import LINE, Child, Html, join, measure, tag

__all__ = ["frame_table", "grid"]

_CELL = "padding:3px 10px 3px 0;vertical-align:top;border:none;font-size:12px;line-height:18px"


def grid(header: Sequence[str], rows: Iterable[Sequence[Child]], *, numeric: Iterable[int] = ()) -> Html:
    """Return a table.

    Parameters
    ----------
    numeric
        Positions of the columns that are set flush right.
    """
    right = set(numeric)

    def align(at: int) -> str:
        return f"{_CELL};text-align:{'right' if at in right else 'left'}"

    head = [tag("th", h, style=f"{align(n)};font-weight:600;border-bottom:{LINE}") for n, h in enumerate(header)]
    body = [tag("tr", *(tag("td", c, style=align(n)) for n, c in enumerate(row))) for row in rows]
    table = tag(
        "table",
        tag("thead", tag("tr", *head)),
        tag("tbody", *body),
        style="border-collapse:collapse;width:100%;border:none;margin:0;table-layout:auto",
    )
    return tag("div", table, style="overflow-x:auto")


def frame_table(
    frame: pl.DataFrame,
    *,
    rows: int = 25,
    bars: Mapping[str, str] | None = None,
) -> Html:
    """Return the first rows of a frame as a table, with a line that counts the others.

    Parameters
    ----------
    rows
        Rows to show.
    bars
        Columns of percentages to draw as bars, each with its colour.
    """
    bars = bars or {}
    numeric = [n for n, dtype in enumerate(frame.dtypes) if dtype.is_numeric() and frame.columns[n] not in bars]
    shown = [
        [
            _barred(value, bars[name]) if name in bars else _cell(value)
            for name, value in zip(frame.columns, row, strict=True)
        ]
        for row in frame.head(rows).iter_rows()
    ]
    table = grid([name.replace("_", " ") for name in frame.columns], shown, numeric=numeric)
    left = frame.height - len(shown)
    note = tag("div", f"… {left:,} more rows", style="opacity:0.7;font-size:12px;padding-top:4px") if left > 0 else None
    return join(table, note)


def _barred(value: Any, colour: str) -> Html:
    if value is None:
        return Html("")
    return tag("span", measure(value / 100, colour, width_px=60), f" {value:.1f}", style="white-space:nowrap")


def _cell(value: Any) -> Child:
    match value:
        case None:
            return tag("span", "—", style="opacity:0.5")
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.3g}" if abs(value) < 1000 else f"{value:,.0f}"
        case _:
            text = str(value)
            return text if len(text) <= 160 else tag("span", text[:159] + "…", title=text[:1000])
