"""Markup by construction: text is escaped, styles are literal, and only what an untrusted notebook keeps is used.

A saved notebook that its reader did not run is sanitized: ``<style>``, ``<script>``, ``<svg>``, theme variables,
``role`` and ``aria-*`` are removed. So every view is plain elements with inline styles, in mid-tones that can be
read on white and on black; ink is always inherited.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape as _escape
from typing import TypeAlias

__all__ = ["EMPTY", "FAINT", "LINE", "MONO", "SMALL", "Child", "Html", "box", "join", "measure", "tag"]

LINE = "1px solid rgba(128,128,128,0.35)"
FAINT = "rgba(128,128,128,0.14)"
MONO = "font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace"
SMALL = "font-size:12px;line-height:18px"

_TAGS = {"b", "bdi", "br", "code", "details", "div", "li", "span", "summary"}
_TAGS |= {"table", "tbody", "td", "th", "thead", "tr", "ul"}


@dataclass(frozen=True, slots=True)
class Html:
    """A piece of markup that notebooks show; ``markup`` is safe to insert as it is."""

    markup: str

    def _repr_html_(self) -> str:
        return self.markup

    def __repr__(self) -> str:
        return f"Html({len(self.markup):,} characters; shown as a picture in a notebook)"


Child: TypeAlias = "Html | str | int | None"

EMPTY = Html("")


def tag(name: str, *children: Child, style: str = "", title: str = "", is_open: bool = False) -> Html:
    """Return one element.

    Parameters
    ----------
    children
        Pieces of markup, or text, which is escaped. None is nothing.
    style
        Inline style, literal values only.
    title
        Text shown on hover; escaped.
    is_open
        For ``details``: whether it starts open.

    Raises
    ------
    ValueError
        When the element is not one an untrusted notebook keeps.

    Examples
    --------
    >>> tag("b", "a < b", title='say "so"').markup
    '<b title="say &quot;so&quot;">a &lt; b</b>'
    """
    if name not in _TAGS:
        raise ValueError(f"<{name}> would not survive in an untrusted notebook")
    attributes = f' style="{_escape(style)}"' if style else ""
    attributes += f' title="{_escape(title)}"' if title else ""
    attributes += " open" if is_open else ""
    if name == "br":
        return Html("<br>")
    return Html(f"<{name}{attributes}>{join(*children).markup}</{name}>")


def join(*children: Child) -> Html:
    """Return pieces one after the other, texts escaped.

    Examples
    --------
    >>> join("1 < 2", tag("br"), 3).markup
    '1 &lt; 2<br>3'
    """
    kept = (child for child in children if child is not None)
    return Html("".join(c.markup if isinstance(c, Html) else _escape(str(c)) for c in kept))


def box(*children: Child, title: Child = None) -> Html:
    """Return a card: a framed block with an optional heading."""
    heading = None if title is None else tag("div", title, style="font-weight:600;font-size:14px;margin-bottom:6px")
    style = (
        f"border:{LINE};border-radius:6px;padding:12px 14px;margin:4px 0;max-width:1080px;"
        "font-size:13px;line-height:20px"
    )
    return tag("div", heading, *children, style=style)


def measure(share: float, colour: str, *, width_px: int = 90) -> Html:
    """Return a small horizontal bar filled to ``share`` (0 to 1)."""
    share = min(max(share, 0.0), 1.0)
    filled = tag(
        "span",
        style=f"display:block;height:8px;width:{100 * share:.1f}%;background-color:{colour};border-radius:2px",
    )
    style = (
        f"display:inline-block;vertical-align:middle;width:{width_px}px;height:8px;"
        f"background-color:{FAINT};border-radius:2px;overflow:hidden"
    )
    return tag("span", filled, style=style)
