"""Readings of the Tempo and the Jaeger that tests serve: what they hold, and what one reading gave."""

from __future__ import annotations

from typing import Any

from live_servers import JaegerServer, TempoServer

from fluo_lab.readers.live.read import parse_target, read_live
from fluo_lab.readers.report import Report

__all__ = ["NOW_S", "SOON", "Reading", "make_id", "serve_jaeger", "serve_tempo"]

NOW_S = 1_700_000_000
SOON = f"start={NOW_S - 64}&end={NOW_S}"


def make_id(number: int) -> str:
    return f"{number:032x}"


class Reading:
    """What one reading gave: ids in order, problems with counts, and the pauses between tries."""

    def __init__(self, url: str, **options: Any) -> None:
        self.pauses: list[float] = []
        target = parse_target(url)
        self.report = Report(target.name)
        options = {"environment": {}, "pause": self.pauses.append, "now_ns": lambda: NOW_S * 10**9, **options}
        self.batches = list(read_live(target, self.report, **options))
        self.ids = [trace_id for batch in self.batches for trace_id in batch.spans["trace_id"]]
        self.problems = {problem.what: problem.n for problem in self.report.problems()}


def serve_tempo() -> TempoServer:
    """Return a Tempo of 40 traces, one a second from the 59th before now on."""
    return TempoServer({make_id(number): NOW_S - 60 + number for number in range(1, 41)})


def serve_jaeger() -> JaegerServer:
    """Return a Jaeger of the same 40 traces, all of one service."""
    starts = {make_id(number): (("checkout",), (NOW_S - 60 + number) * 10**6) for number in range(1, 41)}
    return JaegerServer(starts)
