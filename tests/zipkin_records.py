"""Zipkin records made by hand, and what reading them gives, for the tests of that format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from fluo_lab.readers.report import Report
from fluo_lab.readers.source import Source
from fluo_lab.readers.zipkin.json import ZipkinJson
from fluo_lab.traces import Traces, TracesBuilder

__all__ = ["MERGED", "SPLIT", "TRACE", "Read", "Spans", "load", "make_reader", "make_side", "make_span", "texts_of"]

Spans = list[dict[str, Any]]
Read = Callable[[Any], tuple[Spans, dict[str, int]]]

TRACE = "5aab74dbb904746bb33447baae403ed6"
SPLIT = "span id shared by the two sides of a call, the far side was given an id of its own"
MERGED = "further record of a span, merged into the span"


def load(path: Path) -> Traces:
    """Return a store of one file."""
    report = Report(path.name)
    builder = TracesBuilder()
    for batch in ZipkinJson().read(Source(path, path.name), report):
        builder.add(batch)
    return builder.finish(problems=report.problems())


def make_reader(path: Path, plain_of: Callable[..., Spans]) -> Read:
    """Return what reads bytes, or values as one JSON document, to plain spans by start and counts of problems."""

    def read(content: Any) -> tuple[Spans, dict[str, int]]:
        path.write_bytes(content if isinstance(content, bytes) else orjson.dumps(content))
        report = Report(str(path))
        spans = plain_of(ZipkinJson().read(Source(path, "zipkin.json"), report))
        by_start = sorted(spans, key=lambda span: (span["start_ns"], span["kind"], span["span_id"]))
        return by_start, {problem.what: problem.n for problem in report.problems()}

    return read


def make_span(**fields: Any) -> dict[str, Any]:
    """Return a record of version 2; ``...`` takes a field out."""
    span = {"traceId": TRACE, "id": "b33447baae403ed6", "name": "get /", "timestamp": 1_000_000, "duration": 500}
    span.update(fields)
    return {name: value for name, value in span.items() if value is not ...}


def make_side(service: str, span_id: str = "b", **fields: Any) -> dict[str, Any]:
    """Return a record of version 2 as a service writes it."""
    return make_span(id=span_id, localEndpoint={"serviceName": service}, **fields)


def texts_of(values: dict[str, tuple[str, str]]) -> dict[str, tuple[str, Any]]:
    """Return attributes with their texts unquoted."""
    return {key: (kind, shown.strip("'")) for key, (kind, shown) in values.items()}
