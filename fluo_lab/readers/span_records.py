"""JSON span records: one span an object, in the many dialects of SDK exporters, stores and test fixtures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import orjson

from fluo_lab.errors import InputError
from fluo_lab.readers.columns import AttributeColumns, BatchColumns
from fluo_lab.readers.json_documents import read_documents
from fluo_lab.readers.otlp_values import ValueFault, compact_json, decode_value, json_type, parse_int
from fluo_lab.readers.report import Report
from fluo_lab.readers.source import Source
from fluo_lab.readers.table_columns import (
    KIND_WORDS,
    NO_PARENT,
    SCALES,
    STATUS_WORDS,
    attribute_place,
    duration_ns,
    field_of,
    plain_id,
    scale_of,
    time_ns,
)
from fluo_lab.traces import SpanBatch, ValueType

__all__ = ["SpanRecords", "add_attributes"]

Object = dict[str, Any]

_FLUSH_SPANS = 100_000
_MAX_DEPTH = 16
_HAS_TRACE_ID = re.compile(rb'"trace_?id"\s*:', re.IGNORECASE)
_HAS_SPAN = re.compile(rb'"(?:span_?id|id|(?:span|operation)?_?name)"\s*:', re.IGNORECASE)
_CONTEXTS: Final = ("context", "spanContext", "span_context", "_spanContext")
_PARENT_CONTEXTS: Final = ("parentSpanContext", "parent_span_context")
_SCOPES: Final = (
    "scope",
    "instrumentationScope",
    "instrumentation_scope",
    "instrumentationLibrary",
    "instrumentation_library",
    "instrumentation_info",
)
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
_ANY_VALUE = re.compile(r"(?:string|bool|int|double|array|kvlist|bytes)_?[vV]alue").fullmatch
_UNITS: Final = (*SCALES, "")


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


class _SpanFault(ValueError):
    """A span that cannot be read."""


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
            has_context = any(type(value.get(key)) is dict for key in _CONTEXTS)
            is_part = trace_id is not None and "span_id" in names
            if has_context or is_part or ("trace_id" in names and type(value.get("spans")) is not list):
                self._add_span(value, trace_id)
                return
            inner = [item for item in value.values() if type(item) in (list, dict)]
            if not inner and value:
                self._report.add("a JSON object without a trace id, skipped", sample=", ".join(value))
            own = next((item for key, item in value.items() if field_of(key) == "trace_id"), trace_id)
            for item in inner:
                self.add(item, depth=depth + 1, trace_id=own)
        else:
            self._report.add(f"{json_type(value)} where a span was expected, skipped", sample=str(value))

    def _add_span(self, value: Object, trace_id: object) -> None:
        record = _Record(value, self._report)
        if trace_id is not None:
            record.fields.setdefault("trace_id", trace_id)
        try:
            row = self._row(record)
        except _SpanFault as fault:
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

    def _row(self, record: _Record) -> tuple[Any, ...]:
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

    def _resource(self, record: _Record) -> int:
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

    def _scope(self, record: _Record) -> int:
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
        dropped = _count(fields.get("dropped_attributes"), "dropped_attributes", self._report)
        columns.events.append((span, _shown(fields.get("name", "")), at_ns, dropped))
        for key, extra in extras.items():
            add_attribute(key, extra, columns.event_attributes, row, self._report)
        self._add_all("attributes", fields.get("attributes"), columns.event_attributes, row)

    def _add_link(self, value: object, span: int) -> None:
        if type(value) is not dict:
            self._report.add(f"a link that is {json_type(value)}, expected an object; skipped")
            return
        record = _Record(value, self._report)
        try:
            trace_id, span_id = record.id("trace_id", "linked trace id"), record.id("span_id", "linked span id")
        except _SpanFault as fault:
            self._report.add(f"{fault}; link not read", sample=_sample(value))
            return
        columns = self.columns
        row = len(columns.links)
        dropped = record.count("dropped_attributes")
        columns.links.append((span, trace_id, span_id, record.trace_state(), record.count("flags"), dropped))
        for key, extra in record.extras.items():
            add_attribute(key, extra, columns.link_attributes, row, self._report)
        self._add_all("attributes", record.fields.get("attributes"), columns.link_attributes, row)


class _Record:
    """One object with its parts under our names.

    Attributes
    ----------
    fields
        Values by our names; no nulls.
    extras
        What has no name of ours, by its own.
    resource
        Single attributes of the resource.
    """

    def __init__(self, value: Object, report: Report) -> None:
        self._report = report
        self._names: dict[str, str] = {}
        self.fields: Object = {}
        self.extras: Object = {}
        self.resource: Object = {}
        self.events: list[object] = []
        self.links: list[object] = []
        self.scope: Object = {}
        has_context = False
        for key, member in value.items():
            if member is None:
                continue
            kind = type(member)
            if key in _CONTEXTS and kind is dict:
                has_context = True
                for inner, part in member.items():
                    self._take(inner, part)
            elif key in _PARENT_CONTEXTS and kind is dict:
                parent = next((part for inner, part in member.items() if field_of(inner) == "span_id"), None)
                self._take("parent_span_id", parent)
            elif key in _SCOPES and kind is dict:
                self.scope = member
            elif key == "events" and kind is list:
                self.events = member
            elif key == "links" and kind is list:
                self.links = member
            else:
                self._take(key, member)
        if "span_id" not in self.fields and "id" in self.extras:
            self.fields["span_id"] = self.extras.pop("id")
            has_context = has_context or bool(self.scope)
        starts = [self.fields.get(name) for name in ("start", "end")]
        # OpenTelemetry for JavaScript numbers its kinds from INTERNAL = 0 (API, trace/span_kind.ts), and is known
        # by its pairs of seconds and nanoseconds, its contexts, or by the fields of its console exporter.
        self._is_javascript = has_context or any(type(start) is list for start in starts)

    def _take(self, key: str, member: object) -> None:
        """Put a part where it belongs."""
        if member is None:
            return
        placed = attribute_place(key)
        if placed is not None:
            (self.resource if placed[0] == "resource" else self.extras)[placed[1]] = member
            return
        name = field_of(key)
        if name == "status" and type(member) is dict:
            for inner, part in member.items():
                if inner in ("code", "status_code", "statusCode"):
                    self._take("status", part)
                elif inner in ("message", "description"):
                    self._take("status_message", part)
                else:
                    self._take(f"status.{inner}", part)
        elif name is None:
            self.extras[key] = member
        elif name not in self.fields:
            self.fields[name] = member
            self._names[name] = key
        elif self.fields[name] != member:
            self._report.add(
                f"two fields for {name!r}; the first one counts, the other is kept as an attribute", sample=key
            )
            self.extras[key] = member

    def id(self, name: str, what: str) -> str:
        """Return an id that a span needs."""
        value = self.fields.get(name)
        if value is None:
            raise _SpanFault(f"no {what}")
        try:
            found = plain_id(value)
        except ValueFault as fault:
            raise _SpanFault(f"{what} that is {fault}") from None
        if not found:
            raise _SpanFault(f"no {what}" if not value else f"{what} of zeros")
        return found

    def parent(self) -> str | None:
        """Return the parent's id, None for a root."""
        value = self.fields.get("parent_span_id")
        if value is None:
            return None
        try:
            found = plain_id(value)
        except ValueFault as fault:
            self._report.add(f"parent span id that is {fault}; read as none")
            return None
        return None if found.lower() in NO_PARENT else found

    def times(self) -> tuple[int, int]:
        """Return start and end."""
        start = self._finest("start")
        end = self._finest("end")
        lasts = self._finest("duration")
        unit: int | None = None
        start_ns = 0
        if start is None:
            self._report.add("span without a start, read as 0")
        else:
            start_ns, unit = self._time(start, "start")
        if end is not None:
            end_ns, _ = self._time(end, "end")
            if lasts is not None:
                self._check_duration(lasts, end_ns - start_ns)
        elif lasts is not None:
            try:
                end_ns = start_ns + duration_ns(self.fields[lasts], scale_of(lasts) or unit)
            except ValueFault as fault:
                raise _SpanFault(f"span duration with {fault}") from None
            if end_ns >= 2**63:
                raise _SpanFault("span end out of range")
        else:
            self._report.add("span without an end or a duration; read as ending when it starts")
            end_ns = start_ns
        if end_ns < start_ns:
            self._report.add("span that ends before it starts; kept as it is")
        return start_ns, end_ns

    def _finest(self, edge: str) -> str | None:
        """Return the name of the field with the finest unit; coarser ones are kept as attributes."""
        names = [name for unit in _UNITS if (name := f"{edge}_{unit}" if unit else edge) in self.fields]
        for name in names[1:]:
            self.extras[self._names[name]] = self.fields[name]
        return names[0] if names else None

    def _time(self, name: str, edge: str) -> tuple[int, int | None]:
        try:
            return time_ns(self.fields[name], scale_of(name))
        except ValueFault as fault:
            raise _SpanFault(f"span {edge} with {fault}") from None

    def _check_duration(self, name: str, length_ns: int) -> None:
        """Keep a duration as an attribute unless start and end say the same."""
        value = self.fields[name]
        scale = scale_of(name)
        for unit in (scale,) if scale else SCALES.values():
            try:
                lasts_ns = duration_ns(value, unit)
            except ValueFault:
                continue
            if abs(lasts_ns - length_ns) < max(unit, SCALES["us"]):
                return
        if scale:
            self._report.add(
                "duration that is not end minus start; the end counts, the duration is kept as an attribute"
            )
        self.extras[self._names[name]] = value

    def word(self, name: str, words: dict[str, int], prefixes: tuple[str, str]) -> int:
        """Return the number of a kind or status; an unknown one is 0 and kept as an attribute."""
        value = self.fields.get(name)
        if value is None:
            return 0
        if type(value) is int and name == "kind" and self._is_javascript:
            value += 1
        if type(value) in (int, str):
            text = str(value).strip().upper()
            for prefix in prefixes:
                text = text.removeprefix(prefix)
            if text in words:
                return words[text]
        self._report.add(f"unknown span {name}, read as none and kept as an attribute", sample=str(value))
        self.extras[self._names.get(name, name)] = self.fields[name]
        return 0

    def text(self, name: str) -> str | None:
        """Return a text, None where it is missing."""
        value = self.fields.get(name)
        if value is None or type(value) is str:
            return value
        self._report.add(f"span {name} that is {json_type(value)}, expected a string; read as its text")
        return _shown(value)

    def trace_state(self) -> str | None:
        """Return the trace state; Python's console exporter writes an empty one as ``[]``."""
        value = self.text("trace_state")
        return None if value == "[]" else value or None

    def count(self, name: str) -> int:
        """Return a number that is 0 where it is missing."""
        return _count(self.fields.get(name), name, self._report)


def add_attributes(value: object, into: AttributeColumns, owner: int, report: Report) -> bool:
    """Add the attributes that an object or a list of pairs holds; return whether it is one.

    Pairs are OTLP's and Jaeger's objects of ``key`` and ``value``, or lists of two.
    """
    if type(value) is dict:
        for key, member in value.items():
            add_attribute(key, member, into, owner, report)
        return True
    if type(value) is not list:
        return False
    for pair in value:
        if type(pair) is dict and type(pair.get("key")) is str:
            add_attribute(pair["key"], pair.get("value"), into, owner, report)
        elif type(pair) is list and len(pair) == 2 and type(pair[0]) is str:
            add_attribute(pair[0], pair[1], into, owner, report)
        else:
            report.add("an attribute that is no pair of key and value, not read", sample=_shown(pair))
    return True


def add_attribute(key: str, value: object, into: AttributeColumns, owner: int, report: Report) -> None:
    """Add an attribute given as a JSON value or as OTLP's ``AnyValue``; null is missing."""
    if value is None:
        return
    if not key:
        report.add("attribute without a key, not read", sample=_shown(value))
        return
    try:
        found = _typed(value)
    except ValueFault as fault:
        report.add(f"attribute with {fault}; read as missing", sample=key)
        return
    if found is not None:
        into.add(owner, key, *found)
        if found[0] is ValueType.TEXT and type(value) is int:
            report.add("attribute with a whole number beyond 64 bits; kept as text", sample=key)


def _typed(value: object) -> tuple[ValueType, object] | None:
    """Return type and value of a JSON value, or None for a missing one."""
    kind = type(value)
    if kind is str:
        return ValueType.TEXT, value
    if kind is bool:
        return ValueType.BOOL, value
    if kind is float:
        return ValueType.DOUBLE, value
    if isinstance(value, int):
        return (ValueType.INT, value) if -(2**63) <= value < 2**63 else (ValueType.TEXT, str(value))
    if isinstance(value, dict) and len(value) == 1 and _ANY_VALUE(next(iter(value))):
        return decode_value(value)
    try:
        return (ValueType.ARRAY if kind is list else ValueType.KVLIST), compact_json(value)
    except orjson.JSONEncodeError:
        raise ValueFault("values nested too deep") from None


def _count(value: object, name: str, report: Report) -> int:
    if value is None:
        return 0
    try:
        return parse_int(value, 0, 2**32 - 1)
    except ValueFault as fault:
        report.add(f"{name} with {fault}; read as 0")
        return 0


def _identity(parts: list[object]) -> bytes:
    """Return what tells parts of records apart."""
    try:
        return orjson.dumps(parts)
    except orjson.JSONEncodeError:
        return repr(parts).encode()


def _shown(value: object) -> str:
    """Return a value as text."""
    return value if type(value) is str else repr(value)[:80]


def _sample(value: Object) -> str:
    """Return the part of a message that tells which one it is."""
    return ", ".join(f"{key}: {_shown(member)[:34]}" for key, member in list(value.items())[:4])
