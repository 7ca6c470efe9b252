"""What passes between services, and what can go wrong on the way."""

from __future__ import annotations

import sysconfig
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from traceback import extract_tb, format_exception
from typing import TYPE_CHECKING, Any

from fluo_lab.errors import FluoError

if TYPE_CHECKING:
    from opentelemetry.trace import Span

    from fluo_lab.worlds.chance import Chance

__all__ = ["Answer", "Fault", "LiveError", "Request", "RunBroken", "ServiceTimeout"]

Body = Mapping[str, Any]
"""A JSON object: what requests, answers and messages carry."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request to a service, or a message to it.

    Attributes
    ----------
    body
        The JSON object sent; empty if none was.
    path_values
        The values in the path by the names in its template; empty for a message.
    chance
        The chances of the visit it belongs to.
    part
        Which of the visit's traces it belongs to.
    span
        Its server span, or its consumer span.
    """

    body: Body
    path_values: Mapping[str, str]
    chance: Chance
    part: int
    span: Span


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request.

    Attributes
    ----------
    status
        HTTP status code; codes from 500 on make the server span an error, from 400 on the client span.
    body
        A JSON object.
    """

    status: int = 200
    body: Body = field(default_factory=dict)


class ServiceTimeout(Exception):
    """A service did not answer in the time it was given; the request may still have its effect."""

    def __init__(self, to: str, timeout_s: float) -> None:
        self.to = to
        self.timeout_s = timeout_s
        super().__init__(f"no answer from {to} within {timeout_s} s")


class RunBroken(Exception):  # it travels through a world's handlers, which have no business to catch it
    """What a service was asked to do failed by an error of the program; that has been noted where it happened."""


class LiveError(FluoError):
    """A live run came to no whole result: a handler or a visit raised, or a service broke."""


@dataclass(frozen=True, slots=True)
class Fault:
    """An exception that is no part of the system: an error of the program.

    Attributes
    ----------
    where
        Deployment and handler, or the visit.
    cause
        Type and message of the exception, and the place in the code.
    trace
        The traceback.
    """

    where: str
    cause: str
    trace: str

    @classmethod
    def of(cls, where: str, error: BaseException) -> Fault:
        """Return the fault an exception stands for."""
        frames = extract_tb(error.__traceback__)
        place = next((frame for frame in reversed(frames) if _is_a_worlds_own(frame.filename)), None)
        at = f" at {place.filename}:{place.lineno} in {place.name}" if place else ""
        return cls(where, f"{type(error).__name__}: {error}{at}", "".join(format_exception(error)).rstrip())

    def as_json(self) -> dict[str, str]:
        """Return its fields by name."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.where}: {self.cause}"


def _is_a_worlds_own(filename: str) -> bool:
    """Return whether code is neither of this kit, nor of the standard library or another package."""
    path, kit = Path(filename), Path(__file__).parent
    if path.is_relative_to(kit.parent):
        return not path.is_relative_to(kit)
    return not (path.is_relative_to(sysconfig.get_path("stdlib")) or "site-packages" in path.parts)
