"""CSV with a span in each row: delimiters, types of columns, quotes, and rows that cannot be read."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from span_frames import Spans
from span_frames import attributes_of as _attributes
from span_frames import make_frame as _frame

from fluo_lab.errors import InputError
from fluo_lab.readers.report import Report
from fluo_lab.readers.source import Source
from fluo_lab.readers.tables import csv as csv_table
from fluo_lab.readers.tables.csv import CsvTable
from fluo_lab.traces import Problem


@pytest.fixture
def read_text(plain_of: Callable[..., Spans], tmp_path: Path) -> Callable[..., tuple[Spans, list[Problem]]]:
    """Read the bytes of a CSV file; return its spans by their ids, and the problems."""

    def read(data: bytes | str, columns: Mapping[str, str] | None = None) -> tuple[Spans, list[Problem]]:
        path = tmp_path / "spans.csv"
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        report = Report("spans.csv")
        source = Source(path, "spans.csv")
        assert CsvTable().recognise(source.head) or columns
        return plain_of(CsvTable(columns=columns).read(source, report)), report.problems()

    return read


HEADER = "trace_id,span_id,name,start_ns,end_ns,x\n"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_delimiters_line_ends_and_marks_are_found(read_text: Any, delimiter: str, end: str, mark: bytes) -> None:
    rows = [
        ["trace_id", "span_id", "name", "start_ns", "x"],
        ["t", "s", "n", "1", "7"],
        [""],
        ["t", "s2", "n", "2", "8"],
    ]
    spans, problems = read_text(mark + end.join(delimiter.join(row) for row in rows).encode())
    assert [(s["span_id"], s["start_ns"], s["attributes"]) for s in spans] == [
        ("s", 1, {"x": ("INT", "7")}),
        ("s2", 2, {"x": ("INT", "8")}),
    ]
    assert [(p.line, p.n) for p in problems] == [(2, 2)]


@pytest.mark.parametrize(
    ("cells", "types"),
    [
        (["1", "-20", ""], ["INT", "INT", None]),
        (["007", "1"], ["TEXT", "TEXT"]),
        (["+5", "5"], ["TEXT", "TEXT"]),
        (["1e3", "5.0"], ["TEXT", "TEXT"]),
        (["9223372036854775808"], ["TEXT"]),
        (["true", "false"], ["BOOL", "BOOL"]),
        (["True", "False"], ["TEXT", "TEXT"]),
        (["true", "1"], ["TEXT", "TEXT"]),
        (["1.0", "0.1", "1e-07", "1e+16"], ["DOUBLE"] * 4),
        (["60", "59.99"], ["DOUBLE", "DOUBLE"]),
        (["60", "59.0"], ["TEXT", "TEXT"]),
        (["0.10", "0.5"], ["TEXT", "TEXT"]),
        (["nan", "1.5"], ["TEXT", "TEXT"]),
        (["", ""], [None, None]),
    ],
)
def test_a_column_has_a_type_only_when_every_cell_keeps_its_text(
    read_text: Any, cells: list[str], types: list[str | None]
) -> None:
    spans, _ = read_text(HEADER + "".join(f"t,s{i},n,1,2,{cell}\n" for i, cell in enumerate(cells)))
    found = _attributes(spans, "x")
    assert [value and value[0] for value in found] == types
    texts = [repr(cell) if kind == "TEXT" else cell for cell, kind in zip(cells, types, strict=True)]
    if "DOUBLE" in types:
        assert [float(value[1]) for value in found if value] == [float(text) for text in texts]
    elif "BOOL" not in types:
        assert [value[1] for value in found if value] == [text for text in texts if text]


def test_a_type_holds_for_the_whole_file(read_text: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_table, "BLOCK_BYTES", 64)
    monkeypatch.setattr("fluo_lab.readers.source._PLAIN_CHUNK_BYTES", 50)
    rows = "".join(f"t,s{i:03},n,1,2,{i}\n" for i in range(100))
    spans, _ = read_text(HEADER + rows)
    assert {value[0] for value in _attributes(spans, "x") if value} == {"INT"}
    spans, _ = read_text(HEADER + rows + "t,t,n,1,2,none\n")
    assert [value[0] for value in _attributes(spans, "x") if value] == ["TEXT"] * 101


def test_quoted_cells_hold_delimiters_quotes_and_line_feeds(read_text: Any) -> None:
    spans, problems = read_text(HEADER + 't,s1,"pay, ""now""",1,2,"a\nb"\nt,,n,1,2,c\n')
    assert [(s["name"], s["attributes"]["x"]) for s in spans] == [('pay, "now"', ("TEXT", "'a\\nb'"))]
    assert [(p.what, p.line) for p in problems] == [("row without a span id; not read", 4)]


def test_ragged_rows_are_named_and_the_others_kept(read_text: Any) -> None:
    spans, problems = read_text(HEADER + "t,s1,n,1,2,a\nt,s2\nt,s3,n,1,2,a,b,c\nt,s4,n,1,2,a\n")
    assert [span["span_id"] for span in spans] == ["s1", "s4"]
    assert [(p.what, p.line, p.n, p.sample) for p in problems] == [
        ("row without the 6 cells of the header; not read", 3, 2, "t,s2")
    ]


def test_a_stray_quote_costs_its_own_row_only(read_text: Any) -> None:
    rows = ["t,s1,n,1,2,a", 't,s2,n,1,2,"a', "t,s3,n,1,2,a", 't,s4,"n,1,2,b', "t,s5,n,1,2,a", 't,s6,n,1,2,"a']
    spans, problems = read_text(HEADER + "\n".join(rows) + "\n")
    assert [span["span_id"] for span in spans] == ["s1", "s3", "s5"]
    assert [(p.line, p.n) for p in problems] == [(3, 3)]


def test_a_stray_quote_does_not_turn_later_quotes_inside_out(read_text: Any) -> None:
    rows = ['t,s1,"a', 't,s2,"n\n2",1,2,"a\nb"', 't,s3,"n\n3",1,2,"a\nb"']
    spans, problems = read_text(HEADER + "\n".join(rows) + "\n")
    assert [(span["span_id"], span["name"]) for span in spans] == [("s2", "n\n2"), ("s3", "n\n3")]
    assert [(p.line, p.n) for p in problems] == [(2, 1)]


def test_a_quote_within_a_cell_is_a_character(read_text: Any) -> None:
    spans, problems = read_text(HEADER + 't,s1,n,1,2,5" disk 3"\nt,s2,n,1,2,a\n')
    assert _attributes(spans, "x") == [("TEXT", "'5\" disk 3\"'"), ("TEXT", "'a'")]
    assert problems == []


def test_bytes_that_are_no_text_are_kept_with_a_mark(read_text: Any) -> None:
    spans, problems = read_text((HEADER + "t,s1,n,1,2,a\nt,s2,n,1,2,").encode() + b"caf\xe9\n")
    assert _attributes(spans, "x") == [("TEXT", "'a'"), ("TEXT", "'caf\ufffd'")]
    assert [(p.what, p.line) for p in problems] == [("line that is not UTF-8; kept with replacement characters", 3)]


def test_names_that_repeat_or_lack_are_numbered(read_text: Any) -> None:
    spans, problems = read_text("trace_id,span_id,name,start_ns,end_ns,x,x,\nt,s,n,1,2,a,b,c\n")
    assert spans[0]["attributes"] == {
        "x": ("TEXT", "'a'"),
        "x 2": ("TEXT", "'b'"),
        "column 8": ("TEXT", "'c'"),
    }
    assert [p.what for p in problems] == ["two columns called 'x'; the later one gets a number"]


def test_a_table_without_rows_has_no_spans_and_no_fault(read_text: Any) -> None:
    assert read_text(HEADER) == ([], [])


def test_a_table_without_one_good_row_is_an_error(read_text: Any) -> None:
    with pytest.raises(InputError, match=r"spans.csv: not one of 2 rows could be read: row without the 6 cells"):
        read_text(HEADER + "a\nb\n")


def test_packed_csv_is_read(read_text: Any) -> None:
    spans, problems = read_text(gzip.compress((HEADER + "t,s,n,1,2,a\n").encode()))
    assert (len(spans), problems) == (1, [])


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"trace_id\n1\n",
        b"a,b\n",
        b'{"trace_id": 1, "b": 2}\n',
        b'["trace_id", "b"]\n',
        b"span_id,name\n",
        b"\x00\x01,\xff",
    ],
)
def test_other_content_is_no_csv_table(head: bytes) -> None:
    assert not CsvTable().recognise(head)


@given(st.lists(st.lists(st.text(st.sampled_from('a,;"\n\r é'), max_size=6), min_size=1, max_size=1), min_size=1))
@settings(deadline=None, max_examples=100)
def test_cells_come_back_as_a_csv_writer_wrote_them(
    tmp_path_factory: pytest.TempPathFactory, cells: list[list[str]]
) -> None:
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    frame = _frame(x=[cell for (cell,) in cells])
    frame.write_csv(path)
    report = Report("t")
    batches = list(CsvTable().read(Source(path, "t"), report))
    assert report.problems() == []
    found: dict[int, str] = {}
    for batch in batches:
        texts = batch.attributes.texts.to_list()
        found |= {row["owner"]: texts[row["text"]] for row in batch.attributes.frame.iter_rows(named=True)}
    assert [found.get(row, "") for row in range(len(cells))] == [cell for (cell,) in cells]


@given(st.binary(max_size=200))
@settings(deadline=None, max_examples=200)
def test_any_bytes_behind_a_good_row_leave_it_good(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    path.write_bytes(HEADER.encode() + b"t,s,n,1,2,a\n" + data)
    report = Report("t.csv")
    batches = list(CsvTable().read(Source(path, "t.csv"), report))
    assert batches[0].spans["span_id"][0] == "s" or report.problems()
