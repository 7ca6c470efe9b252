"""Inline tests of rules: a few spans written in the rule file, and the verdict they must get.

By default the spans of a test are one trace. They run one after the other, each for 1 ms from where the one before
ended, so that ``after`` holds between neighbours; all hang on a shared root span ``(test root)`` of the service
``test``. The root counts in ``trace.spans`` and is found by ``*``; ``root: false`` leaves it out, and spans without
``parent`` are then roots themselves. For rules across traces a span may name its ``trace``, by any word; each trace
has a root of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from fluo_lab.engine import Verdict
from fluo_lab.language.literals import parse_duration
from fluo_lab.rules.nodes import REFUSED, Entry, Listing, Scalar, Table, YamlNode, plain
from fluo_lab.rules.reader import NodeReader, nearest
from fluo_lab.traces import PlainEvent, PlainSpan, SpanKind, StatusCode

__all__ = [
    "DEFAULT_DURATION_NS",
    "DEFAULT_SERVICE",
    "EXPECTABLE",
    "ROOT_NAME",
    "ROOT_SPAN_ID",
    "TRACE_ID",
    "InlineTest",
    "default_root",
    "default_span_id",
    "numbered_trace_id",
    "read_inline_test",
]

TRACE_ID = "0" * 31 + "1"
ROOT_NAME = "(test root)"
ROOT_SPAN_ID = "f" * 16
DEFAULT_SERVICE = "test"
DEFAULT_DURATION_NS = 1_000_000

EXPECTABLE: Mapping[str, Verdict] = {verdict.label: verdict for verdict in Verdict}
"""The words ``expect`` can take."""

_TEST_FIELDS = ("name", "expect", "spans", "trace_file", "root", "incomplete", "todo")
_SPAN_FIELDS = (
    "name",
    "id",
    "parent",
    "trace",
    "start",
    "duration",
    "service",
    "status",
    "status_message",
    "kind",
    "attributes",
    "resource",
    "scope_name",
    "scope_version",
    "scope",
    "events",
)
_EVENT_FIELDS = ("name", "at", "attributes")

_KINDS = {kind.label: kind for kind in SpanKind if kind is not SpanKind.UNSPECIFIED}

Label = TypeVar("Label", SpanKind, StatusCode)


@dataclass(frozen=True)
class InlineTest:
    """An example of a rule: some spans, or a file of traces, and the verdict it must get.

    Attributes
    ----------
    spans
        The spans, mostly of one trace, the shared root of each among them; empty when ``trace_file`` is given.
    trace_file
        A file of traces, every one of which must get the verdict; relative to ``folder``.
    incomplete
        Whether the trace is declared to lack spans.
    todo
        A known gap: reported, but no failure.
    folder
        Where the rule file lies.
    """

    name: str
    expect: Verdict
    spans: tuple[PlainSpan, ...] = ()
    trace_file: str | None = None
    incomplete: bool = False
    todo: bool = False
    folder: Path | None = field(default=None, compare=False)


def default_root(end_ns: int, *, trace_id: str = TRACE_ID) -> PlainSpan:
    """Return the root span that the spans of a trace share; it ends with the last of them."""
    return PlainSpan(
        ROOT_NAME, trace_id=trace_id, span_id=ROOT_SPAN_ID, service=DEFAULT_SERVICE, start_ns=0, end_ns=end_ns
    )


def numbered_trace_id(number: int) -> str:
    """Return the id of the trace at a position, counted from 0."""
    return f"{number + 1:032x}"


def default_span_id(number: int) -> str:
    """Return the id of the span at a position, counted from 0, that names none."""
    return f"{number + 1:016x}"


def read_inline_test(reader: NodeReader, node: YamlNode, *, folder: Path | None = None) -> InlineTest | None:
    """Return the test a node describes, or None when something is wrong with it, which the reader keeps."""
    table = reader.table("a test", node)
    if table is None:
        return None
    n_problems = len(reader.problems)
    fields = reader.fields("a test", table, _TEST_FIELDS, required=("name", "expect"))
    name = reader.text("the test's 'name'", fields["name"].value) if "name" in fields else None
    expect = reader.word("'expect'", fields["expect"].value, EXPECTABLE) if "expect" in fields else None
    flags = {
        key: reader.boolean(f"'{key}'", fields[key].value) for key in ("root", "incomplete", "todo") if key in fields
    }
    if ("spans" in fields) == ("trace_file" in fields):
        message = "a test has either 'spans' or 'trace_file'" + (", not both" if "spans" in fields else "")
        reader.report("FL530", message, table, hint="write for example: spans: [{name: payment.charge}]")
    trace_file = reader.text("'trace_file'", fields["trace_file"].value) if "trace_file" in fields else None
    spans: tuple[PlainSpan, ...] = ()
    if "spans" in fields:
        spans = _SpanReader(reader, has_root=flags.get("root") is not False).read(fields["spans"].value)
    if trace_file is not None and ("root" in fields or "incomplete" in fields):
        reader.report("FL530", "'root' and 'incomplete' are for tests with 'spans'", table, hint="leave them out")
    if len(reader.problems) > n_problems or name is None or expect is None:
        return None
    return InlineTest(
        name=name,
        expect=EXPECTABLE[expect],
        spans=spans,
        trace_file=trace_file,
        incomplete=bool(flags.get("incomplete")),
        todo=bool(flags.get("todo")),
        folder=folder,
    )


class _SpanReader:
    """Reads the spans of one test."""

    def __init__(self, reader: NodeReader, *, has_root: bool) -> None:
        self._reader = reader
        self._has_root = has_root
        self._next_start_ns = DEFAULT_DURATION_NS if has_root else 0

    def read(self, node: YamlNode) -> tuple[PlainSpan, ...]:
        """Return the spans, the shared root first."""
        items = self._reader.items("'spans'", node, of="a list of spans")
        if isinstance(node, Listing) and not items:
            self._reader.report("FL530", "a test needs at least one span", node, hint="spans: [{name: health.check}]")
        read = [self._reader.table("a span", item) for item in items]
        tables = [table for table in read if table is not None]
        ids = self._ids(tables)
        trace_ids = self._trace_ids(tables)
        spans = []
        for table, span_id, trace_id in zip(tables, ids, trace_ids, strict=True):
            siblings = [other for other, its_trace in zip(ids, trace_ids, strict=True) if its_trace == trace_id]
            spans.append(replace(self._span(table, span_id, siblings), trace_id=trace_id))
        if not self._has_root:
            return tuple(spans)
        roots = []
        for trace_id in dict.fromkeys(trace_ids or [TRACE_ID]):
            end_ns = max((span.end_ns for span in spans if span.trace_id == trace_id), default=0)
            roots.append(default_root(end_ns, trace_id=trace_id))
        return (*roots, *spans)

    def _trace_ids(self, tables: Sequence[Table]) -> list[str]:
        """Return the trace of each span: one for those that name none, and one a name."""
        numbers: dict[str | None, int] = {}
        found = []
        for table in tables:
            node = table.get("trace")
            named = None if node is None else self._reader.text("a span's 'trace'", node)
            found.append(numbered_trace_id(numbers.setdefault(named, len(numbers))))
        return found

    def _ids(self, tables: Sequence[Table]) -> list[str]:
        ids: list[str] = []
        for number, table in enumerate(tables):
            node = table.get("id")
            given = None if node is None else self._reader.text("a span's 'id'", node)
            if node is not None and given is not None and (given in ids or given == ROOT_SPAN_ID):
                self._reader.report(
                    "FL531", f"another span of the test has the id '{given}'", node, hint="take another"
                )
            ids.append(given or default_span_id(number))
        return ids

    def _span(self, table: Table, span_id: str, ids: Sequence[str]) -> PlainSpan:
        reader = self._reader
        fields = reader.fields("a span", table, _SPAN_FIELDS, required=("name",))
        start_ns = self._duration("start", fields, self._next_start_ns)
        end_ns = start_ns + self._duration("duration", fields, DEFAULT_DURATION_NS)
        self._next_start_ns = end_ns
        return PlainSpan(
            name=self._text("name", fields) or "",
            trace_id=TRACE_ID,
            span_id=span_id,
            parent_span_id=self._parent(fields, ids),
            service=self._service(fields),
            kind=self._label("kind", fields, SpanKind.INTERNAL, _KINDS),
            status=self._label("status", fields, StatusCode.UNSET, {s.label: s for s in StatusCode}),
            status_message=self._text("status_message", fields),
            start_ns=start_ns,
            end_ns=end_ns,
            attributes=self._values("attributes", fields),
            resource=self._values("resource", fields),
            scope_name=self._text("scope_name", fields),
            scope_version=self._text("scope_version", fields),
            scope=self._values("scope", fields),
            events=self._events(fields, start_ns),
        )

    def _text(self, key: str, fields: Mapping[str, Entry]) -> str | None:
        return self._reader.text(f"'{key}'", fields[key].value) if key in fields else None

    def _service(self, fields: Mapping[str, Entry]) -> str | None:
        """Return the service; ``service: null`` is a resource that names none."""
        if "service" not in fields:
            return DEFAULT_SERVICE
        node = fields["service"].value
        return None if isinstance(node, Scalar) and node.value is None else self._reader.text("'service'", node)

    def _parent(self, fields: Mapping[str, Entry], ids: Sequence[str]) -> str | None:
        if "parent" not in fields:
            return ROOT_SPAN_ID if self._has_root else None
        node = fields["parent"].value
        parent = self._reader.text("'parent'", node)
        if parent is not None and parent not in ids:
            hint = (
                nearest(parent, ids) or "give the parent an 'id'; for a trace that lacks spans write: incomplete: true"
            )
            self._reader.report("FL531", f"no span of the test has the id '{parent}'", node, hint=hint)
        return parent

    def _duration(self, key: str, fields: Mapping[str, Entry], default: int) -> int:
        if key not in fields:
            return default
        node = fields[key].value
        if isinstance(node, Scalar) and isinstance(node.value, str):
            duration_ns = parse_duration(node.value)
            if duration_ns is not None:
                return duration_ns
        self._reader.wrong(f"'{key}'", "a duration", node, hint="write a number and a unit, such as 20ms or 1.5s")
        return default

    def _label(self, key: str, fields: Mapping[str, Entry], default: Label, labels: Mapping[str, Label]) -> Label:
        if key not in fields:
            return default
        word = self._reader.word(f"'{key}'", fields[key].value, labels)
        return default if word is None else labels[word]

    def _values(self, key: str, fields: Mapping[str, Entry]) -> dict[str, Any]:
        """Return attributes; a list or mapping may be a value, nothing may not."""
        table = self._reader.table(f"'{key}'", fields[key].value) if key in fields else None
        if table is None:
            return {}
        values = {}
        for name, entry in table.entries.items():
            if isinstance(entry.value, Scalar) and (entry.value.value is None or entry.value.value is REFUSED):
                self._reader.wrong(
                    f"the attribute '{name}'", "a value", entry.value, hint="to have it missing, leave it out"
                )
            else:
                values[name] = plain(entry.value)
        return values

    def _events(self, fields: Mapping[str, Entry], start_ns: int) -> tuple[PlainEvent, ...]:
        if "events" not in fields:
            return ()
        events = []
        for item in self._reader.items("'events'", fields["events"].value):
            if isinstance(item, Scalar):
                events.append(PlainEvent(self._reader.text("an event", item) or "", time_ns=start_ns))
                continue
            table = self._reader.table("an event", item)
            if table is None:
                continue
            entries = self._reader.fields("an event", table, _EVENT_FIELDS, required=("name",))
            time_ns = start_ns + self._duration("at", entries, 0)
            events.append(PlainEvent(self._text("name", entries) or "", time_ns, self._values("attributes", entries)))
        return tuple(events)
