"""Asking a live store over HTTP: retries, timeouts, limits, and credentials that stay with its host."""

from __future__ import annotations

import base64
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import mktime_tz, parsedate_tz
from typing import Any, Final
from urllib.parse import urlencode, urljoin, urlsplit

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationParseError,
    MaxRetryError,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
    SSLError,
)
from urllib3.util import Retry, Timeout

from fluo_lab.errors import InputError
from fluo_lab.readers.live.target import LiveTarget

__all__ = ["MAX_BODY_BYTES", "N_CONNECTIONS", "Answer", "HttpClient", "HttpFault"]

MAX_BODY_BYTES: Final = 256 << 20
"""Answers larger than this, unpacked, are refused."""
N_CONNECTIONS: Final = 8
"""How many questions are asked at once."""

_CONNECT_TIMEOUT_S = 5.0
_READ_TIMEOUT_S = 60.0
_RETRIED: Final = frozenset({429, 502, 503, 504})
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MAX_REDIRECTS = 5
_PIECE_BYTES = 1 << 16
_ERROR_BYTES = 1 << 16
_MAX_RETRY_AFTER_S = 60


class HttpFault(Exception):
    """No answer that can be used; the message completes "… could not be read: …"."""


class _Damaged(HTTPError):
    """A body that does not unpack or ends early; worth another try."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a store answered.

    Attributes
    ----------
    status
        HTTP status, never a redirect.
    content_type
        Media type in lower case, without parameters.
    body
        Unpacked content.
    """

    status: int
    content_type: str
    body: bytes

    @property
    def is_page(self) -> bool:
        """Whether the content is a page for people rather than data."""
        return self.content_type == "text/html" or self.body[:64].lstrip().lower().startswith((b"<!doctype", b"<html"))

    def first_line(self) -> str:
        """Return the first line of the content, at most 200 characters, for a message."""
        if self.is_page:
            return "a page in HTML"
        text = self.body[:2000].decode("utf-8", errors="replace").strip()
        return text.split("\n", 1)[0][:200] or "nothing"


class _PausingRetry(Retry):
    """Counts tries as urllib3 does, but pauses by a function that is given."""

    pause: Callable[[float], None] = staticmethod(time.sleep)
    now_ns: Callable[[], int] = staticmethod(time.time_ns)

    def new(self, **changes: Any) -> _PausingRetry:
        """Return a copy with some counts changed."""
        other = super().new(**changes)
        other.pause, other.now_ns = self.pause, self.now_ns
        return other

    def sleep(self, response: urllib3.BaseHTTPResponse | None = None) -> None:
        """Pause as long as the answer asks for, else longer from try to try."""
        asked = None if response is None else response.headers.get("Retry-After")
        seconds = None if asked is None else self._seconds(asked.strip())
        if seconds is None:
            seconds = self.get_backoff_time()
        if seconds > 0:
            self.pause(min(seconds, _MAX_RETRY_AFTER_S))

    def _seconds(self, asked: str) -> float | None:
        """Return the seconds of a Retry-After header, None where it makes no sense."""
        if asked.isascii() and asked.isdigit():
            return float(asked[:6])
        date = parsedate_tz(asked)
        return None if date is None else max(mktime_tz(date) - self.now_ns() / 10**9, 0.0)


class HttpClient:
    """Asks one host, from several threads at once.

    Answers 429, 502, 503 and 504, broken connections and bodies that end early are asked for again, up to five times,
    after the pause that ``Retry-After`` names (at most a minute) or a growing one. Where no connection is made at all
    it is tried twice more. Redirects are followed on the same scheme, host and port alone.

    Parameters
    ----------
    target
        The store.
    headers
        Sent with every question besides the credentials.
    token
        Bearer token, used where the address has no user.
    pause, now_ns
        How to wait some seconds, and what time it is.
    read_timeout_s, max_body_bytes
        How long to wait for data, and how much to take.
    """

    def __init__(
        self,
        target: LiveTarget,
        *,
        headers: Mapping[str, str],
        token: str | None,
        pause: Callable[[float], None],
        now_ns: Callable[[], int],
        read_timeout_s: float = _READ_TIMEOUT_S,
        max_body_bytes: int = MAX_BODY_BYTES,
    ) -> None:
        self._target = target
        self._headers = {"User-Agent": "fluo_lab", "Accept-Encoding": "gzip", **headers}
        self._secrets = [secret for secret in (target.password, token) if secret]
        if target.user is not None:
            pair = base64.b64encode(f"{target.user}:{target.password or ''}".encode()).decode()
            self._headers["Authorization"] = f"Basic {pair}"
            self._secrets.append(pair)
        elif token:
            self._headers["Authorization"] = f"Bearer {token}"
        for name, value in self._headers.items():
            if not (value.isascii() and value.isprintable()):
                raise InputError(
                    f"{target.name}: the value of the header {name} has characters that no header can have"
                )
        retry = _PausingRetry(total=5, connect=2, other=2, backoff_factor=0.5, status_forcelist=_RETRIED)
        retry.pause, retry.now_ns = pause, now_ns
        self._retry = retry
        self._max_body_bytes = max_body_bytes
        self._is_closed = False
        pool = urllib3.HTTPSConnectionPool if target.scheme == "https" else urllib3.HTTPConnectionPool
        self._pool = pool(
            target.host,
            target.port,
            maxsize=N_CONNECTIONS,
            timeout=Timeout(connect=_CONNECT_TIMEOUT_S, read=read_timeout_s),
        )

    def close(self) -> None:
        """Give up idle connections; questions under way end before their next try."""
        self._is_closed = True
        self._pool.close()

    def get(self, path: str, parameters: Sequence[tuple[str, str]] = (), *, accept: str = "application/json") -> Answer:
        """Return the answer to a question, of whatever status, after the retries it takes.

        Raises
        ------
        HttpFault
            No answer came, it is too large, or it leads elsewhere.
        """
        place = self._target.prefix + path + (f"?{urlencode(parameters)}" if parameters else "")
        retry: Retry = self._retry
        n_redirects = 0
        while not self._is_closed:
            response = None
            try:
                response = self._pool.urlopen(
                    "GET",
                    place,
                    headers={**self._headers, "Accept": accept},
                    retries=False,
                    redirect=False,
                    preload_content=False,
                    decode_content=False,
                )
                answer = self._read(response)
                if answer.status in _REDIRECTS and (location := response.headers.get("Location")):
                    n_redirects += 1
                    place = self._follow(place, location, n_redirects)
                    continue
                if answer.status not in _RETRIED:
                    return answer
                retry = retry.increment("GET", place, response=response)
            except MaxRetryError:
                return answer
            except HTTPError as error:
                retry = self._count_failure(retry, place, error)
            finally:
                # One that was read to its end has given its connection back already.
                if response is not None:
                    response.close()
            if not self._is_closed:
                retry.sleep(response)
        raise HttpFault("reading was stopped")

    def conceal(self, text: str) -> str:
        """Return a text of the store's without credentials that it may repeat."""
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return text

    def _count_failure(self, retry: Retry, place: str, error: HTTPError) -> Retry:
        """Return what is left of the tries.

        Raises
        ------
        HttpFault
            Nothing is, or another try would fail the same way.
        """
        if isinstance(error, SSLError | NameResolutionError | LocationParseError):
            raise HttpFault(self._describe(error)) from error
        try:
            return retry.increment("GET", place, error=error)
        except MaxRetryError:
            raise HttpFault(self._describe(error)) from error

    def _describe(self, error: HTTPError) -> str:
        target = self._target
        where = f"{target.host}:{target.port}"
        check = f"check that {target.system.label} runs there and that host, port and scheme are right"
        match error:
            case NameResolutionError() | LocationParseError():
                return f"the host name {target.host!r} cannot be resolved; check its spelling and the network"
            case NewConnectionError():
                cause = error.__cause__ or error.__context__
                reason = (cause.strerror if isinstance(cause, OSError) else None) or "no connection"
                return f"{where} cannot be reached ({reason.lower()}); {check}"
            case ConnectTimeoutError():
                return f"{where} did not take a connection within {_CONNECT_TIMEOUT_S:g} s; {check}"
            case ReadTimeoutError():
                return f"{where} did not answer in time"
            case SSLError():
                return f"no secure connection to {where} ({error}); {check}"
            case _Damaged():
                return f"the answer is damaged: {error}"
        return f"the connection to {where} broke, or what answers there does not speak HTTP; {check}"

    def _follow(self, place: str, location: str, n_redirects: int) -> str:
        """Return the place on the same host that a redirect leads to."""
        target = self._target
        host = f"[{target.host}]" if ":" in target.host else target.host
        origin = f"{target.scheme}://{host}:{target.port}"
        try:
            found = urlsplit(urljoin(origin + place, location))
            default = 443 if found.scheme == "https" else 80
            is_same = (found.scheme, found.hostname, found.port or default) == (target.scheme, target.host, target.port)
        except ValueError:
            is_same = False
        if not is_same:
            shown = self.conceal(location.split("?")[0])[:100]
            raise HttpFault(f"it redirects elsewhere, to {shown}; not followed: give that address if it is right")
        if n_redirects > _MAX_REDIRECTS:
            raise HttpFault(f"more than {_MAX_REDIRECTS} redirects in a row")
        return found.path + (f"?{found.query}" if found.query else "")

    def _read(self, response: urllib3.BaseHTTPResponse) -> Answer:
        """Return a whole answer, unpacked; of an answer that is an error, the beginning."""
        encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
        if encoding not in ("identity", "gzip", ""):
            raise HttpFault(f"the answer is packed with {encoding[:20]}, which was not asked for")
        unpacker = zlib.decompressobj(wbits=31) if encoding == "gzip" else None
        is_error = response.status >= 300
        limit = _ERROR_BYTES if is_error else self._max_body_bytes
        body = bytearray()
        for piece in response.stream(_PIECE_BYTES, decode_content=False):
            try:
                body += piece if unpacker is None else unpacker.decompress(piece, limit + 1 - len(body))
            except zlib.error as error:
                raise _Damaged(str(error)) from None
            if len(body) > limit:
                response.close()
                if is_error:
                    break
                raise HttpFault(f"the answer is larger than {limit >> 20} MiB; ask for less")
        if unpacker is not None and not unpacker.eof and not is_error:
            raise _Damaged("the gzip data ends early")
        content_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return Answer(response.status, content_type, bytes(body[:limit]))
