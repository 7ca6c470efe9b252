"""Limits: each has its own message, and nothing a person can type ends in another exception."""

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fluo_lab.errors import RuleError
from fluo_lab.language import (
    CODES,
    parse_condition,
    parse_predicate,
    parse_rule,
    print_rule,
    read_aloud,
)


def codes(text, **options):
    with pytest.raises(RuleError) as caught:
        parse_rule(text, **options)
    return [found.code for found in caught.value.diagnostics]


def test_a_rule_of_64_kib_is_read_and_one_byte_more_is_not():
    rule = "trace.has(a) //"
    whole = rule + "é" * ((65_536 - len(rule)) // 2)
    whole += "x" * (65_536 - len(whole.encode()))
    assert parse_rule(whole)
    assert codes(whole + "x") == ["FL001"]


def test_a_string_of_ten_thousand_characters_is_read_and_one_more_is_not():
    assert parse_rule(f'trace.has(a).where(x == "{"é" * 10_000}")')
    assert codes(f'trace.has(a).where(x == "{"é" * 10_001}")') == ["FL002"]


@pytest.mark.parametrize(
    "template", ["trace.has({})", 'trace.has("{}")', "trace.has(a).where({} == 1)", "trace.has({}::a)"]
)
def test_a_name_of_256_characters_is_read_and_one_more_is_not(template):
    assert parse_rule(template.format("n" * 256))
    assert codes(template.format("n" * 257)) == ["FL003"]


def test_fifty_groups_are_read_and_one_more_is_not():
    assert parse_rule("(" * 50 + "trace.has(a)" + ")" * 50)
    assert codes("(" * 51 + "trace.has(a)" + ")" * 51) == ["FL004"]


def test_fifty_nots_are_read_and_one_more_is_not():
    rule = parse_rule("not " * 50 + "trace.has(a)")
    assert parse_rule(print_rule(rule)) == rule
    assert codes("not " * 51 + "trace.has(a)") == ["FL004"]


def test_fifty_denied_groups_are_read_aloud_and_printed():
    rule = parse_rule("not (" * 49 + "trace.has(a) and trace.has(b)" + ")" * 49)
    assert parse_rule(print_rule(rule)) == rule
    assert read_aloud(rule).endswith(".")


@pytest.mark.parametrize("text", ["(" * 20_000, "{" * 20_000, "not " * 16_000, "[" * 20_000, "after(" * 10_000])
def test_very_deep_nesting_is_an_error_and_a_fast_one(text):
    started = time.process_time()
    assert codes(text) == ["FL004"]
    assert time.process_time() - started < 2


def test_deep_nesting_inside_where_is_counted_too():
    assert parse_rule(f"trace.has(a).where({'(' * 49}x == 1{')' * 49})")
    assert codes(f"trace.has(a).where({'(' * 51}x == 1{')' * 51})") == ["FL004"]


def test_a_thousand_atoms_are_read_and_one_more_is_not():
    assert parse_rule(" or ".join(["trace.has(a)"] * 1_000))
    assert codes(" or ".join(["trace.has(a)"] * 1_001)) == ["FL005"]


def test_a_thousand_comparisons_are_read_and_one_more_is_not():
    assert parse_rule(f"trace.has(a).where({' or '.join(['x == 1'] * 1_000)})")
    assert codes(f"trace.has(a).where({' or '.join(['x == 1'] * 1_001)})") == ["FL005"]


def test_a_hundred_terms_are_read_and_one_more_is_not():
    assert parse_rule(" + ".join(["trace.count(a)"] * 100) + " > 1")
    assert codes(" + ".join(["trace.count(a)"] * 101) + " > 1") == ["FL007"]
    assert codes("trace.count(a) > " + " * ".join(["2"] * 5_000)) == ["FL007"]


@pytest.mark.parametrize("number", ["9223372036854775807", "-9223372036854775808", "1e308"])
def test_numbers_within_64_bits_are_read(number):
    assert parse_predicate(f"x == {number}")


@pytest.mark.parametrize("number", ["9223372036854775808", "-9223372036854775809", "1e999", "9" * 5_000])
def test_numbers_beyond_64_bits_are_an_error(number):
    assert codes(f"trace.has(a).where(x == {number})") == ["FL006"]


@pytest.mark.parametrize("duration", ["99999999999h", "0.5ns", "9" * 500 + "s"])
def test_durations_beyond_whole_nanoseconds_of_64_bits_are_an_error(duration):
    assert codes(f"trace.duration < {duration}") == ["FL006"]


def test_half_a_surrogate_pair_is_an_error_wherever_it_stands():
    assert codes("trace.has(a\ud800)") == ["FL011"]
    assert codes('trace.has("a\ud800")') == ["FL011"]
    assert codes('trace.has("a\\ud800")') == ["FL011"]
    assert codes("trace.has(a).where(x == $p)", params={"p": "\ud800"}) == ["FL011"]


SEEDS = [
    "trace.has(payment.charge).where(attempt > 1) and trace.count(payment.charge).where(id == unique) == 1",
    'when { "GET /users/{id}".where(amount > 1000) and not a } always { count(b) <= 3 } never { c::d }',
    "trace.every(a).must(after(b.where(x in [1, y]), within 5s, same k as l, without c) or span.duration < 5ms)",
    'per a, resource."b c" within 10m trace.sum(a, x) / 2 + 3 * (trace.spans - 1) >= trace.max(b, y)',
    'trace.has(*).where(event("exception", exception.type contains "T") and f not matches "\\\\d+" or exists(g))',
    "trace.rising(a, attempt).where(x != attr(y)) // note",
]
PIECES = [
    "(", ")", "{", "}", "[", "]", ",", ".", '"', "'", "\\", "$", "*", "::", ":", "==", "=", "!", "&&", "=>", "-", "+",
    "/", "//", "\n", " ", "and", "or", "not", "in", "trace", "trace.has(", ".where(", "span.", "resource.", "unique",
    "5", "1e", "5s", "0x1f", "within", "per", "when", "é", "\u202e", "\u00a0", "💰", "\ud800", "\x00", "$x", "attr(",
]  # fmt: skip


@st.composite
def mutated(draw):
    text = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 8)))
        text = text[:start] + draw(st.sampled_from(["", *PIECES])) + text[end:]
    return text


ANY_TEXT = st.one_of(
    mutated(),
    mutated(),
    st.lists(st.sampled_from(PIECES), max_size=25).map(" ".join),
    st.lists(st.sampled_from(PIECES), max_size=25).map("".join),
    st.text(max_size=60),
)


def answer(parse, text):
    """Return the tree and the findings of a text; anything but a `RuleError` goes through."""
    try:
        return parse(text, params={"x": "5s"}), ()
    except RuleError as error:
        return None, error.diagnostics


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(ANY_TEXT)
def test_any_text_gives_a_tree_or_findings_with_a_place_a_cause_and_a_fix(text):
    for parse in (parse_rule, parse_condition, parse_predicate):
        tree, findings = answer(parse, text)
        assert (tree is None) == bool(findings)
        for found in findings:
            assert found.code in CODES
            assert found.message
            assert found.hint
            assert 0 <= found.start <= found.end <= len(text)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(mutated())
def test_a_mutated_rule_that_still_parses_survives_printing(text):
    tree, _ = answer(parse_rule, text)
    if tree is not None:
        assert parse_rule(print_rule(tree)) == tree
        assert read_aloud(tree)


def test_parsing_a_short_rule_takes_no_time():
    text = "trace.has(payment.charge) and trace.has(inventory.reserve)"
    parse_rule(text)
    started = time.process_time()
    for _ in range(50):
        parse_rule(text)
    assert (time.process_time() - started) / 50 < 0.02
