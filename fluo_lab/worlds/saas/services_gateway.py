"""The gateway: who may come in, and where requests go."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fluo_lab.worlds.live.service import Answer, Request, Service
from fluo_lab.worlds.saas import drawn
from fluo_lab.worlds.saas.services_tenancy import Caller, list_value, load_context, spend

if TYPE_CHECKING:
    from fluo_lab.worlds.chance import Chance

__all__ = ["serve_gateway"]

Forward = Callable[[Caller], Answer]
"""Passes a request on, for a caller who may come in."""


class _Gateway:
    """Lets requests in, with the context of their tenant."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def handle(
        self, request: Request, forward: Forward, *, loads_context: bool | None = None, replayed_status: int = 200
    ) -> Answer:
        """Return the answer to a request from outside.

        Parameters
        ----------
        forward
            Passes it on, unless it repeats an earlier request.
        loads_context
            Whether the context of the tenant is loaded first; as usual when None.
        replayed_status
            Status code of the answer to a repeated request.
        """
        service, chance = self._service, request.chance
        is_home, is_current = chance.habit(*drawn.IS_HOME_REGION), chance.habit(*drawn.IS_CURRENT_VERSION)
        region = drawn.HOME_REGION if is_home else chance.pick(*drawn.OTHER_REGION)
        version = drawn.CURRENT_VERSION if is_current else chance.pick(*drawn.OTHER_VERSION)
        is_inside = chance.habit(*drawn.GATE_INSIDE)
        service.work(0.1, 0.9)
        if not is_inside:
            self._check(chance)
        meters, meters_last = chance.habit(*drawn.METERS_USAGE), chance.habit(*drawn.METERS_LAST)
        meters_twice = not chance.habit(*drawn.METERS_ONCE)
        if meters and (meters_twice or not meters_last):
            service.later(lambda: spend(service, chance, "usage.meter"))
        attributes = {
            "tenant.id": request.body["tenant"],
            "user.id": request.body["user"],
            "cloud.region": list_value(chance, region, drawn.REGION),
            "api.version": list_value(chance, version, drawn.VERSION),
        }
        with service.tracer.start_as_current_span("api.request", attributes=attributes):
            if is_inside:
                self._check(chance)
            if chance.happens(*drawn.IS_ACCEPTED):
                caller = Caller(request.body["tenant"], request.body["user"])
                loads = chance.habit(*drawn.CONTEXT_AHEAD) if loads_context is None else loads_context
                status = self._welcome(chance, caller, forward, loads_context=loads, replayed_status=replayed_status)
            else:
                status = 401
        if meters and meters_last:
            service.later(lambda: spend(service, chance, "usage.meter"))
        return Answer(status)

    def _welcome(
        self, chance: Chance, caller: Caller, forward: Forward, *, loads_context: bool, replayed_status: int
    ) -> int:
        """Return the status code for a caller who may come in."""
        service = self._service
        flags_first = chance.habit(*drawn.FLAGS_FIRST)
        has_flags = chance.habit(*drawn.EVALUATES_FLAGS)
        if has_flags and flags_first:
            spend(service, chance, "flags.evaluate")
        if chance.happens(*drawn.IS_SUSPENDED) and not chance.habit(*drawn.SUSPENSION_AT_TENANCY):
            spend(service, chance, "tenant.suspended")
        is_known = True
        if loads_context:
            context = load_context(service, chance, caller.tenant, "arrival")
            is_known = context.status == 200
            caller = caller.knowing(context) if is_known else caller
        if has_flags and not flags_first:
            spend(service, chance, "flags.evaluate")
        if not is_known:
            return 404
        status = replayed_status
        if chance.happens(*drawn.IS_FRESH):
            status = forward(caller).status
        else:
            spend(service, chance, "idempotency.replay")
        self._refresh(chance, caller)
        return status

    def _check(self, chance: Chance) -> None:
        """Look at the token and at the rate, in either order."""
        token_first = chance.habit(*drawn.TOKEN_FIRST)
        verifies = chance.habit(*drawn.VERIFIES_TOKEN)
        if verifies and token_first:
            self._verify(chance)
        if chance.habit(*drawn.LIMITS_RATE):
            self._limit(chance)
        if verifies and not token_first:
            self._verify(chance)

    def _verify(self, chance: Chance) -> None:
        method = list_value(chance, chance.pick(*drawn.TOKEN_METHOD), drawn.METHOD)
        spend(self._service, chance, "auth.verify_token", {"auth.method": method})

    def _limit(self, chance: Chance) -> None:
        question = drawn.REMAINING if chance.habit(*drawn.IS_WITHIN_RATE) else drawn.REMAINING_BEYOND
        spend(self._service, chance, "rate_limit.check", {"rate_limit.remaining": chance.integer(*question)})

    def _refresh(self, chance: Chance, caller: Caller) -> None:
        """Look again at what grew old while the request ran."""
        if not chance.habit(*drawn.TOKEN_STAYS_FRESH):
            self._verify(chance)
        if not chance.habit(*drawn.RATE_STAYS_KNOWN):
            self._limit(chance)
        if not chance.habit(*drawn.FLAGS_STAY_FRESH):
            spend(self._service, chance, "flags.evaluate")
        if not chance.habit(*drawn.CONTEXT_STAYS_FRESH):
            load_context(self._service, chance, caller.tenant, "refresh")


def serve_gateway(service: Service) -> None:
    """Register the handlers of the gateway."""
    gateway = _Gateway(service)

    def forward_to(to: str, method: str, route: str, *, path: str | None = None) -> Forward:
        return lambda caller: service.call(to, method, route, caller.as_body(), path=path)

    @service.route("GET", "/customers/{id}")
    def read(request: Request) -> Answer:
        path = f"/records/{request.path_values['id']}"
        return gateway.handle(request, forward_to("data", "GET", "/records/{id}", path=path))

    @service.route("PUT", "/customers/{id}")
    def update(request: Request) -> Answer:
        path = f"/records/{request.path_values['id']}"
        return gateway.handle(request, forward_to("data", "PUT", "/records/{id}", path=path))

    @service.route("POST", "/search")
    def search(request: Request) -> Answer:
        return gateway.handle(request, forward_to("data", "POST", "/records/search"))

    @service.route("POST", "/reports")
    def report(request: Request) -> Answer:
        return gateway.handle(request, forward_to("data", "POST", "/exports"), replayed_status=202)

    @service.route("POST", "/admin/actions")
    def act(request: Request) -> Answer:
        chance = request.chance
        # The console loads the context itself where the gateway need not know whether the tenant is suspended.
        is_late = chance.happens(*drawn.LOADS_CONTEXT_LATE) and not chance.happens(*drawn.IS_SUSPENDED)
        return gateway.handle(request, forward_to("admin", "POST", "/actions"), loads_context=not is_late)

    @service.route("POST", "/admin/actions/bulk")
    def act_in_bulk(request: Request) -> Answer:
        return gateway.handle(request, forward_to("admin", "POST", "/actions/bulk"))

    @service.route("POST", "/internal/jobs/usage")
    def count_usage(request: Request) -> Answer:
        chance = request.chance
        meters, meters_last = chance.habit(*drawn.METERS_USAGE), chance.habit(*drawn.METERS_LAST)
        if meters and not meters_last:
            spend(service, chance, "usage.meter")
        service.call("reports", "POST", "/jobs/usage", {"tenants": request.body["tenants"]})
        if meters and meters_last:
            spend(service, chance, "usage.meter")
        return Answer(200)
