"""The attribute lists of many spans in OTLP/JSON, taken apart as one text.

Lists are joined and cut where an attribute begins, which a comparison of eight bytes finds; Arrow then numbers the
equal ones. That costs a third of making a Python object of each attribute. A text that only looks like the beginning
of an attribute, inside a key-value list, makes pieces that do not parse, and lists with such pieces are parsed as JSON.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Raw
from numpy.typing import NDArray

from fluo_lab.readers.otlp.pairs import PairTable
from fluo_lab.readers.otlp.structs import MISFITS, decode_list
from fluo_lab.traces import CodedRows

__all__ = ["AttributeLists"]

# How the first attribute begins shows how this writer sets spaces.
_BEGINNING = re.compile(rb'\[(\s*)(\{\s*"key"\s*:\s*")')
_TOKEN_BYTES = 8
_EMPTY_LIST_BYTES = 2
# What may follow an attribute: the next one, or the end of the list, empty lists, the beginning of another.
_FOLLOWING = re.compile(rb"\s*(?:,|\]\s*(?:\[\s*\]\s*)*\[?)?\s*")

Rows = NDArray[Any]


class AttributeLists:
    """Gathers the attribute lists of spans, unparsed.

    Parameters
    ----------
    pairs
        Distinct attributes met before.
    """

    def __init__(self, pairs: PairTable) -> None:
        self._pairs = pairs
        self._parts: list[bytes] = []
        self._lengths: list[int] = []

    def add(self, lists: Sequence[Raw]) -> None:
        """Take the lists of the next spans; empty where a span has none."""
        self._parts.append(b"".join(lists))
        self._lengths += map(len, lists)

    def finish(self) -> tuple[CodedRows, Rows]:
        """Return the attributes, and the spans that the exact reading has to look at."""
        data = b"".join(self._parts)
        self._parts.clear()
        length = np.array(self._lengths, dtype=np.int64)
        start = np.cumsum(length) - length
        at, lead = _find_attributes(data)
        bounds = np.searchsorted(at, np.append(start, len(data)))
        owner = np.repeat(np.arange(len(length), dtype=np.uint32), np.diff(bounds))

        is_list = np.zeros(len(length), dtype=np.bool_)
        is_there = length > 0
        is_list[is_there] = np.frombuffer(data, dtype=np.uint8)[start[is_there]] == ord("[")
        is_filled = is_there & ~(is_list & (length == _EMPTY_LIST_BYTES))
        first = np.append(at, -1)[bounds[:-1]]
        is_unsplit = is_filled & (first != start + lead)
        codes, is_bad = self._encode(data, at)
        is_unsplit[owner[is_bad]] = True
        unsplit = np.flatnonzero(is_unsplit)
        wrong: list[int] = []
        if len(unsplit):
            kept = ~is_unsplit[owner]
            owner, codes = owner[kept], codes[kept]
            owners, parsed, wrong = self._parse(data, start, length, unsplit)
            owner, codes = np.append(owner, owners), np.append(codes, parsed)
        rows, odd = self._pairs.rows(owner, codes)
        return rows, np.append(odd, np.array(wrong, dtype=np.uint32))

    def _encode(self, data: bytes, at: Rows) -> tuple[Rows, Rows]:
        """Return the code of each attribute, and which ones are none."""
        if not len(at):
            return np.zeros(0, dtype=np.uint32), np.zeros(0, dtype=np.bool_)
        offsets = np.append(at, len(data)).astype(np.int64)
        buffers = [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(data)]
        encoded = pc.dictionary_encode(pa.Array.from_buffers(pa.large_binary(), len(at), buffers))
        pieces = encoded.dictionary.to_pylist()
        ends = [piece.rfind(b"}") + 1 for piece in pieces]
        texts = [piece[:end] for piece, end in zip(pieces, ends, strict=True)]
        following = [piece[end:] for piece, end in zip(pieces, ends, strict=True)]
        may_follow = {text: _FOLLOWING.fullmatch(text) is not None for text in set(following)}
        is_cut = [bool(end) and may_follow[text] for end, text in zip(ends, following, strict=True)]
        distinct = self._pairs.codes(texts)
        is_bad = ~np.array(is_cut) | self._pairs.are_odd(distinct)
        number = np.frombuffer(encoded.indices.buffers()[1], dtype=np.int32, count=len(at))
        return distinct[number], is_bad[number]

    def _parse(self, data: bytes, start: Rows, length: Rows, spans: Rows) -> tuple[Rows, Rows, list[int]]:
        """Return owners and codes of the attributes of some spans, and the spans that have no list of them."""
        owners: list[int] = []
        texts: list[bytes] = []
        wrong: list[int] = []
        for span in spans.tolist():
            try:
                found = decode_list(data[start[span] : start[span] + length[span]])
            except MISFITS:
                wrong.append(span)
                continue
            owners += [span] * len(found)
            texts += map(bytes, found)
        return np.array(owners, dtype=np.uint32), self._pairs.codes(texts), wrong


def _find_attributes(data: bytes) -> tuple[Rows, int]:
    """Return where attributes begin, and how far behind its bracket a list's first one stands."""
    beginning = _BEGINNING.search(data)
    if beginning is None:
        return np.zeros(0, dtype=np.int64), 1
    token = beginning[2][:_TOKEN_BYTES]
    characters = np.frombuffer(data, dtype=np.uint8)
    eights = np.ndarray((len(data) - _TOKEN_BYTES + 1,), dtype="<u8", buffer=data, strides=(1,))
    braces = np.flatnonzero(characters[: len(eights)] == ord("{"))
    return braces[eights[braces] == int.from_bytes(token, "little")], 1 + len(beginning[1])
