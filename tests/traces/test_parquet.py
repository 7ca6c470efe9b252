"""Our own Parquet file keeps everything of a store but its problems, in row groups of bounded size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from fluo_lab.readers import read_traces
from fluo_lab.readers.columns import BatchColumns
from fluo_lab.traces import Findings, Traces, TracesBuilder, ValueType, parquet
from fluo_lab.traces.parquet import ROWS, is_own_parquet, open_writer, span_frames, write_rows

VALUES = st.one_of(
    st.tuples(st.just(ValueType.TEXT), st.text(max_size=5)),
    st.tuples(st.just(ValueType.BOOL), st.booleans()),
    st.tuples(st.just(ValueType.INT), st.integers(-(2**63), 2**63 - 1)),
    st.tuples(st.just(ValueType.DOUBLE), st.floats()),
    st.tuples(st.just(ValueType.BYTES), st.sampled_from(["", "AAE=", "/w=="])),
    st.tuples(st.just(ValueType.ARRAY), st.sampled_from(["[]", "[5.0]", "[5]", '[null,{"k":"NaN"}]'])),
    st.tuples(st.just(ValueType.KVLIST), st.sampled_from(["{}", '{"":{"b":[1.5]}}'])),
)
ATTRIBUTES = st.dictionaries(st.sampled_from(["a", "b", "service.name", ""]), VALUES, max_size=3)


def contents(traces: Traces) -> list[str]:
    """Everything about every span, in order, NaN equal to NaN."""
    table, events, links = traces.table, traces.event_table, traces.link_table
    found: list[list[Any]] = [
        [
            row,
            traces.span_attributes(i),
            traces.resource_attributes(i),
            traces.scope_attributes(i),
            traces.scope_table.frame.row(table["scope"][i]),
        ]
        for i, row in enumerate(traces.spans.rows())
    ]
    for i, event in enumerate(events.frame.iter_rows(named=True)):
        attributes = traces.decode(events.attributes.values_of(i, event["name"]))
        found[event.pop("span")].append(("event", events.names.values[event.pop("name")], event, attributes))
    for i, link in enumerate(links.frame.iter_rows(named=True)):
        found[link.pop("span")].append(("link", link, traces.decode(links.attributes.values_of(i, 0))))
    return [repr(span) for span in found]


@st.composite
def stores(draw: st.DrawFn) -> Traces:
    """Stores of spans with distinct ids and anything on them, some of their traces declared incomplete."""
    columns = BatchColumns()
    columns.n_resources = 2
    words = st.none() | st.text(min_size=1, max_size=4)
    numbers = st.sampled_from([0, 1, 2**32 - 1])

    def add(into: Any, owner: int) -> None:
        for key, (kind, value) in draw(ATTRIBUTES).items():
            into.add(owner, key, kind, value)

    for i in range(2):
        add(columns.resource_attributes, i)
        columns.scopes.append((draw(words), draw(words)))
        add(columns.scope_attributes, i)
    for row in range(draw(st.integers(1, 8))):
        trace_id = draw(st.sampled_from(["t1", "t2", "größe"]))
        times = draw(st.tuples(*[st.integers(-5, 5)] * 2))
        columns.spans.append(
            (
                trace_id,
                f"s{row}",
                draw(st.sampled_from([None, "s0", "s9"])),
                draw(st.text(max_size=3)),
                draw(st.integers(0, 5)),
                draw(st.integers(0, 2)),
                draw(words),
                *times,
                draw(st.integers(0, 1)),
                draw(st.integers(0, 1)),
                draw(words),
                *(draw(numbers) for _ in range(4)),
            )
        )
        add(columns.attributes, row)
        for _ in range(draw(st.integers(0, 2))):
            add(columns.event_attributes, len(columns.events))
            columns.events.append((row, draw(st.text(max_size=3)), draw(st.integers(0, 3)), draw(numbers)))
        for _ in range(draw(st.integers(0, 2))):
            add(columns.link_attributes, len(columns.links))
            columns.links.append((row, trace_id, "s0", draw(words), draw(numbers), draw(numbers)))
    builder = TracesBuilder()
    builder.add(columns.finish())
    return builder.finish(incomplete=draw(st.sets(st.sampled_from(["t1", "t2"]))))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(traces=stores(), block=st.integers(1, 9))
def test_any_store_comes_back_whatever_the_row_groups(
    traces: Traces, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "BLOCK_ROWS", block)
    path = traces.save(tmp_path / "t.parquet")
    again = read_traces(path)
    assert again.problem_list == ()
    assert_frame_equal(again.spans, traces.spans)
    assert_frame_equal(again.traces, traces.traces)
    assert contents(again) == contents(traces)
    assert pq.read_metadata(path).num_row_groups == -(-traces.n_spans // block)


def test_what_hangs_on_spans_has_one_type_in_every_row_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    columns = BatchColumns()
    columns.n_resources = 1
    columns.scopes.append((None, None))
    for row in range(3):
        columns.spans.append(("t", f"s{row}", None, "a", 1, 0, None, row, row, 0, 0, None, 0, 0, 0, 0))
    columns.events.append((2, "late", 5, 0))
    columns.attributes.add(1, "n", ValueType.INT, 5)
    builder = TracesBuilder()
    builder.add(columns.finish())
    traces = builder.finish()
    monkeypatch.setattr(parquet, "BLOCK_ROWS", 1)
    path = traces.save(tmp_path / "t.parquet")
    assert contents(read_traces(path)) == contents(traces)
    plain = pl.read_parquet(path)
    assert plain.schema == ROWS
    assert plain["events"].list.len().to_list() == [None, None, 1]


def test_a_store_without_spans_is_saved_and_read(tmp_path: Path) -> None:
    metrics = tmp_path / "metrics.jsonl"
    metrics.write_bytes(b'{"resourceMetrics":[]}\n')
    path = read_traces(metrics).save(tmp_path / "t.parquet")
    assert is_own_parquet(path)
    assert (read_traces(path).n_spans, read_traces(path).problem_list) == (0, ())


def test_a_file_that_cannot_be_finished_is_not_there(tmp_path: Path) -> None:
    old = tmp_path / "t.parquet"
    old.write_bytes(b"what was there before")
    with pytest.raises(OSError, match="no space left"), open_writer(old, Findings()):
        raise OSError("no space left")
    assert old.read_bytes() == b"what was there before"
    assert list(tmp_path.iterdir()) == [old]


def test_rows_of_another_schema_are_refused(tmp_path: Path) -> None:
    wrong = pl.DataFrame({"trace_id": ["t"]})
    with pytest.raises(ValueError, match="schema"), open_writer(tmp_path / "t.parquet", Findings()) as writer:
        write_rows(writer, wrong)
    assert list(tmp_path.iterdir()) == []


def test_frames_of_some_rows_are_those_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = BatchColumns()
    columns.n_resources = 1
    columns.scopes.append((None, None))
    for row in range(7):
        columns.spans.append((f"t{row // 3}", f"s{row}", None, "a", 1, 0, None, row, row, 0, 0, None, 0, 0, 0, 0))
        columns.attributes.add(row, "n", ValueType.INT, row)
    builder = TracesBuilder()
    builder.add(columns.finish())
    traces = builder.finish()
    rows = pl.Series([0, 2, 3, 6]).to_numpy()
    (whole,) = span_frames(traces, pl.Series(range(7)).to_numpy())
    monkeypatch.setattr(parquet, "BLOCK_ROWS", 3)
    parts = list(span_frames(traces, rows))
    assert [part.height for part in parts] == [3, 1]
    assert_frame_equal(pl.concat(parts), whole[rows])
