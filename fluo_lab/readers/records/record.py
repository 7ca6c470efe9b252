"""One JSON span record: its parts under our names, whatever its dialect calls them."""

from __future__ import annotations

from typing import Any, Final

from fluo_lab.readers.otlp.values import ValueFault, json_type
from fluo_lab.readers.records.values import read_count, shown
from fluo_lab.readers.report import Report
from fluo_lab.readers.tables.columns import (
    NO_PARENT,
    SCALES,
    attribute_place,
    duration_ns,
    field_of,
    plain_id,
    scale_of,
    time_ns,
)

__all__ = ["CONTEXTS", "Object", "SpanFault", "SpanRecord"]

Object = dict[str, Any]

CONTEXTS: Final = ("context", "spanContext", "span_context", "_spanContext")
"""Fields that hold the ids of a span."""

_PARENT_CONTEXTS: Final = ("parentSpanContext", "parent_span_context")
_SCOPES: Final = (
    "scope",
    "instrumentationScope",
    "instrumentation_scope",
    "instrumentationLibrary",
    "instrumentation_library",
    "instrumentation_info",
)
_UNITS: Final = (*SCALES, "")


class SpanFault(ValueError):
    """A span that cannot be read."""


class SpanRecord:
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
            if key in CONTEXTS and kind is dict:
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
            raise SpanFault(f"no {what}")
        try:
            found = plain_id(value)
        except ValueFault as fault:
            raise SpanFault(f"{what} that is {fault}") from None
        if not found:
            raise SpanFault(f"no {what}" if not value else f"{what} of zeros")
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
                raise SpanFault(f"span duration with {fault}") from None
            if end_ns >= 2**63:
                raise SpanFault("span end out of range")
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
            raise SpanFault(f"span {edge} with {fault}") from None

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
        return shown(value)

    def trace_state(self) -> str | None:
        """Return the trace state; Python's console exporter writes an empty one as ``[]``."""
        value = self.text("trace_state")
        return None if value == "[]" else value or None

    def count(self, name: str) -> int:
        """Return a number that is 0 where it is missing."""
        return read_count(self.fields.get(name), name, self._report)
