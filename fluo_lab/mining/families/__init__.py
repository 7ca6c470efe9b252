"""The families of rules, one file each.

A family is a function of the landscape that yields drafts; ``FAMILIES`` is the whole list. Families know the data
and the shape they propose, not each other, and nothing of ranking.
"""

from fluo_lab.mining.families.counts import counts
from fluo_lab.mining.families.guards import guarded_presence
from fluo_lab.mining.families.order import order
from fluo_lab.mining.families.presence import presence
from fluo_lab.mining.families.values import distinct_one

__all__ = ["FAMILIES"]

FAMILIES = (presence, order, counts, distinct_one, guarded_presence)
"""Every family, in the order in which they are asked."""
