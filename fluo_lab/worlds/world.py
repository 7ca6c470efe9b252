"""What a system with known truth consists of, and one run of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fluo_lab.worlds.chance import Chance, Chances

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fluo_lab.worlds.live.client import Client
    from fluo_lab.worlds.live.service import Service
    from fluo_lab.worlds.simulated.batch import Batch

__all__ = ["START_NS", "Deployment", "Incident", "Invariant", "Run", "World"]

START_NS = 1_759_735_800_000_000_000
"""When simulations begin: 2025-10-06T07:30:00Z."""


@dataclass(frozen=True, slots=True)
class Invariant:
    """A rule planted in a system: its code keeps it, except where an incident breaks it.

    Attributes
    ----------
    id
        Short name, words joined by hyphens.
    name
        One sentence that a person would say.
    text
        The rule in the rule language.
    family
        The kind of rule, in the words mining uses (``presence``, ``precedence``, …).
    severity
        ``info``, ``low``, ``medium``, ``high`` or ``critical``.
    """

    id: str
    name: str
    text: str
    family: str
    severity: str = "high"


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that goes wrong in a system for a while.

    Attributes
    ----------
    id, title
        What it is called.
    breaks
        Ids of the invariants it breaks, the one that names the cause first.
    window
        When it happens, as shares of the run: visits from the first share on, up to the second.
    rate
        Share of the visits open to it that it harms inside the window.
    severity
        As for invariants.
    wrong_label_rate
        Share of the team's labels for it that are wrong: harmed traces without a label, innocent ones with one.
    """

    id: str
    title: str
    breaks: tuple[str, ...]
    window: tuple[float, float]
    rate: float
    severity: str = "high"
    wrong_label_rate: float = 0.1


@dataclass(frozen=True, slots=True)
class Deployment:
    """One running version of a service.

    Attributes
    ----------
    key
        What calls name it by; unique in its system.
    service, version
        ``service.name`` and ``service.version`` of its resource; two deployments may share a service.
    clock_offset_us
        How far its clock is ahead, in microseconds.
    """

    key: str
    service: str
    version: str
    clock_offset_us: int = 0

    @property
    def resource(self) -> dict[str, str]:
        """Its resource attributes."""
        pod = f"{self.key}-7d9f4c6b58-x2x7k"
        return {
            "service.name": self.service,
            "service.version": self.version,
            "service.instance.id": f"{self.key}-1",
            "deployment.environment.name": "production",
            "host.name": pod,
            "k8s.namespace.name": "production",
            "k8s.deployment.name": self.key,
            "k8s.pod.name": pod,
            "telemetry.sdk.language": "python",
            "telemetry.sdk.name": "opentelemetry",
        }


@dataclass(frozen=True, slots=True)
class World:
    """A system with known truth, as it runs and as it is simulated.

    Attributes
    ----------
    name, title, summary
        What it is called on the command line, in a heading, and in a paragraph.
    deployments
        What runs in it; the first is where visits come in.
    invariants, incidents
        What holds, and what breaks it.
    folder
        Where its post-mortem templates are: ``incidents/ID.md`` for every incident.
    visit_gap_s
        Mean time between two visits of a simulation, in seconds.
    simulate
        Adds the spans of a batch of visits to it.
    serve
        Registers the handlers of a deployment in its own process.
    visit
        What a client does in one visit of the running system.
    """

    name: str
    title: str
    summary: str
    deployments: tuple[Deployment, ...]
    invariants: tuple[Invariant, ...]
    incidents: tuple[Incident, ...]
    folder: Path
    visit_gap_s: float
    simulate: Callable[[Batch], None]
    serve: Callable[[Service], None]
    visit: Callable[[Client, Chance], None]

    def incident(self, incident_id: str) -> Incident:
        """Return an incident by its id."""
        return next(one for one in self.incidents if one.id == incident_id)


@dataclass(frozen=True, slots=True)
class Run:
    """What one simulation, or one run of the live system, is drawn from; equal runs give equal traces.

    Attributes
    ----------
    world
        The system.
    seed, n_visits
        What it is drawn from. A visit makes one trace, seldom two.
    is_counterfactual
        Whether everything that is no invariant is broken as often as not, so that a mined rule can be told to be
        true or a coincidence.
    has_incidents
        Whether incidents happen.
    """

    world: World
    seed: int
    n_visits: int
    is_counterfactual: bool = False
    has_incidents: bool = True

    def chance(self, visit: int) -> Chance:
        """Return the chances of one visit."""
        return Chance(self.seed, self.world.name, visit, is_counterfactual=self.is_counterfactual)

    def chances(self, visits: NDArray[np.int64]) -> Chances:
        """Return the chances of many visits."""
        return Chances(self.seed, self.world.name, visits, is_counterfactual=self.is_counterfactual)

    def start_ns(self, visits: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return when simulated visits begin, nanoseconds since 1970; visits are in order."""
        gap_ns = self.world.visit_gap_s * 1e9
        return START_NS + ((visits + self.chances(visits).uniform("arrival")) * gap_ns).astype("int64")

    def window_ns(self, incident: Incident) -> tuple[int, int]:
        """Return when an incident begins and ends in a simulation, nanoseconds since 1970."""
        inside = self.window_visits(incident)
        gap_ns = self.world.visit_gap_s * 1e9
        return START_NS + int(inside.start * gap_ns), START_NS + int(inside.stop * gap_ns)

    def window_visits(self, incident: Incident) -> range:
        """Return the numbers of the visits in the window of an incident."""
        first, end = (round(share * self.n_visits) for share in incident.window)
        return range(first, end)

    def is_harmed(self, incident_id: str, visit: int) -> bool:
        """Return whether an incident harms a visit that is open to it."""
        incident = self.world.incident(incident_id)
        is_inside = self.has_incidents and visit in self.window_visits(incident)
        return is_inside and self.chance(visit).happens(f"incident {incident_id}", incident.rate)

    def are_harmed(self, incident_id: str, visits: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which visits an incident harms if they are open to it, shape ``(n_visits,)``."""
        incident = self.world.incident(incident_id)
        inside = self.window_visits(incident)
        is_inside = (visits >= inside.start) & (visits < inside.stop) & self.has_incidents
        return is_inside & self.chances(visits).happens(f"incident {incident_id}", incident.rate)
