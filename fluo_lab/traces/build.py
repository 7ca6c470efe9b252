"""From batches of spans to the immutable store: dictionary-code, sort, join, and find what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fluo_lab.traces.attributes import AttributeTable, TypedRows, payload_dtype
from fluo_lab.traces.batch import AttributeRows, CodedRows, SpanBatch
from fluo_lab.traces.completeness import Window, describe_traces
from fluo_lab.traces.dictionary import Dictionary, TextPool
from fluo_lab.traces.findings import Findings
from fluo_lab.traces.problems import Problem
from fluo_lab.traces.sampling import sampling_probabilities
from fluo_lab.traces.schema import UNKNOWN_SERVICE, ValueType
from fluo_lab.traces.store import Traces
from fluo_lab.traces.structure import compact_ids, in_cycle, repeats_id, resolve_parents
from fluo_lab.traces.tables import EventTable, Input, LinkTable, ResourceTable, ScopeTable, Tables
from fluo_lab.traces.truncation import count_truncated, find_text_limits

__all__ = ["TracesBuilder"]

Codes = NDArray[np.uint32]


class _Attributes:
    """Attributes gathered batch by batch, with owners and distinct values numbered over all batches."""

    def __init__(self, pool: TextPool) -> None:
        self._pool = pool
        self._keys: dict[str, int] = {}
        self._owners: list[Codes] = []
        self._codes: list[Codes] = []
        self._n_values = 0
        self._value_keys: list[Codes] = []
        self._value_types: list[NDArray[np.uint8]] = []
        self._value_bits: list[NDArray[np.int64]] = []

    def add(self, rows: AttributeRows | CodedRows, offset: int) -> None:
        """Take the attributes of a batch whose owners are numbered from ``offset``."""
        if isinstance(rows, CodedRows):
            owner, code, values = rows.owner, rows.code, rows.values
        else:
            owner, values = rows.frame["owner"].to_numpy(), rows
            code = np.arange(len(owner), dtype=np.uint32)
        if not len(owner):
            return
        self._owners.append(owner + np.uint32(offset))
        self._codes.append(code + np.uint32(self._n_values))
        self._n_values += values.frame.height
        key_map = np.array([self._keys.setdefault(k, len(self._keys)) for k in values.keys.to_list()], dtype=np.uint32)
        self._value_keys.append(key_map[values.frame["key"].to_numpy()])
        self._value_types.append(values.frame["type"].to_numpy())
        self._value_bits.append(_bits(values.frame, self._pool.add(values.texts)))

    def finish(self, text_codes: Codes) -> tuple[list[str], dict[ValueType, TypedRows], int]:
        """Return keys, typed rows with no key under two types on one owner, and how many rows that cost."""
        if not self._owners:
            return list(self._keys), {}, 0
        keys, types = np.concatenate(self._value_keys), np.concatenate(self._value_types)
        bits = np.concatenate(self._value_bits)
        self._value_keys, self._value_types, self._value_bits = [], [], []
        uses = np.zeros(len(types), dtype=np.int64)
        for code in self._codes:
            uses += np.bincount(code, minlength=len(types))
        n_of_type = np.bincount(types, weights=uses, minlength=len(ValueType)).astype(np.int64)
        typed = {
            t: TypedRows(np.empty(n, np.uint32), np.empty(n, np.uint32), np.empty(n, payload_dtype(t)))
            for t, n in zip(ValueType, n_of_type.tolist(), strict=True)
            if n
        }
        values = {t: _values(bits, types, t, text_codes) for t in typed}
        filled = dict.fromkeys(typed, 0)
        ordinals: dict[ValueType, list[NDArray[np.int64]]] = {t: [] for t in typed}
        is_mixed = _are_mixed(keys, types, len(self._keys))
        first = 0
        # Batch by batch: what is made on the way stays small, and so in the processor's cache.
        self._owners.reverse()
        self._codes.reverse()
        while self._owners:
            owner, code = self._owners.pop(), self._codes.pop()
            type_of = types[code]
            for value_type, rows in typed.items():
                at = np.flatnonzero(type_of == value_type)
                span = slice(filled[value_type], filled[value_type] + len(at))
                here = code[at]
                rows.owner[span], rows.key[span], rows.value[span] = owner[at], keys[here], values[value_type][here]
                filled[value_type] = span.stop
                if is_mixed.any():
                    ordinals[value_type].append(first + at)
            first += len(code)
        lost = _settle_types(typed, {t: np.concatenate(o) for t, o in ordinals.items() if o}, is_mixed)
        return list(self._keys), typed, lost


def _are_mixed(keys: Codes, types: NDArray[np.uint8], n_keys: int) -> NDArray[np.bool_]:
    """Return which keys have values of several types."""
    seen = np.zeros((n_keys, len(ValueType)), dtype=np.bool_)
    seen[keys, types] = True
    is_mixed: NDArray[np.bool_] = seen.sum(axis=1) > 1
    return is_mixed


def _settle_types(
    typed: dict[ValueType, TypedRows], ordinals: dict[ValueType, NDArray[np.int64]], is_mixed: NDArray[np.bool_]
) -> int:
    """Where an owner has one key under two types keep the rows of the last one's; return rows dropped."""
    if not is_mixed.any():
        return 0
    rows = pl.concat(
        pl.DataFrame(
            {"owner": found.owner[at], "key": found.key[at], "ordinal": ordinals[value_type][at], "at": at}
        ).with_columns(type=pl.lit(int(value_type), dtype=pl.UInt8))
        for value_type, found in typed.items()
        for at in [np.flatnonzero(is_mixed[found.key])]
    )
    last = pl.col("type").sort_by("ordinal").last().over("owner", "key")
    lost = rows.filter(pl.col("type") != last)
    for (number,), part in lost.group_by("type"):
        found = typed[ValueType(int(number))]
        keep = np.ones(len(found.owner), dtype=np.bool_)
        keep[part["at"].to_numpy()] = False
        typed[ValueType(int(number))] = TypedRows(found.owner[keep], found.key[keep], found.value[keep])
    return lost.height


def _bits(frame: pl.DataFrame, first_text: int) -> NDArray[np.int64]:
    """Return attribute values as 64 bits each: a number, or the code of a text, counted from ``first_text``."""
    types = frame["type"].to_numpy()
    bits = (frame["text"].fill_null(0).cast(pl.Int64) + first_text).to_numpy().copy()
    for value_type, column in ((ValueType.INT, "int"), (ValueType.DOUBLE, "double"), (ValueType.BOOL, "bool")):
        here = types == value_type
        if here.any():
            values = frame[column].filter(pl.Series(here)).to_numpy()
            bits[here] = values.view(np.int64) if value_type is ValueType.DOUBLE else values
    return bits


def _values(
    bits: NDArray[np.int64], types: NDArray[np.uint8], value_type: ValueType, text_codes: Codes
) -> NDArray[Any]:
    """Return the values that the bits stand for; those of another type are of no use."""
    if value_type is ValueType.DOUBLE:
        return bits.view(np.float64)
    if value_type.is_textual:
        return text_codes[np.where(types == value_type, bits, 0)]
    return bits.astype(payload_dtype(value_type))


class TracesBuilder:
    """Gathers batches and makes one store of them.

    Spans of one trace may come in any order and in different batches; the result does not depend on it.
    """

    def __init__(self) -> None:
        pool = TextPool()
        self._pool = pool
        self._trace_ids, self._names = TextPool(), TextPool()
        self._spans: list[pl.DataFrame] = []
        self._scopes: list[pl.DataFrame] = []
        self._events: list[pl.DataFrame] = []
        self._links: list[pl.DataFrame] = []
        self._n = {"span": 0, "resource": 0, "scope": 0, "event": 0, "link": 0}
        self._attributes = {kind: _Attributes(pool) for kind in self._n}

    def add(self, batch: SpanBatch) -> None:
        """Take a batch."""
        n = self._n
        attributes = self._attributes
        attributes["span"].add(batch.attributes, n["span"])
        attributes["resource"].add(batch.resource_attributes, n["resource"])
        attributes["scope"].add(batch.scope_attributes, n["scope"])
        attributes["event"].add(batch.event_attributes, n["event"])
        attributes["link"].add(batch.link_attributes, n["link"])
        # Ids of traces and names repeat themselves; as codes they take a tenth of the memory until the end.
        codes = {
            "trace": self._trace_ids.encode(batch.spans["trace_id"]),
            "name": self._names.encode(batch.spans["name"]),
        }
        self._spans.append(
            batch.spans.drop("trace_id", "name").with_columns(
                pl.col("resource") + pl.lit(n["resource"], dtype=pl.UInt32),
                pl.col("scope") + pl.lit(n["scope"], dtype=pl.UInt32),
                *(pl.Series(name, values) for name, values in codes.items()),
            )
        )
        self._scopes.append(batch.scopes)
        shift = pl.col("span") + pl.lit(n["span"], dtype=pl.UInt32)
        self._events.append(batch.events.with_columns(shift))
        self._links.append(batch.links.with_columns(shift))
        n["span"] += batch.spans.height
        n["resource"] += batch.n_resources
        n["scope"] += batch.scopes.height
        n["event"] += batch.events.height
        n["link"] += batch.links.height

    def finish(
        self,
        *,
        problems: Sequence[Problem] = (),
        inputs: Sequence[Input] = (),
        incomplete: Iterable[str] = (),
        window: tuple[int, int] | None = None,
        edge_ns: int = 0,
        findings: Findings | None = None,
    ) -> Traces:
        """Return the store of everything added.

        Parameters
        ----------
        problems
            What the readers met.
        inputs
            The files and live stores the spans come from.
        incomplete
            Ids of traces known to lack spans (truncated, evicted), whatever their structure shows.
        window
            ``(start_ns, end_ns)`` when the input was cut to spans that start in ``[start_ns, end_ns)``. A trace that
            begins within ``edge_ns`` after the window's start, or ends within ``edge_ns`` before its end or later, may
            be cut and is incomplete. None: the input was not cut, and nothing is guessed.
        edge_ns
            0: only traces that touch the window's start or end. Choose about the longest pause inside a trace.
        findings
            What is known from reading or repairing the traces before.

        Raises
        ------
        ValueError
            When nothing was added, the window is empty or the edge negative.
        """
        known = findings or Findings()
        cut_to = None if window is None else Window(*window, edge_ns=edge_ns)
        if not self._spans:
            raise ValueError("no batch was added")
        texts, text_codes = self._pool.finish()
        finished = {kind: rows.finish(text_codes) for kind, rows in self._attributes.items()}
        self._attributes.clear()
        overruled = sum(lost for _, _, lost in finished.values())

        resources, resource_of = _resources(self._n["resource"], finished["resource"], texts)
        scopes, scope_of = _scopes(pl.concat(self._scopes), finished["scope"])
        ids, trace_codes = self._trace_ids.finish()
        names, name_of = self._names.finish()
        parts, self._spans = self._spans, []
        spans, ids_by_start, order, is_repeat = _sort(parts, ids, trace_codes, names.values.gather(name_of))
        rank = np.empty(len(order), dtype=np.uint32)
        rank[order] = np.arange(len(order), dtype=np.uint32)
        names, name_codes = _in_order(names, name_of[spans["name"].to_numpy()])
        resources, resource = _used_resources(resources, resource_of[spans["resource"].to_numpy()])
        scopes, scope = _used_scopes(scopes, scope_of[spans["scope"].to_numpy()])
        services = Dictionary(resources.services.unique(maintain_order=True))
        service_codes = services.codes(services.values.to_list())
        service_of = np.array([service_codes[s] for s in resources.services.to_list()], dtype=np.uint32)
        spans = spans.with_columns(
            pl.Series("name", name_codes),
            pl.Series("resource", resource),
            pl.Series("scope", scope),
            pl.Series("service", service_of[resource], dtype=pl.UInt32),
        )
        keys, typed, _ = finished["span"]
        for value_type, rows in typed.items():
            typed[value_type] = TypedRows(rank[rows.owner], rows.key, rows.value)
        attributes = AttributeTable.build(name_codes, len(names), keys, typed)
        events = _events(pl.concat(self._events), finished["event"], rank)
        links = _links(pl.concat(self._links), finished["link"], rank)
        overruled += sum(
            table.duplicates
            for table in (
                attributes,
                events.attributes,
                links.attributes,
                resources.attributes,
                scopes.attributes,
            )
        )
        tables = Tables(attributes, resources, scopes, events, links)
        limits = find_text_limits(texts.values, tables) if known.text_limits is None else known.text_limits
        traces = describe_traces(
            spans,
            ids_by_start,
            is_repeat=is_repeat,
            is_cyclic=in_cycle(spans["parent_row"].to_numpy()),
            n_truncated=count_truncated(spans, len(ids_by_start), texts, tables, limits),
            probability=sampling_probabilities(spans, attributes, texts),
            declared=known.incomplete.union(incomplete),
            at_window_edge=known.at_window_edge,
            window=cut_to,
        )
        met = list(problems)
        if overruled:
            met.append(
                Problem(
                    ", ".join(one.name for one in inputs),
                    "attribute key given twice, the last value was kept",
                    n=overruled,
                )
            )
        return Traces(
            _table=spans,
            traces=traces,
            name_dictionary=names,
            service_dictionary=services,
            text_dictionary=texts,
            attribute_table=attributes,
            resource_table=resources,
            scope_table=scopes,
            event_table=events,
            link_table=links,
            problem_list=tuple(met),
            inputs=tuple(inputs),
            text_limits=limits,
            repairs=known.repairs,
        )


def _sort(
    parts: list[pl.DataFrame], ids: Dictionary, codes: Codes, names: pl.Series
) -> tuple[pl.DataFrame, pl.Series, NDArray[np.int64], NDArray[np.bool_]]:
    """Return spans by (trace, start, span id) with parents, trace ids, the old row of each, and which repeat an id.

    Parameters
    ----------
    parts
        The spans of each batch; emptied, since each of their columns is let go of as soon as it is sorted.
    ids, codes
        Trace ids, and the number of the id that each code in ``trace`` stands for.
    names
        The name that each code in ``name`` stands for.
    """
    columns = {column.name: column for column in pl.concat(parts).get_columns()}
    parts.clear()
    trace = codes[columns.pop("trace").to_numpy()]
    start = columns["start_ns"].to_numpy()
    first_start = np.full(len(ids), np.iinfo(np.int64).max)
    np.minimum.at(first_start, trace, start)
    by_start = pl.DataFrame({"start_ns": first_start, "trace_id": ids.values}).with_row_index("code")
    by_start = by_start.sort("start_ns", "trace_id")
    rank = np.empty(len(ids), dtype=np.uint32)
    rank[by_start["code"].to_numpy()] = np.arange(len(ids), dtype=np.uint32)
    trace = rank[trace]
    order = np.lexsort((start, trace))
    tied = (trace[order][1:] == trace[order][:-1]) & (start[order][1:] == start[order][:-1])
    if tied.any():
        spots = np.flatnonzero(np.append(tied, False) | np.append(False, tied))
        rows = order[spots]
        told_apart_by = ("start_ns", "span_id", "end_ns", "name", "parent_span_id", "kind")
        by_id = pl.DataFrame({name: columns[name].gather(rows) for name in told_apart_by})
        by_id = by_id.with_columns(
            names.gather(by_id["name"]).alias("name"), trace=pl.Series(trace[rows]), row=pl.Series(rows)
        ).sort("trace", *told_apart_by, maintain_order=True)
        order[spots] = by_id["row"].to_numpy()
    del start
    table = pl.DataFrame([columns.pop(name).gather(order) for name in tuple(columns)])
    table = table.with_columns(pl.Series("trace", trace[order], dtype=pl.UInt32))
    links_up = compact_ids(table)
    is_repeat = repeats_id(links_up)
    table = table.with_columns(pl.Series("parent_row", resolve_parents(links_up, is_repeat=is_repeat)))
    return table, by_start["trace_id"], order, is_repeat


def _in_order(dictionary: Dictionary, codes: Codes) -> tuple[Dictionary, Codes]:
    """Return a dictionary in the order in which its codes appear, without those that do not, and the new codes."""
    appearing = pl.Series(codes).unique(maintain_order=True)
    number = np.zeros(len(dictionary), dtype=np.uint32)
    number[appearing.to_numpy()] = np.arange(len(appearing), dtype=np.uint32)
    return Dictionary(dictionary.values.gather(appearing)), number[codes]


Finished = tuple[list[str], dict[ValueType, TypedRows], int]


def _single(n: int) -> Codes:
    """Return the name codes of owners that all belong to one group."""
    return np.zeros(n, dtype=np.uint32)


def _distinct(frame: pl.DataFrame, n: int, finished: Finished) -> tuple[AttributeTable, NDArray[np.int64], Codes]:
    """Return the attributes of distinct owners, the first row of each, and for every owner its number.

    Parameters
    ----------
    frame
        Further columns that tell owners apart, n rows, or none.
    """
    keys, typed, _ = finished
    table = AttributeTable.build(_single(n), 1, keys, typed)
    group = table.groups[0]
    columns = [group.column(*key).alias(str(number)) for number, key in enumerate(group.keys)]
    owners = pl.DataFrame([*frame.get_columns(), *columns, pl.Series("_row", np.arange(n, dtype=np.int64))])
    identity = [column for column in owners.columns if column != "_row"]
    if not identity:
        first = np.zeros(min(n, 1), dtype=np.int64)
        return table if n < 2 else AttributeTable.build(_single(1), 1, [], {}), first, _single(n)
    grouped = owners.group_by(identity, maintain_order=True).agg(pl.col("_row"))
    first = grouped["_row"].list.first().to_numpy()
    codes = np.empty(n, dtype=np.uint32)
    members = grouped["_row"].explode(empty_as_null=False).to_numpy()
    codes[members] = np.repeat(np.arange(len(first), dtype=np.uint32), grouped["_row"].list.len().to_numpy())
    return table.gathered(first), first, codes


def _resources(n: int, finished: Finished, texts: Dictionary) -> tuple[ResourceTable, Codes]:
    """Return the distinct resources and the number of each given one."""
    table, first, codes = _distinct(pl.DataFrame(), n, finished)
    group = table.groups[0]
    service = pl.Series("service", [None] * len(first), dtype=pl.String)
    if ("service.name", ValueType.TEXT) in group.keys:
        service = texts.decode(group.column("service.name", ValueType.TEXT)).rename("service")
    service = service.set(service == "", None).fill_null(UNKNOWN_SERVICE)
    return ResourceTable(services=service, attributes=table), codes


def _scopes(frame: pl.DataFrame, finished: Finished) -> tuple[ScopeTable, Codes]:
    """Return the distinct scopes and the number of each given one."""
    table, first, codes = _distinct(frame, frame.height, finished)
    return ScopeTable(frame[first], table), codes


def _used_resources(resources: ResourceTable, codes: Codes) -> tuple[ResourceTable, Codes]:
    """Return the resources that spans have, and each span's; a file may name others."""
    used, codes = _used(codes, len(resources.services))
    return ResourceTable(resources.services.gather(used), resources.attributes.gathered(used)), codes


def _used_scopes(scopes: ScopeTable, codes: Codes) -> tuple[ScopeTable, Codes]:
    """Return the scopes that spans have, and each span's."""
    used, codes = _used(codes, scopes.frame.height)
    return ScopeTable(scopes.frame[used], scopes.attributes.gathered(used)), codes


def _used(codes: Codes, n: int) -> tuple[NDArray[np.int64], Codes]:
    """Return which of n things codes stand for, and codes into these alone."""
    is_used = np.zeros(n, dtype=np.bool_)
    is_used[codes] = True
    return np.flatnonzero(is_used), (np.cumsum(is_used) - 1).astype(np.uint32)[codes]


def _moved(finished: Finished, order: NDArray[np.int64]) -> tuple[list[str], dict[ValueType, TypedRows]]:
    """Return the rows of owners that were put in a new order."""
    keys, typed, _ = finished
    rank = np.empty(len(order), dtype=np.uint32)
    rank[order] = np.arange(len(order), dtype=np.uint32)
    return keys, {t: TypedRows(rank[rows.owner], rows.key, rows.value) for t, rows in typed.items()}


def _events(frame: pl.DataFrame, finished: Finished, rank: Codes) -> EventTable:
    """Return the events in order of their spans and times."""
    span = rank[frame["span"].to_numpy()]
    order = np.lexsort((frame["time_ns"].to_numpy(), span))
    names, codes = Dictionary.encode(frame["name"].gather(order))
    keys, typed = _moved(finished, order)
    return EventTable(
        frame=frame[order].with_columns(pl.Series("span", span[order]), pl.Series("name", codes)),
        names=names,
        attributes=AttributeTable.build(codes, len(names), keys, typed),
    )


def _links(frame: pl.DataFrame, finished: Finished, rank: Codes) -> LinkTable:
    """Return the links in order of their spans."""
    span = rank[frame["span"].to_numpy()]
    order = np.argsort(span, kind="stable")
    keys, typed = _moved(finished, order)
    return LinkTable(
        frame=frame[order].with_columns(pl.Series("span", span[order])),
        attributes=AttributeTable.build(_single(frame.height), 1, keys, typed),
    )
