"""Live: what the work of all services is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fluo_lab.worlds.health import drawn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.util.types import AttributeValue

    from fluo_lab.worlds.chance import Chance
    from fluo_lab.worlds.live.service import Service

__all__ = ["Asker", "do"]


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks for something: their id and the role they are in."""

    user: str
    role: str

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Asker:
        """Return who a body names."""
        return cls(body["user"], body["role"])

    def as_json(self) -> dict[str, str]:
        """Return the part of a body that names them."""
        return {"user": self.user, "role": self.role}


def do(
    service: Service,
    chance: Chance,
    name: str,
    low_ms: float,
    high_ms: float,
    attributes: Callable[[int], Mapping[str, AttributeValue]] | None = None,
) -> None:
    """Do something small: a span without children, seldom repeated.

    Parameters
    ----------
    attributes
        Returns the attributes, given what to add to the turns of the questions asked for them.
    """
    for again in (0, drawn.AGAIN) if drawn.is_repeated(chance, name) else (0,):
        service.do(name, low_ms, high_ms, attributes=attributes(again) if attributes else None)
