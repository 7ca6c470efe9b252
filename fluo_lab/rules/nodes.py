"""A YAML document as read: values, and where each stands in its text."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, TypeAlias

from fluo_lab.errors import Diagnostic, Severity

__all__ = ["REFUSED", "Document", "Entry", "Listing", "Scalar", "Table", "YamlNode", "describe", "plain"]

_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")


class _Refused:
    """Stands where a value was refused, so that nobody complains about it twice."""

    def __repr__(self) -> str:
        return "REFUSED"


REFUSED: Final = _Refused()


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value.

    Attributes
    ----------
    value
        str, int, float, bool, None, or ``REFUSED``.
    style
        The quote or block sign it is written with; empty for a plain one.
    start, end
        Offsets of the source text, quotes and block header included.
    """

    value: Any
    style: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Listing:
    """A YAML sequence; ``is_flow`` when written in brackets."""

    items: tuple[YamlNode, ...]
    is_flow: bool
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A key of a table and its value."""

    key: Scalar
    value: YamlNode


@dataclass(frozen=True, slots=True)
class Table:
    """A YAML mapping with text keys; ``is_flow`` when written in braces."""

    entries: Mapping[str, Entry]
    is_flow: bool
    start: int
    end: int

    def get(self, key: str) -> YamlNode | None:
        """Return the value of a key, or None."""
        entry = self.entries.get(key)
        return None if entry is None else entry.value


YamlNode: TypeAlias = Scalar | Listing | Table


def plain(node: YamlNode) -> Any:
    """Return the plain data of a node: dict, list, or the value."""
    match node:
        case Scalar(value=value):
            return value
        case Listing(items=items):
            return [plain(item) for item in items]
        case Table(entries=entries):
            return {key: plain(entry.value) for key, entry in entries.items()}


def describe(node: YamlNode) -> str:
    """Return what a node is, for messages."""
    match node:
        case Listing():
            return "a list"
        case Table():
            return "a mapping"
        case Scalar(value=None):
            return "nothing"
        case Scalar(value=bool() as value):
            return f"the boolean {str(value).lower()}"
        case Scalar(value=int() | float() as value):
            return f"the number {value}"
        case Scalar(value=value):
            shown = str(value)
            return f"the text {shown[:60]!r}{'…' if len(shown) > 60 else ''}"


@dataclass(frozen=True)
class Document:
    """One YAML file as read.

    Attributes
    ----------
    root
        None for an empty file.
    problems
        What was refused in it although the rest could be read.
    """

    path: str | None
    text: str = field(repr=False)
    root: YamlNode | None = None
    problems: tuple[Diagnostic, ...] = ()

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(found.end() for found in _BREAK.finditer(self.text))]

    def place(self, offset: int) -> tuple[int, int]:
        """Return line and column of an offset, both counted from 1."""
        offset = min(max(offset, 0), len(self.text))
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    def line_start(self, line: int) -> int:
        """Return the offset of a line counted from 1, or the end of the text past the last one."""
        return self._line_starts[line - 1] if line <= len(self._line_starts) else len(self.text)

    def line_text(self, line: int) -> str:
        """Return a line, counted from 1, without its line break."""
        start = self.line_start(line)
        return _BREAK.split(self.text[start : self.line_start(line + 1)], maxsplit=1)[0]

    def diagnose(
        self,
        code: str,
        message: str,
        at: tuple[int, int],
        *,
        hint: str | None = None,
        severity: Severity = Severity.ERROR,
    ) -> Diagnostic:
        """Return a diagnostic about ``text[start:end]``, of which the first line is underlined."""
        start, end = at
        line, column = self.place(start)
        excerpt = self.line_text(line)
        end_column = min(column + max(end - start, 1), max(len(excerpt) + 1, column + 1))
        return Diagnostic(
            code=code,
            message=message,
            line=line,
            column=column,
            end_column=end_column,
            excerpt=excerpt,
            hint=hint,
            severity=severity,
            path=self.path,
            start=start,
            end=end,
        )

    def diagnose_node(self, code: str, message: str, node: YamlNode, *, hint: str | None = None) -> Diagnostic:
        """Return an error about a node."""
        return self.diagnose(code, message, (node.start, node.end), hint=hint)
