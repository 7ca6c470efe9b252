"""Why a rule gave a trace its verdict: what fired the guard, what broke, what was missing, what came nearest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fluo_lab.engine.atoms import Evaluator
from fluo_lab.engine.correlation import Group, Groups
from fluo_lab.engine.explanation.near_miss import NearMiss, NearMisses
from fluo_lab.engine.explanation.unit_view import UnitView
from fluo_lab.engine.explanation.witness import Missing, Witness, Witnesses
from fluo_lab.engine.explanation.wording import as_clauses, as_list, say_duration
from fluo_lab.engine.logic import Verdict
from fluo_lab.language import And, Condition, Not, Or, RuleTree, print_field
from fluo_lab.traces import Traces

__all__ = ["Explanation", "Missing", "NearMiss", "explain"]

_PHRASES_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a trace got its verdict.

    Attributes
    ----------
    guard_rows, broken_rows
        Rows of the spans that fired the guard, and of those that broke the obligation, ascending.
    missing
        Spans that were asked for and are not there.
    why
        One sentence or two; the last one tells the nearest miss, where there is one.
    broken
        The smallest obligation that does not hold on the spans seen, the first of several in the rule's order; what
        must never be stands here as ``not …``. None where all hold, and where the rule does not apply.
    near
        What nearly satisfied the broken obligations, by obligation, the nearest first; where the rule does not apply,
        what nearly fired its guard.
    group
        Of a rule across traces, the group that decided; None where the trace is in none.
    """

    trace_row: int
    trace_id: str
    verdict: Verdict
    guard_rows: tuple[int, ...]
    broken_rows: tuple[int, ...]
    missing: tuple[Missing, ...]
    why: str
    broken: Condition | None = None
    near: tuple[NearMiss, ...] = ()
    group: Group | None = None


def explain(evaluator: Evaluator, rule: RuleTree, trace_row: int, verdict: Verdict, *, unit: int | None) -> Explanation:
    """Return why a rule gave a trace its verdict.

    Parameters
    ----------
    unit
        What was judged, by its number in ``evaluator.units``; None: no group of a rule across traces.
    """
    if unit is None:
        return _in_no_group(evaluator, rule, trace_row)
    view = UnitView(evaluator, unit)
    near = NearMisses(view)
    subject = "the trace" if rule.correlation is None else "the group"
    witnesses = Witnesses(view, subject=subject)
    applies = verdict is not Verdict.NOT_APPLICABLE
    guard = witnesses.of(rule.when) if rule.when is not None else None
    obligations = list(_obligations(rule)) if applies else []
    failing = [obligation for obligation in obligations if not view.is_seen(obligation)]
    broken = Witness()
    for obligation in failing:
        found = witnesses.of(obligation)
        if isinstance(obligation, Not) and guard is not None and guard.things:
            found.things[:1] = [thing if thing.startswith("no ") else f"also {thing}" for thing in found.things[:1]]
        broken.take(found)
    if applies:
        misses = tuple(miss for obligation in failing for miss in near.of(obligation))
    else:
        misses = () if rule.when is None else near.of(rule.when)
    group = evaluator.units.group(unit) if isinstance(evaluator.units, Groups) else None
    fired = _fired(subject if group is None else f"the group of {group}", guard, is_one=group is not None)
    match verdict:
        case Verdict.NOT_APPLICABLE:
            said = f"The rule does not apply: {_not_fired(subject, guard)}"
        case Verdict.PASS:
            said = f"{fired}, and all that is required holds: {_held(witnesses, near, obligations)}"
        case Verdict.VIOLATION:
            said = f"{fired}, but {_broken(guard, broken)}"
        case Verdict.INCONCLUSIVE:
            state = _broken(guard, broken) if failing else "all that is required holds so far"
            doubtful = [obligation for obligation in obligations if not view.is_sure(obligation)]
            example = next((text for one in doubtful if (text := near.satisfied(one))), None)
            said = f"{fired}; {state}, but {_open(view, subject, example, is_broken=bool(failing))}"
    nearest = f" The nearest miss: {misses[0].text}." if misses else ""
    return Explanation(
        trace_row=trace_row,
        trace_id=evaluator.traces.traces["trace_id"][trace_row],
        verdict=verdict,
        guard_rows=tuple(sorted(guard.rows)) if applies and guard is not None else (),
        broken_rows=tuple(sorted(broken.rows)),
        missing=tuple(dict.fromkeys(broken.missing)),
        why=f"{said}.{nearest}",
        broken=failing[0] if failing else None,
        near=misses,
        group=group,
    )


def _in_no_group(evaluator: Evaluator, rule: RuleTree, trace_row: int) -> Explanation:
    """Return that a rule across traces does not see a trace."""
    fields = [print_field(field) for field in rule.correlation.fields] if rule.correlation is not None else []
    carried = fields[0] if len(fields) == 1 else f"all of {as_list(fields)}"
    return Explanation(
        trace_row=trace_row,
        trace_id=evaluator.traces.traces["trace_id"][trace_row],
        verdict=Verdict.NOT_APPLICABLE,
        guard_rows=(),
        broken_rows=(),
        missing=(),
        why=f"The rule does not apply: no span of the trace carries {carried}.",
    )


def _obligations(rule: RuleTree) -> Iterator[Condition]:
    """Yield the smallest conditions that must all hold; what must never be comes negated."""
    if rule.always is not None:
        yield from _conjuncts(rule.always)
    if rule.never is not None:
        yield from _conjuncts(rule.never, wanted=False)


def _conjuncts(condition: Condition, *, wanted: bool = True) -> Iterator[Condition]:
    """Yield the conditions that must all hold for one to have the value that is wanted."""
    match condition:
        case Not(operand=operand):
            yield from _conjuncts(operand, wanted=not wanted)
        case And(operands=operands) | Or(operands=operands) if isinstance(condition, And) == wanted:
            for operand in operands:
                yield from _conjuncts(operand, wanted=wanted)
        case _:
            yield condition if wanted else Not(operand=condition, at=condition.at)


# --- sentences ----------------------------------------------------------------------------------------------


def _fired(subject: str, guard: Witness | None, *, is_one: bool) -> str:
    """Return what fired the guard, as the beginning of a sentence; ``is_one``: the subject is a certain group."""
    if guard is None:
        if is_one:
            return f"The rule applies to {subject}"
        return f"The rule applies to every {subject.removeprefix('the ')}"
    if guard.things:
        said = f"{subject[0].upper()}{subject[1:]} has {as_list(guard.things)}"
        return said + "".join(f", and {fact}" for fact in dict.fromkeys(guard.facts))
    return f"In {subject}, {as_list(guard.facts)}"


def _not_fired(subject: str, guard: Witness | None) -> str:
    """Return why the guard did not fire."""
    if guard is None:
        return f"{subject} is not judged"
    things = [f"{subject} has {as_list(guard.things)}"] if guard.things else []
    return ", and ".join([*things, *dict.fromkeys(guard.facts)])


def _broken(guard: Witness | None, broken: Witness) -> str:
    """Return what broke, to follow what fired the guard."""
    parts = list(dict.fromkeys(broken.facts))
    if broken.things:
        verb = "" if guard is not None and guard.things else "it has " if guard is not None else "this one has "
        parts.insert(0, verb + as_list(broken.things))
    return ", and ".join(parts)


def _held(witnesses: Witnesses, near: NearMisses, obligations: list[Condition]) -> str:
    """Return what satisfied the obligations, shortly."""
    phrases: list[str] = []
    for obligation in obligations:
        found, example = witnesses.of(obligation), near.satisfied(obligation)
        phrases += [*found.things, *found.facts]
        if example is not None:
            phrases[-1] += f" ({example})"
    distinct = list(dict.fromkeys(phrases))
    shown = distinct[:_PHRASES_SHOWN]
    return as_clauses([*shown, "more"] if len(distinct) > len(shown) else shown)


def _open(view: UnitView, subject: str, example: str | None, *, is_broken: bool) -> str:
    """Return what leaves the answer open."""
    if view.evaluator.open[view.unit]:
        reasons = _incompleteness(view.traces, view.unit) if subject == "the trace" else "its window has not closed"
        come = "spans may be missing" if is_broken else "more spans may come"
        return f"{subject} is incomplete ({reasons}), so {come}"
    skew = say_duration(view.evaluator.select.span_skew_ns)
    shown = "" if example is None else f" ({example})"
    return f"this hangs on an order of times within the clock tolerance of {skew}{shown}"


def _incompleteness(traces: Traces, trace_row: int) -> str:
    """Return what shows that a trace lacks spans."""
    facts = traces.traces.row(trace_row, named=True)
    orphans = facts["n_orphans"]
    reasons = [
        ("it has no root span", not facts["n_roots"]),
        (
            "a span has a parent that is not there"
            if orphans == 1
            else f"{orphans} spans have parents that are not there",
            orphans,
        ),
        ("its parents form a cycle", facts["has_cycle"]),
        ("it was declared incomplete", facts["is_declared_incomplete"]),
        ("it lies at the edge of the window that was read", facts["is_at_window_edge"]),
    ]
    return as_list([reason for reason, holds in reasons if holds])
