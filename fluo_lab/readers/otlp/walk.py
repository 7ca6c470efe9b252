"""The exact reading of OTLP/JSON: a walk over parsed objects that takes what can be taken and names the rest."""

from __future__ import annotations

from typing import Any, Final

from fluo_lab.readers.columns import AttributeColumns, BatchColumns
from fluo_lab.readers.ids import SPAN_ID_BYTES, TRACE_ID_BYTES, IdFault, decode_id
from fluo_lab.readers.otlp.values import ValueFault, decode_value, json_type, parse_enum, parse_int
from fluo_lab.readers.report import Report
from fluo_lab.traces import SpanKind, StatusCode

__all__ = ["REQUEST_FIELDS", "walk_document"]

_MAX_INT64 = 2**63 - 1
_MAX_UINT32 = 2**32 - 1
_KINDS: Final = tuple(kind.name for kind in SpanKind)
_CODES: Final = tuple(code.name for code in StatusCode)

Object = dict[str, Any]


def _fields(*names: str) -> frozenset[str]:
    return frozenset(names)


_SPANS_FIELDS = _fields("resourceSpans", "resource_spans", "batches")
_WRAPPERS = _fields("trace", "result")
_OTHER_SIGNALS: Final = {
    "resourceMetrics": "resourceMetrics",
    "resource_metrics": "resourceMetrics",
    "resourceLogs": "resourceLogs",
    "resource_logs": "resourceLogs",
    "resourceProfiles": "resourceProfiles",
    "resource_profiles": "resourceProfiles",
}
REQUEST_FIELDS: Final = _SPANS_FIELDS | _WRAPPERS | frozenset(_OTHER_SIGNALS)
"""Fields of a top-level object by which OTLP/JSON is known."""

_RESOURCE_SPANS = _fields("resource", "scopeSpans", "instrumentationLibrarySpans", "deprecatedScopeSpans", "schemaUrl")
_RESOURCE = _fields("attributes", "droppedAttributesCount", "entityRefs")
_SCOPE_SPANS = _fields("scope", "instrumentationLibrary", "spans", "schemaUrl")
_SCOPE = _fields("name", "version", "attributes", "droppedAttributesCount")
_SPAN = _fields(
    "traceId",
    "spanId",
    "parentSpanId",
    "traceState",
    "flags",
    "name",
    "kind",
    "startTimeUnixNano",
    "endTimeUnixNano",
    "attributes",
    "droppedAttributesCount",
    "events",
    "droppedEventsCount",
    "links",
    "droppedLinksCount",
    "status",
)
_STATUS = _fields("code", "message", "deprecatedCode")
_EVENT = _fields("timeUnixNano", "name", "attributes", "droppedAttributesCount")
_LINK = _fields("traceId", "spanId", "traceState", "flags", "attributes", "droppedAttributesCount")
_KEY_VALUE = _fields("key", "value")


def _snake(name: str) -> str:
    return "".join("_" + c.lower() if c.isupper() else c for c in name)


_CAMEL: Final = {
    _snake(name): name
    for fields in (_RESOURCE_SPANS, _RESOURCE, _SCOPE_SPANS, _SCOPE, _SPAN, _STATUS, _EVENT, _LINK)
    for name in fields
}


class _SpanFault(ValueError):
    """A span that cannot be read."""


def walk_document(document: object, columns: BatchColumns, report: Report) -> None:
    """Append the spans of one parsed JSON document to the columns.

    Parameters
    ----------
    document
        An export request, one of its known wrappers, or an array of requests.
    columns
        Where rows go.
    report
        Where everything goes that cannot be taken, with what was done about it.
    """
    walk = _Walk(columns, report)
    if type(document) is list:
        for request in document:
            walk.add_request(request)
    else:
        walk.add_request(document)


class _Walk:
    def __init__(self, columns: BatchColumns, report: Report) -> None:
        self._columns = columns
        self._report = report

    def add_request(self, request: object, *, is_wrapped: bool = False) -> None:
        """Take an export request or a wrapper of one."""
        if type(request) is not dict:
            self._report.add(f"not a trace: a JSON document that is {json_type(request)}, skipped")
            return
        is_known = False
        for name, value in request.items():
            if name in _SPANS_FIELDS:
                for entry in self._items(value, name):
                    self._add_resource_spans(entry)
            elif name in _WRAPPERS and not is_wrapped and type(value) is dict:
                self.add_request(value, is_wrapped=True)
            elif name in _OTHER_SIGNALS:
                self._report.add(f"not a trace: {_OTHER_SIGNALS[name]} line, skipped")
            else:
                continue
            is_known = True
        if not is_known and request:
            self._report.add("not a trace: a JSON object without resourceSpans, skipped", sample=", ".join(request))

    def _add_resource_spans(self, entry: object) -> None:
        fields = self._object(entry, _RESOURCE_SPANS, "resourceSpans entry")
        if fields is None:
            return
        columns = self._columns
        resource = columns.n_resources
        columns.n_resources += 1
        if (found := fields.get("resource")) is not None:
            described = self._object(found, _RESOURCE, "resource")
            if described is not None:
                self._add_attributes(described, columns.resource_attributes, resource, "resource")
        for name in ("scopeSpans", "instrumentationLibrarySpans", "deprecatedScopeSpans"):
            for scope_spans in self._items(fields.get(name), name):
                self._add_scope_spans(scope_spans, resource)

    def _add_scope_spans(self, entry: object, resource: int) -> None:
        fields = self._object(entry, _SCOPE_SPANS, "scopeSpans entry")
        if fields is None:
            return
        columns = self._columns
        scope = len(columns.scopes)
        name = version = None
        found = fields.get("scope")
        if found is None:
            found = fields.get("instrumentationLibrary")
        if found is not None:
            described = self._object(found, _SCOPE, "scope")
            if described is not None:
                name = self._text(described, "name", "scope") or None
                version = self._text(described, "version", "scope") or None
                self._add_attributes(described, columns.scope_attributes, scope, "scope")
        columns.scopes.append((name, version))
        for span in self._items(fields.get("spans"), "spans"):
            try:
                self._add_span(span, resource, scope)
            except _SpanFault as fault:
                self._report.add(f"{fault}; span not read", sample=_sample(span))

    def _add_span(self, entry: object, resource: int, scope: int) -> None:
        fields = self._object(entry, _SPAN, "span")
        if fields is None:
            return
        columns = self._columns
        trace_id = self._id(fields, "traceId", "trace id", TRACE_ID_BYTES)
        span_id = self._id(fields, "spanId", "span id", SPAN_ID_BYTES)
        start_ns = self._time(fields, "startTimeUnixNano", "span start")
        end_ns = self._time(fields, "endTimeUnixNano", "span end")
        row = len(columns.spans)
        code, message = self._status(fields.get("status"))
        columns.spans.append(
            (
                trace_id,
                span_id,
                self._parent(fields.get("parentSpanId")),
                self._text(fields, "name", "span"),
                self._enum(fields.get("kind"), _KINDS, "SPAN_KIND_", "span kind"),
                code,
                message,
                start_ns,
                end_ns,
                resource,
                scope,
                self._text(fields, "traceState", "span") or None,
                self._uint32(fields, "flags"),
                self._uint32(fields, "droppedAttributesCount"),
                self._uint32(fields, "droppedEventsCount"),
                self._uint32(fields, "droppedLinksCount"),
            )
        )
        self._add_attributes(fields, columns.attributes, row, "span")
        for event in self._items(fields.get("events"), "events"):
            self._add_event(event, row)
        for link in self._items(fields.get("links"), "links"):
            self._add_link(link, row)

    def _add_event(self, entry: object, span: int) -> None:
        fields = self._object(entry, _EVENT, "event")
        if fields is None:
            return
        try:
            time_ns = self._time(fields, "timeUnixNano", "event time")
        except _SpanFault as fault:
            self._report.add(f"{fault}; event not read", sample=_sample(entry))
            return
        columns = self._columns
        row = len(columns.events)
        name = self._text(fields, "name", "event")
        columns.events.append((span, name, time_ns, self._uint32(fields, "droppedAttributesCount")))
        self._add_attributes(fields, columns.event_attributes, row, "event")

    def _add_link(self, entry: object, span: int) -> None:
        fields = self._object(entry, _LINK, "link")
        if fields is None:
            return
        try:
            trace_id = self._id(fields, "traceId", "linked trace id", TRACE_ID_BYTES)
            span_id = self._id(fields, "spanId", "linked span id", SPAN_ID_BYTES)
        except _SpanFault as fault:
            self._report.add(f"{fault}; link not read", sample=_sample(entry))
            return
        columns = self._columns
        row = len(columns.links)
        columns.links.append(
            (
                span,
                trace_id,
                span_id,
                self._text(fields, "traceState", "link") or None,
                self._uint32(fields, "flags"),
                self._uint32(fields, "droppedAttributesCount"),
            )
        )
        self._add_attributes(fields, columns.link_attributes, row, "link")

    def _add_attributes(self, fields: Object, into: AttributeColumns, owner: int, of: str) -> None:
        for entry in self._items(fields.get("attributes"), f"{of} attributes"):
            pair = self._object(entry, _KEY_VALUE, "attribute")
            if pair is None:
                continue
            key = pair.get("key")
            if type(key) is not str or not key:
                self._report.add("attribute without a key, not read", sample=_sample(entry))
                continue
            try:
                value = decode_value(pair.get("value"))
            except ValueFault as fault:
                self._report.add(f"attribute with {fault}; read as missing", sample=key)
                continue
            if value is None:
                self._report.add("attribute without a value, read as missing", sample=key)
            else:
                into.add(owner, key, *value)

    def _object(self, value: object, known: frozenset[str], what: str) -> Object | None:
        """Return an object's fields under their lowerCamelCase names, or None with a word in the report."""
        if type(value) is not dict:
            self._report.add(f"{what} that is {json_type(value)}, expected an object; skipped")
            return None
        if known >= value.keys():
            return value
        fields: Object = {}
        for name, field in value.items():
            camel = _CAMEL.get(name, name)
            if camel not in known:
                self._report.add(f"unknown field {name[:40]!r} in a {what}, ignored")
            elif camel in fields:
                self._report.add(f"field {camel!r} in two spellings in a {what}, the first one counts")
            else:
                fields[camel] = field
        return fields

    def _items(self, value: object, what: str) -> list[object]:
        if type(value) is list:
            return value
        if value is not None:
            self._report.add(f"{what} that is {json_type(value)}, expected an array; skipped")
        return []

    def _text(self, fields: Object, name: str, of: str) -> str:
        value = fields.get(name)
        if type(value) is str:
            return value
        if value is not None:
            self._report.add(f"{of} {name} that is {json_type(value)}, expected a string; read as empty")
        return ""

    def _id(self, fields: Object, name: str, what: str, n_bytes: int) -> str:
        value = fields.get(name)
        if value is None:
            raise _SpanFault(f"no {what}")
        if type(value) is not str:
            raise _SpanFault(f"{what} that is {json_type(value)}, expected a string")
        try:
            found = decode_id(value, n_bytes)
        except IdFault as fault:
            raise _SpanFault(f"{what} of {fault}, expected {2 * n_bytes} hexadecimal digits") from None
        if not found:
            raise _SpanFault(f"no {what}" if not value else f"{what} of zeros")
        return found

    def _parent(self, value: object) -> str | None:
        if value is None:
            return None
        if type(value) is not str:
            self._report.add(f"parent span id that is {json_type(value)}, expected a string; read as none")
            return None
        try:
            return decode_id(value, SPAN_ID_BYTES) or None
        except IdFault as fault:
            # Reading it as none would make a root of the span; kept as it is, it names no span.
            self._report.add(
                f"parent span id of {fault}, expected {2 * SPAN_ID_BYTES} hexadecimal digits; kept as it is",
                sample=value,
            )
            return value.lower()

    def _time(self, fields: Object, name: str, what: str) -> int:
        value = fields.get(name)
        if value is None:
            return 0
        try:
            return parse_int(value, 0, _MAX_INT64)
        except ValueFault as fault:
            raise _SpanFault(f"{what} with {fault}, expected nanoseconds") from None

    def _uint32(self, fields: Object, name: str) -> int:
        value = fields.get(name)
        if value is None:
            return 0
        try:
            return parse_int(value, 0, _MAX_UINT32)
        except ValueFault as fault:
            self._report.add(f"{name} with {fault}; read as 0")
            return 0

    def _enum(self, value: object, names: tuple[str, ...], prefix: str, what: str) -> int:
        if value is None:
            return 0
        number = parse_enum(value, names, prefix)
        if number is None:
            self._report.add(f"unknown {what}, read as {names[0].lower()}", sample=_shown(value))
            return 0
        return number

    def _status(self, value: object) -> tuple[int, str | None]:
        if value is None:
            return 0, None
        fields = self._object(value, _STATUS, "status")
        if fields is None:
            return 0, None
        code = self._enum(fields.get("code"), _CODES, "STATUS_CODE_", "status code")
        return code, self._text(fields, "message", "status") or None


def _shown(value: object) -> str:
    """Return a scalar as text, and of anything else what it is."""
    return str(value)[:34] if type(value) in (str, int, float, bool) else json_type(value)


def _sample(entry: object) -> str:
    """Return the part of a message that tells which one it is."""
    if type(entry) is not dict:
        return _shown(entry)
    shown = ("traceId", "trace_id", "spanId", "span_id", "name", "key")
    return ", ".join(f"{name}: {_shown(entry[name])}" for name in shown if name in entry)
