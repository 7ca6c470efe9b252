"""One span a record no more: pieces of a span are merged, and the two halves of a shared span get an id each.

In Zipkin's B3 propagation the server goes on under the span id its client made, so one id stands for two spans. A
store of spans needs ids of their own, so the server's half is given one and the client's half as its parent. Which
records are pieces and which are halves follows openzipkin/zipkin, ``Trace.java``; which half a child belongs to
follows its ``SpanNode.java``. Three departures: records whose kinds contradict each other are never pieces of one
span; a producer and a consumer of one id are halves like client and server; and a record with neither kind, flag nor
time is a piece of the server's half where the server's process sent it, though it lacks that half's flag.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from fluo_lab.readers.report import Report
from fluo_lab.readers.zipkin.spans import NO_ENDPOINT, Endpoint, ZipkinSpan
from fluo_lab.traces import SpanKind

__all__ = ["assemble_trace"]

_FAR_KIND: Final = {SpanKind.CLIENT: SpanKind.SERVER, SpanKind.PRODUCER: SpanKind.CONSUMER}
# The side that made an id first; a record without a kind belongs to that one sooner than to the other.
_RANKS: Final = {
    SpanKind.CLIENT: 0,
    SpanKind.PRODUCER: 1,
    SpanKind.UNSPECIFIED: 2,
    SpanKind.SERVER: 3,
    SpanKind.CONSUMER: 4,
}
_ID_BYTES: Final = 8


def assemble_trace(records: list[ZipkinSpan], report: Report) -> list[ZipkinSpan]:
    """Return the spans of one trace, from records in the order of the file.

    Span ids are unique then, unless unlike spans took one id by mistake, which the report says. Takes time in
    proportion to the records, and a logarithm where many have one id.
    """
    by_id: dict[str, list[ZipkinSpan]] = {}
    for record in records:
        by_id.setdefault(record.span_id, []).append(record)
    if len(by_id) == len(records):
        return records
    ids = _IdMaker(records)
    spans: list[ZipkinSpan] = []
    far_halves: dict[str, _FarHalves] = {}
    settled: set[int] = set()
    for span_id, same in by_id.items():
        if len(same) == 1:
            spans += same
            continue
        groups = _merge_pieces(same, report)
        spans += groups
        if len(groups) > 1:
            far = _split_halves(groups, ids, settled, report)
            if far:
                far_halves[span_id] = _FarHalves.of(far)
    for span in spans:
        if span.parent_id in far_halves and id(span) not in settled:
            span.parent_id = far_halves[span.parent_id].parent_for(span)
    return spans


def _order(span: ZipkinSpan) -> tuple[bool, int, Endpoint]:
    return span.is_shared, _RANKS[span.kind], span.local


def _merge_pieces(records: list[ZipkinSpan], report: Report) -> list[ZipkinSpan]:
    """Return the spans that records of one id are pieces of, those of the side that made the id first."""
    located = [record for record in records if record.local != NO_ENDPOINT]
    located.sort(key=lambda record: (record.is_shared, record.local, _RANKS[record.kind]))
    groups: list[ZipkinSpan] = []
    for record in located:
        if groups and _is_piece(groups[-1], record):
            _merge(groups[-1], record, report)
        else:
            groups.append(record)
    groups.sort(key=_order)
    # Data that came without an endpoint goes to the first span that may have sent it.
    homes: dict[tuple[bool, SpanKind], ZipkinSpan] = {}
    for record in records:
        if record.local != NO_ENDPOINT:
            continue
        what = (record.is_shared, record.kind)
        home = homes.get(what)
        if home is None or not _is_piece(home, record):
            home = next((group for group in groups if _is_piece(group, record)), None)
        if home is None:
            home = record
            groups.append(record)
        else:
            _merge(home, record, report)
        homes[what] = home
    groups = _without_late_data(groups, report)
    if len(groups) < len(records):
        for group in groups:  # a piece repeats what an earlier one told
            group.annotations = list(dict.fromkeys(group.annotations))
    groups.sort(key=_order)
    return groups


def _without_late_data(groups: list[ZipkinSpan], report: Report) -> list[ZipkinSpan]:
    """Merge into a far half what its process sent late, with neither kind, flag nor time; return the other groups."""
    far: dict[str, ZipkinSpan] = {}
    for group in groups:
        if group.is_shared and group.local.service:
            far.setdefault(group.local.service, group)
    if not far:
        return groups
    kept = []
    for group in groups:
        half = far.get(group.local.service)
        is_bare = group.kind is SpanKind.UNSPECIFIED and group.start_ns is None and group.duration_ns is None
        if half is None or group.is_shared or not is_bare or not _is_compatible(half.local, group.local):
            kept.append(group)
        else:
            _merge(half, group, report)
    return kept


def _is_piece(span: ZipkinSpan, other: ZipkinSpan) -> bool:
    """Return whether nothing speaks against two records of one id being one span."""
    unspecified = SpanKind.UNSPECIFIED
    if span.is_shared != other.is_shared or (unspecified not in (span.kind, other.kind) and span.kind != other.kind):
        return False
    return _is_compatible(span.local, other.local)


def _is_compatible(first: Endpoint, second: Endpoint) -> bool:
    """Return whether two endpoints differ in nothing that both tell."""
    return all(not mine or not theirs or mine == theirs for mine, theirs in zip(first, second, strict=True))


def _merge(span: ZipkinSpan, piece: ZipkinSpan, report: Report) -> None:
    """Add to a span what a further piece tells; of two answers the first counts, of two tag values the later."""
    report.locate(offset_bytes=piece.offset_bytes, line=piece.line)
    report.add("further record of a span, merged into the span", sample=span.span_id)
    is_contradicted = False
    for name in ("parent_id", "name", "kind", "start_ns", "duration_ns"):
        mine, theirs = getattr(span, name), getattr(piece, name)
        if not mine:
            setattr(span, name, theirs)
        elif theirs and mine != theirs:
            is_contradicted = True
    if is_contradicted:
        report.add(
            "further record of a span with another parent, name or time, the first record counts", sample=span.span_id
        )
    span.local = _joined(span.local, piece.local)
    if not _is_compatible(span.remote, piece.remote):
        report.add(
            "further record of a span with another remote endpoint, the first record counts", sample=span.span_id
        )
    span.remote = _joined(span.remote, piece.remote)
    span.annotations += piece.annotations
    for key, value in piece.tags.items():
        if key in span.tags and span.tags[key] != value:
            report.add("further record of a span with another value of a tag, the later record counts", sample=key)
        span.tags[key] = value


def _joined(first: Endpoint, second: Endpoint) -> Endpoint:
    return Endpoint(
        first.service or second.service,
        first.ipv4 or second.ipv4,
        first.ipv6 or second.ipv6,
        first.port or second.port,
    )


def _split_halves(
    groups: list[ZipkinSpan], ids: _IdMaker, settled: set[int], report: Report
) -> list[tuple[Endpoint, str]]:
    """Give the far halves of a shared span ids of their own; return their endpoints and ids."""
    near = groups[0]
    if not near.is_shared and (far_kind := _FAR_KIND.get(near.kind)) is not None:
        # Some instrumentation forgets the flag.
        for group in groups[1:]:
            if group.kind is far_kind:
                group.is_shared = True
    far = [group for group in groups if group.is_shared]
    n_near = len(groups) - len(far)
    report.locate(offset_bytes=near.offset_bytes, line=near.line)
    if n_near > 1:
        what = "span id that unlike spans of one trace have, kept; its children belong to the earliest"
        report.add(what, n=n_near - 1, sample=near.span_id)
    found: list[tuple[Endpoint, str]] = []
    for half in far:
        if half is not near:  # without a near half, the first far one keeps the id
            half.shared_id = half.span_id
            half.span_id = ids.make(half)
            if n_near:
                half.parent_id = half.shared_id
                settled.add(id(half))
            report.add(
                "span id shared by the two sides of a call, the far side was given an id of its own",
                sample=half.shared_id,
            )
        found.append((half.local, half.span_id))
    return found


@dataclass(slots=True)
class _FarHalves:
    """The far halves of one shared span id, by who recorded them."""

    by_endpoint: dict[Endpoint, str] = field(default_factory=dict)
    by_service: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, halves: Iterable[tuple[Endpoint, str]]) -> _FarHalves:
        found = cls()
        for endpoint, span_id in halves:
            found.by_endpoint.setdefault(endpoint, span_id)
            if endpoint.service:
                found.by_service.setdefault(endpoint.service, span_id)
        return found

    def parent_for(self, child: ZipkinSpan) -> str | None:
        """Return the half that a child hangs below: the far one of its own service, else the near one."""
        found = self.by_endpoint.get(child.local) if child.local != NO_ENDPOINT else None
        return found or self.by_service.get(child.local.service) or child.parent_id


class _IdMaker:
    """Makes span ids that are the same for the same trace every time and that nothing in the trace has or names."""

    def __init__(self, records: Iterable[ZipkinSpan]) -> None:
        self._taken: set[str | None] = {"0" * 2 * _ID_BYTES}
        self._attempts: dict[str, int] = {}
        for record in records:
            self._taken.add(record.span_id)
            self._taken.add(record.parent_id)

    def make(self, half: ZipkinSpan) -> str:
        """Return an id for a far half that has its near half's still."""
        seed = f"{half.trace_id}/{half.span_id}/server/{half.local.service}"
        while True:
            attempt = self._attempts.get(seed, 0)
            self._attempts[seed] = attempt + 1
            made = hashlib.blake2b(f"{seed}/{attempt}".encode(), digest_size=_ID_BYTES).hexdigest()
            if made not in self._taken:
                self._taken.add(made)
                return made
