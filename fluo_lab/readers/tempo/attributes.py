"""The attributes of a Tempo block: lists of typed values, columns of their own, and JSON for whatever has neither.

What each version writes is in grafana/tempo, ``tempodb/encoding/vparquet2`` to ``vparquet5``, ``schema.go``,
``attrToParquet``. Where no value column holds anything, the value was empty, or of a type the version cannot hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson
import polars as pl
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # ships no types
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from fluo_lab.readers.otlp.messages import read_pair
from fluo_lab.readers.otlp.values import ValueFault, compact_json, decode_value, plain_double
from fluo_lab.readers.report import Report
from fluo_lab.traces import AttributeRows, Dictionary, ValueType
from fluo_lab.traces.schema import ATTRIBUTE_ROWS

__all__ = ["TempoAttributes", "add_columns"]

_CELL: Final = pl.Schema({**ATTRIBUTE_ROWS, "key": pl.String(), "text": pl.String()})
_SCALARS: Final = {
    "text": ("Value", pl.String(), ValueType.TEXT),
    "int": ("ValueInt", pl.Int64(), ValueType.INT),
    "double": ("ValueDouble", pl.Float64(), ValueType.DOUBLE),
    "bool": ("ValueBool", pl.Boolean(), ValueType.BOOL),
}
# Values without a column of their own are JSON, under these names in turn of the versions.
_JSON: Final = ("ValueArray", "ValueKVList", "ValueUnsupported", "ValueDropped")
# The first version 4 told arrays from single values by a number.
_FIRST_ARRAY_TYPE = 5


class TempoAttributes:
    """Gathers the attributes of the spans, resources, scopes, events or links of a piece of a block.

    Parameters
    ----------
    report
        Where values go that cannot be taken.
    """

    def __init__(self, report: Report) -> None:
        self._report = report
        self._parts: list[pl.DataFrame] = []

    def add_lists(self, lists: pl.Series) -> None:
        """Take the generic attributes: a list of structs for each owner, owners counted from 0."""
        items = _exploded(lists)
        if items.is_empty():
            return
        items = items.unnest("item")
        if items.schema["Value"] == pl.Binary:
            self._add_encoded(items)
            return
        if items.schema["Value"] == pl.List(pl.String):
            is_array = pl.col("IsArray") if "IsArray" in items.columns else pl.col("ValueType") >= _FIRST_ARRAY_TYPE
            arrays = items.filter(is_array)
            self._add_arrays(arrays["owner"], arrays["Key"], _array_texts(arrays))
            items = items.filter(~is_array).with_columns(
                pl.col(source).list.get(0, null_on_oob=True) for source, _, _ in _SCALARS.values()
            )
        self._add_scalars(items)

    def add_column(self, key: str, values: pl.Series) -> None:
        """Take an attribute that has a column of its own, one entry an owner; null, or an empty list, is absent."""
        owner = pl.int_range(len(values), dtype=pl.UInt32, eager=True)
        if isinstance(values.dtype, pl.List):
            n_values = values.list.len().fill_null(0)
            several = (n_values > 1).arg_true()
            texts = [compact_json(items) for items in values.gather(several).to_list()]
            self._add_arrays(owner.gather(several), pl.Series([key] * len(several), dtype=pl.String), texts)
            values = values.set(n_values > 1, None) if len(several) else values
            values = values.list.get(0, null_on_oob=True)
        column = "int" if values.dtype.is_integer() else "text"
        found = pl.DataFrame({"owner": owner, column: values}).drop_nulls(column)
        self._add(found.with_columns(pl.lit(key).alias("key"), _type(_SCALARS[column][2])))

    def add_rows(self, rows: Iterable[tuple[int, str, ValueType, object]]) -> None:
        """Take attributes one by one: owner, key, type, value."""
        columns: dict[str, list[Any]] = {name: [] for name in _CELL}
        for owner, key, kind, value in rows:
            columns["owner"].append(owner)
            columns["key"].append(key)
            columns["type"].append(int(kind))
            own = "text" if kind.is_textual else kind.name.lower()
            for name in _SCALARS:
                columns[name].append(value if name == own else None)
        self._add(pl.DataFrame(columns, schema=_CELL))

    def finish(self) -> AttributeRows:
        """Return the rows."""
        if not self._parts:
            return AttributeRows()
        frame = pl.concat(self._parts)
        is_keyless = frame["key"] == ""
        if is_keyless.any():
            self._report.add("attribute without a key, not read", n=int(is_keyless.sum()))
            frame = frame.filter(~is_keyless)
        keys, key_codes = Dictionary.encode(frame["key"])
        texts, text_codes = Dictionary.encode(frame["text"].fill_null(""))
        coded = pl.Series("text", text_codes).set(frame["text"].is_null(), None)
        return AttributeRows(
            frame.with_columns(pl.Series("key", key_codes), coded).select(list(ATTRIBUTE_ROWS)).cast(ATTRIBUTE_ROWS),
            keys=keys.values,
            texts=texts.values,
        )

    def _add(self, cells: pl.DataFrame) -> None:
        """Take cells that lack some of the value columns."""
        if not cells.is_empty():
            missing = [pl.lit(None, dtype=dtype).alias(n) for n, dtype in _CELL.items() if n not in cells.columns]
            self._parts.append(cells.with_columns(missing).select(list(_CELL)).cast(_CELL))

    def _add_arrays(self, owner: pl.Series, key: pl.Series, texts: list[str]) -> None:
        if texts:
            columns = {"owner": owner, "key": key, "text": pl.Series(texts, dtype=pl.String)}
            self._add(pl.DataFrame(columns).with_columns(_type(ValueType.ARRAY)))

    def _add_scalars(self, items: pl.DataFrame) -> None:
        """Take items with at most one value each in the scalar columns, else JSON."""
        left = items.rename({"Key": "key"})
        for column, (source, dtype, kind) in _SCALARS.items():
            # Should several columns hold a value, the first one counts, as for Tempo itself.
            here = left.filter(pl.col(source).is_not_null())
            self._add(here.select("owner", "key", pl.col(source).cast(dtype).alias(column), _type(kind)))
            left = left.filter(pl.col(source).is_null())
        if left.is_empty():
            return
        names = [name for name in _JSON if name in left.columns]
        json = pl.coalesce(pl.col(name).replace("", None) for name in names) if names else pl.lit(None, dtype=pl.String)
        self._add_decoded(left.select("owner", "key", json.alias("raw")), self._decode_json)

    def _add_encoded(self, items: pl.DataFrame) -> None:
        """Take the event attributes of versions 2 and 3: protobuf, and JSON before that."""
        raw = items.select("owner", pl.col("Key").alias("key"), pl.col("Value").alias("raw"))
        self._add_decoded(raw, self._decode_bytes)

    def _add_decoded(self, items: pl.DataFrame, decode: Any) -> None:
        """Take items whose values have to be decoded one by one, each distinct one once."""
        distinct = items.group_by("key", "raw", maintain_order=True).agg("owner")
        rows: list[tuple[int, str, ValueType, object]] = []
        for key, raw, owners in distinct.iter_rows():
            found: tuple[ValueType, object] | None = None
            try:
                found = decode(raw) if raw is not None else None
            except ValueFault as fault:
                self._report.add(f"attribute with {fault}; read as missing", n=len(owners), sample=key)
                continue
            if found is None:
                self._report.add("attribute without a value, read as missing", n=len(owners), sample=key)
                continue
            rows += [(owner, key, *found) for owner in owners]
        self.add_rows(rows)

    @staticmethod
    def _decode_json(raw: str) -> tuple[ValueType, object] | None:
        return _from_json(raw.encode())

    @staticmethod
    def _decode_bytes(raw: bytes) -> tuple[ValueType, object] | None:
        try:
            value = AnyValue.FromString(raw)
        except DecodeError:
            return _from_json(raw)
        if value.WhichOneof("value") is None:
            return None
        found = read_pair(KeyValue(key="_", value=value))
        if found is None:
            raise ValueFault("a value that cannot be read")
        return found[1:]


def _from_json(raw: bytes) -> tuple[ValueType, object] | None:
    """Return type and value of an ``AnyValue`` in protobuf JSON."""
    try:
        parsed = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise ValueFault("a value that is neither protobuf nor JSON") from None
    return decode_value(parsed)


def _type(kind: ValueType) -> pl.Expr:
    return pl.lit(int(kind), dtype=pl.UInt8).alias("type")


def _exploded(lists: pl.Series) -> pl.DataFrame:
    """Return ``owner`` and ``item``, one row an item of the owners' lists."""
    frame = lists.alias("item").to_frame().with_row_index("owner")
    return frame.filter(pl.col("item").list.len() > 0).explode("item")


def _array_texts(arrays: pl.DataFrame) -> list[str]:
    """Return the array each row has in the first of its value columns that is not empty, as compact JSON."""
    texts = []
    for lists in zip(*(arrays[source].to_list() for source, _, _ in _SCALARS.values()), strict=True):
        items: list[Any] = next((items for items in lists if items), [])
        texts.append(compact_json([plain_double(item) if type(item) is float else item for item in items]))
    return texts


def add_columns(into: TempoAttributes, frame: pl.DataFrame, key_of: Mapping[str, str]) -> None:
    """Take those columns of a frame that are attributes, each under its key."""
    for column, key in key_of.items():
        if column in frame.columns:
            into.add_column(key, frame[column])
