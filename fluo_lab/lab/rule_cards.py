"""Cards of rules: text and reading, verdict counts, violations drawn, a whole book at a glance."""

from __future__ import annotations

from collections.abc import Sequence

from fluo_lab.engine import Explanation, Verdict, VerdictCounts
from fluo_lab.lab.html import FAINT, MONO, Child, Html, box, join, tag
from fluo_lab.lab.palette import VERDICT_MARKS, show_verdict
from fluo_lab.lab.tables import grid
from fluo_lab.lab.timeline import named_attributes, waterfall
from fluo_lab.lab.words import percent, plural
from fluo_lab.rules import CheckResult, Rule, RuleBook, RuleResult

__all__ = [
    "book_card",
    "check_card",
    "explanation_card",
    "result_card",
    "rule_card",
    "rule_text",
    "verdict_bar",
]

_VIOLATIONS_SHOWN = 3


def rule_text(text: str) -> Html:
    """Return a rule's text, set as code."""
    style = (
        f"{MONO};font-size:12.5px;line-height:19px;white-space:pre-wrap;background-color:{FAINT};"
        "border-radius:4px;padding:6px 9px;margin:4px 0"
    )
    return tag("div", text, style=style)


def verdict_bar(counts: VerdictCounts) -> Html:
    """Return how many traces got each verdict: glyph, number and word, over one bar of all traces."""
    numbers = {
        Verdict.PASS: counts.passed,
        Verdict.VIOLATION: counts.violation,
        Verdict.INCONCLUSIVE: counts.inconclusive,
        Verdict.NOT_APPLICABLE: counts.not_applicable,
    }
    total = max(sum(numbers.values()), 1)
    words = []
    parts = []
    for verdict, n in numbers.items():
        mark = VERDICT_MARKS[verdict]
        words.append(
            tag(
                "span",
                tag("span", mark.glyph, style=f"color:{mark.colour};font-weight:700"),
                tag("b", f" {n:,}"),
                f" {mark.word}",
                style=f"margin-right:18px;white-space:nowrap{'' if n else ';opacity:0.55'}",
            )
        )
        if n:
            width = f"width:{100 * n / total:.2f}%;min-width:2px"
            faint = ";opacity:0.4" if verdict is Verdict.NOT_APPLICABLE else ""
            parts.append(tag("div", style=f"height:8px;{width};background-color:{mark.colour}{faint}"))
    rate = "applies to no trace here, which proves nothing"
    if counts.pass_rate is not None:
        applicable = plural(counts.applicable, "trace")
        rate = f"holds on {percent(counts.pass_rate)} of the {applicable} it certainly applies to"
    return join(
        tag("div", *words, style="font-size:13px;line-height:22px"),
        tag("div", *parts, style="display:flex;border-radius:3px;overflow:hidden;margin:2px 0 4px 0"),
        tag("div", rate, style="font-size:12px;opacity:0.75"),
    )


def rule_card(rule: Rule) -> Html:
    """Return a rule: its text and its reading."""
    return box(
        rule_text(rule.text),
        tag("div", rule.reading),
        tag("div", rule.description, style="opacity:0.75") if rule.description else None,
        title=_rule_title(rule),
    )


def _rule_title(rule: Rule) -> str:
    return " · ".join(
        part
        for part in (rule.name or rule.id, rule.severity.value, "detector" if rule.mode == "detect" else "")
        if part
    )


def result_card(result: RuleResult) -> Html:
    """Return what a rule says of traces, with its first violations drawn."""
    return box(
        rule_text(result.rule.text),
        tag("div", result.rule.reading, style="margin-bottom:8px"),
        verdict_bar(result.counts),
        _violations(result),
        title=_rule_title(result.rule),
    )


def _violations(result: RuleResult) -> Html | None:
    if not result.counts.violation:
        return None
    keys = named_attributes(result.rule.tree)
    shown = []
    for number, explanation in enumerate(result[:_VIOLATIONS_SHOWN]):
        picture = waterfall(result.traces, explanation.trace_id, explanation=explanation, attributes=keys, limit=40)
        summary = tag("summary", f"Violation {number + 1} of {len(result):,}", style="cursor:pointer;padding:2px 0")
        shown.append(tag("details", summary, picture, is_open=number == 0))
    left = result.counts.violation - len(shown)
    more = f"… {plural(left, 'more violation')}: index the result, or call its trace_ids" if left else None
    return tag("div", *shown, tag("div", more, style="opacity:0.7;font-size:12px"), style="margin-top:8px")


def check_card(check: CheckResult) -> Html:
    """Return what several rules say, the violated ones first."""
    rows: list[Sequence[Child]] = []
    for result in sorted(check, key=lambda r: (-min(r.counts.violation, 1), -r.rule.severity.rank)):
        counts = result.counts
        state = Verdict.VIOLATION if counts.violation else Verdict.PASS if counts.passed else Verdict.NOT_APPLICABLE
        if not counts.applicable and counts.inconclusive:
            state = Verdict.INCONCLUSIVE
        rows.append(
            [
                tag("span", show_verdict(state), style="white-space:nowrap"),
                tag("b", result.rule.id),
                result.rule.severity.value,
                *(f"{n:,}" for n in (counts.passed, counts.violation, counts.inconclusive, counts.not_applicable)),
                result.rule.reading,
            ]
        )
    header = ["", "rule", "severity", "holds", "violated", "cannot know", "did not apply", "it says"]
    title = f"{plural(len(check), 'rule')} on {plural(check.traces.n_traces, 'trace')}"
    title += f", {len(check.violated())} violated"
    return box(grid(header, rows, numeric=range(3, 7)), title=title)


def explanation_card(explanation: Explanation) -> Html:
    """Return why a trace got its verdict."""
    missing = [tag("li", "∅ ", m.text) for m in explanation.missing]
    return box(
        tag(
            "div",
            show_verdict(explanation.verdict),
            "  ",
            tag("code", explanation.trace_id, style="font-size:12px"),
        ),
        tag("div", explanation.why),
        tag("ul", *missing, style="margin:4px 0 0 0;padding-left:18px") if missing else None,
    )


def book_card(book: RuleBook) -> Html:
    """Return the rules of a book, one row each."""
    rows = ([tag("b", r.id), r.severity.value, r.reading, f"{len(r.tests):,}"] for r in book)
    return box(grid(["rule", "severity", "it says", "tests"], rows, numeric=[3]), title=plural(len(book), "rule"))
