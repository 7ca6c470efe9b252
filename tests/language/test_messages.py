"""Every mistake a person makes gets a place, a cause and a fix, word for word as in `messages.txt`."""

import re
from pathlib import Path

import pytest

from fluo_lab.errors import RuleError
from fluo_lab.language import CODES, END_OF_INPUT_CODES, parse_condition, parse_predicate, parse_rule

FIXTURES = [
    tuple(block.rstrip("\n").split("\n---\n", maxsplit=1))
    for block in (Path(__file__).parent / "messages.txt").read_text().split("======\n")
]


def refusal(text, parse=parse_rule, **options):
    with pytest.raises(RuleError) as caught:
        parse(text, **options)
    return caught.value


@pytest.mark.parametrize(("text", "rendered"), FIXTURES, ids=[text for text, _ in FIXTURES])
def test_the_message_is_as_written(text, rendered):
    assert str(refusal(text)) == rendered


def test_an_empty_rule_says_so():
    (found,) = refusal("").diagnostics
    assert (found.code, found.message) == ("FL100", "the rule is empty")


@pytest.mark.parametrize(
    "text",
    [
        *("", "not", "when {", "when { a", "per x within"),
        *("trace.has(", "trace.has(a", 'trace.has("a', "trace.has(a) and", "trace.every(a)"),
        *("trace.has(a).where(x ==", "trace.has(a).where(x in [1,", "trace.count(a)", "trace.count(a) >"),
    ],
)
def test_an_unfinished_rule_has_a_code_an_editor_can_mute(text):
    assert {found.code for found in refusal(text).diagnostics} <= END_OF_INPUT_CODES


def test_several_type_errors_are_reported_together_in_the_order_of_the_text():
    error = refusal(
        'trace.has(a).where(x > "b" and span.status == 5) or trace.duration > 5 or trace.has(c).where(d == $e)'
    )
    assert [found.code for found in error.diagnostics] == ["FL202", "FL205", "FL203", "FL301"]
    starts = [found.start for found in error.diagnostics]
    assert starts == sorted(starts)


def test_a_position_counts_lines():
    (found,) = refusal("trace.has(a)\n  and trace.hass(b)").diagnostics
    assert (found.line, found.column, found.end_column) == (2, 7, 17)


def test_an_unbound_parameter_suggests_the_nearest_given_one():
    (found,) = refusal("trace.count(a) > $limits", params={"limit": 3}).diagnostics
    assert (found.code, found.hint) == ("FL301", "did you mean '$limit'?")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("trace.count(a) > $p", "x"),
        ("trace.count(a) > $p", True),
        ("trace.count(a) + $p > 1", "x"),
        ("trace.has(a).where(x matches $p)", 5),
        ("trace.every(a).must(after(b, within $p))", 5),
        ("per x within $p never { a }", "soon"),
        ("trace.has(a).where(x == $p)", float("nan")),
        ("trace.has(a).where(x == $p)", 2**63),
    ],
)
def test_a_parameter_that_does_not_fit_its_place_is_an_error(text, value):
    assert "FL302" in {found.code for found in refusal(text, params={"p": value}).diagnostics}


def test_a_bad_pattern_from_a_parameter_is_found_where_the_parameter_stands():
    (found,) = refusal("trace.has(a).where(x matches $p)", params={"p": "("}).diagnostics
    assert (found.code, found.start) == ("FL207", 29)


@pytest.mark.parametrize("parse", [parse_condition, parse_predicate])
def test_conditions_and_predicates_by_themselves_are_refused_like_rules(parse):
    assert refusal("x ==", parse).diagnostics[0].code in END_OF_INPUT_CODES
    assert refusal("a && b", parse).diagnostics[0].code == "FL104"


def test_every_code_outside_the_limits_is_shown_by_some_message_here():
    shown = {code for _, rendered in FIXTURES for code in re.findall(r"\[(FL\d+)\]", rendered)}
    limits = {"FL001", "FL002", "FL003", "FL004", "FL005", "FL007", "FL302"}
    assert shown | limits == set(CODES)


def test_every_code_in_the_source_is_in_the_table():
    folder = Path(parse_rule.__code__.co_filename).parent
    used = {code for path in folder.glob("*.py") for code in re.findall(r'"(FL\d{3})"', path.read_text())}
    assert used == set(CODES)
