"""CSV files with a span in each row: delimiters found, rows judged one by one, types given to whole columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

from fluo_lab.errors import InputError
from fluo_lab.readers.report import Report
from fluo_lab.readers.source import Source
from fluo_lab.readers.tables.columns import field_of, map_columns
from fluo_lab.readers.tables.names import plain_name
from fluo_lab.readers.tables.table import TableReading
from fluo_lab.readers.tables.times import UnitSurvey
from fluo_lab.traces import SpanBatch, ValueType

__all__ = ["CsvTable", "find_header", "read_csv"]

Lines = NDArray[np.int64]
Prepare = Callable[[pl.DataFrame], pl.DataFrame]

BLOCK_BYTES: Final = 1 << 24
_DELIMITERS: Final = (",", ";", "\t", "|")
_QUOTE, _LINE_FEED, _RETURN = b'"\n\r'
_MAX_EXACT_DOUBLE = 2**53
_MAX_RESTARTS = 20
_IS_NUMBER: Final = r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:e[+-][0-9]{2,3})?$"


class CsvTable:
    """A CSV file with a header and a span in each row.

    Delimiters are the comma, the semicolon, the tab or the bar; cells may be quoted, with quotes doubled and line feeds
    inside. An empty cell is missing. Bytes that are no UTF-8 are kept as replacement characters and reported. A row
    with more or fewer cells than the header is reported and left out.

    A column of attributes gets a type only when every cell in the file keeps its text: INT when all are whole
    numbers of 64 bits as programs print them, BOOL when all are ``true`` or ``false``, DOUBLE when all are
    numbers as Python prints them, or all as JavaScript does (``60`` and ``59.99``). Otherwise it is TEXT, so that
    ``007``, ``+5`` and ``1e3`` stay what they are. To know that, such a file is read twice.

    Parameters
    ----------
    columns
        The table's columns by our names, as for ``read_table``.
    """

    name = "CSV table"

    def __init__(self, *, columns: Mapping[str, str] | None = None) -> None:
        self._columns = columns

    def recognise(self, head: bytes) -> bool:
        """Return whether the first line is one of several names, with that of a trace id among them."""
        header = find_header(head)
        return header is not None and any(field_of(name) == "trace_id" for name in header.names)

    def read(self, source: Source, report: Report) -> Iterator[SpanBatch]:
        """Yield the spans in batches.

        Raises
        ------
        InputError
            A necessary column is missing or ambiguous, or not one row could be read.
        """
        yield from read_csv(source, report, columns=self._columns)


@dataclass(frozen=True, slots=True)
class Header:
    """The first line of a CSV file.

    Attributes
    ----------
    names
        What the columns are called; all different.
    repeated
        Names that stood there before.
    delimiter
        The character between cells.
    line
        Its number, from 1.
    """

    names: tuple[str, ...]
    repeated: tuple[str, ...]
    delimiter: str
    line: int


def find_header(head: bytes) -> Header | None:
    r"""Return the header of a file that begins so, or None where the first line is none.

    The delimiter is the one that makes most names known, and then most names.

    Examples
    --------
    >>> find_header(b'traceId;"span id";name\n')
    Header(names=('traceId', 'span id', 'name'), repeated=(), delimiter=';', line=1)
    """
    text = head.lstrip(b"\r\n")
    line = text.split(b"\n", 1)[0].rstrip(b"\r").decode(errors="replace")
    if not line or line.lstrip()[:1] in ("{", "[", "<"):
        return None
    splits = [(delimiter, _split_record(line, delimiter)) for delimiter in _DELIMITERS]
    delimiter, cells = max(splits, key=lambda s: (sum(field_of(cell) is not None for cell in s[1]), len(s[1])))
    if len(cells) < 2:
        return None
    names: dict[str, None] = {}
    repeated: list[str] = []
    taken = set(cells)
    next_number: dict[str, int] = {}
    for number, cell in enumerate(cells, start=1):
        name = cell.strip() or f"column {number}"
        if name in names:
            repeated.append(name)
            n = next_number.get(name, 2)
            while (other := f"{name} {n}") in taken or other in names:
                n += 1
            next_number[name] = n + 1
            name = other
        names[name] = None
    return Header(tuple(names), tuple(repeated), delimiter, 1 + head[: len(head) - len(text)].count(b"\n"))


def read_csv(
    source: Source, report: Report, *, columns: Mapping[str, str] | None = None, prepare: Prepare | None = None
) -> Iterator[SpanBatch]:
    """Yield the spans of a CSV file in batches.

    Parameters
    ----------
    columns
        The table's columns by our names.
    prepare
        Makes the columns that ``columns`` names of those that the file has; all are texts, an empty one is null.

    Raises
    ------
    InputError
        A necessary column is missing or ambiguous, or not one row could be read.
    """
    header = find_header(source.head)
    if header is None:
        raise InputError(f"{source.name}: the first line is no header of a CSV table")
    for name in header.repeated:
        report.locate(line=header.line)
        report.add(f"two columns called {name!r}; the later one gets a number", sample=name)
    prepare = prepare or (lambda frame: frame)
    names = prepare(pl.DataFrame(schema=dict.fromkeys(header.names, pl.String))).columns
    mapped = map_columns(names, columns, source=source.name)
    types = _TypeSurvey([*mapped.attributes.values(), *mapped.resource.values()])
    units = UnitSurvey(mapped)
    if types.columns or units.columns:
        # Another report and source: what is met is counted, and the bytes are shown, at the second reading.
        for frame, _ in _CsvFile(Source(source.path, source.name), header, Report(source.name)).frames():
            seen = prepare(frame)
            types.add(seen)
            units.add(seen)
    reading = TableReading(mapped, units.finish(report), report)
    casts = types.finish()
    file = _CsvFile(source, header, report)
    for frame, lines in file.frames():
        yield reading.to_batch(prepare(frame).with_columns(casts), pl.Series(lines))
    reading.n_rows += file.n_bad
    reading.check()


class _TypeSurvey:
    """Finds the type of each column of attributes from all its cells."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = list(dict.fromkeys(columns))
        # DOUBLE stands twice, for two ways of printing whole ones: "60.0" as Python does, "60" as JavaScript does.
        tests = ((ValueType.INT, _are_integers), (ValueType.BOOL, _are_booleans))
        doubles = ((ValueType.DOUBLE, _are_python_doubles), (ValueType.DOUBLE, _are_javascript_doubles))
        self._left = {column: [*tests, *doubles] for column in self.columns}
        self._seen: set[str] = set()

    def add(self, frame: pl.DataFrame) -> None:
        """Look at a block."""
        for column in self.columns:
            if self._left[column] and frame.schema[column] == pl.String:
                values = frame[column].drop_nulls().unique()
                if not values.is_empty():
                    self._seen.add(column)
                    self._left[column] = [(kind, test) for kind, test in self._left[column] if test(values)]

    def finish(self) -> list[pl.Expr]:
        """Return what gives the columns their types."""
        casts = []
        for column in self.columns:
            if column in self._seen and self._left[column]:
                kind = self._left[column][0][0]
                texts = pl.col(column)
                cast = {
                    ValueType.INT: texts.cast(pl.Int64),
                    ValueType.BOOL: texts == "true",
                    ValueType.DOUBLE: texts.cast(pl.Float64),
                }
                casts.append(cast[kind])
        return casts


def _are_integers(values: pl.Series) -> bool:
    return bool((values.cast(pl.Int64, strict=False).cast(pl.String) == values).fill_null(value=False).all())


def _are_booleans(values: pl.Series) -> bool:
    return bool(values.is_in(["true", "false"]).all())


def _are_python_doubles(values: pl.Series) -> bool:
    if not values.str.contains(_IS_NUMBER).all():
        return False
    doubles = values.cast(pl.Float64, strict=False)
    # Polars prints numbers of middling size as Python does; the others are few.
    is_same = (doubles.cast(pl.String) == values) & doubles.abs().is_between(1e-4, 1e15)
    rest = values.filter(~is_same.fill_null(value=False)).to_list()
    return all(repr(float(text)) == text for text in rest)


def _are_javascript_doubles(values: pl.Series) -> bool:
    is_whole = values.str.contains(r"^-?[0-9]{1,16}$")
    whole = values.filter(is_whole)
    is_exact = (whole.cast(pl.Int64).abs() <= _MAX_EXACT_DOUBLE).all() and _are_integers(whole)
    rest = values.filter(~is_whole)
    return bool(is_exact) and not rest.str.ends_with(".0").any() and _are_python_doubles(rest)


class _CsvFile:
    """The rows of a file as frames of texts."""

    def __init__(self, source: Source, header: Header, report: Report) -> None:
        self._source = source
        self._header = header
        self._report = report
        self.n_bad = 0

    def frames(self) -> Iterator[tuple[pl.DataFrame, Lines]]:
        """Yield the good rows block by block, with the number of the line each begins on."""
        line = 1
        for data in self._blocks():
            block = data if data.endswith(b"\n") else data + b"\n"
            if line <= self._header.line:
                # The header is the first line that is not blank.
                at = 0
                for _ in range(line, self._header.line + 1):
                    at = block.index(b"\n", at) + 1
                block = block[at:]
                line = self._header.line + 1
            if block:
                block = self._mend_text(block, line)
                good, lines = self._sift(block, line)
                line += block.count(b"\n")
                if len(lines):
                    frame, lines = self._parse(good, lines)
                    if len(lines):
                        yield frame, lines

    def _blocks(self) -> Iterator[bytes]:
        """Yield the content in pieces that end where a row ends, if that is near."""
        held = bytearray()
        for chunk in self._source.chunks(self._report):
            held += chunk
            if len(held) < BLOCK_BYTES:
                continue
            quotes = _positions(held, _QUOTE)
            ends = _positions(held, _LINE_FEED)
            outside = ends[np.searchsorted(quotes, ends) % 2 == 0]
            # A quote that is never closed must not make a row of the whole file.
            ends = outside if len(outside) or len(held) < 4 * BLOCK_BYTES else ends
            if len(ends):
                cut = int(ends[-1]) + 1
                yield bytes(held[:cut])
                del held[:cut]
        if held:
            yield bytes(held)

    def _mend_text(self, block: bytes, line: int) -> bytes:
        """Return a block as UTF-8, with replacement characters where it is not."""
        try:
            block.decode()
        except UnicodeDecodeError:
            for number, row in enumerate(block.split(b"\n"), start=line):
                try:
                    row.decode()
                except UnicodeDecodeError:
                    self._report.locate(line=number)
                    self._report.add("line that is not UTF-8; kept with replacement characters", sample=row)
            return block.decode(errors="replace").encode()
        return block

    def _sift(self, block: bytes, line: int) -> tuple[bytes, Lines]:
        """Return the rows that have as many cells as the header, and the lines they begin on."""
        parts: list[bytes] = []
        numbers: list[Lines] = [np.array([], dtype=np.int64)]
        at = 0
        for n_left in reversed(range(_MAX_RESTARTS)):
            n_bytes = self._sift_rows(block[at:] if at else block, line, parts, numbers, is_restarted=n_left > 0)
            line += block.count(b"\n", at, at + n_bytes)
            at += n_bytes
            if at >= len(block):
                break
        return b"".join(parts), np.concatenate(numbers)

    def _sift_rows(
        self, block: bytes, line: int, parts: list[bytes], numbers: list[Lines], *, is_restarted: bool
    ) -> int:
        """Add good rows and their lines; return how many bytes were judged.

        A bad row of several lines may come of a stray quote, which turns the inside of all later quotes out: with
        ``is_restarted`` only its first line is judged bad, and the rest of the block left to be judged afresh.
        """
        starts, ends, lines = _find_rows(block, line)
        quotes, delimiters = _positions(block, _QUOTE), _positions(block, ord(self._header.delimiter))
        delimiters = delimiters[np.searchsorted(quotes, delimiters) % 2 == 0] if len(quotes) else delimiters
        n_cells = np.diff(np.searchsorted(delimiters, ends), prepend=0) + 1
        is_closed = np.diff(np.searchsorted(quotes, ends), prepend=0) % 2 == 0
        is_blank = (ends == starts) | ((ends == starts + 1) & (np.frombuffer(block, np.uint8)[starts] == _RETURN))
        is_good = (n_cells == len(self._header.names)) & is_closed & ~is_blank
        after = 0
        for row in np.flatnonzero(~is_good & ~is_blank).tolist():
            record = block[starts[row] : ends[row]]
            parts.append(block[starts[after] : starts[row]])
            numbers.append(lines[after:row][is_good[after:row]])
            after = row + 1
            first, joint, _ = record.partition(b"\n")
            if joint and is_restarted:
                self._fault(int(lines[row]), first)
                return int(starts[row]) + len(first) + 1
            rescued = self._rescue(record, int(lines[row]))
            parts += [text + b"\n" for _, text in rescued]
            numbers.append(np.array([number for number, _ in rescued], dtype=np.int64))
        parts.append(block[starts[after] :] if after < len(starts) else b"")
        numbers.append(lines[after:][is_good[after:]])
        return len(block)

    def _rescue(self, record: bytes, line: int) -> list[tuple[int, bytes]]:
        """Report a bad row; where a stray quote has joined lines, return those that are good by themselves."""
        good = []
        for number, text in enumerate(record.split(b"\n"), start=line):
            n_cells = len(_split_record(text.decode(), self._header.delimiter))
            if text.strip() and (text.count(b'"') % 2 or n_cells != len(self._header.names)):
                self._fault(number, text)
            elif text.strip():
                good.append((number, text))
        return good

    def _fault(self, line: int, text: bytes) -> None:
        self.n_bad += 1
        self._report.locate(line=line)
        self._report.add(f"row without the {len(self._header.names)} cells of the header; not read", sample=text)

    def _parse(self, data: bytes, lines: Lines) -> tuple[pl.DataFrame, Lines]:
        """Return rows as a frame of texts, null where empty."""
        names = [plain_name(name) for name in self._header.names]
        try:
            table = pa_csv.read_csv(
                pa.BufferReader(data),
                read_options=pa_csv.ReadOptions(column_names=names, block_size=len(data) + 1),
                parse_options=pa_csv.ParseOptions(delimiter=self._header.delimiter, newlines_in_values=True),
                convert_options=pa_csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.large_string()), strings_can_be_null=False, check_utf8=False
                ),
            )
            frame = pl.DataFrame(pl.from_arrow(table))
        except pa.ArrowInvalid:
            frame = pl.DataFrame()
        if frame.height != len(lines):
            # A quote or a carriage return within a cell, about which readers differ.
            frame, lines = self._parse_exactly(data, lines)
        return frame.with_columns(pl.when(pl.col(name) != "").then(pl.col(name)).alias(name) for name in names), lines

    def _parse_exactly(self, data: bytes, lines: Lines) -> tuple[pl.DataFrame, Lines]:
        """Return rows as a frame of texts, split one by one."""
        starts, ends, _ = _find_rows(data, 1)
        rows: list[list[str]] = []
        kept: list[int] = []
        texts = [data[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
        for text, line in zip([text for text in texts if text.strip(b"\r")], lines.tolist(), strict=True):
            cells = _split_record(text.decode(), self._header.delimiter)
            if len(cells) == len(self._header.names):
                rows.append(cells)
                kept.append(line)
            else:
                self._fault(line, text)
        schema = dict.fromkeys(map(plain_name, self._header.names), pl.String)
        return pl.DataFrame(rows, schema=schema, orient="row"), np.array(kept, dtype=np.int64)


def _positions(data: bytes | bytearray, byte: int) -> NDArray[np.int64]:
    """Return where a byte stands."""
    return np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == byte)


def _find_rows(block: bytes, line: int) -> tuple[NDArray[np.int64], NDArray[np.int64], Lines]:
    """Return where rows start and end, line feeds in quotes being part of them, and the lines they begin on."""
    feeds, quotes = _positions(block, _LINE_FEED), _positions(block, _QUOTE)
    is_end = np.searchsorted(quotes, feeds) % 2 == 0
    # What follows a quote that is never closed is one row more, and a bad one.
    is_end[-1] = True
    ends = feeds[is_end]
    return np.append(0, ends[:-1] + 1), ends, line + np.append(0, np.flatnonzero(is_end)[:-1] + 1)


def _split_record(text: str, delimiter: str) -> list[str]:
    r"""Return the cells of one row; a quote that is not closed is taken as it stands.

    Examples
    --------
    >>> _split_record('1,"a ""b"", c",5" disk', ",")
    ['1', 'a "b", c', '5" disk']
    """
    none_of = f"[^{re.escape(delimiter)}]*+"
    cell = re.compile(f'(?:"((?:[^"]|"")*+)"({none_of})|({none_of}))({re.escape(delimiter)}|$)')
    text = text.removesuffix("\r")
    cells: list[str] = []
    for found in cell.finditer(text):
        quoted, tail, plain, end = found.groups()
        cells.append(plain if quoted is None else quoted.replace('""', '"') + tail)
        if not end:
            break
    return cells
