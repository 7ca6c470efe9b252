"""Traces written as one line each, for tests where every time matters.

``"b 0-2; a 2-3 ^b k=1 @2"``: spans by name, start and end in microseconds. ``#x`` gives a span the id x; without, its
name is its id. ``^x`` makes x its parent, ``^-`` makes it a root; without, the first span of the trace is its parent.
``@2`` puts it in another trace than 1. ``k=5``, ``k=5.0``, ``k=NaN``, ``k='5'``, ``k=x`` are attributes.
"""

from __future__ import annotations

import ast
import math

from fluo_lab.traces import PlainSpan

__all__ = ["spans_of", "trace_id"]

US = 1000


def trace_id(number: str) -> str:
    return f"{int(number):032x}"


def spans_of(text: str) -> list[PlainSpan]:
    """Return the spans of a line, in its order."""
    numbers: dict[str, int] = {}
    first_of: dict[str, str] = {}
    spans = []
    for note in text.split(";"):
        name, times, *marks = note.split()
        start, end = map(float, times.split("-"))
        marked = {mark[0]: mark[1:] for mark in marks if mark[0] in "#^@"}
        attributes = dict(mark.split("=") for mark in marks if mark[0] not in "#^@")
        trace, own = marked.get("@", "1"), marked.get("#", name)
        parent = marked.get("^", first_of.get(trace, "-"))
        first_of.setdefault(trace, own)
        spans.append(
            PlainSpan(
                name,
                trace_id=trace_id(trace),
                span_id=_span_id(own, numbers),
                parent_span_id=None if parent == "-" else _span_id(parent, numbers),
                start_ns=round(start * US),
                end_ns=round(end * US),
                attributes={key: _value(value) for key, value in attributes.items()},
            )
        )
    return spans


def _span_id(label: str, numbers: dict[str, int]) -> str:
    return f"{numbers.setdefault(label, len(numbers) + 1):016x}"


def _value(text: str) -> object:
    if text == "NaN":
        return math.nan
    return ast.literal_eval(text) if text[0] in "-0123456789'[" else text
