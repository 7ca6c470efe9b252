"""The worlds without running them: whole arrays of visits at once, the same traces as the live systems make.

A world adds the spans of its visits to a ``Batch``; ``simulate`` turns them into a store, with what was planted.
"""

from fluo_lab.worlds.simulated.batch import Batch
from fluo_lab.worlds.simulated.flow import Flow
from fluo_lab.worlds.simulated.simulation import Simulated, plan, simulate
from fluo_lab.worlds.simulated.step import Step
from fluo_lab.worlds.simulated.values import Texts, When

__all__ = ["Batch", "Flow", "Simulated", "Step", "Texts", "When", "plan", "simulate"]
