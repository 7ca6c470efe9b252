"""The syntax tree of a rule: frozen nodes with positions.

Two nodes are equal when they mean the same text, wherever it stands: positions and other marks that only
editors and lints look at take no part in comparison, so nodes can be hash-consed as they are.

A rule is always kept in its clause form. The guide's bare conditions are rewritten by the parser: ``A and B``
becomes ``when { A } always { B }``, anything else ``always { … }``; ``Rule.form`` remembers which it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Generic, TypeAlias, TypeVar

__all__ = [
    "NOWHERE",
    "Aggregate",
    "And",
    "Arithmetic",
    "AttributeRef",
    "Bool",
    "Comparison",
    "Condition",
    "Contains",
    "Correlation",
    "Count",
    "Distinct",
    "Duration",
    "Event",
    "Every",
    "Exists",
    "Field",
    "FieldComparison",
    "FieldKind",
    "Form",
    "Has",
    "In",
    "Matches",
    "Name",
    "Node",
    "Not",
    "Number",
    "Numeric",
    "Operation",
    "Operator",
    "Or",
    "Parameter",
    "Position",
    "Predicate",
    "Relation",
    "RelationKind",
    "Rising",
    "RuleTree",
    "Selection",
    "Text",
    "TraceDuration",
    "TraceSpans",
    "Value",
    "walk",
]


@dataclass(frozen=True, slots=True)
class Position:
    """Offsets of a node in the rule's text, in characters; ``end`` is past the last one."""

    start: int = 0
    end: int = 0


NOWHERE = Position()
"""The position of a node that stands in no text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Anything in the tree. ``at`` takes no part in comparison."""

    at: Position = field(default=NOWHERE, compare=False, repr=False)

    def children(self) -> list[Node]:
        """Return the nodes right below this one, in the order of the text."""
        found: list[Node] = []
        for name in _fields_below(type(self)):
            value = getattr(self, name)
            if isinstance(value, Node):
                found.append(value)
            elif isinstance(value, tuple):
                for item in value:
                    if isinstance(item, Node):
                        found.append(item)
                    elif isinstance(item, tuple):
                        found += [node for node in item if isinstance(node, Node)]
        return found


_FIELDS_BELOW: dict[type, tuple[str, ...]] = {}


def _fields_below(kind: type[Node]) -> tuple[str, ...]:
    """Return the fields of a kind of node that may hold other nodes, looked up once a kind."""
    if kind not in _FIELDS_BELOW:
        _FIELDS_BELOW[kind] = tuple(f.name for f in fields(kind) if f.name != "at")
    return _FIELDS_BELOW[kind]


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and everything below it, depth first."""
    waiting = [node]
    while waiting:
        here = waiting.pop()
        yield here
        waiting += reversed(here.children())


# --- which spans --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A span or service name as written: literal parts, with any run of characters between two of them.

    ``("payment.charge",)`` is the exact name, ``("payment.", "")`` the glob ``payment.*``, ``("", "")`` is ``*``.
    """

    parts: tuple[str, ...]

    @property
    def is_exact(self) -> bool:
        """Whether the name holds no star."""
        return len(self.parts) == 1

    @property
    def is_any(self) -> bool:
        """Whether every name fits."""
        return self.parts == ("", "")


@dataclass(frozen=True, slots=True)
class Operation(Node):
    """OP: which spans are meant, by name and, where given, by service."""

    name: Name
    service: Name | None = None


# --- fields and values --------------------------------------------------------------------------------------


class FieldKind(StrEnum):
    """Where a field is looked up."""

    ATTRIBUTE = "attribute"
    RESOURCE = "resource"
    SCOPE = "scope"
    SPAN = "span"


@dataclass(frozen=True, slots=True)
class Field(Node):
    """A field of a span. For ``FieldKind.SPAN`` the name is one of ``language.SPAN_FIELDS``."""

    kind: FieldKind
    name: str


@dataclass(frozen=True, slots=True)
class Number(Node):
    """A number literal; ``int`` within 64 bits, or ``float``."""

    value: int | float

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Number) and type(self.value) is type(other.value) and self.value == other.value

    def __hash__(self) -> int:
        return hash((type(self.value).__name__, self.value))


@dataclass(frozen=True, slots=True)
class Text(Node):
    """A string literal. ``bare`` marks a word written without quotes."""

    value: str
    bare: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Bool(Node):
    """``true`` or ``false``."""

    value: bool


@dataclass(frozen=True, slots=True)
class Duration(Node):
    """A duration literal, in nanoseconds."""

    ns: int


@dataclass(frozen=True, slots=True)
class Parameter(Node):
    """``$name``: a value the rule file, the command line or the API gives."""

    name: str


@dataclass(frozen=True, slots=True)
class AttributeRef(Node):
    """Another field of the same span, on the right of a comparison."""

    field: Field


Value: TypeAlias = Number | Text | Bool | Duration | Parameter | AttributeRef


class Operator(StrEnum):
    """The six comparisons."""

    EQ = "=="
    NE = "!="
    GT = ">"
    GE = ">="
    LT = "<"
    LE = "<="

    @property
    def is_ordering(self) -> bool:
        """Whether the operator needs an order, not just equality."""
        return self not in (Operator.EQ, Operator.NE)


# --- boolean algebra, shared by conditions and predicates ---------------------------------------------------

T = TypeVar("T", bound=Node)


@dataclass(frozen=True, slots=True)
class And(Node, Generic[T]):
    """All operands hold. Two or more, none of them itself an ``And``."""

    operands: tuple[T, ...]


@dataclass(frozen=True, slots=True)
class Or(Node, Generic[T]):
    """Some operand holds. Two or more, none of them itself an ``Or``."""

    operands: tuple[T, ...]


@dataclass(frozen=True, slots=True)
class Not(Node, Generic[T]):
    """The operand does not hold."""

    operand: T


# --- predicates: true or false of one span ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FieldComparison(Node):
    """``field cmp value``."""

    field: Field
    operator: Operator
    value: Value


@dataclass(frozen=True, slots=True)
class In(Node):
    """``field [not] in [v, …]``."""

    field: Field
    values: tuple[Value, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Contains(Node):
    """``field [not] contains v``: substring of a text, member of an array."""

    field: Field
    value: Value
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Matches(Node):
    """``field [not] matches "regex"``: searched for, not anchored."""

    field: Field
    pattern: Text | Parameter
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Exists(Node):
    """``exists(field)``."""

    field: Field


@dataclass(frozen=True, slots=True)
class Event(Node):
    """``event("NAME", predicate)``: the span carries such an event; bare fields are the event's attributes."""

    name: Name
    where: Predicate | None = None


class RelationKind(StrEnum):
    """How two spans of a trace stand to each other."""

    AFTER = "after"
    BEFORE = "before"
    STARTS_AFTER = "starts_after"
    STARTS_BEFORE = "starts_before"
    OVERLAPS = "overlaps"
    UNDER = "under"
    OVER = "over"
    CHILD_OF = "child_of"
    PARENT_OF = "parent_of"
    SIBLING_OF = "sibling_of"
    BESIDE = "beside"

    @property
    def is_ordered(self) -> bool:
        """Whether the relation puts the two spans in order, so that others can start between them."""
        return self in (
            RelationKind.AFTER,
            RelationKind.BEFORE,
            RelationKind.STARTS_AFTER,
            RelationKind.STARTS_BEFORE,
        )


@dataclass(frozen=True, slots=True)
class Relation(Node):
    """``REL(OP…, within D, same f as g, without OP)``: some other span of the trace stands so to this one.

    Each of ``same`` is a pair: the field of this span, the field of the other.
    """

    kind: RelationKind
    selection: Selection
    within: Duration | Parameter | None = None
    same: tuple[tuple[Field, Field], ...] = ()
    without: Operation | None = None


Predicate: TypeAlias = (
    "FieldComparison | In | Contains | Matches | Exists | Event | Relation"
    " | And[Predicate] | Or[Predicate] | Not[Predicate]"
)


@dataclass(frozen=True, slots=True)
class Selection(Node):
    """Spans of an operation that satisfy every ``where``."""

    operation: Operation
    where: tuple[Predicate, ...] = ()


# --- numbers of a trace -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Count(Node):
    """How many spans are selected."""

    selection: Selection


@dataclass(frozen=True, slots=True)
class Aggregate(Node):
    """``sum``, ``min``, ``max`` or ``avg`` of a field over the selected spans."""

    function: str
    selection: Selection
    field: Field


@dataclass(frozen=True, slots=True)
class Distinct(Node):
    """How many distinct values of a field the selected spans carry."""

    selection: Selection
    field: Field


@dataclass(frozen=True, slots=True)
class TraceDuration(Node):
    """From the first start to the last end of the trace."""


@dataclass(frozen=True, slots=True)
class TraceSpans(Node):
    """How many spans the trace has."""


@dataclass(frozen=True, slots=True)
class Arithmetic(Node):
    """``left + right`` and its like; ``operator`` is one of ``+ - * /``."""

    left: Numeric
    operator: str
    right: Numeric


Numeric: TypeAlias = (
    "Count | Aggregate | Distinct | TraceDuration | TraceSpans | Arithmetic | Number | Duration | Parameter"
)


# --- conditions: true or false of one trace -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Has(Node):
    """Some span is selected."""

    selection: Selection


@dataclass(frozen=True, slots=True)
class Every(Node):
    """Every selected span satisfies ``must``."""

    selection: Selection
    must: Predicate


@dataclass(frozen=True, slots=True)
class Rising(Node):
    """The field strictly rises over the selected spans, in order of start."""

    selection: Selection
    field: Field


@dataclass(frozen=True, slots=True)
class Comparison(Node):
    """``NUMBER cmp NUMBER``."""

    left: Numeric
    operator: Operator
    right: Numeric


Condition: TypeAlias = "Has | Every | Rising | Comparison | And[Condition] | Or[Condition] | Not[Condition]"


# --- the rule -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Correlation(Node):
    """``per field, … within duration``: the groups of spans, across traces, that the rule judges."""

    fields: tuple[Field, ...]
    within: Duration | Parameter


class Form(StrEnum):
    """How the rule was written."""

    CLAUSES = "clauses"
    GUARDED = "guarded"  # a bare chain of `and`: the first operand is the guard
    UNGUARDED = "unguarded"  # any other bare condition


@dataclass(frozen=True, slots=True)
class RuleTree(Node):
    """A whole rule. At least one of ``always`` and ``never`` is there."""

    when: Condition | None = None
    always: Condition | None = None
    never: Condition | None = None
    correlation: Correlation | None = None
    form: Form = field(default=Form.CLAUSES, compare=False)
