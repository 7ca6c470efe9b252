"""Where the characters of a condition stand in the file: a finding about a rule's text becomes one about the file.

Blocks, folded text and line breaks in quotes change nothing but white space, and escapes can be read off the source.
So the n-th visible character of the value is the n-th visible character of the source, in every YAML style.
"""

from __future__ import annotations

import re
from dataclasses import replace

from fluo_lab.errors import Diagnostic
from fluo_lab.rules.nodes import Document, Scalar

__all__ = ["TextPlace"]

_HEADER = re.compile(r"[|>][-+0-9]*[^\r\n]*(?:\r\n|[\r\n\x85\u2028\u2029])?")
_SINGLE = re.compile(r"''|.", re.DOTALL)
_DOUBLE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|\r\n|.)|.", re.DOTALL)
_ANY = re.compile(r".", re.DOTALL)
_BLANK_ESCAPES = ("\\t", "\\n", "\\r", "\\v", "\\f", "\\ ", "\\\t", "\\N", "\\_", "\\L", "\\P")


class TextPlace:
    """The place of one text value in its document."""

    def __init__(self, document: Document, scalar: Scalar) -> None:
        self._document = document
        self._value = str(scalar.value)
        self._scalar = scalar
        self._visible: list[tuple[int, int]] | None = None

    def _source_of_visible(self) -> list[tuple[int, int]]:
        """Return start and end in the source of every visible character of the value."""
        if self._visible is None:
            self._visible = list(_visible(self._document.text, self._scalar))
        return self._visible

    def source_span(self, start: int, end: int) -> tuple[int, int]:
        """Return the offsets in the source of ``value[start:end]``.

        A place on white space, or past the end, is the place right behind the visible character before it.
        """
        visible = self._source_of_visible()
        if not visible:
            return self._scalar.start, self._scalar.end
        n_before = sum(1 for c in self._value[:start] if not c.isspace())
        inside = sum(1 for c in self._value[start:end] if not c.isspace())
        on_visible = start < len(self._value) and not self._value[start].isspace()
        if on_visible and n_before < len(visible):
            first = visible[n_before][0]
        elif n_before:
            first = visible[min(n_before, len(visible)) - 1][1]
        else:
            first = visible[0][0]
        last = visible[min(n_before + inside, len(visible)) - 1][1] if inside else first + 1
        return first, max(last, first + 1)

    def move(self, diagnostic: Diagnostic) -> Diagnostic:
        """Return a finding about the value as one about the file; its offsets stay those in the value."""
        start, end = self.source_span(diagnostic.start, diagnostic.end)
        moved = self._document.diagnose(
            diagnostic.code, diagnostic.message, (start, end), hint=diagnostic.hint, severity=diagnostic.severity
        )
        return replace(moved, start=diagnostic.start, end=diagnostic.end)


def _visible(text: str, scalar: Scalar) -> list[tuple[int, int]]:
    """Return start and end in the source of every visible character of a scalar's value."""
    start, end, piece = scalar.start, scalar.end, _ANY
    if scalar.style in ("|", ">"):
        header = _HEADER.match(text, start)
        start = header.end() if header else start
    elif scalar.style:
        start, end = start + 1, end - 1
        piece = _SINGLE if scalar.style == "'" else _DOUBLE
    found = []
    while start < end:
        match = piece.match(text, start)
        if match is None:
            break
        if not match[0].isspace() and not _is_blank_escape(match[0]):
            found.append(match.span())
        start = match.end()
    return found


def _is_blank_escape(piece: str) -> bool:
    if not piece.startswith("\\") or len(piece) == 1:
        return False
    if piece[1] in "xuU":
        return chr(int(piece[2:], 16)).isspace()
    return piece in _BLANK_ESCAPES or piece[1] in "\r\n"
