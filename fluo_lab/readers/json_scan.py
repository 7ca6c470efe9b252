"""A window over a stream of JSON: what is held of it, where a value ends, where the siblings of a value begin."""

from __future__ import annotations

import gc
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

import numpy as np
import orjson

__all__ = [
    "Document",
    "Frame",
    "Place",
    "Scan",
    "Siblings",
    "Window",
    "describe_fault",
    "is_utf8",
    "parse",
    "text_around",
]

# What may stand between documents: blanks, the record separators of RFC 7464, byte order marks of joined files.
_SPACE: Final = re.compile(rb"(?:[\s\x1e]|\xef\xbb\xbf)*")

# Numbers stay text: only the end of a value is wanted, and Python refuses to convert very long ones.
_DECODER: Final = json.JSONDecoder(parse_int=str, parse_float=str)
_PAGE_BYTES = 1 << 15
# An error this near to the end may be an escape, a literal or a number that goes on behind it.
_LONGEST_TOKEN_BYTES = 16
_CUT_OFF = "unexpected end of data"
_NUMBER_TAILS: Final = frozenset((".", "e", "E", "e+", "e-", "E+", "E-"))
# Half of what the standard library's decoder and orjson take; only used to judge where they gave up.
_DEEP = 500

_TOKEN: Final = re.compile(rb'\s*(?:([\[{:,])|("(?:[^"\\\x00-\x1f]|\\.){0,200}")|([-+.\w]{1,40}))')
_SCALAR = rb'\s*(?:"(?:[^"\\\x00-\x1f]|\\.){0,200}"|[-+.\w]{1,40})'
_OPENING: Final = re.compile(rb'[\[{\s]{1,99}"(?:[^"\\\x00-\x1f]|\\.){0,200}"')
_MAX_OPENING_TOKENS = 12
_MAX_OPENINGS = 8
_MAX_MET = 1000
_MAX_INDENT_BYTES = 256
_N_TRIES = 16
_MAX_OPENING_BYTES = 1024
# How spans, traces and resources begin in the formats that are read, for arrays whose first element is damaged.
_USUAL: Final = rb'(\{\s*"(?:traceI[dD]|trace_id|resource|_index)"\s*:)'


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


@dataclass(frozen=True, slots=True)
class Scan:
    """How reading one value went.

    A value that is whole has no ``fault``; ``end`` is behind it. Otherwise ``end`` is where the fault shows, and
    ``is_cut`` says whether that is only that the window ends.
    """

    end: int
    fault: str = ""
    is_cut: bool = False


class Window:
    """The part of a stream that is held.

    Positions count from the first byte held; they stay good until the next ``fill`` or ``grow``.

    Parameters
    ----------
    chunks
        The stream.
    block_bytes
        How much is held unless a value needs more.
    limit_bytes
        How much is held at most.

    Attributes
    ----------
    data, at
        What is held, and where the part of it begins that is still to be read.
    is_end
        Whether the stream ends with ``data``.
    effort_bytes
        How many bytes were looked at in search of faults and ends, each as often as it was.
    """

    def __init__(self, chunks: Iterator[bytes], *, block_bytes: int, limit_bytes: int) -> None:
        self._chunks = _cut(chunks, max(1, block_bytes // 4))
        self.block_bytes = block_bytes
        self.limit_bytes = limit_bytes
        self.data = b""
        self.at = 0
        self.is_end = False
        self.effort_bytes = 0
        self._offset_bytes = 0
        self._line, self._counted = 1, 0
        self._page, self._page_start = "", 0
        self._spare_bytes = 1 << 20
        # Where each text was searched from last, and found; positions of this window.
        self._found: dict[bytes, tuple[int, int]] = {}
        self._opening = b""

    @property
    def n_left(self) -> int:
        """How many bytes are held and still to be read."""
        return len(self.data) - self.at

    def fill(self, size: int) -> bool:
        """Hold the next ``size`` bytes, as far as the stream has them; return whether any were added."""
        if self.is_end or self.n_left >= size:
            return False
        parts, held = [self.data[self.at :]], self.n_left
        while held < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                self.is_end = True
                break
            parts.append(chunk)
            held += len(chunk)
            self._spare_bytes += 4 * len(chunk)
        self.place(self.at)
        self._offset_bytes += self.at
        self._counted -= self.at
        self.data = b"".join(parts)
        self.at = 0
        self._page = ""
        self._found.clear()
        return len(parts) > 1

    def grow(self) -> bool:
        """Hold twice as much, or learn that this is the end; return False where neither can be."""
        if self.is_end or self.n_left > self.limit_bytes:
            return False
        self.fill(max(2 * self.n_left, self.block_bytes))
        return True

    def place(self, position: int) -> tuple[int, int]:
        """Return the offset in the stream and the line, from 1, of a position."""
        if position >= self._counted:
            self._line += self.data.count(b"\n", self._counted, position)
        else:
            self._line -= self.data.count(b"\n", position, self._counted)
        self._counted = position
        return self._offset_bytes + position, self._line

    def peek(self) -> bytes:
        """Go to the next byte that is no blank and return it; empty at the end of the stream."""
        while True:
            self.at = self.skip_space(self.at)
            # A byte order mark may be cut by the window's end.
            if self.n_left > 2 or not self.fill(max(3, self.block_bytes)):
                return self.data[self.at : self.at + 1]

    def scan(self, start: int, *, size: int | None = None) -> Scan:
        """Return the end of the value at a position, or the first fault in it.

        The structure of JSON is ASCII, so that bytes are read as Latin-1; whether they are good UTF-8, and numbers
        good numbers, is left to whoever reads the value. At most about ``size`` bytes are looked at, or all held.
        """
        stop = len(self.data) if size is None else min(start + size, len(self.data))
        offset = start - self._page_start
        if not 0 <= offset < len(self._page):
            self._turn_page(start, _PAGE_BYTES)
            offset = 0
        while True:
            page_end = self._page_start + len(self._page)
            scan = self._scan_page(offset)
            self.effort_bytes += scan.end - start
            # A number that ends with the page may go on behind it.
            is_open = scan.is_cut or (not scan.fault and scan.end == page_end)
            if not is_open or page_end >= stop:
                return scan
            self._turn_page(start, max(_PAGE_BYTES, 2 * (page_end - start)))
            offset = 0

    def skip_space(self, position: int) -> int:
        """Return the position of the first byte from ``position`` on that is no blank, or the end of the window."""
        return match.end() if (match := _SPACE.match(self.data, position)) else position

    def find(self, text: bytes, start: int) -> int:
        """Return the first position of a text from ``start`` on, or -1; repeated searches cost no more than one."""
        searched, hit = self._found.get(text, (-1, -1))
        if not (0 <= searched <= start and (hit < 0 or hit >= start)):
            hit = self.data.find(text, start)
            self.effort_bytes += (hit if hit >= 0 else len(self.data)) - start
            self._found[text] = start, hit
        return hit

    def note_opening(self) -> None:
        """Remember how the document begins that is next, up to its first key, as others may begin so too."""
        self._opening = match.group() if (match := _OPENING.match(self.data, self.at)) else b""

    def find_document(self, start: int, stop: int, *, is_alike: bool = False) -> int | None:
        """Return the first position before ``stop`` at which a document seems to begin, or None.

        That is a bracket at the beginning of a line, or (``is_alike``: only) the opening of the document before, where
        no element or member can begin.
        """
        nearest = stop
        looks = ((self._opening, 0), (b"\n{", 1), (b"\n[", 1))
        for text, is_bracket_behind in looks[:1] if is_alike else looks:
            hit = self.find(text, max(0, start - is_bracket_behind)) if text else -1
            while hit >= 0 and hit + is_bracket_behind < nearest:
                if self._byte_before(hit) not in b",:[{":
                    nearest = hit + is_bracket_behind
                    break
                hit = self.find(text, hit + 1)
        return nearest if nearest < stop else None

    def is_followed_by_document(self, end: int) -> bool:
        """Return whether what stands behind a value can be another document, or nothing at all."""
        position = self.skip_space(end)
        following = self.data[position : position + 1]
        if following in (b"", b"{", b"["):
            return True
        return following not in b",:]}" and (b"\n" in self.data[end:position] or b"\x1e" in self.data[end:position])

    def _byte_before(self, position: int) -> bytes:
        """Return the last byte before a position that is no blank; a comma stands for one that is not held."""
        while position > 0:
            piece = self.data[max(0, position - _MAX_INDENT_BYTES) : position]
            if stripped := piece.rstrip():
                return stripped[-1:]
            position -= len(piece)
        return b","

    def spend(self, n_bytes: int) -> bool:
        """Return whether so many bytes may be looked at once more, which bounds the time damage can cost."""
        if n_bytes > self._spare_bytes:
            return False
        self._spare_bytes -= n_bytes
        return True

    def _turn_page(self, start: int, size: int) -> None:
        self._page = self.data[start : start + size].decode("latin-1")
        self._page_start = start

    def _scan_page(self, offset: int) -> Scan:
        base = self._page_start
        try:
            end = _DECODER.raw_decode(self._page, offset)[1]
            # A number that breaks off in its fraction or exponent is read without that.
            return Scan(base + (len(self._page) if self._page[end:] in _NUMBER_TAILS else end))
        except json.JSONDecodeError as error:
            is_last = self.is_end and base + len(self._page) == len(self.data)
            if _may_go_on(error, self._page, is_last=is_last):
                return Scan(base + len(self._page), _CUT_OFF, is_cut=True)
            return Scan(base + error.pos, error.msg[0].lower() + error.msg[1:])
        except RecursionError:
            return Scan(base + _find_deep(self._page[offset:]) + offset, "nested too deeply")


class Siblings:
    """Knows how the elements of one array begin, learned from those met: blanks before, first keys."""

    def __init__(self) -> None:
        self._openings: dict[bytes, int] = {}
        self._literals: Counter[bytes] = Counter()
        self._pattern: re.Pattern[bytes] | None = None
        self._n_met = 0
        self._has_whole = False

    def learn(self, data: bytes, start: int, *, is_whole: bool = True) -> None:
        """Take note of the element at a position; one that is damaged may not begin as the others do."""
        self._has_whole |= is_whole
        self._n_met += 1
        if len(self._openings) >= _MAX_OPENINGS or self._n_met > _MAX_MET:
            return
        opening, literal, lead_bytes = _generalise(data, start)
        self._literals[literal] += 1
        if opening and opening not in self._openings:
            self._openings[opening] = lead_bytes
            self._pattern = None

    def find(self, data: bytes, start: int, *, stop: int = sys.maxsize) -> int | None:
        """Return the first position from ``start`` at which an element seems to begin before ``stop``, or None.

        While none has been seen whole, first keys that are usual, or that of the damaged one, are taken as well.
        """
        match = self._search(data, start, stop)
        if match is None and not self._has_whole:
            firsts = [re.escape(literal.lstrip(b"\n")) for literal in self._literals if literal.endswith(b'"')]
            match = re.compile(b"|".join([*(b"(" + first + b")" for first in firsts), _USUAL])).search(
                data, start, stop
            )
        return match.start(match.lastindex or 0) if match else None

    def find_cut(self, data: bytes, start: int, stop: int) -> int | None:
        """Return the position of the last comma up to ``stop`` that seems to stand between elements, or None."""
        if not self._literals:
            return None
        literal = self._literals.most_common(1)[0][0]
        pattern = self._compile() if literal != b"," else None
        hit = stop
        for _ in range(_N_TRIES):
            hit = data.rfind(literal, start + 1, hit)
            if hit < 0:
                return None
            if literal == b",":
                return hit
            comma = len(data[max(start, hit - _MAX_INDENT_BYTES) : hit].rstrip()) + max(start, hit - _MAX_INDENT_BYTES)
            if data[comma - 1 : comma] == b"," and (pattern is None or pattern.match(data, hit)):
                return comma - 1
        return None

    @property
    def is_known(self) -> bool:
        """Whether an element has been met whole."""
        return self._has_whole

    @property
    def lead_bytes(self) -> int:
        """How many blanks before an element belong to what it is known by, at most."""
        return max(self._openings.values(), default=0)

    def is_any(self, data: bytes, start: int) -> bool:
        """Return whether an element surely begins anywhere from a position on."""
        return self._search(data, start) is not None

    def is_one(self, data: bytes, start: int) -> bool:
        """Return whether an element seems to begin at a position."""
        match = self._search(data, max(0, start - self.lead_bytes), start + _MAX_OPENING_BYTES)
        return match is not None and match.start(match.lastindex or 0) == start

    def _search(self, data: bytes, start: int, stop: int = sys.maxsize) -> re.Match[bytes] | None:
        pattern = self._compile()
        return pattern.search(data, start, stop) if pattern else None

    def _compile(self) -> re.Pattern[bytes] | None:
        if self._pattern is None and self._openings:
            self._pattern = re.compile(b"|".join(self._openings))
        return self._pattern


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


def parse(data: bytes) -> Any:
    """Return the value of a text; the garbage collector does not look through it meanwhile, as it has no cycles."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        return orjson.loads(data)
    finally:
        if was_enabled:
            gc.enable()


def is_utf8(data: bytes) -> bool:
    """Return whether bytes are UTF-8."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def describe_fault(what: str, text: bytes, fault: str) -> str:
    """Return the problem of a piece of a damaged document."""
    if not is_utf8(text):
        return f"{what} of a damaged document that is not UTF-8, not read"
    return f"{what} of a damaged document, not read: {fault}"


def _may_go_on(error: json.JSONDecodeError, text: str, *, is_last: bool) -> bool:
    """Return whether only the end of the text is at fault."""
    if error.msg.startswith("Unterminated string"):
        return True
    if not is_last:
        return len(text) - error.pos <= _LONGEST_TOKEN_BYTES
    rest = text[error.pos :].rstrip()
    return not rest or (len(rest) < 5 and any(token.startswith(rest) for token in ("true", "false", "null", "-")))


def _generalise(data: bytes, start: int) -> tuple[bytes, bytes, int]:
    """Return how an element begins: as a pattern up to its second key, as text up to its first; bytes of the lead.

    The lead is the line feed and the indentation before the element, where there are such.
    """
    lead_start = max(0, start - _MAX_INDENT_BYTES)
    blanks = data[len(data[lead_start:start].rstrip()) + lead_start : start]
    lead = blanks[blanks.rfind(b"\n") :] if b"\n" in blanks else b""
    pattern, literal_end, n_keys = [], start, 0
    innermost, before, at = b"", b"", start
    for _ in range(_MAX_OPENING_TOKENS):
        match = _TOKEN.match(data, at)
        if not match:
            if len(data) - at < _MAX_INDENT_BYTES:
                # It goes on behind the window: known by less it would be taken for what is nested in it.
                return b"", b",", 0
            break
        mark, text, _scalar = match.groups()
        is_key = innermost == b"{" and before in (b"{", b",")
        if (before == b"key") != (mark == b":") or (is_key and not text) or (mark == b"," and innermost != b"{"):
            break
        at = match.end()
        pattern.append(rb"\s*" + re.escape(mark or text) if mark or is_key else _SCALAR)
        innermost = mark if mark in (b"[", b"{") else innermost
        n_keys += is_key
        literal_end = at if not n_keys or (is_key and n_keys == 1) else literal_end
        before = b"key" if is_key else mark or b"value"
        if n_keys == 2:
            break
    if innermost not in (b"[", b"{") or data[start : start + 1] not in b"[{" or not (n_keys or lead):
        return b"", b",", 0
    body = b"".join(pattern).removeprefix(rb"\s*")
    return re.escape(lead) + b"(" + body + b")", lead + data[start:literal_end], len(lead)


def _find_deep(text: str) -> int:
    """Return about where brackets of a text are nested too deeply, or its length."""
    codes = np.frombuffer(text.encode("latin-1"), dtype=np.uint8) | 0x20
    depth = np.cumsum((codes == ord("{")).astype(np.int32) - (codes == ord("}")))
    return int(np.argmax(depth > _DEEP)) if depth.size and int(depth.max()) > _DEEP else len(text)


def _cut(chunks: Iterator[bytes], size: int) -> Iterator[bytes]:
    """Yield a stream in pieces of at most ``size`` bytes."""
    for chunk in chunks:
        if len(chunk) <= size:
            yield chunk
        else:
            yield from (chunk[i : i + size] for i in range(0, len(chunk), size))
