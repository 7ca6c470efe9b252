"""Patient records of a hospital: reading, updating, emergency access, transmission, archive and appointments.

Six services keep health data private, as HIPAA asks; the incidents are three ways in which that fails.
"""

from pathlib import Path

from fluo_lab.worlds.health.flows import simulate
from fluo_lab.worlds.health.incidents import INCIDENTS
from fluo_lab.worlds.health.invariants import INVARIANTS
from fluo_lab.worlds.health.services import serve, visit
from fluo_lab.worlds.world import Deployment, World

__all__ = ["HEALTH"]

HEALTH = World(
    name="health",
    title="Patient records of a hospital",
    summary=(
        "A portal signs users in and has records read: charts, whole ward rounds, emergencies behind break-glass. Each"
        " access is entered in an audit ledger. Summaries go to other providers in the background, with consent and"
        " over TLS; an archive encrypts what is stored and builds datasets at night."
    ),
    deployments=(
        Deployment("portal", "patient-portal", "7.4.0"),
        Deployment("identity", "identity", "3.9.2"),
        Deployment("records", "record-service", "12.1.0"),
        Deployment("audit", "audit-ledger", "2.6.1"),
        Deployment("exchange", "provider-exchange", "5.0.3"),
        Deployment("archive", "record-archive", "4.2.8", clock_offset_us=4_000),
    ),
    invariants=INVARIANTS,
    incidents=INCIDENTS,
    folder=Path(__file__).parent,
    visit_gap_s=12.0,
    simulate=simulate,
    serve=serve,
    visit=visit,
)
