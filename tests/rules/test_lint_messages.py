"""Every lint says what it says word for word as in the fixtures, and every fix it offers ends the finding."""

import re
from pathlib import Path

import lint_traces
import pytest

from fluo_lab.rules import CODES, Rule, RuleBook, lint_book, lint_rule
from fluo_lab.rules.lints import BOOK_LINTS, DATA_LINTS, LINTS, NAME_LINTS

ALL = (*LINTS, *NAME_LINTS, *DATA_LINTS, *BOOK_LINTS)
CHECKOUTS = lint_traces.checkouts()


def fixtures(name):
    text = (Path(__file__).parent / name).read_text(encoding="utf-8")
    return [tuple(block.rstrip("\n").split("\n---\n", maxsplit=1)) for block in text.split("======\n")]


OF_TEXT = fixtures("lints.txt")
ON_TRACES = fixtures("lints_on_traces.txt")
OF_BOOKS = fixtures("lints_of_books.txt")


def rule_of(condition):
    return Rule(condition, params={"limit": 5} if "$limit" in condition else {})


def rendered(found):
    return "\n".join(diagnostic.render() for diagnostic in found)


@pytest.mark.parametrize(("condition", "expected"), OF_TEXT, ids=[condition for condition, _ in OF_TEXT])
def test_what_is_said_of_a_text_is_as_written(condition, expected):
    assert rendered(lint_rule(rule_of(condition))) == expected


@pytest.mark.parametrize(("condition", "expected"), ON_TRACES, ids=[condition for condition, _ in ON_TRACES])
def test_what_is_said_of_a_rule_on_traces_is_as_written(condition, expected):
    assert rendered(lint_rule(rule_of(condition), traces=CHECKOUTS)) == expected


@pytest.mark.parametrize(("text", "expected"), OF_BOOKS, ids=[str(n) for n in range(len(OF_BOOKS))])
def test_what_is_said_of_a_book_is_as_written(text, expected):
    assert rendered(lint_book(RuleBook.from_text(text))) == expected


ASKED = [(condition, None) for condition, _ in OF_TEXT] + [(condition, CHECKOUTS) for condition, _ in ON_TRACES]


@pytest.mark.parametrize(("condition", "traces"), ASKED, ids=[condition for condition, _ in ASKED])
def test_each_fix_gives_a_rule_without_the_finding(condition, traces):
    for found in lint_rule(rule_of(condition), traces=traces):
        for fix in found.fixes:
            mended = rule_of(fix.apply(condition))
            left = [d.message for d in lint_rule(mended, traces=traces) if d.code == found.code]
            assert left == [], (fix.title, mended.condition)


def test_the_lints_that_know_what_to_write_offer_it():
    offered = {d.code for condition, traces in ASKED for d in lint_rule(rule_of(condition), traces=traces) if d.fixes}
    texts = {"FL601", "FL602", "FL603", "FL604", "FL611", "FL612"}
    assert offered == texts | {"FL605", "FL606", "FL613", "FL614"}


def test_the_fixes_for_a_rule_of_a_book_fit_its_own_text():
    rule = Rule("trace.has(a) and trace.has(b)", id="a-after-b", name="a comes after b")
    (found,) = [d for d in lint_book([rule]) if d.code == "FL610"]
    for fix in found.fixes:
        ordered = Rule(fix.apply(rule.condition), name=rule.name)
        assert "FL610" not in [d.code for d in lint_rule(ordered)]


def test_every_lint_has_a_code_of_its_own_and_the_table_says_its_summary():
    assert len({lint.code for lint in ALL}) == len(ALL)
    assert {lint.code: lint.summary for lint in ALL} == {c: text for c, text in CODES.items() if c.startswith("FL6")}


def test_every_code_is_raised_by_some_fixture():
    shown = {code for _, text in (*OF_TEXT, *ON_TRACES, *OF_BOOKS) for code in re.findall(r"\[(FL\d+)\]", text)}
    assert shown >= {lint.code for lint in ALL}


def test_every_finding_has_a_hint():
    for condition, _ in OF_TEXT:
        assert all(found.hint for found in lint_rule(rule_of(condition)))
    for condition, _ in ON_TRACES:
        assert all(found.hint for found in lint_rule(rule_of(condition), traces=CHECKOUTS))
