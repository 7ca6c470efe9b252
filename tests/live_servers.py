"""HTTP servers on this machine that answer as Tempo and Jaeger do, and fail as networks do where told to."""

from __future__ import annotations

import base64
import gzip
import json
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

JSON = "application/json"
PROTOBUF = "application/protobuf"


@dataclass(frozen=True)
class Reply:
    """An answer as it goes over the wire."""

    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    missing_bytes: int = 0
    """How many bytes of the body are promised and never come."""


@dataclass(frozen=True)
class Asked:
    """A question that came."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]


Fault = Callable[["LiveServer", "_Handler"], Reply | None]


def replying(status: int, body: bytes = b"", content_type: str = "text/plain", **headers: str) -> Fault:
    """Answer so instead; underscores in names of headers are hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda server, handler: Reply(status, body, content_type, named)


def resetting(server: LiveServer, handler: _Handler) -> None:
    """Reset the connection without an answer."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def hanging(server: LiveServer, handler: _Handler) -> None:
    """Answer nothing until the server is released."""
    server.hangs.release()
    server.released.wait()
    resetting(server, handler)


def truncating(server: LiveServer, handler: _Handler) -> Reply:
    """Break off in the middle of the right answer."""
    reply = server.answer(handler.asked)
    return Reply(reply.status, reply.body[: len(reply.body) // 2], reply.content_type, missing_bytes=1000)


def cutting_gzip(server: LiveServer, handler: _Handler) -> Reply:
    """Give a part of the packed answer as if it were all."""
    reply = server.answer(handler.asked)
    return Reply(reply.status, gzip.compress(reply.body)[:-9], reply.content_type, {"Content-Encoding": "gzip"})


class _Handler(BaseHTTPRequestHandler):
    """Hands questions to the server it belongs to."""

    protocol_version = "HTTP/1.1"
    server: _Listener

    def do_GET(self) -> None:
        live = self.server.live
        parts = urlsplit(self.path)
        query = {key: values[-1] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
        self.asked = Asked(parts.path, query, {name.lower(): value for name, value in self.headers.items()})
        with live.lock:
            live.asked.append(self.asked)
            fault = next(
                (faults for prefix, faults in live.faults.items() if parts.path.startswith(prefix) and faults), None
            )
            chosen = fault.popleft() if fault else None
        reply = chosen(live, self) if chosen else live.answer(self.asked)
        if reply is None:
            self.close_connection = True
            return
        body = reply.body
        headers = dict(reply.headers)
        if live.is_packing and "Content-Encoding" not in headers and "gzip" in self.asked.headers["accept-encoding"]:
            body = gzip.compress(body)
            headers["Content-Encoding"] = "gzip"
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(body) + reply.missing_bytes))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        if reply.missing_bytes:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    live: LiveServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing about connections that a client gave up."""


class LiveServer:
    """A store on a free port; ``fail`` makes the next questions for a path fail."""

    scheme = "http"

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.faults: dict[str, deque[Fault]] = {}
        self.lock = threading.Lock()
        self.hangs = threading.Semaphore(0)
        self.released = threading.Event()
        self.is_packing = False
        self._listener = _Listener(("127.0.0.1", 0), _Handler)
        self._listener.live = self
        threading.Thread(target=self._listener.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *error: object) -> None:
        self.released.set()
        self._listener.shutdown()
        self._listener.server_close()

    @property
    def port(self) -> int:
        return int(self._listener.server_address[1])

    def url(self, query: str = "", *, user: str = "", prefix: str = "") -> str:
        return f"{self.scheme}://{user}127.0.0.1:{self.port}{prefix}?{query}"

    def fail(self, prefix: str, *faults: Fault) -> None:
        self.faults.setdefault(prefix, deque()).extend(faults)

    def paths(self, prefix: str) -> list[str]:
        return [asked.path for asked in self.asked if asked.path.startswith(prefix)]

    def answer(self, asked: Asked) -> Reply:
        raise NotImplementedError


def _is_in(number: int, asked: Asked, start: str, end: str) -> bool:
    return int(asked.query[start]) <= number <= int(asked.query[end])


class TempoServer(LiveServer):
    """Tempo with traces of one span each, by the second they start."""

    scheme = "tempo"

    def __init__(self, starts_s: dict[str, int]) -> None:
        super().__init__()
        self.starts_s = starts_s
        self.has_v2 = True
        self.is_giving_json = False
        self.partial: set[str] = set()

    def answer(self, asked: Asked) -> Reply:
        if asked.path == "/api/search":
            found = [i for i, s in sorted(self.starts_s.items()) if _is_in(s, asked, "start", "end")]
            entries = [{"traceID": i.lstrip("0")} for i in found[: int(asked.query["limit"])]]
            return Reply(body=json.dumps({"traces": entries, "metrics": {}}).encode())
        trace_id = asked.path.rpartition("/")[2]
        is_v2 = asked.path == f"/api/v2/traces/{trace_id}"
        if trace_id not in self.starts_s or (is_v2 and not self.has_v2):
            return Reply(404, b"trace not found", "text/plain")
        return self._json(trace_id, is_v2) if self.is_giving_json else self._protobuf(trace_id, is_v2)

    def _json(self, trace_id: str, is_v2: bool) -> Reply:
        span = {
            "traceId": base64.b64encode(bytes.fromhex(trace_id)).decode(),
            "spanId": "AAAAAAAAAAE=",
            "name": "charge",
            "startTimeUnixNano": str(self.starts_s[trace_id] * 10**9),
            "endTimeUnixNano": str(self.starts_s[trace_id] * 10**9 + 5),
        }
        entries = [{"resource": {}, "scopeSpans": [{"scope": {}, "spans": [span]}]}]
        document: dict[str, Any] = {"batches": entries}
        if is_v2:
            document = {"trace": {"resourceSpans": entries}, "metrics": {}}
            if trace_id in self.partial:
                document |= {"status": "PARTIAL", "message": "Trace exceeds maximum size"}
        return Reply(body=json.dumps(document).encode())

    def _protobuf(self, trace_id: str, is_v2: bool) -> Reply:
        data = TracesData()
        span = data.resource_spans.add().scope_spans.add().spans.add()
        span.trace_id, span.span_id, span.name = bytes.fromhex(trace_id), bytes(7) + b"\x01", "charge"
        span.start_time_unix_nano = self.starts_s[trace_id] * 10**9
        span.end_time_unix_nano = span.start_time_unix_nano + 5
        body = data.SerializeToString()
        if is_v2:
            # TraceByIDResponse: trace = 1, metrics = 2 (inspectedBytes = 300), status = 3, message = 4.
            size = bytes([len(body) & 0x7F | 0x80, len(body) >> 7]) if len(body) > 127 else bytes([len(body)])
            body = b"\x0a" + size + body + b"\x12\x03\x08\xac\x02"
            if trace_id in self.partial:
                body += b"\x18\x01\x22\x08too big!"
        return Reply(body=body, content_type=PROTOBUF)


class JaegerServer(LiveServer):
    """Jaeger with traces of one span each: service and microsecond by trace id. A service may stand for several."""

    scheme = "jaeger"

    def __init__(self, traces: dict[str, tuple[tuple[str, ...], int]]) -> None:
        super().__init__()
        self.traces = traces
        self.is_v3 = False
        self.is_page_for_unknown = False

    def answer(self, asked: Asked) -> Reply:
        services = sorted({service for names, _ in self.traces.values() for service in names})
        if asked.path.startswith("/api/v3/") and self.is_v3:
            return self._answer_v3(asked, services)
        if asked.path == "/api/services" and not self.is_v3:
            return self._structured(services)
        if asked.path == "/api/traces" and not self.is_v3:
            found = [
                trace_id
                for trace_id, (names, start_us) in sorted(self.traces.items())
                if asked.query["service"] in names and _is_in(start_us, asked, "start", "end")
            ]
            return self._structured([self._trace(i) for i in found[: int(asked.query["limit"])]])
        trace_id = asked.path.removeprefix("/api/traces/")
        if trace_id in self.traces:
            return self._structured([self._trace(trace_id)])
        if trace_id != asked.path:
            return Reply(404, b'{"data":null,"errors":[{"code":404,"msg":"trace not found"}]}')
        if self.is_page_for_unknown:
            return Reply(body=b"<!doctype html><html><body>Jaeger UI</body></html>", content_type="text/html")
        return Reply(404, b"404 page not found\n", "text/plain")

    def _structured(self, data: list[Any]) -> Reply:
        return Reply(body=json.dumps({"data": data, "total": 0, "limit": 0, "offset": 0, "errors": None}).encode())

    def _trace(self, trace_id: str) -> dict[str, Any]:
        names, start_us = self.traces[trace_id]
        span = {
            "traceID": trace_id.lstrip("0"),
            "spanID": "1",
            "operationName": "charge",
            "references": [],
            "startTime": start_us,
            "duration": 5,
            "tags": [],
            "logs": [],
            "processID": "p1",
            "warnings": None,
        }
        processes = {"p1": {"serviceName": names[0], "tags": []}}
        return {"traceID": trace_id.lstrip("0"), "spans": [span], "processes": processes, "warnings": None}

    def _answer_v3(self, asked: Asked, services: list[str]) -> Reply:
        if asked.path == "/api/v3/services":
            return Reply(body=json.dumps({"services": services}).encode())
        low, high = (_micros(asked.query[f"query.start_time_{end}"]) for end in ("min", "max"))
        found = [
            trace_id
            for trace_id, (names, start_us) in sorted(self.traces.items())
            if asked.query["query.service_name"] in names and low <= start_us <= high
        ][: int(asked.query["query.search_depth"])]
        if not found:
            return Reply(404, b'{"error":{"httpCode":404,"message":"No traces found"}}\n', "text/plain")
        entries = []
        for trace_id in found:
            names, start_us = self.traces[trace_id]
            span = {
                "traceId": base64.b64encode(bytes.fromhex(trace_id)).decode(),
                "spanId": "AAAAAAAAAAE=",
                "name": "charge",
                "startTimeUnixNano": str(start_us * 1000),
                "endTimeUnixNano": str(start_us * 1000 + 5000),
            }
            service = {"key": "service.name", "value": {"stringValue": names[0]}}
            entries.append({"resource": {"attributes": [service]}, "scopeSpans": [{"scope": {}, "spans": [span]}]})
        return Reply(body=json.dumps({"result": {"resourceSpans": entries}}).encode())


def _micros(text: str) -> int:
    """Return an RFC 3339 time in UTC with six digits, all that is asked with here, in microseconds."""
    from datetime import UTC, datetime

    day = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    return int(day.replace(microsecond=0).timestamp()) * 10**6 + day.microsecond
