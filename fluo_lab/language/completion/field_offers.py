"""What can be offered where a field or a value stands: attributes, operators that fit their type, frequent values."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from fluo_lab.language.checks import is_duration_field
from fluo_lab.language.completion.offers import CompletionKind, Offer, duration_offers
from fluo_lab.language.completion.place import Place, field_written
from fluo_lab.language.completion.spellings import DETAILS, MARKS
from fluo_lab.language.completion.vocabulary import AttributeUse, SpanName, ValueUse, Vocabulary
from fluo_lab.language.limits import MAX_NAME_CHARACTERS
from fluo_lab.language.literals import print_number, quote
from fluo_lab.language.names import (
    KEYWORDS,
    SPAN_FIELDS,
    SPAN_KINDS,
    SPAN_STATUSES,
    is_bare,
    print_field,
)
from fluo_lab.language.tree import Field, FieldKind, Name, Operation

__all__ = ["comparison_offers", "field_offers", "is_duration_expected", "value_offers"]

_MERGED_NAMES = 20
"""How many names a pattern's attributes are looked up on, most frequent first: counting a name for the first time costs
time, and the rare ones change no ranking."""

_NUMERIC = frozenset({"int", "double"})
_NEEDS_NUMBER = frozenset({"sum", "min", "max", "avg", "rising"})
_TYPE_WORDS = {"int": "number", "double": "number", "string": "text", "bool": "true or false", "kvlist": "map"}
_SPAN_DETAILS = {
    "name": "name of the span",
    "service": "service the span is of",
    "kind": ", ".join(SPAN_KINDS),
    "status": ", ".join(SPAN_STATUSES),
    "status_message": "text beside the status",
    "duration": "start to end",
}


# --- attributes ---------------------------------------------------------------------------------------------------


def _uses(operation: Operation | None, vocabulary: Vocabulary, *, has_values: bool = False) -> tuple[AttributeUse, ...]:
    """Return the attributes on the spans an operation means; those of all spans where it means none that are known.

    ``has_values`` says that values are needed: for all spans they are merged from the most frequent names.
    """
    everywhere = vocabulary.attributes.get(None, ())
    if operation is None or (operation.name.is_any and operation.service is None):
        if not has_values:
            return everywhere
        operation = Operation(Name(("", "")))
    if operation.name.is_exact and (operation.service is None or operation.service.is_exact):
        name = operation.name.parts[0]
        service = None if operation.service is None else operation.service.parts[0]
        found = vocabulary.attributes.get(SpanName(name, service)) or vocabulary.attributes.get(SpanName(name))
        return found or everywhere
    return _merged(operation, vocabulary) or everywhere


def _merged(operation: Operation, vocabulary: Vocabulary) -> tuple[AttributeUse, ...]:
    """Return the attributes of the most frequent names a pattern fits, as those of one."""
    name, service = _pattern(operation.name), _pattern(operation.service)
    fitting = [use for use in vocabulary.operations if name.fullmatch(use.name) and service.fullmatch(use.service)]
    names: dict[SpanName, None] = {}
    for use in sorted(fitting, key=lambda use: -use.n_spans):
        names.setdefault(SpanName(use.name, None if operation.service is None else use.service))
    joined: dict[str, list[AttributeUse]] = {}
    for span_name in list(names)[:_MERGED_NAMES]:
        found = vocabulary.attributes.get(span_name) or vocabulary.attributes.get(SpanName(span_name.name), ())
        for attribute in found:
            joined.setdefault(attribute.name, []).append(attribute)
    return tuple(_joined(key, uses) for key, uses in joined.items())


def _pattern(name: Name | None) -> re.Pattern[str]:
    return re.compile(".*" if name is None else ".*".join(map(re.escape, name.parts)), re.DOTALL)


def _joined(key: str, uses: list[AttributeUse]) -> AttributeUse:
    if len(uses) == 1:
        return uses[0]
    counts: dict[tuple[type, ValueUse | object], int] = {}
    for use in uses:
        for value in use.values:
            identity = (type(value.value), value.value)
            counts[identity] = counts.get(identity, 0) + value.n_carriers
    return AttributeUse(
        key,
        types=tuple(dict.fromkeys(kind for use in uses for kind in use.types)),
        n_carriers=sum(use.n_carriers for use in uses),
        values=tuple(ValueUse(value, n) for (_, value), n in counts.items()),  # type: ignore[arg-type]
    )


def _use_of(field: Field, place: Place, vocabulary: Vocabulary) -> AttributeUse | None:
    """Return what is known of a field at a place; None for the fields of the span itself and for unknown ones."""
    if field.kind is FieldKind.RESOURCE:
        known = vocabulary.resource_attributes
    elif field.kind is not FieldKind.ATTRIBUTE:
        return None
    else:
        known = _known(place, vocabulary, has_values=True)
    return next((use for use in known if use.name == field.name), None)


def _known(place: Place, vocabulary: Vocabulary, *, has_values: bool = False) -> tuple[AttributeUse, ...]:
    """Return the attributes that a field at a place can be."""
    inner = place.inner
    if inner.event is not None:
        return vocabulary.event_attributes.get(inner.event, ())
    if inner.opener in ("RISING", "AGGREGATE"):
        return _uses(inner.operation, vocabulary)
    if inner.opener == "RELATION" and place.before == "as":
        return _uses(inner.operation, vocabulary)
    return _uses(inner.subject, vocabulary, has_values=has_values)


# --- fields -------------------------------------------------------------------------------------------------------


def field_offers(place: Place, allowed: frozenset[str], vocabulary: Vocabulary) -> Iterator[Offer]:
    """Yield the fields that may stand at a place: what its spans carry, then the fields every span has."""
    is_grouping = not place.frames[1:]  # after `per` stand attributes that join spans
    needs_number = place.inner.word in _NEEDS_NUMBER and place.inner.opener in ("RISING", "AGGREGATE")
    for use in _known(place, vocabulary):
        if len(use.name) <= MAX_NAME_CHARACTERS:
            yield _attribute(use, group=5 if needs_number and not _is_numeric(use) else 0)
    if "FIELD_PREFIX" not in allowed:
        return
    if not is_grouping:
        for index, name in enumerate(SPAN_FIELDS):
            if not needs_number or name == "duration":
                yield _field(f"span.{name}", _SPAN_DETAILS[name], 2, -index)
    if not is_grouping and not needs_number:
        yield _field("scope.name", "name of the instrumentation scope", 7)
        yield _field("scope.version", "version of the instrumentation scope", 7)
    for use in vocabulary.resource_attributes:
        if len(use.name) <= MAX_NAME_CHARACTERS:
            yield _resource(use)


def _is_numeric(use: AttributeUse) -> bool:
    return not use.types or bool(_NUMERIC & set(use.types))


def _attribute(use: AttributeUse, *, group: int, is_bare_only: bool = False) -> Offer:
    written = print_field(Field(FieldKind.ATTRIBUTE, use.name))

    def write(is_quoted: bool) -> str | None:
        if is_bare_only:
            return None if is_quoted or written.startswith('"') else written
        return quote(use.name) if is_quoted else written

    return Offer(
        use.name,
        CompletionKind.ATTRIBUTE,
        group,
        use.n_carriers,
        write=write,
        tell=lambda: _told(use),
        is_data=True,
    )


def _resource(use: AttributeUse) -> Offer:
    def write(is_quoted: bool) -> str:
        return f"resource.{quote(use.name)}" if is_quoted else print_field(Field(FieldKind.RESOURCE, use.name))

    label = f"resource.{use.name}"
    return Offer(label, CompletionKind.FIELD, 6, use.n_carriers, write=write, tell=lambda: _told(use), is_data=True)


def _field(text: str, detail: str, group: int, weight: int = 0) -> Offer:
    return Offer(text, CompletionKind.FIELD, group, weight, tell=lambda: detail, aliases=(text.partition(".")[2],))


def _told(use: AttributeUse) -> str:
    """Return `number, 12 values, on 1,180 of 1,204 spans`, as far as it is known."""
    words = list(dict.fromkeys(_TYPE_WORDS.get(kind, kind) for kind in use.types))
    parts = [" or ".join(words)] if words else []
    if use.n_values is not None:
        parts.append(f"{use.n_values:,} value{'s' * (use.n_values != 1)}")
    if use.n_carriers:
        of = f" of {use.n_spans:,}" if use.n_spans else ""
        parts.append(f"on {use.n_carriers:,}{of}")
    return ", ".join(parts)


# --- operators ----------------------------------------------------------------------------------------------------


def comparison_offers(place: Place, allowed: frozenset[str], vocabulary: Vocabulary) -> Iterator[Offer]:
    """Yield the operators that may follow a field; those its type makes no use of come last, or not at all."""
    field = field_written(place.written)
    if field is None or not {"CONTAINS", "MATCHES"} <= allowed:
        return
    is_negated = "CMP" not in allowed
    fits = _fitting(field, place, vocabulary)
    texts = [] if is_negated else [(text, CompletionKind.OPERATOR) for text in MARKS["CMP"]]
    prefixes = [""] if is_negated else ["", "not "]
    texts += [(p + w, CompletionKind.KEYWORD) for p in prefixes for w in ("in [", "contains", "matches")]
    for index, (text, kind) in enumerate(texts):
        group = fits(text.removeprefix("not "))
        if group is not None:
            is_not = text.startswith("not ")
            detail = DETAILS.get(text, "")
            yield Offer(
                text,
                kind,
                group + is_not,
                -index,
                tell=lambda detail=detail: detail,  # type: ignore[misc]
                is_spaced=True,
            )


class _Fit:
    """Whether operators fit a field: 0 yes, 2 hardly, None: a rule with it would be refused."""

    def __init__(self, *, likely: tuple[str, ...], unlikely: tuple[str, ...] = ()) -> None:
        self._likely = likely
        self._unlikely = unlikely

    def __call__(self, operator: str) -> int | None:
        if operator in self._likely:
            return 0
        return 2 if operator in self._unlikely else None


_EQUALITY = ("==", "!=", "in [")
_ORDERING = (">", ">=", "<", "<=")
_TEXTUAL = ("contains", "matches")
_ALL = _EQUALITY + _ORDERING + _TEXTUAL


def _fitting(field: Field, place: Place, vocabulary: Vocabulary) -> _Fit:
    if is_duration_field(field):
        return _Fit(likely=_ORDERING, unlikely=_EQUALITY)
    if field.kind is FieldKind.SPAN:
        return _Fit(likely=_EQUALITY + _TEXTUAL)
    use = _use_of(field, place, vocabulary)
    kinds = set() if use is None else set(use.types)
    if not kinds:
        return _Fit(likely=_ALL)
    likely: set[str] = set()
    for kind in kinds:
        if kind in _NUMERIC:
            likely.update(_EQUALITY, _ORDERING)
        elif kind == "bool":
            likely.update(_EQUALITY[:2])
        elif kind == "array":
            likely.add("contains")
        else:
            likely.update(_EQUALITY, _TEXTUAL)
    return _Fit(likely=tuple(likely), unlikely=_ALL)


# --- values -------------------------------------------------------------------------------------------------------


def is_duration_expected(place: Place) -> bool:
    """Whether nothing but a duration can stand at a place where the grammar has a value."""
    accepts = place.accepts
    if accepts <= {"DURATION", "NUMBER", "PARAM"}:
        return True
    if "ATTR" in accepts:
        field = field_written(place.written)
        return field is not None and is_duration_field(field)
    written = [token for token in place.inner.written if token.type != "WHERE"]
    if len(written) != 2 or written[1].type != "CMP":
        return False
    left, called = written[0], place.inner.called
    if left.type == "AGGREGATE" and called is not None and called.word != "distinct":
        return [str(token) for token in called.written] == ["span.duration"]
    return left.type in ("SCALAR", "NAME") and left.endswith("duration")


def value_offers(place: Place, allowed: frozenset[str], vocabulary: Vocabulary, typed: str) -> Iterator[Offer]:
    """Yield what a field may be compared with."""
    if is_duration_expected(place):
        if "DURATION" in allowed:
            yield from duration_offers(typed)
        return
    field = field_written(place.written)
    if "ATTR" not in allowed or field is None:
        return
    is_ordering = place.before is not None and place.before.type == "CMP" and place.before in _ORDERING
    if not is_ordering and _may_be_bool(field, place, vocabulary):
        yield from (Offer(word, CompletionKind.VALUE, 1) for word in ("true", "false"))
    for value in _values(field, place, vocabulary):
        if not is_ordering or (isinstance(value.value, int | float) and not isinstance(value.value, bool)):
            offer = _value(value)
            if offer is not None:
                yield offer
    if is_ordering:
        for use in _known(place, vocabulary):
            if use.name != field.name and _is_numeric(use):
                yield _attribute(use, group=1, is_bare_only=True)
    if _may_be_unique(place):
        yield Offer("unique", CompletionKind.KEYWORD, 2, tell=lambda: "counts distinct values")


def _may_be_bool(field: Field, place: Place, vocabulary: Vocabulary) -> bool:
    """Whether a field is a bool, or nothing is known of its type."""
    if field.kind is FieldKind.SPAN or (place.before is not None and place.before.type == "CONTAINS"):
        return False
    use = _use_of(field, place, vocabulary)
    return use is None or not use.types or "bool" in use.types


def _may_be_unique(place: Place) -> bool:
    """Whether `unique` may stand here: `count(…).where(field == unique)`, joined by `and` at most."""
    return place.inner.opener == "WHERE" and place.inner.of == "count" and place.before == "=="


def _values(field: Field, place: Place, vocabulary: Vocabulary) -> tuple[ValueUse, ...]:
    if field.kind is FieldKind.SPAN:
        match field.name:
            case "status":
                return tuple(ValueUse(word, -i) for i, word in enumerate(SPAN_STATUSES))
            case "kind":
                return tuple(ValueUse(word, -i) for i, word in enumerate(SPAN_KINDS))
            case "service" | "name":
                counts: dict[str, int] = {}
                for operation in vocabulary.operations:
                    word = getattr(operation, field.name)
                    counts[word] = counts.get(word, 0) + operation.n_spans
                return tuple(ValueUse(word, n) for word, n in counts.items())
        return ()
    use = _use_of(field, place, vocabulary)
    return () if use is None else use.values


def _value(use: ValueUse) -> Offer | None:
    value = use.value
    if isinstance(value, str):
        label, is_text = value, True
    elif isinstance(value, bool):
        label, is_text = ("true" if value else "false"), False
    elif isinstance(value, float) and not math.isfinite(value):
        return None
    else:
        label, is_text = print_number(value), False

    def write(is_quoted: bool) -> str | None:
        if not is_text:
            return None if is_quoted else label
        return label if is_bare(label) and label not in KEYWORDS and not is_quoted else quote(label)

    n = use.n_carriers
    return Offer(
        label, CompletionKind.VALUE, 0, n, write=write, tell=lambda: f"on {n:,}" if n > 0 else "", is_data=n > 0
    )
