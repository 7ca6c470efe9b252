"""One trace as a waterfall: a row a span, and a dashed row for each span a rule asked for in vain."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fluo_lab.engine import Explanation, Missing, Verdict
from fluo_lab.lab.html import EMPTY, LINE, SMALL, Child, Html, join, tag
from fluo_lab.lab.palette import GUARD, VERMILION, colour_services, show_verdict
from fluo_lab.lab.words import in_ms, plural, shorten
from fluo_lab.language import AttributeRef, Field, FieldKind, Node, RuleTree, print_operation, walk
from fluo_lab.traces import SpanKind, Trace, Traces
from fluo_lab.traces.semconv import value_of

__all__ = ["named_attributes", "waterfall"]

ROW_LIMIT = 200
_ROW = f"display:flex;align-items:center;height:22px;{SMALL};border-bottom:1px solid rgba(128,128,128,0.12)"
_NAME = "width:40%;flex-shrink:0;overflow:hidden;text-overflow:ellipsis;white-space:nowrap;box-sizing:border-box"
_TRACK = "position:relative;flex-grow:1;height:20px;min-width:120px"
_TIME = "width:74px;flex-shrink:0;text-align:right;opacity:0.75"
_MISSING_TRACK = (
    f"position:absolute;left:0;right:0;top:3px;height:12px;border:1px dashed {VERMILION};border-radius:2px;"
    "line-height:12px;font-size:11px;padding-left:6px;overflow:hidden;text-overflow:ellipsis;white-space:nowrap"
)
_VALUES = (
    "padding-left:40%;height:19px;line-height:16px;font-size:11px;overflow:hidden;text-overflow:ellipsis;"
    "white-space:nowrap;border-bottom:1px solid rgba(128,128,128,0.12)"
)
_DEEPEST_INDENT = 14


@dataclass(frozen=True, slots=True)
class _Gap:
    """Spans left out between two rows that are shown."""

    n_spans: int
    n_errors: int


def waterfall(
    traces: Traces,
    trace_id: str,
    *,
    explanation: Explanation | None = None,
    attributes: Iterable[str] = (),
    limit: int = ROW_LIMIT,
) -> Html:
    """Return one trace as a waterfall.

    Parameters
    ----------
    explanation
        What a rule says of this trace: spans that fired its guard are outlined (◆), spans that broke it are
        vermilion (✖), spans it asked for and did not find are dashed (∅).
    attributes
        Keys whose values stand beside the spans that carry them.
    limit
        Rows at most; what is left out is counted in place. Marked spans and their ancestors go first.

    Raises
    ------
    UsageError
        When there is no such trace.
    """
    trace = traces.trace(trace_id)
    rows = trace.spans["row"].to_numpy()
    depth = traces.structure.depth[rows]
    order = np.argsort(traces.structure.preorder[rows], kind="stable").tolist()
    guard = _local(explanation.guard_rows if explanation else (), rows)
    broken = _local(explanation.broken_rows if explanation else (), rows)
    parents = traces.table["parent_row"].gather(rows).to_numpy() - int(rows[0])
    kept = _chosen(order, parents.tolist(), guard | broken, limit)
    painter = _Painter(trace, depth, colour_services(traces.services), guard, broken, tuple(attributes))
    missing = list(explanation.missing) if explanation and explanation.verdict is not Verdict.PASS else []
    anchor = next((at for at in order if at in guard), order[0])
    beyond = set(order[order.index(anchor) + max(int(traces.structure.subtree_size[rows[anchor]]), 1) :])
    absent = [_absent(m, int(max(depth[anchor], 0))) for m in missing]
    body: list[Html] = []
    for item in _rows(order, kept, painter.is_error):
        if isinstance(item, _Gap):
            body.append(_gap(item))
            continue
        if item in beyond:  # past the guard's subtree: a sibling's place
            body += absent
            absent = []
        body.append(painter.row(item))
    body += absent
    return tag(
        "div",
        _heading(trace, explanation),
        tag("div", *body, style=f"border-top:{LINE}"),
        _legend(painter, bool(missing)),
        style="max-width:1080px;margin:4px 0",
    )


def named_attributes(tree: RuleTree) -> list[str]:
    """Return the span attributes a rule speaks of, in order of first mention.

    Examples
    --------
    >>> from fluo_lab.language import parse_rule
    >>> named_attributes(parse_rule("trace.has(a).where(x > 1) and trace.distinct(a, y) == 1"))
    ['x', 'y']
    """
    found: dict[str, None] = {}
    for node in walk(tree):
        for name in _fields_of(node):
            found.setdefault(name)
    return list(found)


def _fields_of(node: Node) -> Iterator[str]:
    if isinstance(node, Field) and node.kind is FieldKind.ATTRIBUTE:
        yield node.name
    elif isinstance(node, AttributeRef) and node.field.kind is FieldKind.ATTRIBUTE:
        yield node.field.name


def _local(rows: Collection[int], own: np.ndarray[Any, Any]) -> set[int]:
    """Return rows of the store as positions in the trace."""
    first, last = int(own[0]), int(own[-1])
    return {row - first for row in rows if first <= row <= last}


def _chosen(order: Sequence[int], parents: Sequence[int], marked: set[int], limit: int) -> set[int]:
    """Return the positions to show: marked spans with their ancestors, then the first ones of the tree."""
    kept: set[int] = set()
    for at in [*sorted(marked), *order]:
        line: list[int] = []
        while at >= 0 and at not in kept and at not in line:
            line.append(at)
            at = parents[at]
        if len(kept) + len(line) <= limit:
            kept.update(line)
        elif len(kept) < limit and line:
            kept.add(line[0])
        if len(kept) >= limit:
            break
    return kept


def _rows(order: Sequence[int], kept: set[int], is_error: Sequence[bool]) -> Iterator[int | _Gap]:
    """Yield the positions to show in tree order, with the gaps between them."""
    left_out: list[int] = []
    for at in order:
        if at not in kept:
            left_out.append(at)
            continue
        if left_out:
            yield _Gap(len(left_out), sum(is_error[i] for i in left_out))
            left_out = []
        yield at
    if left_out:
        yield _Gap(len(left_out), sum(is_error[i] for i in left_out))


class _Painter:
    """Draws the span rows of one trace."""

    def __init__(
        self,
        trace: Trace,
        depth: np.ndarray[Any, Any],
        colours: dict[str, str],
        guard: set[int],
        broken: set[int],
        keys: tuple[str, ...],
    ) -> None:
        self._trace, self._depth, self._guard, self._broken, self._keys = trace, depth, guard, broken, keys
        self._spans = trace.spans.select(
            "name", "service", "kind", "status", "status_message", "start_ns", "end_ns"
        ).rows()
        self._start = min(span[5] for span in self._spans)
        self._length = max(trace.duration_ns, 1)
        self.services = {span[1] or "": colours.get(span[1] or "", "#8d8d8d") for span in self._spans}
        self.is_error = [span[3] == "error" for span in self._spans]
        self.has_guard, self.has_broken = bool(guard - broken), bool(broken)

    def row(self, at: int) -> Html:
        """Return the row of one span."""
        name, service, _, _, _, start_ns, end_ns = self._spans[at]
        colour = self.services[service or ""]
        indent = 12 * min(max(int(self._depth[at]), 0), _DEEPEST_INDENT)
        chip = tag(
            "span",
            style=f"display:inline-block;width:4px;height:14px;background-color:{colour};border-radius:1px;"
            "vertical-align:middle;margin-right:6px",
        )
        weight = "font-weight:600" if at in self._guard or at in self._broken else ""
        label = tag(
            "div",
            chip,
            self._glyphs(at),
            tag("bdi", name, style=weight),
            tag("span", "  ", service or "no service", style="opacity:0.6;margin-left:6px;font-size:11px"),
            style=f"{_NAME};padding-left:{indent}px",
        )
        left = 100 * (start_ns - self._start) / self._length
        width = max(100 * (end_ns - start_ns) / self._length, 0.0)
        bar_colour = VERMILION if at in self._broken else colour
        outline = f";outline:2px solid {GUARD if at not in self._broken else VERMILION}" if weight else ""
        bar = tag(
            "div",
            style=f"position:absolute;left:{min(left, 99.6):.2f}%;width:{min(width, 100 - left):.2f}%;min-width:3px;"
            f"top:5px;height:10px;background-color:{bar_colour};border-radius:2px{outline}",
        )
        track = tag("div", bar, style=_TRACK)
        duration = tag("div", in_ms(end_ns - start_ns), style=_TIME)
        tint = ";background-color:rgba(213,94,0,0.10)" if at in self._broken else ""
        row = tag("div", label, track, duration, style=_ROW + tint, title=self._details(at))
        return join(row, self._values(at, tint))

    def _glyphs(self, at: int) -> Html:
        marks: list[Child] = []
        if at in self._broken:
            marks.append(tag("span", "✖ ", style=f"color:{VERMILION};font-weight:700"))
        elif at in self._guard:
            marks.append(tag("span", "◆ ", style=f"color:{GUARD}"))
        if self.is_error[at]:
            marks.append(tag("span", "⚠ ", style="color:#d55e00"))
        return join(*marks)

    def _values(self, at: int, tint: str) -> Html:
        """Return the attributes asked for, under the bars, where those of different spans can be compared."""
        values, kind = self._trace.attributes[at], SpanKind[self._spans[at][2].upper()]
        shown = [
            tag("span", f"{found[0]} = ", tag("b", shorten(found[1], 48)), style="margin-right:16px")
            for key in self._keys
            if (found := value_of(values, key, kind)) is not None
        ]
        return tag("div", *shown, style=_VALUES + tint) if shown else EMPTY

    def _details(self, at: int) -> str:
        """Return what hovering says: everything short, attributes up to twelve."""
        name, service, kind, status, message, start_ns, end_ns = self._spans[at]
        lines = [
            f"{shorten(name, 120)}  ({service or 'no service'}, {kind}, status {status})",
            f"starts at {in_ms(start_ns - self._start)}, takes {in_ms(end_ns - start_ns)}",
        ]
        if message:
            lines.append(shorten(message, 120))
        values = self._trace.attributes[at]
        lines += [f"{key} = {shorten(value, 60)}" for key, value in list(values.items())[:12]]
        if len(values) > 12:
            lines.append(f"… {len(values) - 12} more attributes")
        return "\n".join(lines)


def _heading(trace: Trace, explanation: Explanation | None) -> Html:
    n_errors = int((trace.spans["status"] == "error").sum())
    facts = f"{plural(trace.spans.height, 'span')} · {in_ms(trace.duration_ns)}"
    facts += f" · {plural(n_errors, 'error')}" if n_errors else ""
    facts += " · incomplete: spans are known to be missing" if trace.is_incomplete else ""
    first = tag(
        "div",
        join(show_verdict(explanation.verdict), "  ") if explanation else None,
        tag("code", trace.trace_id, style="font-size:12px"),
        tag("span", "  ", facts, style="opacity:0.75;margin-left:8px"),
        style="font-size:13px;line-height:22px",
    )
    why = (
        tag("div", explanation.why, style="font-size:13px;line-height:20px;margin-bottom:6px") if explanation else EMPTY
    )
    return join(first, why)


def _gap(gap: _Gap) -> Html:
    errors = f", {plural(gap.n_errors, 'error')}" if gap.n_errors else ""
    return tag(
        "div",
        f"… {gap.n_spans:,} more span{'s' if gap.n_spans != 1 else ''}{errors}",
        style=f"{_ROW};opacity:0.7",
    )


def _absent(missing: Missing, depth: int) -> Html:
    indent = 12 * min(depth, _DEEPEST_INDENT)
    glyph = tag("span", "∅ ", style=f"color:{VERMILION};font-weight:700")
    label = tag(
        "div",
        glyph,
        tag("bdi", print_operation(missing.selection.operation)),
        tag("span", "not there", style="opacity:0.6;margin-left:8px;font-size:11px"),
        style=f"{_NAME};padding-left:{indent + 10}px",
    )
    track = tag("div", tag("div", missing.text, style=_MISSING_TRACK), style=_TRACK)
    return tag("div", label, track, tag("div", "—", style=_TIME), style=_ROW, title=missing.text)


def _legend(painter: _Painter, has_missing: bool) -> Html:
    items: list[Child] = []
    for service, colour in painter.services.items():
        chip = tag(
            "span",
            style=f"display:inline-block;width:9px;height:9px;background-color:{colour};border-radius:2px",
        )
        items.append(tag("span", chip, f" {service or 'no service'}", style="margin-right:12px;white-space:nowrap"))
    marks = [
        ("◆", GUARD, "fired the guard", painter.has_guard),
        ("✖", VERMILION, "broke the rule", painter.has_broken),
    ]
    marks += [
        ("∅", VERMILION, "asked for, not there", has_missing),
        ("⚠", VERMILION, "error", any(painter.is_error)),
    ]
    for glyph, colour, meaning, is_used in marks:
        if is_used:
            mark = tag("span", glyph, style=f"color:{colour};font-weight:700")
            items.append(tag("span", mark, f" {meaning}", style="margin-right:12px;white-space:nowrap"))
    return tag(
        "div",
        *items,
        style="font-size:11px;line-height:18px;opacity:0.9;margin-top:4px;display:flex;flex-wrap:wrap",
    )
