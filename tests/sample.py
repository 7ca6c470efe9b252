"""The shipped sample of the shop, and what is known of it."""

import csv
import json

import polars as pl

from fluo_lab.shipped import shipped_folder
from fluo_lab.traces import Traces

FOLDER = shipped_folder("datasets") / "checkout"
TRACES = FOLDER / "traces.jsonl.zst"
POST_MORTEM = FOLDER / "incidents" / "retry-with-new-intent.md"
DESCRIPTION = json.loads((FOLDER / "dataset.json").read_bytes())
N_TRACES: int = DESCRIPTION["traces"]
N_SPANS: int = DESCRIPTION["spans"]


def planted(rule: str) -> list[str]:
    """The traces that break a rule of the truth."""
    with (FOLDER / "planted.csv").open(newline="") as file:
        return [row["trace_id"] for row in csv.DictReader(file) if row["rule"] == rule]


N_NEW_INTENT = len(planted("retry-keeps-intent"))
"""How many traces were charged under two intents."""


def with_without(traces: Traces, span: str, other: str) -> tuple[int, int, int]:
    """How many traces have both spans, the first alone, and not the first, by their names."""
    names = traces.spans.group_by("trace_id").agg(pl.col("name"))
    has, has_other = (names["name"].list.contains(name) for name in (span, other))
    return (has & has_other).sum(), (has & ~has_other).sum(), (~has).sum()
