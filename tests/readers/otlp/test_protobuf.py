"""OTLP protobuf: its framings, damage, and agreement with OTLP/JSON."""

from __future__ import annotations

import base64
from pathlib import Path

import orjson
import pytest
import zstandard
from google.protobuf import json_format
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, TracesData

from fluo_lab.errors import InputError
from fluo_lab.readers import read_traces
from fluo_lab.readers.columns import BatchColumns
from fluo_lab.readers.otlp.framing import Framing, find_framing
from fluo_lab.readers.otlp.messages import MessageWalk
from fluo_lab.readers.otlp.protobuf import MessageReader
from fluo_lab.readers.report import Report


def _message(n_spans: int, *, first: int = 1) -> bytes:
    spans = [
        Span(trace_id=b"t" * 16, span_id=(first + i).to_bytes(8, "big"), name="op", start_time_unix_nano=2**60 + i)
        for i in range(n_spans)
    ]
    return TracesData(resource_spans=[ResourceSpans(scope_spans=[ScopeSpans(spans=spans)])]).SerializeToString()


def _varint(n: int) -> bytes:
    out = b""
    while n >= 0x80:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def _plain(messages: list[bytes]) -> bytes:
    return b"".join(messages)


def _big_endian(messages: list[bytes]) -> bytes:
    return b"".join(len(m).to_bytes(4, "big") + m for m in messages)


def _delimited(messages: list[bytes]) -> bytes:
    return b"".join(_varint(len(m)) + m for m in messages)


def _zstd(messages: list[bytes]) -> bytes:
    return _big_endian([zstandard.ZstdCompressor().compress(m) for m in messages])


FRAMINGS = [
    (_plain, Framing.PLAIN),
    (_big_endian, Framing.BIG_ENDIAN),
    (_delimited, Framing.VARINT),
    (_zstd, Framing.BIG_ENDIAN),
]


@pytest.mark.parametrize(("frame", "framing"), FRAMINGS)
@pytest.mark.parametrize("sizes", [[1], [3, 2], [1, 400, 2], [5000, 5000]])
def test_each_framing_is_found_and_read(tmp_path: Path, frame, framing, sizes) -> None:
    messages = [_message(n, first=1 + sum(sizes[:i])) for i, n in enumerate(sizes)]
    data = frame(messages)
    assert find_framing(data[: 1 << 16]) is framing
    (tmp_path / "a").write_bytes(data)
    traces = read_traces(tmp_path / "a")
    assert (traces.n_spans, traces.problems.height) == (sum(sizes), 0)


def test_a_first_message_of_ten_bytes_is_not_taken_for_a_plain_file() -> None:
    ten = TracesData(resource_spans=[ResourceSpans(schema_url="abcdef")]).SerializeToString()
    assert len(ten) == 10
    assert find_framing(_delimited([ten, _message(2)])) is Framing.VARINT
    assert find_framing(ten + _message(2)) is Framing.PLAIN


@pytest.mark.parametrize(("frame", "framing"), FRAMINGS)
def test_a_cut_off_file_keeps_what_came_before(tmp_path: Path, frame, framing) -> None:
    data = frame([_message(10), _message(20, first=100), _message(5, first=200)])
    (tmp_path / "a").write_bytes(data[:-7])
    traces = read_traces(tmp_path / "a")
    assert traces.n_spans == 30
    assert "the file ends within a message" in traces.problems["what"][0]


@pytest.mark.parametrize(("frame", "framing"), FRAMINGS[1:])
def test_a_damaged_message_costs_only_itself(tmp_path: Path, frame, framing) -> None:
    good = [_message(2), _message(3, first=9)]
    bad = b"\x0a\x02\x12" + b"\xff" * 60
    if frame is _zstd:
        data = _zstd(good[:1]) + _big_endian([zstandard.ZstdCompressor().compress(bad)]) + _zstd(good[1:])
    else:
        data = frame([good[0], bad, good[1]])
    (tmp_path / "a").write_bytes(data)
    traces = read_traces(tmp_path / "a")
    assert traces.n_spans == 5
    assert traces.problems["what"].to_list() == ["a message that is no OTLP protobuf, not read"]


def test_framed_json_is_read_compressed_or_not(tmp_path: Path, request_line) -> None:
    lines = [request_line(spanId=f"{i + 1:016x}") for i in range(3)]
    for name, frame in (("a", _zstd), ("b", _big_endian)):
        (tmp_path / name).write_bytes(frame(lines))
        traces = read_traces(tmp_path / name)
        assert (traces.n_spans, traces.problems.height) == (3, 0)


def test_only_unreadable_messages_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(_big_endian([b"\x0a\xff\x00\x00"]))
    with pytest.raises(InputError, match="no message could be read"):
        read_traces(tmp_path / "a")


def _read_both_ways(plain_of, framing: Framing, messages: list[bytes]) -> list[object]:
    """Return spans and problems of the fast and of the exact reading, which are equal."""
    found = []
    for is_exact in (False, True):
        report = Report("a")
        reader = MessageReader(framing, report, is_exact=is_exact)
        batches = list(reader.add(list(enumerate(messages))))
        batches += reader.flush()
        found.append((plain_of(batches), report.problems(), reader.n_read))
    assert found[0] == found[1]
    return found[0][0]


ODD_MESSAGES = {
    "bytes that are no message": b"\x0a\x02\x12\xff",
    "text that is not UTF-8 in a name": _message(1).replace(b"op", b"\xff\xfe"),
    "an attribute that is no message": b"\x0a\x0c\x12\x0a\x12\x08\x4a\x02\x0a\xff\x2a\x02op",
    "a resource that is no message": b"\x0a\x04\x0a\x02\x0a\xff",
    "a resource in two parts": b"\x0a\x14\x0a\x07\x0a\x05\x0a\x01a\x12\x00\x0a\x09\x0a\x07\x0a\x01b\x12\x02\x10\x01",
    "an unknown field": _message(1) + b"\x9a\x3f\x01x",
    "no resource": b"",
}


@pytest.mark.parametrize("name", ODD_MESSAGES)
def test_an_odd_message_among_good_ones_reads_the_same_both_ways(plain_of, name: str) -> None:
    messages = [_message(2), _message(1, first=5), ODD_MESSAGES[name], _message(3, first=9)]
    assert len(_read_both_ways(plain_of, Framing.BIG_ENDIAN, messages)) >= 6


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": -1},
        {"kind": 300},
        {"status": {"code": 9}},
        {"status": {"code": 2, "message": "m"}},
        {"trace_id": b"\x00" * 16},
        {"trace_id": base64.b64decode("ab" * 24)},
        {"parent_span_id": b"xyz"},
        {"parent_span_id": b"\x00" * 8},
        {"end_time_unix_nano": 2**63},
        {"end_time_unix_nano": 2**63 - 1},
        {"attributes": [KeyValue(key="a")]},
        {"attributes": [KeyValue(value=AnyValue(int_value=1))]},
        {"attributes": [KeyValue(key="a", value=AnyValue(double_value=float("nan")))]},
        {"attributes": [KeyValue(key="a", value=AnyValue(string_value_strindex=1))]},
        {"events": [Span.Event(time_unix_nano=2**63), Span.Event(name="e")]},
        {"links": [Span.Link(trace_id=b"t" * 16, span_id=b"s" * 8, attributes=[KeyValue(key="a")]), Span.Link()]},
    ],
)
def test_an_odd_span_among_good_ones_reads_the_same_both_ways(plain_of, fields) -> None:
    span = Span(trace_id=b"t" * 16, span_id=b"s" * 8)
    span.MergeFrom(Span(**fields))
    odd = TracesData(resource_spans=[ResourceSpans(scope_spans=[ScopeSpans(spans=[span])])]).SerializeToString()
    assert len(_read_both_ways(plain_of, Framing.VARINT, [_message(2), odd, _message(4, first=9)])) >= 6


def test_faults_in_messages_are_named_as_in_json() -> None:
    report = Report("a")
    columns = BatchColumns()
    spans = [
        Span(trace_id=b"t" * 16, span_id=b"s" * 8, kind=9, parent_span_id=b"xyz"),  # type: ignore[arg-type]
        Span(trace_id=b"t" * 3, span_id=b"s" * 8),
        Span(trace_id=b"\x00" * 16, span_id=b"s" * 8),
        Span(trace_id=b"t" * 16),
        Span(trace_id=b"t" * 16, span_id=b"s" * 8, end_time_unix_nano=2**63),
        Span(trace_id=base64.b64decode("ab" * 16), span_id=b"s" * 8, attributes=[KeyValue(key="a"), KeyValue()]),
    ]
    MessageWalk(columns, report).add(ResourceSpans(scope_spans=[ScopeSpans(spans=spans)]))
    assert [row[0] for row in columns.spans] == [(b"t" * 16).hex(), "ab" * 16]
    assert columns.spans[0][2] == b"xyz".hex()
    assert {problem.what for problem in report.problems()} == {
        "unknown span kind, read as unspecified",
        "parent span id of 3 bytes, expected 16 hexadecimal digits; kept as it is",
        "trace id of 3 bytes, expected 32 hexadecimal digits; span not read",
        "trace id of zeros; span not read",
        "no span id; span not read",
        "span end with a whole number out of range, expected nanoseconds; span not read",
        "attribute without a value, read as missing",
        "attribute without a key, not read",
    }


TEXTS = st.text(max_size=5)
VALUES = st.recursive(
    st.one_of(
        st.builds(lambda v: AnyValue(string_value=v), TEXTS),
        st.builds(lambda v: AnyValue(int_value=v), st.integers(-(2**63), 2**63 - 1)),
        st.builds(lambda v: AnyValue(bool_value=v), st.booleans()),
        st.builds(lambda v: AnyValue(double_value=v), st.floats()),
        st.builds(lambda v: AnyValue(bytes_value=v), st.binary(max_size=5)),
        st.just(AnyValue()),
    ),
    lambda inner: st.one_of(
        st.builds(lambda v: AnyValue(array_value={"values": v}), st.lists(inner, max_size=3)),  # type: ignore[arg-type]
        st.builds(
            lambda v: AnyValue(kvlist_value={"values": [KeyValue(key=k, value=x) for k, x in v]}),  # type: ignore[arg-type]
            st.lists(st.tuples(TEXTS, inner), max_size=3),
        ),
    ),
    max_leaves=6,
)
PAIRS = st.lists(st.builds(KeyValue, key=TEXTS, value=VALUES), max_size=3)
UINT64 = st.integers(0, 2**64 - 1) | st.integers(0, 2**62)
UINT32 = st.integers(0, 2**32 - 1)
EVENTS = st.builds(Span.Event, name=TEXTS, time_unix_nano=UINT64, attributes=PAIRS, dropped_attributes_count=UINT32)
SPANS = st.builds(
    Span,
    trace_id=st.binary(min_size=16, max_size=16),
    span_id=st.binary(min_size=8, max_size=8),
    parent_span_id=st.binary(min_size=8, max_size=8) | st.just(b""),
    name=TEXTS,
    kind=st.integers(0, 5),
    start_time_unix_nano=UINT64,
    end_time_unix_nano=UINT64,
    attributes=PAIRS,
    events=st.lists(EVENTS, max_size=2),
    flags=UINT32,
    trace_state=TEXTS,
    dropped_attributes_count=UINT32,
)
DATA = st.builds(
    lambda resource, scope, spans: TracesData(
        resource_spans=[
            ResourceSpans(
                resource={"attributes": resource},  # type: ignore[arg-type]
                scope_spans=[ScopeSpans(scope={"name": scope}, spans=spans)],  # type: ignore[arg-type]
            )
        ]
    ),
    PAIRS,
    TEXTS,
    st.lists(SPANS, min_size=1, max_size=3),
)


@given(DATA)
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
def test_generated_messages_read_the_same_as_protobuf_and_as_json(tmp_path: Path, read_file, data: TracesData) -> None:
    (tmp_path / "pb").write_bytes(data.SerializeToString())
    # The official mapping writes base64 ids and enum names, which loads too.
    (tmp_path / "json").write_bytes(orjson.dumps(json_format.MessageToDict(data)))
    assert read_file(tmp_path / "pb") == read_file(tmp_path / "json")


@given(st.lists(DATA, min_size=1, max_size=5))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_generated_messages_read_the_same_both_ways(plain_of, messages: list[TracesData]) -> None:
    _read_both_ways(plain_of, Framing.VARINT, [message.SerializeToString() for message in messages])
    entries = [entry.SerializeToString() for message in messages for entry in message.resource_spans]
    _read_both_ways(plain_of, Framing.PLAIN, entries)
