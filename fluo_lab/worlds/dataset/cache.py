"""Datasets built once and kept, so that nobody waits for the same one twice."""

from __future__ import annotations

import os
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

import orjson

from fluo_lab.worlds.dataset.build import Built, Order, build_dataset

__all__ = ["cache_folder", "cached_dataset"]

_VARIABLE = "FLUO_LAB_CACHE"


def cache_folder() -> Path:
    """Return where built datasets are kept: ``FLUO_LAB_CACHE``, or ``fluo_lab`` in the user's cache folder."""
    if chosen := os.environ.get(_VARIABLE):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fluo_lab"


def cached_dataset(order: Order, *, on_progress: Callable[[int], None] = lambda _: None) -> Built:
    """Return a dataset from the cache, after building it where it is not there.

    A change of the worlds' code is another dataset.

    Raises
    ------
    UsageError
        When it cannot be built.
    """
    key = blake2b(f"{order!r}/{_revision()}".encode(), digest_size=8).hexdigest()
    folder = cache_folder() / "datasets" / key
    described = folder / order.world / "dataset.json"
    if described.is_file():
        description = orjson.loads(described.read_bytes())
        return Built(described.parent, described.parent / description["path"], description)
    return build_dataset(order, folder, on_progress=on_progress)


def _revision() -> str:
    """Return a digest of everything a dataset is made from."""
    digest = blake2b(digest_size=16)
    worlds = Path(__file__).parents[1]
    for path in sorted(one for one in worlds.rglob("*") if one.suffix in {".py", ".md"}):
        digest.update(path.relative_to(worlds).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
