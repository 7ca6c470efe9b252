"""JSON span records: one span an object, in the many dialects of SDK exporters, stores and test fixtures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import orjson

from fluo_lab.errors import InputError
from fluo_lab.readers.columns import AttributeColumns, BatchColumns
from fluo_lab.readers.json.documents import read_documents
from fluo_lab.readers.otlp.values import ValueFault, json_type
from fluo_lab.readers.records.record import CONTEXTS, Object, SpanFault, SpanRecord
from fluo_lab.readers.records.values import add_attribute, add_attributes, read_count, shown
from fluo_lab.readers.report import Report
from fluo_lab.readers.source import Source
from fluo_lab.readers.tables.columns import KIND_WORDS, SCALES, STATUS_WORDS, field_of, time_ns
from fluo_lab.traces import SpanBatch

__all__ = ["SpanRecords"]

_FLUSH_SPANS = 100_000
_MAX_DEPTH = 16
_HAS_TRACE_ID = re.compile(rb'"trace_?id"\s*:', re.IGNORECASE)
_HAS_SPAN = re.compile(rb'"(?:span_?id|id|(?:span|operation)?_?name)"\s*:', re.IGNORECASE)
_EVENT_FIELDS: Final = {
    "time": "time",
    "timestamp": "time",
    "event": "name",
    "name": "name",
    "attributes": "attributes",
    "droppedAttributesCount": "dropped_attributes",
}
_RESOURCE_ATTRIBUTES: Final = ("attributes", "_attributes", "_rawAttributes")
_RESOURCE_FIELDS: Final = ("schemaUrl", "schema_url", "droppedAttributesCount", "asyncAttributesPending")


class SpanRecords:
    """Spans as JSON objects: one, a list, objects of lists, or lines.

    Fields are recognised by their usual names in any case. A ``context`` or ``spanContext`` may hold the ids, as in the
    console exporters of OpenTelemetry's SDKs. Times are numbers with a unit in the name, numbers whose unit their
    size tells, RFC 3339, or pairs of seconds and nanoseconds. Attributes are objects or OTLP's lists of pairs. A
    field of no known name becomes an attribute of the span under its own name, and so does a kind or a status that
    is none of OTLP's. A null is missing.
    """

    name = "JSON span records"

    def recognise(self, head: bytes) -> bool:
        """Return whether the content starts as JSON in which a trace id occurs, with a span id or a name.

        OTLP, Jaeger and Zipkin have these too and must be asked before.
        """
        return head.lstrip()[:1] in (b"{", b"[") and bool(_HAS_TRACE_ID.search(head) and _HAS_SPAN.search(head))

    def read(self, source: Source, report: Report) -> Iterator[SpanBatch]:
        """Yield the spans in batches.

        Raises
        ------
        InputError
            Not one span could be read.
        """
        walk = _Walk(report)
        n_spans = 0
        for document in read_documents(source, report):
            walk.add(document.value)
            if len(walk.columns.spans) >= _FLUSH_SPANS:
                n_spans += len(walk.columns.spans)
                yield walk.flush()
        n_spans += len(walk.columns.spans)
        if walk.columns.spans:
            yield walk.flush()
        if n_spans == 0:
            faults = "; ".join(problem.what for problem in report.problems())
            raise InputError(f"{source.name}: looks like {self.name}, but no span in it could be read: {faults}")


class _Walk:
    """Takes parsed documents and fills columns."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._start()

    def _start(self) -> None:
        self.columns = BatchColumns()
        self._resources: dict[bytes, int] = {}
        self._scopes: dict[bytes, int] = {}

    def flush(self) -> SpanBatch:
        """Return the batch so far and start another."""
        batch = self.columns.finish()
        self._start()
        return batch

    def add(self, value: object, *, depth: int = 0, trace_id: object = None) -> None:
        """Take a span, or whatever contains spans.

        Parameters
        ----------
        trace_id
            That of the object around, for spans that have none of their own.
        """
        if depth > _MAX_DEPTH:
            self._report.add(f"JSON nested deeper than {_MAX_DEPTH} levels around spans, skipped")
        elif type(value) is list:
            for item in value:
                self.add(item, depth=depth + 1, trace_id=trace_id)
        elif type(value) is dict:
            names = {field_of(key) for key in value}
            has_context = any(type(value.get(key)) is dict for key in CONTEXTS)
            is_part = trace_id is not None and "span_id" in names
            if has_context or is_part or ("trace_id" in names and type(value.get("spans")) is not list):
                self._add_span(value, trace_id)
                return
            inner = [item for item in value.values() if type(item) in (list, dict)]
            if not inner and (value or depth):
                self._report.add("a JSON object without a trace id, skipped", sample=", ".join(value))
            own = next((item for key, item in value.items() if field_of(key) == "trace_id"), trace_id)
            for item in inner:
                self.add(item, depth=depth + 1, trace_id=own)
        else:
            self._report.add(f"{json_type(value)} where a span was expected, skipped", sample=str(value))

    def _add_span(self, value: Object, trace_id: object) -> None:
        record = SpanRecord(value, self._report)
        if trace_id is not None:
            record.fields.setdefault("trace_id", trace_id)
        try:
            row = self._row(record)
        except SpanFault as fault:
            self._report.add(f"{fault}; span not read", sample=_sample(value))
            return
        columns = self.columns
        number = len(columns.spans)
        columns.spans.append(row)
        for key, extra in record.extras.items():
            add_attribute(key, extra, columns.attributes, number, self._report)
        self._add_all("attributes", record.fields.get("attributes"), columns.attributes, number)
        for event in record.events:
            self._add_event(event, number)
        for link in record.links:
            self._add_link(link, number)

    def _row(self, record: SpanRecord) -> tuple[Any, ...]:
        """Return the row of a span; its resource and scope are added."""
        trace_id = record.id("trace_id", "trace id")
        span_id = record.id("span_id", "span id")
        start_ns, end_ns = record.times()
        kind = record.word("kind", KIND_WORDS, ("SPAN_KIND_", "SPANKIND."))
        message = record.text("status_message")
        return (
            trace_id,
            span_id,
            record.parent(),
            record.text("name") or "",
            kind,
            record.word("status", STATUS_WORDS, ("STATUS_CODE_", "STATUSCODE.")),
            message or None,
            start_ns,
            end_ns,
            self._resource(record),
            self._scope(record),
            record.trace_state(),
            record.count("flags"),
            record.count("dropped_attributes"),
            record.count("dropped_events"),
            record.count("dropped_links"),
        )

    def _resource(self, record: SpanRecord) -> int:
        """Return the number of a span's resource; equal ones are added once a batch."""
        described = record.fields.get("resource")
        service = record.fields.get("service")
        if type(service) is dict and type(service.get("name")) is str:
            service = service["name"]
        identity = _identity([described, service, record.resource])
        known = self._resources.get(identity)
        if known is not None:
            return known
        columns = self.columns
        number = columns.n_resources
        columns.n_resources += 1
        self._resources[identity] = number
        into = columns.resource_attributes
        if service is not None:
            add_attribute("service.name", service, into, number, self._report)
        for key, extra in record.resource.items():
            add_attribute(key, extra, into, number, self._report)
        for found in self._attributes_of(described):
            self._add_all("resource", found, into, number)
        return number

    def _add_all(self, name: str, value: object, into: AttributeColumns, owner: int) -> None:
        """Add the attributes in a value; one that holds none is an attribute itself."""
        if not add_attributes(value, into, owner, self._report):
            add_attribute(name, value, into, owner, self._report)

    def _attributes_of(self, resource: object) -> list[object]:
        """Return what holds the attributes of a resource: fields of it, or itself."""
        if not isinstance(resource, dict):
            return [] if resource is None else [resource]
        named = [key for key in _RESOURCE_ATTRIBUTES if type(resource.get(key)) in (list, dict)]
        if not named:
            return [resource]
        for key in resource:
            if key not in named and key not in _RESOURCE_FIELDS and not key.startswith("_"):
                self._report.add(f"unknown field {key[:40]!r} in a resource, ignored")
        return [resource[key] for key in named]

    def _scope(self, record: SpanRecord) -> int:
        """Return the number of a span's scope; equal ones are added once a batch."""
        scope = record.scope
        name = scope.get("name") or record.fields.get("scope_name") or None
        version = scope.get("version") or record.fields.get("scope_version") or None
        attributes = scope.get("attributes")
        identity = _identity([name, version, attributes])
        known = self._scopes.get(identity)
        if known is not None:
            return known
        columns = self.columns
        number = len(columns.scopes)
        self._scopes[identity] = number
        columns.scopes.append(
            tuple(part if part is None or type(part) is str else str(part) for part in (name, version))
        )
        self._add_all("attributes", attributes, columns.scope_attributes, number)
        return number

    def _add_event(self, value: object, span: int) -> None:
        if type(value) is not dict:
            self._report.add(f"an event that is {json_type(value)}, expected an object; skipped")
            return
        columns = self.columns
        fields: Object = {}
        extras: Object = {}
        scale: int | None = None
        for key, member in value.items():
            bare = key.removesuffix("UnixNano").removesuffix("_unix_nano")
            name = _EVENT_FIELDS.get(bare) or field_of(bare) or ""
            if name not in _EVENT_FIELDS.values() or name in fields:
                extras[key] = member
                continue
            fields[name] = member
            if bare != key:
                scale = SCALES["ns"]
        try:
            at_ns = 0 if fields.get("time") is None else time_ns(fields["time"], scale)[0]
        except ValueFault as fault:
            self._report.add(f"event time with {fault}; event not read", sample=_sample(value))
            return
        row = len(columns.events)
        if type(fields.get("name", "")) is not str:
            self._report.add(f"event name that is {json_type(fields['name'])}, expected a string; read as its text")
        dropped = read_count(fields.get("dropped_attributes"), "dropped_attributes", self._report)
        columns.events.append((span, shown(fields.get("name", "")), at_ns, dropped))
        for key, extra in extras.items():
            add_attribute(key, extra, columns.event_attributes, row, self._report)
        self._add_all("attributes", fields.get("attributes"), columns.event_attributes, row)

    def _add_link(self, value: object, span: int) -> None:
        if type(value) is not dict:
            self._report.add(f"a link that is {json_type(value)}, expected an object; skipped")
            return
        record = SpanRecord(value, self._report)
        try:
            trace_id, span_id = record.id("trace_id", "linked trace id"), record.id("span_id", "linked span id")
        except SpanFault as fault:
            self._report.add(f"{fault}; link not read", sample=_sample(value))
            return
        columns = self.columns
        row = len(columns.links)
        dropped = record.count("dropped_attributes")
        columns.links.append((span, trace_id, span_id, record.trace_state(), record.count("flags"), dropped))
        for key, extra in record.extras.items():
            add_attribute(key, extra, columns.link_attributes, row, self._report)
        self._add_all("attributes", record.fields.get("attributes"), columns.link_attributes, row)


def _identity(parts: list[object]) -> bytes:
    """Return what tells parts of records apart."""
    try:
        return orjson.dumps(parts)
    except orjson.JSONEncodeError:
        return repr(parts).encode()


def _sample(value: Object) -> str:
    """Return the part of a message that tells which one it is."""
    return ", ".join(f"{key}: {shown(member)[:34]}" for key, member in list(value.items())[:4])
