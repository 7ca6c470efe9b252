"""Post-mortems of incidents: templates of the world, filled with what happened in one run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from string import Template

from fluo_lab.errors import UsageError
from fluo_lab.worlds.world import Incident, World

__all__ = ["Occurrence", "format_time", "render_postmortem"]

_NUMBERED = re.compile(r"(trace|innocent)_([1-9])(_typo|_short)?")
_MINUTES = re.compile(r"start_plus_([0-9]+)")


@dataclass(frozen=True, slots=True)
class Occurrence:
    """How an incident went in one run.

    Attributes
    ----------
    start_ns, end_ns
        Its window, nanoseconds since 1970.
    harmed, innocent
        Ids of the traces it harmed, and of some that it could have harmed and did not.
    """

    start_ns: int
    end_ns: int
    harmed: Sequence[str]
    innocent: Sequence[str]


class _Blanks(Mapping[str, str]):
    """What the placeholders of a template stand for."""

    def __init__(self, occurrence: Occurrence) -> None:
        self._occurrence = occurrence
        self._start, end = _moment(occurrence.start_ns), _moment(occurrence.end_ns)
        self._fixed = {
            "start": format_time(occurrence.start_ns),
            "end": format_time(occurrence.end_ns),
            "start_hhmm": f"{self._start:%H:%M}",
            "end_hhmm": f"{end:%H:%M}",
            "date": f"{self._start:%Y-%m-%d}",
            "harmed": str(len(occurrence.harmed)),
        }

    def __getitem__(self, name: str) -> str:
        if name in self._fixed:
            return self._fixed[name]
        if later := _MINUTES.fullmatch(name):
            return f"{self._start + timedelta(minutes=int(later[1])):%H:%M}"
        if numbered := _NUMBERED.fullmatch(name):
            ids = self._occurrence.harmed
            if numbered[1] == "innocent":
                ids = self._occurrence.innocent or ids  # in a small run nobody may have been spared
            return _spoiled(_id_at(ids, int(numbered[2])), numbered[3] or "")
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._fixed)

    def __len__(self) -> int:
        return len(self._fixed)


def format_time(time_ns: int) -> str:
    """Return a moment as ISO 8601 in UTC, to the second below.

    Examples
    --------
    >>> format_time(1_759_741_200_000_000_000)
    '2025-10-06T09:00:00Z'
    """
    return f"{_moment(time_ns):%Y-%m-%dT%H:%M:%SZ}"


def render_postmortem(world: World, incident: Incident, occurrence: Occurrence) -> str:
    """Return the post-mortem of an incident as Markdown.

    Raises
    ------
    UsageError
        When the world has no template for it, or the template asks for something unknown.
    """
    path = world.folder / "incidents" / f"{incident.id}.md"
    try:
        template = Template(path.read_text(encoding="utf-8"))
        return template.substitute(_Blanks(occurrence))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (KeyError, ValueError) as error:
        raise UsageError(f"{path}: a placeholder that means nothing: {error}") from error


def _moment(time_ns: int) -> datetime:
    return datetime.fromtimestamp(time_ns // 1_000_000_000, tz=UTC)


def _id_at(ids: Sequence[str], number: int) -> str:
    """Return the n-th id, spread over all of them; where there are too few, the last."""
    if not ids:
        return "no trace was harmed"
    if len(ids) <= 9:
        return ids[min(number, len(ids)) - 1]
    return ids[(number - 1) * (len(ids) - 1) // 8]


def _spoiled(trace_id: str, how: str) -> str:
    """Return an id as people write it down: shortened, or with a digit wrong."""
    if how == "_short":
        return trace_id[:8]
    if how == "_typo":
        middle = len(trace_id) // 2
        wrong = "0" if trace_id[middle] != "0" else "8"
        return trace_id[:middle] + wrong + trace_id[middle + 1 :]
    return trace_id
