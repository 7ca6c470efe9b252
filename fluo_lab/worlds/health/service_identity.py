"""Live: the identity service, and how the portal has somebody signed in."""

from __future__ import annotations

from hashlib import pbkdf2_hmac

from fluo_lab.worlds.health import drawn
from fluo_lab.worlds.health.service_parts import Asker, do
from fluo_lab.worlds.live.service import Answer, Request, Service

__all__ = ["serve_identity", "sign_in"]

_ROUNDS = 50


def sign_in(service: Service, request: Request, asker: Asker, *, turn: int = 0, is_guest: bool = False) -> None:
    """Have the identity service authenticate somebody, by a new session or an old one; guests get one without that."""
    chance = request.chance
    body = {**asker.as_json(), "turn": turn, "is_guest": is_guest}
    if drawn.LOGIN.ask(chance, turn=turn):
        service.call("identity", "POST", "/sessions", body)
    else:
        path = "/sessions/" + chance.new_id("sess", "session", turn=turn)
        service.call("identity", "GET", "/sessions/{id}", body, path=path)


def serve_identity(service: Service) -> None:
    """Register the handlers of the identity service."""

    @service.route("POST", "/sessions")
    def log_in(request: Request) -> Answer:
        turn = request.body["turn"]
        if not _authenticate(service, request):
            return Answer(401)
        if drawn.LOGIN_WRITES.ask(request.chance, turn=turn):
            do(
                service,
                request.chance,
                "database.write",
                0.2,
                3,
                lambda again: {
                    "data_type": "session",
                    "rows.written": drawn.SESSION_ROWS.ask(request.chance, turn=turn + again),
                },
            )
        return Answer(201)

    @service.route("GET", "/sessions/{id}")
    def resume(request: Request) -> Answer:
        return Answer(200 if _authenticate(service, request) else 401)


def _authenticate(service: Service, request: Request) -> bool:
    chance, turn = request.chance, request.body["turn"]
    asker = Asker.of(request.body)
    is_rejected = drawn.is_rejected(chance, turn=turn)
    is_verified = drawn.TOKEN_VERIFIES.ask(chance, turn=turn)
    is_first = drawn.TOKEN_FIRST.ask(chance, turn=turn)
    if is_verified and is_first:
        _verify_token(service, request)
    if is_rejected:
        if drawn.REJECTION_SHOWN.ask(chance):
            do(
                service,
                chance,
                "auth.rejected",
                0.1,
                0.9,
                lambda again: {"reason": drawn.REJECTED_BECAUSE.pick(chance, turn=again)},
            )
    elif not request.body["is_guest"]:
        with service.tracer.start_as_current_span("auth.user_authenticated") as authenticated:
            authenticated.set_attribute("user.id", asker.user)
            authenticated.set_attribute("user.role", asker.role)
            authenticated.set_attribute("auth.method", drawn.AUTH_METHOD.pick(chance, turn=turn))
            authenticated.set_attribute("compliance.framework", drawn.FRAMEWORK.pick(chance))
            authenticated.set_attribute("compliance.control", drawn.AUTH_CONTROL.pick(chance))
            service.work(0.3, 9)
    if is_verified and not is_first:
        _verify_token(service, request)
    return not is_rejected


def _verify_token(service: Service, request: Request) -> None:
    chance, turn = request.chance, request.body["turn"]
    pbkdf2_hmac("sha256", request.body["user"].encode(), b"pepper", _ROUNDS)
    do(
        service,
        chance,
        "token.verify",
        0.08,
        0.9,
        lambda again: {"token.algorithm": drawn.TOKEN_ALGORITHM.pick(chance, turn=turn + again)},
    )
