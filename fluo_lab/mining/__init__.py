"""What might hold: candidate rules from traces and incidents, each a rule of the language with its evidence.

Families propose shapes (``families/``), a gate tests them on two looks, redundancy prunes, the engine checks what
is left. This room knows no screens and no files but label files.
"""

from fluo_lab.mining.candidate import Candidate, Candidates, Evidence, Survey
from fluo_lab.mining.labels import read_labels
from fluo_lab.mining.mine import mine
from fluo_lab.mining.settings import Settings
from fluo_lab.mining.shape import Clause, Family, Order, Shape

__all__ = [
    "Candidate",
    "Candidates",
    "Clause",
    "Evidence",
    "Family",
    "Order",
    "Settings",
    "Shape",
    "Survey",
    "mine",
    "read_labels",
]
