"""Systems with known truth: seeded simulations under the real OpenTelemetry SDK, written as OTLP.

Each world plants invariants, breaks some of them in an incident, and says which traces it harmed.
``python -m fluo_lab.worlds`` regenerates the committed samples.
"""

from fluo_lab.worlds.checkout import CHECKOUT_START, Simulation, simulate_checkout
from fluo_lab.worlds.checkout_rules import CHECKOUT_RULES, Violation
from fluo_lab.worlds.otlp import encode_json_line, encode_request
from fluo_lab.worlds.scale import write_scaled
from fluo_lab.worlds.truth import Incident, PlantedRule, Truth

__all__ = [
    "CHECKOUT_RULES",
    "CHECKOUT_START",
    "Incident",
    "PlantedRule",
    "Simulation",
    "Truth",
    "Violation",
    "encode_json_line",
    "encode_request",
    "simulate_checkout",
    "write_scaled",
]
