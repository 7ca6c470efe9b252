"""The truth about a run as files: the rule book of what was planted, what broke it, and how a team labelled it."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import LiteralScalarString

from fluo_lab.worlds.chance import Chance
from fluo_lab.worlds.world import Incident, Invariant, Run

__all__ = ["labelled", "render_labels", "render_planted", "render_truth", "write_text"]

_HEADING = """\
# What is planted in {name}: the code keeps every one of these, except where an incident breaks it.
# `fluo check traces --rules truth.yaml` finds the broken ones; planted.csv says which traces those are.
"""


def render_truth(run: Run) -> str:
    """Return the invariants of a world as a rule file."""
    breaking: dict[str, list[str]] = {}
    for incident in run.world.incidents:
        for rule in incident.breaks:
            breaking.setdefault(rule, []).append(incident.id)
    document = {
        "schema": "fluo.rules/v1",
        "rules": [_rule(one, breaking.get(one.id, [])) for one in run.world.invariants],
    }
    yaml = YAML()
    yaml.width = 120
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = StringIO()
    yaml.dump(document, out)
    return _HEADING.format(name=run.world.title) + out.getvalue()


def render_planted(broken: Mapping[str, Sequence[str]]) -> str:
    """Return which traces break which rule, as CSV with a header."""
    return _csv(("rule", "trace_id"), ((rule, trace) for rule, traces in broken.items() for trace in traces))


def labelled(run: Run, incident: Incident, harmed: Sequence[str], innocent: Sequence[str]) -> list[tuple[str, str]]:
    """Return (trace id, incident id) as the team labelled the traces: some of the labels are missing, some wrong."""
    wrong = round(incident.wrong_label_rate * len(harmed))
    missed = set(_some(run, f"label missed {incident.id}", harmed, wrong))
    blamed = set(_some(run, f"label wrong {incident.id}", innocent, wrong))
    return [
        *((trace, incident.id) for trace in harmed if trace not in missed),
        *((trace, incident.id) for trace in innocent if trace in blamed),
    ]


def render_labels(labels: Iterable[tuple[str, str]]) -> str:
    """Return labels as CSV with a header."""
    return _csv(("trace_id", "incident"), labels)


def write_text(path: Path, text: str) -> None:
    """Write a file in UTF-8 with plain line ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def _some(run: Run, what: str, traces: Sequence[str], n: int) -> list[str]:
    """Return n of the traces by chance."""
    draws = [(Chance(run.seed, run.world.name, number).bits(what), trace) for number, trace in enumerate(traces)]
    return [trace for _, trace in sorted(draws)[:n]]


def _rule(invariant: Invariant, incidents: list[str]) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "id": invariant.id,
        "name": invariant.name,
        "severity": invariant.severity,
        "condition": LiteralScalarString(invariant.text.strip() + "\n"),
        "tags": [invariant.family],
    }
    if incidents:
        fields["evidence"] = {"incidents": incidents}
    return fields


def _csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()
