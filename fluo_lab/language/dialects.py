"""The dialects that came before: arrow functions, and conditions on one span. Each is shown as the rule it means."""

from __future__ import annotations

import re

from fluo_lab.errors import Diagnostic, Fix, RuleError
from fluo_lab.language.literals import print_duration, quote
from fluo_lab.language.names import SPAN_FIELDS, is_bare
from fluo_lab.language.scan import Token

__all__ = ["dialect_problem"]

_MAX_TEXT = 4_000  # longer texts get the general form
_ARROW = re.compile(r"\.\s*(\w+)\s*\(\s*(?:trace\s*\.\s*(\w+)\s*\(\s*)?(\w+)\s*=>")
_NAME_TEST = re.compile(r"""span\.name\s*={2,3}\s*(["'])([^"']*)\1""")
_GENERAL = "write trace.has(NAME).where(attribute == value)"


def dialect_problem(text: str, tokens: list[Token]) -> Diagnostic | None:
    """Return the error for a rule of another dialect, with the rule it means; None when it is none."""
    arrow = next((token for token in tokens if token.text == "=>"), None)
    if arrow is not None:
        hint = _from_arrows(text) if len(text) <= _MAX_TEXT else None
        message = "arrow functions are another dialect; a rule names the span and filters it with .where"
        return _shown(message, text, arrow, hint)
    if len(text) > _MAX_TEXT:
        return None
    words = {token.text for token in tokens if token.kind == "word"}
    if words & {"when", "always", "never", "per"}:
        return None
    calls = _span_calls(tokens)
    if calls is not None:
        message = "a span name belongs between these parentheses; conditions on the span go into .where"
        return _shown(message, text, calls, _from_calls(text))
    if any(word.startswith("trace") for word in words):
        return None
    return _from_span(text, tokens)


def _shown(message: str, text: str, at: Token, rule: str | None) -> Diagnostic:
    """Return the error that shows the rule a text means, where it could be told."""
    fixes = [] if rule is None else [Fix.replacing("rewrite the rule", 0, len(text), rule)]
    hint = _GENERAL if rule is None else f"write {rule}"
    return Diagnostic.at("FL105", message, text, at.start, at.end, hint=hint, fixes=fixes)


# --- arrow functions


def _from_arrows(text: str) -> str | None:
    """Return the rule that a chain of arrow functions means, as far as it can be recognised."""
    found = list(_ARROW.finditer(text))
    rule = ""
    for number, arrow in enumerate(found):
        outer, inner, variable = arrow[1], arrow[2], arrow[3]
        end = _end_of_call(text, arrow.end())
        selection = _selection(_predicate(text[arrow.end() : end], variable))
        if selection is None:
            return None
        is_next = outer in ("followedBy", "followed_by") and number > 0
        if is_next:
            time = re.match(r"\)*\s*\.\s*within\s*\(\s*['\"]?\s*(\d+)\s*(ms|s|m|h)?", text[end:])
            within = f", within {time[1]}{time[2] or 's'}" if time else ""
            rule += f".where(before({selection[0]}{selection[1]}{within}))"
            continue
        atom = f"trace.has({selection[0]}){selection[1]}"
        if "missing" in (outer, inner):
            atom = f"not {atom}"
        rule += f"{' or ' if outer == 'or' else ' and '}{atom}" if rule else atom
    return rule if rule and _is_rule(rule) else None


def _end_of_call(text: str, start: int) -> int:
    """Return where the call that holds an offset closes."""
    depth = 0
    in_quotes = ""
    for offset in range(start, len(text)):
        character = text[offset]
        if in_quotes:
            in_quotes = "" if character == in_quotes else in_quotes
        elif character in "'\"":
            in_quotes = character
        elif character == "(":
            depth += 1
        elif character == ")":
            if depth == 0:
                return offset
            depth -= 1
    return len(text)


def _predicate(body: str, variable: str) -> str:
    """Return a JavaScript-like test of a span in the language's words, as far as they go."""
    body = re.sub(rf"\b{re.escape(variable)}\.", "span.", body)
    body = body.replace("===", "==").replace("!==", "!=").replace("&&", " and ").replace("||", " or ")
    body = re.sub(r"'([^'\n]*)'", lambda m: quote(m[1]), body)
    body = re.sub(
        r"(\S+)\.startsWith\(\"([^\"]*)\"\)", lambda m: f"{m[1]} matches {quote('^' + re.escape(m[2]))}", body
    )
    body = re.sub(r"(\S+)\.includes\((\"[^\"]*\")\)", r"\1 contains \2", body)
    return _span_words(" ".join(body.split()))


def _span_words(body: str) -> str:
    """Return a per-span condition with this language's fields and units."""
    body = re.sub(r"""span\.attributes\[\s*(["'])([^"']*)\1\s*\]""", lambda m: _attribute(m[2]), body)
    body = re.sub(r"span\.attributes\.([\w.-]+)", lambda m: _attribute(m[1]), body)
    body = re.sub(r"span\.service_name\b", "span.service", body)
    body = re.sub(r"span\.(status|kind)(\s*[!=]=\s*)\"(\w*)\"", lambda m: f"span.{m[1]}{m[2]}{m[3].lower()}", body)
    body = re.sub(
        r"span\.duration(\s*[<>!=]=?\s*)(\d{1,18})\b(?![.\w])",
        lambda m: f"span.duration{m[1]}{_nanoseconds(m[2])}",
        body,
    )
    body = re.sub(
        rf"\bspan\.(?!(?:{'|'.join(SPAN_FIELDS)})\b)(\w+)",
        lambda m: m[1],
        body,
    )
    return re.sub(r'([<>]=?\s*)"(-?\d+(?:\.\d+)?)"', r"\1\2", body)


def _nanoseconds(digits: str) -> str:
    return print_duration(int(digits))


def _attribute(name: str) -> str:
    return name if is_bare(name) else quote(name)


def _selection(predicate: str) -> tuple[str, str] | None:
    """Return the span name and the filters of a predicate; None when it does not parse."""
    name = "*"
    conjuncts = predicate.split(" and ") if " or " not in predicate else [predicate]
    kept = []
    for conjunct in conjuncts:
        named = _NAME_TEST.fullmatch(conjunct.strip())
        if named and name == "*":
            name = named[2] if is_bare(named[2]) else quote(named[2])
        else:
            kept.append(conjunct.strip())
    where = f".where({' and '.join(kept)})" if kept else ""
    return (name, where) if _is_rule(f"trace.has({name}){where}") else None


def _is_rule(text: str) -> bool:
    from fluo_lab.language.parser import parse_rule

    try:
        parse_rule(text)
    except RuleError:
        return False
    return True


# --- conditions on one span


def _span_calls(tokens: list[Token]) -> Token | None:
    """Return the first ``span.…`` right after ``trace.has(``, or None."""
    for function, bracket, word in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if function.text == "trace.has" and bracket.text == "(" and re.match(r"span(\.|$)", word.text):
            return word
    return None


def _from_calls(text: str) -> str | None:
    """Return the rule for ``trace.has(span.name == "x")``."""
    rule, offset = "", 0
    for call in re.finditer(r"trace\.has\s*\(", text):
        if call.start() < offset:
            return None
        end = _end_of_call(text, call.end())
        selection = _selection(_span_words(text[call.end() : end]))
        if selection is None:
            return None
        rule += f"{text[offset : call.start()]}trace.has({selection[0]}){selection[1]}"
        offset = end + 1
    rule += text[offset:]
    return rule if _is_rule(rule) else None


def _from_span(text: str, tokens: list[Token]) -> Diagnostic | None:
    """Return the error for a text that is a condition on one span."""
    converted = _span_words(" ".join(text.split()))
    is_span = any(re.match(r"span(\.|$)", token.text) for token in tokens if token.kind == "word")
    is_comparison = any(token.text in ("==", "!=", "<", ">", "<=", ">=") for token in tokens)
    rule = f"trace.has(*).where({converted})"
    fixes = []
    if is_comparison and _is_rule(rule):
        fixes = [Fix.replacing(f"write {rule}", 0, len(text), rule)]
        hint = f"write {rule}, or name the span instead of *"
    elif is_span:
        hint = "write trace.has(*).where(span.status == error), or name the span instead of *"
    else:
        return None
    message = "this is a condition on one span; a rule asks a trace for spans"
    return Diagnostic.at("FL105", message, text, tokens[0].start, tokens[-1].end, hint=hint, fixes=fixes)
