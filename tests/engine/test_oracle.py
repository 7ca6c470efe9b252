"""What each construct means, worked out by hand from the language reference: for the interpreter and for the engine.

Without this table the two could be wrong alike. Traces are written as ``span_notes`` says; times are microseconds.
"""

from __future__ import annotations

import oracle
import pytest
from span_notes import US, spans_of, trace_id

from fluo_lab.engine import Verdict, evaluate
from fluo_lab.language import parse_rule
from fluo_lab.traces import traces_from_spans

YES, NO, OPEN, NONE = "pass", "violation", "inconclusive", "not_applicable"


def a_must(relation):
    return f"always {{ every(a).must({relation}) }}"


def a_is(relation):
    return f"always {{ has(a).where({relation}) }}"


ORDER = {
    "a span that ends when another starts has finished": (a_must("after(b)"), "b 0-2; a 2-3", YES),
    "a span that still runs has not finished": (a_must("after(b)"), "b 0-3; a 2-4", NO),
    "before touches too": (a_must("before(b)"), "a 0-2; b 2-3", YES),
    "before does not hold of a span that started within": (a_must("before(b)"), "a 0-2; b 1-3", NO),
    "equal starts are starts after": (a_must("starts_after(b)"), "a 1-2; b 1-5", YES),
    "equal starts are starts before": (a_must("starts_before(b)"), "a 1-2; b 1-5", YES),
    "a later start is no start after": (a_must("starts_after(b)"), "a 1-2; b 2-5", NO),
    "an earlier start is no start before": (a_must("starts_before(b)"), "b 0-5; a 1-2", NO),
    "no span is its own partner": (a_must("starts_after(a)"), "a 0-0", NO),
    "its twin is": (a_must("starts_after(a)"), "a 0-0 #1; a 0-0 #2", YES),
    "spans without length finish at once": (a_must("after(a) and before(a)"), "a 0-0 #1; a 0-0 #2", YES),
    "touching spans do not overlap": (a_must("overlaps(b)"), "a 0-2; b 2-3", NO),
    "a common instant is an overlap": (a_must("overlaps(b)"), "a 0-3; b 2-5", YES),
    "an instant inside overlaps": (a_must("overlaps(b)"), "a 0-3; b 1-1", YES),
    "an instant at the start does not": (a_must("overlaps(b)"), "a 0-3; b 0-0", NO),
    "every one must, and one does not": (a_must("after(b)"), "b 0-1; a 1-2 #1; a 0-2 #2", NO),
    "one is enough for has": (a_is("after(b)"), "b 0-1; a 1-2 #1; a 0-2 #2", YES),
}

WITHIN = {
    "within is inclusive after": (a_must("after(b, within 3us)"), "b 0-2; a 5-6", YES),
    "within ends after": (a_must("after(b, within 2us)"), "b 0-2; a 5-6", NO),
    "within is inclusive before": (a_must("before(b, within 3us)"), "a 0-2; b 5-6", YES),
    "within ends before": (a_must("before(b, within 2us)"), "a 0-2; b 5-6", NO),
    "the starts are measured for starts_after": (a_must("starts_after(b, within 4us)"), "b 0-9; a 4-5", YES),
    "and not less than them": (a_must("starts_after(b, within 3us)"), "b 0-9; a 4-5", NO),
    "the starts are measured for starts_before": (a_must("starts_before(b, within 4us)"), "a 0-9; b 4-5", YES),
    "and not the gap": (a_must("starts_before(b, within 3us)"), "a 0-9; b 4-5", NO),
    "a nearer partner will do": (a_must("after(b, within 1us)"), "b 0-1 #1; b 2-4 #2; a 5-6", YES),
    "a gap is measured beside": (a_must("beside(b, within 3us)"), "a 0-2; b 5-6", YES),
    "on either side": (a_must("beside(b, within 2us)"), "b 0-2; a 5-6", NO),
    "overlapping spans have no gap": (a_must("beside(b, within 0us)"), "a 0-5; b 3-9", YES),
    "touching ones neither": (a_must("beside(b, within 0us)"), "a 0-5; b 5-9", YES),
    "a gap is measured to the parent": (a_must("child_of(b, within 3us)"), "b 0-1; a 4-5", YES),
    "and may be too wide": (a_must("child_of(b, within 2us)"), "b 0-1; a 4-5", NO),
    "overlaps have no gap": (a_must("overlaps(b, within 0us)"), "b 0-3; a 2-5", YES),
}

SAME = {
    "the same value joins": (a_must("after(b, same k)"), "b 0-1 k=1; a 2-3 k=1", YES),
    "another does not": (a_must("after(b, same k)"), "b 0-1 k=2; a 2-3 k=1", NO),
    "two missing values do not join": (a_must("after(b, same k)"), "b 0-1; a 2-3", NO),
    "one missing value does not": (a_must("after(b, same k)"), "b 0-1 k=1; a 2-3", NO),
    "texts are compared": (a_must("after(b, same k)"), "b 0-1 k='5'; a 2-3 k=5.0", YES),
    "a whole double has the text of an integer": (a_must("after(b, same k)"), "b 0-1 k=5; a 2-3 k=5.0", YES),
    "no NaN joins": (a_must("after(b, same k)"), "b 0-1 k=NaN; a 2-3 k=NaN", NO),
    "nor with its text": (a_must("after(b, same k)"), "b 0-1 k='NaN'; a 2-3 k=NaN", NO),
    "the text NaN is a text": (a_must("after(b, same k)"), "b 0-1 k='NaN'; a 2-3 k='NaN'", YES),
    "here and there are told apart": (a_must("after(b, same f as g)"), "b 0-1 g=x; a 2-3 f=x", YES),
    "and not mixed up": (a_must("after(b, same f as g)"), "b 0-1 f=x; a 2-3 g=x", NO),
    "one partner must share all": (
        a_must("after(b, same k, same m)"),
        "b 0-1 #1 k=1 m=2; b 0-1 #2 k=2 m=1; a 2-3 k=1 m=1",
        NO,
    ),
    "the joined partner must be the near one": (
        a_must("after(b, within 1us, same k)"),
        "b 0-1 #1 k=1; b 0-4 #2 k=2; a 5-6 k=1",
        NO,
    ),
    "intrinsic fields join too": (a_must("beside(*, same span.name)"), "a 0-1 #1; a 5-6 #2", YES),
}

ALTERNATION = "always { every(a).must(before(b, without a)) }"
WITHOUT = {
    "A B A B alternates": (ALTERNATION, "a 0-1 #1; b 2-3 #2; a 4-5 #3; b 6-7 #4", YES),
    "A A B does not": (ALTERNATION, "a 0-1 #1; a 2-3 #2; b 4-5 #3", NO),
    "a last A without a B does not": (ALTERNATION, "a 0-1 #1; b 2-3 #2; a 4-5 #3", NO),
    "a start between disturbs": (a_must("before(b, without c)"), "a 0-1; c 1-9; b 2-3", NO),
    "a start with the partner's is not between": (a_must("before(b, without c)"), "a 0-1; b 2-3; c 2-3", YES),
    "a start with the span's own is not between": (a_must("before(b, without c)"), "a 0-1; c 0-9; b 2-3", YES),
    "the nearest partner is undisturbed": (
        a_must("before(b, without c)"),
        "a 0-1; b 1-1 #1; c 2-2; b 3-3 #2",
        YES,
    ),
    "a start between disturbs what was before": (a_must("after(b, without c)"), "b 0-1; c 1-2; a 3-4", NO),
    "between are the starts, not the ends": (a_must("after(b, without c)"), "c 0-2; b 0-1; a 3-4", YES),
    "starts_after can be undisturbed": (a_must("starts_after(b, without c)"), "b 0-9; a 2-3; c 3-4", YES),
    "neither of the two disturbs": (a_must("starts_before(b, without *)"), "a 0-1; b 2-3", YES),
    "a near partner is disturbed, a far one is too": (
        a_must("before(b, within 2us, without c)"),
        "a 0-1; c 2-2; b 3-3 #1; b 4-4 #2",
        NO,
    ),
}

STRUCTURE = {
    "a parent is above": (a_must("child_of(b)"), "b 0-9; a 1-2", YES),
    "a grandparent is no parent": (a_must("child_of(b)"), "b 0-9; m 0-9; a 1-2 ^m", NO),
    "a grandparent is above all the same": (a_must("under(b)"), "b 0-9; m 0-9; a 1-2 ^m", YES),
    "nobody is under a sibling": (a_must("under(b)"), "r 0-9; b 0-9; a 1-2", NO),
    "a grandchild is below": (a_must("over(b)"), "a 0-9; m 0-9; b 1-2 ^m", YES),
    "and no child": (a_must("parent_of(b)"), "a 0-9; m 0-9; b 1-2 ^m", NO),
    "a child is": (a_must("parent_of(b)"), "a 0-9; b 1-2", YES),
    "children of one parent are siblings": (a_must("sibling_of(b)"), "r 0-9; a 0-1; b 5-6", YES),
    "roots are no siblings": (a_must("sibling_of(b)"), "a 0-1 ^-; b 5-6 ^-", NO),
    "orphans of one parent are siblings": (a_is("sibling_of(b)"), "r 0-9; a 0-1 ^x; b 5-6 ^x", YES),
    "any other span is beside": (a_must("beside(b)"), "r 0-9; a 0-1; b 5-6 ^a", YES),
    "a span is not beside itself": (a_must("beside(a)"), "a 0-1", NO),
    "one id leads to its first span": (a_must("child_of(b)"), "r 0-9; b 0-1 #x; c 1-2 #x; a 3-4 ^x", YES),
    "and not to a later one": (a_must("child_of(c)"), "r 0-9; b 0-1 #x; c 1-2 #x; a 3-4 ^x", NO),
    "order of times does not bind the structure": (a_must("child_of(b)"), "a 0-1 ^b; b 5-6 ^-", YES),
}

JUDGED = {"judge_incomplete": True}
CYCLES = {
    "each is above the other in a cycle": (a_must("under(b)"), "a 0-1 ^b; b 1-2 ^a", YES, JUDGED),
    "and below": (a_must("over(b)"), "a 0-1 ^b; b 1-2 ^a", YES, JUDGED),
    "no span is its own ancestor in a cycle": (a_must("under(a)"), "a 0-1 ^b; b 1-2 ^a", NO, JUDGED),
    "nor under itself": (a_must("under(a) or over(a) or child_of(a)"), "a 0-1 ^a", NO, JUDGED),
    "below a cycle all of it is above": (a_must("under(b) and under(c)"), "b 0-1 ^c; c 0-1 ^b; a 1-2 ^b", YES, JUDGED),
    "a span below a cycle is not above it": (a_must("over(b)"), "b 0-1 ^c; c 0-1 ^b; a 1-2 ^b", NO, JUDGED),
    "a cycle makes a trace incomplete": (a_must("after(c)"), "r 0-9; a 0-1 ^b; b 1-2 ^a", OPEN),
    "what is seen in a cycle is certain": (a_is("under(b)"), "r 0-9; a 0-1 ^b; b 1-2 ^a", YES),
    "what is not seen in a cycle is open": (a_is("not under(c)"), "r 0-9; a 0-1 ^b; b 1-2 ^a", OPEN),
    "a cycle ends the walk before a root is found": (a_must("under(r)"), "r 0-9; a 0-1 ^b; b 1-2 ^a", OPEN),
}

NESTED = {
    "a partner can be one that stands so": (a_must("after(b.where(child_of(c)))"), "c 0-9; b 0-1; a 2-3", YES),
    "and another cannot": (a_must("after(b.where(child_of(c)))"), "r 0-9; c 0-9; b 0-1; a 2-3", NO),
    "a partner can be one that does not": (a_must("after(b.where(not child_of(c)))"), "c 0-9; b 0-1; a 2-3", NO),
    "filters of a partner are of one span": (
        a_must("after(b.where(k == 1).where(after(c)))"),
        "c 0-1; b 0-2 #1 k=1; b 1-2 #2 k=2; a 3-4",
        NO,
    ),
    "a partner's partner can be the span itself": (a_must("before(b.where(after(a)))"), "a 0-1; b 2-3", YES),
}

DECLARED = {"declared": ("1",)}
INCOMPLETE = {
    "a missing partner may be missing": (a_must("after(b)"), "a 1-2 ^x", OPEN),
    "a seen one is enough for has": (a_is("after(b)"), "b 0-1 ^x; a 1-2 ^x", YES),
    "and breaks a never": ("never { has(a).where(after(b)) }", "b 0-1 ^x; a 1-2 ^x", NO),
    "every one seen says nothing of those unseen": (a_must("after(b)"), "b 0-1 ^x; a 1-2 ^x", OPEN),
    "a parent that is there is another": (a_must("child_of(c)"), "b 0-9 ^x; a 1-2 ^b", NO),
    "a parent that is not there may be it": (a_must("child_of(c)"), "b 0-9 ^x; a 1-2 ^x", OPEN),
    "a root has no parent": (a_must("child_of(c)"), "a 0-9; b 1-2 ^x", NO),
    "a root has nothing above": (a_must("under(c)"), "a 0-9; b 1-2 ^x", NO),
    "a root has no siblings": (a_must("sibling_of(c)"), "a 0-9; b 1-2 ^x", NO),
    "others may have them": (a_must("sibling_of(c)"), "r 0-9; a 0-1; b 1-2 ^x", OPEN),
    "a chain to a root is known": (a_must("under(c)"), "r 0-9; m 0-9; a 0-1 ^m; b 1-2 ^x", NO),
    "a chain into the dark is not": (a_must("under(c)"), "r 0-9; m 0-9 ^x; a 0-1 ^m", OPEN),
    "the negation of what is settled is settled": (a_is("not child_of(c)"), "b 0-9 ^x; a 1-2 ^b", YES),
    "of what is not it is open": (a_is("not child_of(c)"), "b 0-9 ^x; a 1-2 ^x", OPEN),
    "children may be missing": (a_must("parent_of(c)"), "a 0-9; b 1-2 ^x", OPEN),
    "descendants too": (a_must("over(c)"), "a 0-9; b 1-2 ^x", OPEN),
    "others beside too": (a_must("beside(c)"), "a 0-9; b 1-2 ^x", OPEN),
    "the one between may be missing": (a_is("before(b, without c)"), "a 0-1 ^x; b 1-2 ^x", OPEN),
    "when it is there another pair may not": (a_must("before(b, without c)"), "a 0-1 ^x; c 1-1; b 2-2", OPEN),
    "a settled partner must pass its filter": (a_must("child_of(b.where(k == 1))"), "b 0-9 ^x k=2; a 1-2 ^b", NO),
    "a filter that is open leaves it open": (a_must("child_of(b.where(after(c)))"), "b 0-9 ^x; a 1-2 ^b", OPEN),
    "a settled parent may be too far": (a_must("child_of(b, within 1us)"), "b 0-1 ^x; a 5-6 ^b", NO),
    "a declared trace is incomplete": (a_must("after(b)"), "a 1-2", OPEN, DECLARED),
    "judging takes it for whole": (a_must("after(b)"), "a 1-2", NO, DECLARED | JUDGED),
}


def skewed(by):
    return {"span_skew_ns": by * US}


SKEW = {
    "outside the skew order is certain": (a_must("after(b)"), "b 0-3; a 5-6", YES, skewed(2)),
    "inside it is open": (a_must("after(b)"), "b 0-3; a 4-5", OPEN, skewed(2)),
    "on the other side too": (a_must("after(b)"), "b 0-3; a 1-4", OPEN, skewed(2)),
    "beyond it order fails": (a_must("after(b)"), "b 0-3; a 0-4", NO, skewed(2)),
    "a negation turns the skew": (a_must("not after(b)"), "b 0-3; a 0-4", YES, skewed(2)),
    "and leaves the inside open": (a_must("not after(b)"), "b 0-3; a 4-5", OPEN, skewed(2)),
    "and fails where order is certain": (a_must("not after(b)"), "b 0-3; a 5-6", NO, skewed(2)),
    "equal starts are open": (a_must("starts_after(b)"), "b 0-3; a 0-1", OPEN, skewed(1)),
    "a start later by the skew is certain": (a_must("starts_after(b)"), "b 0-3; a 1-2", YES, skewed(1)),
    "an overlap of the skew is open": (a_must("overlaps(b)"), "a 0-3; b 2-5", OPEN, skewed(1)),
    "a longer one is certain": (a_must("overlaps(b)"), "a 0-4; b 2-5", YES, skewed(1)),
    "touching is open": (a_must("overlaps(b)"), "a 0-2; b 2-3", OPEN, skewed(1)),
    "a gap of the skew is none": (a_must("overlaps(b)"), "a 0-2; b 3-4", NO, skewed(1)),
    "structure knows no skew": (a_must("child_of(b)"), "b 0-1; a 0-1", YES, skewed(9)),
    "within less the skew is certain": (a_must("after(b, within 3us)"), "b 0-1; a 3-4", YES, skewed(1)),
    "at its end it is open": (a_must("after(b, within 3us)"), "b 0-1; a 4-5", OPEN, skewed(1)),
    "as far as the skew beyond": (a_must("after(b, within 3us)"), "b 0-1; a 5-6", OPEN, skewed(1)),
    "and no farther": (a_must("after(b, within 3us)"), "b 0-1; a 6-7", NO, skewed(1)),
    "a start surely between disturbs": (a_must("before(b, without c)"), "a 0-1; c 3-3; b 5-6", NO, skewed(1)),
    "one near an end may": (a_must("before(b, without c)"), "a 0-1; c 4-4; b 5-6", OPEN, skewed(1)),
    "one at an end may": (a_must("before(b, without c)"), "a 0-1; b 5-6; c 5-5", OPEN, skewed(1)),
    "one outside by the skew does not": (a_must("before(b, without c)"), "a 0-1; b 5-6; c 6-6", YES, skewed(1)),
    "a guard inside the skew is open": (
        "when { has(a).where(after(b)) } always { b }",
        "b 0-3; a 4-5",
        OPEN,
        skewed(2),
    ),
    "a guard not seen does not apply": (
        "when { has(a).where(after(b)) } always { b }",
        "b 0-3; a 2-5",
        NONE,
        skewed(2),
    ),
    "a count without relations is exact": ("always { count(a) == 1 }", "b 0-3; a 2-5", YES, skewed(9)),
    "a partner's filter is read alike": (a_must("beside(b.where(after(c)))"), "c 0-1; b 1-2; a 5-6", OPEN, skewed(1)),
    "in an incomplete trace too": (a_is("after(b)"), "b 0-3 ^x; a 4-5 ^x", OPEN, skewed(2)),
    "where outside is still certain": (a_is("after(b)"), "b 0-3 ^x; a 5-6 ^x", YES, skewed(2)),
}

LATE = ".where(after(b))"
TWO = "b 0-3; a 5-6 #1 v=5; a 4-5 #2 v=7"  # with a skew of 2us the first a is certainly after b, the second perhaps
TWO_LOW = "b 0-3; a 5-6 #1 v=5; a 4-5 #2 v=3"
ONE = "b 0-3; a 4-5 v=7"
SKEWED_NUMBERS = {
    f"{function} {comparison} on {spans}": (f"always {{ {function}{LATE} {comparison} }}", spans, expected, skewed(2))
    for function, comparison, spans, expected in [
        ("count(a)", ">= 1", TWO, YES),
        ("count(a)", "== 2", TWO, OPEN),
        ("count(a)", "<= 2", TWO, YES),
        ("count(a)", "> 2", TWO, NO),
        ("distinct(a, v)", "< 3", TWO, YES),
        ("distinct(a, v)", "== 1", TWO, OPEN),
        ("max(a, v)", ">= 5", TWO, YES),
        ("max(a, v)", "<= 7", TWO, YES),
        ("max(a, v)", "== 7", TWO, OPEN),
        ("max(a, v)", "> 7", TWO, NO),
        ("max(a, v)", "> 7", ONE, NO),
        ("max(a, v)", ">= 7", ONE, OPEN),
        ("min(a, v)", "<= 5", TWO_LOW, YES),
        ("min(a, v)", "< 3", TWO_LOW, NO),
        ("min(a, v)", "== 5", TWO_LOW, OPEN),
        ("sum(a, v)", "> -100", TWO, OPEN),
        ("avg(a, v)", "== 7", ONE, OPEN),
        ("sum(a, v)", "== 5", "b 0-3; a 5-6 v=5", YES),
        ("avg(a, v)", "== 5", "b 0-3; a 5-6 #1 v=5; a 0-1 #2 v=9", YES),
    ]
}

RISING = {
    "later is larger": ("always { rising(a, v) }", "a 0-1 #1 v=1; a 1-1 #2 v=2", YES),
    "later is equal": ("always { rising(a, v) }", "a 0-1 #1 v=1; a 1-1 #2 v=1", NO),
    "equal starts are free": ("always { rising(a, v) }", "a 0-1 #1 v=1; a 0-1 #2 v=1", YES),
    "those without the field stand aside": ("always { rising(a, v) }", "a 0-1 #1 v=1; a 1-1 #2; a 2-2 #3 v=2", YES),
    "any two count, not just neighbours": ("always { rising(a, v) }", "a 0-1 #1 v=3; a 1-1 #2; a 2-2 #3 v=2", NO),
    "numbers in texts rise": ("always { rising(a, v) }", "a 0-1 #1 v='9'; a 1-1 #2 v='10'", YES),
    "one NaN is above nothing": ("always { rising(a, v) }", "a 0-1 #1 v=1; a 1-1 #2 v=NaN", NO),
    "a fall is certain in an incomplete trace": ("always { rising(a, v) }", "a 0-1 #1 ^x v=1; a 1-1 #2 ^x v=1", NO),
    "a rise is not": ("always { rising(a, v) }", "a 0-1 #1 ^x v=1; a 1-1 #2 ^x v=2", OPEN),
    "a fall inside the skew is open": ("always { rising(a, v) }", "a 0-0 #1 v=2; a 1-1 #2 v=1", OPEN, skewed(2)),
    "a fall outside is certain": ("always { rising(a, v) }", "a 0-0 #1 v=2; a 3-3 #2 v=1", NO, skewed(2)),
    "a rise inside the skew is open": ("always { rising(a, v) }", "a 0-0 #1 v=1; a 1-1 #2 v=2", OPEN, skewed(2)),
    "a rise outside is certain": ("always { rising(a, v) }", "a 0-0 #1 v=1; a 2-2 #2 v=2", YES, skewed(2)),
    "one carrier cannot fall": ("always { rising(a, v) }", "a 0-0 v=1", YES, skewed(2)),
}

PREDICATES = {
    "every over no span holds": (a_must("k == 1"), "b 0-1", YES),
    "a missing attribute satisfies nothing": (a_must("k != 1"), "a 0-1", NO),
    "nor a negation": (a_must("not (k == 1)"), "a 0-1", NO),
    "another type is not equal": (a_must("k != 1"), "a 0-1 k=x", YES),
    "a numeric text is a number": (a_must("k == 1.0"), "a 0-1 k='1'", YES),
    "a NaN is not equal to itself": (a_must("k == attr(k)"), "a 0-1 k=NaN", NO),
    "or is open in a missing attribute": (a_must("not (k == 1 or m == 1)"), "a 0-1 k=2", NO),
    "arrays contain equal members": (a_must('k contains "x"'), "a 0-1 k=['x','y']", YES),
    "and no parts of them": (a_must('k contains "x"'), "a 0-1 k=['xy']", NO),
    "an aggregate over nothing has no value": ("always { max(a, v) < 5 }", "b 0-1", NO),
    "the negation holds": ("always { not max(a, v) < 5 }", "b 0-1", YES),
    "a sum over nothing is 0": ("always { sum(a, v) == 0 }", "b 0-1", YES),
    "a division by zero has no value": ("always { count(b) / count(a) >= 0 }", "b 0-1", NO),
    "a duration is from the first start to the last end": (
        "always { trace.duration == 9us }",
        "r 1-3; a 2-10; b 4-5",
        YES,
    ),
}

TABLE = {
    f"{topic}: {sentence}": case
    for topic, cases in {
        "order": ORDER,
        "within": WITHIN,
        "same": SAME,
        "without": WITHOUT,
        "structure": STRUCTURE,
        "cycles": CYCLES,
        "nested": NESTED,
        "incomplete": INCOMPLETE,
        "skew": SKEW,
        "skewed numbers": SKEWED_NUMBERS,
        "rising": RISING,
        "predicates": PREDICATES,
    }.items()
    for sentence, case in cases.items()
}


def judged_by_interpreter(rule, spans, options):
    return oracle.verdicts(rule, spans, **options)


def judged_by_engine(rule, spans, options):
    passed_on = {key: value for key, value in options.items() if key != "declared"}
    store = traces_from_spans(spans, incomplete=options.get("declared", ()))
    codes = evaluate([rule], store, **passed_on).verdicts[0].tolist()
    return dict(zip(store.traces["trace_id"].to_list(), [Verdict(code).label for code in codes], strict=True))


JUDGES = pytest.mark.parametrize("judged", [judged_by_interpreter, judged_by_engine], ids=["interpreter", "engine"])


def check(judged, rule, text, expected, options):
    options = {**options, "declared": tuple(map(trace_id, options.get("declared", ())))}
    assert judged(parse_rule(rule), spans_of(text), options) == {trace_id(t): v for t, v in expected.items()}


@JUDGES
@pytest.mark.parametrize("sentence", TABLE)
def test_a_rule_about_one_trace_is_judged_as_worked_out_by_hand(sentence, judged):
    rule, text, expected, *options = TABLE[sentence]
    check(judged, rule, text, {"1": expected}, options[0] if options else {})


ONCE = "per k within 5us never { count(a) > 1 }"
GROUPS = {
    "two traces with one key are one group": (ONCE, "a 0-1 k=x; a 3-4 k=x @2", {"1": NO, "2": NO}),
    "two keys are two": (ONCE, "a 0-1 k=x; a 3-4 k=y @2", {"1": YES, "2": YES}),
    "a gap of the window does not cut": (ONCE, "a 0-1 k=x; a 6-7 k=x @2", {"1": NO, "2": NO}),
    "a wider one does": (ONCE, "a 0-1 k=x; a 7-8 k=x @2", {"1": YES, "2": YES}),
    "the latest end counts, not the last": (
        "per k within 5us never { count(a) > 2 }",
        "a 0-20 k=x; a 1-2 k=x @2; a 25-26 k=x @3",
        {"1": NO, "2": NO, "3": NO},
    ),
    "a trace has the worst of its groups": (
        ONCE,
        "a 0-1 #1 k=x; a 0-1 #2 k=y; a 0-1 #3 k=y @2; a 0-1 #4 k=z @3; a 0-1 #5 @4",
        {"1": NO, "2": NO, "3": YES, "4": NONE},
    ),
    "a rule can apply to one of its groups": (
        "per k within 5us when { b } always { count(a) == 1 }",
        "a 0-1 #1 k=x; a 0-1 #2 k=y; b 0-1 #3 k=y; c 0-1 k=x @2",
        {"1": YES, "2": NONE},
    ),
    "values are one when their texts are": (
        ONCE,
        "a 0-1 k=5; a 3-4 k='5' @2; a 4-5 k=5.0 @3",
        dict.fromkeys("123", NO),
    ),
    "a NaN is a value": (ONCE, "a 0-1 k=NaN; a 3-4 k=NaN @2", {"1": NO, "2": NO}),
    "all fields must be carried": (
        "per k, m within 5us never { count(a) > 1 }",
        "a 0-1 k=x m=y; a 3-4 k=x @2; a 3-4 k=x m=z @3",
        {"1": YES, "2": NONE, "3": YES},
    ),
    "and all equal": (
        "per k, m within 5us never { count(a) > 1 }",
        "a 0-1 k=x m=y; a 3-4 k=x m=y @2",
        {"1": NO, "2": NO},
    ),
    "the fields are not run together": (
        "per k, m within 5us never { count(a) > 1 }",
        "a 0-1 k=xy m=z; a 3-4 k=x m=yz @2",
        {"1": YES, "2": YES},
    ),
    "order holds across traces": (
        "per k within 9us always { every(b).must(after(a)) }",
        "a 0-1 k=x; b 3-4 k=x @2",
        {"1": YES, "2": YES},
    ),
    "only members are partners": (
        "per k within 9us always { every(b).must(after(a)) }",
        "a 0-1; b 3-4 k=x @2; b 3-4 k=y",
        {"1": NO, "2": NO},
    ),
    "only members can be parents": (
        "per k within 9us always { every(a).must(child_of(b)) }",
        "b 0-9; a 1-2 k=x; b 0-9 #3 k=y @2; a 1-2 #4 k=y @2",
        {"1": NO, "2": YES},
    ),
    "others lead up to a member": (
        "per k within 9us always { every(a).must(under(b)) }",
        "b 0-9 k=x; m 0-9; a 1-2 k=x ^m",
        {"1": YES},
    ),
    "a parent is of the same trace": (
        "per k within 9us always { every(a).must(child_of(b)) }",
        "b 0-9 #p k=x; r 0-9 #p @2; a 1-2 k=x ^p @2",
        {"1": NO, "2": NO},
    ),
    "siblings are of the same trace": (
        "per k within 9us always { every(a).must(sibling_of(b)) }",
        "r 0-9 #p; b 0-9 k=x; r 0-9 #p @2; a 1-2 k=x @2",
        {"1": NO, "2": NO},
    ),
    "only members disturb": (
        "per k within 9us always { every(a).must(before(b, without c)) }",
        "a 0-1 k=x; c 1-1; b 2-3 k=x @2",
        {"1": YES, "2": YES},
    ),
    "only members are counted": (
        "per k within 9us always { trace.spans == 2 }",
        "r 0-9; a 0-1 k=x; b 1-2 k=x",
        {"1": YES},
    ),
    "a group lasts as long as its members": (
        "per k within 9us always { trace.duration == 4us }",
        "r 0-9; a 1-2 k=x; b 3-5 k=x @2",
        {"1": YES, "2": YES},
    ),
    "what its traces lack does not matter": ("per k within 5us always { b }", "a 0-1 ^x k=x", {"1": NO}),
    "a declared trace neither": ("per k within 5us always { b }", "a 0-1 k=x", {"1": NO}, DECLARED),
    "a group that may grow is open": (
        "per k within 5us always { b }",
        "a 0-1 k=x",
        {"1": OPEN},
        {"seen_until_ns": 6 * US},
    ),
    "until its window has closed": (
        "per k within 5us always { b }",
        "a 0-1 k=x",
        {"1": NO},
        {"seen_until_ns": 6 * US + 1},
    ),
    "or is judged": ("per k within 5us always { b }", "a 0-1 k=x", {"1": NO}, {"seen_until_ns": 6 * US, **JUDGED}),
    "what has happened stays in an open group": (
        ONCE,
        "a 0-1 k=x; a 1-2 k=x @2",
        {"1": NO, "2": NO},
        {"seen_until_ns": 3 * US},
    ),
    "an open group is worse than a pass": (
        "per k within 5us when { a } always { b }",
        "a 0-1 #1 k=x; b 0-1 #2 k=x; a 9-10 #3 k=x; c 9-10 k=x @2",
        {"1": OPEN, "2": OPEN},
        {"seen_until_ns": 10 * US},
    ),
    "and a violation worse than an open group": (
        "per k within 5us when { a } always { b }",
        "a 0-1 #1 k=x; a 9-10 #3 k=x; c 9-10 k=x @2",
        {"1": NO, "2": OPEN},
        {"seen_until_ns": 10 * US},
    ),
    "the skew widens what is between traces": (
        "per k within 9us always { every(b).must(after(a)) }",
        "a 0-1 k=x; b 2-4 k=x @2",
        {"1": OPEN, "2": OPEN},
        skewed(2),
    ),
}


@JUDGES
@pytest.mark.parametrize("sentence", GROUPS)
def test_a_rule_across_traces_is_judged_as_worked_out_by_hand(sentence, judged):
    rule, text, expected, *options = GROUPS[sentence]
    check(judged, rule, text, expected, options[0] if options else {})


def test_the_interpreter_finds_out_which_traces_are_incomplete():
    whole, others = ["a 0-1; b 1-2", "a 0-1 ^-; b 1-2 ^-"], ["a 0-1 ^x", "a 0-1; b 0-1 ^x", "r 0-1; a 0-1 ^a"]
    assert [oracle.is_incomplete(spans_of(text)) for text in whole] == [False, False]
    assert [oracle.is_incomplete(spans_of(text)) for text in others] == [True, True, True]
