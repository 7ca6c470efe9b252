"""What the process of a live run is told by the one that starts it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["FAULTY", "Instructions"]

FAULTY = 17
"""Exit code of the process of a service that has reported what went wrong."""


@dataclass(frozen=True, slots=True)
class Instructions:
    """What is to run.

    Attributes
    ----------
    run
        The pickled ``Run``; left to the services to load.
    deployments
        Keys of the deployments.
    folder
        Where each writes its spans, to ``KEY.jsonl``.
    time_scale
        Factor for the durations of ``Service.work``.
    """

    run: bytes
    deployments: tuple[str, ...]
    folder: Path
    time_scale: float
