"""Tempo's blocks as files: spans of every version, what is no block or a damaged one, and real ones if given."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tempo_blocks import (
    VERSIONS,
    PlainOf,
    Read,
    attributes,
    make_reader,
    span_row,
    trace_row,
    trace_schema,
    write_block,
)

from fluo_lab.errors import InputError
from fluo_lab.readers.report import Report
from fluo_lab.readers.source import Source
from fluo_lab.readers.tempo import parquet as tempo_parquet
from fluo_lab.readers.tempo.parquet import TempoParquet
from fluo_lab.traces import PlainSpan, TracesBuilder, traces_from_spans


@pytest.fixture
def read_block(plain_of: PlainOf) -> Read:
    """Read a block to plain spans and problems."""
    return make_reader(plain_of)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_span_of_every_version_is_read(version: str, tmp_path: Path, read_block: Read) -> None:
    parent = span_row(version, ParentSpanID=bytes(8))
    child = span_row(
        version,
        SpanID=bytes.fromhex("00000000000000a2"),
        ParentSpanID=bytes.fromhex("00000000000000a1"),
        Name="größe",
        Kind=3,
        TraceState="a=b",
        StartTimeUnixNano=1656933070020000001,
        DurationNano=2,
        StatusCode=2,
        StatusMessage="no",
        DroppedAttributesCount=1,
        DroppedEventsCount=2,
        DroppedLinksCount=-1,
        Attrs=attributes(version, {"text": "x", "empty": "", "int": -5, "double": 5.0, "bool": False}),
    )
    row = trace_row(
        version,
        parent,
        child,
        trace_id="841a87072e7aee8a",
        scope={"Name": "lib", "Version": "1"},
        ServiceName="shop",
        Attrs=attributes(version, {"host.name": "h"}),
    )
    path = write_block(tmp_path / "block", version, row)
    assert TempoParquet().recognise_file(path)
    (first, second), problems = read_block(path)
    assert problems == []
    assert (first["parent_span_id"], first["start_ns"], first["end_ns"]) == (None, 1000, 1050)
    assert (first["status_message"], first["trace_state"]) == (None, None)
    assert second == {
        "trace_id": "0000000000000000841a87072e7aee8a",
        "span_id": "00000000000000a2",
        "parent_span_id": "00000000000000a1",
        "name": "größe",
        "kind": 3,
        "status": 2,
        "status_message": "no",
        "start_ns": 1656933070020000001,
        "end_ns": 1656933070020000003,
        "trace_state": "a=b",
        "flags": 0,
        "dropped_attributes": 1,
        "dropped_events": 2,
        "dropped_links": 2**32 - 1,
        "resource": {"host.name": ("TEXT", "'h'"), "service.name": ("TEXT", "'shop'")},
        "scope": (("lib", "1"), {}),
        "attributes": {
            "text": ("TEXT", "'x'"),
            "empty": ("TEXT", "''"),
            "int": ("INT", "-5"),
            "double": ("DOUBLE", "5.0"),
            "bool": ("BOOL", "False"),
        },
        "events": [],
        "links": [],
    }


def test_an_end_before_the_start_comes_back(tmp_path: Path, read_block: Read) -> None:
    span = span_row("4", StartTimeUnixNano=1000, DurationNano=2**64 - 400)
    (found,), problems = read_block(write_block(tmp_path / "block", "4", trace_row("4", span)))
    assert (found["start_ns"], found["end_ns"], problems) == (1000, 600, [])


def test_spans_that_cannot_be_read_are_counted_and_the_others_kept(tmp_path: Path, read_block: Read) -> None:
    good = span_row("4", Attrs=attributes("4", {"n": 1}))
    wrong = [
        span_row("4", SpanID=b""),
        span_row("4", SpanID=bytes(8), Attrs=attributes("4", {"lost": 1})),
        span_row("4", SpanID=b"abc"),
        span_row("4", StartTimeUnixNano=2**63),
        span_row("4", DurationNano=2**63),
    ]
    odd = span_row("4", SpanID=b"z" * 8, ParentSpanID=b"p", Kind=9, StatusCode=-1)
    rows = [trace_row("4", *wrong[:3], good, *wrong[3:], odd), trace_row("4", good, trace_id="0")]
    spans, problems = read_block(write_block(tmp_path / "block", "4", *rows))
    assert [(span["span_id"], span["parent_span_id"]) for span in spans] == [
        ("00000000000000a1", None),
        ((b"z" * 8).hex(), "70"),
    ]
    assert [span["attributes"] for span in spans] == [{"n": ("INT", "1")}, {}]
    assert (spans[1]["kind"], spans[1]["status"]) == (0, 0)
    assert sorted(problems) == [
        ("no span id; span not read", 1),
        ("parent span id of other than 8 bytes; kept as it is", 1),
        ("span end with a whole number out of range, expected nanoseconds; span not read", 1),
        ("span id of other than 8 bytes; span not read", 1),
        ("span id of zeros; span not read", 1),
        ("span start with a whole number out of range, expected nanoseconds; span not read", 1),
        ("trace id of zeros; span not read", 1),
        ("unknown span kind, read as unspecified", 1),
        ("unknown status code, read as unset", 1),
    ]


def test_columns_of_a_later_version_are_reported_where_they_hold_something(tmp_path: Path, read_block: Read) -> None:
    schema = trace_schema("5", Flags=pa.int64(), Later=pa.string())
    row = trace_row("5", span_row("5", Flags=257), span_row("5", SpanID=b"b" * 8))
    path = write_block(tmp_path / "block", "5", row, schema=schema)
    assert len(read_block(path)[0]) == 2
    assert read_block(path)[1] == [("unknown column 'Flags' of spans, not read", 1)]


@pytest.mark.parametrize("version", ["3", "5"])
def test_text_that_is_not_utf_8_is_mended_and_reported(version: str, tmp_path: Path, read_block: Read) -> None:
    names = ["NAME_ONE", "NAME_TWO"]
    spans = [span_row(version, Name=name, SpanID=name.encode()) for name in names]
    values = attributes(version, {"key": "VALUE_ONE"})
    path = write_block(tmp_path / "block", version, trace_row(version, *spans, Attrs=values))
    table = pq.read_table(path)
    # Neither compressed nor in dictionaries, so that the texts can be found and changed.
    pq.write_table(table, path, compression="none", use_dictionary=False, write_statistics=False)
    data = path.read_bytes()
    changed = data.replace(b"NAME_TWO", b"NAM\xff_TWO").replace(b"VALUE_ONE", b"VALUE\xffONE")
    assert len(changed) == len(data)
    path.write_bytes(changed)
    found, problems = read_block(path)
    assert sorted(span["name"] for span in found) == ["NAME_ONE", "NAM\N{REPLACEMENT CHARACTER}_TWO"]
    assert found[0]["resource"] == {"key": ("TEXT", "'VALUE\N{REPLACEMENT CHARACTER}ONE'")}
    assert problems[0][0] == "text that is not UTF-8, read with replacement characters"


@pytest.mark.parametrize("version", VERSIONS)
def test_how_a_block_is_cut_makes_no_difference(
    version: str, tmp_path: Path, read_block: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        trace_row(
            version,
            *[
                span_row(version, SpanID=bytes([number] * 8), Attrs=attributes(version, {"n": number, "t": str(trace)}))
                for number in range(1, trace % 4 + 1)
            ],
            trace_id=f"{trace:x}",
            ServiceName=f"s{trace % 3}",
        )
        for trace in range(1, 40)
    ]
    path = write_block(tmp_path / "block", version, *rows, row_group_size=7)
    whole = read_block(path)
    monkeypatch.setattr(tempo_parquet, "_PIECE_TRACES", 2)
    assert read_block(path) == whole
    assert len(whole[0]) == sum(trace % 4 for trace in range(1, 40))


def test_a_block_of_no_traces_is_read(tmp_path: Path, read_block: Read) -> None:
    assert read_block(write_block(tmp_path / "block", "4")) == ([], [])
    assert read_block(write_block(tmp_path / "block", "4", trace_row("4"))) == ([], [])


def test_other_files_are_not_recognised(tmp_path: Path) -> None:
    own = traces_from_spans([PlainSpan("a")]).save(tmp_path / "own.parquet")
    text = tmp_path / "text"
    text.write_bytes(b"PAR1 is how Parquet begins")
    other = tmp_path / "other.parquet"
    pq.write_table(pa.table({"TraceID": pa.array([b"a"]), "rs": pa.array([[1]])}), other)
    for path in (own, text, other, tmp_path / "none"):
        assert not TempoParquet().recognise_file(path)
    for path in (own, other):
        with pytest.raises(InputError, match="without the columns of a Tempo block"):
            list(TempoParquet().read(Source(path, "f"), Report("f")))


def test_a_damaged_block_is_one_clear_error(tmp_path: Path) -> None:
    path = write_block(tmp_path / "block", "4", trace_row("4", span_row("4")))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match="f: a damaged Tempo block"):
        list(TempoParquet().read(Source(path, "f"), Report("f")))


def test_a_missing_value_is_one_clear_error(tmp_path: Path) -> None:
    for column in ("SpanID", "Kind", "StartTimeUnixNano", "DroppedLinksCount"):
        path = write_block(tmp_path / "block", "4", trace_row("4", span_row("4", **{column: None})))
        with pytest.raises(InputError, match=f"the column {column} lacks 1 values"):
            list(TempoParquet().read(Source(path, "f"), Report("f")))


def test_real_blocks_have_the_traces_and_spans_their_writers_counted() -> None:
    """Extracts of grafana/tempo's test data: ``vparquet2`` to ``vparquet5``, each a folder with its meta.json."""
    folder = os.environ.get("FLUO_TEMPO_BLOCKS")
    if folder is None:
        pytest.skip("no real blocks: set FLUO_TEMPO_BLOCKS to a folder of folders with data.parquet and meta.json")
    counts = {}
    for path in sorted(Path(folder).rglob("data.parquet")):
        assert TempoParquet().recognise_file(path)
        report, builder = Report(str(path)), TracesBuilder()
        for batch in TempoParquet().read(Source(path, str(path)), report):
            builder.add(batch)
        traces = builder.finish()
        assert report.problems() == []
        assert traces.n_traces == json.loads(path.with_name("meta.json").read_text())["totalObjects"]
        assert {"http.method", "instance", "region"} <= {
            key for group in traces.attribute_table.groups for key, _ in group.keys
        }
        counts[path.parent.name] = (traces.n_traces, traces.n_spans)
    assert counts
    known = {f"vparquet{version}": (134, 570) for version in (2, 3, 4)} | {"vparquet5": (133, 566)}
    assert counts == {name: known.get(name, found) for name, found in counts.items()}
