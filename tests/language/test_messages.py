"""Every mistake a person makes gets a place, a cause and a fix, word for word as in `messages.txt`."""

import re
from pathlib import Path

import pytest

from fluo_lab.errors import RuleError
from fluo_lab.language import (
    CODES,
    END_OF_INPUT_CODES,
    bind,
    parse_condition,
    parse_predicate,
    parse_rule,
    parse_template,
)

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


LONG = {
    "a rule of more than 64 KiB": (
        "trace.has(a)\n//" + "x" * 65_536,
        {},
        """\
rule:1:1: error[FL001]: the rule has 65,551 bytes; a rule may have 65,536 (64 KiB)
  1 | trace.has(a)
    | ^
    = split it into several rules""",
    ),
    "a string from a parameter": (
        "trace.has(a).where(x == $p)",
        {"p": "x" * 10_001},
        """\
rule:1:25: error[FL002]: the value of '$p' has 10,001 characters; a string may have 10,000
  1 | trace.has(a).where(x == $p)
    |                         ^^
    = give it a shorter one""",
    ),
    "a string": (
        f'trace.has(a)\n.where(x == "{"y" * 10_001}")',
        {},
        f"""\
rule:2:13: error[FL002]: the string has 10,001 characters; a string may have 10,000
  2 | .where(x == "{"y" * 147}
    |             {"^" * 148}
    = match a shorter part of it""",
    ),
    "a name": (
        f"trace.has({'n' * 257})",
        {},
        f"""\
rule:1:11: error[FL003]: the name has 257 characters; a name may have 256
  1 | trace.has({"n" * 150}
    |           {"^" * 150}
    = use a star for the rest of it""",
    ),
    "groups in groups": (
        "(" * 51 + "trace.has(a)" + ")" * 51,
        {},
        f"""\
rule:1:51: error[FL004]: the rule is nested deeper than 50 levels
  1 | {"(" * 51}trace.has(a){")" * 51}
    | {" " * 50}^
    = write it flatter, or as two rules""",
    ),
    "many atoms": (
        "\nor ".join(["trace.has(a)"] * 1_001),
        {},
        """\
rule:1:1: error[FL005]: the rule has 1,001 atoms; a rule may have 1,000
  1 | trace.has(a)
    | ^^^^^^^^^^^^
    = split it into several rules""",
    ),
    "many terms": (
        "trace.spans\n" + "+1\n" * 100 + "> 5",
        {},
        """\
rule:1:1: error[FL007]: the arithmetic has more than 100 terms
  1 | trace.spans
    | ^^^^^^^^^^^
    = compare fewer numbers in one rule""",
    ),
    "half a pair from a parameter": (
        "trace.has(a).where(x == $p)",
        {"p": "\ud800"},
        """\
rule:1:25: error[FL011]: the value of '$p' holds half of a surrogate pair, which is no character
  1 | trace.has(a).where(x == $p)
    |                         ^^
    = give it whole characters""",
    ),
    "a duration that is none": (
        "trace.every(a).must(after(b, within $p))",
        {"p": "soon"},
        """\
rule:1:37: error[FL302]: '$p' must be a duration
  1 | trace.every(a).must(after(b, within $p))
    |                                     ^^
    = give it a duration such as "10m\"""",
    ),
    "a number that is none": (
        "trace.has(a).where(x == $p)",
        {"p": 2**63},
        """\
rule:1:25: error[FL302]: the value of '$p' is neither a text, a bool nor a number within 64 bits: 9223372036854775808
  1 | trace.has(a).where(x == $p)
    |                         ^^
    = give it one of these""",
    ),
}
"""What needs a long text or a parameter: the text, the parameters, the message."""


@pytest.mark.parametrize(("text", "params", "rendered"), LONG.values(), ids=LONG)
def test_a_long_text_or_a_parameter_is_refused_as_written(text, params, rendered):
    assert str(refusal(text, params=params)) == rendered


def test_every_code_has_a_message_here_word_for_word():
    messages = [rendered for _, rendered in FIXTURES] + [rendered for _, _, rendered in LONG.values()]
    assert {code for rendered in messages for code in re.findall(r"\[(FL\d+)\]", rendered)} == set(CODES)


# --- fixes


def found_in(text, **options):
    """Return the diagnostics of a text; none when it is a rule."""
    try:
        parse_rule(text, **options)
    except RuleError as error:
        return error.diagnostics
    return ()


REFUSED = [(text, found) for text, _ in FIXTURES for found in found_in(text)]
FIXED = [(text, found, fix) for text, found in REFUSED for fix in found.fixes]


@pytest.mark.parametrize(("text", "found", "fix"), FIXED, ids=[f"{fix.title} in {text}" for text, _, fix in FIXED])
def test_a_fix_mends_what_it_says(text, found, fix):
    left = found_in(fix.apply(text))
    assert (found.code, found.message) not in {(other.code, other.message) for other in left}
    assert len(left) <= len(found_in(text))


def test_most_single_faults_are_wholly_mended_by_their_first_fix():
    single = [(text, found) for text, found in REFUSED if len(found_in(text)) == 1 and found.fixes]
    whole = [text for text, found in single if not found_in(found.fixes[0].apply(text))]
    assert len(whole) > 0.9 * len(single)


def test_every_word_a_hint_is_sure_of_is_a_fix():
    sure = re.compile(r"did you mean '(.*)'\?|write '(.*)'(?: to compare)?|quote the name: (.*)")
    for text, found in REFUSED:
        word = sure.fullmatch(found.hint)
        if word:
            written = {edit.text.strip(" .") for fix in found.fixes for edit in fix.edits}
            assert next(filter(None, word.groups())).strip(".") in written, (text, found.hint)


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("trace.hass(payment.charge)", ["trace.has(payment.charge)"]),
        ("trace.has(a)&&trace.has(b)", ["trace.has(a) and trace.has(b)"]),
        ("!(trace.has(a))", ["not (trace.has(a))"]),
        ("when { trace.has(a", ["when { trace.has(a)}"]),
        ("when { a } always { b // b is the answer", ["when { a } always { b} // b is the answer"]),
        ("trace.has(a).where(x == “b” and y == “c”)", ['trace.has(a).where(x == "b" and y == “c”)']),
        ("trace.has(a).where(x == b”)", ['trace.has(a).where(x == b")']),
        ("trace.has(a).where(x == 0x1F)", ["trace.has(a).where(x == 31)", 'trace.has(a).where(x == "0x1F")']),
        ("trace.duration > 0.5", [f"trace.duration > 0.5{unit}" for unit in ("ms", "us", "s", "m", "h")]),
        ("trace.every(a).must(over(b, without c, same x))", ["trace.every(a).must(over(b, same x))"]),
    ],
)
def test_the_fixes_of_the_first_fault(text, mended):
    assert [fix.apply(text) for fix in refusal(text).diagnostics[0].fixes] == mended


def test_what_a_parameter_gave_is_mended_where_it_was_given():
    (found,) = refusal("trace.duration > $p", params={"p": 5}).diagnostics
    assert (found.code, found.fixes) == ("FL203", ())
    template = parse_template("trace.count(a) > $limits")
    with pytest.raises(RuleError) as caught:
        bind(template, {"limit": 3})
    assert caught.value.diagnostics[0].fixes == ()


def test_an_unbound_parameter_is_renamed_to_the_nearest_given_one():
    text = "trace.count(a) > $limits"
    (found,) = refusal(text, params={"limit": 3}).diagnostics
    assert [fix.apply(text) for fix in found.fixes] == ["trace.count(a) > $limit"]


def test_every_code_in_the_source_is_in_the_table():
    folder = Path(parse_rule.__code__.co_filename).parent
    used = {code for path in folder.glob("*.py") for code in re.findall(r'"(FL\d{3})"', path.read_text())}
    assert used == set(CODES)
