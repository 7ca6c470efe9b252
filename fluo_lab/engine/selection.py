"""Which spans a selection means, for many selections at once: one Polars ``select`` per attribute group."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fluo_lab.engine.context import Codes, Context
from fluo_lab.engine.logic import Mask
from fluo_lab.engine.predicates import Leaves, Reading, compile_predicate
from fluo_lab.engine.relations import Partners, order_relation
from fluo_lab.language import (
    Event,
    Name,
    Operation,
    Predicate,
    Relation,
    Selection,
    Text,
    walk,
)
from fluo_lab.language.tree import Node
from fluo_lab.traces import Traces

__all__ = ["Matched", "Selector"]

Rows: TypeAlias = NDArray[np.uint32]

_PARALLEL_ROWS = 200_000

NO_ROWS: Rows = np.zeros(0, dtype=np.uint32)


@dataclass(frozen=True, slots=True)
class Matched:
    """Spans that were asked for: those of a selection, or those of one that do not satisfy a ``must``; rows ascend.

    Attributes
    ----------
    seen
        When the spans seen are taken for all there are.
    certain
        Whatever may be missing.
    """

    seen: Rows
    certain: Rows


def has_relation(nodes: Iterable[Node]) -> bool:
    """Return whether a relation between spans stands anywhere below."""
    return any(isinstance(node, Relation) for top in nodes for node in walk(top))


class Selector:
    """Finds the spans of selections in one store, each distinct one once.

    Parameters
    ----------
    roots
        The trees that will be asked about; their text literals are looked up in one pass.
    open_traces
        Mask over traces: where spans may be missing.
    """

    def __init__(self, traces: Traces, roots: Iterable[Node], open_traces: Mask) -> None:
        self.traces = traces
        self.is_open = bool(open_traces.any())
        self._open_spans: Mask | None = open_traces[traces.trace_of] if self.is_open else None
        self._codes = Codes(node.value for root in roots for node in walk(root) if isinstance(node, Text))
        self._contexts: dict[int, Context] = {}
        self._event_contexts: dict[int, Context] = {}
        self._names: dict[tuple[str, Name], Mask] = {}
        self._operations: dict[Operation, list[tuple[int, NDArray[np.int64] | None]]] = {}
        self._found: dict[tuple[Selection, Predicate | None], Matched] = {}
        self._events: dict[Event, Mask] = {}
        self._relations: dict[tuple[Relation, Reading], Mask] = {}
        self._leaves = Leaves(self._event, self._relation)

    # --- what is asked --------------------------------------------------------------------------------------

    def matched(self, selection: Selection) -> Matched:
        """Return the spans of a selection."""
        return self._asked((selection, None))

    def refuted(self, selection: Selection, must: Predicate) -> Matched:
        """Return the selected spans that do not satisfy ``must``."""
        return self._asked((selection, must))

    def _asked(self, key: tuple[Selection, Predicate | None]) -> Matched:
        if key not in self._found:
            self.prepare([key])
        return self._found[key]

    def prepare(self, asked: Iterable[tuple[Selection, Predicate | None]]) -> None:
        """Find many selections, and spans that do not satisfy a ``must``, so that columns are read once for all."""
        jobs: list[_Job] = []
        for selection, must in dict.fromkeys(asked):
            if (selection, must) in self._found:
                continue
            if selection.where or must is not None:
                jobs.append(_Job(selection, selection.where, must))
            else:
                rows = self._all_rows(selection.operation)
                self._found[selection, None] = Matched(rows, rows)
        by_group: dict[int, list[tuple[_Job, NDArray[np.int64] | None]]] = {}
        for job in jobs:
            for group, at in self._groups(job.selection.operation):
                by_group.setdefault(group, []).append((job, at))
        for group, here in by_group.items():
            self._run(group, here)
        for job in jobs:
            seen = _joined(job.seen)
            self._found[job.selection, job.must] = Matched(seen, _joined(job.certain) if job.is_open else seen)

    # --- operations -----------------------------------------------------------------------------------------

    def _fits(self, what: str, name: Name) -> Mask:
        """Return which names, or services, or event names a pattern fits, by code."""
        key = (what, name)
        if key not in self._names:
            dictionary = {
                "name": self.traces.name_dictionary,
                "service": self.traces.service_dictionary,
                "event": self.traces.event_table.names,
            }[what]
            values = dictionary.values
            if name.is_exact:
                fits = values == name.parts[0]
            else:
                pattern = ".*".join(_escape(part) for part in name.parts)
                fits = values.str.contains(rf"(?s)\A{pattern}\z")
            self._names[key] = fits.to_numpy()
        return self._names[key]

    def _groups(self, operation: Operation) -> list[tuple[int, NDArray[np.int64] | None]]:
        """Return the attribute groups that hold an operation's spans, and where in them (None: everywhere)."""
        if operation in self._operations:
            return self._operations[operation]
        table = self.traces.attribute_table
        fits = self._fits("name", operation.name)
        found: list[tuple[int, NDArray[np.int64] | None]] = []
        for number in np.unique(table.group_of_name[fits]).tolist():
            rows = table.groups[number].rows
            mask: Mask | None = None
            if not fits[table.group_of_name == number].all():
                mask = fits[self.traces.table["name"].to_numpy()[rows]]
            if operation.service is not None:
                of_service = self._fits("service", operation.service)[self.traces.table["service"].to_numpy()[rows]]
                mask = of_service if mask is None else mask & of_service
            if mask is None or mask.any():
                found.append((number, None if mask is None else np.flatnonzero(mask)))
        self._operations[operation] = found
        return found

    def _all_rows(self, operation: Operation) -> Rows:
        """Return the rows of every span of an operation."""
        groups = self.traces.attribute_table.groups
        return _joined(
            [groups[number].rows if at is None else groups[number].rows[at] for number, at in self._groups(operation)]
        )

    # --- predicates -----------------------------------------------------------------------------------------

    def context(self, group: int) -> Context:
        """Return the columns of an attribute group, by its number; each is made once."""
        if group not in self._contexts:
            found = self.traces.attribute_table.groups[group]
            self._contexts[group] = Context(self.traces, found, found.rows, self._codes)
        return self._contexts[group]

    def _run(self, group: int, jobs: list[tuple[_Job, NDArray[np.int64] | None]]) -> None:
        """Evaluate jobs on one group with a single select, and keep the rows each finds there."""
        context = self.context(group)
        expressions: dict[str, pl.Expr] = {}

        def column(predicates: tuple[Predicate, ...], reading: Reading) -> str | None:
            if not predicates:
                return None
            compiled = [compile_predicate(p, context, self._leaves, reading) for p in predicates]
            expression = compiled[0] if len(compiled) == 1 else pl.all_horizontal(compiled)
            name = str(len(expressions))
            expressions[name] = expression.fill_null(False).alias(name)
            return name

        asked = []
        for job, at in jobs:
            readings = (Reading.SEEN, Reading.LEAST) if self.is_open and job.has_relation else (Reading.SEEN,)
            job.is_open = len(readings) > 1
            for reading in readings:
                must = () if job.must is None else (job.must,)
                asked.append((job, at, reading, column(job.where, reading), column(must, reading.opposite)))
        if expressions:
            frame = context.frame()
            # waking threads for a small frame costs more than it saves
            select = frame.select_seq if frame.height < _PARALLEL_ROWS else frame.select
            answers = select(expressions.values())
        for job, at, reading, where, must_column in asked:
            hits = np.ones(len(context), dtype=np.bool_) if where is None else _true(answers[where], len(context))
            if must_column is not None:
                hits = hits & ~_true(answers[must_column], len(context))
            positions = np.flatnonzero(hits) if at is None else at[hits[at]]
            rows = context.span_rows[positions]
            (job.certain if reading is Reading.LEAST else job.seen).append(rows)

    def _event(self, event: Event) -> Mask:
        """Return which spans carry an event."""
        if event not in self._events:
            table = self.traces.event_table
            carries = np.zeros(self.traces.n_spans, dtype=np.bool_)
            owner = table.frame["span"].to_numpy()
            codes = table.frame["name"].to_numpy()
            fits = self._fits("event", event.name)
            for number in np.unique(table.attributes.group_of_name[fits]).tolist():
                group = table.attributes.groups[number]
                hits = fits[codes[group.rows]]
                if event.where is not None:
                    if number not in self._event_contexts:
                        self._event_contexts[number] = Context(self.traces, group, owner[group.rows], self._codes)
                    context = self._event_contexts[number]
                    expression = compile_predicate(event.where, context, self._leaves, Reading.SEEN)
                    answer = context.frame().select(expression.fill_null(False).alias("answer"))["answer"]
                    hits = hits & _true(answer, len(context))
                carries[owner[group.rows[hits]]] = True
            self._events[event] = carries
        return self._events[event]

    def _relation(self, relation: Relation, reading: Reading) -> Mask:
        """Return which spans stand in a relation to some other span of their trace."""
        key = (relation, reading)
        if key not in self._relations:
            if reading is not Reading.SEEN and self._open_spans is None:
                return self._relation(relation, Reading.SEEN)
            partners = self.matched(relation.selection)
            rows = partners.certain if reading is Reading.LEAST else partners.seen
            holds = order_relation(relation.kind, self.traces, Partners.of(self.traces, rows))
            if reading is Reading.MOST and self._open_spans is not None:
                holds = holds | self._open_spans
            self._relations[key] = holds
        return self._relations[key]


class _Job:
    """A selection, or the spans of one that break a ``must``, in the making."""

    def __init__(self, selection: Selection, where: tuple[Predicate, ...], must: Predicate | None) -> None:
        self.selection = selection
        self.where = where
        self.must = must
        self.has_relation = has_relation(where if must is None else (*where, must))
        self.is_open = False
        self.seen: list[Rows] = []
        self.certain: list[Rows] = []


def _joined(parts: list[Rows]) -> Rows:
    """Return rows of several groups as one ascending array."""
    if not parts:
        return NO_ROWS
    return parts[0] if len(parts) == 1 else np.sort(np.concatenate(parts))


def _true(series: pl.Series, length: int) -> Mask:
    """Return where a column is true; a literal's column is as long as the context."""
    mask: Mask = series.to_numpy()
    return np.full(length, bool(mask[0]), dtype=np.bool_) if len(mask) == 1 != length else mask


def _escape(text: str) -> str:
    """Return a pattern of the regular expression dialect that fits a text alone."""
    return "".join(c if c.isalnum() or c in " _/" or ord(c) > 127 else "\\" + c for c in text)
