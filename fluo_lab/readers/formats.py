"""The formats that are read, and finding out by its content which one a file has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Protocol

from fluo_lab.errors import InputError
from fluo_lab.readers.otlp_json import OtlpJson
from fluo_lab.readers.otlp_protobuf import OtlpProtobuf
from fluo_lab.readers.own_parquet import OwnParquet
from fluo_lab.readers.report import Report
from fluo_lab.readers.source import Source
from fluo_lab.traces import SpanBatch

__all__ = ["FORMATS", "Format", "find_format"]


class Format(Protocol):
    """A way traces are written to files."""

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    def recognise(self, head: bytes) -> bool:
        """Return whether content that starts so is of this format."""
        ...

    def read(self, source: Source, report: Report) -> Iterator[SpanBatch]:
        """Yield the spans in batches.

        Raises
        ------
        InputError
            Nothing in the file could be read; raised before the first batch.
        """
        ...


FORMATS: Final[tuple[Format, ...]] = (OwnParquet(), OtlpJson(), OtlpProtobuf())
"""Asked in this order; the first that recognises a file reads it."""

# Formats that are known by sight only: a pattern in the head and the name.
_KNOWN_BY_SIGHT: Final = (
    (re.compile(rb'"(?:traceID|spanID)"(?s:.*)"(?:processes|processID|process|operationName)"'), "Jaeger JSON"),
    (re.compile(rb'"(?:localEndpoint|remoteEndpoint|binaryAnnotations)"'), "Zipkin JSON"),
    (re.compile(rb'"trace_?[iI]d"\s*:'), "JSON spans without resourceSpans"),
    (re.compile(rb"\A\s*[\[{]"), "JSON of another kind"),
    (re.compile(rb"\A(?:\xff\xfe|\xfe\xff)"), "text in UTF-16"),
    (re.compile(rb"\A[^\n{}\[\]]*[Tt]race_?[Ii][Dd][^\n{}\[\]]*[,;\t][^\n]*\n"), "CSV"),
)
_SHOWN_BYTES = 40


def find_format(source: Source) -> Format:
    """Return the format of a file, judged by its content alone.

    Raises
    ------
    InputError
        The file is empty, unreadable, or of no format that is read.
    """
    head = source.head
    found = next((candidate for candidate in FORMATS if candidate.recognise(head)), None)
    if found is not None:
        return found
    sight = next((name for pattern, name in _KNOWN_BY_SIGHT if pattern.search(head)), None)
    known = ", ".join(candidate.name for candidate in FORMATS)
    look = f"looks like {sight}, which is not read yet" if sight else "no known format"
    raise InputError(
        f"{source.name}: {look}; it begins with {head[:_SHOWN_BYTES]!r}. Formats read: {known}, "
        "also compressed with gzip or zstd. Export the traces as OTLP/JSON"
    )
