"""One card for each thing a notebook shows: traces, a rule, verdicts, an explanation, candidates, a rule book."""

from __future__ import annotations

import polars as pl

from fluo_lab.engine import Explanation
from fluo_lab.errors import UsageError
from fluo_lab.lab.candidate_cards import candidate_card, candidates_card
from fluo_lab.lab.html import Html, box
from fluo_lab.lab.rule_cards import book_card, check_card, explanation_card, result_card, rule_card
from fluo_lab.lab.tables import frame_table
from fluo_lab.lab.traces_card import trace_card, traces_card
from fluo_lab.mining import Candidate, Candidates
from fluo_lab.rules import CheckResult, Rule, RuleBook, RuleResult
from fluo_lab.traces import Trace, Traces

__all__ = ["card"]


def card(shown: object) -> Html:
    """Return what a notebook shows for one of the workbench's own objects.

    Parameters
    ----------
    shown
        ``Traces``, ``Trace``, ``Rule``, ``RuleBook``, ``RuleResult``, ``CheckResult``, ``Explanation``,
        ``Candidate``, ``Candidates`` or a Polars frame.

    Raises
    ------
    UsageError
        When it is something else.
    """
    match shown:
        case Traces():
            return traces_card(shown)
        case Trace():
            return trace_card(shown)
        case Rule():
            return rule_card(shown)
        case RuleBook():
            return book_card(shown)
        case RuleResult():
            return result_card(shown)
        case CheckResult():
            return check_card(shown)
        case Explanation():
            return explanation_card(shown)
        case Candidate():
            return candidate_card(shown)
        case Candidates():
            return candidates_card(shown)
        case pl.DataFrame():
            return box(frame_table(shown), title=f"{shown.height:,} rows")
    raise UsageError(f"there is no card for {type(shown).__name__}; see the documentation of fluo_lab.lab.card")
