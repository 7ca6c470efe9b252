"""The format of our own Parquet files."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
import pyarrow as pa

from fluo_lab.errors import InputError
from fluo_lab.readers.report import Report
from fluo_lab.readers.source import Source
from fluo_lab.traces import SpanBatch
from fluo_lab.traces.parquet import is_own_parquet, read_batches, read_declared

__all__ = ["OwnParquet"]

_MAGIC = b"PAR1"


class OwnParquet:
    """Parquet as ``Traces`` writes it."""

    name = "fluo_lab's own Parquet"

    def recognise(self, head: bytes) -> bool:
        """Return whether it is a Parquet file, whoever wrote it."""
        return head.startswith(_MAGIC)

    def read(self, source: Source, report: Report) -> Iterator[SpanBatch]:
        """Yield the spans in batches.

        Raises
        ------
        InputError
            The file is damaged, or somebody else's Parquet.
        """
        try:
            if not is_own_parquet(source.path):
                raise InputError(
                    f"{source.name}: a Parquet file that fluo_lab did not write, which is not read; "
                    "export the traces as OTLP/JSON"
                )
            report.incomplete.update(read_declared(source.path))
            yield from read_batches(source.path)
        except (pa.ArrowException, OSError, pl.exceptions.PolarsError, ValueError, KeyError) as error:
            raise InputError(f"{source.name}: a damaged Parquet file: {error}") from error
