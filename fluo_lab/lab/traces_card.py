"""Cards of traces: what was read, what is in it, one trace as a table."""

from __future__ import annotations

import polars as pl

from fluo_lab.lab.html import Html, box, join, measure, tag
from fluo_lab.lab.palette import VERMILION, colour_services
from fluo_lab.lab.tables import frame_table, grid
from fluo_lab.lab.words import plural
from fluo_lab.traces import Trace, Traces

__all__ = ["profile", "trace_card", "traces_card"]

_SERVICES_SHOWN = 12


def traces_card(traces: Traces) -> Html:
    """Return what is in some traces, and what of the input is not."""
    n_problems = sum(problem.n for problem in traces.problem_list)
    facts = [
        plural(traces.n_traces, "trace"),
        plural(traces.n_spans, "span"),
        plural(len(traces.service_dictionary), "service"),
        plural(len(traces.name_dictionary), "span name"),
        plural(n_problems, "problem"),
    ]
    if traces.n_incomplete:
        facts.insert(1, f"{traces.n_incomplete:,} of them incomplete")
    return box(_period(traces), _service_bars(traces), _problems(traces), title=" · ".join(facts))


def _period(traces: Traces) -> Html | None:
    if not traces.n_traces:
        return None
    nanos = pl.Series([traces.traces["start_ns"].min(), traces.traces["end_ns"].max()], dtype=pl.Int64)
    first, last = nanos.cast(pl.Datetime("ns")).dt.strftime("%Y-%m-%d %H:%M:%S")
    return tag("div", f"{first} to {last} UTC", style="opacity:0.75;margin-bottom:6px")


def _service_bars(traces: Traces) -> Html:
    table = traces.table
    counts = (
        table.group_by("service")
        .agg(pl.len().alias("spans"), (pl.col("status") == 2).sum().alias("errors"))
        .sort("spans", descending=True)
    )
    names = traces.service_dictionary.decode(counts["service"]).to_list()
    colours = colour_services(traces.services)
    most = int(counts["spans"].max() or 1) if counts.height else 1  # type: ignore[arg-type]
    rows = []
    for name, (_, spans, errors) in zip(names[:_SERVICES_SHOWN], counts.rows(), strict=False):
        error = tag("span", f"  ⚠ {plural(errors, 'error')}", style="opacity:0.75") if errors else None
        rows.append(
            tag(
                "div",
                tag(
                    "span",
                    name or "no service",
                    style="display:inline-block;width:150px;overflow:hidden;"
                    "text-overflow:ellipsis;white-space:nowrap;vertical-align:bottom",
                ),
                measure(spans / most, colours.get(name or "", "#8d8d8d"), width_px=260),
                tag("span", f"{spans:,}", style="display:inline-block;width:70px;text-align:right"),
                error,
                style="font-size:12px;line-height:20px;white-space:nowrap",
            )
        )
    left = len(names) - len(rows)
    return join(*rows, tag("div", f"… {plural(left, 'more service')}", style="opacity:0.7") if left > 0 else None)


def _problems(traces: Traces) -> Html | None:
    if not traces.problem_list:
        return None
    rows = [
        [
            problem.what,
            f"{problem.n:,}",
            problem.file,
            f"line {problem.line:,}"
            if problem.line
            else f"byte {problem.offset_bytes:,}"
            if problem.offset_bytes is not None
            else "—",
            tag("code", problem.sample[:80], style="font-size:11px") if problem.sample else "—",
        ]
        for problem in traces.problem_list[:50]
    ]
    left = len(traces.problem_list) - len(rows)
    return tag(
        "details",
        tag("summary", "What could not be taken as it was", style="cursor:pointer;margin-top:6px"),
        grid(["what", "times", "file", "first at", "sample"], rows, numeric=[1]),
        tag("div", f"… {left:,} more kinds") if left > 0 else None,
    )


def profile(traces: Traces, *, rows: int = 25) -> Html:
    """Return the profile of traces as a card: what occurs, how often, how slow, how faulty.

    Parameters
    ----------
    rows
        Rows to show; ``traces.profile()`` has them all, as a frame.
    """
    frame = traces.profile()
    table = frame_table(frame, rows=rows, bars={"traces_pct": "#56b4e9", "error_pct": VERMILION})
    return box(table, title=f"{plural(frame.height, 'span name')} by service, most frequent first")


def trace_card(trace: Trace) -> Html:
    """Return the spans of one trace as a table."""
    start = int(trace.spans["start_ns"].min() or 0)  # type: ignore[arg-type]
    frame = trace.spans.select(
        "name",
        "service",
        "kind",
        "status",
        ((pl.col("start_ns") - start) / 1e6).alias("starts_at_ms"),
        (pl.col("duration_ns") / 1e6).alias("takes_ms"),
    )
    title = f"Trace {trace.trace_id} · {plural(trace.spans.height, 'span')}"
    return box(frame_table(frame, rows=50), title=title + (" · incomplete" if trace.is_incomplete else ""))
