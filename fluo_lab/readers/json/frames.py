"""Documents in parts: what a part is, and the brackets that are open around its elements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from fluo_lab.readers.blocks import is_utf8
from fluo_lab.readers.json.siblings import Siblings

__all__ = ["Document", "Frame", "Place", "describe_fault", "text_around"]


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed JSON document, or a part of one in the shape of the whole, and where it stands.

    Attributes
    ----------
    value
        As ``orjson`` parses it.
    offset_bytes, line
        Place of its first byte in the decompressed content; the line counts from 1. Of a part it is the place of
        its first element.
    data
        The bytes ``value`` was parsed from.
    """

    value: object
    offset_bytes: int
    line: int
    data: bytes


class Place(Enum):
    """Where in an array or object the window stands."""

    START = "start"
    BEHIND_ITEM = "behind an item"
    BEHIND_COMMA = "behind a comma"


@dataclass(slots=True)
class Frame:
    """A bracket that is open on the way to the elements.

    Attributes
    ----------
    is_array
        Whether it is ``[``.
    key
        Of an object: that of the member gone into, with its quotes.
    members
        Of an object: the text of each to repeat in every part.
    shell
        Of an object: the members gone into, emptied.
    has_news
        Of an object: whether members have come that no part has had yet.
    news_place
        Offset and line of the first of these.
    place
        Where the window stands in it.
    siblings, inner_siblings
        Of an array: how its elements begin, and how those of arrays in it do.
    """

    is_array: bool
    key: bytes = b""
    members: list[bytes] = field(default_factory=list)
    shell: list[bytes] = field(default_factory=list)
    has_news: bool = False
    news_place: tuple[int, int] = (0, 1)
    place: Place = Place.START
    siblings: Siblings = field(default_factory=Siblings)
    inner_siblings: Siblings = field(default_factory=Siblings)


def text_around(frames: Sequence[Frame]) -> tuple[bytes, bytes]:
    """Return what stands before and behind the elements in every part."""
    before, behind = b"", b""
    for frame in frames:
        before += b"[" if frame.is_array else b"{" + b",".join([*frame.members, frame.key + b":"])
        behind = (b"]" if frame.is_array else b"}") + behind
    return before, behind


def describe_fault(what: str, text: bytes, fault: str) -> str:
    """Return the problem of a piece of a damaged document."""
    if not is_utf8(text):
        return f"{what} of a damaged document that is not UTF-8, not read"
    # Whether orjson or the standard library gives up first depends on Python's version.
    told = "nested too deeply" if fault == "depth limit exceeded" else fault
    return f"{what} of a damaged document, not read: {told}"
