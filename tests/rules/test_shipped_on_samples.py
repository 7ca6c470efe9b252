"""The shipped rules on the shipped samples: they catch the incidents they were written for, and nothing else."""

import csv

import pytest

from fluo_lab import RuleBook, check, read_traces
from fluo_lab.shipped import shipped_folder

CAUGHT = [
    ("checkout", "retry-reuses-payment-intent", "retry-keeps-intent"),
    ("checkout", "one-charge-per-payment-intent", "intent-captured-once"),
    ("checkout", "high-value-payment-requires-fraud-check", "high-value-needs-fraud-check"),
    ("checkout", "reserve-before-charge", "reservation-before-charge"),
    ("saas", "tenant-data-queries-filter-by-tenant", "tenant-data-is-filtered"),
    ("fintech", "data-export-requires-encryption", "export-encrypted-before-it-leaves"),
    ("llm", "rag-answer-cites-sources", "retrieved-answer-cites-sources"),
    ("llm", "destructive-agent-action-requires-approval", "destructive-action-after-approval"),
    ("health", "phi-access-requires-audit-log", "access-leaves-audit-log"),
    ("health", "phi-transmission-requires-encryption", "transmission-needs-tls"),
]
"""Sample, shipped rule, and the planted rule that says the same of that system."""


@pytest.fixture(scope="module")
def violating():
    book = RuleBook.load(shipped_folder("rules"))
    found = {}
    for sample in {sample for sample, _, _ in CAUGHT}:
        traces = read_traces(shipped_folder("datasets") / sample / "traces.jsonl.zst")
        for result in check(book, traces):
            found[sample, result.rule.id] = {explanation.trace_id for explanation in result}
    return found


@pytest.mark.parametrize(("sample", "rule", "planted"), CAUGHT)
def test_a_shipped_rule_catches_the_incident_it_was_written_for_and_nothing_else(violating, sample, rule, planted):
    with (shipped_folder("datasets") / sample / "planted.csv").open(newline="") as file:
        broken = {row["trace_id"] for row in csv.DictReader(file) if row["rule"] == planted}
    assert broken
    assert violating[sample, rule] == broken
