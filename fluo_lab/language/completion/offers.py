"""What can be offered at a place: spellings the grammar accepts there, and names and values from the vocabulary."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import NamedTuple

from fluo_lab.language.completion.place import Place
from fluo_lab.language.completion.spellings import (
    CLAUSES,
    DETAILS,
    KEYWORDS,
    MARKS,
    METHODS,
    PREDICATES,
    RELATION_TERMINAL,
    TRACE,
)
from fluo_lab.language.completion.vocabulary import Vocabulary
from fluo_lab.language.literals import quote
from fluo_lab.language.names import KEYWORDS as QUOTED_WORDS
from fluo_lab.language.names import is_bare, name_of_string, print_name
from fluo_lab.language.tree import Name

__all__ = ["CompletionKind", "Offer", "duration_offers", "operation_offers", "refused", "spelled_offers"]


class CompletionKind(StrEnum):
    """What a completion is."""

    KEYWORD = "keyword"
    FUNCTION = "function"
    OPERATION = "operation"
    SERVICE = "service"
    ATTRIBUTE = "attribute"
    VALUE = "value"
    OPERATOR = "operator"
    RELATION = "relation"
    EVENT = "event"
    PARAMETER = "parameter"
    DURATION = "duration"
    FIELD = "field"


class Offer(NamedTuple):
    """Something that may stand at a place, before it is compared with what was typed.

    A named tuple, since thousands of them are made for one keystroke.

    Attributes
    ----------
    label
        What typed characters are compared with: the name itself, without quotes.
    group
        Rank among what fits equally well; lower comes first.
    weight
        Rank inside the group: how often it occurs, or for spellings the order of their list; greater comes first.
    write
        Gives the text; given True, one in quotes, None where it cannot be quoted. None: the label is the text.
    tell
        Gives the detail.
    aliases
        Other labels.
    is_data
        Whether it comes from the vocabulary, and not from the grammar.
    is_spaced
        Whether white space stands before it.
    """

    label: str
    kind: CompletionKind
    group: int
    weight: int = 0
    write: Callable[[bool], str | None] | None = None
    tell: Callable[[], str] | None = None
    aliases: tuple[str, ...] = ()
    is_data: bool = False
    is_spaced: bool = False

    def text(self, *, is_quoted: bool) -> str | None:
        """Return what to write, or None when it has no such form."""
        if self.write is not None:
            return self.write(is_quoted)
        return None if is_quoted else self.label

    @property
    def detail(self) -> str:
        """What people are told of it."""
        return DETAILS.get(self.label, "") if self.tell is None else self.tell()


# --- what the grammar accepts and the builder would refuse --------------------------------------------------------

_ARITHMETIC = frozenset({"PLUS", "MINUS", "STAR", "SLASH"})
_ORDERED = ("after", "before", "starts_after", "starts_before")


def refused(place: Place) -> frozenset[str]:
    """Return the accepted terminals after which the text would parse, but could be no rule."""
    accepts, inner, before = place.accepts, place.inner, place.before
    if {"_AND", "DOUBLE_COLON"} <= accepts and not place.is_in_clause:
        return accepts  # outside the braces of a clause a bare operation is no condition
    found = {keyword.upper() for keyword in place.clauses}
    if {"CMP", "CONTAINS"} <= accepts:
        found |= {"_AND", "_OR", "_RPAR"}  # an attribute alone is compared with nothing
    elif {"CMP", "DOUBLE_COLON"} <= accepts and before not in ("duration", "spans"):
        found |= {"CMP"} | _ARITHMETIC  # a bare operation is no number
    if before is not None:
        empty = {"_LBRACE": "_RBRACE", "_LBRACKET": "_RBRACKET"}
        found |= {empty[before.type]} if before.type in empty else set()
        if before.type == "IN":
            found |= accepts - {"_LBRACKET"}
        elif before.type == "MATCHES":
            found |= accepts - {"PARAM"}
    if "EXISTS" in accepts and inner.event is not None:
        found |= {"EVENT", "RELATION", "FIELD_PREFIX"}
    if inner.opener == "RELATION":
        found |= {option for option in inner.options if option != "SAME"}
        found |= set() if inner.word in _ORDERED else {"WITHOUT"}
        pairs = zip(place.frames, place.frames[1:], strict=False)
        is_deep = any((outer.opener, frame.opener) == ("RELATION", "WHERE") for outer, frame in pairs)
        found |= {"WHERE"} if is_deep else set()
    return frozenset(found & accepts)


# --- spellings ----------------------------------------------------------------------------------------------------


def spelled_offers(place: Place, allowed: frozenset[str]) -> Iterator[Offer]:
    """Yield the spellings of accepted terminals, but those that depend on the type of a field."""
    yield from _functions(place, allowed)
    for index, (terminal, text) in enumerate(CLAUSES.items()):
        if terminal in allowed:
            yield _keyword(text, 2, weight=-index)
    is_after_field = {"CMP", "CONTAINS"} <= place.accepts
    for terminal, text in KEYWORDS.items():
        if terminal in allowed and not (is_after_field or terminal in ("IN", "CONTAINS", "MATCHES")):
            is_prefix = terminal in ("NOT", "PER")
            yield _keyword(text, 3 if is_prefix else 1, is_spaced=not is_prefix)
    for terminal, texts in MARKS.items():
        if terminal in allowed and not (terminal == "CMP" and is_after_field):
            yield from _marks(terminal, texts)


def _keyword(text: str, group: int, *, weight: int = 0, is_spaced: bool = True) -> Offer:
    return Offer(text, CompletionKind.KEYWORD, group, weight, is_spaced=is_spaced)


def _marks(terminal: str, texts: tuple[str, ...]) -> Iterator[Offer]:
    group = {"CMP": 0, "_COMMA": 2, "_LPAR": 4, "DOUBLE_COLON": 3}.get(terminal, 1 if terminal[0] == "_" else 3)
    is_spaced = terminal == "CMP" or terminal in _ARITHMETIC or terminal in ("_LBRACE", "_RBRACE")
    for index, text in enumerate(texts):
        yield Offer(text, CompletionKind.OPERATOR, group, -index, is_spaced=is_spaced)


def _functions(place: Place, allowed: frozenset[str]) -> Iterator[Offer]:
    words = [word for terminal, texts in TRACE.items() if terminal in allowed for word in texts]
    for index, word in enumerate(words):
        detail = DETAILS[word]
        if place.is_in_clause:
            yield Offer(word, CompletionKind.FUNCTION, 1, -index)
        yield Offer(
            f"trace.{word}",
            CompletionKind.FUNCTION,
            6 if place.is_in_clause else 0,
            -index,
            tell=lambda detail=detail: detail,  # type: ignore[misc]
            aliases=(word,),
        )
    for terminal, word in METHODS.items():
        if terminal in allowed:
            yield Offer(word, CompletionKind.FUNCTION, 0, aliases=(word[1:],))
    for index, (terminal, word) in enumerate(PREDICATES.items()):
        if terminal in allowed:
            yield Offer(word, CompletionKind.FUNCTION, 3, -index)
    for terminal, words_of in RELATION_TERMINAL.items():
        if terminal in allowed:
            for index, word in enumerate(words_of):
                detail = DETAILS[word]
                yield Offer(
                    f"{word}(",
                    CompletionKind.RELATION,
                    4,
                    -index,
                    tell=lambda detail=detail: detail,  # type: ignore[misc]
                )


# --- durations ----------------------------------------------------------------------------------------------------

_NUMBER = re.compile(r"([0-9]+(?:\.[0-9]+)?)(?:[a-z]*)")
_UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "us": "microseconds", "ns": "nanoseconds"}
_DURATIONS = ("100ms", "1s", "5s", "1m", "10m", "1h")


def duration_offers(typed: str) -> Iterator[Offer]:
    """Yield durations: the number that was typed under every unit, or a few to begin with."""
    found = _NUMBER.fullmatch(typed)
    if found:
        for index, (unit, words) in enumerate(_UNITS.items()):
            detail = f"{found[1]} {words}"
            yield Offer(
                found[1] + unit,
                CompletionKind.DURATION,
                0,
                -index,
                tell=lambda detail=detail: detail,  # type: ignore[misc]
            )
    elif not typed:
        for index, text in enumerate(_DURATIONS):
            yield Offer(text, CompletionKind.DURATION, 0, -index)


# --- operations and events ----------------------------------------------------------------------------------------


def operation_offers(place: Place, allowed: frozenset[str], vocabulary: Vocabulary) -> Iterator[Offer]:
    """Yield the span names, services and event names that may stand at a place."""
    is_glob = "GLOB" in allowed
    if is_glob and place.inner.opener == "EVENT":
        for event in vocabulary.events:
            yield _event(event.name, event.n_events)
        return
    is_after_service = place.before is not None and place.before.type == "DOUBLE_COLON"
    is_short = not is_glob and (is_after_service or (place.is_in_clause and "HAS" in allowed))
    if not is_glob and not is_short:
        return
    service = _service_before(place) if is_after_service else None
    spans: dict[str, dict[str, int]] = {}
    services: dict[str, int] = {}
    for use in vocabulary.operations:
        if service is None or use.service == service:
            counts = spans.setdefault(use.name, {})
            counts[use.service] = counts.get(use.service, 0) + use.n_spans
        services[use.service] = services.get(use.service, 0) + use.n_spans
    for name, counts in spans.items():
        yield _operation(name, counts, is_short=is_short)
    if is_glob:
        yield Offer("*", CompletionKind.OPERATION, 2, tell=lambda: "any span")
    if not is_after_service:
        for name, n_spans in services.items():
            yield _service(name, n_spans, is_short=is_short)


def _service_before(place: Place) -> str | None:
    """Return the service before the `::` at the end, or None for a pattern."""
    tokens = place.inner.written
    if len(tokens) < 2:
        return None
    written = str(tokens[-2])
    if tokens[-2].type == "STRING":
        name = name_of_string(written[1:-1])
        return name.parts[0] if name.is_exact else None
    return None if "*" in written else written


def _operation(name: str, counts: dict[str, int], *, is_short: bool) -> Offer:
    return Offer(
        name,
        CompletionKind.OPERATION,
        0,
        sum(counts.values()),
        write=lambda is_quoted: _name_text(name, is_quoted=is_quoted, is_short=is_short),
        tell=lambda: _told(counts),
        is_data=True,
    )


def _told(counts: dict[str, int]) -> str:
    first, *others = sorted(counts, key=lambda service: (-counts[service], service))
    more = f" and {len(others)} more service{'s' * (len(others) > 1)}" if others else ""
    return f"{sum(counts.values()):,} spans in {first}{more}"


def _service(name: str, n_spans: int, *, is_short: bool) -> Offer:
    return Offer(
        f"{name}::",
        CompletionKind.SERVICE,
        3,
        n_spans,
        write=lambda is_quoted: f"{_name_text(name, is_quoted=is_quoted, is_short=is_short)}::",
        tell=lambda: f"service, {n_spans:,} spans",
        is_data=True,
    )


def _event(name: str, n_events: int) -> Offer:
    return Offer(
        name,
        CompletionKind.EVENT,
        0,
        n_events,
        write=lambda _: _name_text(name, is_quoted=True, is_short=False),
        tell=lambda: f"{n_events:,} events",
        is_data=True,
    )


def _name_text(name: str, *, is_quoted: bool, is_short: bool) -> str:
    """Return a span, service or event name as it is written at a place."""
    written = print_name(Name((name,)))
    if written.startswith('"'):
        return written
    # where a condition may begin, a keyword and what starts like a function would be read as one
    is_taken = is_short and (not is_bare(name) or name in QUOTED_WORDS or name.partition(".")[0] == "trace")
    return quote(name, star="\\*") if is_quoted or is_taken else written
