"""The notebook side: cards of traces, rules, verdicts and candidates, waterfalls, and the rule workbench.

Every widget is a thin skin over a plain call, and every view a static piece of markup that survives in a saved
notebook. Importing this room inside IPython makes the workbench's objects show themselves as cards.
"""

from fluo_lab.lab.cards import card
from fluo_lab.lab.editor import RuleEditor, workbench
from fluo_lab.lab.html import Html
from fluo_lab.lab.judging import Finding, WorkbenchState, judge_text, sample_traces
from fluo_lab.lab.register import load_formatters, load_formatters_here
from fluo_lab.lab.tables import frame_table
from fluo_lab.lab.timeline import waterfall
from fluo_lab.lab.traces_card import profile

__all__ = [
    "Finding",
    "Html",
    "RuleEditor",
    "WorkbenchState",
    "card",
    "frame_table",
    "judge_text",
    "load_formatters",
    "load_formatters_here",
    "profile",
    "sample_traces",
    "waterfall",
    "workbench",
]

load_formatters_here()
