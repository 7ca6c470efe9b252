"""From the store to export requests: whole traces, in them resources, in them scopes, in them spans by start.

A block of some hundred thousand spans is taken out of the store at once, and encoded request by request, so that memory
does not grow with the store. How a part is written is the encoding's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fluo_lab.errors import UsageError
from fluo_lab.traces import AttributeRows, Traces, ValueType
from fluo_lab.traces.schema import ATTRIBUTE_ROWS
from fluo_lab.traces.unbuild import to_batch
from fluo_lab.writers.attributes import Pieces, Rows, distinct_rows, join_pieces
from fluo_lab.writers.encoding import FACE, Encoding
from fluo_lab.writers.losses import check_times, warn_of_losses
from fluo_lab.writers.otlp_ids import SPAN_ID_BYTES, TRACE_ID_BYTES, foreign_ids, hex_ids

__all__ = ["check_traces_per_request", "encode_requests"]

_BLOCK_SPANS = 200_000
_PIECE_SPANS = 4_000

_EVENT_FACE = ("name", "dropped_attributes")
_LINK_FACE = ("trace_state", "flags", "dropped_attributes")

_LINK_IDS: Final = {"trace_id": TRACE_ID_BYTES, "span_id": SPAN_ID_BYTES}
_SPAN_IDS: Final = {**_LINK_IDS, "parent_span_id": SPAN_ID_BYTES}


def encode_requests(traces: Traces, encoding: Encoding, *, traces_per_request: int) -> Iterator[bytes]:
    """Return the requests of a store, some together, in order of the traces' starts.

    Raises
    ------
    UsageError
        A span or event is before 1970.

    Warns
    -----
    LossWarning
        Ids had to be replaced, or the store knows of missing spans.
    """
    check_times(traces)
    warn_of_losses(traces)
    return _encode(traces, encoding, traces_per_request)


def _encode(traces: Traces, encoding: Encoding, traces_per_request: int) -> Iterator[bytes]:
    sizes = traces.traces["n_spans"].to_numpy().astype(np.int64)
    # The span row at which each request begins, and the last one ends.
    starts = np.concatenate([[0], np.cumsum(np.add.reduceat(sizes, np.arange(0, len(sizes), traces_per_request)))])
    for first, stop in _cut(starts, _BLOCK_SPANS):
        block = _Block(traces, int(starts[first]), int(starts[stop]), encoding, traces_per_request)
        within = starts[first : stop + 1] - starts[first]
        for a, b in _cut(within, _PIECE_SPANS):
            yield block.encode(int(within[a]), int(within[b]))


def check_traces_per_request(number: int, name: str) -> None:
    """Raise where a request would hold no trace.

    Raises
    ------
    UsageError
        The number is not positive.
    """
    if number < 1:
        raise UsageError(f"{name} is {number}: a request holds at least one trace")


def _cut(starts: NDArray[Any], n_spans: int) -> Iterator[tuple[int, int]]:
    """Yield ranges of requests of together about as many spans, at least one request each."""
    first = 0
    while first < len(starts) - 1:
        stop = int(np.searchsorted(starts, starts[first] + n_spans, side="right")) - 1
        stop = max(stop, first + 1)
        yield first, stop
        first = stop


class _Block:
    """The spans of some rows of the store, ready to be encoded in any part."""

    def __init__(self, traces: Traces, first: int, stop: int, encoding: Encoding, traces_per_request: int) -> None:
        kept = np.zeros(traces.n_spans, dtype=np.bool_)
        kept[first:stop] = True
        batch = to_batch(traces, kept)
        spans, attributes = _with_hex_ids(batch.spans, batch.attributes, _SPAN_IDS)
        links, link_attributes = _with_hex_ids(batch.links, batch.link_attributes, _LINK_IDS)
        self._encoding = encoding
        self._spans = spans.select("trace_id", "span_id", "parent_span_id", "start_ns", "end_ns")
        self._request = traces.trace_of[first:stop].astype(np.int64) // traces_per_request
        self._resource, self._scope = spans["resource"].to_numpy(), spans["scope"].to_numpy()
        self._attributes = Pieces(attributes, spans.height, encoding.attribute_of("span"))
        self._faces = _Faces(spans.select(FACE), encoding.face)

        self._event_bounds = _bounds(batch.events["span"], spans.height)
        self._events = batch.events
        self._event_attributes = Pieces(batch.event_attributes, batch.events.height, encoding.attribute_of("event"))
        self._event_faces = _Faces(batch.events.select(_EVENT_FACE), encoding.event_face)

        self._link_bounds = _bounds(links["span"], spans.height)
        self._links = links
        self._link_attributes = Pieces(link_attributes, links.height, encoding.attribute_of("link"))
        self._link_faces = _Faces(links.select(_LINK_FACE), encoding.link_face)

        resource_attributes = Pieces(batch.resource_attributes, batch.n_resources, encoding.attribute_of("resource"))
        scope_attributes = Pieces(batch.scope_attributes, batch.scopes.height, encoding.attribute_of("scope"))
        self._resources = {
            i: encoding.resource(resource_attributes.joined(i, i + 1, encoding.separator)[0])
            for i in np.unique(self._resource).tolist()
        }
        names, versions = batch.scopes["name"], batch.scopes["version"]
        self._scopes = {
            i: encoding.scope(names[i], versions[i], scope_attributes.joined(i, i + 1, encoding.separator)[0])
            for i in np.unique(self._scope).tolist()
        }

    def encode(self, first: int, stop: int) -> bytes:
        """Return the requests that consist of a range of the block's rows."""
        spans = self._encode_spans(first, stop)
        request, resource, scope = (part[first:stop] for part in (self._request, self._resource, self._scope))
        order = np.lexsort((scope, resource, request))
        new_request = _changes(request[order])
        new_resource = new_request | _changes(resource[order])
        new_scope = new_resource | _changes(scope[order])
        begins = np.flatnonzero(new_scope)
        ends = np.append(begins[1:], len(order)).tolist()
        leaders = order[begins]
        rows = order.tolist()
        encoding = self._encoding
        requests: list[bytes] = []
        entries: list[bytes] = []
        groups: list[bytes] = []
        for begin, end, of_resource, of_scope, is_last_of_resource, is_last_of_request in zip(
            begins.tolist(),
            ends,
            resource[leaders].tolist(),
            scope[leaders].tolist(),
            np.append(new_resource[begins][1:], True).tolist(),
            np.append(new_request[begins][1:], True).tolist(),
            strict=True,
        ):
            groups.append(encoding.scope_spans(self._scopes[of_scope], [spans[row] for row in rows[begin:end]]))
            if is_last_of_resource:
                entries.append(encoding.resource_spans(self._resources[of_resource], groups))
                groups = []
            if is_last_of_request:
                requests.append(encoding.request(entries))
                entries = []
        return b"".join(requests)

    def _encode_spans(self, first: int, stop: int) -> list[bytes]:
        encoding = self._encoding
        return encoding.spans(
            self._spans[first:stop],
            self._faces.of(first, stop),
            self._attributes.joined(first, stop, encoding.separator),
            self._encode_events(first, stop),
            self._encode_links(first, stop),
        )

    def _encode_events(self, first: int, stop: int) -> list[bytes]:
        bounds = self._event_bounds[first : stop + 1]
        a, b = int(bounds[0]), int(bounds[-1])
        encoding = self._encoding
        attributes = self._event_attributes.joined(a, b, encoding.separator)
        events = encoding.events(self._events["time_ns"][a:b], self._event_faces.of(a, b), attributes)
        return join_pieces(events, bounds - a, encoding.separator)

    def _encode_links(self, first: int, stop: int) -> list[bytes]:
        bounds = self._link_bounds[first : stop + 1]
        a, b = int(bounds[0]), int(bounds[-1])
        encoding = self._encoding
        attributes = self._link_attributes.joined(a, b, encoding.separator)
        rows = self._links[a:b]
        links = encoding.links(rows["trace_id"], rows["span_id"], self._link_faces.of(a, b), attributes)
        return join_pieces(links, bounds - a, encoding.separator)


class _Faces:
    """Fields that many rows have in common, encoded once for each combination."""

    def __init__(self, frame: pl.DataFrame, encode: Callable[[dict[str, Any]], bytes]) -> None:
        distinct, self._codes = distinct_rows(frame)
        self._encoded: list[bytes] = [encode(row) for row in distinct.iter_rows(named=True)]

    def of(self, first: int, stop: int) -> list[bytes]:
        """Return the fields of a range of rows."""
        return [self._encoded[code] for code in self._codes[first:stop].tolist()]


def _bounds(owner: pl.Series, n_owners: int) -> NDArray[np.int64]:
    """Return where the rows of each owner begin; owners ascend."""
    bounds = np.zeros(n_owners + 1, dtype=np.int64)
    np.cumsum(np.bincount(owner.to_numpy(), minlength=n_owners), out=bounds[1:])
    return bounds


def _changes(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Return where a value differs from the one before it; the first does."""
    return np.append(True, values[1:] != values[:-1])


def _with_hex_ids(frame: pl.DataFrame, attributes: Rows, n_bytes_of: dict[str, int]) -> tuple[pl.DataFrame, Rows]:
    """Return spans or links with a hash for every foreign id, and the id itself among the attributes."""
    for column, n_bytes in n_bytes_of.items():
        ids = frame[column]
        foreign = foreign_ids(ids, n_bytes)
        if foreign.any():
            attributes = _with_texts(attributes, f"fluo_lab.{column}", foreign.arg_true(), ids.filter(foreign))
            frame = frame.with_columns(hex_ids(ids, foreign, n_bytes).alias(column))
    return frame, attributes


def _with_texts(attributes: Rows, key: str, owners: pl.Series, texts: pl.Series) -> AttributeRows:
    """Return attributes with a text more for some owners."""
    added = pl.DataFrame(
        {
            "owner": owners,
            "key": np.full(len(owners), len(attributes.keys)),
            "type": np.full(len(owners), int(ValueType.TEXT)),
            "text": np.arange(len(owners)) + len(attributes.texts),
        },
        schema_overrides={name: ATTRIBUTE_ROWS[name] for name in ("owner", "key", "type", "text")},
    )
    frame = pl.concat([attributes.frame, added], how="diagonal").sort("owner", maintain_order=True)
    return AttributeRows(
        frame,
        keys=pl.concat([attributes.keys.alias("key"), pl.Series("key", [key])]),
        texts=pl.concat([attributes.texts.alias("text"), texts.alias("text")]),
    )
