"""JSON documents in a file: one, several in a row, one a line, pretty-printed or not; damaged ones named."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from fluo_lab.readers.report import Report
from fluo_lab.readers.source import Source

__all__ = ["Document", "read_documents", "split_documents"]

_DOCUMENT_START = re.compile(rb"^[\[{]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed JSON document and where it stands.

    Attributes
    ----------
    value
        As ``orjson`` parses it.
    offset_bytes, line
        Place of its first byte in the decompressed content; the line counts from 1.
    """

    value: object
    offset_bytes: int
    line: int


def read_documents(source: Source, report: Report) -> Iterator[Document]:
    """Yield the documents of a file; the report is placed at each before it is yielded.

    A document that does not parse is reported and left out; reading goes on at the next one.
    """
    yield from split_documents(b"".join(source.chunks(report)), report)


def split_documents(data: bytes, report: Report) -> Iterator[Document]:
    """Yield parsed documents that stand in a row; after a damaged one, go on at the next line that starts one."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        pass
    else:
        report.locate(offset_bytes=0, line=1)
        yield Document(value, 0, 1)
        return
    # One character a byte, so that positions are offsets; the structure of JSON is ASCII. The standard library's
    # decoder finds where documents end, orjson reads them.
    text = data.decode("latin-1")
    scan = json.JSONDecoder().raw_decode
    at, line, counted = 0, 1, 0
    while at < len(data):
        if data[at : at + 1].isspace():
            at += 1
            continue
        line, counted = line + data.count(b"\n", counted, at), at
        report.locate(offset_bytes=at, line=line)
        end = at
        try:
            end = scan(text, at)[1]
            value = orjson.loads(data[at:end])
        except (ValueError, RecursionError) as error:
            is_cut = end == at and isinstance(error, json.JSONDecodeError) and not text[error.pos :].strip()
            what = "the last document is cut off, not read" if is_cut else "text that is no JSON document, not read"
            report.add(what, sample=data[at : at + 320])
            resume = max(end, at + 1, error.pos if isinstance(error, json.JSONDecodeError) and end == at else 0)
            following = _DOCUMENT_START.search(data, resume)
            at = following.start() if following else len(data)
        else:
            yield Document(value, at, line)
            at = end
