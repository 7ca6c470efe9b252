"""The fraud service of the running shop."""

from __future__ import annotations

from hashlib import pbkdf2_hmac
from typing import TYPE_CHECKING

from fluo_lab.worlds.checkout import drawn
from fluo_lab.worlds.checkout.services_storage import Storage, number_or
from fluo_lab.worlds.live.requests import Answer

if TYPE_CHECKING:
    from fluo_lab.worlds.chance import Chance
    from fluo_lab.worlds.live.service import Request, Service

__all__ = ["serve_fraud"]

_N_ROUNDS = 200


def serve_fraud(service: Service) -> None:
    """Register the handlers of the fraud service."""
    storage = Storage(service)

    @service.route("POST", "/fraud-checks")
    def check(request: Request) -> Answer:
        storage.look_up(request.chance, "customers")
        if request.body["is_needed"] or request.chance.habit(*drawn.SAMPLED_CHECK_RUN):
            _check_fraud(service, request.chance, request.body["cents"])
            if not request.chance.habit(*drawn.CHECKED_ONCE):
                _check_fraud(service, request.chance, request.body["cents"])
        return Answer()


def _check_fraud(service: Service, chance: Chance, cents: int) -> None:
    """Check a payment; the score is for reports, and refuses nobody."""
    is_final = chance.habit(*drawn.CHECKS_FINAL_AMOUNT)
    checked_cents = cents if is_final else chance.integer(*drawn.ESTIMATED_CENTS)
    with service.tracer.start_as_current_span("payment.fraud_check") as span:
        span.set_attribute("amount", checked_cents / 100)
        if chance.habit(*drawn.SCORED):
            with service.tracer.start_as_current_span("score.compute"):
                pbkdf2_hmac("sha256", str(checked_cents).encode(), b"customer", _N_ROUNDS)
                service.work(0.5, 5.0)
        span.set_attribute("fraud.score", number_or(chance, drawn.USUAL_SCORE, drawn.SCORE, drawn.HIGH_SCORE))
