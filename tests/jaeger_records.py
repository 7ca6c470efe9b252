"""Jaeger spans and traces made by hand, and what reading them gives, for the tests of that format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from fluo_lab.readers.jaeger.json import JaegerJson
from fluo_lab.readers.jaeger.walk import JaegerWalk
from fluo_lab.readers.otlp.json import OtlpJson
from fluo_lab.readers.report import Report
from fluo_lab.readers.source import Source

__all__ = [
    "CHILD",
    "EMBEDDED",
    "FULL_TRACE",
    "PROCESS",
    "ROOT",
    "TRACE",
    "Read",
    "Walk",
    "make_reader",
    "make_span",
    "make_trace",
    "make_walk",
    "reference",
    "tag",
]

Walk = Callable[..., tuple[list[Any], dict[str, int]]]
Read = Callable[[Path], tuple[Any, Report]]

TRACE = "2db17286b3e6b148"
FULL_TRACE = "0" * 16 + TRACE
ROOT, CHILD = "000000000000000a", "000000000000000b"
PROCESS = {"serviceName": "payment", "tags": [{"key": "hostname", "type": "string", "value": "pod-1"}]}


def make_span(**fields: Any) -> dict[str, Any]:
    span = {
        "traceID": TRACE,
        "spanID": "a",
        "operationName": "charge",
        "references": [],
        "startTime": 1571326774777373,
        "duration": 4199,
        "tags": [],
        "logs": [],
        "processID": "p1",
        "warnings": None,
    }
    span.update(fields)
    return {name: value for name, value in span.items() if value is not ...}


def make_trace(*spans: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"traceID": TRACE, "spans": list(spans), "processes": {"p1": PROCESS}, "warnings": None, **fields}


def reference(kind: str, span: str, trace: str = TRACE) -> dict[str, str]:
    return {"refType": kind, "traceID": trace, "spanID": span}


def tag(key: str, value_type: str, value: object) -> dict[str, object]:
    return {"key": key, "type": value_type, "value": value}


EMBEDDED = make_span(processID=..., process=PROCESS)


def make_walk(plain_of: Callable[..., Any]) -> Walk:
    """Return what walks documents to plain spans and the problems with their counts."""

    def run(*documents: object) -> tuple[list[Any], dict[str, int]]:
        report = Report("test")
        jaeger = JaegerWalk(report)
        for document in documents:
            jaeger.add(orjson.loads(orjson.dumps(document)))
        return plain_of([jaeger.finish()]), {problem.what: problem.n for problem in report.problems()}

    return run


def make_reader(plain_of: Callable[..., Any]) -> Read:
    """Return what reads a file as Jaeger JSON, or as OTLP/JSON where it is that."""

    def run(path: Path) -> tuple[Any, Report]:
        source, report = Source(path, path.name), Report(path.name)
        chosen = next(f for f in (OtlpJson(), JaegerJson()) if f.recognise(source.head))
        return plain_of(chosen.read(source, report)), report

    return run
