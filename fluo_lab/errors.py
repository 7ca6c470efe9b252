"""Every error fluo_lab raises on purpose, and the diagnostics they carry.

::

    FluoError
    ├── RuleError        a rule's text cannot be used; carries its diagnostics
    ├── RuleFileError    a rule file cannot be used; carries its diagnostics
    ├── InputError       no traces can be read from what was given
    └── UsageError       a call or command that cannot be meant
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

__all__ = [
    "Diagnostic",
    "Edit",
    "Fix",
    "FluoError",
    "InputError",
    "RuleError",
    "RuleFileError",
    "Severity",
    "UsageError",
]


class Severity(StrEnum):
    """How much a diagnostic weighs: an error stops the rule, a warning does not."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Edit:
    """A piece of a text and what to write in its place.

    Attributes
    ----------
    start, end
        Offsets of the piece in the text, in characters; equal ones insert.
    text
        What stands there afterwards.
    """

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """One way to mend a text, exact enough for an editor to carry out.

    Attributes
    ----------
    title
        What the fix does, as the label of a button.
    edits
        Pieces of the text before the fix, none over another; two insertions at one place keep their order.
    """

    title: str
    edits: tuple[Edit, ...]

    @classmethod
    def replacing(cls, title: str, start: int, end: int, text: str) -> Fix:
        """Return the fix that writes ``text`` for the characters from ``start`` to ``end``."""
        return cls(title, (Edit(start, end, text),))

    def apply(self, text: str) -> str:
        """Return the mended text.

        Raises
        ------
        UsageError
            When an edit lies outside the text or over another one.

        Examples
        --------
        >>> Fix("quote the name", (Edit(10, 10, '"'), Edit(23, 23, '"'))).apply("trace.has(GET /users/42)")
        'trace.has("GET /users/42")'
        """
        parts = []
        done = 0
        for edit in sorted(self.edits, key=lambda edit: (edit.start, edit.end)):
            if not done <= edit.start <= edit.end <= len(text):
                place = f"{edit.start} to {edit.end}"
                raise UsageError(f"the fix '{self.title}' edits {place}, which is outside the text or edited twice")
            parts += [text[done : edit.start], edit.text]
            done = edit.end
        return "".join(parts) + text[done:]


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding about a text: what, where, and how to mend it.

    Attributes
    ----------
    code
        Stable identifier, ``FL`` and three digits.
    message
        One sentence: what was found, and what was expected.
    line, column
        Position of the first character, both counted from 1.
    end_column
        Column just past the last character on the same line.
    excerpt
        The whole line of text the position is in.
    hint
        What to write instead, or None.
    severity
        Whether the text can still be used.
    path
        File the text stands in, or None for a rule given as a string.
    start, end
        Offsets into the rule's own text, in characters, for editors.
    fixes
        Ways to mend the rule's own text, the likeliest first, for editors; ``hint`` says it to people.
    """

    code: str
    message: str
    line: int = 1
    column: int = 1
    end_column: int = 2
    excerpt: str = ""
    hint: str | None = None
    severity: Severity = Severity.ERROR
    path: str | None = None
    start: int = 0
    end: int = 0
    fixes: tuple[Fix, ...] = ()

    @classmethod
    def at(
        cls,
        code: str,
        message: str,
        text: str,
        start: int,
        end: int,
        *,
        hint: str | None = None,
        severity: Severity = Severity.ERROR,
        fixes: Sequence[Fix] = (),
    ) -> Diagnostic:
        r"""Return a diagnostic for ``text[start:end]``.

        Examples
        --------
        >>> found = Diagnostic.at("FL102", "unknown function 'hass'", "trace.hass(a)", 6, 10)
        >>> found.line, found.column, found.end_column
        (1, 7, 11)
        """
        start = min(max(start, 0), len(text))
        end = min(max(end, start), len(text))
        line_start = text.rfind("\n", 0, start) + 1
        line_end = text.find("\n", start)
        line_end = len(text) if line_end < 0 else line_end
        width = max(min(end, line_end) - start, 1)
        column = start - line_start + 1
        return cls(
            code=code,
            message=message,
            line=text.count("\n", 0, start) + 1,
            column=column,
            end_column=column + width,
            excerpt=text[line_start:line_end].rstrip("\r"),
            hint=hint,
            severity=severity,
            start=start,
            end=end,
            fixes=tuple(fixes),
        )

    def moved(self, path: str, *, lines: int, columns: int, excerpt: str | None = None) -> Diagnostic:
        """Return the same finding for a text that stands inside a file.

        Parameters
        ----------
        path
            The file.
        lines, columns
            How far down and to the right the text stands in it.
        excerpt
            The file's own line, where it differs from the text's.
        """
        return replace(
            self,
            path=path,
            line=self.line + lines,
            column=self.column + columns,
            end_column=self.end_column + columns,
            excerpt=" " * columns + self.excerpt if excerpt is None else excerpt,
        )

    def render(self) -> str:
        """Return the finding as text, with the line it is about and a caret under the place.

        Examples
        --------
        >>> text = "trace.hass(payment.charge)"
        >>> print(Diagnostic.at("FL102", "unknown function 'hass'", text, 6, 10,
        ...                     hint="did you mean 'has'?").render())
        rule:1:7: error[FL102]: unknown function 'hass'
          1 | trace.hass(payment.charge)
            |       ^^^^
            = did you mean 'has'?
        """
        number = str(self.line)
        margin = " " * len(number)
        lines = [f"{self.path or 'rule'}:{self.line}:{self.column}: {self.severity}[{self.code}]: {self.message}"]
        if self.excerpt:
            shown, column = _clip(self.excerpt, self.column)
            width = max(1, min(self.end_column - self.column, len(shown) - column + 1))
            pad = "".join("\t" if c == "\t" else " " for c in shown[: column - 1]).ljust(column - 1)
            lines.append(f"  {number} | {shown}")
            lines.append(f"  {margin} | {pad}{'^' * width}")
        if self.hint:
            lines.append(f"  {margin} = {self.hint}")
        return "\n".join(lines)


def _clip(line: str, column: int, width: int = 160) -> tuple[str, int]:
    """Return a window of a long line around a column, and the column in it."""
    if len(line) <= width:
        return line, column
    start = max(0, column - 1 - width // 2)
    return line[start : start + width], column - start


class FluoError(Exception):
    """Base of every error fluo_lab raises on purpose."""


class _Diagnosed(FluoError):
    """An error that stands for one diagnostic or more."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        self.diagnostics: tuple[Diagnostic, ...] = tuple(diagnostics)
        super().__init__("\n".join(d.render() for d in self.diagnostics))


class RuleError(_Diagnosed):
    """A rule's text cannot be used; ``diagnostics`` says where and why."""


class RuleFileError(_Diagnosed):
    """A rule file cannot be used; ``diagnostics`` says where and why."""


class InputError(FluoError):
    """No traces can be read from what was given: missing, empty or of no known format."""


class UsageError(FluoError):
    """A call or command that cannot be meant as it stands."""
