"""What the OpenTelemetry HTTP instrumentation notes on spans, for those that make such spans without it.

The values are those of ``opentelemetry-instrumentation-wsgi`` and ``-urllib3`` with the stable semantic conventions
(``OTEL_SEMCONV_STABILITY_OPT_IN=http``) for services that know each other by name, as behind a mesh. What differs from
run to run on one machine is left out on both sides: the port and the user agent of a caller.
"""

from __future__ import annotations

from hashlib import blake2b

__all__ = [
    "CLIENT_ERROR",
    "CLIENT_PATH",
    "CLIENT_SCOPE",
    "ERROR_TYPE",
    "PORT",
    "SERVER_ERROR",
    "SERVER_PATH",
    "SERVER_SCOPE",
    "STATUS",
    "TIMEOUT_TYPE",
    "client_address",
    "client_attributes",
    "client_name",
    "message_attributes",
    "message_name",
    "scope_of",
    "server_attributes",
    "server_name",
    "timeout_message",
    "timeout_status",
    "url_prefix",
]

PORT = 8080
"""Where every deployment listens, by its logical address."""

CLIENT_SCOPE = "opentelemetry.instrumentation.urllib3"
"""Instrumentation scope of client spans."""

SERVER_SCOPE = "opentelemetry.instrumentation.wsgi"
"""Instrumentation scope of server spans."""

STATUS = "http.response.status_code"
"""Attribute with the status code, a whole number, on the spans of both sides; a client that gave up has none."""

ERROR_TYPE = "error.type"
"""Attribute with the status code as text, where the code makes the span's status an error (without a message)."""

CLIENT_ERROR = 400
"""The lowest status code that makes a client span an error; all others leave its status unset."""

SERVER_ERROR = 500
"""The lowest status code that makes a server span an error; all others leave its status unset."""

CLIENT_PATH = "url.full"
"""The only attribute of a client span that holds the path, as ``url_prefix(to) + path``."""

SERVER_PATH = "url.path"
"""The only attribute of a server span that holds the path, as it is."""

TIMEOUT_TYPE = "urllib3.exceptions.ReadTimeoutError"
"""``exception.type`` of the event ``exception`` on a client span whose request got no answer in time."""


def scope_of(world: str) -> str:
    """Return the instrumentation scope of the spans a world's own code makes.

    Examples
    --------
    >>> scope_of("checkout")
    'fluo_lab.worlds.checkout'
    """
    return f"fluo_lab.worlds.{world}"


def client_name(method: str) -> str:
    """Return the name of a client span: the method alone, since a client knows no route."""
    return method


def server_name(method: str, route: str) -> str:
    """Return the name of a server span.

    Examples
    --------
    >>> server_name("GET", "/orders/{id}")
    'GET /orders/{id}'
    """
    return f"{method} {route}"


def url_prefix(to: str) -> str:
    """Return what stands before the path in the address of a deployment.

    Examples
    --------
    >>> url_prefix("payments")
    'http://payments:8080'
    """
    return f"http://{to}:{PORT}"


def client_address(caller: str | None) -> str:
    """Return the address requests of a deployment come from; None stands for those outside of the system.

    Examples
    --------
    >>> client_address("storefront"), client_address(None)
    ('10.42.247.202', '203.0.113.10')
    """
    if caller is None:
        return "203.0.113.10"
    first, second = blake2b(caller.encode(), digest_size=2).digest()
    return f"10.42.{first}.{second % 254 + 1}"


def client_attributes(to: str, method: str, path: str) -> dict[str, str]:
    """Return the attributes of a client span before the answer.

    Parameters
    ----------
    to
        Key of the deployment that is called.
    path
        The path with its values in place; where it differs from visit to visit, see ``CLIENT_PATH``.

    Examples
    --------
    >>> client_attributes("orders", "GET", "/orders/17")
    {'http.request.method': 'GET', 'url.full': 'http://orders:8080/orders/17'}
    """
    return {"http.request.method": method, CLIENT_PATH: url_prefix(to) + path}


def server_attributes(to: str, caller: str | None, method: str, route: str, path: str) -> dict[str, str | int]:
    """Return the attributes of a server span before the answer.

    Parameters
    ----------
    to, caller
        Keys of the deployment that is called and of the one that calls it; None for a caller outside of the system.
    route, path
        The path as a template, and with its values in place; where that differs from visit to visit, see
        ``SERVER_PATH``.
    """
    return {
        "http.request.method": method,
        "http.route": route,
        "url.scheme": "http",
        SERVER_PATH: path,
        "server.address": to,
        "server.port": PORT,
        "client.address": client_address(caller),
        "network.protocol.version": "1.1",
    }


def message_name(topic: str, operation: str) -> str:
    """Return the name of a producer span (operation ``publish``) or a consumer span (operation ``process``).

    Examples
    --------
    >>> message_name("orders", "publish")
    'orders publish'
    """
    return f"{topic} {operation}"


def message_attributes(topic: str, operation: str) -> dict[str, str]:
    """Return the attributes of a producer span (operation ``publish``) or a consumer span (operation ``process``).

    Examples
    --------
    >>> message_attributes("orders", "process")["messaging.operation.name"]
    'process'
    """
    return {
        "messaging.system": "kafka",
        "messaging.destination.name": topic,
        "messaging.operation.name": operation,
    }


def timeout_message(to: str, timeout_s: float) -> str:
    """Return ``exception.message`` of the event on a client span whose request got no answer in time.

    Examples
    --------
    >>> timeout_message("payments", 0.25)
    "HTTPConnectionPool(host='payments', port=8080): Read timed out. (read timeout=0.25)"
    """
    return f"HTTPConnectionPool(host={to!r}, port={PORT}): Read timed out. (read timeout={timeout_s})"


def timeout_status(to: str, timeout_s: float) -> str:
    """Return the status message (of code ERROR) of a client span whose request got no answer in time."""
    return f"ReadTimeoutError: {timeout_message(to, timeout_s)}"
