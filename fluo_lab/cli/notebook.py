"""``fluo lab``: open the notebooks."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from fluo_lab.cli.output import warn
from fluo_lab.errors import UsageError
from fluo_lab.shipped import shipped_folder

__all__ = ["lab"]


def lab(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Folder to work in.")] = Path(),
    port: Annotated[int, typer.Option(help="Port JupyterLab listens on.")] = 8888,
    browser: Annotated[bool, typer.Option(help="Open a browser window.")] = True,
) -> None:
    """Open JupyterLab on the notebooks; copies them into the folder when it has none.

    Options that fluo does not know go to JupyterLab, such as --allow-root.
    """
    if find_spec("jupyterlab") is None:
        raise UsageError("JupyterLab is not installed; run: pip install 'fluo-lab[notebook]'")
    folder = folder.resolve()
    notebooks = folder / "notebooks"
    if not notebooks.is_dir():
        shutil.copytree(shipped_folder("notebooks"), notebooks)
        if not (folder / "datasets").exists():
            shutil.copytree(shipped_folder("datasets"), folder / "datasets")
        warn(f"copied the notebooks to {notebooks}")
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={folder}", f"--port={port}"]
    command.append("--LabApp.default_url=/lab/tree/notebooks/01_from_traces_to_rule.ipynb")
    if not browser:
        command.append("--no-browser")
    command += context.args
    raise typer.Exit(subprocess.run(command, check=False).returncode)  # noqa: S603 - our own arguments
