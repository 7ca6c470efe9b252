"""Shared spans of Zipkin get two ids, pieces of a span become one, children find their half."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from zipkin_records import MERGED, SPLIT, Read, Spans, make_reader, make_side, make_span, texts_of

from fluo_lab.traces import SpanKind


@pytest.fixture
def read(tmp_path: Path, plain_of: Callable[..., Spans]) -> Read:
    """Read Zipkin JSON to plain spans and counts of problems."""
    return make_reader(tmp_path / "zipkin.json", plain_of)


def test_a_shared_span_gets_an_id_of_its_own_below_its_client(read: Read) -> None:
    spans, problems = read([
        make_side("front", "a", kind="SERVER", timestamp=1),
        make_side("back", "b", kind="SERVER", timestamp=3, parentId="a", shared=True),
        make_side("front", "b", kind="CLIENT", timestamp=2, parentId="a"),
    ])  # fmt: skip
    root, client, server = spans
    assert (client["span_id"], client["parent_span_id"]) == ("b".zfill(16), root["span_id"])
    assert server["parent_span_id"] == client["span_id"]
    assert server["span_id"] not in {root["span_id"], client["span_id"]}
    assert texts_of(server["attributes"])["zipkin.shared_id"] == ("TEXT", "b".zfill(16))
    assert problems == {SPLIT: 1}


def test_the_new_id_is_the_same_every_time_and_depends_on_no_order(read: Read) -> None:
    records = [make_side("front", kind="CLIENT"), make_side("back", kind="SERVER", shared=True, timestamp=1_000_001)]
    first, _ = read(records)
    again, _ = read(records[::-1])
    other, _ = read([{**record, "traceId": "1"} for record in records])
    assert first == again
    assert first[1]["span_id"] != other[1]["span_id"]


def test_children_hang_below_the_half_of_their_service(read: Read) -> None:
    spans, problems = read([
        make_side("front", "b", kind="CLIENT", timestamp=1),
        make_side("back", "b", kind="SERVER", shared=True, timestamp=2),
        make_side("back", "c", parentId="b", timestamp=3),
        make_side("front", "d", parentId="b", timestamp=4),
        make_side("else", "e", parentId="b", timestamp=5),
        make_span(id="f", parentId="b", timestamp=6),
    ])  # fmt: skip
    client, server = spans[0]["span_id"], spans[1]["span_id"]
    assert [span["parent_span_id"] for span in spans[2:]] == [server, client, client, client]
    assert problems == {SPLIT: 1}


def test_two_servers_of_one_id_keep_their_own_children(read: Read) -> None:
    spans, problems = read([
        make_span(id="b", kind="CLIENT", timestamp=1),
        make_side("foo", "b", kind="SERVER", shared=True, timestamp=2),
        make_side("bar", "b", kind="SERVER", shared=True, timestamp=3),
        make_side("bar", "c", parentId="b", timestamp=4),
        make_side("foo", "d", parentId="b", timestamp=5),
    ])  # fmt: skip
    assert [span["parent_span_id"] for span in spans] == [
        None,
        spans[0]["span_id"],
        spans[0]["span_id"],
        spans[2]["span_id"],
        spans[1]["span_id"],
    ]
    assert len({span["span_id"] for span in spans}) == 5
    assert problems == {SPLIT: 2}


def test_a_forgotten_shared_flag_is_seen_from_the_kinds(read: Read) -> None:
    for near, far in (("CLIENT", "SERVER"), ("PRODUCER", "CONSUMER")):
        for service in ("back", "front"):
            spans, problems = read(
                [make_side(service, kind=far, timestamp=2), make_side("front", kind=near, timestamp=1)]
            )
            assert spans[1]["parent_span_id"] == spans[0]["span_id"] == "b".zfill(16)
            assert problems == {SPLIT: 1}


def test_a_shared_span_without_its_client_keeps_id_and_parent(read: Read) -> None:
    (span,), problems = read(make_side("back", kind="SERVER", shared=True, parentId="a"))
    assert (span["span_id"], span["parent_span_id"]) == ("b".zfill(16), "a".zfill(16))
    assert "zipkin.shared_id" not in span["attributes"]
    assert problems == {}


def test_servers_of_one_id_without_a_client_stay_siblings(read: Read) -> None:
    spans, _ = read([
        make_side("bar", kind="SERVER", shared=True, parentId="a", timestamp=1),
        make_side("foo", kind="SERVER", shared=True, parentId="a", timestamp=2),
        make_side("foo", "c", parentId="b", timestamp=3),
    ])  # fmt: skip
    assert [span["parent_span_id"] for span in spans] == ["a".zfill(16), "a".zfill(16), spans[1]["span_id"]]


def test_pieces_of_a_span_are_merged(read: Read) -> None:
    (span,), problems = read([
        make_side("front", kind="CLIENT", duration=..., tags={"a": "1"}, annotations=[{"timestamp": 3, "value": "x"}]),
        make_side("front", timestamp=..., duration=10, tags={"b": "2"}, annotations=[{"timestamp": 3, "value": "x"}]),
        make_span(id="b", timestamp=..., duration=..., tags={"c": "3"}),
    ])  # fmt: skip
    assert (span["start_ns"], span["end_ns"], span["kind"]) == (1_000_000_000, 1_000_010_000, SpanKind.CLIENT)
    assert texts_of(span["attributes"]) == {"a": ("TEXT", "1"), "b": ("TEXT", "2"), "c": ("TEXT", "3")}
    assert len(span["events"]) == 1
    assert problems == {MERGED: 2}


def test_late_data_of_the_server_without_the_flag_is_its_own(read: Read) -> None:
    spans, problems = read([
        make_side("front", kind="CLIENT", timestamp=1),
        make_side("back", kind=..., timestamp=..., duration=..., tags={"late": "yes"}),
        make_side("back", kind="SERVER", shared=True, timestamp=2),
    ])  # fmt: skip
    assert len(spans) == 2
    assert "late" in spans[1]["attributes"]
    assert problems == {MERGED: 1, SPLIT: 1}


def test_pieces_that_contradict_each_other_are_named(read: Read) -> None:
    _, problems = read([
        make_side("front", tags={"a": "1"}, remoteEndpoint={"port": 1}),
        make_side("front", name="post", tags={"a": "2"}, remoteEndpoint={"port": 2}),
    ])  # fmt: skip
    assert sorted(problems) == [
        "further record of a span with another parent, name or time, the first record counts",
        "further record of a span with another remote endpoint, the first record counts",
        "further record of a span with another value of a tag, the later record counts",
        MERGED,
    ]


def test_unlike_spans_of_one_id_are_kept_and_named(read: Read) -> None:
    spans, problems = read([make_side("a", kind="CLIENT"), make_side("b", kind="CLIENT")])
    assert len(spans) == 2
    assert problems == {
        "span id that unlike spans of one trace have, kept; its children belong to the earliest": 1
    }  # fmt: skip


def test_halves_far_apart_in_a_file_of_lines_find_each_other(read: Read) -> None:
    far = [make_side("back", kind="SERVER", shared=True, traceId=f"{n + 1:x}", timestamp=2) for n in range(50)]
    near = [make_side("front", kind="CLIENT", traceId=f"{n + 1:x}", timestamp=1) for n in range(50)]
    spans, problems = read(b"\n".join(orjson.dumps(record) for record in far + near))
    assert len({(span["trace_id"], span["span_id"]) for span in spans}) == 100
    assert problems == {SPLIT: 50}
