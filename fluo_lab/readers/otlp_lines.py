"""OTLP/JSON lines: the fast reading where lines fit it, the exact one where they do not, with equal results."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
import orjson

from fluo_lab.readers.blocks import Line, LineBlock
from fluo_lab.readers.columns import BatchColumns
from fluo_lab.readers.otlp_arrow import Misfit, flatten, parse_data
from fluo_lab.readers.otlp_walk import walk_document
from fluo_lab.readers.report import Report
from fluo_lab.traces import SpanBatch

__all__ = ["LineReader"]

_FAST_START = b'{"resourceSpans"'
_ODD_MARKERS = re.compile(
    rb'"(?:kvlistValue|bytesValue|stringValueStrindex|entityRefs|instrumentationLibrarySpans'
    rb'|SPAN_KIND_[A-Z]+|STATUS_CODE_[A-Z]+)"'
    rb'|"(?:intValue|startTimeUnixNano|endTimeUnixNano|timeUnixNano)"\s*:\s*[-0-9]'
    rb'|"(?:kind|code)"\s*:\s*"'
    rb'|"value"\s*:\s*\{\s*\}'
)
# Below this many lines, halving costs more than reading them exactly.
_FEW_LINES = 4
# A file with more odd lines than this share of a block is read exactly from there on.
_MAX_ODD_SHARE = 0.5


class LineReader:
    """Reads lines of one file block by block, and learns which of them the fast reading cannot take.

    Parameters
    ----------
    report
        Where problems go.
    is_exact
        Whether to use the exact reading alone; the results are the same.
    """

    def __init__(self, report: Report, *, is_exact: bool = False) -> None:
        self._report = report
        self._is_exact = is_exact
        self._splits_by_marker = False
        self.n_documents = 0

    def read_block(self, block: LineBlock) -> Iterator[SpanBatch]:
        """Yield batches with the spans of a block of lines."""
        n_lines = 0 if self._is_exact or self._splits_by_marker else _count_fitting(block.data)
        if n_lines:
            try:
                batch, odd = flatten(parse_data(block.data, n_lines))
            except Misfit:
                self._splits_by_marker = True
            else:
                self.n_documents += n_lines - len(odd)
                yield batch
                if odd:
                    lines = block.lines()
                    yield from self._read_exactly([lines[i] for i in odd])
                return
        yield from self.read(block.lines())

    def read(self, lines: Sequence[Line]) -> Iterator[SpanBatch]:
        """Yield batches with the spans of these lines."""
        if self._is_exact:
            yield from self._read_exactly(lines)
            return
        fast, exact = _partition(lines)
        if self._splits_by_marker:
            fast, marked = _split_by_marker(fast)
            exact += marked
        left: list[Line] = []
        yield from self._read_fast(fast, left)
        if len(fast) > _FEW_LINES and len(left) > _MAX_ODD_SHARE * len(fast):
            self._is_exact = True
        yield from self._read_exactly(sorted(exact + left, key=lambda line: line.offset_bytes))

    def _read_fast(self, lines: Sequence[Line], left: list[Line]) -> Iterator[SpanBatch]:
        """Yield batches of the lines that fit, and append the others to ``left``."""
        if not lines:
            return
        try:
            table = parse_data(b"\n".join([line.data for line in lines]), len(lines))
        except Misfit:
            if not self._splits_by_marker:
                self._splits_by_marker = True
                lines, marked = _split_by_marker(lines)
                left += marked
                if marked:
                    yield from self._read_fast(lines, left)
                    return
            yield from self._read_halves(lines, left)
            return
        batch, odd = flatten(table)
        left += [lines[i] for i in odd]
        self.n_documents += len(lines) - len(odd)
        yield batch

    def _read_halves(self, lines: Sequence[Line], left: list[Line]) -> Iterator[SpanBatch]:
        """Narrow down the lines that do not fit."""
        if len(lines) <= _FEW_LINES or len(left) > max(_MAX_ODD_SHARE * len(lines), 8 * _FEW_LINES):
            left += lines
            return
        middle = len(lines) // 2
        yield from self._read_fast(lines[:middle], left)
        yield from self._read_fast(lines[middle:], left)

    def _read_exactly(self, lines: Sequence[Line]) -> Iterator[SpanBatch]:
        """Yield one batch with the spans of all lines."""
        columns = BatchColumns()
        for line in lines:
            self._report.locate(offset_bytes=line.offset_bytes, line=line.number)
            try:
                document = orjson.loads(line.data)
            except orjson.JSONDecodeError as error:
                self._report.add(_describe_fault(line, error), sample=line.data.lstrip())
                continue
            self.n_documents += 1
            walk_document(document, columns, self._report)
        if columns.spans or columns.n_resources:
            yield columns.finish()


def _count_fitting(data: bytes) -> int:
    """Return how many lines there are if the fast reading may try all of them at once, else 0."""
    if not data.startswith(_FAST_START) or b"\x00" in data or not _is_utf8(data):
        return 0
    letters = np.frombuffer(data, dtype=np.uint8)
    starts = np.flatnonzero(letters == ord("\n")) + 1
    if len(starts) and starts[-1] == len(data):
        starts = starts[:-1]
    if len(starts) and starts[-1] + len(_FAST_START) > len(data):
        return 0
    # Compared letter by letter for all lines at once, which is several times faster than counting the text.
    if any((letters[starts + i] != letter).any() for i, letter in enumerate(_FAST_START)):
        return 0
    return len(starts) + 1


def _partition(lines: Sequence[Line]) -> tuple[list[Line], list[Line]]:
    """Return the lines that the fast reading may try, and the others."""
    fast: list[Line] = []
    exact: list[Line] = []
    for line in lines:
        data = line.data
        is_fit = data.startswith(_FAST_START) and b"\x00" not in data and _is_utf8(data)
        (fast if is_fit else exact).append(line)
    return fast, exact


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _split_by_marker(lines: Sequence[Line]) -> tuple[list[Line], list[Line]]:
    """Return the lines without a known odd marker, and those with one."""
    plain: list[Line] = []
    marked: list[Line] = []
    for line in lines:
        (marked if _ODD_MARKERS.search(line.data) else plain).append(line)
    return plain, marked


def _describe_fault(line: Line, error: orjson.JSONDecodeError) -> str:
    if line.is_cut:
        return "the last line is cut off, not read"
    what = "frame" if line.number is None else "line"
    if not _is_utf8(line.data):
        return f"{what} that is not UTF-8, not read"
    return f"{what} that is not JSON, not read: {error.msg}"
