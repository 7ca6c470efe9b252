"""How OTLP is written: what the specification asks of JSON and protobuf, files, and what has no place in it."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import zstandard
from google.protobuf.json_format import Parse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from fluo_lab.errors import UsageError
from fluo_lab.readers import read_traces
from fluo_lab.readers.columns import BatchColumns
from fluo_lab.traces import PlainEvent, PlainSpan, Traces, TracesBuilder, traces_from_spans
from fluo_lab.writers import LossWarning, encode_otlp_json, encode_otlp_proto, to_otlp_json, to_otlp_proto

ONE = traces_from_spans(
    [
        PlainSpan(
            "charge",
            trace_id="5b8efff798038103d269b633813fc60c",
            span_id="eee19b7ec3c1b174",
            parent_span_id="eee19b7ec3c1b173",
            service="payment",
            status_message="no",
            start_ns=1544712660000000000,
            end_ns=1544712661000000000,
            attributes={
                "amount": 2**53 + 1,
                "whole": 5.0,
                "list": [5, 5.0, None, "x"],
                "map": {"k": True},
                "nan": float("nan"),
                "raw": b"\xff\x00",
                "up": float("inf"),
            },
            events=[PlainEvent("late", 1544712660000000001, {"why": "queue"})],
        )
    ]
)


def documents(traces: Traces, **options: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in b"".join(encode_otlp_json(traces, **options)).splitlines()]


def spans_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [s for entry in document["resourceSpans"] for group in entry["scopeSpans"] for s in group["spans"]]


def test_json_is_as_the_specification_says() -> None:
    (document,) = documents(ONE)
    (entry,) = document["resourceSpans"]
    assert entry["resource"] == {"attributes": [{"key": "service.name", "value": {"stringValue": "payment"}}]}
    (span,) = spans_of(document)
    attributes = {pair["key"]: pair["value"] for pair in span.pop("attributes")}
    assert span == {
        "traceId": "5b8efff798038103d269b633813fc60c",
        "spanId": "eee19b7ec3c1b174",
        "parentSpanId": "eee19b7ec3c1b173",
        "startTimeUnixNano": "1544712660000000000",
        "endTimeUnixNano": "1544712661000000000",
        "name": "charge",
        "kind": 1,
        "status": {"message": "no"},
        "events": [
            {
                "timeUnixNano": "1544712660000000001",
                "name": "late",
                "attributes": [{"key": "why", "value": {"stringValue": "queue"}}],
            }
        ],
    }
    assert attributes == {
        "amount": {"intValue": "9007199254740993"},
        "whole": {"doubleValue": 5.0},
        "list": {"arrayValue": {"values": [{"intValue": "5"}, {"doubleValue": 5.0}, {}, {"stringValue": "x"}]}},
        "map": {"kvlistValue": {"values": [{"key": "k", "value": {"boolValue": True}}]}},
        "nan": {"doubleValue": "NaN"},
        "raw": {"bytesValue": base64.b64encode(b"\xff\x00").decode()},
        "up": {"doubleValue": "Infinity"},
    }
    assert [type(item["doubleValue"]) for item in attributes["list"]["arrayValue"]["values"][1:2]] == [float]


def _base64_ids(line: bytes) -> bytes:
    """Return a line with its ids as plain protobuf-JSON has them."""
    return re.sub(
        rb'"((?:trace|span|parentSpan)Id)":"([0-9a-f]+)"',
        lambda found: b'"%b":"%b"' % (found[1], base64.b64encode(bytes.fromhex(found[2].decode()))),
        line,
    )


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_protobuf_is_what_the_official_library_makes_of_the_json(
    data: st.DataObject, stores: st.SearchStrategy[Traces]
) -> None:
    traces = data.draw(stores)
    lines = b"".join(encode_otlp_json(traces)).splitlines()
    expected = [Parse(_base64_ids(line), TracesData()) for line in lines]
    rest = b"".join(encode_otlp_proto(traces))
    found = []
    while rest:
        size = int.from_bytes(rest[:4], "big")
        found.append(TracesData.FromString(rest[4 : 4 + size]))
        rest = rest[4 + size :]
    # Texts are compared, because NaN is not equal to itself.
    assert list(map(str, found)) == list(map(str, expected))
    whole = TracesData.FromString(b"".join(encode_otlp_proto(traces, framing="plain")))
    assert [str(entry) for entry in whole.resource_spans] == [str(e) for one in expected for e in one.resource_spans]


def test_a_line_holds_whole_traces_grouped_by_resource_and_scope() -> None:
    traces = traces_from_spans(
        [
            PlainSpan(
                "a",
                trace_id=f"{trace:032x}",
                span_id=f"{number:016x}",
                service=f"s{number % 2}",
                scope_name=f"lib{number % 3}",
                start_ns=trace,
            )
            for trace in range(1, 6)
            for number in range(1, 13)
        ]
    )
    lines = documents(traces, traces_per_line=2)
    assert [sorted({int(span["traceId"], 16) for span in spans_of(line)}) for line in lines] == [[1, 2], [3, 4], [5]]
    for line in lines:
        services = [entry["resource"]["attributes"][0]["value"]["stringValue"] for entry in line["resourceSpans"]]
        assert sorted(services) == ["s0", "s1"]
        for entry in line["resourceSpans"]:
            assert sorted(group["scope"]["name"] for group in entry["scopeSpans"]) == ["lib0", "lib1", "lib2"]
    assert len(documents(traces)) == 5


def test_a_resource_without_a_service_goes_out_without_one() -> None:
    (document,) = documents(traces_from_spans([PlainSpan("a")]))
    assert document["resourceSpans"][0]["resource"] == {}
    assert b"unknown_service" not in b"".join(encode_otlp_proto(traces_from_spans([PlainSpan("a")])))


def test_whole_numbers_beyond_64_bits_in_a_list_become_text() -> None:
    traces = traces_from_spans([PlainSpan("a", attributes={"list": [2**64 - 1]})])
    (span,) = spans_of(documents(traces)[0])
    assert span["attributes"][0]["value"] == {"arrayValue": {"values": [{"stringValue": str(2**64 - 1)}]}}
    (entry,) = TracesData.FromString(b"".join(encode_otlp_proto(traces, framing="plain"))).resource_spans
    (value,) = entry.scope_spans[0].spans[0].attributes[0].value.array_value.values
    assert value.string_value == str(2**64 - 1)


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_the_name_decides_the_compression(tmp_path: Path, suffix: str) -> None:
    unpack: dict[str, Callable[[bytes], bytes]] = {
        "": bytes,
        ".gz": gzip.decompress,
        ".zst": lambda packed: zstandard.ZstdDecompressor().decompressobj().decompress(packed),
    }
    for write, encode in ((to_otlp_json, encode_otlp_json), (to_otlp_proto, encode_otlp_proto)):
        path = write(ONE, tmp_path / f"t{suffix}")
        assert path == tmp_path / f"t{suffix}"
        first = path.read_bytes()
        assert unpack[suffix](first) == b"".join(encode(ONE))
        assert write(ONE, str(path)).read_bytes() == first
        assert read_traces(path).n_spans == 1
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_finished_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fluo_lab.writers import requests

    old = tmp_path / "t.jsonl"
    old.write_bytes(b"what was there before")

    def fail(*_: object) -> bytes:
        raise OSError("no space left")

    monkeypatch.setattr(requests._Block, "encode", fail)
    with pytest.raises(OSError, match="no space left"):
        to_otlp_json(ONE, old)
    assert old.read_bytes() == b"what was there before"
    assert list(tmp_path.iterdir()) == [old]


def test_a_store_without_spans_is_one_empty_request(tmp_path: Path) -> None:
    metrics = tmp_path / "metrics.jsonl"
    metrics.write_bytes(b'{"resourceMetrics":[]}\n')
    nothing = read_traces(metrics)
    path = to_otlp_json(nothing, tmp_path / "t.jsonl")
    assert path.read_bytes() == b'{"resourceSpans":[]}\n'
    assert read_traces(path).n_spans == 0
    assert to_otlp_proto(nothing, tmp_path / "t.binpb").read_bytes() == b""


FOREIGN = [
    PlainSpan("a", trace_id="case-17", span_id="1.0", attributes={"n": 1}),
    PlainSpan("b", trace_id="case-17", span_id="1.1", parent_span_id="1.0", start_ns=1),
    PlainSpan("c", trace_id="C" * 32, span_id="0" * 16, start_ns=2),
    PlainSpan("d", trace_id="c" * 32, span_id="1" * 16, start_ns=3),
]


def test_a_hash_stands_in_for_an_id_that_otlp_does_not_have(tmp_path: Path) -> None:
    traces = traces_from_spans(FOREIGN)
    with pytest.warns(LossWarning, match=r"2 trace ids, 3 span ids, 1 parent span ids are not the hexadecimal") as met:
        path = to_otlp_json(traces, tmp_path / "t.jsonl")
    assert met[0].filename == __file__
    again = read_traces(path)
    assert again.problem_list == ()
    assert again.traces["n_spans"].to_list() == [2, 1, 1]
    a, b, c, d = (again.spans.row(by_predicate=pl.col("name") == name, named=True) for name in "abcd")
    assert b["parent_span_id"] == a["span_id"]
    assert d["trace_id"] == "c" * 32 != c["trace_id"]
    by_name = {again.spans["name"][i]: again.span_attributes(i) for i in range(4)}
    assert by_name["a"] == {"n": 1, "fluo_lab.trace_id": "case-17", "fluo_lab.span_id": "1.0"}
    assert by_name["b"] == {
        "fluo_lab.trace_id": "case-17",
        "fluo_lab.span_id": "1.1",
        "fluo_lab.parent_span_id": "1.0",
    }
    assert by_name["c"] == {"fluo_lab.trace_id": "C" * 32, "fluo_lab.span_id": "0" * 16}
    assert by_name["d"] == {}


def test_the_hash_of_an_id_is_the_same_everywhere() -> None:
    traces = traces_from_spans([PlainSpan("a", trace_id="case-17", span_id="1.0")])
    with pytest.warns(LossWarning):
        (span,) = spans_of(documents(traces)[0])
    assert (span["traceId"], span["spanId"]) == ("8c4d829205691d53b28dd7ad839f9211", "bec9a06d1c986b42")


def test_a_link_to_a_foreign_id_finds_it(tmp_path: Path) -> None:
    columns = BatchColumns()
    columns.n_resources = 1
    columns.scopes.append((None, None))
    for number, name in enumerate("ab"):
        columns.spans.append(
            (f"case-{name}", f"1.{name}", None, name, 1, 0, None, number, number, 0, 0, None, *[0] * 4)
        )
    columns.links.append((1, "case-a", "1.a", None, 0, 0))
    builder = TracesBuilder()
    builder.add(columns.finish())
    with pytest.warns(LossWarning, match="2 linked ids"):
        path = to_otlp_proto(builder.finish(), tmp_path / "t.binpb")
    again = read_traces(path)
    link = again.link_table.frame.row(0, named=True)
    assert (link["trace_id"], link["span_id"]) == again.spans.select("trace_id", "span_id").row(0)
    assert again.decode(again.link_table.attributes.values_of(0, 0)) == {
        "fluo_lab.trace_id": "case-a",
        "fluo_lab.span_id": "1.a",
    }


def test_traces_known_to_lack_spans_are_counted() -> None:
    traces = traces_from_spans([PlainSpan("a")], incomplete=["0" * 31 + "1"])
    with pytest.warns(LossWarning, match="1 traces are known to lack spans"):
        encode_otlp_json(traces)


def test_times_before_1970_are_refused(tmp_path: Path) -> None:
    traces = traces_from_spans([PlainSpan("a", start_ns=-5, events=[PlainEvent("e", -7)])])
    for write in (to_otlp_json, to_otlp_proto):
        with pytest.raises(UsageError, match=r"1 spans and 1 events have times before 1970.*'0000000000000001'"):
            write(traces, tmp_path / "t")
    assert list(tmp_path.iterdir()) == []


def test_numbers_and_framings_that_cannot_be_meant_are_refused() -> None:
    with pytest.raises(UsageError, match="traces_per_line is 0"):
        encode_otlp_json(ONE, traces_per_line=0)
    with pytest.raises(UsageError, match="traces_per_message is -1"):
        encode_otlp_proto(ONE, traces_per_message=-1)
    with pytest.raises(UsageError, match="framing is 'little-endian', expected one of 'plain', 'big-endian', 'varint'"):
        encode_otlp_proto(ONE, framing="little-endian")  # type: ignore[arg-type]
