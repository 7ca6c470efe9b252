"""A folder of our own Parquet that grows with every save and is read part by part.

Each trace belongs to one of a fixed number of buckets, by a hash of its id, so that all saves of a trace meet in one
bucket and a bucket can be judged alone. Months of traces are read with the memory of one bucket.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import numpy as np
import orjson
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from fluo_lab.errors import InputError, UsageError
from fluo_lab.traces.build import TracesBuilder
from fluo_lab.traces.findings import Findings
from fluo_lab.traces.parquet import (
    OWN_FORMAT,
    is_own_parquet,
    open_writer,
    read_batches,
    read_findings,
    span_frames,
    write_rows,
)
from fluo_lab.traces.tables import Input

if TYPE_CHECKING:
    from fluo_lab.traces.store import Traces

__all__ = ["DESCRIPTION", "MAX_BUCKETS", "buckets_of", "hash_ids", "read_buckets", "write_buckets"]

MAX_BUCKETS: Final = 4096
"""More would be more files than traces."""

_LAYOUT: Final = "fluo_lab.buckets/v1"
DESCRIPTION: Final = "fluo_lab.json"
"""The file in a folder that says how its traces are shared out."""

_OPEN_FILES: Final = 64
_IS_PART = re.compile(r"part-([0-9]{6,})-[0-9a-f]{12}\.parquet").fullmatch

# FNV-1a with 64 bits, and the finaliser of MurmurHash3, which spreads what ids differ in over all bits.
_FNV_OFFSET: Final = np.uint64(0xCBF29CE484222325)
_FNV_PRIME: Final = np.uint64(0x100000001B3)
_MIX: Final = (np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53))
_SHIFT: Final = np.uint64(33)
_LONGEST_BYTES: Final = 64


def write_buckets(traces: Traces, folder: str | Path, *, buckets: int = 64) -> Path:
    """Add a store to a folder of buckets, made where it is not there, and return the folder.

    Every save writes one new file a bucket that has traces in it, ``bucket=07/part-000003-<unique>.parquet`` in the
    third save, and changes none that is there; the files of one save have one name. Each is complete or not there. A
    save that is interrupted may leave some of its files and not others.

    Parameters
    ----------
    traces
        What to add; problems and sources are not kept.
    folder
        A folder that is empty, holds buckets already, or does not exist; its parent must.
    buckets
        Among how many the traces are shared out, written down in ``fluo_lab.json`` by the first save.

    Raises
    ------
    UsageError
        The number is not between 1 and 4096, or not that of the saves before; or the folder holds something else.
    """
    if not 1 <= buckets <= MAX_BUCKETS:
        raise UsageError(f"buckets is {buckets}, expected 1 to {MAX_BUCKETS}")
    folder = Path(folder)
    _describe(folder, buckets)
    name = f"part-{_last_save(folder) + 1:06d}-{uuid4().hex[:12]}.parquet"
    bucket_of = buckets_of(traces.traces["trace_id"], buckets)
    for low in range(0, buckets, _OPEN_FILES):
        _write_some(traces, folder, name, bucket_of, low, min(low + _OPEN_FILES, buckets), buckets)
    return folder


def _write_some(
    traces: Traces, folder: Path, name: str, bucket_of: NDArray[np.uint16], low: int, high: int, buckets: int
) -> None:
    """Write the parts of the buckets from ``low`` to ``high``, exclusive, in one pass over their spans."""
    findings = traces.findings
    of_span = bucket_of[traces.trace_of]
    rows = np.flatnonzero((of_span >= low) & (of_span < high))
    with ExitStack() as stack:
        writers: dict[int, Any] = {}
        done = 0
        for frame in span_frames(traces, rows):
            here = pl.Series("_bucket", of_span[rows[done : done + frame.height]])
            done += frame.height
            for (bucket,), part in frame.with_columns(here).partition_by("_bucket", as_dict=True).items():
                if bucket not in writers:
                    path = _bucket_folder(folder, bucket, buckets)
                    path.mkdir(exist_ok=True)
                    ids = traces.traces["trace_id"].filter(pl.Series(bucket_of == bucket))
                    writers[bucket] = stack.enter_context(open_writer(path / name, findings.of(ids)))
                write_rows(writers[bucket], part.drop("_bucket"))


def read_buckets(folder: str | Path, *, only: Iterable[int] | None = None) -> Iterator[Traces]:
    """Return the buckets of a folder that have traces in them, one store each, read when its turn comes.

    A store holds all that was ever saved of its traces: one that several saves have parts of is whole again, and is
    declared incomplete if any save said so. A span that was saved twice is there twice, in the order of the saves,
    because a repeated id alone does not tell a repetition from two spans. Traces are not in order over buckets.

    Parameters
    ----------
    folder
        As ``write_buckets`` left it.
    only
        Numbers of the buckets to read, in this order; all where it is not given. Disjoint ranges share the work among
        several processes.

    Raises
    ------
    InputError
        There are no buckets in the folder, or a file in it cannot be read.
    UsageError
        There is no bucket of such a number.
    """
    folder = Path(folder)
    buckets = _read_description(folder)
    if buckets is None:
        raise InputError(f"{folder}: no {DESCRIPTION} in it, so no folder that write_buckets made")
    numbers = range(buckets) if only is None else list(only)
    wrong = [number for number in numbers if not 0 <= number < buckets]
    if wrong:
        raise UsageError(f"{folder}: there is no bucket {wrong[0]}; they are numbered 0 to {buckets - 1}")
    return _read(folder, numbers, buckets)


def _read(folder: Path, numbers: Iterable[int], buckets: int) -> Iterator[Traces]:
    for number in numbers:
        paths = _parts(_bucket_folder(folder, number, buckets))
        if not paths:
            continue
        builder = TracesBuilder()
        findings: list[Findings] = []
        for path in paths:
            try:
                if not is_own_parquet(path):
                    raise InputError(f"{path}: a Parquet file that fluo_lab did not write; take it out of the folder")
                findings.append(read_findings(path))
                for batch in read_batches(path):
                    builder.add(batch)
            except (pa.ArrowException, OSError, pl.exceptions.PolarsError, ValueError, KeyError) as error:
                raise InputError(f"{path}: a damaged Parquet file: {error}") from error
        inputs = [Input(str(path), OWN_FORMAT, path.stat().st_size) for path in paths]
        yield builder.finish(inputs=inputs, findings=Findings.joined(findings))


def buckets_of(trace_ids: pl.Series, buckets: int) -> NDArray[np.uint16]:
    """Return the bucket of each trace id: its hash modulo the number of buckets.

    Examples
    --------
    >>> buckets_of(pl.Series([f"{number:032x}" for number in range(1, 6)]), 64).tolist()
    [59, 50, 30, 30, 47]
    """
    return (hash_ids(trace_ids) % np.uint64(buckets)).astype(np.uint16)


def hash_ids(ids: pl.Series) -> NDArray[np.uint64]:
    """Return a hash of each id that is the same on every machine and in every version.

    FNV-1a with 64 bits over the UTF-8 of the id, then the finaliser of MurmurHash3, without which ids that count up
    would not spread. Of an id longer than 64 bytes, the hexadecimal BLAKE2b hash with 32 bytes is hashed.

    Parameters
    ----------
    ids
        Strings without nulls.
    """
    lengths = ids.str.len_bytes().to_numpy()
    hashes = np.full(len(ids), _FNV_OFFSET)
    for length in np.unique(lengths).tolist():
        at = np.flatnonzero(lengths == length)
        texts = ids.gather(at).to_list()
        if length > _LONGEST_BYTES:
            texts = [blake2b(text.encode(), digest_size=32).hexdigest() for text in texts]
            length = _LONGEST_BYTES
        columns = np.frombuffer("".join(texts).encode(), dtype=np.uint8).reshape(len(at), length).T
        found = hashes[at]
        for column in columns.astype(np.uint64):
            found ^= column
            found *= _FNV_PRIME
        hashes[at] = found
    for factor in _MIX:
        hashes ^= hashes >> _SHIFT
        hashes *= factor
    return hashes ^ (hashes >> _SHIFT)


def _describe(folder: Path, buckets: int) -> None:
    """Write down the number of buckets, or check that it is the one written down."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder}: is a file; buckets are a folder of files")
    folder.mkdir(exist_ok=True)
    found = _read_description(folder)
    if found is None:
        if any(not entry.name.startswith(".") for entry in folder.iterdir()):
            raise UsageError(f"{folder}: holds files, but no {DESCRIPTION}; give an empty folder, or a new one")
        partial = folder / f".{DESCRIPTION}.{os.getpid()}-{uuid4().hex[:8]}.partial"
        partial.write_bytes(orjson.dumps({"layout": _LAYOUT, "buckets": buckets}, option=orjson.OPT_APPEND_NEWLINE))
        try:
            # A link, unlike a renamed file, never replaces what another process has put there meanwhile.
            with suppress(FileExistsError):
                os.link(partial, folder / DESCRIPTION)
        finally:
            partial.unlink()
        found = _read_description(folder)
    if found != buckets:
        raise UsageError(f"{folder}: its traces are shared out among {found} buckets, not {buckets}; save with {found}")


def _read_description(folder: Path) -> int | None:
    """Return the number of buckets, or None where nothing is written down."""
    path = folder / DESCRIPTION
    try:
        found = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, orjson.JSONDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    buckets = found.get("buckets") if type(found) is dict and found.get("layout") == _LAYOUT else None
    if type(buckets) is not int or not 1 <= buckets <= MAX_BUCKETS:
        raise InputError(f"{path}: no description of {_LAYOUT}; another version of fluo_lab may have written it")
    return buckets


def _bucket_folder(folder: Path, number: int, buckets: int) -> Path:
    return folder / f"bucket={number:0{max(len(str(buckets - 1)), 2)}d}"


def _parts(folder: Path) -> list[Path]:
    """Return the parts of a bucket in the order of the saves."""
    if not folder.is_dir():
        return []
    found = [(path, match) for path in folder.iterdir() if (match := _IS_PART(path.name))]
    return [path for path, match in sorted(found, key=lambda pair: (int(pair[1][1]), pair[0].name))]


def _last_save(folder: Path) -> int:
    """Return the number of the last save, 0 where there is none."""
    found = (_IS_PART(path.name) for path in folder.glob("bucket=*/part-*.parquet"))
    return max((int(match[1]) for match in found if match), default=0)
