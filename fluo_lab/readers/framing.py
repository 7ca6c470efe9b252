"""Length-prefixed messages: which framing a file uses, and its messages one by one.

* plain: one ``TracesData``, which is a row of its only field, so every ``ResourceSpans`` can be read alone;
* big-endian: four bytes of length before each message (collector's file exporter), the message protobuf, JSON, or
  either compressed with zstd;
* varint: a varint of length before each message (delimited protobuf).
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from fluo_lab.readers.report import Report
from fluo_lab.readers.source import ZSTD_MAGIC, ByteStream

__all__ = ["Framing", "find_framing", "read_frames"]

_FIELD_1 = b"\x0a"
# Fields 1, 2 and 3 of ResourceSpans, and 1000, which scopeSpans had before 2022.
_RESOURCE_SPANS_TAGS = (b"\x0a", b"\x12", b"\x1a", b"\xc2")
_MAX_VARINT_BYTES = 5
_MAX_FRAME_BYTES = 1 << 28


class Framing(Enum):
    """How messages follow one another."""

    PLAIN = "plain"
    BIG_ENDIAN = "big-endian"
    VARINT = "varint"


def find_framing(head: bytes) -> Framing | None:
    """Return the framing all messages in the head agree with, or None.

    Examples
    --------
    >>> find_framing(bytes.fromhex("00000002 0a00"))
    <Framing.BIG_ENDIAN: 'big-endian'>
    """
    return next((framing for framing in Framing if _fits(framing, head)), None)


def read_frames(framing: Framing, stream: ByteStream, report: Report) -> Iterator[tuple[int, bytes]]:
    """Yield offset and bytes of each message; a length that cannot be, or a cut-off message, ends the file."""
    while True:
        offset = stream.offset_bytes
        size = _read_length(framing, stream)
        if size is None:
            if stream.offset_bytes > offset:
                report.locate(offset_bytes=offset)
                rest = stream.count_rest()
                report.add(
                    "the file ends within a message's length"
                    if rest == 0
                    else "no message where one should begin; the rest of the file was not read"
                )
            return
        if size >= _MAX_FRAME_BYTES:
            report.locate(offset_bytes=offset)
            report.add(f"a message of {size} bytes cannot be; the rest of the file was not read")
            return
        data = stream.read(size)
        if len(data) < size:
            report.locate(offset_bytes=offset)
            report.add(f"the file ends within a message of {size} bytes; what came before was read")
            return
        yield offset, data


def _read_length(framing: Framing, stream: ByteStream) -> int | None:
    """Return the length of the next message, or None at the end or where there is none."""
    if framing is Framing.BIG_ENDIAN:
        prefix = stream.read(4)
        return int.from_bytes(prefix, "big") if len(prefix) == 4 else None
    if framing is Framing.PLAIN and stream.read(1) != _FIELD_1:
        return None
    size = 0
    for i in range(_MAX_VARINT_BYTES):
        byte = stream.read(1)
        if not byte:
            return None
        size |= (byte[0] & 0x7F) << 7 * i
        if byte[0] < 0x80:
            return size
    return None


def _fits(framing: Framing, head: bytes) -> bool:
    """Return whether the head can be a row of messages in this framing, with at least one begun."""
    stream = ByteStream(iter([head]))
    n_begun = 0
    while stream.offset_bytes < len(head):
        offset = stream.offset_bytes
        size = _read_length(framing, stream)
        if size is None:
            # Only a head that breaks off within a length may lack one.
            return n_begun > 0 and len(head) - offset < _MAX_VARINT_BYTES and stream.offset_bytes == len(head)
        if size >= _MAX_FRAME_BYTES:
            return False
        start = stream.read(size)[:4]
        if start and not _can_begin(framing, start):
            return False
        n_begun += bool(start)
    return n_begun > 0


def _can_begin(framing: Framing, start: bytes) -> bool:
    """Return whether a message in this framing can begin so."""
    if framing is Framing.PLAIN:
        return start.startswith(_RESOURCE_SPANS_TAGS)
    if framing is Framing.VARINT:
        return start.startswith(_FIELD_1)
    return start.startswith((_FIELD_1, b"{", b"[")) or start == ZSTD_MAGIC[: len(start)]
