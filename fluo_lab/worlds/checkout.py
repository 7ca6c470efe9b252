"""The checkout world: a small web shop under load, with planted invariants and one incident."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import orjson
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.trace import SpanContext

from fluo_lab.errors import UsageError
from fluo_lab.worlds.checkout_flows import WORKFLOWS, Workflow, change_order, check_out
from fluo_lab.worlds.checkout_rules import CHECKOUT_RULES, FAULTS, Violation
from fluo_lab.worlds.fleet import Fleet, Instance
from fluo_lab.worlds.otlp import encode_json_line, encode_request
from fluo_lab.worlds.truth import Incident, Truth
from fluo_lab.worlds.visit import PAYMENT_CANARY, PAYMENT_STABLE, Visit

__all__ = ["CHECKOUT_START", "Simulation", "simulate_checkout"]

CHECKOUT_START = datetime(2025, 10, 6, 7, 30, tzinfo=UTC)
"""When the simulated morning begins unless told otherwise."""

_SECOND_NS = 1_000_000_000
_WINDOW = (0.82, 0.853)
"""The incident's place among the traces, as shares of them."""
_QUIET_SHARE = 0.2
"""Share of the window that passes before the first trace is harmed."""

_INSTANCES = {
    "storefront": Instance("storefront", "8.2.0", "6d5f", 5 * _SECOND_NS),
    "cart": Instance("cart", "3.1.4", "77b1", 5 * _SECOND_NS),
    "inventory": Instance("inventory", "5.0.2", "c0aa", 5 * _SECOND_NS),
    PAYMENT_STABLE[0]: Instance("payment", "4.11.3", "9e10", 5 * _SECOND_NS),
    PAYMENT_STABLE[1]: Instance("payment", "4.11.3", "9e11", 5 * _SECOND_NS),
    PAYMENT_CANARY: Instance("payment", "4.12.0", "b742", 5 * _SECOND_NS),
    "fraud": Instance("fraud", "1.9.1", "f3d0", 5 * _SECOND_NS),
    "order": Instance("order", "6.4.0", "21ce", 5 * _SECOND_NS),
    "notification": Instance("notification", "2.2.7", "a8e4", 5 * _SECOND_NS),
    "refunds": Instance("refunds", "1.3.0", "5b9d", 5 * _SECOND_NS),
}


@dataclass(frozen=True, slots=True)
class Simulation:
    """A simulated system's telemetry, and the truth about it.

    Attributes
    ----------
    truth
        Planted rules, incidents and labels.
    requests
        The export requests in the order in which a collector received them. The spans of a trace are spread
        over several, because every service instance exports its own.
    """

    truth: Truth
    requests: tuple[ExportTraceServiceRequest, ...]

    @property
    def n_spans(self) -> int:
        """Number of spans in all requests."""
        return sum(len(s.spans) for q in self.requests for r in q.resource_spans for s in r.scope_spans)

    def to_json_lines(self) -> Iterator[bytes]:
        """Yield the requests as OTLP/JSON, one line each."""
        return map(encode_json_line, self.requests)

    def write(self, path: Path | str) -> None:
        """Write the traces as OTLP/JSON lines, compressed when the name ends in ``.gz``.

        The bytes depend on the simulation alone: the gzip header carries neither name nor time.
        """
        with Path(path).open("wb") as plain:
            if Path(path).suffix == ".gz":
                with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=plain, mtime=0) as packed:
                    packed.writelines(self.to_json_lines())
            else:
                plain.writelines(self.to_json_lines())

    def write_truth(self, path: Path | str) -> None:
        """Write the truth as an indented JSON document."""
        options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
        Path(path).write_bytes(orjson.dumps(self.truth.to_dict(), option=options))


def simulate_checkout(
    *,
    seed: int = 7,
    n_traces: int = 1000,
    start: datetime = CHECKOUT_START,
    incident: Violation | None = Violation.DOUBLE_CHARGE,
    violation_rates: Mapping[Violation, float] | None = None,
) -> Simulation:
    """Return a simulated stretch of the shop's traffic; equal arguments give equal bytes.

    Parameters
    ----------
    seed
        Decides every choice and every id.
    n_traces
        Number of traces, one about every 20 seconds.
    start
        When the first may begin; must carry a time zone.
    incident
        What goes wrong during the incident, a window of about 3 % of the traces late in the run, or None for
        a run without one. The payment provider answers slowly in that window and customers try harder, so
        that it holds more checkouts and more retries than usual, healthy ones among them.
    violation_rates
        For each violation, the share of the traces open to it that suffer it at any time. The default is
        none: outside the incident every planted rule holds.

    Raises
    ------
    UsageError
        The number of traces is not positive, the start has no time zone, or a rate is not within 0 and 1.

    Examples
    --------
    >>> simulation = simulate_checkout(seed=1, n_traces=20, incident=None)
    >>> simulation.truth.n_traces, len(simulation.truth.bad_traces)
    (20, 0)
    """
    rates = dict(violation_rates or {})
    _check_arguments(n_traces, start, rates)
    # A seeded generator is the point here; nothing secret is drawn from it.
    rng = Random(seed)  # noqa: S311
    fleet = Fleet(_INSTANCES, rng=Random(rng.getrandbits(64)))  # noqa: S311
    arrivals_ns = _draw_arrivals(rng, n_traces, start)
    window = _place_window(arrivals_ns) if incident else range(0)
    active_from_ns = window.start + int(len(window) * _QUIET_SHARE)
    harmed: dict[Violation, list[str]] = {violation: [] for violation in Violation}
    harmed_in_window: list[str] = []
    recent_orders: list[SpanContext] = []
    for at_ns in arrivals_ns:
        is_inside = at_ns in window
        is_active = is_inside and at_ns >= active_from_ns
        visit = Visit(
            fleet=fleet,
            rng=rng,
            start_ns=at_ns,
            rates=rates | {incident: 0.8} if incident and is_active else rates,
            retry_rate=0.7 if is_inside else 0.13,
            has_canary=is_inside,
            recent_orders=recent_orders,
        )
        trace_id = _pick_workflow(rng, is_inside=is_inside)(visit)
        for violation in visit.suffered:
            harmed[violation].append(trace_id)
        if is_active and incident in visit.suffered:
            harmed_in_window.append(trace_id)
    truth = Truth(
        seed=seed,
        n_traces=n_traces,
        rules=CHECKOUT_RULES,
        incidents=(_describe_incident(incident, window, harmed_in_window),) if incident else (),
        labels={
            rule.id: tuple(t for v, fault in FAULTS.items() if rule.id in fault.rules for t in harmed[v])
            for rule in CHECKOUT_RULES
        },
    )
    return Simulation(truth, tuple(encode_request(batch) for batch in fleet.export()))


def _check_arguments(n_traces: int, start: datetime, rates: Mapping[Violation, float]) -> None:
    if n_traces < 1:
        raise UsageError(f"n_traces is {n_traces}: ask for at least one trace")
    if start.tzinfo is None:
        raise UsageError(f"start {start.isoformat()} has no time zone: give one, such as datetime.UTC")
    for violation, rate in rates.items():
        if not 0 <= rate <= 1:
            raise UsageError(f"the rate of {violation} is {rate}: give a share between 0 and 1")


def _draw_arrivals(rng: Random, n_traces: int, start: datetime) -> list[int]:
    """Return the traces' start times in nanoseconds, in order, 20 s apart on average, in whole microseconds."""
    now_ns = int(start.timestamp()) * _SECOND_NS
    arrivals_ns = []
    for _ in range(n_traces):
        now_ns += rng.randrange(1, 40_000_000) * 1000
        arrivals_ns.append(now_ns)
    return arrivals_ns


def _place_window(arrivals_ns: list[int]) -> range:
    """Return the incident's window in nanoseconds, from one full minute to another."""
    first, last = (arrivals_ns[int(share * len(arrivals_ns))] for share in _WINDOW)
    minute_ns = 60 * _SECOND_NS
    return range(first // minute_ns * minute_ns, -(-last // minute_ns) * minute_ns)


def _pick_workflow(rng: Random, *, is_inside: bool) -> Workflow:
    """Return a workflow by its share; during an incident people mostly try to pay."""
    if is_inside and rng.random() < 0.5:
        return check_out if rng.random() < 0.9 else change_order
    return rng.choices(list(WORKFLOWS), weights=list(WORKFLOWS.values()))[0]


def _describe_incident(violation: Violation, window: range, traces: list[str]) -> Incident:
    fault = FAULTS[violation]
    return Incident(
        id=f"incident-{violation}",
        title=fault.title,
        start_ns=window.start,
        end_ns=window.stop,
        broken_rule=fault.rules[0],
        traces=tuple(traces),
    )
