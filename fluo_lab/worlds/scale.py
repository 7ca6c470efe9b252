"""Files of any size for benchmarks: the shop simulated once, then repeated with fresh ids and later times."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from fluo_lab.errors import UsageError
from fluo_lab.worlds.checkout import simulate_checkout
from fluo_lab.worlds.otlp import encode_json_line

__all__ = ["write_scaled"]

_TEMPLATE_TRACES = 2000
_GAP_NS = 3_600_000_000_000
"""Pause between two repetitions, longer than any window a rule correlates over."""

_HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
_SHOP_ID = re.compile(rb"(?:cart|pi|ord)_([0-9a-f]{16})")
_JSON_TRACE_ID = re.compile(rb'"traceId":"([0-9a-f]{32})"')
_JSON_SPAN_ID = re.compile(rb'"(?:s|parentS)panId":"([0-9a-f]{16})"')
_JSON_TIME = re.compile(rb'UnixNano":"(\d{19})"')

Bytes = NDArray[np.uint8]
Places = NDArray[np.int64]


def write_scaled(path: Path | str, *, spans: int, seed: int = 7) -> int:
    """Write at least so many spans of the checkout world; return how many were written.

    Some thousands of traces are simulated once and written again and again. Every repetition has its own
    trace ids, span ids, cart, intent and order ids, the same everywhere they occur, and begins an hour after
    the one before ended. The file is streamed: memory does not grow with it.

    Parameters
    ----------
    path
        ``.jsonl``: one OTLP/JSON request a line. ``.pb``: protobuf requests, each after its length in four
        big-endian bytes, as the collector's file exporter writes them.
    spans
        At least so many; a repetition is never cut.
    seed
        Equal seeds give equal bytes.

    Raises
    ------
    UsageError
        The name ends in something else, or the number of spans is not positive.
    """
    path = Path(path)
    if path.suffix not in {".jsonl", ".pb"}:
        raise UsageError(f"{path.name}: the name must end in .jsonl (JSON lines) or .pb (protobuf)")
    if spans < 1:
        raise UsageError(f"spans is {spans}: ask for at least one span")
    # A trace has about 15 spans; a small file is still several repetitions of a small template.
    simulation = simulate_checkout(seed=seed, n_traces=min(_TEMPLATE_TRACES, spans // 40 + 20))
    template = _prepare_json(simulation.requests) if path.suffix == ".jsonl" else _prepare_protobuf(simulation.requests)
    masks = Random(seed)  # noqa: S311 - reproducible, nothing secret
    written = 0
    with path.open("wb") as sink:
        for turn in range(-(-spans // simulation.n_spans)):
            template.write_turn(sink, turn, masks)
            written += simulation.n_spans
    return written


@dataclass(frozen=True, slots=True)
class _Template:
    """The bytes of one repetition and the places in them that change.

    Attributes
    ----------
    data
        The bytes.
    is_hex
        Whether ids are hexadecimal text and times decimal text, rather than raw bytes.
    trace_ids, span_ids, shop_ids, times
        Offset of each occurrence. Ids inside attribute values are always hexadecimal text.
    times_ns
        The time at each offset of ``times``.
    """

    data: Bytes
    is_hex: bool
    trace_ids: Places
    span_ids: Places
    shop_ids: Places
    times: Places
    times_ns: NDArray[np.int64]

    def write_turn(self, sink: BinaryIO, turn: int, masks: Random) -> None:
        """Write one repetition; the first is the simulation itself."""
        data = self.data.copy()
        # Exclusive-or with one mask a turn keeps ids distinct, and parents with their children.
        for places, width, is_hex in (
            (self.trace_ids, 16, self.is_hex),
            (self.span_ids, 8, self.is_hex),
            (self.shop_ids, 8, True),
        ):
            mask = np.frombuffer(masks.randbytes(width), dtype=np.uint8)
            if turn:
                _apply_mask(data, places, mask, is_hex=is_hex)
        span_ns = int(self.times_ns.max() - self.times_ns.min()) + _GAP_NS
        moved = self.times_ns + turn * span_ns
        if self.is_hex:
            _put(data, self.times, _to_decimal(moved))
        else:
            _put(data, self.times, moved.astype("<u8").view(np.uint8).reshape(-1, 8))
        sink.write(data.tobytes())


def _prepare_json(requests: Sequence[ExportTraceServiceRequest]) -> _Template:
    data = b"".join(map(encode_json_line, requests))
    times = list(_JSON_TIME.finditer(data))
    return _Template(
        data=np.frombuffer(data, dtype=np.uint8),
        is_hex=True,
        trace_ids=_places(m.start(1) for m in _JSON_TRACE_ID.finditer(data)),
        span_ids=_places(m.start(1) for m in _JSON_SPAN_ID.finditer(data)),
        shop_ids=_places(m.start(1) for m in _SHOP_ID.finditer(data)),
        times=_places(m.start(1) for m in times),
        times_ns=np.array([int(m[1]) for m in times], dtype=np.int64),
    )


def _prepare_protobuf(requests: Sequence[ExportTraceServiceRequest]) -> _Template:
    """Return the template of the framed messages, each value found behind its field's tag.

    A tag may also turn up by chance inside other bytes; what follows it then is no id or time of the
    simulation. The numbers found are checked against the numbers there are.
    """
    frames = []
    traces, ids, times = [], [], []
    for request in requests:
        body = request.SerializeToString(deterministic=True)
        frames.append(len(body).to_bytes(4, "big") + body)
        for span in (s for r in request.resource_spans for scope in r.scope_spans for s in scope.spans):
            traces += [span.trace_id, *(link.trace_id for link in span.links)]
            ids += [span.span_id, *(link.span_id for link in span.links)]
            ids += [span.parent_span_id] if span.parent_span_id else []
            times += [span.start_time_unix_nano, span.end_time_unix_nano]
            times += [event.time_unix_nano for event in span.events]
    data = b"".join(frames)
    time_places = _find_values(data, rb"[\x09\x39\x41]", {t.to_bytes(8, "little") for t in times}, len(times))
    return _Template(
        data=np.frombuffer(data, dtype=np.uint8),
        is_hex=False,
        trace_ids=_find_values(data, rb"\x0a\x10", set(traces), len(traces)),
        span_ids=_find_values(data, rb"[\x12\x22]\x08", set(ids), len(ids)),
        shop_ids=_places(m.start(1) for m in _SHOP_ID.finditer(data)),
        times=time_places,
        times_ns=np.array([int.from_bytes(data[place : place + 8], "little") for place in time_places], dtype=np.int64),
    )


def _find_values(data: bytes, tag: bytes, values: set[bytes], expected: int) -> Places:
    """Return the offsets at which one of the values stands behind the tag."""
    width = len(next(iter(values)))
    pattern = re.compile(rb"%b(?=(.{%d}))" % (tag, width), re.DOTALL)
    found = [m.start(1) for m in pattern.finditer(data) if m[1] in values]
    if len(found) != expected:
        raise AssertionError(f"{len(found)} values found behind a protobuf tag, {expected} written")
    return _places(found)


def _places(offsets: Iterator[int] | Sequence[int]) -> Places:
    return np.array(list(offsets), dtype=np.int64)


def _apply_mask(data: Bytes, places: Places, mask: Bytes, *, is_hex: bool) -> None:
    """Replace the ids at the places by their exclusive-or with the mask."""
    width = len(mask)
    if not is_hex:
        _put(data, places, _get(data, places, width) ^ mask)
        return
    text = _get(data, places, 2 * width)
    digits = np.where(text >= ord("a"), text - (ord("a") - 10), text - ord("0")).astype(np.uint8)
    nibbles = np.stack([mask >> 4, mask & 15], axis=1).ravel()
    _put(data, places, _HEX[digits ^ nibbles])


def _to_decimal(times_ns: NDArray[np.int64]) -> Bytes:
    """Return the 19 decimal digits of each time, as text."""
    powers = np.array([10**exponent for exponent in range(18, -1, -1)], dtype=np.int64)
    return (times_ns[:, None] // powers % 10 + ord("0")).astype(np.uint8)


def _get(data: Bytes, places: Places, width: int) -> Bytes:
    rows: Bytes = data[places[:, None] + np.arange(width)]
    return rows


def _put(data: Bytes, places: Places, rows: Bytes) -> None:
    data[places[:, None] + np.arange(rows.shape[1])] = rows
