"""What hangs on the spans of a store, and what the store was read from."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from fluo_lab.traces.attributes import AttributeTable
from fluo_lab.traces.dictionary import Dictionary

__all__ = ["EventTable", "Input", "LinkTable", "ResourceTable", "ScopeTable", "Tables"]


@dataclass(frozen=True, slots=True)
class ResourceTable:
    """Distinct resources: the service each names, and its attributes in one group."""

    services: pl.Series
    attributes: AttributeTable


@dataclass(frozen=True, slots=True)
class ScopeTable:
    """Distinct instrumentation scopes: name, version, and their attributes in one group."""

    frame: pl.DataFrame
    attributes: AttributeTable


@dataclass(frozen=True, slots=True)
class EventTable:
    """Span events by span row and time; ``name`` is a code into ``names``."""

    frame: pl.DataFrame
    names: Dictionary
    attributes: AttributeTable


@dataclass(frozen=True, slots=True)
class LinkTable:
    """Span links by span row, their attributes in one group."""

    frame: pl.DataFrame
    attributes: AttributeTable


@dataclass(frozen=True, slots=True)
class Input:
    """A file or live store that traces were read from.

    Attributes
    ----------
    name
        Path or address, without secrets.
    format
        What it was recognised as; None where it could not be read.
    n_bytes
        Its size, as it lies on disk or came over the network.
    """

    name: str
    format: str | None = None
    n_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Tables:
    """What hangs on the spans of a store."""

    attributes: AttributeTable
    resources: ResourceTable
    scopes: ScopeTable
    events: EventTable
    links: LinkTable

    def attribute_tables(self) -> tuple[AttributeTable, ...]:
        """Return the attributes of every kind of owner."""
        return (
            self.attributes,
            self.resources.attributes,
            self.scopes.attributes,
            self.events.attributes,
            self.links.attributes,
        )
