"""What went wrong with patient records, and when."""

from __future__ import annotations

from fluo_lab.worlds.world import Incident

__all__ = ["INCIDENTS", "PHI_ACCESS_WITHOUT_AUDIT", "TRANSMIT_WITHOUT_TLS", "WRONG_PATIENT_AUDIT"]

PHI_ACCESS_WITHOUT_AUDIT = "phi-access-without-audit"
TRANSMIT_WITHOUT_TLS = "transmit-without-tls"
WRONG_PATIENT_AUDIT = "wrong-patient-audit"

INCIDENTS: tuple[Incident, ...] = (
    Incident(
        PHI_ACCESS_WITHOUT_AUDIT,
        "Patient data read without an audit entry",
        ("access-leaves-audit-log", "access-logged-before-the-next", "failed-audit-is-retried"),
        (0.48, 0.53),
        0.6,
        "critical",
    ),
    Incident(
        TRANSMIT_WITHOUT_TLS,
        "Patient summaries sent to a partner in the clear",
        ("transmission-needs-tls", "consent-is-fresh"),
        (0.65, 0.70),
        0.8,
        "critical",
    ),
    Incident(
        WRONG_PATIENT_AUDIT,
        "Audit entries of ward rounds name the wrong patient",
        ("audit-log-names-the-patient",),
        (0.83, 0.88),
        0.8,
    ),
)
