"""From what a caller names to files: paths, patterns, directories, and sequences of these."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable
from pathlib import Path

from fluo_lab.errors import InputError
from fluo_lab.traces.buckets import DESCRIPTION

__all__ = ["find_files"]

_TEMPO_DATA = "data.parquet"
_BESIDE_TEMPO_DATA = re.compile(r"meta(?:\.compacted)?\.json|bloom-\d+|index(?:\..*)?|nocompact\.flg")


def find_files(source: str | Path | Iterable[str | Path]) -> list[Path]:
    """Return the files that a source names, each once, in order.

    Parameters
    ----------
    source
        A path; a pattern with ``*``, ``?`` or ``[``, where ``**`` stands for any depth; a directory, for all
        regular files below it in order of their paths; or several of these.

    Raises
    ------
    InputError
        A path does not exist, a directory holds no files, or a pattern matches none.
    """
    several = [source] if isinstance(source, str | os.PathLike) else list(source)
    if not several:
        raise InputError("no path given to read traces from")
    files: dict[Path, Path] = {}
    for one in several:
        for file in _expand(one):
            files.setdefault(file.resolve(), file)
    return list(files.values())


def _expand(source: str | Path) -> list[Path]:
    """Return the files one path or pattern names."""
    path = Path(source)
    try:
        is_there = path.exists()
    except (OSError, ValueError) as error:
        raise InputError(f"{source!r}: not a path: {error}") from error
    if is_there:
        return _files_below(path) if path.is_dir() else [path]
    pattern = os.fspath(source)
    if not any(c in pattern for c in "*?["):
        raise InputError(f"{pattern}: there is no such file or directory")
    matches = [Path(match) for match in sorted(glob.glob(pattern, recursive=True))]
    files = [match for match in matches if match.is_file()]
    if not files:
        raise InputError(f"{pattern}: no file matches this pattern")
    return files


def _files_below(directory: Path) -> list[Path]:
    """Return the regular files below a directory that may hold traces, sorted.

    Files and folders whose names begin with a dot are left out, as shells leave them out; so are what describes a
    folder of buckets, and what stands beside the data of a Tempo block.
    """
    found = sorted(file for file in directory.rglob("*") if file.is_file())
    folders = {file.parent for file in found if file.name == _TEMPO_DATA}
    files = [
        file
        for file in found
        if not any(part.startswith(".") for part in file.relative_to(directory).parts)
        and file.name != DESCRIPTION
        and not (file.parent in folders and _BESIDE_TEMPO_DATA.fullmatch(file.name))
    ]
    if not files:
        raise InputError(f"{directory}: there is no file in this directory")
    return files
