"""Simulated: what the steps of all workflows are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fluo_lab.worlds.health import drawn
from fluo_lab.worlds.simulated import Flow, Step, Texts
from fluo_lab.worlds.simulated.values import Mask, Value

__all__ = ["Asker", "asker_of", "do", "patient_of", "record_path"]


@dataclass(frozen=True, slots=True, eq=False)
class Asker:
    """Who asks for something: their ids and the roles they are in."""

    user: Texts
    role: Texts


def asker_of(flow: Flow, *, turn: int = 0) -> Asker:
    """Return who asks (turn 0), or who else signs in."""
    return Asker(
        Texts(drawn.user_number(flow.chances, turn=turn), drawn.ACTORS),
        Texts(drawn.ROLE.code(flow.chances, turn=turn), drawn.ROLES),
    )


def patient_of(step: Step, nth: int) -> Texts:
    """Return the ids of the visits' nth patients."""
    return Texts(drawn.patient_number(step.flow.chances, nth=nth), drawn.PATIENTS)


def record_path(step: Step) -> Texts:
    """Return the paths of the first patients' records."""
    patient = patient_of(step, 0)
    return Texts(patient.codes, tuple(f"/records/{one}" for one in patient.options))


def do(
    step: Step,
    name: str,
    low_us: int,
    high_us: int,
    *,
    where: Mask | None = None,
    attributes: Callable[[int], Mapping[str, Value]] | None = None,
    is_detached: bool = False,
) -> None:
    """Do something small: a span without children, seldom repeated.

    Parameters
    ----------
    low_us, high_us
        How long it takes, in microseconds.
    attributes
        Returns the attributes, given what to add to the turns of the questions asked for them.
    where, is_detached
        As for ``Step.span``.
    """
    here = step.where if where is None else where
    for mask, again in ((here, 0), (here & drawn.is_repeated(step.flow.chances, name), drawn.AGAIN)):
        own = attributes(again) if attributes else None
        step.do(name, low_us, high_us, where=mask, attributes=own, is_detached=is_detached)
