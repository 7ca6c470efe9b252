"""The fast reading of OTLP/JSON lines: Arrow's JSON parser under a fixed schema, flattened column by column.

Arrow refuses unknown fields, fields given twice and other types than the schema's. What it lets through although the
exact reading would not take it as it is (odd ids, empty values, hexadecimal integers, ``NaN``) is found here by row.
Nothing is repaired: odd lines are handed back for the exact reading.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json
from numpy.typing import NDArray

from fluo_lab.readers.ids import SPAN_ID_BYTES, TRACE_ID_BYTES
from fluo_lab.readers.otlp_arrow_values import OddRows, attribute_rows, parse_whole
from fluo_lab.traces import SpanBatch, SpanKind, StatusCode
from fluo_lab.traces.schema import EVENTS, LINKS, RAW_SPANS, SCOPES

__all__ = ["Misfit", "flatten", "parse_data"]

_TEXT, _INT = pa.string(), pa.int64()
_SCALARS = [
    ("stringValue", _TEXT),
    ("intValue", _TEXT),
    ("doubleValue", pa.float64()),
    ("boolValue", pa.bool_()),
]
_ARRAY = pa.struct([("values", pa.list_(pa.struct(_SCALARS)))])
_ATTRIBUTES = pa.list_(pa.struct([("key", _TEXT), ("value", pa.struct([*_SCALARS, ("arrayValue", _ARRAY)]))]))
_EVENT = pa.struct(
    [("timeUnixNano", _TEXT), ("name", _TEXT), ("attributes", _ATTRIBUTES), ("droppedAttributesCount", _INT)]
)
_LINK = pa.struct(
    [
        ("traceId", _TEXT),
        ("spanId", _TEXT),
        ("traceState", _TEXT),
        ("flags", _INT),
        ("attributes", _ATTRIBUTES),
        ("droppedAttributesCount", _INT),
    ]
)
_SPAN = pa.struct(
    [
        ("traceId", _TEXT),
        ("spanId", _TEXT),
        ("parentSpanId", _TEXT),
        ("traceState", _TEXT),
        ("flags", _INT),
        ("name", _TEXT),
        ("kind", _INT),
        ("startTimeUnixNano", _TEXT),
        ("endTimeUnixNano", _TEXT),
        ("attributes", _ATTRIBUTES),
        ("droppedAttributesCount", _INT),
        ("events", pa.list_(_EVENT)),
        ("droppedEventsCount", _INT),
        ("links", pa.list_(_LINK)),
        ("droppedLinksCount", _INT),
        ("status", pa.struct([("code", _INT), ("message", _TEXT)])),
    ]
)
_SCOPE = pa.struct([("name", _TEXT), ("version", _TEXT), ("attributes", _ATTRIBUTES), ("droppedAttributesCount", _INT)])
_SCOPE_SPANS = pa.struct([("scope", _SCOPE), ("spans", pa.list_(_SPAN)), ("schemaUrl", _TEXT)])
_RESOURCE = pa.struct([("attributes", _ATTRIBUTES), ("droppedAttributesCount", _INT)])
_RESOURCE_SPANS = pa.struct([("resource", _RESOURCE), ("scopeSpans", pa.list_(_SCOPE_SPANS)), ("schemaUrl", _TEXT)])
_SCHEMA: Final = pa.schema([("resourceSpans", pa.list_(_RESOURCE_SPANS))])

_PARSE: Final = pa.json.ParseOptions(explicit_schema=_SCHEMA, unexpected_field_behavior="error")
_MAX_BYTES = 1 << 30
_MAX_UINT32 = 2**32 - 1
# 1: a hexadecimal digit that is lower case or a number, 2: one that is upper case, 0: anything else.
_HEX_CLASS = np.zeros(256, dtype=np.uint8)
_HEX_CLASS[np.frombuffer(b"0123456789abcdef", dtype=np.uint8)] = 1
_HEX_CLASS[np.frombuffer(b"ABCDEF", dtype=np.uint8)] = 2

Owners = NDArray[np.int64]


class Misfit(ValueError):
    """Some of the lines do not fit the fixed schema; which ones is not known."""


def parse_data(data: bytes, n_lines: int) -> pa.Table:
    """Return one row a line.

    Parameters
    ----------
    data
        Valid UTF-8 without zero bytes, in lines that all start with ``{"resourceSpans"``. Then no line can end
        inside a string or an object of another one, and one row a line means one document a line.
    n_lines
        How many lines there are.

    Raises
    ------
    Misfit
        At least one line has another shape than the schema, or is no JSON.
    """
    if len(data) > _MAX_BYTES:
        raise Misfit(f"{len(data)} bytes at once are more than Arrow takes")
    read = pa.json.ReadOptions(block_size=len(data) + 1, use_threads=False)
    try:
        table = pa.json.read_json(pa.BufferReader(data), read_options=read, parse_options=_PARSE)
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise Misfit(str(error)) from error
    if table.num_rows != n_lines:
        raise Misfit(f"{n_lines} lines gave {table.num_rows} documents")
    return table


def flatten(table: pa.Table) -> tuple[SpanBatch, list[int]]:
    """Return the batch of all rows without oddities, and the rows with some, in order."""
    batch, odd = _flatten(table)
    if not odd.any():
        return batch, []
    kept = table.filter(pa.array(~odd))
    batch, _ = _flatten(kept)
    return batch, np.flatnonzero(odd).tolist()


@dataclass(frozen=True)
class _Level:
    """The objects of one level of nesting, with the object above and the table row each belongs to."""

    values: pa.StructArray
    owner: Owners
    row: Owners

    def field(self, name: str) -> pa.Array:
        return pc.struct_field(self.values, name)

    def explode(self, name: str, odd: OddRows) -> _Level:
        """Return the objects in a list field."""
        return self.explode_list(self.field(name), odd)

    def explode_list(self, lists: pa.Array, odd: OddRows) -> _Level:
        """Return the objects in a list given for each object here."""
        owner = pc.list_parent_indices(lists).to_numpy()
        below = _Level(pc.list_flatten(lists), owner, self.row[owner])
        if below.values.null_count:
            odd.mark(pc.is_null(below.values), below.row)
        return below

    def text(self, name: str) -> pa.Array:
        return pc.fill_null(self.field(name), "")

    def text_or_null(self, name: str) -> pl.Series:
        """Return a text field, null where missing or empty."""
        series = pl.Series(self.field(name), dtype=pl.String)
        return series.set(series == "", None) if (series == "").any() else series

    def time(self, name: str, odd: OddRows) -> NDArray[np.int64]:
        times, wrong = parse_whole(self.field(name), is_signed=False)
        odd.mark(wrong, self.row)
        return times

    def number(self, name: str, high: int, odd: OddRows) -> NDArray[np.int64]:
        return self.number_in(self.field(name), high, odd)

    def number_in(self, field: pa.Array, high: int, odd: OddRows) -> NDArray[np.int64]:
        numbers: NDArray[np.int64] = pc.fill_null(field, 0).to_numpy(zero_copy_only=False)
        wrong = (numbers < 0) | (numbers > high)
        odd.mark(wrong, self.row)
        return np.where(wrong, 0, numbers)

    def id(self, name: str, n_bytes: int, odd: OddRows, *, is_optional: bool = False) -> pl.Series:
        """Return ids in lower case; null where absent, which is odd unless optional."""
        texts = self.text(name)
        digits = 2 * n_bytes
        length = pc.binary_length(texts).to_numpy()
        odd.mark((length != digits) & ~(is_optional & (length == 0)), self.row)
        _, offset_buffer, data_buffer = texts.buffers()
        offsets = np.frombuffer(offset_buffer, dtype=np.int32)[texts.offset : texts.offset + len(texts) + 1]
        if len(texts) and offsets[-1] > offsets[0]:
            letters = np.frombuffer(data_buffer, dtype=np.uint8)[offsets[0] : offsets[-1]]
            classes = _HEX_CLASS[letters]
            if not classes.all():
                wrong = np.searchsorted(offsets, np.flatnonzero(classes == 0) + offsets[0], side="right") - 1
                odd.mark_at(wrong, self.row)
            if classes.max() > 1:
                texts = pc.ascii_lower(texts)
        absent = pc.or_(pc.equal(texts, "0" * digits), pc.equal(texts, ""))
        if is_optional:
            return pl.Series(pc.if_else(absent, pa.scalar(None, _TEXT), texts), dtype=pl.String)
        odd.mark(absent, self.row)
        return pl.Series(texts, dtype=pl.String)


def _flatten(table: pa.Table) -> tuple[SpanBatch, NDArray[np.bool_]]:
    """Return the batch of all rows, and which rows are odd; where any is, the batch is of no use."""
    odd = OddRows(table.num_rows)
    column = table.column("resourceSpans").combine_chunks()
    rows = np.arange(table.num_rows)
    top = _Level(pa.StructArray.from_arrays([column], ["resourceSpans"]), rows, rows)
    resources = top.explode("resourceSpans", odd)
    scopes = resources.explode("scopeSpans", odd)
    spans = scopes.explode("spans", odd)
    events = spans.explode("events", odd)
    links = spans.explode("links", odd)
    resource = _Level(resources.field("resource"), resources.owner, resources.row)
    scope = _Level(scopes.field("scope"), scopes.owner, scopes.row)
    batch = SpanBatch(
        spans=_span_frame(spans, scopes, odd),
        attributes=_attributes(spans, odd),
        n_resources=len(resources.values),
        resource_attributes=_attributes(resource, odd),
        scopes=_frame({"name": scope.text_or_null("name"), "version": scope.text_or_null("version")}, SCOPES),
        scope_attributes=_attributes(scope, odd),
        events=_frame(
            {
                "span": events.owner,
                "name": pl.Series(events.text("name"), dtype=pl.String),
                "time_ns": events.time("timeUnixNano", odd),
                "dropped_attributes": events.number("droppedAttributesCount", _MAX_UINT32, odd),
            },
            EVENTS,
        ),
        event_attributes=_attributes(events, odd),
        links=_frame(
            {
                "span": links.owner,
                "trace_id": links.id("traceId", TRACE_ID_BYTES, odd),
                "span_id": links.id("spanId", SPAN_ID_BYTES, odd),
                "trace_state": links.text_or_null("traceState"),
                "flags": links.number("flags", _MAX_UINT32, odd),
                "dropped_attributes": links.number("droppedAttributesCount", _MAX_UINT32, odd),
            },
            LINKS,
        ),
        link_attributes=_attributes(links, odd),
    )
    return batch, odd.rows


def _span_frame(spans: _Level, scopes: _Level, odd: OddRows) -> pl.DataFrame:
    status = _Level(spans.field("status"), spans.owner, spans.row)
    return _frame(
        {
            "trace_id": spans.id("traceId", TRACE_ID_BYTES, odd),
            "span_id": spans.id("spanId", SPAN_ID_BYTES, odd),
            "parent_span_id": spans.id("parentSpanId", SPAN_ID_BYTES, odd, is_optional=True),
            "name": pl.Series(spans.text("name"), dtype=pl.String),
            "kind": spans.number("kind", max(SpanKind), odd),
            "status": status.number("code", max(StatusCode), odd),
            "status_message": status.text_or_null("message"),
            "start_ns": spans.time("startTimeUnixNano", odd),
            "end_ns": spans.time("endTimeUnixNano", odd),
            "resource": scopes.owner[spans.owner],
            "scope": spans.owner,
            "trace_state": spans.text_or_null("traceState"),
            "flags": spans.number("flags", _MAX_UINT32, odd),
            "dropped_attributes": spans.number("droppedAttributesCount", _MAX_UINT32, odd),
            "dropped_events": spans.number("droppedEventsCount", _MAX_UINT32, odd),
            "dropped_links": spans.number("droppedLinksCount", _MAX_UINT32, odd),
        },
        RAW_SPANS,
    )


def _attributes(level: _Level, odd: OddRows) -> Any:
    found = level.explode("attributes", odd)
    return attribute_rows(found.values, found.owner, found.row, odd)


def _frame(columns: dict[str, Any], schema: pl.Schema) -> pl.DataFrame:
    """Return columns as a frame of exactly this schema."""
    return pl.DataFrame(columns).cast(dict(schema)) if columns else pl.DataFrame(schema=schema)  # type: ignore[arg-type]
