"""Which spans a selection means, for many selections at once: one Polars ``select`` per attribute group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fluo_lab.engine.columns import FieldValues
from fluo_lab.engine.context import Codes, Context
from fluo_lab.engine.globs import fitting
from fluo_lab.engine.jobs import Job, Matched, Part, conjuncts, joined
from fluo_lab.engine.logic import Mask
from fluo_lab.engine.predicates import Leaves, Reading, compile_predicate, told_by_codes
from fluo_lab.engine.relations import Relations
from fluo_lab.engine.spans import SpanSet, spans_of_group
from fluo_lab.engine.units import Units
from fluo_lab.language import (
    Event,
    Field,
    Name,
    Not,
    Operation,
    Predicate,
    Relation,
    Selection,
    walk,
)
from fluo_lab.language.tree import Node

__all__ = ["Selector", "has_relation"]

_PARALLEL_ROWS = 200_000
_FEW = 0.5


def has_relation(nodes: Iterable[Node]) -> bool:
    """Return whether a relation between spans stands anywhere below."""
    return any(isinstance(node, Relation) for top in nodes for node in walk(top))


def _none_of_an_event(leaf: Node, *_: object) -> Mask:
    raise AssertionError(f"the parser lets no {type(leaf).__name__} into an event's condition")


class Selector:
    """Finds the spans of selections among the members of units, each distinct selection once.

    Parameters
    ----------
    literals
        The texts that will be compared with; they are looked up in one pass.
    span_skew_ns
        How far clocks may be apart: an order within it is unknown.
    """

    def __init__(self, units: Units, literals: Iterable[str], *, span_skew_ns: int = 0) -> None:
        self.units = units
        self.traces = traces = units.traces
        self.span_skew_ns = span_skew_ns
        self.is_certain = not units.has_open and not span_skew_ns
        self.values = FieldValues(traces, self.context)
        self._related = Relations(units, self.values)
        self._codes = Codes(literals)
        self._contexts: dict[int, Context] = {}
        self._event_contexts: dict[int, Context] = {}
        self._names: dict[tuple[str, Name], Mask] = {}
        self._operations: dict[Operation, list[tuple[int, NDArray[np.int64] | None]]] = {}
        self._found: dict[tuple[Selection, Predicate | None], Matched] = {}
        self._events: dict[Event, Mask] = {}
        self._relations: dict[tuple[Relation, Reading, int], Mask] = {}
        self._pairs: dict[tuple[Relation, SpanSet, SpanSet, int], Mask] = {}
        # with each mask itself, so that no other gets its id
        self._split: dict[int, tuple[Mask, list[Mask]]] = {}
        self._negations: dict[int, tuple[Mask, Mask]] = {}
        self._askers: dict[Relation, set[int]] = {}
        self._n_askers: Counter[Relation] = Counter()
        self._spans: dict[tuple[int, ...], SpanSet] = {}
        self._of_operation: dict[Operation, SpanSet] = {}
        self._of_events = Leaves(self.values, _none_of_an_event, _none_of_an_event)

    # --- what is asked --------------------------------------------------------------------------------------

    def matched(self, selection: Selection) -> Matched:
        """Return the spans of a selection."""
        return self._asked((selection, None))

    def refuted(self, selection: Selection, must: Predicate) -> Matched:
        """Return the selected spans that do not satisfy ``must``."""
        return self._asked((selection, must))

    def _asked(self, key: tuple[Selection, Predicate | None]) -> Matched:
        found = self._found.get(key)
        if found is None:
            self.prepare([key])
            found = self._found[key]
        return found

    def prepare(self, asked: Iterable[tuple[Selection, Predicate | None]]) -> None:
        """Find many selections, and spans that do not satisfy a ``must``, so that columns are read once for all."""
        jobs: list[Job] = []
        for selection, must in dict.fromkeys(asked):
            if (selection, must) in self._found:
                continue
            if selection.where or must is not None:
                jobs.append(Job(selection, selection.where, must))
            else:
                spans = self._spans_of(selection.operation)
                self._found[selection, None] = Matched(spans, spans, spans)
        by_group: dict[int, list[tuple[Job, NDArray[np.int64] | None]]] = {}
        for job in jobs:
            for group, at in self._groups(job.selection.operation):
                by_group.setdefault(group, []).append((job, at))
                for relation in job.relations:
                    self._askers.setdefault(relation, set()).add(group)
                    self._n_askers[relation] += 1
        for group, here in by_group.items():
            self._run(group, here)
        for job in jobs:
            self._found[job.selection, job.must] = job.matched(self.units)

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
            self._names[key] = fitting(dictionary.values, name)
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

    def _spans_of(self, operation: Operation) -> SpanSet:
        """Return every span of an operation; always the same object."""
        if operation not in self._of_operation:
            parts = [
                (self._spans_in((group,)) if at is None else self._spans_in((group,)).part(at)).members
                for group, at in self._groups(operation)
            ]
            self._of_operation[operation] = joined(self.units, parts)
        return self._of_operation[operation]

    # --- predicates -----------------------------------------------------------------------------------------

    def context(self, group: int) -> Context:
        """Return the columns of an attribute group, by its number; each is made once."""
        if group not in self._contexts:
            found = self.traces.attribute_table.groups[group]
            self._contexts[group] = Context(self.traces, found, found.rows, self._codes)
        return self._contexts[group]

    def _run(self, group: int, jobs: list[tuple[Job, NDArray[np.int64] | None]]) -> None:
        """Evaluate jobs on one group with a single select, and keep the rows each finds there."""
        context = self.context(group)
        leaves = Leaves(self.values, self._event, lambda relation, reading: self._relation(relation, reading, group))
        expressions: dict[str, pl.Expr] = {}

        def part(predicates: tuple[Predicate, ...], reading: Reading) -> Part:
            plain: list[pl.Expr] = []
            masks: list[Mask] = []
            for predicate in conjuncts(predicates):
                match predicate:
                    case Relation():
                        masks.append(self._relation(predicate, reading, group))
                    case Not(operand=Relation() as relation):
                        masks.append(self._negated(self._relation(relation, reading.opposite, group)))
                    case _ if (told := told_by_codes(predicate, context)) is not None:
                        masks.append(told)
                    case _:
                        plain.append(compile_predicate(predicate, context, leaves, reading))
            if not plain:
                return Part(None, masks)
            name = str(len(expressions))
            expression = plain[0] if len(plain) == 1 else pl.all_horizontal(plain)
            expressions[name] = expression.fill_null(False).alias(name)
            return Part(name, masks)

        asked: list[tuple[Job, NDArray[np.int64] | None, list[tuple[Reading, Part, Part | None]]]] = []
        for job, at in jobs:
            parts: list[tuple[Reading, Part, Part | None]] = []
            where: Part | None = None
            for reading in (Reading.SEEN,) if self.is_certain or not job.relations else tuple(Reading):
                if where is None or job.is_where_related:
                    where = part(job.where, reading)
                must = None if job.must is None or job.last is not None else part((job.must,), reading.opposite)
                parts.append((reading, where, must))
            asked.append((job, at, parts))
        answers: dict[str, Mask] = {}
        if expressions:
            frame = context.frame()
            # waking threads for a small frame costs more than it saves
            select = frame.select_seq if frame.height < _PARALLEL_ROWS else frame.select
            answers = {series.name: _true(series, len(context)) for series in select(expressions.values())}
        for job, at, parts in asked:
            self._keep(job, group, at, parts, answers)

    def _keep(
        self,
        job: Job,
        group: int,
        at: NDArray[np.int64] | None,
        parts: list[tuple[Reading, Part, Part | None]],
        answers: Mapping[str, Mask],
    ) -> None:
        """Keep the spans of a group that a job finds in each reading; mostly they are the same, and then one object."""
        spans = self._spans_in((group,))
        found: dict[tuple[object, ...], SpanSet] = {}
        kept: dict[
            tuple[SpanSet, int], tuple[Mask, SpanSet]
        ] = {}  # with each mask itself, so that no other gets its id
        for reading, where, must in parts:
            key = (where.signature, None if must is None else must.signature)
            if key not in found:
                hits = where.truth(answers)
                if must is not None:
                    fulfilled = must.truth(answers)
                    assert fulfilled is not None  # noqa: S101 - a predicate is asked
                    hits = ~fulfilled if hits is None else hits & ~fulfilled
                if hits is not None:
                    found[key] = spans.part(
                        np.flatnonzero(hits) if at is None else at.take(np.flatnonzero(hits.take(at)))
                    )
                else:
                    found[key] = spans if at is None else spans.part(at)
            result = found[key]
            if job.last is not None:
                holds = self._holds(job.last, reading if job.is_negated else reading.opposite, group, result)
                if (result, id(holds)) not in kept:
                    held = holds if len(holds) == len(result) else holds.take(result.within(spans))
                    keep = np.flatnonzero(held if job.is_negated else ~held)
                    kept[result, id(holds)] = (holds, result.part(keep))
                result = kept[result, id(holds)][1]
            job.spans.setdefault(reading, []).append(result.members)

    def _holds(self, relation: Relation, reading: Reading, group: int, subjects: SpanSet) -> Mask:
        """Return whether some spans of a group stand in a relation; of all of the group where those are many.

        Where they are few, and nobody else asks the same, it is answered for them alone.
        """
        whole = self._spans_in((group,))
        if subjects is whole or self._n_askers[relation] > 1 or len(subjects) > len(whole) * _FEW:
            return self._relation(relation, reading, group)

        def code_of(field: Field) -> NDArray[np.int64]:
            return self.values.join_codes_in(self.context(group), field).take(subjects.within(whole))

        return self._find(relation, reading, (group,), subjects, code_of)

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
                    expression = compile_predicate(event.where, context, self._of_events, Reading.SEEN)
                    answer = context.frame().select(expression.fill_null(False).alias("answer"))["answer"]
                    hits = hits & _true(answer, len(context))
                carries[owner[group.rows[hits]]] = True
            self._events[event] = carries
        return self._events[event]

    def _relation(self, relation: Relation, reading: Reading, group: int) -> Mask:
        """Return which spans of an attribute group stand in a relation to some other span of their unit."""
        key = (relation, reading, group)
        if key not in self._relations:
            groups = tuple(sorted(self._askers.get(relation, set()) | {group}))

            def code_of(field: Field) -> NDArray[np.int64]:
                return np.concatenate([self.values.join_codes_in(self.context(asker), field) for asker in groups])

            holds = self._find(relation, reading, groups, self._spans_in(groups), code_of)
            for asker, part in zip(groups, self._parts_of(holds, groups), strict=True):
                self._relations[relation, reading, asker] = part
        return self._relations[key]

    def _parts_of(self, holds: Mask, groups: tuple[int, ...]) -> list[Mask]:
        """Return a mask over several groups taken apart; the same objects for the same mask."""
        if len(groups) == 1:
            return [holds]
        if id(holds) not in self._split:
            ends = np.cumsum([len(self.context(asker)) for asker in groups])
            self._split[id(holds)] = (holds, np.split(holds, ends[:-1]))
        return self._split[id(holds)][1]

    def _negated(self, mask: Mask) -> Mask:
        """Return the negation of a mask; the same object for the same mask."""
        if id(mask) not in self._negations:
            self._negations[id(mask)] = (mask, ~mask)
        return self._negations[id(mask)][1]

    def _spans_in(self, groups: tuple[int, ...]) -> SpanSet:
        """Return the spans of some attribute groups, one group after the other; always the same object."""
        if groups not in self._spans:
            if len(groups) == 1:
                self._spans[groups] = spans_of_group(self.units, groups[0])
            else:
                rows = [self.context(group).span_rows for group in groups]
                self._spans[groups] = SpanSet(self.units, np.concatenate(rows))
        return self._spans[groups]

    def _find(
        self,
        relation: Relation,
        reading: Reading,
        groups: tuple[int, ...],
        subjects: SpanSet,
        code_of: Callable[[Field], NDArray[np.int64]],
    ) -> Mask:
        """Return which of some spans in some groups stand in a relation."""
        matched = self.matched(relation.selection)
        between = None if relation.without is None else self._spans_of(relation.without)
        partners, margin_ns = {
            Reading.SEEN: (matched.seen, 0),
            Reading.LEAST: (matched.certain, self.span_skew_ns),
            Reading.MOST: (matched.possible, -self.span_skew_ns),
        }[reading]
        # with no name in common no subject can be a partner
        may_meet = not {group for group, _ in self._groups(relation.selection.operation)}.isdisjoint(groups)
        key = (relation, subjects, partners, margin_ns)
        holds = self._pairs.get(key)
        if holds is None:
            holds = self._related.related(
                relation, subjects, partners, between, margin_ns, code_of=code_of, may_meet=may_meet
            )
            if not self.is_certain:  # without a margin the other readings ask the same
                self._pairs[key] = holds
        if reading is Reading.SEEN or (reading is Reading.LEAST and between is None) or not len(subjects.open_at):
            return holds
        open_at = subjects.open_at
        changed = holds.copy()
        if reading is Reading.LEAST:  # a span that is missing may lie between
            changed[open_at] = False
            return changed
        settled = self._related.settled(relation, subjects.rows[open_at])
        changed[open_at if settled is None else open_at[~settled]] = True
        return changed


def _true(series: pl.Series, length: int) -> Mask:
    """Return where a column is true; a literal's column is as long as the context."""
    mask: Mask = series.to_numpy()
    return np.full(length, bool(mask[0]), dtype=np.bool_) if len(mask) == 1 != length else mask
