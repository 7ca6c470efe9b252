"""What texts mean, as trees."""

import subprocess
import sys

import pytest

from fluo_lab.errors import RuleError
from fluo_lab.language import (
    And,
    AttributeRef,
    Bool,
    Count,
    Distinct,
    Duration,
    Field,
    FieldComparison,
    FieldKind,
    Form,
    Has,
    Number,
    Parameter,
    Text,
    TraceDuration,
    bind,
    parse_condition,
    parse_predicate,
    parse_rule,
    parse_template,
)


def names(condition):
    """Return the span name of a `has`, or those of a chain."""
    if isinstance(condition, Has):
        return condition.selection.operation.name.parts[0]
    return [names(operand) for operand in condition.operands]


def test_the_first_of_a_bare_chain_is_the_guard():
    rule = parse_rule("trace.has(a) and trace.has(b) and trace.has(c)")
    assert (names(rule.when), names(rule.always), rule.form) == ("a", ["b", "c"], Form.GUARDED)


def test_a_parenthesised_operand_is_one_operand():
    rule = parse_rule("(trace.has(a) and trace.has(b)) and trace.has(c)")
    assert (names(rule.when), names(rule.always)) == (["a", "b"], "c")


def test_nested_chains_are_flat_after_the_split():
    rule = parse_rule("trace.has(a) and (trace.has(b) and (trace.has(c) and trace.has(d)))")
    assert names(rule.always) == ["b", "c", "d"]


@pytest.mark.parametrize("text", ["trace.has(a)", "trace.has(a) or trace.has(b) and trace.has(c)", "not trace.has(a)"])
def test_anything_else_has_no_guard(text):
    rule = parse_rule(text)
    assert rule.when is None
    assert rule.form is Form.UNGUARDED


def test_and_binds_tighter_than_or():
    rule = parse_rule("trace.has(a) or trace.has(b) and trace.has(c)")
    assert isinstance(rule.always.operands[1], And)


def test_clauses_stand_in_any_order():
    assert parse_rule("never { a } always { b } when { c }") == parse_rule("when { c } always { b } never { a }")


def test_positions_take_no_part_in_equality_and_point_at_the_text():
    text = "trace.has(a)   and trace.count(b) > 3"
    rule = parse_rule(text)
    assert rule == parse_rule("trace.has(a) and trace.count(b) > 3")
    assert text[rule.always.at.start : rule.always.at.end] == "trace.count(b) > 3"
    assert text[rule.when.at.start : rule.when.at.end] == "trace.has(a)"


def test_counting_unique_values_is_the_distinct_count_of_the_other_filters():
    rule = parse_rule("trace.count(a).where(x == 1).where(f == unique and y == 2) == 1")
    number = rule.always.left
    assert isinstance(number, Distinct)
    assert number.field == Field(FieldKind.ATTRIBUTE, "f")
    assert [predicate.field.name for predicate in number.selection.where] == ["x", "y"]


def test_a_quoted_unique_is_a_text():
    assert isinstance(parse_rule('trace.count(a).where(f == "unique") == 1').always.left, Count)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("x == write", Text("write")),
        ("x == tenant.a", Text("tenant.a")),
        ("x == true", Bool(True)),
        ('x == "true"', Text("true")),
        ("x == -5", Number(-5)),
        ("x == 5.0", Number(5.0)),
        ("x == 1e3", Number(1000.0)),
        ("x > y", AttributeRef(Field(FieldKind.ATTRIBUTE, "y"))),
        ("x == attr(y)", AttributeRef(Field(FieldKind.ATTRIBUTE, "y"))),
        ('x < attr(resource."odd name")', AttributeRef(Field(FieldKind.RESOURCE, "odd name"))),
        ("span.duration > 1.5s", Duration(1_500_000_000)),
        (r'x == "a\"\\\n\u00e9\ud83d\ude00\d"', Text('a"\\\né😀\\d')),
        ('x == "two\nlines"', Text("two\nlines")),
        ("x == $p", Text("given")),
    ],
)
def test_the_literal_decides_the_type(text, value):
    assert parse_predicate(text, params={"p": "given"}).value == value


def test_an_integer_and_a_float_are_different_values():
    assert parse_predicate("x == 5") != parse_predicate("x == 5.0")


@pytest.mark.parametrize(
    "name", ["status", "count", "error", "name", "duration", "service", "scope", "has", "in", "per", "when", "exists",
             "event", "after", "attr", "matches", "contains", "within", "trace", "unique", "spans", "resource", "span"],
)  # fmt: skip
def test_a_keyword_like_word_is_an_attribute_where_nothing_else_fits(name):
    assert parse_predicate(f"{name} == 1").field == Field(FieldKind.ATTRIBUTE, name)


@pytest.mark.parametrize(
    "name", ["per", "within", "when", "and", "or", "not", "in", "true", "has", "where", "error.count"]
)
def test_a_keyword_may_be_a_whole_span_name_in_parentheses(name):
    assert names(parse_rule(f"trace.has({name})").always) == name


def test_fields_name_where_they_are_looked_up():
    found = [
        parse_predicate(f"{text} == 1").field for text in ("a.b", '"a b"', "resource.a.b", "scope.version", '"span.x"')
    ]
    assert [(field.kind.value, field.name) for field in found] == [
        ("attribute", "a.b"),
        ("attribute", "a b"),
        ("resource", "a.b"),
        ("scope", "version"),
        ("attribute", "span.x"),
    ]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("payment.*", ("payment.", "")),
        ('"GET /api/*"', ("GET /api/", "")),
        ("*", ("", "")),
        ('"**"', ("", "")),
        (r'"5 \* 3"', ("5 * 3",)),
        (r'"a\\*"', ("a\\", "")),
        (r'"\u002a"', ("*",)),
        ("my-service-v2", ("my-service-v2",)),
    ],
)
def test_a_star_is_a_glob_and_an_escaped_one_is_not(text, parts):
    assert parse_rule(f"trace.has({text})").always.selection.operation.name.parts == parts


def test_a_service_stands_before_two_colons():
    operation = parse_rule('trace.has("checkout service"::PlaceOrder)').always.selection.operation
    assert (operation.service.parts, operation.name.parts) == (("checkout service",), ("PlaceOrder",))


def test_the_short_form_in_braces_is_the_full_form():
    short = 'when { pay.charge.where(x > 1) and "GET /" } always { count(retry) <= 3 and duration < 5s } never { a::b }'
    full = (
        'when { trace.has(pay.charge).where(x > 1) and trace.has("GET /") } '
        "always { trace.count(retry) <= 3 and trace.duration < 5s } never { trace.has(a::b) }"
    )
    assert parse_rule(short) == parse_rule(full)


def test_white_space_and_comments_are_free():
    assert parse_rule("trace\n . has ( a ) // why\n\t.where(x==1)//end") == parse_rule("trace.has(a).where(x == 1)")


def test_arithmetic_leans_left_and_products_bind_tighter():
    assert parse_rule("1 - 2 - 3 * 4 > 0") == parse_rule("(1 - 2) - (3 * 4) > 0")


@pytest.mark.parametrize(
    "text",
    ["trace.duration / 2 < 5s", "trace.duration / 1ms < 5", "2 * trace.duration > trace.avg(a, span.duration) + 5s"],
)
def test_durations_scale_and_divide(text):
    assert parse_rule(text)


def test_a_text_parameter_is_a_duration_where_one_is_expected():
    rule = parse_rule("trace.duration < $limit and trace.has(a).where(x == $limit)", params={"limit": "10m"})
    assert rule.when.right == Duration(600 * 10**9)
    assert rule.always.selection.where[0].value == Text("10m")


def test_a_template_keeps_its_parameters_until_they_are_bound():
    template = parse_template("per x within $w never { count(a).where(y > $n) > $n }")
    assert template.correlation.within == Parameter("w")
    bound = bind(template, {"w": "10m", "n": 3})
    assert bound == parse_rule("per x within 10m never { count(a).where(y > 3) > 3 }")


def test_binding_without_a_value_is_an_error():
    with pytest.raises(RuleError, match=r"unbound parameter '\$w'"):
        bind(parse_template("trace.duration < $w"), {})


def test_relation_options_stand_in_any_order_and_same_may_repeat():
    first = parse_predicate("after(b, same k, within 5s, same f as g)")
    assert first == parse_predicate("after(b, within 5s, same k, same f as g)")
    assert len(first.same) == 2


def test_a_condition_by_itself_may_leave_out_trace():
    assert parse_condition("a and count(b) > 1") == parse_condition("trace.has(a) and trace.count(b) > 1")
    assert parse_condition("duration > 1s").left == TraceDuration()


def test_a_predicate_by_itself_is_what_where_takes():
    assert isinstance(parse_predicate("amount > 1000"), FieldComparison)


def test_importing_the_room_loads_neither_lark_nor_columns():
    code = (
        "import sys, fluo_lab.language; print([m for m in ('lark', 'polars', 'numpy', 'pyarrow') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
