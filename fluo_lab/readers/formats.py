"""The formats that are read, and finding out by its content which one a file has."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, Protocol

from fluo_lab.errors import InputError
from fluo_lab.readers.jaeger.json import JaegerJson
from fluo_lab.readers.otlp.json import OtlpJson
from fluo_lab.readers.otlp.protobuf import OtlpProtobuf
from fluo_lab.readers.own_parquet import OwnParquet
from fluo_lab.readers.records.records import SpanRecords
from fluo_lab.readers.report import Report
from fluo_lab.readers.source import Source
from fluo_lab.readers.tables.csv import CsvTable
from fluo_lab.readers.tables.parquet import ParquetTable
from fluo_lab.readers.tables.research import DeepTraLogCsv, NezhaCsv, TraceVaeCsv
from fluo_lab.readers.tempo.parquet import TempoParquet
from fluo_lab.readers.zipkin.json import ZipkinJson
from fluo_lab.traces import SpanBatch

__all__ = ["FORMATS", "PARQUET_FORMATS", "Format", "ParquetFormat", "Reader", "find_format"]


class Reader(Protocol):
    """Reads files of one format."""

    @property
    def name(self) -> str:
        """What people call the format."""
        ...

    def read(self, source: Source, report: Report) -> Iterator[SpanBatch]:
        """Yield the spans in batches.

        Raises
        ------
        InputError
            Nothing in the file could be read.
        """
        ...


class Format(Reader, Protocol):
    """A way traces are written to files that shows at their beginning."""

    def recognise(self, head: bytes) -> bool:
        """Return whether content that starts so is of this format."""
        ...


class ParquetFormat(Reader, Protocol):
    """A way traces are written to Parquet files, which the schema at their end tells."""

    def recognise_file(self, path: Path) -> bool:
        """Return whether a Parquet file is of this format."""
        ...


FORMATS: Final[tuple[Format, ...]] = (
    ZipkinJson(),
    OtlpJson(),
    JaegerJson(),
    SpanRecords(),
    NezhaCsv(),
    DeepTraLogCsv(),
    TraceVaeCsv(),
    CsvTable(),
    OtlpProtobuf(),
)
"""Asked in this order; the first that recognises a file reads it."""

PARQUET_FORMATS: Final[tuple[ParquetFormat, ...]] = (OwnParquet(), TempoParquet(), ParquetTable())
"""Asked in this order of files that begin as Parquet does."""

_PARQUET_MAGIC: Final = b"PAR1"
# Formats that are known by sight only: a pattern in the head and the name.
_KNOWN_BY_SIGHT: Final = (
    (re.compile(rb"\A\s*[\[{]"), "JSON of another kind"),
    (re.compile(rb"\A(?:\xff\xfe|\xfe\xff)"), "text in UTF-16"),
    (re.compile(rb"\APK\x03\x04"), "a ZIP archive; unpack it first"),
    (
        re.compile(rb"\A[^\n\x00,;\t|]*[,;\t|][^\n\x00]*\n"),
        "a table without a column of trace ids; name it with columns=",
    ),
)
_SHOWN_BYTES = 40


def find_format(source: Source, *, columns: Mapping[str, str] | None = None) -> Reader:
    """Return what reads a file, judged by its content alone.

    Parameters
    ----------
    columns
        A table's columns by our names. The file is then taken for a table, whatever its columns are called.

    Raises
    ------
    InputError
        The file is empty, unreadable, or of no format that is read.
    """
    head = source.head
    is_parquet = head.startswith(_PARQUET_MAGIC)
    if columns is not None:
        if not is_parquet and head.lstrip()[:1] in (b"{", b"["):
            raise InputError(f"{source.name}: JSON, but columns= names the columns of CSV or Parquet; leave it out")
        return ParquetTable(columns=columns) if is_parquet else CsvTable(columns=columns)
    if is_parquet:
        found: Reader | None = next((one for one in PARQUET_FORMATS if one.recognise_file(source.path)), None)
    else:
        found = next((one for one in FORMATS if one.recognise(head)), None)
    if found is not None:
        return found
    if is_parquet:
        raise InputError(
            f"{source.name}: a Parquet file that is damaged or has no column of trace ids; "
            "if it is a table of spans, name its columns with columns="
        )
    sight = next((name for pattern, name in _KNOWN_BY_SIGHT if pattern.search(head)), None)
    known = ", ".join(one.name for one in (*FORMATS, *PARQUET_FORMATS))
    look = f"looks like {sight}, which is not read" if sight else "no known format"
    raise InputError(
        f"{source.name}: {look}; it begins with {head[:_SHOWN_BYTES]!r}. Formats read: {known}, "
        "also compressed with gzip or zstd. Export the traces as OTLP/JSON"
    )
