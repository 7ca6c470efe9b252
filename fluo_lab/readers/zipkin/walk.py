"""A walk over parsed Zipkin JSON of both versions that takes what can be taken and names the rest.

Version 2 is described by openzipkin/zipkin-api, ``zipkin2-api.yaml``; a record is one of version 1 when it has
annotations with an endpoint or binary annotations.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from fluo_lab.readers.otlp.values import ValueFault, json_type
from fluo_lab.readers.report import Report
from fluo_lab.readers.zipkin.fields import FieldReader, Object, SpanFault, sample_of
from fluo_lab.readers.zipkin.spans import ZipkinSpan
from fluo_lab.readers.zipkin.v1 import RECORD_FIELDS_V1, split_record
from fluo_lab.traces import SpanKind

__all__ = ["RECORD_FIELDS", "walk_document"]

_RECORD_FIELDS_V2: Final = frozenset(
    {
        "traceId",
        "parentId",
        "id",
        "kind",
        "name",
        "timestamp",
        "duration",
        "localEndpoint",
        "remoteEndpoint",
        "annotations",
        "tags",
        "debug",
        "shared",
    }
)
RECORD_FIELDS: Final = _RECORD_FIELDS_V2 | RECORD_FIELDS_V1
"""All fields a record may have, in either version."""

_ONLY_IN_V2: Final = _RECORD_FIELDS_V2 - RECORD_FIELDS_V1
_ANNOTATION: Final = frozenset({"timestamp", "value"})
_KINDS: Final = {
    "CLIENT": SpanKind.CLIENT,
    "SERVER": SpanKind.SERVER,
    "PRODUCER": SpanKind.PRODUCER,
    "CONSUMER": SpanKind.CONSUMER,
}
_MAX_DEPTH: Final = 2


def walk_document(document: object, report: Report) -> Iterator[ZipkinSpan]:
    """Yield the records of one parsed JSON document.

    Parameters
    ----------
    document
        A record, an array of records (one trace, ``/api/v2/trace``), or an array of such arrays
        (``/api/v2/traces``).
    report
        Where everything goes that cannot be taken, with what was done about it.
    """
    yield from _walk(document, FieldReader(report), 0)


def _walk(value: object, reader: FieldReader, depth: int) -> Iterator[ZipkinSpan]:
    if type(value) is list:
        if depth == _MAX_DEPTH:
            reader.report.add("array within a trace's array, expected spans; skipped")
            return
        for item in value:
            yield from _walk(item, reader, depth + 1)
    elif type(value) is not dict:
        reader.report.add(f"span that is {json_type(value)}, expected an object; skipped")
    elif value:
        try:
            yield from split_record(value, reader) if _is_v1(value) else [_read_record(value, reader)]
        except SpanFault as fault:
            reader.report.add(f"{fault}; span not read", sample=sample_of(value))
    elif depth:
        reader.report.add("span without any field, skipped")


def _is_v1(record: Object) -> bool:
    if not _ONLY_IN_V2.isdisjoint(record):
        return False
    if "binaryAnnotations" in record:
        return True
    annotations = record.get("annotations")
    return type(annotations) is list and any(type(a) is dict and "endpoint" in a for a in annotations)


def _read_record(record: Object, reader: FieldReader) -> ZipkinSpan:
    """Return the span of a record of version 2."""
    span_id = reader.span_id(record.get("id"))
    trace_id = reader.trace_id(record.get("traceId"))
    fields = reader.fields_of(record, _RECORD_FIELDS_V2, "span") or {}
    get = fields.get
    reader.skip_debug(get("debug"))
    kind = _kind(get("kind"), reader)
    is_shared = reader.flag(get("shared"), "span shared")
    if is_shared and kind is SpanKind.CLIENT:
        # Only the side that did not make the id can share it.
        reader.report.add("shared flag of a client span, ignored", sample=span_id)
        is_shared = False
    return ZipkinSpan(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=reader.parent_id(get("parentId"), span_id),
        name=reader.text(get("name"), "span name"),
        kind=kind,
        start_ns=reader.time_ns(get("timestamp"), "span timestamp"),
        duration_ns=reader.time_ns(get("duration"), "span duration"),
        local=reader.endpoint(get("localEndpoint"), "localEndpoint"),
        remote=reader.endpoint(get("remoteEndpoint"), "remoteEndpoint"),
        annotations=_annotations(get("annotations"), reader),
        tags=_tags(get("tags"), reader),
        is_shared=is_shared,
    )


def _kind(value: object, reader: FieldReader) -> SpanKind:
    if value is None:
        return SpanKind.UNSPECIFIED
    kind = _KINDS.get(value.upper()) if type(value) is str else None
    if kind is None:
        reader.report.add("unknown span kind, read as internal", sample=sample_of(value))
        return SpanKind.UNSPECIFIED
    return kind


def _annotations(value: object, reader: FieldReader) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    for item in reader.items(value, "annotations"):
        fields = reader.fields_of(item, _ANNOTATION, "annotation")
        if fields is None:
            continue
        text = fields.get("value")
        if type(text) is not str:
            reader.report.add(f"annotation whose value is {json_type(text)}, expected a string; not read")
            continue
        try:
            found.append((reader.exact_time_ns(fields.get("timestamp")), text))
        except ValueFault as fault:
            reader.report.add(f"annotation timestamp with {fault}, expected microseconds; not read", sample=text)
    return found


def _tags(value: object, reader: FieldReader) -> dict[str, Any]:
    if value is None:
        return {}
    if type(value) is not dict:
        reader.report.add(f"tags that are {json_type(value)}, expected an object; skipped")
        return {}
    found: dict[str, Any] = {}
    for key, item in value.items():
        if not key:
            reader.report.add("tag without a key, not read", sample=sample_of(item))
        elif type(item) is str:
            found[key] = item
        elif (plain := reader.tag(item, "tag", key)) is not None:
            found[key] = plain
    return found
