"""Batches from files that other hands may have changed: what no store can hold is taken out and named."""

from __future__ import annotations

import base64
import binascii
from dataclasses import replace
from typing import Final

import numpy as np
import orjson
import polars as pl
from numpy.typing import NDArray

from fluo_lab.readers.report import Report
from fluo_lab.traces import AttributeRows, CodedRows, SpanBatch, SpanKind, StatusCode, ValueType

__all__ = ["check_batch"]

_MAY_BE_NULL: Final = ("parent_span_id", "status_message", "trace_state")
_NOT_EMPTY: Final = ("trace_id", "span_id")
_HIGHEST: Final = {"kind": max(SpanKind), "status": max(StatusCode)}
_VALUE_OF: Final = {ValueType.BOOL: "bool", ValueType.INT: "int", ValueType.DOUBLE: "double"}


def check_batch(batch: SpanBatch, report: Report) -> SpanBatch:
    """Return a batch without the spans, events, links and attributes that lack what each of them has.

    A row of nulls alone is what an empty list leaves; it is dropped without a word.

    Raises
    ------
    ArrowInvalid
        A text is not UTF-8, which Polars trusts that it is.
    """
    of_spans = (batch.attributes, batch.resource_attributes, batch.scope_attributes)
    rows = (*of_spans, batch.event_attributes, batch.link_attributes)
    texts = [column for one in rows for column in (one.keys, one.texts)]
    frames = (batch.spans, batch.scopes, batch.events, batch.links)
    texts += [column for frame in frames for column in frame.get_columns() if column.dtype == pl.String]
    for column in texts:
        column.to_arrow(compat_level=pl.CompatLevel.oldest()).validate(full=True)
    events, event_attributes = _hung_on(batch.events, batch.event_attributes, "event", report)
    links, link_attributes = _hung_on(batch.links, batch.link_attributes, "link", report)
    batch = replace(
        batch,
        attributes=_attributes(batch.attributes, "span", report),
        resource_attributes=_attributes(batch.resource_attributes, "resource", report),
        scope_attributes=_attributes(batch.scope_attributes, "scope", report),
        events=events,
        event_attributes=_attributes(event_attributes, "event", report),
        links=links,
        link_attributes=_attributes(link_attributes, "link", report),
    )
    fault = _faults(batch.spans)
    kept = (fault == "").to_numpy()
    if kept.all():
        return batch
    _name_faults(batch.spans, fault, "span", report)
    return batch.of(kept)


def _faults(frame: pl.DataFrame) -> pl.Series:
    """Return for every row the first column whose value cannot be, or an empty text."""
    fault = pl.lit("")
    for name in reversed(frame.columns):
        if name in _MAY_BE_NULL:
            continue
        wrong = pl.col(name).is_null()
        if name in _NOT_EMPTY:
            wrong |= pl.col(name) == ""
        if name in _HIGHEST:
            wrong |= pl.col(name) > int(_HIGHEST[name])
        fault = pl.when(wrong).then(pl.lit(name)).otherwise(fault)
    return frame.select(fault.alias("fault")).to_series() if frame.height else pl.Series("fault", [], dtype=pl.String)


def _name_faults(frame: pl.DataFrame, fault: pl.Series, what: str, report: Report) -> None:
    """Report the rows with a fault, kind by kind."""
    rows = frame.with_columns(_fault=fault).filter(pl.col("_fault") != "")
    for (name,), found in rows.group_by("_fault", maintain_order=True):
        sample = ", ".join(f"{key}: {found[key][0]}" for key in ("trace_id", "span_id", "name") if key in found.columns)
        report.add(f"{what} whose {name} is missing or no {name}; not read", n=found.height, sample=sample)


def _hung_on(
    frame: pl.DataFrame, attributes: AttributeRows | CodedRows, what: str, report: Report
) -> tuple[pl.DataFrame, AttributeRows | CodedRows]:
    """Return the events or links that can be, and their attributes."""
    fault = _faults(frame)
    kept = (fault == "").to_numpy()
    if kept.all():
        return frame, attributes
    is_nothing = frame.select(pl.all_horizontal(pl.exclude("span").is_null())).to_series()
    _name_faults(frame, fault.set(is_nothing, ""), what, report)
    return frame.filter(pl.Series(kept)), attributes.of(kept)


def _attributes(rows: AttributeRows | CodedRows, of: str, report: Report) -> AttributeRows:
    """Return the attributes that have a key, a type and a value of it."""
    frame, keys = rows.frame, rows.keys
    if not frame.height:
        return AttributeRows()
    key = keys.gather(frame["key"])
    frame = frame.with_columns(_has_key=key.is_not_null())
    has_value = pl.col("text").is_not_null()
    for value_type, column in _VALUE_OF.items():
        has_value = pl.when(pl.col("type") == int(value_type)).then(pl.col(column).is_not_null()).otherwise(has_value)
    is_known = (pl.col("type") <= int(max(ValueType))).fill_null(value=False)
    columns = ("type", "text", *_VALUE_OF.values())
    frame = frame.with_columns(
        _is_whole=pl.col("_has_key") & is_known & has_value,
        _is_nothing=~pl.col("_has_key") & pl.all_horizontal(pl.col(*columns).is_null()),
    )
    whole = frame.filter("_is_whole")
    n_bad = frame.height - whole.height - int(frame["_is_nothing"].sum())
    if n_bad:
        report.add(f"attribute of a {of} without a key, a known type or a value of it; not read", n=n_bad)
    kept = whole.drop("_has_key", "_is_whole", "_is_nothing")
    return _with_texts_in_form(AttributeRows(kept, keys.fill_null(""), rows.texts.fill_null("")), of, report)


def _with_texts_in_form(rows: AttributeRows, of: str, report: Report) -> AttributeRows:
    """Return attributes with those that are no JSON or base64, though their type says so, as plain texts."""
    types = rows.frame["type"].to_numpy()
    is_text = np.zeros(len(types), dtype=np.bool_)
    for value_type in (ValueType.BYTES, ValueType.ARRAY, ValueType.KVLIST):
        here = np.flatnonzero(types == value_type)
        if not len(here):
            continue
        codes = rows.frame["text"].gather(here)
        distinct = codes.unique()
        wrong = [code for code in distinct.to_list() if not _is_in_form(rows.texts[code], value_type)]
        is_text[here[codes.is_in(wrong).to_numpy()]] = True
    if not is_text.any():
        return rows
    first = rows.texts[rows.frame["text"][int(np.flatnonzero(is_text)[0])]]
    report.add(
        f"attribute of a {of} whose text is not what its type says; kept as text", n=int(is_text.sum()), sample=first
    )
    number: NDArray[np.uint8] = np.where(is_text, int(ValueType.TEXT), types).astype(np.uint8)
    return replace(rows, frame=rows.frame.with_columns(pl.Series("type", number)))


def _is_in_form(text: str, value_type: ValueType) -> bool:
    """Return whether a text is base64, or the JSON of an array or an object."""
    try:
        if value_type is ValueType.BYTES:
            base64.b64decode(text, validate=True)
            return True
        return type(orjson.loads(text)) is (list if value_type is ValueType.ARRAY else dict)
    except (binascii.Error, ValueError):
        return False
