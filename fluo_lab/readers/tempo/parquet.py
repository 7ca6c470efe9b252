"""The format of Grafana Tempo's blocks: ``data.parquet``, one row a trace, versions vParquet2 to vParquet5."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from fluo_lab.errors import InputError
from fluo_lab.readers.report import Report
from fluo_lab.readers.source import Source
from fluo_lab.readers.tempo.dedicated import DedicatedColumns, read_dedicated_columns
from fluo_lab.readers.tempo.spans import read_piece
from fluo_lab.readers.tempo.texts import check_schema_texts, with_valid_texts
from fluo_lab.traces import SpanBatch

__all__ = ["TempoParquet"]

_MAGIC: Final = b"PAR1"
_COLUMNS: Final = ("TraceID", "rs")
_PIECE_TRACES = 2_000


class TempoParquet:
    """Tempo's ``data.parquet``, read some thousand traces at a time.

    Dedicated columns get their names from the ``meta.json`` beside the file; without it their values are kept under
    the names of the columns. What is computed from the spans (nested sets, statistics, rounded times) is not read.
    Blocks hold no flags, and blocks that were not compacted yet may repeat each other's spans.
    """

    name = "Tempo Parquet block"

    def recognise_file(self, path: Path) -> bool:
        """Return whether a file is Parquet with the columns of a Tempo block."""
        try:
            with path.open("rb") as file:
                if file.read(len(_MAGIC)) != _MAGIC:
                    return False
            return _is_block(pq.read_schema(path))
        except (pa.ArrowException, OSError, ValueError):  # names of columns may be no UTF-8
            return False

    def read(self, source: Source, report: Report) -> Iterator[SpanBatch]:
        """Yield the spans in batches.

        Raises
        ------
        InputError
            The file is damaged, or no block.
        """
        try:
            with pq.ParquetFile(source.path) as file:
                check_schema_texts(file)
                if not _is_block(file.schema_arrow):
                    raise InputError(f"{source.name}: a Parquet file without the columns of a Tempo block")
                dedicated = _dedicated_columns(file.schema_arrow, source.path, report)
                for group in range(file.num_row_groups):
                    # A row group may be hundreds of megabytes, so it is read in pieces too.
                    for piece in file.iter_batches(_PIECE_TRACES, row_groups=[group], columns=list(_COLUMNS)):
                        yield read_piece(pl.DataFrame(with_valid_texts(piece, report)), dedicated, report)
        except (pa.ArrowException, OSError, pl.exceptions.PolarsError, ValueError, TypeError, KeyError) as error:
            raise InputError(f"{source.name}: a damaged Tempo block, or one of another version: {error}") from error
        source.on_bytes(source.path.stat().st_size)


def _is_block(schema: pa.Schema) -> bool:
    """Return whether a schema has the spans of traces where blocks have them."""
    if not set(_COLUMNS) <= set(schema.names) or not pa.types.is_binary(schema.field("TraceID").type):
        return False
    spans = _inner(schema.field("rs").type, "ss", "Spans")
    return spans is not None and {"SpanID", "StartTimeUnixNano", "DurationNano"} <= _names(spans)


def _inner(kind: Any, *path: str) -> Any:
    """Return the struct in a list of structs, along a path of further such lists; None where there is none."""
    for name in (None, *path):
        if name is not None:
            if name not in _names(kind):
                return None
            kind = kind.field(name).type
        if not pa.types.is_list(kind) or not pa.types.is_struct(kind.value_type):
            return None
        kind = kind.value_type
    return kind


def _names(struct: Any) -> set[str]:
    return {struct.field(i).name for i in range(struct.num_fields)}


def _dedicated_columns(schema: pa.Schema, path: Path, report: Report) -> DedicatedColumns:
    """Return what the dedicated columns hold; names with options have columns only where columns are lists."""
    spans = _inner(schema.field("rs").type, "ss", "Spans")
    columns = spans.field("DedicatedAttributes").type if "DedicatedAttributes" in _names(spans) else pa.struct([])
    is_static = "HttpMethod" in _names(spans)
    has_lists = any(pa.types.is_list(columns.field(i).type) for i in range(columns.num_fields))
    return read_dedicated_columns(path, report, has_options=has_lists or not is_static)
