"""OTLP/JSON lines: the fast reading where lines fit it, the exact one where they do not, with equal results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import orjson

from fluo_lab.readers.blocks import Line, LineBlock, describe_line_fault
from fluo_lab.readers.collection import paused_collection
from fluo_lab.readers.columns import BatchColumns
from fluo_lab.readers.otlp.fast import FastLines, is_worth_trying
from fluo_lab.readers.otlp.json_pairs import read_json_pairs
from fluo_lab.readers.otlp.pairs import PairTable
from fluo_lab.readers.otlp.walk import walk_document
from fluo_lab.readers.report import Report
from fluo_lab.traces import SpanBatch

__all__ = ["LineReader"]


class LineReader:
    """Reads lines of one file block by block, and learns whether the fast reading is worth trying.

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
        self._pairs = PairTable(read_json_pairs)
        self._n_lines = 0
        self.n_documents = 0

    def read_block(self, block: LineBlock) -> Iterator[SpanBatch]:
        """Yield batches with the spans of the next block of lines, whose numbers are counted here."""
        block = replace(block, first_line=1 + self._n_lines)
        if self._is_exact:
            self._n_lines += block.count_lines()
            yield from self._read_exactly(block.lines())
            return
        fast = FastLines(self._pairs)
        with paused_collection():
            self._n_lines += fast.add_block(block)
            found = fast.finish()
        yield from self._deliver(*found)

    def read(self, lines: Sequence[Line]) -> Iterator[SpanBatch]:
        """Yield batches with the spans of these lines, which have no line feeds in them."""
        if self._is_exact:
            yield from self._read_exactly(lines)
            return
        fast = FastLines(self._pairs)
        with paused_collection():
            fast.add_lines(lines)
            found = fast.finish()
        yield from self._deliver(*found)

    def _deliver(self, batch: SpanBatch, n_fitting: int, odd: Sequence[Line]) -> Iterator[SpanBatch]:
        """Yield what was read fast, then the odd lines read exactly."""
        self._pairs.forget_when_full()
        self.n_documents += n_fitting
        if n_fitting:
            yield batch
        if odd:
            self._is_exact = not is_worth_trying(n_fitting, len(odd))
            yield from self._read_exactly(odd)

    def _read_exactly(self, lines: Sequence[Line]) -> Iterator[SpanBatch]:
        """Yield one batch with the spans of all lines."""
        columns = BatchColumns()
        with paused_collection():
            for line in lines:
                self._report.locate(offset_bytes=line.offset_bytes, line=line.number)
                try:
                    document = orjson.loads(line.data)
                except orjson.JSONDecodeError as error:
                    what = "frame" if line.number is None else "line"
                    fault = describe_line_fault(line.data, error.msg, is_cut=line.is_cut, what=what)
                    self._report.add(fault, sample=line.data.lstrip())
                    continue
                self.n_documents += 1
                walk_document(document, columns, self._report)
        if columns.spans or columns.n_resources:
            yield columns.finish()
