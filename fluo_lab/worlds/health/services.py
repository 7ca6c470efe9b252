"""Live: the hospital's services, and what its users and its scheduler do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fluo_lab.worlds.health import drawn

if TYPE_CHECKING:
    from fluo_lab.worlds.chance import Chance
    from fluo_lab.worlds.live.client import Client
    from fluo_lab.worlds.live.service import Service

__all__ = ["serve", "visit"]


def serve(service: Service) -> None:
    """Register the handlers of a deployment in its own process."""
    # Loaded in the services' own processes alone: simulations need none of it.
    from fluo_lab.worlds.health.service_archive import serve_archive
    from fluo_lab.worlds.health.service_care import serve_records
    from fluo_lab.worlds.health.service_exchange import serve_exchange
    from fluo_lab.worlds.health.service_identity import serve_identity
    from fluo_lab.worlds.health.service_ledger import serve_ledger
    from fluo_lab.worlds.health.service_portal import serve_portal

    handlers = {
        "portal": serve_portal,
        "identity": serve_identity,
        "records": serve_records,
        "audit": serve_ledger,
        "exchange": serve_exchange,
        "archive": serve_archive,
    }
    handlers[service.deployment.key](service)


def visit(client: Client, chance: Chance) -> None:
    """Make the requests of one visit."""
    workflow = chance.pick_code("workflow", drawn.WORKFLOW_WEIGHTS)
    body = _body_of(chance)
    if workflow == drawn.READ_CHART:
        role = drawn.PATIENT_ROLE if drawn.SELF_SERVICE.ask(chance) else body["role"]
        client.request("GET", "/charts/" + chance.new_id("chart", "chart"), {**body, "role": role})
    elif workflow == drawn.WARD_ROUND:
        patients = [drawn.relative_of(body["patient"], nth) for nth in range(drawn.ward_count(chance))]
        client.request("POST", "/ward-rounds", {**body, "patients": patients})
    elif workflow == drawn.UPDATE:
        client.request("PUT", "/charts/" + chance.new_id("chart", "chart"), body)
    elif workflow == drawn.BREAK_GLASS:
        role = drawn.EMERGENCY if drawn.EMERGENCY_ASKS.ask(chance) else body["role"]
        client.request("POST", "/break-glass", {**body, "role": role})
    elif workflow == drawn.TRANSMIT:
        client.request("POST", "/transmissions", body)
        if drawn.DOUBLE_CLICKS.ask(chance):
            client.request("POST", "/transmissions", body, part=1)
            if not drawn.STOPS_CLICKING.ask(chance):
                client.request("POST", "/transmissions", body, part=2)
    elif workflow == drawn.NIGHTLY:
        client.request("POST", "/jobs/nightly")
    else:
        client.request("POST", "/appointments", body)


def _body_of(chance: Chance) -> dict[str, Any]:
    """Return who asks, who else might sign in, and whose data it is about."""
    asker, second, third = (
        {"user": drawn.USERS[drawn.user_number(chance, turn=turn)], "role": drawn.ROLE.pick(chance, turn=turn)}
        for turn in (0, 1, 2)
    )
    return {**asker, "second": second, "third": third, "patient": drawn.PATIENTS[drawn.patient_number(chance)]}
