"""Simulated shops to mine, made once a session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import pytest

from fluo_lab.mining import Candidates, mine
from fluo_lab.readers import read_traces
from fluo_lab.traces import Traces
from fluo_lab.worlds import Truth, Violation, simulate_checkout


@dataclass(frozen=True)
class Shop:
    traces: Traces
    truth: Truth

    def mine(self) -> Candidates:
        return mine(self.traces, incidents={i.id: i.traces for i in self.truth.incidents})


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int, Violation | None], Shop]:
    """Gives the shop of a seed and an incident."""
    folder = tmp_path_factory.mktemp("shops")

    @cache
    def make(seed: int, incident: Violation | None) -> Shop:
        simulation = simulate_checkout(seed=seed, n_traces=800, incident=incident)
        path = folder / f"{seed}-{incident}.jsonl"
        simulation.write(path)
        return Shop(read_traces(path), simulation.truth)

    return make


@pytest.fixture(scope="session")
def double_charge(shop: Callable[[int, Violation | None], Shop]) -> Shop:
    return shop(101, Violation.DOUBLE_CHARGE)


@pytest.fixture(scope="session")
def mined(double_charge: Shop) -> Candidates:
    return double_charge.mine()
