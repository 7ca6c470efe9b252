"""From tree to text: one canonical form, that reads back as the same tree."""

from __future__ import annotations

from collections.abc import Callable

from fluo_lab.language.literals import print_duration, print_number, quote
from fluo_lab.language.names import print_field, print_name, print_operation
from fluo_lab.language.tree import (
    Aggregate,
    And,
    Arithmetic,
    AttributeRef,
    Bool,
    Comparison,
    Condition,
    Contains,
    Correlation,
    Count,
    Distinct,
    Duration,
    Event,
    Every,
    Exists,
    FieldComparison,
    Has,
    In,
    Matches,
    Not,
    Number,
    Numeric,
    Or,
    Parameter,
    Predicate,
    Relation,
    Rising,
    RuleTree,
    Selection,
    Text,
    TraceDuration,
    TraceSpans,
    Value,
)

__all__ = [
    "print_condition",
    "print_number_of_trace",
    "print_predicate",
    "print_rule",
    "print_selection",
    "print_value",
]

_WIDTH = 100


def print_rule(tree: RuleTree) -> str:
    """Return a rule in its canonical form: clauses in full, on one line when they fit.

    Examples
    --------
    >>> from fluo_lab.language import parse_rule
    >>> print_rule(parse_rule("trace.has(a).where(kind == write) and trace.has('b')".replace("'", '"')))
    'when { trace.has(a).where(kind == "write") } always { trace.has(b) }'
    """
    parts = [] if tree.correlation is None else [_correlation(tree.correlation)]
    for keyword, condition in (("when", tree.when), ("always", tree.always), ("never", tree.never)):
        if condition is not None:
            parts.append(f"{keyword} {{ {print_condition(condition)} }}")
    line = " ".join(parts)
    return line if len(line) <= _WIDTH else "\n".join(parts)


def _correlation(node: Correlation) -> str:
    return f"per {', '.join(print_field(field) for field in node.fields)} within {_time(node.within)}"


def _time(node: Duration | Parameter) -> str:
    return print_value(node)


def print_condition(node: Condition) -> str:
    """Return a condition, with as few parentheses as it needs."""
    match node:
        case And() | Or() | Not():
            return _algebra(node, print_condition)
        case Has(selection=selection):
            return _call("has", selection)
        case Every(selection=selection, must=must):
            return f"{_call('every', selection)}.must({print_predicate(must)})"
        case Rising(selection=selection, field=field):
            return _call("rising", selection, print_field(field))
        case Comparison(left=left, operator=operator, right=right):
            return f"{print_number_of_trace(left)} {operator} {print_number_of_trace(right)}"


def _algebra(node: And | Or | Not, inner: Callable[..., str]) -> str:  # type: ignore[type-arg]
    """Return an `and`, `or` or `not` of conditions or of predicates."""
    if isinstance(node, Not):
        text = inner(node.operand)
        return f"not ({text})" if isinstance(node.operand, And | Or) else f"not {text}"
    word = " and " if isinstance(node, And) else " or "
    loose = (Or, And) if isinstance(node, And) else (Or,)
    return word.join(f"({inner(o)})" if isinstance(o, loose) else inner(o) for o in node.operands)


def _call(function: str, selection: Selection, *arguments: str) -> str:
    inside = ", ".join((print_operation(selection.operation), *arguments))
    return f"trace.{function}({inside}){_filters(selection)}"


def _filters(selection: Selection) -> str:
    return "".join(f".where({print_predicate(predicate)})" for predicate in selection.where)


def print_selection(selection: Selection) -> str:
    """Return which spans are meant, with their filters, as inside the braces of a clause."""
    return print_operation(selection.operation) + _filters(selection)


def print_number_of_trace(node: Numeric) -> str:
    """Return a number of a trace.

    Examples
    --------
    >>> print_number_of_trace(Arithmetic(Arithmetic(Number(1), "+", Number(2)), "*", Number(3)))
    '(1 + 2) * 3'
    """
    match node:
        case Count(selection=selection):
            return _call("count", selection)
        case Aggregate(function=function, selection=selection, field=field):
            return _call(function, selection, print_field(field))
        case Distinct(selection=selection, field=field):
            return _call("distinct", selection, print_field(field))
        case TraceDuration():
            return "trace.duration"
        case TraceSpans():
            return "trace.spans"
        case Arithmetic(left=left, operator=operator, right=right):
            return f"{_operand(left, operator)} {operator} {_operand(right, operator, is_right=True)}"
    return print_value(node)


def _operand(node: Numeric, operator: str, *, is_right: bool = False) -> str:
    text = print_number_of_trace(node)
    if not isinstance(node, Arithmetic):
        return text
    # Chains lean left, so an operand of the same rank needs parentheses on the right only.
    is_looser = node.operator in "+-" and operator in "*/"
    is_same = (node.operator in "+-") == (operator in "+-")
    return f"({text})" if is_looser or (is_right and is_same) else text


def print_predicate(node: Predicate) -> str:
    """Return a predicate, with as few parentheses as it needs.

    Examples
    --------
    >>> from fluo_lab.language import parse_predicate
    >>> print_predicate(parse_predicate("(a > b) and not (c in [x, 1] or exists(d))"))
    'a > b and not (c in ["x", 1] or exists(d))'
    """
    match node:
        case And() | Or() | Not():
            return _algebra(node, print_predicate)
        case FieldComparison(field=field, operator=operator, value=value):
            if operator.is_ordering and isinstance(value, AttributeRef):
                word = print_field(value.field)
                # A quoted name would be a text, so only an unquoted one can stand without attr().
                shown = print_value(value) if '"' in word else word
                return f"{print_field(field)} {operator} {shown}"
            return f"{print_field(field)} {operator} {print_value(value)}"
        case In(field=field, values=values, negated=negated):
            listed = ", ".join(print_value(value) for value in values)
            return f"{print_field(field)} {_not(negated)}in [{listed}]"
        case Contains(field=field, value=value, negated=negated):
            return f"{print_field(field)} {_not(negated)}contains {print_value(value)}"
        case Matches(field=field, pattern=pattern, negated=negated):
            return f"{print_field(field)} {_not(negated)}matches {print_value(pattern)}"
        case Exists(field=field):
            return f"exists({print_field(field)})"
        case Event(name=name, where=where):
            inside = "" if where is None else f", {print_predicate(where)}"
            written = print_name(name)
            quoted = written if written.startswith('"') else f'"{written}"'
            return f"event({quoted}{inside})"
        case Relation():
            return _relation(node)


def _not(negated: bool) -> str:
    return "not " if negated else ""


def _relation(node: Relation) -> str:
    parts = [print_selection(node.selection)]
    if node.within is not None:
        parts.append(f"within {_time(node.within)}")
    for here, there in node.same:
        parts.append(f"same {print_field(here)}" + ("" if here == there else f" as {print_field(there)}"))
    if node.without is not None:
        parts.append(f"without {print_operation(node.without)}")
    return f"{node.kind}({', '.join(parts)})"


def print_value(node: Value) -> str:
    r"""Return a value; texts are quoted.

    Examples
    --------
    >>> print_value(Text("a\\d")), print_value(Duration(1_500_000_000)), print_value(Parameter("limit"))
    ('"a\\\\d"', '1500ms', '$limit')
    """
    match node:
        case Number(value=number):
            return print_number(number)
        case Text(value=text):
            return quote(text)
        case Bool(value=flag):
            return "true" if flag else "false"
        case Duration(ns=ns):
            return print_duration(ns)
        case Parameter(name=name):
            return f"${name}"
        case AttributeRef(field=field):
            return f"attr({print_field(field)})"
