"""The rule workbench in a notebook: a thin skin of synced traits over ``judge_text``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from fluo_lab.engine import Verdict
from fluo_lab.lab.html import Html, box, tag
from fluo_lab.lab.judging import Finding, WorkbenchState, judge_text, sample_traces
from fluo_lab.lab.rule_cards import rule_text, verdict_bar
from fluo_lab.lab.timeline import named_attributes, waterfall
from fluo_lab.rules import Mode, Rule, RuleResult
from fluo_lab.traces import Traces

__all__ = ["RuleEditor", "workbench"]

_HERE = Path(__file__).parent
_VIOLATIONS_SHOWN = 5
_ROWS_SHOWN = 60


class RuleEditor(anywidget.AnyWidget):
    """An editor that says, while somebody types, what the rule means and which traces keep it.

    ``editor.value = "…"`` and ``editor.is_on_all = True`` do what typing and the button do; nothing needs a screen.

    Attributes
    ----------
    value
        The text.
    judged_value
        The text that everything below speaks of.
    diagnostics
        Dicts ``start, end, message, hint, is_incomplete_text, is_error, replacement``.
    reading, canonical
        The rule as a sentence and in full; empty while the text is no rule.
    counts
        Traces by verdict, of the last text that was a rule.
    n_traces
        How many were judged.
    sample_note
        Which traces those are, and how long it took.
    violations, selected, picture
        Ids of the first violating traces, the one shown, and its waterfall.
    """

    _esm = _HERE / "editor.js"
    _css = _HERE / "editor.css"

    value = traitlets.Unicode("").tag(sync=True)
    is_on_all = traitlets.Bool(False).tag(sync=True)
    selected = traitlets.Unicode("").tag(sync=True)
    judged_value = traitlets.Unicode("").tag(sync=True)
    diagnostics = traitlets.List(traitlets.Dict()).tag(sync=True)
    reading = traitlets.Unicode("").tag(sync=True)
    canonical = traitlets.Unicode("").tag(sync=True)
    counts = traitlets.Dict().tag(sync=True)
    n_traces = traitlets.Int(0).tag(sync=True)
    is_sampled = traitlets.Bool(False).tag(sync=True)
    sample_note = traitlets.Unicode("").tag(sync=True)
    violations = traitlets.List(traitlets.Unicode()).tag(sync=True)
    picture = traitlets.Unicode("").tag(sync=True)
    serial = traitlets.Int(0).tag(sync=True)

    def __init__(self, text: str, traces: Traces) -> None:
        self._traces = traces
        self._sample = sample_traces(traces)
        self._state: WorkbenchState | None = None
        self._result: RuleResult | None = None
        super().__init__(value=text.replace("\r\n", "\n"))
        self.observe(lambda _: self._judge(), names=["value", "is_on_all"])
        self.observe(lambda _: self._draw(), names=["selected"])
        self._judge()

    @property
    def state(self) -> WorkbenchState:
        """Everything known about the text."""
        assert self._state is not None  # noqa: S101 - the constructor judges
        return self._state

    @property
    def rule(self) -> Rule | None:
        """The rule as it stands, or None while the text is no rule."""
        return self.state.rule

    def to_code(self) -> str:
        """Return the call that gives what is on the screen without one.

        Examples
        --------
        >>> from fluo_lab.traces import PlainSpan, traces_from_spans
        >>> print(workbench("trace.has(payment.charge)", traces_from_spans([PlainSpan("payment.charge")])).to_code())
        Rule('trace.has(payment.charge)').test(traces)
        """
        return f"Rule({self.value!r}).test(traces)"

    def _judge(self) -> None:
        """Bring every trait up to date with the text, in one message to the screen."""
        chosen = self._traces if self.is_on_all else self._sample
        state = judge_text(self.value, chosen)
        self._state = state
        with self.hold_sync():
            self.judged_value = self.value
            self.diagnostics = [asdict(finding) for finding in state.findings]
            self.reading, self.canonical = state.reading, state.canonical
            self.n_traces = chosen.n_traces
            self.is_sampled = chosen is not self._traces
            self.sample_note = _note(state, chosen, self._traces)
            if state.result is not None:
                self._result = state.result
                self.counts = state.result.counts.to_dict()
                self.violations = state.result.trace_ids(Verdict.VIOLATION)[:_VIOLATIONS_SHOWN]
                if self.selected not in self.violations:
                    self.selected = self.violations[0] if self.violations else ""
                self._draw()
            self.serial += 1

    def _draw(self) -> None:
        """Draw the chosen violation."""
        if self._result is None or self.selected not in self.violations:
            self.picture = ""
            return
        result = self._result
        self.picture = waterfall(
            result.traces,
            self.selected,
            explanation=result.explain(self.selected),
            attributes=named_attributes(result.rule.tree),
            limit=_ROWS_SHOWN,
        ).markup

    def to_html(self) -> Html:
        """Return what is on the screen as static markup, for a notebook read without a kernel."""
        counts = self.state.counts
        return box(
            rule_text(self.value or "(empty)"),
            tag("div", self.reading),
            tag("ul", *(_finding(f) for f in self.state.findings), style="margin:4px 0;padding-left:18px"),
            None if counts is None else verdict_bar(counts),
            tag("div", self.sample_note, style="opacity:0.75;font-size:12px"),
            Html(self.picture) if counts is not None else None,
            title="Rule workbench, as it was when the cell ran",
        )

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return {**data, "text/html": self.to_html().markup}, metadata


def workbench(rule: str | Rule, traces: Traces) -> RuleEditor:
    """Return an editor for a rule over traces: verdicts as you type, with the first violations drawn.

    At most 5,000 traces, spread evenly over time, are judged while typing; the editor says so and offers the rest.

    Parameters
    ----------
    rule
        A text to begin with, or a rule, whose canonical text is taken where it has parameters.
    """
    if isinstance(rule, str):
        return RuleEditor(rule, traces)
    return RuleEditor(rule.text if rule.params or rule.mode is Mode.DETECT else rule.condition, traces)


def _finding(finding: Finding) -> Html:
    hint = tag("span", f" — {finding.hint}", style="opacity:0.75") if finding.hint else None
    return tag("li", "✖ " if finding.is_error else "! ", finding.message, hint)


def _note(state: WorkbenchState, judged: Traces, loaded: Traces) -> str:
    if state.result is None:
        return ""
    which = f"all {loaded.n_traces:,} traces"
    if judged is not loaded:
        which = f"a sample of {judged.n_traces:,} of {loaded.n_traces:,} traces"
    return f"Judged on {which} in {max(state.elapsed_ms, 1):,.0f} ms"
