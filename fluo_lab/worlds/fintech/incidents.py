"""What goes wrong in the system of accounts for a while."""

from __future__ import annotations

from fluo_lab.worlds.world import Incident

__all__ = ["INCIDENTS"]

INCIDENTS: tuple[Incident, ...] = (
    Incident(
        "replayed-payout",
        "Payout runs were executed twice after the job was restarted",
        ("idempotency-key-executes-once",),
        window=(0.50, 0.55),
        rate=0.75,
        severity="critical",
    ),
    Incident(
        "export-without-encryption",
        "Large files left without encryption",
        ("export-encrypted-before-it-leaves",),
        window=(0.63, 0.68),
        rate=0.8,
        severity="critical",
    ),
    Incident(
        "transfer-without-approval",
        "High-value transactions were executed without approval",
        ("high-value-transaction-needs-approval",),
        window=(0.81, 0.86),
        rate=0.8,
        severity="high",
        wrong_label_rate=0.2,
    ),
)
