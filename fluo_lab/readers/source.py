"""One input file: its bytes as a stream, decompressed, whatever the name says."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import zstandard

from fluo_lab.errors import InputError
from fluo_lab.readers.report import Report

__all__ = ["ZSTD_MAGIC", "Source"]

GZIP_MAGIC: Final = b"\x1f\x8b"
ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_BOM = b"\xef\xbb\xbf"
_HEAD_BYTES = 1 << 16
# Compressed input is fed in small pieces, so that what one piece unpacks to stays small too: zstd packs 128 KiB of one
# byte into four.
_PLAIN_CHUNK_BYTES = 1 << 22
_COMPRESSED_CHUNK_BYTES = 1 << 13
# Random ids alone keep traces from being packed to a hundredth.
_BOMB_BYTES = 1 << 28
_BOMB_RATIO = 1000


def _ignore_progress(n_bytes: int) -> None:
    """Take no notice of bytes read."""


@dataclass(frozen=True)
class Source:
    """A file to read.

    Attributes
    ----------
    path
        Where it is.
    name
        What it is called in messages.
    on_bytes
        Called with the number of bytes taken from disk, for a progress bar.
    """

    path: Path
    name: str
    on_bytes: Callable[[int], None] = _ignore_progress

    @cached_property
    def head(self) -> bytes:
        """The first 64 KiB of the content, decompressed, without a byte order mark.

        Raises
        ------
        InputError
            The file cannot be opened, is empty, or its first compressed bytes are damaged.
        """
        silent = Source(self.path, self.name)
        report = Report(self.name)
        head = bytearray()
        for chunk in silent.chunks(report):
            head += chunk
            if len(head) >= _HEAD_BYTES:
                break
        if not head:
            faults = "; ".join(problem.what for problem in report.problems())
            raise InputError(f"{self.name}: {faults or 'the file is empty'}")
        return bytes(head[:_HEAD_BYTES])

    def chunks(self, report: Report) -> Iterator[bytes]:
        """Yield the content piece by piece, decompressed, without a byte order mark.

        Damaged or cut-off compressed data ends the stream, and so does a disk that fails midway; the report says so
        and what came before stands.

        Raises
        ------
        InputError
            Not even the first bytes can be read.
        """
        is_first = True
        for chunk in self._decompressed(report):
            if is_first and len(chunk) >= len(_BOM):
                chunk = chunk.removeprefix(_BOM)
            is_first = False
            if chunk:
                yield chunk

    def _decompressed(self, report: Report) -> Iterator[bytes]:
        n_read = 0
        try:
            with self.path.open("rb") as file:
                head = file.read(len(ZSTD_MAGIC))
                file.seek(0)
                unpacker = _Unpacker.of(head, report)
                size = _COMPRESSED_CHUNK_BYTES if unpacker else _PLAIN_CHUNK_BYTES
                while raw := file.read(size):
                    n_read += len(raw)
                    self.on_bytes(len(raw))
                    if unpacker is None:
                        yield raw
                        continue
                    yield from unpacker.feed(raw)
                    if unpacker.is_done:
                        return
                if unpacker is not None:
                    unpacker.check_end()
        except OSError as error:
            if n_read == 0:
                raise InputError(f"{self.name}: cannot be read: {error.strerror or error}") from error
            report.add(f"reading stopped after {n_read} bytes: {error.strerror or error}; what came before was read")


class _Unpacker:
    """Decompresses gzip or zstd piece by piece, over all members of the file."""

    def __init__(self, name: str, magic: bytes, make: Callable[[], Any], report: Report) -> None:
        self._name = name
        self._magic = magic
        self._make = make
        self._member = make()
        self._report = report
        self._n_packed, self._n_plain = 0, 0
        self.is_done = False

    @classmethod
    def of(cls, head: bytes, report: Report) -> _Unpacker | None:
        """Return what unpacks a file with this head, or None where nothing is packed."""
        if head.startswith(GZIP_MAGIC):
            return cls("gzip", GZIP_MAGIC, lambda: zlib.decompressobj(wbits=31), report)
        if head.startswith(ZSTD_MAGIC):
            return cls("zstd", ZSTD_MAGIC, lambda: zstandard.ZstdDecompressor().decompressobj(), report)
        return None

    def feed(self, raw: bytes) -> Iterator[bytes]:
        """Yield what a piece unpacks to."""
        self._n_packed += len(raw)
        while raw and not self.is_done:
            if self._member.eof:
                if not raw.startswith(self._magic[: len(raw)]):
                    self.is_done = True
                    if raw.strip(b"\x00"):
                        self._report.add(f"bytes after the end of the {self._name} data, ignored", sample=raw)
                    return
                self._member = self._make()
            try:
                plain = self._member.decompress(raw)
            except (zlib.error, zstandard.ZstdError) as error:
                self.is_done = True
                self._report.add(f"the {self._name} data is damaged; what came before was read", sample=str(error))
                return
            raw = self._member.unused_data if self._member.eof else b""
            if plain:
                self._n_plain += len(plain)
                yield plain
                if self._n_plain > _BOMB_BYTES and self._n_plain > _BOMB_RATIO * self._n_packed:
                    self.is_done = True
                    self._report.add(
                        f"the {self._name} data unpacks to more than {_BOMB_RATIO:,} times its size, as no traces do; "
                        "what came before was read"
                    )
                    return

    def check_end(self) -> None:
        """Report data that stops in the middle."""
        if not self._member.eof:
            self._report.add(f"the {self._name} data ends early; what came before was read")
