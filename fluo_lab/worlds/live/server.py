"""The HTTP server of a service, and what it serves beside the service's own routes."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from http.client import responses
from http.server import BaseHTTPRequestHandler
from io import BytesIO
from socketserver import TCPServer, ThreadingMixIn
from sys import exception
from threading import Lock
from typing import TYPE_CHECKING, Any

import orjson
from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware
from opentelemetry.trace import get_current_span

from fluo_lab.worlds.http import PORT, client_address, server_name
from fluo_lab.worlds.live.activity import Activity
from fluo_lab.worlds.live.network import BROKEN, CALLER, decode_body
from fluo_lab.worlds.live.requests import Answer, LiveError
from fluo_lab.worlds.live.routes import METHODS
from fluo_lab.worlds.live.service import Service
from fluo_lab.worlds.live.telemetry import Telemetry

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["Server"]

_CARRIED = ("traceparent", "tracestate", "baggage")
_IDLE_LIMIT_S = 5.0
_INTERNAL = "/-/"
_WITHOUT_BODY = ("204", "304")


class Server(ThreadingMixIn, TCPServer):
    """Serves a deployment on a socket that listens already, one thread a connection.

    Not the server of ``wsgiref``: that one closes each connection after one request, and the services of a mesh keep
    theirs.

    Parameters
    ----------
    listening
        The socket.
    service, telemetry, activity
        What is served.
    """

    daemon_threads = False
    block_on_close = True

    def __init__(self, listening: socket.socket, *, service: Service, telemetry: Telemetry, activity: Activity) -> None:
        super().__init__(listening.getsockname(), _Connection, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.service = service
        self.telemetry = telemetry
        self.activity = activity
        self.application: WSGIApplication = OpenTelemetryMiddleware(self._handle, tracer_provider=telemetry.provider)
        self._open: set[socket.socket] = set()
        self._lock = Lock()

    def close_connections(self) -> None:
        """Let the connections end once what they handle is done."""
        with self._lock:
            for connection in self._open:
                connection.shutdown(socket.SHUT_RD)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start the thread of a new connection."""
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection."""
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Note what went wrong with a connection, unless the other side gave up waiting."""
        error = exception()
        if error is not None and not isinstance(error, ConnectionError):
            with self.activity.noting_faults(f"{self.service.deployment.key}: connection"):
                raise error

    def _handle(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Handle a request inside its server span."""
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        answer = None
        with self.activity.noting_faults(f"{self.service.deployment.key}: {method} {path}"):
            found = self.service.routes.find(method, path)
            if found is None:
                raise LiveError(f"no handler for {method} {path}")
            route, path_values = found
            span = get_current_span()
            span.update_name(server_name(method, route.template))
            span.set_attribute("http.route", route.template)
            request = self.service.request(decode_body(environ["wsgi.input"].read()), path_values)
            answer = route.handler(request)
            if not isinstance(answer, Answer):
                raise LiveError(f"the handler of {route} returned {type(answer).__name__}, not Answer")
            body = orjson.dumps(answer.body)
            start_response(f"{answer.status} {responses.get(answer.status, 'Unknown')}", [])
            return [body]
        start_response("500 Internal Server Error", [(BROKEN, "yes")])
        return [b"{}"]

    def answer_internal(self, path: str, body: bytes) -> dict[str, Any]:
        """Return the answer to a request of the kit itself, which makes no span."""
        match path:
            case "/-/deliver":
                self.service.accept(orjson.loads(body))
                return {}
            case "/-/census":
                census = self.activity.wait_until_idle(_IDLE_LIMIT_S)
                return {"census": census and census.as_json()}
            case "/-/faults":
                return {"faults": [fault.as_json() for fault in self.activity.faults]}
            case "/-/close":
                return dict(self.telemetry.close())
            case other:
                raise LiveError(f"the kit serves no {other}")


class _Connection(BaseHTTPRequestHandler):
    """One connection; serves requests until the other side closes it."""

    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the spans say it all."""

    def handle_method(self) -> None:
        """Handle one request."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.startswith(_INTERNAL):
            self._answer_internal(body)
        else:
            self.server.activity.begin(is_received=True)
            try:
                self._answer(body)
            finally:
                self.server.activity.end()

    def _answer_internal(self, body: bytes) -> None:
        answer = None
        with self.server.activity.noting_faults(f"{self.server.service.deployment.key}: {self.path}"):
            answer = orjson.dumps(self.server.answer_internal(self.path, body))
        if answer is None:
            self._write("500 Internal Server Error", [(BROKEN, "yes")], b"{}")
        else:
            self._write("200 OK", [], answer)

    def _answer(self, body: bytes) -> None:
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], *_: object) -> Callable[[bytes], object]:
            started.append((status, headers))
            return self.wfile.write

        # Taken whole before anything is written, so that the server span ends before the caller reads the answer.
        answer = b"".join(self.server.application(self._describe(body), start_response))
        status, headers = started[-1]
        self._write(status, headers, b"" if status.startswith(_WITHOUT_BODY) else answer)

    def _describe(self, body: bytes) -> dict[str, Any]:
        """Return the request as WSGI wants it, with logical addresses instead of this machine's."""
        key = self.server.service.deployment.key
        environ = {
            "REQUEST_METHOD": self.command,
            "PATH_INFO": self.path,
            "REQUEST_URI": self.path,
            "QUERY_STRING": "",
            "SERVER_NAME": key,
            "SERVER_PORT": str(PORT),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": key,
            "REMOTE_ADDR": client_address(self.headers.get(CALLER)),
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(body),
        }
        carried = ((name, self.headers.get(name)) for name in _CARRIED)
        return environ | {f"HTTP_{name.upper()}": value for name, value in carried if value is not None}

    def _write(self, status: str, headers: Iterable[tuple[str, str]], body: bytes) -> None:
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Content-Type: application/json"]
        lines += [f"{name}: {value}" for name, value in headers]
        self.wfile.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)


for _method in METHODS:
    setattr(_Connection, f"do_{_method}", _Connection.handle_method)
