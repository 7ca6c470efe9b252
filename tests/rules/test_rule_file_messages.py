"""Every fault of a rule file is told word for word as in `rule_files.txt`; faults too large to write there are here."""

import re
from pathlib import Path

import pytest

from fluo_lab.errors import RuleFileError
from fluo_lab.rules import CODES, RuleBook

FIXTURES = [
    tuple(block.split("---8<---\n", maxsplit=1))
    for block in (Path(__file__).parent / "rule_files.txt").read_text(encoding="utf-8").split("======\n")
]


def refusal(text):
    with pytest.raises(RuleFileError) as caught:
        RuleBook.from_text(text, path="rules.yaml")
    return str(caught.value)


LARGE = {
    "FL502": (
        "#" * (8 * 1024 * 1024 + 1),
        f"rules.yaml:1:1: error[FL502]: the text is larger than 8 MiB\n  1 | {'#' * 160}\n    | ^\n    = split it",
    ),
    "FL503": (
        "rules:\n  - id: a\x00b\n",
        "rules.yaml:2:10: error[FL503]: the character U+0000 cannot stand in a rule file\n"
        "  2 |   - id: a\ufffdb\n"
        "    |          ^\n"
        "    = delete it, or write it as an escape",
    ),
    "FL509": (
        "rules: " + "[" * 60,
        "rules.yaml:1:57: error[FL509]: nested deeper than 50 levels\n"
        f"  1 | rules: {'[' * 60}\n"
        f"    | {' ' * 56}^\n"
        "    = a rule file needs far fewer levels; check the brackets",
    ),
}


@pytest.mark.parametrize(("text", "rendered"), FIXTURES, ids=[str(number) for number in range(len(FIXTURES))])
def test_the_message_is_as_written(text, rendered):
    assert refusal(text) == rendered.rstrip("\n")


@pytest.mark.parametrize("code", LARGE)
def test_the_message_about_a_large_or_unprintable_text_is_as_written(code):
    text, rendered = LARGE[code]
    assert refusal(text) == rendered


def test_the_message_about_too_many_findings_counts_them():
    text = "rules: []\n" + "".join(f"x-{n}: &n {n}\n" for n in range(23))
    assert refusal(text).startswith("rules.yaml:1:1: error[FL512]: 3 more findings\n  1 | rules: []\n    | ^\n")


def test_the_messages_about_a_file_that_is_not_there_have_no_excerpt(tmp_path):
    (tmp_path / "empty").mkdir()
    _, (missing,) = RuleBook.read(tmp_path / "none.yaml")
    _, (empty,) = RuleBook.read(tmp_path / "empty")
    _, (none,) = RuleBook.read([])
    folder = tmp_path.as_posix()
    assert missing.render() == f"{folder}/none.yaml:1:1: error[FL501]: there is no such file\n    = check the path"
    assert empty.render() == (
        f"{folder}/empty:1:1: error[FL501]: the folder has no rule files\n    = rule files end in .yaml or .yml"
    )
    assert none.render() == "rule:1:1: error[FL501]: no rule file is given\n    = name a file or a folder"


def test_every_code_of_rule_files_is_shown_by_some_message_here():
    shown = {code for _, rendered in FIXTURES for code in re.findall(r"\[(FL\d+)\]", rendered)}
    shown |= {*LARGE, "FL501", "FL512"}
    assert {code for code in CODES if code.startswith("FL5")} <= shown
