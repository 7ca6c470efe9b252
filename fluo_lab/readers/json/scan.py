"""A window over a stream of JSON: what is held of it, where a value ends, where another document seems to begin."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from fluo_lab.readers.collection import uncollected

__all__ = ["Scan", "Window"]

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

_OPENING: Final = re.compile(rb'[\[{\s]{1,99}"(?:[^"\\\x00-\x1f]|\\.){0,200}"')
_MAX_INDENT_BYTES = 256


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
    barren
        From where on patterns are known not to occur in what is held.
    """

    def __init__(self, chunks: Iterator[bytes], *, block_bytes: int, limit_bytes: int) -> None:
        self._chunks = _cut(chunks, max(1, block_bytes // 4))
        self.block_bytes = block_bytes
        self.limit_bytes = limit_bytes
        self.data = b""
        self.at = 0
        self.is_end = False
        self.effort_bytes = 0
        self.barren: dict[re.Pattern[bytes], int] = {}
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
        self.barren.clear()
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
            end = uncollected(_DECODER.raw_decode, self._page, offset)[1]
            # A number that breaks off in its fraction or exponent is read without that.
            is_part = len(self._page) - end <= 2 and self._page[end:] in _NUMBER_TAILS
            return Scan(base + (len(self._page) if is_part else end))
        except json.JSONDecodeError as error:
            is_last = self.is_end and base + len(self._page) == len(self.data)
            if _may_go_on(error, self._page, is_last=is_last):
                return Scan(base + len(self._page), _CUT_OFF, is_cut=True)
            return Scan(base + error.pos, error.msg[0].lower() + error.msg[1:])
        except RecursionError:
            return Scan(base + _find_deep(self._page[offset:]) + offset, "nested too deeply")


def _may_go_on(error: json.JSONDecodeError, text: str, *, is_last: bool) -> bool:
    """Return whether only the end of the text is at fault."""
    if error.msg.startswith("Unterminated string"):
        return True
    if not is_last:
        return len(text) - error.pos <= _LONGEST_TOKEN_BYTES
    rest = text[error.pos :].rstrip()
    return not rest or (len(rest) < 5 and any(token.startswith(rest) for token in ("true", "false", "null", "-")))


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
