"""Whether rules hold on traces, and why.

Rules become distinct atoms, atoms sets of traces, rules algebra over those sets; three-valued where traces are
incomplete. Witnesses are looked up afterwards, only for the traces somebody asks about.
"""

from fluo_lab.engine.evaluate import Evaluation, VerdictCounts, evaluate
from fluo_lab.engine.explanation import Explanation, Missing, NearMiss
from fluo_lab.engine.literals import number_of_text
from fluo_lab.engine.logic import VERDICTS_BY_WEIGHT, Verdict
from fluo_lab.engine.vocabulary import vocabulary_of

__all__ = [
    "VERDICTS_BY_WEIGHT",
    "Evaluation",
    "Explanation",
    "Missing",
    "NearMiss",
    "Verdict",
    "VerdictCounts",
    "evaluate",
    "number_of_text",
    "vocabulary_of",
]
