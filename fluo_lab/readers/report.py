"""What went wrong while one file was read, merged by kind, with the place of the first of each."""

from __future__ import annotations

from dataclasses import dataclass

from fluo_lab.traces import Findings, Problem

__all__ = ["Report"]

_MAX_KINDS = 100
_SAMPLE_LENGTH = 80
_OVERFLOW = "further kinds of problems, counted together"


@dataclass(slots=True)
class _Entry:
    what: str
    offset_bytes: int | None
    line: int | None
    sample: str | None
    n: int = 0


class Report:
    """Collects the problems of one file.

    A reader says where it is with ``locate``; every problem added afterwards is placed there.

    Attributes
    ----------
    file
        What the file is called in messages.
    incomplete
        Ids of traces that the file itself declares to lack spans.
    findings
        What the file's writer knew of its traces besides.

    Examples
    --------
    >>> report = Report("a.jsonl")
    >>> report.locate(offset_bytes=120, line=2)
    >>> report.add("span without a name")
    >>> report.add("span without a name")
    >>> [(p.line, p.what, p.n) for p in report.problems()]
    [(2, 'span without a name', 2)]
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self.incomplete: set[str] = set()
        self.findings = Findings()
        self._entries: dict[str, _Entry] = {}
        self._offset_bytes: int | None = None
        self._line: int | None = None

    def locate(self, *, offset_bytes: int | None = None, line: int | None = None) -> None:
        """Set the place of the problems to come."""
        self._offset_bytes = offset_bytes
        self._line = line

    def add(self, what: str, *, n: int = 1, sample: str | bytes | None = None) -> None:
        """Count a problem; the first of a kind gives place and sample.

        Parameters
        ----------
        what
            What was found and what was done with it. Beyond 100 kinds a file, the rest is counted as one.
        n
            How many there are.
        sample
            The text concerned; its first 80 characters are kept.
        """
        entry = self._entries.get(what)
        if entry is None:
            if len(self._entries) >= _MAX_KINDS:
                sample, what = what, _OVERFLOW
            entry = self._entries.get(what) or _Entry(what, self._offset_bytes, self._line, _shorten(sample))
            self._entries[what] = entry
        entry.n += n

    def problems(self) -> list[Problem]:
        """Return the problems in order of their places."""
        entries = sorted(self._entries.values(), key=lambda e: (e.offset_bytes is None, e.offset_bytes or 0))
        return [
            Problem(self.file, e.what, offset_bytes=e.offset_bytes, line=e.line, n=e.n, sample=e.sample)
            for e in entries
        ]


def _shorten(sample: str | bytes | None) -> str | None:
    """Return the start of a sample as text that can be shown."""
    if sample is None:
        return None
    if isinstance(sample, bytes):
        sample = sample[: 4 * _SAMPLE_LENGTH].decode("utf-8", errors="backslashreplace")
    return sample[:_SAMPLE_LENGTH]
