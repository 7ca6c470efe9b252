"""Records of Zipkin's version 1: annotations with an endpoint each, client and server in one record.

The core annotations ``cs sr ss cr`` (client send, server receive, server send, client receive) and ``ms mr``
(message send, message receive; ``ws wr`` for the wire) say who did what when. A record that holds both sides is split
into two spans of one id, the further side marked as shared, which is what version 2 reports. The rules are those of
openzipkin/zipkin, ``V1SpanConverter.java``; where that forgets an annotation, it is kept as an event here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from fluo_lab.readers.otlp.values import ValueFault, json_type, parse_double, parse_int
from fluo_lab.readers.zipkin.fields import FieldReader, Object, sample_of
from fluo_lab.readers.zipkin.spans import NO_ENDPOINT, Endpoint, ZipkinSpan
from fluo_lab.traces import SpanKind

__all__ = ["RECORD_FIELDS_V1", "split_record"]

RECORD_FIELDS_V1: Final = frozenset(
    {"traceId", "id", "parentId", "name", "timestamp", "duration", "annotations", "binaryAnnotations", "debug"}
)
"""Fields of a record of version 1."""

_ANNOTATION: Final = frozenset({"timestamp", "value", "endpoint"})
_BINARY_ANNOTATION: Final = frozenset({"key", "value", "endpoint", "type"})
_CORE_KINDS: Final = {
    "cs": SpanKind.CLIENT,
    "cr": SpanKind.CLIENT,
    "sr": SpanKind.SERVER,
    "ss": SpanKind.SERVER,
    "ms": SpanKind.PRODUCER,
    "mr": SpanKind.CONSUMER,
    "ws": SpanKind.UNSPECIFIED,
    "wr": SpanKind.UNSPECIFIED,
}
_ADDRESSES: Final = ("ca", "sa", "ma")
_LOCAL_COMPONENT: Final = "lc"
_INTEGER_TYPES: Final = ("I16", "I32", "I64")


@dataclass(frozen=True, slots=True)
class _Annotation:
    time_ns: int
    value: str
    endpoint: Endpoint


def split_record(record: Object, reader: FieldReader) -> list[ZipkinSpan]:
    """Return the spans of a record, one for each service that annotated it.

    Raises
    ------
    SpanFault
        The record has no usable ids.
    """
    split = _Split(record, reader)
    split.read_annotations()
    split.settle_calls()
    split.settle_messages()
    split.keep_unused()
    split.read_binary_annotations()
    return split.sides


class _Split:
    def __init__(self, record: Object, reader: FieldReader) -> None:
        span_id = reader.span_id(record.get("id"))
        trace_id = reader.trace_id(record.get("traceId"))
        fields = reader.fields_of(record, RECORD_FIELDS_V1, "span") or {}
        get = fields.get
        reader.skip_debug(get("debug"))
        self._fields = fields
        self._reader = reader
        self._start_ns = reader.time_ns(get("timestamp"), "span timestamp")
        self._duration_ns = reader.time_ns(get("duration"), "span duration")
        self._blank = ZipkinSpan(
            trace_id,
            span_id,
            parent_id=reader.parent_id(get("parentId"), span_id),
            name=reader.text(get("name"), "span name"),
        )
        self._core: dict[str, _Annotation] = {}
        self._used: set[str] = set()
        self.sides: list[ZipkinSpan] = []
        self._add_side(NO_ENDPOINT)

    def read_annotations(self) -> None:
        """Keep the core annotations and put the others on their sides."""
        for item in self._reader.items(self._fields.get("annotations"), "annotations"):
            annotation = self._read_annotation(item)
            if annotation is None:
                continue
            side = self._side(annotation.endpoint)
            kind = _CORE_KINDS.get(annotation.value)
            # Without an endpoint nobody knows whose core annotation it is.
            if kind is None or annotation.endpoint == NO_ENDPOINT:
                side.annotations.append((annotation.time_ns, annotation.value))
                continue
            if kind is not SpanKind.UNSPECIFIED:
                side.kind = kind
            if annotation.value in self._core:
                self._reader.report.add(
                    f"core annotation {annotation.value!r} given twice, the last one counts", sample=self._blank.span_id
                )
            self._core[annotation.value] = annotation

    def settle_calls(self) -> None:
        """Give client and server their times, and a side of its own to each."""
        cs, sr = self._begin("cs", "cr"), self._begin("sr", "ss")
        cr, ss = self._core.get("cr"), self._core.get("ss")
        if cs and sr:
            client, server = self._two_sides(cs, sr, SpanKind.CLIENT, SpanKind.SERVER)
            self._time(client, cs, cr)
            server.is_shared = True
            server.start_ns = sr.time_ns
            server.duration_ns = self._between(sr, ss)
            self._used |= {"cs", "cr", "sr", "ss"}
        elif cs and cr:
            self._time(self._side(cs.endpoint), cs, cr)
            self._used |= {"cs", "cr"}
        elif sr and ss:
            self._time(self._side(sr.endpoint), sr, ss)
            self._used |= {"sr", "ss"}
        else:
            for begin in (cs, sr):
                if begin:
                    self._side(begin.endpoint).start_ns = begin.time_ns
                    self._used.add(begin.value)
            if self._start_ns is not None:
                self.sides[0].start_ns, self.sides[0].duration_ns = self._start_ns, self._duration_ns
        # Version 1 has no shared flag: the side that made the id also writes timestamp and duration.
        if sr and not cs and (self._start_ns is None or (ss and self._duration_ns is None)):
            self._side(sr.endpoint).is_shared = True

    def settle_messages(self) -> None:
        """Give producer and consumer their times; a message's span lasts from hand to wire."""
        ms, mr, ws, wr = (self._core.get(value) for value in ("ms", "mr", "ws", "wr"))
        if ms and mr:
            producer, consumer = self._two_sides(ms, mr, SpanKind.PRODUCER, SpanKind.CONSUMER)
            producer.start_ns, producer.duration_ns = ms.time_ns, self._between(ms, ws)
            consumer.is_shared = True
            consumer.start_ns = (wr or mr).time_ns
            consumer.duration_ns = self._between(wr, mr) if wr else None
            self._used |= {"ms", "mr", "ws", "wr"}
        elif ms:
            self._time(self._side(ms.endpoint), ms, ws)
            self._used |= {"ms", "ws"}
        elif mr:
            self._time(self._side(mr.endpoint), wr or mr, mr if wr else None)
            self._used |= {"mr", "wr"}

    def keep_unused(self) -> None:
        """Keep core annotations that no time was made of as events."""
        for value, annotation in self._core.items():
            if value not in self._used:
                self._side(annotation.endpoint).annotations.append((annotation.time_ns, value))

    def read_binary_annotations(self) -> None:
        """Make tags and addresses of the binary annotations."""
        addresses: dict[str, Endpoint] = {}
        given: set[tuple[int, str]] = set()
        for item in self._reader.items(self._fields.get("binaryAnnotations"), "binaryAnnotations"):
            fields = self._reader.fields_of(item, _BINARY_ANNOTATION, "binary annotation")
            if fields is None:
                continue
            key = fields.get("key")
            if type(key) is not str or not key:
                self._reader.report.add("binary annotation without a key, not read", sample=sample_of(item))
                continue
            endpoint = self._reader.endpoint(fields.get("endpoint"), "endpoint")
            # The value of an address should be true; old writers put "1" there.
            if key in _ADDRESSES and endpoint != NO_ENDPOINT:
                if key in addresses:
                    self._reader.report.add(f"address {key!r} given twice, the last one counts")
                addresses[key] = endpoint
                continue
            side = self._side(endpoint)
            value = self._value(fields.get("value"), fields.get("type"), key)
            if value is None or (key == _LOCAL_COMPONENT and value == ""):
                continue  # an empty "lc" only carries the endpoint
            owner = (id(side), key)
            if owner in given and side.tags[key] != value:
                self._reader.report.add(
                    "binary annotation key given twice by one service, the last value counts", sample=key
                )
            given.add(owner)
            side.tags[key] = value
        self._settle_addresses(addresses)

    def _settle_addresses(self, addresses: dict[str, Endpoint]) -> None:
        """Set the remote endpoints that client, server and message address tell."""
        core = self._core
        used: set[str] = set()
        ca, sa, ma = (addresses.get(key) for key in _ADDRESSES)
        server, client = core.get("sr") or core.get("ss"), core.get("cs") or core.get("cr")
        if server is None and client is None:
            if ca and sa:
                self._side(ca).remote = sa
                used |= {"ca", "sa"}
            elif sa:
                self.sides[0].remote = sa
                used.add("sa")
            elif ca:
                self.sides[0].kind = SpanKind.SERVER
                self.sides[0].remote = ca
                used.add("ca")
        if ca and server and ca != server.endpoint:
            # Finagle names the client's socket after the server; its service is not known.
            is_named_after = ca.service == server.endpoint.service
            self._server_side(server).remote = ca._replace(service="") if is_named_after else ca
            used.add("ca")
        if sa and client:
            self._side(client.endpoint).remote = sa
            used.add("sa")
        for value in ("ms", "mr"):
            if ma and value in core:
                self._side(core[value].endpoint).remote = ma
                used.add("ma")
        for key in sorted(addresses.keys() - used):
            self._reader.report.add(f"address {key!r} that is not the other side of a call, ignored")

    def _read_annotation(self, item: object) -> _Annotation | None:
        fields = self._reader.fields_of(item, _ANNOTATION, "annotation")
        if fields is None:
            return None
        value = fields.get("value")
        if type(value) is not str:
            self._reader.report.add(f"annotation whose value is {json_type(value)}, expected a string; not read")
            return None
        try:
            time_ns = self._reader.exact_time_ns(fields.get("timestamp"))
        except ValueFault as fault:
            self._reader.report.add(f"annotation timestamp with {fault}, expected microseconds; not read", sample=value)
            return None
        return _Annotation(time_ns, value, self._reader.endpoint(fields.get("endpoint"), "endpoint"))

    def _value(self, value: object, declared: object, key: str) -> Any:
        """Return the value of a binary annotation in the type it declares."""
        if type(value) is str and declared in (None, "STRING", "BOOL"):
            return value
        if type(value) is bool:
            return value
        try:
            if declared in _INTEGER_TYPES or (declared is None and type(value) is int):
                return parse_int(value, -(2**63), 2**63 - 1)
            if declared == "DOUBLE" or (declared is None and type(value) is float):
                return parse_double(value)
        except ValueFault as fault:
            self._reader.report.add(f"binary annotation with {fault}; kept as it is", sample=key)
            return self._reader.tag(value, "binary annotation", key)
        if type(value) is str:
            self._reader.report.add(f"binary annotation of type {str(declared)[:20]!r}, kept as text", sample=key)
            return value
        return self._reader.tag(value, "binary annotation", key)

    def _side(self, endpoint: Endpoint) -> ZipkinSpan:
        """Return the side of a service; the first one takes what has no endpoint, and the first endpoint met."""
        if endpoint == NO_ENDPOINT:
            return self.sides[0]
        for side in self.sides:
            if side.local == NO_ENDPOINT:
                side.local = endpoint
                return side
            if side.local.service == endpoint.service:
                return side
        return self._add_side(endpoint)

    def _server_side(self, server: _Annotation) -> ZipkinSpan:
        """Return the server's side, also where a service called itself."""
        for side in self.sides:
            if side.kind is SpanKind.SERVER and side.local.service == server.endpoint.service:
                return side
        return self._side(server.endpoint)

    def _two_sides(
        self, near: _Annotation, far: _Annotation, near_kind: SpanKind, far_kind: SpanKind
    ) -> tuple[ZipkinSpan, ZipkinSpan]:
        """Return the sides of two annotations, two also where one service wrote both."""
        near_side = self._side(near.endpoint)
        is_loopback = near.endpoint.service == far.endpoint.service
        far_side = self._add_side(far.endpoint) if is_loopback else self._side(far.endpoint)
        near_side.kind, far_side.kind = near_kind, far_kind
        return near_side, far_side

    def _add_side(self, endpoint: Endpoint) -> ZipkinSpan:
        side = replace(self._blank, local=endpoint, annotations=[], tags={})
        self.sides.append(side)
        return side

    def _begin(self, begin: str, end: str) -> _Annotation | None:
        """Return the annotation that opens a side; one that is missing is implied where the record ends with it."""
        found, last = self._core.get(begin), self._core.get(end)
        if found or last is None or self._start_ns is None or self._duration_ns is None:
            return found
        if self._start_ns + self._duration_ns != last.time_ns:
            return None
        return _Annotation(self._start_ns, begin, last.endpoint)

    def _time(self, side: ZipkinSpan, begin: _Annotation, end: _Annotation | None) -> None:
        """Set the times of the side that the record's own times are about, if it has them."""
        if self._start_ns is not None and self._duration_ns is not None:
            side.start_ns, side.duration_ns = self._start_ns, self._duration_ns
        else:
            side.start_ns, side.duration_ns = begin.time_ns, self._between(begin, end)

    def _between(self, begin: _Annotation, end: _Annotation | None) -> int | None:
        if end is None or end.time_ns == begin.time_ns:
            return None
        if end.time_ns < begin.time_ns:
            self._reader.report.add(f"{end.value!r} before {begin.value!r}; duration read as missing")
            return None
        return end.time_ns - begin.time_ns
