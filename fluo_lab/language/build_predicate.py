"""From lark's tree to predicates: what is asked of one span."""

from __future__ import annotations

from typing import TypeAlias

from lark import Token, Tree

from fluo_lab.language.algebra import all_of, any_of
from fluo_lab.language.findings import Findings, closest
from fluo_lab.language.limits import MAX_NAME_CHARACTERS, MAX_STRING_CHARACTERS
from fluo_lab.language.literals import MAX_INTEGER, duration_ns, durations_of, number, quote, unescape
from fluo_lab.language.names import SPAN_FIELDS, field_of_word, name_of_string, name_of_word, print_field
from fluo_lab.language.tree import (
    AttributeRef,
    Bool,
    Contains,
    Duration,
    Event,
    Exists,
    Field,
    FieldComparison,
    FieldKind,
    In,
    Matches,
    Name,
    Not,
    Number,
    Operation,
    Operator,
    Parameter,
    Position,
    Predicate,
    Relation,
    RelationKind,
    Selection,
    Text,
    Value,
)

__all__ = ["Branch", "PredicateBuilder", "branches", "position", "subtrees", "tokens"]

Branch: TypeAlias = Tree[Token]


def position(node: Branch | Token) -> Position:
    """Return where a node of lark's tree stands."""
    source = node if isinstance(node, Token) else node.meta
    return Position(getattr(source, "start_pos", None) or 0, getattr(source, "end_pos", None) or 0)


def subtrees(node: Branch) -> list[Branch]:
    """Return the children that are no tokens."""
    return [child for child in node.children if isinstance(child, Tree)]


def branches(node: Branch, kind: str) -> list[Branch]:
    """Return the children of a kind."""
    return [child for child in subtrees(node) if child.data == kind]


def tokens(node: Branch) -> list[Token]:
    """Return the children that are tokens."""
    return [child for child in node.children if isinstance(child, Token)]


class PredicateBuilder:
    """Builds predicates, fields and values; what is wrong goes to ``findings``."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.uniques: list[FieldComparison] = []  # not yet claimed by a count
        self._in_event = False
        self._where_depth = 0

    # --- names

    def string(self, token: Token) -> str:
        """Return the text of a quoted string."""
        value = unescape(token[1:-1])
        self._check_string(value, token)
        return value

    def _check_string(self, value: str, token: Token) -> None:
        if len(value) > MAX_STRING_CHARACTERS:
            message = f"the string has {len(value):,} characters; a string may have {MAX_STRING_CHARACTERS:,}"
            self.findings.add("FL002", message, position(token), hint="match a shorter part of it")
        if any("\ud800" <= c <= "\udfff" for c in value):
            message = "the string holds half of a surrogate pair, which is no character"
            self.findings.add("FL011", message, position(token), hint="write both halves: \\ud83d\\ude00")

    def _check_name(self, name: str, token: Token) -> None:
        if len(name) > MAX_NAME_CHARACTERS:
            message = f"the name has {len(name):,} characters; a name may have {MAX_NAME_CHARACTERS}"
            self.findings.add("FL003", message, position(token), hint="use a star for the rest of it")

    def span_name(self, token: Token) -> Name:
        """Return a span, service or event name."""
        at = position(token)
        if token.type == "STRING":
            name = name_of_string(token[1:-1], at=at)
            self._check_string("".join(name.parts), token)
        else:
            name = name_of_word(str(token), at=at)
        self._check_name("*".join(name.parts), token)
        return name

    def operation(self, node: Branch) -> Operation:
        """Return which spans ``OP`` means."""
        names = [self.span_name(tokens(child)[0]) for child in branches(node, "span_name")]
        return Operation(name=names[-1], service=names[0] if len(names) == 2 else None, at=position(node))

    def field(self, node: Branch) -> Field:
        """Return a field; an unknown ``span.`` field is a finding."""
        first, *rest = tokens(node)
        at = position(node)
        if first.type == "FIELD_PREFIX":
            found = Field(kind=FieldKind(first[:-1]), name=self.string(rest[0]), at=at)
        elif first.type == "STRING":
            found = Field(kind=FieldKind.ATTRIBUTE, name=self.string(first), at=at)
        else:
            found = self.word_field(first)
        self._check_name(found.name, first)
        return found

    def word_field(self, token: Token) -> Field:
        """Return the field an unquoted name means."""
        found = field_of_word(str(token), at=position(token))
        if found.kind is FieldKind.SPAN and found.name not in SPAN_FIELDS:
            self._unknown_span_field(found)
        elif not found.name:
            message = f"a name must follow '{found.kind}.'"
            self.findings.add("FL213", message, found.at, hint=f"write {found.kind}.NAME")
        if self._in_event and found.kind is not FieldKind.ATTRIBUTE:
            message = f"inside event(…) a field is an attribute of the event; {print_field(found)} is none"
            hint = f"ask it beside the event: event(…) and {print_field(found)} …"
            self.findings.add("FL211", message, found.at, hint=hint)
        return found

    def _unknown_span_field(self, found: Field) -> None:
        listed = ", ".join(f"span.{name}" for name in SPAN_FIELDS)
        message = f"there is no span.{found.name}; the fields of a span are {listed}"
        head, _, attribute = found.name.partition(".")
        near = closest(found.name, SPAN_FIELDS)
        meant = print_field(Field(FieldKind.ATTRIBUTE, found.name))
        if head in ("attributes", "attribute") and attribute:
            meant = print_field(Field(FieldKind.ATTRIBUTE, attribute))
            hint = f"attributes are written bare: {meant}"
        elif near:
            meant = f"span.{near}"
            hint = f"did you mean '{meant}'?"
        else:
            hint = f"for an attribute write the bare name: {meant if found.name else 'NAME'}"
        fixes = self.findings.rewrites(found.at, meant) if found.name else ()
        self.findings.add("FL201", message, found.at, hint=hint, fixes=fixes)

    # --- values

    def number(self, token: Token, *, can_be_text: bool = False) -> Number:
        """Return a number literal; one beyond 64 bits is a finding."""
        value = number(str(token))
        if value is None:
            shown = str(token) if len(token) <= 30 else f"{token[:27]}…"
            message = f"the number {shown} is beyond 64 bits (largest integer {MAX_INTEGER})"
            hint = "write it as a string to compare its text" if can_be_text else "write a smaller one"
            fixes = self.findings.rewrites(position(token), quote(str(token))) if can_be_text else ()
            self.findings.add("FL006", message, position(token), hint=hint, fixes=fixes)
        return Number(value=0 if value is None else value, at=position(token))

    def duration(self, token: Token) -> Duration:
        """Return a duration literal."""
        ns = duration_ns(str(token))
        if ns is None:
            message = f"the duration {token} is not a whole number of nanoseconds within 64 bits"
            self.findings.add("FL006", message, position(token), hint="write a smaller or rounder one")
        return Duration(ns=ns or 0, at=position(token))

    def span_of_time(self, node: Branch) -> Duration | Parameter:
        """Return what follows ``within``."""
        token = tokens(node)[0]
        if token.type == "PARAM":
            return Parameter(name=token[1:], at=position(token))
        if token.type == "DURATION":
            return self.duration(token)
        at = position(token)
        fixes = self.findings.rewrites(at, *durations_of(str(token), ("ms", "s", "m")))
        hint = f"write {token}ms, {token}s or {token}m"
        self.findings.add("FL203", "a duration needs a unit", at, hint=hint, fixes=fixes)
        return Duration(ns=0, at=position(token))

    def value(self, node: Branch, *, is_ordering: bool = False, is_equality: bool = False) -> Value:
        """Return a value. A bare word is a text, or for an ordering another attribute of the span."""
        token = tokens(node)[0]
        at = position(token)
        match token.type:
            case "NUMBER":
                return self.number(token, can_be_text=not is_ordering)
            case "DURATION":
                return self.duration(token)
            case "STRING":
                return Text(value=self.string(token), at=at)
            case "PARAM":
                return Parameter(name=token[1:], at=at)
            case "ATTR":
                return AttributeRef(field=self.field(branches(node, "field")[0]), at=position(node))
        word = str(token)
        if word in ("true", "false"):
            return Bool(value=word == "true", at=at)
        if is_ordering:
            found = self.word_field(token)
            self._check_name(found.name, token)
            return AttributeRef(field=found, at=at)
        if word == "unique" and not is_equality:
            self.unique_misplaced(at)
        self._check_string(word, token)
        return Text(value=word, bare=True, at=at)

    def unique_misplaced(self, at: Position) -> None:
        """Record that ``unique`` stands where it means nothing."""
        message = "'unique' is allowed only in trace.count(OP).where(field == unique)"
        hint = 'write trace.distinct(OP, field) to count values, or "unique" for the text'
        self.findings.add("FL208", message, at, hint=hint, fixes=self.findings.rewrites(at, '"unique"'))

    # --- predicates

    def predicate(self, node: Branch) -> Predicate:
        """Return a predicate."""
        build = getattr(self, f"_{node.data}")
        result: Predicate = build(node)
        return result

    def _operands(self, node: Branch) -> list[Predicate]:
        return [self.predicate(child) for child in subtrees(node)]

    def _both(self, node: Branch) -> Predicate:
        return all_of(self._operands(node), at=position(node))

    def _either(self, node: Branch) -> Predicate:
        return any_of(self._operands(node), at=position(node))

    def _denial(self, node: Branch) -> Predicate:
        return Not(operand=self._operands(node)[0], at=position(node))

    def _group(self, node: Branch) -> Predicate:
        return self._operands(node)[0]

    def _field_comparison(self, node: Branch) -> Predicate:
        left, right = subtrees(node)
        sign = tokens(node)[0]
        operator = Operator(str(sign))
        value = self.value(right, is_ordering=operator.is_ordering, is_equality=operator is Operator.EQ)
        found = FieldComparison(field=self.field(left), operator=operator, value=value, at=position(node))
        if operator is Operator.EQ and isinstance(value, Text) and value.bare and value.value == "unique":
            self.uniques.append(found)
        return found

    def _is_negated(self, node: Branch) -> bool:
        return any(token.type == "NOT" for token in tokens(node))

    def _parts(self, node: Branch) -> tuple[Field, Branch]:
        """Return the field on the left and the branch on the right."""
        left, right = subtrees(node)
        return self.field(left), right

    def _in_list(self, node: Branch) -> Predicate:
        left, right = self._parts(node)
        values = tuple(self.value(child) for child in branches(right, "value"))
        if not values:
            message = "the list after 'in' is empty"
            self.findings.add("FL112", message, position(node), hint=f"write {print_field(left)} in [VALUE, …]")
        return In(field=left, values=values, negated=self._is_negated(node), at=position(node))

    def _in_value(self, node: Branch) -> Predicate:
        left, right = self._parts(node)
        written = self.findings.text[position(right).start : position(right).end]
        hint = f"write {print_field(left)} in [{written}], or {print_field(left)} == {written}"
        fixes = self.findings.rewrites(position(right), f"[{written}]")
        self.findings.add("FL110", "'in' needs a list in brackets", position(right), hint=hint, fixes=fixes)
        return In(field=left, values=(self.value(right),), at=position(node))

    def _contains(self, node: Branch) -> Predicate:
        left, right = self._parts(node)
        return Contains(field=left, value=self.value(right), negated=self._is_negated(node), at=position(node))

    def _matches(self, node: Branch) -> Predicate:
        left, right = self._parts(node)
        pattern = self.value(right)
        if isinstance(pattern, Text) and pattern.bare:
            message = "the pattern after 'matches' must be a string"
            fixes = self.findings.rewrites(pattern.at, quote(pattern.value))
            self.findings.add("FL206", message, pattern.at, hint=f"write {quote(pattern.value)}", fixes=fixes)
        elif not isinstance(pattern, Text | Parameter):
            message = "the pattern after 'matches' must be a string"
            written = self.findings.text[pattern.at.start : pattern.at.end]
            fixes = self.findings.rewrites(pattern.at, quote(written))
            hint = 'write a regular expression in quotes: "5.."'
            self.findings.add("FL206", message, pattern.at, hint=hint, fixes=fixes)
            pattern = Text(value="", at=pattern.at)
        return Matches(field=left, pattern=pattern, negated=self._is_negated(node), at=position(node))

    def _exists(self, node: Branch) -> Predicate:
        return Exists(field=self.field(branches(node, "field")[0]), at=position(node))

    def _bare_field(self, node: Branch) -> Predicate:
        found = self.field(branches(node, "field")[0])
        name = print_field(found)
        message = f"{name} is compared with nothing"
        fixes = self.findings.rewrites(found.at, f"exists({name})", f"{name} == true")
        self.findings.add("FL109", message, found.at, hint=f"write exists({name}) or {name} == true", fixes=fixes)
        return Exists(field=found, at=position(node))

    def _event(self, node: Branch) -> Predicate:
        name = self.span_name(tokens(branches(node, "span_name")[0])[0])
        inner = [child for child in subtrees(node) if child.data != "span_name"]
        if self._in_event:
            message = "an event holds no events"
            self.findings.add("FL211", message, position(node), hint="write event(…) and event(…)")
        outer, self._in_event = self._in_event, True
        where = self.predicate(inner[0]) if inner else None
        self._in_event = outer
        return Event(name=name, where=where, at=position(node))

    def _relation(self, node: Branch) -> Predicate:
        at = position(node)
        if self._in_event:
            message = "an event stands in no relation to other spans"
            self.findings.add("FL211", message, at, hint="write the relation beside the event: event(…) and after(…)")
        kind = RelationKind(str(tokens(node)[0]))
        filters = branches(node, "where")
        if filters and self._where_depth:
            message = "a relation inside a relation's .where can have no .where of its own"
            self.findings.add(
                "FL212", message, position(filters[0]), hint="state the inner condition in a rule of its own"
            )
        self._where_depth += bool(filters)
        selection = Selection(
            operation=self.operation(branches(node, "operation")[0]),
            where=tuple(self.where(child) for child in filters),
            at=at,
        )
        self._where_depth -= bool(filters)
        within = [self.span_of_time(branches(option, "span_of_time")[0]) for option in self._once(node, "within")]
        without = [self.operation(branches(option, "operation")[0]) for option in self._once(node, "without")]
        if without and not kind.is_ordered:
            place = position(branches(node, "without")[0])
            ordered = [other for other in RelationKind if other.is_ordered]
            message = f"'without' asks what starts between two spans; '{kind}' does not put them in order"
            hint = f"leave it out; only {', '.join(ordered)} take 'without'"
            self.findings.add("FL214", message, place, hint=hint, fixes=self.findings.rewrites(place, ""))
        same = []
        for option in branches(node, "same"):
            pair = [self.field(child) for child in branches(option, "field")]
            same.append((pair[0], pair[-1]))
        return Relation(
            kind=kind,
            selection=selection,
            within=within[0] if within else None,
            same=tuple(same),
            without=without[0] if without else None,
            at=at,
        )

    def _once(self, node: Branch, option: str) -> list[Branch]:
        found = branches(node, option)
        for again in found[1:]:
            message = f"'{option}' is written twice in one relation"
            at = position(again)
            self.findings.add("FL118", message, at, hint="leave one out", fixes=self.findings.rewrites(at, ""))
        return found[:1]

    def where(self, node: Branch) -> Predicate:
        """Return the predicate of a ``.where``."""
        return self.predicate(subtrees(node)[0])
