"""Which handler of a service a request is for."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from fluo_lab.errors import UsageError
from fluo_lab.worlds.live.requests import Answer, Request

__all__ = ["METHODS", "Handler", "Route", "Routes", "check_path"]

Handler: TypeAlias = Callable[[Request], Answer]

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
"""Methods that requests can have."""

_PLAIN = re.compile(r"(/[A-Za-z0-9._~:@-]+)+|/")


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path template, and what handles the requests for them.

    Attributes
    ----------
    method, template
        As in ``POST`` and ``/orders/{id}``.
    pattern
        Matches the paths of the template.
    handler
        Answers the request.
    """

    method: str
    template: str
    pattern: re.Pattern[str]
    handler: Handler

    def __str__(self) -> str:
        return f"{self.method} {self.template}"


class Routes:
    """The routes of a service; templates without values in them go first.

    Examples
    --------
    >>> routes = Routes()
    >>> routes.add("GET", "/orders/{id}", lambda request: Answer())
    >>> routes.find("GET", "/orders/17")[1]
    {'id': '17'}
    >>> routes.find("GET", "/orders") is None
    True
    """

    def __init__(self) -> None:
        self._routes: list[Route] = []

    def add(self, method: str, template: str, handler: Handler) -> None:
        """Register a handler.

        Raises
        ------
        UsageError
            There is one already, the method is none, or the template is no path.
        """
        if method not in METHODS:
            raise UsageError(f"route {method} {template}: the method is one of {', '.join(METHODS)}")
        if not _PLAIN.fullmatch(re.sub(r"\{\w+\}", "value", template)):
            raise UsageError(f"route {method} {template}: a template looks like /orders/{{id}}")
        if any((method, template) == (one.method, one.template) for one in self._routes):
            raise UsageError(f"route {method} {template} has two handlers")
        pattern = re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(template)))
        self._routes.append(Route(method, template, pattern, handler))
        self._routes.sort(key=lambda one: one.template.count("{"))

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """Return the route of a request and the values in its path, or None if there is none."""
        for route in self._routes:
            found = route.pattern.fullmatch(path) if route.method == method else None
            if found:
                return route, found.groupdict()
        return None


def check_path(route: str, path: str | None) -> str:
    """Return the path to ask for: the given one, or the template itself.

    Raises
    ------
    UsageError
        A template needs a path, or the path needs escapes, which spans of a simulation would lack.

    Examples
    --------
    >>> check_path("/orders/{id}", "/orders/17"), check_path("/orders", None)
    ('/orders/17', '/orders')
    """
    asked = route if path is None else path
    if not _PLAIN.fullmatch(asked):
        raise UsageError(
            f"path {asked!r} of {route}: give path= with the values in place, of letters, digits and ._~:@- only"
        )
    return asked
