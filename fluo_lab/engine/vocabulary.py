"""The names and values of a store of traces, counted when somebody asks for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fluo_lab.language import AttributeUse, EventUse, OperationUse, SpanName, ValueUse, Vocabulary
from fluo_lab.traces import AttributeTable, Traces, ValueType

__all__ = ["MAX_CHOICES", "MAX_VALUES", "vocabulary_of"]

MAX_VALUES = 50
"""How many values of an attribute a vocabulary holds."""

MAX_CHOICES = 200
"""Attributes with more distinct values than this are no choice: none of their values is held."""

_LONGEST_VALUE = 120
_SCALARS = (ValueType.TEXT, ValueType.BOOL, ValueType.INT, ValueType.DOUBLE)

K = TypeVar("K")
V = TypeVar("V")


def vocabulary_of(traces: Traces) -> Vocabulary:
    """Return the names and values of a store, for completion.

    Operations, events and resources are counted at once; the attributes of a span name when they are first asked for,
    and then kept. Attributes stand under the names they have in the data: one that is read under another name of the
    semantic conventions has no entry of its own.

    Examples
    --------
    >>> from fluo_lab.language import complete
    >>> from fluo_lab.traces import PlainSpan, traces_from_spans
    >>> traces = traces_from_spans([PlainSpan("payment.charge", attributes={"amount": 5})])
    >>> text = "trace.has(payment.charge).where("
    >>> complete(text, len(text), vocabulary_of(traces))[0].detail
    'number, 1 value, on 1 of 1'
    """
    counts = _Counts(traces)
    return Vocabulary(
        operations=counts.operations(),
        attributes=_Counted(counts.span_names(), counts.attributes),
        resource_attributes=counts.resource_attributes(),
        events=counts.events(),
        event_attributes=_Counted(traces.event_table.names.values.to_list(), counts.event_attributes),
    )


class _Counted(Mapping[K, V], Generic[K, V]):
    """A mapping that works values out when they are first asked for."""

    def __init__(self, keys: list[K], count: Callable[[K], V]) -> None:
        self._keys = dict.fromkeys(keys)
        self._count = count
        self._known: dict[K, V] = {}

    def __getitem__(self, key: K) -> V:
        if key not in self._known:
            if key not in self._keys:
                raise KeyError(key)
            self._known[key] = self._count(key)
        return self._known[key]

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def __iter__(self) -> Iterator[K]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)


class _Counts:
    """Counts names and values in one store."""

    def __init__(self, traces: Traces) -> None:
        self._traces = traces
        self._names = traces.table["name"].to_numpy()
        self._services = traces.table["service"].to_numpy()
        self._pairs = traces.table.lazy().group_by("service", "name").agg(pl.len().alias("spans")).collect()

    def operations(self) -> tuple[OperationUse, ...]:
        """Return the span names by service, most frequent first."""
        traces = self._traces
        names = traces.name_dictionary.decode(self._pairs["name"]).to_list()
        services = traces.service_dictionary.decode(self._pairs["service"]).to_list()
        found = zip(names, services, self._pairs["spans"].to_list(), strict=True)
        return tuple(OperationUse(*one) for one in sorted(found, key=lambda one: (-one[2], one[0], one[1])))

    def span_names(self) -> list[SpanName | None]:
        """Return the names attributes can be asked of: each with its services and without, and all spans."""
        pairs = [(use.name, use.service) for use in self.operations()]
        return [None, *(SpanName(name) for name, _ in pairs), *(SpanName(*pair) for pair in pairs)]

    def attributes(self, asked: SpanName | None) -> tuple[AttributeUse, ...]:
        """Return the attributes of some spans, most frequent first."""
        table = self._traces.attribute_table
        if asked is None:
            return _carried_anywhere(table, self._traces.n_spans)
        code = self._traces.name_dictionary.codes([asked.name])[asked.name]
        counted = self._pairs.filter(pl.col("name") == code)
        service = None
        if asked.service is not None:
            service = self._traces.service_dictionary.codes([asked.service])[asked.service]
            counted = counted.filter(pl.col("service") == service)
        keeps = _Keeps(self._names, code, self._services, service)
        return self._carried(table, code, keeps, int(counted["spans"].sum()))

    def events(self) -> tuple[EventUse, ...]:
        """Return the span events, most frequent first."""
        table = self._traces.event_table
        counts = np.bincount(table.frame["name"].to_numpy(), minlength=len(table.names)).tolist()
        found = sorted(zip(table.names.values.to_list(), counts, strict=True), key=lambda one: (-one[1], one[0]))
        return tuple(EventUse(name, n) for name, n in found)

    def event_attributes(self, name: str) -> tuple[AttributeUse, ...]:
        """Return the attributes of the events of a name, most frequent first."""
        table = self._traces.event_table
        names = table.frame["name"].to_numpy()
        code = table.names.codes([name])[name]
        return self._carried(table.attributes, code, _Keeps(names, code), int((names == code).sum()))

    def _carried(self, table: AttributeTable, code: int, keeps: _Keeps, n_owners: int) -> tuple[AttributeUse, ...]:
        """Return the attributes of the owners of a name that are kept."""
        found: dict[str, _Use] = {}
        for cells in table.group_of(code).cells():
            values = cells.value[keeps.mask(cells.owner)] if keeps.is_needed(cells.owner) else cells.value
            if len(values):
                counts = self._frequent(cells.type, pl.Series(values), None)
                found.setdefault(cells.key, _Use(cells.key, n_owners)).add(cells.type, len(values), counts)
        return _sorted(use.finished() for use in found.values())

    def resource_attributes(self) -> tuple[AttributeUse, ...]:
        """Return the attributes of the resources, by how many spans are under them."""
        table = self._traces.resource_table.attributes
        weights = np.bincount(self._traces.table["resource"].to_numpy(), minlength=len(table.groups[0].rows))
        found: dict[str, _Use] = {}
        for cells in table.cells():
            carriers = weights[cells.owner]
            is_used = carriers > 0
            if not is_used.any():
                continue
            counts = self._frequent(cells.type, pl.Series(cells.value[is_used]), pl.Series(carriers[is_used]))
            use = found.setdefault(cells.key, _Use(cells.key, self._traces.n_spans))
            use.add(cells.type, int(carriers.sum()), counts)
        return _sorted(use.finished() for use in found.values())

    def _frequent(
        self, value_type: ValueType, values: pl.Series, weights: pl.Series | None
    ) -> tuple[int, list[tuple[Any, int]]]:
        """Return how many distinct values there are, and each with its count where they are a choice."""
        n_values = values.n_unique()
        if value_type not in _SCALARS or n_values > MAX_CHOICES:
            return n_values, []
        count = pl.len() if weights is None else pl.col("weight").sum()
        frame = pl.DataFrame({"value": values} if weights is None else {"value": values, "weight": weights})
        counted = frame.group_by("value").agg(count.alias("n"))
        distinct = counted["value"]
        if value_type.is_textual:
            distinct = self._traces.text_dictionary.decode(distinct)
        return n_values, list(zip(distinct.to_list(), counted["n"].to_list(), strict=True))


class _Keeps:
    """Which owners belong to a name, and to a service where one is given."""

    def __init__(
        self,
        names: NDArray[np.uint32],
        name: int,
        services: NDArray[np.uint32] | None = None,
        service: int | None = None,
    ) -> None:
        self._names, self._name = names, name
        self._services, self._service = services, service

    def is_needed(self, owners: NDArray[np.uint32]) -> bool:
        """Whether some owners may not belong: those of a service, and of the group that rare names share."""
        return self._service is not None or not bool((self._names[owners] == self._name).all())

    def mask(self, owners: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """Return which owners belong."""
        kept: NDArray[np.bool_] = self._names[owners] == self._name
        if self._service is not None and self._services is not None:
            kept &= self._services[owners] == self._service
        return kept


class _Use:
    """An attribute under one or several types, while it is counted."""

    def __init__(self, name: str, n_spans: int) -> None:
        self._name, self._n_spans = name, n_spans
        self._types: dict[str, int] = {}
        self._n_values = 0
        self._values: list[tuple[Any, int]] = []

    def add(self, value_type: ValueType, n_carriers: int, counts: tuple[int, list[tuple[Any, int]]]) -> None:
        """Add what was counted under one type."""
        self._types[value_type.label] = n_carriers
        self._n_values += counts[0]
        self._values += counts[1]

    def finished(self) -> AttributeUse:
        """Return the attribute."""
        is_choice = self._n_values <= MAX_CHOICES
        kept = [one for one in self._values if is_choice and not (isinstance(one[0], str) and _is_long(one[0]))]
        frequent = sorted(kept, key=lambda one: (-one[1], str(one[0])))[:MAX_VALUES]
        return AttributeUse(
            self._name,
            types=tuple(sorted(self._types, key=lambda kind: (-self._types[kind], kind))),
            n_carriers=sum(self._types.values()),
            n_spans=self._n_spans,
            n_values=self._n_values,
            values=tuple(ValueUse(value, n) for value, n in frequent),
        )


def _is_long(value: str) -> bool:
    return len(value) > _LONGEST_VALUE


def _carried_anywhere(table: AttributeTable, n_spans: int) -> tuple[AttributeUse, ...]:
    """Return the attributes of all spans, without their values."""
    types: dict[str, dict[str, int]] = {}
    for cells in table.cells():
        counts = types.setdefault(cells.key, {})
        counts[cells.type.label] = counts.get(cells.type.label, 0) + len(cells.owner)
    return _sorted(
        AttributeUse(
            key,
            types=tuple(sorted(counts, key=lambda kind: (-counts[kind], kind))),
            n_carriers=sum(counts.values()),
            n_spans=n_spans,
        )
        for key, counts in types.items()
    )


def _sorted(uses: Iterator[AttributeUse]) -> tuple[AttributeUse, ...]:
    return tuple(sorted(uses, key=lambda use: (-use.n_carriers, use.name)))
