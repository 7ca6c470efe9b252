"""Inputs that were once read wrongly, found by changing good files at random."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from golden import GOLDEN, Bytes, Message
from reading_checks import Reading, read_bytes

from fluo_lab.readers.json.siblings import Siblings
from fluo_lab.readers.tables.csv import find_header

PROTOBUF = [name for name in GOLDEN if name.startswith("protobuf")]


def _change(name: str, folder: Path, edit: Any) -> Reading:
    """Return the reading of a golden file whose tree was edited."""
    golden = GOLDEN[name]
    tree = (
        orjson.loads(orjson.dumps(golden.tree)) if not name.startswith(("protobuf", "parquet")) else _copy(golden.tree)
    )
    edit(tree)
    return read_bytes(folder / "file", golden.write(tree))


def _copy(value: Any) -> Any:
    if isinstance(value, list):
        return type(value)(_copy(item) for item in value)
    return {key: _copy(item) for key, item in value.items()} if isinstance(value, dict) else value


def _span(messages: Any, message: int, span: int) -> Message:
    """Return a span of a protobuf tree: of the second field of its entry, past the scope."""
    found: Message = messages[message][0][1][1][1][1 + span][1]
    return found


@pytest.mark.parametrize("name", PROTOBUF)
def test_a_name_that_is_not_utf8_costs_nothing_but_its_bad_bytes(name: str, tmp_path: Path) -> None:
    def edit(messages: Any) -> None:
        field = next(field for field in _span(messages, 1, 0) if field[0] == 5)
        field[1] = Bytes(b"charge \xff")

    found = _change(name, tmp_path, edit)
    assert sorted(found.spans) == ["GET /cart/{id}", "cache.get", "charge �", "checkout", "insert é"]
    assert found.problems == Counter({"span name that is not UTF-8; kept with replacement characters": 1})
    (span,) = found.spans["charge �"]
    assert (len(span["attributes"]), len(span["hung"]), span["status_message"]) == (4, 2, "declined")


@pytest.mark.parametrize("name", PROTOBUF)
def test_an_attribute_that_is_not_utf8_is_mended_in_its_place(name: str, tmp_path: Path) -> None:
    def edit(messages: Any) -> None:
        pair = next(field for field in _span(messages, 1, 1) if field[0] == 9)[1]
        pair[1][1] = Message([[1, Bytes(b"\xc3(")]])

    found = _change(name, tmp_path, edit)
    assert found.n_spans == 5
    assert found.spans["insert é"][0]["attributes"] == {"db.statement": ("TEXT", "�(")}
    assert found.problems == Counter(
        {"attribute value string_value that is not UTF-8; kept with replacement characters": 1}
    )


@pytest.mark.parametrize("name", PROTOBUF)
def test_a_span_that_is_no_protobuf_costs_only_itself(name: str, tmp_path: Path) -> None:
    def edit(messages: Any) -> None:
        messages[1][0][1][1][1][1][1] = Bytes(b"\x0a\x7fcut")

    found = _change(name, tmp_path, edit)
    assert sorted(found.spans) == ["GET /cart/{id}", "cache.get", "checkout", "insert é"]
    assert found.problems == Counter({"span that is no OTLP protobuf, not read": 1})


def test_a_small_file_is_known_by_its_first_message_where_a_later_one_is_damaged(tmp_path: Path) -> None:
    for name in ("protobuf-plain", "protobuf-big-endian", "protobuf-varint"):
        found = read_bytes(tmp_path / "file", GOLDEN[name].data + b"\x7f\xff\xff\xff\xff\xff\xff")
        assert found.n_spans == 5, name
        assert sum(found.problems.values()) == 1


def test_a_column_may_have_a_nul_in_its_name(tmp_path: Path) -> None:
    data = GOLDEN["csv"].data.replace(b",note\n", b",no\x00te\n", 1)
    found = read_bytes(tmp_path / "file", data)
    assert found.spans["checkout"][0]["attributes"]["no\x00te"] == ("TEXT", "x")


def test_a_line_of_delimiters_alone_is_soon_named() -> None:
    header = find_header(b"," * 65_535)
    assert header is not None
    assert len(set(header.names)) == 65_536
    again = find_header(b"a,a,,a 2,a\n")
    assert again is not None
    assert again.names == ("a", "a 3", "column 3", "a 2", "a 4")


def test_what_does_not_occur_is_looked_for_once() -> None:
    siblings = Siblings()
    siblings.learn(b'[{"traceId":"1","id":"2"}', 1)
    barren: dict[Any, int] = {}
    assert siblings.find(b"[" * 99, 3, barren=barren) is None
    assert set(barren.values()) == {3}
    occurs = b'[[[[[{"traceId":"1","id":"2"}'
    assert siblings.find(occurs, 4, barren=barren) is None
    assert siblings.find(occurs, 2, barren=barren) == 5


def test_a_number_among_times_that_are_texts_costs_its_row(tmp_path: Path) -> None:
    rows = [f"t,{i},op {i},2024-10-30T12:24:0{i}Z,{5 if i else ''}" for i in range(4)]
    rows[2] = "t,2,op 2,7,5"
    found = read_bytes(tmp_path / "file", "\n".join(["trace_id,span_id,name,start,duration_ns", *rows, ""]).encode())
    assert sorted(found.spans) == ["op 0", "op 1", "op 3"]
    assert any("not read" in what for what in found.problems)


def test_an_empty_object_among_span_records_is_named(tmp_path: Path) -> None:
    def edit(documents: Any) -> None:
        documents[0].append({})

    found = _change("records-javascript", tmp_path, edit)
    assert (found.n_spans, found.problems) == (5, Counter({"a JSON object without a trace id, skipped": 1}))


def _own(folder: Path, change: Any) -> Reading:
    """Return the reading of our own Parquet with its rows changed."""
    return _change("parquet-own", folder, lambda rows: change({row["name"]: row for row in rows}))


@pytest.mark.parametrize(
    ("column", "value"), [("kind", None), ("kind", 9), ("start_ns", None), ("trace_id", ""), ("span_id", None)]
)
def test_a_row_of_our_own_parquet_that_is_no_span_costs_only_itself(column: str, value: Any, tmp_path: Path) -> None:
    found = _own(tmp_path, lambda rows: rows["charge card"].update({column: value}))
    assert sorted(found.spans) == ["GET /cart/{id}", "cache.get", "checkout", "insert é"]
    assert found.problems == Counter({f"span whose {column} is missing or no {column}; not read": 1})


def test_what_hangs_on_a_span_of_our_own_parquet_is_judged_alone(tmp_path: Path) -> None:
    def change(rows: Any) -> None:
        row = rows["charge card"]
        row["events"] = [*row["events"], {**row["events"][0], "time_ns": None}]
        cells = {cell["key"]: cell for cell in row["attributes"]}
        cells["tags"]["text"] = "[[["
        cells["amount"]["double"] = None
        row["links"] = []

    found = _own(tmp_path, change)
    (span,) = found.spans["charge card"]
    assert [values["name"] for values, _ in span["hung"]] == ["exception"]
    assert set(span["attributes"]) == {"card", "tags", "order"}
    assert span["attributes"]["tags"] == ("TEXT", "[[[")
    assert found.problems == Counter(
        {
            "event whose time_ns is missing or no time_ns; not read": 1,
            "attribute of a span without a key, a known type or a value of it; not read": 1,
            "attribute of a span whose text is not what its type says; kept as text": 1,
        }
    )


@pytest.mark.parametrize("name", ["parquet-table", "parquet-own", "parquet-tempo"])
def test_metadata_of_parquet_that_are_not_utf8_are_an_input_error(name: str, tmp_path: Path) -> None:
    golden = GOLDEN[name]
    writer: Any = golden.write
    schema = writer.schema.with_metadata({**(writer.schema.metadata or {}), b"x": b"\xff"})
    found = read_bytes(tmp_path / "file", replace(writer, schema=schema)(golden.tree))
    assert found.error is not None
    assert "codec can't decode" in found.error


def test_a_text_of_a_parquet_table_that_is_not_utf8_is_mended(tmp_path: Path) -> None:
    table = pq.read_table(pa.BufferReader(GOLDEN["parquet-table"].data))
    names = table.column("name").combine_chunks()
    wrong = pa.array([b"check\xffout", *[name.encode() for name in names.to_pylist()[1:]]], pa.binary()).view(
        pa.string()
    )
    pq.write_table(table.set_column(table.schema.get_field_index("name"), "name", wrong), tmp_path / "table")
    found = read_bytes(tmp_path / "file", (tmp_path / "table").read_bytes())
    assert "check�out" in found.spans
    assert found.problems == Counter({"text that is not UTF-8, read with replacement characters": 1})
