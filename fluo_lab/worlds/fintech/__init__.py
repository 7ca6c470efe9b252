"""Accounts and transfers under audit: a gateway, authorization, a ledger, approvals, an audit log and exports.

What holds, what breaks it for a while, and two ways to run it: live services and a simulation.
"""

from pathlib import Path

from fluo_lab.worlds.fintech.flows import simulate
from fluo_lab.worlds.fintech.incidents import INCIDENTS
from fluo_lab.worlds.fintech.invariants import INVARIANTS
from fluo_lab.worlds.fintech.services import serve, visit
from fluo_lab.worlds.world import Deployment, World

__all__ = ["FINTECH"]

FINTECH = World(
    name="fintech",
    title="Accounts and transfers under audit",
    summary=(
        "Customers move money, jobs pay many at once, files leave the house, and staff read personal data. High "
        "amounts need an approval by somebody else, every debit its credit, every access its record in the audit log."
    ),
    deployments=(
        Deployment("gateway", "api-gateway", "5.2.0"),
        Deployment("auth", "identity-service", "3.9.1"),
        Deployment("ledger", "ledger-service", "7.4.0"),
        Deployment("approvals", "approval-service", "2.1.3"),
        # Its clock is ahead: no invariant may order the audit log against the spans of other services.
        Deployment("audit", "audit-service", "1.8.0", clock_offset_us=4_000),
        Deployment("exports", "export-service", "4.0.2"),
    ),
    invariants=INVARIANTS,
    incidents=INCIDENTS,
    folder=Path(__file__).parent,
    visit_gap_s=20.0,
    simulate=simulate,
    serve=serve,
    visit=visit,
)
