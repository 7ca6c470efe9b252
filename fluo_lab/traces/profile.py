"""What is in the traces: one row a service and span name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from fluo_lab.traces.store import Traces

__all__ = ["profile"]


def profile(traces: Traces) -> pl.DataFrame:
    """Return counts, error share, durations and attribute keys by service and span name, most frequent first."""
    n_keys = pl.Series(
        [
            len({key for key, _ in traces.attribute_table.group_of(code).keys})
            for code in range(len(traces.name_dictionary))
        ],
        dtype=pl.Int64,
    )
    duration_ms = (pl.col("end_ns") - pl.col("start_ns")) / 1e6
    return (
        traces.table.lazy()
        .group_by("service", "name")
        .agg(
            pl.len().alias("spans"),
            pl.col("trace").n_unique().alias("traces"),
            (100 * (pl.col("status") == 2).mean()).alias("error_pct"),
            duration_ms.median().alias("p50_ms"),
            duration_ms.quantile(0.99).alias("p99_ms"),
        )
        .with_columns(traces_pct=100 * pl.col("traces") / traces.n_traces)
        .collect()
        .with_columns(
            pl.col("name").map_batches(n_keys.gather, return_dtype=pl.Int64).alias("attributes"),
            pl.col("service").map_batches(traces.service_dictionary.decode, return_dtype=pl.String),
            pl.col("name").map_batches(traces.name_dictionary.decode, return_dtype=pl.String),
        )
        .sort(["spans", "service", "name"], descending=[True, False, False])
        .select("service", "name", "spans", "traces", "traces_pct", "error_pct", "p50_ms", "p99_ms", "attributes")
    )
