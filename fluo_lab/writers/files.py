"""Files that are complete or not there, compressed as their names say."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, cast
from uuid import uuid4

import zstandard

__all__ = ["write_file"]

_GZIP_LEVEL = 6


def write_file(path: str | Path, pieces: Iterable[bytes]) -> Path:
    """Write pieces to a file by way of a temporary one beside it, and return the path.

    A name ending in ``.gz`` or ``.zst`` is compressed so. Equal pieces give equal bytes.

    Raises
    ------
    OSError
        The file cannot be written; nothing is left behind.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}-{uuid4().hex[:8]}.partial")
    try:
        with ExitStack() as stack:
            sink = stack.enter_context(partial.open("xb"))
            out = _compressed(stack, sink, path.suffix.lower())
            for piece in pieces:
                out.write(piece)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def _compressed(stack: ExitStack, sink: BinaryIO, suffix: str) -> BinaryIO:
    """Return where plain bytes go so that the file holds them compressed."""
    if suffix == ".gz":
        # Neither name nor time go into the header, so that equal content gives equal files.
        packed = gzip.GzipFile("", "wb", compresslevel=_GZIP_LEVEL, fileobj=sink, mtime=0)
        return cast("BinaryIO", stack.enter_context(packed))
    if suffix == ".zst":
        return cast("BinaryIO", stack.enter_context(zstandard.ZstdCompressor().stream_writer(sink, closefd=False)))
    return sink
