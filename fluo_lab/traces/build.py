"""From batches of spans to the immutable store: dictionary-code, sort, join, and find what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fluo_lab.traces.attributes import AttributeTable, TypedRows, payload_dtype
from fluo_lab.traces.batch import AttributeRows, SpanBatch
from fluo_lab.traces.dictionary import Dictionary, TextPool
from fluo_lab.traces.problems import Problem
from fluo_lab.traces.schema import UNKNOWN_SERVICE, ValueType
from fluo_lab.traces.store import EventTable, LinkTable, ResourceTable, ScopeTable, Traces
from fluo_lab.traces.structure import in_cycle, resolve_parents

__all__ = ["TracesBuilder"]

Codes = NDArray[np.uint32]


class _Attributes:
    """Attribute rows gathered batch by batch, with owners numbered over all batches."""

    def __init__(self, pool: TextPool) -> None:
        self._pool = pool
        self._keys: dict[str, int] = {}
        self._parts: dict[ValueType, list[tuple[Codes, Codes, Codes, NDArray[Any]]]] = {}
        self._n = 0

    def add(self, rows: AttributeRows, offset: int) -> None:
        """Take the rows of a batch whose owners are numbered from ``offset``."""
        if rows.frame.is_empty():
            return
        base = self._pool.add(rows.texts)
        key_map = np.array([self._keys.setdefault(k, len(self._keys)) for k in rows.keys.to_list()], dtype=np.uint32)
        types = rows.frame["type"].to_numpy()
        owner = rows.frame["owner"].to_numpy() + np.uint32(offset)
        key = key_map[rows.frame["key"].to_numpy()]
        ordinal = np.arange(self._n, self._n + len(owner), dtype=np.uint32)
        self._n += len(owner)
        for code in np.flatnonzero(np.bincount(types)):
            value_type = ValueType(int(code))
            at = np.flatnonzero(types == code)
            column = rows.frame["text" if value_type.is_textual else value_type.name.lower()].gather(at)
            value = column.to_numpy().astype(payload_dtype(value_type))
            if value_type.is_textual:
                value = value + np.uint32(base)
            self._parts.setdefault(value_type, []).append((owner[at], key[at], ordinal[at], value))

    def finish(self, text_codes: Codes) -> tuple[list[str], dict[ValueType, TypedRows], int]:
        """Return keys, typed rows with no key under two types on one owner, and how many rows that cost."""
        joined = {
            value_type: [np.concatenate(column) for column in zip(*parts, strict=True)]
            for value_type, parts in sorted(self._parts.items())
        }
        self._parts.clear()
        for value_type, columns in joined.items():
            if value_type.is_textual:
                columns[3] = text_codes[columns[3]]
        overruled = self._settle_types(joined)
        typed = {t: TypedRows(owner, key, value) for t, (owner, key, _, value) in joined.items()}
        return list(self._keys), typed, overruled

    def _settle_types(self, joined: dict[ValueType, list[NDArray[Any]]]) -> int:
        """Where an owner has one key under two types keep the later row, in place; return rows dropped."""
        n_keys = max(len(self._keys), 1)
        seen = np.zeros((n_keys, len(ValueType)), dtype=np.bool_)
        for value_type, (_, key, _, _) in joined.items():
            seen[np.unique(key), value_type] = True
        mixed = seen.sum(axis=1) > 1
        if not mixed.any():
            return 0
        rows = pl.concat(
            pl.DataFrame(
                {"owner": owner[at], "key": key[at], "ordinal": ordinal[at], "at": at.astype(np.int64)}
            ).with_columns(type=pl.lit(int(value_type), dtype=pl.UInt8))
            for value_type, (owner, key, ordinal, _) in joined.items()
            for at in [np.flatnonzero(mixed[key])]
        )
        last = rows.group_by("owner", "key").agg(
            pl.col("type").sort_by("ordinal").last().alias("kept"), pl.col("type").n_unique().alias("types")
        )
        lost = rows.join(last.filter(pl.col("types") > 1), on=["owner", "key"]).filter(pl.col("type") != pl.col("kept"))
        for (code,), part in lost.group_by("type"):
            value_type = ValueType(int(code))
            keep = np.ones(len(joined[value_type][0]), dtype=np.bool_)
            keep[part["at"].to_numpy()] = False
            joined[value_type] = [column[keep] for column in joined[value_type]]
        return lost.height


class TracesBuilder:
    """Gathers batches and makes one store of them.

    Spans of one trace may come in any order and in different batches; the result does not depend on it.
    """

    def __init__(self) -> None:
        pool = TextPool()
        self._pool = pool
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
        self._spans.append(
            batch.spans.with_columns(
                pl.col("resource") + pl.lit(n["resource"], dtype=pl.UInt32),
                pl.col("scope") + pl.lit(n["scope"], dtype=pl.UInt32),
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
        sources: Sequence[str] = (),
        incomplete: Iterable[str] = (),
    ) -> Traces:
        """Return the store of everything added.

        Parameters
        ----------
        problems
            What the readers met.
        sources
            The files the spans come from.
        incomplete
            Ids of traces known to lack spans (truncated, evicted, cut by the window's edge), whatever their
            structure shows.

        Raises
        ------
        ValueError
            When nothing was added.
        """
        if not self._spans:
            raise ValueError("no batch was added")
        spans = pl.concat(self._spans)
        self._spans.clear()
        texts, text_codes = self._pool.finish()
        finished = {kind: rows.finish(text_codes) for kind, rows in self._attributes.items()}
        self._attributes.clear()
        overruled = sum(lost for _, _, lost in finished.values())

        resources, resource_of = _resources(self._n["resource"], finished["resource"], texts)
        scopes, scope_of = _scopes(pl.concat(self._scopes), finished["scope"])
        spans = spans.with_columns(
            resource=resource_of[spans["resource"].to_numpy()], scope=scope_of[spans["scope"].to_numpy()]
        )
        spans, traces, order = _sort(spans, set(incomplete))
        rank = np.empty(len(order), dtype=np.uint32)
        rank[order] = np.arange(len(order), dtype=np.uint32)

        names, name_codes = Dictionary.encode(spans["name"])
        services = Dictionary(resources.services.unique(maintain_order=True))
        service_codes = services.codes(services.values.to_list())
        service_of = np.array([service_codes[s] for s in resources.services.to_list()], dtype=np.uint32)
        spans = spans.with_columns(
            pl.Series("name", name_codes),
            pl.Series("service", service_of[spans["resource"].to_numpy()], dtype=pl.UInt32),
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
        met = list(problems)
        if overruled:
            met.append(Problem(", ".join(sources), "attribute key given twice, the last value was kept", n=overruled))
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
            sources=tuple(sources),
        )


def _sort(spans: pl.DataFrame, declared: set[str]) -> tuple[pl.DataFrame, pl.DataFrame, NDArray[np.int64]]:
    """Return spans by (trace, start, span id) with parents, the frame of traces, and the old row of each."""
    ids, codes = Dictionary.encode(spans["trace_id"])
    start = spans["start_ns"].to_numpy()
    first_start = np.full(len(ids), np.iinfo(np.int64).max)
    np.minimum.at(first_start, codes, start)
    by_start = pl.DataFrame({"start_ns": first_start, "trace_id": ids.values}).with_row_index("code")
    by_start = by_start.sort("start_ns", "trace_id")
    rank = np.empty(len(ids), dtype=np.uint32)
    rank[by_start["code"].to_numpy()] = np.arange(len(ids), dtype=np.uint32)
    trace = rank[codes]
    order = np.lexsort((start, trace))
    tied = (trace[order][1:] == trace[order][:-1]) & (start[order][1:] == start[order][:-1])
    if tied.any():
        spots = np.flatnonzero(np.append(tied, False) | np.append(False, tied))
        rows = order[spots]
        by_id = (
            spans[rows]
            .select("start_ns", "span_id", "end_ns", "name", "parent_span_id")
            .with_columns(trace=pl.Series(trace[rows]), row=pl.Series(rows))
            .sort("trace", "start_ns", "span_id", "end_ns", "name", "parent_span_id")
        )
        order[spots] = by_id["row"].to_numpy()
    table = spans.drop("trace_id")[order].with_columns(pl.Series("trace", trace[order], dtype=pl.UInt32))
    parent = resolve_parents(table)
    table = table.with_columns(pl.Series("parent_row", parent))
    traces = (
        table.group_by("trace", maintain_order=True)
        .agg(
            pl.len().alias("n_spans"),
            pl.col("start_ns").min(),
            pl.col("end_ns").max(),
            (pl.col("parent_row") == -1).sum().alias("n_roots"),
            (pl.col("parent_row") == -2).sum().alias("n_orphans"),
            pl.sum("dropped_attributes", "dropped_events", "dropped_links"),
        )
        .with_columns(by_start["trace_id"])
        .with_columns(first_row=pl.col("n_spans").cum_sum() - pl.col("n_spans"))
    )
    cyclic = np.zeros(traces.height, dtype=np.bool_)
    cyclic[table["trace"].to_numpy()[in_cycle(parent)]] = True
    traces = traces.with_columns(
        pl.Series("has_cycle", cyclic),
        pl.col("trace_id").is_in(list(declared)).alias("is_declared_incomplete"),
    ).with_columns(
        is_incomplete=(pl.col("n_roots") == 0)
        | (pl.col("n_orphans") > 0)
        | pl.col("has_cycle")
        | pl.col("is_declared_incomplete")
    )
    return table, traces.select("trace_id", pl.exclude("trace", "trace_id")), order


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
