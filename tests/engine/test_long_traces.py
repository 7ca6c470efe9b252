"""Relations among many spans at once: every span gets the answer the naive interpreter gives, in every reading."""

import random

import oracle
import pytest

from fluo_lab.engine import Verdict, evaluate
from fluo_lab.engine.atoms import Evaluator
from fluo_lab.engine.correlation import groups_of
from fluo_lab.engine.units import units_of_traces
from fluo_lab.language import (
    Name,
    Operation,
    Relation,
    RelationKind,
    RuleTree,
    Selection,
    parse_predicate,
    parse_rule,
    walk,
)
from fluo_lab.traces import PlainSpan, traces_from_spans

ANY = Selection(operation=Operation(name=Name(parts=("", ""))))
OPTIONS = ["", ", within 3ns", ", same f", ", same f as g, same g as f", ", within 5ns, same f", ".where(over(b))"]
ORDERED = [", without c", ", within 4ns, without c", ", same f, without *", ", within 6ns, same g, without b"]
SHAPES = [f"{kind}(b{option})" for kind in RelationKind for option in (*OPTIONS, *(ORDERED if kind.is_ordered else ()))]


def shape(seed, *, n_spans=24, backwards=False):
    """Two traces of many spans that tie and overlap, with orphans, several roots, cycles and ids given twice."""
    rng = random.Random(seed)
    spans = []
    for number in (1, 2):
        for i in range(n_spans):
            start = rng.randrange(30)
            above = rng.choice([None, *(f"{n:016x}" for n in rng.sample(range(1, n_spans + 4), 4))])
            attributes = {key: rng.randrange(3) for key in ("f", "g") if rng.random() < 0.8}
            spans.append(
                PlainSpan(
                    rng.choice("abc"),
                    trace_id=f"{number:032x}",
                    span_id=f"{rng.randrange(1, n_spans) if rng.random() < 0.05 else i + 1:016x}",
                    parent_span_id=above if rng.random() < 0.9 else None,
                    start_ns=start,
                    end_ns=start + rng.choice([0, 0, 1, 2, 5, 20]) - (rng.randrange(9) if backwards else 0),
                    attributes=attributes,
                )
            )
    return spans


def found(evaluator, relation):
    matched = evaluator.select.matched(Selection(operation=ANY.operation, where=(relation,)))
    return {
        "seen": set(matched.seen.rows.tolist()),
        "least": set(matched.certain.rows.tolist()),
        "most": set(matched.possible.rows.tolist()),
    }


def rows_in(spans):
    """The spans in the order of the store's rows."""
    ids = dict.fromkeys(span.trace_id for span in spans)
    first = {trace_id: min(s.start_ns for s in spans if s.trace_id == trace_id) for trace_id in ids}
    in_order = []
    for trace_id in sorted(ids, key=lambda one: (first[one], one)):
        in_order += oracle.in_row_order([s for s in spans if s.trace_id == trace_id])
    return in_order


@pytest.mark.parametrize("text", SHAPES)
@pytest.mark.parametrize(("seed", "skew", "judge"), [(1, 0, True), (2, 0, False), (3, 2, True), (4, 2, False)])
def test_every_span_of_a_long_trace_is_judged_as_the_interpreter_does(text, seed, skew, judge):
    relation = parse_predicate(text)
    spans = shape(seed, backwards=seed == 1)
    in_order = rows_in(spans)
    traces = traces_from_spans(spans)
    units = units_of_traces(traces, judge_incomplete=judge)
    answers = found(Evaluator(units, [], span_skew_ns=skew), relation)
    expected = {"seen": set(), "least": set(), "most": set()}
    for trace_id in dict.fromkeys(span.trace_id for span in in_order):
        members = [span for span in in_order if span.trace_id == trace_id]
        incomplete = not judge and oracle.is_incomplete(members)
        unit = oracle.TraceOracle(members, incomplete=incomplete, span_skew_ns=skew)
        for row, span in enumerate(in_order):
            if span.trace_id == trace_id:
                for reading, rows in expected.items():
                    if unit.stands_in(relation, span, reading):
                        rows.add(row)
    assert answers["seen"] == expected["seen"]
    if skew or not judge:
        assert answers == expected


@pytest.mark.parametrize("text", SHAPES)
def test_every_span_of_a_group_across_traces_is_judged_as_the_interpreter_does(text):
    relation = parse_predicate(text)
    spans = shape(7)
    in_order = rows_in(spans)
    traces = traces_from_spans(spans)
    correlation = parse_rule("per g within 3ns always { has(a) }").correlation
    groups = groups_of(correlation, traces)
    answers = found(Evaluator(groups, []), relation)["seen"]
    expected = set()
    for group in range(groups.n):
        rows = groups.rows_of(group).tolist()
        unit = oracle.TraceOracle([in_order[row] for row in rows], incomplete=False, around=in_order)
        expected |= {row for row in rows if unit.stands_in(relation, in_order[row], "seen")}
    assert answers == expected


def test_the_shapes_ask_every_relation_with_every_option():
    relations = [node for text in SHAPES for node in walk(parse_predicate(text)) if isinstance(node, Relation)]
    assert {relation.kind for relation in relations} == set(RelationKind)
    assert any(relation.without for relation in relations)
    assert any(relation.within and relation.same for relation in relations)


@pytest.mark.parametrize("kind", ["under", "over", "child_of", "parent_of", "after", "overlaps", "beside"])
def test_a_chain_of_100_000_spans_is_judged(kind):
    n = 100_000
    spans = [
        PlainSpan(
            "a" if i % 2 else "b",
            span_id=f"{i + 1:016x}",
            parent_span_id=f"{i:016x}" if i else None,
            start_ns=i,
            end_ns=2 * n - i,
        )
        for i in range(n)
    ]
    traces = traces_from_spans(spans)
    rule: RuleTree = parse_rule(f"always {{ trace.every(a).must({kind}(b)) }}")
    expected = {"over": Verdict.VIOLATION, "parent_of": Verdict.VIOLATION, "after": Verdict.VIOLATION}
    assert evaluate([rule], traces).verdicts.tolist() == [[expected.get(kind, Verdict.PASS)]]


OF_TWO_NAMES = Operation(name=Name(parts=("x.", "")))
OF_ONE_NAME = Operation(name=Name(parts=("x.1",)))


def short_shape(seed, *, most_partners, has_orphans):
    """Thirty traces of a few spans, parents before children, with so many spans b in each at the most."""
    rng = random.Random(seed)
    spans = []
    for number in range(1, 31):
        names = ["x.1", "x.2", "x.1", "c", *"b" * rng.randint(0, most_partners)]
        rng.shuffle(names)
        for i, name in enumerate(names):
            start = rng.randrange(12)
            is_orphan = has_orphans and rng.random() < 0.1
            above = rng.choice([None, *(f"{n + 1:016x}" for n in range(i))]) if not is_orphan else "f" * 16
            attributes = {key: rng.randrange(2) for key in ("f", "g") if rng.random() < 0.8}
            spans.append(
                PlainSpan(
                    name,
                    trace_id=f"{number:032x}",
                    span_id=f"{i + 1:016x}",
                    parent_span_id=above,
                    start_ns=start,
                    end_ns=start + rng.choice([0, 1, 2, 5]),
                    attributes=attributes,
                )
            )
    return spans


@pytest.mark.parametrize("operation", [OF_ONE_NAME, OF_TWO_NAMES])
@pytest.mark.parametrize(("most_partners", "has_orphans"), [(1, False), (1, True), (3, False), (3, True)])
@pytest.mark.parametrize("text", SHAPES)
def test_every_span_of_short_traces_is_judged_as_the_interpreter_does(text, most_partners, has_orphans, operation):
    relation = parse_predicate(text)
    spans = short_shape(5, most_partners=most_partners, has_orphans=has_orphans)
    in_order = rows_in(spans)
    units = units_of_traces(traces_from_spans(spans), judge_incomplete=True)
    found = Evaluator(units, []).select.matched(Selection(operation, (relation,))).seen.rows.tolist()
    rest = Evaluator(units, []).select.refuted(Selection(operation, (parse_predicate("f == 1"),)), relation).seen.rows
    expected, broken = [], []
    by_trace = {}
    for span in in_order:
        by_trace.setdefault(span.trace_id, []).append(span)
    oracles = {key: oracle.TraceOracle(members, incomplete=False) for key, members in by_trace.items()}
    for row, span in enumerate(in_order):
        if span.name == "x.1" or (operation is OF_TWO_NAMES and span.name == "x.2"):
            holds = oracles[span.trace_id].stands_in(relation, span, "seen")
            if holds:
                expected.append(row)
            elif span.attributes.get("f") == 1:
                broken.append(row)
    assert found == expected
    assert rest.tolist() == broken


def test_a_near_descendant_is_found_for_the_right_one_of_spans_of_several_names():
    def one(trace, name, number, start, end, *, under=None):
        parent = None if under is None else f"{under:016x}"
        return PlainSpan(name, f"{trace:032x}", f"{number:016x}", parent, start_ns=start, end_ns=end)

    spans = [one(1, "x.2", 1, 0, 9), one(1, "b", 2, 3, 4, under=1), one(1, "b", 3, 5, 6, under=1)]
    spans += [one(2, "x.1", 1, 10, 11), one(2, "b", 2, 50, 51, under=1), one(2, "b", 3, 60, 61, under=1)]
    spans.append(one(3, "x.1", 1, 70, 71))  # the more frequent name comes first, though not in the rows
    units = units_of_traces(traces_from_spans(spans), judge_incomplete=True)
    near = Selection(OF_TWO_NAMES, (parse_predicate("over(b, within 1ns)"),))
    assert Evaluator(units, []).select.matched(near).seen.rows.tolist() == [0]
