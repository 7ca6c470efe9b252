"""Generated stores of traces, for what must hold of the engine whatever it is given.

Few names, few times and few values, so that spans meet: times touch and tie, values join, traces share keys.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import HealthCheck
from hypothesis import strategies as st

from fluo_lab.engine import Verdict, evaluate
from fluo_lab.language import RuleTree
from fluo_lab.traces import PlainEvent, PlainSpan, SpanKind, StatusCode, Traces, traces_from_spans

__all__ = [
    "CHECKS",
    "DOUBLES",
    "DURATIONS",
    "FIELDS",
    "NAMES",
    "NUMBERS",
    "SERVICES",
    "TEXTS",
    "Case",
    "cases",
    "skews",
    "span_id",
    "verdicts",
]

CHECKS = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large, HealthCheck.large_base_example]

NAMES = ["a", "b", "b.c", "GET /x", ""]
FIELDS = ["f", "g", "odd key"]
SERVICES = [None, "shop", "pay"]
TEXTS = ["", "a", "ab", "5", "5.0", "1e2", "true", "TRUE", "NaN", "é", "x y"]
NUMBERS = [0, 1, 2, 5, -3, 2**53, 2**53 + 1, 2**63 - 1, -(2**63)]
DOUBLES = [0.0, -0.0, 0.5, 2.0, 5.0, 1e300, 2.0**53, float("inf"), float("-inf"), float("nan")]
SHARED = [1, 2, 5, 5.0, "5", "a", "a", float("nan"), "NaN", True]
DURATIONS = [0, 1, 2, 3, 5]  # nanoseconds, as the times of spans are

skews = st.sampled_from([0, 0, 0, 0, 1, 2])
"""How far clocks may differ, in nanoseconds."""

_values = st.one_of(
    st.sampled_from(SHARED),
    st.sampled_from([*TEXTS, *NUMBERS, *DOUBLES, False]),
    st.one_of(
        st.binary(max_size=2),
        st.lists(st.sampled_from(["a", 5, 5.0, True, "5"]), max_size=3),
        st.just({"k": 1}),
    ),
)
_shared = st.fixed_dictionaries({"f": st.sampled_from(SHARED)}, optional={"g": st.sampled_from(SHARED)})
_attributes = st.one_of(_shared, _shared, st.dictionaries(st.sampled_from(FIELDS), _values, max_size=3))
_one_attribute = st.just({}) | st.dictionaries(st.sampled_from(FIELDS), _values, max_size=1)
_events = st.lists(
    st.builds(PlainEvent, name=st.sampled_from(["boom", "a"]), time_ns=st.integers(0, 9), attributes=_one_attribute),
    max_size=2,
)
_further = st.one_of(
    st.just({}),
    st.just({}),
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(SpanKind),
            "status": st.sampled_from(StatusCode),
            "status_message": st.sampled_from([None, "", "a"]),
            "resource": _one_attribute,
            "scope_name": st.sampled_from([None, "a"]),
            "scope": _one_attribute,
            "events": _events,
        }
    ),
)


@dataclass(frozen=True)
class Case:
    """Spans of some traces, and the ids of those that are declared incomplete."""

    spans: list[PlainSpan]
    declared: tuple[str, ...]

    def trace_ids(self) -> list[str]:
        return sorted({span.trace_id for span in self.spans})

    def of_trace(self, trace_id: str) -> list[PlainSpan]:
        return [span for span in self.spans if span.trace_id == trace_id]

    def __repr__(self) -> str:
        lines = [
            ", ".join(f"{f.name}={v!r}" for f in dataclasses.fields(s) if (v := getattr(s, f.name)) != f.default and v)
            for s in sorted(self.spans, key=lambda s: (s.trace_id, s.start_ns))
        ]
        return "\n".join([f"spans, declared incomplete {self.declared}:", *lines])

    def _repr_pretty_(self, printer, _is_cycle) -> None:
        printer.text(repr(self))

    def store(self) -> Traces:
        return traces_from_spans(self.spans, incomplete=self.declared)


def span_id(number: int) -> str:
    return f"{number:016x}"


@st.composite
def _parents(draw, n, is_tree):
    """Draw for each of some spans the number of its parent, None for a root; 98 and 99 are not there."""
    if is_tree:
        return [None, *(draw(st.integers(0, i)) for i in range(n - 1))]
    anywhere = st.one_of(st.none(), st.integers(0, n - 1), st.integers(0, n - 1), st.sampled_from([98, 99]))
    return [draw(anywhere) for _ in range(n)]


_NAMES_OF_SPANS = [*NAMES, *"aaaabbbb", "c", "c"]


@st.composite
def cases(draw, *, max_traces=6, has_repeats=True):
    """Draw a case; with ``has_repeats`` a span now and then has the id of another."""
    spans, declared = [], []
    for number in range(draw(st.integers(1, max_traces))):
        trace_id = f"{number + 1:032x}"
        n = draw(st.sampled_from([1, 2, 3, 4, 4, 5, 5, 6]))
        parents = draw(_parents(n, draw(st.booleans())))
        if draw(st.integers(0, 3)) == 0:
            declared.append(trace_id)
        repeats_one = has_repeats and n > 2 and draw(st.integers(0, 7)) == 0
        for i, parent in enumerate(parents):
            start = draw(st.integers(0, 7))
            spans.append(
                PlainSpan(
                    draw(st.sampled_from(_NAMES_OF_SPANS)),
                    trace_id=trace_id,
                    span_id=span_id(1 if repeats_one and i == n - 1 else i),
                    parent_span_id=None if parent is None else span_id(parent),
                    service=draw(st.sampled_from(SERVICES)),
                    start_ns=start,
                    end_ns=start + draw(st.integers(0, 4)),
                    attributes=draw(_attributes),
                    **draw(_further),
                )
            )
    return Case(draw(st.permutations(spans)), tuple(declared))


def verdicts(batch: Sequence[RuleTree], store: Traces, **options) -> list[dict[str, str]]:
    """The engine's verdicts, by trace id, one mapping a rule."""
    ids = store.traces["trace_id"].to_list()
    codes = evaluate(batch, store, **options).verdicts.tolist()
    return [dict(zip(ids, [Verdict(code).label for code in row], strict=True)) for row in codes]
