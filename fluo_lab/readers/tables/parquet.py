"""Other people's Parquet files with a span in each row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from fluo_lab.errors import InputError
from fluo_lab.readers.report import Report
from fluo_lab.readers.source import Source
from fluo_lab.readers.tables.columns import field_of, map_columns
from fluo_lab.readers.tables.names import plain_name, with_plain_names
from fluo_lab.readers.tables.table import TableReading
from fluo_lab.readers.tables.times import UnitSurvey
from fluo_lab.readers.tempo.texts import check_schema_texts, with_valid_texts
from fluo_lab.traces import SpanBatch

__all__ = ["ParquetTable"]

_MAGIC = b"PAR1"
_BLOCK_ROWS = 100_000


class ParquetTable:
    """A Parquet file with a span in each row, read block by block; types and names are those of ``read_table``.

    Parameters
    ----------
    columns
        The table's columns by our names, as for ``read_table``.
    """

    name = "Parquet table"

    def __init__(self, *, columns: Mapping[str, str] | None = None) -> None:
        self._columns = columns

    def recognise(self, head: bytes) -> bool:
        """Return whether it is a Parquet file; what is in it stands at its end, see ``recognise_file``."""
        return head.startswith(_MAGIC)

    def recognise_file(self, path: Path) -> bool:
        """Return whether a file is Parquet with a column of trace ids.

        A nested column is none: Grafana Tempo's blocks have one trace a row.
        """
        try:
            schema = pq.read_schema(path)
        except (pa.ArrowException, OSError, ValueError):  # names of columns may be no UTF-8
            return False
        return any(field_of(field.name) == "trace_id" for field in schema) and "rs" not in schema.names

    def read(self, source: Source, report: Report) -> Iterator[SpanBatch]:
        """Yield the spans in batches.

        Raises
        ------
        InputError
            The file is damaged, a necessary column is missing or ambiguous, or not one row could be read.
        """
        try:
            with pq.ParquetFile(source.path) as file:
                check_schema_texts(file)
                yield from self._read(file, source, report)
        except (pa.ArrowException, OSError, pl.exceptions.PolarsError, UnicodeDecodeError) as error:
            raise InputError(f"{source.name}: a damaged Parquet file: {error}") from error

    def _read(self, file: pq.ParquetFile, source: Source, report: Report) -> Iterator[SpanBatch]:
        names = file.schema_arrow.names
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise InputError(f"{source.name}: several columns are called {repeated[0]!r}; a table's names must differ")
        mapped = map_columns(names, self._columns, source=source.name)
        units = UnitSurvey(mapped)
        if units.columns:
            looked_at = [name for name in names if plain_name(name) in units.columns]
            for batch in file.iter_batches(_BLOCK_ROWS, columns=looked_at):
                # What is met is counted at the second reading.
                units.add(_frame(batch, Report(source.name)))
        reading = TableReading(mapped, units.finish(report), report)
        for batch in file.iter_batches(_BLOCK_ROWS):
            first = reading.n_rows + 1
            lines = pl.Series(range(first, first + batch.num_rows), dtype=pl.Int64)
            yield reading.to_batch(_frame(batch, report), lines)
        source.on_bytes(source.path.stat().st_size)
        reading.check()


def _frame(batch: pa.RecordBatch, report: Report) -> pl.DataFrame:
    return with_plain_names(pl.DataFrame(pl.from_arrow(with_valid_texts(batch, report))))
