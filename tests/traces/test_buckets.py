"""A folder of buckets grows with every save and gives every trace back whole."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from fluo_lab.errors import InputError, UsageError
from fluo_lab.readers import read_traces
from fluo_lab.traces import PlainEvent, PlainSpan, Traces, buckets, traces_from_spans
from fluo_lab.traces.buckets import buckets_of, hash_ids, read_buckets, write_buckets

GOLDEN = [
    17280346270528514342,
    9413272369427828315,
    6776716573353146477,
    3366605602710743713,
]


def span(trace: int, number: int, **fields: object) -> PlainSpan:
    known = {"name": f"step {number % 3}", "service": f"s{trace % 2}", "start_ns": 10 * trace + number, **fields}
    return PlainSpan(trace_id=f"{trace:032x}", span_id=f"{number:016x}", **known)  # type: ignore[arg-type]


def many(traces: Sequence[int], numbers: Sequence[int]) -> list[PlainSpan]:
    return [
        span(trace, number, attributes={"n": number, "t": str(trace)}, events=[PlainEvent("e", number, {"x": number})])
        for trace in traces
        for number in numbers
    ]


def described(stores: Sequence[Traces]) -> list[str]:
    """Everything about every span of some stores, in one order."""
    return sorted(
        repr((row, store.span_attributes(i), store.resource_attributes(i), store.trace(row[0]).events))
        for store in stores
        for i, row in enumerate(store.spans.rows())
    )


def hashed_plainly(text: str) -> int:
    """The hash as its sources state it, byte by byte."""
    data = text.encode()
    if len(data) > 64:
        data = blake2b(data, digest_size=32).hexdigest().encode()
    found = 0xCBF29CE484222325
    for byte in data:
        found = (found ^ byte) * 0x100000001B3 % 2**64
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        found = (found ^ found >> 33) * factor % 2**64
    return found ^ found >> 33


@settings(max_examples=100)
@given(st.lists(st.text(max_size=5) | st.text(min_size=30, max_size=80), max_size=10))
def test_the_hash_is_the_published_one(texts: list[str]) -> None:
    assert hash_ids(pl.Series(texts, dtype=pl.String)).tolist() == [hashed_plainly(text) for text in texts]


def test_the_hash_never_changes() -> None:
    ids = pl.Series(["", "a", "5b8efff798038103d269b633813fc60c", "größe"])
    assert hash_ids(ids).tolist() == GOLDEN
    assert buckets_of(ids, 64).tolist() == [number % 64 for number in GOLDEN]


@pytest.mark.parametrize(
    "ids",
    [
        [f"{number:032x}" for number in range(20_000)],
        [f"{number << 100:032x}" for number in range(20_000)],
        [f"{number * 1000:016x}".rjust(32, "0") for number in range(20_000)],
        [f"case-{number}" for number in range(20_000)],
        [blake2b(str(number).encode(), digest_size=16).hexdigest() for number in range(20_000)],
    ],
    ids=["counting", "leading", "padded", "text", "random"],
)
@pytest.mark.parametrize("n", [7, 64])
def test_any_kind_of_ids_is_well_spread(ids: list[str], n: int) -> None:
    counts = np.bincount(buckets_of(pl.Series(ids), n), minlength=n)
    expected = len(ids) / n
    # Five standard deviations of a fair share.
    assert np.abs(counts - expected).max() < 5 * expected**0.5


def test_a_trace_of_several_saves_comes_together(tmp_path: Path) -> None:
    folder = tmp_path / "months"
    first, second = many(range(1, 40), [1, 2]), many(range(20, 60), [3, 4])
    assert write_buckets(traces_from_spans(first), folder, buckets=8) == folder
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    write_buckets(traces_from_spans(second), str(folder), buckets=8)
    assert all(path.read_bytes() == data for path, data in before.items())
    stores = list(read_buckets(folder))
    assert len(stores) == 8
    ids = [trace_id for store in stores for trace_id in store.traces["trace_id"]]
    assert len(ids) == len(set(ids)) == 59
    assert described(stores) == described([traces_from_spans(first + second)])
    for number, store in enumerate(stores):
        assert set(buckets_of(store.traces["trace_id"], 8).tolist()) == {number}
        assert [Path(source).parent.name for source in store.sources] == [f"bucket={number:02d}"] * 2


def test_read_traces_reads_the_folder_as_one_store(tmp_path: Path) -> None:
    traces = traces_from_spans(many(range(1, 30), [1, 2]), incomplete=[f"{7:032x}"])
    folder = write_buckets(traces, tmp_path / "b", buckets=4)
    again = read_traces(sorted(folder.rglob("*.parquet")))
    assert_frame_equal(again.spans, traces.spans)
    assert_frame_equal(again.traces, traces.traces)
    assert again.problem_list == ()


def test_parts_of_one_save_have_one_name_and_count_up(tmp_path: Path) -> None:
    folder = tmp_path / "b"
    for _ in range(3):
        write_buckets(traces_from_spans(many(range(1, 30), [1])), folder, buckets=3)
    names = [sorted(path.name for path in (folder / f"bucket=0{number}").iterdir()) for number in range(3)]
    assert names[0] == names[1] == names[2]
    assert [name[:12] for name in names[0]] == ["part-000001-", "part-000002-", "part-000003-"]
    assert json.loads((folder / "fluo_lab.json").read_text()) == {"layout": "fluo_lab.buckets/v1", "buckets": 3}


def test_a_span_saved_twice_is_there_twice(tmp_path: Path) -> None:
    for name in ("first", "second"):
        write_buckets(traces_from_spans([span(1, 1, name=name)]), tmp_path / "b", buckets=2)
    (store,) = read_buckets(tmp_path / "b")
    assert store.spans["name"].to_list() == ["first", "second"]


def test_incomplete_in_any_save_is_incomplete(tmp_path: Path) -> None:
    folder = tmp_path / "b"
    write_buckets(traces_from_spans(many([1, 2], [1]), incomplete=[f"{1:032x}"]), folder, buckets=1)
    write_buckets(traces_from_spans(many([1, 2], [2])), folder, buckets=1)
    (store,) = read_buckets(folder)
    assert store.traces["is_declared_incomplete"].to_list() == [True, False]


def test_some_buckets_can_be_read_alone(tmp_path: Path) -> None:
    folder = write_buckets(traces_from_spans(many(range(1, 50), [1])), tmp_path / "b", buckets=8)
    low, high = list(read_buckets(folder, only=range(3))), list(read_buckets(folder, only=range(3, 8)))
    assert (len(low), len(high)) == (3, 5)
    assert described(low + high) == described(list(read_buckets(folder)))
    assert described(list(read_buckets(folder, only=[2, 0]))) == described([low[2], low[0]])
    for number in (-1, 8):
        with pytest.raises(UsageError, match=f"there is no bucket {number}; they are numbered 0 to 7"):
            read_buckets(folder, only=[number])


def test_buckets_without_traces_are_left_out(tmp_path: Path) -> None:
    folder = write_buckets(traces_from_spans([span(1, 1)]), tmp_path / "b")
    assert [store.n_spans for store in read_buckets(folder)] == [1]
    assert [path.name for path in folder.iterdir() if path.is_dir()] == ["bucket=59"]


def test_more_buckets_than_open_files_take_several_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    traces = traces_from_spans(many(range(1, 80), [1, 2]))
    monkeypatch.setattr(buckets, "_OPEN_FILES", 5)
    folder = write_buckets(traces, tmp_path / "b", buckets=150)
    assert described(list(read_buckets(folder))) == described([traces])
    assert all(len(path.name) == len("bucket=000") for path in folder.iterdir() if path.is_dir())


def test_another_number_of_buckets_is_refused(tmp_path: Path) -> None:
    folder = write_buckets(traces_from_spans([span(1, 1)]), tmp_path / "b", buckets=4)
    with pytest.raises(UsageError, match="shared out among 4 buckets, not 64; save with 4"):
        write_buckets(traces_from_spans([span(1, 1)]), folder)
    for number in (0, 4097):
        with pytest.raises(UsageError, match=f"buckets is {number}, expected 1 to 4096"):
            write_buckets(traces_from_spans([span(1, 1)]), tmp_path / "c", buckets=number)
    assert not (tmp_path / "c").exists()


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(UsageError, match=r"holds files, but no fluo_lab\.json"):
        write_buckets(traces_from_spans([span(1, 1)]), tmp_path)
    with pytest.raises(UsageError, match="is a file; buckets are a folder"):
        write_buckets(traces_from_spans([span(1, 1)]), tmp_path / "notes.txt")
    with pytest.raises(InputError, match=r"no fluo_lab\.json in it"):
        read_buckets(tmp_path)
    (tmp_path / "fluo_lab.json").write_text('{"layout":"fluo_lab.buckets/v9","buckets":4}')
    with pytest.raises(InputError, match="another version of fluo_lab"):
        read_buckets(tmp_path)
    (tmp_path / "fluo_lab.json").write_text("{")
    with pytest.raises(InputError, match="cannot be read"):
        read_buckets(tmp_path)


def test_an_interrupted_save_leaves_no_part_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(buckets, "write_rows", fail)
    with pytest.raises(OSError, match="no space left"):
        write_buckets(traces_from_spans(many(range(1, 9), [1])), tmp_path / "b", buckets=2)
    assert [path.name for path in (tmp_path / "b").rglob("*") if path.is_file()] == ["fluo_lab.json"]
    assert list(read_buckets(tmp_path / "b")) == []


def test_a_damaged_part_names_its_file(tmp_path: Path) -> None:
    folder = write_buckets(traces_from_spans([span(1, 1)]), tmp_path / "b", buckets=1)
    (part,) = folder.rglob("*.parquet")
    part.write_bytes(part.read_bytes()[:100])
    with pytest.raises(InputError, match=r"part-000001-\w+\.parquet: a damaged Parquet file"):
        list(read_buckets(folder))
    pl.DataFrame({"a": [1]}).write_parquet(part)
    with pytest.raises(InputError, match="fluo_lab did not write"):
        list(read_buckets(folder))
