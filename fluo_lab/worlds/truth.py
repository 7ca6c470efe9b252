"""What a simulated system knows about itself: the rules planted in it, and the traces that break them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

__all__ = ["Incident", "PlantedRule", "Truth", "format_time"]


@dataclass(frozen=True, slots=True)
class PlantedRule:
    """One rule that every trace without a label satisfies.

    Attributes
    ----------
    id
        Short name, words joined by hyphens.
    text
        The rule in the rule language.
    family
        The kind of rule, in the words mining uses (``presence``, ``precedence``, …).
    """

    id: str
    text: str
    family: str


@dataclass(frozen=True, slots=True)
class Incident:
    """One planted incident: its window and the traces it harmed.

    Attributes
    ----------
    id, title
        What it is called.
    start_ns, end_ns
        The window, in nanoseconds since 1970, end excluded.
    broken_rule
        Id of the planted rule that names the cause.
    traces
        Ids of the harmed traces, in order of their start.
    """

    id: str
    title: str
    start_ns: int
    end_ns: int
    broken_rule: str
    traces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Truth:
    """Everything known about one simulation.

    Attributes
    ----------
    seed, n_traces
        What it was made from.
    rules
        The planted rules.
    incidents
        The planted incidents.
    labels
        For each planted rule's id, the ids of the traces that break it, in order of their start.
    """

    seed: int
    n_traces: int
    rules: tuple[PlantedRule, ...]
    incidents: tuple[Incident, ...]
    labels: Mapping[str, tuple[str, ...]]

    @property
    def bad_traces(self) -> frozenset[str]:
        """Ids of all traces that break a planted rule."""
        return frozenset(trace for traces in self.labels.values() for trace in traces)

    def to_dict(self) -> dict[str, Any]:
        """Return the truth as plain JSON values; times are ISO 8601 in UTC."""
        return {
            "seed": self.seed,
            "n_traces": self.n_traces,
            "rules": [{"id": r.id, "text": r.text, "family": r.family} for r in self.rules],
            "incidents": [
                {
                    "id": i.id,
                    "title": i.title,
                    "start": format_time(i.start_ns),
                    "end": format_time(i.end_ns),
                    "broken_rule": i.broken_rule,
                    "traces": list(i.traces),
                }
                for i in self.incidents
            ],
            "labels": {rule: list(traces) for rule, traces in self.labels.items()},
        }


def format_time(time_ns: int) -> str:
    """Return a moment as ISO 8601 in UTC, to the second below.

    Examples
    --------
    >>> format_time(1_759_741_200_000_000_000)
    '2025-10-06T09:00:00Z'
    """
    return datetime.fromtimestamp(time_ns // 1_000_000_000, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
