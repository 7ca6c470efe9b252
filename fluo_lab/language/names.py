"""Names: the fields of a span, patterns of span names, and when a name needs quotes."""

from __future__ import annotations

import re
from enum import StrEnum

from fluo_lab.language.literals import quote, unescape
from fluo_lab.language.tree import NOWHERE, Field, FieldKind, Name, Operation, Position

__all__ = [
    "KEYWORDS",
    "RELATIONS",
    "SPAN_FIELDS",
    "SPAN_KINDS",
    "SPAN_STATUSES",
    "SpanField",
    "field_of_word",
    "is_bare",
    "name_of_string",
    "name_of_word",
    "print_field",
    "print_name",
    "print_operation",
]


class SpanField(StrEnum):
    """The fields every span has, whatever its attributes."""

    NAME = "name"
    SERVICE = "service"
    KIND = "kind"
    STATUS = "status"
    STATUS_MESSAGE = "status_message"
    DURATION = "duration"


SPAN_FIELDS: tuple[str, ...] = tuple(field.value for field in SpanField)
"""What may follow ``span.``."""

SPAN_STATUSES: tuple[str, ...] = ("unset", "ok", "error")
"""The values of ``span.status``."""

SPAN_KINDS: tuple[str, ...] = ("internal", "server", "client", "producer", "consumer")
"""The values of ``span.kind``."""

RELATIONS: tuple[str, ...] = (
    "after",
    "before",
    "starts_after",
    "starts_before",
    "overlaps",
    "under",
    "over",
    "child_of",
    "parent_of",
    "sibling_of",
    "beside",
)
"""The relations between two spans of a trace."""

KEYWORDS: frozenset[str] = frozenset(
    {"and", "or", "not", "in", "contains", "matches", "true", "false", "unique"}
    | {"when", "always", "never", "per", "within", "same", "as", "without"}
)
"""Words a field must be quoted to be called."""

_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_BARE_GLOB = re.compile(r"[A-Za-z_*][A-Za-z0-9_.*-]*")
_GLOB_PIECE = re.compile(r"(\*)|\\(\*)|(\\.|[^\\*]+|\\)", re.DOTALL)


def is_bare(name: str) -> bool:
    """Whether a name needs no quotes.

    Examples
    --------
    >>> is_bare("payment.charge-v2"), is_bare("GET /users"), is_bare("2fa")
    (True, False, False)
    """
    return _BARE.fullmatch(name) is not None


def name_of_word(word: str, *, at: Position = NOWHERE) -> Name:
    """Return the name pattern of an unquoted name."""
    return Name(parts=_collapsed(word.split("*")), at=at)


def name_of_string(body: str, *, at: Position = NOWHERE) -> Name:
    r"""Return the name pattern of what stands between two quotes.

    Examples
    --------
    >>> name_of_string("GET /api/*").parts
    ('GET /api/', '')
    >>> name_of_string(r"5 \* 3").parts
    ('5 * 3',)
    """
    parts = [""]
    for star, literal_star, other in _GLOB_PIECE.findall(body):
        if star:
            parts.append("")
        else:
            # An escaped star waits as its code point, so that both spellings of it are one text.
            parts[-1] += r"\u002a" if literal_star else other
    return Name(parts=_collapsed([unescape(part) for part in parts]), at=at)


def _collapsed(parts: list[str]) -> tuple[str, ...]:
    """Return the parts with every run of stars as one star."""
    return (parts[0], *(part for part in parts[1:-1] if part), parts[-1]) if len(parts) > 1 else tuple(parts)


def field_of_word(word: str, *, at: Position = NOWHERE) -> Field:
    """Return the field an unquoted name means.

    Examples
    --------
    >>> field_of_word("resource.k8s.pod.name").name
    'k8s.pod.name'
    """
    kind, dot, name = word.partition(".")
    if dot and kind in ("resource", "scope", "span"):
        return Field(kind=FieldKind(kind), name=name, at=at)
    return Field(kind=FieldKind.ATTRIBUTE, name=word, at=at)


def print_name(name: Name) -> str:
    """Return a span name, quoted where it must be."""
    literal = "*".join(name.parts)
    if not any("*" in part for part in name.parts) and _BARE_GLOB.fullmatch(literal):
        return literal
    return '"' + "*".join(quote(part, star="\\*")[1:-1] for part in name.parts) + '"'


def print_operation(operation: Operation) -> str:
    """Return which spans are meant, as text.

    Examples
    --------
    >>> print_operation(Operation(Name(("PlaceOrder",)), service=Name(("checkout service",))))
    '"checkout service"::PlaceOrder'
    """
    name = print_name(operation.name)
    return name if operation.service is None else f"{print_name(operation.service)}::{name}"


def print_field(field: Field) -> str:
    """Return a field as text, quoted where it must be.

    Examples
    --------
    >>> print_field(Field(FieldKind.ATTRIBUTE, "span.status")), print_field(Field(FieldKind.SPAN, "status"))
    ('"span.status"', 'span.status')
    """
    if field.kind is FieldKind.ATTRIBUTE:
        plain = is_bare(field.name) and field.name not in KEYWORDS and field_of_word(field.name) == field
        return field.name if plain else quote(field.name)
    word = f"{field.kind}.{field.name}"
    return word if field.name and is_bare(word) else f"{field.kind}.{quote(field.name)}"
