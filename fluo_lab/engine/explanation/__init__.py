"""Why a rule gave a trace its verdict: what fired, what broke, what was missing, and what came nearest, by how much."""

from fluo_lab.engine.explanation.explain import Explanation, explain
from fluo_lab.engine.explanation.near_miss import NearMiss
from fluo_lab.engine.explanation.witness import Missing

__all__ = ["Explanation", "Missing", "NearMiss", "explain"]
