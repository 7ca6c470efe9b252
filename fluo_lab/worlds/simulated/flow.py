"""Many visits that do the same kind of thing, and the spans they make."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fluo_lab.traces.schema import SpanKind
from fluo_lab.worlds import http
from fluo_lab.worlds.chance import Chances
from fluo_lab.worlds.questions import Which
from fluo_lab.worlds.simulated.planted import Planted
from fluo_lab.worlds.simulated.step import Step
from fluo_lab.worlds.simulated.values import Mask, Texts, Value, hex_texts, http_attributes
from fluo_lab.worlds.world import Run

__all__ = ["Flow"]

Times = NDArray[np.int64]


class Flow:
    """Many visits of one workflow; all arrays are as long as they are many.

    Attributes
    ----------
    run
        What is simulated.
    chances
        The visits' chances.
    start_ns
        When each visit begins, nanoseconds since 1970.
    steps
        The spans made so far.
    planted
        What has been broken so far.
    """

    def __init__(self, run: Run, visits: NDArray[np.int64]) -> None:
        self.run = run
        self.chances: Chances = run.chances(visits)
        self.start_ns = run.start_ns(visits)
        self.scope = http.scope_of(run.world.name)
        self.steps: list[Step] = []
        self.planted = Planted(run.world)
        self._turn = 0

    @property
    def n_visits(self) -> int:
        """How many visits there are."""
        return len(self.chances.visits)

    def next_turn(self) -> int:
        """Return a number that tells this question from all earlier ones of the flow."""
        self._turn += 1
        return self._turn

    def nobody(self) -> Mask:
        """Return a mask of no visit."""
        return np.zeros(self.n_visits, dtype=np.bool_)

    def everybody(self) -> Mask:
        """Return a mask of all visits."""
        return np.ones(self.n_visits, dtype=np.bool_)

    def pick(self, what: str, options: Sequence[str], weights: Sequence[float] = (), *, turn: int = 0) -> Texts:
        """Return one of the texts for each visit, as ``Chance.pick`` does."""
        codes = self.chances.pick_code(what, tuple(weights) or (1.0,) * len(options), turn=turn)
        return Texts(codes, tuple(options))

    def texts(self, which: Which, *, turn: int = 0) -> Texts:
        """Return the answer of each visit to a question, as ``Which.pick`` does."""
        return Texts(which.code(self.chances, turn=turn), which.options)

    def ids(self, prefix: str, what: str, *, turn: int = 0) -> pl.Series:
        """Return an identifier for each visit, as ``Chance.new_id`` does."""
        return hex_texts(self.chances.bits(what, turn=turn), prefix=f"{prefix}_")

    def suffers(self, incident_id: str, is_open: Mask, *, parts: Sequence[int] = (0,)) -> Mask:
        """Return which visits an incident harms, and plant the rules that it breaks in them.

        Parameters
        ----------
        is_open
            The visits that do what the incident can break.
        parts
            Which traces of a harmed visit break the rules.
        """
        incident = self.run.world.incident(incident_id)
        visits = self.chances.visits
        is_harmed = is_open & self.run.are_harmed(incident_id, visits)
        for part in parts:
            self.planted.add_incident(incident, visits[is_harmed], part)
            for rule in incident.breaks:
                self.planted.add_rule(rule, visits[is_harmed], part)
        window = self.run.window_visits(incident)
        is_innocent = is_open & ~is_harmed & (visits >= window.start) & (visits < window.stop)
        self.planted.add_innocent(incident, visits[is_innocent])
        return is_harmed

    def breaks(self, rule_id: str, where: Mask, *, part: int = 0) -> None:
        """Plant a broken rule in some visits' traces."""
        self.planted.add_rule(rule_id, self.chances.visits[where], part)

    @contextmanager
    def request(
        self,
        deployment: str,
        method: str,
        route: str,
        *,
        path: str | Texts | pl.Series | None = None,
        where: Mask | None = None,
        part: int = 0,
        after_us: int | NDArray[np.int64] = 0,
    ) -> Iterator[Step]:
        """Run an HTTP request from outside: the root of a visit's trace.

        Parameters
        ----------
        path
            The path with its values in place, where it differs from the route.
        where
            Which visits make it; all by default.
        part
            Which of a visit's traces it begins.
        after_us
            How long after the visit's start it arrives.
        """
        at = route if path is None else path
        root = self.start(
            http.server_name(method, route),
            deployment=deployment,
            scope=http.SERVER_SCOPE,
            kind=SpanKind.SERVER,
            parent=None,
            part=part,
            where=self.everybody() if where is None else where,
            start_ns=self.start_ns + np.asarray(after_us, dtype=np.int64) * 1000,
        )
        root.attributes += http_attributes(
            http.server_attributes(deployment, None, method, route, ""), http.SERVER_PATH, at
        )
        yield root
        root.finish()

    def start(
        self,
        name: str,
        *,
        deployment: str,
        scope: str,
        kind: SpanKind,
        parent: Step | None,
        where: Mask,
        start_ns: Times,
        part: int = 0,
        attributes: Mapping[str, Value] | None = None,
    ) -> Step:
        """Return a new span of some visits; ``Step.span`` and ``request`` are the ways to use it."""
        step = Step(
            flow=self,
            ordinal=len(self.steps),
            name=name,
            deployment=deployment,
            scope=scope,
            kind=kind,
            parent=parent,
            part=part if parent is None else parent.part,
            where=where,
            start_ns=start_ns.copy(),
            now_ns=start_ns.copy(),
            attributes=list((attributes or {}).items()),
        )
        self.steps.append(step)
        return step
