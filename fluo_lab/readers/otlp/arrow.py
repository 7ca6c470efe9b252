"""The fast reading of OTLP protobuf: messages straight to Arrow columns, with the odd ones handed back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # ships no types
from numpy.typing import NDArray
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.resource.v1 import resource_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

from fluo_lab.readers.ids import SPAN_ID_BYTES, TRACE_ID_BYTES
from fluo_lab.readers.otlp.descriptors import Decode, Misfit, decode_entries, decode_requests, numbers_of, texts_of
from fluo_lab.readers.otlp.pairs import PairTable
from fluo_lab.traces import AttributeRows, CodedRows, SpanBatch, SpanKind, StatusCode
from fluo_lab.traces.schema import EVENTS, LINKS, RAW_SPANS, SCOPES

__all__ = ["read_messages_fast"]

# What is decoded and taken apart in one go; more than the processor's cache holds is slower.
_PIECE_BYTES = 1 << 20
_MAX_INT64 = 2**63 - 1

Rows = NDArray[Any]


def read_messages_fast(
    messages: Sequence[bytes], pairs: PairTable, *, is_entries: bool
) -> tuple[list[SpanBatch], list[int]]:
    """Return batches of the messages that fit, and the numbers of those that do not, ascending.

    Parameters
    ----------
    messages
        One ``TracesData`` each, or one ``ResourceSpans`` where ``is_entries``.
    pairs
        Distinct attributes met before.
    """
    decode = decode_entries if is_entries else decode_requests
    fitting: list[int] = []
    odd: list[int] = []
    pieces: list[pa.RecordBatch] = []
    first, n_bytes = 0, 0
    for i, message in enumerate(messages, 1):
        n_bytes += len(message)
        if n_bytes >= _PIECE_BYTES or i == len(messages):
            _decode_piece(messages, range(first, i), decode, pieces, fitting, odd)
            first, n_bytes = i, 0
    batches: list[SpanBatch] = []
    if pieces:
        decoded = pa.Table.from_batches(pieces).combine_chunks().to_batches()
        pieces.clear()
        for part in decoded:
            numbers, fitting = fitting[: part.num_rows], fitting[part.num_rows :]
            _read_columns(part, numbers, pairs, is_entries, batches, odd)
    pairs.forget_when_full()
    return batches, sorted(odd)


def _decode_piece(
    messages: Sequence[bytes],
    numbers: range,
    decode: Decode,
    pieces: list[pa.RecordBatch],
    fitting: list[int],
    odd: list[int],
) -> None:
    """Decode some messages; where they fail together, each half."""
    try:
        pieces.append(decode([messages[i] for i in numbers]))
    except ValueError:
        if len(numbers) == 1:
            odd.extend(numbers)
            return
        half = len(numbers) // 2
        _decode_piece(messages, numbers[:half], decode, pieces, fitting, odd)
        _decode_piece(messages, numbers[half:], decode, pieces, fitting, odd)
    else:
        fitting.extend(numbers)


def _read_columns(
    decoded: pa.RecordBatch,
    numbers: Sequence[int],
    pairs: PairTable,
    is_entries: bool,
    batches: list[SpanBatch],
    odd: list[int],
) -> None:
    """Append the batch of decoded messages; where they do not fit together, of each half."""
    try:
        batch, wrong = _Columns(decoded, pairs, is_entries=is_entries).finish()
    except Misfit:
        if len(numbers) == 1:
            odd.extend(numbers)
            return
        half = len(numbers) // 2
        for part in (slice(0, half), slice(half, len(numbers))):
            piece = pa.Table.from_batches([decoded]).take(list(range(*part.indices(len(numbers))))).combine_chunks()
            _read_columns(piece.to_batches()[0], numbers[part], pairs, is_entries, batches, odd)
    else:
        odd.extend(numbers[i] for i in wrong)
        batches.append(batch)


class _Columns:
    """Decoded messages on their way to a batch; an Arrow list is a flat array and where each row begins in it."""

    def __init__(self, decoded: pa.RecordBatch, pairs: PairTable, *, is_entries: bool) -> None:
        self._pairs = pairs
        self._odd: set[int] = set()
        if is_entries:
            self._message = np.arange(decoded.num_rows)
            resources, scope_lists, urls = (decoded.column(name) for name in ("resource", "scope_spans", "schema_url"))
        else:
            requests = decoded.column("resource_spans")
            self._message = _owners(requests)
            entries = requests.values
            resources, scope_lists, urls = (entries.field(name) for name in ("resource", "scope_spans", "schema_url"))
        groups = scope_lists.values
        spans = groups.field("spans")
        texts_of(urls)
        texts_of(groups.field("schema_url"))
        self._entry = _owners(scope_lists)
        self._group = _owners(spans)
        self._resources, self._resource_of = _distinct(resources)
        self._scopes, self._scope_of = _distinct(groups.field("scope"))
        self._spans = spans.values
        self._message_of_span = self._message[self._entry[self._group]]

    def finish(self) -> tuple[SpanBatch, list[int]]:
        """Return the spans of all messages but those with something odd, and the numbers of these."""
        spans, of_span = self._spans, self._message_of_span
        resources = self._parse(self._resources, resource_pb2.Resource)
        scopes = self._parse(self._scopes, common_pb2.InstrumentationScope)
        resource_attributes, wrong = self._attributes_of(resources)
        self._odd.update(self._message[np.isin(self._resource_of, wrong)].tolist())
        scope_attributes, wrong = self._attributes_of(scopes)
        self._odd.update(self._message[self._entry[np.isin(self._scope_of, wrong)]].tolist())

        attributes = self._attributes(spans.field("attributes"), of_span)
        events, links = spans.field("events"), spans.field("links")
        event_span, link_span = _owners(events), _owners(links)
        event_attributes = self._attributes(events.values.field("attributes"), of_span[event_span])
        link_attributes = self._attributes(links.values.field("attributes"), of_span[link_span])
        batch = SpanBatch(
            spans=self._span_frame(),
            attributes=attributes,
            n_resources=len(resources),
            resource_attributes=resource_attributes,
            scopes=pl.DataFrame(
                {"name": [one.name or None for one in scopes], "version": [one.version or None for one in scopes]},
                schema=SCOPES,
            ),
            scope_attributes=scope_attributes,
            events=self._event_frame(events.values, event_span),
            event_attributes=event_attributes,
            links=self._link_frame(links.values, link_span),
            link_attributes=link_attributes,
        )
        odd = sorted(self._odd)
        return batch.of(~np.isin(of_span, odd)) if odd else batch, odd

    def _parse(self, texts: list[bytes], message: Any) -> list[Any]:
        """Return distinct messages."""
        try:
            return [message.FromString(text) for text in texts]
        except DecodeError as error:
            raise Misfit(str(error)) from error

    def _attributes_of(self, owners: Sequence[Any]) -> tuple[CodedRows, Rows]:
        """Return the attributes of parsed resources or scopes, and which owners have odd ones."""
        lists = [[pair.SerializeToString() for pair in owner.attributes] for owner in owners]
        owner = np.repeat(np.arange(len(lists), dtype=np.uint32), [len(one) for one in lists])
        return self._pairs.rows(owner, self._pairs.codes([text for one in lists for text in one]))

    def _attributes(self, lists: pa.ListArray, message_of: Rows) -> AttributeRows | CodedRows:
        """Return the attributes of spans, events or links."""
        if not len(lists.values):
            return AttributeRows()
        encoded = pc.dictionary_encode(lists.values)
        codes = self._pairs.codes(encoded.dictionary.to_pylist())
        owner = _owners(lists).astype(np.uint32)
        rows, wrong = self._pairs.rows(owner, codes[numbers_of(encoded.indices)])
        self._odd.update(message_of[wrong].tolist())
        return rows

    def _span_frame(self) -> pl.DataFrame:
        spans, of = self._spans, self._message_of_span
        status, message = self._statuses()
        columns = {
            "trace_id": self._ids(spans.field("trace_id"), TRACE_ID_BYTES, of),
            "span_id": self._ids(spans.field("span_id"), SPAN_ID_BYTES, of),
            "parent_span_id": self._ids(spans.field("parent_span_id"), SPAN_ID_BYTES, of, is_optional=True),
            "name": texts_of(spans.field("name")),
            "kind": self._codes(numbers_of(spans.field("kind")), max(SpanKind), of),
            "status": status,
            "status_message": message,
            "start_ns": self._times(spans.field("start_time_unix_nano"), of),
            "end_ns": self._times(spans.field("end_time_unix_nano"), of),
            "resource": self._resource_of[self._entry[self._group]],
            "scope": self._scope_of[self._group],
            "trace_state": texts_of(spans.field("trace_state"), is_optional=True),
            "flags": numbers_of(spans.field("flags")),
            "dropped_attributes": numbers_of(spans.field("dropped_attributes_count")),
            "dropped_events": numbers_of(spans.field("dropped_events_count")),
            "dropped_links": numbers_of(spans.field("dropped_links_count")),
        }
        return pl.DataFrame(columns, schema=RAW_SPANS)

    def _event_frame(self, events: pa.StructArray, span: Rows) -> pl.DataFrame:
        columns = {
            "span": span.astype(np.uint32),
            "name": texts_of(events.field("name")),
            "time_ns": self._times(events.field("time_unix_nano"), self._message_of_span[span]),
            "dropped_attributes": numbers_of(events.field("dropped_attributes_count")),
        }
        return pl.DataFrame(columns, schema=EVENTS)

    def _link_frame(self, links: pa.StructArray, span: Rows) -> pl.DataFrame:
        of = self._message_of_span[span]
        columns = {
            "span": span.astype(np.uint32),
            "trace_id": self._ids(links.field("trace_id"), TRACE_ID_BYTES, of),
            "span_id": self._ids(links.field("span_id"), SPAN_ID_BYTES, of),
            "trace_state": texts_of(links.field("trace_state"), is_optional=True),
            "flags": numbers_of(links.field("flags")),
            "dropped_attributes": numbers_of(links.field("dropped_attributes_count")),
        }
        return pl.DataFrame(columns, schema=LINKS)

    def _statuses(self) -> tuple[Rows, pl.Series]:
        """Return code and message of every span's status."""
        texts, numbers = _distinct(self._spans.field("status"))
        statuses = self._parse(texts, trace_pb2.Status)
        codes = np.array([one.code for one in statuses], dtype=np.int64)
        messages = pl.Series([one.message or None for one in statuses], dtype=pl.String)
        return self._codes(codes[numbers], max(StatusCode), self._message_of_span), messages.gather(numbers)

    def _ids(self, values: pa.Array, n_bytes: int, message_of: Rows, *, is_optional: bool = False) -> pl.Series:
        """Return ids as hexadecimal digits; null where absent, which is odd unless optional."""
        data = pl.Series(values, dtype=pl.Binary)
        length = data.bin.size()
        wrong = length != n_bytes
        ids = data.bin.encode("hex")
        absent = ids == "0" * (2 * n_bytes)
        if is_optional:
            absent |= length == 0
            wrong &= ~absent
        else:
            wrong |= absent
        if absent.any():
            ids = ids.set(absent, None)
        if wrong.any():
            self._odd.update(message_of[wrong.to_numpy()].tolist())
        return ids

    def _times(self, values: pa.Array, message_of: Rows) -> pl.Series:
        numbers = numbers_of(values)
        beyond = numbers > _MAX_INT64
        if beyond.any():
            self._odd.update(message_of[beyond].tolist())
        return pl.Series(numbers.astype(np.int64))

    def _codes(self, numbers: Rows, high: int, message_of: Rows) -> Rows:
        """Return the numbers of an enum; others are odd."""
        wrong = (numbers < 0) | (numbers > high)
        if wrong.any():
            self._odd.update(message_of[wrong].tolist())
            numbers = np.where(wrong, 0, numbers)
        return numbers.astype(np.uint8)


def _owners(lists: pa.ListArray) -> Rows:
    """Return for every value in the lists the row whose list it is in."""
    return np.repeat(np.arange(len(lists)), np.diff(numbers_of(lists.offsets)))


def _distinct(parts: pa.ListArray) -> tuple[list[bytes], Rows]:
    """Return distinct messages, each given in no part, one or several, and the number of each row's."""
    n_parts = np.diff(numbers_of(parts.offsets))
    if (n_parts == 1).all() and len(parts):
        encoded = pc.dictionary_encode(parts.values)
        return encoded.dictionary.to_pylist(), numbers_of(encoded.indices).astype(np.uint32)
    if (n_parts <= 1).all():
        encoded = pc.dictionary_encode(parts.values)
        numbers = np.zeros(len(parts), dtype=np.uint32)
        numbers[n_parts == 1] = numbers_of(encoded.indices) + 1
        return [b"", *encoded.dictionary.to_pylist()], numbers
    code_of: dict[bytes, int] = {}
    joined = [b"".join(found) for found in parts.to_pylist()]
    return list(dict.fromkeys(joined)), np.array(
        [code_of.setdefault(text, len(code_of)) for text in joined], dtype=np.uint32
    )
