"""The immutable store of traces: spans in columns, their attributes, and what is known to be missing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fluo_lab.errors import UsageError
from fluo_lab.traces.attributes import AttributeTable, ColumnKey
from fluo_lab.traces.completeness import completeness_frame
from fluo_lab.traces.dictionary import Dictionary
from fluo_lab.traces.findings import Findings, Repair, RepairRecord
from fluo_lab.traces.problems import Problem, problems_frame
from fluo_lab.traces.schema import SpanKind, StatusCode
from fluo_lab.traces.span_groups import SpanGroup
from fluo_lab.traces.structure import Structure
from fluo_lab.traces.tables import EventTable, Input, LinkTable, ResourceTable, ScopeTable
from fluo_lab.traces.truncation import TextLimits
from fluo_lab.traces.values import decode_value

if TYPE_CHECKING:
    import pandas as pd


__all__ = ["Trace", "Traces"]


@dataclass(frozen=True, slots=True)
class Trace:
    """One trace, decoded, for looking at.

    Attributes
    ----------
    spans
        Rows of ``Traces.spans`` in order of start, with ``row``, the span's row in the store.
    attributes
        One dict a span: key to value.
    events
        One list of ``(name, time_ns)`` a span.
    is_incomplete
        Whether spans are known to be missing.
    """

    trace_id: str
    spans: pl.DataFrame
    attributes: tuple[dict[str, Any], ...]
    events: tuple[tuple[tuple[str, int], ...], ...]
    is_incomplete: bool

    @property
    def duration_ns(self) -> int:
        """From the first start to the last end."""
        start, end = self.spans["start_ns"].min(), self.spans["end_ns"].max()
        assert isinstance(start, int)  # noqa: S101 - a trace has spans
        assert isinstance(end, int)  # noqa: S101
        return end - start


@dataclass(frozen=True)
class Traces:
    """Traces in columns; never changed once made. Readers and ``TracesBuilder`` make them.

    Attributes
    ----------
    traces
        One row a trace, in order of first start: ``trace_id, n_spans, start_ns, end_ns, n_roots, n_orphans,
        n_duplicate_spans`` (whose span id occurred before), ``dropped_attributes, dropped_events, dropped_links,
        n_truncated_values, first_row, has_cycle, is_declared_incomplete, is_at_window_edge, is_incomplete,
        sampling_probability`` (the smallest its spans tell; null: unknown), ``is_unevenly_sampled`` (spans tell
        different ones, so that some may be missing although the structure shows no gap).
    name_dictionary, service_dictionary
        Dictionaries of the codes in the span table.
    text_dictionary
        Dictionary of textual attribute values.
    attribute_table, resource_table, scope_table, event_table, link_table
        What hangs on the spans.
    inputs
        The files and live stores the spans come from.
    text_limits
        The lengths at which textual values were cut, as far as the values show it.
    repairs
        What was repaired, in order; empty for traces as they were read.
    """

    _table: pl.DataFrame = field(repr=False)
    traces: pl.DataFrame = field(repr=False)
    name_dictionary: Dictionary = field(repr=False)
    service_dictionary: Dictionary = field(repr=False)
    text_dictionary: Dictionary = field(repr=False)
    attribute_table: AttributeTable = field(repr=False)
    resource_table: ResourceTable = field(repr=False)
    scope_table: ScopeTable = field(repr=False)
    event_table: EventTable = field(repr=False)
    link_table: LinkTable = field(repr=False)
    problem_list: tuple[Problem, ...] = ()
    inputs: tuple[Input, ...] = ()
    text_limits: TextLimits = field(default_factory=TextLimits)
    repairs: tuple[RepairRecord, ...] = ()

    # --- counts and names -----------------------------------------------------------------------------------

    @property
    def n_spans(self) -> int:
        """How many spans there are."""
        return self._table.height

    @property
    def n_traces(self) -> int:
        """How many traces there are."""
        return self.traces.height

    @property
    def n_incomplete(self) -> int:
        """How many traces are known to lack spans."""
        return int(self.traces["is_incomplete"].sum())

    @property
    def services(self) -> list[str]:
        """The services, sorted."""
        return sorted(self.service_dictionary.values.to_list())

    @property
    def span_names(self) -> list[str]:
        """The distinct span names, sorted."""
        return sorted(self.name_dictionary.values.to_list())

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of the files and live stores the spans come from."""
        return tuple(one.name for one in self.inputs)

    @property
    def problems(self) -> pl.DataFrame:
        """What could not be taken as it was, schema ``PROBLEMS``."""
        return problems_frame(self.problem_list)

    @property
    def findings(self) -> Findings:
        """What is known of the traces that their spans do not show."""
        ids = self.traces["trace_id"]
        return Findings(
            incomplete=frozenset(ids.filter(self.traces["is_declared_incomplete"])),
            at_window_edge=frozenset(ids.filter(self.traces["is_at_window_edge"])),
            text_limits=self.text_limits,
            repairs=self.repairs,
        )

    @property
    def completeness(self) -> pl.DataFrame:
        """What traces lack: one row a reason, what makes traces incomplete first, then by number of traces.

        Columns: ``reason, is_incomplete, traces, traces_pct, trace_id`` (the first such trace). Reasons that are not
        ``is_incomplete`` change no verdict. A trace may have several.
        """
        return completeness_frame(self.traces)

    def __repr__(self) -> str:
        return (
            f"Traces({self.n_traces:,} traces, {self.n_spans:,} spans, {len(self.service_dictionary):,} services, "
            f"{len(self.name_dictionary):,} span names, {self.n_incomplete:,} incomplete, "
            f"{len(self.problem_list):,} kinds of problems)"
        )

    # --- frames ---------------------------------------------------------------------------------------------

    @property
    def table(self) -> pl.DataFrame:
        """The span table as the engine reads it: one row a span by (trace, start, span id), names as codes.

        Columns: ``trace`` (row of ``traces``), ``name``, ``service``, ``resource``, ``scope`` (codes),
        ``parent_row`` (-1 a root, -2 not there), and the columns of ``RAW_SPANS`` but the trace id.
        """
        return self._table

    @cached_property
    def spans(self) -> pl.DataFrame:
        """The spans with their names written out, one row a span, by (trace, start, span id).

        Columns: ``trace_id, span_id, parent_span_id, name, service, kind, status, status_message, start_ns,
        end_ns, duration_ns, scope_name, trace_state, flags, dropped_attributes, dropped_events,
        dropped_links``.
        """
        table = self._table
        return pl.DataFrame(
            {
                "trace_id": self.traces["trace_id"].gather(table["trace"]),
                "span_id": table["span_id"],
                "parent_span_id": table["parent_span_id"],
                "name": self.name_dictionary.decode(table["name"]),
                "service": self.service_dictionary.decode(table["service"]),
                "kind": table["kind"].replace_strict({int(k): k.label for k in SpanKind}, return_dtype=pl.String),
                "status": table["status"].replace_strict({int(s): s.label for s in StatusCode}, return_dtype=pl.String),
                "status_message": table["status_message"],
                "start_ns": table["start_ns"],
                "end_ns": table["end_ns"],
                "duration_ns": table["end_ns"] - table["start_ns"],
                "scope_name": self.scope_table.frame["name"].gather(table["scope"]),
                "trace_state": table["trace_state"],
                "flags": table["flags"],
                "dropped_attributes": table["dropped_attributes"],
                "dropped_events": table["dropped_events"],
                "dropped_links": table["dropped_links"],
            }
        )

    @cached_property
    def structure(self) -> Structure:
        """Depth, pre-order and subtree size of every span."""
        return Structure.of(self.parent_row)

    @cached_property
    def trace_of(self) -> NDArray[np.uint32]:
        """The trace row of every span, ascending."""
        return self._table["trace"].to_numpy()

    @cached_property
    def start_ns(self) -> NDArray[np.int64]:
        """The start of every span, in nanoseconds since the epoch."""
        return self._table["start_ns"].to_numpy()

    @cached_property
    def end_ns(self) -> NDArray[np.int64]:
        """The end of every span, in nanoseconds since the epoch."""
        return self._table["end_ns"].to_numpy()

    @cached_property
    def parent_row(self) -> NDArray[np.int64]:
        """The row of every span's parent: -1 for a root, -2 where the parent is not there."""
        return self._table["parent_row"].to_numpy()

    @cached_property
    def span_groups(self) -> tuple[SpanGroup, ...]:
        """Times and traces of the spans of each group of ``attribute_table``."""
        groups = self.attribute_table.groups
        return tuple(SpanGroup(group.rows, self.trace_of, self.start_ns, self.end_ns) for group in groups)

    @cached_property
    def events(self) -> pl.DataFrame:
        """The span events: ``trace_id, span_id, name, time_ns``."""
        frame = self.event_table.frame
        spans = self._table[frame["span"]]
        return pl.DataFrame(
            {
                "trace_id": self.traces["trace_id"].gather(spans["trace"]),
                "span_id": spans["span_id"],
                "name": self.event_table.names.decode(frame["name"]),
                "time_ns": frame["time_ns"],
            }
        )

    def attributes(self, name: str) -> pl.DataFrame:
        """Return the spans of a name with their attributes, one column a key.

        A key that occurs under several types has one column a type, called ``key (type)``.

        Raises
        ------
        UsageError
            When no span has the name.
        """
        code = self.name_dictionary.codes([name]).get(name)
        if code is None:
            raise UsageError(f"no span is named {name!r}; the names are in Traces.span_names")
        group = self.attribute_table.group_of(code)
        at = np.flatnonzero(self._table["name"].to_numpy()[group.rows] == code)
        columns = [self.spans.select("trace_id", "span_id", "service", "start_ns", "end_ns")[group.rows[at]]]
        for key, value_type in group.keys:
            column = group.column(key, value_type).gather(at)
            if column.null_count() == len(column):
                continue
            decoded = self.text_dictionary.decode(column) if value_type.is_textual else column
            title = key if len(group.types_of(key)) == 1 else f"{key} ({value_type.label})"
            taken = title in {c for frame in columns for c in frame.columns}
            columns.append(decoded.alias(f"{title} (attribute)" if taken else title).to_frame())
        return pl.concat(columns, how="horizontal")

    def decode(self, values: dict[ColumnKey, Any]) -> dict[str, Any]:
        """Return raw values by (key, type) as plain Python values by key."""
        return {
            key: decode_value(self.text_dictionary.values[value], value_type) if value_type.is_textual else value
            for (key, value_type), value in values.items()
        }

    def span_attributes(self, row: int) -> dict[str, Any]:
        """Return the attributes of one span, by its row."""
        return self.decode(self.attribute_table.values_of(row, self._table["name"][row]))

    def resource_attributes(self, row: int) -> dict[str, Any]:
        """Return the attributes of the resource of one span, by the span's row."""
        return self.decode(self.resource_table.attributes.values_of(self._table["resource"][row], 0))

    def scope_attributes(self, row: int) -> dict[str, Any]:
        """Return the attributes of the instrumentation scope of one span, by the span's row."""
        return self.decode(self.scope_table.attributes.values_of(self._table["scope"][row], 0))

    def profile(self) -> pl.DataFrame:
        """Return one row a service and span name, most frequent first.

        Columns: ``service, name, spans, traces, traces_pct, error_pct, p50_ms, p99_ms, attributes`` (distinct
        keys of the name).
        """
        from fluo_lab.traces.profile import profile

        return profile(self)

    # --- one trace, some traces -----------------------------------------------------------------------------

    def trace_row(self, trace_id: str) -> int:
        """Return the row of a trace in ``traces``.

        Raises
        ------
        UsageError
            When there is no such trace; the message names ids that begin alike.
        """
        found = (self.traces["trace_id"] == trace_id).arg_true()
        if len(found):
            return int(found[0])
        alike = self.traces.filter(pl.col("trace_id").str.starts_with(trace_id[:8]))["trace_id"].head(3)
        hint = f"; alike: {', '.join(alike)}" if trace_id and len(alike) else ""
        raise UsageError(f"no trace has the id {trace_id!r} among {self.n_traces:,}{hint}")

    def rows_of_trace(self, trace: int) -> range:
        """Return the span rows of a trace, by its row in ``traces``."""
        first = self.traces["first_row"][trace]
        return range(first, first + self.traces["n_spans"][trace])

    def trace(self, trace_id: str) -> Trace:
        """Return one trace, decoded.

        Raises
        ------
        UsageError
            When there is no such trace.
        """
        row = self.trace_row(trace_id)
        rows = self.rows_of_trace(row)
        spans = self.spans[rows.start : rows.stop].with_row_index("row", offset=rows.start)
        frame = self.event_table.frame
        low, high = np.searchsorted(frame["span"].to_numpy(), [rows.start, rows.stop])
        events: list[list[tuple[str, int]]] = [[] for _ in rows]
        for event in frame[int(low) : int(high)].iter_rows(named=True):
            name = self.event_table.names.values[event["name"]]
            events[event["span"] - rows.start].append((name, event["time_ns"]))
        return Trace(
            trace_id=trace_id,
            spans=spans,
            attributes=tuple(self.span_attributes(r) for r in rows),
            events=tuple(tuple(e) for e in events),
            is_incomplete=bool(self.traces["is_incomplete"][row]),
        )

    def select(self, trace_ids: Iterable[str]) -> Traces:
        """Return a store of the given traces alone; ids that are not here are left out."""
        wanted = pl.Series("trace_id", list(trace_ids), dtype=pl.String)
        return self._select(self.traces["trace_id"].is_in(wanted.implode()))

    def filter(self, *predicates: pl.Expr) -> Traces:
        """Return a store of the traces whose row in ``traces`` satisfies all the Polars expressions.

        Examples
        --------
        ``traces.filter(pl.col("n_spans") > 100, ~pl.col("is_incomplete"))``
        """
        kept = self.traces.with_row_index("_row").filter(*predicates)["_row"]
        mask = np.zeros(self.n_traces, dtype=np.bool_)
        mask[kept.to_numpy()] = True
        return self._select(pl.Series(mask))

    def _select(self, mask: pl.Series) -> Traces:
        from fluo_lab.traces.unbuild import rebuild, to_batch

        return rebuild(self, to_batch(self, mask.to_numpy()[self.trace_of]))

    def repaired(self, *repairs: Repair | str) -> Traces:
        """Return a store with some defects mended, and a record of it in ``repairs``.

        Parameters
        ----------
        repairs
            Any of ``duplicates``, ``shared_spans`` and ``clock_skew``; applied in this order, however they are given.

        Raises
        ------
        UsageError
            When there is no such repair.
        """
        from fluo_lab.traces.repair import repair

        return repair(self, *repairs)

    # --- out again ------------------------------------------------------------------------------------------

    def to_pandas(self) -> pd.DataFrame:
        """Return ``spans`` as a pandas frame; needs pandas, which the ``notebook`` extra installs."""
        return self.spans.to_pandas()

    def save(self, path: str | Path, *, buckets: int | None = None) -> Path:
        """Write everything to our own Parquet, which ``read_traces`` reads back to equal frames.

        Parameters
        ----------
        path
            File to write; its folder must exist. The file is complete or not there.
        buckets
            Add to a folder of so many buckets instead, which ``read_buckets`` reads one at a time; see
            ``fluo_lab.traces.buckets``.
        """
        if buckets is not None:
            from fluo_lab.traces.buckets import write_buckets

            return write_buckets(self, path, buckets=buckets)
        from fluo_lab.traces.parquet import write

        return write(self, Path(path))
