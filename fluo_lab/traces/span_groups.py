"""When the spans of an attribute group ran, and in which traces: what of the span table is read group by group.

Taking a column apart by group costs as much as comparing it; so each is taken when first asked for and kept with the
store, 24 bytes a span when all are.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

__all__ = ["SpanGroup"]


class SpanGroup:
    """Times and traces of some spans.

    Attributes
    ----------
    rows
        The spans, ascending.
    """

    def __init__(
        self,
        rows: NDArray[np.uint32],
        trace_of: NDArray[np.uint32],
        start_ns: NDArray[np.int64],
        end_ns: NDArray[np.int64],
    ) -> None:
        self.rows = rows
        self._trace_of = trace_of
        self._start_ns = start_ns
        self._end_ns = end_ns

    @cached_property
    def trace(self) -> NDArray[np.int64]:
        """The trace row of each span."""
        return self._trace_of.take(self.rows).astype(np.int64)

    @cached_property
    def start(self) -> NDArray[np.int64]:
        """When each span starts."""
        return self._start_ns.take(self.rows)

    @cached_property
    def end(self) -> NDArray[np.int64]:
        """When each span ends."""
        return self._end_ns.take(self.rows)
