"""What may be written next at a place in a rule.

The grammar decides: the parser reads the text up to the word at the cursor and says which terminals it can go on
with. The vocabulary supplies names for those that have names. Whatever the cursor stands before is not looked at, but
for the rest of the word it stands in.

An operand with an error in it does not matter to what is typed after the next ``and``, ``or`` or clause; an error in
the operand at the cursor, a comment and a text beyond the limits give nothing.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from fluo_lab.errors import UsageError
from fluo_lab.language.completion.field_offers import (
    comparison_offers,
    field_offers,
    is_duration_expected,
    value_offers,
)
from fluo_lab.language.completion.offers import CompletionKind, Offer, operation_offers, refused, spelled_offers
from fluo_lab.language.completion.place import Place, place_at
from fluo_lab.language.completion.spellings import METHODS
from fluo_lab.language.completion.vocabulary import Vocabulary
from fluo_lab.language.completion.word import Word, bare_word, is_in_comment, open_string
from fluo_lab.language.limits import MAX_RULE_BYTES
from fluo_lab.language.scan import scan

__all__ = ["Completion", "CompletionKind", "complete"]


@dataclass(frozen=True, slots=True)
class Completion:
    """Something that may be written at the cursor.

    Attributes
    ----------
    text
        What to write in the place of the characters from ``start`` to ``end``.
    kind
        What it is.
    start, end
        Offsets in the text, in characters.
    detail
        What people are told beside it; may be empty.
    score
        How well it fits what was typed, from 0 to 1.
    """

    text: str
    kind: CompletionKind
    start: int
    end: int
    detail: str
    score: float

    def apply(self, text: str) -> str:
        """Return the text with the completion written into it.

        Examples
        --------
        >>> Completion("trace.has(", CompletionKind.FUNCTION, 0, 2, "", 1.0).apply("trpay)")
        'trace.has(pay)'
        """
        return text[: self.start] + self.text + text[self.end :]


def complete(text: str, cursor: int, vocabulary: Vocabulary, *, limit: int = 50) -> tuple[Completion, ...]:
    """Return what may be written at the cursor, the likeliest first.

    What begins with the typed characters comes before what holds them, then what holds them in their order, then, when
    nothing does, what is spelled alike. Inside one of these comes first what the place asks for, then what is frequent
    in the data, then alphabetical order. After a finished word stands, in between, what may follow it. What is there
    already is not offered.

    Parameters
    ----------
    text
        A rule, in any state.
    cursor
        Offset of the cursor, in characters.
    vocabulary
        The names and values there are.
    limit
        At most so many; spellings of the grammar are kept before names of the data.

    Raises
    ------
    UsageError
        The cursor is outside the text, or the limit is not positive.

    Examples
    --------
    >>> text = "trace.has(payment.charge).where(span.status == "
    >>> [completion.text for completion in complete(text, len(text), Vocabulary())]
    ['unset', 'ok', 'error', 'attr(']
    """
    if not 0 <= cursor <= len(text):
        raise UsageError(f"the cursor is at {cursor}: the text has {len(text)} characters")
    if limit < 1:
        raise UsageError(f"limit is {limit}: ask for at least one completion")
    if len(text.encode("utf-8", errors="surrogatepass")) > MAX_RULE_BYTES:
        return ()
    vocabulary = _with_parameters_of(text, cursor, vocabulary)
    in_order = sorted(_ranked(text, cursor, vocabulary), key=lambda ranked: ranked.order)
    return tuple(_cut(_written_out(text, in_order, limit), limit))


def _with_parameters_of(text: str, cursor: int, vocabulary: Vocabulary) -> Vocabulary:
    """Return the vocabulary with the parameters that the text itself uses elsewhere."""
    used = [
        piece.text[1:] for piece in scan(text) if piece.kind == "parameter" and not piece.start < cursor <= piece.end
    ]
    missing: dict[str, str | int | float | bool | None] = {
        name: None for name in used if name not in vocabulary.parameters
    }
    return vocabulary.with_parameters({**vocabulary.parameters, **missing}) if missing else vocabulary


# --- offers and how well they fit ---------------------------------------------------------------------------------

_SIGN = re.compile(r"(?:[=!<>]+|(?<!:):)\Z")
_METHOD = re.compile(r"\.[a-z]*\Z")
_FOLLOWS = 0.7
_FOLLOWS_UNKNOWN = 0.2
_ALIKE = 0.25
_FEW_TYPED = 3


class _Ranked(NamedTuple):
    """An offer, the word it is for, and how well it fits that."""

    offer: Offer
    word: Word
    score: float

    @property
    def order(self) -> tuple[float, int, int, str]:
        return (-self.score, self.offer.group, -self.offer.weight, self.offer.label)


def _ranked(text: str, cursor: int, vocabulary: Vocabulary) -> Iterator[_Ranked]:
    """Yield what fits at the cursor, under every reading of the word there."""
    if is_in_comment(text, cursor):
        return
    word = open_string(text, cursor)
    if word is not None:
        place = place_at(text[: word.start])
        if place is not None:
            yield from _fitting(word, list(_offers(place, vocabulary, word.typed)))
        return
    word, place = bare_word(text, cursor)
    offers = [] if place is None else list(_offers(place, vocabulary, word.typed))
    yield from _fitting(word, offers)
    if word.typed and word.end == cursor:
        method = _METHOD.search(word.typed)
        methods: list[_Ranked] = []
        if method is not None and method.start() > 0:
            methods = list(_only(text, cursor, method[0], vocabulary, lambda offer: offer.label in METHODS.values()))
        yield from methods
        is_unfinished = place is not None and word.typed[-1].isdigit() and is_duration_expected(place)
        if not methods and not is_unfinished:
            is_known = any(word.typed in (offer.label, offer.label.rstrip("([{ ")) for offer in offers)
            yield from _following(text, cursor, vocabulary, _FOLLOWS if is_known else _FOLLOWS_UNKNOWN)
    sign = _SIGN.search(text, 0, cursor)
    if sign is not None:
        yield from _only(
            text, cursor, sign[0], vocabulary, lambda offer: offer.kind is CompletionKind.OPERATOR and offer.is_spaced
        )
        yield from _only(text, cursor, sign[0], vocabulary, lambda offer: offer.label == "::")


def _only(
    text: str, cursor: int, typed: str, vocabulary: Vocabulary, is_wanted: Callable[[Offer], bool]
) -> Iterator[_Ranked]:
    """Yield what fits the last characters before the cursor alone, of the offers that are wanted."""
    word = Word(cursor - len(typed), cursor, typed)
    place = place_at(text[: word.start])
    if place is not None:
        yield from _matching(word, filter(is_wanted, _offers(place, vocabulary, "")))


def _following(text: str, cursor: int, vocabulary: Vocabulary, score: float) -> Iterator[_Ranked]:
    """Yield what may follow the word that ends at the cursor."""
    place = place_at(text[:cursor])
    if place is None:
        return
    word = Word(cursor, cursor, "")
    for offer in _offers(place, vocabulary, ""):
        is_name = offer.is_data or offer.kind is CompletionKind.PARAMETER
        if not is_name and (offer.is_spaced or not offer.label[0].isalnum()):
            yield _Ranked(offer, word, score)


def _fitting(word: Word, offers: list[Offer]) -> Iterator[_Ranked]:
    found = list(_matching(word, offers))
    yield from found or _alike(word, offers)


def _offers(place: Place, vocabulary: Vocabulary, typed: str) -> Iterator[Offer]:
    """Yield everything that may stand at a place."""
    allowed = place.accepts - refused(place)
    yield from spelled_offers(place, allowed)
    yield from operation_offers(place, allowed, vocabulary)
    if "FIELD_PREFIX" in place.accepts:
        yield from field_offers(place, allowed, vocabulary)
    yield from comparison_offers(place, allowed, vocabulary)
    yield from value_offers(place, allowed, vocabulary, typed)
    if "PARAM" in allowed:
        for name, default in vocabulary.parameters.items():
            shown = "" if default is None else f"default {default}"
            yield Offer(
                f"${name}",
                CompletionKind.PARAMETER,
                3,
                tell=lambda shown=shown: shown,  # type: ignore[misc]
                aliases=(name,),
            )


def _matching(word: Word, offers: Iterable[Offer]) -> Iterator[_Ranked]:
    for offer in offers:
        score = max(_score(word.typed, label) for label in (offer.label, *offer.aliases))
        if score > 0:
            yield _Ranked(offer, word, score)


def _score(typed: str, label: str) -> float:
    """Return how well a label fits what was typed; 0 when it does not.

    Examples
    --------
    >>> [_score("Pay", label) for label in ("Pay", "Payment", "payment", "repay", "pan-Asia day", "x")]
    [1.0, 0.9, 0.8, 0.6, 0.3, 0.0]
    """
    if label.startswith(typed):
        return 1.0 if label == typed else 0.9
    lower, wanted = label.lower(), typed.lower()
    if lower.startswith(wanted):
        return 0.8
    if wanted in lower:
        return 0.6
    rest = iter(lower)
    return 0.3 if all(character in rest for character in wanted) else 0.0


def _alike(word: Word, offers: list[Offer]) -> Iterator[_Ranked]:
    """Yield the offers that are spelled most like what was typed."""
    if len(word.typed) < _FEW_TYPED or word.typed[0].isdigit():
        return
    by_beginning: dict[str, list[Offer]] = {}  # what is typed may be the beginning of a name
    for offer in offers:
        for label in (offer.label, *offer.aliases):
            by_beginning.setdefault(label[: len(word.typed)], []).append(offer)
    for beginning in difflib.get_close_matches(word.typed, by_beginning, n=5, cutoff=0.7):
        for offer in by_beginning[beginning]:
            yield _Ranked(offer, word, _ALIKE)


def _written(offer: Offer, text: str, word: Word) -> str | None:
    """Return what to write for an offer, or None when that has no such form or stands there already."""
    written = offer.text(is_quoted=word.is_quoted)
    if written is None:
        return None
    if written[-1] in "([{" and text.startswith(written[-1], word.end):
        written = written[:-1]
    before = text[word.start - 1] if word.start else " "
    if offer.is_spaced and not before.isspace() and before not in "([{":
        written = f" {written}"
    is_there = written == text[word.start : word.end] and word.is_whole
    return None if is_there or not written else written


def _written_out(text: str, in_order: list[_Ranked], limit: int) -> list[tuple[Offer, Completion]]:
    """Return the completions in order, each text once; of the names of the data no more than the limit."""
    found: list[tuple[Offer, Completion]] = []
    known: set[tuple[str, int]] = set()
    n_data = 0
    for one in in_order:
        offer, word = one.offer, one.word
        if offer.is_data and n_data == limit:
            continue
        written = _written(offer, text, word)
        if written is not None and (written, word.start) not in known:
            known.add((written, word.start))
            n_data += offer.is_data
            found.append((offer, Completion(written, offer.kind, word.start, word.end, offer.detail, one.score)))
    return found


def _cut(found: list[tuple[Offer, Completion]], limit: int) -> list[Completion]:
    """Return the best, where names of the data may not crowd out the grammar, nor the grammar all of them."""
    n_data = sum(offer.is_data for offer, _ in found)
    n_spelled = min(len(found) - n_data, limit - min(n_data, math.ceil(limit / 2)))
    room = {True: limit - n_spelled, False: n_spelled}
    kept = []
    for offer, completion in found:
        if room[offer.is_data] > 0:
            room[offer.is_data] -= 1
            kept.append(completion)
    return kept
