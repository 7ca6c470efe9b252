"""Rules written as YAML: what is written reads back as what it was, in both YAML readers."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from fluo_lab.engine import Verdict
from fluo_lab.errors import UsageError
from fluo_lab.rules import InlineTest, Mode, Rule, RuleBook, RuleSeverity, run_tests
from fluo_lab.rules.edit import add_rule, replace_rule
from fluo_lab.rules.inline import EXPECTABLE
from fluo_lab.rules.load import parse_yaml
from fluo_lab.rules.nodes import plain
from fluo_lab.rules.write import rule_to_mapping
from fluo_lab.traces import PlainEvent, PlainSpan, SpanKind, StatusCode

CONDITION = "trace.has(a) and trace.has(b)"


def ruamel_data(text):
    """Return what ruamel reads, dates as the text they were."""

    def undated(value):
        if isinstance(value, dict):
            return {key: undated(item) for key, item in value.items()}
        if isinstance(value, list):
            return [undated(item) for item in value]
        return value.isoformat() if isinstance(value, date) else value

    return undated(YAML(typ="safe", pure=True).load(text))


def own_data(text):
    return plain(parse_yaml(text).root)


@pytest.mark.parametrize("path", sorted((Path(__file__).parents[2] / "rules").glob("*.yaml")), ids=lambda p: p.name)
def test_both_readers_agree_on_the_shipped_files(path):
    text = path.read_text(encoding="utf-8")
    assert own_data(text) == ruamel_data(text)


TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn", "Co"], exclude_characters="\ufeff\u2028\u2029")
    | st.sampled_from(" \n#:-'\"|>{}[]&*!%@`,?0123456789.eE_truefalsnoyx~"),
    max_size=8,
)
FILLED = TEXTS.filter(lambda text: text.strip() != "")
SCALARS = TEXTS | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=4
)
ATTRIBUTES = st.dictionaries(TEXTS, VALUES, max_size=3)
SPANS = st.builds(
    PlainSpan,
    name=FILLED,
    service=st.none() | FILLED,
    kind=st.sampled_from(list(SpanKind)[1:]),
    status=st.sampled_from(StatusCode),
    start_ns=st.integers(0, 10**12),
    attributes=ATTRIBUTES,
    events=st.lists(st.builds(PlainEvent, name=FILLED, attributes=ATTRIBUTES), max_size=2).map(tuple),
)


@st.composite
def traced_examples(draw):
    """Return an inline test as one is made of a real trace: own ids, own root, real times."""
    drawn = draw(st.lists(SPANS, min_size=1, max_size=3))
    spans = []
    for number, span in enumerate(drawn):
        fields = {name: getattr(span, name) for name in PlainSpan.__dataclass_fields__}
        fields["span_id"] = f"{number:x}abc"
        fields["parent_span_id"] = f"{draw(st.integers(0, number - 1)):x}abc" if number else None
        fields["end_ns"] = span.start_ns + draw(st.integers(0, 10**10))
        fields["events"] = tuple(PlainEvent(e.name, span.start_ns, e.attributes) for e in span.events)
        spans.append(PlainSpan(**fields))
    return InlineTest(
        draw(FILLED), draw(st.sampled_from(list(EXPECTABLE.values()))), tuple(spans), todo=draw(st.booleans())
    )


RULES = st.builds(
    Rule,
    condition=st.sampled_from(
        [CONDITION, "trace.has(a)\n  and trace.has(b)", "  trace.count(a) > $n // why\n\n or trace.has(b)"]
    ),
    id=st.sampled_from(["one", "no", "012", "1e3", "--", "0x1f", "null", "true", "1_0"]),
    name=FILLED,
    severity=st.sampled_from(RuleSeverity),
    description=FILLED.map(str.strip),
    mode=st.just(Mode.REQUIRE),
    params=st.dictionaries(st.sampled_from(["k", "on"]), SCALARS, max_size=2).map(lambda params: {**params, "n": 3}),
    tests=st.lists(traced_examples(), max_size=2).map(tuple),
    extra=st.fixed_dictionaries({}, optional={"owner": FILLED, "tags": st.lists(FILLED, max_size=2), "x-y": VALUES}),
)


def shifted(mapping):
    """Return a rule's mapping without what a second writing may spell otherwise: white space round its texts."""
    return {key: value.strip() if isinstance(value, str) else value for key, value in mapping.items()}


@settings(max_examples=60, deadline=None)
@given(RULES)
def test_what_is_written_reads_back_as_it_was(rule):
    text = RuleBook([rule]).to_yaml()
    (again,) = RuleBook.from_text(text)
    assert shifted(rule_to_mapping(again)) == shifted(rule_to_mapping(rule))
    assert again.tree == rule.tree
    assert RuleBook([again]).to_yaml() == text


@settings(max_examples=40, deadline=None)
@given(RULES)
def test_both_readers_agree_on_what_is_written(rule):
    text = RuleBook([rule]).to_yaml()
    assert own_data(text) == ruamel_data(text)


@settings(max_examples=40, deadline=None)
@given(RULES, RULES)
def test_a_rule_becomes_any_other_by_editing_its_file(first, second):
    before = add_rule("# top\nrules: []\n", first)
    fields = {name: getattr(second, name) for name in Rule.__dataclass_fields__}
    after = replace_rule(before, Rule(**{**fields, "id": first.id}))
    (again,) = RuleBook.from_text(after)
    assert after.startswith("# top\n")
    assert again.tree == second.tree
    assert again.tests == RuleBook.from_text(RuleBook([second]).to_yaml())[0].tests


def test_a_test_made_of_a_real_trace_keeps_its_verdict():
    spans = (
        PlainSpan("a", span_id="0a", parent_span_id="gone", start_ns=10**18, end_ns=10**18 + 5),
        PlainSpan("b", span_id="0b", parent_span_id="0a", start_ns=10**18 + 9, end_ns=10**18 + 10),
    )
    rule = Rule("trace.every(b).must(after(a))", id="ab", tests=(InlineTest("t", Verdict.PASS, spans),))
    text = RuleBook([rule]).to_yaml()
    assert "incomplete: true" in text
    assert "start: 9ns" in text
    (again,) = RuleBook.from_text(text)
    assert [o.got for o in run_tests([again])] == [o.got for o in run_tests([rule])] == [Verdict.INCONCLUSIVE]


def test_defaults_are_left_out():
    text = "rules:\n  - id: ab\n    name: n\n    severity: low\n    condition: |\n      trace.has(a) and trace.has(b)\n"
    tests = "    tests:\n      - name: t\n        expect: violation\n        spans:\n          - {name: a}\n"
    assert RuleBook.from_text(text + tests).to_yaml() == text + tests


def test_bytes_have_no_form_in_yaml():
    rule = Rule(CONDITION, id="ab", tests=(InlineTest("t", Verdict.PASS, (PlainSpan("a", attributes={"k": [b"x"]}),)),))
    with pytest.raises(UsageError, match="bytes"):
        RuleBook([rule]).to_yaml()
