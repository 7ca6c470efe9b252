"""Times in the columns of a table: their units, where names do not say them, and their exact nanoseconds."""

from __future__ import annotations

from typing import Final

import polars as pl

from fluo_lab.errors import InputError
from fluo_lab.readers.report import Report
from fluo_lab.readers.tables.columns import DURATION_TEXT, MAX_NS, SCALES, TIME_TEXT, ColumnMap, scale_of

__all__ = ["MAX_EXACT_DOUBLE", "UnitSurvey", "parse_times"]

MAX_EXACT_DOUBLE: Final = 2**53
"""Whole numbers up to this have a double of their own each."""

_SECOND: Final = SCALES["s"]
_PHYSICAL_SCALES: Final = {unit: SCALES[unit] for unit in ("ms", "us", "ns")}
_UNIT_NAMES: Final = {scale: f"{unit} since the epoch" for unit, scale in SCALES.items()}
# Of the numbers in a column without a unit, so many must have the size of one unit.
_ENOUGH = 0.99


class UnitSurvey:
    """Finds the units of time columns whose names say none, from all blocks of a table.

    Numbers since the epoch have a size that tells their unit; those of a duration have that of the start.
    """

    def __init__(self, columns: ColumnMap) -> None:
        self._columns = columns
        self._edges = [edge for edge in ("start", "end", "duration") if edge in columns.fields]
        self._totals = dict.fromkeys(self._edges, 0)
        self._n_texts = dict.fromkeys(self._edges, 0)
        self._counts = {edge: dict.fromkeys(SCALES.values(), 0) for edge in self._edges}

    @property
    def columns(self) -> list[str]:
        """The columns to look at; none, where all units are known."""
        return [self._columns.fields[edge] for edge in self._edges]

    def add(self, frame: pl.DataFrame) -> None:
        """Look at a block."""
        for edge in self._edges:
            values = frame[self._columns.fields[edge]]
            if not (values.dtype.is_numeric() or values.dtype == pl.String):
                continue
            numbers = values.cast(pl.Float64, strict=False).drop_nulls().drop_nans()
            self._totals[edge] += len(numbers)
            self._n_texts[edge] += len(values) - values.null_count() - len(numbers)
            for scale in SCALES.values():
                fits = (numbers >= 10**18 / scale) & (numbers < 10**19 / scale)
                self._counts[edge][scale] += int(fits.sum())

    def finish(self, report: Report) -> dict[str, int]:
        """Return the nanoseconds in the unit of each time column that holds numbers, by our names.

        Raises
        ------
        InputError
            The size of the numbers does not tell.
        """
        fields = self._columns.fields
        scales = {name: scale for name in fields if (scale := scale_of(name)) is not None}
        report.locate()
        for edge in self._edges:
            total, column = self._totals[edge], fields[edge]
            if not total:
                continue
            if edge == "duration":
                scale = scales.get(self._columns.find("start") or "")
                what = f"durations in {column!r} without a unit, read in that of the start"
            else:
                scale = max(self._counts[edge], key=self._counts[edge].__getitem__)
                scale = scale if self._counts[edge][scale] >= _ENOUGH * total else None
                what = f"numbers in {column!r} without a unit, read by their size as {_UNIT_NAMES.get(scale or 0)}"
            if scale is None and self._n_texts[edge] > total:
                continue  # times as texts, with a few numbers that are none: their rows are judged one by one
            if scale is None:
                raise InputError(
                    f"{report.file}: the column {column!r} holds numbers whose unit is not known; say it, for example "
                    f'columns={{"{edge}_us": "{column}"}} for microseconds (ns, us, ms or s)'
                )
            scales[edge] = scale
            report.add(what, n=total)
        return scales


def parse_times(values: pl.Series, scale: int | None, *, is_length: bool = False) -> tuple[pl.Series, pl.Series]:
    """Return times or durations in nanoseconds, null where they cannot be read exactly; and which have no zone.

    They mean what ``time_ns`` and ``duration_ns`` of ``columns`` say.

    Parameters
    ----------
    scale
        Nanoseconds in the unit of numbers; None where there are none.
    is_length
        Whether they are durations.
    """
    none = pl.Series([None], dtype=pl.Int64).new_from_index(0, len(values))
    nowhere = pl.Series([False]).new_from_index(0, len(values))
    if values.dtype == pl.Date:
        values = values.cast(pl.Datetime("us"))
    dtype = values.dtype
    if isinstance(dtype, pl.Datetime) and not is_length:
        is_zoneless = values.is_not_null() if dtype.time_zone is None else nowhere
        return _scaled(values.to_physical(), _PHYSICAL_SCALES[dtype.time_unit]), is_zoneless
    if isinstance(dtype, pl.Duration) and is_length:
        return _scaled(values.to_physical(), _PHYSICAL_SCALES[dtype.time_unit]), nowhere
    if dtype.is_integer():
        return (none if scale is None else _scaled(values.cast(pl.Int64, strict=False), scale)), nowhere
    if dtype.is_float():
        values = values.set(values.abs() > MAX_EXACT_DOUBLE, None).cast(pl.String)
    elif dtype.is_decimal():
        values = values.cast(pl.String)
    if values.dtype != pl.String:
        return none, nowhere
    found = none if scale is None else _decimals(values, scale)
    rest = (found.is_null() & values.is_not_null()).arg_true()
    if rest.is_empty():
        return found, nowhere
    texts = values.gather(rest)
    parsed, is_zoneless = _lengths(texts) if is_length else _instants(texts)
    return found.scatter(rest, parsed), nowhere.scatter(rest, is_zoneless)


def _scaled(numbers: pl.Series, scale: int) -> pl.Series:
    """Return whole numbers times the nanoseconds in their unit; null where that is negative or too large."""
    return (numbers * scale).set(~numbers.is_between(0, MAX_NS // scale), None)


def _decimals(texts: pl.Series, scale: int) -> pl.Series:
    """Return decimal numbers in a unit as nanoseconds; null where they are none, or not exact."""
    texts = texts.str.strip_chars()
    found = _scaled(texts.cast(pl.Int64, strict=False), scale)
    rest = (found.is_null() & texts.str.contains(".", literal=True)).arg_true()
    if rest.is_empty():
        return found
    digits = len(str(scale)) - 1
    parts = texts.gather(rest).str.extract_groups(r"^([0-9]{1,19})\.([0-9]{0,9}?)0*$").struct.unnest()
    fraction = parts["2"].str.pad_end(digits, "0").str.replace("^$", "0").cast(pl.Int64, strict=False)
    whole = _scaled(parts["1"].cast(pl.Int64, strict=False), scale)
    total = whole + fraction.set(parts["2"].str.len_bytes() > digits, None)
    return found.scatter(rest, total.set(total < whole, None))


def _instants(texts: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Return RFC 3339 texts as nanoseconds since the epoch, and which have no zone."""
    parts = texts.str.extract_groups(TIME_TEXT).struct.unnest()
    day = parts["1"].str.to_date("%Y-%m-%d", strict=False).to_physical().cast(pl.Int64)
    hours, minutes, seconds = (parts[group].fill_null("0").cast(pl.Int64) for group in "234")
    ahead = parts["8"].fill_null("0").cast(pl.Int64) * 60 + parts["9"].fill_null("0").cast(pl.Int64)
    ahead = ahead * (1 - 2 * (parts["7"] == "-").fill_null(value=False).cast(pl.Int64))
    total = day * 86_400 + hours * 3_600 + (minutes - ahead) * 60 + seconds
    total = total.set((hours > 23) | (minutes > 59) | (seconds > 60), None)
    found = _scaled(total.set(total >= MAX_NS // _SECOND, None), _SECOND) + _nanoseconds(parts["5"])
    return found, parts["1"].is_not_null() & parts["6"].is_null() & parts["7"].is_null()


def _lengths(texts: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Return ISO 8601 durations as nanoseconds, and that none lacks a zone."""
    parts = texts.str.extract_groups(DURATION_TEXT).struct.unnest()
    counts = [parts[group].fill_null("0").cast(pl.Int64) for group in "1234"]
    total = counts[0] * 86_400 + counts[1] * 3_600 + counts[2] * 60 + counts[3]
    is_length = texts.str.contains(DURATION_TEXT) & texts.str.contains(r"[DHMS]\s*$")
    total = total.set(~is_length | (total >= MAX_NS // _SECOND), None)
    return _scaled(total, _SECOND) + _nanoseconds(parts["5"]), pl.Series([False]).new_from_index(0, len(texts))


def _nanoseconds(fractions: pl.Series) -> pl.Series:
    """Return the digits after the point of seconds as nanoseconds."""
    return fractions.fill_null("0").str.pad_end(9, "0").cast(pl.Int64)
