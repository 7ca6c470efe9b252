"""The OTLP encoder against the official messages and their official JSON."""

import base64
import math
from typing import Any

import orjson
import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanKind, StatusCode

from fluo_lab.errors import UsageError
from fluo_lab.worlds.live.otlp import encode_json_line, encode_request

ID_KEYS = {"traceId", "spanId", "parentSpanId"}


@pytest.fixture(scope="module")
def requests() -> list[ExportTraceServiceRequest]:
    """What two services export, batch by batch."""
    made = []
    for name in ("shop", "stock"):
        exporter = InMemorySpanExporter()
        provider = TracerProvider(resource=Resource({"service.name": name, "service.version": "1.2"}))
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        tracer = provider.get_tracer("tests", "0.1")
        for number in range(12):
            with tracer.start_as_current_span("POST /orders/{id}", kind=SpanKind.SERVER) as outer:
                outer.set_attributes({"n": number, "share": number / 7, "is_even": number % 2 == 0, "tags": ["a", "ü"]})
                with tracer.start_as_current_span(
                    "work", links=[Link(outer.get_span_context(), {"why": "so"})]
                ) as inner:
                    inner.add_event("seen", {"count": 2**40 + number})
                    inner.set_status(StatusCode.ERROR, 'it "broke"')
            if number % 4 == 3:
                made.append(encode_request(exporter.get_finished_spans()))
                exporter.clear()
        provider.shutdown()
    return made


def to_base64_ids(node: Any) -> Any:
    """Hexadecimal ids as the base64 that generic protobuf JSON wants."""
    if isinstance(node, dict):
        return {
            key: base64.b64encode(bytes.fromhex(value)).decode() if key in ID_KEYS else to_base64_ids(value)
            for key, value in node.items()
        }
    return [to_base64_ids(item) for item in node] if isinstance(node, list) else node


def test_every_json_line_parses_back_to_the_very_message_it_came_from(
    requests: list[ExportTraceServiceRequest],
) -> None:
    for request in requests:
        document = orjson.loads(encode_json_line(request))
        parsed = json_format.ParseDict(to_base64_ids(document), ExportTraceServiceRequest())
        assert parsed == request


def test_the_json_agrees_with_the_official_writer(requests: list[ExportTraceServiceRequest]) -> None:
    for request in requests:
        official = json_format.MessageToDict(request, use_integers_for_enums=True)
        assert to_base64_ids(orjson.loads(encode_json_line(request))) == official


def test_ids_are_hexadecimal_and_64_bit_integers_are_text(requests: list[ExportTraceServiceRequest]) -> None:
    lines = b"".join(map(encode_json_line, requests))
    span = orjson.loads(lines.splitlines()[0])["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    assert len(bytes.fromhex(span["traceId"])) == 16
    assert len(bytes.fromhex(span["spanId"])) == 8
    assert isinstance(span["startTimeUnixNano"], str)
    assert isinstance(span["kind"], int)
    assert b'"intValue":"' in lines
    assert b'"intValue":1' not in lines


def test_every_kind_of_attribute_value_survives_the_round_trip() -> None:
    request = ExportTraceServiceRequest()
    attributes = request.resource_spans.add().resource.attributes
    attributes.add(key="text").value.string_value = 'a "quoted" ü'
    attributes.add(key="big").value.int_value = -(2**63)
    attributes.add(key="whole").value.double_value = 5.0
    attributes.add(key="false").value.bool_value = False
    attributes.add(key="raw").value.bytes_value = b"\x00\xff"
    attributes.add(key="list").value.array_value.values.add().int_value = 1
    attributes.add(key="map").value.kvlist_value.values.add(key="k").value.string_value = ""
    attributes.add(key="nothing").value.SetInParent()
    attributes.add(key="infinite").value.double_value = -math.inf
    attributes.add(key="nan").value.double_value = math.nan
    document = orjson.loads(encode_json_line(request))
    assert document == json_format.MessageToDict(request)
    parsed = json_format.ParseDict(document, ExportTraceServiceRequest())
    assert parsed.SerializeToString() == request.SerializeToString()


def test_an_unfinished_span_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match=r"'half done'.*only finished spans"):
        encode_request([ReadableSpan("half done", resource=Resource({}))])
