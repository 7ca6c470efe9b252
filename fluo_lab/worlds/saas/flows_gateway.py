"""The simulated gateway: who may come in, and what it does about each request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fluo_lab.worlds.saas import drawn
from fluo_lab.worlds.saas.flows_tenancy import Caller, dawdle, either, list_value, load_context, path_of, spend
from fluo_lab.worlds.simulated import Flow, Step
from fluo_lab.worlds.simulated.values import Mask, Value

__all__ = ["Arrival", "is_passed_on", "receive"]

Numbers = NDArray[np.int64]


@dataclass(slots=True, eq=False)
class Arrival:
    """A request that has come through the gateway.

    Attributes
    ----------
    step
        The span ``api.request``.
    caller
        Who asks.
    is_passed_on
        Where the gateway passes it on: it is let in, of a tenant it knows, and no repetition of an earlier one.
    lacks_context
        Where it is passed on before the context of the tenant is loaded.
    is_welcome
        Where it is let in, and of a tenant the gateway knows.
    status
        What is answered; workflows change it.
    """

    step: Step
    caller: Caller
    is_passed_on: Mask
    lacks_context: Mask
    is_welcome: Mask
    status: Numbers

    def answer(self, status: int | Numbers) -> None:
        """Answer with a status code wherever the request is welcome."""
        self.status = np.where(self.is_welcome, status, self.status)

    def answer_passed_on(self, status: Numbers) -> None:
        """Answer with the status codes of another deployment wherever the request was passed on."""
        self.status = np.where(self.is_passed_on, status, self.status)


@contextmanager
def receive(
    flow: Flow,
    method: str,
    route: str,
    *,
    path: pl.Series | None = None,
    where: Mask | None = None,
    part: int = 0,
    after_us: int = 0,
    loads_context: Mask | None = None,
) -> Iterator[Arrival]:
    """Run a request through the gateway.

    Parameters
    ----------
    loads_context
        Where the gateway has the context loaded; where it usually does by default.
    """
    chances, caller = flow.chances, Caller.of(flow)
    accepted = caller.is_accepted
    loads = accepted & (chances.habit(*drawn.CONTEXT_AHEAD) if loads_context is None else loads_context)
    knows = accepted & (~loads | chances.happens(*drawn.IS_KNOWN))
    passes_on = knows & chances.happens(*drawn.IS_FRESH)
    is_home, is_current = chances.habit(*drawn.IS_HOME_REGION), chances.habit(*drawn.IS_CURRENT_VERSION)
    region = either(is_home, drawn.HOME_REGION, flow.pick(*drawn.OTHER_REGION))
    version = either(is_current, drawn.CURRENT_VERSION, flow.pick(*drawn.OTHER_VERSION))
    is_inside = chances.habit(*drawn.GATE_INSIDE)
    with flow.request("edge", method, route, path=path, where=where, part=part, after_us=after_us) as root:
        root.work("gateway", 100, 900)
        dawdle(root, "gateway")
        _check(root, where=~is_inside)
        meters, meters_last = chances.habit(*drawn.METERS_USAGE), chances.habit(*drawn.METERS_LAST)
        meters_twice = ~chances.habit(*drawn.METERS_ONCE)
        _meter(root, where=meters & (~meters_last | meters_twice))
        attributes: dict[str, Value] = {
            "tenant.id": caller.tenant,
            "user.id": caller.user,
            "cloud.region": list_value(flow, region, drawn.REGION),
            "api.version": list_value(flow, version, drawn.VERSION),
        }
        with root.span("api.request", attributes=attributes) as step:
            _check(step, where=is_inside)
            flags_first = chances.habit(*drawn.FLAGS_FIRST)
            has_flags = accepted & chances.habit(*drawn.EVALUATES_FLAGS)
            spend(step, "flags.evaluate", 50, 700, where=has_flags & flags_first)
            at_edge = ~chances.habit(*drawn.SUSPENSION_AT_TENANCY)
            spend(step, "tenant.suspended", 30, 300, where=accepted & caller.is_suspended & at_edge)
            load_context(step, caller, "request", where=loads & knows)
            _look_up_stranger(step, caller, where=loads & ~knows)
            spend(step, "flags.evaluate", 50, 700, where=has_flags & ~flags_first)
            spend(step, "idempotency.replay", 80, 900, where=knows & ~passes_on)
            status = np.where(accepted, np.where(knows, 200, 404), 401)
            arrival = Arrival(step, caller, passes_on, passes_on & ~loads, knows, status)
            yield arrival
            _refresh(step, caller, knows)
        _meter(root, where=meters & meters_last)
        root.answer(arrival.status)


def is_passed_on(flow: Flow) -> Mask:
    """Return where the gateway, if it loads contexts as usual, passes a request on."""
    chances = flow.chances
    knows = ~chances.habit(*drawn.CONTEXT_AHEAD) | chances.happens(*drawn.IS_KNOWN)
    return chances.happens(*drawn.IS_ACCEPTED) & knows & chances.happens(*drawn.IS_FRESH)


def _meter(root: Step, *, where: Mask) -> None:
    root.do("usage.meter", 500, 6_000, where=where, is_detached=True)


def _check(step: Step, *, where: Mask) -> None:
    """Look at the token and at the rate, in either order."""
    chances = step.flow.chances
    token_first = chances.habit(*drawn.TOKEN_FIRST)
    verifies = where & chances.habit(*drawn.VERIFIES_TOKEN)
    _verify(step, where=verifies & token_first)
    _limit(step, where=where & chances.habit(*drawn.LIMITS_RATE))
    _verify(step, where=verifies & ~token_first)


def _verify(step: Step, *, where: Mask) -> None:
    method = list_value(step.flow, step.flow.pick(*drawn.TOKEN_METHOD), drawn.METHOD)
    step.do("auth.verify_token", 200, 3_000, where=where, attributes={"auth.method": method})


def _limit(step: Step, *, where: Mask) -> None:
    chances = step.flow.chances
    remaining = np.where(
        chances.habit(*drawn.IS_WITHIN_RATE),
        chances.integer(*drawn.REMAINING),
        chances.integer(*drawn.REMAINING_BEYOND),
    )
    step.do("rate_limit.check", 60, 800, where=where, attributes={"rate_limit.remaining": remaining})


def _refresh(step: Step, caller: Caller, knows: Mask) -> None:
    """Look again at what grew old while the request ran."""
    chances = step.flow.chances
    _verify(step, where=knows & ~chances.habit(*drawn.TOKEN_STAYS_FRESH))
    _limit(step, where=knows & ~chances.habit(*drawn.RATE_STAYS_KNOWN))
    spend(step, "flags.evaluate", 50, 700, where=knows & ~chances.habit(*drawn.FLAGS_STAY_FRESH))
    load_context(step, caller, "refresh", where=knows & ~chances.habit(*drawn.CONTEXT_STAYS_FRESH))


def _look_up_stranger(step: Step, caller: Caller, *, where: Mask) -> None:
    """Ask the directory for a tenant that it does not know."""
    with step.call("tenancy", "GET", "/tenants/{id}/context", path=path_of(caller), where=where) as directory:
        reads = step.flow.chances.habit(*drawn.READS_BEFORE_ERROR)
        spend(directory, "tenant.read", 400, 5_000, where=reads)
        directory.answer(404)
