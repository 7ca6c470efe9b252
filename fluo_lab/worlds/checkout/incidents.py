"""What goes wrong in the shop, and when."""

from __future__ import annotations

from fluo_lab.worlds.world import Incident

__all__ = [
    "CHARGE_BEFORE_RESERVATION",
    "CONCURRENT_CHARGES",
    "DOUBLE_CLICK",
    "INCIDENTS",
    "MISSING_FRAUD_CHECK",
    "NEW_INTENT",
]

DOUBLE_CLICK = "double-click-checkout"
CONCURRENT_CHARGES = "concurrent-charges"
NEW_INTENT = "retry-with-new-intent"
MISSING_FRAUD_CHECK = "missing-fraud-check"
CHARGE_BEFORE_RESERVATION = "charge-before-reservation"

INCIDENTS = (
    Incident(
        DOUBLE_CLICK,
        "Customers who clicked twice paid twice",
        ("intent-captured-once",),
        window=(0.46, 0.51),
        rate=0.72,
        severity="critical",
    ),
    Incident(
        CONCURRENT_CHARGES,
        "Two workers charged the same payment at the same time",
        ("intent-captured-once", "attempts-rise"),
        window=(0.56, 0.61),
        rate=0.65,
        severity="critical",
    ),
    Incident(
        NEW_INTENT,
        "Retries on the payments canary took the money again",
        ("retry-keeps-intent", "checkout-within-three-seconds"),
        window=(0.66, 0.71),
        rate=0.72,
        severity="critical",
    ),
    Incident(
        MISSING_FRAUD_CHECK,
        "Large payments went through without a fraud check",
        ("high-value-needs-fraud-check", "fraud-check-before-high-value-charge"),
        window=(0.76, 0.81),
        rate=0.55,
    ),
    Incident(
        CHARGE_BEFORE_RESERVATION,
        "Cards were charged before the goods were set aside",
        ("reservation-before-charge",),
        window=(0.87, 0.92),
        rate=0.55,
    ),
)
"""The incidents; their windows do not touch."""
