"""Which traces are bad: labels from documents, and the split of all traces into discover, confirm and bad."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fluo_lab.errors import UsageError
from fluo_lab.traces import Traces

__all__ = ["Looks", "read_labels"]

_WORD = re.compile(r"[A-Za-z0-9_-]{4,}")


def read_labels(path: Path | str, traces: Traces) -> list[str]:
    """Return the ids of the traces that a text file names, in order of the traces.

    Any text will do: a post-mortem, a JSON document, one id a line. Hexadecimal ids may be in upper case.

    Raises
    ------
    UsageError
        When the file cannot be read as text, or names no trace of these.
    """
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror or error}): give a text file") from error
    words = set(_WORD.findall(text))
    words |= {word.lower() for word in words}
    ids: list[str] = traces.traces["trace_id"].to_list()
    found = [trace_id for trace_id in ids if trace_id in words]
    if not found:
        raise UsageError(
            f"{path}: names none of the {traces.n_traces:,} traces loaded: give a file with their full ids, "
            "or load the traces it is about"
        )
    return found


@dataclass(frozen=True)
class Looks:
    """The traces as mining looks at them, all masks of shape ``(n_traces,)``.

    Attributes
    ----------
    discover, confirm
        Good traces of the earlier and of the later half.
    bad
        Traces with an incident label.
    incidents
        For each incident's id, its traces.
    """

    discover: NDArray[np.bool_]
    confirm: NDArray[np.bool_]
    bad: NDArray[np.bool_]
    incidents: Mapping[str, NDArray[np.bool_]]

    @classmethod
    def of(
        cls,
        traces: Traces,
        bad: Iterable[str],
        incidents: Mapping[str, Collection[str]],
        *,
        judge_incomplete: bool,
    ) -> Looks:
        """Return the split; incomplete traces take part only when they are to be judged.

        Raises
        ------
        UsageError
            When a label names a trace that is not here.
        """
        row_of = {trace_id: row for row, trace_id in enumerate(traces.traces["trace_id"].to_list())}
        named = {key: list(ids) for key, ids in incidents.items()}
        everything = [*bad, *(trace_id for ids in named.values() for trace_id in ids)]
        unknown = [trace_id for trace_id in everything if trace_id not in row_of]
        if unknown:
            raise UsageError(
                f"{len(unknown):,} of {len(everything):,} labelled traces are not loaded, the first {unknown[0]!r}: "
                "load the traces of the incident, or keep to labels of these (read_labels does)"
            )
        usable = np.ones(traces.n_traces, dtype=np.bool_)
        if not judge_incomplete:
            usable &= ~traces.traces["is_incomplete"].to_numpy()
        masks = {key: _mask([row_of[t] for t in ids], traces.n_traces) for key, ids in named.items()}
        is_bad = _mask([row_of[t] for t in everything], traces.n_traces)
        good = usable & ~is_bad
        rank = np.cumsum(good)
        early = rank <= (rank[-1] + 1) // 2 if len(rank) else good
        return cls(good & early, good & ~early, usable & is_bad, masks)

    @property
    def good(self) -> NDArray[np.bool_]:
        """Good traces of both halves."""
        return self.discover | self.confirm


def _mask(rows: list[int], n: int) -> NDArray[np.bool_]:
    mask = np.zeros(n, dtype=np.bool_)
    mask[rows] = True
    return mask
