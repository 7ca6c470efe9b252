"""Parquet with a span in each row."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from span_frames import make_frame as _frame

from fluo_lab.errors import InputError
from fluo_lab.readers.report import Report
from fluo_lab.readers.source import Source
from fluo_lab.readers.tables.parquet import ParquetTable


def test_parquet_with_spans_in_rows_is_read(tmp_path: Path, plain_of: Any) -> None:
    path = tmp_path / "spans.parquet"
    _frame(x=[1, None], attributes=[{"a": True}, None]).write_parquet(path)
    source = Source(path, "spans.parquet")
    report = Report("spans.parquet")
    table = ParquetTable()
    assert table.recognise(source.head)
    assert table.recognise_file(path)
    spans = plain_of(table.read(source, report))
    assert [span["attributes"] for span in spans] == [{"x": ("INT", "1"), "a": ("BOOL", "True")}, {}]
    assert report.problems() == []


def test_a_clickhouse_table_has_nanosecond_durations(tmp_path: Path, plain_of: Any) -> None:
    frame = pl.DataFrame(
        {
            "Timestamp": [dt.datetime(2022, 8, 22, tzinfo=dt.UTC)],
            "TraceId": ["t"],
            "SpanId": ["s"],
            "ParentSpanId": [""],
            "SpanName": ["n"],
            "SpanKind": ["Server"],
            "ServiceName": ["pay"],
            "ResourceAttributes": pl.Series([[{"key": "host", "value": "h"}]]),
            "SpanAttributes": pl.Series([[{"key": "a", "value": "1"}]]),
            "Duration": [1500],
            "StatusCode": ["Ok"],
        }
    )
    path = tmp_path / "otel_traces.parquet"
    frame.write_parquet(path)
    (span,) = plain_of(ParquetTable().read(Source(path, "p"), Report("p")))
    assert (span["end_ns"] - span["start_ns"], span["kind"], span["status"]) == (1500, 2, 1)
    assert (span["attributes"], set(span["resource"])) == ({"a": ("TEXT", "'1'")}, {"host", "service.name"})


def test_parquet_of_other_things_is_not_recognised(tmp_path: Path) -> None:
    path = tmp_path / "other.parquet"
    pl.DataFrame({"a": [1]}).write_parquet(path)
    assert not ParquetTable().recognise_file(path)
    with pytest.raises(InputError, match="needs a trace id, a span id, a name and a start"):
        list(ParquetTable().read(Source(path, "other.parquet"), Report("other.parquet")))


def test_damaged_parquet_is_one_error(tmp_path: Path) -> None:
    path = tmp_path / "bad.parquet"
    path.write_bytes(b"PAR1" + b"\x00" * 40)
    assert not ParquetTable().recognise_file(path)
    with pytest.raises(InputError, match=r"^bad.parquet: a damaged Parquet file"):
        list(ParquetTable().read(Source(path, "bad.parquet"), Report("bad.parquet")))
