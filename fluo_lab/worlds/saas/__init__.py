"""A business application that many tenants share: their customers' records, exports and administration.

Six services keep the tenants apart; the incidents are three ways in which that fails.
"""

from pathlib import Path

from fluo_lab.worlds.saas.flows import simulate
from fluo_lab.worlds.saas.incidents import INCIDENTS
from fluo_lab.worlds.saas.invariants import INVARIANTS
from fluo_lab.worlds.saas.services import serve, visit
from fluo_lab.worlds.world import Deployment, World

__all__ = ["SAAS"]

SAAS = World(
    name="saas",
    title="Business application of many tenants",
    summary=(
        "A gateway authenticates each request and has the tenant's context loaded; customer records, exports and the"
        " administration of users run on one shared database, and every query must stay within its tenant. Exports and"
        " the nightly usage job run in the background."
    ),
    deployments=(
        Deployment("edge", "edge-gateway", "4.12.0"),
        Deployment("tenancy", "tenant-directory", "2.7.3"),
        Deployment("data", "customer-records", "8.1.5"),
        Deployment("reports", "report-worker", "3.0.9"),
        Deployment("admin", "admin-console", "1.18.2"),
        Deployment("audit", "audit-trail", "2.2.0", clock_offset_us=9_000),
    ),
    invariants=INVARIANTS,
    incidents=INCIDENTS,
    folder=Path(__file__).parent,
    visit_gap_s=20.0,
    simulate=simulate,
    serve=serve,
    visit=visit,
)
