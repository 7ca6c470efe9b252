"""Ids, kinds and status in tables with a span in each row."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from span_frames import attributes_of as _attributes
from span_frames import make_frame as _frame

from fluo_lab.errors import InputError
from fluo_lab.readers.report import Report
from fluo_lab.readers.tables.columns import plain_id
from fluo_lab.readers.tables.table import read_table


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("ABCDEF0123456789", "abcdef0123456789"),
        ("0xAB", "ab"),
        ("Trace_1", "Trace_1"),
        (17, "17"),
        (b"\xab\x01", "ab01"),
    ],
)
def test_ids_are_lower_hexadecimal_or_stay(read_frame: Any, value: object, kept: str) -> None:
    spans, problems = read_frame(_frame(span_id=[value]))
    assert ([span["span_id"] for span in spans], problems) == ([kept], [])


@given(st.lists(st.text(alphabet="0aAfFgx- é", max_size=20), min_size=1))
@settings(deadline=None, max_examples=100)
def test_ids_mean_the_same_in_tables_and_records(ids: list[str]) -> None:
    frame = _frame(span_id=ids)
    report = Report("t")
    expected = [plain_id(text) for text in ids if plain_id(text)]
    try:
        found = [span for batch in read_table(frame, report=report) for span in batch.spans["span_id"]]
    except InputError:
        found = []
    assert found == expected


def test_roots_have_many_spellings(read_frame: Any) -> None:
    parents = ["", None, "0", "root", "-1", "0000000000000000", "s0"]
    spans, problems = read_frame(_frame(parent_id=parents))
    assert [span["parent_span_id"] for span in spans] == [None] * 6 + ["s0"]
    assert problems == []


def test_parents_that_pandas_made_floating_stay_whole_numbers(read_frame: Any) -> None:
    spans, _ = read_frame(_frame(span_id=[7, 8], parent_id=[float("nan"), 7.0]))
    assert [span["parent_span_id"] for span in spans] == [None, "7"]


def test_kinds_and_status_are_words_or_numbers(read_frame: Any) -> None:
    kinds = ["SERVER", "client", "SPAN_KIND_PRODUCER", "SpanKind.CONSUMER", "1", None]
    codes = ["OK", "Error", "STATUS_CODE_ERROR", "StatusCode.UNSET", "2", None]
    spans, problems = read_frame(_frame(kind=kinds, status=codes))
    assert [span["kind"] for span in spans] == [2, 3, 4, 5, 1, 0]
    assert [span["status"] for span in spans] == [1, 2, 2, 0, 2, 0]
    assert problems == []


def test_an_unknown_kind_and_status_stay_as_attributes(read_frame: Any) -> None:
    spans, problems = read_frame(_frame(kind=["agent", "server"], status=[1, 200]))
    assert _attributes(spans, "kind") == [("TEXT", "'agent'"), None]
    assert _attributes(spans, "status") == [None, ("INT", "200")]
    assert [(p.what, p.line, p.sample) for p in problems] == [
        ("unknown span kind, read as none and kept as an attribute", 1, "agent"),
        ("unknown span status, read as none and kept as an attribute", 2, "200"),
    ]
