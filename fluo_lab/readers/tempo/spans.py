"""From a piece of a Tempo block to a batch: nested lists are taken apart level by level, column by column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fluo_lab.readers.ids import SPAN_ID_BYTES, TRACE_ID_BYTES
from fluo_lab.readers.report import Report
from fluo_lab.readers.tempo.attributes import TempoAttributes, add_columns
from fluo_lab.readers.tempo.dedicated import DedicatedColumns
from fluo_lab.readers.tempo.links import read_encoded_links
from fluo_lab.traces import AttributeRows, SpanBatch, SpanKind, StatusCode
from fluo_lab.traces.schema import EVENTS, LINKS, RAW_SPANS, SCOPES

__all__ = ["read_piece"]

_MAX_INT64: Final = 2**63 - 1
_DEDICATED: Final = "DedicatedAttributes"

# Well-known attributes with columns of their own, in versions 2 to 4; service.name in all.
_RESOURCE_KEYS: Final = {
    "Cluster": "cluster",
    "Namespace": "namespace",
    "Pod": "pod",
    "Container": "container",
    "K8sClusterName": "k8s.cluster.name",
    "K8sNamespaceName": "k8s.namespace.name",
    "K8sPodName": "k8s.pod.name",
    "K8sContainerName": "k8s.container.name",
}
_SPAN_KEYS: Final = {"HttpMethod": "http.method", "HttpUrl": "http.url", "HttpStatusCode": "http.status_code"}

# What is read, and what says nothing that the spans do not say.
_KNOWN: Final = {
    "resource": {"Attrs", "DroppedAttributesCount", "ServiceName", _DEDICATED, *_RESOURCE_KEYS},
    "scope": {"Name", "Version", "Attrs", "DroppedAttributesCount"},
    "span": {
        "SpanID",
        "ParentSpanID",
        "ParentID",
        "NestedSetLeft",
        "NestedSetRight",
        "ChildCount",
        "Name",
        "Kind",
        "TraceState",
        "StartTimeUnixNano",
        "DurationNano",
        "StatusCode",
        "StatusMessage",
        "Attrs",
        "DroppedAttributesCount",
        "Events",
        "DroppedEventsCount",
        "Links",
        "DroppedLinksCount",
        "StartTimeRounded15",
        "StartTimeRounded60",
        "StartTimeRounded300",
        "StartTimeRounded3600",
        _DEDICATED,
        *_SPAN_KEYS,
    },
    "event": {"TimeUnixNano", "TimeSinceStartNano", "Name", "Attrs", "DroppedAttributesCount", _DEDICATED},
    "link": {"TraceID", "SpanID", "TraceState", "Attrs", "DroppedAttributesCount"},
}


def read_piece(traces: pl.DataFrame, dedicated: DedicatedColumns, report: Report) -> SpanBatch:
    """Return the spans of some rows of a block.

    Parameters
    ----------
    traces
        Columns ``TraceID`` and ``rs``.
    dedicated
        What the dedicated columns hold.
    report
        Where everything goes that cannot be taken.
    """
    return _Piece(dedicated, report).read(traces)


class _Piece:
    def __init__(self, dedicated: DedicatedColumns, report: Report) -> None:
        self._dedicated = dedicated
        self._report = report

    def read(self, traces: pl.DataFrame) -> SpanBatch:
        entries = _exploded(traces.select("TraceID", "rs"), "rs").with_row_index("resource")
        groups = _exploded(entries.select("TraceID", "resource", ss=pl.col("rs").struct.field("ss")), "ss")
        groups = groups.with_row_index("scope")
        spans = _exploded(
            groups.select("TraceID", "resource", "scope", span=pl.col("ss").struct.field("Spans")), "span"
        ).unnest("span")
        _check_required(spans, "TraceID", "SpanID", "ParentSpanID", "Name", "Kind", "StatusCode")
        self._name_unknown(spans.drop("TraceID", "resource", "scope"), "span")
        spans = self._with_times(spans)
        frame = self._span_frame(spans)
        events, event_attributes = self._events(spans)
        links, link_attributes = self._links(spans)
        scopes = groups["ss"].struct.field("Scope").struct.unnest()
        self._name_unknown(scopes, "scope")
        return SpanBatch(
            spans=frame,
            attributes=self._attributes(spans, "span", _SPAN_KEYS),
            n_resources=entries.height,
            resource_attributes=self._resource_attributes(entries),
            scopes=pl.DataFrame(
                {"name": _text_or_null(scopes["Name"]), "version": _text_or_null(scopes["Version"])}, schema=SCOPES
            ),
            scope_attributes=self._attributes(scopes, "scope", {}),
            events=events,
            event_attributes=event_attributes,
            links=links,
            link_attributes=link_attributes,
        )

    def _resource_attributes(self, entries: pl.DataFrame) -> AttributeRows:
        resources = entries["rs"].struct.field("Resource").struct.unnest()
        self._name_unknown(resources, "resource")
        # A resource without service.name has an empty one here.
        resources = resources.with_columns(_text_or_null(resources["ServiceName"]))
        return self._attributes(resources, "resource", {"ServiceName": "service.name", **_RESOURCE_KEYS})

    def _with_times(self, spans: pl.DataFrame) -> pl.DataFrame:
        """Return the spans that can be read, with ``start_ns`` and ``end_ns``."""
        start = _uint64(spans["StartTimeUnixNano"])
        end = start + _uint64(spans["DurationNano"])  # an end before the start went round, and comes round again
        report = self._report
        readable = np.ones(spans.height, dtype=np.bool_)
        for wrong, fault in (
            *_wrong_ids(spans["TraceID"], "trace id", TRACE_ID_BYTES),
            *_wrong_ids(spans["SpanID"], "span id", SPAN_ID_BYTES),
            (start > _MAX_INT64, "span start with a whole number out of range, expected nanoseconds"),
            (end > _MAX_INT64, "span end with a whole number out of range, expected nanoseconds"),
        ):
            here = wrong & readable
            if here.any():
                name = spans["Name"][int(np.flatnonzero(here)[0])]
                report.add(f"{fault}; span not read", n=int(here.sum()), sample=f"name: {name}")
                readable &= ~wrong
        timed = spans.with_columns(pl.Series("start_ns", start.view(np.int64)), pl.Series("end_ns", end.view(np.int64)))
        return timed if readable.all() else timed.filter(pl.Series(readable))

    def _span_frame(self, spans: pl.DataFrame) -> pl.DataFrame:
        columns = {
            "trace_id": spans["TraceID"].bin.encode("hex"),
            "span_id": spans["SpanID"].bin.encode("hex"),
            "parent_span_id": self._parents(spans["ParentSpanID"]),
            "name": spans["Name"],
            "kind": self._codes(spans["Kind"], max(SpanKind), "unknown span kind, read as unspecified"),
            "status": self._codes(spans["StatusCode"], max(StatusCode), "unknown status code, read as unset"),
            "status_message": _text_or_null(spans["StatusMessage"]),
            "start_ns": spans["start_ns"],
            "end_ns": spans["end_ns"],
            "resource": spans["resource"],
            "scope": spans["scope"],
            "trace_state": _text_or_null(spans["TraceState"]),
            "flags": np.zeros(spans.height, dtype=np.uint32),
            "dropped_attributes": _uint32(spans["DroppedAttributesCount"]),
            "dropped_events": _uint32(spans["DroppedEventsCount"]),
            "dropped_links": _uint32(spans["DroppedLinksCount"]),
        }
        return pl.DataFrame(columns, schema=RAW_SPANS)

    def _parents(self, ids: pl.Series) -> pl.Series:
        """Return parents as text; empty or all zero is none."""
        found = ids.bin.encode("hex")
        found = found.set(found.str.strip_chars("0") == "", None)
        odd = found.is_not_null() & (ids.bin.size() != SPAN_ID_BYTES)
        if odd.any():
            # Reading it as none would make a root of the span; kept as it is, it names no span.
            self._report.add(
                f"parent span id of other than {SPAN_ID_BYTES} bytes; kept as it is",
                n=int(odd.sum()),
                sample=found.filter(odd)[0],
            )
        return found

    def _codes(self, numbers: pl.Series, high: int, fault: str) -> pl.Series:
        wrong = ~numbers.is_between(0, high)
        if wrong.any():
            self._report.add(fault, n=int(wrong.sum()), sample=str(numbers.filter(wrong)[0]))
            numbers = numbers.set(wrong, 0)
        return numbers.cast(pl.UInt8)

    def _events(self, spans: pl.DataFrame) -> tuple[pl.DataFrame, AttributeRows]:
        lists = spans.select("start_ns", event="Events").with_row_index("span")
        events = _exploded(lists, "event").unnest("event")
        _check_required(events, "Name")
        self._name_unknown(events.drop("span", "start_ns"), "event")
        if "TimeSinceStartNano" in events.columns:
            time = events["start_ns"].to_numpy().view(np.uint64) + _uint64(events["TimeSinceStartNano"])
        else:
            time = _uint64(events["TimeUnixNano"])
        events = events.with_columns(pl.Series("time_ns", time.view(np.int64)))
        wrong = time > _MAX_INT64
        if wrong.any():
            self._report.add(
                "event time with a whole number out of range, expected nanoseconds; event not read",
                n=int(wrong.sum()),
            )
            events = events.filter(pl.Series(~wrong))
        frame = pl.DataFrame(
            {
                "span": events["span"],
                "name": events["Name"],
                "time_ns": events["time_ns"],
                "dropped_attributes": _uint32(events["DroppedAttributesCount"]),
            },
            schema=EVENTS,
        )
        return frame, self._attributes(events, "event", {})

    def _links(self, spans: pl.DataFrame) -> tuple[pl.DataFrame, AttributeRows]:
        if spans.schema["Links"] == pl.Binary:
            return read_encoded_links(spans["Links"], self._report)
        links = _exploded(spans.select(link="Links").with_row_index("span"), "link").unnest("link")
        _check_required(links, "TraceID", "SpanID")
        self._name_unknown(links.drop("span"), "link")
        wrong = np.zeros(links.height, dtype=np.bool_)
        for mask, fault in (
            *_wrong_ids(links["TraceID"], "linked trace id", TRACE_ID_BYTES),
            *_wrong_ids(links["SpanID"], "linked span id", SPAN_ID_BYTES),
        ):
            here = mask & ~wrong
            if here.any():
                self._report.add(f"{fault}; link not read", n=int(here.sum()))
            wrong |= mask
        if wrong.any():
            links = links.filter(pl.Series(~wrong))
        frame = pl.DataFrame(
            {
                "span": links["span"],
                "trace_id": links["TraceID"].bin.encode("hex"),
                "span_id": links["SpanID"].bin.encode("hex"),
                "trace_state": _text_or_null(links["TraceState"]),
                "flags": np.zeros(links.height, dtype=np.uint32),
                "dropped_attributes": _uint32(links["DroppedAttributesCount"]),
            },
            schema=LINKS,
        )
        return frame, self._attributes(links, "link", {})

    def _attributes(self, owners: pl.DataFrame, scope: str, key_of: Mapping[str, str]) -> AttributeRows:
        """Return the attributes of owners: the generic ones, well-known columns, dedicated columns."""
        found = TempoAttributes(self._report)
        if "Attrs" in owners.columns:
            found.add_lists(owners["Attrs"])
        add_columns(found, owners, key_of)
        if _DEDICATED in owners.columns:
            columns = owners[_DEDICATED].struct.unnest()
            names = self._dedicated.get(scope, {})
            for column in columns.iter_columns():
                n_values = _n_values(column)
                if not n_values:
                    continue
                key = names.get(column.name)
                if key is None:
                    key = f"{_DEDICATED}.{column.name}"
                    self._report.add(
                        f"a dedicated column of {scope}s that no meta.json beside the block names; its values are kept "
                        f"as the attribute {key!r}",
                        n=n_values,
                    )
                found.add_column(key, column)
        return found.finish()

    def _name_unknown(self, frame: pl.DataFrame, what: str) -> None:
        """Report columns that no version known here has, where they hold anything."""
        for name in frame.columns:
            if name not in _KNOWN[what] and (n_values := _n_values(frame[name])):
                self._report.add(f"unknown column {name[:40]!r} of {what}s, not read", n=n_values)


def _exploded(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    """Return one row an item of a column of lists, the other columns repeated."""
    return frame.filter(pl.col(column).list.len() > 0).explode(column)


def _n_values(column: pl.Series) -> int:
    """Return how many entries of a column hold anything."""
    if isinstance(column.dtype, pl.List):
        return int((column.list.len() > 0).sum())
    return len(column) - column.null_count()


def _wrong_ids(ids: pl.Series, what: str, n_bytes: int) -> Iterator[tuple[NDArray[np.bool_], str]]:
    """Yield which ids are absent, all zero, or of another length, and what to say of them."""
    size = ids.bin.size().to_numpy()
    yield size == 0, f"no {what}"
    yield (size != 0) & (size != n_bytes), f"{what} of other than {n_bytes} bytes"
    yield ids.is_in([bytes(n_bytes)]).to_numpy(), f"{what} of zeros"


def _text_or_null(texts: pl.Series) -> pl.Series:
    """Return texts, null where empty."""
    return texts.set(texts == "", None)


def _check_required(frame: pl.DataFrame, *names: str) -> None:
    """Raise where a column that blocks have in every row lacks a value.

    Raises
    ------
    ValueError
        The name of the column and how many values it lacks.
    """
    for name in names:
        if n_nulls := frame[name].null_count():
            raise ValueError(f"the column {name} lacks {n_nulls} values")


def _uint64(numbers: pl.Series) -> NDArray[np.uint64]:
    _check_required(numbers.to_frame(), numbers.name)
    return numbers.to_numpy().astype(np.uint64)


def _uint32(numbers: pl.Series) -> NDArray[np.uint32]:
    """Return counts, which a block has as signed numbers."""
    _check_required(numbers.to_frame(), numbers.name)
    return numbers.to_numpy().astype(np.int64).astype(np.uint32)
