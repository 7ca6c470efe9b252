"""Tables with a span in each row: frames, CSV and Parquet."""

from __future__ import annotations

import datetime as dt
import gzip
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fluo_lab.errors import InputError
from fluo_lab.readers import csv_table
from fluo_lab.readers.csv_table import CsvTable
from fluo_lab.readers.otlp_values import ValueFault
from fluo_lab.readers.parquet_table import ParquetTable
from fluo_lab.readers.report import Report
from fluo_lab.readers.source import Source
from fluo_lab.readers.span_table import read_table
from fluo_lab.readers.table_columns import duration_ns, map_columns, plain_id, time_ns
from fluo_lab.readers.table_times import parse_times
from fluo_lab.traces import Problem, TracesBuilder

Spans = list[dict[str, Any]]
START = 1_661_154_854_207_276_016
NOON = dt.datetime(2022, 8, 22, 12, 0, 0, 5, tzinfo=dt.UTC)
TIMES = st.datetimes(min_value=dt.datetime(1969, 12, 31), max_value=dt.datetime(2262, 1, 1))


@pytest.fixture
def read_frame(plain_of: Callable[..., Spans]) -> Callable[..., tuple[Spans, list[Problem]]]:
    """Read a frame; return its spans by their ids, and the problems."""

    def read(frame: pl.DataFrame, columns: Mapping[str, str] | None = None) -> tuple[Spans, list[Problem]]:
        report = Report("table")
        return plain_of(read_table(frame, columns=columns, report=report)), report.problems()

    return read


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


def _frame(**columns: list[Any] | pl.Series) -> pl.DataFrame:
    """Return a table of as many spans as a column has, with what a span needs."""
    n = len(next(iter(columns.values()))) if columns else 1
    return pl.DataFrame(
        {
            "trace_id": ["t"] * n,
            "span_id": [f"s{i}" for i in range(n)],
            "name": ["charge"] * n,
            "start_ns": [START] * n,
            "end_ns": [START + 5] * n,
            **columns,
        }
    )


def _attributes(spans: Spans, key: str) -> list[tuple[str, str] | None]:
    return [span["attributes"].get(key) for span in spans]


# Which column is which


@pytest.mark.parametrize(
    ("column", "ours"),
    [
        ("traceId", "trace_id"),
        ("TraceID", "trace_id"),
        ("Trace ID", "trace_id"),
        ("context.trace_id", "trace_id"),
        ("parentId", "parent_span_id"),
        ("operationName", "name"),
        ("service.name", "service"),
        ("startTimeUnixNano", "start_ns"),
        ("start_time", "start"),
        ("timestamp", "start"),
        ("endTimeUnixNano", "end_ns"),
        ("duration_ms", "duration_ms"),
        ("durationInNanos", "duration_ns"),
        ("StatusCode", "status"),
        ("SpanAttributes", "attributes"),
    ],
)
def test_usual_names_need_no_mapping(column: str, ours: str) -> None:
    necessary = {"trace_id": "trace_id", "span_id": "span_id", "name": "name", "start": "start_ns"}
    others = [theirs for name, theirs in necessary.items() if name != ours.partition("_ns")[0]]
    others = [theirs for theirs in others if theirs != ours]
    assert map_columns([*others, column], None, source="t").fields[ours] == column


def test_a_status_of_http_is_an_attribute_and_no_status() -> None:
    mapped = map_columns(["trace_id", "span_id", "name", "start_ns", "http.status_code"], None, source="t")
    assert "status" not in mapped.fields
    assert mapped.attributes == {"http.status_code": "http.status_code"}


def test_a_mapping_goes_before_the_usual_names(read_frame: Any) -> None:
    frame = _frame(label=["refund"], amount=[59.99], region=["eu"])
    spans, problems = read_frame(
        frame, {"name": "label", "attr.payment.amount": "amount", "resource.cloud.region": "region"}
    )
    assert (spans[0]["name"], problems) == ("refund", [])
    assert spans[0]["attributes"] == {"payment.amount": ("DOUBLE", "59.99"), "name": ("TEXT", "'charge'")}
    assert spans[0]["resource"] == {"cloud.region": ("TEXT", "'eu'")}


def test_two_columns_for_one_name_are_named_with_the_mapping_to_write() -> None:
    with pytest.raises(
        InputError, match=r"'traceId', 'trace_id' could each be 'trace_id'.*columns=\{\"trace_id\": \"tr"
    ):
        map_columns(["traceId", "trace_id", "span_id", "name", "start_ns"], None, source="t")


def test_two_columns_for_one_attribute_are_ambiguous_too() -> None:
    with pytest.raises(InputError, match=r"'x', 'attr.x' could each be 'attr.x'"):
        map_columns(["trace_id", "span_id", "name", "start_ns", "x", "attr.x"], None, source="t")


def test_a_missing_column_is_named_with_columns_guesses_and_an_example() -> None:
    with pytest.raises(InputError) as caught:
        map_columns(["trace_id", "spanid_", "label", "span_identity", "begin"], None, source="t.csv")
    message = str(caught.value)
    assert message.startswith("t.csv: ")
    assert "no column known as a name and a start" in message
    assert "'trace_id', 'spanid_', 'label', 'span_identity', 'begin'" in message
    assert 'columns={"name": ' in message


def test_a_missing_span_id_is_guessed() -> None:
    with pytest.raises(InputError, match=r"'spanident' may be a span id.*\"span_id\": \"spanident\""):
        map_columns(["trace_id", "spanident", "name", "start_ns"], None, source="t")


@pytest.mark.parametrize(
    ("given_columns", "said"),
    [
        ({"trace": "trace_id"}, "'trace' in the mapping of columns is no part of a span; did you mean 'trace_id'"),
        ({"name": "nam"}, "the column 'nam' for 'name', which the table lacks; did you mean 'name'"),
    ],
)
def test_a_mapping_that_names_nothing_is_told_so(given_columns: dict[str, str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        map_columns(["trace_id", "span_id", "name", "start_ns"], given_columns, source="t")


def test_the_finest_of_several_starts_counts_and_the_others_stay(read_frame: Any) -> None:
    spans, problems = read_frame(_frame(start_ms=[START // 10**6]))
    assert (spans[0]["start_ns"], problems) == (START, [])
    assert spans[0]["attributes"] == {"start_ms": ("INT", str(START // 10**6))}


def test_a_frame_of_the_store_is_a_table(plain_of: Any) -> None:
    builder = TracesBuilder()
    frame = _frame(service=["a", "b"], kind=["server", "internal"], parent_span_id=[None, "s0"])
    for batch in read_table(frame, report=Report("t")):
        builder.add(batch)
    traces = builder.finish()
    report = Report("t")
    again = plain_of(read_table(traces.spans, report=report))
    assert report.problems() == []
    assert [(s["span_id"], s["parent_span_id"], s["kind"]) for s in again] == [("s0", None, 2), ("s1", "s0", 1)]


# Ids, kinds, status


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


# Times


@pytest.mark.parametrize(
    ("columns", "start", "end"),
    [
        ({"start_us": [START // 1000], "duration_us": [10]}, START // 1000 * 1000, START // 1000 * 1000 + 10_000),
        ({"start_s": ["1661154854.207276016"], "duration_ms": ["0.5"]}, START, START + 500_000),
        ({"start": ["2022-08-22T07:54:14.207276016Z"], "duration_ns": [7]}, START, START + 7),
        ({"start": ["2022-08-22 09:54:14.207276016+02:00"], "end_ns": [START]}, START, START),
        ({"start": [NOON], "duration": ["PT1.5S"]}, 1661169600_000005000, 1661169601_500005000),
        ({"start_ns": [START], "duration": [dt.timedelta(seconds=1)]}, START, START + 10**9),
        ({"start_ms": [Decimal("1661154854207.25")], "duration_ms": [1]}, 1661154854207250000, 1661154854208250000),
    ],
)  # fmt: skip
def test_times_have_units_types_or_texts(read_frame: Any, columns: dict[str, Any], start: int, end: int) -> None:
    frame = (
        _frame(trace_id=["t"]).drop("start_ns", "end_ns").with_columns(**{k: pl.Series(v) for k, v in columns.items()})
    )
    spans, problems = read_frame(frame)
    assert ([(s["start_ns"], s["end_ns"]) for s in spans], problems) == ([(start, end)], [])


def test_the_size_of_numbers_tells_their_unit_and_the_report_says_so(read_frame: Any) -> None:
    frame = _frame(startTime=[START // 1000], duration=[10]).drop("start_ns", "end_ns")
    spans, problems = read_frame(frame)
    assert (spans[0]["start_ns"], spans[0]["end_ns"]) == (START // 1000 * 1000, START // 1000 * 1000 + 10_000)
    assert {p.what for p in problems} == {
        "numbers in 'startTime' without a unit, read by their size as us since the epoch",
        "durations in 'duration' without a unit, read in that of the start",
    }


def test_small_numbers_without_a_unit_need_a_mapping(read_frame: Any) -> None:
    with pytest.raises(
        InputError, match=r"'startTime' holds numbers whose unit is not known.*\"start_us\": \"startTime\""
    ):
        read_frame(_frame(startTime=[0, 12, 400]).drop("start_ns"))


def test_times_without_a_zone_are_utc_and_reported(read_frame: Any) -> None:
    frame = _frame(start=["2022-08-22 07:54:14", "2022-08-22T07:54:14Z"]).drop("start_ns")
    spans, problems = read_frame(frame)
    assert [span["start_ns"] for span in spans] == [1661154854 * 10**9] * 2
    assert [(p.what, p.n, p.line) for p in problems] == [("start without a time zone, read as UTC", 1, 1)]


def test_bad_rows_are_named_and_the_others_kept(read_frame: Any) -> None:
    frame = _frame(
        trace_id=["t", None, "t", "t", "t", "0" * 32],
        start_ns=["1", "1", "yesterday", None, "9", "1"],
        end_ns=["2", "2", "2", "2", "8", "2"],
    )
    spans, problems = read_frame(frame)
    assert [(span["span_id"], span["end_ns"]) for span in spans] == [("s0", 2), ("s4", 8)]
    assert {(p.what, p.line, p.n) for p in problems} == {
        ("row without a trace id; not read", 2, 1),
        ("start that is not exact in nanoseconds, or no time; row not read", 3, 1),
        ("row without a start; not read", 4, 1),
        ("row whose end is before its start; kept as it is", 5, 1),
        ("trace id that is empty or zeros; row not read", 6, 1),
    }


def test_floating_nanoseconds_that_lost_digits_are_no_times(read_frame: Any) -> None:
    with pytest.raises(InputError, match="not one of 1 rows could be read: start that is not exact"):
        read_frame(_frame(start_ns=[float(START)]))


def test_a_span_without_an_end_ends_when_it_starts_and_is_reported(read_frame: Any) -> None:
    spans, problems = read_frame(_frame(trace_id=["t"]).drop("end_ns"))
    assert spans[0]["end_ns"] == START
    assert [p.what for p in problems] == ["row without an end or a duration; read as ending when it starts"]


def test_a_duration_is_spare_only_where_start_and_end_say_the_same(read_frame: Any) -> None:
    frame = _frame(duration_us=[5, 7]).with_columns(end_ns=pl.lit(START + 5_400))
    spans, problems = read_frame(frame)
    assert _attributes(spans, "duration_us") == [None, ("INT", "7")]
    assert [(p.line, p.n) for p in problems] == [(2, 1)]


@given(
    st.lists(
        st.one_of(
            TIMES.map(lambda time: time.isoformat() + "Z"),
            st.from_regex(r"\A202[0-9]-0[0-9]-[0-3][0-9][T ][0-9]{2}:[0-5][0-9](:[0-6][0-9](\.[0-9]{1,11})?)?\Z"),
            st.from_regex(r"\A202[0-9]-01-01[T ]1[0-9]:[0-5][0-9](Z|[+-][0-9]{2}:?[0-9]{2})?\Z"),
            st.text(alphabet="0123456789T:-Z .+", max_size=25),
            st.decimals(min_value=-1, max_value=10**13, places=7).map(str),
        ),
        min_size=1,
    ),
    st.sampled_from([1, 1_000, 1_000_000, 1_000_000_000]),
)
@settings(deadline=None, max_examples=200)
def test_times_mean_the_same_in_tables_and_records(texts: list[str], scale: int) -> None:
    def scalar(text: str) -> int | None:
        try:
            return time_ns(text, scale)[0]
        except ValueFault:
            return None

    assert parse_times(pl.Series(texts, dtype=pl.String), scale)[0].to_list() == [scalar(text) for text in texts]


@given(
    st.lists(
        st.from_regex(r"\AP([0-9]{1,3}D)?(T([0-9]{1,3}H)?([0-9]{1,3}M)?([0-9]{1,3}(\.[0-9]{1,10})?S)?)?\Z"), min_size=1
    )
)
@settings(deadline=None, max_examples=200)
def test_durations_mean_the_same_in_tables_and_records(texts: list[str]) -> None:
    def scalar(text: str) -> int | None:
        try:
            return duration_ns(text, None)
        except ValueFault:
            return None

    found, _ = parse_times(pl.Series(texts, dtype=pl.String), None, is_length=True)
    assert found.to_list() == [scalar(text) for text in texts]


# Values


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


# CSV

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


# Parquet


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
