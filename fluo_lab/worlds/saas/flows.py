"""The simulated application: which visits do what."""

from __future__ import annotations

from fluo_lab.worlds.saas import drawn
from fluo_lab.worlds.saas.flows_admin import act, act_in_bulk
from fluo_lab.worlds.saas.flows_records import read, search, update
from fluo_lab.worlds.saas.flows_reports import count_usage, report
from fluo_lab.worlds.simulated import Batch

__all__ = ["simulate"]

_WORKFLOWS = {
    drawn.READ: read,
    drawn.SEARCH: search,
    drawn.UPDATE: update,
    drawn.REPORT: report,
    drawn.ADMIN: act,
    drawn.BULK: act_in_bulk,
    drawn.NIGHTLY: count_usage,
}


def simulate(batch: Batch) -> None:
    """Add the spans of a batch of visits to it."""
    workflow = batch.chances.pick_code("workflow", drawn.WEIGHTS)
    for code, run in _WORKFLOWS.items():
        run(batch.flow(workflow == code))
