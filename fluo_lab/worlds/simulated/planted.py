"""What a simulation knows to have gone wrong in it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from fluo_lab.worlds.ids import trace_ids_of
from fluo_lab.worlds.simulated.values import hex_texts
from fluo_lab.worlds.world import Incident, Run, World

__all__ = ["Planted"]

Pairs = NDArray[np.int64]


class Planted:
    """Which traces break which planted rule, and which incident harmed them.

    Traces are pairs (visit, part), shape ``(n, 2)``, in order.
    """

    def __init__(self, world: World) -> None:
        self._rules: dict[str, list[Pairs]] = {one.id: [] for one in world.invariants}
        self._incidents: dict[str, list[Pairs]] = {one.id: [] for one in world.incidents}
        self._innocent: dict[str, list[Pairs]] = {one.id: [] for one in world.incidents}

    def add_rule(self, rule_id: str, visits: NDArray[np.int64], part: int) -> None:
        """Note that these visits' traces break a rule."""
        self._rules[rule_id].append(_pairs(visits, part))

    def add_incident(self, incident: Incident, visits: NDArray[np.int64], part: int) -> None:
        """Note that an incident harmed these visits' traces."""
        self._incidents[incident.id].append(_pairs(visits, part))

    def add_innocent(self, incident: Incident, visits: NDArray[np.int64]) -> None:
        """Note that an incident could have harmed these visits and did not."""
        self._innocent[incident.id].append(_pairs(visits, 0))

    def add(self, other: Planted) -> None:
        """Take what another part of the simulation planted."""
        for mine, others in (
            (self._rules, other._rules),
            (self._incidents, other._incidents),
            (self._innocent, other._innocent),
        ):
            for key, pairs in others.items():
                mine[key] += pairs

    def broken(self, run: Run) -> dict[str, list[str]]:
        """Return for every rule the ids of the traces that break it, in order of their visits."""
        return {rule: _trace_ids(run, pairs) for rule, pairs in self._rules.items()}

    def harmed(self, run: Run) -> dict[str, list[str]]:
        """Return for every incident the ids of the traces it harmed, in order of their visits."""
        return {incident: _trace_ids(run, pairs) for incident, pairs in self._incidents.items()}

    def innocent(self, run: Run) -> dict[str, list[str]]:
        """Return for every incident the ids of the traces it could have harmed and did not."""
        return {incident: _trace_ids(run, pairs) for incident, pairs in self._innocent.items()}


def _pairs(visits: NDArray[np.int64], part: int) -> Pairs:
    return np.stack([visits, np.full(len(visits), part, dtype=np.int64)], axis=1)


def _trace_ids(run: Run, pairs: Iterable[Pairs]) -> list[str]:
    found = np.unique(np.concatenate([np.empty((0, 2), dtype=np.int64), *pairs]), axis=0)
    ids = np.empty(len(found), dtype=object)
    for part in np.unique(found[:, 1]).tolist():
        here = found[:, 1] == part
        ids[here] = hex_texts(trace_ids_of(run.chances(found[here, 0]), part=part)).to_list()
    texts: list[str] = ids.tolist()
    return texts
