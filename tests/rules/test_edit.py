"""Editing rule files in place: what was not meant to change stays as it is, byte for byte."""

import pytest

from fluo_lab.engine import Verdict
from fluo_lab.errors import RuleFileError, UsageError
from fluo_lab.rules import InlineTest, Rule, RuleBook, RuleSeverity
from fluo_lab.rules.edit import add_rule, remove_rule, replace_rule
from fluo_lab.traces import PlainSpan

TEXT = """\
# The shop's rules.   Odd   spacing stays.
schema: fluo.rules/v1

rules:
  # Money first.
  - id: one   # never change this id
    name: 'Single quotes stay'
    severity:   high   # asked for by finance
    condition: |  # the guide's own
      trace.has(a)   // note
        and trace.has(b)

    tags: [x,   y]
    # about the tests
    tests:
    - name: t
      expect: violation
      spans: [{name: a}]

  # And then the rest.
  - name: two is first a name
    id: two
    severity: low
    condition: "trace.has(c) and trace.has(d)"
# The end.
"""


def rules(text):
    return {rule.id: rule for rule in RuleBook.from_text(text)}


def changed(rule, **fields):
    kept = {name: getattr(rule, name) for name in Rule.__dataclass_fields__}
    return Rule(**{**kept, **fields})


def lines_apart(before, after):
    """Return the lines only the one has, and those only the other has."""
    old, new = before.splitlines(), after.splitlines()
    return [line for line in old if line not in new], [line for line in new if line not in old]


def test_a_changed_severity_changes_one_word():
    after = replace_rule(TEXT, changed(rules(TEXT)["one"], severity=RuleSeverity.LOW))
    assert after == TEXT.replace("severity:   high   #", "severity: low   #")


def test_a_changed_condition_becomes_a_block_and_keeps_its_header_comment():
    after = replace_rule(TEXT, changed(rules(TEXT)["one"], condition="trace.has(a) and trace.has(z)"))
    assert lines_apart(TEXT, after) == (
        ["      trace.has(a)   // note", "        and trace.has(b)"],
        ["      trace.has(a) and trace.has(z)"],
    )
    assert rules(after)["one"].condition.strip() == "trace.has(a) and trace.has(z)"


def test_a_quoted_condition_becomes_a_block():
    after = replace_rule(TEXT, changed(rules(TEXT)["two"], condition="trace.has(c)\n  and trace.has(e)"))
    assert after == TEXT.replace(
        '    condition: "trace.has(c) and trace.has(d)"\n',
        "    condition: |\n      trace.has(c)\n        and trace.has(e)\n",
    )


def test_a_comment_behind_a_value_survives_its_becoming_a_block():
    text = TEXT.replace('has(d)"', 'has(d)"  # why')
    after = replace_rule(text, changed(rules(text)["two"], condition="trace.has(c) and trace.has(e)"))
    assert "# why" in after
    assert rules(after)["two"].condition.strip() == "trace.has(c) and trace.has(e)"


def test_a_new_field_stands_behind_the_one_it_follows():
    after = replace_rule(TEXT, changed(rules(TEXT)["two"], description="why"))
    assert after == TEXT.replace("    severity: low\n", "    severity: low\n    description: why\n")


def test_a_dropped_field_takes_only_its_own_lines():
    after = replace_rule(TEXT, changed(rules(TEXT)["one"], tests=()))
    assert after == TEXT.replace("    tests:\n    - name: t\n      expect: violation\n      spans: [{name: a}]\n", "")


def test_an_unchanged_rule_changes_nothing():
    assert replace_rule(TEXT, rules(TEXT)["one"]) == TEXT


def test_a_removed_rule_leaves_every_comment():
    after = remove_rule(TEXT, "two")
    assert list(rules(after)) == ["one"]
    assert after == TEXT[: TEXT.index("  - name: two")] + "# The end.\n"


def test_the_last_rule_can_be_removed_and_another_added():
    text = 'rules: # mine\n  - {id: ab, name: n, severity: low, condition: "trace.has(a) and trace.has(b)"}\n'
    empty = remove_rule(text, "ab")
    assert len(RuleBook.from_text(empty)) == 0
    assert "# mine" in empty
    again = add_rule(empty, Rule("trace.has(a) and trace.has(c)", id="ac"))
    assert list(rules(again)) == ["ac"]


def test_a_rule_is_added_at_the_end_as_a_block():
    new = Rule(
        "trace.has(x) and trace.has(y)",
        id="three",
        severity=RuleSeverity.CRITICAL,
        tests=(InlineTest("only x", Verdict.VIOLATION, (PlainSpan("x", attributes={"k": "on"}),)),),
    )
    after = add_rule(TEXT, new)
    assert after.startswith(TEXT.removesuffix("# The end.\n"))
    assert after.endswith("# The end.\n")
    assert "\n\n  - id: three\n    name: three\n    severity: critical\n    condition: |\n      trace.has(x)" in after
    assert list(rules(after)) == ["one", "two", "three"]


@pytest.mark.parametrize("dash", ["", "  ", "      "])
def test_an_added_rule_stands_under_the_other_dashes(dash):
    text = f'rules:\n{dash}- {{id: ab, name: n, severity: low, condition: "trace.has(a) and trace.has(b)"}}'
    after = add_rule(text, Rule("trace.has(x) and trace.has(y)", id="new"))
    assert after.startswith(text + "\n")
    assert f"\n{dash}- id: new\n" in after


def test_a_rule_in_braces_is_replaced_whole():
    text = 'rules:\n  - {id: ab, name: n, severity: low, condition: "trace.has(a) and trace.has(b)"}\n  # end\n'
    after = replace_rule(text, changed(rules(text)["ab"], severity=RuleSeverity.HIGH))
    assert rules(after)["ab"].severity is RuleSeverity.HIGH
    assert "# end" in after


def test_windows_line_breaks_stay():
    text = TEXT.replace("\n", "\r\n")
    after = add_rule(text, Rule("trace.has(x) and trace.has(y)", id="new"))
    after = replace_rule(after, changed(rules(after)["one"], severity=RuleSeverity.LOW))
    assert after.count("\n") == after.count("\r\n")


def test_a_bad_rule_beside_the_edited_one_stays_as_it_is():
    bad = "  - id: bad\n    name: n\n    severity: low\n    condition: trace.hass(a)  # broken\n"
    text = TEXT.replace("# The end.\n", bad)
    after = add_rule(text, Rule("trace.has(x) and trace.has(y)", id="new"))
    assert bad in after


def test_a_bad_rule_can_be_replaced_by_a_good_one():
    text = TEXT.replace("trace.has(c) and", "trace.has(c) adn")
    good = rules(TEXT)["two"]
    after = replace_rule(text, good)
    assert {i: rule.text for i, rule in rules(after).items()} == {i: rule.text for i, rule in rules(TEXT).items()}


@pytest.mark.parametrize(
    "edit",
    [
        lambda: add_rule(TEXT, Rule("trace.has(a) and trace.has(b)", id="one")),
        lambda: remove_rule(TEXT, "none"),
        lambda: replace_rule(TEXT, Rule("trace.has(a) and trace.has(b)", id="none")),
        lambda: add_rule("x-a: 1\n", Rule("trace.has(a) and trace.has(b)", id="ab")),
        lambda: remove_rule("rules: [{id: ab}, {id: cd}]\n", "ab"),
    ],
)
def test_an_edit_that_cannot_be_meant_is_a_usage_error(edit):
    with pytest.raises(UsageError):
        edit()


def test_a_text_that_is_no_yaml_is_not_edited():
    with pytest.raises(RuleFileError):
        remove_rule("rules: [", "ab")
