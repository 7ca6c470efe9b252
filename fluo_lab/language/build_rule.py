"""From lark's tree to conditions and rules: what is asked of a trace."""

from __future__ import annotations

from lark import Token

from fluo_lab.errors import Fix
from fluo_lab.language.algebra import all_of, any_of
from fluo_lab.language.build_predicate import Branch, PredicateBuilder, branches, position, subtrees, tokens
from fluo_lab.language.findings import Findings, closest
from fluo_lab.language.limits import MAX_TERMS
from fluo_lab.language.literals import quote
from fluo_lab.language.tree import (
    Aggregate,
    And,
    Arithmetic,
    Comparison,
    Condition,
    Correlation,
    Count,
    Distinct,
    Every,
    Field,
    FieldComparison,
    Form,
    Has,
    Not,
    Numeric,
    Operation,
    Operator,
    Parameter,
    Predicate,
    Rising,
    RuleTree,
    Selection,
    TraceDuration,
    TraceSpans,
)

__all__ = ["FUNCTIONS", "RuleBuilder"]

FUNCTIONS: tuple[str, ...] = ("has", "every", "rising", "count", "sum", "min", "max", "avg", "distinct")
"""The functions after ``trace.`` that take a span name."""

_RESERVED = frozenset({"and", "or", "not", "when", "always", "never", "per"})


class RuleBuilder(PredicateBuilder):
    """Builds conditions and whole rules. ``is_short`` says whether ``trace.`` may be left out."""

    def __init__(self, findings: Findings, *, is_short: bool = False) -> None:
        super().__init__(findings)
        self.is_short = is_short
        self._terms = 0

    # --- the rule

    def rule(self, node: Branch) -> RuleTree:
        """Return the rule in its clause form."""
        at = position(node)
        scopes = branches(node, "scope")
        correlation = self._scope(scopes[0]) if scopes else None
        clauses = branches(node, "clause")
        if clauses:
            parts = self._clauses(clauses)
            return RuleTree(
                when=parts.get("when"),
                always=parts.get("always"),
                never=parts.get("never"),
                correlation=correlation,
                at=at,
            )
        body = next(child for child in subtrees(node) if child.data != "scope")
        if body.data == "both":
            # The first operand is the guard as it was written, so the split comes before any flattening.
            guard, *rest = [self.condition(child) for child in subtrees(body)]
            always = all_of(rest, at=at)
            return RuleTree(when=guard, always=always, correlation=correlation, form=Form.GUARDED, at=at)
        return RuleTree(always=self.condition(body), correlation=correlation, form=Form.UNGUARDED, at=at)

    def _scope(self, node: Branch) -> Correlation:
        fields = tuple(self.field(child) for child in branches(node, "field"))
        within = self.span_of_time(branches(node, "span_of_time")[0])
        return Correlation(fields=fields, within=within, at=position(node))

    def _clauses(self, clauses: list[Branch]) -> dict[str, Condition]:
        parts: dict[str, Condition] = {}
        was_short, self.is_short = self.is_short, True
        seen: set[str] = set()
        for clause in clauses:
            keyword = tokens(clause)[0]
            inside = subtrees(clause)
            if keyword in seen:
                hint = "join the two with 'or'" if keyword == "never" else "join the two with 'and'"
                self.findings.add("FL113", f"'{keyword}' is written twice", position(keyword), hint=hint)
            seen.add(str(keyword))
            if inside:
                parts[str(keyword)] = self.condition(inside[0])
            else:
                hint = "write a condition between the braces, or leave the clause out"
                at = position(clause)
                # Without its obligation the rule would say nothing, so only an empty guard can go.
                fixes = self.findings.rewrites(at, "") if keyword == "when" else ()
                self.findings.add("FL112", f"the braces of '{keyword}' are empty", at, hint=hint, fixes=fixes)
        self.is_short = was_short
        if seen == {"when"}:
            message = "a rule with 'when' must say what holds then"
            hint = "add always { … } or never { … }"
            self.findings.add("FL114", message, position(clauses[0]), hint=hint)
        return parts

    # --- conditions

    def condition(self, node: Branch) -> Condition:
        """Return a condition."""
        at = position(node)
        inside = subtrees(node)
        match node.data:
            case "both":
                return all_of([self.condition(child) for child in inside], at=at)
            case "either":
                return any_of([self.condition(child) for child in inside], at=at)
            case "denial":
                return Not(operand=self.condition(inside[0]), at=at)
            case "group":
                return self.condition(inside[0])
            case "comparison":
                return self._comparison(node)
            case "shorthand":
                return self._shorthand(node)
            case "has":
                return Has(selection=self._selection(node), at=at)
            case "rising":
                return Rising(selection=self._selection(node), field=self._field_of(node), at=at)
        self._check_prefix(node)
        must = next(child for child in inside if child.data not in ("operation", "where"))
        return Every(selection=self._selection(node, is_checked=True), must=self.predicate(must), at=at)

    def _check_prefix(self, node: Branch) -> None:
        """Record a function without ``trace.`` outside the braces of a clause."""
        token = tokens(node)[0]
        if self.is_short or token.startswith("trace"):
            return
        at = position(node)
        written = self.findings.text[at.start : at.end]
        message = f"outside the braces of a clause '{token}' is written 'trace.{token}'"
        hint = f"write trace.{written if len(written) <= 80 else token + '(…)'}"
        fixes = self.findings.rewrites(position(token), f"trace.{token}")
        self.findings.add("FL115", message, position(token), hint=hint, fixes=fixes)

    def _selection(self, node: Branch, *, is_checked: bool = False) -> Selection:
        if not is_checked:
            self._check_prefix(node)
        operation = self.operation(branches(node, "operation")[0])
        where = tuple(self.where(child) for child in branches(node, "where"))
        return Selection(operation=operation, where=where, at=position(node))

    def _field_of(self, node: Branch) -> Field:
        return self.field(branches(node, "field")[0])

    def _shorthand(self, node: Branch) -> Condition:
        """Return the ``has`` that a bare operation stands for inside the braces of a clause."""
        at = position(node)
        bare = branches(node, "bare_operation")[0]
        names = [child if isinstance(child, Token) else tokens(child)[0] for child in bare.children]
        names = [name for name in names if name.type != "DOUBLE_COLON"]
        filters = branches(node, "where")
        written = self.findings.text[position(bare).start : position(bare).end]
        first = names[0]
        if first.type == "NAME" and first == "trace" and filters:
            message = "'.where' filters the spans of a function; it cannot follow 'trace' itself"
            hint = "write trace.has(OP).where(…), or trace.has(*).where(…) for any span"
            at = position(filters[0])
            fixes: tuple[Fix, ...] = (Fix.replacing("write trace.has(*).where(…)", at.start, at.start, ".has(*)"),)
            self.findings.add("FL116", message, at, hint=hint, fixes=fixes)
        elif first.type == "NAME" and first == "trace":
            hint = "write trace.has(OP), or another function of the trace"
            self.findings.add("FL110", "a function is missing after 'trace'", position(first), hint=hint)
        elif first.type == "NAME" and first.startswith("trace."):
            self.unknown_function(first)
        elif first.type == "NAME" and first in _RESERVED:
            message = f"'{first}' cannot stand here"
            at = position(first)
            fixes = self.findings.rewrites(at, quote(str(first)))
            self.findings.add("FL110", message, at, hint=f'a span of that name is written "{first}"', fixes=fixes)
        elif not self.is_short:
            message = f"a span name alone is no condition: {written}"
            fixes = self.findings.rewrites(position(bare), f"trace.has({written})")
            self.findings.add("FL117", message, position(bare), hint=f"write trace.has({written})", fixes=fixes)
        spans = [self.span_name(name) for name in names]
        operation = Operation(name=spans[-1], service=spans[0] if len(spans) == 2 else None, at=position(bare))
        where = tuple(self.where(child) for child in filters)
        return Has(selection=Selection(operation=operation, where=where, at=at), at=at)

    def unknown_function(self, token: Token) -> None:
        """Record ``trace.hass``."""
        name = token.partition(".")[2]
        if name in FUNCTIONS:
            self.findings.add("FL110", f"'{token}' needs parentheses", position(token), hint=f"write {token}(OP)")
            return
        near = closest(name, (*FUNCTIONS, "duration", "spans"))
        hint = f"did you mean 'trace.{near}'?" if near else f"the functions are {', '.join(FUNCTIONS)}"
        at = position(token)
        fixes = self.findings.rewrites(at, f"trace.{near}") if near else ()
        self.findings.add("FL102", f"unknown function 'trace.{name}'", at, hint=hint, fixes=fixes)

    # --- numbers

    def _comparison(self, node: Branch) -> Condition:
        left, right = subtrees(node)
        sign = tokens(node)[0]
        return Comparison(
            left=self._number(left), operator=Operator(str(sign)), right=self._number(right), at=position(node)
        )

    def _number(self, node: Branch) -> Numeric:
        """Return a number. Terms and factors are chains that lean left."""
        if node.data not in ("number", "term"):
            return self._factor(node)
        operands = subtrees(node)
        signs = tokens(node)
        if len(signs) >= MAX_TERMS:
            message = f"the arithmetic has more than {MAX_TERMS} terms"
            self.findings.add("FL007", message, position(node), hint="compare fewer numbers in one rule")
            operands, signs = operands[:1], []
        result = self._number(operands[0])
        for sign, operand in zip(signs, operands[1:], strict=True):
            result = Arithmetic(left=result, operator=str(sign), right=self._number(operand), at=position(node))
        return result

    def _factor(self, node: Branch) -> Numeric:
        at = position(node)
        if node.data == "word_as_number":
            return self._word_as_number(node)
        token = tokens(node)[0]
        match node.data:
            case "count":
                return self._count(node)
            case "aggregate":
                selection = self._selection(node)
                function = token.rpartition(".")[2].strip()
                if function == "distinct":
                    return Distinct(selection=selection, field=self._field_of(node), at=at)
                return Aggregate(function=function, selection=selection, field=self._field_of(node), at=at)
            case "scalar":
                return TraceDuration(at=at) if token.endswith("duration") else TraceSpans(at=at)
            case "number_literal":
                return self.number(token)
            case "duration_literal":
                return self.duration(token)
        return Parameter(name=token[1:], at=at)

    def _word_as_number(self, node: Branch) -> Numeric:
        token = tokens(branches(node, "word")[0])[0]
        at = position(token)
        if token.startswith("trace."):
            self.unknown_function(token)
        elif token in ("duration", "spans"):
            if not self.is_short:
                message = f"outside the braces of a clause '{token}' is written 'trace.{token}'"
                fixes = self.findings.rewrites(at, f"trace.{token}")
                self.findings.add("FL115", message, at, hint=f"write trace.{token}", fixes=fixes)
            return TraceDuration(at=at) if token == "duration" else TraceSpans(at=at)  # noqa: S105
        else:
            message = f"'{token}' is no number of a trace"
            hint = f"write trace.count({token}) to count spans, or trace.has(OP).where({token} …) to ask an attribute"
            fixes = self.findings.rewrites(at, f"trace.count({token})")
            self.findings.add("FL117", message, at, hint=hint, fixes=fixes)
        return TraceSpans(at=at)

    def _count(self, node: Branch) -> Numeric:
        """Return a count, or the distinct count that ``field == unique`` makes of it."""
        selection = self._selection(node)
        for index, predicate in enumerate(selection.where):
            conjuncts = predicate.operands if isinstance(predicate, And) else (predicate,)
            for conjunct in conjuncts:
                if not isinstance(conjunct, FieldComparison) or all(conjunct is not u for u in self.uniques):
                    continue
                self.uniques = [unique for unique in self.uniques if unique is not conjunct]
                others: list[Predicate] = [other for other in conjuncts if other is not conjunct]
                kept = (all_of(others, at=predicate.at),) if others else ()
                where = (*selection.where[:index], *kept, *selection.where[index + 1 :])
                rest = Selection(operation=selection.operation, where=where, at=selection.at)
                return Distinct(selection=rest, field=conjunct.field, at=position(node))
        return Count(selection=selection, at=position(node))
