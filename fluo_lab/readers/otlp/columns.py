"""From parsed OTLP/JSON requests to columns: one list comprehension a field, over few requests at a time.

A request is parsed and taken apart while it is still in the processor's cache; numbers, ids and times are checked
column by column at the end. Nothing is repaired: lines with anything odd in them are left out and handed back for the
exact reading.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, count
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fluo_lab.readers.ids import SPAN_ID_BYTES, TRACE_ID_BYTES
from fluo_lab.readers.otlp.fixed_texts import FixedTexts, hex_texts, parse_ids, parse_times, time_texts
from fluo_lab.readers.otlp.lists import AttributeLists
from fluo_lab.readers.otlp.pairs import PairTable
from fluo_lab.readers.otlp.structs import MISFITS, Event, Link, Request, Span, decode_resource, decode_scope
from fluo_lab.traces import CodedRows, SpanBatch
from fluo_lab.traces.schema import EVENTS, LINKS, RAW_SPANS, SCOPES

__all__ = ["RequestColumns"]

# What most spans have instead of a parent's id is nothing; zeros mean the same and have the width of an id.
_NO_ID = "0" * 2 * SPAN_ID_BYTES
_LISTED = ("name", "kind", "status", "status_message", "trace_state", "flags")
_DROPPED = ("dropped_attributes", "dropped_events", "dropped_links")

Rows = NDArray[Any]


class RequestColumns:
    """Takes requests, one a line, and makes one batch of them.

    Parameters
    ----------
    pairs
        Distinct attributes met before.
    """

    def __init__(self, pairs: PairTable) -> None:
        self._pairs = pairs
        self._resource_of: defaultdict[bytes, int] = defaultdict(count().__next__)
        self._scope_of: defaultdict[bytes, int] = defaultdict(count().__next__)
        self._entries_per_line: list[int] = []
        self._resources: list[int] = []
        self._scopes_per_entry: list[int] = []
        self._scopes: list[int] = []
        self._spans_per_scope: list[int] = []
        self._trace_ids, self._span_ids = hex_texts(TRACE_ID_BYTES), hex_texts(SPAN_ID_BYTES)
        self._parent_ids = hex_texts(SPAN_ID_BYTES)
        self._starts, self._ends = time_texts(), time_texts()
        self._listed: dict[str, list[Any]] = {name: [] for name in (*_LISTED, *_DROPPED)}
        self._attributes = AttributeLists(pairs)
        self._events: list[Event] = []
        self._event_span: list[int] = []
        self._links: list[Link] = []
        self._link_span: list[int] = []

    def add(self, requests: Sequence[Request]) -> None:
        """Take the next requests."""
        entries = list(chain.from_iterable([request.resource_spans for request in requests]))
        groups = list(chain.from_iterable([entry.scope_spans for entry in entries]))
        self._entries_per_line += [len(request.resource_spans) for request in requests]
        self._resources += map(self._resource_of.__getitem__, [bytes(entry.resource) for entry in entries])
        self._scopes_per_entry += [len(entry.scope_spans) for entry in entries]
        self._scopes += map(self._scope_of.__getitem__, [bytes(group.scope) for group in groups])
        self._spans_per_scope += [len(group.spans) for group in groups]
        self._add_spans(list(chain.from_iterable([group.spans for group in groups])))

    def _add_spans(self, spans: Sequence[Span]) -> None:
        into = self._listed
        first = len(self._trace_ids)
        self._trace_ids.add([span.trace_id for span in spans])
        self._span_ids.add([span.span_id for span in spans])
        self._parent_ids.add([span.parent_span_id or _NO_ID for span in spans])
        self._starts.add([span.start_time_unix_nano for span in spans])
        self._ends.add([span.end_time_unix_nano for span in spans])
        into["name"] += [span.name for span in spans]
        into["kind"] += [span.kind for span in spans]
        into["status"] += [span.status.code for span in spans]
        into["status_message"] += [span.status.message for span in spans]
        into["trace_state"] += [span.trace_state for span in spans]
        into["flags"] += [span.flags for span in spans]
        into["dropped_attributes"] += [span.dropped_attributes_count for span in spans]
        into["dropped_events"] += [span.dropped_events_count for span in spans]
        into["dropped_links"] += [span.dropped_links_count for span in spans]
        self._attributes.add([span.attributes for span in spans])
        for i, span in enumerate(spans, first):
            if span.events:
                self._events += span.events
                self._event_span += [i] * len(span.events)
            if span.links:
                self._links += span.links
                self._link_span += [i] * len(span.links)

    def finish(self) -> tuple[SpanBatch, list[int]]:
        """Return the spans of all lines but those with something odd, and the numbers of these."""
        line = np.repeat(np.arange(len(self._entries_per_line)), self._entries_per_line)
        entry = np.repeat(np.arange(len(self._resources)), self._scopes_per_entry)
        group = np.repeat(np.arange(len(self._scopes)), self._spans_per_scope)
        resource = np.array(self._resources, dtype=np.uint32)
        scope = np.array(self._scopes, dtype=np.uint32)
        entry_of_span = entry[group]
        odd = _OddLines()

        attributes, wrong = self._attributes.finish()
        odd.add(line[entry_of_span[wrong]])
        resources, unread = _describe(self._resource_of, decode_resource)
        resource_attributes, wrong = self._attributes_of(resources)
        odd.add(line[np.isin(resource, [*unread, *wrong])])
        scopes, unread = _describe(self._scope_of, decode_scope)
        scope_attributes, wrong = self._attributes_of(scopes)
        odd.add(line[entry[np.isin(scope, [*unread, *wrong])]])

        spans = self._span_frame(resource[entry_of_span], scope[group], odd, line[entry_of_span])
        event_span, link_span = np.array(self._event_span, np.int64), np.array(self._link_span, np.int64)
        event_line, link_line = line[entry_of_span[event_span]], line[entry_of_span[link_span]]
        event_attributes, wrong = self._attributes_of(self._events)
        odd.add(event_line[wrong])
        link_attributes, wrong = self._attributes_of(self._links)
        odd.add(link_line[wrong])
        batch = SpanBatch(
            spans=spans,
            attributes=attributes,
            n_resources=len(resources),
            resource_attributes=resource_attributes,
            scopes=pl.DataFrame(
                {
                    "name": _texts_or_null([found.name for found in scopes]),
                    "version": _texts_or_null([found.version for found in scopes]),
                },
                schema=SCOPES,
            ),
            scope_attributes=scope_attributes,
            events=self._event_frame(event_span, odd, event_line),
            event_attributes=event_attributes,
            links=self._link_frame(link_span, odd, link_line),
            link_attributes=link_attributes,
        )
        numbers = odd.numbers()
        return batch.of(~np.isin(line[entry_of_span], numbers)) if numbers else batch, numbers

    def _span_frame(self, resource: Rows, scope: Rows, odd: _OddLines, line: Rows) -> pl.DataFrame:
        of = self._listed
        columns = {
            "trace_id": odd.sift(parse_ids(self._trace_ids), line),
            "span_id": odd.sift(parse_ids(self._span_ids), line),
            "parent_span_id": odd.sift(parse_ids(self._parent_ids, is_optional=True), line),
            "name": of["name"],
            "kind": np.frombuffer(bytes(of["kind"]), dtype=np.uint8),
            "status": np.frombuffer(bytes(of["status"]), dtype=np.uint8),
            "status_message": _texts_or_null(of["status_message"]),
            "start_ns": odd.sift(parse_times(self._starts), line),
            "end_ns": odd.sift(parse_times(self._ends), line),
            "resource": resource,
            "scope": scope,
            "trace_state": _texts_or_null(of["trace_state"]),
            "flags": _numbers(of["flags"]),
            **{name: _numbers(of[name]) for name in _DROPPED},
        }
        return pl.DataFrame(columns, schema=RAW_SPANS)

    def _event_frame(self, span: Rows, odd: _OddLines, line: Rows) -> pl.DataFrame:
        times = _filled(time_texts(), [event.time_unix_nano for event in self._events])
        columns = {
            "span": span.astype(np.uint32),
            "name": [event.name for event in self._events],
            "time_ns": odd.sift(parse_times(times), line),
            "dropped_attributes": _numbers([event.dropped_attributes_count for event in self._events]),
        }
        return pl.DataFrame(columns, schema=EVENTS)

    def _link_frame(self, span: Rows, odd: _OddLines, line: Rows) -> pl.DataFrame:
        trace_ids = _filled(hex_texts(TRACE_ID_BYTES), [link.trace_id for link in self._links])
        span_ids = _filled(hex_texts(SPAN_ID_BYTES), [link.span_id for link in self._links])
        columns = {
            "span": span.astype(np.uint32),
            "trace_id": odd.sift(parse_ids(trace_ids), line),
            "span_id": odd.sift(parse_ids(span_ids), line),
            "trace_state": _texts_or_null([link.trace_state for link in self._links]),
            "flags": _numbers([link.flags for link in self._links]),
            "dropped_attributes": _numbers([link.dropped_attributes_count for link in self._links]),
        }
        return pl.DataFrame(columns, schema=LINKS)

    def _attributes_of(self, owners: Sequence[Any]) -> tuple[CodedRows, Rows]:
        """Return the attributes, and which owners have odd ones."""
        lists = [owner.attributes for owner in owners]
        owner = np.repeat(np.arange(len(lists), dtype=np.uint32), list(map(len, lists)))
        return self._pairs.rows(owner, self._pairs.codes(map(bytes, chain.from_iterable(lists))))


class _OddLines:
    """The numbers of lines that only the exact reading understands."""

    def __init__(self) -> None:
        self._found: set[int] = set()

    def add(self, lines: Rows) -> None:
        self._found.update(lines.tolist())

    def sift(self, parsed: tuple[pl.Series, NDArray[np.bool_]], line: Rows) -> pl.Series:
        """Return a column, with the lines noted where it is wrong."""
        values, wrong = parsed
        if wrong.any():
            self.add(line[wrong])
        return values

    def numbers(self) -> list[int]:
        return sorted(self._found)


def _describe(texts: Iterable[bytes], decode: Callable[[bytes], Any]) -> tuple[list[Any], list[int]]:
    """Return resources or scopes, and the numbers of those that do not fit."""
    found: list[Any] = []
    unread: list[int] = []
    for i, text in enumerate(texts):
        try:
            found.append(decode(text or b"{}"))
        except MISFITS:
            found.append(decode(b"{}"))
            unread.append(i)
    return found, unread


def _filled(texts: FixedTexts, values: list[str]) -> FixedTexts:
    texts.add(values)
    return texts


def _numbers(values: Sequence[int]) -> NDArray[np.uint32]:
    return np.array(values, dtype=np.uint32) if any(values) else np.zeros(len(values), dtype=np.uint32)


def _texts_or_null(values: Sequence[str]) -> pl.Series:
    """Return texts, null where empty."""
    if not any(values):
        return pl.Series([None], dtype=pl.String).new_from_index(0, len(values))
    series = pl.Series(values, dtype=pl.String)
    return series.set(series == "", None)
