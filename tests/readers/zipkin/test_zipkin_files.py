"""Zipkin JSON is known by its content; any records and all real files are read."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from zipkin_records import MERGED, SPLIT, load, make_side

from fluo_lab.readers.report import Report
from fluo_lab.readers.source import Source
from fluo_lab.readers.zipkin.json import ZipkinJson
from fluo_lab.traces import SpanKind


@pytest.mark.parametrize(
    "head",
    [
        b'[{"traceId":"1","id":"2","localEndpoint":{"serviceName":"a"}}]',
        b' {"id":"2","name":"x","traceId":"1","timestamp":5}',
        b'[[],[{"traceId":"1","id":"2","parentId":"3"}]]',
        b'[{"traceId":"1"},{"traceId":"1","id":"2","tags":{"spanId":"x","resourceSpans":"y"},"kind":"CLIENT"}]',
        b'[{"traceId":"1","id":"2","annotations":[{"timestamp":1,"value":"sr","endpoint":{}}]}]',
        b'[{"traceId":"1","id":"2","binaryAnnotations":[{"key":"spanId","va',
        b'[{"traceId":"1","id":"2","timestamp":1,"name":"cut off in a \\"str',
        b'"x"}\n{"traceId":"1","id":"2","timestamp":1}\n',
    ],
)
def test_zipkin_is_known_by_its_fields(head: bytes) -> None:
    assert ZipkinJson().recognise(head)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"[]",
        b"{}",
        b"traceId,id\n1,2",
        b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"1","id":"2","timestamp":1}]}]}]}',
        b'{"data":[{"traceID":"1","spans":[{"traceID":"1","spanID":"2","startTime":1}]}]}',
        b'[{"traceId":"1","spanId":"2","id":"3","timestamp":5}]',
        b'{"traceId":"1","id":"2","timestamp":5,"message":"a log line","level":"INFO"}',
        b'{"traceId":"1","id":"2"}',
        b'{"tags":{"traceId":"1","id":"2","timestamp":5}}',
    ],
)
def test_other_content_is_not_taken_for_zipkin(head: bytes) -> None:
    assert not ZipkinJson().recognise(head)


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=60))
def test_no_bytes_confuse_recognition(tail: bytes) -> None:
    head = b'[{"traceId":"1","id":"2","localEndpoint":{}' + tail
    assert isinstance(ZipkinJson().recognise(head), bool)


_scalars = (
    st.none()
    | st.booleans()
    | st.integers(-5, 2**64)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=3)
)
_anything = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
_ids = st.sampled_from(["1", "2", "3", "0", "G", ""]) | _anything
_endpoints = st.sampled_from([{"serviceName": "a"}, {"serviceName": "b", "port": 80}, {"ipv4": "1.2.3.4"}]) | _anything
_times = st.integers(0, 9) | _anything
_core = st.sampled_from(["cs", "sr", "ss", "cr", "ms", "mr", "ws", "wr", "x"])
_annotation = st.fixed_dictionaries({"value": _core, "timestamp": _times}, optional={"endpoint": _endpoints})
_binary = st.fixed_dictionaries(
    {"key": st.sampled_from(["ca", "sa", "ma", "lc", "k", "error"])},
    optional={"value": _anything, "endpoint": _endpoints, "type": st.sampled_from(["I64", "BOOL", "BYTES"])},
)
_records = st.fixed_dictionaries(
    {"traceId": _ids, "id": _ids},
    optional={
        "parentId": _ids,
        "name": st.text(max_size=3) | _anything,
        "kind": st.sampled_from(["CLIENT", "SERVER", "PRODUCER", "CONSUMER"]) | _anything,
        "timestamp": _times,
        "duration": _times,
        "localEndpoint": _endpoints,
        "remoteEndpoint": _endpoints,
        "shared": st.booleans() | _anything,
        "annotations": st.lists(_annotation, max_size=4) | _anything,
        "binaryAnnotations": st.lists(_binary, max_size=4) | _anything,
        "tags": st.dictionaries(st.sampled_from(["error", "otel.status_code", "k", ""]), _anything, max_size=3),
    },
)


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records=st.lists(_records, max_size=8))
def test_no_record_of_a_good_trace_is_lost_without_a_word(tmp_path: Path, plain_of: Any, records: list[Any]) -> None:
    path = tmp_path / "any.json"
    path.write_text(json.dumps([records]), encoding="utf-8")
    report = Report("any.json")
    spans = plain_of(ZipkinJson().read(Source(path, "any.json"), report))
    problems = {problem.what: problem.n for problem in report.problems()}
    refused = sum(n for what, n in problems.items() if what.endswith("; span not read"))
    merged = problems.get(MERGED, 0)
    assert len(spans) >= len(records) - refused - merged
    assert all(span["start_ns"] <= span["end_ns"] for span in spans)
    unlike = sum(n for what, n in problems.items() if what.startswith("span id that unlike spans"))
    assert len({(span["trace_id"], span["span_id"]) for span in spans}) >= len(spans) - unlike


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), n=st.integers(2, 12))
def test_a_chain_of_shared_calls_is_one_chain_in_any_order(tmp_path: Path, seed: int, n: int) -> None:
    records = []
    for call in range(n):
        parent = f"{call:x}" if call else ...
        for kind, service, shared in (("CLIENT", call, ...), ("SERVER", call + 1, True)):
            records.append(
                make_side(f"s{service}", f"{call + 1:x}", kind=kind, shared=shared, parentId=parent, timestamp=call + 1)
            )
    random.Random(seed).shuffle(records)
    path = tmp_path / "chain.json"
    path.write_bytes(orjson.dumps(records))
    traces = load(path)
    assert sorted(traces.structure.depth.tolist()) == list(range(2 * n))


def test_real_files_of_other_formats_are_left_alone(shared: Path) -> None:
    with (shared / "data/MANIFEST.tsv").open() as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if not row["format"].startswith("zipkin")]
    taken = [row["file"] for row in rows if ZipkinJson().recognise(Source(shared / "data" / row["file"], "x").head)]
    assert len(rows) > 100
    assert taken == []


def test_the_large_real_trace_becomes_one_tree_of_calls(shared: Path) -> None:
    traces = load(shared / "data/zipkin/smartthings-mobile-web-install.json")
    table = traces.table
    parent = table["parent_row"].to_numpy()
    kind, service = table["kind"].to_numpy(), table["service"].to_numpy()
    crossing = (parent >= 0) & (service != service[parent])
    pairs = list(zip(kind[parent[crossing]].tolist(), kind[crossing].tolist(), strict=True))
    assert ((parent == -1).sum(), (parent == -2).sum(), traces.structure.depth.max()) == (1, 0, 38)
    assert pairs.count((SpanKind.CLIENT, SpanKind.SERVER)) == 294
    assert len(pairs) == 296
    assert table["span_id"].n_unique() == 957
    assert dict(traces.problems.select("what", "n").iter_rows()) == {
        MERGED: 84,
        SPLIT: 294,
        "span without a duration, read as 0": 91,
    }


def test_the_skewed_real_trace_is_a_chain(shared: Path) -> None:
    traces = load(shared / "data/zipkin/skew.json")
    by_depth = sorted(zip(traces.structure.depth.tolist(), traces.spans["name"], strict=True))
    assert by_depth == [(0, "get"), (1, "post"), (2, "post"), (3, "async")]
