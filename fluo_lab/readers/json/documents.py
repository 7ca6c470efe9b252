"""JSON documents in a file: one, several in a row, one a line, pretty-printed or not; damaged ones named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import orjson

from fluo_lab.readers.blocks import BLOCK_BYTES, MAX_HELD_BYTES, describe_line_fault
from fluo_lab.readers.json.envelope import Envelope
from fluo_lab.readers.json.frames import Document
from fluo_lab.readers.json.scan import Window
from fluo_lab.readers.report import Report
from fluo_lab.readers.source import Source

__all__ = ["Document", "read_documents", "split_documents"]


def read_documents(
    source: Source, report: Report, *, block_bytes: int = BLOCK_BYTES, limit_bytes: int = MAX_HELD_BYTES
) -> Iterator[Document]:
    """Yield the documents of a file; the report is placed at each before it is yielded.

    Documents may stand one a line or in a row, with blanks, record separators (RFC 7464) or nothing between them. A
    document of more than ``block_bytes`` comes as several of the same shape, cut between the elements of the array
    that holds its traces; so does a damaged one, without its damaged elements, which are reported.

    Parameters
    ----------
    source
        The file.
    report
        Where damage is named.
    block_bytes
        About how much is held, and how large the parts of a document are.
    limit_bytes
        An element larger than this is reported and left out.
    """
    yield from split_documents(source.chunks(report), report, block_bytes=block_bytes, limit_bytes=limit_bytes)


def split_documents(
    chunks: Iterable[bytes], report: Report, *, block_bytes: int = BLOCK_BYTES, limit_bytes: int = MAX_HELD_BYTES
) -> Iterator[Document]:
    r"""Yield the documents in a stream of bytes, as ``read_documents`` does.

    Examples
    --------
    >>> report = Report("a.jsonl")
    >>> [(d.value, d.offset_bytes, d.line) for d in split_documents([b'{"a":1}\n{"a":?}\n{"a":3}\n'], report)]
    [({'a': 1}, 0, 1), ({'a': 3}, 16, 3)]
    >>> [(problem.what, problem.line) for problem in report.problems()]
    [('line that is not JSON, not read: unexpected character, expected a JSON value', 2)]
    """
    yield from _Splitter(iter(chunks), report, block_bytes, limit_bytes).split()


class _Splitter:
    """Finds out, document by document, whether it is a line, a bounded piece of text, or larger or damaged."""

    def __init__(self, chunks: Iterator[bytes], report: Report, block_bytes: int, limit_bytes: int) -> None:
        self.window = Window(chunks, block_bytes=block_bytes, limit_bytes=limit_bytes)
        self._report = report
        self._block_bytes = block_bytes
        self._has_lines = False
        # Up to here, as an offset in the file, lines and bounded pieces of text have been found to be no documents.
        self._tried_bytes = 0

    def split(self) -> Iterator[Document]:
        """Yield the documents."""
        window = self.window
        while window.peek():
            end = window.find(b"\n", window.at)
            if end < 0 and not window.is_end and window.fill(self._block_bytes):
                continue
            if end < 0 and window.is_end:
                end = len(window.data)
            if end >= 0 and (document := self._try(end)):
                self._has_lines |= isinstance(document.value, dict | list)
                yield document
                continue
            window.note_opening()
            following = window.find_document(window.at + 1, len(window.data))
            if following is None and not window.is_end:
                if not window.fill(self._block_bytes):
                    yield from Envelope(window, self._report).walk(is_large=True)
                continue
            stop = len(window.data) if following is None else following
            if (end < 0 or window.skip_space(end) < stop) and (document := self._try(stop)):
                yield document
            else:
                yield from self._read_carefully(end)

    def _try(self, end: int) -> Document | None:
        """Return what stands up to a position if that is one document, and go behind it."""
        window = self.window
        start = window.at
        offset_bytes, line = window.place(start)
        if offset_bytes + end - start <= self._tried_bytes:
            return None
        data = window.data[start:end].rstrip(b"\x1e")
        try:
            value = orjson.loads(data)
        except orjson.JSONDecodeError:
            window.effort_bytes += end - start
            self._tried_bytes = offset_bytes + end - start
            return None
        window.at = end
        self._report.locate(offset_bytes=offset_bytes, line=line)
        return Document(value, offset_bytes, line, data)

    def _read_carefully(self, line_end: int) -> Iterator[Document]:
        """Yield a document that shares its line with others, or the whole parts of a damaged one; or drop a line."""
        window = self.window
        start = window.at
        scan = window.scan(start)
        if not scan.fault and window.is_followed_by_document(scan.end):
            data = window.data[start : scan.end]
            try:
                value = orjson.loads(data)
            except orjson.JSONDecodeError:
                window.effort_bytes += len(data)
            else:
                offset_bytes, line = window.place(start)
                window.at = scan.end
                self._report.locate(offset_bytes=offset_bytes, line=line)
                yield Document(value, offset_bytes, line, data)
                return
        if line_end >= 0 and self._is_line(line_end, scan.end):
            self._drop_line(line_end)
        else:
            yield from Envelope(window, self._report).walk(is_large=False)

    def _is_line(self, line_end: int, fault_at: int) -> bool:
        """Return whether a line that is no document was meant to be one, rather than the start of a longer one."""
        window = self.window
        following = window.skip_space(line_end)
        goes_on = fault_at > following and window.data[line_end : line_end + 1] == b"\n"
        if self._has_lines and not goes_on:
            return True
        if goes_on and not self._has_lines:
            return False
        stop = window.find(b"\n", following)
        if stop < 0 and not window.is_end:
            return self._has_lines
        line = window.data[following : stop if stop >= 0 else len(window.data)]
        window.effort_bytes += len(line)
        try:
            return isinstance(orjson.loads(line), dict | list)
        except orjson.JSONDecodeError:
            return False

    def _drop_line(self, end: int) -> None:
        """Report a line as the readers of lines do, and go behind it."""
        window = self.window
        line = window.data[window.at : end]
        try:
            orjson.loads(line)
            fault = "not one document"
        except orjson.JSONDecodeError as error:
            fault = error.msg
        what = describe_line_fault(line, fault, is_cut=end == len(window.data) and window.is_end)
        offset_bytes, number = window.place(window.at)
        self._report.locate(offset_bytes=offset_bytes, line=number)
        self._report.add(what, sample=line)
        window.at = end
