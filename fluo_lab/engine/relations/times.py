"""Times of spans, moved, and which of them an order compares."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fluo_lab.engine.spans import SpanSet
from fluo_lab.language import RelationKind

__all__ = ["GREATEST", "LEAST", "Times", "ordered_times", "shifted"]

Times = NDArray[np.int64]

LEAST, GREATEST = np.iinfo(np.int64).min, np.iinfo(np.int64).max


def shifted(times: Times, by: int) -> Times:
    """Return times moved, held at the ends of 64 bits."""
    if by == 0:
        return times
    if by > 0:
        return np.minimum(times, max(GREATEST - by, LEAST)) + by
    return np.maximum(times, min(LEAST - by, GREATEST)) + by


def ordered_times(kind: RelationKind, partners: SpanSet, subjects: SpanSet) -> tuple[Times, Times, bool]:
    """Return the times that are compared, partners' and subjects', and whether the partner's is the earlier."""
    match kind:
        case RelationKind.AFTER:
            return partners.end, subjects.start, True
        case RelationKind.BEFORE:
            return partners.start, subjects.end, False
        case RelationKind.STARTS_AFTER:
            return partners.start, subjects.start, True
        case RelationKind.STARTS_BEFORE:
            return partners.start, subjects.start, False
    raise AssertionError(f"no order: {kind}")
