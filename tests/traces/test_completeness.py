"""What traces are known to lack: structure, window, truncation, repeated ids, sampling, and the frame for people."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fluo_lab.traces import PlainEvent, PlainSpan, Traces, TracesBuilder, traces_from_spans
from fluo_lab.traces.batch import AttributeRows, SpanBatch
from fluo_lab.traces.completeness import COMPLETENESS
from fluo_lab.traces.sampling import trace_state_probabilities
from fluo_lab.traces.schema import ATTRIBUTE_ROWS, LINKS, RAW_SPANS, ValueType
from fluo_lab.traces.structure import repeats_id
from fluo_lab.traces.truncation import TextLimits
from fluo_lab.traces.unbuild import to_batch

HOUR = 3_600_000_000_000


def span(name: str, number: int, *, trace: int = 1, parent: int | None = None, start: int = 1, **kwargs) -> PlainSpan:
    return PlainSpan(
        name,
        trace_id=f"{trace:032x}",
        span_id=f"{number:016x}",
        parent_span_id=None if parent is None else f"{parent:016x}",
        start_ns=start,
        end_ns=kwargs.pop("end", start + 10),
        **kwargs,
    )


def batch_of(traces: Traces) -> SpanBatch:
    return to_batch(traces, np.ones(traces.n_spans, dtype=np.bool_))


def finished(*batches: SpanBatch, **known) -> Traces:
    builder = TracesBuilder()
    for batch in batches:
        builder.add(batch)
    return builder.finish(**known)


def with_columns(traces: Traces, **columns: list) -> Traces:
    """The same spans with some columns replaced, rows in the order of the store."""
    batch = batch_of(traces)
    new = [pl.Series(name, values, dtype=RAW_SPANS[name]) for name, values in columns.items()]
    return finished(replace(batch, spans=batch.spans.with_columns(new)))


# --- truncated values ------------------------------------------------------------------------------------------


def texts_of(*values: object, key: str = "note") -> Traces:
    """One trace a value."""
    return traces_from_spans(span("a", 1, trace=n + 1, attributes={key: value}) for n, value in enumerate(values))


def n_truncated(traces: Traces) -> list[int]:
    return traces.traces["n_truncated_values"].to_list()


def cut(length: int, *, n: int = 3, letter: str = "x") -> list[str]:
    return [f"{number:02d}".ljust(length, letter) for number in range(n)]


@pytest.mark.parametrize("limit", [128, 255, 1024, 4095, 65535])
def test_three_distinct_longest_texts_at_a_usual_limit_were_cut(limit):
    traces = texts_of(*cut(limit), "short")
    assert traces.text_limits == TextLimits(characters=limit, bytes=limit)
    assert n_truncated(traces) == [1, 1, 1, 0]


@pytest.mark.parametrize(
    "values",
    [
        cut(255, n=2),  # too few
        [cut(255)[0]] * 5,  # one text, five times
        [*cut(255), "y" * 256],  # something is longer
        cut(254),  # no usual limit
        cut(64),  # so long are ids and digests
        [f"{n:0128x}" for n in range(9)],  # SHA-512 in hexadecimal digits
    ],
)
def test_long_texts_alone_show_no_limit(values):
    traces = texts_of(*values)
    assert traces.text_limits == TextLimits()
    assert sum(n_truncated(traces)) == 0


def test_a_limit_in_characters_is_not_one_in_bytes():
    traces = texts_of(*cut(255, letter="é"))
    assert traces.text_limits == TextLimits(characters=255)
    assert n_truncated(traces) == [1, 1, 1]
    in_bytes = texts_of(*(f"{n:02d}é".ljust(254, "x") for n in range(3)))
    assert in_bytes.text_limits == TextLimits(bytes=255)
    assert n_truncated(in_bytes) == [1, 1, 1]


def test_a_text_of_2048_bytes_was_cut_by_tempo_whatever_the_others_are():
    traces = texts_of("x" * 2048, "é" * 1024, "x" * 2047, "y" * 9000)
    assert traces.text_limits == TextLimits()
    assert n_truncated(traces) == [1, 1, 0, 0]


def test_arrays_and_bytes_are_neither_cut_nor_longer_texts():
    long_list = ["word" * 100]
    traces = texts_of(*cut(255), long_list, b"\0" * 500)
    assert traces.text_limits.characters == 255
    assert n_truncated(traces) == [1, 1, 1, 0, 0]
    assert texts_of(b"\0" * 96, b"\1" * 96, b"\2" * 96).text_limits == TextLimits()  # 128 characters of base64 each


def test_values_of_events_links_and_resources_count_too():
    long = "x" * 2048
    traces = traces_from_spans(
        [
            span("a", 1, attributes={"k": long, "l": long}, resource={"r": long}, scope={"s": long}),
            span("b", 2, parent=1, events=[PlainEvent("e", attributes={"k": long})], resource={"r": long}),
            span("c", 3, trace=2),
        ]
    )
    assert n_truncated(traces) == [5, 0]  # the resource is the same one, counted once
    rows = pl.DataFrame([(0, 0, int(ValueType.TEXT), 0, None, None, None)], schema=ATTRIBUTE_ROWS, orient="row")
    linked = replace(
        batch_of(traces),
        links=pl.DataFrame([(2, "0" * 32, "1" * 16, None, 0, 0)], schema=LINKS, orient="row"),
        link_attributes=AttributeRows(rows, keys=pl.Series(["k"]), texts=pl.Series([long])),
    )
    assert n_truncated(finished(linked)) == [5, 1]


def test_a_selection_knows_the_limits_of_the_whole():
    traces = texts_of(*cut(512), "short")
    one = traces.filter(pl.col("n_truncated_values") > 0).select([f"{2:032x}"])
    assert one.text_limits == traces.text_limits
    assert n_truncated(one) == [1]


# --- repeated span ids -----------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), min_size=1, max_size=30),
    st.sampled_from(["{:016x}", "span-{}"]),
)
def test_rows_whose_id_occurred_before_in_their_trace_are_counted(rows, pattern):
    rows = sorted(rows, key=lambda row: row[0])
    spans = pl.DataFrame(
        {
            "trace": [trace for trace, _ in rows],
            "span_id": [pattern.format(number) for _, number in rows],
            "parent_span_id": [None] * len(rows),
        },
        schema={"trace": pl.UInt32, "span_id": pl.String, "parent_span_id": pl.String},
    )
    assert repeats_id(spans).tolist() == [row in rows[:at] for at, row in enumerate(rows)]


def test_repeated_span_ids_leave_a_trace_complete():
    traces = traces_from_spans([span("a", 1), span("b", 1), span("c", 1), span("d", 1, trace=2)])
    assert traces.traces["n_duplicate_spans"].to_list() == [2, 0]
    assert traces.n_incomplete == 0


# --- the window ------------------------------------------------------------------------------------------------


def at_edge(*, window: tuple[int, int] | None = None, edge_ns: int = 0) -> list[bool]:
    """Traces that start at 100, 105, 200 and 290, and last 10 ns each."""
    traces = traces_from_spans([span("a", 1, trace=n, start=start) for n, start in enumerate((100, 105, 200, 290))])
    again = finished(batch_of(traces), window=window, edge_ns=edge_ns)
    assert again.traces["is_incomplete"].equals(again.traces["is_at_window_edge"].alias("is_incomplete"))
    return again.traces["is_at_window_edge"].to_list()


def test_without_a_window_nothing_is_at_its_edge():
    assert at_edge() == [False] * 4


def test_with_no_edge_only_traces_that_touch_the_window_may_be_cut():
    assert at_edge(window=(100, 300)) == [True, False, False, True]
    assert at_edge(window=(99, 301)) == [False] * 4


def test_within_the_edge_traces_may_be_cut():
    assert at_edge(window=(95, 305), edge_ns=5) == [True, False, False, True]
    assert at_edge(window=(95, 305), edge_ns=10) == [True, True, False, True]


def test_a_trace_that_goes_on_after_the_window_may_be_cut():
    assert at_edge(window=(50, 210)) == [False, False, True, True]
    assert at_edge(window=(-(2**63), 2**63), edge_ns=2**63) == [True] * 4


def test_a_window_that_is_empty_and_an_edge_below_zero_are_errors():
    with pytest.raises(ValueError, match="window ends at 5, not after its start 5"):
        at_edge(window=(5, 5))
    with pytest.raises(ValueError, match="edge_ns is -1"):
        at_edge(window=(5, 6), edge_ns=-1)


def test_a_selection_remembers_what_was_at_the_edge():
    traces = traces_from_spans([span("a", 1, trace=n, start=n * HOUR) for n in range(1, 4)], incomplete=[f"{2:032x}"])
    read = finished(batch_of(traces), window=(HOUR, 9 * HOUR), incomplete=[f"{2:032x}"])
    kept = read.select([f"{1:032x}", f"{2:032x}"]).filter(pl.col("n_spans") == 1)
    assert kept.traces["is_at_window_edge"].to_list() == [True, False]
    assert kept.traces["is_declared_incomplete"].to_list() == [False, True]
    assert kept.n_incomplete == 2


# --- sampling --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "probability"),
    [
        ("ot=th:0", 1.0),
        ("ot=th:8", 0.5),
        ("ot=th:c", 0.25),
        ("ot=th:fffffffffffff0", 2.0**-52),
        ("ot=th:ffffffffffffff", 2.0**-56),
        ("ot=rv:abcdefabcdefab;th:c", 0.25),
        ("vendor=x,ot=th:c;rv:1", 0.25),
        ("vendor=x, ot=th:c", 0.25),
        ("ot=p:0", 1.0),
        ("ot=p:3;r:5", 0.125),
        ("ot=p:62", 2.0**-62),
        ("ot=p:2;th:8", 0.5),  # the newer one counts
        ("ot=p:63", None),  # kept for another reason
        ("ot=p:64", None),
        ("ot=p:100", None),
        ("ot=th:", None),
        ("ot=th:C", None),
        ("ot=th:fffffffffffffff", None),  # 15 digits
        ("ot=xth:c", None),
        ("not=th:c", None),
        ("vendor=th:c", None),
        ("", None),
    ],
)
def test_a_trace_state_tells_its_probability(state, probability):
    assert trace_state_probabilities(pl.Series([state])).to_list() == [probability]


@settings(deadline=None, max_examples=200)
@given(st.integers(0, (1 << 56) - 1))
def test_a_threshold_without_its_trailing_zeros_says_the_same(threshold):
    digits = f"{threshold:014x}".rstrip("0") or "0"
    expected = ((1 << 56) - threshold) / (1 << 56)
    assert trace_state_probabilities(pl.Series([f"ot=th:{digits}"])).to_list() == [expected]


@settings(deadline=None, max_examples=100)
@given(st.lists(st.text(alphabet="ot=hp:;,0123456789abcdef \té", max_size=20), min_size=1))
def test_any_trace_state_gives_a_probability_or_none(states):
    for probability in trace_state_probabilities(pl.Series(states)):
        assert probability is None or 0 < probability <= 1


def test_the_smallest_probability_counts_and_different_ones_are_uneven():
    spans = [span("a", 1), span("b", 2, parent=1), span("a", 1, trace=2), span("b", 2, trace=2, parent=1)]
    traces = with_columns(traces_from_spans(spans), trace_state=["ot=th:8", "ot=th:c", "ot=th:8", None])
    assert traces.traces["sampling_probability"].to_list() == [0.25, 0.5]
    assert traces.traces["is_unevenly_sampled"].to_list() == [True, False]
    assert traces.n_incomplete == 0


def test_nothing_is_known_where_nobody_says_it():
    traces = with_columns(traces_from_spans([span("a", 1)]), trace_state=["vendor=1"])
    assert traces.traces["sampling_probability"].to_list() == [None]
    assert traces.traces["sampling_probability"].dtype == pl.Float64
    assert traces.traces["is_unevenly_sampled"].to_list() == [False]


@pytest.mark.parametrize(
    ("tags", "probability"),
    [
        ({"sampler.type": "probabilistic", "sampler.param": 0.1}, 0.1),
        ({"sampler.type": "probabilistic", "sampler.param": 1}, 1.0),
        ({"sampler.type": "probabilistic", "sampler.param": "0.5"}, 0.5),
        ({"sampler.type": "probabilistic", "sampler.param": 0.0}, None),
        ({"sampler.type": "probabilistic", "sampler.param": 7}, None),
        ({"sampler.type": "probabilistic", "sampler.param": float("nan")}, None),
        ({"sampler.type": "probabilistic", "sampler.param": "often"}, None),
        ({"sampler.type": "probabilistic", "sampler.param": True}, None),
        ({"sampler.type": "probabilistic"}, None),
        ({"sampler.type": "const", "sampler.param": 1}, None),
        ({"sampler.type": 5, "sampler.param": 0.1}, None),
        ({"sampler.param": 0.1}, None),
    ],
)
def test_jaegers_sampler_tags_tell_the_probability(tags, probability):
    traces = traces_from_spans([span("a", 1, attributes=tags), span("b", 2, parent=1)])
    assert traces.traces["sampling_probability"].to_list() == [probability]


def test_the_trace_state_counts_before_the_tags():
    tags = {"sampler.type": "probabilistic", "sampler.param": 0.1}
    spans = [span("a", 1, attributes=tags), span("a", 1, trace=2, attributes=tags)]
    traces = with_columns(traces_from_spans(spans), trace_state=["ot=th:8", None])
    assert traces.traces["sampling_probability"].to_list() == [0.5, 0.1]


# --- the frame for people --------------------------------------------------------------------------------------


def test_complete_traces_give_an_empty_frame():
    frame = traces_from_spans([span("a", 1)]).completeness
    assert frame.schema == COMPLETENESS
    assert frame.is_empty()
    assert finished(SpanBatch(spans=pl.DataFrame(schema=RAW_SPANS))).completeness.is_empty()


def test_the_frame_says_what_makes_traces_incomplete_first_and_then_by_number():
    spans = [
        span("orphan", 1, trace=1, parent=9, start=1),
        span("orphan", 1, trace=2, parent=9, start=2),
        span("root", 2, trace=2, start=2),
        span("loop", 1, trace=3, parent=2, start=3),
        span("loop", 2, trace=3, parent=1, start=3),
        span("twice", 1, trace=4, start=4),
        span("twice", 1, trace=4, start=4),
        span("fine", 1, trace=5, start=5),
    ]
    plain = with_columns(
        traces_from_spans(spans),
        dropped_attributes=[0] * 7 + [4],
        dropped_events=[0] * 7 + [1],
        dropped_links=[1] * 8,
        trace_state=[None, "ot=th:8", "ot=th:c", *[None] * 5],
    )
    traces = finished(batch_of(plain), incomplete=[f"{5:032x}"], window=(0, 15))
    rows = [(reason, is_incomplete, n, int(trace_id, 16)) for reason, is_incomplete, n, _, trace_id in
            traces.completeness.rows()]  # fmt: skip
    assert rows == [
        ("no root", True, 2, 1),
        ("orphans", True, 2, 1),
        ("cycle", True, 1, 3),
        ("declared", True, 1, 5),
        ("window edge", True, 1, 5),
        ("dropped links", False, 5, 1),
        ("dropped attributes", False, 1, 5),
        ("dropped events", False, 1, 5),
        ("duplicate span ids", False, 1, 4),
        ("uneven sampling", False, 1, 2),
    ]
    assert traces.completeness["traces_pct"].to_list()[:3] == [40.0, 40.0, 20.0]
    assert traces.traces["is_incomplete"].to_list() == [True, True, True, False, True]


def test_dropped_counts_add_up_beyond_32_bits():
    traces = with_columns(traces_from_spans([span("a", 1), span("b", 2)]), dropped_attributes=[2**31, 2**31])
    assert traces.traces["dropped_attributes"].to_list() == [2**32]


def test_what_is_only_reported_beside_changes_no_verdict():
    traces = with_columns(
        texts_of(*cut(128), "fine"),
        dropped_attributes=[1, 0, 0, 0],
        trace_state=["ot=th:8", "ot=th:c", None, None],
    )
    assert traces.n_incomplete == 0
    assert traces.completeness["is_incomplete"].any() is False
