"""Real files from public projects load to the numbers measured independently of this reader."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from fluo_lab.errors import InputError
from fluo_lab.readers import read_traces

READ_FORMATS = {"otlp-json", "otlp-jsonl", "otlp-jsonl-mixed", "otlp-pb", "otlp-pb-be32", "otlp-pb-delimited",
                "otlp-zstd-frames", "tempo-json"}  # fmt: skip
# Spans and traces that differ from the manifest's, and why.
DIFFERENT: dict[str, tuple[int, int, str]] = {}


def test_the_demo_capture_gives_all_spans_and_names_what_is_no_trace(shared: Path) -> None:
    traces = read_traces(shared / "data/otel-demo/otel-tui_test_data.jsonl")
    assert (traces.n_spans, traces.n_traces) == (547, 141)
    assert dict(traces.problems.select("what", "n").iter_rows()) == {
        "not a trace: resourceMetrics line, skipped": 40,
        "not a trace: resourceLogs line, skipped": 16,
    }


def test_every_file_of_a_known_format_gives_the_manifests_numbers(shared: Path) -> None:
    with (shared / "data/MANIFEST.tsv").open() as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["format"] in READ_FORMATS]
    assert len(rows) > 50
    wrong = {}
    for row in rows:
        name = row["file"]
        expected = DIFFERENT.get(name, (int(row["spans"]), int(row["traces"])))[:2]
        traces = read_traces(shared / "data" / name)
        if (traces.n_spans, traces.n_traces) != expected:
            wrong[name] = (traces.n_spans, traces.n_traces), expected, traces.problems.to_dicts()
    assert not wrong


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
def test_every_encoding_of_the_demo_capture_gives_the_same_spans(shared: Path, read_file, name: str) -> None:
    spans, problems = read_file(shared / "data/derived" / name)
    expected, _ = read_file(shared / "data/otel-demo/otel-tui_test_data.jsonl")
    assert problems == []
    assert spans == expected


def test_files_of_formats_not_read_yet_are_refused_by_name(shared: Path) -> None:
    for pattern, word in (("jaeger-ui/Trace*.json", "Jaeger"), ("zipkin/*.json", "Zipkin")):
        files = sorted((shared / "data").glob(pattern))
        assert files
        for file in files:
            with pytest.raises(InputError, match=word):
                read_traces(file)
