"""Systems with known truth: five that really run under the OpenTelemetry SDK, and their simulation to any size.

A world plants invariants and has incidents that break them, and knows which traces those are. ``simulate`` makes a
run's traces, ``run_live`` runs the very same, ``build_dataset`` writes either down. Names are loaded when first used:
the processes of a live run load no more than they need.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fluo_lab.worlds.dataset import Order, build_dataset, cached_dataset
    from fluo_lab.worlds.live.run import run_live
    from fluo_lab.worlds.registry import WORLDS, world_named
    from fluo_lab.worlds.simulated import Simulated, simulate
    from fluo_lab.worlds.world import Incident, Invariant, Run, World

__all__ = [
    "WORLDS",
    "Incident",
    "Invariant",
    "Order",
    "Run",
    "Simulated",
    "World",
    "build_dataset",
    "cached_dataset",
    "run_live",
    "simulate",
    "world_named",
]

_HOMES = {
    "WORLDS": "registry",
    "Incident": "world",
    "Invariant": "world",
    "Order": "dataset",
    "Run": "world",
    "Simulated": "simulated",
    "World": "world",
    "build_dataset": "dataset",
    "cached_dataset": "dataset",
    "run_live": "live.run",
    "simulate": "simulated",
    "world_named": "registry",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'fluo_lab.worlds' has no attribute {name!r}")
    return getattr(import_module(f"fluo_lab.worlds.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
