"""Traces from live stores: Grafana Tempo and Jaeger over HTTP.

::

    tempo://localhost:3200?q={ status = error }&last=1h
    jaeger+https://user:password@jaeger.example.org/prefix?service=checkout&start=2026-01-31T12:00:00Z

``target`` says what addresses may hold. A bearer token is taken from ``FLUO_TEMPO_TOKEN`` or
``FLUO_JAEGER_TOKEN``; no message repeats it, nor user and password.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping

from fluo_lab.readers.live.http import MAX_BODY_BYTES, HttpClient
from fluo_lab.readers.live.jaeger import read_jaeger
from fluo_lab.readers.live.target import LiveSystem, LiveTarget, is_live, parse_target
from fluo_lab.readers.live.tempo import read_tempo
from fluo_lab.readers.report import Report
from fluo_lab.traces import SpanBatch

__all__ = ["is_live", "parse_target", "read_live"]


def _ignore_progress(n_bytes: int) -> None:
    """Take no notice of bytes read."""


def read_live(
    target: LiveTarget,
    report: Report,
    *,
    on_bytes: Callable[[int], None] = _ignore_progress,
    pause: Callable[[float], None] = time.sleep,
    now_ns: Callable[[], int] = time.time_ns,
    environment: Mapping[str, str] = os.environ,
    read_timeout_s: float = 60.0,
    max_body_bytes: int = MAX_BODY_BYTES,
) -> Iterator[SpanBatch]:
    """Yield the spans of a live store in batches; the same answers give the same batches.

    Parameters
    ----------
    target
        The store and the question, from ``parse_target``.
    report
        Where everything goes that could not be read; ``report.incomplete`` gets the traces that lack spans.
    on_bytes
        Called with the size of each answer, in the thread that reads.
    pause
        How to wait some seconds before another try; called in threads.
    now_ns
        The time in nanoseconds since the epoch.
    environment
        Where the token is looked up.
    read_timeout_s
        How long to wait for the next data of an answer.
    max_body_bytes
        Larger answers are refused.

    Raises
    ------
    InputError
        The store cannot be reached, refuses the question, or is something else.
    """
    tenant = target.filters.get("tenant")
    client = HttpClient(
        target,
        headers={} if tenant is None else {"X-Scope-OrgID": tenant},
        token=environment.get(target.system.token_variable, "").strip() or None,
        pause=pause,
        now_ns=now_ns,
        read_timeout_s=read_timeout_s,
        max_body_bytes=max_body_bytes,
    )
    report.locate()
    read = {LiveSystem.TEMPO: read_tempo, LiveSystem.JAEGER: read_jaeger}[target.system]
    try:
        yield from read(target, client, report, now_ns=now_ns(), on_bytes=on_bytes)
    finally:
        client.close()
