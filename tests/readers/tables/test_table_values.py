"""Attributes, resources and scopes in tables with a span in each row."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from span_frames import START
from span_frames import attributes_of as _attributes
from span_frames import make_frame as _frame

from fluo_lab.readers.report import Report
from fluo_lab.readers.tables.table import read_table


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        (pl.Series([5], dtype=pl.Int16), ("INT", "5")),
        (pl.Series([2**63 - 1], dtype=pl.UInt64), ("INT", str(2**63 - 1))),
        (pl.Series([0.1]), ("DOUBLE", "0.1")),
        (pl.Series([float("nan")]), ("DOUBLE", "nan")),
        (pl.Series([True]), ("BOOL", "True")),
        (pl.Series(["x"]), ("TEXT", "'x'")),
        (pl.Series([""]), ("TEXT", "''")),
        (pl.Series(["x"], dtype=pl.Enum(["x"])), ("TEXT", "'x'")),
        (pl.Series([b"\x00\x01"]), ("BYTES", "'AAE='")),
        (pl.Series([[1, None]]), ("ARRAY", "'[1,null]'")),
        (pl.Series([{"a": 1, "b": None, "c": [dt.date(2020, 1, 2)]}]), ("KVLIST", '\'{"a":1,"c":["2020-01-02"]}\'')),
        (pl.Series([dt.datetime(2020, 1, 2, 3, 4, 5)]), ("TEXT", "'2020-01-02T03:04:05'")),
        (pl.Series([dt.datetime(2020, 1, 2, 3, tzinfo=dt.UTC)]), ("TEXT", "'2020-01-02T03:00:00Z'")),
        (pl.Series([dt.date(2020, 1, 2)]), ("TEXT", "'2020-01-02'")),
    ],
)
def test_typed_columns_keep_their_types(read_frame: Any, values: pl.Series, shown: tuple[str, str]) -> None:
    spans, problems = read_frame(_frame(x=values))
    assert (_attributes(spans, "x"), problems) == ([shown], [])


def test_numbers_that_no_type_holds_are_reported(read_frame: Any) -> None:
    frame = _frame(
        big=pl.Series([2**63, 1], dtype=pl.UInt64), price=[Decimal("9.90"), Decimal("12345678901234567890.01")]
    )
    spans, problems = read_frame(frame)
    assert _attributes(spans, "big") == [("TEXT", "'9223372036854775808'"), ("INT", "1")]
    assert _attributes(spans, "price") == [("DOUBLE", "9.9"), ("TEXT", "'12345678901234567890.01'")]
    assert sorted(p.what for p in problems) == [
        "attribute that is a decimal number no double holds; kept as text",
        "attribute that is a decimal number; read as a double",
        "attribute that is a whole number beyond 64 bits; kept as text",
    ]


def test_structs_and_pairs_are_unpacked(read_frame: Any) -> None:
    frame = _frame(
        attributes=[{"a": 1, "b": None}, {"a": None, "b": "x"}],
        resource=[[{"key": "service.name", "value": "pay"}, {"key": "host", "value": "h"}], []],
    )
    spans, problems = read_frame(frame)
    assert [span["attributes"] for span in spans] == [{"a": ("INT", "1")}, {"b": ("TEXT", "'x'")}]
    assert [span["resource"] for span in spans] == [
        {"service.name": ("TEXT", "'pay'"), "host": ("TEXT", "'h'")},
        {},
    ]
    assert problems == []


def test_json_objects_are_unpacked_and_other_texts_stay(read_frame: Any) -> None:
    spans, problems = read_frame(_frame(tags=['{"a":1,"b":{"c":[true]},"n":null}', "vip,eu", None, ""]))
    assert [span["attributes"] for span in spans] == [
        {"a": ("INT", "1"), "b": ("KVLIST", "'{\"c\":[true]}'")},
        {"tags": ("TEXT", "'vip,eu'")},
        {},
        {},
    ]
    assert [(p.what, p.line) for p in problems] == [("tags that are no JSON object; kept as one text attribute", 2)]


def test_rows_of_one_resource_share_it() -> None:
    frame = _frame(service=["a", "b", "a"], **{"resource.pod": ["p", "p", "p"]})
    (batch,) = read_table(frame, report=Report("t"))
    assert batch.spans["resource"].to_list() == [0, 1, 0]
    assert batch.n_resources == 2


def test_scopes_flags_and_counts_are_read(read_frame: Any) -> None:
    frame = _frame(
        scope_name=["lib"], scope_version=["1"], flags=[257], droppedAttributesCount=["2"], trace_state=["a=b"]
    )
    spans, _ = read_frame(frame)
    span = spans[0]
    assert (span["scope"], span["flags"], span["dropped_attributes"], span["trace_state"]) == (
        (("lib", "1"), {}),
        257,
        2,
        "a=b",
    )


def test_pandas_frames_are_read(read_frame: Any) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"traceId": ["t"], "spanId": ["s"], "name": ["n"], "start_ns": [START], "x": [1.5]})
    spans, _ = read_frame(frame)
    assert (spans[0]["trace_id"], spans[0]["attributes"]) == ("t", {"x": ("DOUBLE", "1.5")})
