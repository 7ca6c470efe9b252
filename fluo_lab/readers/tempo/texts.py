"""Texts of Parquet files that are no UTF-8: Go writes any bytes as a string, and Polars trusts that a string is one."""

from __future__ import annotations

from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from fluo_lab.readers.report import Report

__all__ = ["check_schema_texts", "with_valid_texts"]


def check_schema_texts(file: pq.ParquetFile) -> None:
    """Make sure that names and metadata of a file are UTF-8, without which Polars panics.

    Raises
    ------
    UnicodeDecodeError
        One is not.
    """
    _check_metadata(file.metadata.metadata)
    _check_metadata(file.schema_arrow.metadata)
    fields = list(file.schema_arrow)
    while fields:
        field = fields.pop()
        field.name.encode()
        _check_metadata(field.metadata)
        fields += [field.type.field(i) for i in range(field.type.num_fields)]


def _check_metadata(metadata: dict[bytes, bytes] | None) -> None:
    for key, value in (metadata or {}).items():
        key.decode()
        value.decode()


def with_valid_texts(batch: pa.RecordBatch, report: Report) -> pa.RecordBatch:
    """Return a batch whose texts are UTF-8: what is none is read with a replacement character for each wrong byte.

    Raises
    ------
    ArrowInvalid
        Something else than a text is wrong.
    """
    try:
        batch.validate(full=True)
    except pa.ArrowInvalid:
        columns = [_mended(column, report) for column in batch.columns]
        batch = pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
        batch.validate(full=True)
    return batch


def _mended(array: Any, report: Report) -> Any:
    """Return an array with all texts in it, at any depth, valid."""
    kind = array.type
    if pa.types.is_struct(kind):
        names = [kind.field(i).name for i in range(kind.num_fields)]
        parts = [_mended(part, report) for part in array.flatten()]
        return pa.StructArray.from_arrays(parts, names=names, mask=array.is_null())
    if pa.types.is_list(kind):
        return pa.ListArray.from_arrays(array.offsets, _mended(array.values, report), mask=array.is_null())
    if pa.types.is_large_list(kind):
        return pa.LargeListArray.from_arrays(array.offsets, _mended(array.values, report), mask=array.is_null())
    is_large = pa.types.is_large_string(kind)
    if not is_large and not pa.types.is_string(kind):
        return array
    try:
        array.validate(full=True)
    except pa.ArrowInvalid:
        raw = array.view(pa.large_binary() if is_large else pa.binary()).to_pylist()
        texts = [None if data is None else data.decode("utf-8", errors="replace") for data in raw]
        wrong = [data for data, text in zip(raw, texts, strict=True) if text is not None and text.encode() != data]
        report.add("text that is not UTF-8, read with replacement characters", n=len(wrong), sample=wrong[0])
        return pl.Series(texts, dtype=pl.String).to_arrow(compat_level=pl.CompatLevel.oldest())
    return array
