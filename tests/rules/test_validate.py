"""Fields of rule files, and the place of everything that is wrong with them."""

import pytest

from fluo_lab.errors import RuleFileError
from fluo_lab.rules import Mode, RuleBook, RuleSeverity

GOOD = """\
rules:
  - id: payment-requires-inventory
    name: "Payment requires inventory reservation"
    severity: critical
    condition: |
      trace.has(payment.charge)
        and trace.has(inventory.reserve)
"""


def findings(text):
    with pytest.raises(RuleFileError) as caught:
        RuleBook.from_text(text, path="r.yaml")
    return caught.value.diagnostics


def finding(text):
    (found,) = findings(text)
    return found


def rule(*lines, condition="trace.has(a) and trace.has(b)"):
    fields = ["id: ab", "name: n", "severity: low", f"condition: {condition}", *lines]
    return "rules:\n  - " + "\n    ".join(fields) + "\n"


def test_the_four_fields_are_enough():
    (only,) = RuleBook.from_text(GOOD)
    assert only.id == "payment-requires-inventory"
    assert only.severity is RuleSeverity.CRITICAL
    assert only.text == "when { trace.has(payment.charge) } always { trace.has(inventory.reserve) }"


def test_every_optional_field_is_carried():
    text = rule(
        "description: d",
        "mode: detect",
        "params: {limit: 5}",
        "message: m",
        "status: draft",
        "version: 3",
        "enabled: false",
        "owner: team",
        "tags: [a.b]",
        "runbook: https://example.com",
        "references: [r]",
        "created: 2026-01-31",
        "modified: 2026-02-01",
        "compliance: [{framework: SOC2, control: CC7.2, note: n}]",
        "false_positives: [f]",
        "related: [other, {id: third, type: derived}]",
        "evidence: {mined: {support: 12}}",
        "x-mine: {a: [1]}",
        condition="trace.count(a) > $limit",
    )
    (only,) = RuleBook.from_text("schema: fluo.rules/v1\n" + text)
    assert only.mode is Mode.DETECT
    assert only.params == {"limit": 5}
    assert only.description == "d"
    assert only.extra["compliance"] == [{"framework": "SOC2", "control": "CC7.2", "note": "n"}]
    assert only.extra["created"] == "2026-01-31"
    assert only.extra["x-mine"] == {"a": [1]}
    assert "trace.count(a) > 5" in only.text


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("sevrity: low", "FL520", "did you mean 'severity'?"),
        ("exceptions: []", "FL526", "not supported yet"),
        ("environments: {}", "FL526", "not supported yet"),
        ("signal: {}", "FL526", "not supported yet"),
        ("mode: detct", "FL523", "did you mean 'detect'?"),
        ("enabled: yes", "FL522", "must be true or false"),
        ("version: one", "FL522", "a whole number"),
        ("tags: a", "FL522", "a list of texts"),
        ("owner: 12", "FL522", 'put it in quotes: "12"'),
        ("params: {1a: 2}", "FL522", "parameter's name"),
        ("params: {a: [1]}", "FL522", "must be a text, a number"),
        ("evidence: none", "FL522", "must be a mapping"),
        ("compliance: [{framework: SOC2}]", "FL521", "no 'control'"),
        ("compliance: [{framework: SOC2, control: C, contrl: D}]", "FL520", "did you mean 'control'?"),
        ("related: [{type: derived}]", "FL521", "no 'id'"),
    ],
)
def test_a_wrong_field_is_reported_on_its_line(line, code, words):
    found = finding(rule(line))
    assert (found.code, found.line, found.path) == (code, 6, "r.yaml")
    assert words in found.render()


@pytest.mark.parametrize("missing", ["id", "name", "severity", "condition"])
def test_a_missing_required_field_is_named(missing):
    lines = [line for line in rule().splitlines() if f"{missing}:" not in line]
    text = "\n".join(lines).replace("rules:\n    ", "rules:\n  - ")
    found = finding(text)
    assert (found.code, found.line) == ("FL521", 2)
    assert f"no '{missing}'" in found.message


def test_a_wrong_severity_lists_the_words():
    found = finding(GOOD.replace("critical", "Critical"))
    assert (found.code, found.line, found.column, found.end_column) == ("FL523", 4, 15, 23)
    assert found.hint == "did you mean 'critical'?"


@pytest.mark.parametrize("bad", ["X", "Has Space", "a", "a" * 81, "ü-b"])
def test_an_id_that_cannot_be_used_is_reported(bad):
    assert finding(rule().replace("id: ab", f"id: {bad}")).code == "FL524"


def test_two_rules_with_one_id_name_both_lines():
    found = finding(GOOD + GOOD.removeprefix("rules:\n"))
    assert (found.code, found.line, found.column) == ("FL525", 8, 9)
    assert "line 2" in found.message


def test_an_unknown_top_level_key_is_reported():
    found = finding("ruels: []\n" + GOOD)
    assert (found.code, found.line, found.column, found.hint) == ("FL520", 1, 1, "did you mean 'rules'?")


@pytest.mark.parametrize("key", ["definitions", "defaults"])
def test_a_top_level_field_of_later_is_refused(key):
    assert finding(f"{key}: {{}}\n" + GOOD).code == "FL526"


def test_another_schema_is_refused():
    assert finding("schema: fluo.rules/v2\n" + GOOD).code == "FL523"


@pytest.mark.parametrize(
    ("text", "code"), [("", "FL527"), ("- a\n", "FL522"), ("rules:\n", "FL522"), ("x-a: 1\n", "FL521")]
)
def test_a_file_without_rules_is_reported(text, code):
    assert finding(text).code == code


def test_a_list_of_no_rules_is_an_empty_book():
    assert len(RuleBook.from_text("rules: []\n")) == 0


def test_all_findings_are_collected():
    text = GOOD.replace("critical", "urgent").replace("and trace", "adn trace") + "    oner: me\n"
    assert [(d.code, d.line) for d in findings(text)] == [("FL523", 4), ("FL119", 7), ("FL520", 8)]


# --- where a condition's finding stands --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    [
        "|\n      trace.has(a)\n        and trce.has(b)",
        "|\n\n\n      trace.has(a)\n        and trce.has(b)",
        "|-  # why\n      trace.has(a) // note\n      and trce.has(b)",
        "|2\n      trace.has(a)\n      and trce.has(b)",
        ">\n      trace.has(a)\n      and trce.has(b)",
        "trace.has(a) and trce.has(b)",
        "trace.has(a)\n      and\n      trce.has(b)",
        """'trace.has("it''s") and trce.has(b)'""",
        r'"trace.has(\"a\")\n and trce.has(b)"',
        r'"trace.has(\u0061) and \x20 trce.has(b)"',
        '"trace.has(a)\n      and trce.has(b)"',
        '"trace.has(a) \\\n      and trce.has(b)"',
    ],
)
def test_a_condition_s_finding_stands_exactly_in_the_file(written):
    text = rule(condition=written)
    found = finding(text)
    line = text[: text.index("trce")].count("\n") + 1
    assert found.line == line
    assert found.excerpt == text.splitlines()[line - 1]
    assert found.column == found.excerpt.index("trce") + 1


def test_the_place_is_exact_with_windows_line_breaks():
    text = GOOD.replace("and trace", "and trce").replace("\n", "\r\n")
    found = finding(text)
    assert (found.line, found.column) == (7, 13)


def test_a_condition_that_ends_too_early_points_behind_its_last_character():
    found = finding(GOOD.replace("reserve)", "reserve"))
    assert found.line == 7
    assert found.column <= len("        and trace.has(inventory.reserve") + 1


def test_an_unbound_parameter_is_found_in_the_file():
    found = finding(GOOD.replace("trace.has(payment.charge)\n", "trace.count(payment.charge) > $limt\n"))
    assert (found.code, found.line) == ("FL301", 6)


# --- the good rules of a bad file --------------------------------------------------------------------------------


def test_the_good_rules_of_a_bad_file_are_kept(tmp_path):
    path = tmp_path / "r.yaml"
    bad = "  - id: bad\n    name: n\n    severity: low\n    condition: trace.hass(a)\n"
    path.write_text(GOOD + bad + GOOD.removeprefix("rules:\n").replace("payment-requires", "other"))
    book, problems = RuleBook.read(path)
    assert [r.id for r in book] == ["payment-requires-inventory", "other-inventory"]
    assert [(d.line, d.path) for d in problems] == [(11, path.as_posix())]
    with pytest.raises(RuleFileError):
        RuleBook.load(path)


def test_a_refused_value_spoils_only_its_own_rule(tmp_path):
    path = tmp_path / "r.yaml"
    tagged = "  - id: tagged\n    name: !!str n\n    severity: low\n    condition: trace.has(a) and trace.has(b)\n"
    path.write_text(GOOD + tagged)
    book, problems = RuleBook.read(path)
    assert [r.id for r in book] == ["payment-requires-inventory"]
    assert [d.code for d in problems] == ["FL505"]
