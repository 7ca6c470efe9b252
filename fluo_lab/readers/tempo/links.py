"""The links of Tempo blocks of versions 2 and 3, which are protobuf inside a column.

grafana/tempo, ``pkg/tempopb/tempo.proto`` (``LinkSlice``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # ships no types
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from fluo_lab.readers.ids import SPAN_ID_BYTES, TRACE_ID_BYTES
from fluo_lab.readers.otlp.messages import read_pair
from fluo_lab.readers.report import Report
from fluo_lab.readers.tempo.attributes import TempoAttributes
from fluo_lab.traces import AttributeRows
from fluo_lab.traces.schema import LINKS

__all__ = ["read_encoded_links"]


def read_encoded_links(encoded: pl.Series, report: Report) -> tuple[pl.DataFrame, AttributeRows]:
    """Return the links of some spans, and their attributes.

    Parameters
    ----------
    encoded
        One entry a span: its links as a protobuf ``LinkSlice``, or nothing.
    report
        Where links go that cannot be read.
    """
    rows: list[tuple[Any, ...]] = []
    attributes = TempoAttributes(report)
    for span in (encoded.bin.size() > 0).arg_true().to_list():
        try:
            links = list(_parse_links(encoded[span]))
        except DecodeError:
            report.add("links that are no OTLP protobuf, not read", sample=encoded[span])
            continue
        for link in links:
            if len(link.trace_id) != TRACE_ID_BYTES or len(link.span_id) != SPAN_ID_BYTES:
                report.add("linked id of another length than OTLP's; link not read", sample=link.trace_id)
                continue
            found = [(pair.key, read_pair(pair)) for pair in link.attributes]
            for key, pair in found:
                if pair is None:
                    report.add("attribute without a key or value, read as missing", sample=key)
            attributes.add_rows((len(rows), *pair) for _, pair in found if pair is not None)
            state, dropped = link.trace_state or None, link.dropped_attributes_count
            rows.append((span, link.trace_id.hex(), link.span_id.hex(), state, link.flags, dropped))
    return pl.DataFrame(rows, schema=LINKS, orient="row"), attributes.finish()


def _parse_links(data: bytes) -> Iterator[Span.Link]:
    """Yield the links in a ``LinkSlice``, whose only field, of number 1, is repeated.

    Raises
    ------
    DecodeError
        The bytes are something else.
    """
    at = 0
    while at < len(data):
        if data[at] != 0x0A:
            raise DecodeError("another field than links")
        size, shift = 0, 0
        while True:
            at += 1
            if at >= len(data) or shift > 28:
                raise DecodeError("the length of a link")
            size |= (data[at] & 0x7F) << shift
            shift += 7
            if data[at] < 0x80:
                break
        at += 1
        if at + size > len(data):
            raise DecodeError("a link that is cut off")
        yield Span.Link.FromString(data[at : at + size])
        at += size
