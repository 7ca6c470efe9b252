"""Cards of mined candidates: the short list, and one candidate with its evidence."""

from __future__ import annotations

from collections.abc import Iterable

from fluo_lab.lab.html import MONO, Child, Html, box, join, tag
from fluo_lab.lab.palette import VERMILION
from fluo_lab.lab.rule_cards import rule_text
from fluo_lab.lab.tables import grid
from fluo_lab.lab.words import percent, plural
from fluo_lab.mining import Candidate, Candidates, Evidence

__all__ = ["candidate_card", "candidates_card"]

_CANDIDATES_SHOWN = 12


def candidates_card(candidates: Candidates) -> Html:
    """Return candidates as two tables: those some trace breaks, and those none does."""
    parts: list[Child] = []
    for heading, chosen, limit in (
        ("Broken somewhere", candidates.broken, _CANDIDATES_SHOWN),
        ("Never broken", candidates.never_broken, _CANDIDATES_SHOWN),
    ):
        if not chosen:
            continue
        parts.append(tag("div", f"{heading} ({len(chosen)})", style="font-weight:600;margin-top:8px"))
        parts.append(_candidate_rows(chosen[:limit]))
        if len(chosen) > limit:
            rest = tag(
                "summary",
                f"… {plural(len(chosen) - limit, 'more candidate')}",
                style="cursor:pointer;font-size:12px",
            )
            parts.append(tag("details", rest, _candidate_rows(chosen[limit:])))
    survey = candidates.survey
    looked = f"{survey.n_proposed:,} rules considered, {survey.n_tested:,} tested, on {plural(survey.n_good, 'trace')}"
    looked += f" and {survey.n_bad:,} labelled bad" if survey.n_bad else ""
    parts.append(tag("div", looked, style="opacity:0.75;font-size:12px;margin-top:6px"))
    return box(*parts, title=plural(len(candidates), "candidate"))


def _candidate_rows(candidates: Iterable[Candidate]) -> Html:
    rows: list[list[Child]] = [
        [
            str(candidate.rank),
            join(
                tag("div", candidate.reading),
                tag("div", candidate.text, style=f"{MONO};font-size:11px;opacity:0.75"),
            ),
            f"{candidate.evidence.support:,}",
            _when_any(len(candidate.evidence.violating_bad)),
            _when_any(len(candidate.evidence.violating_good)),
            tag(
                "span",
                percent(candidate.evidence.confirm_rate),
                title=_interval(candidate.evidence),
                style="white-space:nowrap",
            ),
        ]
        for candidate in candidates
    ]
    header = ["", "rule", "applies to", "broken in bad", "in good", "confirmed"]
    return grid(header, rows, numeric=(0, 2, 3, 4, 5))


def _when_any(n: int) -> Html:
    return (
        tag("b", f"✖ {n:,}", style=f"color:{VERMILION};white-space:nowrap")
        if n
        else tag("span", "0", style="opacity:0.6")
    )


def candidate_card(candidate: Candidate) -> Html:
    """Return one candidate with its evidence."""
    evidence = candidate.evidence
    facts: list[tuple[str, str]] = [
        ("applies to", plural(evidence.support, "trace")),
        ("broken in bad traces", f"{len(evidence.violating_bad):,}"),
        ("broken in good traces", f"{len(evidence.violating_good):,}"),
        (
            "holds on later good traces",
            f"{percent(evidence.confirm_rate)} ({_interval(evidence)})",
        ),
        ("an unrelated rule would hold in", percent(evidence.base_rate)),
    ]
    if evidence.guard_low is not None and evidence.guard_high is not None:
        facts.append(("threshold lies between", f"{evidence.guard_low:g} and {evidence.guard_high:g}"))
    if evidence.left_members or evidence.right_members:
        facts.append(("stands also for", ", ".join((*evidence.left_members, *evidence.right_members))))
    if evidence.subsumes:
        facts.append(("implies", "; ".join(evidence.subsumes)))
    rows: list[list[Child]] = [
        [tag("span", name, style="opacity:0.75;white-space:nowrap"), value] for name, value in facts
    ]
    return box(
        rule_text(candidate.text),
        tag("div", candidate.reading, style="margin-bottom:6px"),
        grid(["evidence", ""], rows),
        title=f"Candidate {candidate.rank} · {candidate.shape.family}",
    )


def _interval(evidence: Evidence) -> str:
    return f"95 % interval {evidence.confirm_low:.3f} to {evidence.confirm_high:.3f}"
