"""Real files from public projects load to the numbers measured independently of this reader."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from same_traces import assert_same_traces

from fluo_lab.errors import InputError
from fluo_lab.readers import read_traces

# What a manifest's row is recognised as.
FORMAT_NAMES = {
    "otlp-json": "OTLP/JSON",
    "otlp-jsonl": "OTLP/JSON",
    "otlp-jsonl-mixed": "OTLP/JSON",
    "tempo-json": "OTLP/JSON",
    "otlp-pb": "OTLP protobuf",
    "otlp-pb-be32": "OTLP protobuf",
    "otlp-pb-delimited": "OTLP protobuf",
    "otlp-zstd-frames": "OTLP protobuf",
    "jaeger-json": "Jaeger JSON",
    "jaeger-other": "Jaeger JSON",
    "zipkin1-json": "Zipkin JSON",
    "zipkin2-json": "Zipkin JSON",
    "nezha-csv": "Nezha CSV",
    "other-span-json": "JSON span records",
    "otlp-span-list": "JSON span records",
    "dataprepper-json": "JSON span records",
    "signoz-jsonl": "JSON span records",
}
# Spans and traces that differ from the manifest's, which counts records, and why.
DIFFERENT: dict[str, tuple[int, int, str]] = {
    "zipkin/smartthings-mobile-web-install.json": (957, 1, "84 late records merged into server halves"),
    "trainticket_zipkin1/bin_ts-large-sample_error-normal_cancel-1.json": (5, 1, "2 records hold two sides"),
    "trainticket_zipkin1/bin_ts-large-sample_error-normal_cancel-2.json": (23, 1, "10 records hold two sides"),
    "trainticket_zipkin1/bin_ts-large-sample_error-normal_login.json": (5, 1, "2 records hold two sides"),
    "trainticket_zipkin1/bin_ts-large-sample_error-normal_order-other.json": (3, 1, "1 record holds two sides"),
    "trainticket_zipkin1/bin_ts-large-sample_error-normal_order.json": (3, 1, "1 record holds two sides"),
    "trainticket_zipkin1/example_zipkin_log_case1_success_example.json": (157, 1, "78 records hold two sides"),
    "trainticket_zipkin1/example_zipkin_log_case2_fail1_zipkin-upload.json": (3, 1, "1 record holds two sides"),
}


def test_the_demo_capture_gives_all_spans_and_names_what_is_no_trace(shared: Path) -> None:
    traces = read_traces(shared / "data/otel-demo/otel-tui_test_data.jsonl")
    assert (traces.n_spans, traces.n_traces) == (547, 141)
    assert dict(traces.problems.select("what", "n").iter_rows()) == {
        "not a trace: resourceMetrics line, skipped": 40,
        "not a trace: resourceLogs line, skipped": 16,
    }


def test_every_trace_file_gives_the_manifests_numbers(shared: Path) -> None:
    with (shared / "data/MANIFEST.tsv").open() as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["format"] != "labels"]
    assert len(rows) > 150
    assert {row["format"] for row in rows} <= FORMAT_NAMES.keys()
    wrong = {}
    for row in rows:
        name = row["file"]
        expected = *DIFFERENT.get(name, (int(row["spans"]), int(row["traces"])))[:2], FORMAT_NAMES[row["format"]]
        traces = read_traces(shared / "data" / name)
        found = traces.n_spans, traces.n_traces, traces.inputs[0].format
        if found != expected:
            wrong[name] = found, expected, traces.problems.to_dicts()
    assert not wrong


def test_files_that_hold_no_traces_are_refused(shared: Path) -> None:
    for name in ("nezha/2022-08-22-fault_list.json", "nezha/root_cause_hipster.json"):
        with pytest.raises(InputError, match="looks like JSON of another kind"):
            read_traces(shared / "data" / name)


@pytest.mark.parametrize(
    "name",
    [
        "oteldemo_delimited_varint.pb",
        "oteldemo_fileexporter_be32.pb",
        "oteldemo_fileexporter_legacy_zstd.bin",
        "oteldemo_legacy_ILS_batches.json",
        "oteldemo_protojson_base64.json",
        "oteldemo_single.binpb",
        "oteldemo_snake_case.json",
        "oteldemo_traces.jsonl.gz",
        "oteldemo_traces_native.jsonl.zst",
    ],
)
def test_every_encoding_of_the_demo_capture_gives_the_same_frames(shared: Path, name: str) -> None:
    found = read_traces(shared / "data/derived" / name)
    assert found.problem_list == ()
    assert_same_traces(found, read_traces(shared / "data/otel-demo/otel-tui_test_data.jsonl"))
