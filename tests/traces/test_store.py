import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from fluo_lab.errors import UsageError
from fluo_lab.traces import PlainEvent, PlainSpan, Structure, Traces, ValueType, traces_from_spans
from fluo_lab.traces import attributes as attributes_module
from fluo_lab.traces.build import TracesBuilder
from fluo_lab.traces.parquet import is_own_parquet, read_batches, read_findings


def span(name: str, number: int, *, trace: int = 1, parent: int | None = None, start: int = 0, **kwargs) -> PlainSpan:
    return PlainSpan(
        name,
        trace_id=f"{trace:032x}",
        span_id=f"{number:016x}",
        parent_span_id=None if parent is None else f"{parent:016x}",
        start_ns=start,
        end_ns=kwargs.pop("end", start + 10),
        **kwargs,
    )


def contents(traces: Traces) -> list[tuple]:
    """Everything about every span, in order."""
    return [
        (
            row,
            traces.span_attributes(i),
            traces.resource_attributes(i),
            traces.scope_attributes(i),
        )
        for i, row in enumerate(traces.spans.rows())
    ]


MIXED = [
    span("pay", 1, service="shop", attributes={"amount": 5, "note": "x", "tags": ["a", 1, True]}),
    span("pay", 2, parent=1, start=3, service="shop", attributes={"amount": 2.5, "raw": b"\x00\x01"}),
    span("pay", 3, parent=1, start=2, attributes={"amount": "five", "deep": {"k": {"l": 1}}}),
    span(
        "log",
        4,
        trace=2,
        parent=9,
        start=1,
        scope_name="lib",
        scope={"x": 1},
        events=[PlainEvent("boom", 7, {"why": "y"})],
    ),
]


def test_a_key_with_several_types_keeps_every_value_as_it_is():
    traces = traces_from_spans(MIXED)
    group = traces.attribute_table.group_of(traces.name_dictionary.codes(["pay"])["pay"])
    assert group.types_of("amount") == (ValueType.TEXT, ValueType.INT, ValueType.DOUBLE)
    assert [traces.span_attributes(row)["amount"] for row in range(3)] == [5, "five", 2.5]
    assert traces.span_attributes(0)["tags"] == ["a", 1, True]
    assert traces.span_attributes(2)["raw"] == b"\x00\x01"


def test_spans_are_sorted_by_trace_and_start_and_know_their_parents():
    traces = traces_from_spans(reversed(MIXED))
    assert traces.spans["span_id"].to_list() == [f"{n:016x}" for n in (1, 3, 2, 4)]
    assert traces.table["parent_row"].to_list() == [-1, 0, 0, -2]
    assert traces.traces["is_incomplete"].to_list() == [False, True]
    assert traces.spans["service"].to_list() == ["shop", "unknown_service", "shop", "unknown_service"]


def test_saving_and_reading_back_gives_equal_frames(tmp_path):
    traces = traces_from_spans(MIXED, incomplete=[f"{1:032x}"])
    path = traces.save(tmp_path / "t.parquet")
    builder = TracesBuilder()
    for batch in read_batches(path):
        builder.add(batch)
    again = builder.finish(findings=read_findings(path))
    assert is_own_parquet(path)
    assert_frame_equal(again.spans, traces.spans)
    assert_frame_equal(again.traces, traces.traces)
    assert_frame_equal(again.events, traces.events)
    assert contents(again) == contents(traces)
    assert list(tmp_path.iterdir()) == [path]


def test_selecting_a_trace_keeps_all_that_hangs_on_it():
    traces = traces_from_spans(MIXED)
    one = traces.select([f"{2:032x}"])
    assert one.n_traces == 1
    assert one.name_dictionary.values.to_list() == ["log"]
    assert one.events["name"].to_list() == ["boom"]
    assert contents(one) == contents(traces)[3:]
    assert traces.filter(pl.col("n_spans") == 3).n_spans == 3


def test_an_unknown_trace_id_is_a_clear_error():
    with pytest.raises(UsageError, match="no trace has the id 'nope' among 2"):
        traces_from_spans(MIXED).trace("nope")


def test_a_trace_is_decoded_with_attributes_and_events():
    trace = traces_from_spans(MIXED).trace(f"{2:032x}")
    assert trace.events == ((("boom", 7),),)
    assert trace.is_incomplete
    assert trace.duration_ns == 10


def test_the_profile_counts_spans_traces_and_errors():
    profile = traces_from_spans(MIXED).profile()
    row = profile.filter(pl.col("service") == "shop").row(0, named=True)
    assert (row["name"], row["spans"], row["traces"], row["traces_pct"]) == ("pay", 2, 1, 50.0)


def test_an_attribute_given_twice_keeps_the_last_value_and_is_reported():
    traces = traces_from_spans(MIXED)
    builder = TracesBuilder()
    builder.add(_twice(traces))
    again = builder.finish()
    assert again.span_attributes(0)["amount"] == 7
    assert again.problems.filter(pl.col("what").str.contains("twice"))["n"].to_list() == [2]


def _twice(traces: Traces):
    from dataclasses import replace

    from fluo_lab.traces import AttributeRows
    from fluo_lab.traces.unbuild import to_batch

    batch = to_batch(traces, np.ones(traces.n_spans, dtype=np.bool_))
    rows = batch.attributes
    key = rows.keys.to_list().index("amount")
    extra = pl.DataFrame(
        {
            "owner": [0, 0],
            "key": [key, key],
            "type": [3, 2],
            "text": [None, None],
            "int": [None, 7],
            "double": [6.5, None],
            "bool": [None, None],
        },
        schema=rows.frame.schema,
    )
    return replace(batch, attributes=AttributeRows(pl.concat([rows.frame, extra]), rows.keys, rows.texts))


def test_a_hundred_thousand_names_share_groups_and_lose_no_value(monkeypatch):
    monkeypatch.setattr(attributes_module, "DENSE_NAMES", 4)
    users = [0 if n % 2 else n % 9 for n in range(200)]
    spans = [
        span(f"GET /users/{user}", n + 1, start=n, attributes={"n": n, f"k{n % 3}": str(n)})
        for n, user in enumerate(users)
    ]
    traces = traces_from_spans(spans)
    assert len(traces.attribute_table.groups) == 2
    assert [traces.span_attributes(row) for row in range(200)] == [dict(s.attributes) for s in spans]
    assert traces.attributes("GET /users/8")["n"].to_list() == [n for n, user in enumerate(users) if user == 8]


@st.composite
def forests(draw):
    """Parents of up to 30 spans: none, one that is not there, or any span, cycles included."""
    n = draw(st.integers(1, 30))
    return [draw(st.one_of(st.none(), st.integers(0, n + 1))) for _ in range(n)]


@settings(max_examples=200, deadline=None)
@given(forests())
def test_structure_agrees_with_walking_the_tree(parents):
    traces = traces_from_spans([span("a", n, parent=p, start=n) for n, p in enumerate(parents)])
    n = len(parents)
    resolved = [p if p is not None and p < n else None for p in parents]

    def ancestors(i):
        seen, at = [], resolved[i]
        while at is not None:
            if at in seen or at == i:
                return None
            seen.append(at)
            at = resolved[at]
        return seen

    lines = [ancestors(i) for i in range(n)]
    looping = [line is None or any(lines[a] is None for a in line) for line in lines]
    structure = traces.structure
    assert structure.depth.tolist() == [-1 if loops else len(line) for loops, line in zip(looping, lines, strict=True)]
    tree = [i for i in range(n) if not looping[i]]
    for i in tree:
        inside = {j for j in tree if i in lines[j]}
        first, size = structure.preorder[i], structure.subtree_size[i]
        assert size == len(inside) + 1
        assert {j for j in tree if first < structure.preorder[j] < first + size} == inside
    assert len({structure.preorder[i] for i in tree}) == len(tree)
    has_root = any(p is None for p in parents)
    whole = has_root and all(p is None or p < n for p in parents) and not any(looping)
    assert bool(traces.traces["is_incomplete"][0]) is not whole


def test_a_chain_of_100000_parents_is_walked_without_recursion():
    parent = np.arange(-1, 99_999, dtype=np.int64)
    structure = Structure.of(parent)
    assert structure.depth[-1] == 99_999
    assert structure.subtree_size[0] == 100_000
    assert structure.preorder.tolist() == list(range(100_000))
