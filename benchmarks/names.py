"""A name per user: rules over a million spans with 100,000 distinct names, beside one Polars ``group_by``.

    python -m benchmarks.names [--spans N]

Names beyond the most frequent share one group of sparse columns; this says what that costs. CPU seconds, all threads,
medians; violation counts must agree.
"""

from __future__ import annotations

import argparse

import numpy as np
import polars as pl

from benchmarks.engine import cpu_seconds
from fluo_lab.engine import evaluate
from fluo_lab.language import parse_rule
from fluo_lab.traces import AttributeRows, SpanBatch, Traces, TracesBuilder
from fluo_lab.traces.schema import ATTRIBUTE_ROWS, RAW_SPANS, SCOPES

SPANS_PER_TRACE = 10
N_NAMES = 100_000


def make_traces(n_spans: int) -> tuple[Traces, np.ndarray]:
    """Return traces of ten spans named after a random user, and the user of every span."""
    user = np.random.default_rng(1).integers(0, N_NAMES, n_spans)
    row = np.arange(n_spans)
    spans = pl.DataFrame(
        {
            "trace_id": [f"{i // SPANS_PER_TRACE:032x}" for i in row],
            "span_id": [f"{i + 1:016x}" for i in row],
            "name": [f"GET /users/{u}" for u in user],
            "start_ns": row,
            "end_ns": row + 5,
        }
    )
    empty = {name: pl.lit(0) for name in RAW_SPANS if name not in spans.columns}
    empty |= {name: pl.lit(None) for name in ("parent_span_id", "status_message", "trace_state")}
    attributes = pl.DataFrame({"owner": row, "key": 0, "type": 2, "int": user}).with_columns(
        text=None, double=None, bool=None
    )
    builder = TracesBuilder()
    builder.add(
        SpanBatch(
            spans=spans.with_columns(**empty).select(list(RAW_SPANS)).cast(RAW_SPANS),
            attributes=AttributeRows(
                attributes.select(list(ATTRIBUTE_ROWS)).cast(ATTRIBUTE_ROWS), keys=pl.Series(["user"])
            ),
            n_resources=1,
            scopes=pl.DataFrame({"name": ["users"], "version": [None]}, schema=SCOPES),
        )
    )
    return builder.finish(), user


def main(arguments: list[str] | None = None) -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--spans", type=int, default=1_000_000)
    n_spans = parser.parse_args(arguments).spans // SPANS_PER_TRACE * SPANS_PER_TRACE
    seconds, (traces, user) = cpu_seconds(lambda: make_traces(n_spans), 1)
    print(f"{traces.n_spans:,} spans, {len(traces.name_dictionary):,} names; made in {seconds:.1f} s CPU")
    wide = pl.DataFrame(
        {"trace": traces.trace_of, "name": traces.name_dictionary.decode(traces.table["name"]), "user": user}
    )
    is_user = pl.col("name").str.starts_with("GET /users/")
    contests = {
        'when { has("GET /users/*").where(user > 99000) } always { count("GET /users/*").where(user > 500) == 10 }': (
            (is_user & (pl.col("user") > 99_000)).any() & ((is_user & (pl.col("user") > 500)).sum() != SPANS_PER_TRACE)
        ),
        'when { has("GET /users/77") } always { has("GET /users/78") }': (
            (pl.col("name") == "GET /users/77").any() & ~(pl.col("name") == "GET /users/78").any()
        ),
    }
    for text, violated in contests.items():
        trees = [parse_rule(text)]
        ours, found = cpu_seconds(lambda trees=trees: evaluate(trees, traces).counts(0).violation, 5)
        peer = wide.group_by("trace").agg(violated.alias("v"))["v"].sum()
        theirs, _ = cpu_seconds(lambda violated=violated: wide.group_by("trace").agg(violated.alias("v")), 3)
        assert found == peer, f"{found} violations against {peer}"
        print(f"{ours:.3f} s against {theirs:.3f} s ({theirs / ours:.1f} times), {found:,} violations: {text}")


if __name__ == "__main__":
    main()
