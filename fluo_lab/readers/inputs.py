"""From what a caller names to files: paths, patterns, directories, and sequences of these."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from pathlib import Path

from fluo_lab.errors import InputError

__all__ = ["TraceSource", "find_files"]

TraceSource = str | Path | Iterable[str | Path]
"""A path, a glob pattern, a directory, or several of these."""


def find_files(source: TraceSource) -> list[Path]:
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
    """Return all regular files below a directory, sorted."""
    files = sorted(file for file in directory.rglob("*") if file.is_file())
    if not files:
        raise InputError(f"{directory}: there is no file in this directory")
    return files
