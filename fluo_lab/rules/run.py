"""Running the inline tests of rules with the engine that judges real traces."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fluo_lab.engine import VERDICTS_BY_WEIGHT, Evaluation, Verdict, evaluate
from fluo_lab.errors import InputError
from fluo_lab.readers import read_traces
from fluo_lab.rules.inline import InlineTest, numbered_trace_id
from fluo_lab.rules.rule import Rule
from fluo_lab.traces import PlainSpan, Traces, traces_from_spans

__all__ = ["TestOutcome", "run_tests"]


@dataclass(frozen=True)
class TestOutcome:
    """What came of one test of one rule.

    Attributes
    ----------
    got
        The verdict: the worst over the traces a test writes out; of a file the first that is not the expected one.
        None when none could be had.
    why
        What explains the verdict, or why there is none.
    """

    __test__ = False  # for pytest, which collects classes by this name

    rule: Rule
    test: InlineTest
    got: Verdict | None
    why: str

    @property
    def rule_id(self) -> str:
        """The rule's id."""
        return self.rule.id

    @property
    def name(self) -> str:
        """The test's name."""
        return self.test.name

    @property
    def expected(self) -> Verdict:
        """The verdict the test asks for."""
        return self.test.expect

    @property
    def is_todo(self) -> bool:
        """Whether the test is a known gap."""
        return self.test.todo

    @property
    def passed(self) -> bool:
        """Whether the verdict is the expected one."""
        return self.got is self.test.expect

    @property
    def is_failure(self) -> bool:
        """Whether the outcome counts against the rule: not passed, and not marked ``todo``."""
        return not self.passed and not self.is_todo

    def to_dict(self) -> dict[str, Any]:
        """Return the outcome as plain data."""
        return {
            "rule_id": self.rule_id,
            "name": self.name,
            "expected": self.expected.label,
            "got": None if self.got is None else self.got.label,
            "passed": self.passed,
            "todo": self.is_todo,
            "why": self.why,
        }


def run_tests(rules: Iterable[Rule]) -> list[TestOutcome]:
    """Return the outcome of every inline test of some rules, or of a rule book, in order.

    Examples
    --------
    >>> spans = (PlainSpan("payment.charge"),)
    >>> rule = Rule("trace.has(payment.charge) and trace.has(inventory.reserve)",
    ...             tests=(InlineTest("no reservation", Verdict.VIOLATION, spans),))
    >>> [outcome.passed for outcome in run_tests([rule])]
    [True]
    """
    return [outcome for rule in rules for outcome in _run_rule(rule)]


def _run_rule(rule: Rule) -> list[TestOutcome]:
    """Return the outcomes of one rule.

    Its tests with spans are judged together, each as a trace of its own; those of a rule across traces one by one,
    since spans of two tests must not meet.
    """
    if rule.tree.correlation is not None:
        return [_run_spans(rule, [test])[0] if test.spans else _run_file(rule, test) for test in rule.tests]
    outcomes = iter(_run_spans(rule, [test for test in rule.tests if test.spans]))
    return [next(outcomes) if test.spans else _run_file(rule, test) for test in rule.tests]


def _run_spans(rule: Rule, tests: Sequence[InlineTest]) -> list[TestOutcome]:
    """Return the outcomes of tests that are judged as one store."""
    if not tests:
        return []
    ids: list[list[str]] = []
    spans: list[PlainSpan] = []
    incomplete: list[str] = []
    for test in tests:
        first = sum(map(len, ids))
        of_test = {
            given: numbered_trace_id(first + n) for n, given in enumerate(dict.fromkeys(s.trace_id for s in test.spans))
        }
        ids.append(list(of_test.values()))
        spans += [replace(span, trace_id=of_test[span.trace_id]) for span in test.spans]
        if test.incomplete:
            incomplete += of_test.values()
    evaluation = evaluate([rule.tree], traces_from_spans(spans, incomplete=incomplete))
    outcomes = []
    for test, trace_ids in zip(tests, ids, strict=True):
        rows = [evaluation.traces.trace_row(trace_id) for trace_id in trace_ids]
        worst = max(rows, key=lambda row: VERDICTS_BY_WEIGHT.index(Verdict(int(evaluation.verdicts[0, row]))))
        outcomes.append(_outcome(rule, test, evaluation, worst))
    return outcomes


def _outcome(rule: Rule, test: InlineTest, evaluation: Evaluation, row: int) -> TestOutcome:
    got = Verdict(int(evaluation.verdicts[0, row]))
    return TestOutcome(rule, test, got, evaluation.explain(0, row).why)


def _run_file(rule: Rule, test: InlineTest) -> TestOutcome:
    """Return the outcome of a test with a file, every trace of which must get the verdict."""
    path = (test.folder or Path()) / (test.trace_file or "")
    try:
        traces = _read(path)
    except InputError as error:
        return TestOutcome(rule, test, None, str(error))
    evaluation = evaluate([rule.tree], traces)
    wrong = (evaluation.verdicts[0] != int(test.expect)).nonzero()[0]
    return _outcome(rule, test, evaluation, int(wrong[0]) if len(wrong) else 0)


def _read(path: Path) -> Traces:
    if not path.is_file():
        raise InputError(f"there is no trace file {path}")
    return read_traces(path)
