"""CSV files of published data sets for fault diagnosis: Nezha, DeepTraLog with SkyWalking's spans, and TraceVAE."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

import polars as pl
import pyarrow as pa

from fluo_lab.readers.report import Report
from fluo_lab.readers.source import Source
from fluo_lab.readers.tables.csv import find_header, read_csv
from fluo_lab.traces import SpanBatch

__all__ = ["DeepTraLogCsv", "NezhaCsv", "TraceVaeCsv"]

_SOURCE_STATUS = "status"


class _ResearchCsv:
    """A CSV file known by its header, whose columns need more than other names."""

    name: ClassVar[str]
    header: ClassVar[frozenset[str]]
    columns: ClassVar[Mapping[str, str]]

    def recognise(self, head: bytes) -> bool:
        """Return whether the first line has the names of this data set's columns."""
        found = find_header(head)
        return found is not None and self.header <= set(found.names)

    def read(self, source: Source, report: Report) -> Iterator[SpanBatch]:
        """Yield the spans in batches.

        Raises
        ------
        InputError
            Not one row could be read.
        """
        yield from read_csv(source, report, columns=self.columns, prepare=self.prepare)

    def prepare(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the rows with the columns that the mapping names."""
        raise NotImplementedError


class NezhaCsv(_ResearchCsv):
    """Nezha's traces (Yu et al., ESEC/FSE 2023; IntelligentDDS/Nezha, ``rca_data/*/trace/*.csv``).

    Header: ``TraceID, SpanID, ParentID, PodName, OperationName, StartTimeUnixNano, EndTimeUnixNano, Duration``; a
    root's parent is ``root``, durations are microseconds. The service is the name of the pod without the suffixes of
    its replica set and its own, and the pod is the resource's ``k8s.pod.name``. Files hold one minute each.
    """

    name = "Nezha CSV"
    header = frozenset({"TraceID", "SpanID", "ParentID", "PodName", "StartTimeUnixNano", "EndTimeUnixNano", "Duration"})
    columns: ClassVar[Mapping[str, str]] = {
        "service": "service",
        "resource.k8s.pod.name": "PodName",
        "duration_us": "Duration",
        "end_ns": "EndTimeUnixNano",
    }

    def prepare(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the rows with a column of services."""
        return frame.with_columns(service=pl.col("PodName").str.replace(r"-[a-z0-9]{1,10}-[a-z0-9]{5}$", ""))


class DeepTraLogCsv(_ResearchCsv):
    """DeepTraLog's traces (Zhang et al., ICSE 2022; FudanSELab/DeepTraLog, ``TraceLogData/*.zip``).

    Header: ``StartTime, EndTime, URL, SpanType, Service, SpanId, TraceId, Peer, ParentSpan, Component, IsError``.
    SkyWalking wrote the spans: times are milliseconds, ids ``uuid.thread.sequence`` and, for spans, the number in
    the segment behind it; parents in other processes stand with their full id, and a root's is ``-1``. Entry, Exit
    and Local spans are SERVER, CLIENT and INTERNAL. ``IsError`` is the status ERROR, its absence says nothing.
    """

    name = "DeepTraLog CSV"
    header = frozenset({"StartTime", "EndTime", "URL", "SpanType", "SpanId", "TraceId", "ParentSpan", "IsError"})
    columns: ClassVar[Mapping[str, str]] = {
        "name": "URL",
        "kind": "SpanType",
        "status": "status code",
        "start_ms": "StartTime",
        "end_ms": "EndTime",
    }

    def prepare(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the rows with status codes; a text that is none of ``True`` and ``False`` stays to be reported."""
        error = pl.col("IsError")
        words = {"true": "ERROR", "false": "UNSET"}
        return frame.with_columns(error.str.to_lowercase().replace(words).alias("status code")).drop("IsError")


class TraceVaeCsv(_ResearchCsv):
    """TraceVAE's traces (Xie et al., WWW 2023; NetManAIOps/TraceVAE@823316f, ``sample_dataset/*.csv``).

    Header: ``traceIdHigh, traceIdLow, parentSpanId, spanId, startTime, duration, nanosecond, DBhash, status,
    operationName, serviceName``, and labels in test files. The halves of a trace id are signed 64-bit numbers, of
    which the id has the hexadecimal digits; span ids are signed 32-bit numbers, a root's parent is 0. Starts are
    local times in whole seconds, read as UTC, with ``nanosecond`` in the second; durations are milliseconds, by
    which most children in the sample end within their parents. Services and operations are numbers that the data set
    gives for names. ``status`` is an HTTP status code or the name of an exception (``id_manager/status_id.yml``): 500
    and above and exceptions are ERROR, and the attribute ``status`` keeps what stood there.
    """

    name = "TraceVAE CSV"
    header = frozenset({"traceIdHigh", "traceIdLow", "spanId", "parentSpanId", "startTime", "nanosecond", "duration"})
    columns: ClassVar[Mapping[str, str]] = {
        "trace_id": "trace id",
        "start": "start",
        "duration_ms": "duration",
        "status": "status code",
        "attr.status": _SOURCE_STATUS,
    }

    def prepare(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the rows with whole trace ids, whole starts and status codes."""
        halves = [_hexadecimal(frame[half]) for half in ("traceIdHigh", "traceIdLow")]
        nanosecond = pl.col("nanosecond").str.pad_start(9, "0")
        if _SOURCE_STATUS not in frame.columns:
            frame = frame.with_columns(pl.lit(None, dtype=pl.String).alias(_SOURCE_STATUS))
        status = pl.col(_SOURCE_STATUS)
        is_error = status.str.contains(r"^5[0-9][0-9]$|[A-Za-z]")
        return frame.with_columns(
            (halves[0] + halves[1]).alias("trace id"),
            (pl.col("startTime") + "." + nanosecond).alias("start"),
            pl.when(is_error).then(pl.lit("ERROR")).otherwise(pl.lit("UNSET")).alias("status code"),
        ).drop("traceIdHigh", "traceIdLow", "startTime", "nanosecond")


def _hexadecimal(numbers: pl.Series) -> pl.Series:
    """Return signed 64-bit numbers as sixteen hexadecimal digits; null where they are none."""
    whole = numbers.cast(pl.Int64, strict=False)
    data = whole.fill_null(0).to_numpy().astype(">i8").tobytes()
    raw = pa.FixedSizeBinaryArray.from_buffers(pa.binary(8), len(whole), [None, pa.py_buffer(data)])
    digits = pl.Series(pl.from_arrow(raw)).cast(pl.Binary).bin.encode("hex")
    return digits.set(whole.is_null(), None)
