"""A walk over parsed Jaeger documents of every dialect into columns: it takes what it can and names the rest."""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

from fluo_lab.readers.columns import AttributeColumns, BatchColumns
from fluo_lab.readers.ids import SPAN_ID_BYTES, TRACE_ID_BYTES, IdFault
from fluo_lab.readers.jaeger.references import REF_TYPES, Reference, ReferenceBook
from fluo_lab.readers.jaeger.tags import Tag, take_dropped_count, take_event_name, take_span_tags
from fluo_lab.readers.jaeger.times import parse_duration, parse_time
from fluo_lab.readers.jaeger.values import (
    Object,
    canonical_name,
    decode_jaeger_id,
    decode_tag,
    read_untyped,
    shown,
    take_fields,
)
from fluo_lab.readers.otlp.values import ValueFault, json_type, parse_int
from fluo_lab.readers.report import Report
from fluo_lab.traces import SpanBatch, ValueType

__all__ = ["JaegerWalk"]

_MAX_DEPTH = 8
_MAX_UINT32 = 2**32 - 1
_NO_SERVICE: Final = "OTLPResourceNoServiceName"
"""What Jaeger's storages write for a resource without ``service.name``."""
_VARIABLE: Final = re.compile(r"\b(?:[0-9a-fA-F]{8,}\b|\d\S*)")


def _fields(names: str) -> frozenset[str]:
    return frozenset(names.split())


_TRACE = _fields("traceid spans processes processmap warnings")
# What Jaeger's UI computes and keeps beside the trace.
_TRACE_IGNORED = _fields(
    "services tracename tracepagetitle traceemoji duration starttime endtime spanmap rootspans orphanspancount"
)
_SPAN = _fields(
    "traceid spanid parentspanid parentid operationname references refs flags starttime duration tags tag logs process "
    "processid servicename warnings"
)
_SPAN_IGNORED = _fields(
    "starttimemillis @timestamp spanhash relativestarttime depth haschildren childspanids childspans "
    "subsidiarilyreferencedby"
)
_REFERENCE = _fields("reftype traceid spanid")
_REFERENCE_IGNORED = _fields("span")
_LOG = _fields("timestamp fields")
_PROCESS = _fields("servicename tags tag")
_PROCESS_ENTRY = _fields("processid process")
_ERROR = _fields("code msg traceid")


class _SpanFault(ValueError):
    """A span that cannot be read."""


class JaegerWalk:
    """Takes documents and makes batches of their spans.

    Documents may be the answer of Jaeger's API, a trace, a span, lists of any of these, Elasticsearch hits, traces and
    spans of the protobuf as JSON, and rows of Cassandra as JSON. What becomes of tags and references say
    ``tags`` and ``references``. Binary values are base64, but hexadecimal in a span that holds its
    process itself and has no process id: so the storages write spans (``FromDomainEmbedProcess`` in Jaeger's
    ``internal/uimodel``), the UI never does; in Cassandra's and the protobuf's form they are base64 always.
    Warnings of Jaeger are counted as problems, since it writes one where it has changed a span (clock skew, repeated
    ids). The fields the UI adds for itself are left out.

    Parameters
    ----------
    report
        Where everything goes that cannot be taken as it is.
    """

    def __init__(self, report: Report) -> None:
        self._report = report
        self._start_batch()

    def _start_batch(self) -> None:
        self._columns = BatchColumns()
        self._references = ReferenceBook(self._columns)
        self._resources: dict[bytes, int] = {}
        self._scopes: dict[tuple[str | None, str | None], int] = {}

    @property
    def n_spans(self) -> int:
        """How many spans wait for the next batch."""
        return len(self._columns.spans)

    def finish(self) -> SpanBatch:
        """Return the spans taken since the last batch."""
        self._references.close()
        batch = self._columns.finish()
        self._start_batch()
        return batch

    def add(self, document: object, *, depth: int = 0) -> None:
        """Take the spans of one parsed document."""
        if depth > _MAX_DEPTH:
            self._report.add(f"documents in one another deeper than {_MAX_DEPTH} levels, not read")
        elif type(document) is list:
            for entry in document:
                self.add(entry, depth=depth + 1)
        elif type(document) is dict:
            self._add_object(document, depth)
        else:
            self._report.add(f"not a trace: a JSON document that is {json_type(document)}, skipped")

    def _add_object(self, document: Object, depth: int) -> None:
        """Take an object for what its fields show it to be."""
        names = {canonical_name(name) for name in document}
        if "spans" in names:
            self._add_trace(document)
        elif "spanid" in names:
            self._try_span(document, None, {})
        elif not names.isdisjoint(("data", "errors")):
            if document.get("data") is not None:
                self.add(document["data"], depth=depth + 1)
            for error in self._items(document.get("errors"), "errors"):
                self._add_error(error)
        elif inner := [document[name] for name in ("_source", "hits", "responses") if name in document]:
            self.add(inner[0], depth=depth + 1)
        elif document:
            self._report.add("not a trace: a JSON object without spans, skipped", sample=", ".join(document))

    def _add_error(self, error: object) -> None:
        """Count an error in the answer of Jaeger's API; a trace it names lacks spans."""
        fields = take_fields(error, _ERROR, "error", self._report)
        if fields is not None:
            self._report.add("Jaeger answered with an error beside the traces", sample=shown(fields.get("msg")))
            if fields.get("traceid"):
                self._report.incomplete.add(self._decode_id(shown(fields["traceid"]), "trace id", TRACE_ID_BYTES))

    def _add_trace(self, document: Object) -> None:
        fields = take_fields(document, _TRACE, "trace", self._report, ignored=_TRACE_IGNORED)
        if fields is None:
            return
        processes = fields.get("processes")
        if processes is not None and type(processes) is not dict:
            self._report.add(f"processes that are {json_type(processes)}, expected an object; skipped")
        processes = processes if type(processes) is dict else {}
        for entry in self._items(fields.get("processmap"), "processMap"):
            pair = take_fields(entry, _PROCESS_ENTRY, "process of a trace", self._report)
            if pair is not None and type(pair.get("processid")) is str:
                processes = {**processes, pair["processid"]: pair.get("process")}
        for span in self._items(fields.get("spans"), "spans"):
            self._try_span(span, fields.get("traceid"), processes)
        self._add_warnings(fields.get("warnings"))

    def _try_span(self, span: object, trace_id: object, processes: Object) -> None:
        try:
            self._add_span(span, trace_id, processes)
        except _SpanFault as fault:
            self._report.add(f"{fault}; span not read", sample=_sample(span))

    def _add_span(self, entry: object, trace_of_span: object, processes: Object) -> None:
        fields = take_fields(entry, _SPAN, "span", self._report, ignored=_SPAN_IGNORED)
        if fields is None:
            return
        columns = self._columns
        own_trace = fields.get("traceid")
        trace_id = self._id(trace_of_span if own_trace is None else own_trace, "trace id", TRACE_ID_BYTES)
        span_id = self._id(fields.get("spanid"), "span id", SPAN_ID_BYTES)
        start_ns = self._time(fields.get("starttime"), "span start")
        end_ns = start_ns + self._duration(fields.get("duration"))
        if not 0 <= end_ns < 2**63:
            raise _SpanFault("span end out of range")
        is_hex = fields.get("process") is not None and not fields.get("processid")
        tags = take_span_tags(self._tags(fields, is_hex=is_hex), self._report)
        parent = self._parent(fields.get("parentspanid", fields.get("parentid")))
        row = len(columns.spans)
        parent = self._references.add(row, trace_id, parent, self._read_references(fields, trace_id))
        columns.spans.append(
            (
                trace_id,
                span_id,
                parent,
                self._text(fields.get("operationname"), "span operationName"),
                tags.kind,
                tags.status,
                tags.status_message,
                start_ns,
                end_ns,
                self._resource(fields, processes, is_hex=is_hex),
                self._scope(tags.scope_name, tags.scope_version),
                tags.trace_state,
                self._flags(fields.get("flags")),
                tags.dropped_attributes,
                tags.dropped_events,
                tags.dropped_links,
            )
        )
        for tag in tags.attributes:
            columns.attributes.add(row, *tag)
        for log in self._items(fields.get("logs"), "logs"):
            self._add_log(log, row, is_hex=is_hex)
        self._add_warnings(fields.get("warnings"))

    def _add_log(self, entry: object, span: int, *, is_hex: bool) -> None:
        fields = take_fields(entry, _LOG, "log", self._report)
        if fields is None:
            return
        try:
            time_ns = self._time(fields.get("timestamp"), "log time")
        except _SpanFault as fault:
            self._report.add(f"{fault}; log not read", sample=_sample(entry))
            return
        columns = self._columns
        row = len(columns.events)
        tags = self._tags(fields, is_hex=is_hex, of="fields")
        name = take_event_name(tags)
        columns.events.append((span, name, time_ns, take_dropped_count(tags)))
        for tag in tags:
            columns.event_attributes.add(row, *tag)

    def _read_references(self, fields: Object, trace_id: str) -> list[Reference]:
        """Return the references of a span that can be read."""
        found = []
        given = fields.get("references", fields.get("refs"))
        for entry in self._items(given, "references"):
            reference = take_fields(entry, _REFERENCE, "reference", self._report, ignored=_REFERENCE_IGNORED)
            if reference is None:
                continue
            try:
                linked = reference.get("traceid")
                linked_trace = trace_id if linked is None else self._id(linked, "linked trace id", TRACE_ID_BYTES)
                linked_span = self._id(reference.get("spanid"), "linked span id", SPAN_ID_BYTES)
            except _SpanFault as fault:
                self._report.add(f"{fault}; reference not read", sample=_sample(entry))
                continue
            found.append(Reference(self._ref_type(reference.get("reftype")), linked_trace, linked_span))
        return found

    def _ref_type(self, value: object) -> str | None:
        """Return the type of a reference; the protobuf writes numbers, and nothing for CHILD_OF."""
        if value is None:
            return "child_of"
        if type(value) is int and value in (0, 1):
            return ("child_of", "follows_from")[value]
        name = REF_TYPES.get(canonical_name(value).replace("-", "")) if type(value) is str else None
        if name is None:
            self._report.add("unknown type of reference, kept as a link without one", sample=shown(value))
        return name

    def _resource(self, fields: Object, processes: Object, *, is_hex: bool) -> int:
        """Return the number of the resource that the process of a span makes."""
        process, name = fields.get("process"), fields.get("processid")
        if process is None and type(name) is str:
            process = processes.get(name)
            if process is None:
                self._report.add("a span whose process its trace does not have; its service is unknown", sample=name)
        elif process is None:
            service = fields.get("servicename")
            if type(service) is str and service:
                process = {"serviceName": service}
            else:
                self._report.add("a span without a process; its service is unknown")
        try:
            key = orjson.dumps(process) + (b"h" if is_hex else b"b")
        except orjson.JSONEncodeError:
            # Too deep to be a key: a resource of its own, in which the reading of tags names what is too deep.
            key = b"%d" % self._columns.n_resources
        found = self._resources.get(key)
        if found is None:
            found = self._resources[key] = self._columns.n_resources
            self._columns.n_resources += 1
            if process is not None:
                self._add_process(process, found, is_hex=is_hex)
        return found

    def _add_process(self, process: object, resource: int, *, is_hex: bool) -> None:
        fields = take_fields(process, _PROCESS, "process", self._report)
        if fields is None:
            return
        into: AttributeColumns = self._columns.resource_attributes
        service = self._text(fields.get("servicename"), "process serviceName")
        service_tag: Tag | None = ("service.name", ValueType.TEXT, service)
        if service in ("", _NO_SERVICE):
            service_tag = None
        for tag in self._tags(fields, is_hex=is_hex):
            if tag != service_tag:
                into.add(resource, *tag)
        if service_tag is not None:
            into.add(resource, *service_tag)

    def _scope(self, name: str | None, version: str | None) -> int:
        found = self._scopes.setdefault((name, version), len(self._columns.scopes))
        if found == len(self._columns.scopes):
            self._columns.scopes.append((name, version))
        return found

    def _tags(self, fields: Object, *, is_hex: bool, of: str = "tags") -> list[Tag]:
        """Return the typed tags of a span, log or process, and those that Elasticsearch has as fields of an object."""
        tags = [decode_tag(tag, self._report, is_hex=is_hex) for tag in self._items(fields.get(of), of)]
        flat = fields.get("tag")
        if type(flat) is dict:
            # Elasticsearch takes dots in names for objects, so Jaeger writes "@" for them.
            tags += [read_untyped(key.replace("@", "."), value, self._report) for key, value in flat.items()]
        elif flat is not None:
            self._report.add(f"tag that is {json_type(flat)}, expected an object; skipped")
        return [tag for tag in tags if tag is not None]

    def _add_warnings(self, value: object) -> None:
        """Count warnings of Jaeger, those that differ in numbers and ids alone as one kind."""
        for warning in self._items(value, "warnings"):
            text = shown(warning) if type(warning) is not str else warning[:300]
            self._report.add(f"Jaeger warned: {_VARIABLE.sub('…', text)[:120]}", sample=text)

    def _items(self, value: object, what: str) -> list[Any]:
        if type(value) is list:
            return value
        if value is not None:
            self._report.add(f"{what} that is {json_type(value)}, expected an array; skipped")
        return []

    def _text(self, value: object, what: str) -> str:
        if type(value) is str:
            return value
        if value is not None:
            self._report.add(f"{what} that is {json_type(value)}, expected a string; read as empty")
        return ""

    def _id(self, value: object, what: str, n_bytes: int) -> str:
        found = "" if value is None else self._decode_id(value, what, n_bytes)
        if not found:
            raise _SpanFault(f"no {what}" if value in (None, "") else f"{what} of zeros")
        return found

    def _decode_id(self, value: object, what: str, n_bytes: int) -> str:
        """Return an id, an empty text for an absent one; a text that is none stands for itself."""
        try:
            return decode_jaeger_id(value, n_bytes)
        except IdFault as fault:
            told = f"{what} of {fault}, expected up to {2 * n_bytes} hexadecimal digits"
            if type(value) is not str:
                raise _SpanFault(told) from None
            # Spans of one file find one another by any text.
            self._report.add(f"{told}; kept as it is", sample=value)
            return value

    def _parent(self, value: object) -> str | None:
        try:
            return None if value is None else self._decode_id(value, "parent span id", SPAN_ID_BYTES) or None
        except _SpanFault as fault:
            self._report.add(f"{fault}; read as none", sample=shown(value))
            return None

    def _time(self, value: object, what: str) -> int:
        if value is None:
            return 0
        try:
            found, is_rounded = parse_time(value)
        except ValueFault as fault:
            raise _SpanFault(f"{what} with {fault}, expected microseconds or an RFC 3339 time") from None
        if is_rounded:
            self._report.add(f"{what} with a fraction of a nanosecond, rounded", sample=shown(value))
        return found

    def _duration(self, value: object) -> int:
        if value is None:
            return 0
        try:
            found, is_rounded = parse_duration(value)
        except ValueFault as fault:
            raise _SpanFault(f"span duration with {fault}, expected microseconds") from None
        if is_rounded:
            self._report.add("span duration with a fraction of a nanosecond, rounded", sample=shown(value))
        return found

    def _flags(self, value: object) -> int:
        if value is None:
            return 0
        try:
            return parse_int(value, 0, _MAX_UINT32)
        except ValueFault as fault:
            self._report.add(f"flags with {fault}; read as 0")
            return 0


def _sample(entry: object) -> str:
    """Return the part of a document that tells which one it is."""
    if type(entry) is not dict:
        return shown(entry)
    told = ("traceid", "spanid", "operationname", "timestamp", "reftype")
    return ", ".join(f"{name}: {shown(value)}" for name, value in entry.items() if canonical_name(name) in told)
