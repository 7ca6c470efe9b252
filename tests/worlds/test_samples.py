"""The committed samples are what they are said to be, and can be made again."""

import json
import re
from pathlib import Path

import pytest
import zstandard

from fluo_lab.worlds.dataset import Order, build_dataset
from fluo_lab.worlds.registry import WORLDS

DATASETS = Path(__file__).parents[2] / "datasets"


def content(path: Path) -> bytes:
    if path.suffix != ".zst":
        return path.read_bytes()
    with zstandard.open(path, "rb") as file:
        return file.read()


@pytest.mark.parametrize("name", list(WORLDS))
def test_a_sample_is_made_again_from_its_seed(tmp_path, name):
    again = build_dataset(Order(name), tmp_path).folder
    committed = DATASETS / name
    files = {path.relative_to(committed) for path in committed.rglob("*") if path.is_file()}
    assert files == {path.relative_to(again) for path in again.rglob("*") if path.is_file()}
    for file in files:
        assert content(committed / file) == content(again / file), file


def test_all_samples_together_are_small():
    assert sum(path.stat().st_size for path in DATASETS.rglob("*") if path.is_file()) <= 8_000_000


def test_the_datasheet_says_what_the_samples_are():
    text = (DATASETS / "DATASHEET.md").read_text()
    for name in WORLDS:
        described = json.loads((DATASETS / name / "dataset.json").read_bytes())
        counts = f"{described['traces']:,} | {described['spans']:,} | {described['invariants']} | "
        assert re.search(rf"\| `{name}` \| .* \| {counts}{len(described['incidents'])} \|", text), name
        for incident in described["incidents"]:
            broken = ", ".join(f"`{rule}`" for rule in incident["breaks"])
            assert f"| `{name}` | `{incident['id']}` | {broken} | {incident['traces']} |" in text
        assert f"--seed {described['seed']} --traces {described['visits']}" in text
