"""How the elements of one JSON array begin, which tells where the next one stands when their ends do not."""

from __future__ import annotations

import re
import sys
from collections import Counter
from typing import Final

__all__ = ["LOST_ARRAY_BYTES", "Siblings", "find_lost_array"]

_TOKEN: Final = re.compile(rb'\s*(?:([\[{:,])|("(?:[^"\\\x00-\x1f]|\\.){0,200}")|([-+.\w]{1,40}))')
_SCALAR = rb'\s*(?:"(?:[^"\\\x00-\x1f]|\\.){0,200}"|[-+.\w]{1,40})'
_MAX_OPENING_TOKENS = 12
_MAX_OPENINGS = 8
_MAX_MET = 1000
_MAX_INDENT_BYTES = 256
_N_TRIES = 16
_MAX_OPENING_BYTES = 1024
# How spans, traces and resources begin in the formats that are read, for arrays whose first element is damaged.
_USUAL: Final = rb'(\{\s*"(?:traceI[dD]|trace_id|resource|_index)"\s*:)'
# The beginning of the array where a quote, the colon or the bracket is lost, near to the place that does not parse.
_LOST_ARRAYS: Final = (
    re.compile(rb'\b(resourceSpans|resource_spans|batches|data|hits)"?\s*:?\s*\[\s*(?=\{)'),
    re.compile(rb'\b(resourceSpans|resource_spans|batches|data)"?\s*:?\s*(?=\{)'),
)
LOST_ARRAY_BYTES = 256
"""How far from the place that does not parse an array is looked for whose beginning is damaged."""


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

    def find(
        self, data: bytes, start: int, *, stop: int = sys.maxsize, barren: dict[re.Pattern[bytes], int] | None = None
    ) -> int | None:
        """Return the first position from ``start`` at which an element seems to begin before ``stop``, or None.

        While none has been seen whole, first keys that are usual, or that of the damaged one, are taken as well.

        Parameters
        ----------
        barren
            From where on each pattern is known not to occur in the data; kept up here, so that what is looked for many
            times in vain costs one search.
        """
        barren = {} if barren is None else barren
        match = self._search(data, start, stop, barren=barren)
        if match is None and not self._has_whole:
            firsts = [re.escape(literal.lstrip(b"\n")) for literal in self._literals if literal.endswith(b'"')]
            usual = re.compile(b"|".join([*(b"(" + first + b")" for first in firsts), _USUAL]))
            match = _search_once(usual, data, start, stop, barren)
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

    def is_any(self, data: bytes, start: int, *, barren: dict[re.Pattern[bytes], int]) -> bool:
        """Return whether an element surely begins anywhere from a position on; ``barren`` as for ``find``."""
        return self._search(data, start, barren=barren) is not None

    def is_one(self, data: bytes, start: int) -> bool:
        """Return whether an element seems to begin at a position."""
        match = self._search(data, max(0, start - self.lead_bytes), start + _MAX_OPENING_BYTES)
        return match is not None and match.start(match.lastindex or 0) == start

    def _search(
        self,
        data: bytes,
        start: int,
        stop: int = sys.maxsize,
        *,
        barren: dict[re.Pattern[bytes], int] | None = None,
    ) -> re.Match[bytes] | None:
        pattern = self._compile()
        return _search_once(pattern, data, start, stop, {} if barren is None else barren) if pattern else None

    def _compile(self) -> re.Pattern[bytes] | None:
        if self._pattern is None and self._openings:
            self._pattern = re.compile(b"|".join(self._openings))
        return self._pattern


def _search_once(
    pattern: re.Pattern[bytes], data: bytes, start: int, stop: int, barren: dict[re.Pattern[bytes], int]
) -> re.Match[bytes] | None:
    """Return the first match, without a search where there is known to be none."""
    if start >= barren.get(pattern, sys.maxsize):
        return None
    match = pattern.search(data, start, stop)
    if match is None and stop >= len(data):
        barren[pattern] = start
    return match


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


def find_lost_array(data: bytes, start: int) -> re.Match[bytes] | None:
    """Return where a known array begins although its key, colon or bracket is damaged; group 1 is the key."""
    matches = (pattern.search(data, start, start + LOST_ARRAY_BYTES) for pattern in _LOST_ARRAYS)
    return next((match for match in matches if match), None)
