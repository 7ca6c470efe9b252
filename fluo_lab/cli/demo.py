"""The main job on the shipped sample, step by step: ``python -m fluo_lab.cli.demo [FOLDER]``."""

from __future__ import annotations

import sys
from pathlib import Path

from fluo_lab.cli.output import say
from fluo_lab.mining import Candidates, mine, read_labels
from fluo_lab.readers import read_traces
from fluo_lab.rules import Rule, RuleBook, RuleSeverity, check, draft_book
from fluo_lab.shipped import shipped_folder
from fluo_lab.traces import Traces

__all__ = ["run"]

SHOWN = 5


def run(folder: Path) -> Path:
    """Read, mine, vet, save and enforce; print what each step finds and return the rule book's path."""
    sample = shipped_folder("datasets") / "checkout"
    say("1. Read the traces")
    traces = read_traces(sample / "traces.jsonl.zst")
    say(f"   {traces.n_spans:,} spans in {traces.n_traces:,} traces of {len(traces.services)} services")
    say(f"   {traces.n_incomplete} incomplete traces, {len(traces.problem_list)} problems")

    say("2. Read the post-mortem")
    postmortem = sample / "incidents" / "retry-with-new-intent.md"
    bad = read_labels(postmortem, traces)
    say(f"   {postmortem.name} names {len(bad)} traces")

    say("3. Mine: what do good traces keep that these break?")
    candidates = mine(traces, bad=bad)
    _print_candidates(candidates)

    say("4. Vet the first one")
    vetted = _vet(candidates, traces)

    say("5. Save it to a rule book, with the next candidates as drafts")
    path = _save(vetted, candidates, folder)
    say(f"   {path}")

    say("6. Enforce the rule book, as production would")
    _enforce(path, traces)
    say("")
    say(f"Rule book:  {path}")
    say(f"Again:      .venv/bin/fluo check {sample / 'traces.jsonl.zst'} --rules {path}")
    say("Notebook:   .venv/bin/fluo lab   (opens notebooks/01_from_traces_to_rule.ipynb)")
    return path


def _print_candidates(candidates: Candidates) -> None:
    records = candidates.to_dicts()
    say(f"   {len(records)} candidates; the first {SHOWN}:")
    for record in records[:SHOWN]:
        say(f"   {record['rank']:>2}. {record['text'].replace(chr(10), ' ')}")
        say(
            f"       {record['support']} traces, broken in {record['violations_bad']} bad "
            f"and {record['violations_good']} good ones"
        )


def _vet(candidates: Candidates, traces: Traces) -> Rule:
    """Return the first candidate as a rule, after showing what it means and what breaks it."""
    rule = Rule(
        candidates.to_dicts()[0]["text"],
        id="payment-keeps-its-intent",
        name="A payment keeps its payment intent",
        severity=RuleSeverity.CRITICAL,
        description="A retry with a new payment intent charges the customer twice.",
    )
    say(f"   {rule.reading}")
    result = rule.test(traces)
    counts = result.counts
    say(f"   {counts.passed} pass, {counts.violation} violations, {counts.not_applicable} not applicable")
    say(f"   {result[0].trace_id}: {result[0].why}")
    return rule


def _save(vetted: Rule, candidates: Candidates, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "rules.yaml"
    path.unlink(missing_ok=True)
    book = RuleBook([vetted])
    for draft in draft_book(candidates.to_dicts()[1:SHOWN]):
        book = book.add(draft)
    book.save(path)
    return path


def _enforce(path: Path, traces: Traces) -> None:
    result = check(RuleBook.load(path), traces)
    for one in result:
        counts = one.counts
        say(f"   {one.rule.id}: {counts.passed} pass, {counts.violation} violations")
    for one in result.violated():
        for explanation in one[:SHOWN]:
            say(f"   violation  {one.rule.severity.value:<8}  {explanation.trace_id}  {explanation.why}")
        if one.counts.violation > SHOWN:
            say(f"   … {one.counts.violation - SHOWN} more of {one.rule.id}")


if __name__ == "__main__":
    run(Path(sys.argv[1] if len(sys.argv) > 1 else "demo-output"))
