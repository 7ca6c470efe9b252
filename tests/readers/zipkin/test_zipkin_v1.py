"""Zipkin JSON, version 1: one record with two sides, core annotations, addresses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from zipkin_records import SPLIT, Read, Spans, make_reader, make_span, texts_of

from fluo_lab.traces import SpanKind, StatusCode


@pytest.fixture
def read(tmp_path: Path, plain_of: Callable[..., Spans]) -> Read:
    """Read Zipkin JSON to plain spans and counts of problems."""
    return make_reader(tmp_path / "zipkin.json", plain_of)


FRONT = {"serviceName": "front", "ipv4": "10.0.0.1", "port": 80}
BACK = {"serviceName": "back", "ipv4": "10.0.0.2"}
OTHER = {"serviceName": "other"}


def _v1(annotations: list[tuple[str, int, Any]], binary: list[tuple[str, Any, Any]] = (), **fields: Any) -> Any:
    record = make_span(
        id="b",
        annotations=[{"value": value, "timestamp": at, "endpoint": end} for value, at, end in annotations],
        binaryAnnotations=[{"key": key, "value": value, "endpoint": end} for key, value, end in binary],
    )
    record.update(fields)
    return {name: value for name, value in record.items() if value is not ...}


def _summary(spans: Spans) -> list[tuple[Any, ...]]:
    return [
        (
            texts_of(span["resource"]).get("service.name", ("", ""))[1],
            SpanKind(span["kind"]).label,
            span["start_ns"] // 1000,
            (span["end_ns"] - span["start_ns"]) // 1000,
        )
        for span in spans
    ]


def test_a_record_of_both_sides_becomes_client_and_server(read: Read) -> None:
    both = [("cs", 10, FRONT), ("sr", 12, BACK), ("ss", 18, BACK), ("cr", 20, FRONT), ("cache miss", 13, BACK)]
    tags = [("http.path", "/x", FRONT), ("mvc.method", "get", BACK), ("error", "500", BACK), ("lc", "", BACK)]
    spans, problems = read([_v1(both, tags, timestamp=10, duration=10)])
    assert _summary(spans) == [("front", "client", 10, 10), ("back", "server", 12, 6)]
    client, server = spans
    assert server["parent_span_id"] == client["span_id"] == "b".zfill(16)
    assert sorted(client["attributes"]) == ["http.path"]
    assert sorted(server["attributes"]) == ["error", "mvc.method", "zipkin.shared_id"]
    assert (client["status"], server["status"]) == (StatusCode.UNSET, StatusCode.ERROR)
    assert [row["name"] for row, _ in server["events"]] == ["cache miss"]
    assert problems == {SPLIT: 1}


@pytest.mark.parametrize(
    ("annotations", "fields", "expected"),
    [
        ([("cs", 10, FRONT), ("cr", 20, FRONT)], {}, [("front", "client", 10, 10)]),
        ([("sr", 10, BACK), ("ss", 20, BACK)], {}, [("back", "server", 10, 10)]),
        ([("sr", 10, BACK)], {}, [("back", "server", 10, 0)]),
        ([("ss", 20, BACK)], {"timestamp": 10, "duration": 10}, [("back", "server", 10, 10)]),
        ([("cs", 10, FRONT), ("sr", 12, BACK)], {}, [("front", "client", 10, 0), ("back", "server", 12, 0)]),
        (
            [("cs", 1, FRONT), ("sr", 2, FRONT), ("ss", 3, FRONT), ("cr", 4, FRONT)],
            {},
            [("front", "client", 1, 3), ("front", "server", 2, 1)],
        ),
        (
            [("ms", 1, FRONT), ("ws", 2, FRONT), ("wr", 5, BACK), ("mr", 9, BACK)],
            {},
            [("front", "producer", 1, 1), ("back", "consumer", 5, 4)],
        ),
        ([("ms", 1, FRONT)], {}, [("front", "producer", 1, 0)]),
        ([("mr", 9, BACK)], {}, [("back", "consumer", 9, 0)]),
        ([("x", 11, FRONT)], {"timestamp": 10, "duration": 5}, [("front", "internal", 10, 5)]),
        ([("cs", 11, None)], {"timestamp": 10, "duration": 5}, [("", "internal", 10, 5)]),
    ],
)
def test_core_annotations_give_sides_and_times(read: Read, annotations: Any, fields: Any, expected: Any) -> None:
    spans, _ = read([_v1(annotations, **{"timestamp": ..., "duration": ..., **fields})])
    assert _summary(spans) == expected


def test_records_of_each_side_are_halves_of_one_call(read: Read) -> None:
    client = _v1([("cs", 10, FRONT), ("cr", 20, FRONT)], timestamp=10, duration=10)
    server = _v1([("sr", 12, BACK), ("ss", 18, BACK)], timestamp=..., duration=...)
    spans, problems = read([server, client])
    assert _summary(spans) == [("front", "client", 10, 10), ("back", "server", 12, 6)]
    assert problems == {SPLIT: 1}


def test_a_core_annotation_that_gives_no_time_is_an_event(read: Read) -> None:
    (span,), _ = read([_v1([("sr", 9, BACK), ("cr", 20, BACK), ("ws", 21, BACK)], timestamp=..., duration=...)])
    assert [row["name"] for row, _ in span["events"]] == ["cr", "ws"]


@pytest.mark.parametrize(
    ("annotations", "address", "expected"),
    [
        ([("cs", 1, FRONT)], ("sa", True, BACK), "back"),
        ([("cs", 1, FRONT)], ("sa", "1", BACK), "back"),
        ([("sr", 1, BACK)], ("ca", True, FRONT), "front"),
        ([("sr", 1, BACK)], ("ca", True, {**BACK, "port": 5}), None),
        ([("mr", 1, BACK)], ("ma", True, OTHER), "other"),
        ([], ("sa", True, BACK), "back"),
        ([], ("ca", True, FRONT), "front"),
    ],
)
def test_address_annotations_give_the_remote_endpoint(
    read: Read, annotations: Any, address: Any, expected: str | None
) -> None:
    (span,), problems = read([_v1(annotations, [address])])
    assert texts_of(span["attributes"]).get("peer.service", ("", None))[1] == expected
    assert not any("address" in what for what in problems)


def test_an_address_that_is_no_other_side_is_named(read: Read) -> None:
    _, problems = read([_v1([("sr", 1, BACK), ("ss", 2, BACK)], [("sa", True, BACK)])])
    assert problems == {"address 'sa' that is not the other side of a call, ignored": 1}


def test_binary_annotations_have_the_type_they_declare(read: Read) -> None:
    record = _v1([("sr", 1, BACK), ("ss", 2, BACK)])
    record["binaryAnnotations"] = [
        {"key": "i", "value": "9007199254740993", "type": "I64"},
        {"key": "d", "value": 1.5, "type": "DOUBLE"},
        {"key": "b", "value": True, "type": "BOOL"},
        {"key": "n", "value": 7},
        {"key": "s", "value": "7", "type": "STRING"},
        {"key": "y", "value": "AAE=", "type": "BYTES"},
        {"key": "s", "value": "8"},
        {"value": "x"},
    ]
    (span,), problems = read([record])
    assert texts_of(span["attributes"]) == {
        "i": ("INT", "9007199254740993"),
        "d": ("DOUBLE", "1.5"),
        "b": ("BOOL", "True"),
        "n": ("INT", "7"),
        "s": ("TEXT", "8"),
        "y": ("TEXT", "AAE="),
    }
    assert problems == {
        "binary annotation of type 'BYTES', kept as text": 1,
        "binary annotation key given twice by one service, the last value counts": 1,
        "binary annotation without a key, not read": 1,
    }
