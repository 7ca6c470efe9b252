"""Small good files of every format, each as a tree of records that tests may change and write again."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import zstandard

from golden.base import Bytes, Golden, Message, Raw, write_lines, write_one, write_pretty
from golden.jaeger import jaeger_answer, jaeger_documents, jaeger_protobuf
from golden.otlp import big_endian, delimited, legacy, messages, otlp_entries, plain, requests, zstd_frames
from golden.records import flat_records, javascript_records, python_records
from golden.tables import (
    ParquetWriter,
    Table,
    csv_spans,
    deeptralog,
    nezha,
    own_table,
    table_rows,
    table_schema,
    tempo_rows,
    tempo_schema,
    tracevae,
    write_csv,
)
from golden.zipkin import zipkin_shared, zipkin_span, zipkin_v1

__all__ = ["GOLDEN", "Bytes", "Golden", "Message", "Raw", "Table"]


def _packed(pack: Callable[[bytes], bytes], write: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    return lambda tree: pack(write(tree))


def _gzip(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def _zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


def _separate(value: Any) -> Any:
    """Return a tree in which no part stands twice, so that a change of one is a change of one."""
    if isinstance(value, list):
        return type(value)(_separate(item) for item in value)
    return {key: _separate(item) for key, item in value.items()} if isinstance(value, dict) else value


def _all() -> list[Golden]:
    own = own_table()
    goldens = [
        Golden("otlp-lines", requests(), write_lines),
        Golden("otlp-pretty", [{"resourceSpans": otlp_entries()}], write_pretty, 3),
        Golden("otlp-array", [requests()], write_one, 2),
        Golden("otlp-legacy", [legacy({"resourceSpans": otlp_entries()})], write_one, 3),
        Golden("otlp-batches", [{"batches": otlp_entries()}], write_one, 3),
        Golden("otlp-lines-gz", requests(), _packed(_gzip, write_lines)),
        Golden("otlp-lines-zst", requests(), _packed(_zstd, write_lines)),
        Golden("protobuf-plain", messages(), plain),
        Golden("protobuf-big-endian", messages(), big_endian),
        Golden("protobuf-varint", messages(), delimited),
        Golden("protobuf-zstd", messages(), zstd_frames),
        Golden("protobuf-plain-gz", messages(), _packed(_gzip, plain)),
        Golden("jaeger-ui", jaeger_answer(), write_one, 3),
        Golden("jaeger-documents", jaeger_documents(), write_lines),
        Golden("jaeger-protobuf-json", jaeger_protobuf(), write_one),
        Golden("zipkin-v2", [[zipkin_span(i) for i in range(5)]], write_one, 2),
        Golden("zipkin-lists", [[[zipkin_span(i) for i in r] for r in ((0, 1, 2), (3, 4))]], write_pretty, 3),
        Golden("zipkin-shared", zipkin_shared(), write_one, 2, is_joint=True),
        Golden("zipkin-v1", zipkin_v1(), write_one, 2),
        Golden("records-python", python_records(), write_pretty),
        Golden("records-javascript", javascript_records(), write_one, 2),
        Golden("records-flat", flat_records(), write_lines),
        Golden("csv", csv_spans(), write_csv()),
        Golden("csv-semicolon", csv_spans(), write_csv(";", quoting=csv.QUOTE_ALL)),
        Golden("csv-zst", csv_spans(), _packed(_zstd, write_csv())),
        Golden("nezha", nezha(), write_csv()),
        Golden("deeptralog", deeptralog(), write_csv()),
        Golden("tracevae", tracevae(), write_csv()),
        Golden("parquet-own", own.to_pylist(), ParquetWriter(own.schema)),
        Golden("parquet-table", table_rows(), ParquetWriter(table_schema())),
        Golden("parquet-tempo", tempo_rows(), ParquetWriter(tempo_schema())),
    ]
    return [replace(golden, tree=_separate(golden.tree)) for golden in goldens]


GOLDEN: Final = {golden.name: golden for golden in _all()}
"""The files by their names."""
