"""The word at the cursor: what was typed of it, and how far it reaches behind the cursor."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fluo_lab.language.completion.place import Place, place_at
from fluo_lab.language.literals import unescape
from fluo_lab.language.scan import scan

__all__ = ["Word", "bare_word", "is_in_comment", "open_string"]

_RUN = re.compile(r"[A-Za-z0-9_.$-]*\Z")
_GLOB_RUN = re.compile(r"[A-Za-z0-9_.$*-]*\Z")
_REST = re.compile(r"(?:[A-Za-z0-9_-]|\.(?!(?:where|must)[ \t\r\n\f]*\())*")
_GLOB_REST = re.compile(r"(?:[A-Za-z0-9_*-]|\.(?!(?:where|must)[ \t\r\n\f]*\())*")
_PREFIX = re.compile(r"(?:resource|scope)\.\Z")
_QUOTE = re.compile(r'(?:[^"\\\n]|\\.)*?"')


@dataclass(frozen=True, slots=True)
class Word:
    """A piece of the text that a completion takes the place of.

    ``typed`` is what stands before the cursor, of a quoted string its text.
    """

    start: int
    end: int
    typed: str
    is_quoted: bool = False
    is_whole: bool = True  # nothing of it stands behind the cursor


def is_in_comment(text: str, cursor: int) -> bool:
    """Whether the cursor stands in a comment."""
    pieces = scan(text[:cursor])
    gap = text[pieces[-1].end if pieces else 0 : cursor]
    return "//" in gap.rpartition("\n")[2]


def open_string(text: str, cursor: int) -> Word | None:
    """Return the string the cursor stands in, or None.

    Whether it is closed already shows in the rest of the line: with an odd number of quotes, the first closes it.
    """
    pieces = scan(text[:cursor])
    if not pieces or pieces[-1].kind != "unclosed":
        return None
    start = pieces[-1].start
    line = text[cursor:].partition("\n")[0]
    closing = _QUOTE.match(line)
    is_closed = closing is not None and len(re.findall(r'(?<!\\)"', line)) % 2 == 1
    end = cursor + closing.end() if closing is not None and is_closed else cursor
    prefix = _PREFIX.search(text, 0, start)
    written = unescape(text[start + 1 : cursor])
    if prefix is not None:
        return Word(prefix.start(), end, prefix[0] + written, is_quoted=True)
    return Word(start, end, written, is_quoted=True)


def bare_word(text: str, cursor: int) -> tuple[Word, Place | None]:
    """Return the unquoted word at the cursor, empty when there is none, and the place where it begins.

    A star belongs to the word only where a pattern of names may stand.
    """
    run = _search(_RUN, text, cursor)
    wide = _search(_GLOB_RUN, text, cursor)
    if wide.start() < run.start() or (not run[0] and wide[0]):
        place = place_at(text[: wide.start()])
        if place is not None and "GLOB" in place.accepts:
            run = wide
    place = place_at(text[: run.start()])
    if not run[0]:
        return Word(cursor, cursor, ""), place
    is_glob = place is not None and "GLOB" in place.accepts
    rest = (_GLOB_REST if is_glob else _REST).match(text, cursor)
    end = rest.end() if rest else cursor
    return Word(run.start(), end, run[0], is_whole=end == cursor), place


def _search(pattern: re.Pattern[str], text: str, end: int) -> re.Match[str]:
    found = pattern.search(text, 0, end)
    assert found is not None  # noqa: S101 - an empty run fits everywhere
    return found
