"""Every collected expression gets the answer the language reference gives."""

import json

import pytest

from fluo_lab.errors import RuleError
from fluo_lab.language import parse_rule, print_rule, read_aloud

DISPUTED = {
    "trace.count(api.request).where(user_id == X and time_window == 1m) > 100 and trace.has(rate_limit.applied)": (
        "durations compare with span.duration and trace.duration only; beside an attribute they are a load error"
    ),
    'trace.has(api.request).where(method in "GET")': "the values after `in` stand in brackets",
    'when { payment.where(name == "test\\"quote") } always { fraud_check }': "an escaped quote is part of the string",
    "trace.has(café)": "a bare name has ASCII letters only; anything else is quoted",
}
"""Rows whose expected answer contradicts the language, and the clause that decides."""


def refusal(text):
    """Return the error a text is refused with, or None."""
    try:
        parse_rule(text)
    except RuleError as error:
        return error
    return None


@pytest.fixture
def rows(shared):
    return json.loads((shared / "conformance" / "expressions.json").read_text())


def test_every_expression_but_the_disputed_ones_is_answered_as_collected(rows):
    differing = {row["expr"] for row in rows if (refusal(row["expr"]) is None) != row["accept"]}
    assert differing == set(DISPUTED)
    assert len(differing) <= 0.05 * len(rows)


def test_every_accepted_expression_is_printed_and_read_back_unchanged(rows):
    for text in (row["expr"] for row in rows if refusal(row["expr"]) is None):
        tree = parse_rule(text)
        assert parse_rule(print_rule(tree)) == tree
        assert read_aloud(tree).endswith(".")


def test_every_refusal_says_what_to_write(rows):
    refusals = [refusal(row["expr"]) for row in rows if refusal(row["expr"]) is not None]
    assert len(refusals) > 50
    assert all(found.hint for error in refusals for found in error.diagnostics)


def test_every_arrow_function_is_shown_a_rule(rows):
    refusals = [refusal(row["expr"]) for row in rows if row["dialect"] == "arrow"]
    assert refusals
    assert all("trace.has(" in error.diagnostics[0].hint for error in refusals)
