"""Colours and marks: a service's colour, a verdict's glyph, word and colour (Okabe and Ito, 2008)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from zlib import crc32

from fluo_lab.engine import Verdict
from fluo_lab.lab.html import Html, join, tag

__all__ = ["GUARD", "VERDICT_MARKS", "VERMILION", "Mark", "colour_services", "show_verdict"]

VERMILION = "#d55e00"
GUARD = "#2f8fd0"
_SERVICE_COLOURS = ("#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#0072b2", "#b8a800", "#8c6bb1", "#8d8d8d")


@dataclass(frozen=True, slots=True)
class Mark:
    """How a verdict is shown: never by colour alone."""

    glyph: str
    word: str
    colour: str


VERDICT_MARKS: dict[Verdict, Mark] = {
    Verdict.PASS: Mark("✔", "holds", "#009e73"),
    Verdict.VIOLATION: Mark("✖", "violated", VERMILION),
    Verdict.NOT_APPLICABLE: Mark("—", "did not apply", "#8d8d8d"),
    Verdict.INCONCLUSIVE: Mark("?", "cannot know", "#b8a800"),
}


def show_verdict(verdict: Verdict) -> Html:
    """Return a verdict as glyph, word and colour."""
    mark = VERDICT_MARKS[verdict]
    glyph = tag("span", mark.glyph, style=f"color:{mark.colour};font-weight:700")
    return join(glyph, f" {mark.word}")


def colour_services(services: Iterable[str]) -> dict[str, str]:
    """Return a colour for each service, by the hash of its name.

    Two services get the same colour only when there are more services than colours.

    Examples
    --------
    >>> colours = colour_services(["cart", "payment", "storefront"])
    >>> len(set(colours.values()))
    3
    """
    colours: dict[str, str] = {}
    free: list[str] = []
    for service in sorted(set(services)):
        free = free or list(_SERVICE_COLOURS)
        wanted = _SERVICE_COLOURS[crc32(service.encode("utf-8", "surrogatepass")) % len(_SERVICE_COLOURS)]
        colours[service] = wanted if wanted in free else free[0]
        free.remove(colours[service])
    return colours
