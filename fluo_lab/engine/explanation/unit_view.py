"""One unit looked at closely: its spans, those of them a selection means, and what they are called and carry.

What is true is asked of the evaluator, so that an explanation never contradicts the verdict it explains.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fluo_lab.engine.atoms import Evaluator
from fluo_lab.engine.explanation.wording import say_name
from fluo_lab.engine.units import Rows
from fluo_lab.language import Condition, Field, FieldKind, Not, Operation, Predicate, Selection
from fluo_lab.traces import SpanKind, StatusCode
from fluo_lab.traces.semconv import value_of

__all__ = ["UnitView", "is_among"]


class UnitView:
    """One unit of an evaluator.

    Attributes
    ----------
    rows
        Its spans, ascending.
    start, end, parent
        Of every span of the store, by row.
    duration_ns
        From the first start to the last end of the unit, at least 1.
    """

    def __init__(self, evaluator: Evaluator, unit: int) -> None:
        self.evaluator = evaluator
        self.traces = evaluator.traces
        self.unit = unit
        self.rows: Rows = evaluator.units.rows_of(unit)
        self.start, self.end = self.traces.start_ns, self.traces.end_ns
        self.parent = self.traces.parent_row
        extent = int(self.end[self.rows].max(initial=0)) - int(self.start[self.rows].min(initial=0))
        self.duration_ns = max(extent, 1)
        self._matched: dict[Selection, Rows] = {}
        self._by_start: dict[Operation, tuple[Rows, NDArray[np.int64]]] = {}

    def here(self, rows: Rows) -> Rows:
        """Return those of ascending rows of the store that are in the unit."""
        if not len(self.rows) or not len(rows):
            return rows[:0]
        first, last = int(self.rows[0]), int(self.rows[-1])
        if last - first + 1 == len(self.rows):
            low, high = np.searchsorted(rows, [first, last + 1])
            return rows[low:high]
        return self.rows[is_among(self.rows, rows)]

    def is_seen(self, condition: Condition) -> bool:
        """Return whether a condition holds on the spans seen."""
        return bool(self.evaluator.truth(condition).seen[self.unit])

    def is_sure(self, condition: Condition) -> bool:
        """Return whether a condition is certain to hold."""
        truth = self.evaluator.truth(condition)
        return bool((truth.seen if truth.holds is None else truth.holds)[self.unit])

    def matched(self, selection: Selection) -> Rows:
        """Return the spans of a selection, as seen."""
        if selection not in self._matched:
            self._matched[selection] = self.here(self.evaluator.select.matched(selection).seen.rows)
        return self._matched[selection]

    def by_start(self, operation: Operation) -> tuple[Rows, NDArray[np.int64]]:
        """Return the spans of an operation in order of start, and their starts."""
        if operation not in self._by_start:
            rows = self.matched(Selection(operation))
            rows = rows[np.argsort(self.start[rows], kind="stable")]
            self._by_start[operation] = rows, self.start[rows]
        return self._by_start[operation]

    def refuted(self, selection: Selection, must: Predicate) -> Rows:
        """Return the spans of a selection that do not satisfy ``must``, as seen."""
        return self.here(self.evaluator.select.refuted(selection, must).seen.rows)

    def doubtful(self, selection: Selection, must: Predicate) -> Rows:
        """Return the spans of a selection that may turn out not to satisfy ``must``."""
        return self.here(self.evaluator.select.refuted(selection, must).possible.rows)

    def satisfying(self, operation: Operation, predicate: Predicate, *, wanted: bool) -> Rows:
        """Return the spans of an operation for which a predicate, or its negation, holds."""
        asked: Predicate = predicate if wanted else Not(operand=predicate)
        return self.matched(Selection(operation, (asked,)))

    def satisfies(self, operation: Operation, predicate: Predicate, row: int, *, wanted: bool) -> bool:
        """Return whether a predicate, or its negation, holds of one span of an operation."""
        rows = self.satisfying(operation, predicate, wanted=wanted)
        at = int(np.searchsorted(rows, row))
        return at < len(rows) and int(rows[at]) == row

    def name_of(self, row: int) -> str:
        """Return what a span is called, for a sentence."""
        return say_name(str(self.traces.name_dictionary.values[int(self.traces.table["name"][row])]))

    def value(self, row: int, field: Field) -> Any:
        """Return the value of a field of a span, plain; None where it is missing."""
        traces, table = self.traces, self.traces.table
        match field.kind:
            case FieldKind.SPAN:
                return self._intrinsic(row, field.name)
            case FieldKind.SCOPE if field.name in ("name", "version"):
                return traces.scope_table.frame[field.name][table["scope"][row]] or None
            case FieldKind.SCOPE:
                return traces.scope_attributes(row).get(field.name)
        attributes = (
            traces.span_attributes(row) if field.kind is FieldKind.ATTRIBUTE else traces.resource_attributes(row)
        )
        found = value_of(attributes, field.name, SpanKind(table["kind"][row]))
        return None if found is None else found[1]

    def _intrinsic(self, row: int, name: str) -> Any:
        table = self.traces.table
        match name:
            case "name":
                return self.traces.name_dictionary.values[int(table["name"][row])]
            case "service":
                return self.traces.service_dictionary.values[int(table["service"][row])]
            case "kind":
                return SpanKind(table["kind"][row]).label
            case "status":
                return StatusCode(table["status"][row]).label
            case "status_message":
                return table["status_message"][row] or None
        return int(self.end[row]) - int(self.start[row])


def is_among(rows: Rows, known: Rows) -> NDArray[np.bool_]:
    """Return which of some rows are among ascending others.

    Examples
    --------
    >>> is_among(np.array([4, 5]), np.array([1, 4, 9])).tolist()
    [True, False]
    """
    if not len(known):
        return np.zeros(len(rows), dtype=np.bool_)
    at = np.minimum(np.searchsorted(known, rows), len(known) - 1)
    return np.asarray(known[at] == rows, dtype=np.bool_)
