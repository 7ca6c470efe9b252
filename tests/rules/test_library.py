"""The rules that are shipped: they load, nothing is questionable about them, and every example gets its verdict."""

import json
from pathlib import Path

import pytest

from fluo_lab.language import parse_rule, print_rule
from fluo_lab.rules import RuleBook, lint_book, run_tests

FOLDER = Path(__file__).parents[2] / "rules"
FILES = sorted(FOLDER.glob("*.yaml"))
BOOK = RuleBook.load(FOLDER)

REWRITTEN = {
    'trace.has(database.query).where(table contains "tenant_data")'
    " and trace.has(database.query).where(tenant_filter == true)": "tenant-data-queries-filter-by-tenant",
    "trace.has(api.request).where(tenant_id == tenant_a)"
    " and not trace.has(database.query).where(tenant_id == tenant_b)": "no-cross-tenant-access",
    "trace.has(service_c.called) and trace.has(service_b.called)": "service-b-before-service-c",
}
"""Expressions whose own text says less than is meant, and the rule that says it."""


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_names_its_schema_and_loads(path):
    assert "schema: fluo.rules/v1" in path.read_text(encoding="utf-8")
    assert len(RuleBook.load(path)) > 0


def test_nothing_is_questionable_about_them():
    assert [found.render() for found in lint_book(BOOK)] == []


@pytest.mark.parametrize("rule", BOOK, ids=lambda rule: rule.id)
def test_every_example_gets_its_verdict(rule):
    assert [(o.test.name, o.got, o.why) for o in run_tests([rule]) if not o.passed] == []


@pytest.mark.parametrize("rule", BOOK, ids=lambda rule: rule.id)
def test_every_rule_has_examples_of_all_three_kinds_and_a_description(rule):
    assert {test.expect.label for test in rule.tests} >= {"pass", "violation", "not_applicable"}
    assert rule.description


def test_every_expression_of_the_guide_is_a_rule(shared):
    rows = json.loads((shared / "conformance" / "expressions.json").read_text(encoding="utf-8"))
    guide = [row["expr"] for row in rows if row["source"] == "guide"]
    texts = {rule.text: rule.id for rule in BOOK}
    absent = [expr for expr in guide if print_rule(parse_rule(expr)) not in texts]
    assert sorted(absent) == sorted(REWRITTEN)
    assert set(REWRITTEN.values()) <= set(texts.values())
    assert len(guide) == 24
