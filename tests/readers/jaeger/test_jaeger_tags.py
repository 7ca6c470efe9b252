"""Tags of Jaeger JSON: those that stand for fields, the types of the others, and the fields of logs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from jaeger_records import EMBEDDED, PROCESS, Walk, make_span, make_trace, make_walk, tag


@pytest.fixture(scope="module")
def walk(plain_of: Callable[..., Any]) -> Walk:
    """Walk documents; return plain spans and the problems with their counts."""
    return make_walk(plain_of)


@pytest.mark.parametrize(
    ("tags", "status", "message", "kept"),
    [
        ([tag("error", "bool", True)], 2, None, set()),
        ([tag("error", "bool", "true")], 2, None, set()),
        ([tag("error", "string", "true")], 2, None, {"error"}),
        ([tag("error", "bool", False)], 0, None, {"error"}),
        ([tag("error", "string", "timeout")], 0, None, {"error"}),
        ([tag("otel.status_code", "string", "OK"), tag("otel.status_description", "string", "fine")], 1, "fine", set()),
        ([tag("otel.status_code", "string", "ERROR"), tag("error", "bool", False)], 2, None, {"error"}),
    ],
)
def test_the_status_comes_from_tags(
    tags: list[Any], status: int, message: str | None, kept: set[str], walk: Any
) -> None:
    (span,), problems = walk(make_trace(make_span(tags=tags)))
    assert (span["status"], span["status_message"], set(span["attributes"])) == (status, message, kept)
    assert problems == {}


def test_an_error_beside_another_status_is_an_error_and_named(walk: Any) -> None:
    tags = [tag("otel.status_code", "string", "OK"), tag("error", "bool", True)]
    (span,), problems = walk(make_trace(make_span(tags=tags)))
    assert span["status"] == 2
    assert problems == {"error=true beside otel.status_code=OK; read as an error": 1}


def test_tags_that_stand_for_fields_become_fields(walk: Any) -> None:
    tags = [
        tag("span.kind", "string", "consumer"),
        tag("otel.scope.name", "string", "io.kafka"),
        tag("otel.library.name", "string", "io.kafka"),
        tag("otel.library.version", "string", "1.2"),
        tag("w3c.tracestate", "string", "a=b"),
        tag("otel.dropped_attributes_count", "int64", 3),
        tag("otel.dropped_links_count", "int64", "4"),
        tag("http.method", "string", "GET"),
    ]
    (span,), problems = walk(make_trace(make_span(tags=tags, flags=1)))
    assert problems == {}
    assert set(span["attributes"]) == {"http.method"}
    assert (span["kind"], span["scope"][0], span["trace_state"], span["flags"]) == (5, ("io.kafka", "1.2"), "a=b", 1)
    assert (span["dropped_attributes"], span["dropped_events"], span["dropped_links"]) == (3, 0, 4)


def test_tags_that_only_look_like_fields_stay_attributes(walk: Any) -> None:
    tags = [
        tag("span.kind", "string", "entry"),
        tag("otel.status_code", "int64", 2),
        tag("otel.scope.name", "string", "new"),
        tag("otel.library.name", "string", "old"),
        tag("otel.dropped_events_count", "int64", -1),
    ]
    (span,), problems = walk(make_trace(make_span(tags=tags)))
    assert set(span["attributes"]) == {
        "span.kind",
        "otel.status_code",
        "otel.library.name",
        "otel.dropped_events_count",
    }
    assert problems == {
        "unknown span kind, read as unspecified and kept as an attribute": 1,
        "unknown status code, read as unset and kept as an attribute": 1,
    }


@pytest.mark.parametrize(
    ("value_type", "value", "expected"),
    [
        ("int64", "9223372036854775222", ("INT", "9223372036854775222")),
        ("int64", 200.0, ("INT", "200")),
        ("float64", "72.5", ("DOUBLE", "72.5")),
        ("float64", 1, ("DOUBLE", "1.0")),
        ("float64", "NaN", ("DOUBLE", "nan")),
        ("bool", "false", ("BOOL", "False")),
        ("binary", "AAAwOQ", ("BYTES", "'AAAwOQ=='")),
        ("binary", "00003039", ("BYTES", "'00003039'")),
        ("string", "", ("TEXT", "''")),
        (None, 5, ("INT", "5")),
    ],
)
def test_tags_have_their_types(value_type: str | None, value: object, expected: Any, walk: Any) -> None:
    (span,), problems = walk(
        make_trace(
            make_span(tags=[tag("k", value_type or ..., value)] if value_type else [{"key": "k", "value": value}])
        )
    )
    assert span["attributes"] == {"k": expected}
    assert problems == {}


@pytest.mark.parametrize(
    ("value_type", "value", "expected", "fault"),
    [
        ("int64", "many", ("TEXT", "'many'"), "a string that is no exact whole number"),
        ("int64", 1.5, ("DOUBLE", "1.5"), "a number that is no exact whole number"),
        ("int64", 2**64 - 1, ("TEXT", "'18446744073709551615'"), "a whole number out of range"),
        ("float64", "fast", ("TEXT", "'fast'"), "a double that is a string, not a number"),
        ("bool", "maybe", ("TEXT", "'maybe'"), "a value that is a string"),
        ("string", 5, ("INT", "5"), "a value that is a number"),
        ("string", [1, "a"], ("ARRAY", "'[1,\"a\"]'"), "a value that is an array"),
        ("binary", "no base64!", ("TEXT", "'no base64!'"), "no base64"),
    ],
)
def test_a_value_that_does_not_fit_its_type_is_read_as_it_stands_and_named(
    value_type: str, value: object, expected: Any, fault: str, walk: Any
) -> None:
    (span,), problems = walk(make_trace(make_span(tags=[tag("k", value_type, value)])))
    assert span["attributes"] == {"k": expected}
    assert problems == {f"attribute of type {value_type} with {fault}; read as it stands": 1}


def test_a_value_of_an_unknown_type_is_read_as_it_stands_and_named(walk: Any) -> None:
    (span,), problems = walk(make_trace(make_span(tags=[tag("k", "decimal", "1.0")])))
    assert span["attributes"] == {"k": ("TEXT", "'1.0'")}
    assert problems == {"attribute of unknown type 'decimal'; read as it stands": 1}


def test_a_tag_without_key_or_value_is_named(walk: Any) -> None:
    tags = [
        {"type": "string", "value": "x"},
        tag("k", "string", None),
        "k=v",
        {"key": "two", "vStr": "a", "vBool": True},
    ]
    (span,), problems = walk(make_trace(make_span(tags=tags)))
    assert span["attributes"] == {}
    assert problems == {
        "attribute without a key, not read": 1,
        "attribute without a value, read as missing": 1,
        "tag that is a string, expected an object; skipped": 1,
        "attribute with more than one value at once; read as missing": 1,
    }


def test_binary_values_are_hexadecimal_in_spans_of_the_storages_only(walk: Any) -> None:
    tags = [tag("blob", "binary", "00003039")]
    (stored,), _ = walk({**EMBEDDED, "tags": tags})
    assert stored["attributes"]["blob"] == ("BYTES", "'AAAwOQ=='")
    (of_ui,), _ = walk(make_trace(make_span(tags=tags, process=PROCESS)))
    assert of_ui["attributes"]["blob"] == ("BYTES", "'00003039'")


def test_logs_become_events(walk: Any) -> None:
    fields = [tag("event", "string", "retry"), tag("message", "string", "again"), tag("n", "int64", 2)]
    logs = [
        {"timestamp": 7, "fields": fields},
        {"timestamp": 9, "fields": [tag("event", "int64", "123"), tag("otel.dropped_attributes_count", "int64", 5)]},
        {"timestamp": -1, "fields": []},
    ]
    (span,), problems = walk(make_trace(make_span(logs=logs)))
    named, nameless = span["events"]
    assert named[0] == {"name": "retry", "time_ns": 7000, "dropped_attributes": 0}
    assert named[1] == {"message": ("TEXT", "'again'"), "n": ("INT", "2")}
    assert nameless == ({"name": "", "time_ns": 9000, "dropped_attributes": 5}, {"event": ("INT", "123")})
    (what,) = problems
    assert what.startswith("log time with a whole number out of range")
