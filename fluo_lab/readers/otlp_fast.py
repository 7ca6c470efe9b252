"""The fast reading: many lines or messages at once, with the odd ones handed back."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from fluo_lab.readers.otlp_columns import RequestColumns
from fluo_lab.readers.otlp_wire import Wire
from fluo_lab.traces import SpanBatch

__all__ = ["is_worth_trying", "paused_collection", "read_fast"]

# What is parsed before it is taken apart; more than the processor's cache holds is slower.
_CHUNK_BYTES = 1 << 17
# Below this many messages nothing is learned from them.
_FEW = 4
_MAX_ODD_SHARE = 0.5


def is_worth_trying(n_fitting: int, n_odd: int) -> bool:
    """Return whether the rest of a file should be read fast, going by a block of it."""
    return n_fitting + n_odd <= _FEW or n_odd <= _MAX_ODD_SHARE * (n_fitting + n_odd)


def read_fast(texts: Sequence[bytes], wire: Wire) -> tuple[SpanBatch, int, list[int]]:
    """Return a batch of the lines or messages that fit, how many they are, and the numbers of those that do not."""
    with paused_collection():
        columns, fitting = _parse(texts, range(len(texts)), wire)
        batch, odd = columns.finish()
        if odd:
            left_out = {fitting[i] for i in odd}
            columns, fitting = _parse(texts, [i for i in fitting if i not in left_out], wire)
            batch, _ = columns.finish()
    return batch, len(fitting), sorted(set(range(len(texts))).difference(fitting))


def _parse(texts: Sequence[bytes], numbers: Iterable[int], wire: Wire) -> tuple[RequestColumns, list[int]]:
    """Return the columns of those whose shape fits, and their numbers."""
    columns = RequestColumns(wire)
    fitting: list[int] = []
    chunk: list[Any] = []
    n_bytes = 0
    for i in numbers:
        text = texts[i]
        try:
            request = wire.decode_request(text)
        except wire.faults:
            continue
        fitting.append(i)
        chunk.append(request)
        n_bytes += len(text)
        if n_bytes >= _CHUNK_BYTES:
            columns.add(chunk)
            chunk, n_bytes = [], 0
    columns.add(chunk)
    return columns, fitting


@contextmanager
def paused_collection() -> Iterator[None]:
    """Keep the garbage collector from looking through parsed messages, which have no cycles."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
