"""A look at a rule's characters before it is parsed: limits, brackets, and what can never be right.

The parser says where a text stops making sense; the scan says what the writer probably meant. It also bounds
the nesting, so that no later step can run out of stack.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from fluo_lab.errors import Diagnostic, Edit, Fix
from fluo_lab.language.findings import rewrite
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
        return _unclosed(text, token)
    if token.kind == "wrong" and token.text != "=>":
        right, hint = _REWRITES[token.text]
        message = f"'{token.text}' is not an operator here; the language says '{right}'"
        fixes = [_spaced(text, token, right)]
        return Diagnostic.at("FL104", message, text, token.start, token.end, hint=hint, fixes=fixes)
    if token.kind == "single":
        inside = token.text.strip("'")
        return Diagnostic.at(
            "FL104",
            "strings stand in double quotes",
            text,
            token.start,
            token.end,
            hint=f"write {quote(inside)}",
            fixes=[rewrite(token, quote(inside))],
        )
    if token.kind == "number":
        return _number_problem(text, token)
    if token.kind == "strange":
        return _character_problem(text, token)
    return _surrogate_problem(text, token)


def _unclosed(text: str, token: Token) -> Diagnostic:
    """Return the error for a string without an end. It probably ended where a bracket or the line does."""
    inside = re.compile(r"[^)\]},\n]*").match(text, token.start + 1)
    end = token.start + 1 + len((inside[0] if inside else "").rstrip())
    return Diagnostic.at(
        "FL103",
        "the quoted string is never closed",
        text,
        token.start,
        _line_end(text, token.start),
        hint="put a '\"' at its end (a '\"' inside it is written '\\\"')",
        fixes=[Fix.replacing(f'write {text[token.start : end]}"', end, end, '"')],
    )


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def _spaced(text: str, token: Token, word: str) -> Fix:
    """Return the fix that writes a word for an operator, apart from what stands beside it."""
    if word.isalpha():
        before, after = text[: token.start][-1:], text[token.end :][:1]
        word = " " * (before not in ("", "(", "{") and not before.isspace()) + word
        word += " " * (after != "" and not after.isspace())
    return rewrite(token, word)


def _straight(text: str, token: Token) -> Fix:
    """Return the fix that makes a curly quote straight, together with its partner on the line."""
    character = token.text
    pair = next((pair for pair in ("“”", "„”", "„“", "«»", "‘’", "‚’", "‚‘") if character == pair[0]), None)
    other = -1
    if pair is not None:
        other = text.find(pair[1], token.end, _line_end(text, token.end))
    if other < 0:
        before = text.rfind("\n", 0, token.start) + 1
        opening = {"”": "“„", "“": "„", "»": "«", "’": "‘‚", "‘": "‚"}.get(character, "")
        other = max((text.rfind(mark, before, token.start) for mark in opening), default=-1)
    places = sorted({token.start, other} - {-1})
    return Fix("write straight quotes", tuple(Edit(place, place + 1, '"') for place in places))


def _number_problem(text: str, token: Token) -> Diagnostic | None:
    if _NUMBER.fullmatch(token.text) or duration_ns(token.text) is not None:
        return None
    start, end = around(text, token.start)
    run = text[start:end]
    if token.text[:2] in ("0x", "0X") and all(c in "0123456789abcdefABCDEF" for c in token.text[2:]) and token.text[2:]:
        hint = f"write {int(token.text, 16)}, or {quote(run)} if it is a name"
        is_value = not text[:start].rstrip().endswith(("(", "::"))
        meant = [str(int(token.text, 16)), quote(run)] if is_value else [quote(run)]
        fixes = [Fix.replacing(f"write {new}", start, end, new) for new in meant]
        message = "hexadecimal numbers are not part of the language"
        return Diagnostic.at("FL107", message, text, start, end, hint=hint, fixes=fixes)
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
        fixes=[Fix.replacing(f"write {quote(run)}", start, end, quote(run))],
    )


def _character_problem(text: str, token: Token) -> Diagnostic | None:
    character = token.text
    code = f"U+{ord(character):04X}"
    name = unicodedata.name(character, "unnamed")
    at = (text, token.start, token.end)
    fixes = [_straight(text, token)]
    if character in "“”„‟«»":
        return Diagnostic.at(
            "FL104", f"'{character}' ({code}) is not a straight quote", *at, hint='write "…"', fixes=fixes
        )
    if character in "‘’‚":
        return Diagnostic.at("FL104", f"'{character}' ({code}) is not a quote", *at, hint='write "…"', fixes=fixes)
    if character in "&|":
        word = "and" if character == "&" else "or"
        fixes = [_spaced(text, token, word)]
        message = f"'{character}' is not an operator here"
        return Diagnostic.at("FL104", message, *at, hint=f"write '{word}'", fixes=fixes)
    if "\ud800" <= character <= "\udfff":
        return _surrogate_problem(text, token)
    category = unicodedata.category(character)
    if category[0] in "CZ":
        message = f"a hidden character {code} ({name}) stands here"
        hint = "delete it; in a quoted string write it as an escape"
        is_blank = category[0] == "Z"
        fixes = [Fix.replacing("write a plain space" if is_blank else "delete it", *at[1:], " " * is_blank)]
        return Diagnostic.at("FL010", message, *at, hint=hint, fixes=fixes)
    start, end = around(text, token.start)
    run = text[start:end]
    if ord(character) > 127:
        message = f"the character '{character}' {code} ({name}) cannot stand in an unquoted name"
        if category.startswith("M"):
            message = f"a combining character {code} ({name}) cannot stand in an unquoted name"
        hint = f"if it is meant, quote the name: {quote(run)}; if it only looks like a Latin letter, type that"
        fixes = [Fix.replacing(f"write {quote(run)}", start, end, quote(run))]
        return Diagnostic.at("FL010", message, text, start, end, hint=hint, fixes=fixes)
    message = f"'{character}' cannot stand in an unquoted name"
    hint = f"quote the name: {quote(run)}" if len(run) > 1 else "leave it out"
    fixes = [rewrite(token, "") if len(run) == 1 else Fix.replacing(f"write {quote(run)}", start, end, quote(run))]
    return Diagnostic.at("FL106", message, text, start, end, hint=hint, fixes=fixes)


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
