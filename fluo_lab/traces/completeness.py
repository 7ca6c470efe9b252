"""What each trace is known to lack, and what else makes its answers less sure.

Two kinds of facts stand side by side. A trace without a root, with orphans, with a cycle of parents, declared
incomplete or at the edge of the window that was read is *incomplete*: spans may be missing, and verdicts take that into
account. Dropped attributes, events and links, values cut by a limit, repeated span ids and uneven sampling change no
verdict; they are reported beside it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fluo_lab.traces.attributes import AttributeTable
from fluo_lab.traces.dictionary import Dictionary
from fluo_lab.traces.schema import ValueType

if TYPE_CHECKING:
    from fluo_lab.traces.tables import EventTable, LinkTable, ResourceTable, ScopeTable

__all__ = [
    "COMPLETENESS",
    "TEXT_LIMITS",
    "Tables",
    "TextLimits",
    "Window",
    "caveats_of",
    "completeness_frame",
    "count_truncated",
    "describe_traces",
    "find_text_limits",
    "sampling_probabilities",
    "trace_state_probabilities",
]

Counts = NDArray[np.int64]
Mask = NDArray[np.bool_]

TEXT_LIMITS = (128, 255, 256, 512, 1000, 1023, 1024, 2000, 4000, 4095, 4096, 8191, 8192, 16384, 32768, 65535)
"""Lengths at which SDKs and backends are usually told to cut values. 64 is none: ids and digests are that long."""

_TEMPO_LIMIT_BYTES = 2048
"""Grafana Tempo's default ``max_attribute_bytes``."""

_PILE_UP = 3
"""So many distinct texts of one length are no accident."""

_HEXADECIMAL = r"\A[0-9A-Fa-f]+\z"


@dataclass(frozen=True, slots=True)
class TextLimits:
    """The lengths at which the texts of a store were cut, None where nothing shows one."""

    characters: int | None = None
    bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """The start times an input was cut to.

    Attributes
    ----------
    start_ns, end_ns
        Spans that start in ``[start_ns, end_ns)`` were kept.
    edge_ns
        How near to either end a trace may have lost spans; 0: only where it touches the end.

    Raises
    ------
    ValueError
        When the window is empty or the edge negative.
    """

    start_ns: int
    end_ns: int
    edge_ns: int = 0

    def __post_init__(self) -> None:
        if self.start_ns >= self.end_ns:
            raise ValueError(f"the window ends at {self.end_ns}, not after its start {self.start_ns}")
        if self.edge_ns < 0:
            raise ValueError(f"edge_ns is {self.edge_ns}: give a time of 0 ns or more")

    def touches(self) -> pl.Expr:
        """Return whether a trace, by its ``start_ns`` and ``end_ns``, may be cut by the window."""
        # Python's integers have no end, those of a column do.
        first, last = self.start_ns + self.edge_ns, self.end_ns - self.edge_ns
        return (pl.col("start_ns") <= min(first, 2**63 - 1)) | (pl.col("end_ns") >= max(last, -(2**63)))


@dataclass(frozen=True, slots=True)
class Tables:
    """What hangs on the spans of a store."""

    attributes: AttributeTable
    resources: ResourceTable
    scopes: ScopeTable
    events: EventTable
    links: LinkTable

    def attribute_tables(self) -> tuple[AttributeTable, ...]:
        """Return the attributes of every kind of owner."""
        return (
            self.attributes,
            self.resources.attributes,
            self.scopes.attributes,
            self.events.attributes,
            self.links.attributes,
        )


def describe_traces(
    spans: pl.DataFrame,
    trace_ids: pl.Series,
    *,
    is_repeat: Mask,
    is_cyclic: Mask,
    n_truncated: Counts,
    probability: pl.Series | None,
    declared: Collection[str] = (),
    at_window_edge: Collection[str] = (),
    window: Window | None = None,
) -> pl.DataFrame:
    """Return one row a trace: its extent, and what it is known to lack.

    Parameters
    ----------
    spans
        The span table, sorted by ``trace``, with ``parent_row``.
    trace_ids
        Id of every trace, by its number in ``spans``.
    is_repeat, is_cyclic
        For every span, whether an earlier one of its trace has its id, and whether a cycle of parents is above it.
    n_truncated
        Values cut by a limit, a trace.
    probability
        Sampling probability of every span, null where unknown; None where no span has one.
    declared, at_window_edge
        Ids of traces known to lack spans, and known to lie at the edge of the window that was read.
    window
        The window itself, from which further traces at its edge are found; without one nothing is guessed.
    """
    facts = [pl.Series("is_repeat", is_repeat), pl.Series("is_cyclic", is_cyclic)]
    sampling = pl.lit(None, dtype=pl.Float64).alias("sampling_probability"), pl.lit(False).alias("is_unevenly_sampled")
    if probability is not None:
        facts.append(probability.alias("probability"))
        least, most = pl.col("probability").min(), pl.col("probability").max()
        sampling = least.alias("sampling_probability"), (least < most).fill_null(False).alias("is_unevenly_sampled")
    traces = (
        spans.with_columns(*facts)
        .group_by("trace", maintain_order=True)
        .agg(
            pl.len().alias("n_spans"),
            pl.col("start_ns").min(),
            pl.col("end_ns").max(),
            (pl.col("parent_row") == -1).sum().alias("n_roots"),
            (pl.col("parent_row") == -2).sum().alias("n_orphans"),
            pl.col("is_repeat").sum().alias("n_duplicate_spans"),
            pl.col("dropped_attributes", "dropped_events", "dropped_links").cast(pl.Int64).sum(),
            pl.col("is_cyclic").any().alias("has_cycle"),
            *sampling,
        )
    )
    at_edge = pl.col("trace_id").is_in(list(at_window_edge))
    return (
        traces.with_columns(trace_ids.alias("trace_id"), pl.Series("n_truncated_values", n_truncated, dtype=pl.UInt32))
        .with_columns(
            first_row=pl.col("n_spans").cum_sum() - pl.col("n_spans"),
            is_declared_incomplete=pl.col("trace_id").is_in(list(declared)),
            is_at_window_edge=at_edge if window is None else at_edge | window.touches(),
        )
        .with_columns(is_incomplete=pl.any_horizontal(r.holds() for r in _REASONS if r.is_incomplete))
        .select(_TRACES)
    )


_TRACES = (
    "trace_id",
    "n_spans",
    "start_ns",
    "end_ns",
    "n_roots",
    "n_orphans",
    "n_duplicate_spans",
    "dropped_attributes",
    "dropped_events",
    "dropped_links",
    "n_truncated_values",
    "first_row",
    "has_cycle",
    "is_declared_incomplete",
    "is_at_window_edge",
    "is_incomplete",
    "sampling_probability",
    "is_unevenly_sampled",
)


@dataclass(frozen=True, slots=True)
class _Reason:
    """A fact that makes a trace incomplete, or is reported beside."""

    text: str
    column: str
    is_incomplete: bool
    when_zero: bool = False

    def holds(self) -> pl.Expr:
        """Return whether it is so, by the columns of the traces."""
        column = pl.col(self.column)
        return column == 0 if self.when_zero else column.cast(pl.Boolean)


_REASONS = (
    _Reason("no root", "n_roots", is_incomplete=True, when_zero=True),
    _Reason("orphans", "n_orphans", is_incomplete=True),
    _Reason("cycle", "has_cycle", is_incomplete=True),
    _Reason("declared", "is_declared_incomplete", is_incomplete=True),
    _Reason("window edge", "is_at_window_edge", is_incomplete=True),
    _Reason("dropped attributes", "dropped_attributes", is_incomplete=False),
    _Reason("dropped events", "dropped_events", is_incomplete=False),
    _Reason("dropped links", "dropped_links", is_incomplete=False),
    _Reason("truncated values", "n_truncated_values", is_incomplete=False),
    _Reason("duplicate span ids", "n_duplicate_spans", is_incomplete=False),
    _Reason("uneven sampling", "is_unevenly_sampled", is_incomplete=False),
)

COMPLETENESS = pl.Schema(
    {
        "reason": pl.String(),
        "is_incomplete": pl.Boolean(),  # whether the reason makes a trace incomplete, or is only reported beside
        "traces": pl.Int64(),
        "traces_pct": pl.Float64(),
        "trace_id": pl.String(),  # the first such trace, as an example
    }
)
"""One row a reason that some trace has; a trace may have several."""


def caveats_of(traces: pl.DataFrame) -> dict[str, int]:
    """Return how many traces lack something besides spans, or may, by reason; reasons without any are left out.

    Parameters
    ----------
    traces
        Rows as ``describe_traces`` returns them.
    """
    counts = traces.select(
        reason.holds().sum().alias(reason.text) for reason in _REASONS if not reason.is_incomplete
    ).row(0, named=True)
    return {reason: n for reason, n in counts.items() if n}


def completeness_frame(traces: pl.DataFrame) -> pl.DataFrame:
    """Return how many traces lack what, schema ``COMPLETENESS``: what makes them incomplete first, then by number.

    Parameters
    ----------
    traces
        As ``describe_traces`` returns it.
    """
    rows = []
    for reason in _REASONS:
        concerned = traces["trace_id"].filter(traces.select(reason.holds()).to_series())
        if n := len(concerned):
            rows.append((reason.text, reason.is_incomplete, n, 100 * n / traces.height, concerned[0]))
    frame = pl.DataFrame(rows, schema=COMPLETENESS, orient="row")
    return frame.sort("is_incomplete", "traces", "reason", descending=[True, True, False])


def find_text_limits(texts: pl.Series, tables: Tables) -> TextLimits:
    """Return the lengths at which the texts of a store were cut.

    A length L shows a limit when no text is longer, L is one of ``TEXT_LIMITS``, and at least three distinct texts are
    exactly that long; in characters (as SDKs count) or in UTF-8 bytes (as backends do). Texts of hexadecimal digits
    alone are digests and ids, no cut text: they do not count towards the three, but may be the longer one.
    Only texts are looked at, not the strings inside arrays and key-value lists.

    Parameters
    ----------
    texts
        The distinct textual values that codes in the tables point into.
    tables
        What hangs on the spans, to tell texts from JSON and base64.
    """
    found = (
        pl.DataFrame({"bytes": texts.str.len_bytes()}).with_row_index("code").filter(pl.col("bytes") >= TEXT_LIMITS[0])
    )
    if found.is_empty():
        return TextLimits()
    found = found.with_columns(texts.gather(found["code"]).alias("text"))
    found = found.with_columns(pl.col("text").str.len_chars().alias("characters"))
    if not found.select(pl.any_horizontal(pl.col("bytes", "characters").is_in(TEXT_LIMITS)).any()).item():
        return TextLimits()
    found = found.filter(pl.Series(_used_as_text(tables, len(texts))).gather(found["code"]))
    return TextLimits(characters=_pile_up(found, "characters"), bytes=_pile_up(found, "bytes"))


def _pile_up(found: pl.DataFrame, unit: str) -> int | None:
    """Return the largest length when it is a usual limit and enough texts have it."""
    longest = found.filter(pl.col(unit) == pl.col(unit).max())
    if longest.is_empty() or longest[unit][0] not in TEXT_LIMITS:
        return None
    is_cut = ~longest["text"].str.contains(_HEXADECIMAL)
    return int(longest[unit][0]) if is_cut.sum() >= _PILE_UP else None


def _used_as_text(tables: Tables, n_texts: int) -> Mask:
    """Return which codes are the value of some attribute of the type text."""
    used = np.zeros(n_texts, dtype=np.bool_)
    for table in tables.attribute_tables():
        for cells in table.cells():
            if cells.type is ValueType.TEXT:
                used[cells.value] = True
    return used


def _are_cut(texts: pl.Series, limits: TextLimits) -> Mask:
    """Return which texts were cut: as long as a limit found, or exactly as long as Tempo lets a value be."""
    n_bytes = texts.str.len_bytes()
    cut = n_bytes == _TEMPO_LIMIT_BYTES
    at_limit = pl.Series("at_limit", [False]).new_from_index(0, len(texts))
    if limits.bytes is not None:
        at_limit |= n_bytes == limits.bytes
    if limits.characters is not None:  # a character has one to four bytes
        near = n_bytes.is_between(limits.characters, 4 * limits.characters).arg_true()
        spots = near.filter(texts.gather(near).str.len_chars() == limits.characters)
        at_limit = at_limit.scatter(spots, True)
    spots = at_limit.arg_true()
    return (cut.scatter(spots.filter(~texts.gather(spots).str.contains(_HEXADECIMAL)), True)).to_numpy()


def count_truncated(
    spans: pl.DataFrame, n_traces: int, texts: Dictionary, tables: Tables, limits: TextLimits
) -> Counts:
    """Return how many values of each trace were cut by a limit, shape ``(n_traces,)``.

    Values of spans, events and links count once each, those of a resource or scope once a trace. A text counts when it
    is as long as ``limits`` say, or has exactly 2,048 UTF-8 bytes, at which Grafana Tempo cuts values.
    """
    counts = np.zeros(n_traces, dtype=np.int64)
    is_cut = _are_cut(texts.values, limits)
    if not is_cut.any():
        return counts
    trace = spans["trace"].to_numpy()
    hung = (
        (tables.attributes, trace),
        (tables.events.attributes, trace[tables.events.frame["span"].to_numpy()]),
        (tables.links.attributes, trace[tables.links.frame["span"].to_numpy()]),
    )
    for table, trace_of in hung:
        for owners in _owners_of(table, is_cut):
            counts += np.bincount(trace_of[owners], minlength=n_traces)
    for table, column in ((tables.resources.attributes, "resource"), (tables.scopes.attributes, "scope")):
        owners = np.concatenate([np.zeros(0, dtype=np.uint32), *_owners_of(table, is_cut)])
        if len(owners):
            number = pl.Series(column, np.bincount(owners)).to_frame("cut").with_row_index(column)
            seen = spans.select("trace", column).unique().join(number.filter(pl.col("cut") > 0), on=column)
            np.add.at(counts, seen["trace"].to_numpy(), seen["cut"].to_numpy())
    return counts


def _owners_of(table: AttributeTable, is_cut: Mask) -> Iterator[NDArray[Any]]:
    """Yield, column by column, the owner of each value that was cut."""
    for cells in table.cells():
        if cells.type is ValueType.TEXT:
            owners = cells.owner[is_cut[cells.value]]
            if len(owners):
                yield owners


def sampling_probabilities(spans: pl.DataFrame, attributes: AttributeTable, texts: Dictionary) -> pl.Series | None:
    """Return the probability with which each span was sampled, null where unknown; None when no span tells.

    From the W3C trace state (see ``trace_state_probabilities``), else from the tags Jaeger's clients set:
    ``sampler.type`` = ``probabilistic`` with a numeric ``sampler.param`` in (0, 1].
    """
    found = []
    states = spans["trace_state"]
    if states.null_count() < len(states):
        distinct = states.drop_nulls().unique()
        known = pl.DataFrame({"trace_state": distinct, "probability": trace_state_probabilities(distinct)}).drop_nulls()
        if known.height:
            joined = spans.select("trace_state").join(known, on="trace_state", how="left", maintain_order="left")
            found.append(joined["probability"])
    tags = _jaeger_probabilities(spans.height, attributes, texts)
    if tags is not None:
        found.append(tags)
    return pl.select(pl.coalesce(found)).to_series() if found else None


def trace_state_probabilities(states: pl.Series) -> pl.Series:
    """Return the sampling probability each W3C trace state tells, null where it tells none.

    ``ot=th:T``: T is a rejection threshold of up to 14 hexadecimal digits, padded with zeros on the right, and the
    probability is (2^56 - T) / 2^56. The older ``ot=p:N`` says 2^-N for N up to 62; its 63 says that the span was kept
    for another reason, so nothing is known (OpenTelemetry, "TraceState: Probability Sampling").

    Examples
    --------
    >>> trace_state_probabilities(pl.Series(["ot=th:c", "x=1,ot=p:3;r:5", "ot=th:0", "x=th:c"])).to_list()
    [0.25, 0.125, 1.0, None]
    """
    members = states.alias("state").to_frame().select(ot=pl.col("state").str.extract(r"(?:^|,)[ \t]*ot=([^,]*)"))
    fields = members.select(
        threshold=pl.col("ot").str.extract(r"(?:^|;)th:([0-9a-f]{1,14})[ \t]*(?:;|$)").str.pad_end(14, "0"),
        exponent=pl.col("ot").str.extract(r"(?:^|;)p:([0-9]{1,2})[ \t]*(?:;|$)").cast(pl.Int32),
    )
    kept = (1 << 56) - pl.col("threshold").str.to_integer(base=16, dtype=pl.Int64)
    by_exponent = pl.when(pl.col("exponent") <= 62).then(0.5 ** pl.col("exponent").cast(pl.Float64))
    return fields.select((kept.cast(pl.Float64) / float(1 << 56)).fill_null(by_exponent)).to_series()


def _jaeger_probabilities(n_spans: int, attributes: AttributeTable, texts: Dictionary) -> pl.Series | None:
    """Return the probability that Jaeger's sampler tags give each span, None when no span has them."""
    if not any(("sampler.type", ValueType.TEXT) in group.keys for group in attributes.groups):
        return None
    code = texts.codes(["probabilistic"]).get("probabilistic")
    is_probabilistic = np.zeros(n_spans, dtype=np.bool_)
    probability = np.full(n_spans, np.nan)
    for cells in attributes.cells():
        if cells.key == "sampler.type" and cells.type is ValueType.TEXT:
            is_probabilistic[cells.owner] = cells.value == code
        elif cells.key == "sampler.param":
            if cells.type is ValueType.TEXT:
                numbers = texts.decode(cells.value).cast(pl.Float64, strict=False)
                probability[cells.owner] = numbers.fill_null(np.nan).to_numpy()
            elif cells.type in (ValueType.INT, ValueType.DOUBLE):
                probability[cells.owner] = cells.value
    is_known = is_probabilistic & (probability > 0) & (probability <= 1)
    if not is_known.any():
        return None
    return pl.Series("probability", probability).set(pl.Series(~is_known), None)
