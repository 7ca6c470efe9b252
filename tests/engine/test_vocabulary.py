"""The vocabulary of a store: the same names and counts as looking at every span, counted when asked for."""

from collections import Counter
from random import Random

import pytest

from fluo_lab.engine import vocabulary_of
from fluo_lab.engine.vocabulary import MAX_CHOICES, MAX_VALUES
from fluo_lab.language import AttributeUse, EventUse, OperationUse, SpanName, ValueUse, complete
from fluo_lab.traces import PlainEvent, PlainSpan, traces_from_spans

KEYS = {
    "text": lambda r: r.choice(["red", "green", "blue"]),
    "number": lambda r: r.randrange(5),
    "ratio": lambda r: r.choice([0.5, 1.0, float("nan")]),
    "flag": lambda r: r.random() < 0.5,
    "mixed": lambda r: r.choice(["5", 5, 5.5, True]),
    "list": lambda r: [r.randrange(2)],
    "rare": lambda r: "seldom",
}


def some_spans(n_spans, n_names, seed=3):
    """Spans with keys of every type, sparse and dense; a few names have most of the spans."""
    random = Random(seed)
    spans = []
    for i in range(n_spans):
        name = f"name{i}" if i < n_names else f"name{random.randrange(3)}"
        chosen = {key: make(random) for key, make in KEYS.items() if random.random() < (0.02 if key == "rare" else 0.6)}
        spans.append(
            PlainSpan(
                name,
                trace_id=f"{i // 5:032x}",
                span_id=f"{i:016x}",
                service=random.choice(["web", "stock"]),
                start_ns=i,
                end_ns=i + 1,
                attributes=chosen,
                resource={"host": f"h{random.randrange(2)}"},
                events=[PlainEvent("retry", attributes={"attempt": i % 3})] if i % 4 == 0 else (),
            )
        )
    return traces_from_spans(spans)


def counted_by_hand(traces, asked):
    """Return by attribute: carriers by type, and how often each value occurs."""
    frame = traces.spans
    carriers, values = {}, {}
    rows = [
        row
        for row in range(traces.n_spans)
        if asked.name == frame["name"][row] and asked.service in (None, frame["service"][row])
    ]
    for row in rows:
        for key, value in traces.span_attributes(row).items():
            carriers.setdefault(key, Counter())[type(value)] += 1
            values.setdefault(key, Counter())[type(value), str(value)] += 1
    return len(rows), carriers, values


@pytest.mark.parametrize("n_names", [6, 2100], ids=["every name has its group", "rare names share one"])
def test_counts_are_those_of_looking_at_every_span(n_names):
    traces = some_spans(n_names + 300, n_names)
    vocabulary = vocabulary_of(traces)
    for name in ("name0", "name1", "name5"):
        for service in (None, "web", "stock"):
            asked = SpanName(name, service)
            n_spans, carriers, values = counted_by_hand(traces, asked)
            uses = {use.name: use for use in vocabulary.attributes.get(asked, ())}
            assert set(uses) == set(carriers)
            for key, use in uses.items():
                assert (use.n_carriers, use.n_spans) == (sum(carriers[key].values()), n_spans)
                assert len(use.types) == len(carriers[key])
                assert use.n_values == len(values[key])
                if key != "list":
                    found = {(type(v.value), str(v.value)): v.n_carriers for v in use.values}
                    assert found == values[key]


def test_attributes_stand_in_order_of_how_many_spans_carry_them():
    traces = some_spans(400, 6)
    for uses in vocabulary_of(traces).attributes.values():
        counts = [use.n_carriers for use in uses]
        assert counts == sorted(counts, reverse=True)


def test_all_spans_together_carry_what_each_of_them_carries():
    traces = some_spans(2400, 2100)
    total = Counter(key for row in range(traces.n_spans) for key in traces.span_attributes(row))
    assert {use.name: use.n_carriers for use in vocabulary_of(traces).attributes[None]} == total


def test_operations_are_counted_by_service_most_frequent_first():
    spans = [PlainSpan("b", span_id=f"{i:016x}", service="web") for i in range(1, 3)]
    spans += [PlainSpan("a", span_id="a" * 16, service="web"), PlainSpan("b", span_id="b" * 16, service="stock")]
    assert vocabulary_of(traces_from_spans(spans)).operations == (
        OperationUse("b", "web", 2),
        OperationUse("a", "web", 1),
        OperationUse("b", "stock", 1),
    )


def test_values_are_the_most_frequent_ones_and_not_too_many():
    spans = [
        PlainSpan("a", span_id=f"{i:016x}", attributes={"choice": i % MAX_CHOICES, "id": i, "long": "x" * 500})
        for i in range(1, MAX_CHOICES + 11)
    ]
    uses = {use.name: use for use in vocabulary_of(traces_from_spans(spans)).attributes[SpanName("a")]}
    assert (uses["id"].n_values, uses["id"].values) == (MAX_CHOICES + 10, ())
    assert (uses["long"].n_values, uses["long"].values) == (1, ())
    assert len(uses["choice"].values) == MAX_VALUES
    assert {use.n_carriers for use in uses["choice"].values[:10]} == {2}


def test_resources_are_counted_in_spans():
    spans = [
        PlainSpan("a", span_id=f"{i:016x}", service="s", resource={"host": "h1" if i < 3 else "h2"}) for i in range(5)
    ]
    uses = {use.name: use for use in vocabulary_of(traces_from_spans(spans)).resource_attributes}
    assert uses["host"] == AttributeUse("host", ("string",), 5, 5, 2, (ValueUse("h1", 3), ValueUse("h2", 2)))


def test_events_have_their_own_attributes():
    events = [PlainEvent("exception", attributes={"exception.type": "Timeout"}), PlainEvent("retry")]
    traces = traces_from_spans([PlainSpan("a", events=events, attributes={"own": 1})])
    vocabulary = vocabulary_of(traces)
    assert vocabulary.events == (EventUse("exception", 1), EventUse("retry", 1))
    assert [use.name for use in vocabulary.event_attributes["exception"]] == ["exception.type"]
    assert vocabulary.event_attributes["retry"] == ()


def test_a_name_nobody_carries_has_no_entry():
    vocabulary = vocabulary_of(traces_from_spans([PlainSpan("a", service="s")]))
    assert vocabulary.attributes.get(SpanName("b")) is None
    assert vocabulary.attributes.get(SpanName("a", "other")) is None
    assert SpanName("a", "s") in vocabulary.attributes


def test_no_traces_have_no_names():
    vocabulary = vocabulary_of(some_spans(10, 2).select([]))
    assert (vocabulary.operations, vocabulary.events, vocabulary.resource_attributes) == ((), (), ())
    assert vocabulary.attributes[None] == ()
    assert complete("trace.has(", 10, vocabulary)[0].text == "*"


def test_an_attribute_is_offered_under_the_name_it_has_in_the_data():
    traces = traces_from_spans([PlainSpan("a", attributes={"http.method": "GET"})])
    text = "trace.has(a).where(http."
    offered = [completion.text for completion in complete(text, len(text), vocabulary_of(traces))]
    assert offered[0] == "http.method"
    assert "http.request.method" not in offered


def test_values_of_the_data_are_offered_after_the_operator():
    vocabulary = vocabulary_of(some_spans(300, 6))
    text = "trace.has(name0).where(text == "
    offered = [completion.text for completion in complete(text, len(text), vocabulary)]
    assert set(offered[:3]) == {"red", "green", "blue"}
