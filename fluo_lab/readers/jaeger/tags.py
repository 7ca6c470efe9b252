"""Span and log tags that are Jaeger's way to write fields of OTLP, turned back into the fields.

The mapping is OpenTelemetry's (specification, ``trace/sdk_exporters/jaeger.md`` and ``common/mapping-to-non-otlp.md``)
and the one Jaeger reads its own storages with.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from fluo_lab.readers.report import Report
from fluo_lab.traces import SpanKind, StatusCode, ValueType

__all__ = ["SpanTags", "Tag", "take_dropped_count", "take_event_name", "take_span_tags"]

Tag = tuple[str, ValueType, object]

_MAX_UINT32 = 2**32 - 1
_KINDS: Final = {kind.name.lower(): kind for kind in SpanKind}
_DROPPED_ATTRIBUTES = "otel.dropped_attributes_count"
_SPAN_KEYS: Final = frozenset(
    {
        "span.kind",
        "error",
        "otel.status_code",
        "otel.status_description",
        "otel.scope.name",
        "otel.scope.version",
        "otel.library.name",
        "otel.library.version",
        "w3c.tracestate",
        _DROPPED_ATTRIBUTES,
        "otel.dropped_events_count",
        "otel.dropped_links_count",
    }
)


@dataclass(frozen=True, slots=True)
class SpanTags:
    """What the tags of a span say.

    Attributes
    ----------
    kind, status, status_message, scope_name, scope_version, trace_state
        Fields of the span; None where no tag gives a text.
    dropped_attributes, dropped_events, dropped_links
        Counts of what the span once had.
    attributes
        The tags that are attributes of the span.
    """

    kind: SpanKind
    status: StatusCode
    status_message: str | None
    scope_name: str | None
    scope_version: str | None
    trace_state: str | None
    dropped_attributes: int
    dropped_events: int
    dropped_links: int
    attributes: tuple[Tag, ...]


def take_span_tags(tags: Iterable[Tag], report: Report) -> SpanTags:
    """Return the fields that tags of a span stand for, and the tags that remain attributes.

    A tag becomes a field, and is no attribute any more, only where it is nothing but Jaeger's writing of the field,
    so that a span has the same attributes by way of OTLP and of Jaeger: ``span.kind`` that names a kind,
    ``otel.status_code``, ``otel.status_description``, ``otel.scope.name`` and ``.version`` or the older
    ``otel.library.name`` and ``.version``, ``w3c.tracestate``, ``otel.dropped_*_count``, and ``error`` that is the
    boolean true. ``error`` that is the text "true" makes the status an error and stays an attribute; any other
    ``error`` is an attribute alone. Where ``error`` is true and ``otel.status_code`` says otherwise, ``error`` counts,
    as it does in Jaeger.
    """
    special: dict[str, Tag] = {}
    rest: list[Tag] = []
    for tag in tags:
        if tag[0] not in _SPAN_KEYS:
            rest.append(tag)
            continue
        if tag[0] in special and special[tag[0]] != tag:
            report.add(f"tag {tag[0]!r} given twice, the last value was kept")
        special[tag[0]] = tag
    kind = _take_kind(special, report)
    status = _take_status(special, report)
    message = _take_text(special, "otel.status_description")
    scope_name = _take_scope(special, "name")
    scope_version = _take_scope(special, "version")
    trace_state = _take_text(special, "w3c.tracestate")
    dropped_attributes = _take_count(special, _DROPPED_ATTRIBUTES)
    dropped_events = _take_count(special, "otel.dropped_events_count")
    dropped_links = _take_count(special, "otel.dropped_links_count")
    return SpanTags(
        kind,
        status,
        message,
        scope_name,
        scope_version,
        trace_state,
        dropped_attributes,
        dropped_events,
        dropped_links,
        attributes=(*rest, *special.values()),
    )


def take_event_name(tags: list[Tag]) -> str:
    """Return the text of the field ``event``, which is the name of a log, and take it out; else an empty name."""
    for at, (key, value_type, value) in enumerate(tags):
        if key == "event" and value_type is ValueType.TEXT:
            del tags[at]
            return str(value)
    return ""


def take_dropped_count(tags: list[Tag]) -> int:
    """Return how many attributes a log says it lost, and take the count out."""
    for at, tag in enumerate(tags):
        if tag[0] == _DROPPED_ATTRIBUTES and _is_count(tag):
            del tags[at]
            return int(tag[2])  # type: ignore[call-overload, no-any-return]  # an INT, see _is_count
    return 0


def _take_kind(special: dict[str, Tag], report: Report) -> SpanKind:
    tag = special.get("span.kind")
    if tag is None:
        return SpanKind.UNSPECIFIED
    kind = _KINDS.get(str(tag[2]).lower()) if tag[1] is ValueType.TEXT else None
    if kind is None:
        report.add("unknown span kind, read as unspecified and kept as an attribute", sample=str(tag[2]))
        return SpanKind.UNSPECIFIED
    del special["span.kind"]
    return kind


def _take_status(special: dict[str, Tag], report: Report) -> StatusCode:
    code = None
    if (tag := special.get("otel.status_code")) is not None:
        if tag[1] is ValueType.TEXT and str(tag[2]).upper() in StatusCode.__members__:
            code = StatusCode[str(tag[2]).upper()]
            del special["otel.status_code"]
        else:
            report.add("unknown status code, read as unset and kept as an attribute", sample=str(tag[2]))
    error = special.get("error")
    if error is not None and (error[2] is True or (error[1] is ValueType.TEXT and str(error[2]).lower() == "true")):
        if error[2] is True:
            del special["error"]
        if code not in (None, StatusCode.ERROR):
            report.add(f"error=true beside otel.status_code={code.name}; read as an error")
        return StatusCode.ERROR
    return code or StatusCode.UNSET


def _take_scope(special: dict[str, Tag], what: str) -> str | None:
    """Return name or version of the scope; the older tag is one of its own only where it says something else."""
    found = _take_text(special, f"otel.scope.{what}")
    older = special.get(f"otel.library.{what}")
    if older is not None and found in (None, older[2]):
        found = _take_text(special, f"otel.library.{what}")
    return found


def _take_text(special: dict[str, Tag], key: str) -> str | None:
    tag = special.get(key)
    if tag is None or tag[1] is not ValueType.TEXT:
        return None
    del special[key]
    return str(tag[2]) or None


def _take_count(special: dict[str, Tag], key: str) -> int:
    tag = special.get(key)
    if tag is None or not _is_count(tag):
        return 0
    del special[key]
    return int(tag[2])  # type: ignore[call-overload, no-any-return]  # an INT, see _is_count


def _is_count(tag: Tag) -> bool:
    return tag[1] is ValueType.INT and isinstance(tag[2], int) and 0 <= tag[2] <= _MAX_UINT32
