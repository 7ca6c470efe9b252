"""A look at a rule's characters before it is parsed: limits, brackets, and what can never be right.

The parser says where a text stops making sense; the scan says what the writer probably meant. It also bounds
the nesting, so that no later step can run out of stack.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from fluo_lab.errors import Diagnostic
from fluo_lab.language.limits import MAX_NESTING, MAX_RULE_BYTES
from fluo_lab.language.literals import duration_ns, quote

__all__ = ["Token", "around", "scan", "text_problems"]

_MAX_OPEN = MAX_NESTING + 10  # groups plus the brackets of the calls inside the innermost one
_MAX_REPORTED = 20

_TOKEN = re.compile(
    r"""
      (?P<space>[ \t\r\n\f\v]+ | //[^\n]*)
    | (?P<string>"(?:[^"\\]|\\.)*")
    | (?P<unclosed>".*)
    | (?P<number>[0-9](?:[0-9A-Za-z_]|\.(?=[0-9])|(?<=[0-9][eE])[+-](?=[0-9]))*)
    | (?P<parameter>\$[A-Za-z_][A-Za-z0-9_]*)
    | (?P<word>[A-Za-z_][A-Za-z0-9_.-]*)
    | (?P<wrong>===|!==|=>|&&|\|\||<>|=(?!=)|!(?!=))
    | (?P<mark>==|!=|>=|<=|::|[-+*/(){}\[\],<>.:])
    | (?P<single>'[^'\n]*'?)
    | (?P<strange>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_RUN_STOP = re.compile(r"""[\s(){}\[\],"<>=!']""")

_REWRITES = {
    "===": ("==", "write '==' to compare"),
    "!==": ("!=", "write '!=' to compare"),
    "<>": ("!=", "write '!=' for 'not equal'"),
    "&&": ("and", "write 'and'"),
    "||": ("or", "write 'or'"),
    "!": ("not", "write 'not'"),
    "=": ("==", "write '==' to compare"),
}
_CLOSING = {"(": ")", "{": "}", "[": "]"}


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a rule's text: what it looks like and where it stands."""

    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        """Offset past the last character."""
        return self.start + len(self.text)


def scan(text: str) -> list[Token]:
    """Return the pieces of a text, without white space and comments. Every character is in some piece.

    Examples
    --------
    >>> [token.text for token in scan("trace.has(a) // note")]
    ['trace.has', '(', 'a', ')']
    """
    return [
        Token(str(found.lastgroup), found[0], found.start())
        for found in _TOKEN.finditer(text)
        if found.lastgroup != "space"
    ]


def text_problems(text: str, tokens: list[Token]) -> list[Diagnostic]:
    """Return what is wrong with a text whatever its grammar: size, nesting, characters, foreign operators."""
    size = len(text.encode("utf-8", errors="surrogatepass"))
    if size > MAX_RULE_BYTES:
        message = f"the rule has {size:,} bytes; a rule may have {MAX_RULE_BYTES:,} (64 KiB)"
        return [Diagnostic.at("FL001", message, text, 0, 1, hint="split it into several rules")]
    deep = _too_deep(text, tokens)
    if deep:
        return [deep]
    problems: list[Diagnostic] = []
    reported_to = -1
    for index, token in enumerate(tokens):
        if token.start < reported_to:
            continue
        found = _problem(text, tokens, index)
        if found is not None:
            problems.append(found)
            reported_to = max(found.end, token.end)
            if token.kind == "unclosed" or len(problems) == _MAX_REPORTED:
                break
    return problems


def _too_deep(text: str, tokens: list[Token]) -> Diagnostic | None:
    """Return the error for a nesting past the limit.

    A level is a grouping parenthesis, or a `not` that no parenthesis follows. The brackets of a call are
    no level, but they are bounded too.
    """
    opened: list[int] = []  # how many levels each open bracket adds
    levels = nots = 0
    for index, token in enumerate(tokens):
        before = tokens[index - 1] if index else None
        if token.kind == "word" and token.text == "not":
            after = tokens[index + 1] if index + 1 < len(tokens) else None
            nots += after is None or after.text != "("
        elif token.text in _CLOSING and token.kind == "mark":
            is_call = before is not None and before.kind == "word" and before.text not in ("and", "or", "not")
            adds = int(token.text == "(" and not is_call) + nots
            nots = 0
            opened.append(adds)
            levels += adds
        elif token.kind == "mark" and token.text in ")}]":
            nots = 0
            if opened:
                levels -= opened.pop()
        elif token.text in ("and", "or", ","):
            nots = 0
        if levels + nots > MAX_NESTING or len(opened) > _MAX_OPEN:
            message = f"the rule is nested deeper than {MAX_NESTING} levels"
            return Diagnostic.at(
                "FL004", message, text, token.start, token.end, hint="write it flatter, or as two rules"
            )
    return None


def _problem(text: str, tokens: list[Token], index: int) -> Diagnostic | None:
    """Return what is wrong with one token by itself."""
    token = tokens[index]
    if token.kind == "unclosed":
        end = text.find("\n", token.start)
        return Diagnostic.at(
            "FL103",
            "the quoted string is never closed",
            text,
            token.start,
            len(text) if end < 0 else end,
            hint="put a '\"' at its end (a '\"' inside it is written '\\\"')",
        )
    if token.kind == "wrong" and token.text != "=>":
        right, hint = _REWRITES[token.text]
        message = f"'{token.text}' is not an operator here; the language says '{right}'"
        return Diagnostic.at("FL104", message, text, token.start, token.end, hint=hint)
    if token.kind == "single":
        inside = token.text.strip("'")
        return Diagnostic.at(
            "FL104",
            "strings stand in double quotes",
            text,
            token.start,
            token.end,
            hint=f"write {quote(inside)}",
        )
    if token.kind == "number":
        return _number_problem(text, token)
    if token.kind == "strange":
        return _character_problem(text, token)
    return _surrogate_problem(text, token)


def _number_problem(text: str, token: Token) -> Diagnostic | None:
    if _NUMBER.fullmatch(token.text) or duration_ns(token.text) is not None:
        return None
    start, end = around(text, token.start)
    run = text[start:end]
    if token.text[:2] in ("0x", "0X") and all(c in "0123456789abcdefABCDEF" for c in token.text[2:]) and token.text[2:]:
        hint = f"write {int(token.text, 16)}, or {quote(run)} if it is a name"
        return Diagnostic.at("FL107", "hexadecimal numbers are not part of the language", text, start, end, hint=hint)
    if re.fullmatch(r"[0-9.]+(ns|us|ms|s|m|h)", token.text):
        message = f"the duration {token.text} is not a whole number of nanoseconds within 64 bits"
        return Diagnostic.at("FL006", message, text, token.start, token.end, hint="write a smaller or rounder one")
    return Diagnostic.at(
        "FL107",
        f"'{run}' is neither a number nor a duration",
        text,
        start,
        end,
        hint=f"a duration is written 250us, 250ms, 5s, 2m or 1h; a name or text needs quotes: {quote(run)}",
    )


def _character_problem(text: str, token: Token) -> Diagnostic | None:
    character = token.text
    code = f"U+{ord(character):04X}"
    name = unicodedata.name(character, "unnamed")
    at = (text, token.start, token.end)
    if character in "“”„‟«»":
        return Diagnostic.at("FL104", f"'{character}' ({code}) is not a straight quote", *at, hint='write "…"')
    if character in "‘’‚":
        return Diagnostic.at("FL104", f"'{character}' ({code}) is not a quote", *at, hint='write "…"')
    if character in "&|":
        word = "and" if character == "&" else "or"
        return Diagnostic.at("FL104", f"'{character}' is not an operator here", *at, hint=f"write '{word}'")
    if "\ud800" <= character <= "\udfff":
        return _surrogate_problem(text, token)
    category = unicodedata.category(character)
    if category[0] in "CZ":
        message = f"a hidden character {code} ({name}) stands here"
        return Diagnostic.at("FL010", message, *at, hint="delete it; in a quoted string write it as an escape")
    start, end = around(text, token.start)
    run = text[start:end]
    if ord(character) > 127:
        message = f"the character '{character}' {code} ({name}) cannot stand in an unquoted name"
        if category.startswith("M"):
            message = f"a combining character {code} ({name}) cannot stand in an unquoted name"
        hint = f"if it is meant, quote the name: {quote(run)}; if it only looks like a Latin letter, type that"
        return Diagnostic.at("FL010", message, text, start, end, hint=hint)
    message = f"'{character}' cannot stand in an unquoted name"
    hint = f"quote the name: {quote(run)}" if len(run) > 1 else "leave it out"
    return Diagnostic.at("FL106", message, text, start, end, hint=hint)


def _surrogate_problem(text: str, token: Token) -> Diagnostic | None:
    for offset, character in enumerate(token.text):
        if "\ud800" <= character <= "\udfff":
            at = token.start + offset
            message = f"half of a surrogate pair, U+{ord(character):04X}, is no character"
            return Diagnostic.at(
                "FL011", message, text.encode("utf-8", "replace").decode(), at, at + 1, hint="delete it"
            )
    return None


def around(text: str, at: int) -> tuple[int, int]:
    """Return the bounds of the unquoted name a character stands in, as the writer saw it."""
    start = at
    while start > 0 and not _RUN_STOP.match(text[start - 1]):
        start -= 1
    end = at + 1
    while end < len(text) and not _RUN_STOP.match(text[end]):
        end += 1
    while end > at + 1 and text[end - 1] in ";.":
        end -= 1
    return start, end
