"""What several of the running services do: answer, ask for authorization and approval, leave records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fluo_lab.worlds.chance import Chance
from fluo_lab.worlds.fintech import drawn, facts
from fluo_lab.worlds.live.requests import Answer

if TYPE_CHECKING:
    from fluo_lab.worlds.live.requests import Request
    from fluo_lab.worlds.live.service import Service

__all__ = [
    "answer",
    "approve",
    "audit",
    "authorize",
    "authorize_reader",
    "deliver_file",
    "leave_record",
    "read_customer",
    "repeat",
    "user",
    "verify_token",
]


def user(chance: Chance, span: str, *, turn: int = 0) -> str:
    """Return the user a span names."""
    return drawn.USERS[int(facts.acting_user(chance, span, turn=turn))]


def repeat(service: Service, chance: Chance, *names: str) -> None:
    """Run steps once more that nothing says must run once."""
    for name in names:
        if facts.is_repeated(chance, name):
            service.do(name, 0.1, 0.4)


def answer(chance: Chance, route: str, usual: int, body: Mapping[str, Any] | None = None) -> Answer:
    """Return the answer to a request."""
    return Answer(int(facts.answer_code(chance, route, usual)), body or {})


def authorize(service: Service, scope: str, *, turn: int = 0) -> bool:
    """Ask whether the user may do something, and return whether they may."""
    reply = service.call("auth", "POST", "/authorizations", {"scope": scope, "turn": turn})
    return bool(reply.body["is_allowed"])


def authorize_reader(service: Service, chance: Chance, scope: str) -> None:
    """Let in who carries a valid token, or who is allowed by the auth service, there asked for more if need be."""
    if not drawn.CHECKED_REMOTELY.ask(chance):
        verify_token(service)
    elif not authorize(service, scope):
        authorize(service, scope, turn=1)


def verify_token(service: Service) -> None:
    """Let in who carries a valid token."""
    service.do("token.verify", 0.1, 0.5)


def approve(service: Service) -> None:
    """Have a deed approved by somebody else."""
    service.call("approvals", "POST", "/approvals")


def audit(service: Service, action: str, *, is_in_line: bool) -> None:
    """Leave an audit record: in line, or by a message."""
    if is_in_line:
        service.call("audit", "POST", "/entries", {"action": action})
    else:
        service.publish("audit", "audit", {"action": action})


def leave_record(service: Service, chance: Chance, action: str) -> None:
    """Leave an audit record of a deed, mostly."""
    if drawn.AUDITED[action].ask(chance):
        audit(service, action, is_in_line=drawn.RECORDED_IN_LINE.ask(chance))


def read_customer(service: Service, request: Request) -> None:
    """Read who the visit's customer is."""
    customer = request.chance.new_id("cust", "customer")
    service.call("auth", "GET", "/customers/{id}", path=f"/customers/{customer}")


def deliver_file(service: Service, kind: str) -> None:
    """Have the export service send a file."""
    service.call("exports", "POST", "/files", {"kind": kind})
