"""The rule book: files of rules, their reading and editing, lints, inline tests, and the check of traces.

A rule here is the language's text with what people say about it. Every finding names file, line and column; a bad
rule never takes a good one with it.
"""

from fluo_lab.rules.book import RuleBook
from fluo_lab.rules.check import CheckResult, RuleResult, check
from fluo_lab.rules.codes import CODES
from fluo_lab.rules.drafts import draft_book
from fluo_lab.rules.inline import InlineTest
from fluo_lab.rules.lint import lint_book, lint_rule
from fluo_lab.rules.lints import unknown_names
from fluo_lab.rules.rule import Mode, Rule, RuleSeverity
from fluo_lab.rules.run import TestOutcome, run_tests

__all__ = [
    "CODES",
    "CheckResult",
    "InlineTest",
    "Mode",
    "Rule",
    "RuleBook",
    "RuleResult",
    "RuleSeverity",
    "TestOutcome",
    "check",
    "draft_book",
    "lint_book",
    "lint_rule",
    "run_tests",
    "unknown_names",
]
