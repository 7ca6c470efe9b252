"""The strict YAML reader: what it takes, what it refuses, and where it says so."""

import math
from pathlib import Path

import pytest
import yaml

from fluo_lab.errors import RuleFileError
from fluo_lab.rules.load import MAX_DEPTH, parse_yaml, read_yaml
from fluo_lab.rules.nodes import Listing, Scalar, Table, plain


def data(text):
    document = parse_yaml(text)
    assert document.problems == ()
    return plain(document.root)


def refused(text):
    with pytest.raises(RuleFileError) as caught:
        parse_yaml(text, path="r.yaml")
    return caught.value.diagnostics


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("on", "on"),
        ("yes", "yes"),
        ("12:30", "12:30"),
        ("012", "012"),
        ("2026-01-31", "2026-01-31"),
        ("1_000", "1_000"),
        ("=", "="),
        ("<<", "<<"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("12", 12),
        ("-7", -7),
        ("0x1F", 31),
        ("0o17", 15),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("-.inf", -math.inf),
        ('"12"', "12"),
        ("'true'", "true"),
        ("9223372036854775807", 2**63 - 1),
    ],
)
def test_a_scalar_means_what_yaml_1_2_says(written, value):
    got = data(f"key: {written}\n")["key"]
    assert got == value
    assert type(got) is type(value)


def test_not_a_number_is_a_float():
    assert math.isnan(data("key: .nan")["key"])


def test_block_text_keeps_its_lines():
    assert data("a: |\n  one\n    two\nb: >\n  one\n  two\n") == {"a": "one\n  two\n", "b": "one two\n"}


def test_an_empty_text_has_no_root():
    assert parse_yaml("").root is None
    assert parse_yaml("# only a comment\n").root is None


def problem(text):
    (found,) = parse_yaml(text, path="r.yaml").problems
    return found


def test_a_duplicate_key_names_both_lines_and_the_first_is_kept():
    document = parse_yaml("a: 1\nb: 2\na: 3\n", path="r.yaml")
    (found,) = document.problems
    assert (found.code, found.line, found.column) == ("FL507", 3, 1)
    assert "line 1" in found.hint
    assert plain(document.root) == {"a": 1, "b": 2}


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system", "!!str", "!mine"])
def test_a_tag_is_refused_at_its_place(tag):
    found = problem(f"a: 1\nb: {tag} x\n")
    assert (found.code, found.line, found.column) == ("FL505", 2, 4)


def test_an_anchor_is_refused_at_its_place():
    found = problem("a: &x [1]\n")
    assert (found.code, found.line, found.column) == ("FL506", 1, 4)


def test_an_alias_bomb_is_refused_without_being_expanded():
    levels = ["l0: &l0 [x, x, x, x, x, x, x, x, x]"]
    levels += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 30)]
    found = parse_yaml("\n".join(levels)).problems
    assert {d.code for d in found} == {"FL506", "FL512"}
    assert found[-1].message == f"{30 + 29 * 9 - 20} more findings"


def test_a_second_document_is_refused():
    found = problem("a: 1\n---\nb: 2\n")
    assert (found.code, found.line) == ("FL508", 2)


@pytest.mark.parametrize("text", ["1: x", "true: x", "~: x", "[a]: x", "{a: b}: x"])
def test_a_key_that_is_not_text_is_refused(text):
    assert problem(text + "\n").code == "FL510"


@pytest.mark.parametrize("number", ["9223372036854775808", "9" * 5000, "0x" + "f" * 17])
def test_an_integer_beyond_64_bits_is_refused(number):
    assert problem(f"a: {number}").code == "FL511"


@pytest.mark.parametrize("opening", ["[", "{a: "])
def test_deep_nesting_is_refused_before_anything_nests(opening):
    (found,) = refused("a: " + opening * 5000)
    assert found.code == "FL509"


def test_nesting_up_to_the_limit_is_read():
    n = MAX_DEPTH - 1
    assert data("a: " + "[" * n + "]" * n)


def test_a_tab_as_indentation_gets_the_advice_to_use_spaces():
    (found,) = refused("rules:\n\t- id: x\n")
    assert (found.code, found.line) == ("FL504", 2)
    assert "spaces" in found.hint


def test_a_colon_in_a_plain_text_gets_the_advice_to_quote_it():
    (found,) = refused("name: Payment: twice\n")
    assert (found.code, found.line, found.column) == ("FL504", 1, 14)
    assert "quotes" in found.hint


def test_a_control_character_is_refused_at_its_place():
    (found,) = refused("a: b\nc: d\x00e\n")
    assert (found.code, found.line, found.column) == ("FL503", 2, 5)


def test_half_a_surrogate_pair_is_refused():
    (found,) = refused("a: \ud800\n")
    assert found.code == "FL503"


def written(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "r.yaml"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xef\xbb\xbfrules: []\n", "byte order mark"),
        ("rules: []\n".encode("utf-16"), "UTF-16"),
        ("rules: []\n".encode("utf-16-le"), "UTF-16"),
    ],
)
def test_an_encoding_other_than_utf_8_is_named(tmp_path, content, words):
    with pytest.raises(RuleFileError, match=words) as caught:
        read_yaml(written(tmp_path, content))
    assert caught.value.diagnostics[0].code == "FL503"


def test_a_latin_1_byte_is_refused_at_its_place(tmp_path):
    with pytest.raises(RuleFileError) as caught:
        read_yaml(written(tmp_path, "a: é\nb: x".encode() + b"\xe9\n"))
    (found,) = caught.value.diagnostics
    assert (found.code, found.line, found.column) == ("FL503", 2, 5)


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    with pytest.raises(RuleFileError) as caught:
        read_yaml(written(tmp_path, b"#" * (8 * 1024 * 1024 + 1)))
    assert caught.value.diagnostics[0].code == "FL502"


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(RuleFileError, match="there is no such file") as caught:
        read_yaml(tmp_path / "none.yaml")
    assert caught.value.diagnostics[0].path.endswith("none.yaml")


def test_every_node_knows_its_place():
    text = "a:\r\n  - {b: 'x'}\r\n  - |\r\n    y\r\n\r\nc: 3 # note\r\n"
    document = parse_yaml(text)
    root = document.root
    assert isinstance(root, Table)
    listing = root.get("a")
    assert isinstance(listing, Listing)
    assert [text[n.start : n.end] for n in listing.items] == ["{b: 'x'}", "|\r\n    y"]
    assert document.place(listing.items[0].start) == (2, 5)
    number = root.get("c")
    assert isinstance(number, Scalar)
    assert text[number.start : number.end] == "3"
    assert text[root.entries["c"].key.start : root.entries["c"].key.end] == "c"


def test_plain_pyyaml_would_read_it_otherwise():
    assert yaml.safe_load("a: on\nb: 12:30\nc: 012") == {"a": True, "b": 750, "c": 10}
    assert data("a: on\nb: 12:30\nc: 012") == {"a": "on", "b": "12:30", "c": "012"}
