"""``fluo mine``: what might hold."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fluo_lab.cli.arguments import FormatOption, TracePaths, load_traces
from fluo_lab.cli.output import Format, print_json, print_table, say

__all__ = ["mine"]


def mine(
    traces: TracePaths,
    bad: Annotated[
        Path | None, typer.Option(help="A text file that names the bad traces: a list of ids, or a post-mortem.")
    ] = None,
    limit: Annotated[int, typer.Option(help="Candidates to show.")] = 60,
    save: Annotated[Path | None, typer.Option(help="Write the candidates to a rule file, as drafts.")] = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Propose rules that the traces keep, best first."""
    from fluo_lab.language import print_rule
    from fluo_lab.mining import mine as mine_traces
    from fluo_lab.mining import read_labels
    from fluo_lab.rules import draft_book

    loaded = load_traces(traces, quiet=format is Format.JSON)
    labels = [] if bad is None else read_labels(bad, loaded)
    candidates = mine_traces(loaded, bad=labels, limit=limit)
    if save is not None:
        draft_book(candidates.to_dicts()).save(save)
    if format is Format.JSON:
        print_json(candidates.to_dicts())
        return
    rows = [
        [
            record["rank"],
            record["family"],
            record["text"],
            record["support"],
            record["violations_good"],
            record["violations_bad"],
            f"{record['confirm_rate']:.3f}" if record["confirm_rate"] is not None else "",
        ]
        for record in candidates.to_dicts()
    ]
    labelled = f", {len(labels):,} traces labelled bad" if bad is not None else ""
    print_table(
        f"{len(rows)} candidates from {loaded.n_traces:,} traces{labelled}",
        ["rank", "family", "rule", "traces", "broken in good", "in bad", "confirmed"],
        rows,
    )
    survey = candidates.survey
    say(
        f"mined {survey.n_names:,} span names in {survey.n_good:,} good traces ({survey.n_rare_names:,} names "
        f"too rare, {survey.n_incomplete:,} traces incomplete); {len(candidates.dropped):,} proposals dropped"
    )
    if not rows and candidates.dropped:
        first = candidates.dropped[0]
        say(f"for example {print_rule(first.shape.tree)}: {first.reason}")
    if save is not None:
        say(f"saved as drafts to {save}")
