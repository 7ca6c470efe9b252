"""What a syntax error is called: where the parser stopped, read together with what stands around it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from fluo_lab.errors import Diagnostic, Edit, Fix
from fluo_lab.language.dialects import dialect_problem
from fluo_lab.language.findings import closest, rewrite
from fluo_lab.language.literals import quote
from fluo_lab.language.names import RELATIONS
from fluo_lab.language.scan import Token, around
from fluo_lab.language.stop import CLOSERS, Stop, adding, edits_of

if TYPE_CHECKING:
    from lark.exceptions import UnexpectedInput

__all__ = ["dialect_problem", "syntax_problem"]

_FUNCTIONS = ("has", "every", "rising", "count", "sum", "min", "max", "avg", "distinct")
_PREDICATE_FUNCTIONS = ("exists", "event", "attr", *RELATIONS)
_SPELLED = {"is": "==", "equals": "==", "eq": "==", "ne": "!=", "gt": ">", "lt": "<", "like": "contains"}
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


def syntax_problem(text: str, tokens: list[Token], error: UnexpectedInput) -> Diagnostic:
    """Return the diagnostic for the place where the parser stopped."""
    offset = error.pos_in_stream if error.pos_in_stream is not None else len(text)
    found = getattr(getattr(error, "token", None), "type", "")
    if found == "$END":
        offset = len(text)
    accepts = frozenset(getattr(error, "accepts", None) or getattr(error, "allowed", None) or ())
    index = next((i for i, token in enumerate(tokens) if token.end > offset), len(tokens))
    stop = Stop(text, accepts, tokens, index, offset, found)
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


def _at_the_end(stop: Stop) -> Diagnostic:
    if not stop.tokens:
        return stop.at("FL100", "the rule is empty", "write a condition such as trace.has(payment.charge)")
    if _is_after_number(stop):
        hint = _compare_hint(stop, len(stop.tokens))
        fixes = [adding(" > 0", stop.tokens[-1].end)]
        return stop.at("FL100", "a number alone is no condition", hint, fixes=fixes)
    closer = {"_RPAR": ")", "_RBRACE": "}", "_RBRACKET": "]"}
    for terminal, mark in closer.items():
        if terminal in stop.accepts and stop.opened:
            opener = stop.opened[-1]
            column = opener.start - stop.text.rfind("\n", 0, opener.start)
            line = stop.text.count("\n", 0, opener.start) + 1
            message = f"missing '{mark}' to close the '{opener.text}' at {line}:{column}"
            missing = "".join(CLOSERS[token.text] for token in reversed(stop.opened))
            return stop.at("FL101", message, f"add '{mark}'", fixes=[adding(missing, stop.tokens[-1].end)])
    return stop.at("FL100", "the rule ends too early", f"expected {_expected(stop.accepts)}")


def _is_after_number(stop: Stop) -> bool:
    """Whether a number of a trace stands before the place, with nothing to compare it with."""
    before = stop.before
    is_word = before is not None and before.kind == "word" and not before.text.startswith("trace.")
    return "CMP" in stop.accepts and not {"IN", "CONTAINS"} & stop.accepts and not is_word


def _compare_hint(stop: Stop, end: int) -> str:
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


def _special_character(stop: Stop, token: Token) -> Diagnostic | None:
    """`api/v1/users`, `db:postgres`: a name that needs quotes."""
    if token.text not in ("/", ":", "-", ".") or not ({"_RPAR", "DOUBLE_COLON", "_COMMA"} & stop.accepts):
        return None
    if stop.before is None or not stop.opened or stop.before.end != token.start:
        return None
    opener = stop.tokens.index(stop.opened[-1])
    if stop.before.text in ")]}" or opener == stop.index - 1 or not stop.tokens[opener - 1].text.endswith(_FUNCTIONS):
        return None
    rest = re.match(r"[^\s(),]+", stop.text[stop.before.start :])
    run = rest[0] if rest else stop.before.text
    message = f"'{token.text}' cannot stand in an unquoted name"
    start = stop.before.start
    fixes = [Fix.replacing(f"write {quote(run)}", start, start + len(run), quote(run))]
    return stop.at("FL106", message, f"quote the name: {quote(run)}", fixes=fixes)


def _unknown_function(stop: Stop, token: Token) -> Diagnostic | None:
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
        close = stop.closing(token)
        braced = (
            []
            if close is None
            else [
                Fix(f"write {name} {{ … }}", edits_of((token, "{" if token.start > before.end else " {"), (close, "}")))
            ]
        )
        return stop.at("FL110", f"'{name}' needs braces", f"write {name} {{ … }}", token=before, fixes=braced)
    if head.lower() == "trace":
        known, near, head = _FUNCTIONS, closest(name, _FUNCTIONS), "trace"
    prefix = "trace." if head == "trace" else ""
    listed = ", ".join(_FUNCTIONS if in_rule else _PREDICATE_FUNCTIONS)
    hint = f"did you mean '{prefix}{near}'?" if near else f"the functions are {listed}"
    if f"{prefix}{near}" == before.text:
        message = f"'{before.text}' cannot stand here"
        return stop.at("FL110", message, "join conditions with 'and' or 'or'", token=before)
    fixes = [rewrite(before, f"{prefix}{near}")] if near else []
    return stop.at("FL102", f"unknown function '{before.text}'", hint, token=before, fixes=fixes)


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


def _method(stop: Stop, token: Token) -> Diagnostic | None:
    """`.followedBy(…)`, `.must(…)` after `has`."""
    after = stop.after
    if token.text != "." or after is None or after.kind != "word":
        return None
    name = after.text
    if name == "where":
        return stop.at(
            "FL116", "'.where' cannot stand here", "it follows a function: trace.has(OP).where(…)", token=after
        )
    near = closest(name, (*_METHODS, "where")) or ""
    hint = _METHODS.get(near) or ("did you mean '.where'?" if near else "only .where(…) can follow a function")
    fixes = [rewrite(after, "where")] if near == "where" else []
    return stop.at("FL102", f"unknown function '.{name}'", hint, token=after, fixes=fixes)


def _inside_a_name(stop: Stop, token: Token) -> Diagnostic | None:
    """Something that is no name between the parentheses of `has`."""
    if "DOUBLE_COLON" not in stop.accepts or "_RPAR" not in stop.accepts or stop.before is None:
        return None
    if token.text in ("and", "or", "not", "when", "always", "never", "{", "}"):
        opener = stop.opened[-1] if stop.opened else None
        where = f" the '(' of column {opener.start - stop.text.rfind(chr(10), 0, opener.start)}" if opener else " it"
        message = f"missing ')' before '{token.text}', to close{where}"
        hint = f"write {stop.before.text}) {token.text} …"
        return stop.at("FL110", message, hint, fixes=[adding(")", stop.before.end)])
    if token.kind in ("word", "number"):
        end = stop.index
        while end < len(stop.tokens) and stop.tokens[end].kind in ("word", "number"):
            end += 1
        run = stop.text[stop.before.start : stop.tokens[end - 1].end]
        message = "a span name with a space needs quotes"
        start, last = stop.before.start, stop.tokens[end - 1].end
        fixes = [Fix.replacing(f"write {quote(run)}", start, last, quote(run))]
        return Diagnostic.at("FL106", message, stop.text, start, last, hint=f"write {quote(run)}", fixes=fixes)
    if token.text in ("==", "!=", "<", ">", "<=", ">="):
        message = "a span name belongs here; conditions on the span go into .where"
        return stop.at("FL110", message, f"write trace.has(*).where({stop.before.text} {token.text} …)")
    return None


def _where_inside(stop: Stop, token: Token) -> Diagnostic | None:
    """`trace.has(a.where(…))`."""
    if stop.found not in ("WHERE", "_MUST") or "_RPAR" not in stop.accepts or not token.text.endswith("where"):
        return None
    hint = "close the parenthesis first: trace.has(OP).where(…)"
    message = "'.where' follows the closing parenthesis"
    close = stop.closing(stop.opened[-1]) if stop.opened else None
    fixes = []
    if close is not None:
        moved = (Edit(stop.offset, stop.offset, ")"), Edit(close.start, close.end, ""))
        fixes.append(Fix("close the parenthesis before .where", moved))
    return Diagnostic.at("FL116", message, stop.text, stop.offset, token.end, hint=hint, fixes=fixes)


def _arity(stop: Stop, token: Token) -> Diagnostic | None:
    """`trace.sum(a)`, `trace.has(a, b)`."""
    if not stop.opened or stop.before is None or stop.opened[-1].text != "(":
        return None
    call = stop.tokens[stop.tokens.index(stop.opened[-1]) - 1]
    if token.text == ")" and "_COMMA" in stop.accepts and "_RPAR" not in stop.accepts:
        return stop.at("FL110", f"'{call.text}' needs a field", f"write {call.text}({stop.before.text}, FIELD)")
    if token.text == "," and "_RPAR" in stop.accepts and call.kind == "word" and "_COMMA" not in stop.accepts:
        close = stop.closing(stop.opened[-1])
        fixes = [] if close is None else [Fix.replacing("leave the rest out", token.start, close.start, "")]
        message = f"'{call.text}' takes no further argument here"
        return stop.at("FL110", message, "leave the rest out", fixes=fixes)
    return None


def _missing_parenthesis(stop: Stop, token: Token) -> Diagnostic | None:
    before = stop.before
    if stop.accepts == {"_LPAR"} and before is not None:
        written = f"{before.text}({token.text.strip('()')})"
        fixes = []
        if token.kind in ("word", "string"):
            edits = [Edit(before.end, token.start, "(")]
            if stop.after is None or stop.after.text != ")":
                edits.append(Edit(token.end, token.end, ")"))
            fixes.append(Fix(f"write {written}", tuple(edits)))
        return stop.at("FL110", f"'{before.text}' needs parentheses", f"write {written}", fixes=fixes)
    return None


def _missing_value(stop: Stop, token: Token) -> Diagnostic | None:
    before = stop.before
    if before is None or not {"NUMBER", "DURATION"} <= stop.accepts:
        return None
    if token.text == "[" and before.text in ("==", "!="):
        word = "in" if before.text == "==" else "not in"
        message = "a list stands after 'in'"
        return stop.at("FL110", message, f"write {word} […]", token=before, fixes=[rewrite(before, word)])
    if before.text in ("==", "!=", "<", ">", "<=", ">=", "in", "contains", "matches", "+", "-", "*", "/"):
        if token.kind == "string" and "PLUS" not in stop.accepts and "COUNT" in stop.accepts:
            return stop.at("FL110", "a number of a trace compares with numbers", "an attribute is asked in .where")
        return stop.at("FL110", f"a value is missing after '{before.text}'", f"write {before.text} VALUE")
    return None


def _after_a_word(stop: Stop, token: Token) -> Diagnostic | None:
    """Explain a bare word where something else should stand: `trace has(a)`, `and and`, `when { a always { b }`."""
    before = stop.before
    if before is None or before.kind != "word":
        return None
    if before.text == "trace" and token.kind == "word":
        fixes = [Fix.replacing(f"write trace.{token.text}", before.end, token.start, ".")]
        message = "a '.' is missing after 'trace'"
        return stop.at("FL110", message, f"write trace.{token.text}", token=before, fixes=fixes)
    if before.text in ("and", "or") and (stop.index < 2 or stop.tokens[stop.index - 2].text in ("and", "or")):
        fixes = [Fix.replacing("leave it out", before.start, token.start, "")]
        message = f"'{before.text}' needs a condition on both sides"
        return stop.at("FL110", message, "leave it out", token=before, fixes=fixes)
    if token.text in ("when", "always", "never") and stop.opened and stop.opened[-1].text == "{":
        return stop.at("FL110", f"missing '}}' before '{token.text}'", "add '}'", fixes=[adding(" }", before.end)])
    if stop.accepts == {"_LBRACE"}:
        return stop.at("FL110", f"'{before.text}' needs braces", f"write {before.text} {{ … }}", token=before)
    return None


def _misspelt(stop: Stop, token: Token) -> Diagnostic | None:
    """`adn`, `contians`, `is`."""
    if token.kind != "word":
        return None
    if {"CONTAINS", "IN"} & stop.accepts:
        if "NOT" not in stop.accepts:
            known: tuple[str, ...] = ("in", "contains", "matches")
        else:
            known = ("and", "or", "not", "in", "contains", "matches")
        if token.text in _SPELLED:
            word = _SPELLED[token.text]
            return stop.at("FL119", f"'{token.text}' is no comparison", f"write '{word}'", fixes=[rewrite(token, word)])
        near = closest(token.text, known)
        if near is None:
            hint = "compare with == != < <= > >= in contains matches"
            return stop.at("FL119", f"'{token.text}' is no comparison", hint)
        return stop.misspelt(f"'{token.text}' is no comparison", near)
    if "_AND" in stop.accepts and token.text not in ("and", "or"):
        near = _near_connective(token.text)
        if near:
            return stop.misspelt(f"'{token.text}' cannot join two conditions", near)
    for keywords in (("within", "same", "without"), ("when", "always", "never"), ("within",)):
        if {keyword.upper() for keyword in keywords} <= stop.accepts:
            near = closest(token.text, keywords)
            if near:
                return stop.misspelt(f"'{token.text}' is no keyword", near)
    return None


def _near_connective(word: str) -> str | None:
    """Return the connective meant: the same letters, or one letter more or other."""
    lower = word.lower()
    for known in ("and", "or"):
        if lower == known or sorted(lower) == sorted(known) or lower in (known + known[-1], known[0] + known):
            return known
    return closest(lower, ("and",)) if len(lower) <= 4 else None


def _misspelt_clause(stop: Stop, token: Token) -> Diagnostic | None:
    before = stop.before
    if token.text == "{" and before is not None and before.kind == "word":
        near = closest(before.text, ("when", "always", "never"))
        if near == before.text:
            message = f"'{near}' cannot stand inside another clause"
            return stop.at("FL110", message, "close the braces of that clause first", token=before)
        message = f"'{before.text}' is no clause"
        if near is None:
            return stop.at("FL119", message, "clauses are when { … }, always { … } and never { … }", token=before)
        return stop.misspelt(message, near, token=before)
    return None


def _glob_in_shorthand(stop: Stop, token: Token) -> Diagnostic | None:
    before = stop.tokens[stop.index - 1] if stop.index else None
    star = before if before is not None and before.text == "*" else token if token.text == "*" else None
    if star is None or "{" not in {opener.text for opener in stop.opened}:
        return None
    start, end = around(stop.text, star.start)
    run = stop.text[start:end]
    if run == star.text and star is before:
        return None
    hint = f"write {quote(run)}, or has({run})"
    fixes = [Fix.replacing(f"write {quote(run)}", start, end, quote(run))]
    message = "a star in a bare name needs quotes here"
    return Diagnostic.at("FL106", message, stop.text, start, end, hint=hint, fixes=fixes)


def _unmatched(stop: Stop, token: Token) -> Diagnostic | None:
    if token.text in CLOSERS.values() and token.kind == "mark":
        if token.text not in {CLOSERS[opener.text] for opener in stop.opened}:
            return stop.at("FL110", f"'{token.text}' closes nothing", "leave it out", fixes=[rewrite(token, "")])
        wanted = CLOSERS[stop.opened[-1].text]
        if token.text != wanted:
            fixes = [adding(wanted, token.start)]
            return stop.at("FL110", f"missing '{wanted}' before '{token.text}'", f"add '{wanted}'", fixes=fixes)
        if {"HAS", "EXISTS", "GLOB", "NAME"} & stop.accepts:
            return stop.at("FL112", "something is missing before the bracket", f"expected {_expected(stop.accepts)}")
    return None


def _number_alone(stop: Stop, token: Token) -> Diagnostic | None:
    if _is_after_number(stop) and stop.before is not None:
        hint = _compare_hint(stop, stop.index)
        fixes = [adding(" > 0", stop.before.end)]
        return stop.at("FL108", "a number alone is no condition", hint, token=stop.before, fixes=fixes)
    return None


def _field_on_the_right(stop: Stop, token: Token) -> Diagnostic | None:
    if token.kind != "number" or "EXISTS" not in stop.accepts:
        return None
    message = "a comparison begins with the field"
    sign, field = stop.after, stop.tokens[stop.index + 2] if stop.index + 2 < len(stop.tokens) else None
    if sign is None or sign.text not in _TURNED or field is None or field.kind != "word":
        return stop.at("FL110", message, f"write FIELD == {token.text}")
    written = f"{field.text} {_TURNED[sign.text]} {token.text}"
    fixes = [Fix.replacing(f"write {written}", token.start, field.end, written)]
    return stop.at("FL110", message, f"write {written}", fixes=fixes)


_TURNED = {"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
_COMPARISONS = tuple(_TURNED)


def _is_second_comparison(stop: Stop) -> bool:
    depth = 0
    for token in reversed(stop.tokens[: stop.index]):
        depth += (token.text in (")", "]")) - (token.text in ("(", "[", "{"))
        if depth < 0 or (depth == 0 and token.text in ("and", "or")):
            return False
        if depth == 0 and token.text in _COMPARISONS:
            return True
    return False


def _trailing(stop: Stop, token: Token) -> Diagnostic | None:
    if token.text in _COMPARISONS:
        if _is_second_comparison(stop):
            hint = "join two with 'and': 1 < trace.count(a) and trace.count(a) < 5"
            return stop.at("FL110", "one comparison at a time", hint)
        message = f"a condition is true or false; '{token.text}' compares numbers"
        return stop.at("FL110", message, "compare trace.count(…), or an attribute in .where")
    if "_AND" in stop.accepts and not stop.opened:
        is_condition = token.text == "not" or token.text.startswith("trace.")
        fixes = [adding(f"{word} ", token.start) for word in ("and", "or") if is_condition]
        message = f"'{token.text}' follows the end of the rule"
        return stop.at("FL111", message, "join conditions with 'and' or 'or'", fixes=fixes)
    if "_AND" in stop.accepts:
        return stop.at("FL110", f"'{token.text}' cannot stand here", "join conditions with 'and' or 'or'")
    if {"WHEN", "ALWAYS"} <= stop.accepts and "HAS" not in stop.accepts:
        return stop.at("FL111", f"'{token.text}' follows a clause", "only when { … }, always { … } and never { … } may")
    return None


_RULES: tuple[Callable[[Stop, Token], Diagnostic | None], ...] = (
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
