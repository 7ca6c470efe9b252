"""Which attributes the dedicated columns of a Tempo block hold: the ``meta.json`` beside the block says it.

grafana/tempo, ``tempodb/backend/block_meta.go`` (``DedicatedColumn``) and ``dedicatedColumnsToColumnMapping`` of the
encodings: within scope and type, names take the columns ``String01``, ``String02``, ``Int01`` in their order.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Final

import orjson

from fluo_lab.readers.report import Report

__all__ = ["DedicatedColumns", "read_dedicated_columns"]

DedicatedColumns = dict[str, dict[str, str]]
"""For each of the scopes ``resource``, ``span`` and ``event``, the attribute that each column holds."""

_META: Final = "meta.json"
_PREFIXES: Final = {"string": "String", "int": "Int"}


def read_dedicated_columns(block: Path, report: Report, *, has_options: bool) -> DedicatedColumns:
    """Return what the dedicated columns of a block hold, empty where nothing says so.

    Parameters
    ----------
    block
        The block's ``data.parquet``.
    has_options
        Whether the version of the block gives columns to names with options (5); others leave them out.
    """
    path = block.with_name(_META)
    try:
        meta = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, orjson.JSONDecodeError) as error:
        report.add(f"{_META} beside the block cannot be read: the names of its dedicated columns are unknown")
        report.add(f"{_META}: {error}")
        return {}
    listed = meta.get("dedicatedColumns") if type(meta) is dict else None
    found: DedicatedColumns = {"resource": {}, "span": {}, "event": {}}
    n_columns: Counter[tuple[str, str]] = Counter()
    for entry in listed if type(listed) is list else []:
        described = _describe(entry)
        if described is None:
            report.add(f"an entry of dedicatedColumns in {_META} that names no attribute, ignored", sample=repr(entry))
            continue
        scope, kind, name, options = described
        if scope in found and kind in _PREFIXES and (has_options or not options):
            n_columns[scope, kind] += 1
            found[scope][f"{_PREFIXES[kind]}{n_columns[scope, kind]:02d}"] = name
    return found


def _describe(entry: Any) -> tuple[str, str, str, Any] | None:
    """Return scope, type, name and options of an entry; scope and type are left out where they are the usual ones."""
    if type(entry) is not dict:
        return None
    scope, kind, name = entry.get("s") or "span", entry.get("t") or "string", entry.get("n")
    if type(scope) is not str or type(kind) is not str or type(name) is not str or not name:
        return None
    return scope, kind, name, entry.get("o")
