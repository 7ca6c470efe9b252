"""Fixtures every room's tests share."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Machines differ and are shared: no generated case may fail for having been slow.
settings.register_profile("shared machines", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared machines")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real traces and conformance expressions that developers keep beside the checkout."""
    folder = Path(os.environ.get("FLUO_SHARED", Path(__file__).parents[2] / "shared"))
    if not (folder / "data" / "MANIFEST.tsv").exists():
        pytest.skip(f"no real traces at {folder}: set FLUO_SHARED to a folder that has data/MANIFEST.tsv")
    return folder
