"""Ways to look at what readers deliver, independent of how rows are spread over batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest

from fluo_lab.readers.blocks import cut_lines
from fluo_lab.readers.otlp.lines import LineReader
from fluo_lab.readers.read import read_batches
from fluo_lab.readers.report import Report
from fluo_lab.readers.source import Source
from fluo_lab.readers.tables.table import read_table
from fluo_lab.traces import AttributeRows, Problem, SpanBatch, ValueType

Plain = list[dict[str, Any]]
Problems = list[tuple[str, int]]


def _attributes(rows: AttributeRows) -> dict[int, dict[str, tuple[str, Any]]]:
    found: dict[int, dict[str, tuple[str, Any]]] = {}
    for row in rows.frame.iter_rows(named=True):
        kind = ValueType(row["type"])
        value = rows.texts[row["text"]] if kind.is_textual else row[kind.name.lower()]
        found.setdefault(row["owner"], {})[rows.keys[row["key"]]] = (kind.name, repr(value))
    return found


def _plain(batches: Iterable[SpanBatch]) -> Plain:
    spans: Plain = []
    for batch in batches:
        own, of_resource, of_scope = map(
            _attributes, (batch.attributes, batch.resource_attributes, batch.scope_attributes)
        )
        of_event, of_link = _attributes(batch.event_attributes), _attributes(batch.link_attributes)
        events: dict[int, list[Any]] = {}
        links: dict[int, list[Any]] = {}
        for table, into, attributes in ((batch.events, events, of_event), (batch.links, links, of_link)):
            for i, row in enumerate(table.iter_rows(named=True)):
                into.setdefault(row.pop("span"), []).append((row, attributes.get(i, {})))
        for i, span in enumerate(batch.spans.iter_rows(named=True)):
            resource, scope = span.pop("resource"), span.pop("scope")
            assert resource < batch.n_resources
            span["resource"] = of_resource.get(resource, {})
            span["scope"] = (batch.scopes.row(scope), of_scope.get(scope, {}))
            span["attributes"], span["events"], span["links"] = own.get(i, {}), events.get(i, []), links.get(i, [])
            spans.append(span)
    return sorted(spans, key=lambda span: (span["trace_id"], span["span_id"], repr(span)))


@pytest.fixture(scope="session")
def plain_of() -> Callable[[Iterable[SpanBatch]], Plain]:
    """Turn batches into plain spans in a fixed order."""
    return _plain


@pytest.fixture(scope="session")
def read_file() -> Callable[[Path], tuple[Plain, Problems]]:
    """Read one file; return its spans as plain values in a fixed order, and kinds and counts of problems."""

    def read(path: Path) -> tuple[Plain, Problems]:
        report = Report(str(path))
        spans = _plain(read_batches(Source(path, str(path)), report))
        return spans, sorted((problem.what, problem.n) for problem in report.problems())

    return read


@pytest.fixture(scope="session")
def read_lines() -> Callable[..., tuple[Plain, list[Any]]]:
    """Read JSON lines the usual way, or exactly; return plain spans and problems."""

    def read(data: bytes, *, is_exact: bool = False, block_bytes: int = 1 << 24) -> tuple[Plain, list[Any]]:
        report = Report("lines")
        reader = LineReader(report, is_exact=is_exact)
        batches: list[SpanBatch] = []
        for block in cut_lines(iter([data]), block_bytes=block_bytes):
            batches += reader.read_block(block)
        assert all(isinstance(batch.spans, pl.DataFrame) for batch in batches)
        return _plain(batches), report.problems()

    return read


@pytest.fixture(scope="session")
def read_frame() -> Callable[..., tuple[Plain, list[Problem]]]:
    """Read a frame; return its spans by their ids, and the problems."""

    def read(frame: pl.DataFrame, columns: Mapping[str, str] | None = None) -> tuple[Plain, list[Problem]]:
        report = Report("table")
        return _plain(read_table(frame, columns=columns, report=report)), report.problems()

    return read


@pytest.fixture(scope="session")
def request_line() -> Callable[..., bytes]:
    """Make one OTLP/JSON line of one span, with some fields changed."""

    def make(**fields: Any) -> bytes:
        span = {
            "traceId": "5b8efff798038103d269b633813fc60c",
            "spanId": "eee19b7ec3c1b174",
            "name": "charge",
            "kind": 2,
            "startTimeUnixNano": "1544712660000000000",
            "endTimeUnixNano": "1544712661000000000",
        }
        span.update(fields)
        span = {name: value for name, value in span.items() if value is not ...}
        resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "payment"}}]}
        request = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]}
        return orjson.dumps(request, option=orjson.OPT_APPEND_NEWLINE)

    return make
