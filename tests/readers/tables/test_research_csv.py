"""CSV files of published data sets: Nezha, DeepTraLog, TraceVAE."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fluo_lab.readers.report import Report
from fluo_lab.readers.source import Source
from fluo_lab.readers.tables.csv import CsvTable
from fluo_lab.readers.tables.research import DeepTraLogCsv, NezhaCsv, TraceVaeCsv

NEZHA = """TraceID,SpanID,ParentID,PodName,OperationName,StartTimeUnixNano,EndTimeUnixNano,Duration
03CB,79be,root,frontend-579b9bff58-t2dbm,hipstershop.Frontend/Recv.,1661154854207276016,1661154854891730495,684454
03CB,2a2d,79be,redis-cart-0,hipstershop.Cart/Get,1661154854207427115,1661154854212007856,4580
"""
DEEPTRALOG = """StartTime,EndTime,URL,SpanType,Service,SpanId,TraceId,Peer,ParentSpan,Component,IsError
1628954364661,1628954364669,{PUT}/consigns,Entry,ts-consign,2aab.38.16.0,2aab.38.17,ts-consign,-1,SpringMVC,False
1628954364664,1628954364668,/price,Exit,ts-consign,2aab.38.16.2,2aab.38.17,ts-price,2aab.38.16.0,RestTemplate,True
1628954364665,1628954364667,{GET}/price,Entry,ts-price,ed7c.44.16.0,2aab.38.17,ts-price,2aab.38.16.2,SpringMVC,False
"""
TRACE_VAE = """traceIdHigh,traceIdLow,parentSpanId,spanId,startTime,duration,nanosecond,DBhash,status,operationName,\
serviceName
1596357529536981502,-2,0,-1990250972,2022-05-02 18:10:09,4188,102000000,0,0,1413,310
1596357529536981502,-2,-1990250972,-281558527,2022-05-02 18:10:09,39,4000000,0,503,1399,310
1596357529536981502,-2,-1990250972,5,2022-05-02 18:10:10,1,0,0,404,1399,42
"""


@pytest.fixture
def read_as(plain_of: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """Read a text in a format; return spans in the order of their names and kinds of problems."""

    def read(reader: Any, text: str) -> Any:
        path = tmp_path / "trace.csv"
        path.write_text(text)
        source, report = Source(path, "trace.csv"), Report("trace.csv")
        assert reader.recognise(source.head)
        spans = sorted(plain_of(reader.read(source, report)), key=lambda span: span["start_ns"])
        return spans, [(problem.what, problem.n) for problem in report.problems()]

    return read


def test_nezha_names_services_by_their_pods(read_as: Any) -> None:
    (root, child), problems = read_as(NezhaCsv(), NEZHA)
    assert problems == []
    assert (root["trace_id"], root["parent_span_id"], root["name"]) == ("03cb", None, "hipstershop.Frontend/Recv.")
    assert (root["start_ns"], root["end_ns"]) == (1661154854207276016, 1661154854891730495)
    assert root["attributes"] == {}
    assert root["resource"] == {
        "service.name": ("TEXT", "'frontend'"),
        "k8s.pod.name": ("TEXT", "'frontend-579b9bff58-t2dbm'"),
    }
    assert child["parent_span_id"] == "79be"
    assert child["resource"]["service.name"] == ("TEXT", "'redis-cart-0'")


def test_nezha_durations_that_differ_are_reported(read_as: Any) -> None:
    spans, problems = read_as(NezhaCsv(), NEZHA.replace(",4580", ",9999"))
    assert [span["attributes"] for span in spans] == [{}, {"Duration": ("TEXT", "'9999'")}]
    assert problems == [
        ("duration that is not end minus start; the end counts, the duration is kept as an attribute", 1)
    ]


def test_deeptralog_parents_cross_processes(read_as: Any) -> None:
    (root, call, served), problems = read_as(DeepTraLogCsv(), DEEPTRALOG)
    assert problems == []
    assert [(s["kind"], s["status"]) for s in (root, call, served)] == [(2, 0), (3, 2), (2, 0)]
    assert [s["parent_span_id"] for s in (root, call, served)] == [None, "2aab.38.16.0", "2aab.38.16.2"]
    assert (root["start_ns"], root["end_ns"]) == (1628954364661000000, 1628954364669000000)
    assert call["attributes"] == {"Peer": ("TEXT", "'ts-price'"), "Component": ("TEXT", "'RestTemplate'")}
    assert served["resource"] == {"service.name": ("TEXT", "'ts-price'")}


def test_tracevae_ids_are_the_digits_of_their_halves(read_as: Any) -> None:
    (root, failed, missing), problems = read_as(TraceVaeCsv(), TRACE_VAE.replace(",39,4000000", ",39,347000000"))
    assert problems == [("start without a time zone, read as UTC", 3)]
    assert {s["trace_id"] for s in (root, failed, missing)} == {"162766b71a9269fefffffffffffffffe"}
    assert [s["parent_span_id"] for s in (root, failed, missing)] == [None, "-1990250972", "-1990250972"]
    assert (root["start_ns"], root["end_ns"]) == (1651515009102000000, 1651515013290000000)
    assert [s["status"] for s in (root, failed, missing)] == [0, 2, 0]
    assert failed["attributes"] == {"status": ("INT", "503"), "DBhash": ("INT", "0")}
    assert (root["name"], root["resource"]) == ("1413", {"service.name": ("TEXT", "'310'")})


def test_tracevae_nanoseconds_count_from_the_second(read_as: Any) -> None:
    spans, _ = read_as(TraceVaeCsv(), TRACE_VAE)
    assert spans[0]["start_ns"] == 1651515009004000000


def test_an_exception_for_a_status_is_an_error(read_as: Any) -> None:
    spans, _ = read_as(TraceVaeCsv(), TRACE_VAE.replace(",404,", ",HystrixRuntimeException,"))
    assert [span["status"] for span in spans] == [2, 0, 2]
    assert spans[2]["attributes"]["status"] == ("TEXT", "'HystrixRuntimeException'")


@pytest.mark.parametrize("reader", [NezhaCsv(), DeepTraLogCsv(), TraceVaeCsv()])
def test_other_tables_are_not_taken(reader: Any) -> None:
    assert not reader.recognise(b"trace_id,span_id,name,start_ns\n")
    assert not reader.recognise(b"")
    assert sum(reader.recognise(text.encode()) for text in (NEZHA, DEEPTRALOG, TRACE_VAE)) == 1


def test_a_header_alone_has_no_spans(read_as: Any) -> None:
    assert read_as(DeepTraLogCsv(), DEEPTRALOG.split("\n")[0] + "\n") == ([], [])


def test_every_file_of_nezha_has_the_spans_and_traces_of_the_manifest(shared: Path) -> None:
    with (shared / "data" / "MANIFEST.tsv").open() as manifest:
        rows = [row for row in csv.DictReader(manifest, delimiter="\t") if row["format"] == "nezha-csv"]
    assert rows
    for row in rows:
        source, report = Source(shared / "data" / row["file"], row["file"]), Report(row["file"])
        assert CsvTable().recognise(source.head)
        batches = list(NezhaCsv().read(source, report))
        found = (
            sum(batch.spans.height for batch in batches),
            len({trace for batch in batches for trace in batch.spans["trace_id"]}),
        )
        assert (row["file"], *found) == (row["file"], int(row["spans"]), int(row["traces"]))
        services = {
            text
            for batch in batches
            for text in batch.resource_attributes.texts.to_list()
            if not text.endswith(("-t2dbm", "-554sm")) and text.count("-") < 2
        }
        assert len(services) == int(row["services"])
        assert report.problems() == []
