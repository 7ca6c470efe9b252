"""Cutting a stream of bytes into blocks of whole lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

__all__ = ["BLOCK_BYTES", "Line", "LineBlock", "cut_lines"]

BLOCK_BYTES = 1 << 24
"""Size a block is cut at; a longer line makes a longer block."""


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


def cut_lines(chunks: Iterator[bytes], *, block_bytes: int = BLOCK_BYTES) -> Iterator[LineBlock]:
    r"""Yield blocks of whole lines.

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
            parts.append(chunk)
            continue
        data = b"".join([*parts, chunk[:cut]])
        yield LineBlock(data, offset_bytes, line)
        offset_bytes += len(data)
        line += data.count(b"\n")
        parts = [chunk[cut:]]
        size = len(parts[0])
    if size:
        yield LineBlock(b"".join(parts), offset_bytes, line)
