"""What the workbench knows about a text: its faults, its reading, and what it says of some traces."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter

from fluo_lab.engine import VerdictCounts
from fluo_lab.errors import Diagnostic, RuleError, Severity
from fluo_lab.language import END_OF_INPUT_CODES
from fluo_lab.rules import Rule, RuleResult, lint_rule
from fluo_lab.traces import Traces

__all__ = ["SAMPLE_TRACES", "Finding", "WorkbenchState", "judge_text", "sample_traces"]

SAMPLE_TRACES = 5_000
"""Traces that are judged while somebody types."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A diagnostic, as an editor needs it.

    Attributes
    ----------
    start, end
        Offsets into the text, in characters.
    is_incomplete_text
        Whether it only says that the text is not finished.
    is_error
        Whether the rule cannot be used; a warning otherwise.
    replacement
        Text to put in the place of ``start`` to ``end``, where the finding is sure of one.
    """

    start: int
    end: int
    message: str
    hint: str | None
    is_incomplete_text: bool
    is_error: bool
    replacement: str | None

    @classmethod
    def of(cls, diagnostic: Diagnostic) -> Finding:
        """Return the finding of a diagnostic."""
        place = (diagnostic.start, diagnostic.end)
        suggested = [fix.edits[0].text for fix in diagnostic.fixes if [(e.start, e.end) for e in fix.edits] == [place]]
        return cls(
            start=diagnostic.start,
            end=diagnostic.end,
            message=diagnostic.message,
            hint=diagnostic.hint,
            is_incomplete_text=diagnostic.code in END_OF_INPUT_CODES,
            is_error=diagnostic.severity is Severity.ERROR,
            replacement=suggested[0] if suggested else None,
        )


@dataclass(frozen=True, slots=True)
class WorkbenchState:
    """All there is to show about a text.

    Attributes
    ----------
    findings
        Faults and doubts, in order of place.
    rule, result
        The rule and what it says of the traces; None when the text is no rule.
    elapsed_ms
        How long it took to say so.
    """

    text: str
    findings: tuple[Finding, ...]
    rule: Rule | None
    result: RuleResult | None
    elapsed_ms: float

    @property
    def counts(self) -> VerdictCounts | None:
        """How many traces got each verdict."""
        return None if self.result is None else self.result.counts

    @property
    def reading(self) -> str:
        """The rule as a sentence, empty when there is none."""
        return "" if self.rule is None else self.rule.reading

    @property
    def canonical(self) -> str:
        """The rule in its full form, empty when there is none."""
        return "" if self.rule is None else self.rule.text


def judge_text(text: str, traces: Traces) -> WorkbenchState:
    """Return what is wrong with a rule's text or, when nothing is, what it says of traces.

    Examples
    --------
    >>> from fluo_lab.traces import PlainSpan, traces_from_spans
    >>> traces = traces_from_spans([PlainSpan("payment.charge")])
    >>> judge_text("trace.has(payment.charge) and trace.has(inventory.reserve)", traces).counts.violation
    1
    >>> [f.replacement for f in judge_text("trace.hass(payment.charge)", traces).findings]
    ['trace.has']
    """
    began = perf_counter()
    rule: Rule | None = None
    result: RuleResult | None = None
    try:
        rule = Rule(text)
    except RuleError as error:
        found = list(error.diagnostics)
    else:
        found = lint_rule(rule, traces=traces)
        result = rule.test(traces)
    return WorkbenchState(
        text=text,
        findings=tuple(sorted((Finding.of(d) for d in found), key=lambda f: (not f.is_error, f.start))),
        rule=rule,
        result=result,
        elapsed_ms=(perf_counter() - began) * 1e3,
    )


def sample_traces(traces: Traces, *, limit: int = SAMPLE_TRACES) -> Traces:
    """Return the traces themselves, or ``limit`` of them spread evenly over time when there are more."""
    if traces.n_traces <= limit:
        return traces
    chosen = [at * traces.n_traces // limit for at in range(limit)]
    return traces.select(traces.traces["trace_id"].gather(chosen))
