"""What goes wrong in the application, and when."""

from __future__ import annotations

from fluo_lab.worlds.world import Incident

__all__ = ["BULK_WITHOUT_AUDIT", "CROSS_TENANT", "INCIDENTS", "UNSCOPED"]

CROSS_TENANT = "cross-tenant-query"
BULK_WITHOUT_AUDIT = "bulk-admin-without-audit"
UNSCOPED = "unscoped-query"

INCIDENTS: tuple[Incident, ...] = (
    Incident(
        CROSS_TENANT,
        "Customers saw records of another tenant",
        ("query-in-tenant-of-request",),
        (0.57, 0.62),
        0.8,
        severity="critical",
    ),
    Incident(
        BULK_WITHOUT_AUDIT,
        "Bulk deactivations left no audit records",
        ("action-is-audited",),
        (0.64, 0.69),
        0.8,
        severity="high",
        wrong_label_rate=0.15,
    ),
    Incident(
        UNSCOPED,
        "New search read the data of all tenants",
        ("tenant-data-is-filtered", "query-within-statement-timeout"),
        (0.82, 0.87),
        0.8,
        severity="critical",
    ),
)
