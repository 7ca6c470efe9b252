"""Large files: every repetition is a system of its own, and both formats hold the same spans."""

from collections import Counter
from pathlib import Path

import orjson
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from fluo_lab.errors import UsageError
from fluo_lab.worlds import simulate_checkout, write_scaled

SPANS = 6_000
TEMPLATE_TRACES = 170


def read_frames(path: Path) -> list[ExportTraceServiceRequest]:
    data, at, requests = path.read_bytes(), 0, []
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        requests.append(ExportTraceServiceRequest.FromString(data[at + 4 : at + 4 + size]))
        at += 4 + size
    return requests


def spans_of(requests: list[ExportTraceServiceRequest]) -> list[Span]:
    return [s for q in requests for r in q.resource_spans for scope in r.scope_spans for s in scope.spans]


def text(span: Span, key: str) -> str | None:
    return next((a.value.string_value for a in span.attributes if a.key == key), None)


@pytest.fixture(scope="module")
def spans(tmp_path_factory: pytest.TempPathFactory) -> list[Span]:
    path = tmp_path_factory.mktemp("scale") / "many.pb"
    written = write_scaled(path, spans=SPANS)
    found = spans_of(read_frames(path))
    assert written == len(found) >= SPANS
    return found


def test_ids_are_unique_and_parents_and_links_follow_them(spans: list[Span]) -> None:
    ids = {(s.trace_id, s.span_id) for s in spans}
    assert len(ids) == len({s.span_id for s in spans}) == len(spans)
    assert {(s.trace_id, s.parent_span_id) for s in spans if s.parent_span_id} <= ids
    assert {(link.trace_id, link.span_id) for s in spans for link in s.links} <= ids


def test_repetitions_differ_in_ids_and_times_only(spans: list[Span]) -> None:
    names = Counter(s.name for s in spans)
    simulated = spans_of(list(simulate_checkout(seed=7, n_traces=TEMPLATE_TRACES).requests))
    turns = len(spans) // len(simulated)
    assert turns >= 2
    assert names == Counter({name: n * turns for name, n in Counter(s.name for s in simulated).items()})
    durations = sorted(s.end_time_unix_nano - s.start_time_unix_nano for s in spans)
    once = sorted(s.end_time_unix_nano - s.start_time_unix_nano for s in simulated)
    assert durations == sorted(once * turns)


def test_the_first_repetition_is_the_simulation_itself(spans: list[Span]) -> None:
    simulated = spans_of(list(simulate_checkout(seed=7, n_traces=TEMPLATE_TRACES).requests))
    assert spans[: len(simulated)] == simulated


def test_no_shop_id_is_shared_between_traces(spans: list[Span]) -> None:
    for key in ("payment_intent_id", "cart.id", "order.id"):
        traces = {(value, s.trace_id) for s in spans if (value := text(s, key))}
        assert len(traces) == len({value for value, _ in traces}) > 100


def test_json_and_protobuf_hold_the_same_spans(tmp_path: Path) -> None:
    write_scaled(tmp_path / "a.jsonl", spans=3_000)
    write_scaled(tmp_path / "a.pb", spans=3_000)
    from_json = [
        (s["traceId"], s["spanId"], s.get("parentSpanId", ""), s["name"], s["startTimeUnixNano"])
        for line in (tmp_path / "a.jsonl").read_bytes().splitlines()
        for r in orjson.loads(line)["resourceSpans"]
        for scope in r["scopeSpans"]
        for s in scope["spans"]
    ]
    from_protobuf = [
        (s.trace_id.hex(), s.span_id.hex(), s.parent_span_id.hex(), s.name, str(s.start_time_unix_nano))
        for s in spans_of(read_frames(tmp_path / "a.pb"))
    ]
    assert from_json == from_protobuf


def test_equal_seeds_give_equal_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_scaled(tmp_path / f"{name}.jsonl", spans=2_000, seed=4)
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


@pytest.mark.parametrize(("name", "spans"), [("a.csv", 10), ("a.jsonl", 0)])
def test_a_name_or_number_that_cannot_be_meant_is_refused(tmp_path: Path, name: str, spans: int) -> None:
    with pytest.raises(UsageError):
        write_scaled(tmp_path / name, spans=spans)
    assert not (tmp_path / name).exists()
