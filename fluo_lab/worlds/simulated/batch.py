"""Some of the visits of a run, before they are told apart by what they do."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fluo_lab.worlds.chance import Chances
from fluo_lab.worlds.simulated.flow import Flow
from fluo_lab.worlds.simulated.values import Mask
from fluo_lab.worlds.world import Run

__all__ = ["Batch"]


class Batch:
    """Visits to simulate together.

    Attributes
    ----------
    run
        What is simulated.
    chances
        The visits' chances.
    flows
        The workflows asked for so far.
    """

    def __init__(self, run: Run, visits: NDArray[np.int64]) -> None:
        self.run = run
        self.chances: Chances = run.chances(visits)
        self.flows: list[Flow] = []

    def flow(self, where: Mask) -> Flow:
        """Return a workflow of some of the visits; each visit belongs in one workflow only.

        Raises
        ------
        ValueError
            When a visit is in a workflow already.
        """
        visits = self.chances.visits[where]
        for other in self.flows:
            if np.intersect1d(other.chances.visits, visits, assume_unique=True).size:
                raise ValueError("a visit belongs in one workflow only: the masks of two workflows overlap")
        flow = Flow(self.run, visits)
        self.flows.append(flow)
        return flow
