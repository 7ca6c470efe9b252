"""A run of a world as a store of traces, without running it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fluo_lab.errors import UsageError
from fluo_lab.traces import Traces, TracesBuilder
from fluo_lab.worlds.simulated.assemble import assemble
from fluo_lab.worlds.simulated.batch import Batch
from fluo_lab.worlds.simulated.planted import Planted
from fluo_lab.worlds.world import Run

__all__ = ["Simulated", "plan", "simulate"]

_VISITS_AT_ONCE = 20_000


@dataclass(frozen=True, slots=True)
class Simulated:
    """Simulated traces and what is known of them.

    Attributes
    ----------
    run
        What they were drawn from.
    traces
        The store.
    planted
        What went wrong in them.
    """

    run: Run
    traces: Traces
    planted: Planted

    @property
    def broken(self) -> dict[str, list[str]]:
        """For every invariant the ids of the traces that break it, in order of their visits."""
        return self.planted.broken(self.run)

    @property
    def harmed(self) -> dict[str, list[str]]:
        """For every incident the ids of the traces it harmed, in order of their visits."""
        return self.planted.harmed(self.run)


def plan(run: Run) -> Planted:
    """Return what goes wrong in a run, without its traces: the same for the live system and its simulation."""
    planted = Planted(run.world)
    for batch in _batches(run, range(run.n_visits)):
        for flow in batch.flows:
            planted.add(flow.planted)
    return planted


def simulate(run: Run, *, visits: range | None = None) -> Simulated:
    """Return the traces of a run, or of some of its visits.

    Parameters
    ----------
    visits
        Which visits; their traces are the same whether they are simulated alone or with others.

    Raises
    ------
    UsageError
        When there are no visits, or some are not of the run.
    """
    wanted = range(run.n_visits) if visits is None else visits
    if not wanted or wanted.start < 0 or wanted.stop > run.n_visits or wanted.step != 1:
        raise UsageError(f"visits {wanted} of a run of {run.n_visits}: give a range of at least one, within the run")
    builder = TracesBuilder()
    planted = Planted(run.world)
    for batch in _batches(run, wanted):
        for flow in batch.flows:
            planted.add(flow.planted)
            spans = assemble(flow)
            if spans is not None:
                builder.add(spans)
    return Simulated(run, builder.finish(), planted)


def _batches(run: Run, visits: range) -> Iterator[Batch]:
    """Yield the visits in batches that a processor's cache can hold, simulated."""
    for first in range(visits.start, visits.stop, _VISITS_AT_ONCE):
        batch = Batch(run, np.arange(first, min(first + _VISITS_AT_ONCE, visits.stop), dtype=np.int64))
        run.world.simulate(batch)
        yield batch
