"""The format of our own Parquet files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from fluo_lab.errors import InputError
from fluo_lab.readers.batch_check import check_batch
from fluo_lab.readers.report import Report
from fluo_lab.readers.source import Source
from fluo_lab.readers.tempo.texts import check_schema_texts
from fluo_lab.traces import SpanBatch
from fluo_lab.traces.parquet import OWN_FORMAT, is_own_parquet, read_batches, read_findings

__all__ = ["OwnParquet"]


class OwnParquet:
    """Parquet as ``Traces`` writes it."""

    name = OWN_FORMAT

    def recognise_file(self, path: Path) -> bool:
        """Return whether it is a Parquet file that fluo_lab wrote."""
        try:
            return is_own_parquet(path)
        except (pa.ArrowException, OSError, ValueError):  # names of columns may be no UTF-8
            return False

    def read(self, source: Source, report: Report) -> Iterator[SpanBatch]:
        """Yield the spans in batches.

        Raises
        ------
        InputError
            The file is damaged.
        """
        try:
            with pq.ParquetFile(source.path) as file:
                check_schema_texts(file)
            report.findings = read_findings(source.path)
            for batch in read_batches(source.path):
                yield check_batch(batch, report)
        except (pa.ArrowException, OSError, pl.exceptions.PolarsError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{source.name}: a damaged Parquet file: {error}") from error
        source.on_bytes(source.path.stat().st_size)
