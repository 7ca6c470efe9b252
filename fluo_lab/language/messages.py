"""What a syntax error is called: where the parser stopped, read together with what stands around it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fluo_lab.errors import Diagnostic
from fluo_lab.language.dialects import dialect_problem
from fluo_lab.language.findings import closest
from fluo_lab.language.literals import quote
from fluo_lab.language.names import RELATIONS
from fluo_lab.language.scan import Token, around

if TYPE_CHECKING:
    from lark.exceptions import UnexpectedInput

__all__ = ["dialect_problem", "syntax_problem"]

_FUNCTIONS = ("has", "every", "rising", "count", "sum", "min", "max", "avg", "distinct")
_PREDICATE_FUNCTIONS = ("exists", "event", "attr", *RELATIONS)
_SPELLED = {"is": "==", "equals": "==", "eq": "==", "ne": "!=", "gt": ">", "lt": "<", "like": "contains"}
_CLOSERS = {"(": ")", "{": "}", "[": "]"}
_EXPECTED = {
    "GLOB": "a span name",
    "NAME": "a name",
    "STRING": "a quoted string",
    "NUMBER": "a number",
    "DURATION": "a duration",
    "CMP": "a comparison such as ==",
    "_LPAR": "'('",
    "_RPAR": "')'",
    "_LBRACE": "'{'",
    "_RBRACE": "'}'",
    "_LBRACKET": "'['",
    "_RBRACKET": "']'",
    "_COMMA": "','",
    "_AND": "'and'",
    "_OR": "'or'",
    "_MUST": "'.must(…)'",
    "IN": "'in'",
    "CONTAINS": "'contains'",
    "MATCHES": "'matches'",
    "WITHIN": "'within'",
    "SAME": "'same'",
    "WITHOUT": "'without'",
    "WHEN": "'when'",
    "ALWAYS": "'always'",
    "NEVER": "'never'",
    "HAS": "a condition such as trace.has(payment.charge)",
}


@dataclass(frozen=True, slots=True)
class _Stop:
    """The place where the parser stopped. ``token`` is None at the end of the text."""

    text: str
    accepts: frozenset[str]
    tokens: list[Token]
    index: int
    offset: int
    found: str  # the terminal that stands there

    @property
    def token(self) -> Token | None:
        return self.tokens[self.index] if self.index < len(self.tokens) else None

    @property
    def before(self) -> Token | None:
        return self.tokens[self.index - 1] if self.index else None

    @property
    def after(self) -> Token | None:
        return self.tokens[self.index + 1] if self.index + 1 < len(self.tokens) else None

    @property
    def opened(self) -> list[Token]:
        """The brackets open at this place, outermost first."""
        stack: list[Token] = []
        for token in self.tokens[: self.index]:
            if token.kind != "mark":
                continue
            if token.text in _CLOSERS:
                stack.append(token)
            elif token.text in _CLOSERS.values() and stack:
                stack.pop()
        return stack

    def at(self, code: str, message: str, hint: str | None, *, token: Token | None = None) -> Diagnostic:
        token = token or self.token
        if token is None:
            return Diagnostic.at(code, message, self.text, len(self.text.rstrip()), len(self.text), hint=hint)
        return Diagnostic.at(code, message, self.text, token.start, token.end, hint=hint)


def syntax_problem(text: str, tokens: list[Token], error: UnexpectedInput) -> Diagnostic:
    """Return the diagnostic for the place where the parser stopped."""
    offset = error.pos_in_stream if error.pos_in_stream is not None else len(text)
    found = getattr(getattr(error, "token", None), "type", "")
    if found == "$END":
        offset = len(text)
    accepts = frozenset(getattr(error, "accepts", None) or getattr(error, "allowed", None) or ())
    index = next((i for i, token in enumerate(tokens) if token.end > offset), len(tokens))
    stop = _Stop(text, accepts, tokens, index, offset, found)
    if stop.token is None:
        return _at_the_end(stop)
    for rule in _RULES:
        diagnostic = rule(stop, stop.token)
        if diagnostic is not None:
            return diagnostic
    return stop.at("FL110", f"'{stop.token.text}' cannot stand here", f"expected {_expected(stop.accepts)}")


def _expected(accepts: frozenset[str]) -> str:
    """Return the accepted terminals in words."""
    known = [words for terminal, words in _EXPECTED.items() if terminal in accepts]
    if "HAS" in accepts:
        known = [_EXPECTED["HAS"]] + [words for words in known if words in ("'when'", "'always'", "'never'")]
    return " or ".join(dict.fromkeys(known)) or "the end of the rule"


def _at_the_end(stop: _Stop) -> Diagnostic:
    if not stop.tokens:
        return stop.at("FL100", "the rule is empty", "write a condition such as trace.has(payment.charge)")
    if _is_after_number(stop):
        return stop.at("FL100", "a number alone is no condition", _compare_hint(stop, len(stop.tokens)))
    closer = {"_RPAR": ")", "_RBRACE": "}", "_RBRACKET": "]"}
    for terminal, mark in closer.items():
        if terminal in stop.accepts and stop.opened:
            opener = stop.opened[-1]
            column = opener.start - stop.text.rfind("\n", 0, opener.start)
            line = stop.text.count("\n", 0, opener.start) + 1
            message = f"missing '{mark}' to close the '{opener.text}' at {line}:{column}"
            return stop.at("FL101", message, f"add '{mark}'")
    return stop.at("FL100", "the rule ends too early", f"expected {_expected(stop.accepts)}")


def _is_after_number(stop: _Stop) -> bool:
    """Whether a number of a trace stands before the place, with nothing to compare it with."""
    before = stop.before
    is_word = before is not None and before.kind == "word" and not before.text.startswith("trace.")
    return "CMP" in stop.accepts and not {"IN", "CONTAINS"} & stop.accepts and not is_word


def _compare_hint(stop: _Stop, end: int) -> str:
    """Return a completed comparison for the number that ends at a token."""
    start, depth = end, 0
    while start > 0:
        text = stop.tokens[start - 1].text
        depth += (text == ")") - (text == "(")
        if depth < 0 or text in ("and", "or", "not", "{"):
            break
        start -= 1
    written = stop.text[stop.tokens[start].start : stop.tokens[end - 1].end]
    return f"compare it: {written} > 0"


# --- rules, tried in this order; the first that knows an answer gives it -----------------------------------------


def _special_character(stop: _Stop, token: Token) -> Diagnostic | None:
    """`api/v1/users`, `db:postgres`: a name that needs quotes."""
    if token.text not in ("/", ":", "-", ".") or not ({"_RPAR", "DOUBLE_COLON", "_COMMA"} & stop.accepts):
        return None
    if stop.before is None or not stop.opened:
        return None
    opener = stop.tokens.index(stop.opened[-1])
    if stop.before.text in ")]}" or opener == stop.index - 1 or not stop.tokens[opener - 1].text.endswith(_FUNCTIONS):
        return None
    rest = re.match(r"[^\s()]+", stop.text[stop.before.start :])
    run = rest[0] if rest else stop.before.text
    return Diagnostic.at(
        "FL106",
        f"'{token.text}' cannot stand in an unquoted name",
        stop.text,
        token.start,
        token.end,
        hint=f"quote the name: {quote(run)}",
    )


def _unknown_function(stop: _Stop, token: Token) -> Diagnostic | None:
    """`trace.hass(`, `exist(`."""
    before = stop.before
    if token.text != "(" or before is None or before.kind != "word":
        return None
    if before.text.startswith("trace.") and "DOUBLE_COLON" in stop.accepts and "_RPAR" in stop.accepts:
        message = "a span name belongs here, not a condition"
        return stop.at("FL110", message, "write the two conditions beside each other", token=before)
    head, _, name = before.text.rpartition(".")
    in_rule = "DOUBLE_COLON" in stop.accepts or "HAS" in stop.accepts or "PLUS" in stop.accepts
    if name in ("where", "must") and head:
        return stop.at(
            "FL116", f"'.{name}' cannot follow '{head}' here", f"write trace.has({head}).where(…)", token=before
        )
    known = (*_FUNCTIONS, *_PREDICATE_FUNCTIONS) if head == "" else _FUNCTIONS
    near = closest(name, known)
    if name in _FUNCTIONS and not in_rule:
        message = f"'{before.text}' asks a whole trace and cannot stand in a .where"
        return stop.at(
            "FL102", message, "write it beside the other condition: … and trace." + name + "(…)", token=before
        )
    if name in ("when", "always", "never", "per") and not head:
        return stop.at("FL110", f"'{name}' needs braces", f"write {name} {{ … }}", token=before)
    if head.lower() == "trace":
        known, near, head = _FUNCTIONS, closest(name, _FUNCTIONS), "trace"
    prefix = "trace." if head == "trace" else ""
    listed = ", ".join(_FUNCTIONS if in_rule else _PREDICATE_FUNCTIONS)
    hint = f"did you mean '{prefix}{near}'?" if near else f"the functions are {listed}"
    return stop.at("FL102", f"unknown function '{before.text}'", hint, token=before)


_METHODS = {
    "and": "write 'and' between two conditions: trace.has(A) and trace.has(B)",
    "or": "write 'or' between two conditions: trace.has(A) or trace.has(B)",
    "not": "write 'not' before a condition: not trace.has(A)",
    "followedBy": "write an order as a relation: trace.every(A).must(before(B))",
    "followed_by": "write an order as a relation: trace.every(A).must(before(B))",
    "precededBy": "write an order as a relation: trace.every(A).must(after(B))",
    "within": "give a relation its time: trace.every(A).must(before(B, within 5s))",
    "must": "only trace.every(…) takes .must(…): trace.every(A).must(attempt < 3)",
}


def _method(stop: _Stop, token: Token) -> Diagnostic | None:
    """`.followedBy(…)`, `.must(…)` after `has`."""
    after = stop.after
    if token.text != "." or after is None or after.kind != "word":
        return None
    name = after.text
    if name == "where":
        return stop.at(
            "FL116", "'.where' cannot stand here", "it follows a function: trace.has(OP).where(…)", token=after
        )
    near = closest(name, (*_METHODS, "where"))
    hint = _METHODS.get(name) or (f"did you mean '.{near}'?" if near else "only .where(…) can follow a function")
    return stop.at("FL102", f"unknown function '.{name}'", hint, token=after)


def _inside_a_name(stop: _Stop, token: Token) -> Diagnostic | None:
    """Something that is no name between the parentheses of `has`."""
    if "DOUBLE_COLON" not in stop.accepts or "_RPAR" not in stop.accepts or stop.before is None:
        return None
    if token.text in ("and", "or", "not", "when", "always", "never", "{", "}"):
        opener = stop.opened[-1] if stop.opened else None
        where = f" the '(' of column {opener.start - stop.text.rfind(chr(10), 0, opener.start)}" if opener else " it"
        return stop.at(
            "FL110", f"missing ')' before '{token.text}', to close{where}", f"write {stop.before.text}) {token.text} …"
        )
    if token.kind in ("word", "number"):
        end = stop.index
        while end < len(stop.tokens) and stop.tokens[end].kind in ("word", "number"):
            end += 1
        run = stop.text[stop.before.start : stop.tokens[end - 1].end]
        message = "a span name with a space needs quotes"
        return Diagnostic.at(
            "FL106", message, stop.text, stop.before.start, stop.tokens[end - 1].end, hint=f"write {quote(run)}"
        )
    if token.text in ("==", "!=", "<", ">", "<=", ">="):
        message = "a span name belongs here; conditions on the span go into .where"
        return stop.at("FL110", message, f"write trace.has(*).where({stop.before.text} {token.text} …)")
    return None


def _where_inside(stop: _Stop, token: Token) -> Diagnostic | None:
    """`trace.has(a.where(…))`."""
    if stop.found not in ("WHERE", "_MUST") or "_RPAR" not in stop.accepts or not token.text.endswith("where"):
        return None
    hint = "close the parenthesis first: trace.has(OP).where(…)"
    message = "'.where' follows the closing parenthesis"
    return Diagnostic.at("FL116", message, stop.text, stop.offset, token.end, hint=hint)


def _arity(stop: _Stop, token: Token) -> Diagnostic | None:
    """`trace.sum(a)`, `trace.has(a, b)`."""
    if not stop.opened or stop.before is None or stop.opened[-1].text != "(":
        return None
    call = stop.tokens[stop.tokens.index(stop.opened[-1]) - 1]
    if token.text == ")" and "_COMMA" in stop.accepts and "_RPAR" not in stop.accepts:
        return stop.at("FL110", f"'{call.text}' needs a field", f"write {call.text}({stop.before.text}, FIELD)")
    if token.text == "," and "_RPAR" in stop.accepts and call.kind == "word" and "_COMMA" not in stop.accepts:
        return stop.at("FL110", f"'{call.text}' takes no further argument here", "leave the rest out")
    return None


def _missing_parenthesis(stop: _Stop, token: Token) -> Diagnostic | None:
    before = stop.before
    if stop.accepts == {"_LPAR"} and before is not None:
        return stop.at("FL110", f"'{before.text}' needs parentheses", f"write {before.text}({token.text.strip('()')})")
    return None


def _missing_value(stop: _Stop, token: Token) -> Diagnostic | None:
    before = stop.before
    if before is None or not {"NUMBER", "DURATION"} <= stop.accepts:
        return None
    if token.text == "[" and before.text in ("==", "!="):
        word = "in" if before.text == "==" else "not in"
        return stop.at("FL110", "a list stands after 'in'", f"write {word} […]", token=before)
    if before.text in ("==", "!=", "<", ">", "<=", ">=", "in", "contains", "matches", "+", "-", "*", "/"):
        if token.kind == "string" and "PLUS" not in stop.accepts and "COUNT" in stop.accepts:
            return stop.at("FL110", "a number of a trace compares with numbers", "an attribute is asked in .where")
        return stop.at("FL110", f"a value is missing after '{before.text}'", f"write {before.text} VALUE")
    return None


def _after_a_word(stop: _Stop, token: Token) -> Diagnostic | None:
    """Explain a bare word where something else should stand: `trace has(a)`, `and and`, `when { a always { b }`."""
    before = stop.before
    if before is None or before.kind != "word":
        return None
    if before.text == "trace" and token.kind == "word":
        return stop.at("FL110", "a '.' is missing after 'trace'", f"write trace.{token.text}", token=before)
    if before.text in ("and", "or") and (stop.index < 2 or stop.tokens[stop.index - 2].text in ("and", "or")):
        return stop.at("FL110", f"'{before.text}' needs a condition on both sides", "leave it out", token=before)
    if token.text in ("when", "always", "never") and stop.opened and stop.opened[-1].text == "{":
        return stop.at("FL110", f"missing '}}' before '{token.text}'", "add '}'")
    if stop.accepts == {"_LBRACE"}:
        return stop.at("FL110", f"'{before.text}' needs braces", f"write {before.text} {{ … }}", token=before)
    return None


def _misspelt(stop: _Stop, token: Token) -> Diagnostic | None:
    """`adn`, `contians`, `is`."""
    if token.kind != "word":
        return None
    if {"CONTAINS", "IN"} & stop.accepts:
        if "NOT" not in stop.accepts:
            known: tuple[str, ...] = ("in", "contains", "matches")
        else:
            known = ("and", "or", "not", "in", "contains", "matches")
        if token.text in _SPELLED:
            return stop.at("FL119", f"'{token.text}' is no comparison", f"write '{_SPELLED[token.text]}'")
        near = closest(token.text, known)
        hint = f"did you mean '{near}'?" if near else "compare with == != < <= > >= in contains matches"
        return stop.at("FL119", f"'{token.text}' is no comparison", hint)
    if "_AND" in stop.accepts and token.text not in ("and", "or"):
        near = _near_connective(token.text)
        if near:
            return stop.at("FL119", f"'{token.text}' cannot join two conditions", f"did you mean '{near}'?")
    for keywords in (("within", "same", "without"), ("when", "always", "never"), ("within",)):
        if {keyword.upper() for keyword in keywords} <= stop.accepts:
            near = closest(token.text, keywords)
            if near:
                return stop.at("FL119", f"'{token.text}' is no keyword", f"did you mean '{near}'?")
    return None


def _near_connective(word: str) -> str | None:
    """Return the connective meant: the same letters, or one letter more or other."""
    lower = word.lower()
    for known in ("and", "or"):
        if lower == known or sorted(lower) == sorted(known) or lower in (known + known[-1], known[0] + known):
            return known
    return closest(lower, ("and",)) if len(lower) <= 4 else None


def _misspelt_clause(stop: _Stop, token: Token) -> Diagnostic | None:
    before = stop.before
    if token.text == "{" and before is not None and before.kind == "word":
        near = closest(before.text, ("when", "always", "never"))
        hint = f"did you mean '{near}'?" if near else "clauses are when { … }, always { … } and never { … }"
        return stop.at("FL119", f"'{before.text}' is no clause", hint, token=before)
    return None


def _glob_in_shorthand(stop: _Stop, token: Token) -> Diagnostic | None:
    before = stop.tokens[stop.index - 1] if stop.index else None
    star = before if before is not None and before.text == "*" else token if token.text == "*" else None
    if star is None or "{" not in {opener.text for opener in stop.opened}:
        return None
    start, end = around(stop.text, star.start)
    run = stop.text[start:end]
    if run == star.text and star is before:
        return None
    hint = f"write {quote(run)}, or has({run})"
    return Diagnostic.at("FL106", "a star in a bare name needs quotes here", stop.text, start, end, hint=hint)


def _unmatched(stop: _Stop, token: Token) -> Diagnostic | None:
    if token.text in _CLOSERS.values() and token.kind == "mark":
        if not stop.opened:
            return stop.at("FL110", f"'{token.text}' closes nothing", "leave it out")
        wanted = _CLOSERS[stop.opened[-1].text]
        if token.text != wanted:
            return stop.at("FL110", f"missing '{wanted}' before '{token.text}'", f"add '{wanted}'")
        if {"HAS", "EXISTS", "GLOB", "NAME"} & stop.accepts:
            return stop.at("FL112", "something is missing before the bracket", f"expected {_expected(stop.accepts)}")
    return None


def _number_alone(stop: _Stop, token: Token) -> Diagnostic | None:
    if _is_after_number(stop):
        return stop.at("FL108", "a number alone is no condition", _compare_hint(stop, stop.index), token=stop.before)
    return None


def _field_on_the_right(stop: _Stop, token: Token) -> Diagnostic | None:
    if token.kind == "number" and "EXISTS" in stop.accepts:
        return stop.at("FL110", "a comparison begins with the field", f"write FIELD == {token.text}")
    return None


_COMPARISONS = ("==", "!=", "<", ">", "<=", ">=")


def _is_second_comparison(stop: _Stop) -> bool:
    depth = 0
    for token in reversed(stop.tokens[: stop.index]):
        depth += (token.text in (")", "]")) - (token.text in ("(", "[", "{"))
        if depth < 0 or (depth == 0 and token.text in ("and", "or")):
            return False
        if depth == 0 and token.text in _COMPARISONS:
            return True
    return False


def _trailing(stop: _Stop, token: Token) -> Diagnostic | None:
    if token.text in _COMPARISONS:
        if _is_second_comparison(stop):
            hint = "join two with 'and': 1 < trace.count(a) and trace.count(a) < 5"
            return stop.at("FL110", "one comparison at a time", hint)
        message = f"a condition is true or false; '{token.text}' compares numbers"
        return stop.at("FL110", message, "compare trace.count(…), or an attribute in .where")
    if "_AND" in stop.accepts and not stop.opened:
        return stop.at("FL111", f"'{token.text}' follows the end of the rule", "join conditions with 'and' or 'or'")
    if "_AND" in stop.accepts:
        return stop.at("FL110", f"'{token.text}' cannot stand here", "join conditions with 'and' or 'or'")
    if {"WHEN", "ALWAYS"} <= stop.accepts and "HAS" not in stop.accepts:
        return stop.at("FL111", f"'{token.text}' follows a clause", "only when { … }, always { … } and never { … } may")
    return None


_RULES: tuple[Callable[[_Stop, Token], Diagnostic | None], ...] = (
    _where_inside,
    _special_character,
    _unknown_function,
    _method,
    _inside_a_name,
    _arity,
    _after_a_word,
    _missing_parenthesis,
    _glob_in_shorthand,
    _missing_value,
    _misspelt_clause,
    _misspelt,
    _unmatched,
    _number_alone,
    _field_on_the_right,
    _trailing,
)
