"""Length-prefixed messages: which framing a file uses, and its messages one by one.

* plain: one ``TracesData``, which is a row of its only field, so every ``ResourceSpans`` can be read alone;
* big-endian: four bytes of length before each message (collector's file exporter), the message protobuf, JSON, or
  either compressed with zstd;
* varint: a varint of length before each message (delimited protobuf).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from struct import Struct
from typing import TypeAlias

from fluo_lab.readers.report import Report
from fluo_lab.readers.source import ZSTD_MAGIC

__all__ = ["MAX_FRAME_BYTES", "Frame", "Framing", "find_framing", "first_message", "read_frames"]

Frame: TypeAlias = tuple[int, bytes]
"""Offset of a message, its length included, and its bytes."""

_FIELD_1 = b"\x0a"
_BIG_ENDIAN = Struct(">I").unpack_from
# Fields 1, 2 and 3 of ResourceSpans, and 1000, which scopeSpans had before 2022.
_RESOURCE_SPANS_TAGS = (b"\x0a", b"\x12", b"\x1a", b"\xc2")
_MAX_VARINT_BYTES = 5
MAX_FRAME_BYTES = 1 << 28
"""A message of this size or more is not read."""
_SAMPLE_BYTES = 16


class _NoLength(ValueError):
    """No message can begin here."""


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


def first_message(framing: Framing, head: bytes) -> bytes | None:
    """Return the first message where the head holds it whole."""
    try:
        found = _length_at(framing, head, 0)
    except _NoLength:
        return None
    if found is None or sum(found) > len(head):
        return None
    size, start = found
    return head[start : start + size]


def read_frames(framing: Framing, chunks: Iterable[bytes], report: Report) -> Iterator[list[Frame]]:
    """Yield the messages, many at a time; a length that cannot be, or a cut-off message, ends the file.

    A message cut off at the end is not read; where the end is, and what is before it, the report says.
    """
    waiting: list[bytes] = []
    n_waiting, n_needed, offset = 0, 1, 0
    for chunk in chunks:
        waiting.append(chunk)
        n_waiting += len(chunk)
        if n_waiting < n_needed:
            continue
        data = b"".join(waiting)
        frames, at, fault = _cut_frames(framing, data, offset)
        if frames:
            yield frames
        if fault is not None:
            report.locate(offset_bytes=offset + at)
            report.add(f"{fault}; the rest of the file was not read", sample=data[at : at + _SAMPLE_BYTES].hex(" "))
            return
        offset += at
        waiting, n_waiting = [data[at:]], len(data) - at
        found = _length_at(framing, data, at)
        n_needed = 1 if found is None else sum(found) - at
    if n_waiting:
        report.locate(offset_bytes=offset)
        if n_needed == 1:
            report.add("the file ends within a message's length; what came before was read")
        else:
            report.add("the file ends within a message; what came before was read", sample=f"{n_needed} bytes")


def _cut_frames(framing: Framing, data: bytes, offset: int) -> tuple[list[Frame], int, str | None]:
    """Return the whole messages in some bytes, where the next begins, and what is wrong there."""
    frames: list[Frame] = []
    at, n_bytes = 0, len(data)
    take = frames.append
    try:
        while True:
            if framing is Framing.BIG_ENDIAN:  # written out: the calls would take longer than the work
                start = at + 4
                if start > n_bytes:
                    break
                (size,) = _BIG_ENDIAN(data, at)
            else:
                found = _length_at(framing, data, at)
                if found is None:
                    break
                size, start = found
            if size >= MAX_FRAME_BYTES:
                return frames, at, f"a message of {size} bytes cannot be"
            end = start + size
            if end > n_bytes:
                break
            take((offset + at, data[start:end]))
            at = end
    except _NoLength:
        return frames, at, "no message where one should begin"
    return frames, at, None


def _length_at(framing: Framing, data: bytes, at: int) -> tuple[int, int] | None:
    """Return the length of the message at a place and where it starts, or None where the bytes do not suffice.

    Raises
    ------
    _NoLength
        There is none.
    """
    if framing is Framing.BIG_ENDIAN:
        return (int.from_bytes(data[at : at + 4], "big"), at + 4) if at + 4 <= len(data) else None
    if framing is Framing.PLAIN:
        if data[at : at + 1] not in (_FIELD_1, b""):
            raise _NoLength
        at += 1
    size = 0
    for i in range(_MAX_VARINT_BYTES):
        if at + i >= len(data):
            return None
        byte = data[at + i]
        size |= (byte & 0x7F) << 7 * i
        if byte < 0x80:
            return size, at + i + 1
    raise _NoLength


def _fits(framing: Framing, head: bytes) -> bool:
    """Return whether the head can be a row of messages in this framing, with at least one begun."""
    at, n_begun = 0, 0
    try:
        while at < len(head):
            found = _length_at(framing, head, at)
            if found is None:
                return n_begun > 0  # the head breaks off within a length
            size, start = found
            begin = head[start : min(start + size, start + 4)]
            if size >= MAX_FRAME_BYTES or (begin and not _can_begin(framing, begin)):
                return False
            n_begun += bool(begin)
            at = start + size
    except _NoLength:
        return False
    return n_begun > 0


def _can_begin(framing: Framing, start: bytes) -> bool:
    """Return whether a message in this framing can begin so."""
    if framing is Framing.PLAIN:
        return start.startswith(_RESOURCE_SPANS_TAGS)
    if framing is Framing.VARINT:
        return start.startswith(_FIELD_1)
    return start.startswith((_FIELD_1, b"{", b"[")) or start == ZSTD_MAGIC[: len(start)]
