"""Where the files that travel with fluo_lab lie: in the installed package, or in a checkout beside it."""

from __future__ import annotations

from pathlib import Path

from fluo_lab.errors import UsageError

__all__ = ["shipped_folder"]


def shipped_folder(kind: str) -> Path:
    """Return the folder of the shipped ``rules``, ``notebooks`` or ``datasets``.

    Raises
    ------
    UsageError
        When the installation lacks it.

    Examples
    --------
    >>> (shipped_folder("datasets") / "checkout").is_dir()
    True
    """
    package = Path(__file__).parent
    for folder in (package / "_shipped" / kind, package.parent / kind):
        if folder.is_dir():
            return folder
    raise UsageError(f"this installation of fluo-lab has no {kind}; reinstall it from its wheel or a checkout")
