"""How a notebook comes to show the workbench's objects as cards: formatters by type, nothing patched."""

from __future__ import annotations

from typing import Any

from fluo_lab.engine import Explanation
from fluo_lab.lab.cards import card
from fluo_lab.mining import Candidate, Candidates
from fluo_lab.rules import CheckResult, Rule, RuleBook, RuleResult
from fluo_lab.traces import Trace, Traces

__all__ = ["SHOWN_TYPES", "load_formatters", "load_formatters_here"]

SHOWN_TYPES: tuple[type, ...] = (
    Traces,
    Trace,
    Rule,
    RuleBook,
    RuleResult,
    CheckResult,
    Explanation,
    Candidate,
    Candidates,
)
"""The types a notebook shows as cards."""


def load_formatters(shell: Any) -> None:
    """Make an IPython shell show the workbench's objects as cards.

    Parameters
    ----------
    shell
        An ``InteractiveShell``, or anything with its ``display_formatter``.
    """
    html = shell.display_formatter.formatters["text/html"]
    for shown in SHOWN_TYPES:
        html.for_type(shown, _markup)


def load_formatters_here() -> bool:
    """Make the running IPython shell show cards, if there is one; return whether there is."""
    try:
        from IPython.core.getipython import get_ipython
    except ImportError:
        return False
    shell = get_ipython()
    if shell is None:
        return False
    load_formatters(shell)
    return True


def _markup(shown: object) -> str:
    return card(shown).markup
