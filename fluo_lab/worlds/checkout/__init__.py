"""The checkout world: an online shop that reserves goods, checks for fraud, charges cards and sends receipts.

Seven deployments of six services; two versions of payments take turns.
"""

from __future__ import annotations

from pathlib import Path

from fluo_lab.worlds.checkout.flows import simulate
from fluo_lab.worlds.checkout.incidents import INCIDENTS
from fluo_lab.worlds.checkout.invariants import INVARIANTS
from fluo_lab.worlds.checkout.services import serve
from fluo_lab.worlds.checkout.visitors import visit
from fluo_lab.worlds.world import Deployment, World

__all__ = ["CHECKOUT"]

CHECKOUT = World(
    name="checkout",
    title="Online shop",
    summary=(
        "Customers browse, fill carts, check out, hold and exchange goods. A checkout sets goods aside, checks large "
        "payments for fraud, charges the card with up to three attempts, creates the order and has a receipt sent."
    ),
    deployments=(
        Deployment("storefront", "storefront", "8.2.0"),
        Deployment("inventory", "inventory", "5.0.2"),
        Deployment("payments", "payments", "4.11.3"),
        Deployment("payments-canary", "payments", "4.12.0"),
        Deployment("fraud", "fraud", "1.9.1"),
        # The only clock that is off; no planted rule compares its times with those of others.
        Deployment("orders", "orders", "6.4.0", clock_offset_us=3_200),
        Deployment("notification", "notification", "2.2.7"),
    ),
    invariants=INVARIANTS,
    incidents=INCIDENTS,
    folder=Path(__file__).parent,
    visit_gap_s=20.0,
    simulate=simulate,
    serve=serve,
    visit=visit,
)
"""The online shop."""
