"""Files of Jaeger JSON: real ones by their counts and against OTLP, what is none, and what cannot be read."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from jaeger_records import Read, make_reader

from fluo_lab.errors import InputError
from fluo_lab.readers.jaeger.json import JaegerJson
from fluo_lab.readers.report import Report
from fluo_lab.readers.source import Source


@pytest.fixture(scope="module")
def read(plain_of: Callable[..., Any]) -> Read:
    """Read a file as Jaeger JSON, or as OTLP/JSON where it is that."""
    return make_reader(plain_of)


def manifest(shared: Path) -> Iterable[dict[str, str]]:
    with (shared / "data" / "MANIFEST.tsv").open() as file:
        yield from csv.DictReader(file, delimiter="\t")


def test_every_real_file_is_recognised_and_has_the_counts_of_the_manifest(shared: Path, read: Any) -> None:
    rows = [row for row in manifest(shared) if row["format"].startswith("jaeger")]
    assert rows
    for row in rows:
        spans, _ = read(shared / "data" / row["file"])
        assert (len(spans), len({span["trace_id"] for span in spans})) == (int(row["spans"]), int(row["traces"])), row


def test_no_other_real_file_is_taken_for_jaeger(shared: Path) -> None:
    others = [row for row in manifest(shared) if not row["format"].startswith("jaeger")]
    paths = [shared / "data" / row["file"] for row in others]
    taken = [path for path in paths if path.is_file() and JaegerJson().recognise(Source(path, path.name).head)]
    assert others
    assert taken == []


def in_micros(spans: Any) -> Any:
    """Cut times to what Jaeger keeps, and durations with them."""
    for span in spans:
        duration = (span["end_ns"] - span["start_ns"]) // 1000
        span["start_ns"] = span["start_ns"] // 1000
        span["end_ns"] = span["start_ns"] + duration
        for event, _ in span["events"]:
            event["time_ns"] //= 1000
    return spans


PAIRS = [
    (
        "jaeger/jaeger_extension_jaegerquery_fixture_otlp2jaeger-in.json",
        "jaeger/jaeger_extension_jaegerquery_fixture_otlp2jaeger-out.json",
    ),
    ("jaeger-ui/utils_fixtures_otlp2jaeger-in.json", "jaeger-ui/utils_fixtures_otlp2jaeger-out.json"),
    (
        "jaeger-ui/utils_fixtures_otlp2jaeger-multi-in-combined.json",
        "jaeger-ui/utils_fixtures_oltp2jaeger-multi-out.json",
    ),
    (
        "jaeger/storage_v2_elasticsearch_tracestore_fixtures_otel_traces_01.json",
        "jaeger/storage_v2_elasticsearch_tracestore_fixtures_es_01.json",
    ),
    (
        "jaeger/storage_v2_elasticsearch_tracestore_fixtures_otel_traces_01.json",
        "jaeger/storage_v2_elasticsearch_tracestore_fixtures_es_01_string_tags.json",
    ),
    (
        "jaeger/storage_v2_cassandra_tracestore_fixtures_otel_traces_01.json",
        "jaeger/storage_v2_cassandra_tracestore_fixtures_cas_01.json",
    ),
    (
        "jaeger/uimodel_converter_v1_json_fixtures_domain_01.json",
        "jaeger/uimodel_converter_v1_json_fixtures_ui_01.json",
    ),
    (
        "jaeger/uimodel_converter_v1_json_fixtures_domain_es_01.json",
        "jaeger/uimodel_converter_v1_json_fixtures_es_01.json",
    ),
]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_the_same_spans_are_the_same_by_two_routes(shared: Path, read: Any, one: str, other: str) -> None:
    assert in_micros(read(shared / "data" / one)[0]) == in_micros(read(shared / "data" / other)[0])


@pytest.mark.parametrize(
    "head",
    [
        b'[[{"traceId":"5a","id":"5b","name":"get","timestamp":1,"duration":2,"localEndpoint":{"serviceName":"a"}}]]',
        b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"5a","spanId":"5b","name":"x"}]}]}]}',
        b'{"level":"info","traceId":"5a","spanId":"5b","msg":"charged"}',
        b'{"data":[1,2],"total":2}',
        b"traceID,spanID,operationName,startTime\n1,2,3,4\n",
        b"",
    ],
)
def test_what_is_not_jaeger_is_not_recognised(head: bytes) -> None:
    assert not JaegerJson().recognise(head)


def test_an_empty_answer_is_jaegers(tmp_path: Path, read: Any) -> None:
    path = tmp_path / "empty"
    path.write_bytes(b'{"data":[],"total":0,"limit":0,"offset":0,"errors":[{"code":404,"msg":"trace not found"}]}')
    spans, report = read(path)
    assert spans == []
    assert [problem.sample for problem in report.problems()] == ["trace not found"]


def test_a_file_without_a_readable_document_is_an_error_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "cut.json"
    path.write_bytes(b'{"data":[{"traceID":"1","spans":[{"traceID":"1","spanID":"2","operationName":"a","startTime":1,')
    with pytest.raises(InputError, match=r"^cut\.json: "):
        list(JaegerJson().read(Source(path, "cut.json"), Report("cut.json")))
