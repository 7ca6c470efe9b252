"""A span as Zipkin means it: the shape both versions of its JSON are read into, before a trace is put together.

Zipkin reports one span in several records: client and server share an id, and instrumentation sends what comes late
as a further record. So all records of a file are gathered first, packed, and grouped by the low 64 bits of their
trace ids; a trace is unpacked when its turn comes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from fluo_lab.readers.report import Report
from fluo_lab.traces import SpanKind

__all__ = ["NO_ENDPOINT", "Endpoint", "GatheredSpans", "ZipkinSpan"]

_LOW_DIGITS = 16


class Endpoint(NamedTuple):
    """One side of a network connection; empty and 0 stand for unknown."""

    service: str = ""
    ipv4: str = ""
    ipv6: str = ""
    port: int = 0


NO_ENDPOINT = Endpoint()
"""Nothing known about a side."""


@dataclass(slots=True)
class ZipkinSpan:
    """A record of a span, or the whole span once its records are merged.

    Attributes
    ----------
    trace_id, span_id, parent_id
        Lower-case hexadecimal: 16 or 32 digits, and 16. No parent id: a root.
    kind
        ``UNSPECIFIED`` where the record has none, which Zipkin means for spans within a process.
    start_ns, duration_ns
        None where not told; zero means that too, in Zipkin.
    local, remote
        Who recorded the span, and the other side of its call.
    annotations
        Time in nanoseconds and text of each.
    tags
        Plain JSON values; text but for binary annotations of version 1 and for files that break the rule.
    is_shared
        Whether the span id was made by the other side of the call.
    shared_id
        The span id in the file, where this half of a shared span was given one of its own.
    is_placed
        Whether ``start_ns`` is not told but taken from the spans around.
    offset_bytes, line
        Where in the file its document stands.
    """

    trace_id: str
    span_id: str
    parent_id: str | None = None
    name: str = ""
    kind: SpanKind = SpanKind.UNSPECIFIED
    start_ns: int | None = None
    duration_ns: int | None = None
    local: Endpoint = NO_ENDPOINT
    remote: Endpoint = NO_ENDPOINT
    annotations: list[tuple[int, str]] = field(default_factory=list)
    tags: dict[str, Any] = field(default_factory=dict)
    is_shared: bool = False
    shared_id: str | None = None
    is_placed: bool = False
    offset_bytes: int | None = None
    line: int | None = None

    def pack(self) -> bytes:
        """Return the span as a JSON array, which takes a quarter of the memory of the objects."""
        return orjson.dumps(
            (
                self.trace_id,
                self.span_id,
                self.parent_id,
                self.name,
                self.kind,
                self.start_ns,
                self.duration_ns,
                tuple(self.local),
                tuple(self.remote),
                self.annotations,
                self.tags,
                self.is_shared,
                self.offset_bytes,
                self.line,
            )
        )

    @classmethod
    def unpack(cls, fields: list[Any]) -> ZipkinSpan:
        """Return the span that was packed, from the parsed array."""
        trace_id, span_id, parent_id, name, kind, start_ns, duration_ns, local, remote, annotations, *rest = fields
        tags, is_shared, offset_bytes, line = rest
        return cls(
            trace_id,
            span_id,
            parent_id,
            name,
            SpanKind(kind),
            start_ns,
            duration_ns,
            Endpoint(*local),
            Endpoint(*remote),
            [(time_ns, value) for time_ns, value in annotations],
            tags,
            is_shared=is_shared,
            offset_bytes=offset_bytes,
            line=line,
        )


class GatheredSpans:
    """The records of a file, packed, by trace."""

    def __init__(self) -> None:
        # One growing array a trace: the bytes that orjson returns keep the room they were written in.
        self._packed: dict[str, bytearray] = {}

    def add(self, span: ZipkinSpan) -> None:
        """Take a record."""
        low = span.trace_id[-_LOW_DIGITS:]
        packed = self._packed.get(low)
        if packed is None:
            packed = self._packed[low] = bytearray()
        packed += b"," if packed else b"["
        packed += span.pack()

    def take_traces(self, report: Report) -> Iterator[list[ZipkinSpan]]:
        """Yield the records of each trace, all under one trace id, and let go of them.

        Some services cut a trace id of 128 bits to its low 64. Where exactly one long id ends with a short one, the
        short one is read as the long one (openzipkin/zipkin, ``Trace.java``, takes the longest too); where several
        do, nothing tells which is meant, and the short one stays a trace of its own.
        """
        for low in list(self._packed):
            packed = self._packed.pop(low)
            packed += b"]"
            spans = [ZipkinSpan.unpack(fields) for fields in orjson.loads(packed)]
            by_id: dict[str, list[ZipkinSpan]] = {}
            for span in spans:
                by_id.setdefault(span.trace_id, []).append(span)
            short = by_id.get(low)
            if short is not None and len(by_id) > 1:
                report.locate(offset_bytes=short[0].offset_bytes, line=short[0].line)
                if len(by_id) == 2:
                    long_id = next(trace_id for trace_id in by_id if trace_id != low)
                    report.add(
                        "trace id of 64 bits that ends a trace id of 128 bits, read as the longer one",
                        n=len(short),
                        sample=long_id,
                    )
                    for span in short:
                        span.trace_id = long_id
                    by_id = {long_id: spans}
                else:
                    report.add(
                        "trace id of 64 bits that ends several trace ids of 128 bits, kept as a trace of its own",
                        n=len(short),
                        sample=low,
                    )
            yield from by_id.values()
