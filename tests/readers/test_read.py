"""One call for files, live stores and tables, with repairs, windows and what was known before."""

from __future__ import annotations

import datetime as dt
import gzip
from pathlib import Path

import pandas as pd
import polars as pl
import pytest
import zstandard
from same_traces import assert_same_traces

from fluo_lab.errors import InputError, UsageError
from fluo_lab.readers import blocks, read_traces, source
from fluo_lab.traces import PlainSpan, Traces, TracesBuilder, read_buckets, traces_from_spans
from fluo_lab.traces.unbuild import to_batch

TRACE = "a" * 32
ROWS = {
    "trace_id": [TRACE, TRACE],
    "span_id": ["1" * 16, "2" * 16],
    "parent_span_id": [None, "1" * 16],
    "name": ["pay", "charge"],
    "service": ["shop", "bank"],
    "start_ns": [10, 20],
    "end_ns": [90, 80],
    "attr.amount": [5, 6],
    "resource.zone": ["eu", "eu"],
}


def test_a_polars_frame_and_a_pandas_frame_are_read_like_a_file_of_them(tmp_path: Path) -> None:
    frame = pl.DataFrame(ROWS)
    frame.write_parquet(tmp_path / "spans")
    frame.write_csv(tmp_path / "spans.txt", separator=";")
    from_polars = read_traces(frame)
    assert from_polars.inputs[0].format == "a Polars frame"
    assert from_polars.attributes("charge")["amount"].to_list() == [6]
    for other in (pd.DataFrame(ROWS), tmp_path / "spans", tmp_path / "spans.txt"):
        assert_same_traces(read_traces(other), from_polars)


def test_columns_of_any_names_are_told_by_a_mapping() -> None:
    start = dt.datetime(2026, 1, 31, tzinfo=dt.UTC)
    frame = pl.DataFrame({"t": ["x"], "s": ["y"], "op": ["pay"], "at": [start], "paid": [3.5]})
    columns = {"trace_id": "t", "span_id": "s", "name": "op", "start": "at", "attr.amount": "paid"}
    traces = read_traces(frame, columns=columns)
    assert traces.spans["start_ns"].to_list() == [int(start.timestamp()) * 10**9]
    assert traces.attributes("pay")["amount"].to_list() == [3.5]


def test_a_mapping_for_json_is_refused(tmp_path: Path, request_line) -> None:
    (tmp_path / "a").write_bytes(request_line())
    with pytest.raises(InputError, match="columns= names the columns of CSV or Parquet; leave it out"):
        read_traces(tmp_path / "a", columns={"trace_id": "t"})


def test_repairs_are_applied_when_asked_for_and_recorded(tmp_path: Path, request_line) -> None:
    (tmp_path / "a").write_bytes(request_line() * 2)
    assert read_traces(tmp_path / "a").n_spans == 2
    mended = read_traces(tmp_path / "a", repairs=["duplicates"])
    assert (mended.n_spans, [record.to_dict()["n_spans"] for record in mended.repairs]) == (1, [1])
    with pytest.raises(UsageError, match="there are duplicates, shared_spans, clock_skew"):
        read_traces(tmp_path / "a", repairs=["all"])


def test_traces_at_the_edge_of_a_window_are_incomplete(tmp_path: Path) -> None:
    frame = pl.DataFrame(ROWS)
    assert read_traces(frame, window=(0, 1_000)).n_incomplete == 0
    assert read_traces(frame, window=(10, 1_000)).n_incomplete == 1
    assert read_traces(frame, window=(0, 100), edge_ns=10).n_incomplete == 1
    with pytest.raises(UsageError, match="a window begins before it ends"):
        read_traces(frame, window=(5, 5))


def known_traces() -> Traces:
    """Return traces of which something is known that their spans do not show."""
    spans = [PlainSpan("a", trace_id=f"{i:032x}", span_id=f"{i:016x}", start_ns=i, end_ns=i + 1) for i in range(1, 9)]
    plain = traces_from_spans([*spans, spans[0]], incomplete=[spans[2].trace_id])
    builder = TracesBuilder()
    builder.add(to_batch(plain, plain.trace_of < plain.n_traces))
    built = builder.finish(findings=plain.findings, window=(0, 8))
    return built.repaired("duplicates")


def test_what_is_known_of_traces_travels_through_a_file(tmp_path: Path) -> None:
    traces = known_traces()
    assert traces.n_incomplete == 3
    again = read_traces(traces.save(tmp_path / "traces.parquet"))
    assert_same_traces(again, traces)
    assert again.findings == traces.findings
    assert again.repairs[0].n_spans == 1


def test_what_is_known_of_traces_travels_through_buckets(tmp_path: Path) -> None:
    traces = known_traces()
    folder = traces.save(tmp_path / "months", buckets=3)
    found = list(read_buckets(folder))
    assert sum(one.n_traces for one in found) == traces.n_traces
    assert sum(one.n_incomplete for one in found) == 3
    again = read_traces(folder)
    assert again.problem_list == ()
    assert again.n_incomplete == 3
    assert again.findings.incomplete == traces.findings.incomplete


def test_a_resource_without_spans_is_no_service(tmp_path: Path, request_line) -> None:
    empty = b'{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"idle"}}]}}]}\n'
    (tmp_path / "a").write_bytes(request_line() + empty)
    traces = read_traces(tmp_path / "a")
    assert traces.services == ["payment"]
    assert traces.problem_list == ()


def test_the_inputs_say_format_and_size_also_where_one_could_not_be_read(tmp_path: Path, request_line) -> None:
    (tmp_path / "a").write_bytes(request_line())
    (tmp_path / "b").write_bytes(b"words")
    traces = read_traces(tmp_path)
    found = [(Path(one.name).name, one.format, one.n_bytes) for one in traces.inputs]
    assert found == [("a", "OTLP/JSON", len(request_line())), ("b", None, 5)]


@pytest.mark.parametrize("pack", ["gzip", "zstd"])
def test_data_that_unpacks_without_end_is_refused(tmp_path: Path, monkeypatch, request_line, pack: str) -> None:
    monkeypatch.setattr(source, "_BOMB_BYTES", 1 << 20)
    monkeypatch.setattr(source, "_BOMB_RATIO", 50)
    data = request_line() + b"\n" * (1 << 23)
    packed = gzip.compress(data) if pack == "gzip" else zstandard.ZstdCompressor().compress(data)
    (tmp_path / "a").write_bytes(packed)
    traces = read_traces(tmp_path / "a")
    assert traces.n_spans == 1
    assert f"the {pack} data unpacks to more than 50 times its size" in traces.problem_list[-1].what


def test_one_endless_line_is_refused_by_its_size(monkeypatch) -> None:
    monkeypatch.setattr(blocks, "MAX_HELD_BYTES", 100)
    cut = blocks.cut_lines(iter([b"a line\n", *[b"no end"] * 20]), block_bytes=4)
    assert next(cut).data == b"a line\n"
    with pytest.raises(InputError, match="a line of more than"):
        list(cut)


@pytest.mark.parametrize("form", ["csv", "parquet", "frame"])
def test_columns_whose_names_polars_takes_for_patterns_are_columns_like_others(tmp_path: Path, form: str) -> None:
    frame = pl.DataFrame(
        {"^id$": [TRACE], "span_id": ["1" * 16], "name": ["n"], "start_ns": [5], "^a$": [7], "*": ["x"]}
    )
    path = tmp_path / "file"
    (frame.write_csv if form == "csv" else frame.write_parquet)(path)
    traces = read_traces(frame if form == "frame" else path, columns={"trace_id": "^id$"})
    assert traces.span_attributes(0) == {"^a$": 7, "*": "x"}


def test_attributes_whose_keys_polars_takes_for_patterns_are_attributes_like_others() -> None:
    odd = {"^a$": 1, "*": 2.5}
    traces = traces_from_spans([PlainSpan("^n$", attributes=odd, resource=odd, scope=odd, service="^s$")])
    mended = traces.repaired("duplicates").select(traces.traces["trace_id"])
    assert mended.span_attributes(0) == odd
    assert_same_traces(mended, traces)
    assert traces.attributes("^n$").columns[-2:] == ["*", "^a$"]
