"""Parents and links of spans from Jaeger's references, which may name the parent among others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from fluo_lab.readers.columns import BatchColumns
from fluo_lab.traces import ValueType

__all__ = ["REF_TYPES", "Reference", "ReferenceBook"]

REF_TYPES: Final = {"childof": "child_of", "followsfrom": "follows_from"}
"""Types of references by their names in lower case without separators, as the link attribute has them."""

_REF_TYPE_KEY: Final = "opentracing.ref_type"
_CHILD_OF: Final = "child_of"


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference to a span; ``ref_type`` is a value of ``REF_TYPES`` or None where it is unknown."""

    ref_type: str | None
    trace_id: str
    span_id: str


@dataclass(frozen=True, slots=True)
class _Open:
    """A span whose parent depends on which spans there are."""

    row: int
    references: Sequence[Reference]
    candidates: Sequence[Reference]


class ReferenceBook:
    """Finds parents and makes links of everything else.

    The parent is the span that ``parentSpanID`` names where it is given: so Jaeger reads its storages
    (``internal/storage/v2/elasticsearch/tracestore/ids.go``), whose newer writers list nothing but links beside it.
    Otherwise it is the first reference into the same trace whose span is there, as in Jaeger's UI
    (``transform-trace-data.ts``); if none is there, the first CHILD_OF into the same trace, or else the first
    FOLLOWS_FROM. A CHILD_OF reference to the parent is that relation and no link. Every other reference becomes a link
    with the attribute ``opentracing.ref_type``, as OpenTelemetry's OpenTracing compatibility has it: so a span that
    follows from its parent has a link to it besides.

    A choice among several spans is made when the batch is closed, among the spans of the batch.
    """

    def __init__(self, columns: BatchColumns) -> None:
        self._columns = columns
        self._open: list[_Open] = []

    def add(self, row: int, trace_id: str, parent: str | None, references: Sequence[Reference]) -> str | None:
        """Take the references of the span in a row; return its parent, None as long as there are several."""
        if parent is None:
            candidates = [r for r in references if r.trace_id == trace_id and r.ref_type is not None]
            if len({reference.span_id for reference in candidates}) > 1:
                self._open.append(_Open(row, references, candidates))
                return None
            parent = candidates[0].span_id if candidates else None
        self._add_links(row, trace_id, parent, references)
        return parent

    def close(self) -> None:
        """Settle the spans that name several parents."""
        if not self._open:
            return
        spans = self._columns.spans
        traces = {spans[span.row][0] for span in self._open}
        present = {(row[0], row[1]) for row in spans if row[0] in traces}
        for span in self._open:
            trace_id, span_id, *_ = spans[span.row]
            parent = _choose(span.candidates, span_id, present)
            spans[span.row] = (trace_id, span_id, parent, *spans[span.row][3:])
            self._add_links(span.row, trace_id, parent, span.references)
        self._open.clear()

    def _add_links(self, row: int, trace_id: str, parent: str | None, references: Iterable[Reference]) -> None:
        links = self._columns.links
        for reference in references:
            is_into_trace = reference.trace_id == trace_id
            if is_into_trace and reference.ref_type == _CHILD_OF and reference.span_id == parent:
                continue
            if reference.ref_type is not None:
                self._columns.link_attributes.add(len(links), _REF_TYPE_KEY, ValueType.TEXT, reference.ref_type)
            links.append((row, reference.trace_id, reference.span_id, None, 0, 0))


def _choose(candidates: Sequence[Reference], span_id: str, present: set[tuple[str, str]]) -> str:
    """Return the span that is the parent; a span is its own only where nothing else is there."""
    others = [reference for reference in candidates if reference.span_id != span_id]
    there = next((r for r in others if (r.trace_id, r.span_id) in present), None)
    named = next((r for r in others if r.ref_type == _CHILD_OF), others[0])
    return (there or named).span_id
