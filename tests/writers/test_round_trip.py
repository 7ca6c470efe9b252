"""What is written is read back equal: any store, and the real files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fluo_lab.readers import read_traces
from fluo_lab.traces import PlainEvent, PlainSpan, Traces, traces_from_spans
from fluo_lab.writers import encode_otlp_json, encode_otlp_proto, to_otlp_json, to_otlp_proto

Compare = Callable[[Traces, Traces], None]
# A file of the same name is written anew for every example.
SETTINGS = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
FRAMINGS = ("plain", "big-endian", "varint")


def _read_without_problems(path: Path) -> Traces:
    found = read_traces(path)
    assert found.problem_list == ()
    return found


@SETTINGS
@given(data=st.data(), per_line=st.integers(1, 3))
def test_any_store_comes_back_from_json(
    data: st.DataObject,
    per_line: int,
    stores: st.SearchStrategy[Traces],
    tmp_path: Path,
    assert_equal_traces: Compare,
) -> None:
    traces = data.draw(stores)
    path = to_otlp_json(traces, tmp_path / "t.jsonl", traces_per_line=per_line)
    assert_equal_traces(_read_without_problems(path), traces)


@SETTINGS
@given(data=st.data(), per_message=st.integers(1, 3), framing=st.sampled_from(FRAMINGS))
def test_any_store_comes_back_from_protobuf(
    data: st.DataObject,
    per_message: int,
    framing: Any,
    stores: st.SearchStrategy[Traces],
    tmp_path: Path,
    assert_equal_traces: Compare,
) -> None:
    traces = data.draw(stores)
    path = to_otlp_proto(traces, tmp_path / "t.binpb", traces_per_message=per_message, framing=framing)
    assert_equal_traces(_read_without_problems(path), traces)


@SETTINGS
@given(data=st.data())
def test_json_and_protobuf_of_a_store_say_the_same(
    data: st.DataObject, stores: st.SearchStrategy[Traces], tmp_path: Path, assert_equal_traces: Compare
) -> None:
    by_json = read_traces(to_otlp_json(data.draw(stores), tmp_path / "t.jsonl"))
    by_proto = read_traces(to_otlp_proto(by_json, tmp_path / "t.binpb"))
    assert_equal_traces(by_proto, by_json)
    assert b"".join(encode_otlp_json(by_proto)) == b"".join(encode_otlp_json(by_json))


def test_plain_spans_come_back(tmp_path: Path, assert_equal_traces: Compare) -> None:
    traces = traces_from_spans(
        [
            PlainSpan(
                "", span_id="000000000000000a", attributes={"nan": float("nan"), "raw": b"\x00\xff", "n": -(2**63)}
            ),
            PlainSpan(
                "größe 💳",
                span_id="000000000000000b",
                parent_span_id="000000000000000a",
                service="shop",
                attributes={"list": [5, 5.0, None, True, "x", {"k": []}], "map": {"": {"deep": [float("inf")]}}},
                scope_name="lib",
                scope_version="1",
                scope={"x": 1},
                events=[PlainEvent("", 0, {"why": [b"\x01"]}), PlainEvent("late", 2**63 - 1)],
            ),
        ]
    )
    assert_equal_traces(_read_without_problems(to_otlp_json(traces, tmp_path / "t.jsonl")), traces)
    assert_equal_traces(_read_without_problems(to_otlp_proto(traces, tmp_path / "t.binpb")), traces)


def test_a_store_larger_than_a_block_comes_back(
    tmp_path: Path, assert_equal_traces: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fluo_lab.writers import requests

    spans = [
        PlainSpan(
            f"step {i % 3}",
            trace_id=f"{i // 7 + 1:032x}",
            span_id=f"{i + 1:016x}",
            service=f"s{i % 5}",
            start_ns=i,
            end_ns=i + 1,
            attributes={"i": i},
            events=[PlainEvent("e", i, {"i": i})] * (i % 3),
        )
        for i in range(200)
    ]
    traces = traces_from_spans(spans)
    whole = b"".join(encode_otlp_json(traces)), b"".join(encode_otlp_proto(traces))
    monkeypatch.setattr(requests, "_BLOCK_SPANS", 50)
    monkeypatch.setattr(requests, "_PIECE_SPANS", 10)
    assert (b"".join(encode_otlp_json(traces)), b"".join(encode_otlp_proto(traces))) == whole
    assert len(list(encode_otlp_json(traces))) > 10
    assert_equal_traces(_read_without_problems(to_otlp_json(traces, tmp_path / "t.jsonl", traces_per_line=3)), traces)


def _real_files(shared: Path) -> list[Path]:
    """Return the real files that are OTLP, by the manifest."""
    rows = [line.split("\t") for line in (shared / "data" / "MANIFEST.tsv").read_text().splitlines()]
    columns = {name: i for i, name in enumerate(rows[0])}
    return [
        shared / "data" / row[columns["file"]]
        for row in rows[1:]
        if row[columns["format"]].startswith(("otlp", "tempo-json")) and row[columns["format"]] != "otlp-span-list"
    ]


def test_every_real_file_comes_back(shared: Path, tmp_path: Path, assert_equal_traces: Compare) -> None:
    files = _real_files(shared)
    assert len(files) > 20
    for file in files:
        traces = read_traces(file)
        if traces.n_spans == 0:
            continue
        by_json = _read_without_problems(to_otlp_json(traces, tmp_path / "t.jsonl"))
        assert_equal_traces(by_json, traces)
        for framing in FRAMINGS:
            path = to_otlp_proto(by_json, tmp_path / "t.binpb", framing=framing)  # type: ignore[arg-type]
            assert_equal_traces(_read_without_problems(path), traces)
