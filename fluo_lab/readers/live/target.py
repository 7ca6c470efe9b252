"""Addresses of live trace stores: where one is, what to ask it for, and within which time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from urllib.parse import SplitResult, unquote, unquote_plus, urlsplit

from fluo_lab.errors import InputError
from fluo_lab.readers.jaeger.times import parse_rfc3339
from fluo_lab.readers.otlp.values import ValueFault

__all__ = ["LiveSystem", "LiveTarget", "is_live", "parse_target"]

_NS: Final = 10**9
_DEFAULT_LAST_NS: Final = 3600 * _NS
_MAX_INT64 = 2**63 - 1
_IS_LIVE = re.compile(r"(tempo|jaeger)(\+https?)?://", re.IGNORECASE).match
_IS_TRACE_ID = re.compile(r"[0-9a-fA-F]{1,32}", re.ASCII).fullmatch
_IS_LAST = re.compile(r"(?:\d{1,9}[smhdw])+", re.ASCII).fullmatch
_find_last_parts = re.compile(r"(\d+)([smhdw])").findall
_UNIT_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
# TraceQL joins conditions with "&&", so a pair of them does not part parameters.
_split_parameters = re.compile(r"(?<!&)&(?!&)").split


class LiveSystem(StrEnum):
    """A system that stores traces and answers over HTTP."""

    TEMPO = "tempo"
    JAEGER = "jaeger"

    @property
    def label(self) -> str:
        """What people call it."""
        return self.value.capitalize()

    @property
    def token_variable(self) -> str:
        """The environment variable that may hold a bearer token."""
        return f"FLUO_{self.name}_TOKEN"


_PORTS: Final = {LiveSystem.TEMPO: 3200, LiveSystem.JAEGER: 16686}
_LIMITS: Final = {LiveSystem.TEMPO: 500, LiveSystem.JAEGER: 100}
_COMMON = frozenset({"service", "tags", "minDuration", "maxDuration", "start", "end", "last", "limit", "trace"})
_PARAMETERS: Final = {
    LiveSystem.TEMPO: _COMMON | {"q", "tenant"},
    LiveSystem.JAEGER: _COMMON | {"operation"},
}
_REPEATABLE = frozenset({"trace", "service"})


@dataclass(frozen=True, slots=True)
class LiveTarget:
    """A store and a question to it.

    Attributes
    ----------
    system
        Which system it is.
    scheme, host, port, prefix
        Where its HTTP API is; the prefix begins with a slash or is empty.
    user, password
        For basic authentication, or None. Never shown.
    filters
        Parameters of the search by their names in the address.
    services
        Services to ask for.
    trace_ids
        Traces to fetch instead of searching, 32 hexadecimal digits each.
    start_ns, end_ns, last_ns
        The time asked for, as given; see ``window``.
    limit
        How many traces one search asks for. More than that are found by searching shorter times.
    name
        The address without user and password, for messages.
    """

    system: LiveSystem
    scheme: str
    host: str
    port: int
    prefix: str
    user: str | None = field(repr=False)
    password: str | None = field(repr=False)
    filters: Mapping[str, str]
    services: tuple[str, ...]
    trace_ids: tuple[str, ...]
    start_ns: int | None
    end_ns: int | None
    last_ns: int | None
    limit: int
    name: str

    @property
    def base_url(self) -> str:
        """The address of the HTTP API without user and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.prefix}"

    def window(self, now_ns: int) -> tuple[int, int]:
        """Return the first and the last nanosecond asked for; without any time, the last hour.

        Raises
        ------
        InputError
            The end is not after the start.
        """
        end_ns = now_ns if self.end_ns is None else self.end_ns
        start_ns = end_ns - (self.last_ns or _DEFAULT_LAST_NS) if self.start_ns is None else self.start_ns
        start_ns = max(start_ns, 0)
        if start_ns >= end_ns:
            raise InputError(f"{self.name}: the start is not before the end; without end=, the end is now")
        return start_ns, end_ns


def is_live(text: str) -> bool:
    """Return whether a text is the address of a live store rather than a path.

    Examples
    --------
    >>> is_live("tempo://localhost:3200?last=1h"), is_live("traces.jsonl")
    (True, False)
    """
    return _IS_LIVE(text) is not None


def parse_target(url: str) -> LiveTarget:
    """Return the store and the question that an address stands for.

    The forms are ``tempo://[user:password@]host[:port][/prefix]?parameters`` and ``jaeger://…``, with
    ``tempo+https://`` and ``jaeger+https://`` over TLS. Without a port it is the system's own, over TLS 443.
    Parameters are ``service``, ``tags``, ``minDuration`` and ``maxDuration``; ``q`` (TraceQL) and ``tenant`` for Tempo;
    ``operation`` for Jaeger; ``start`` and ``end`` (RFC 3339 or seconds, milli-, micro- or nanoseconds since the epoch,
    told apart by their size) or ``last`` (``30m``, ``1h``, ``2d``); ``limit``, the traces of one search; ``trace``, an
    id to fetch instead of searching, once or more.

    Raises
    ------
    InputError
        The text is no such address; the message does not repeat user and password.
    """
    try:
        parts = urlsplit(url, allow_fragments=False)
        port = parts.port
        host = parts.hostname
    except ValueError:
        host = None
    if not is_live(url) or not host:
        # The text is not repeated: a slip in it may have put a password anywhere.
        raise InputError(
            "not an address of a live store: expected tempo://host:port?… or jaeger://host:port?…, with %-escapes for "
            "special characters in user and password"
        )
    system_name, _, transport = parts.scheme.partition("+")
    system, scheme = LiveSystem(system_name), transport or "http"
    shown_host = f"[{host}]" if ":" in host else host
    prefix = parts.path.rstrip("/")
    name = f"{parts.scheme}://{shown_host}{'' if port is None else f':{port}'}{prefix}"
    values = _parameters(parts, system, name)
    single = {key: found[0] for key, found in values.items()}
    if "service" in single and "q" in single:
        raise InputError(f"{name}: q= and service= at once; write the service in TraceQL: resource.service.name")
    if "last" in single and "start" in single:
        raise InputError(f"{name}: last= and start= at once; one of them says when to begin")
    return LiveTarget(
        system=system,
        scheme=scheme,
        host=host,
        port=port or (443 if scheme == "https" else _PORTS[system]),
        prefix=prefix,
        user=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else unquote(parts.password),
        filters={
            key: single[key]
            for key in ("q", "tags", "operation", "tenant", "minDuration", "maxDuration")
            if key in single
        },
        services=tuple(dict.fromkeys(values.get("service", ()))),
        trace_ids=tuple(dict.fromkeys(_trace_id(text, name) for text in values.get("trace", ()))),
        start_ns=_time(single.get("start"), "start", name),
        end_ns=_time(single.get("end"), "end", name),
        last_ns=_last(single.get("last"), name),
        limit=_limit(single.get("limit"), _LIMITS[system], name),
        name=name + (f"?{parts.query}" if parts.query else ""),
    )


def _parameters(parts: SplitResult, system: LiveSystem, name: str) -> dict[str, list[str]]:
    """Return the parameters of an address, each with its values."""
    found: dict[str, list[str]] = {}
    known = _PARAMETERS[system]
    for pair in _split_parameters(parts.query) if parts.query else ():
        key, _, value = pair.partition("=")
        key, value = unquote_plus(key), unquote_plus(value).strip()
        if key not in known:
            raise InputError(
                f"{name}: unknown parameter {key[:40]!r}; {system.label} takes {', '.join(sorted(known))} "
                "(write & within a value as %26)"
            )
        if not value:
            raise InputError(f"{name}: parameter {key!r} without a value")
        if key in found and key not in _REPEATABLE:
            raise InputError(f"{name}: parameter {key!r} twice")
        found.setdefault(key, []).append(value)
    return found


def _trace_id(text: str, name: str) -> str:
    if not _IS_TRACE_ID(text) or not text.strip("0"):
        raise InputError(f"{name}: trace={text[:40]!r} is no trace id, expected up to 32 hexadecimal digits")
    return text.lower().zfill(32)


def _time(text: str | None, key: str, name: str) -> int | None:
    """Return a time in nanoseconds since the epoch."""
    if text is None:
        return None
    if text.isascii() and text.isdigit() and len(text) <= 19:
        number = int(text)
        factor = next(
            f for below, f in ((10**11, _NS), (10**14, 10**6), (10**17, 10**3), (10**20, 1)) if number < below
        )
        if (found := number * factor) <= _MAX_INT64:
            return found
    try:
        # A plus sign in a query is a space, unless it is written %2B.
        return parse_rfc3339(re.sub(r" (?=\d\d:\d\d$)", "+", text))[0]
    except ValueFault as fault:
        raise InputError(
            f"{name}: {key}={text[:40]!r} with {fault}; expected 2026-01-31T12:00:00Z or seconds, milli-, micro- or "
            "nanoseconds since the epoch"
        ) from None


def _last(text: str | None, name: str) -> int | None:
    if text is None:
        return None
    seconds = sum(int(n) * _UNIT_S[unit] for n, unit in _find_last_parts(text)) if _IS_LAST(text) else 0
    if not 0 < seconds * _NS <= _MAX_INT64:
        raise InputError(f"{name}: last={text[:40]!r} is no length of time, expected such as 30m, 1h or 2d")
    return seconds * _NS


def _limit(text: str | None, default: int, name: str) -> int:
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 6 and int(text) > 0):
        raise InputError(f"{name}: limit={text[:40]!r} is no number of traces from 1 to 999999")
    return int(text)
