"""Cutting a stream of bytes into blocks of whole lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

from fluo_lab.errors import InputError

__all__ = ["BLOCK_BYTES", "MAX_HELD_BYTES", "Line", "LineBlock", "cut_lines", "describe_line_fault", "is_utf8"]

BLOCK_BYTES = 1 << 24
"""Size a block is cut at; a longer line makes a longer block."""


MAX_HELD_BYTES = 1 << 30
"""The longest line, and the largest part of a JSON document, that is held at once."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line and where it stands.

    Attributes
    ----------
    data
        The bytes, without the line feed.
    offset_bytes
        Of its first byte, in the decompressed content.
    number
        Counted from 1; None where content has frames instead of lines.
    is_cut
        Whether it is the last and has no line feed.
    """

    data: bytes
    offset_bytes: int
    number: int | None = None
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class LineBlock:
    """Some whole lines.

    Attributes
    ----------
    data
        The bytes; only the last block of a file may lack the final line feed.
    offset_bytes, first_line
        Place of the block in the decompressed content; lines count from 1.
    """

    data: bytes
    offset_bytes: int = 0
    first_line: int = 1

    def count_lines(self) -> int:
        """Return how many lines there are, blank ones too."""
        return self.data.count(b"\n") + (bool(self.data) and not self.data.endswith(b"\n"))

    def pieces(self, size: int) -> Iterator[tuple[LineBlock, int]]:
        r"""Yield the block in pieces of whole lines and about a size, each with its number of lines.

        Examples
        --------
        >>> [(piece.data, piece.first_line, n) for piece, n in LineBlock(b"a\nb\nccc\nd").pieces(4)]
        [(b'a\nb\n', 1, 2), (b'ccc\n', 3, 1), (b'd', 4, 1)]
        """
        data, at, line = self.data, 0, self.first_line
        while at < len(data):
            end = data.rfind(b"\n", at, at + size) + 1 or data.find(b"\n", at) + 1 or len(data)
            piece = LineBlock(data[at:end], self.offset_bytes + at, line)
            n_lines = piece.count_lines()
            yield piece, n_lines
            at = end
            line += n_lines

    def lines(self) -> list[Line]:
        r"""Return the lines that are not blank.

        Examples
        --------
        >>> [(line.number, line.offset_bytes, line.is_cut) for line in LineBlock(b"a\n\nbc").lines()]
        [(1, 0, False), (3, 3, True)]
        """
        parts = self.data.split(b"\n")
        offsets = accumulate((len(part) + 1 for part in parts), initial=self.offset_bytes)
        last = len(parts) - 1
        return [
            Line(part, offset, self.first_line + i, is_cut=i == last)
            for i, (part, offset) in enumerate(zip(parts, offsets, strict=False))
            if part and not part.isspace()
        ]


def cut_lines(
    chunks: Iterator[bytes], *, block_bytes: int = BLOCK_BYTES, counts_lines: bool = True
) -> Iterator[LineBlock]:
    r"""Yield blocks of whole lines.

    Parameters
    ----------
    block_bytes
        Size a block is cut at.
    counts_lines
        Whether blocks know their line numbers; those that do not all begin at 1.

    Raises
    ------
    InputError
        A line is longer than 1 GiB.

    Examples
    --------
    >>> [block.data for block in cut_lines(iter([b"ab\nc", b"d\ne"]), block_bytes=3)]
    [b'ab\n', b'cd\n', b'e']
    """
    offset_bytes, line = 0, 1
    parts: list[bytes] = []
    size = 0
    for chunk in chunks:
        size += len(chunk)
        cut = chunk.rfind(b"\n") + 1 if size >= block_bytes else 0
        if not cut:
            if size > MAX_HELD_BYTES:
                raise InputError(f"a line of more than {MAX_HELD_BYTES >> 30} GiB, at byte {offset_bytes}")
            parts.append(chunk)
            continue
        data = b"".join([*parts, chunk[:cut]])
        yield LineBlock(data, offset_bytes, line)
        offset_bytes += len(data)
        line += data.count(b"\n") if counts_lines else 0
        parts = [chunk[cut:]]
        size = len(parts[0])
    if size:
        yield LineBlock(b"".join(parts), offset_bytes, line)


def is_utf8(data: bytes) -> bool:
    """Return whether bytes are UTF-8."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def describe_line_fault(data: bytes, fault: str, *, is_cut: bool, what: str = "line") -> str:
    """Return the problem of a line, or of what else there is one of, that is no JSON."""
    if is_cut:
        return "the last line is cut off, not read"
    if not is_utf8(data):
        return f"{what} that is not UTF-8, not read"
    return f"{what} that is not JSON, not read: {fault}"
