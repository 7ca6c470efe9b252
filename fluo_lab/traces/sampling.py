"""With which probability spans were sampled, where trace states or tags say so."""

from __future__ import annotations

import numpy as np
import polars as pl

from fluo_lab.traces.attributes import AttributeTable
from fluo_lab.traces.dictionary import Dictionary
from fluo_lab.traces.schema import ValueType

__all__ = ["sampling_probabilities", "trace_state_probabilities"]


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
