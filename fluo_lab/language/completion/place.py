"""What the grammar says about a place in a text: which terminals may follow, and inside which calls it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fluo_lab.language.literals import unescape
from fluo_lab.language.names import field_of_word, name_of_string, name_of_word
from fluo_lab.language.parser import grammar
from fluo_lab.language.scan import Token as Piece
from fluo_lab.language.scan import scan
from fluo_lab.language.tree import Field, FieldKind, Name, Operation

if TYPE_CHECKING:
    from lark import Token

__all__ = ["Frame", "Place", "field_written", "place_at"]

_TAKES_OPERATION = frozenset({"HAS", "EVERY", "RISING", "COUNT", "AGGREGATE", "RELATION"})
_CALLS = _TAKES_OPERATION | {"WHERE", "_MUST", "EXISTS", "EVENT", "ATTR"}
_OPENING = frozenset({"_LPAR", "_LBRACE", "_LBRACKET"})
_CLOSING = frozenset({"_RPAR", "_RBRACE", "_RBRACKET"})
_MOST_ERRORS = 8
_OPENERS = {"(": ")", "{": "}", "[": "]"}


@dataclass(slots=True)
class Frame:
    """An open bracket: what it belongs to, and what stands in it so far.

    Attributes
    ----------
    opener
        Terminal of the call it belongs to (``WHERE``, ``RELATION``), or of the bracket itself; empty for the whole
        text.
    word
        The call as written, without ``trace.``: ``count``, ``after``.
    subject
        The spans that fields in it are looked up on; None where no field can stand.
    outer_event
        Name of the event around it.
    written
        Tokens since the last connective or comma.
    n_commas
        How many commas stand in it.
    options
        Relation options in it so far.
    of
        Function whose spans it filters (``count``), for the parentheses of ``.where`` and ``.must``.
    """

    opener: str = ""
    word: str = ""
    subject: Operation | None = None
    outer_event: str | None = None
    written: list[Token] = field(default_factory=list)
    n_commas: int = 0
    options: list[str] = field(default_factory=list)
    of: str = ""
    called: Frame | None = None  # the last call closed in it that names spans
    names: list[Token] = field(default_factory=list)

    @property
    def operation(self) -> Operation | None:
        """Which spans the call itself names."""
        return _operation(self.names)

    @property
    def event(self) -> str | None:
        """Name of the event that fields in it are looked up on, in place of the subject; empty where unnamed."""
        if self.opener != "EVENT":
            return self.outer_event
        named = _operation(self.names)
        return "" if named is None or not named.name.is_exact else named.name.parts[0]

    def take(self, token: Token) -> None:
        """Note a token that is no bracket."""
        if self.opener in _TAKES_OPERATION | {"EVENT"} and not self.n_commas:
            if token.type in ("GLOB", "STRING", "DOUBLE_COLON"):
                self.names.append(token)
        elif self.opener == "RELATION" and token.type in ("WITHIN", "SAME", "WITHOUT"):
            self.options.append(token.type)
        if token.type in ("_AND", "_OR", "_COMMA") or (token.type == "NOT" and not self.written):
            self.written.clear()
            self.n_commas += token.type == "_COMMA"
        else:
            self.written.append(token)


@dataclass(frozen=True, slots=True)
class Place:
    """What may follow a text, and where in the rule that is.

    Attributes
    ----------
    accepts
        Names of the terminals the parser can go on with; ``$END`` where the rule may end.
    frames
        The whole text and the brackets open in it, outermost first.
    before
        The token before the place; None at the beginning.
    clauses
        Keywords of the clauses that were opened.
    """

    accepts: frozenset[str]
    frames: tuple[Frame, ...]
    before: Token | None
    clauses: frozenset[str]

    @property
    def inner(self) -> Frame:
        """The innermost open bracket."""
        return self.frames[-1]

    @property
    def is_in_clause(self) -> bool:
        """Whether the place is between the braces of a clause."""
        return any(frame.opener == "_LBRACE" for frame in self.frames)

    @property
    def written(self) -> list[Token]:
        """The tokens of the operand the place is in; for a list, those before its bracket."""
        return self.frames[-2].written if self.inner.opener == "_LBRACKET" else self.inner.written

    @property
    def asker(self) -> Frame:
        """The frame whose subject or event the fields at the place belong to."""
        return next((f for f in reversed(self.frames) if f.event is not None or f.subject is not None), self.frames[0])


def field_written(tokens: Sequence[Token]) -> Field | None:
    """Return the field an operand begins with, or None when it begins with something else."""
    if not tokens:
        return None
    first, *rest = tokens
    if first.type == "FIELD_PREFIX" and rest:
        return Field(kind=FieldKind(first[:-1]), name=unescape(rest[0][1:-1]))
    if first.type == "STRING":
        return Field(kind=FieldKind.ATTRIBUTE, name=unescape(first[1:-1]))
    return field_of_word(str(first)) if first.type == "NAME" else None


def place_at(text: str) -> Place | None:
    """Return what may follow a text, or None when that cannot be said.

    An operand with an error in it is passed over when a connective or a clause stands between it and the end: what is
    typed now does not depend on it. An error in the operand at the end gives None.
    """
    for _ in range(_MOST_ERRORS):
        place, error = _parsed(text)
        if place is not None:
            return place
        mended = _without_operand(text, error)
        if mended is None:
            return None
        text = mended
    return None


def _parsed(text: str) -> tuple[Place | None, int]:
    """Return the place at the end of a text, or None and where the text stops making sense."""
    from lark.exceptions import UnexpectedInput

    parser = grammar().parse_interactive(text, start="rule")
    tokens: list[Token] = []
    try:
        tokens.extend(parser.iter_parse())
    except UnexpectedInput as error:
        return None, error.pos_in_stream or 0
    clauses = frozenset(str(token) for token in tokens if token.type in ("WHEN", "ALWAYS", "NEVER"))
    before = tokens[-1] if tokens else None
    accepts: set[str] = parser.accepts()  # type: ignore[no-untyped-call]
    return Place(frozenset(accepts), tuple(_frames(tokens)), before, clauses), 0


def _frames(tokens: Sequence[Token]) -> list[Frame]:
    frames = [Frame()]
    for index, token in enumerate(tokens):
        if token.type in _OPENING:
            frames.append(_opened(frames[-1], token, tokens[index - 1] if index else None))
        elif token.type in _CLOSING:
            done = frames.pop()
            if done.opener in _TAKES_OPERATION:
                frames[-1].called = done
        else:
            frames[-1].take(token)
    return frames


def _opened(outer: Frame, bracket: Token, before: Token | None) -> Frame:
    """Return the frame of a bracket that was just opened."""
    opener = before.type if before is not None and before.type in _CALLS else bracket.type
    frame = Frame(opener=opener, subject=outer.subject, outer_event=outer.event)
    if before is not None and opener in _CALLS:
        frame.word = before.rpartition(".")[2].strip()
    if opener in ("WHERE", "_MUST"):
        frame.subject, frame.of = _filtered(outer)
    elif opener in _TAKES_OPERATION - {"RELATION"}:
        frame.subject = None
    return frame


def _filtered(outer: Frame) -> tuple[Operation | None, str]:
    """Return the spans a `.where` or `.must` speaks of, and the function they were given to."""
    if outer.opener == "RELATION":
        return outer.operation, outer.word
    written = [token for token in outer.written if token.type not in ("WHERE", "_MUST")]
    names: list[Token] = []
    while written and written[-1].type in ("NAME", "STRING", "DOUBLE_COLON"):
        names.insert(0, written.pop())
    if names:
        return _operation(names), "has"
    return (None, "") if outer.called is None else (outer.called.operation, outer.called.word)


def _operation(tokens: Sequence[Token]) -> Operation | None:
    """Return the operation some tokens name; after a bare ``service::`` any span of it."""
    names = [_name(token) for token in tokens if token.type != "DOUBLE_COLON"]
    if not names:
        return None
    if len(names) == 1 and len(tokens) == 2:
        return Operation(name=Name(("", "")), service=names[0])
    return Operation(name=names[-1], service=names[0] if len(names) == 2 else None)


def _name(token: Token) -> Name:
    return name_of_string(token[1:-1]) if token.type == "STRING" else name_of_word(str(token))


# --- errors before the place --------------------------------------------------------------------------------------


def _without_operand(text: str, error: int) -> str | None:
    """Return the text with the operand around an error blanked out, or None when that operand is the last one."""
    pieces = scan(text)
    at = next((i for i, piece in enumerate(pieces) if piece.end > error), None)
    if at is None:
        return None
    depths = _depths(pieces)
    depth = depths[at]
    while depth >= 0:
        end, is_closed = _next_operand(pieces, depths, at, depth)
        if end is not None:
            start = _operand_start(pieces, depths, at, depth)
            stop = pieces[end].end
            return text[:start] + " " * (stop - start) + text[stop:]
        if not is_closed:
            return None
        depth -= 1
    return None


def _depths(pieces: Sequence[Piece]) -> list[int]:
    """Return how many brackets are open around each piece; a bracket itself counts as outside."""
    depths, depth = [], 0
    for piece in pieces:
        depth -= piece.text in _OPENERS.values() and depth > 0
        depths.append(depth)
        depth += piece.text in _OPENERS
    return depths


def _ends_operand(piece: Piece, depth: int) -> bool:
    return piece.text in ("and", "or", "&&", "||") or (depth == 0 and piece.text == "}")


def _next_operand(pieces: Sequence[Piece], depths: Sequence[int], at: int, depth: int) -> tuple[int | None, bool]:
    """Return the piece that ends the operand, and whether the bracket around it closes before one does."""
    for index in range(at, len(pieces)):
        if depths[index] < depth:
            return None, True
        if depths[index] == depth and _ends_operand(pieces[index], depth):
            return index, False
    return None, False


def _operand_start(pieces: Sequence[Piece], depths: Sequence[int], at: int, depth: int) -> int:
    for index in range(at - 1, -1, -1):
        is_outside = depths[index] < depth
        if is_outside or (depths[index] == depth and _ends_operand(pieces[index], depth)):
            return pieces[index].end
    return 0
