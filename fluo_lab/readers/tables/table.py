"""Tables with a span in each row, whatever their columns are called: from frames to batches, column by column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

import numpy as np
import orjson
import polars as pl

from fluo_lab.errors import InputError
from fluo_lab.readers.columns import AttributeColumns
from fluo_lab.readers.records.values import add_attributes
from fluo_lab.readers.report import Report
from fluo_lab.readers.tables.columns import (
    KIND_WORDS,
    NO_PARENT,
    SCALES,
    STATUS_WORDS,
    ColumnMap,
    map_columns,
)
from fluo_lab.readers.tables.names import with_plain_names
from fluo_lab.readers.tables.times import MAX_EXACT_DOUBLE, UnitSurvey, parse_times
from fluo_lab.readers.tables.values import attribute_rows, merge_rows, typed_values
from fluo_lab.traces import AttributeRows, SpanBatch
from fluo_lab.traces.schema import RAW_SPANS, SCOPES

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TableReading", "read_table"]

_BLOCK_ROWS = 100_000
_ONE_RESOURCE: Final = pl.Series([0], dtype=pl.UInt32)


def read_table(
    frame: pl.DataFrame | pd.DataFrame, *, columns: Mapping[str, str] | None = None, report: Report
) -> Iterator[SpanBatch]:
    """Yield the spans of a table in batches.

    Typed columns keep their types: whole numbers become INT, others DOUBLE, dates and times RFC 3339 text, bytes
    base64, lists arrays and structs key-value lists. Columns called ``attributes``, ``tags`` or ``resource`` that hold
    structs, maps or JSON objects are unpacked. A column of no known name is a span attribute; null is missing.
    Hexadecimal ids become lower case, other texts stay, whole numbers become decimal text. A parent that is null,
    empty, ``0``, ``-1``, ``root`` or zeros is none. A kind or status that is none of OTLP's is kept as an attribute.

    Parameters
    ----------
    frame
        One row a span.
    columns
        The table's columns by our names, as in ``{"trace_id": "TraceID", "start_ns": "ts", "attr.amount": "amount"}``;
        what it leaves out is recognised by its usual names.
    report
        Takes what could not be taken as it is; ``line`` is the number of the row, from 1.

    Raises
    ------
    InputError
        A necessary column is missing or ambiguous, or not one row could be read.
    """
    if not isinstance(frame, pl.DataFrame):
        try:
            frame = pl.from_pandas(frame)
        except (TypeError, ValueError) as error:
            raise InputError(f"{report.file}: a pandas column holds values of several types: {error}") from error
    mapped = map_columns(frame.columns, columns, source=report.file)
    frame = with_plain_names(frame)
    survey = UnitSurvey(mapped)
    survey.add(frame)
    reading = TableReading(mapped, survey.finish(report), report)
    for block in frame.iter_slices(_BLOCK_ROWS):
        lines = pl.Series(range(reading.n_rows + 1, reading.n_rows + block.height + 1), dtype=pl.Int64)
        yield reading.to_batch(block, lines)
    reading.check()


class TableReading:
    """Makes batches of the blocks of one table.

    Parameters
    ----------
    columns
        Which column is which.
    scales
        Nanoseconds in the unit of each time column, from ``UnitSurvey``.
    report
        Takes the problems.
    """

    def __init__(self, columns: ColumnMap, scales: Mapping[str, int], report: Report) -> None:
        self._columns = columns
        self._scales = scales
        self._report = report
        self.n_rows = 0
        self.n_spans = 0

    def check(self) -> None:
        """Raise when there were rows and not one was a span.

        Raises
        ------
        InputError
            With what was wrong.
        """
        if self.n_rows and not self.n_spans:
            faults = "; ".join(problem.what for problem in self._report.problems())
            raise InputError(f"{self._report.file}: not one of {self.n_rows} rows could be read: {faults}")

    def to_batch(self, frame: pl.DataFrame, lines: pl.Series) -> SpanBatch:
        """Return the spans of a block; rows without ids or readable times are reported and left out.

        Parameters
        ----------
        lines
            The place of each row.
        """
        self.n_rows += frame.height
        block = _Block(frame, lines, self._columns, self._report)
        trace_id, span_id = block.ids("trace_id"), block.ids("span_id")
        start, end, lasts = self._times(block)
        is_good = trace_id.is_not_null() & span_id.is_not_null() & start.is_not_null() & end.is_not_null()
        if not is_good.all():
            trace_id, span_id, start, end, lasts, lines = (
                values.filter(is_good) for values in (trace_id, span_id, start, end, lasts, lines)
            )
            block = _Block(frame.filter(is_good), lines, self._columns, self._report)
        self.n_spans += len(start)
        block.fault(end < start, "row whose end is before its start; kept as it is")
        pieces = list(block.differing_durations(lasts, end - start, self._scales))
        kind = block.words("kind", KIND_WORDS, pieces)
        status = block.words("status", STATUS_WORDS, pieces)
        name = block.texts("name")
        block.fault(name.is_null(), "row without a name; read as an empty one")
        resource, n_resources, of_resources = block.resources()
        scope, scopes = block.scopes()
        spans = pl.DataFrame(
            {
                "trace_id": trace_id,
                "span_id": span_id,
                "parent_span_id": block.parents(),
                "name": name.fill_null(""),
                "kind": kind,
                "status": status,
                "status_message": block.texts("status_message"),
                "start_ns": start,
                "end_ns": end,
                "resource": resource,
                "scope": scope,
                "trace_state": block.texts("trace_state"),
                **{
                    field: block.counts(field)
                    for field in ("flags", "dropped_attributes", "dropped_events", "dropped_links")
                },
            },
            schema=RAW_SPANS,
        )
        pieces += block.unpacked("attributes", block.frame)
        for key, column in self._columns.attributes.items():
            pieces += block.attribute(key, block.frame[column])
        return SpanBatch(
            spans=spans,
            attributes=merge_rows(pieces),
            n_resources=n_resources,
            resource_attributes=merge_rows(of_resources),
            scopes=scopes,
        )

    def _times(self, block: _Block) -> tuple[pl.Series, pl.Series, pl.Series]:
        """Return starts, ends and durations; a start or an end that cannot be read is null and reported."""
        start, has_start = block.times(self._columns.find("start"), self._scales)
        end, has_end = block.times(self._columns.find("end"), self._scales)
        lasts, has_lasts = block.times(self._columns.find("duration"), self._scales)
        block.fault(~has_start, "row without a start; not read")
        block.fault(~has_end & ~has_lasts, "row without an end or a duration; read as ending when it starts")
        after = start + lasts
        after = after.set(after < start, None)
        return start, end.zip_with(has_end, after.zip_with(has_lasts, start)), lasts


class _Block:
    """Some rows of a table, seen through the names of the parts of a span."""

    def __init__(self, frame: pl.DataFrame, lines: pl.Series, columns: ColumnMap, report: Report) -> None:
        self.frame = frame
        self._lines = lines
        self._columns = columns
        self._report = report

    def fault(self, is_here: pl.Series, what: str, *, sample: pl.Series | None = None) -> None:
        """Report the rows where something is so; the first one gives place and sample."""
        n = is_here.sum()
        if n:
            first = is_here.arg_max() or 0
            self._report.locate(line=self._lines[first])
            self._report.add(what, n=int(n), sample=None if sample is None else str(sample[first]))

    def _column(self, name: str | None) -> pl.Series:
        """Return the column of one of our names; all null where there is none."""
        column = self._columns.fields.get(name or "")
        if column is None:
            return pl.Series([None], dtype=pl.String).new_from_index(0, self.frame.height)
        values = self.frame[column]
        if values.dtype.is_nested() or values.dtype == pl.Object:
            raise InputError(f"{self._report.file}: the column {column!r} for {name!r} holds {values.dtype}, not texts")
        # Frames from pandas write a missing number so.
        return values.fill_nan(None) if values.dtype.is_float() else values

    def texts(self, name: str) -> pl.Series:
        """Return texts; an empty one is null."""
        values = _text(self._column(name))
        return values.set(values == "", None)

    def ids(self, name: str) -> pl.Series:
        """Return ids; a missing one is null and reported."""
        values = self._column(name)
        found = _plain_ids(values)
        what = name.replace("_", " ")
        self.fault(found.is_null() & values.is_null(), f"row without a {what}; not read")
        self.fault(
            found.is_null() & values.is_not_null(), f"{what} that is empty or zeros; row not read", sample=values
        )
        if values.dtype.is_float():
            self.fault(values.abs() > MAX_EXACT_DOUBLE, f"{what} that is a floating-point number and has lost digits")
        return found

    def parents(self) -> pl.Series:
        """Return the ids of parents, null for roots."""
        found = _plain_ids(self._column("parent_span_id"))
        return found.set(found.str.to_lowercase().is_in(sorted(NO_PARENT)), None)

    def times(self, name: str | None, scales: Mapping[str, int]) -> tuple[pl.Series, pl.Series]:
        """Return times or durations in nanoseconds, null where there is none; and whether the cell holds something."""
        values = self._column(name)
        if values.dtype == pl.String:
            values = values.set(values == "", None)
        is_given = values.is_not_null()
        what = (name or "").partition("_")[0]
        found, is_zoneless = parse_times(values, scales.get(name or ""), is_length=what == "duration")
        self.fault(is_zoneless, f"{what} without a time zone, read as UTC", sample=values)
        tail = "read as missing" if what == "duration" and self._columns.find("end") else "row not read"
        self.fault(
            is_given & found.is_null(), f"{what} that is not exact in nanoseconds, or no time; {tail}", sample=values
        )
        return found, is_given

    def words(self, name: str, words: Mapping[str, int], pieces: list[AttributeRows]) -> pl.Series:
        """Return kinds or status codes; an unknown one is 0, and kept as an attribute."""
        values = self._column(name)
        texts = _text(values).str.strip_chars()
        bare = texts.str.to_uppercase().str.replace(r"^(?:SPAN_?KIND|STATUS_?CODE)[_.]", "")
        found = bare.replace_strict(dict(words), default=None, return_dtype=pl.UInt8)
        is_unknown = found.is_null() & (texts != "")
        self.fault(is_unknown, f"unknown span {name}, read as none and kept as an attribute", sample=texts)
        if is_unknown.any():
            pieces += self.attribute(self._columns.fields[name], values.set(~is_unknown, None))
        return found.fill_null(0)

    def counts(self, name: str) -> pl.Series:
        """Return numbers that are 0 where there is none."""
        texts = self.texts(name)
        found = texts.cast(pl.UInt32, strict=False)
        self.fault(found.is_null() & texts.is_not_null(), f"{name} that is no number, read as 0", sample=texts)
        return found.fill_null(0)

    def differing_durations(
        self, lasts: pl.Series, length: pl.Series, scales: Mapping[str, int]
    ) -> Iterator[AttributeRows]:
        """Yield attributes of the durations that are not what start and end say, to within one unit."""
        name = self._columns.find("duration")
        if name is None or self._columns.find("end") is None:
            return
        differs = ((lasts - length).abs() >= max(scales.get(name, 1), SCALES["us"])).fill_null(value=False)
        self.fault(
            differs, "duration that is not end minus start; the end counts, the duration is kept as an attribute"
        )
        if differs.any():
            column = self._columns.fields[name]
            yield from self.attribute(column, self.frame[column].set(~differs, None))

    def scopes(self) -> tuple[pl.Series, pl.DataFrame]:
        """Return the scope of each row, and the scopes."""
        frame = pl.DataFrame({"name": self.texts("scope_name"), "version": self.texts("scope_version")}, schema=SCOPES)
        codes, first = _group(frame)
        return codes, frame[first]

    def resources(self) -> tuple[pl.Series, int, list[AttributeRows]]:
        """Return the resource of each row, how many there are, and their attributes."""
        fields, keyed = self._columns.fields, self._columns.resource
        columns = list(dict.fromkeys([*(fields[n] for n in ("resource", "service") if n in fields), *keyed.values()]))
        if not columns:
            return _ONE_RESOURCE.new_from_index(0, self.frame.height), 1, []
        codes, first = _group(self.frame.select(columns))
        distinct = _Block(self.frame[first], self._lines.gather(first), self._columns, self._report)
        pieces = distinct.unpacked("resource", distinct.frame)
        for key, column in keyed.items():
            pieces += distinct.attribute(key, distinct.frame[column])
        pieces += distinct.attribute("service.name", distinct.texts("service"))
        return codes, len(first), pieces

    def unpacked(self, name: str, frame: pl.DataFrame) -> list[AttributeRows]:
        """Return the attributes in a column of structs, maps, lists of pairs or JSON objects."""
        column = self._columns.fields.get(name)
        if column is None:
            return []
        values = frame[column]
        if values.dtype == pl.Map:
            values = values.to_physical()
        if isinstance(values.dtype, pl.Struct):
            return [piece for part in values.struct.unnest() for piece in self.attribute(part.name, part.alias(""))]
        inner = values.dtype.inner if isinstance(values.dtype, pl.List) else None
        if isinstance(inner, pl.Struct) and {field.name for field in inner.fields} == {"key", "value"}:
            lengths = values.list.len().fill_null(0)
            pairs = values.filter(lengths > 0).explode()
            owners = pl.Series(np.repeat(np.arange(len(values), dtype=np.uint32), lengths.to_numpy()))
            return self._rows(pairs.struct.field("key"), pairs.struct.field("value"), owners)
        return self._parsed(column, values) if values.dtype == pl.String else self.attribute(column, values)

    def _parsed(self, column: str, values: pl.Series) -> list[AttributeRows]:
        """Return the attributes in JSON objects; a text that is none stays one attribute."""
        into = AttributeColumns()
        is_text = np.zeros(len(values), dtype=np.bool_)
        for row, text in enumerate(values.to_list()):
            if text:
                try:
                    value = orjson.loads(text)
                except orjson.JSONDecodeError:
                    value = None
                is_text[row] = not add_attributes(value, into, row, self._report)
        texts = values.set(~pl.Series(is_text), None)
        self.fault(texts.is_not_null(), f"{column} that are no JSON object; kept as one text attribute", sample=values)
        return [into.finish(), *self.attribute(column, texts)]

    def attribute(self, key: str, values: pl.Series) -> list[AttributeRows]:
        """Return the rows of one attribute; null is missing."""
        keys = pl.Series([key], dtype=pl.String).new_from_index(0, len(values))
        return self._rows(keys, values, pl.Series(np.arange(len(values), dtype=np.uint32)))

    def _rows(self, keys: pl.Series, values: pl.Series, owners: pl.Series) -> list[AttributeRows]:
        """Return attribute rows of a column; ``owners`` are row numbers."""
        pieces = []
        for value_type, payload, note in typed_values(values):
            is_here = payload.is_not_null() & keys.is_not_null()
            if not is_here.any():
                continue
            if note is not None:
                first = is_here.arg_max() or 0
                self._report.locate(line=self._lines[owners[first]])
                self._report.add(f"attribute that is {note}", n=int(is_here.sum()), sample=keys[first])
            pieces.append(
                attribute_rows(keys.filter(is_here), value_type, payload.filter(is_here), owners.filter(is_here))
            )
        return pieces


def _text(values: pl.Series) -> pl.Series:
    """Return a column as texts; whole numbers lose the ``.0`` that a missing value elsewhere has given them."""
    if values.dtype.is_float():
        whole = values.cast(pl.Int64, strict=False)
        return whole.cast(pl.String).zip_with(
            (whole.cast(pl.Float64) == values).fill_null(value=False), values.cast(pl.String)
        )
    if values.dtype == pl.Binary:
        return values.bin.encode("hex")
    return values.cast(pl.String)


def _plain_ids(values: pl.Series) -> pl.Series:
    """Return ids as ``plain_id`` of ``columns`` does; absent ones are null."""
    id_ = pl.col("id")
    digits = id_.str.replace(r"^0[xX]([0-9a-fA-F]+)$", "${1}")
    found = pl.when(digits.str.contains(r"^[0-9a-fA-F]+$")).then(digits.str.to_lowercase()).otherwise(id_)
    frame = pl.DataFrame({"id": _text(values)}).select(found.alias("id"))
    return frame.select(pl.when(~id_.str.contains(r"^(?:0{16,})?$")).then(id_))["id"]


def _group(frame: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """Return the number of each row's group of equal rows, and the first row of each group."""
    rows = frame.with_row_index("_row").group_by(frame.columns, maintain_order=True).agg(pl.col("_row"))["_row"]
    codes = np.empty(frame.height, dtype=np.uint32)
    codes[rows.explode().to_numpy()] = np.repeat(np.arange(len(rows), dtype=np.uint32), rows.list.len().to_numpy())
    return pl.Series(codes), rows.list.first()
