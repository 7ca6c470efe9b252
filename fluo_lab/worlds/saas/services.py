"""The running application: what each service does, and what its users ask for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fluo_lab.worlds.live.service import Service
from fluo_lab.worlds.saas import drawn
from fluo_lab.worlds.saas.services_admin import serve_admin
from fluo_lab.worlds.saas.services_gateway import serve_gateway
from fluo_lab.worlds.saas.services_records import serve_records
from fluo_lab.worlds.saas.services_reports import serve_reports
from fluo_lab.worlds.saas.services_tenancy import serve_audit, serve_tenancy

if TYPE_CHECKING:
    from fluo_lab.worlds.chance import Chance
    from fluo_lab.worlds.live.client import Client

__all__ = ["serve", "visit"]

_SERVERS: dict[str, Callable[[Service], None]] = {
    "edge": serve_gateway,
    "tenancy": serve_tenancy,
    "data": serve_records,
    "reports": serve_reports,
    "admin": serve_admin,
    "audit": serve_audit,
}


def serve(service: Service) -> None:
    """Register the handlers of a deployment in its own process."""
    _SERVERS[service.deployment.key](service)


def visit(client: Client, chance: Chance) -> None:
    """Do what one user, or the scheduler, does."""
    workflow = chance.pick_code("workflow", drawn.WEIGHTS)
    body: dict[str, Any] = {"tenant": chance.pick(*drawn.TENANT), "user": chance.new_id(*drawn.USER)}
    customer = f"/customers/{chance.new_id(*drawn.CUSTOMER)}"
    match workflow:
        case drawn.READ:
            client.request("GET", customer, body)
        case drawn.SEARCH:
            client.request("POST", "/search", body)
            if chance.happens(*drawn.SECOND_PAGE):
                client.request("POST", "/search", body, part=1)
        case drawn.UPDATE:
            client.request("PUT", customer, body)
        case drawn.REPORT:
            client.request("POST", "/reports", body)
        case drawn.ADMIN:
            client.request("POST", "/admin/actions", body)
        case drawn.BULK:
            client.request("POST", "/admin/actions/bulk", body)
            if chance.happens(*drawn.SECOND_LIST):
                client.request("POST", "/admin/actions/bulk", body, part=1)
        case _:
            has_first = chance.habit(*drawn.HAS_USAGE)
            has_second = has_first and not chance.happens(*drawn.IS_SUSPENDED) and chance.happens(*drawn.SECOND_TENANT)
            has_third = has_second and chance.happens(*drawn.THIRD_TENANT)
            tenants = [chance.pick(*drawn.TENANT, turn=turn) for turn in range(has_first + has_second + has_third)]
            client.request("POST", "/internal/jobs/usage", {"tenants": tenants})
