"""Any bytes give traces or an ``InputError``, never another exception."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, TracesData

from fluo_lab.errors import InputError
from fluo_lab.readers import read_traces

SPAN = {
    "traceId": "5b8efff798038103d269b633813fc60c",
    "spanId": "eee19b7ec3c1b174",
    "name": "charge",
    "kind": 2,
    "startTimeUnixNano": "1544712660000000000",
    "endTimeUnixNano": "1544712661000000000",
    "attributes": [
        {"key": "a", "value": {"stringValue": "x"}},
        {"key": "b", "value": {"intValue": "5"}},
        {"key": "c", "value": {"arrayValue": {"values": [{"boolValue": True}]}}},
    ],
    "events": [{"name": "e", "timeUnixNano": "1"}],
    "status": {"code": 2},
}
REQUEST = {"resourceSpans": [{"resource": {"attributes": []}, "scopeSpans": [{"scope": {}, "spans": [SPAN]}]}]}
LINES = (json.dumps(REQUEST, separators=(",", ":")) + "\n").encode() * 6
PRETTY = json.dumps(REQUEST, indent=2).encode()


def _protobuf() -> bytes:
    pairs = [KeyValue(key="a", value=AnyValue(string_value="x")), KeyValue(key="b", value=AnyValue(int_value=5))]
    span = Span(trace_id=b"t" * 16, span_id=b"s" * 8, name="op", start_time_unix_nano=5, attributes=pairs)
    return TracesData(resource_spans=[ResourceSpans(scope_spans=[ScopeSpans(spans=[span] * 3)])]).SerializeToString()


MESSAGE = _protobuf()
GOLDEN = {
    "lines": LINES,
    "pretty": PRETTY,
    "array": b"[" + b",\n".join([PRETTY] * 2) + b"]",
    "gzip": gzip.compress(LINES, mtime=0),
    "zstd": zstandard.ZstdCompressor().compress(LINES),
    "plain": MESSAGE,
    "big-endian": (len(MESSAGE).to_bytes(4, "big") + MESSAGE) * 3,
    "varint": (bytes([len(MESSAGE) & 0x7F | 0x80, len(MESSAGE) >> 7]) + MESSAGE) * 3,
}
TOKENS = [
    b"null",
    b"{}",
    b"[]",
    b'"',
    b"\\",
    b"1e999",
    b"-1",
    b"\n",
    b"\x00",
    b"\xff",
    b"true",
    b'"x":1,',
    b"\xed\xa0\x80",
]
EDITS = st.lists(
    st.tuples(st.integers(0, 1 << 30), st.integers(0, 12), st.binary(max_size=4) | st.sampled_from(TOKENS)),
    min_size=1,
    max_size=5,
)


def _read(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    try:
        traces = read_traces(path)
    except InputError as error:
        if str(path) not in str(error):
            pytest.fail(f"the message does not name the file: {error}")
    else:
        assert traces.spans.height == traces.n_spans


def test_the_golden_files_themselves_are_read(tmp_path: Path) -> None:
    for name, data in GOLDEN.items():
        (tmp_path / name).write_bytes(data)
        traces = read_traces(tmp_path / name)
        assert traces.n_spans > 0, name
        assert traces.problems.height == 0, name


@pytest.mark.parametrize("name", GOLDEN)
@given(edits=EDITS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_mutated_golden_files_give_traces_or_an_input_error(tmp_path: Path, name: str, edits) -> None:
    data = GOLDEN[name]
    for at, removed, added in edits:
        at %= len(data) + 1
        data = data[:at] + added + data[at + removed :]
    _read(tmp_path / "file", data)


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_bytes_give_traces_or_an_input_error(tmp_path: Path, data: bytes) -> None:
    _read(tmp_path / "file", data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*SPAN, "resource", "scopeSpans", "spans", "key", "value", "zz"]), inner, max_size=4
        )
    ),
    max_leaves=10,
)


@given(JSON, JSON, JSON)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_json_of_any_shape_gives_traces_or_an_input_error(tmp_path: Path, a, b, c) -> None:
    odd = [
        {"resourceSpans": a},
        {"resourceSpans": [{"resource": a, "scopeSpans": b}]},
        {"resourceSpans": [{"scopeSpans": [{"scope": a, "spans": [b, {**SPAN, "attributes": a, "events": [c]}]}]}]},
    ]
    _read(tmp_path / "file", b"\n".join(json.dumps(line).encode() for line in odd))
