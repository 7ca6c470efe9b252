"""How a service reaches the others: by their logical addresses, as in a mesh."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any, Protocol, cast

import orjson
import urllib3
from urllib3.connection import HTTPConnection

from fluo_lab.worlds.http import PORT
from fluo_lab.worlds.live.requests import Answer, LiveError, RunBroken, ServiceTimeout

__all__ = ["BROKEN", "CALLER", "Addresses", "Network", "decode_body"]

Addresses = Mapping[str, tuple[str, int]]
"""Where deployments really listen, by their keys."""

CALLER = "Fluo-Caller"
"""Request header with the key of the deployment that calls."""

BROKEN = "Fluo-Broken"
"""Answer header: the handler failed by an error of the program."""

_CONNECT_S = 10.0
_LONGEST_S = 60.0
_MOST_CONNECTIONS = 256


class Pool(Protocol):
    """What is used of ``urllib3.HTTPConnectionPool``."""

    def urlopen(self, method: str, url: str, **how: Any) -> urllib3.BaseHTTPResponse:
        """Return the answer to a request."""


class Network:
    """Connections of one caller to all deployments.

    Parameters
    ----------
    addresses
        Where the deployments listen.
    caller
        Key of the deployment that calls; None for the clients of the system.
    """

    def __init__(self, addresses: Addresses, *, caller: str | None) -> None:
        self._caller = caller
        self._pools = {key: _connect(key, address) for key, address in addresses.items()}

    def request(
        self,
        to: str,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        """Return the answer of a deployment.

        Raises
        ------
        ServiceTimeout
            It gave none in ``timeout_s``.
        RunBroken
            Its handler failed by an error of the program.
        LiveError
            There is no such deployment, it cannot be reached, or does not answer at all.
        """
        if to not in self._pools:
            raise LiveError(f"there is no deployment {to!r}; there are {', '.join(self._pools)}")
        sent = {"Content-Type": "application/json", **(headers or {})}
        if self._caller is not None:
            sent[CALLER] = self._caller
        try:
            answer = self._pools[to].urlopen(
                method,
                path,
                body=None if body is None else orjson.dumps(body),
                headers=sent,
                retries=False,
                redirect=False,
                timeout=urllib3.Timeout(connect=_CONNECT_S, read=timeout_s or _LONGEST_S),
            )
        except urllib3.exceptions.ReadTimeoutError as error:
            if timeout_s is None:
                raise LiveError(f"{to} did not answer {method} {path} within {_LONGEST_S:.0f} s") from error
            raise ServiceTimeout(to, timeout_s) from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise LiveError(f"{to} cannot be reached for {method} {path}: {error}") from error
        if BROKEN in answer.headers:
            raise RunBroken(f"{to} failed to handle {method} {path}")
        return Answer(answer.status, decode_body(answer.data))

    def close(self) -> None:
        """Close the connections that are not in use."""
        for pool in self._pools.values():
            pool.close()


def decode_body(data: bytes) -> Mapping[str, Any]:
    """Return the JSON object in a body; an empty one for an empty body.

    Raises
    ------
    LiveError
        The body holds something else.

    Examples
    --------
    >>> decode_body(b'{"cart": "c1"}')
    {'cart': 'c1'}
    """
    value = orjson.loads(data) if data else {}
    if not isinstance(value, dict):
        raise LiveError(f"a body is a JSON object, not {type(value).__name__}")
    return cast("Mapping[str, Any]", value)


def _connect(key: str, address: tuple[str, int]) -> urllib3.HTTPConnectionPool:
    """Return connections to a deployment that pass for connections to its logical address."""

    class Connection(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            connection = socket.create_connection(address, timeout=_CONNECT_S)
            # A body follows its headers in a packet of its own, which must not wait for an acknowledgement.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection

    pool = urllib3.HTTPConnectionPool(key, PORT, maxsize=_MOST_CONNECTIONS)
    # Set on the one pool: a class of its own would put its name into the messages of errors, and so into spans.
    pool.ConnectionCls = Connection
    return pool
