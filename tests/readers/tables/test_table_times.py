"""Times and durations in tables with a span in each row."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from span_frames import START
from span_frames import attributes_of as _attributes
from span_frames import make_frame as _frame

from fluo_lab.errors import InputError
from fluo_lab.readers.otlp.values import ValueFault
from fluo_lab.readers.tables.columns import duration_ns, time_ns
from fluo_lab.readers.tables.times import parse_times

NOON = dt.datetime(2022, 8, 22, 12, 0, 0, 5, tzinfo=dt.UTC)
TIMES = st.datetimes(min_value=dt.datetime(1969, 12, 31), max_value=dt.datetime(2262, 1, 1))


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
