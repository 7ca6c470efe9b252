"""What shows that a condition holds, or fails, on the spans seen of one unit."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

import numpy as np

from fluo_lab.engine.columns import fields_of
from fluo_lab.engine.explanation.near_miss import asked_relations
from fluo_lab.engine.explanation.near_numbers import is_measured, value_of_number
from fluo_lab.engine.explanation.unit_view import UnitView
from fluo_lab.engine.explanation.wording import as_list, say_number
from fluo_lab.language import (
    Aggregate,
    And,
    Comparison,
    Condition,
    Count,
    Distinct,
    Every,
    Has,
    Node,
    Not,
    Numeric,
    Or,
    Rising,
    Selection,
    print_field,
    read_condition,
    read_number,
    read_selection,
    walk,
)
from fluo_lab.language.reading_spans import read_noun

__all__ = ["Missing", "Witness", "Witnesses"]


@dataclass(frozen=True, slots=True)
class Missing:
    """Spans a rule asked for that the trace does not have."""

    selection: Selection
    text: str


@dataclass(slots=True)
class Witness:
    """What shows that a condition has its value.

    Attributes
    ----------
    things
        What there is, or is not, as nouns: "2 retry spans", "no refund span".
    facts
        What is so, as clauses: "the number of its retry spans is 7".
    """

    rows: set[int] = field(default_factory=set)
    missing: list[Missing] = field(default_factory=list)
    things: list[str] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)

    def take(self, other: Witness) -> None:
        """Add what another one shows."""
        self.rows |= other.rows
        self.missing += other.missing
        self.things += other.things
        self.facts += other.facts


class Witnesses:
    """Looks for witnesses in one unit.

    Parameters
    ----------
    subject
        What the unit is called: "the trace".
    """

    def __init__(self, view: UnitView, *, subject: str) -> None:
        self._view = view
        self._subject = subject

    def of(self, condition: Condition) -> Witness:
        """Return what shows why a condition holds, or fails, on the spans seen."""
        value = self._view.is_seen(condition)
        found = Witness()
        match condition:
            case And(operands=operands) | Or(operands=operands):
                for operand in operands:
                    if self._view.is_seen(operand) == value:
                        found.take(self.of(operand))
            case Not(operand=operand):
                return self.of(operand)
            case Has(selection=selection):
                rows = self._view.matched(selection).tolist()
                found.rows.update(rows)
                if value:
                    found.things.append(_counted_spans(len(rows), selection) + self._read_from(rows, *selection.where))
                else:
                    text = f"no {read_noun(selection)}"
                    found.missing.append(Missing(selection, text))
                    found.things.append(text + self._alike(selection))
            case Every():
                self._every(condition, found, value=value)
            case Rising(selection=selection, field=rising):
                rows = self._view.matched(selection).tolist()
                found.rows.update(rows)
                found.facts.append(self._truth(condition, value) + self._read_from(rows, *selection.where, rising))
            case Comparison(left=left, right=right):
                for numeric in (left, right):
                    found.rows.update(self._counted(numeric))
                    if is_measured(numeric):
                        found.facts.append(self._measured(numeric))
                if not found.facts:  # two constants
                    found.facts.append(self._truth(condition, value))
        return found

    def _every(self, condition: Every, found: Witness, *, value: bool) -> None:
        """Add what shows that all spans of a selection satisfy something, or which do not."""
        selection, must = condition.selection, condition.must
        total = len(self._view.matched(selection))
        rows = self._view.refuted(selection, must).tolist()
        found.rows.update(rows)
        if not total:
            found.things.append(f"no {read_noun(selection)}")
        elif value:
            found.facts.append(read_condition(condition, subject=self._subject))
        else:
            verb = "breaks" if len(rows) == 1 else "break"
            which = f"{len(rows)} of {total} {read_selection(selection, is_plural=True)}"
            if total == 1:
                which = f"the {read_noun(selection)}"
            lacking = [
                Missing(relation.selection, f"no {read_noun(relation.selection)}")
                for relation in asked_relations(must)
                if not len(self._view.matched(relation.selection))
            ]
            found.missing += lacking
            there_is = f" (there is {as_list([one.text for one in lacking])})" if lacking else ""
            found.facts.append(
                f"{which} {verb} the requirement that {read_condition(condition, subject=self._subject)}{there_is}"
                + self._read_from(rows, *selection.where, must)
            )

    def _truth(self, condition: Condition, value: bool) -> str:
        said = read_condition(condition, subject=self._subject)
        return f"it is {'true' if value else 'not true'} that {said}"

    def _alike(self, selection: Selection) -> str:
        """Return what there is of the operation when only the filters fail."""
        if not selection.where:
            return ""
        n = len(self._view.matched(Selection(selection.operation)))
        return f" (of {n} with that name)" if n else ""

    def _counted(self, numeric: Numeric) -> set[int]:
        rows: set[int] = set()
        for node in walk(numeric):
            if isinstance(node, Count | Aggregate | Distinct):
                rows.update(self._view.matched(node.selection).tolist())
        return rows

    def _read_from(self, rows: Collection[int], *asked: Node) -> str:
        """Return where values of the fields asked for stand under another name at rows, for a phrase."""
        at = np.array(sorted(rows), dtype=np.uint32)
        parts = [
            f"{print_field(named)} read from {' and '.join(keys)}"
            for named in dict.fromkeys(named for node in asked for named in fields_of(node))
            if (keys := self._view.evaluator.values.other_keys(at, named))
        ]
        return f" ({', '.join(parts)})" if parts else ""

    def _measured(self, numeric: Numeric) -> str:
        value = value_of_number(self._view, numeric)
        if value is None:
            return f"{read_number(numeric)} has no value"
        shown = f"{read_number(numeric)} is {say_number(value, numeric)}"
        return shown + self._read_from(self._counted(numeric), *_measured_by(numeric))


def _measured_by(numeric: Numeric) -> Iterator[Node]:
    """Yield the filters and fields a number hangs on."""
    for node in walk(numeric):
        if isinstance(node, Count | Aggregate | Distinct):
            yield from node.selection.where
        if isinstance(node, Aggregate | Distinct):
            yield node.field


def _counted_spans(n: int, selection: Selection) -> str:
    """Return how many spans there are, in words."""
    return read_selection(selection) if n == 1 else f"{n} {read_selection(selection, is_plural=True)}"
