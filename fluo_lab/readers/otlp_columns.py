"""From parsed requests to columns: one list comprehension a field, over few requests at a time.

A request is parsed and taken apart while it is still in the processor's cache; numbers, ids and times are checked
column by column at the end. Nothing is repaired: lines or messages with anything odd in them are handed back
for the exact reading.
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
from fluo_lab.readers.otlp_pairs import PairCodes
from fluo_lab.readers.otlp_wire import Wire
from fluo_lab.traces import AttributeRows, SpanBatch, SpanKind, StatusCode
from fluo_lab.traces.schema import EVENTS, LINKS, RAW_SPANS, SCOPES

__all__ = ["RequestColumns"]

_HEX_DIGITS = b"0123456789abcdef"

Rows = NDArray[Any]


class RequestColumns:
    """Takes requests, one a line or message, and makes one batch of them.

    Parameters
    ----------
    wire
        The encoding the requests come from.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._resource_of: defaultdict[bytes, int] = defaultdict(count().__next__)
        self._scope_of: defaultdict[bytes, int] = defaultdict(count().__next__)
        self._entries_per_line: list[int] = []
        self._resources: list[int] = []
        self._scopes_per_entry: list[int] = []
        self._scopes: list[int] = []
        self._spans_per_scope: list[int] = []
        self._spans: dict[str, list[Any]] = {name: [] for name in (*RAW_SPANS, "event", "link")}
        self._attributes = PairCodes(wire.read_pairs)
        self._events: list[Any] = []
        self._event_span: list[int] = []
        self._links: list[Any] = []
        self._link_span: list[int] = []

    def add(self, requests: Sequence[Any]) -> None:
        """Take the next requests."""
        entries = list(chain.from_iterable([request.resource_spans for request in requests]))
        groups = list(chain.from_iterable([entry.scope_spans for entry in entries]))
        self._entries_per_line += [len(request.resource_spans) for request in requests]
        self._resources += self._encode([entry.resource for entry in entries], self._resource_of)
        self._scopes_per_entry += [len(entry.scope_spans) for entry in entries]
        self._scopes += self._encode([group.scope for group in groups], self._scope_of)
        self._spans_per_scope += [len(group.spans) for group in groups]
        self._add_spans(list(chain.from_iterable([group.spans for group in groups])))

    def _add_spans(self, spans: Sequence[Any]) -> None:
        into = self._spans
        first = len(into["trace_id"])
        into["trace_id"] += self._wire.show_ids([span.trace_id for span in spans])
        into["span_id"] += self._wire.show_ids([span.span_id for span in spans])
        into["parent_span_id"] += self._wire.show_ids([span.parent_span_id for span in spans])
        into["name"] += [span.name for span in spans]
        into["kind"] += [span.kind for span in spans]
        into["status"] += [span.status.code for span in spans]
        into["status_message"] += [span.status.message for span in spans]
        into["start_ns"] += [span.start_time_unix_nano for span in spans]
        into["end_ns"] += [span.end_time_unix_nano for span in spans]
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
        """Return the batch and the numbers of the lines with something odd; where there is any, it is of no use."""
        line = np.repeat(np.arange(len(self._entries_per_line)), self._entries_per_line)
        entry = np.repeat(np.arange(len(self._resources)), self._scopes_per_entry)
        group = np.repeat(np.arange(len(self._scopes)), self._spans_per_scope)
        resource = np.array(self._resources, dtype=np.uint32)
        scope = np.array(self._scopes, dtype=np.uint32)
        entry_of_span = entry[group]
        odd = _OddLines()

        attributes, wrong = self._attributes.finish()
        odd.add(line[entry_of_span[wrong]])
        resources, unread = self._describe(self._resource_of, self._wire.decode_resource)
        resource_attributes, wrong = self._attributes_of(resources)
        odd.add(line[np.isin(resource, [*unread, *wrong])])
        scopes, unread = self._describe(self._scope_of, self._wire.decode_scope)
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
        return batch, odd.numbers()

    def _span_frame(self, resource: Rows, scope: Rows, odd: _OddLines, line: Rows) -> pl.DataFrame:
        of = self._spans
        columns = {
            "trace_id": _ids(of["trace_id"], TRACE_ID_BYTES, odd, line),
            "span_id": _ids(of["span_id"], SPAN_ID_BYTES, odd, line),
            "parent_span_id": _ids(of["parent_span_id"], SPAN_ID_BYTES, odd, line, is_optional=True),
            "name": of["name"],
            "kind": _codes(of["kind"], max(SpanKind), odd, line),
            "status": _codes(of["status"], max(StatusCode), odd, line),
            "status_message": _texts_or_null(of["status_message"]),
            "start_ns": self._times(of["start_ns"], odd, line),
            "end_ns": self._times(of["end_ns"], odd, line),
            "resource": resource,
            "scope": scope,
            "trace_state": _texts_or_null(of["trace_state"]),
            "flags": _numbers(of["flags"]),
            "dropped_attributes": _numbers(of["dropped_attributes"]),
            "dropped_events": _numbers(of["dropped_events"]),
            "dropped_links": _numbers(of["dropped_links"]),
        }
        return pl.DataFrame(columns, schema=RAW_SPANS)

    def _event_frame(self, span: Rows, odd: _OddLines, line: Rows) -> pl.DataFrame:
        columns = {
            "span": span.astype(np.uint32),
            "name": [event.name for event in self._events],
            "time_ns": self._times([event.time_unix_nano for event in self._events], odd, line),
            "dropped_attributes": _numbers([event.dropped_attributes_count for event in self._events]),
        }
        return pl.DataFrame(columns, schema=EVENTS)

    def _link_frame(self, span: Rows, odd: _OddLines, line: Rows) -> pl.DataFrame:
        show = self._wire.show_ids
        columns = {
            "span": span.astype(np.uint32),
            "trace_id": _ids(show([link.trace_id for link in self._links]), TRACE_ID_BYTES, odd, line),
            "span_id": _ids(show([link.span_id for link in self._links]), SPAN_ID_BYTES, odd, line),
            "trace_state": _texts_or_null([link.trace_state for link in self._links]),
            "flags": _numbers([link.flags for link in self._links]),
            "dropped_attributes": _numbers([link.dropped_attributes_count for link in self._links]),
        }
        return pl.DataFrame(columns, schema=LINKS)

    def _encode(self, described: Sequence[Any], code_of: defaultdict[bytes, int]) -> list[int]:
        """Return the number of each resource or scope; a new one gets the next."""
        return list(map(code_of.__getitem__, map(self._wire.join, described)))

    def _describe(self, texts: Iterable[bytes], decode: Callable[[bytes], Any]) -> tuple[list[Any], list[int]]:
        """Return resources or scopes, and the numbers of those that do not fit."""
        found: list[Any] = []
        unread: list[int] = []
        for i, text in enumerate(texts):
            try:
                found.append(decode(text or self._wire.nothing))
            except self._wire.faults:
                found.append(decode(self._wire.nothing))
                unread.append(i)
        return found, unread

    def _attributes_of(self, owners: Sequence[Any]) -> tuple[AttributeRows, Rows]:
        """Return the rows of attributes, and which owners have odd ones."""
        pairs = PairCodes(self._wire.read_pairs)
        pairs.add([owner.attributes for owner in owners])
        return pairs.finish()

    def _times(self, values: list[Any], odd: _OddLines, line: Rows) -> pl.Series:
        numbers, wrong = self._wire.read_times(values)
        odd.add(line[wrong])
        return numbers


class _OddLines:
    """The numbers of lines that only the exact reading understands."""

    def __init__(self) -> None:
        self._found: set[int] = set()

    def add(self, lines: Rows) -> None:
        self._found.update(lines.tolist())

    def numbers(self) -> list[int]:
        return sorted(self._found)


def _codes(values: Sequence[int], high: int, odd: _OddLines, line: Rows) -> NDArray[np.uint8]:
    """Return the numbers of an enum; others are odd."""
    if values and (min(values) < 0 or max(values) > high):
        numbers = np.array(values)
        wrong = (numbers < 0) | (numbers > high)
        odd.add(line[wrong])
        return np.where(wrong, 0, numbers).astype(np.uint8)
    return np.frombuffer(bytes(values), dtype=np.uint8)


def _numbers(values: Sequence[int]) -> NDArray[np.uint32]:
    return np.array(values, dtype=np.uint32) if any(values) else np.zeros(len(values), dtype=np.uint32)


def _texts_or_null(values: Sequence[str]) -> pl.Series:
    """Return texts, null where empty."""
    if not any(values):
        return pl.Series([None], dtype=pl.String).new_from_index(0, len(values))
    series = pl.Series(values, dtype=pl.String)
    return series.set(series == "", None)


def _ids(values: Sequence[str], n_bytes: int, odd: _OddLines, line: Rows, *, is_optional: bool = False) -> pl.Series:
    """Return ids in lower case; null where absent, which is odd unless optional."""
    digits = 2 * n_bytes
    series = pl.Series(values, dtype=pl.String)
    length = series.str.len_bytes()
    wrong = length != digits
    letters = "".join(values)
    if not letters.isascii() or letters.encode().translate(None, _HEX_DIGITS):
        wrong |= ~series.str.contains("^[0-9a-fA-F]*$")
        series = series.str.to_lowercase()
    absent = series == "0" * digits
    if is_optional:
        absent |= length == 0
        wrong &= ~absent
        if absent.any():
            series = series.set(absent, None)
    else:
        wrong |= absent
    if wrong.any():
        odd.add(line[wrong.to_numpy()])
    return series
