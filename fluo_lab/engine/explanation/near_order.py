"""How two spans stand to each other in time, in words and in nanoseconds."""

from __future__ import annotations

from fluo_lab.engine.explanation.near_kin import WANTED_KIN, kin_of
from fluo_lab.engine.explanation.unit_view import UnitView
from fluo_lab.engine.explanation.wording import say_duration
from fluo_lab.language import RelationKind

__all__ = ["IT", "gap_ns", "kind_held", "kind_missed"]

IT = "\x00"
"""Stands in verbs for the span the relation is asked of, until it is known what to call it."""


def _apart(ns: int, preposition: str) -> str:
    return f"exactly when {IT}" if ns == 0 else f"{say_duration(ns)} {preposition} {IT}"


def kind_missed(view: UnitView, kind: RelationKind, row: int, partner: int) -> tuple[str, int | None]:
    """Return what a partner does instead of standing as asked, and by how much."""
    if kind in WANTED_KIN:
        kin = kin_of(view, row, partner).value
        return f"is {kin}, not {WANTED_KIN[kind].value}", None
    own_start, own_end, start, end = _times(view, row, partner)
    match kind:
        case RelationKind.AFTER:
            if start >= own_end:
                return f"starts {_apart(start - own_end, 'after')} ends", start - own_end
            return f"ends {_apart(end - own_start, 'after')} starts", end - own_start
        case RelationKind.BEFORE:
            if end <= own_start:
                return f"ends {_apart(own_start - end, 'before')} starts", own_start - end
            return f"starts {_apart(own_end - start, 'before')} ends", own_end - start
        case RelationKind.STARTS_AFTER:
            return f"starts {_apart(start - own_start, 'after')} starts", start - own_start
        case RelationKind.STARTS_BEFORE:
            return f"starts {_apart(own_start - start, 'before')} starts", own_start - start
    if end <= own_start:
        return f"ends {_apart(own_start - end, 'before')} starts", own_start - end
    return f"starts {_apart(start - own_end, 'after')} ends", start - own_end


def kind_held(view: UnitView, kind: RelationKind, row: int, partner: int) -> tuple[str, int | None]:
    """Return how a partner stands that stands as asked, and by how much."""
    name, own = view.name_of(partner), view.name_of(row)
    if name == own:
        name = f"another {name}"
    if kind in WANTED_KIN:
        return f"{name} is {WANTED_KIN[kind].value} of {own}", None
    own_start, own_end, start, end = _times(view, row, partner)
    match kind:
        case RelationKind.AFTER:
            said, by = f"ends {_apart(own_start - end, 'before')} starts", own_start - end
        case RelationKind.BEFORE:
            said, by = f"starts {_apart(start - own_end, 'after')} ends", start - own_end
        case RelationKind.STARTS_AFTER:
            said, by = f"starts {_apart(own_start - start, 'before')} starts", own_start - start
        case RelationKind.STARTS_BEFORE:
            said, by = f"starts {_apart(start - own_start, 'after')} starts", start - own_start
        case RelationKind.OVERLAPS:
            by = min(end, own_end) - max(start, own_start)
            said = f"overlaps {IT} by {say_duration(by)}"
        case _:
            return f"{name} is beside {own}", None
    return f"{name} {said.replace(IT, own)}", by


def _times(view: UnitView, row: int, partner: int) -> tuple[int, int, int, int]:
    return int(view.start[row]), int(view.end[row]), int(view.start[partner]), int(view.end[partner])


def gap_ns(view: UnitView, kind: RelationKind, row: int, partner: int) -> int:
    """Return the time between two spans that ``within`` measures."""
    own_start, own_end, start, end = _times(view, row, partner)
    match kind:
        case RelationKind.AFTER:
            return own_start - end
        case RelationKind.BEFORE:
            return start - own_end
        case RelationKind.STARTS_AFTER:
            return own_start - start
        case RelationKind.STARTS_BEFORE:
            return start - own_start
    return max(own_start - end, start - own_end)
