"""What completion offers names from: operations, attributes, values and events, with how often each occurs.

The room knows no traces, so this is plain data. Whatever costs time to count is behind a ``Mapping``: a dict where
somebody writes a vocabulary by hand, one that counts when asked where it stands for a store of traces.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from fluo_lab.language.bind import ParamValue

__all__ = ["AttributeUse", "EventUse", "OperationUse", "SpanName", "ValueUse", "Vocabulary"]


@dataclass(frozen=True, slots=True)
class SpanName:
    """Spans of one name; of one service alone, or of all where ``service`` is None."""

    name: str
    service: str | None = None


@dataclass(frozen=True, slots=True)
class OperationUse:
    """A span name in one service, and how many spans carry it there."""

    name: str
    service: str
    n_spans: int


@dataclass(frozen=True, slots=True)
class ValueUse:
    """A value of an attribute, and how many spans carry it."""

    value: ParamValue
    n_carriers: int


@dataclass(frozen=True, slots=True)
class AttributeUse:
    """An attribute on some spans.

    Attributes
    ----------
    types
        The words for its types: ``string``, ``int``, ``double``, ``bool``, ``bytes``, ``array``, ``kvlist``; empty
        where unknown.
    n_carriers, n_spans
        How many of how many spans carry it; of how many is 0 where unknown.
    n_values
        How many distinct values it has; None where nobody counted.
    values
        The most frequent values, most frequent first; empty where there are too many to choose from.
    """

    name: str
    types: tuple[str, ...] = ()
    n_carriers: int = 0
    n_spans: int = 0
    n_values: int | None = None
    values: tuple[ValueUse, ...] = ()


@dataclass(frozen=True, slots=True)
class EventUse:
    """A span event, and how often it occurs."""

    name: str
    n_events: int


def _nothing() -> Mapping[Any, Any]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The names and values there are.

    Attributes
    ----------
    operations
        One entry a service and span name.
    attributes
        Attributes by span name, most frequent first. The key without a service is needed; one with a service is
        looked up first. The key None stands for all spans, its entries need no values.
    resource_attributes
        Attributes of the resources, counted in spans.
    events
        The span events.
    event_attributes
        Attributes by event name, counted in events.
    parameters
        The rule's parameters and their defaults; None where one has none.

    Examples
    --------
    >>> Vocabulary(operations=(OperationUse("payment.charge", "shop", 12),)).operations[0].n_spans
    12
    """

    operations: tuple[OperationUse, ...] = ()
    attributes: Mapping[SpanName | None, tuple[AttributeUse, ...]] = field(default_factory=_nothing)
    resource_attributes: tuple[AttributeUse, ...] = ()
    events: tuple[EventUse, ...] = ()
    event_attributes: Mapping[str, tuple[AttributeUse, ...]] = field(default_factory=_nothing)
    parameters: Mapping[str, ParamValue | None] = field(default_factory=_nothing)

    def with_parameters(self, parameters: Mapping[str, ParamValue | None]) -> Vocabulary:
        """Return the vocabulary with a rule's parameters in the place of those it has.

        Examples
        --------
        >>> Vocabulary().with_parameters({"limit": 3}).parameters["limit"]
        3
        """
        return replace(self, parameters=MappingProxyType(dict(parameters)))
