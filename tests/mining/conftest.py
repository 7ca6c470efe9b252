"""Simulated shops to mine, made once a session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import pytest

from fluo_lab.mining import Candidates, mine
from fluo_lab.traces import Traces
from fluo_lab.worlds import Run, simulate
from fluo_lab.worlds.checkout import CHECKOUT


@dataclass(frozen=True)
class Shop:
    traces: Traces
    harmed: dict[str, list[str]]

    def mine(self) -> Candidates:
        return mine(self.traces, incidents=self.harmed)


@pytest.fixture(scope="session")
def shop() -> Callable[..., Shop]:
    """Gives the shop of a seed, with its incidents or without."""

    @cache
    def make(seed: int, *, has_incidents: bool = True) -> Shop:
        simulated = simulate(Run(CHECKOUT, seed, 800, has_incidents=has_incidents))
        return Shop(simulated.traces, {name: ids for name, ids in simulated.harmed.items() if ids})

    return make


@pytest.fixture(scope="session")
def harmed_shop(shop: Callable[..., Shop]) -> Shop:
    return shop(101)


@pytest.fixture(scope="session")
def mined(harmed_shop: Shop) -> Candidates:
    return harmed_shop.mine()
