"""Whether rules hold on traces, and why.

Rules become distinct atoms, atoms sets of traces, rules algebra over those sets; three-valued where traces are
incomplete. Witnesses are looked up afterwards, only for the traces somebody asks about.
"""

from fluo_lab.engine.evaluate import Evaluation, VerdictCounts, evaluate, unevaluable
from fluo_lab.engine.explain import Explanation, Missing
from fluo_lab.engine.literals import number_of_text
from fluo_lab.engine.logic import Verdict

__all__ = [
    "Evaluation",
    "Explanation",
    "Missing",
    "Verdict",
    "VerdictCounts",
    "evaluate",
    "number_of_text",
    "unevaluable",
]
