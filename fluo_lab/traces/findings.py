"""What is known of traces that their spans do not show: it has to travel with them through files and selections."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from fluo_lab.errors import UsageError
from fluo_lab.traces.truncation import TextLimits

__all__ = ["Findings", "Repair", "RepairRecord"]


class Repair(StrEnum):
    """A defect that can be mended, in the order in which repairs are applied."""

    DUPLICATES = "duplicates"
    SHARED_SPANS = "shared_spans"
    CLOCK_SKEW = "clock_skew"

    @classmethod
    def named(cls, name: Repair | str) -> Repair:
        """Return the repair of a name.

        Raises
        ------
        UsageError
            When there is no such repair.
        """
        try:
            return cls(name)
        except ValueError:
            raise UsageError(f"no repair is called {name!r}; there are {', '.join(cls)}") from None


@dataclass(frozen=True, slots=True)
class RepairRecord:
    """What one repair did.

    Attributes
    ----------
    n_spans
        Spans removed (``duplicates``) or changed (the others).
    n_traces
        Traces those are in.
    details
        ``duplicates``: ``conflicts``, the span ids that still occur more than once in a trace, with different content.
        ``shared_spans``: ``split``, server halves that got an id of their own; ``reparented``, spans now below one;
        ``ambiguous``, shared ids left alone because their halves cannot be told apart.
        ``clock_skew``: ``largest_shift_ns``, either way, and ``events`` that moved with their spans.
    """

    repair: Repair
    n_spans: int = 0
    n_traces: int = 0
    details: Mapping[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain data."""
        return {
            "repair": self.repair.value,
            "n_spans": self.n_spans,
            "n_traces": self.n_traces,
            "details": dict(self.details),
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> RepairRecord:
        """Return the record that ``to_dict`` made plain data of."""
        return cls(Repair(plain["repair"]), int(plain["n_spans"]), int(plain["n_traces"]), dict(plain["details"]))


@dataclass(frozen=True, slots=True)
class Findings:
    """What whoever assembled, read or repaired traces before knows of them.

    Attributes
    ----------
    incomplete
        Ids of traces known to lack spans (truncated, evicted), whatever their structure shows.
    at_window_edge
        Ids of traces that may have been cut by the edge of a window.
    text_limits
        Lengths at which texts were cut; None: nobody has looked.
    repairs
        What was repaired, in order.
    """

    incomplete: frozenset[str] = frozenset()
    at_window_edge: frozenset[str] = frozenset()
    text_limits: TextLimits | None = None
    repairs: tuple[RepairRecord, ...] = ()

    @classmethod
    def joined(cls, several: Iterable[Findings]) -> Findings:
        """Return what is known of the traces of several inputs together."""
        all_of = list(several)
        limits = {one.text_limits for one in all_of}
        return cls(
            incomplete=frozenset().union(*(one.incomplete for one in all_of)),
            at_window_edge=frozenset().union(*(one.at_window_edge for one in all_of)),
            text_limits=limits.pop() if len(limits) == 1 else None,
            repairs=tuple(record for one in all_of for record in one.repairs),
        )

    def of(self, trace_ids: Iterable[str]) -> Findings:
        """Return what is known of some traces."""
        ids = frozenset(trace_ids)
        return replace(self, incomplete=self.incomplete & ids, at_window_edge=self.at_window_edge & ids)

    def to_dict(self) -> dict[str, Any]:
        """Return the findings as plain data."""
        limits = self.text_limits
        return {
            "incomplete": sorted(self.incomplete),
            "at_window_edge": sorted(self.at_window_edge),
            "text_limits": None if limits is None else [limits.characters, limits.bytes],
            "repairs": [record.to_dict() for record in self.repairs],
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Findings:
        """Return the findings that ``to_dict`` made plain data of."""
        limits = plain["text_limits"]
        return cls(
            incomplete=frozenset(plain["incomplete"]),
            at_window_edge=frozenset(plain["at_window_edge"]),
            text_limits=None if limits is None else TextLimits(*limits),
            repairs=tuple(RepairRecord.from_dict(record) for record in plain["repairs"]),
        )
