"""Places for spans that tell no time: every span of the store has a start."""

from __future__ import annotations

from collections.abc import Sequence

from fluo_lab.readers.report import Report
from fluo_lab.readers.zipkin.spans import ZipkinSpan

__all__ = ["place_untimed"]


def place_untimed(spans: Sequence[ZipkinSpan], report: Report) -> None:
    """Give every span of a trace a start.

    A span without a timestamp starts with its nearest ancestor that has one, else with the earliest of the nearest
    descendants that have one, else with the earliest span of the trace. Zipkin's own page draws it at the start of
    the trace (openzipkin/zipkin, ``zipkin-lens/src/zipkin/trace.js``), which would make every rule about order see
    it too early. Linear in the spans, but for sorting them once.

    Parameters
    ----------
    spans
        The spans of one trace, assembled.
    """
    untimed = [span for span in spans if span.start_ns is None]
    if not untimed:
        return
    by_id = {span.span_id: span for span in reversed(spans)}
    timed = sorted((span for span in spans if span.start_ns is not None), key=lambda span: span.start_ns or 0)
    from_below = _earliest_below(timed, by_id)
    from_above = _nearest_above(untimed, by_id)
    first_ns = timed[0].start_ns if timed else None
    for span in untimed:
        above, below = from_above[id(span)], from_below.get(id(span))
        if above is not None:
            span.start_ns, where = above, "its nearest ancestor that has one"
        elif below is not None:
            span.start_ns, where = below, "its first descendant that has one"
        elif first_ns is not None:
            span.start_ns, where = first_ns, "its trace"
        else:
            span.start_ns, where = 0, "1970, as no span of its trace has one"
        span.is_placed = True
        report.locate(offset_bytes=span.offset_bytes, line=span.line)
        report.add(f"span without a timestamp, placed at the start of {where}", sample=span.span_id)


def _parent(span: ZipkinSpan, by_id: dict[str, ZipkinSpan]) -> ZipkinSpan | None:
    return None if span.parent_id is None else by_id.get(span.parent_id)


def _nearest_above(untimed: Sequence[ZipkinSpan], by_id: dict[str, ZipkinSpan]) -> dict[int, int | None]:
    """Return the start of each span's nearest timed ancestor, None without one; every span is passed once."""
    found: dict[int, int | None] = {}
    for span in untimed:
        path: list[ZipkinSpan] = []
        at: ZipkinSpan | None = span
        while at is not None and at.start_ns is None and id(at) not in found:
            found[id(at)] = None  # also ends the walk round a cycle
            path.append(at)
            at = _parent(at, by_id)
        start_ns = None if at is None else at.start_ns if at.start_ns is not None else found[id(at)]
        for passed in path:
            found[id(passed)] = start_ns
    return found


def _earliest_below(timed: Sequence[ZipkinSpan], by_id: dict[str, ZipkinSpan]) -> dict[int, int]:
    """Return the earliest start below each untimed span; the timed ones come by start, so the first to arrive is it."""
    found: dict[int, int] = {}
    for span in timed:
        at = _parent(span, by_id)
        while at is not None and at.start_ns is None and id(at) not in found:
            found[id(at)] = span.start_ns or 0
            at = _parent(at, by_id)
    return found
