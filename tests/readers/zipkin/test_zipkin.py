"""Zipkin JSON, version 2, field by field: ids, times, tags, and what does not belong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from zipkin_records import TRACE, Read, Spans, make_reader, make_span, texts_of

from fluo_lab.errors import InputError
from fluo_lab.readers.report import Report
from fluo_lab.readers.source import Source
from fluo_lab.readers.zipkin.json import ZipkinJson
from fluo_lab.traces import SpanKind, StatusCode


@pytest.fixture
def read(tmp_path: Path, plain_of: Callable[..., Spans]) -> Read:
    """Read Zipkin JSON to plain spans and counts of problems."""
    return make_reader(tmp_path / "zipkin.json", plain_of)


def test_a_span_with_every_field_is_read_without_a_problem(read: Read) -> None:
    record = make_span(
        parentId="a1",
        kind="CLIENT",
        localEndpoint={"serviceName": "shop", "ipv4": "10.0.0.1", "port": 80},
        remoteEndpoint={"serviceName": "bank", "ipv6": "2001:db8::1", "port": 9000},
        annotations=[{"timestamp": 1_000_100, "value": "retry"}],
        tags={"http.method": "GET", "http.status_code": "200"},
    )
    (span,), problems = read([record])
    assert problems == {}
    assert (span["trace_id"], span["span_id"], span["parent_span_id"]) == (TRACE, "b33447baae403ed6", "0" * 14 + "a1")
    assert (span["name"], span["kind"], span["status"]) == ("get /", SpanKind.CLIENT, StatusCode.UNSET)
    assert (span["start_ns"], span["end_ns"]) == (1_000_000_000, 1_000_500_000)
    assert texts_of(span["resource"]) == {
        "service.name": ("TEXT", "shop"),
        "net.host.ip": ("TEXT", "10.0.0.1"),
        "net.host.port": ("INT", "80"),
    }
    assert texts_of(span["attributes"]) == {
        "http.method": ("TEXT", "GET"),
        "http.status_code": ("TEXT", "200"),
        "peer.service": ("TEXT", "bank"),
        "net.peer.ip": ("TEXT", "2001:db8::1"),
        "net.peer.port": ("INT", "9000"),
    }
    assert [(row["name"], row["time_ns"]) for row, _ in span["events"]] == [("retry", 1_000_100_000)]


@pytest.mark.parametrize(
    "content",
    [
        make_span(),
        [make_span()],
        [[make_span()]],
        [[], [make_span()]],
        b'{"traceId":"1","id":"2","timestamp":1,"duration":1}\n[{"traceId":"1","id":"3","timestamp":1,"duration":1}]\n',
    ],
)
def test_spans_traces_lists_of_traces_and_lines_are_all_read(read: Read, content: Any) -> None:
    spans, problems = read(content)
    assert len(spans) == (2 if isinstance(content, bytes) else 1)
    assert problems == {}


@pytest.mark.parametrize(("kind", "expected"), [("SERVER", 2), ("PRODUCER", 4), ("CONSUMER", 5), (..., 1)])
def test_a_span_without_a_kind_is_internal(read: Read, kind: Any, expected: int) -> None:
    (span,), problems = read(make_span(kind=kind))
    assert span["kind"] == expected
    assert problems == {}


def test_times_of_microseconds_are_exact(read: Read) -> None:
    (span,), problems = read(make_span(timestamp=9_007_199_254_740_993, duration=1))
    assert (span["start_ns"], span["end_ns"]) == (9_007_199_254_740_993_000, 9_007_199_254_740_994_000)
    assert problems == {}


@pytest.mark.parametrize(
    ("tags", "status", "message"),
    [
        ({"error": ""}, StatusCode.ERROR, None),
        ({"error": "true"}, StatusCode.ERROR, None),
        ({"error": "no stock"}, StatusCode.ERROR, "no stock"),
        ({"otel.status_code": "OK"}, StatusCode.OK, None),
        ({"otel.status_code": "ERROR", "error": "no stock"}, StatusCode.ERROR, "no stock"),
        ({"otel.status_code": "STATUS_CODE_ERROR", "otel.status_description": "gone"}, StatusCode.ERROR, "gone"),
        ({"http.status_code": "500"}, StatusCode.UNSET, None),
    ],
)
def test_error_and_status_tags_give_the_status(read: Read, tags: Any, status: StatusCode, message: str | None) -> None:
    (span,), problems = read(make_span(tags=tags))
    assert (span["status"], span["status_message"]) == (status, message)
    assert ("error" in span["attributes"]) == ("error" in tags)
    assert "otel.status_code" not in span["attributes"]
    assert problems == {}


@pytest.mark.parametrize("tags", [{"error": "false"}, {"error": "x", "otel.status_code": "OK"}])
def test_an_error_tag_that_is_contradicted_is_an_error_and_is_counted(read: Read, tags: Any) -> None:
    (span,), problems = read(make_span(tags=tags))
    assert span["status"] == StatusCode.ERROR
    assert list(problems.values()) == [1]


def test_scope_and_dropped_counts_come_back_from_tags(read: Read) -> None:
    tags = {
        "otel.library.name": "io.jdbc",
        "otel.scope.name": "io.jdbc",
        "otel.scope.version": "1.2",
        "otel.dropped_events_count": "3",
    }
    (span,), problems = read(make_span(tags=tags))
    assert span["scope"] == (("io.jdbc", "1.2"), {})
    assert (span["dropped_attributes"], span["dropped_events"], span["dropped_links"]) == (0, 3, 0)
    assert span["attributes"] == {}
    assert problems == {}


def test_a_peer_service_tag_counts_and_another_remote_name_is_named(read: Read) -> None:
    (span,), problems = read(make_span(tags={"peer.service": "a"}, remoteEndpoint={"serviceName": "b"}))
    assert texts_of(span["attributes"]) == {"peer.service": ("TEXT", "a")}
    assert problems == {"tag peer.service that is not what the remote endpoint says, the tag counts": 1}


def test_both_addresses_of_an_endpoint_are_kept(read: Read) -> None:
    both = {"ipv4": "10.0.0.1", "ipv6": "2001:db8::1"}
    (span,), _ = read(make_span(localEndpoint=both, remoteEndpoint=both))
    assert texts_of(span["resource"]) == {"net.host.ip": ("TEXT", "2001:db8::1"), "zipkin.ipv4": ("TEXT", "10.0.0.1")}
    assert texts_of(span["attributes"]) == {
        "net.peer.ip": ("TEXT", "2001:db8::1"),
        "zipkin.remote_ipv4": ("TEXT", "10.0.0.1"),
    }


def test_tags_that_are_no_text_keep_their_types_and_are_counted(read: Read) -> None:
    tags = {"n": 5, "d": 0.5, "b": True, "l": [1, {"a": None}], "big": 2**64 - 1, "none": None}
    (span,), problems = read(make_span(tags=tags))
    assert texts_of(span["attributes"]) == {
        "n": ("INT", "5"),
        "d": ("DOUBLE", "0.5"),
        "b": ("BOOL", "True"),
        "l": ("ARRAY", '[1,{"a":null}]'),
        "big": ("TEXT", str(2**64 - 1)),
    }
    assert problems == {
        "tag that is a number, expected a string; kept as it is": 2,
        "tag that is a boolean, expected a string; kept as it is": 1,
        "tag that is an array, expected a string; kept as it is": 1,
        "tag that is a number beyond 64 bits, kept as text": 1,
        "tag without a value, read as missing": 1,
    }


def test_short_and_upper_case_ids_are_padded_and_lowered(read: Read) -> None:
    (span,), problems = read(make_span(traceId="ABC", id="F", parentId="0"))
    assert (span["trace_id"], span["span_id"], span["parent_span_id"]) == ("abc".zfill(32), "f".zfill(16), None)
    assert problems == {}


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"traceId": ...}, "no trace id"),
        ({"id": ...}, "no span id"),
        ({"id": ""}, "no span id"),
        ({"id": "xyz"}, "span id that is not hexadecimal"),
        ({"id": 7}, "span id that is a number, expected a string"),
        ({"traceId": "0" * 32}, "trace id of zeros"),
        ({"id": "1" * 17}, "span id of 17 characters, expected at most 16 hexadecimal digits"),
        ({"traceId": "1" * 33}, "trace id of 33 characters, expected at most 32 hexadecimal digits"),
    ],
)
def test_a_span_without_usable_ids_is_named_and_the_others_are_kept(read: Read, fields: Any, what: str) -> None:
    spans, problems = read([make_span(**fields), make_span(id="1"), "x"])
    assert [span["span_id"] for span in spans] == ["1".zfill(16)]
    assert problems == {f"{what}; span not read": 1, "span that is a string, expected an object; skipped": 1}


def test_a_span_that_names_itself_as_parent_is_a_root(read: Read) -> None:
    (span,), problems = read(make_span(id="1", parentId="0001"))
    assert span["parent_span_id"] is None
    assert list(problems.values()) == [1]


def test_a_bad_parent_id_makes_no_root(read: Read) -> None:
    (span,), problems = read(make_span(parentId="None!"))
    assert span["parent_span_id"] == "none!"
    assert problems == {"parent id that is not hexadecimal; kept as it is": 1}


def test_a_cut_trace_id_is_read_as_the_long_one(read: Read) -> None:
    spans, problems = read(
        [make_span(id="1"), make_span(traceId=TRACE[16:], id="2"), make_span(traceId=TRACE[16:], id="3")]
    )
    assert {span["trace_id"] for span in spans} == {TRACE}
    assert problems == {"trace id of 64 bits that ends a trace id of 128 bits, read as the longer one": 2}


def test_a_cut_trace_id_that_may_be_two_stays_alone(read: Read) -> None:
    ids = ["a" * 16 + TRACE[16:], "b" * 16 + TRACE[16:], TRACE[16:]]
    spans, problems = read([make_span(traceId=trace_id, id=str(n + 1)) for n, trace_id in enumerate(ids)])
    assert {span["trace_id"] for span in spans} == {trace_id.zfill(32) for trace_id in ids}
    assert list(problems.values()) == [1]


def test_a_span_without_a_duration_ends_at_its_start_and_says_so(read: Read) -> None:
    for duration in (..., 0, None):
        (span,), problems = read(make_span(duration=duration))
        assert span["start_ns"] == span["end_ns"] == 1_000_000_000
        assert span["attributes"] == {"zipkin.duration_missing": ("BOOL", "True")}
        assert problems == {"span without a duration, read as 0": 1}


def test_a_span_without_a_timestamp_is_placed_by_the_spans_around(read: Read) -> None:
    spans, problems = read([
        make_span(id="1", timestamp=..., duration=...),  # above the earliest timed one
        make_span(id="2", parentId="1", timestamp=50),
        make_span(id="3", parentId="1", timestamp=40),
        make_span(id="4", parentId="2", timestamp=...),  # below a timed one, by way of none
        make_span(id="5", parentId="4", timestamp=0, duration=...),
        make_span(id="6", timestamp=..., duration=...),  # neither
    ])  # fmt: skip
    placed = {span["span_id"][-1]: (span["start_ns"], span["end_ns"]) for span in spans}
    assert placed["1"] == (40_000, 40_000)
    assert placed["4"] == (50_000, 550_000)
    assert placed["5"] == (50_000, 50_000)
    assert placed["6"] == (40_000, 40_000)
    marked = {span["span_id"][-1] for span in spans if "zipkin.timestamp_missing" in span["attributes"]}
    assert marked == {"1", "4", "5", "6"}
    assert problems == {
        "span without a timestamp, placed at the start of its first descendant that has one": 1,
        "span without a timestamp, placed at the start of its nearest ancestor that has one": 2,
        "span without a timestamp, placed at the start of its trace": 1,
    }


def test_a_circle_of_parents_without_times_ends(read: Read) -> None:
    spans, problems = read([
        make_span(id="1", parentId="2", timestamp=...), make_span(id="2", parentId="1", timestamp=...),
    ])  # fmt: skip
    assert [span["start_ns"] for span in spans] == [0, 0]
    assert problems == {
        "span without a timestamp, placed at the start of 1970, as no span of its trace has one": 2
    }  # fmt: skip


def test_times_that_are_no_exact_microseconds_are_named(read: Read) -> None:
    (span,), problems = read(make_span(timestamp=1.5, duration=-1, annotations=[{"timestamp": "x", "value": "a"}]))
    assert span["start_ns"] == 0
    assert span["events"] == []
    assert len(problems) == 4


def test_an_end_beyond_64_bits_is_named(read: Read) -> None:
    (span,), problems = read(make_span(timestamp=9_000_000_000_000_000, duration=9_000_000_000_000_000))
    assert span["end_ns"] == span["start_ns"]
    assert problems == {"span that ends beyond the range of 64 bits, read without a duration": 1}


def test_everything_that_does_not_belong_is_named(read: Read) -> None:
    record = make_span(
        colour="red",
        kind="FRIEND",
        name=5,
        debug=True,
        shared="yes",
        localEndpoint={"serviceName": 1, "port": 70_000, "mac": "x"},
        remoteEndpoint="bank",
        annotations=[5, {"timestamp": 1, "value": 2}, {"timestamp": 1, "value": "ok", "endpoint": None}],
        tags=[],
    )
    (span,), problems = read([record, {}, [[1]]])
    assert [row["name"] for row, _ in span["events"]] == ["ok"]
    assert problems == {
        "unknown field 'colour' in a span, ignored": 1,
        "unknown span kind, read as internal": 1,
        "span name that is a number, expected a string; read as empty": 1,
        "debug flag of a span, ignored": 1,
        "span shared that is a string, expected a boolean; read as false": 1,
        "localEndpoint serviceName that is a number, expected a string; read as empty": 1,
        "localEndpoint with a port of a whole number out of range; read as missing": 1,
        "unknown field 'mac' in a localEndpoint, ignored": 1,
        "remoteEndpoint that is a string, expected an object; skipped": 1,
        "annotation that is a number, expected an object; skipped": 1,
        "annotation whose value is a number, expected a string; not read": 1,
        "unknown field 'endpoint' in a annotation, ignored": 1,
        "tags that are an array, expected an object; skipped": 1,
        "span without any field, skipped": 1,
        "array within a trace's array, expected spans; skipped": 1,
    }


def test_a_file_without_one_document_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_bytes(b'[{"traceId":"1","id":"2","localEndpoint":')
    report = Report("broken.json")
    with pytest.raises(InputError, match=r"^broken\.json: looks like Zipkin JSON"):
        list(ZipkinJson().read(Source(path, "broken.json"), report))
