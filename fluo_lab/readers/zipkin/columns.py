"""Zipkin spans as rows of the store's columns.

Names follow the collector's translator (opentelemetry-collector-contrib, ``pkg/translator/zipkin/zipkinv2/
to_translator.go``), but the local address goes to the resource. What the OpenTelemetry exporters write as tags because
Zipkin has no field for it (opentelemetry-specification, ``trace/sdk_exporters/zipkin.md`` and
``common/mapping-to-non-otlp.md``) is turned back: ``otel.status_code`` and ``otel.status_description`` to the status,
``otel.scope.*`` and ``otel.library.*`` to the scope, ``otel.dropped_*_count`` to the counts; such tags are attributes
no more. The tag ``error`` stays one.

============================  ====================================================================================
``zipkin.shared_id``          on the far half of a shared span: the span id in the file
``zipkin.timestamp_missing``  true: the start is not the span's own (the collector says
                              ``otel.zipkin.absentField.startTime``)
``zipkin.duration_missing``   true: the span ends where it starts because its end was never reported
``zipkin.ipv4``               on resource or span: the IPv4 address beside an IPv6 one, which the field's names have
``zipkin.remote_ipv4``        no second place for
============================  ====================================================================================
"""

from __future__ import annotations

from typing import Any, Final

from fluo_lab.readers.columns import BatchColumns
from fluo_lab.readers.otlp.values import ValueFault, compact_json, parse_int
from fluo_lab.readers.report import Report
from fluo_lab.readers.zipkin.spans import Endpoint, ZipkinSpan
from fluo_lab.traces import SpanBatch, SpanKind, StatusCode, ValueType

__all__ = ["ZipkinColumns"]

_STORED_DIGITS: Final = 32
_MAX_INT64: Final = 2**63 - 1
_MAX_UINT32: Final = 2**32 - 1
_CODES: Final = {"UNSET": StatusCode.UNSET, "OK": StatusCode.OK, "ERROR": StatusCode.ERROR}
_ERROR: Final = "error"
_STATUS_CODE: Final = "otel.status_code"
_STATUS_DESCRIPTION: Final = "otel.status_description"
_SCOPE_TAGS: Final = (("otel.scope.name", "otel.library.name"), ("otel.scope.version", "otel.library.version"))
_DROPPED_TAGS: Final = ("otel.dropped_attributes_count", "otel.dropped_events_count", "otel.dropped_links_count")
_MEANING_TAGS: Final = frozenset(
    {_ERROR, _STATUS_CODE, _STATUS_DESCRIPTION, *_DROPPED_TAGS, *(tag for tags in _SCOPE_TAGS for tag in tags)}
)
_NO_MESSAGE: Final = ("", "true", "false")


class ZipkinColumns:
    """Rows of assembled spans.

    Parameters
    ----------
    report
        Where everything goes that cannot be taken, with what was done about it.
    """

    def __init__(self, report: Report) -> None:
        self._report = report
        self._columns = BatchColumns()
        self._resources: dict[Endpoint, int] = {}
        self._scopes: dict[tuple[str | None, str | None], int] = {}

    @property
    def n_spans(self) -> int:
        """Rows so far."""
        return len(self._columns.spans)

    def finish(self) -> SpanBatch:
        """Return the batch."""
        return self._columns.finish()

    def add(self, span: ZipkinSpan) -> None:
        """Append a span that has a start."""
        columns, report = self._columns, self._report
        report.locate(offset_bytes=span.offset_bytes, line=span.line)
        row = len(columns.spans)
        start_ns = span.start_ns or 0
        attributes = columns.attributes
        tags = dict(span.tags)
        code, message, scope, dropped = self._take_meanings(tags)
        columns.spans.append(
            (
                span.trace_id.zfill(_STORED_DIGITS),
                span.span_id,
                span.parent_id,
                span.name,
                span.kind or SpanKind.INTERNAL,
                code,
                message,
                start_ns,
                start_ns + self._duration_ns(span, start_ns, row),
                self._resource(span.local),
                scope,
                None,
                0,
                *dropped,
            )
        )
        for key, value in tags.items():
            if type(value) is str:
                attributes.add(row, key, ValueType.TEXT, value)
            else:
                attributes.add(row, key, *_typed(value))
        self._add_remote(span, tags, row)
        if span.shared_id is not None:
            attributes.add(row, "zipkin.shared_id", ValueType.TEXT, span.shared_id)
        if span.is_placed:
            attributes.add(row, "zipkin.timestamp_missing", ValueType.BOOL, True)
        columns.events.extend((row, value, time_ns, 0) for time_ns, value in span.annotations)

    def _duration_ns(self, span: ZipkinSpan, start_ns: int, row: int) -> int:
        """Return the duration; a missing one is 0, marked and counted."""
        if span.duration_ns is not None:
            if span.duration_ns <= _MAX_INT64 - start_ns:
                return span.duration_ns
            self._report.add("span that ends beyond the range of 64 bits, read without a duration")
        elif not span.is_placed:
            self._report.add("span without a duration, read as 0", sample=span.span_id)
        self._columns.attributes.add(row, "zipkin.duration_missing", ValueType.BOOL, True)
        return 0

    def _resource(self, local: Endpoint) -> int:
        """Return the number of the resource that is the local endpoint."""
        number = self._resources.get(local)
        if number is None:
            number = self._resources[local] = self._columns.n_resources
            self._columns.n_resources += 1
            rows = self._columns.resource_attributes
            if local.service:
                rows.add(number, "service.name", ValueType.TEXT, local.service)
            if local.ipv4 or local.ipv6:
                rows.add(number, "net.host.ip", ValueType.TEXT, local.ipv6 or local.ipv4)
            if local.ipv4 and local.ipv6:
                rows.add(number, "zipkin.ipv4", ValueType.TEXT, local.ipv4)
            if local.port:
                rows.add(number, "net.host.port", ValueType.INT, local.port)
        return number

    def _add_remote(self, span: ZipkinSpan, tags: dict[str, Any], row: int) -> None:
        """Add the remote endpoint; a tag of the same name says it already."""
        remote = span.remote
        rows = self._columns.attributes
        for key, value_type, value in (
            ("peer.service", ValueType.TEXT, remote.service),
            ("net.peer.ip", ValueType.TEXT, remote.ipv6 or remote.ipv4),
            ("zipkin.remote_ipv4", ValueType.TEXT, remote.ipv4 if remote.ipv6 else ""),
            ("net.peer.port", ValueType.INT, remote.port),
        ):
            if not value:
                continue
            if key not in tags:
                rows.add(row, key, value_type, value)
            elif str(tags[key]) != str(value):
                self._report.add(
                    f"tag {key} that is not what the remote endpoint says, the tag counts", sample=str(value)
                )

    def _take_meanings(self, tags: dict[str, Any]) -> tuple[int, str | None, int, tuple[int, int, int]]:
        """Return status, message, scope and dropped counts; the tags that only stood for them are taken out."""
        if _MEANING_TAGS.isdisjoint(tags):
            return StatusCode.UNSET, None, self._scope(None, None), (0, 0, 0)
        code, message = self._take_status(tags)
        name, version = (self._take_scope_part(tags, *keys) for keys in _SCOPE_TAGS)
        attributes, events, links = (self._take_count(tags, key) for key in _DROPPED_TAGS)
        return code, message, self._scope(name, version), (attributes, events, links)

    def _take_status(self, tags: dict[str, Any]) -> tuple[StatusCode, str | None]:
        code = StatusCode.UNSET
        given = tags.get(_STATUS_CODE)
        if given is not None:
            found = _CODES.get(str(given).upper().removeprefix("STATUS_CODE_"))
            if found is None:
                self._report.add("unknown otel.status_code, kept as an attribute", sample=str(given))
            else:
                code = found
                del tags[_STATUS_CODE]
        message = None
        if code is not StatusCode.UNSET and type(tags.get(_STATUS_DESCRIPTION)) is str:
            message = tags.pop(_STATUS_DESCRIPTION) or None
        error = tags.get(_ERROR)
        if error is None:
            return code, message
        text = error if type(error) is str else ""
        # In Zipkin a span has failed when it has the tag, whatever the tag says.
        if error is False or text == "false":
            self._report.add("tag error that says false, read as an error as Zipkin does")
        if code is StatusCode.OK:
            self._report.add("tag error beside otel.status_code OK, read as an error as Zipkin does")
        return StatusCode.ERROR, message or (None if text in _NO_MESSAGE else text)

    def _take_scope_part(self, tags: dict[str, Any], key: str, old_key: str) -> str | None:
        """Return the name or version of the scope; both tags are written, with the same value."""
        part = None
        for candidate in (key, old_key):
            value = tags.get(candidate)
            if type(value) is str and (part is None or value == part):
                part = tags.pop(candidate)
        return part or None

    def _take_count(self, tags: dict[str, Any], key: str) -> int:
        if key not in tags:
            return 0
        try:
            count = parse_int(tags[key], 0, _MAX_UINT32)
        except ValueFault as fault:
            self._report.add(f"tag {key} with {fault}; kept as an attribute")
            return 0
        del tags[key]
        return count

    def _scope(self, name: str | None, version: str | None) -> int:
        scope = (name, version)
        number = self._scopes.get(scope)
        if number is None:
            number = self._scopes[scope] = len(self._columns.scopes)
            self._columns.scopes.append(scope)
        return number


def _typed(value: Any) -> tuple[ValueType, object]:
    """Return type and value of a tag that is not text."""
    if type(value) is bool:
        return ValueType.BOOL, value
    if type(value) is int:
        return ValueType.INT, value
    if type(value) is float:
        return ValueType.DOUBLE, value
    return ValueType.KVLIST if type(value) is dict else ValueType.ARRAY, compact_json(value)
